#include "runner/base/buffer.h"
#include "runner/base/table.h"
#include "runner/cli/commands.h"
#include "runner/cli/quarantine_names.h"

struct validation {
    struct cli *cli;
    struct diagnostics problems;
    struct table paths_by_name; /* of the pipelines so far → their files */
    struct quarantine_names quarantines;
    size_t count;
};

/* Two files of one name would share lease, cursors and history. */
static void check_name(struct validation *validation, const struct pipeline *pipeline)
{
    const char *other = table_get(&validation->paths_by_name, pipeline->name);

    if (other)
        diagnostics_error(&validation->problems, pipeline->path,
            pipeline_mark(pipeline, &pipeline->name),
            "name: \"%s\" is the name of %s, too; give one of them another name", pipeline->name,
            other);
    else
        table_put(&validation->paths_by_name, pipeline->name,
            arena_strdup(&validation->cli->arena, pipeline->path));
}

static void validate_file(struct validation *validation, const char *path)
{
    const struct pipeline_scope scope = {.environment = validation->cli->project->environment};
    struct pipeline *pipeline = pipeline_load(path, &scope, &validation->problems);
    struct graph *graph;

    validation->count++;
    if (!pipeline)
        return;
    check_name(validation, pipeline);
    graph = graph_new(pipeline, cli_load_sql, NULL, &validation->problems);
    if (graph)
        quarantine_names_add(&validation->quarantines, graph);
    graph_free(graph);
    pipeline_free(pipeline);
}

static int validate_all(struct validation *validation, const char *const *names, size_t count)
{
    struct project *project = validation->cli->project;
    struct text_list paths = {0};
    struct error err;
    const char *path;

    for (size_t i = 0; i < count; i++) {
        if (project_find_pipeline(project, names[i], &path, &err))
            return cli_fail(validation->cli, &err);
        validate_file(validation, path);
    }
    if (count == 0 && project_pipeline_paths(project, &paths, &err))
        return cli_fail(validation->cli, &err);
    for (size_t i = 0; i < paths.count; i++)
        validate_file(validation, paths.items[i]);
    return EXIT_OK;
}

/* --- the report --- */

static void print_json(const struct validation *validation)
{
    const struct diagnostics *problems = &validation->problems;
    json_t *value = json_object(), *list = json_array();

    json_put_int(value, "pipelines", (int64_t)validation->count);
    json_put_int(value, "errors", (int64_t)problems->error_count);
    json_put_int(value, "warnings", (int64_t)(problems->count - problems->error_count));
    for (size_t i = 0; i < problems->count; i++) {
        const struct diagnostic *item = &problems->items[i];
        json_t *problem = json_object();

        json_put_text(problem, "path", item->path);
        json_put_int(problem, "line", item->mark.line);
        json_put_int(problem, "column", item->mark.column);
        json_put_text(problem, "severity", item->warning ? "warning" : "error");
        json_put_text(problem, "message", item->message);
        json_array_append_new(list, problem);
    }
    json_object_set_new(value, "problems", list);
    cli_print_json(value);
}

static int report(struct validation *validation)
{
    struct diagnostics *problems = &validation->problems;
    const size_t warnings = problems->count - problems->error_count;
    int code;

    if (validation->cli->globals.json) {
        diagnostics_sort(problems);
        print_json(validation);
        return problems->error_count > 0 ? EXIT_USAGE : EXIT_OK;
    }
    code = cli_problems(validation->cli, problems);
    printf("%zu pipeline%s, %zu error%s", validation->count, validation->count == 1 ? "" : "s",
        problems->error_count, problems->error_count == 1 ? "" : "s");
    if (warnings > 0)
        printf(", %zu warning%s", warnings, warnings == 1 ? "" : "s");
    printf("\n");
    return code;
}

static int run(struct cli *cli, const void *options, const char *const *args, size_t arg_count)
{
    struct validation validation = {.cli = cli};
    int code = cli_open_project(cli);

    (void)options;
    if (code)
        return code;
    diagnostics_init(&validation.problems);
    table_init(&validation.paths_by_name);
    quarantine_names_init(&validation.quarantines, cli, &validation.problems);
    project_check_environments(cli->project, &validation.problems);
    code = validate_all(&validation, args, arg_count);
    if (code == EXIT_OK)
        code = report(&validation);
    table_deinit(&validation.paths_by_name);
    quarantine_names_deinit(&validation.quarantines);
    diagnostics_deinit(&validation.problems);
    return code;
}

const struct command command_validate = {
    .name = "validate",
    .arguments = "[PIPELINE…]",
    .help = "Check pipelines: every file, every error",
    .details =
        "Without arguments all files in the project's folder of pipelines. Errors name "
        "file, line and column, those in SQL and of environments that would mix their tables' "
        "files in sluice.yaml included; nothing is read or opened but the "
        "pipelines and their SQL files. Exit 2 where there was an error.\n\n"
        "Keys of --json: pipelines, errors, warnings, problems (path, line, column, "
        "severity, message).",
    .args_max = 1 << 20,
    .argument = ARGUMENT_PIPELINE,
    .next_argument = ARGUMENT_PIPELINE,
    .run = run,
    .examples = "sluice validate\n"
                "sluice validate birdstrikes pipelines/flights.yaml --json",
};
