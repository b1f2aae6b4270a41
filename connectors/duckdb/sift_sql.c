/* The statement that reads good and bad rows at once, and marks the bad ones. */
#include "connectors/duckdb/bad_rows.h"
#include "connectors/duckdb/convert.h"
#include "connectors/duckdb/sift.h"
#include "runner/base/mem.h"
#include "runner/base/text.h"

#include <strings.h>

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

void sift_append_values(
    const struct scan_plan *plan, const struct scan_file *file, struct buffer *sql)
{
    for (size_t i = 0; i < plan->count; i++) {
        const ssize_t cell = cell_of(file, i);

        buffer_puts(sql, i ? ", " : "");
        if (cell >= 0)
            buffer_puts(sql, conversion_of(plan, file, (size_t)cell).hard);
        else
            buffer_printf(sql, "CAST(NULL AS %s)", plan->columns[i].type);
        buffer_puts(sql, " AS ");
        text_append_sql_name(sql, plan->columns[i].name);
    }
}

/* Whether bad rows are looked up in the file's own text. */
bool sift_has_text(const struct scan_plan *plan, const struct scan_file *file)
{
    return (plan->scan->format == FORMAT_CSV || plan->scan->format == FORMAT_NDJSON) &&
           (file->source->compression == COMPRESSION_NONE ||
               file->source->compression == COMPRESSION_AUTO);
}

/* The row as a JSON object, where it has no text: of Parquet, or encoded in its own way. */
static void append_row_json(
    const struct scan_plan *plan, const struct scan_file *file, struct buffer *sql)
{
    buffer_puts(sql, "CAST(json_object(");
    for (size_t i = 0; i < file->count; i++) {
        const char *name = plan->columns[file->columns[i]].name;

        buffer_puts(sql, i ? ", " : "");
        text_append_sql_literal(sql, name);
        if (bad_rows_masks(plan->scan, name))
            buffer_printf(sql, ", 'sha256:' || left(sha256(CAST(c%zu AS VARCHAR)), 16)", i);
        else
            buffer_printf(sql, ", c%zu", i);
    }
    buffer_puts(sql, ") AS VARCHAR)");
}

/* " WHEN cell i does not fit THEN " its column, or its value, for each that may not. */
static void append_cases(
    const struct scan_plan *plan, const struct scan_file *file, bool values, struct buffer *sql)
{
    for (size_t i = 0; i < file->count; i++) {
        const struct scan_column *column = &plan->columns[file->columns[i]];

        if (conversion_of(plan, file, i).fits_always)
            continue;
        buffer_printf(sql, " WHEN v%zu IS NULL AND c%zu IS NOT NULL THEN ", i, i);
        if (!values)
            buffer_printf(sql, "%zu", file->columns[i]);
        else if (bad_rows_masks(plan->scan, column->name))
            buffer_printf(sql, "'sha256:' || left(sha256(CAST(c%zu AS VARCHAR)), 16)", i);
        else
            buffer_printf(sql, "left(CAST(c%zu AS VARCHAR), 100)", i);
    }
}

/* What marks a row: null where it is good, else "cell:length of value:value" and what is known of
 * the row itself. One text, as nothing is cheaper for all the rows that are good. */
static void append_mark(
    const struct scan_plan *plan, const struct scan_file *file, struct buffer *sql)
{
    const bool json = plan->reader->json;
    struct buffer cell, value;

    buffer_init(&cell, 0);
    buffer_init(&value, 0);
    buffer_printf(&cell, "CASE WHEN %s THEN -1", json ? "__broken IS NOT NULL" : "false");
    buffer_puts(
        &value, json ? "CASE WHEN __broken IS NOT NULL THEN __broken" : "CASE WHEN false THEN ''");
    append_cases(plan, file, false, &cell);
    append_cases(plan, file, true, &value);
    buffer_printf(sql, "CASE WHEN %s", json ? "__broken IS NOT NULL" : "false");
    for (size_t i = 0; i < file->count; i++) {
        if (!conversion_of(plan, file, i).fits_always)
            buffer_printf(sql, " OR (v%zu IS NULL AND c%zu IS NOT NULL)", i, i);
    }
    buffer_printf(sql, " THEN concat(%s END, ':', strlen(%s END), ':', %s END, ", cell.data,
        value.data, value.data);
    if (json)
        buffer_puts(sql, "l");
    else if (sift_has_text(plan, file))
        buffer_puts(sql, "''");
    else
        append_row_json(plan, file, sql);
    buffer_puts(sql, ") END AS __sluice_bad");
    buffer_deinit(&cell);
    buffer_deinit(&value);
}

/* Of files of one layout: converted cells are v0, v1, …, so that each is converted once. */
static void append_layout(
    const struct scan_plan *plan, size_t first, size_t end, struct buffer *sql)
{
    const struct scan_file *file = &plan->files[first];

    buffer_puts(sql, "SELECT ");
    for (size_t i = 0; i < plan->count; i++) {
        const ssize_t cell = cell_of(file, i);

        if (cell >= 0)
            buffer_printf(sql, "v%zd", cell);
        else
            buffer_printf(sql, "CAST(NULL AS %s)", plan->columns[i].type);
        buffer_puts(sql, " AS ");
        text_append_sql_name(sql, plan->columns[i].name);
        buffer_puts(sql, ", ");
    }
    append_mark(plan, file, sql);
    buffer_printf(sql, ", CAST(%zu + __file AS INTEGER) AS __sluice_file FROM (SELECT *", first);
    for (size_t i = 0; i < file->count; i++)
        buffer_printf(sql, ", %s AS v%zu", conversion_of(plan, file, i).try, i);
    buffer_puts(sql, " FROM (");
    plan->reader->append_select(plan, file, end - first, SCAN_SIFT, sql);
    buffer_puts(sql, "))");
}

bool sift_append_files(const struct scan_plan *plan, size_t first, size_t end, struct buffer *sql)
{
    bool any = false;

    for (size_t i = first, next; i < end; i = next) {
        const struct scan_file *file = &plan->files[i];

        for (next = i + 1; next < end && scan_file_alike(file, &plan->files[next]); next++)
            continue;
        if (file->empty)
            continue;
        buffer_puts(sql, any ? " UNION ALL " : "");
        append_layout(plan, i, next, sql);
        any = true;
    }
    return any;
}
