/* CSV: header and dialect. Values are read as texts: convert.c gives them types. */
#include "connectors/duckdb/scan_plan.h"
#include "connectors/duckdb/statement.h"
#include "runner/base/text.h"

#include <string.h>

enum { COLUMNS_FIRST = 64, COLUMNS_MAX = 65536 };

static void append_option(struct buffer *sql, const char *name, const char *value)
{
    if (!value)
        return;
    buffer_printf(sql, ", %s = ", name);
    text_append_sql_literal(sql, value);
}

static void append_columns(struct buffer *sql, size_t count)
{
    buffer_puts(sql, ", columns = {");
    for (size_t i = 0; i < count; i++)
        buffer_printf(sql, "%s'c%zu': 'VARCHAR'", i ? ", " : "", i);
    buffer_putc(sql, '}');
}

static void append_dialect(struct buffer *sql, const struct scan_plan *plan)
{
    append_option(sql, "delim", plan->delimiter);
    append_option(sql, "quote", plan->quote);
    append_option(sql, "escape", plan->escape);
    append_option(sql, "encoding", plan->scan->csv.encoding);
    if (plan->scan->csv.skip > 0)
        buffer_printf(sql, ", skip = %lld", (long long)plan->scan->csv.skip);
}

/* What is not said is found out in the first file. Without a quoted cell DuckDB finds no quote:
 * then it is the usual one. */
static int find_dialect(struct scan_plan *plan, const struct scan_file *file, struct error *err)
{
    const struct csv_dialect *csv = &plan->scan->csv;
    const char *delimiter = NULL, *quote = NULL;
    duckdb_result result;
    struct buffer sql;
    struct error unknown;

    buffer_init(&sql, 0);
    buffer_puts(&sql, "SELECT Delimiter, Quote FROM sniff_csv(");
    text_append_sql_literal(&sql, file->source->path);
    buffer_puts(&sql, ", ignore_errors = true, strict_mode = false");
    scan_append_compression(&sql, file);
    append_option(&sql, "delim", csv->delimiter);
    append_option(&sql, "encoding", csv->encoding);
    if (csv->skip > 0)
        buffer_printf(&sql, ", skip = %lld", (long long)csv->skip);
    buffer_putc(&sql, ')');
    if (csv->delimiter && csv->quote) {
        unknown.code = ERROR_NONE;
    } else if (statement_query(plan->connection, sql.data, &result, &unknown) == 0) {
        delimiter = statement_cell(&result, 0, 0, plan->arena);
        quote = statement_cell(&result, 1, 0, plan->arena);
        duckdb_destroy_result(&result);
        unknown.code = ERROR_NONE;
    }
    buffer_deinit(&sql);
    if (unknown.code == ERROR_STOPPED || unknown.code == ERROR_IO || unknown.code == ERROR_DENIED ||
        unknown.code == ERROR_NO_MEMORY) {
        *err = unknown;
        return -1;
    }
    plan->delimiter = csv->delimiter                        ? csv->delimiter
                      : delimiter && strlen(delimiter) == 1 ? delimiter
                                                            : ",";
    plan->quote = csv->quote ? csv->quote : quote && strlen(quote) == 1 ? quote : "\"";
    plan->escape = csv->escape ? csv->escape : plan->quote;
    return 0;
}

/* DuckDB looks further than at the first record, whence bad rows must not matter yet; but a header
 * that it cannot read would make the next row the header. */
static int check_refused(struct scan_plan *plan, struct error *err)
{
    const char *type = NULL;
    duckdb_result result;

    if (statement_query(plan->connection,
            arena_printf(plan->arena,
                "SELECT CAST(error_type AS VARCHAR) FROM reject_errors WHERE line <= %lld LIMIT 1",
                (long long)plan->scan->csv.skip + 1),
            &result, err))
        return -1;
    if (duckdb_row_count(&result) > 0)
        type = statement_cell(&result, 0, 0, plan->arena);
    duckdb_destroy_result(&result);
    if (statement_run(plan->connection,
            "DROP TABLE IF EXISTS reject_errors; DROP TABLE IF EXISTS reject_scans", err))
        return -1;
    if (!type)
        return 0;
    if (strcmp(type, "INVALID ENCODING") == 0)
        return error_set(err, ERROR_DATA,
            "the first line is not valid in its encoding: say csv: {encoding: latin-1} (default "
            "utf-8)");
    return error_set(err, ERROR_DATA, "the first line cannot be read as CSV: %s", type);
}

/* The cells of the first record; *ret_count is `limit` where there may be more. A record shorter
 * than the columns asked for is padded with nulls, which no cell can be here. */
static int first_record(struct scan_plan *plan, const struct scan_file *file, size_t limit,
    const char ***ret_cells, size_t *ret_count, struct error *err)
{
    duckdb_result result;
    struct buffer sql;
    const char **cells;
    size_t count = 0;
    int rc;

    buffer_init(&sql, 0);
    buffer_puts(&sql, "SELECT * FROM read_csv(");
    scan_append_paths(&sql, file, 1);
    scan_append_compression(&sql, file);
    append_dialect(&sql, plan);
    append_columns(&sql, limit);
    buffer_puts(&sql, ", header = false, auto_detect = false, null_padding = true, strict_mode = "
                      "false, nullstr = '\x01', parallel = false, store_rejects = true) LIMIT 1");
    rc = statement_query(plan->connection, sql.data, &result, err);
    buffer_deinit(&sql);
    if (rc)
        return -1;
    cells = arena_array(plan->arena, limit, sizeof(*cells));
    while (duckdb_row_count(&result) > 0 && count < limit &&
           !duckdb_value_is_null(&result, count, 0)) {
        cells[count] = statement_cell(&result, count, 0, plan->arena);
        count++;
    }
    duckdb_destroy_result(&result);
    *ret_cells = cells;
    *ret_count = count;
    return check_refused(plan, err);
}

static int name_columns(
    struct scan_plan *plan, struct scan_file *file, const char **cells, struct error *err)
{
    const struct sql_scan *scan = plan->scan;

    file->columns = arena_array(plan->arena, file->count, sizeof(*file->columns));
    for (size_t i = 0; i < file->count; i++) {
        const char *name = arena_printf(plan->arena, "column%zu", i);

        if (scan->csv.header && *cells[i])
            name = cells[i];
        else if (!scan->csv.header && i < scan->contract_count)
            name = scan->contract[i].name;
        file->columns[i] = scan_plan_column(plan, name);
        for (size_t k = 0; k < i; k++) {
            if (file->columns[k] == file->columns[i])
                return error_set(err, ERROR_DATA,
                    "column \"%s\" is there twice: rename one in the file, or read it with header: "
                    "false",
                    name);
        }
    }
    return 0;
}

static int layout(struct scan_plan *plan, struct scan_file *file, struct error *err)
{
    const char **cells = NULL;

    if (!plan->delimiter && find_dialect(plan, file, err))
        return -1;
    for (size_t limit = COLUMNS_FIRST; limit <= COLUMNS_MAX; limit *= 8) {
        if (first_record(plan, file, limit, &cells, &file->count, err))
            return -1;
        if (file->count < limit)
            break;
    }
    file->empty = file->count == 0;
    return name_columns(plan, file, cells, err);
}

static void append_nulls(struct buffer *sql, const struct text_list *nulls)
{
    if (nulls->count == 0)
        return;
    buffer_puts(sql, ", nullstr = [");
    for (size_t i = 0; i < nulls->count; i++) {
        buffer_puts(sql, i ? ", " : "");
        text_append_sql_literal(sql, nulls->items[i]);
    }
    buffer_putc(sql, ']');
}

static void append_select(const struct scan_plan *plan, const struct scan_file *files,
    size_t file_count, enum scan_mode mode, struct buffer *sql)
{
    buffer_puts(sql, mode == SCAN_RAW
                         ? "SELECT row_number() OVER () AS __row, CAST(NULL AS VARCHAR) AS "
                           "__broken, * FROM read_csv("
                         : "SELECT * FROM read_csv(");
    scan_append_paths(sql, files, file_count);
    scan_append_compression(sql, files);
    append_dialect(sql, plan);
    append_columns(sql, files->count);
    append_nulls(sql, &plan->scan->csv.nulls);
    buffer_printf(
        sql, ", auto_detect = false, header = %s", plan->scan->csv.header ? "true" : "false");
    if (mode == SCAN_RAW)
        buffer_puts(sql, ", store_rejects = true");
    if (mode == SCAN_SAMPLE)
        buffer_puts(sql, ", ignore_errors = true");
    buffer_putc(sql, ')');
}

const struct scan_reader scan_csv = {.layout = layout, .append_select = append_select};
