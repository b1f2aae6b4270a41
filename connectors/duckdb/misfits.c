#include "connectors/duckdb/misfits.h"

#include "connectors/duckdb/schema.h"
#include "connectors/duckdb/statement.h"
#include "runner/base/column_type.h"
#include "runner/base/mem.h"
#include "runner/base/text.h"

#include <string.h>
#include <strings.h>

/* Beside the dataset's own columns. */
#define ROW_COLUMN "__sluice_row"

/* --- what a cast loses --- */

static bool is_integer(const struct column_type *type)
{
    return type->kind >= COLUMN_TINYINT && type->kind <= COLUMN_UBIGINT;
}

static bool is_stamp(const struct column_type *type)
{
    return type->kind == COLUMN_TIMESTAMP || type->kind == COLUMN_TIMESTAMP_NS ||
           type->kind == COLUMN_TIMESTAMPTZ;
}

static bool is_float(const struct column_type *type)
{
    return type->kind == COLUMN_FLOAT || type->kind == COLUMN_DOUBLE;
}

/* Whether a field of a struct in it has no place in the other: it is dropped on purpose, or the
 * load would not have come so far. */
static bool drops_fields(const struct column_type *from, const struct column_type *to)
{
    if (from->kind != to->kind)
        return false;
    for (size_t i = 0; i < from->inner_count; i++) {
        const struct column_type *part = from->kind == COLUMN_STRUCT ? NULL : to->inner[i];

        for (size_t j = 0; from->kind == COLUMN_STRUCT && !part && j < to->inner_count; j++) {
            if (strcasecmp(from->names[i], to->names[j]) == 0)
                part = to->inner[j];
        }
        if (!part || drops_fields(from->inner[i], part))
            return true;
    }
    return false;
}

static const char *back_and_forth(
    const char *from, const char *to, const char *name, struct arena *arena)
{
    return arena_printf(
        arena, "CAST(CAST(%s AS %s) AS %s) IS NOT DISTINCT FROM %s", name, to, from, name);
}

/* Digits behind the point that are more than zeros would be rounded away. */
static const char *text_digits(int scale, const char *name, struct arena *arena)
{
    return arena_printf(
        arena, "regexp_full_match(%s, '\\s*[+-]?\\d*(\\.\\d{0,%d}0*)?\\s*')", name, scale);
}

static const char *numbers(const struct column_type *a, const struct column_type *b,
    const char *from, const char *to, const char *name, struct arena *arena)
{
    if (is_integer(b) && (is_float(a) || (a->kind == COLUMN_DECIMAL && a->scale > 0)))
        return arena_printf(arena, "%s = round(%s)", name, name);
    if (is_integer(a) && b->kind == COLUMN_DOUBLE)
        return arena_printf(arena, "%s BETWEEN -9007199254740992 AND 9007199254740992", name);
    if (is_integer(a) && b->kind == COLUMN_FLOAT)
        return arena_printf(arena, "%s BETWEEN -16777216 AND 16777216", name);
    if ((is_float(a) || a->kind == COLUMN_DECIMAL) &&
        (b->kind == COLUMN_DECIMAL || b->kind == COLUMN_FLOAT))
        return back_and_forth(from, to, name, arena);
    return NULL;
}

const char *misfits_lossless(
    const char *from, const char *to, const char *name, struct arena *arena)
{
    const struct column_type *a, *b;
    struct error ignored;
    const char *condition;

    if (column_type_parse(from, arena, &a, &ignored) ||
        column_type_parse(to, arena, &b, &ignored) || column_type_widens(a, b))
        return NULL;
    condition = numbers(a, b, from, to, name, arena);
    if (condition)
        return condition;
    if (a->kind == COLUMN_VARCHAR && is_integer(b))
        return text_digits(0, name, arena);
    if (a->kind == COLUMN_VARCHAR && b->kind == COLUMN_DECIMAL)
        return text_digits(b->scale, name, arena);
    if (is_integer(a) && b->kind == COLUMN_BOOLEAN)
        return arena_printf(arena, "%s IN (0, 1)", name);
    if (is_stamp(a) && b->kind == COLUMN_TIME)
        return "false"; /* its date would be gone */
    if (is_stamp(a) && b->kind == COLUMN_DATE)
        return arena_printf(arena, "%s = date_trunc('day', %s)", name, name);
    if (a->kind == COLUMN_TIMESTAMP_NS && is_stamp(b))
        return back_and_forth(from, to, name, arena);
    if (a->inner_count && b->inner_count && !drops_fields(a, b))
        return back_and_forth(from, to, name, arena);
    return NULL;
}

/* --- rows that fit --- */

/* The condition of one column, for null, too; NULL: all its values fit. A cast within a list or a
 * struct that fails gives a null there: TRY asks for the whole. */
const char *misfits_fits(
    const struct sql_column *source, const struct sql_column *target, struct arena *arena)
{
    const char *name = schema_quoted(source->name, arena);
    const char *type = target->type;
    const char *condition;

    if (schema_is_untyped(target))
        return NULL;
    if (schema_is_untyped(source) || strcasecmp(source->type, type) == 0)
        return target->required ? arena_printf(arena, "%s IS NOT NULL", name) : NULL;
    condition = misfits_lossless(source->type, type, name, arena);
    return arena_printf(arena, "(%s IS %sNULL %s TRY(CAST(%s AS %s)) IS NOT NULL AND TRY(%s))",
        name, target->required ? "NOT " : "", target->required ? "AND" : "OR", name, type,
        condition ? condition : "true");
}

void misfits_append_fits(struct buffer *sql, const struct sql_write *write,
    const struct sql_schema *have, struct arena *arena)
{
    const size_t before = sql->length;

    for (size_t i = 0; i < have->count; i++) {
        const struct sql_column *source = &have->columns[i];
        const struct sql_column *target = schema_find(write->schema, source->name);
        const char *condition = NULL;

        if (!target && !schema_is_untyped(source))
            condition = arena_printf(arena, "%s IS NULL", schema_quoted(source->name, arena));
        else if (target && !schema_is_untyped(target))
            condition = misfits_fits(source, target, arena);
        if (condition)
            buffer_printf(sql, "%s%s", sql->length > before ? " AND " : "", condition);
    }
}

int misfits_count(duckdb_connection connection, const struct sql_write *write, struct arena *arena,
    int64_t *ret_count, struct error *err)
{
    struct sql_schema have;
    struct buffer fits;
    duckdb_result result;
    int rc = statement_describe(
        connection, schema_select_all(write->dataset, arena), NULL, 0, arena, &have, err);

    if (rc)
        return -1;
    buffer_init(&fits, 0);
    misfits_append_fits(&fits, write, &have, arena);
    *ret_count = 0;
    if (fits.length > 0) {
        rc = statement_query(connection,
            arena_printf(arena, "SELECT count(*) FROM %s WHERE (%s) IS NOT TRUE",
                schema_quoted(write->dataset, arena), fits.data),
            &result, err);
        if (!rc) {
            *ret_count = statement_int(&result, 0, 0);
            duckdb_destroy_result(&result);
        }
    }
    buffer_deinit(&fits);
    return rc;
}

/* --- why a cast failed --- */

struct misfit {
    int64_t row; /* 1-based; 0: there is none */
    const char *value, *key;
};

/* "id 7, day 2001-01-01" as an SQL expression. */
static const char *key_text(
    const struct sql_write *write, const struct sql_schema *have, struct arena *arena)
{
    struct buffer text;
    const char *copy;

    buffer_init(&text, 0);
    buffer_puts(&text, "concat_ws(', '");
    for (size_t i = 0; i < write->key.count; i++) {
        const struct sql_column *column = schema_find(have, write->key.items[i]);

        if (!column)
            continue;
        buffer_puts(&text, ", ");
        text_append_sql_literal(&text, column->name);
        buffer_printf(&text, " || ' ' || left(coalesce(CAST(%s AS VARCHAR), 'null'), 60)",
            schema_quoted(column->name, arena));
    }
    buffer_puts(&text, write->key.count ? ")" : ", '')");
    copy = arena_strdup(arena, text.data);
    buffer_deinit(&text);
    return copy;
}

static struct misfit find_misfit(duckdb_connection connection, const struct sql_write *write,
    const struct sql_schema *have, const struct sql_column *source, const char *condition,
    struct arena *arena)
{
    struct misfit misfit = {0};
    struct error ignored;
    duckdb_result result;

    if (statement_query(connection,
            arena_printf(arena,
                "SELECT " ROW_COLUMN ", left(CAST(%s AS VARCHAR), 60), %s FROM (SELECT *, "
                "row_number() OVER () AS " ROW_COLUMN " FROM %s) WHERE (%s) IS NOT TRUE "
                "ORDER BY " ROW_COLUMN " LIMIT 1",
                schema_quoted(source->name, arena), key_text(write, have, arena),
                schema_quoted(write->dataset, arena), condition),
            &result, &ignored))
        return misfit;
    if (duckdb_row_count(&result) > 0)
        misfit = (struct misfit){.row = statement_int(&result, 0, 0),
            .value = statement_cell(&result, 1, 0, arena),
            .key = statement_cell(&result, 2, 0, arena)};
    duckdb_destroy_result(&result);
    return misfit;
}

static int say(const struct sql_write *write, const struct sql_column *source,
    const struct sql_column *target, const struct misfit *misfit, struct error *err)
{
    const bool has_key = misfit->key && misfit->key[0];

    if (!write->show_values)
        return error_set(err, ERROR_DATA,
            "column \"%s\" is %s and must be %s: the value in row %lld does not fit; cast it in "
            "the SELECT, or leave such rows out (logs.samples: true in sluice.yaml shows it)",
            source->name, source->type, target->type, (long long)misfit->row);
    return error_set(err, ERROR_DATA,
        "column \"%s\" is %s and must be %s: \"%s\" in row %lld%s%s%s does not fit; cast it in the "
        "SELECT, or leave such rows out",
        source->name, source->type, target->type, misfit->value, (long long)misfit->row,
        has_key ? " (" : "", has_key ? misfit->key : "", has_key ? ")" : "");
}

/* Rows in which a required column, which may be missing, has no value, and the first of them. */
static int64_t count_nulls(duckdb_connection connection, const struct sql_write *write,
    const struct sql_column *source, int64_t *ret_first, struct arena *arena)
{
    struct error ignored;
    duckdb_result result;
    int64_t count = 0;
    const char *sql = arena_printf(arena,
        "SELECT count(*), ifnull(min(number), 0) FROM (SELECT row_number() OVER () AS number, %s "
        "AS value FROM %s) AS numbered WHERE value IS NULL",
        source ? schema_quoted(source->name, arena) : "NULL", schema_quoted(write->dataset, arena));

    if (statement_query(connection, sql, &result, &ignored) == 0) {
        count = statement_int(&result, 0, 0);
        *ret_first = statement_int(&result, 1, 0);
        duckdb_destroy_result(&result);
    }
    return count;
}

int misfits_explain(duckdb_connection connection, const struct sql_write *write,
    struct arena *arena, struct error *err)
{
    struct sql_schema have;
    struct error ignored;

    /* A type that cannot be cast at all is an error of the SQL. */
    if ((err->code != ERROR_DATA && err->code != ERROR_SQL) || !write->schema ||
        statement_describe(
            connection, schema_select_all(write->dataset, arena), NULL, 0, arena, &have, &ignored))
        return -1;
    for (size_t i = 0; i < write->schema->count; i++) {
        const struct sql_column *target = &write->schema->columns[i];
        const struct sql_column *source = schema_find(&have, target->name);
        const char *condition =
            source && !schema_is_untyped(target) ? misfits_fits(source, target, arena) : NULL;
        struct misfit misfit = {0};
        int64_t nulls = 0, first = 0;

        if (target->required)
            nulls = count_nulls(connection, write, source, &first, arena);
        if (nulls)
            return error_set(err, ERROR_DATA,
                "column \"%s\" is required, but null in %lld row%s (row %lld%s): give it a value "
                "in the SELECT, or leave such rows out",
                target->name, (long long)nulls, nulls == 1 ? "" : "s", (long long)first,
                nulls == 1 ? "" : " is the first");
        if (condition)
            misfit = find_misfit(connection, write, &have, source, condition, arena);
        if (misfit.row)
            return say(write, source, target, &misfit, err);
    }
    return -1;
}
