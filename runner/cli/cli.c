#include "runner/cli/cli.h"

#include "runner/base/buffer.h"
#include "runner/base/mem.h"
#include "runner/cli/registry.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- ends --- */

int cli_exit_code(const struct error *err)
{
    switch (err->code) {
    case ERROR_NONE:
        return EXIT_OK;
    case ERROR_INVALID:
    case ERROR_NOT_SUPPORTED:
        return EXIT_USAGE;
    case ERROR_CHECK:
        return EXIT_CHECK;
    case ERROR_BUSY:
        return EXIT_BUSY;
    default:
        return EXIT_FAILED;
    }
}

static void print_line(const struct cli *cli, const char *message)
{
    struct buffer line;

    buffer_init(&line, 0);
    text_append_printable(&line, message);
    fprintf(stderr, "%ssluice:%s %s\n", cli->err_color ? "\033[31m" : "",
        cli->err_color ? "\033[0m" : "", line.data);
    buffer_deinit(&line);
}

int cli_fail(struct cli *cli, const struct error *err)
{
    print_line(cli, err->message);
    if (err->code == ERROR_STOPPED && cli->loop.signal_number)
        return 128 + cli->loop.signal_number;
    return cli_exit_code(err);
}

int cli_usage_error(struct cli *cli, const struct command *command, const char *format, ...)
{
    struct error err;
    va_list args;

    va_start(args, format);
    error_setv(&err, ERROR_INVALID, format, args);
    va_end(args);
    if (command) {
        struct buffer path;

        buffer_init(&path, 0);
        cli_command_path(command, &path);
        error_set(
            &err, ERROR_INVALID, "%s: %s; see sluice help %s", path.data, err.message, path.data);
        buffer_deinit(&path);
    }
    return cli_fail(cli, &err);
}

int cli_problems(struct cli *cli, struct diagnostics *problems)
{
    struct buffer line;

    diagnostics_sort(problems);
    for (size_t i = 0; i < problems->count; i++) {
        buffer_init(&line, 0);
        diagnostics_format(&problems->items[i], &line);
        print_line(cli, line.data);
        buffer_deinit(&line);
    }
    if (problems->dropped > 0)
        fprintf(stderr, "sluice: … and %zu more\n", problems->dropped);
    return problems->error_count > 0 ? EXIT_USAGE : EXIT_OK;
}

/* --- the context --- */

int cli_open_project(struct cli *cli)
{
    struct diagnostics problems;
    int code;

    if (cli->project)
        return EXIT_OK;
    diagnostics_init(&problems);
    cli->project = project_load(cli->globals.config, cli->globals.env, &problems);
    code = cli_problems(cli, &problems);
    diagnostics_deinit(&problems);
    return cli->project ? EXIT_OK : code ? code : EXIT_USAGE;
}

int cli_check_log_filter(const struct cli *cli, struct error *err)
{
    const struct log_options options = {
        .format = LOG_FORMAT_NONE, .fd = -1, .filter = cli->globals.log_filter};
    struct log *log = log_new(&options, err);

    log_free(log);
    return log ? 0 : error_prefix(err, "--log");
}

static int open_log(struct cli *cli, bool read_only, struct error *err)
{
    const struct environment *environment = cli->project->environment;
    const char *filter = cli->globals.log_filter;
    struct log_options options = {.fd = 2,
        .keep_ms = duration_ms(&environment->logs.keep),
        .dir = read_only ? NULL : environment->logs.dir,
        .color = cli->err_color};

    if (cli->globals.quiet)
        options.format = LOG_FORMAT_NONE;
    else if (cli->globals.log_format == CLI_LOG_AUTO)
        options.format = cli->err_tty ? LOG_FORMAT_TEXT : LOG_FORMAT_JSON;
    else
        options.format =
            cli->globals.log_format == CLI_LOG_TEXT ? LOG_FORMAT_TEXT : LOG_FORMAT_JSON;
    if (!filter)
        filter = getenv("SLUICE_LOG");
    options.filter = filter ? filter : environment->logs.level;
    cli->log = log_new(&options, err);
    return cli->log ? 0 : -1;
}

int cli_open_loop(struct cli *cli, bool read_only)
{
    const int code = cli_open_project(cli);
    struct error err;

    if (code || cli->loop_open)
        return code;
    if (open_log(cli, read_only, &err))
        return cli_fail(cli, &err);
    if (loop_init(&cli->loop, &err))
        return cli_fail(cli, &err);
    cli->loop_open = true;
    return EXIT_OK;
}

int cli_open_engine(struct cli *cli, bool read_only)
{
    struct engine_options options = {.registry = cli->offline ? &registry_offline : &registry,
        .loop = &cli->loop,
        .read_only = read_only};
    const int code = cli_open_loop(cli, read_only);
    struct error err;

    if (code || cli->engine)
        return code;
    options.project = cli->project;
    options.front = cli->front;
    options.log = cli->log;
    cli->engine = engine_new(&options, &err);
    return cli->engine ? EXIT_OK : cli_fail(cli, &err);
}

/* The engine's connectors close their handles on the loop; then nothing may be left. */
int cli_close(struct cli *cli, int code)
{
    struct error err;

    engine_free(cli->engine);
    if (cli->loop_open) {
        loop_run(&cli->loop);
        if (loop_deinit(&cli->loop, &err))
            code = cli_fail(cli, &err);
    }
    log_free(cli->log);
    project_free(cli->project);
    arena_deinit(&cli->arena);
    return code;
}

int cli_load_pipeline(struct cli *cli, const char *name, const struct pipeline_scope *scope,
    struct pipeline **ret_pipeline)
{
    struct pipeline_scope with_environment = scope ? *scope : (struct pipeline_scope){0};
    struct diagnostics problems;
    struct pipeline *pipeline;
    struct error err;
    const char *path;
    int code = cli_open_project(cli);

    if (code)
        return code;
    with_environment.environment = cli->project->environment;
    if (project_find_pipeline(cli->project, name, &path, &err))
        return cli_fail(cli, &err);
    diagnostics_init(&problems);
    pipeline = pipeline_load(path, &with_environment, &problems);
    code = cli_problems(cli, &problems);
    diagnostics_deinit(&problems);
    if (pipeline)
        *ret_pipeline = pipeline;
    return pipeline ? EXIT_OK : code ? code : EXIT_USAGE;
}

int cli_load_sql(void *data, const struct sql_engine_type **ret_type, struct error *err)
{
    (void)data;
    return registry.load_sql(ret_type, err);
}

int cli_load_graph(struct cli *cli, const char *name, const struct pipeline_scope *scope,
    struct pipeline **ret_pipeline, struct graph **ret_graph)
{
    struct diagnostics problems;
    struct pipeline *pipeline = NULL;
    struct graph *graph;
    int code = cli_load_pipeline(cli, name, scope, &pipeline);

    if (code)
        return code;
    diagnostics_init(&problems);
    graph = graph_new(pipeline, cli_load_sql, NULL, &problems);
    code = cli_problems(cli, &problems);
    diagnostics_deinit(&problems);
    if (!graph) {
        pipeline_free(pipeline);
        return code ? code : EXIT_USAGE;
    }
    *ret_pipeline = pipeline;
    *ret_graph = graph;
    return EXIT_OK;
}

/* --- output --- */

void cli_print_json(json_t *value)
{
    char *line = json_line(value);

    puts(line);
    free(line);
    json_decref(value);
}

const char *cli_style(const struct cli *cli, const char *name)
{
    static const char *const codes[][2] = {{"bold", "\033[1m"}, {"dim", "\033[2m"},
        {"red", "\033[31m"}, {"green", "\033[32m"}, {"yellow", "\033[33m"}, {"blue", "\033[34m"},
        {"cyan", "\033[36m"}, {"reset", "\033[0m"}};

    for (size_t i = 0; cli->color && i < ARRAY_LENGTH(codes); i++) {
        if (strcmp(codes[i][0], name) == 0)
            return codes[i][1];
    }
    return "";
}
