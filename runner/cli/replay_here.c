#include "runner/cli/replay_here.h"

#include "config/interpolate.h"
#include "config/path.h"
#include "connectors/recorded/recording.h"
#include "connectors/recorded/replay.h"
#include "runner/base/mem.h"
#include "runner/base/text.h"
#include "runner/cli/replay_compare.h"
#include "runner/cli/run_here.h"
#include "runner/io/file.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_BYTES_MAX = 64 * 1024 * 1024 };

struct replay_here {
    struct cli *outer, cli; /* whose project this is; of the replay's project */
    const struct run_flags *flags;
    struct replay *replay;
    const json_t *head;
    char *folder;
    struct engine_front front;
    struct option_pairs variables;
    struct run_flags run;
};

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_get_text(object, key);

    return text ? text : "";
}

/* --- a project of its own --- */

static int make_folder(struct replay_here *here, struct error *err)
{
    const char *parent = getenv("TMPDIR"), *keep = here->flags->keep;
    char *template;

    if (keep) {
        if (mkdir(keep, 0700))
            return error_set_errno(err, errno, "--keep: cannot create %s", keep);
        here->folder = realpath(keep, NULL);
        return here->folder ? 0 : error_set_errno(err, errno, "--keep: %s", keep);
    }
    template = mem_printf("%s/sluice-replay-XXXXXX", parent && *parent ? parent : "/tmp");
    if (!mkdtemp(template)) {
        error_set_errno(err, errno, "a folder for the replay cannot be made: %s", template);
        free(template);
        return -1;
    }
    here->folder = template;
    return 0;
}

static int body_of(const json_t *file, struct body *ret_body, struct error *err)
{
    const char *sha256 = json_get_text(file, "sha256");

    if (!sha256 || strlen(sha256) != SHA256_TEXT_SIZE - 1 || strchr(sha256, '/'))
        return error_set(err, ERROR_DATA, "the recording does not say which body a file has");
    memcpy(ret_body->sha256, sha256, SHA256_TEXT_SIZE);
    ret_body->bytes = (uint64_t)json_get_int(file, "bytes", 0);
    return 0;
}

/* A file of the recording that the replay changes: it has to be another one. */
static int copy_out(
    struct replay_here *here, const json_t *file, const char *path, struct error *err)
{
    char *name = mem_printf("%s.recorded", path), *folder = file_folder(path);
    struct body body;
    int rc = -1;

    if (file_make_folders(folder, err) == 0 && body_of(file, &body, err) == 0 &&
        replay_body(here->replay, &body, name, err) == 0)
        rc = file_copy(name, path, true, NULL, NULL, err);
    if (rc == 0 && chmod(path, 0600))
        rc = error_set_errno(err, errno, "cannot change %s", path);
    file_remove(name, NULL);
    free(folder);
    free(name);
    return rc;
}

/* JSON is YAML. */
static int write_project(struct replay_here *here, struct error *err)
{
    json_t *project = json_object(), *environments = json_object(), *environment = json_object();
    json_t *logs = json_object();
    char *line, *path = file_join(here->folder, "sluice.yaml");
    int rc;

    json_put_text(environment, "store", "file:store");
    json_put_text(environment, "catalog", "sqlite:catalog.db");
    json_put_text(environment, "state", "sqlite:state.db");
    json_put_text(logs, "dir", "logs");
    json_object_set_new(environment, "logs", logs);
    if (json_object_size(json_object_get(here->head, "vars")) > 0)
        json_object_set(environment, "vars", json_object_get(here->head, "vars"));
    json_object_set_new(environments, text_of(here->head, "environment"), environment);
    json_put_text(project, "project", "replay");
    json_object_set_new(project, "environments", environments);
    line = json_line(project);
    rc = file_write(path, line, strlen(line), err);
    here->cli.globals.config = arena_strdup(&here->cli.arena, path);
    free(line);
    free(path);
    json_decref(project);
    return rc;
}

/* The catalog as the pipeline saw it, and its files of SQL. The pipeline's own is the first. */
static int place_files(struct replay_here *here, struct error *err)
{
    const json_t *files = json_object_get(here->head, "files");
    const json_t *catalog = json_object_get(here->head, "catalog");
    int rc = 0;

    for (size_t i = 1; i < json_array_size(files) && rc == 0; i++) {
        const json_t *file = json_array_get(files, i);
        char *path = file_join(here->folder, text_of(file, "path"));

        rc = copy_out(here, file, path, err);
        free(path);
    }
    if (rc == 0 && catalog) {
        char *path = file_join(here->folder, "catalog.db");

        rc = copy_out(here, catalog, path, err);
        free(path);
    }
    return rc;
}

static struct store *wrap(
    void *data, const char *place, struct store *store, struct work_lane *lane)
{
    const struct replay_here *here = data;

    return replay_wrap(here->replay, place, text_of(here->head, "root"), store, lane);
}

/* Keys of the project's files are seen from where it was recorded. */
static int open_project(struct replay_here *here, struct error *err)
{
    struct cli *cli = &here->cli;

    arena_init(&cli->arena);
    cli->globals = here->outer->globals;
    cli->color = here->outer->color;
    cli->err_color = here->outer->err_color;
    cli->err_tty = here->outer->err_tty;
    cli->globals.json = false;
    cli->globals.env = text_of(here->head, "environment");
    if (make_folder(here, err) || write_project(here, err) || place_files(here, err))
        return -1;
    if (cli_open_project(cli) != EXIT_OK)
        return error_set(err, ERROR_INTERNAL, "the project of the replay cannot be opened");
    cli->project->root = arena_strdup(&cli->project->arena, text_of(here->head, "root"));
    here->front = (struct engine_front){.data = here, .wrap = wrap, .folder = here->folder};
    cli->front = &here->front;
    return 0;
}

/* --- the pipeline --- */

/* Values that are secret are those of this process, if it has them. */
static void take_variables(struct replay_here *here)
{
    json_t *known = json_object_get(here->head, "variables");
    json_t *secret = json_object_get(here->head, "secret");
    struct option_pair *pairs = arena_array(
        &here->cli.arena, json_object_size(known) + json_object_size(secret), sizeof(*pairs));
    const char *name;
    json_t *value;
    size_t count = 0;

    json_object_foreach(known, name, value)
    {
        pairs[count++] = (struct option_pair){.name = name, .value = json_string_value(value)};
    }
    json_object_foreach(secret, name, value)
    {
        if (!getenv(name))
            pairs[count++] = (struct option_pair){.name = name, .value = "redacted"};
    }
    here->variables = (struct option_pairs){.items = pairs, .count = count};
}

static void take_flags(struct replay_here *here)
{
    json_t *params = json_object_get(here->head, "params");
    const json_t *tasks = json_object_get(here->head, "tasks");
    struct arena *arena = &here->cli.arena;
    struct option_pair *pairs = arena_array(arena, json_object_size(params), sizeof(*pairs));
    const char **names = arena_array(arena, json_array_size(tasks), sizeof(*names));
    const char *name;
    json_t *value;
    size_t count = 0;

    json_object_foreach(params, name, value)
    {
        pairs[count++] = (struct option_pair){.name = name, .value = json_string_value(value)};
    }
    for (size_t i = 0; i < json_array_size(tasks); i++)
        names[i] = json_string_value(json_array_get(tasks, i));
    here->run = (struct run_flags){.params = {.items = pairs, .count = count},
        .tasks = {.items = names, .count = json_array_size(tasks)},
        .due_ms = json_get_int(here->head, "due_ms", 0),
        .run_id = text_of(here->head, "run_id"),
        .instance = text_of(here->head, "instance")};
}

static void wait_for_nothing(struct retry_options *retry)
{
    retry->backoff = retry->max_backoff = (struct duration){.ms = 0};
}

/* Nobody is told, and nobody is waited for. */
static void tame(struct pipeline *pipeline)
{
    struct extract *extracts = pipeline->extracts.items;
    struct transform *transforms = pipeline->transforms.items;
    struct load *loads = pipeline->loads.items;

    pipeline->on_commit.count = pipeline->on_failure.count = pipeline->finally.count = 0;
    for (size_t i = 0; i < pipeline->extracts.count; i++)
        wait_for_nothing(&extracts[i].retry);
    for (size_t i = 0; i < pipeline->transforms.count; i++)
        wait_for_nothing(&transforms[i].retry);
    for (size_t i = 0; i < pipeline->loads.count; i++)
        wait_for_nothing(&loads[i].retry);
}

/* The pipeline as it was recorded. */
static struct pipeline *parse_recorded(
    struct replay_here *here, const struct pipeline_scope *scope, struct diagnostics *problems)
{
    const json_t *file = json_array_get(json_object_get(here->head, "files"), 0);
    char *path = file_join(here->folder, "pipeline.yaml");
    struct pipeline *pipeline = NULL;
    struct error err;
    size_t length;
    char *text;

    if (copy_out(here, file, path, &err) ||
        path_read_file(path, FILE_BYTES_MAX, &text, &length, &err)) {
        diagnostics_error(
            problems, here->flags->replay, (struct option_mark){0}, "%s", err.message);
    } else {
        pipeline = pipeline_parse(text_of(file, "path"), text, length, scope, problems);
        free(text);
    }
    free(path);
    return pipeline;
}

/* The one of this project as it is now, with what else was recorded. */
static struct pipeline *load_present(struct replay_here *here, const char *name,
    const struct pipeline_scope *scope, struct diagnostics *problems)
{
    struct environment environment = *here->cli.project->environment;
    struct pipeline_scope present = *scope;
    struct error err;
    const char *path;

    if (cli_open_project(here->outer) != EXIT_OK)
        return NULL;
    if (project_find_pipeline(here->outer->project, name, &path, &err)) {
        diagnostics_error(problems, name, (struct option_mark){0}, "%s", err.message);
        return NULL;
    }
    environment.root = here->outer->project->root;
    present.environment = &environment;
    return pipeline_load(path, &present, problems);
}

static int load(struct replay_here *here, const char *name, struct pipeline **ret_pipeline,
    struct graph **ret_graph)
{
    const struct interpolate_environment variables = {.given = &here->variables};
    struct diagnostics problems;
    struct pipeline_scope scope;
    struct pipeline *pipeline;
    struct graph *graph = NULL;
    struct error err;
    int code;

    take_variables(here);
    take_flags(here);
    here->run.variables = &variables;
    if (run_flags_complete(&here->run, &here->cli.arena, &scope, &err))
        return cli_fail(here->outer, &err);
    scope.environment = here->cli.project->environment;
    diagnostics_init(&problems);
    pipeline = name ? load_present(here, name, &scope, &problems)
                    : parse_recorded(here, &scope, &problems);
    if (pipeline)
        graph = graph_new(pipeline, cli_load_sql, NULL, &problems);
    here->run.variables = NULL;
    code = cli_problems(here->outer, &problems);
    diagnostics_deinit(&problems);
    if (graph && graph_check_supported(graph, &err) == 0) {
        tame(pipeline);
        *ret_pipeline = pipeline;
        *ret_graph = graph;
        return EXIT_OK;
    }
    if (graph)
        code = cli_fail(here->outer, &err);
    graph_free(graph);
    pipeline_free(pipeline);
    return code ? code : EXIT_USAGE;
}

/* --- the end --- */

static void print_json(
    const struct replay_here *here, const json_t *outcome, json_t *differences, bool compared)
{
    json_t *result = json_object();

    json_put_text(result, "recording", here->flags->replay);
    json_put_text(result, "run_id", here->run.run_id);
    json_put_text(result, "pipeline", text_of(here->head, "pipeline"));
    json_put_text(result, "outcome", json_get_text(outcome, "outcome"));
    json_put_text(result, "error", json_get_text(outcome, "error"));
    json_object_set_new(
        result, "same", compared ? json_boolean(json_array_size(differences) == 0) : json_null());
    json_object_set(result, "differences", differences);
    json_object_set(result, "record", json_object_get(outcome, "record"));
    cli_print_json(result);
}

/* The exit code. */
static int report(
    struct replay_here *here, const json_t *outcome, json_t *differences, bool compared, int code)
{
    const size_t count = json_array_size(differences);

    if (here->outer->globals.json)
        print_json(here, outcome, differences, compared);
    for (size_t i = 0; i < count && !here->outer->globals.json; i++)
        printf("%s\n", json_string_value(json_array_get(differences, i)));
    if (!compared)
        fprintf(stderr,
            "sluice: %s has no end: the run was stopped while it was recorded, and there is "
            "nothing to compare with\n",
            here->flags->replay);
    else if (count > 0)
        fprintf(stderr, "sluice: the replay of %s differs from what was recorded in %zu point%s\n",
            here->flags->replay, count, count == 1 ? "" : "s");
    else if (!here->outer->globals.json)
        printf("the replay of %s is the same as the run that was recorded\n",
            text_of(here->head, "run_id"));
    return count > 0 ? EXIT_FAILED : code;
}

static int run(struct replay_here *here, const char *pipeline_name)
{
    const json_t *end = replay_end(here->replay);
    struct run_outcome outcome;
    struct pipeline *pipeline = NULL;
    struct graph *graph = NULL;
    json_t *differences;
    int code = load(here, pipeline_name, &pipeline, &graph);

    if (code)
        return code;
    code = cli_open_engine(&here->cli, false);
    if (code == EXIT_OK) {
        code = run_here_graph(&here->cli, &here->run, graph, NULL, &outcome);
        if (outcome.err.class == ERROR_CANCELLED) {
            json_decref(outcome.end);
        } else {
            differences = end ? replay_compare(json_object_get(end, "end"), outcome.end,
                                    here->folder, text_of(here->head, "root"))
                              : json_array();
            code = report(here, outcome.end, differences, end != NULL, code);
            json_decref(differences);
            json_decref(outcome.end);
        }
    }
    graph_free(graph);
    pipeline_free(pipeline);
    return code;
}

int replay_here(struct cli *cli, const struct run_flags *flags, const char *pipeline_name)
{
    struct replay_here here = {.outer = cli, .flags = flags};
    struct error err;
    int code;

    here.replay = replay_open(flags->replay, &err);
    if (!here.replay) {
        error_prefix(&err, "--replay");
        return cli_fail(cli, &err);
    }
    here.head = replay_head(here.replay);
    code = open_project(&here, &err) ? cli_fail(cli, &err) : run(&here, pipeline_name);
    code = cli_close(&here.cli, code);
    if (here.folder && !flags->keep)
        file_remove_tree(here.folder, NULL);
    free(here.folder);
    replay_close(here.replay);
    return code;
}
