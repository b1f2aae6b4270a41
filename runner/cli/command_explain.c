/* explain: from rows of a table back to the delta, the run and the file that hold them, and, where
 * the table has the columns of `metadata: true`, to object, version and line. */
#include "runner/base/json.h"
#include "runner/base/mem.h"
#include "runner/base/table.h"
#include "runner/base/text.h"
#include "runner/base/time.h"
#include "runner/cli/adhoc_tables.h"
#include "runner/cli/commands.h"
#include "runner/cli/print.h"
#include "runner/cli/query_session.h"
#include "runner/cli/questions.h"
#include "runner/cli/rows.h"
#include "runner/cli/tables.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct explain_options {
    const char *where, *at;
    int64_t limit;
    uint64_t memory;
    int format;
};

static const struct option options_table[] = {
    {"where", OPTION_TEXT, offsetof(struct explain_options, where), .value_name = "CONDITION",
        .help = "Which rows: SQL over the columns"},
    {"at", OPTION_TEXT, offsetof(struct explain_options, at), .value_name = "WHEN",
        .help = "The table as it was: a position, a time, a tag (default: now)"},
    {"limit", OPTION_INT, offsetof(struct explain_options, limit), .letter = 'n', .preset = "10",
        .min = 1, .max = 10000, .value_name = "N", .help = "The first N rows"},
    {"format", OPTION_ENUM, offsetof(struct explain_options, format), .preset = "table",
        .letter = 'o', .choices = rows_format_names, .help = "How rows are written"},
    {"memory", OPTION_SIZE, offsetof(struct explain_options, memory), .preset = "512MiB",
        .min = 64.0 * 1024 * 1024, .max = 1e15, .value_name = "SIZE",
        .help = "What the process may take"},
};
static const struct option_set option_set =
    OPTION_SET("explain", "Options", struct explain_options, options_table);

/* What is asked of the SQL engine, in this order. */
enum { ASKED_ORIGIN, ASKED_RUN, ASKED_SOURCE, ASKED_VERSION, ASKED_LINE, ASKED_ROW, ASKED_COUNT };

/* What is told, in this order. */
enum {
    TOLD_OBJECT,
    TOLD_VERSION,
    TOLD_LINE,
    TOLD_READ_BY,
    TOLD_POSITION,
    TOLD_TYPE,
    TOLD_REWRITE,
    TOLD_CREATED,
    TOLD_RUN,
    TOLD_PIPELINE,
    TOLD_PARTITION,
    TOLD_FILE,
    TOLD_DELTA,
    TOLD_ROW,
    TOLD_COUNT
};

static const struct sql_column told_columns[TOLD_COUNT] = {
    [TOLD_OBJECT] = {.name = "object", .type = "VARCHAR"},
    [TOLD_VERSION] = {.name = "version", .type = "VARCHAR"},
    [TOLD_LINE] = {.name = "line", .type = "BIGINT"},
    [TOLD_READ_BY] = {.name = "read_by", .type = "VARCHAR"},
    [TOLD_POSITION] = {.name = "position", .type = "BIGINT"},
    [TOLD_TYPE] = {.name = "type", .type = "VARCHAR"},
    [TOLD_REWRITE] = {.name = "rewrite", .type = "BOOLEAN"},
    [TOLD_CREATED] = {.name = "created", .type = "VARCHAR"},
    [TOLD_RUN] = {.name = "run_id", .type = "VARCHAR"},
    [TOLD_PIPELINE] = {.name = "pipeline", .type = "VARCHAR"},
    [TOLD_PARTITION] = {.name = "partition", .type = "JSON"},
    [TOLD_FILE] = {.name = "file", .type = "VARCHAR"},
    [TOLD_DELTA] = {.name = "delta", .type = "VARCHAR"},
    [TOLD_ROW] = {.name = "row", .type = "JSON"},
};

struct explain {
    const struct explain_options *options;
    const char *table; /* as it was written */
    struct query_session query;
    struct adhoc_tables tables;
    const char **asked; /* ASKED_COUNT a row; malloc'd, texts in the command's arena */
    size_t row_count, capacity;
    struct table pipelines; /* by run; "": none */
};

/* --- which rows --- */

/* A comment at the end of the condition must not hide what follows. */
static const char *select_rows(struct explain *explain, const char *table, size_t *ret_condition_at)
{
    struct buffer sql;
    const char *copy;

    buffer_init(&sql, 0);
    buffer_puts(&sql, "select * from ");
    text_append_sql_name(&sql, table);
    buffer_puts(&sql, " where (");
    *ret_condition_at = sql.length;
    buffer_printf(&sql, "%s\n)", explain->options->where);
    copy = arena_strdup(&explain->query.cli->arena, sql.data);
    buffer_deinit(&sql);
    return copy;
}

static void append_text_of(
    struct buffer *sql, const struct sql_schema *schema, const char *column, const char *separator)
{
    const char *name = NULL;

    for (size_t i = 0; i < schema->count; i++) {
        if (strcasecmp(schema->columns[i].name, column) == 0)
            name = schema->columns[i].name;
    }
    buffer_puts(sql, separator);
    if (name)
        text_append_sql_name(sql, name);
    else
        buffer_puts(sql, "NULL");
}

/* Around the rows: what they say of themselves, and all of each as JSON. */
static const char *select_told(struct explain *explain, const char *rows)
{
    const struct sql_schema *schema = &explain->tables.reads[0].ret_dataset.schema;
    struct buffer sql;
    const char *copy;

    buffer_init(&sql, 0);
    buffer_puts(&sql, "select _sluice_origin");
    append_text_of(&sql, schema, SQL_METADATA_RUN, ", ");
    append_text_of(&sql, schema, SQL_METADATA_SOURCE, ", ");
    append_text_of(&sql, schema, SQL_METADATA_VERSION, ", ");
    append_text_of(&sql, schema, SQL_METADATA_ROW, ", ");
    buffer_puts(&sql, ", to_json({");
    for (size_t i = 0; i < schema->count; i++) {
        buffer_puts(&sql, i ? ", " : "");
        text_append_sql_literal(&sql, schema->columns[i].name);
        buffer_puts(&sql, ": ");
        text_append_sql_name(&sql, schema->columns[i].name);
    }
    buffer_printf(&sql, "}) from (%s)", rows);
    copy = arena_strdup(&explain->query.cli->arena, sql.data);
    buffer_deinit(&sql);
    return copy;
}

/* Numbers that JSON has no word for as rows_write() writes them, as texts. No other value outside a
 * text begins with these letters. */
static const char *quote_numbers(const char *json, struct arena *arena)
{
    struct buffer quoted;
    bool in_text = false;
    const char *copy;

    buffer_init(&quoted, 0);
    for (const char *at = json; *at; at++) {
        if (!in_text && (strchr("NI", *at) || strncmp(at, "-I", 2) == 0)) {
            const size_t length = strcspn(at, ",]}");

            buffer_printf(&quoted, "\"%.*s\"", (int)length, at);
            at += length - 1;
            continue;
        }
        if (*at == '"')
            in_text = !in_text;
        buffer_putc(&quoted, *at);
        if (in_text && *at == '\\' && at[1])
            buffer_putc(&quoted, *++at);
    }
    copy = arena_strdup(arena, quoted.data);
    buffer_deinit(&quoted);
    return copy;
}

static void on_rows(struct sql_request *request, const struct sql_schema *schema,
    const char *const *cells, size_t row_count)
{
    struct explain *explain = container_of(request, struct explain, query.request);
    struct arena *arena = &explain->query.cli->arena;

    (void)schema;
    for (size_t i = 0; i < row_count * ASKED_COUNT; i++) {
        explain->asked = mem_grow(explain->asked, &explain->capacity,
            explain->row_count * ASKED_COUNT + i, sizeof(*explain->asked));
        explain->asked[explain->row_count * ASKED_COUNT + i] = !cells[i] ? NULL
                                                               : i % ASKED_COUNT == ASKED_ROW
                                                                   ? quote_numbers(cells[i], arena)
                                                                   : arena_strdup(arena, cells[i]);
    }
    explain->row_count += row_count;
}

static int find_rows(struct explain *explain)
{
    struct query_session *query = &explain->query;
    struct cli *cli = query->cli;
    struct catalog_locator at;
    const char *rows;

    if (query_session_begin(query) || tables_parse_version(cli, explain->table, &at, &query->err))
        return -1;
    explain->tables = (struct adhoc_tables){
        .cli = cli, .at = explain->options->at, .folder = query->scratch.path};
    rows = select_rows(explain, at.table, &explain->tables.condition_at);
    if (adhoc_tables_find(&explain->tables, query->type, rows, explain->table, &query->err))
        return -1;
    explain->tables.reads[0].origins = true;
    if (adhoc_tables_read(&explain->tables, &query->err))
        return -1;
    query_session_note_stop(query); /* again: reading took it */
    if (query_session_open(query, (struct sql_session_options){.views_over = true,
                                      .datasets = explain->tables.datasets,
                                      .dataset_count = explain->tables.dataset_count}))
        return -1;
    query->request = (struct sql_request){.verb = SQL_QUERY,
        .query = {.sql = select_told(explain, rows),
            .limit = explain->options->limit,
            .on_rows = on_rows}};
    return query_session_ask(query);
}

/* --- what is known of them --- */

static const char *partition_json(const struct catalog_delta *delta, struct arena *arena)
{
    json_t *list = json_array();
    struct buffer text;
    const char *copy;

    for (size_t i = 0; i < delta->value_count; i++)
        json_array_append_new(list, json_text(delta->values[i]));
    buffer_init(&text, 0);
    json_append(&text, list);
    copy = arena_strdup(arena, text.data);
    buffer_deinit(&text);
    json_decref(list);
    return copy;
}

/* NULL: the run is no pipeline's, as one of a compaction by hand, or its commit is not there. */
static const char *pipeline_of(struct explain *explain, const char *run_id)
{
    struct cli *cli = explain->query.cli;
    struct question question = {.catalog = {.verb = CATALOG_GET_COMMIT, .run_id = run_id}};
    const char *pipeline = run_id ? table_get(&explain->pipelines, run_id) : "";

    if (pipeline)
        return *pipeline ? pipeline : NULL;
    question_ask_catalog(cli, &question);
    questions_wait(cli);
    if (!question.err.code && question.catalog.count > 0)
        pipeline = arena_strdup(&cli->arena, question.catalog.commits[0].pipeline);
    table_put(&explain->pipelines, run_id, (void *)(pipeline ? pipeline : ""));
    question_deinit(&question);
    return pipeline;
}

static int tell(struct explain *explain, size_t row, const char **cells, struct error *err)
{
    struct cli *cli = explain->query.cli;
    const char **asked = &explain->asked[row * ASKED_COUNT];
    const struct table_origin *origin =
        &explain->tables.reads[0].ret_origins[strtoll(asked[ASKED_ORIGIN], NULL, 10)];
    char created[TIME_TEXT_SIZE];

    cells[TOLD_OBJECT] = asked[ASKED_SOURCE];
    cells[TOLD_VERSION] = asked[ASKED_VERSION];
    cells[TOLD_LINE] = asked[ASKED_LINE];
    cells[TOLD_READ_BY] = asked[ASKED_RUN];
    cells[TOLD_POSITION] = arena_printf(&cli->arena, "%lld", (long long)origin->delta.position);
    cells[TOLD_TYPE] = catalog_delta_type_name(origin->delta.type);
    cells[TOLD_REWRITE] = origin->delta.rewrite ? "true" : "false";
    cells[TOLD_CREATED] =
        arena_strdup(&cli->arena, time_format_rfc3339(origin->delta.created_ms, created));
    cells[TOLD_RUN] = origin->delta.run_id;
    cells[TOLD_PIPELINE] = pipeline_of(explain, origin->delta.run_id);
    cells[TOLD_PARTITION] = partition_json(&origin->delta, &cli->arena);
    cells[TOLD_DELTA] = origin->delta.id;
    cells[TOLD_ROW] = asked[ASKED_ROW];
    return tables_file(cli, &origin->file, &cells[TOLD_FILE], err);
}

/* --- for people --- */

static void print_line(const char *name, const char *text)
{
    struct buffer shown;

    buffer_init(&shown, 0);
    text_append_printable(&shown, text);
    printf("  %-9s %s\n", name, shown.data);
    buffer_deinit(&shown);
}

static void print_row(struct cli *cli, const char *const *cells)
{
    const unsigned width = print_terminal_width(1);
    struct arena *arena = &cli->arena;
    struct buffer row;

    buffer_init(&row, 0);
    if (width)
        print_cut(&row, cells[TOLD_ROW], width);
    else
        buffer_puts(&row, cells[TOLD_ROW]);
    printf("%s\n", row.data);
    buffer_deinit(&row);
    if (cells[TOLD_OBJECT])
        print_line("object", cells[TOLD_OBJECT]);
    if (cells[TOLD_VERSION])
        print_line("version", cells[TOLD_VERSION]);
    if (cells[TOLD_LINE])
        print_line("line", cells[TOLD_LINE]);
    if (cells[TOLD_READ_BY])
        print_line("read by", arena_printf(arena, "run %s", cells[TOLD_READ_BY]));
    print_line("delta",
        arena_printf(arena, "position %s, %s%s, %s", cells[TOLD_POSITION], cells[TOLD_TYPE],
            strcmp(cells[TOLD_REWRITE], "true") == 0 ? ", rewritten" : "", cells[TOLD_CREATED]));
    if (cells[TOLD_RUN])
        print_line("run",
            arena_printf(arena, "%s%s%s", cells[TOLD_RUN], cells[TOLD_PIPELINE] ? " of " : "",
                cells[TOLD_PIPELINE] ? cells[TOLD_PIPELINE] : ""));
    if (strcmp(cells[TOLD_PARTITION], "[]") != 0)
        print_line("partition", cells[TOLD_PARTITION]);
    print_line("file", cells[TOLD_FILE]);
}

/* --- the command --- */

static int print_all(struct explain *explain, struct error *err)
{
    struct sql_column columns[TOLD_COUNT];
    const struct sql_schema schema = {.columns = columns, .count = TOLD_COUNT};
    struct cli *cli = explain->query.cli;
    const struct rows_options options = {
        .format = cli->globals.json ? ROWS_JSON : (enum rows_format)explain->options->format,
        .out = stdout};
    struct rows_writer *rows = options.format == ROWS_TABLE ? NULL : rows_new(&options);
    const char *cells[TOLD_COUNT];

    memcpy(columns, told_columns, sizeof(columns));
    if (rows)
        rows_write(rows, &schema, cells, 0);
    for (size_t i = 0; i < explain->row_count; i++) {
        if (tell(explain, i, cells, err)) {
            rows_abandon(rows);
            return -1;
        }
        if (rows)
            rows_write(rows, &schema, cells, 1);
        else
            print_row(cli, cells);
    }
    rows_end(rows);
    if (explain->row_count == 0 && !cli->globals.quiet)
        fprintf(stderr, "no row of %s fulfils it\n", explain->table);
    return 0;
}

static int run(struct cli *cli, const void *values, const char *const *args, size_t arg_count)
{
    const struct explain_options *options = values;
    struct explain explain = {
        .options = options, .table = args[0], .query = {.cli = cli, .memory = options->memory}};
    int code;

    (void)arg_count;
    if (!options->where) {
        struct error err;

        error_set(
            &err, ERROR_INVALID, "which rows? say --where CONDITION, as in --where \"id = 7\"");
        return cli_fail(cli, &err);
    }
    code = cli_open_engine(cli, true);
    if (code)
        return code;
    table_init(&explain.pipelines);
    find_rows(&explain);
    query_session_end(&explain.query);
    if (!explain.query.err.code)
        print_all(&explain, &explain.query.err);
    table_deinit(&explain.pipelines);
    free(explain.asked);
    return explain.query.err.code ? cli_fail(cli, &explain.query.err) : EXIT_OK;
}

const struct command command_explain = {
    .name = "explain",
    .arguments = "NAMESPACE.TABLE[@VERSION]",
    .help = "Lead rows of a table back to where they came from",
    .details =
        "Of each row: the delta that holds it, by position, type and run, and its file. Where the "
        "table has the columns of an extract's metadata: true, also object, version and line, and "
        "the run that read it (read by). Of a key only the row that holds now is looked at, --at "
        "looks back. Behind a compaction or a rollback the delta is theirs (rewritten); the row's "
        "own columns still say what brought it.\n\n"
        "Keys of --json, and of --format json: columns (name, type), rows (object, version, line, "
        "read_by, position, type, rewrite, created, run_id, pipeline, partition, file, delta, "
        "row).",
    .options = &option_set,
    .args_min = 1,
    .args_max = 1,
    .argument = ARGUMENT_TABLE,
    .run = run,
    .examples = "sluice explain wildlife.strikes --where \"strike_id = 127128\"\n"
                "sluice explain wildlife.strikes --where \"cost_total < 0\" --limit 3 --json",
};
