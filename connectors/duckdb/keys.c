#include "connectors/duckdb/keys.h"

#include "connectors/duckdb/schema.h"
#include "runner/base/text.h"
#include "runner/base/time.h"

#include <stdlib.h>
#include <string.h>

/* Year, month, day, hour of a date or time; of an infinite one null, for all of them. */
static int append_time_key(struct buffer *sql, enum sql_partition_transform transform,
    const struct sql_column *column, struct arena *arena, struct error *err)
{
    static const char *const forms[] = {[SQL_PARTITION_YEAR] = "CAST(year(%s) AS BIGINT)",
        [SQL_PARTITION_MONTH] = "CAST(year(%s) * 12 + month(%s) - 1 AS BIGINT)",
        [SQL_PARTITION_DAY] =
            "CASE WHEN isfinite(%s) THEN CAST(CAST(%s AS DATE) - DATE '1970-01-01' AS BIGINT) END",
        [SQL_PARTITION_HOUR] =
            "CASE WHEN isfinite(%s) THEN epoch_ms(date_trunc('hour', %s)) // 3600000 END"};
    static const char *const names[] = {[SQL_PARTITION_YEAR] = "year",
        [SQL_PARTITION_MONTH] = "month",
        [SQL_PARTITION_DAY] = "day",
        [SQL_PARTITION_HOUR] = "hour"};
    const char *name = schema_quoted(column->name, arena);

    if (!text_starts(column->type, "TIMESTAMP") &&
        (strcmp(column->type, "DATE") != 0 || transform == SQL_PARTITION_HOUR))
        return error_set(err, ERROR_INVALID,
            "partition_by: %s(%s): the column is %s, not a %stimestamp: cast it", names[transform],
            column->name, column->type, transform == SQL_PARTITION_HOUR ? "" : "date or ");
    for (const char *at = forms[transform]; *at; at++) {
        if (at[0] == '%' && at[1] == 's') {
            buffer_puts(sql, name);
            at++;
        } else {
            buffer_putc(sql, *at);
        }
    }
    return 0;
}

static bool is_nested(const char *type)
{
    return text_ends(type, "]") || text_starts(type, "STRUCT(") || text_starts(type, "MAP(");
}

/* Values that the functions of transforms.c have no kind for go by their texts. */
const char *keys_hashable(const char *type, const char *expression, struct arena *arena)
{
    return text_starts(type, "ENUM(") || is_nested(type)
               ? arena_printf(arena, "CAST(%s AS VARCHAR)", expression)
               : expression;
}

static const char *hashable(const struct sql_column *column, struct arena *arena)
{
    return keys_hashable(column->type, schema_quoted(column->name, arena), arena);
}

static int append_bucket_key(struct buffer *sql, const struct sql_partition *partition,
    const struct sql_column *column, struct arena *arena, struct error *err)
{
    const bool truncates = partition->transform == SQL_PARTITION_TRUNCATE;
    const char *type = column->type;
    const char *name = truncates ? "truncate" : "bucket";

    if (truncates && strcmp(type, "BLOB") == 0) {
        buffer_printf(sql, "CAST(array_slice(%s, 1, %lld) AS VARCHAR)",
            schema_quoted(column->name, arena), (long long)partition->width);
        return 0;
    }
    if (is_nested(type) || strcmp(type, "BOOLEAN") == 0 || strcmp(type, "DOUBLE") == 0 ||
        strcmp(type, "FLOAT") == 0 ||
        (truncates &&
            (text_starts(type, "TIME") || strcmp(type, "DATE") == 0 || strcmp(type, "UUID") == 0)))
        return error_set(err, ERROR_INVALID,
            "partition_by: %s(%lld, %s): the column is %s: take another, or cast it to %s", name,
            (long long)partition->width, column->name, type,
            is_nested(type) ? "VARCHAR" : "BIGINT, DECIMAL or VARCHAR");
    buffer_printf(
        sql, "sluice_%s(%lld, %s)", name, (long long)partition->width, hashable(column, arena));
    return 0;
}

static int append_tuple_key(struct buffer *sql, const struct sql_partition *partition,
    const struct sql_schema *schema, struct arena *arena, struct error *err)
{
    buffer_printf(sql, "sluice_key_bucket(%lld", (long long)partition->width);
    for (size_t i = 0; i < partition->columns.count; i++) {
        const struct sql_column *column = schema_find(schema, partition->columns.items[i]);

        if (!column)
            return error_set(err, ERROR_INVALID, "the key's column \"%s\" is not in the dataset",
                partition->columns.items[i]);
        buffer_printf(sql, ", %s", schema_is_untyped(column) ? "NULL" : hashable(column, arena));
    }
    buffer_putc(sql, ')');
    return 0;
}

/* Values that are equal are of one partition: 0.0 and -0.0. */
static void append_identity_key(
    struct buffer *sql, const struct sql_column *column, struct arena *arena)
{
    const char *name = schema_quoted(column->name, arena), *type = column->type;

    if (strcmp(type, "DOUBLE") == 0 || strcmp(type, "FLOAT") == 0)
        buffer_printf(sql, "CASE WHEN %s = 0 THEN '0.0' ELSE CAST(%s AS VARCHAR) END", name, name);
    else if (schema_is_integer(type) && strcmp(type, "UBIGINT") != 0)
        buffer_printf(sql, "CAST(%s AS BIGINT)", name);
    else
        buffer_printf(sql, "CAST(%s AS VARCHAR)", name);
}

int keys_append(struct buffer *sql, const struct sql_partition *partition,
    const struct sql_schema *schema, struct arena *arena, struct error *err)
{
    const bool is_tuple = partition->transform == SQL_PARTITION_KEY;
    const struct sql_column *column = is_tuple ? NULL : schema_find(schema, partition->column);

    if (partition->transform >= SQL_PARTITION_BUCKET && partition->width < 1)
        return error_set(err, ERROR_INVALID, "partition_by: %s: the width %lld is not positive",
            is_tuple ? "the key" : partition->column, (long long)partition->width);
    if (is_tuple)
        return append_tuple_key(sql, partition, schema, arena, err);
    if (!column || schema_is_untyped(column))
        return error_set(err, ERROR_INVALID, "partition_by: there is no column \"%s\"%s",
            partition->column, column ? " with a type: all its values are null" : "");
    if (partition->transform >= SQL_PARTITION_BUCKET)
        return append_bucket_key(sql, partition, column, arena, err);
    if (partition->transform != SQL_PARTITION_IDENTITY)
        return append_time_key(sql, partition->transform, column, arena, err);
    append_identity_key(sql, column, arena);
    return 0;
}

const char *keys_value(enum sql_partition_transform transform, const char *key, struct arena *arena)
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
