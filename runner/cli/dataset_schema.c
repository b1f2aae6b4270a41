#include "runner/cli/dataset_schema.h"

#include "runner/engine/run.h"

struct asking {
    struct cli *cli;
    struct run *run;
    struct sql_schema schema;
    struct error err;
};

static void on_rows(
    void *data, const struct sql_schema *schema, const char *const *cells, size_t row_count)
{
    struct asking *asking = data;
    struct arena *arena = &asking->cli->arena;

    (void)cells, (void)row_count;
    if (asking->schema.columns)
        return;
    asking->schema.columns = arena_array(arena, schema->count, sizeof(*schema->columns));
    for (size_t i = 0; i < schema->count; i++)
        asking->schema.columns[asking->schema.count++] =
            (struct sql_column){.name = arena_strdup(arena, schema->columns[i].name),
                .type = arena_strdup(arena, schema->columns[i].type)};
}

static void on_stop(void *data, int signal_number)
{
    const struct asking *asking = data;

    (void)signal_number; /* the loop keeps it for the exit code */
    run_cancel(asking->run);
}

static void on_done(struct run *run, const struct error *err)
{
    struct asking *asking = run_data(run);

    if (err)
        asking->err = *err;
    loop_on_stop(&asking->cli->loop, NULL, NULL);
}

int dataset_schema_ask(struct cli *cli, const struct graph *graph, const struct run_flags *flags,
    const char *dataset, struct sql_schema *ret_schema)
{
    struct asking asking = {.cli = cli};
    const struct run_options options = {.engine = cli->engine,
        .graph = graph,
        .instance = "",
        .run_id = flags->run_id,
        .due_ms = flags->due_ms,
        .tasks = &flags->tasks,
        .preview_dataset = dataset,
        .preview_limit = 1,
        .on_rows = on_rows,
        .data = &asking};

    asking.run = run_new(&options, on_done);
    loop_on_stop(&cli->loop, on_stop, &asking);
    run_start(asking.run);
    loop_run(&cli->loop);
    run_free(asking.run);
    if (asking.err.code)
        return cli_fail(cli, &asking.err);
    *ret_schema = asking.schema;
    return EXIT_OK;
}
