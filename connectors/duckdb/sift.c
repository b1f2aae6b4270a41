#include "connectors/duckdb/sift.h"

#include "connectors/duckdb/records.h"
#include "connectors/duckdb/schema.h"
#include "connectors/duckdb/statement.h"
#include "connectors/duckdb/store.h"
#include "runner/base/mem.h"
#include "runner/base/text.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* --- rows of an answer, one after another --- */

struct rows {
    duckdb_result result;
    duckdb_data_chunk chunk;
    idx_t row, count;
    bool open, ended;
};

static int rows_load(struct rows *rows, struct error *err)
{
    while (!rows->ended && rows->row == rows->count) {
        const char *why;

        if (rows->chunk)
            duckdb_destroy_data_chunk(&rows->chunk);
        rows->row = rows->count = 0;
        rows->chunk = duckdb_fetch_chunk(rows->result);
        rows->ended = rows->chunk == NULL;
        why = rows->ended ? duckdb_result_error(&rows->result) : NULL;
        if (why && *why)
            return statement_error(why, duckdb_result_error_type(&rows->result), -1, err);
        if (rows->chunk)
            rows->count = duckdb_data_chunk_get_size(rows->chunk);
    }
    return 0;
}

static int rows_open(
    struct rows *rows, duckdb_connection connection, const char *sql, struct error *err)
{
    if (statement_execute(connection, "", sql, "", NULL, 0, true, &rows->result, err))
        return -1;
    rows->open = true;
    return rows_load(rows, err);
}

static void rows_close(struct rows *rows)
{
    if (rows->chunk)
        duckdb_destroy_data_chunk(&rows->chunk);
    if (rows->open)
        duckdb_destroy_result(&rows->result);
    rows->open = false;
}

static int rows_next(struct rows *rows, struct error *err)
{
    rows->row++;
    return rows_load(rows, err);
}

static bool rows_is_null(const struct rows *rows, idx_t column)
{
    uint64_t *validity =
        duckdb_vector_get_validity(duckdb_data_chunk_get_vector(rows->chunk, column));

    return validity && !duckdb_validity_row_is_valid(validity, rows->row);
}

static int64_t rows_int(const struct rows *rows, idx_t column)
{
    const int64_t *values =
        duckdb_vector_get_data(duckdb_data_chunk_get_vector(rows->chunk, column));

    return rows_is_null(rows, column) ? -1 : values[rows->row];
}

/* Of the chunk; not ended by a NUL. */
static const char *rows_bytes(const struct rows *rows, idx_t column, size_t *ret_length)
{
    duckdb_string_t *strings =
        duckdb_vector_get_data(duckdb_data_chunk_get_vector(rows->chunk, column));

    *ret_length = 0;
    if (rows_is_null(rows, column))
        return NULL;
    *ret_length = duckdb_string_t_length(strings[rows->row]);
    return duckdb_string_t_data(&strings[rows->row]);
}

static const char *rows_text(const struct rows *rows, idx_t column, struct arena *arena)
{
    size_t length;
    const char *bytes = rows_bytes(rows, column, &length);

    return bytes ? arena_strndup(arena, bytes, length) : NULL;
}

/* --- what is bad in a file --- */

struct sifting {
    struct operation *operation;
    const struct scan_plan *plan;
    struct bad_rows *found;
    struct rows marked;  /* MARKED_*, in the order of files and rows */
    struct rows refused; /* REFUSED_* */
    struct arena arena;  /* of one row */
};

enum { MARKED_FILE, MARKED_ROW, MARKED_MARK };
enum { REFUSED_FILE, REFUSED_OFFSET, REFUSED_TYPE, REFUSED_LINE, REFUSED_TEXT };

static int64_t next_of(const struct rows *rows)
{
    return rows->open && !rows->ended ? rows_int(rows, 0) : -1;
}

/* Nothing of DuckDB's own message: it may quote the row. */
static const char *refusal_reason(const char *type, size_t cells, struct arena *arena)
{
    if (text_equal(type, "MISSING COLUMNS"))
        return arena_printf(arena, "the row has less than %zu cells", cells);
    if (text_equal(type, "TOO MANY COLUMNS"))
        return arena_printf(arena, "the row has more than %zu cells", cells);
    if (text_equal(type, "UNQUOTED VALUE"))
        return "a quote is not closed, or something follows a closing one";
    if (text_equal(type, "INVALID ENCODING"))
        return "the text is not valid in its encoding (csv: {encoding: …}; default utf-8)";
    if (text_equal(type, "LINE SIZE OVER MAXIMUM"))
        return "the line is longer than the limit (2,000,000 bytes; NDJSON 8 MiB)";
    return arena_printf(arena, "the row cannot be read (%s)", type ? type : "no reason given");
}

/* Takes append_mark() apart: which cell, its value, and the rest. */
static void read_mark(struct sifting *sifting, struct bad_row *row)
{
    size_t length;
    const char *mark = rows_bytes(&sifting->marked, MARKED_MARK, &length);
    const char *text = arena_strndup(&sifting->arena, mark, MIN(length, 64)), *at = text;
    const long cell = strtol(at, (char **)&at, 10);
    const size_t value_length = strtoul(at + 1, (char **)&at, 10);
    const char *value = mark + (at + 1 - text);

    assert(value + value_length <= mark + length);
    row->column = cell >= 0 ? &sifting->plan->columns[cell] : NULL;
    row->value = arena_strndup(&sifting->arena, value, value_length);
    row->raw = value + value_length;
    row->raw_length = length - (size_t)(row->raw - mark);
    if (!sifting->plan->reader->json) {
        row->row_json =
            row->raw_length ? arena_strndup(&sifting->arena, row->raw, row->raw_length) : NULL;
        row->raw = NULL;
    }
}

static int add_marked(struct sifting *sifting, const struct scan_file *file, int64_t line,
    const struct record *record, struct error *err)
{
    struct bad_row row = {.file = file, .line = line};

    read_mark(sifting, &row);
    if (record && record->text) {
        row.raw = record->text;
        row.raw_length = record->length;
    }
    return bad_rows_add(sifting->found, &row, err) || rows_next(&sifting->marked, err) ? -1 : 0;
}

static int add_refused(struct sifting *sifting, const struct scan_file *file, int64_t line,
    const struct record *record, struct error *err)
{
    const struct rows *refused = &sifting->refused;
    struct bad_row row = {.file = file, .line = line, .refused = true};

    row.value = refusal_reason(
        rows_text(refused, REFUSED_TYPE, &sifting->arena), file->count, &sifting->arena);
    if (record) {
        row.raw = record->text;
        row.raw_length = record->length;
    } else {
        row.raw = rows_bytes(refused, REFUSED_TEXT, &row.raw_length);
    }
    return bad_rows_add(sifting->found, &row, err) || rows_next(&sifting->refused, err) ? -1 : 0;
}

/* Of files whose text cannot be looked at: rows count from 1, refused ones come at the end. */
static int add_without_text(struct sifting *sifting, size_t index, struct error *err)
{
    const struct scan_file *file = &sifting->plan->files[index];
    const struct csv_dialect *csv = &sifting->plan->scan->csv;
    const int64_t before = sifting->plan->scan->format == FORMAT_CSV ? csv->skip + csv->header : 0;
    int64_t passed = 0;

    while (next_of(&sifting->marked) == (int64_t)index ||
           next_of(&sifting->refused) == (int64_t)index) {
        const bool marked = next_of(&sifting->marked) == (int64_t)index;
        const int64_t row = marked ? before + passed + rows_int(&sifting->marked, MARKED_ROW) : 0;
        const int64_t line = next_of(&sifting->refused) == (int64_t)index
                                 ? rows_int(&sifting->refused, REFUSED_LINE)
                                 : INT64_MAX;

        passed += line <= row || !marked;
        if (line <= row || !marked ? add_refused(sifting, file, line, NULL, err)
                                   : add_marked(sifting, file, row, NULL, err))
            return -1;
        arena_deinit(&sifting->arena);
        arena_init(&sifting->arena);
    }
    return 0;
}

/* --- beside the text --- */

struct reading {
    struct sifting *sifting;
    const struct scan_file *file;
    size_t index;
    struct records *records;
    int64_t accepted; /* records so far that became rows */
    uint64_t decoded; /* bytes that the file has more in UTF-8 than in its own encoding, so far */
    bool latin, lines;
};

static bool is_empty(const struct reading *reading, const struct record *record)
{
    if (!record->text)
        return false;
    if (reading->lines)
        return strspn(record->text, " ") >= record->length;
    return record->length == 0 && reading->file->count > 1; /* of one column it is a row */
}

/* DuckDB counts the bytes of what it decoded. */
static void count_decoded(struct reading *reading, const struct record *record)
{
    for (size_t i = 0; reading->latin && record->text && i < record->length; i++)
        reading->decoded += (unsigned char)record->text[i] >= 0x80;
}

/* Behind CR LF DuckDB may count from the LF on. */
static bool is_refused(const struct reading *reading, const struct record *record)
{
    const struct rows *refused = &reading->sifting->refused;
    const bool crlf = record->text && record->offset + record->length + 2 == record->end;
    uint64_t offset;

    if (next_of(refused) != (int64_t)reading->index)
        return false;
    offset = (uint64_t)rows_int(refused, REFUSED_OFFSET) - 1;
    return offset < record->end - crlf + reading->decoded;
}

static int take_record(struct reading *reading, const struct record *record, struct error *err)
{
    struct sifting *sifting = reading->sifting;
    int rc = 0;

    if (is_empty(reading, record))
        return 0;
    if (is_refused(reading, record)) {
        while (!rc && is_refused(reading, record))
            rc = add_refused(sifting, reading->file, record->line, record, err);
    } else if (next_of(&sifting->marked) == (int64_t)reading->index &&
               ++reading->accepted == rows_int(&sifting->marked, MARKED_ROW)) {
        rc = add_marked(sifting, reading->file, record->line, record, err);
    }
    count_decoded(reading, record);
    return rc;
}

static bool has_more(const struct reading *reading)
{
    return next_of(&reading->sifting->marked) == (int64_t)reading->index ||
           next_of(&reading->sifting->refused) == (int64_t)reading->index;
}

static int read_records(struct reading *reading, struct error *err)
{
    const struct scan_plan *plan = reading->sifting->plan;
    struct arena *arena = &reading->sifting->arena;
    bool header = !reading->lines && plan->scan->csv.header;
    struct record record;
    int rc = 1;

    if (!reading->lines && records_skip_lines(reading->records, plan->scan->csv.skip, err))
        return -1;
    while (rc > 0 && has_more(reading)) {
        const int64_t found = reading->sifting->found->count;

        if (reading->accepted % 65536 == 0 && work_cancelled(&reading->sifting->operation->work))
            return error_set(err, ERROR_STOPPED, "stopped");
        rc = records_next(reading->records, &record, err);
        if (rc <= 0)
            break;
        if (header) {
            header = is_empty(reading, &record);
            count_decoded(reading, &record);
        } else if (take_record(reading, &record, err)) {
            return -1;
        }
        if (reading->sifting->found->count > found) {
            arena_deinit(arena);
            arena_init(arena);
        }
    }
    return rc < 0 ? -1 : 0;
}

static bool has_encoding(const struct scan_plan *plan, const char *name)
{
    return plan->scan->csv.encoding && strcasecmp(plan->scan->csv.encoding, name) == 0;
}

static int add_with_text(struct sifting *sifting, size_t index, struct error *err)
{
    const struct scan_plan *plan = sifting->plan;
    const bool lines = plan->scan->format == FORMAT_NDJSON;
    const struct records_dialect dialect = {.delimiter = lines ? NULL : plan->delimiter,
        .quote = lines ? '\0' : *plan->quote,
        .escape = lines ? '\0' : *plan->escape,
        .utf16 = !lines && has_encoding(plan, "utf-16")};
    struct reading reading = {.sifting = sifting,
        .file = &plan->files[index],
        .index = index,
        .lines = lines,
        .latin = has_encoding(plan, "latin-1")};
    int rc;

    reading.records = records_open(reading.file->source->path, &dialect, err);
    rc = reading.records ? read_records(&reading, err) : -1;
    records_close(reading.records);
    if (!rc && has_more(&reading)) /* never seen: what is known is kept */
        rc = add_without_text(sifting, index, err);
    return rc;
}

/* --- the flow --- */

/* The number of a row counts from the first one of its file: where several are in one, all rows are
 * looked at for where each begins. */
static int open_marked(struct sifting *sifting, const char *path, bool several, struct error *err)
{
    struct buffer sql, from;
    int rc;

    buffer_init(&sql, 0);
    buffer_init(&from, 0);
    buffer_puts(&from, " FROM read_parquet(");
    schema_append_path(&from, path);
    buffer_puts(&from, ", file_row_number = true)");
    if (several)
        buffer_printf(&sql,
            "SELECT CAST(__sluice_file AS BIGINT), file_row_number - s + 1, __sluice_bad%s JOIN "
            "(SELECT __sluice_file, min(file_row_number) AS s%s GROUP BY ALL) USING "
            "(__sluice_file)",
            from.data, from.data);
    else
        buffer_printf(&sql,
            "SELECT CAST(__sluice_file AS BIGINT), file_row_number + 1, __sluice_bad%s", from.data);
    buffer_puts(&sql, " WHERE __sluice_bad IS NOT NULL ORDER BY file_row_number");
    rc = rows_open(&sifting->marked, sifting->operation->slot->writers[0], sql.data, err);
    buffer_deinit(&sql);
    buffer_deinit(&from);
    return rc;
}

static bool has_refusals(const struct scan_plan *plan)
{
    return plan->scan->format == FORMAT_CSV || plan->scan->format == FORMAT_NDJSON;
}

static int open_refused(struct sifting *sifting, size_t first, size_t end, struct error *err)
{
    struct buffer sql;
    int rc;

    if (!has_refusals(sifting->plan))
        return 0;
    buffer_init(&sql, 0);
    buffer_puts(&sql,
        "SELECT CAST(f AS BIGINT), CAST(line_byte_position AS BIGINT), "
        "first(CAST(error_type AS VARCHAR) ORDER BY column_idx), CAST(min(line) AS BIGINT), "
        "first(csv_line) FROM (SELECT e.*, list_position([");
    for (size_t i = first; i < end; i++) {
        buffer_puts(&sql, i > first ? ", " : "");
        text_append_sql_literal(&sql, sifting->plan->files[i].source->path);
    }
    buffer_printf(&sql,
        "], s.file_path) - 1 + %zu AS f FROM reject_errors e JOIN reject_scans s USING (scan_id, "
        "file_id)) GROUP BY f, line_byte_position ORDER BY f, line_byte_position",
        first);
    rc = rows_open(&sifting->refused, sifting->operation->slot->main, sql.data, err);
    buffer_deinit(&sql);
    return rc;
}

static int add_all(struct sifting *sifting, struct error *err)
{
    for (;;) {
        const int64_t marked = next_of(&sifting->marked), refused = next_of(&sifting->refused);
        const size_t index =
            (size_t)(marked < 0 || (refused >= 0 && refused < marked) ? refused : marked);

        if (marked < 0 && refused < 0)
            return 0;
        if (sift_has_text(sifting->plan, &sifting->plan->files[index])
                ? add_with_text(sifting, index, err)
                : add_without_text(sifting, index, err))
            return -1;
    }
}

static int count_marked(
    struct operation *operation, const char *path, int64_t *ret_count, struct error *err)
{
    duckdb_result result;
    struct buffer sql;
    int rc;

    buffer_init(&sql, 0);
    buffer_puts(&sql, "SELECT count(__sluice_bad) FROM read_parquet(");
    schema_append_path(&sql, path);
    buffer_putc(&sql, ')');
    rc = statement_query(operation->slot->main, sql.data, &result, err);
    buffer_deinit(&sql);
    if (rc)
        return -1;
    *ret_count = statement_int(&result, 0, 0);
    duckdb_destroy_result(&result);
    return 0;
}

static int collect(struct operation *operation, const struct scan_plan *plan, size_t first,
    size_t end, const char *path, struct bad_rows *found, struct error *err)
{
    struct sifting sifting = {.operation = operation, .plan = plan, .found = found};
    int rc = 0;

    arena_init(&sifting.arena);
    if (path)
        rc = open_marked(&sifting, path, end - first > 1, err);
    if (!rc)
        rc = open_refused(&sifting, first, end, err);
    if (!rc)
        rc = add_all(&sifting, err);
    rows_close(&sifting.marked);
    rows_close(&sifting.refused);
    arena_deinit(&sifting.arena);
    if (!rc && found->count > 0 && !plan->scan->skip_bad_rows)
        return bad_rows_fail(found, err);
    return rc;
}

int sift_files(struct operation *operation, const struct scan_plan *plan, size_t first, size_t end,
    const char *name, struct sql_dataset *dataset, struct bad_rows *found, struct error *err)
{
    struct buffer sql;
    int64_t marked = 0;
    const char *path;
    int rc = 0;
    bool any;

    buffer_init(&sql, 0);
    any = sift_append_files(plan, first, end, &sql);
    if (any)
        rc = statement_run(operation->slot->main,
            "DROP TABLE IF EXISTS reject_errors; DROP TABLE IF EXISTS reject_scans", err);
    if (any && !rc)
        rc = store_copy(operation, sql.data, NULL, 0, plan->scan->folder, name, dataset, err);
    buffer_deinit(&sql);
    if (rc || !any)
        return rc && end - first == 1 && err->code == ERROR_DATA
                   ? error_prefix(err, "%s", plan->files[first].source->object)
                   : rc;
    path = dataset->files.items[dataset->files.count - 1];
    if (count_marked(operation, path, &marked, err))
        return -1;
    dataset->rows -= marked;
    if (marked)
        dataset->where = SIFT_GOOD;
    return collect(operation, plan, first, end, marked ? path : NULL, found, err);
}
