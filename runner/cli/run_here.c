#include "runner/cli/run_here.h"

#include "runner/base/mem.h"
#include "runner/cli/live.h"
#include "runner/cli/print.h"
#include "runner/cli/record_here.h"
#include "runner/cli/summary.h"
#include "runner/engine/run.h"

#include <string.h>

struct run_here {
    struct cli *cli;
    struct run *run;
    struct live *live; /* NULL: no terminal to draw on */
    struct error err;
};

static void on_stop(void *data, int signal_number)
{
    struct run_here *here = data;

    (void)signal_number; /* the loop keeps it for the exit code */
    run_cancel(here->run);
}

static void on_done(struct run *run, const struct error *err)
{
    struct run_here *here = run_data(run);

    if (err)
        here->err = *err;
    if (here->live)
        live_end(here->live);
    here->live = NULL;
    loop_on_stop(&here->cli->loop, NULL, NULL);
}

static void go(struct run_here *here, const struct run_options *options)
{
    struct cli *cli = here->cli;
    struct live_options live = {.title = options->graph->pipeline->name,
        .loop = &cli->loop,
        .log = cli->log,
        .fd = 2,
        .color = cli->err_color};

    here->run = run_new(options, on_done);
    live.source = live_source_of_run(here->run);
    if (live_wanted(cli))
        here->live = live_new(&live);
    loop_on_stop(&cli->loop, on_stop, here);
    run_start(here->run);
    loop_run(&cli->loop);
}

static void report(const struct run_here *here, const struct run_options *options)
{
    struct cli *cli = here->cli;
    const struct run_facts facts = {.pipeline = options->graph->pipeline->name,
        .run_id = options->run_id,
        .environment = cli->project->environment->item.name,
        .summary = run_summary(here->run),
        .err = here->err.code ? &here->err : NULL};
    struct buffer text;

    if (cli->globals.json)
        cli_print_json(summary_to_json(&facts));
    if (!live_wanted(cli))
        return;
    buffer_init(&text, 0);
    summary_render(&facts, print_terminal_width(2), cli->err_color, &text);
    fputs(text.data, stderr);
    buffer_deinit(&text);
}

static int end_code(struct cli *cli, const struct run_flags *flags, const struct error *err)
{
    const int code = err->code ? cli_fail(cli, err) : EXIT_OK;

    return err->code == ERROR_BUSY && flags->busy_ok ? EXIT_OK : code;
}

/* --- for whoever compares --- */

/* Which tables it read and wrote, and where they were then. */
static json_t *tables_json(const struct plan *plan, const struct graph *graph)
{
    json_t *tables = json_object();

    for (unsigned i = 0; plan && i < graph->count; i++) {
        const struct graph_node *node = &graph->nodes[i];
        const struct plan_task *task = &plan->tasks[i];

        if (node->kind == TASK_EXTRACT && task->wanted && task->extract.table)
            json_put_int(tables, node->id, task->extract.table->position);
        else if (node->kind == TASK_LOAD && task->wanted && node->load->into)
            json_put_int(
                tables, node->id, task->load.table_exists ? task->load.version.last_position : 0);
    }
    return tables;
}

static json_t *end_json(const struct run_here *here, const struct graph *graph)
{
    const struct run_summary *summary = run_summary(here->run);
    json_t *end = json_object();
    struct error ignored;

    json_put_text(end, "outcome", state_outcome_name(summary->outcome));
    if (here->err.code) {
        json_put_text(end, "error_code", error_code_name(here->err.code));
        json_put_text(end, "error", here->err.message);
    }
    if (summary->record)
        json_object_set_new(
            end, "record", json_parse(summary->record, strlen(summary->record), &ignored));
    json_object_set_new(end, "tables", tables_json(run_plan(here->run), graph));
    return end;
}

int run_here_graph(struct cli *cli, const struct run_flags *flags, const struct graph *graph,
    const struct run_retry *retry, struct run_outcome *ret_outcome)
{
    struct run_here here = {.cli = cli};
    const struct run_options options = {.data = &here,
        .engine = cli->engine,
        .graph = graph,
        .instance = flags->instance,
        .run_id = flags->run_id,
        .due_ms = flags->due_ms,
        .tasks = &flags->tasks,
        .sealed = flags->sealed,
        .retry = retry,
        .recorded = ret_outcome != NULL};
    int code;

    go(&here, &options);
    report(&here, &options);
    if (ret_outcome)
        *ret_outcome = (struct run_outcome){.err = here.err, .end = end_json(&here, graph)};
    code = end_code(cli, flags, &here.err);
    run_free(here.run);
    return code;
}

int run_here(struct cli *cli, struct run_flags *flags, const char *pipeline_name)
{
    struct pipeline *pipeline;
    struct graph *graph;
    int code;

    if (flags->record)
        return record_here(cli, flags, pipeline_name);
    code = run_flags_load(flags, cli, pipeline_name, &pipeline, &graph);

    if (code)
        return code;
    code = cli_open_engine(cli, false);
    if (code == EXIT_OK)
        code = run_here_graph(cli, flags, graph, NULL, NULL);
    graph_free(graph);
    pipeline_free(pipeline);
    return code;
}
