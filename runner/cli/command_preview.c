#include "runner/base/mem.h"
#include "runner/cli/commands.h"
#include "runner/cli/print.h"
#include "runner/cli/rows.h"
#include "runner/cli/run_flags.h"
#include "runner/engine/run.h"

#include <stddef.h>

struct preview_options {
    struct option_pairs params;
    int64_t limit;
    int64_t due_ms;
    int format;
};

static const struct option options_table[] = {
    {"format", OPTION_ENUM, offsetof(struct preview_options, format), .preset = "table",
        .letter = 'o', .choices = rows_format_names, .help = "How rows are written"},
    {"limit", OPTION_INT, offsetof(struct preview_options, limit), .preset = "20", .min = 1,
        .max = 1000000, .letter = 'n', .value_name = "N", .help = "Rows to show"},
    {"param", OPTION_PAIRS, offsetof(struct preview_options, params), .letter = 'p',
        .value_name = "NAME=VALUE",
        .help = "Value of a parameter of the pipeline; may be given again"},
    {"due", OPTION_TIME, offsetof(struct preview_options, due_ms), .value_name = "TIME",
        .help = "The time that the run would stand for, ISO 8601 (default: now)"},
};
static const struct option_set option_set =
    OPTION_SET("preview", "Options", struct preview_options, options_table);

struct preview {
    struct cli *cli;
    struct run *run;
    struct rows_writer *rows;
    struct error err;
};

static void on_rows(
    void *data, const struct sql_schema *schema, const char *const *cells, size_t row_count)
{
    struct preview *preview = data;

    if (!rows_write(preview->rows, schema, cells, row_count))
        run_cancel(preview->run);
}

/* --- the run --- */

static void on_stop(void *data, int signal_number)
{
    const struct preview *preview = data;

    (void)signal_number; /* the loop keeps it for the exit code */
    run_cancel(preview->run);
}

static void on_done(struct run *run, const struct error *err)
{
    struct preview *preview = run_data(run);

    if (err)
        preview->err = *err;
    loop_on_stop(&preview->cli->loop, NULL, NULL);
}

static int ask(struct cli *cli, struct run_options *options, enum rows_format format)
{
    const struct rows_options rows = {.format = cli->globals.json ? ROWS_JSON : format,
        .out = stdout,
        .width = print_terminal_width(1),
        .color = cli->color};
    struct preview preview = {.cli = cli, .rows = rows_new(&rows)};

    options->engine = cli->engine;
    options->on_rows = on_rows;
    options->data = &preview;
    preview.run = run_new(options, on_done);
    loop_on_stop(&cli->loop, on_stop, &preview);
    run_start(preview.run);
    loop_run(&cli->loop);
    run_free(preview.run);
    if (preview.err.code == ERROR_STOPPED && !cli->loop.signal_number) {
        rows_abandon(preview.rows); /* nobody reads on; main() says so where it is a failure */
        return EXIT_OK;
    }
    if (preview.err.code) {
        rows_abandon(preview.rows);
        return cli_fail(cli, &preview.err);
    }
    rows_end(preview.rows);
    return EXIT_OK;
}

static int unknown_dataset(struct cli *cli, const struct graph *graph, const char *name)
{
    const char **names = arena_array(&cli->arena, graph->count + 1, sizeof(*names));
    const char *nearest;
    struct error err;
    size_t count = 0;

    for (unsigned i = 0; i < graph->count; i++) {
        if (graph->nodes[i].kind != TASK_LOAD)
            names[count++] = graph->nodes[i].name;
    }
    nearest = text_nearest(name, names);
    if (nearest)
        error_set(&err, ERROR_INVALID, "%s has no dataset \"%s\"; did you mean \"%s\"?",
            graph->pipeline->name, name, nearest);
    else
        error_set(&err, ERROR_INVALID,
            "%s has no dataset \"%s\"; sluice show %s lists its extracts and transforms",
            graph->pipeline->name, name, graph->pipeline->name);
    return cli_fail(cli, &err);
}

static int run(struct cli *cli, const void *values, const char *const *args, size_t arg_count)
{
    const struct preview_options *wanted = values;
    struct run_flags flags = {.params = wanted->params, .due_ms = wanted->due_ms, .instance = ""};
    struct run_options options = {.instance = "",
        .preview_dataset = args[1],
        .preview_limit = wanted->limit,
        .tasks = &flags.tasks};
    struct pipeline_scope scope;
    struct pipeline *pipeline;
    struct graph *graph;
    struct error err;
    int code;

    (void)arg_count;
    if (run_flags_complete(&flags, &cli->arena, &scope, &err))
        return cli_fail(cli, &err);
    code = cli_load_graph(cli, args[0], &scope, &pipeline, &graph);
    if (code)
        return code;
    options.graph = graph;
    options.run_id = flags.run_id;
    options.due_ms = flags.due_ms;
    if (!graph_dataset(graph, args[1]))
        code = unknown_dataset(cli, graph, args[1]);
    else
        code = cli_open_engine(cli, true);
    if (code == EXIT_OK)
        code = ask(cli, &options, (enum rows_format)wanted->format);
    graph_free(graph);
    pipeline_free(pipeline);
    return code;
}

const struct command command_preview = {
    .name = "preview",
    .arguments = "PIPELINE DATASET",
    .help = "Show rows of an extract or a transform; nothing is committed",
    .details = "Runs what the dataset needs, as if nothing had been read before, and shows the "
               "first rows. Keys of --json: columns (name, type), rows (one object a row).",
    .options = &option_set,
    .args_min = 2,
    .args_max = 2,
    .argument = ARGUMENT_PIPELINE,
    .next_argument = ARGUMENT_DATASET,
    .run = run,
    .examples = "sluice preview birdstrikes clean --limit 5",
};
