#include "runner/cli/quarantine_retry.h"

#include "config/path.h"
#include "runner/base/mem.h"
#include "runner/cli/adhoc_tables.h"
#include "runner/cli/query_session.h"
#include "runner/cli/questions.h"
#include "runner/cli/run_flags.h"
#include "runner/cli/run_here.h"
#include "runner/engine/quarantine.h"
#include "runner/io/scratch.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct retry_flags {
    struct run_flags run;
    const char *file;
};

static const struct option retry_table[] = {
    {"file", OPTION_TEXT, offsetof(struct retry_flags, file), .value_name = "FILE",
        .help = "Repaired rows, in place of all that are quarantined"},
    {"param", OPTION_PAIRS, offsetof(struct retry_flags, run.params), .value_name = "NAME=VALUE",
        .help = "A parameter of the pipeline"},
};
const struct option_set quarantine_retry_flags =
    OPTION_SET("retry", "Options", struct retry_flags, retry_table);

struct retrying {
    struct cli *cli;
    struct retry_flags flags;
    struct pipeline *pipeline;
    struct graph *graph;
    const struct graph_node *node; /* the extract */
    struct question version;
    struct scratch scratch;
    const char *file; /* of the rows that are read */
    struct run_retry retry;
    struct error err;
};

/* --- which extract, which loads --- */

static int find_extract(struct retrying *retrying, const char *name)
{
    const struct graph *graph = retrying->graph;
    unsigned found = 0;

    for (unsigned i = 0; i < graph->count; i++) {
        const struct graph_node *node = &graph->nodes[i];

        if (node->kind != TASK_EXTRACT || !quarantine_has(node) ||
            (name && strcmp(node->name, name) != 0))
            continue;
        retrying->node = node;
        found++;
    }
    if (found == 1)
        return 0;
    if (found > 1)
        return error_set(&retrying->err, ERROR_INVALID,
            "several extracts of %s quarantine rows: name one, like %s", graph->pipeline->name,
            retrying->node->name);
    return error_set(&retrying->err, ERROR_INVALID,
        "%s%s%s: no such extract quarantines rows (on_bad_row: quarantine); rows of checks are "
        "tried again by mending what they come from",
        graph->pipeline->name, name ? "." : "", name ? name : "");
}

static bool adds_rows(const struct load *load)
{
    return load->into &&
           (load->mode == MODE_APPEND || load->mode == MODE_UPSERT || load->mode == MODE_DELETE ||
               (load->mode == MODE_SCD2 && load->absent == ABSENT_KEEP));
}

/* The loads that the extract drives, and that add to their tables. */
static int choose_loads(struct retrying *retrying)
{
    const struct graph *graph = retrying->graph;
    struct text_list *tasks = &retrying->flags.run.tasks;

    *tasks = (struct text_list){
        .items = arena_array(&retrying->cli->arena, graph->count + 1, sizeof(char *))};
    for (unsigned i = 0; i < graph->count; i++) {
        const struct graph_node *node = &graph->nodes[i];
        bool drives = false;

        for (unsigned k = 0; k < node->driver_count; k++)
            drives = drives || node->drivers[k] == retrying->node->index;
        if (node->kind == TASK_LOAD && drives && adds_rows(node->load))
            tasks->items[tasks->count++] = arena_strdup(&retrying->cli->arena, node->id);
    }
    if (tasks->count > 0)
        return 0;
    return error_set(&retrying->err, ERROR_INVALID,
        "extract.%s drives no load that adds rows: mend the object, and run %s again",
        retrying->node->name, graph->pipeline->name);
}

/* --- what is quarantined --- */

static int look_at_table(struct retrying *retrying)
{
    struct question *question = &retrying->version;
    const char *table =
        quarantine_table(retrying->graph->pipeline, retrying->node, &retrying->cli->arena);

    question->catalog = (struct catalog_query){
        .verb = CATALOG_GET_VERSION, .at = {.namespace = QUARANTINE_NAMESPACE, .table = table}};
    question_ask_catalog(retrying->cli, question);
    questions_wait(retrying->cli);
    if (question->err.code && question->err.code != ERROR_NOT_FOUND) {
        retrying->err = question->err;
        return -1;
    }
    if (question->err.code || question->catalog.count == 0 ||
        question->catalog.versions[0].partitions == 0)
        return error_set(&retrying->err, ERROR_NOT_FOUND,
            "no rows of extract.%s are quarantined: there is nothing to try again",
            retrying->node->name);
    retrying->retry = (struct run_retry){.table = table,
        .position = question->catalog.versions[0].last_position,
        .schema_id = question->catalog.versions[0].schema_id};
    return 0;
}

/* --- the rows as a file --- */

struct writing {
    struct query_session query;
    struct adhoc_tables tables;
    FILE *out;
    int64_t rows, lost;
};

static void on_rows(struct sql_request *request, const struct sql_schema *schema,
    const char *const *cells, size_t row_count)
{
    struct writing *writing = container_of(request, struct writing, query.request);

    (void)schema;
    for (size_t i = 0; i < row_count; i++) {
        writing->rows++;
        writing->lost += cells[i] == NULL;
        if (cells[i])
            fprintf(writing->out, "%s\n", cells[i]);
    }
}

/* Rows as JSON objects, one a line: what row_json has, else what they were in the object. */
static int write_rows(struct retrying *retrying, struct writing *writing)
{
    const char *sql = arena_printf(&retrying->cli->arena,
        "select replace(replace(coalesce(row_json, case when json_valid(raw) then case "
        "json_type(raw) when 'OBJECT' then raw end end), "
        "chr(10), "
        "' '), chr(13), ' ') from %s.%s order by quarantined_at, source, line, id",
        QUARANTINE_NAMESPACE, retrying->retry.table);
    struct error *err = &writing->query.err;
    const int begun = query_session_begin(&writing->query);

    writing->tables =
        (struct adhoc_tables){.cli = retrying->cli, .folder = writing->query.scratch.path};
    if (begun || adhoc_tables_find(&writing->tables, writing->query.type, sql, NULL, err) ||
        adhoc_tables_read(&writing->tables, err))
        return -1;
    query_session_note_stop(&writing->query);
    if (query_session_open(&writing->query, (struct sql_session_options){.views_over = true,
                                                .datasets = writing->tables.datasets,
                                                .dataset_count = writing->tables.dataset_count}))
        return -1;
    writing->query.request =
        (struct sql_request){.verb = SQL_QUERY, .query = {.sql = sql, .on_rows = on_rows}};
    return query_session_ask(&writing->query);
}

static int make_file(struct retrying *retrying)
{
    struct writing writing = {.query = {.cli = retrying->cli, .memory = 512u << 20}};
    struct error *err = &retrying->err;
    int rc;

    if (scratch_make(&retrying->scratch, retrying->cli->engine->environment->spool,
            retrying->flags.run.run_id, err))
        return -1;
    retrying->file = arena_printf(
        &retrying->cli->arena, "%s/%s.ndjson", retrying->scratch.path, retrying->retry.table);
    writing.out = fopen(retrying->file, "we");
    if (!writing.out)
        return error_set_errno(err, errno, "%s", retrying->file);
    rc = write_rows(retrying, &writing);
    if (fclose(writing.out) && !rc)
        rc = error_set_errno(&writing.query.err, errno, "%s", retrying->file);
    query_session_end(&writing.query);
    error_keep_first(err, &writing.query.err);
    if (!rc && writing.lost > 0)
        rc = error_set(err, ERROR_INVALID,
            "%" PRId64 " of %" PRId64 " rows cannot be read again as they are (their cells cannot "
            "be told apart, or are masked): give all of them, repaired, with --file",
            writing.lost, writing.rows);
    return rc;
}

/* --- the pipeline over that file --- */

static int use_file(struct retrying *retrying, const char *said)
{
    struct extract *extract = pipeline_extract(retrying->pipeline, retrying->node->name);
    const char *name = arena_strdup(&retrying->cli->arena, retrying->node->name);
    struct diagnostics problems;

    if (!said) {
        extract->format = FORMAT_NDJSON;
        extract->compression = COMPRESSION_NONE;
    } else if (extract->format == FORMAT_AUTO && dialect_format_of(said) == FORMAT_AUTO) {
        extract->format = (int)dialect_format_of(extract->from);
    } else if (dialect_format_of(said) != FORMAT_AUTO) {
        extract->format = (int)dialect_format_of(said);
    }
    extract->from = retrying->file;
    extract->only_new = (struct only_new){0};
    extract->cursor = (struct cursor_options){0};
    extract->repeat = true;
    diagnostics_init(&problems);
    graph_free(retrying->graph);
    retrying->graph = graph_new(retrying->pipeline, cli_load_sql, NULL, &problems);
    if (!retrying->graph)
        error_set(&retrying->err, ERROR_INVALID, "%s",
            problems.count ? problems.items[0].message : "the pipeline cannot be run");
    diagnostics_deinit(&problems);
    retrying->retry.extract = name;
    return retrying->graph ? 0 : -1;
}

static int prepare(struct retrying *retrying, const char *name)
{
    struct cli *cli = retrying->cli;
    const char *said = retrying->flags.file;

    if (find_extract(retrying, name) || choose_loads(retrying) || look_at_table(retrying))
        return -1;
    if (retrying->node->extract->only_new.enabled &&
        retrying->node->extract->only_new.on_changed == ON_CHANGED_REPLACE)
        return error_set(&retrying->err, ERROR_INVALID,
            "extract.%s reads an object again when it has changed (on_changed: replace): repair it "
            "and put it in its place, and run the pipeline",
            retrying->node->name);
    if (!said && retrying->node->extract->mask.count)
        return error_set(&retrying->err, ERROR_INVALID,
            "values of extract.%s are masked in the quarantine: give the rows, repaired, with "
            "--file",
            retrying->node->name);
    if (said && access(said, R_OK))
        return error_set_errno(&retrying->err, errno, "--file: %s", said);
    if (said) {
        char *path = realpath(said, NULL);

        retrying->file = arena_strdup(&cli->arena, path ? path : said);
        free(path);
    } else if (make_file(retrying)) {
        return -1;
    }
    return use_file(retrying, said);
}

int quarantine_retry(
    struct cli *cli, const void *options, const char *const *args, size_t arg_count)
{
    struct retrying retrying = {.cli = cli, .flags = *(const struct retry_flags *)options};
    int code = cli_open_engine(cli, false);

    retrying.flags.run.instance = "";
    if (!code)
        code =
            run_flags_load(&retrying.flags.run, cli, args[0], &retrying.pipeline, &retrying.graph);
    if (code)
        return code;
    if (prepare(&retrying, arg_count > 1 ? args[1] : NULL))
        code = cli_fail(cli, &retrying.err);
    else
        code = run_here_graph(cli, &retrying.flags.run, retrying.graph, &retrying.retry);
    scratch_remove(&retrying.scratch, NULL);
    question_deinit(&retrying.version);
    graph_free(retrying.graph);
    pipeline_free(retrying.pipeline);
    return code;
}
