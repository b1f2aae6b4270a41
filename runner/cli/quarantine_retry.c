#include "runner/cli/quarantine_retry.h"

#include "config/path.h"
#include "runner/base/mem.h"
#include "runner/cli/adhoc_tables.h"
#include "runner/cli/quarantine_cells.h"
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
    const char *file, *object, *task;
    int64_t line; /* 0: all */
    struct text_list ids;
};

static const struct option retry_table[] = {
    {"object", OPTION_TEXT, offsetof(struct retry_flags, object), .value_name = "KEY",
        .help = "Only rows of this object, as ls shows it"},
    {"line", OPTION_INT, offsetof(struct retry_flags, line), .min = 1, .max = 9e15,
        .value_name = "N", .help = "Only the row of that line"},
    {"id", OPTION_TEXTS, offsetof(struct retry_flags, ids), .value_name = "ID",
        .help = "Only this row, as show has it; again for more"},
    {"task", OPTION_TEXT, offsetof(struct retry_flags, task), .value_name = "TASK",
        .help = "Only rows that this task put aside: extract.NAME or load.NAME"},
    {"file", OPTION_TEXT, offsetof(struct retry_flags, file), .value_name = "FILE",
        .help = "Repaired rows, in place of those that are quarantined"},
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
        "%s%s%s: no such extract quarantines rows (on_bad_row: quarantine); rows that a "
        "check or a load behind SQL put aside are tried again by mending what they come from",
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

/* --- the rows as files --- */

#define SELECTED "__sluice_selected"
#define TAKEN "__sluice_taken"

/* Ids are RUN/TASK/NUMBER. */
#define TASK_OF_ROW "regexp_extract(id, '/([^/]+)/[0-9]+$', 1)"

struct reading {
    struct query_session query;
    struct adhoc_tables tables;
    FILE *out;
    int64_t rows, readable;
    int64_t masked;           /* of the readable ones: those with a hash for a value */
    int64_t others;           /* those that no load put aside */
    const char *first, *last; /* of the loads that put some aside; NULL: none did */
    const char **names;       /* of the cells of CSV */
    size_t name_count, name_capacity;
    struct buffer header;
};

static void on_counts(struct sql_request *request, const struct sql_schema *schema,
    const char *const *cells, size_t row_count)
{
    struct reading *reading = container_of(request, struct reading, query.request);

    (void)schema;
    if (row_count == 0)
        return;
    reading->rows = strtoll(cells[0], NULL, 10);
    reading->readable = strtoll(cells[1], NULL, 10);
    reading->masked = strtoll(cells[2], NULL, 10);
    reading->others = strtoll(cells[3], NULL, 10);
    reading->first = cells[4] ? arena_strdup(&reading->query.cli->arena, cells[4]) : NULL;
    reading->last = cells[5] ? arena_strdup(&reading->query.cli->arena, cells[5]) : NULL;
}

static void on_texts(struct sql_request *request, const struct sql_schema *schema,
    const char *const *cells, size_t row_count)
{
    struct reading *reading = container_of(request, struct reading, query.request);

    (void)schema;
    for (size_t i = 0; i < row_count; i++)
        fprintf(reading->out, "%s\n", cells[i]);
}

static void append_condition(struct buffer *sql, const struct retry_flags *flags)
{
    const char *separator = " where ";

    if (flags->object) {
        buffer_printf(sql, "%ssource = ", separator);
        text_append_sql_literal(sql, flags->object);
        separator = " and ";
    }
    if (flags->line) {
        buffer_printf(sql, "%sline = %" PRId64, separator, flags->line);
        separator = " and ";
    }
    if (flags->task) {
        buffer_printf(sql, "%s" TASK_OF_ROW " = ", separator);
        text_append_sql_literal(sql, flags->task);
        separator = " and ";
    }
    for (size_t i = 0; i < flags->ids.count; i++) {
        buffer_printf(sql, "%s", i ? ", " : separator);
        buffer_puts(sql, i ? "" : "id in (");
        text_append_sql_literal(sql, flags->ids.items[i]);
    }
    buffer_puts(sql, flags->ids.count ? ")" : "");
}

static bool selects(const struct retry_flags *flags)
{
    return flags->object || flags->line || flags->task || flags->ids.count;
}

/* The rows that were asked for, each as a JSON object of one line where it can be read again: what
 * row_json has, else what it was in an object of JSON. There `\x5c` is a backslash
 * (connectors/duckdb/bad_rows.c). */
static const char *select_rows(const struct retrying *retrying)
{
    struct buffer sql;
    const char *copy;

    buffer_init(&sql, 0);
    buffer_puts(&sql,
        "select *, replace(replace(coalesce(row_json, case when json_valid(json) then case "
        "json_type(json) when 'OBJECT' then json end end), chr(10), ' '), chr(13), ' ') as text "
        "from (select *, replace(raw, '\\x5c', '\\') as json from " QUARANTINE_NAMESPACE ".");
    text_append_sql_name(&sql, retrying->retry.table);
    append_condition(&sql, &retrying->flags);
    buffer_puts(&sql, ") as q");
    copy = arena_strdup(&retrying->cli->arena, sql.data);
    buffer_deinit(&sql);
    return copy;
}

static int ask(struct reading *reading, enum sql_verb verb, struct sql_request request)
{
    reading->query.request = request;
    reading->query.request.verb = verb;
    return query_session_ask(&reading->query);
}

static int open_session(struct retrying *retrying, struct reading *reading, const char *sql)
{
    struct error *err = &reading->query.err;

    reading->tables =
        (struct adhoc_tables){.cli = retrying->cli, .folder = reading->query.scratch.path};
    if (adhoc_tables_find(&reading->tables, reading->query.type, sql, NULL, err) ||
        adhoc_tables_read(&reading->tables, err))
        return -1;
    query_session_note_stop(&reading->query);
    return query_session_open(&reading->query, (struct sql_session_options){.views_over = true,
                                                   .datasets = reading->tables.datasets,
                                                   .dataset_count = reading->tables.dataset_count});
}

/* What is there is counted: with --file all of it is stood for, else what can be read. */
static int count_rows(struct retrying *retrying, struct reading *reading)
{
    static const char sql[] =
        "select count(*), count(text), count(*) filter (regexp_matches(text, "
        "'\"sha256:[0-9a-f]{16}\"')), count(*) filter (not starts_with(task, 'load.')), "
        "min(task) filter (starts_with(task, 'load.')), max(task) filter (starts_with(task, "
        "'load.')) from (select text, " TASK_OF_ROW " as task from " SELECTED ") as q";
    const bool own = retrying->retry.own;
    struct error *err = &reading->query.err;

    if (ask(reading, SQL_QUERY, (struct sql_request){.query = {.sql = sql, .on_rows = on_counts}}))
        return -1;
    if (reading->rows == 0)
        return error_set(err, ERROR_NOT_FOUND,
            "no %srows of extract.%s are quarantined: there is nothing to try again",
            selects(&retrying->flags) ? "such " : "", retrying->node->name);
    if (own && reading->readable == 0)
        return error_set(err, ERROR_INVALID,
            "%" PRId64 " rows cannot be read again as they are (their cells cannot be told apart): "
            "give them, repaired, with --file",
            reading->rows);
    if (own && reading->masked > 0)
        return error_set(err, ERROR_INVALID,
            "values of %" PRId64 " rows are masked in the quarantine: give the rows, repaired, "
            "with --file",
            reading->masked);
    if (own && reading->readable < reading->rows)
        fprintf(stderr,
            "sluice: warning: %" PRId64 " of %" PRId64 " rows cannot be read again as they are "
            "(their cells cannot be told apart), and stay: give them, repaired, with --file\n",
            reading->rows - reading->readable, reading->rows);
    retrying->retry.all =
        !selects(&retrying->flags) && (!own || reading->readable == reading->rows);
    return 0;
}

/* What a load put aside is in the tables of the others already: it goes into that load's own. */
static int narrow_loads(struct retrying *retrying, const struct reading *reading, struct error *err)
{
    struct text_list *tasks = &retrying->flags.run.tasks;

    if (!reading->first)
        return 0;
    if (strcmp(reading->first, reading->last) != 0 || (reading->others > 0 && tasks->count > 1))
        return error_set(err, ERROR_INVALID,
            "%s put rows aside that go into its own table only, and so did not all of the others: "
            "try them again one task after the other, with --task %s and --task %s",
            reading->first, reading->first,
            reading->others > 0 ? retrying->node->id : reading->last);
    for (size_t i = 0; i < tasks->count; i++) {
        if (strcmp(tasks->items[i], reading->first) == 0) {
            tasks->items[0] = tasks->items[i];
            tasks->count = 1;
            return 0;
        }
    }
    return error_set(err, ERROR_INVALID,
        "%s put these rows aside, and adds no rows to a table: mend the object, and run %s again",
        reading->first, retrying->graph->pipeline->name);
}

/* The files outlive the session: the run reads them. */
static int keep_files(struct retrying *retrying, const struct sql_dataset *taken, struct error *err)
{
    struct arena *arena = &retrying->cli->arena;
    struct sql_dataset *rows = &retrying->retry.rows;

    *rows = *taken;
    rows->files.items = arena_array(arena, taken->files.count, sizeof(*rows->files.items));
    for (size_t i = 0; i < taken->files.count; i++) {
        rows->files.items[i] =
            arena_printf(arena, "%s/retried-%zu.parquet", retrying->scratch.path, i);
        if (rename(taken->files.items[i], rows->files.items[i]))
            return error_set_errno(err, errno, "%s", taken->files.items[i]);
    }
    return 0;
}

/* --- as lines of the format that they came from --- */

static bool is_csv(const struct retrying *retrying)
{
    const struct extract *extract = retrying->node->extract;

    return (extract->format == FORMAT_AUTO ? dialect_format_of(extract->from)
                                           : (enum file_format)extract->format) == FORMAT_CSV;
}

static void on_names(struct sql_request *request, const struct sql_schema *schema,
    const char *const *cells, size_t row_count)
{
    struct reading *reading = container_of(request, struct reading, query.request);

    (void)schema;
    for (size_t i = 0; i < row_count; i++) {
        const char *name = arena_strdup(&reading->query.cli->arena, cells[i]);

        reading->names = mem_grow(
            reading->names, &reading->name_capacity, reading->name_count, sizeof(*reading->names));
        reading->names[reading->name_count++] = name;
    }
}

static int64_t lines_of(const char *text)
{
    int64_t lines = 0;

    while ((text = strchr(text, '\n')) != NULL) {
        lines++;
        text++;
    }
    return lines;
}

/* Rows of CSV become CSV again, so that their types are found in the same way; the number of a row
 * is the line that it begins in. */
static const char *take_rows(struct retrying *retrying, struct reading *reading)
{
    static const char order[] = "order by quarantined_at, source, line, id";
    struct buffer sql;
    const char *copy;

    buffer_init(&sql, 0);
    if (!retrying->retry.own) {
        buffer_printf(&sql, "select row_number() over (%s) as number, * from " SELECTED, order);
    } else if (!is_csv(retrying)) {
        buffer_printf(&sql,
            "select row_number() over (%s) as number, * from " SELECTED " where text is not null",
            order);
    } else {
        buffer_puts(&sql, "select * exclude (text, csv), csv as text, ");
        buffer_printf(&sql,
            "%" PRId64 " + coalesce(sum(1 + length(csv) - length(replace(csv, chr(10), ''))) over "
            "(%s rows between unbounded preceding and 1 preceding), 0)::bigint as number from "
            "(select *, ",
            2 + lines_of(reading->header.data), order);
        quarantine_append_cells(&sql, reading->names, reading->name_count, retrying->node->extract);
        buffer_puts(&sql, " as csv from " SELECTED " where text is not null) as c");
    }
    copy = arena_strdup(&retrying->cli->arena, sql.data);
    buffer_deinit(&sql);
    return copy;
}

static int find_names(struct reading *reading)
{
    static const char sql[] =
        "select name from (select unnest(json_keys(text)) as name, "
        "unnest(range(len(json_keys(text)))) as place from " SELECTED
        " where text is not null) as k group by name order by min(place), name";

    if (ask(reading, SQL_QUERY, (struct sql_request){.query = {.sql = sql, .on_rows = on_names}}))
        return -1;
    for (size_t i = 0; i < reading->name_count; i++) {
        buffer_puts(&reading->header, i ? "," : "");
        quarantine_append_quoted(&reading->header, reading->names[i]);
    }
    return 0;
}

static int write_texts(struct retrying *retrying, struct reading *reading)
{
    struct error *err = &reading->query.err;
    int rc;

    retrying->file = arena_printf(&retrying->cli->arena, "%s/%s.%s", retrying->scratch.path,
        retrying->retry.table, is_csv(retrying) ? "csv" : "ndjson");
    reading->out = fopen(retrying->file, "we");
    if (!reading->out)
        return error_set_errno(err, errno, "%s", retrying->file);
    if (is_csv(retrying))
        fprintf(reading->out, "%s\n", reading->header.data);
    rc = ask(reading, SQL_QUERY,
        (struct sql_request){
            .query = {.sql = "select text from " TAKEN " order by number", .on_rows = on_texts}});
    if (fclose(reading->out) && !rc)
        rc = error_set_errno(err, errno, "%s", retrying->file);
    return rc;
}

static int read_rows(struct retrying *retrying, struct reading *reading)
{
    const char *sql = select_rows(retrying);
    const char *folder = reading->query.scratch.path;
    struct sql_dataset taken;

    if (!folder) {
        reading->query.err = reading->query.scratch_err;
        return -1;
    }
    if (open_session(retrying, reading, sql) ||
        ask(reading, SQL_DERIVE,
            (struct sql_request){.derive = {.dataset = SELECTED, .sql = sql}}) ||
        count_rows(retrying, reading) || narrow_loads(retrying, reading, &reading->query.err) ||
        (retrying->retry.own && is_csv(retrying) && find_names(reading)) ||
        ask(reading, SQL_DERIVE,
            (struct sql_request){
                .derive = {
                    .dataset = TAKEN, .sql = take_rows(retrying, reading), .folder = folder}}))
        return -1;
    taken = reading->query.request.derive.ret_dataset;
    if (retrying->retry.own && write_texts(retrying, reading))
        return -1;
    return keep_files(retrying, &taken, &reading->query.err);
}

static int make_files(struct retrying *retrying)
{
    struct reading reading = {.query = {.cli = retrying->cli, .memory = 512u << 20}};
    int rc;

    buffer_init(&reading.header, 0);
    if (scratch_make(&retrying->scratch, retrying->cli->engine->environment->spool,
            retrying->flags.run.run_id, &retrying->err))
        return -1;
    rc = query_session_begin(&reading.query) || read_rows(retrying, &reading) ? -1 : 0;
    query_session_end(&reading.query);
    buffer_deinit(&reading.header);
    free(reading.names);
    error_keep_first(&retrying->err, &reading.query.err);
    return rc;
}

/* --- the pipeline over that file --- */

static int use_file(struct retrying *retrying, const char *said)
{
    struct extract *extract = pipeline_extract(retrying->pipeline, retrying->node->name);
    const char *name = arena_strdup(&retrying->cli->arena, retrying->node->name);
    struct diagnostics problems;

    if (!said) {
        extract->compression = COMPRESSION_NONE;
        extract->format = is_csv(retrying) ? FORMAT_CSV : FORMAT_NDJSON;
        extract->csv.delimiter = ",";
        extract->csv.quote = extract->csv.escape = "\"";
        extract->csv.encoding = NULL;
        extract->csv.header = true;
        extract->csv.skip = 0;
    } else if (extract->format == FORMAT_AUTO && dialect_format_of(said) == FORMAT_AUTO) {
        extract->format = (int)dialect_format_of(extract->from);
    } else if (dialect_format_of(said) != FORMAT_AUTO) {
        extract->format = (int)dialect_format_of(said);
    }
    extract->from = retrying->file;
    extract->only_new = (struct only_new){0};
    extract->cursor = (struct cursor_options){0};
    extract->repeat = true;
    extract->max_bad_rows = -1; /* of what is bad already there may be any number */
    extract->bad_share = -1;
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

    if (retrying->flags.line && !retrying->flags.object)
        return error_set(&retrying->err, ERROR_INVALID,
            "--line needs --object: which object's line %" PRId64 "?", retrying->flags.line);
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
    }
    retrying->retry.own = said == NULL;
    if (make_files(retrying))
        return -1;
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
        code = run_here_graph(cli, &retrying.flags.run, retrying.graph, &retrying.retry, NULL);
    scratch_remove(&retrying.scratch, NULL);
    question_deinit(&retrying.version);
    graph_free(retrying.graph);
    pipeline_free(retrying.pipeline);
    return code;
}
