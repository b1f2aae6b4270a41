#include "connectors/duckdb/columns.h"

#include "connectors/duckdb/keys.h"
#include "connectors/duckdb/misfits.h"
#include "connectors/duckdb/schema.h"
#include "connectors/duckdb/statement.h"
#include "runner/base/mem.h"
#include "runner/base/text.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static void append_cast(struct buffer *sql, const struct sql_column *source,
    const struct sql_column *target, struct arena *arena)
{
    const char *name = schema_quoted(source->name, arena);
    const char *condition = misfits_lossless(source->type, target->type, name, arena);

    if (strcasecmp(source->type, target->type) == 0)
        buffer_puts(sql, name);
    else if (condition)
        buffer_printf(sql, "CASE WHEN %s IS NULL OR %s THEN CAST(%s AS %s) ELSE error('lossy') END",
            name, condition, name, target->type);
    else
        buffer_printf(sql, "CAST(%s AS %s)", name, target->type);
}

/* --- the SELECT
 * ---------------------------------------------------------------------------------------- */

static int append_target(struct buffer *sql, const struct sql_column *target, bool first,
    const struct sql_schema *have, struct arena *arena, struct error *err)
{
    const struct sql_column *source = schema_find(have, target->name);

    if (schema_is_untyped(target)) {
        if (source && !schema_is_untyped(source))
            return error_set(err, ERROR_INVALID,
                "column \"%s\" is %s, but has no type in the schema", target->name, source->type);
        return 0; /* left out of the files */
    }
    if (!first)
        buffer_puts(sql, ", ");
    if (!source || schema_is_untyped(source)) {
        buffer_printf(
            sql, "CAST(%s AS %s) AS ", target->required ? "error('null')" : "NULL", target->type);
    } else {
        if (target->required)
            buffer_printf(sql, "CASE WHEN %s IS NULL THEN error('null') ELSE ",
                schema_quoted(source->name, arena));
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
    for (size_t i = 0; i < write->sort_by.count; i++) {
        char *name = arena_strdup(arena, write->sort_by.items[i]);
        const char *direction = "";

        if (!schema_find(want, name) && strlen(name) > 5 &&
            strcasecmp(name + strlen(name) - 5, " desc") == 0) {
            name[strlen(name) - 5] = '\0';
            direction = " DESC";
        } else if (!schema_find(want, name) && strlen(name) > 4 &&
                   strcasecmp(name + strlen(name) - 4, " asc") == 0) {
            name[strlen(name) - 4] = '\0';
        }
        if (!schema_find(want, name))
            return error_set(err, ERROR_INVALID, "sort_by: there is no column \"%s\"", name);
        if (schema_is_untyped(schema_find(want, name)))
            continue; /* nulls alone: they are selected nowhere */
        buffer_printf(sql, "%sq.%s%s", separator, schema_quoted(name, arena), direction);
        separator = ", ";
    }
    return 0;
}

/* All columns that have a type. */
static struct sql_schema written_schema(const struct sql_schema *want, struct arena *arena)
{
    struct sql_schema written = {
        .columns = arena_array(arena, want->count, sizeof(*want->columns))};

    for (size_t i = 0; i < want->count; i++) {
        if (!schema_is_untyped(&want->columns[i]))
            written.columns[written.count++] = want->columns[i];
    }
    return written;
}

static void append_fits(struct buffer *sql, const struct sql_write *write,
    const struct sql_schema *have, struct arena *arena)
{
    struct buffer fits;

    buffer_init(&fits, 0);
    misfits_append_fits(&fits, write, have, arena);
    if (fits.length > 0)
        buffer_printf(sql, " WHERE %s", fits.data);
    buffer_deinit(&fits);
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
        if (keys_append(sql, &write->partitions[i], want, arena, err))
            return -1;
        buffer_printf(sql, " AS __key_%zu", i);
    }
    buffer_puts(sql, write->partition_count ? ", q.* FROM (SELECT " : "q.* FROM (SELECT ");
    if (append_list(sql, write, &have, arena, err))
        return -1;
    buffer_puts(sql, " FROM ");
    text_append_sql_name(sql, write->dataset);
    if (write->skip_misfits && write->schema)
        append_fits(sql, write, &have, arena);
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
        untyped = untyped || schema_is_untyped(&have.columns[i]);
    if (untyped &&
        statement_query(connection, arena_printf(arena, "%s LIMIT 1", all), &result, err))
        return -1;
    *ret_empty = untyped && duckdb_row_count(&result) == 0;
    if (untyped)
        duckdb_destroy_result(&result);
    return 0;
}
