/* CSV: header and dialect. Values are read as texts: convert.c gives them types. */
#include "connectors/duckdb/scan_plan.h"
#include "connectors/duckdb/statement.h"
#include "runner/base/mem.h"
#include "runner/base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { COLUMNS_FIRST = 64, COLUMNS_MAX = 65536, PEEK_BYTES = 64 * 1024 };

/* DuckDB fills a buffer of 32 MB before it looks at anything; a look at the first rows needs one
 * that holds the longest line. */
static const char small_buffer[] = ", max_line_size = 2000000, buffer_size = 2100000";

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
    buffer_puts(&sql, small_buffer);
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
    buffer_puts(&sql, small_buffer);
    buffer_puts(&sql, ", header = false, auto_detect = false, null_padding = true, strict_mode = "
                      "false, nullstr = '\x01', parallel = false, ignore_errors = true) LIMIT 1");
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
    return 0;
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

/* --- the first line, as bytes
 * ------------------------------------------------------------------------ */

static bool is_compressed(const char *line, size_t length)
{
    return (length >= 2 && memcmp(line, "\x1f\x8b", 2) == 0) ||
           (length >= 4 && memcmp(line, "\x28\xb5\x2f\xfd", 4) == 0);
}

/* The line with the header in the plan's arena; NULL where it cannot be had so simply. */
static const char *peek(const struct scan_plan *plan, const struct scan_file *file)
{
    FILE *stream = fopen(file->source->path, "rb");
    char *bytes = mem_calloc(1, PEEK_BYTES + 1), *line = bytes, *end;
    const char *copy = NULL;
    size_t length = 0;

    if (stream) {
        length = fread(bytes, 1, PEEK_BYTES, stream);
        fclose(stream);
    }
    for (int64_t i = 0; i < plan->scan->csv.skip && line; i++) {
        line = strchr(line, '\n');
        line = line ? line + 1 : NULL;
    }
    end = line ? strchr(line, '\n') : NULL;
    if (end && !is_compressed(bytes, length))
        copy = arena_strndup(plan->arena, line, (size_t)(end - line));
    free(bytes);
    return copy;
}

/* DuckDB passes over a header that it cannot decode and takes the next row for it. */
static int check_encoding(const struct scan_plan *plan, const char *line, struct error *err)
{
    const char *encoding = plan->scan->csv.encoding;
    size_t step;

    if (!line || (encoding && strcasecmp(encoding, "utf-8") != 0))
        return 0;
    for (size_t at = 0; line[at]; at += step) {
        step = text_utf8_length(line + at, strnlen(line + at, 4));
        if (step == 0)
            return error_set(err, ERROR_DATA,
                "byte 0x%02x in the first line is not UTF-8: say csv: {encoding: latin-1}",
                (unsigned char)line[at]);
    }
    return 0;
}

/* Files of one extract mostly begin alike: then they have the same columns. */
static bool copy_layout(const struct scan_plan *plan, struct scan_file *file, const char *line)
{
    const struct scan_file *first = &plan->files[0];

    if (file == first || !line || !text_equal(line, plan->first_line) ||
        strpbrk(line, plan->quote)) /* the header may go on in the next line */
        return false;
    file->columns = first->columns;
    file->count = first->count;
    return true;
}

static int layout(struct scan_plan *plan, struct scan_file *file, struct error *err)
{
    const char *line = peek(plan, file);
    const char **cells = NULL;

    if (check_encoding(plan, line, err) || (!plan->delimiter && find_dialect(plan, file, err)))
        return -1;
    if (copy_layout(plan, file, line))
        return 0;
    if (file == &plan->files[0] && plan->scan->csv.header)
        plan->first_line = line;
    for (size_t limit = COLUMNS_FIRST; limit <= COLUMNS_MAX; limit *= 8) {
        if (first_record(plan, file, limit, &cells, &file->count, err))
            return -1;
        if (file->count < limit)
            break;
    }
    file->empty = file->count == 0;
    /* The mark at the beginning, read the wrong way round: what follows would be no text. */
    if (!file->empty && text_starts(cells[0], "\xef\xbf\xbe"))
        return error_set(err, ERROR_DATA,
            "the file is big-endian UTF-16, which is not read: convert it to UTF-8 with iconv");
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
    buffer_printf(sql, "SELECT *%s FROM read_csv(",
        scan_has_file(plan, mode) ? ", file_index AS __file" : "");
    scan_append_paths(sql, files, file_count);
    scan_append_compression(sql, files);
    append_dialect(sql, plan);
    append_columns(sql, files->count);
    append_nulls(sql, &plan->scan->csv.nulls);
    buffer_printf(
        sql, ", auto_detect = false, header = %s", plan->scan->csv.header ? "true" : "false");
    if (mode == SCAN_SIFT)
        buffer_puts(sql, ", store_rejects = true");
    if (mode == SCAN_SAMPLE)
        buffer_printf(sql, ", ignore_errors = true%s", small_buffer);
    buffer_putc(sql, ')');
}

const struct scan_reader scan_csv = {.layout = layout, .append_select = append_select};
