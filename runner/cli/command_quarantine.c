/* quarantine ls, show, retry: rows that were put aside, and what becomes of them. */
#include "runner/base/buffer.h"
#include "runner/base/mem.h"
#include "runner/base/text.h"
#include "runner/cli/adhoc.h"
#include "runner/cli/commands.h"
#include "runner/cli/quarantine_retry.h"
#include "runner/cli/questions.h"
#include "runner/engine/quarantine.h"

#include <stddef.h>
#include <string.h>

/* --- which tables --- */

/* Of the pipeline's nodes that put rows aside, those whose table is there: their datasets and
 * tables, each once. */
struct tables {
    const char **datasets, **names;
    size_t count;
};

static bool has_table(struct cli *cli, const char *name, struct error *err)
{
    struct question question = {0};
    bool found;

    question.catalog = (struct catalog_query){
        .verb = CATALOG_GET_VERSION, .at = {.namespace = QUARANTINE_NAMESPACE, .table = name}};
    question_ask_catalog(cli, &question);
    questions_wait(cli);
    found = !question.err.code && question.catalog.count > 0;
    if (question.err.code && question.err.code != ERROR_NOT_FOUND)
        error_keep_first(err, &question.err);
    question_deinit(&question);
    return found;
}

static void find_tables(
    struct cli *cli, const struct graph *graph, struct tables *tables, struct error *err)
{
    *tables =
        (struct tables){.datasets = arena_array(&cli->arena, graph->count + 1, sizeof(char *)),
            .names = arena_array(&cli->arena, graph->count + 1, sizeof(char *))};
    for (unsigned i = 0; i < graph->count; i++) {
        const struct graph_node *node = &graph->nodes[i];
        const char *name;
        bool known = false;

        if (!quarantine_has(node))
            continue;
        name = quarantine_table(graph->pipeline, node, &cli->arena);
        for (size_t k = 0; k < tables->count; k++)
            known = known || strcmp(tables->names[k], name) == 0;
        if (known || !has_table(cli, name, err))
            continue;
        tables->datasets[tables->count] =
            arena_strdup(&cli->arena, node->kind == TASK_LOAD ? node->load->from : node->name);
        tables->names[tables->count++] = name;
    }
}

/* The command's engine and the pipeline's tables; an exit code. */
static int open_tables(struct cli *cli, const char *pipeline_name, struct tables *tables)
{
    struct pipeline *pipeline;
    struct graph *graph;
    struct error err = {0};
    int code = cli_load_graph(cli, pipeline_name, NULL, &pipeline, &graph);

    if (code)
        return code;
    code = cli_open_engine(cli, true);
    if (!code) {
        find_tables(cli, graph, tables, &err);
        code = err.code ? cli_fail(cli, &err) : EXIT_OK;
    }
    graph_free(graph);
    pipeline_free(pipeline);
    return code;
}

/* --- ls --- */

static const struct option ls_table[] = {ADHOC_OUTPUT_FLAGS};
static const struct option_set ls_flags =
    OPTION_SET("ls", "Options", struct adhoc_options, ls_table);

static void append_from(struct buffer *sql, const struct tables *tables, size_t index)
{
    buffer_puts(sql, " from " QUARANTINE_NAMESPACE ".");
    text_append_sql_name(sql, tables->names[index]);
}

static int run_ls(struct cli *cli, const void *options, const char *const *args, size_t arg_count)
{
    struct tables tables;
    struct buffer sql;
    int code = open_tables(cli, args[0], &tables);

    (void)arg_count;
    if (code)
        return code;
    buffer_init(&sql, 0);
    for (size_t i = 0; i < tables.count; i++) {
        buffer_puts(&sql, i ? " union all select "
                            : "select dataset, run_id, quarantined_at, "
                              "source, reason, rows from (select ");
        text_append_sql_literal(&sql, tables.datasets[i]);
        buffer_puts(&sql, " as dataset, run_id, min(quarantined_at) as quarantined_at, source, "
                          "coalesce('check ' || check_name, column_name || ' does not fit', "
                          "reason) as reason, count(*) as rows");
        append_from(&sql, &tables, i);
        buffer_puts(&sql, " group by all");
    }
    buffer_puts(&sql, tables.count ? ") as q order by quarantined_at, dataset, source, reason"
                                   : "select '' as dataset, '' as run_id, '' as quarantined_at, '' "
                                     "as source, '' as reason, 0 as rows where false");
    code = adhoc_run(cli, options, &(struct adhoc_source){.sql = sql.data});
    buffer_deinit(&sql);
    return code;
}

/* --- show --- */

struct show_options {
    struct adhoc_options adhoc;
    const char *run_id;
};

static const struct option show_table[] = {
    ADHOC_OUTPUT_FLAGS, {"run", OPTION_TEXT, offsetof(struct show_options, run_id),
                            .value_name = "RUN", .help = "Only what that run put aside"}};
static const struct option_set show_flags =
    OPTION_SET("show", "Options", struct show_options, show_table);

static int unknown_dataset(struct cli *cli, const struct tables *tables, const char *dataset)
{
    struct error err;

    if (tables->count == 0)
        error_set(&err, ERROR_NOT_FOUND, "nothing was ever quarantined");
    else if (!dataset)
        error_set(&err, ERROR_INVALID,
            "rows of %zu datasets are quarantined: name one of them, like %s", tables->count,
            tables->datasets[0]);
    else
        error_set(&err, ERROR_NOT_FOUND, "no rows of \"%s\" are quarantined; of %s there are",
            dataset, tables->datasets[0]);
    return cli_fail(cli, &err);
}

static int run_show(struct cli *cli, const void *options, const char *const *args, size_t arg_count)
{
    const struct show_options *said = options;
    struct tables tables;
    struct buffer sql;
    size_t index = 0;
    int code = open_tables(cli, args[0], &tables);

    if (code)
        return code;
    while (arg_count > 1 && index < tables.count && strcmp(tables.datasets[index], args[1]) != 0)
        index++;
    if (index == tables.count || (arg_count < 2 && tables.count > 1))
        return unknown_dataset(cli, &tables, arg_count > 1 ? args[1] : NULL);
    buffer_init(&sql, 0);
    buffer_puts(&sql,
        "select id, quarantined_at, run_id, source, source_version, line, column_name, "
        "reason, check_name, raw, row_json");
    append_from(&sql, &tables, index);
    if (said->run_id) {
        buffer_puts(&sql, " where run_id = ");
        text_append_sql_literal(&sql, said->run_id);
    }
    buffer_puts(&sql, " order by quarantined_at, source, line, id");
    code = adhoc_run(cli, &said->adhoc, &(struct adhoc_source){.sql = sql.data});
    buffer_deinit(&sql);
    return code;
}

/* --- the group --- */

static const struct command sub_commands[] = {
    {.name = "ls",
        .arguments = "PIPELINE",
        .help = "Which rows of a pipeline are quarantined: by dataset, run, object and reason",
        .details = "Columns, and keys of --json under rows: dataset, run_id, quarantined_at, "
                   "source, reason, rows.",
        .options = &ls_flags,
        .args_min = 1,
        .args_max = 1,
        .argument = ARGUMENT_PIPELINE,
        .run = run_ls,
        .examples = "sluice quarantine ls birdstrikes"},
    {.name = "show",
        .arguments = "PIPELINE [DATASET]",
        .help = "Quarantined rows of a dataset: object, line, column, reason and bytes",
        .details = "In raw is the row as it stands in its object; bytes that are no UTF-8 are "
                   "written \\xNN. In row_json are the row's cells, and rows of Parquet and of "
                   "checks, as JSON "
                   "objects. The same rows are in the table "
                   "quarantine.<pipeline>_<dataset>.\n\n"
                   "Keys of --json under rows: id, quarantined_at, run_id, source, source_version, "
                   "line, column_name, reason, check_name, raw, row_json.",
        .options = &show_flags,
        .args_min = 1,
        .args_max = 2,
        .argument = ARGUMENT_PIPELINE,
        .next_argument = ARGUMENT_DATASET,
        .run = run_show,
        .examples = "sluice quarantine show birdstrikes\n"
                    "sluice quarantine show birdstrikes strikes --format csv > bad.csv"},
    {.name = "retry",
        .arguments = "PIPELINE [EXTRACT]",
        .help = "Put quarantined rows of an extract through the pipeline again, exactly once",
        .details =
            "A run of its own reads the quarantined rows in place of the extract's objects, or the "
            "repaired ones that --file has, and loads them; its commit takes them out of the "
            "quarantine, so that none gets through twice, whatever crashes and however often it "
            "is tried. --object, --line, --task and --id choose rows; else it is all of "
            "them. What one of several loads put aside goes into that load's table only: rows of "
            "several tasks are tried again one task after the other. What is bad "
            "still stays, with its new reason. Rows that no cells can be told of, or whose values "
            "are masked, need --file: then it has the rows that stand for those that were "
            "chosen. Loads that overwrite are not run: they read everything in each run, and the "
            "object itself is to be mended.\n\n"
            "Keys of --json: those of sluice run.",
        .options = &quarantine_retry_flags,
        .args_min = 1,
        .args_max = 2,
        .argument = ARGUMENT_PIPELINE,
        .next_argument = ARGUMENT_DATASET,
        .run = quarantine_retry,
        .examples = "sluice quarantine retry birdstrikes\n"
                    "sluice quarantine retry birdstrikes strikes --object in/3.csv --line 17\n"
                    "sluice quarantine retry birdstrikes strikes --file repaired.csv"},
    {0},
};

const struct command command_quarantine = {
    .name = "quarantine",
    .help = "Rows that were put aside: look at them, try them again",
    .group = sub_commands,
};
