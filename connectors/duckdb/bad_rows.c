#include "connectors/duckdb/bad_rows.h"

#include "connectors/duckdb/records.h"
#include "connectors/duckdb/schema.h"
#include "connectors/duckdb/statement.h"
#include "runner/base/json.h"
#include "runner/base/mem.h"
#include "runner/base/text.h"

#include <errno.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

enum { VALUE_BYTES_SHOWN = 60, OBJECT_BYTES = 256 * 1024 };

bool bad_rows_masks(const struct sql_scan *scan, const char *column)
{
    for (size_t i = 0; i < scan->mask.count; i++) {
        if (strcasecmp(scan->mask.items[i], column) == 0)
            return true;
    }
    return false;
}

const char *bad_rows_shown(const char *value, struct arena *arena)
{
    struct buffer valid, text;
    const char *copy;
    size_t length = 0;

    buffer_init(&valid, 0);
    buffer_init(&text, 0);
    text_append_valid(&valid, value, strlen(value));
    text_append_printable(&text, valid.data);
    while (length < text.length) {
        const size_t step = text_utf8_length(text.data + length, text.length - length);

        if (length + MAX(step, 1) > VALUE_BYTES_SHOWN)
            break;
        length += MAX(step, 1);
    }
    copy = arena_printf(arena, "%.*s%s", (int)length, text.data, length < text.length ? "…" : "");
    buffer_deinit(&valid);
    buffer_deinit(&text);
    return copy;
}

/* --- why --- */

struct reason {
    const char *full, *plain; /* the latter without a byte of the data */
};

static struct reason reason_of(
    const struct scan_plan *plan, const struct bad_row *row, struct arena *arena)
{
    const struct scan_column *column = row->column;
    struct reason reason;
    const char *rule;

    if (!column) {
        reason.plain = arena_strndup(arena, row->value, strcspn(row->value, ":"));
        reason.full = plan->scan->mask.count ? reason.plain : bad_rows_shown(row->value, arena);
        if (row->refused)
            reason.plain = reason.full = arena_strdup(arena, row->value);
        return reason;
    }
    rule =
        arena_printf(arena, "is not %s%s%s%s", column->type, column->format ? " (written as " : "",
            column->format ? column->format : "", column->format ? ")" : "");
    reason.full =
        arena_printf(arena, "\"%s\" %s", bad_rows_shown(row->value ? row->value : "", arena), rule);
    reason.plain = arena_printf(arena, "the value %s", rule);
    return reason;
}

/* --- a line of the file --- */

/* Most bytes are, and go many at a time. */
static bool is_plain(unsigned char byte)
{
    return byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\';
}

/* Of a `raw` text what is no UTF-8, and NUL, which ends texts elsewhere, are \xNN in it; a
 * backslash that would read as the beginning of such a byte is \x5c. */
static bool is_hidden(const char *bytes, size_t left, bool raw)
{
    return raw && (*bytes == '\0' || (*bytes == '\\' && left > 3 && bytes[1] == 'x' &&
                                         strspn(bytes + 2, "0123456789abcdefABCDEF") >= 2));
}

static void append_escaped(struct buffer *line, const char *bytes, size_t length, bool raw)
{
    for (size_t i = 0, step; i < length; i += MAX(step, 1)) {
        const unsigned char byte = (unsigned char)bytes[i];

        for (step = 0; i + step < length && is_plain((unsigned char)bytes[i + step]);)
            step++;
        buffer_append(line, bytes + i, step);
        if (step > 0)
            continue;
        step = text_utf8_length(bytes + i, length - i);
        if (step == 0 || is_hidden(bytes + i, length - i, raw))
            buffer_printf(line, "\\\\x%02x", byte);
        else if (byte == '"' || byte == '\\')
            buffer_printf(line, "\\%c", byte);
        else if (byte < 0x20 || byte == 0x7f)
            buffer_printf(line, "\\u%04x", byte);
        else
            buffer_append(line, bytes + i, step);
    }
}

static void append_text(struct buffer *line, const char *key, const char *text)
{
    if (!text)
        return;
    buffer_printf(line, ",\"%s\":\"", key);
    append_escaped(line, text, strlen(text), false);
    buffer_putc(line, '"');
}

/* A raw row is a list of pieces, of which every second one is to be hashed. */
static void append_piece(struct buffer *line, const char *bytes, size_t length)
{
    buffer_puts(line, line->data[line->length - 1] == '[' ? "\"" : ",\"");
    append_escaped(line, bytes, length, true);
    buffer_putc(line, '"');
}

static void append_hidden(struct buffer *line, const char *bytes, size_t length)
{
    append_piece(line, "", 0);
    append_piece(line, bytes, length);
}

/* Cells of masked columns are pieces of their own. */
static void append_masked_cells(
    struct buffer *line, const struct scan_plan *plan, const struct bad_row *row)
{
    const struct records_dialect dialect = {
        .delimiter = plan->delimiter, .quote = *plan->quote, .escape = *plan->escape};
    const struct scan_file *file = row->file;
    struct records_cell cell;
    size_t at = 0, done = 0;

    for (size_t i = 0;
         i < file->count && records_next_cell(&dialect, row->raw, row->raw_length, &at, &cell);
         i++) {
        if (!bad_rows_masks(plan->scan, plan->columns[file->columns[i]].name) || !cell.length)
            continue;
        append_piece(line, row->raw + done, cell.start - done);
        append_piece(line, row->raw + cell.start, cell.length);
        done = cell.start + cell.length;
    }
    append_piece(line, row->raw + done, row->raw_length - done);
}

static void append_masked_members(
    struct buffer *line, const struct scan_plan *plan, const struct bad_row *row)
{
    struct error ignored;
    json_t *object = json_parse(row->raw, row->raw_length, &ignored), *value;
    const char *key, *separator = "{";
    struct buffer plain;

    if (!json_is_object(object)) {
        append_hidden(line, row->raw, row->raw_length);
        json_decref(object);
        return;
    }
    buffer_init(&plain, 0);
    json_object_foreach(object, key, value)
    {
        json_t *name = json_text(key);

        buffer_puts(&plain, separator);
        json_append(&plain, name);
        json_decref(name);
        buffer_putc(&plain, ':');
        separator = ",";
        if (!bad_rows_masks(plan->scan, key) || json_is_null(value)) {
            json_append(&plain, value);
        } else {
            char *text = json_is_string(value) ? NULL : json_line(value);
            const char *shown = text ? text : json_string_value(value);

            buffer_putc(&plain, '"');
            append_piece(line, plain.data, plain.length);
            append_piece(line, shown, strlen(shown));
            free(text);
            buffer_clear(&plain);
            buffer_putc(&plain, '"');
        }
    }
    buffer_puts(&plain, *separator == '{' ? "{}" : "}");
    append_piece(line, plain.data, plain.length);
    buffer_deinit(&plain);
    json_decref(object);
}

static void append_raw(struct buffer *line, const struct scan_plan *plan, const struct bad_row *row)
{
    if (!row->raw)
        return;
    buffer_puts(line, ",\"raw\":[");
    if (plan->scan->mask.count == 0)
        append_piece(line, row->raw, row->raw_length);
    else if (row->refused)
        append_hidden(line, row->raw, row->raw_length);
    else if (plan->reader->json)
        append_masked_members(line, plan, row);
    else
        append_masked_cells(line, plan, row);
    buffer_putc(line, ']');
}

/* What a cell of a CSV holds, without quotes; false: null. Of one space before a quote the SQL
 * engine makes nothing, of more it makes a text that happens to hold quotes. */
static bool cell_value(
    const struct scan_plan *plan, const char *text, size_t length, struct buffer *value)
{
    const char quote = *plan->quote, escape = *plan->escape;
    const struct text_list *nulls = &plan->scan->csv.nulls;
    const size_t spaces = length >= 2 && quote && text[0] == ' ' && text[1] == quote;
    const bool quoted = length >= 2 + spaces && quote && text[spaces] == quote;

    buffer_clear(value);
    for (size_t i = quoted ? spaces + 1 : 0; i < length; i++) {
        if (quoted && text[i] == escape && escape && i + 1 < length &&
            (text[i + 1] == quote || text[i + 1] == escape))
            i++;
        else if (quoted && text[i] == quote)
            break;
        buffer_putc(value, text[i]);
    }
    for (size_t i = 0; i < nulls->count; i++) {
        if (strcmp(nulls->items[i], value->data) == 0)
            return false;
    }
    return nulls->count > 0 || value->length > 0;
}

/* The row's bytes in UTF-8; those of files in Latin-1 are its first 256 characters. */
static void append_decoded(
    struct buffer *text, const struct scan_plan *plan, const struct bad_row *row)
{
    const char *encoding = plan->scan->csv.encoding;
    const bool latin = encoding && strcasecmp(encoding, "latin-1") == 0;

    buffer_append(text, latin ? "" : row->raw, latin ? 0 : row->raw_length);
    for (size_t i = 0; latin && i < row->raw_length; i++) {
        const unsigned char byte = (unsigned char)row->raw[i];

        if (byte >= 0x80)
            buffer_putc(text, (char)(0xc0 | byte >> 6));
        buffer_putc(text, (char)(byte >= 0x80 ? 0x80 | (byte & 0x3f) : byte));
    }
}

/* The cells by name, so that the row can be read without the rest of its file. */
static void append_cells(
    struct buffer *line, const struct scan_plan *plan, const struct bad_row *row)
{
    const struct records_dialect dialect = {
        .delimiter = plan->delimiter, .quote = *plan->quote, .escape = *plan->escape};
    const struct scan_file *file = row->file;
    struct records_cell cell;
    struct buffer text, object, value;
    size_t at = 0;

    buffer_init(&text, 0);
    buffer_init(&object, 0);
    buffer_init(&value, 0);
    append_decoded(&text, plan, row);
    for (size_t i = 0;
         i < file->count && records_next_cell(&dialect, text.data, text.length, &at, &cell); i++) {
        buffer_puts(&object, i ? ",\"" : "{\"");
        append_escaped(&object, plan->columns[file->columns[i]].name,
            strlen(plan->columns[file->columns[i]].name), false);
        if (cell_value(plan, text.data + cell.start, cell.length, &value)) {
            buffer_puts(&object, "\":\"");
            append_escaped(&object, value.data, value.length, false);
            buffer_putc(&object, '"');
        } else {
            buffer_puts(&object, "\":null");
        }
    }
    buffer_putc(&object, '}');
    append_text(line, "row_json", object.data);
    buffer_deinit(&text);
    buffer_deinit(&object);
    buffer_deinit(&value);
}

static int write_row(struct bad_rows *rows, const struct bad_row *row, const struct reason *reason,
    struct error *err)
{
    struct buffer *line = &rows->line;

    buffer_clear(line);
    buffer_printf(line, "{\"line\":%lld", (long long)row->line);
    append_text(line, "source", row->file->source->object);
    append_text(line, "source_version", row->file->source->version);
    append_text(line, "column_name", row->column ? row->column->name : NULL);
    append_text(line, "reason", reason->full);
    append_raw(line, rows->plan, row);
    append_text(line, "row_json", row->row_json);
    if (row->raw && rows->plan->scan->format == FORMAT_CSV && !row->refused &&
        rows->plan->scan->mask.count == 0)
        append_cells(line, rows->plan, row);
    buffer_puts(line, "}\n");
    rows->longest = MAX(rows->longest, line->length);
    if (fwrite(line->data, 1, line->length, rows->out) == line->length)
        return 0;
    return error_set_errno(err, errno, "%s", rows->path);
}

/* --- all of them --- */

int bad_rows_init(struct bad_rows *rows, const struct scan_plan *plan, struct error *err)
{
    *rows = (struct bad_rows){.plan = plan};
    buffer_init(&rows->line, 0);
    if (!plan->scan->rejects)
        return 0;
    rows->path =
        arena_printf(plan->arena, "%s/%s-rejects.ndjson", plan->scan->folder, plan->scan->dataset);
    rows->out = fopen(rows->path, "we");
    return rows->out ? 0 : error_set_errno(err, errno, "%s", rows->path);
}

void bad_rows_deinit(struct bad_rows *rows)
{
    if (rows->out)
        fclose(rows->out);
    rows->out = NULL;
    buffer_deinit(&rows->line);
}

int bad_rows_add(struct bad_rows *rows, const struct bad_row *row, struct error *err)
{
    struct reason reason;
    struct arena arena;
    int rc = 0;

    rows->count++;
    arena_init(&arena);
    if (rows->first_count < SQL_REJECTS_SHOWN) {
        reason = reason_of(rows->plan, row, rows->plan->arena);
        rows->first[rows->first_count++] = (struct sql_reject){.object = row->file->source->object,
            .line = row->line,
            .column = row->column ? row->column->name : NULL,
            .reason = reason.full,
            .plain_reason = reason.plain};
    } else {
        reason = reason_of(rows->plan, row, &arena);
    }
    if (rows->out)
        rc = write_row(rows, row, &reason, err);
    arena_deinit(&arena);
    return rc;
}

static const char *raw_expression(const struct scan_plan *plan)
{
    return plan->scan->mask.count == 0
               ? "raw[1]"
               : "CASE WHEN raw IS NOT NULL THEN array_to_string(list_transform(raw, lambda x, i: "
                 "CASE WHEN i % 2 = 0 THEN 'sha256:' || left(sha256(x), 16) ELSE x END), '') END";
}

int bad_rows_finish(struct bad_rows *rows, duckdb_connection connection,
    struct sql_dataset *ret_dataset, struct error *err)
{
    static const struct sql_column columns[] = {{.name = "source", .type = "VARCHAR"},
        {.name = "source_version", .type = "VARCHAR"}, {.name = "line", .type = "BIGINT"},
        {.name = "column_name", .type = "VARCHAR"}, {.name = "reason", .type = "VARCHAR"},
        {.name = "raw", .type = "VARCHAR"}, {.name = "row_json", .type = "VARCHAR"}};
    struct stat info = {0};
    struct buffer sql;
    int rc;

    if (!rows->out || rows->count == 0)
        return 0;
    rc = fclose(rows->out);
    rows->out = NULL;
    if (rc)
        return error_set_errno(err, errno, "%s", rows->path);
    buffer_init(&sql, 0);
    buffer_puts(&sql, "CREATE OR REPLACE VIEW ");
    text_append_sql_name(&sql, rows->plan->scan->rejects);
    buffer_printf(&sql,
        " AS SELECT source, source_version, line, column_name, reason, %s AS raw, row_json FROM "
        "read_json(",
        raw_expression(rows->plan));
    text_append_sql_literal(&sql, rows->path);
    buffer_printf(&sql,
        ", format = 'newline_delimited', maximum_object_size = %zu, columns = {source: 'VARCHAR', "
        "source_version: 'VARCHAR', line: 'BIGINT', column_name: 'VARCHAR', reason: 'VARCHAR', "
        "raw: 'VARCHAR[]', row_json: 'VARCHAR'})",
        MAX(rows->longest + 1024, (size_t)OBJECT_BYTES));
    rc = statement_run(connection, sql.data, err);
    buffer_deinit(&sql);
    if (rc)
        return -1;
    stat(rows->path, &info);
    *ret_dataset = (struct sql_dataset){.name = rows->plan->scan->rejects,
        .schema = {.columns = (struct sql_column *)columns, .count = ARRAY_LENGTH(columns)},
        .rows = rows->count,
        .bytes = (uint64_t)info.st_size};
    ret_dataset->files.items = arena_new(rows->plan->arena, const char *);
    ret_dataset->files.items[0] = rows->path;
    ret_dataset->files.count = 1;
    return 0;
}

int bad_rows_fail(const struct bad_rows *rows, struct error *err)
{
    const struct sql_reject *reject = &rows->first[0];
    const enum file_format format = rows->plan->scan->format;
    const char *where = format == FORMAT_PARQUET || format == FORMAT_JSON ? "row" : "line";

    if (reject->column)
        return error_set(err, ERROR_DATA,
            "%s: %s %lld, column \"%s\": %s; mend it, or say on_bad_row: skip or quarantine",
            reject->object, where, (long long)reject->line, reject->column, reject->reason);
    return error_set(err, ERROR_DATA,
        "%s: %s %lld: %s; mend it, or say on_bad_row: skip or quarantine", reject->object, where,
        (long long)reject->line, reject->reason);
}
