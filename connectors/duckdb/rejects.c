#include "connectors/duckdb/rejects.h"

#include "connectors/duckdb/convert.h"
#include "connectors/duckdb/lines.h"
#include "connectors/duckdb/schema.h"
#include "connectors/duckdb/statement.h"
#include "connectors/duckdb/store.h"
#include "runner/base/mem.h"
#include "runner/base/text.h"

#include <string.h>
#include <unistd.h>

enum { VALUE_BYTES_SHOWN = 60 };

/* The cell of a column, or -1. */
static ssize_t cell_of(const struct scan_file *file, size_t column)
{
    for (size_t i = 0; i < file->count; i++) {
        if (file->columns[i] == column)
            return (ssize_t)i;
    }
    return -1;
}

static struct conversion conversion_of(
    const struct scan_plan *plan, const struct scan_file *file, size_t cell)
{
    return convert_cell(plan, &plan->columns[file->columns[cell]],
        arena_printf(plan->arena, "c%zu", cell), file->types ? file->types[cell] : NULL);
}

void rejects_append_values(
    const struct scan_plan *plan, const struct scan_file *file, bool hard, struct buffer *sql)
{
    for (size_t i = 0; i < plan->count; i++) {
        const ssize_t cell = cell_of(file, i);

        buffer_puts(sql, i ? ", " : "");
        if (cell >= 0) {
            const struct conversion conversion = conversion_of(plan, file, (size_t)cell);

            buffer_puts(sql, hard ? conversion.hard : conversion.try);
        } else {
            buffer_printf(sql, "CAST(NULL AS %s)", plan->columns[i].type);
        }
        buffer_puts(sql, " AS ");
        text_append_sql_name(sql, plan->columns[i].name);
    }
}

/* --- the raw table
 * ----------------------------------------------------------------------------------- */

static int make_raw(struct operation *operation, const struct scan_plan *plan,
    const struct scan_file *file, const char *path, struct error *err)
{
    struct buffer sql;
    int rc;

    buffer_init(&sql, 0);
    buffer_puts(
        &sql, "DROP TABLE IF EXISTS reject_errors; DROP TABLE IF EXISTS reject_scans; COPY (");
    plan->reader->append_select(plan, file, 1, SCAN_RAW, &sql);
    buffer_puts(&sql, ") TO ");
    text_append_sql_literal(&sql, path);
    buffer_puts(&sql, " (FORMAT parquet, COMPRESSION lz4)");
    rc = statement_run(operation->slot->main, sql.data, err);
    buffer_deinit(&sql);
    return rc;
}

/* "bad" as a condition on a raw row; false where no cell can be bad. */
static void append_bad(
    const struct scan_plan *plan, const struct scan_file *file, struct buffer *sql)
{
    buffer_puts(sql, "(__broken IS NOT NULL");
    for (size_t i = 0; i < file->count; i++) {
        const struct conversion conversion = conversion_of(plan, file, i);

        if (!conversion.fits_always)
            buffer_printf(sql, " OR (c%zu IS NOT NULL AND (%s) IS NULL)", i, conversion.try);
    }
    buffer_putc(sql, ')');
}

static void append_raw(struct buffer *sql, const char *path)
{
    buffer_puts(sql, " FROM read_parquet(");
    text_append_sql_literal(sql, path);
    buffer_putc(sql, ')');
}

static int count_bad(struct operation *operation, const struct scan_plan *plan,
    const struct scan_file *file, const char *path, int64_t *ret_rows, struct error *err)
{
    duckdb_result result;
    struct buffer sql;
    int rc;

    buffer_init(&sql, 0);
    buffer_puts(&sql, "SELECT count(*)");
    append_raw(&sql, path);
    buffer_puts(&sql, " WHERE ");
    append_bad(plan, file, &sql);
    rc = statement_query(operation->slot->main, sql.data, &result, err);
    buffer_deinit(&sql);
    if (rc)
        return -1;
    *ret_rows = statement_int(&result, 0, 0);
    duckdb_destroy_result(&result);
    return 0;
}

/* --- what is wrong with a row
 * ---------------------------------------------------------------------------- */

/* At most 60 bytes, whole characters, printable. */
static const char *shown(const char *value, struct arena *arena)
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

static void add(struct rejects *found, int64_t line, const struct scan_file *file,
    const char *column, const char *reason, const char *plain_reason)
{
    size_t at = found->count;

    while (at > 0 && found->items[at - 1].line > line)
        at--;
    if (at > 0 && found->items[at - 1].line == line)
        return; /* a row is bad once */
    if (at == SQL_REJECTS_SHOWN)
        return;
    if (found->count == SQL_REJECTS_SHOWN)
        found->count--;
    memmove(
        &found->items[at + 1], &found->items[at], (found->count - at) * sizeof(found->items[0]));
    found->items[at] = (struct sql_reject){.object = file->source->object,
        .line = line,
        .column = column,
        .reason = reason,
        .plain_reason = plain_reason};
    found->count++;
}

/* Records that DuckDB itself refused before the one that became raw row `row`. */
static int64_t refused_before(struct operation *operation, int64_t header_lines, int64_t row)
{
    duckdb_result result;
    struct error none;
    char sql[400];
    int64_t count = 0;

    snprintf(sql, sizeof(sql),
        "SELECT count(*) FROM (SELECT line - %lld - row_number() OVER (ORDER BY line) AS before "
        "FROM (SELECT DISTINCT line FROM reject_errors)) WHERE before < %lld",
        (long long)header_lines, (long long)row);
    if (statement_query(operation->slot->main, sql, &result, &none) == 0) {
        count = statement_int(&result, 0, 0);
        duckdb_destroy_result(&result);
    }
    return count;
}

static int64_t header_lines(const struct scan_plan *plan)
{
    return plan->reader == &scan_csv ? plan->scan->csv.skip + plan->scan->csv.header : 0;
}

static int64_t line_ends(const char *text)
{
    int64_t count = 0;

    for (; *text; text++)
        count += *text == '\n';
    return count;
}

/* DuckDB counts records; a cell with line ends in it makes a record of several lines. These are the
 * extra lines of the header and of the first `rows` raw rows. */
static int64_t extra_lines(struct operation *operation, const struct scan_plan *plan,
    const struct scan_file *file, const char *path, int64_t rows)
{
    duckdb_result result;
    struct error none;
    struct buffer sql;
    int64_t lines = 0;

    if (plan->reader != &scan_csv)
        return 0;
    for (size_t i = 0; plan->scan->csv.header && i < file->count; i++)
        lines += line_ends(plan->columns[file->columns[i]].name);
    if (rows <= 0)
        return lines;
    buffer_init(&sql, 0);
    buffer_puts(&sql, "SELECT CAST(coalesce(sum(0");
    for (size_t i = 0; i < file->count; i++)
        buffer_printf(
            &sql, " + coalesce(strlen(c%zu) - strlen(replace(c%zu, chr(10), '')), 0)", i, i);
    buffer_puts(&sql, "), 0) AS BIGINT)");
    append_raw(&sql, path);
    buffer_printf(&sql, " WHERE __row <= %lld", (long long)rows);
    if (statement_query(operation->slot->main, sql.data, &result, &none) == 0) {
        lines += statement_int(&result, 0, 0);
        duckdb_destroy_result(&result);
    }
    buffer_deinit(&sql);
    return lines;
}

static bool has_refusals(const struct scan_plan *plan)
{
    return plan->scan->format == FORMAT_CSV || plan->scan->format == FORMAT_NDJSON;
}

/* "zwei" is not BIGINT: for a row that has no reason of its own. */
static void add_misfit(struct rejects *found, int64_t line, const struct scan_plan *plan,
    const struct scan_file *file, const struct scan_column *column, const char *value)
{
    const char *rule = arena_printf(plan->arena, "is not %s%s%s%s", column->type,
        column->format ? " (written as " : "", column->format ? column->format : "",
        column->format ? ")" : "");

    add(found, line, file, column->name,
        arena_printf(plan->arena, "\"%s\" %s", shown(value ? value : "", plan->arena), rule),
        arena_printf(plan->arena, "the value %s", rule));
}

/* Rows whose cells do not fit. */
static int describe_misfits(struct operation *operation, const struct scan_plan *plan,
    const struct scan_file *file, const char *path, struct rejects *found, struct error *err)
{
    duckdb_result result;
    struct buffer sql;
    int rc;

    buffer_init(&sql, 0);
    buffer_puts(&sql, "SELECT __row, __broken");
    for (size_t i = 0; i < file->count; i++) {
        const struct conversion conversion = conversion_of(plan, file, i);

        if (conversion.fits_always)
            buffer_puts(&sql, ", NULL");
        else
            buffer_printf(&sql,
                ", CASE WHEN (%s) IS NULL THEN left(CAST(c%zu AS VARCHAR), 100) END",
                conversion.try, i);
    }
    append_raw(&sql, path);
    buffer_puts(&sql, " WHERE ");
    append_bad(plan, file, &sql);
    buffer_printf(&sql, " ORDER BY __row LIMIT %d", SQL_REJECTS_SHOWN);
    rc = statement_query(operation->slot->main, sql.data, &result, err);
    buffer_deinit(&sql);
    if (rc)
        return -1;
    for (idx_t r = 0; r < duckdb_row_count(&result); r++) {
        const int64_t row = statement_int(&result, 0, r);
        const char *broken = statement_cell(&result, 1, r, plan->arena);
        int64_t line = row + header_lines(plan);
        idx_t cell = 2; /* the first one that does not fit */

        if (has_refusals(plan))
            line += refused_before(operation, header_lines(plan), row) +
                    extra_lines(operation, plan, file, path, row - 1);
        while (!broken && cell < file->count + 2 && duckdb_value_is_null(&result, cell, r))
            cell++;
        if (!broken && cell < file->count + 2)
            add_misfit(found, line, plan, file, &plan->columns[file->columns[cell - 2]],
                statement_cell(&result, cell, r, plan->arena));
        else if (broken)
            add(found, line, file, NULL, shown(broken, plan->arena),
                arena_strndup(plan->arena, broken, strcspn(broken, ":")));
        else
            add(found, line, file, NULL, "the row is bad", "the row is bad");
    }
    duckdb_destroy_result(&result);
    return 0;
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

/* Rows that DuckDB refused as no CSV. */
static int describe_refusals(struct operation *operation, const struct scan_plan *plan,
    const struct scan_file *file, const char *path, struct rejects *found, struct error *err)
{
    duckdb_result result;
    char sql[300];

    if (!has_refusals(plan))
        return 0;
    if (statement_query(
            operation->slot->main, "SELECT count(DISTINCT line) FROM reject_errors", &result, err))
        return -1;
    found->rows += statement_int(&result, 0, 0);
    duckdb_destroy_result(&result);
    snprintf(sql, sizeof(sql),
        "SELECT line, first(CAST(error_type AS VARCHAR)) FROM reject_errors GROUP BY line "
        "ORDER BY line LIMIT %d",
        SQL_REJECTS_SHOWN);
    if (statement_query(operation->slot->main, sql, &result, err))
        return -1;
    for (idx_t r = 0; r < duckdb_row_count(&result); r++) {
        const int64_t line = statement_int(&result, 0, r);
        const int64_t good_before = line - header_lines(plan) - 1 - (int64_t)r;
        const char *reason =
            refusal_reason(statement_cell(&result, 1, r, plan->arena), file->count, plan->arena);

        add(found, line + extra_lines(operation, plan, file, path, good_before), file, NULL, reason,
            reason);
    }
    duckdb_destroy_result(&result);
    return 0;
}

/* --- one file
 * -------------------------------------------------------------------------------------------- */

static int fail_at(const struct sql_reject *reject, bool counts_rows, struct error *err)
{
    const char *where = counts_rows ? "row" : "line";

    if (reject->column)
        return error_set(err, ERROR_DATA,
            "%s: %s %lld, column \"%s\": %s; mend it, or say on_bad_row: skip", reject->object,
            where, (long long)reject->line, reject->column, reject->reason);
    return error_set(err, ERROR_DATA, "%s: %s %lld: %s; mend it, or say on_bad_row: skip",
        reject->object, where, (long long)reject->line, reject->reason);
}

static int copy_good(struct operation *operation, const struct scan_plan *plan,
    const struct scan_file *file, const char *path, const char *name, struct sql_dataset *dataset,
    struct error *err)
{
    struct buffer sql;
    int rc;

    buffer_init(&sql, 0);
    buffer_puts(&sql, "SELECT ");
    rejects_append_values(plan, file, false, &sql);
    append_raw(&sql, path);
    buffer_puts(&sql, " WHERE NOT ");
    append_bad(plan, file, &sql);
    rc = store_copy(operation, sql.data, NULL, 0, plan->scan->folder, name, dataset, err);
    buffer_deinit(&sql);
    return rc;
}

static void merge(struct rejects *rejects, const struct rejects *found)
{
    for (size_t i = 0; i < found->count && rejects->count < SQL_REJECTS_SHOWN; i++)
        rejects->items[rejects->count++] = found->items[i];
    rejects->rows += found->rows;
}

int rejects_read_file(struct operation *operation, struct scan_plan *plan,
    const struct scan_file *file, const char *name, struct sql_dataset *dataset,
    struct rejects *rejects, struct error *err)
{
    const bool counts_rows =
        plan->scan->format == FORMAT_PARQUET || plan->scan->format == FORMAT_JSON;
    const char *path =
        arena_printf(plan->arena, "%s/%s-raw.parquet", plan->scan->folder, plan->scan->dataset);
    struct rejects found = {.count = 0};
    int rc;

    rc = make_raw(operation, plan, file, path, err);
    if (!rc)
        rc = count_bad(operation, plan, file, path, &found.rows, err);
    if (!rc)
        rc = describe_misfits(operation, plan, file, path, &found, err);
    if (!rc)
        rc = describe_refusals(operation, plan, file, path, &found, err);
    if (!rc)
        lines_count_empty(operation, plan, file, found.items, found.count);
    if (!rc && found.count > 0 && !plan->scan->skip_bad_rows) {
        fail_at(&found.items[0], counts_rows, err);
        unlink(path);
        return -1;
    }
    if (!rc)
        rc = copy_good(operation, plan, file, path, name, dataset, err);
    unlink(path);
    merge(rejects, &found);
    return rc ? error_prefix(err, "%s", file->source->object) : 0;
}
