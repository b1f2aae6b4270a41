#include "connectors/duckdb/columns.h"

#include "connectors/duckdb/schema.h"
#include "connectors/duckdb/statement.h"
#include "runner/base/mem.h"
#include "runner/base/text.h"
#include "runner/base/time.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const struct sql_column *find(const struct sql_schema *schema, const char *name)
{
    for (size_t i = 0; i < schema->count; i++) {
        if (strcasecmp(schema->columns[i].name, name) == 0)
            return &schema->columns[i];
    }
    return NULL;
}

static bool is_untyped(const struct sql_column *column)
{
    return strcmp(column->type, "NULL") == 0;
}

static bool is_integer(const char *type)
{
    static const char *const types[] = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT",
        "USMALLINT", "UINTEGER", "UBIGINT", NULL};

    for (const char *const *t = types; *t; t++) {
        if (strcasecmp(type, *t) == 0)
            return true;
    }
    return false;
}

static bool has_fraction(const char *type)
{
    return strcasecmp(type, "DOUBLE") == 0 || strcasecmp(type, "FLOAT") == 0 ||
           (text_starts(type, "DECIMAL(") && !text_ends(type, ",0)"));
}

static const char *quoted(const char *name, struct arena *arena)
{
    struct buffer text;
    const char *copy;

    buffer_init(&text, 0);
    text_append_sql_name(&text, name);
    copy = arena_strdup(arena, text.data);
    buffer_deinit(&text);
    return copy;
}

/* Where DuckDB would round or cut without a word, the condition under which nothing is lost; NULL
 * elsewhere. */
static const char *lossless(const char *from, const char *to, const char *name, struct arena *arena)
{
    if (has_fraction(from) && is_integer(to))
        return arena_printf(arena, "%s = round(%s)", name, name);
    if (strcasecmp(from, "VARCHAR") == 0 && is_integer(to))
        return arena_printf(arena, "regexp_full_match(%s, '\\s*[+-]?\\d+(\\.0*)?\\s*')", name);
    if (is_integer(from) && strcasecmp(to, "DOUBLE") == 0)
        return arena_printf(arena, "%s BETWEEN -9007199254740992 AND 9007199254740992", name);
    if (is_integer(from) && strcasecmp(to, "BOOLEAN") == 0)
        return arena_printf(arena, "%s IN (0, 1)", name);
    if (text_starts(from, "TIMESTAMP") && strcasecmp(to, "TIME") == 0)
        return "false"; /* its date would be gone */
    if (text_starts(from, "TIMESTAMP") && strcasecmp(to, "DATE") == 0)
        return arena_printf(arena, "%s = date_trunc('day', %s)", name, name);
    return NULL;
}

static void append_cast(struct buffer *sql, const struct sql_column *source,
    const struct sql_column *target, struct arena *arena)
{
    const char *name = quoted(source->name, arena);
    const char *condition = lossless(source->type, target->type, name, arena);

    if (strcasecmp(source->type, target->type) == 0)
        buffer_puts(sql, name);
    else if (condition)
        buffer_printf(sql, "CASE WHEN %s IS NULL OR %s THEN CAST(%s AS %s) ELSE error('lossy') END",
            name, condition, name, target->type);
    else
        buffer_printf(sql, "CAST(%s AS %s)", name, target->type);
}

/* --- keys
 * ---------------------------------------------------------------------------------------------- */

static int append_key(struct buffer *sql, const struct sql_partition *partition,
    const struct sql_schema *schema, struct arena *arena, struct error *err)
{
    static const char *const forms[] = {[SQL_PARTITION_YEAR] = "CAST(year(%s) AS BIGINT)",
        [SQL_PARTITION_MONTH] = "CAST(year(%s) * 12 + month(%s) - 1 AS BIGINT)",
        [SQL_PARTITION_DAY] = "CAST(CAST(%s AS DATE) - DATE '1970-01-01' AS BIGINT)",
        [SQL_PARTITION_HOUR] = "CAST(epoch_us(date_trunc('hour', %s)) // 3600000000 AS BIGINT)"};
    static const char *const names[] = {[SQL_PARTITION_YEAR] = "year",
        [SQL_PARTITION_MONTH] = "month",
        [SQL_PARTITION_DAY] = "day",
        [SQL_PARTITION_HOUR] = "hour"};
    const struct sql_column *column = find(schema, partition->column);
    const char *name;

    if (!column || is_untyped(column))
        return error_set(err, ERROR_INVALID, "partition_by: there is no column \"%s\"%s",
            partition->column, column ? " with a type: all its values are null" : "");
    if (partition->transform > SQL_PARTITION_HOUR)
        return error_set(err, ERROR_NOT_SUPPORTED, "partition_by: bucket and truncate of \"%s\"",
            partition->column);
    name = quoted(column->name, arena);
    if (partition->transform == SQL_PARTITION_IDENTITY) {
        buffer_printf(
            sql, is_integer(column->type) ? "CAST(%s AS BIGINT)" : "CAST(%s AS VARCHAR)", name);
        return 0;
    }
    if (!text_starts(column->type, "TIMESTAMP") &&
        (strcmp(column->type, "DATE") != 0 || partition->transform == SQL_PARTITION_HOUR))
        return error_set(err, ERROR_INVALID,
            "partition_by: %s(%s): the column is %s, not a %stimestamp: cast it",
            names[partition->transform], partition->column, column->type,
            partition->transform == SQL_PARTITION_HOUR ? "" : "date or ");
    for (const char *at = forms[partition->transform]; *at; at++) {
        if (at[0] == '%' && at[1] == 's') {
            buffer_puts(sql, name);
            at++;
        } else {
            buffer_putc(sql, *at);
        }
    }
    return 0;
}

const char *columns_value(
    enum sql_partition_transform transform, const char *key, struct arena *arena)
{
    const long long value = key && transform != SQL_PARTITION_IDENTITY ? strtoll(key, NULL, 10) : 0;
    char text[TIME_TEXT_SIZE];

    if (!key)
        return NULL;
    switch (transform) {
    case SQL_PARTITION_IDENTITY:
    case SQL_PARTITION_BUCKET:
    case SQL_PARTITION_TRUNCATE:
    case SQL_PARTITION_KEY:
        return arena_strdup(arena, key);
    case SQL_PARTITION_YEAR:
        return arena_printf(arena, "%04lld", value);
    case SQL_PARTITION_MONTH:
        return arena_printf(arena, "%04lld-%02lld", value / 12, value % 12 + 1);
    case SQL_PARTITION_DAY:
        return arena_strdup(arena, time_format_date(value * MS_PER_DAY, text));
    case SQL_PARTITION_HOUR:
        time_format_date(value * MS_PER_HOUR, text);
        return arena_printf(arena, "%s-%02lld", text, ((value % 24) + 24) % 24);
    }
    return NULL;
}

/* --- the SELECT
 * ---------------------------------------------------------------------------------------- */

static int append_target(struct buffer *sql, const struct sql_column *target, bool first,
    const struct sql_schema *have, struct arena *arena, struct error *err)
{
    const struct sql_column *source = find(have, target->name);

    if (is_untyped(target)) {
        if (source && !is_untyped(source))
            return error_set(err, ERROR_INVALID,
                "column \"%s\" is %s, but has no type in the schema", target->name, source->type);
        return 0; /* left out of the files */
    }
    if (!first)
        buffer_puts(sql, ", ");
    if (!source || is_untyped(source)) {
        buffer_printf(
            sql, "CAST(%s AS %s) AS ", target->required ? "error('null')" : "NULL", target->type);
    } else {
        if (target->required)
            buffer_printf(
                sql, "CASE WHEN %s IS NULL THEN error('null') ELSE ", quoted(source->name, arena));
        append_cast(sql, source, target, arena);
        buffer_puts(sql, target->required ? " END AS " : " AS ");
    }
    text_append_sql_name(sql, target->name);
    return 0;
}

static int append_list(struct buffer *sql, const struct sql_write *write,
    const struct sql_schema *have, struct arena *arena, struct error *err)
{
    const struct sql_schema *want = write->schema ? write->schema : have;
    const size_t before = sql->length;

    if (schema_check_storable(want, err))
        return -1;
    for (size_t i = 0; i < want->count; i++) {
        if (append_target(sql, &want->columns[i], sql->length == before, have, arena, err))
            return -1;
    }
    return sql->length > before
               ? 0
               : error_set(err, ERROR_INVALID, "no column has a type: all values are null");
}

static int append_order(struct buffer *sql, const struct sql_write *write,
    const struct sql_schema *want, struct arena *arena, struct error *err)
{
    const char *separator = " ORDER BY ";

    for (size_t i = 0; i < write->partition_count; i++, separator = ", ")
        buffer_printf(sql, "%s%zu", separator, i + 1);
    for (size_t i = 0; i < write->sort_by.count; i++, separator = ", ") {
        char *name = arena_strdup(arena, write->sort_by.items[i]);
        const char *direction = "";

        if (!find(want, name) && strlen(name) > 5 &&
            strcasecmp(name + strlen(name) - 5, " desc") == 0) {
            name[strlen(name) - 5] = '\0';
            direction = " DESC";
        } else if (!find(want, name) && strlen(name) > 4 &&
                   strcasecmp(name + strlen(name) - 4, " asc") == 0) {
            name[strlen(name) - 4] = '\0';
        }
        if (!find(want, name))
            return error_set(err, ERROR_INVALID, "sort_by: there is no column \"%s\"", name);
        buffer_printf(sql, "%sq.%s%s", separator, quoted(name, arena), direction);
    }
    return 0;
}

/* All columns that have a type. */
static struct sql_schema written_schema(const struct sql_schema *want, struct arena *arena)
{
    struct sql_schema written = {
        .columns = arena_array(arena, want->count, sizeof(*want->columns))};

    for (size_t i = 0; i < want->count; i++) {
        if (!is_untyped(&want->columns[i]))
            written.columns[written.count++] = want->columns[i];
    }
    return written;
}

int columns_select(duckdb_connection connection, const struct sql_write *write, struct arena *arena,
    struct buffer *sql, struct sql_schema *ret_written, struct error *err)
{
    const char *all = schema_select_all(write->dataset, arena);
    const struct sql_schema *want;
    struct sql_schema have;

    if (statement_describe(connection, all, NULL, 0, arena, &have, err))
        return -1;
    want = write->schema ? write->schema : &have;
    buffer_puts(sql, "SELECT ");
    for (size_t i = 0; i < write->partition_count; i++) {
        buffer_puts(sql, i ? ", " : "");
        if (append_key(sql, &write->partitions[i], want, arena, err))
            return -1;
        buffer_printf(sql, " AS __key_%zu", i);
    }
    buffer_puts(sql, write->partition_count ? ", q.* FROM (SELECT " : "q.* FROM (SELECT ");
    if (append_list(sql, write, &have, arena, err))
        return -1;
    buffer_puts(sql, " FROM ");
    text_append_sql_name(sql, write->dataset);
    buffer_puts(sql, ") AS q");
    if (append_order(sql, write, want, arena, err))
        return -1;
    *ret_written = written_schema(want, arena);
    return 0;
}

int columns_empty(duckdb_connection connection, const struct sql_write *write, struct arena *arena,
    bool *ret_empty, struct error *err)
{
    const char *all = schema_select_all(write->dataset, arena);
    struct sql_schema have;
    duckdb_result result;
    bool untyped = false;

    if (statement_describe(connection, all, NULL, 0, arena, &have, err))
        return -1;
    for (size_t i = 0; i < have.count; i++)
        untyped = untyped || is_untyped(&have.columns[i]);
    if (untyped &&
        statement_query(connection, arena_printf(arena, "%s LIMIT 1", all), &result, err))
        return -1;
    *ret_empty = untyped && duckdb_row_count(&result) == 0;
    if (untyped)
        duckdb_destroy_result(&result);
    return 0;
}

/* --- why a cast failed
 * ----------------------------------------------------------------------------------- */

/* The first value of the column that does not fit; NULL where all do. */
static const char *misfit(duckdb_connection connection, const struct sql_write *write,
    const struct sql_column *source, const char *type, struct arena *arena)
{
    const char *name = quoted(source->name, arena);
    const char *condition = lossless(source->type, type, name, arena);
    const char *value = NULL;
    duckdb_result result;
    struct error ignored;
    const char *sql;

    sql = arena_printf(arena,
        "SELECT left(CAST(%s AS VARCHAR), 60) FROM %s WHERE %s IS NOT NULL AND (TRY_CAST(%s AS "
        "%s) IS NULL OR NOT (%s)) LIMIT 1",
        name, quoted(write->dataset, arena), name, name, type, condition ? condition : "true");
    if (statement_query(connection, sql, &result, &ignored))
        return NULL;
    if (duckdb_row_count(&result) > 0)
        value = statement_cell(&result, 0, 0, arena);
    duckdb_destroy_result(&result);
    return value;
}

/* Rows in which a required column, which may be missing, has no value. */
static int64_t count_nulls(duckdb_connection connection, const struct sql_write *write,
    const struct sql_column *source, struct arena *arena)
{
    struct error ignored;
    duckdb_result result;
    int64_t count = 0;
    const char *sql = arena_printf(arena, "SELECT count(*) FROM %s WHERE %s IS NULL",
        quoted(write->dataset, arena), source ? quoted(source->name, arena) : "NULL");

    if (statement_query(connection, sql, &result, &ignored) == 0) {
        count = statement_int(&result, 0, 0);
        duckdb_destroy_result(&result);
    }
    return count;
}

int columns_explain(duckdb_connection connection, const struct sql_write *write,
    struct arena *arena, struct error *err)
{
    struct sql_schema have;
    struct error ignored;

    if (err->code != ERROR_DATA || !write->schema ||
        statement_describe(
            connection, schema_select_all(write->dataset, arena), NULL, 0, arena, &have, &ignored))
        return -1;
    for (size_t i = 0; i < write->schema->count; i++) {
        const struct sql_column *target = &write->schema->columns[i];
        const struct sql_column *source = find(&have, target->name);
        const int64_t nulls = target->required ? count_nulls(connection, write, source, arena) : 0;
        const char *value;

        if (nulls)
            return error_set(err, ERROR_DATA,
                "column \"%s\" is required, but null in %lld row%s: give it a value in the SELECT, "
                "or leave such rows out",
                target->name, (long long)nulls, nulls == 1 ? "" : "s");
        if (!source || is_untyped(source) || strcasecmp(source->type, target->type) == 0)
            continue;
        value = misfit(connection, write, source, target->type, arena);
        if (value)
            return error_set(err, ERROR_DATA,
                "column \"%s\" is %s and must be %s: \"%s\" does not fit; cast it in the SELECT, "
                "or "
                "leave such rows out",
                source->name, source->type, target->type, value);
    }
    return -1;
}
