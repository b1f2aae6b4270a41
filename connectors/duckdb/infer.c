#include "connectors/duckdb/infer.h"

#include "connectors/duckdb/statement.h"
#include "runner/base/mem.h"
#include "runner/base/text.h"

#include <string.h>

/* What cells look like; a column is the union of its cells. */
enum {
    SEEN_INTEGER = 1,
    SEEN_DOUBLE = 2,
    SEEN_BOOLEAN = 4,
    SEEN_DATE = 8,
    SEEN_TIMESTAMP = 16,
    SEEN_TIMESTAMP_ZONED = 32,
    SEEN_TIME = 64,
    SEEN_LOCAL_DATE = 128, /* 3.4.2001, 3/4/2001 10:00 */
    SEEN_TEXT = 256,
    SEEN_JSON = 512,
    SEEN_DATE_FORMAT = 1024, /* fits csv.date_format */
    SEEN_TIMESTAMP_FORMAT = 2048,
};

/* %s is the cell. The first byte decides for most texts, so that only what begins like a number
 * or a date is matched further. */
static const char class_sql[] =
    "CASE WHEN %s IS NULL THEN NULL "
    "WHEN ascii(%s) BETWEEN 48 AND 57 OR ascii(%s) IN (43, 45, 46) THEN CASE "
    "WHEN %s = CAST(TRY_CAST(%s AS BIGINT) AS VARCHAR) THEN 1 "
    "WHEN NOT regexp_full_match(%s, '-?[0-9]+') AND regexp_full_match(%s, "
    "'-?(0|[1-9][0-9]*)?([.,][0-9]*)?([eE][+-]?[0-9]+)?') AND isfinite(TRY_CAST(@ AS DOUBLE)) "
    "THEN 2 "
    "WHEN regexp_full_match(%s, '\\d{4}[-/]\\d{1,2}[-/]\\d{1,2}') AND TRY_CAST(%s AS DATE) IS NOT "
    "NULL THEN "
    "8 "
    "WHEN regexp_full_match(%s, '\\d{4}[-/]\\d{1,2}[-/]\\d{1,2}[ "
    "T]\\d{2}:\\d{2}(:\\d{2}([.]\\d{1,6}0*)?)?') AND "
    "TRY_CAST(%s AS TIMESTAMP) IS NOT NULL THEN 16 "
    "WHEN regexp_full_match(%s, '\\d{4}[-/]\\d{1,2}[-/]\\d{1,2}[ "
    "T]\\d{2}:\\d{2}(:\\d{2}([.]\\d{1,6}0*)?)? "
    "?(Z|[+-]\\d{2}(:?\\d{2})?)') AND TRY_CAST(%s AS TIMESTAMPTZ) IS NOT NULL THEN 32 "
    "WHEN regexp_full_match(%s, '\\d{2}:\\d{2}(:\\d{2}([.]\\d{1,6}0*)?)?') AND TRY_CAST(%s AS "
    "TIME) IS "
    "NOT "
    "NULL THEN 64 "
    "WHEN regexp_full_match(%s, '\\d{1,2}[/.-]\\d{1,2}[/.-](\\d{4}|\\d{2})([ "
    "T]+\\d{1,2}:\\d{2}(:\\d{2})?( ?[AaPp][Mm])?)?') THEN 128 "
    "ELSE 256 END "
    "WHEN lower(%s) IN ('true', 'false') THEN 4 ELSE 256 END";

/* `cell` for each %s, `number` (with a decimal point) for @. */
static void append_class(struct buffer *sql, const char *cell, const char *number)
{
    for (const char *at = class_sql; *at; at++) {
        if (at[0] == '%' && at[1] == 's') {
            buffer_puts(sql, cell);
            at++;
        } else if (*at == '@') {
            buffer_puts(sql, number);
        } else {
            buffer_putc(sql, *at);
        }
    }
}

/* JSON says what is a number and what a text; only dates are looked for in texts. */
static void append_json_class(struct buffer *sql, const char *cell, struct arena *arena)
{
    const char *text = arena_printf(arena, "json_extract_string(%s, '$')", cell);

    buffer_printf(sql,
        "CASE WHEN %s IS NULL THEN NULL WHEN %s[1] = '{' OR %s[1] = '[' THEN 512 "
        "WHEN %s[1] <> '\"' THEN ",
        cell, cell, cell, cell);
    append_class(sql, cell, cell);
    buffer_printf(
        sql, " WHEN regexp_full_match(%s, '\\d{4}[-/]\\d{1,2}[-/]\\d{1,2}.*') THEN ", text);
    append_class(sql, text, text);
    buffer_puts(sql, " ELSE 256 END");
}

static void append_cell_class(const struct scan_plan *plan, size_t i, struct buffer *sql)
{
    const struct csv_dialect *csv = &plan->scan->csv;
    const char *cell = arena_printf(plan->arena, "c%zu", i);
    const char *number = text_equal(csv->decimal, ",")
                             ? arena_printf(plan->arena, "replace(%s, ',', '.')", cell)
                             : cell;

    buffer_puts(sql, "bit_or(");
    if (plan->reader->json) {
        append_json_class(sql, cell, plan->arena);
    } else {
        static const char *const names[] = {"1024", "2048"};
        const char *const formats[] = {csv->date_format, csv->timestamp_format};

        buffer_puts(sql, "CASE ");
        for (size_t f = 0; f < ARRAY_LENGTH(formats); f++) {
            if (!formats[f])
                continue;
            buffer_printf(sql, "WHEN try_strptime(%s, ", cell);
            text_append_sql_literal(sql, formats[f]);
            buffer_printf(sql, ") IS NOT NULL THEN %s ", names[f]);
        }
        buffer_puts(sql, "WHEN true THEN ");
        append_class(sql, cell, number);
        buffer_puts(sql, " END");
    }
    buffer_puts(sql, ")");
}

static void append_sample(
    const struct scan_plan *plan, const struct scan_file *file, struct buffer *sql)
{
    buffer_puts(sql, " FROM (SELECT * FROM (");
    plan->reader->append_select(plan, file, 1, SCAN_SAMPLE, sql);
    buffer_printf(sql, ") LIMIT %d)", SCAN_SAMPLE_ROWS);
}

/* Only what somebody wants to know. */
static bool is_asked(const struct scan_column *column)
{
    return !column->contracted || text_equal(column->type, "DATE") ||
           text_starts(column->type, "TIMESTAMP");
}

static int classify(struct scan_plan *plan, const struct scan_file *file, struct error *err)
{
    duckdb_result result;
    struct buffer sql;
    int rc;

    if (file->count == 0)
        return 0;
    buffer_init(&sql, 0);
    buffer_puts(&sql, "SELECT ");
    for (size_t i = 0; i < file->count; i++) {
        buffer_puts(&sql, i ? ", " : "");
        if (is_asked(&plan->columns[file->columns[i]]))
            append_cell_class(plan, i, &sql);
        else
            buffer_puts(&sql, "NULL");
    }
    append_sample(plan, file, &sql);
    rc = statement_query(plan->connection, sql.data, &result, err);
    buffer_deinit(&sql);
    if (rc)
        return -1;
    for (size_t i = 0; i < file->count; i++)
        plan->columns[file->columns[i]].seen |= (unsigned)statement_int(&result, i, 0);
    duckdb_destroy_result(&result);
    return 0;
}

/* --- local dates
 * ------------------------------------------------------------------------------------ */

struct candidates {
    const char *items[80];
    size_t count;
};

static void make_candidates(struct candidates *c, struct arena *arena)
{
    static const char *const days[] = {"%d@%m@%Y", "%m@%d@%Y", "%d@%m@%y", "%m@%d@%y"};
    static const char *const times[] = {"", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p"};

    c->count = 0;
    for (const char *separator = "/.-"; *separator; separator++) {
        for (size_t d = 0; d < ARRAY_LENGTH(days); d++) {
            for (size_t t = 0; t < ARRAY_LENGTH(times); t++) {
                char *format = arena_printf(arena, "%s%s", days[d], times[t]);

                for (char *at = strchr(format, '@'); at; at = strchr(at, '@'))
                    *at = *separator;
                c->items[c->count++] = format;
            }
        }
    }
}

/* The candidates that every cell of the sample fits; %Y wants a year of four digits. */
static int fitting(struct scan_plan *plan, const struct scan_file *file, size_t cell,
    struct candidates *c, const char **ret_example, struct error *err)
{
    struct candidates fit = {.count = 0};
    duckdb_result result;
    struct buffer sql;
    int rc;

    buffer_init(&sql, 0);
    buffer_printf(&sql, "SELECT any_value(c%zu)", cell);
    for (size_t i = 0; i < c->count; i++) {
        buffer_printf(&sql, ", bool_and(coalesce(year(try_strptime(c%zu, ", cell);
        text_append_sql_literal(&sql, c->items[i]);
        buffer_puts(&sql, ")) >= 1000, false))");
    }
    buffer_printf(&sql, " FROM (SELECT DISTINCT c%zu", cell);
    append_sample(plan, file, &sql);
    buffer_printf(&sql, " WHERE c%zu IS NOT NULL)", cell);
    rc = statement_query(plan->connection, sql.data, &result, err);
    buffer_deinit(&sql);
    if (rc)
        return -1;
    *ret_example = statement_cell(&result, 0, 0, plan->arena);
    for (size_t i = 0; i < c->count; i++) {
        if (duckdb_value_is_null(&result, i + 1, 0) || duckdb_value_boolean(&result, i + 1, 0))
            fit.items[fit.count++] = c->items[i];
    }
    duckdb_destroy_result(&result);
    *c = fit;
    return 0;
}

static bool has_column(const struct scan_file *file, size_t column, size_t *ret_cell)
{
    for (size_t i = 0; i < file->count; i++) {
        if (file->columns[i] == column) {
            *ret_cell = i;
            return true;
        }
    }
    return false;
}

/* How the column writes its dates; leaves the format NULL where nothing fits. */
static int find_format(struct scan_plan *plan, size_t index, struct error *err)
{
    struct scan_column *column = &plan->columns[index];
    const char *example = NULL, *object = NULL;
    struct candidates c;
    size_t cell;

    make_candidates(&c, plan->arena);
    for (size_t i = 0; i < MIN(plan->scan->source_count, SCAN_SAMPLE_FILES); i++) {
        if (!has_column(&plan->files[i], index, &cell))
            continue;
        if (fitting(plan, &plan->files[i], cell, &c, &example, err))
            return -1;
        object = object ? object : plan->files[i].source->object;
    }
    if (c.count > 1)
        return error_set(err, ERROR_DATA,
            "%s: column \"%s\": \"%s\" may be day or month first: say csv: {date_format: \"%s\"} "
            "(or timestamp_format), or \"%s\"",
            object, column->name, example ? example : "", c.items[0], c.items[1]);
    column->format = c.count == 1 ? c.items[0] : NULL;
    return 0;
}

/* --- types
 * ------------------------------------------------------------------------------------------ */

static bool is_only(unsigned seen, unsigned allowed)
{
    return (seen & ~allowed) == 0;
}

static const char *type_of(unsigned seen)
{
    if (is_only(seen, SEEN_INTEGER))
        return "BIGINT";
    if (is_only(seen, SEEN_INTEGER | SEEN_DOUBLE))
        return "DOUBLE";
    if (is_only(seen, SEEN_BOOLEAN))
        return "BOOLEAN";
    if (is_only(seen, SEEN_DATE) || is_only(seen, SEEN_DATE_FORMAT))
        return "DATE";
    if (is_only(seen, SEEN_DATE | SEEN_TIMESTAMP) || is_only(seen, SEEN_TIMESTAMP_FORMAT))
        return "TIMESTAMP";
    if (is_only(seen, SEEN_DATE | SEEN_TIMESTAMP | SEEN_TIMESTAMP_ZONED))
        return "TIMESTAMP WITH TIME ZONE";
    if (is_only(seen, SEEN_TIME))
        return "TIME";
    return seen & SEEN_JSON ? "JSON" : "VARCHAR";
}

static int infer_untyped(struct scan_plan *plan, size_t index, struct error *err)
{
    const struct csv_dialect *csv = &plan->scan->csv;
    struct scan_column *column = &plan->columns[index];

    column->open = column->seen == 0;
    column->type = column->open ? "VARCHAR" : type_of(column->seen);
    if (column->seen == SEEN_DATE_FORMAT)
        column->format = csv->date_format;
    else if (column->seen == SEEN_TIMESTAMP_FORMAT)
        column->format = csv->timestamp_format;
    else if (column->seen == SEEN_LOCAL_DATE && !plan->reader->json) {
        if (find_format(plan, index, err))
            return -1;
        /* A year of two digits may as well be a version or an address: text, without a contract. */
        if (column->format && strstr(column->format, "%y"))
            column->format = NULL;
        if (column->format)
            column->type = strchr(column->format, ':') ? "TIMESTAMP" : "DATE";
    }
    return 0;
}

/* The type is given; the way it is written may not be. */
static int infer_contracted(struct scan_plan *plan, size_t index, struct error *err)
{
    const struct csv_dialect *csv = &plan->scan->csv;
    struct scan_column *column = &plan->columns[index];
    const bool is_date = text_equal(column->type, "DATE");

    if (is_date ? csv->date_format != NULL : csv->timestamp_format != NULL) {
        column->format = is_date ? csv->date_format : csv->timestamp_format;
        return 0;
    }
    if (!(column->seen & SEEN_LOCAL_DATE) ||
        (column->seen & (SEEN_DATE | SEEN_TIMESTAMP | SEEN_TIMESTAMP_ZONED)))
        return 0;
    return find_format(plan, index, err);
}

/* DuckDB's own rules say what two types have in common. */
static int common_types(struct scan_plan *plan, struct error *err)
{
    for (size_t f = 0; f < plan->scan->source_count; f++) {
        const struct scan_file *file = &plan->files[f];

        for (size_t i = 0; i < file->count; i++) {
            struct scan_column *column = &plan->columns[file->columns[i]];
            duckdb_result result;

            if (column->contracted || text_equal(column->type, file->types[i]))
                continue;
            if (!column->type) {
                column->type = file->types[i];
                continue;
            }
            if (statement_query(plan->connection,
                    arena_printf(plan->arena,
                        "SELECT typeof(coalesce(CAST(NULL AS %s), CAST(NULL AS %s)))", column->type,
                        file->types[i]),
                    &result, err))
                return error_set(err, ERROR_DATA,
                    "%s: column \"%s\" is %s, but %s in files before: say its type under columns",
                    file->source->object, column->name, file->types[i], column->type);
            column->type = statement_cell(&result, 0, 0, plan->arena);
            duckdb_destroy_result(&result);
        }
    }
    return 0;
}

int infer_types(struct scan_plan *plan, struct error *err)
{
    if (plan->reader->typed)
        return common_types(plan, err);
    for (size_t i = 0; i < MIN(plan->scan->source_count, SCAN_SAMPLE_FILES); i++) {
        if (classify(plan, &plan->files[i], err))
            return error_prefix(err, "%s", plan->files[i].source->object);
    }
    for (size_t i = 0; i < plan->count; i++) {
        const bool contracted = plan->columns[i].contracted;

        if (!is_asked(&plan->columns[i]))
            continue;
        if (contracted ? infer_contracted(plan, i, err) : infer_untyped(plan, i, err))
            return -1;
    }
    return 0;
}
