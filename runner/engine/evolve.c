#include "runner/engine/evolve.h"

#include "runner/base/buffer.h"
#include "runner/base/column_type.h"
#include "runner/base/mem.h"

#include <string.h>
#include <strings.h>

static const struct sql_column *find_row_column(const struct sql_schema *rows, const char *name)
{
    for (size_t i = 0; i < rows->count; i++) {
        if (strcasecmp(rows->columns[i].name, name) == 0)
            return &rows->columns[i];
    }
    return NULL;
}

static bool has_table_column(const struct evolve *evolve, const char *name)
{
    for (size_t i = 0; i < evolve->column_count; i++) {
        if (strcasecmp(evolve->columns[i].name, name) == 0)
            return true;
    }
    return false;
}

static bool lists(const struct text_list *names, const char *name)
{
    for (size_t i = 0; i < names->count; i++) {
        if (strcasecmp(names->items[i], name) == 0)
            return true;
    }
    return false;
}

static bool is_untyped(const char *type)
{
    return strcmp(type, "NULL") == 0;
}

static const char *type_text(const struct column_type *type, struct arena *arena)
{
    struct buffer text;
    const char *copy;

    buffer_init(&text, 0);
    column_type_append(&text, type);
    copy = arena_strdup(arena, text.data);
    buffer_deinit(&text);
    return copy;
}

const char *evolve_type_name(const char *type, struct arena *arena)
{
    const struct column_type *parsed;
    struct error ignored;

    /* What files cannot hold, the SQL engine refuses with the advice that it has for it. */
    return column_type_parse(type, arena, &parsed, &ignored) ? type : type_text(parsed, arena);
}

/* --- one column --- */

static bool is_integer(const struct column_type *type)
{
    return type->kind >= COLUMN_TINYINT && type->kind <= COLUMN_UBIGINT;
}

/* A field of a struct of the rows that the table's type has no place for. */
static const char *lost_field(const struct column_type *from, const struct column_type *to)
{
    const char *lost = NULL;

    if (from->kind != to->kind)
        return NULL;
    for (size_t i = 0; i < from->inner_count && !lost; i++) {
        const struct column_type *part = from->kind == COLUMN_STRUCT ? NULL : to->inner[i];

        for (size_t j = 0; from->kind == COLUMN_STRUCT && !part && j < to->inner_count; j++) {
            if (strcasecmp(from->names[i], to->names[j]) == 0)
                part = to->inner[j];
        }
        lost = part ? lost_field(from->inner[i], part) : from->names[i];
    }
    return lost;
}

/* The type that the table's column takes; the one that it has where it stays. */
static const struct column_type *widened(const struct evolve *evolve, const char *name,
    const struct column_type *table, const struct column_type *rows, struct arena *arena)
{
    const struct column_type *common;

    if (evolve->policy != SCHEMA_EVOLVE || column_type_widens(rows, table))
        return table;
    /* Whole numbers among prices are no reason for more digits. */
    if (table->kind == COLUMN_DECIMAL && is_integer(rows))
        return table;
    common = column_type_common(table, rows, arena);
    if (!common || (lists(&evolve->fixed, name) && !(is_integer(table) && is_integer(common))))
        return table;
    return common;
}

static int fit_column(struct evolve *evolve, const struct sql_column *rows,
    struct catalog_column *column, struct buffer *what, struct arena *arena, struct error *err)
{
    const struct column_type *have, *table, *type;
    struct error ignored;
    const char *lost;

    if (is_untyped(rows->type))
        return 0;
    if (is_untyped(column->type)) {
        /* The first rows that know a type give it; the catalog is told apart from all this. */
        column->type = evolve_type_name(rows->type, arena);
        return 0;
    }
    if (column_type_parse(column->type, arena, &table, &ignored) ||
        column_type_parse(rows->type, arena, &have, &ignored))
        return 0; /* the cast decides */
    type = widened(evolve, column->name, table, have, arena);
    lost = lost_field(have, type);
    if (lost && evolve->policy != SCHEMA_DISCARD_COLUMNS)
        return error_set(err, ERROR_DATA,
            "column \"%s\" is %s and must be %s, as the table %s has it, which has no place for "
            "the field \"%s\"; cast it in the SELECT, or write schema: discard_columns",
            column->name, type_text(have, arena), type_text(table, arena), evolve->table, lost);
    if (column_type_equal(type, table))
        return 0;
    buffer_printf(
        what, "%s%s %s \xe2\x86\x92 ", what->length ? ", " : "", column->name, column->type);
    column->type = type_text(type, arena);
    buffer_puts(what, column->type);
    evolve->ret_changed = true;
    return 0;
}

/* --- all of them --- */

static int fit_known(
    struct evolve *evolve, struct buffer *what, struct arena *arena, struct error *err)
{
    for (size_t i = 0; i < evolve->column_count; i++) {
        struct catalog_column *column = &evolve->ret_columns[evolve->ret_column_count++];
        const struct sql_column *rows = find_row_column(evolve->rows, evolve->columns[i].name);

        *column = evolve->columns[i];
        if (!rows && column->required)
            return error_set(err, ERROR_DATA,
                "column \"%s\" of the table %s is required and the rows have none; add it to the "
                "SELECT, or let it be null: sluice catalog alter %s --nullable %s",
                column->name, evolve->table, evolve->table, column->name);
        if (rows && fit_column(evolve, rows, column, what, arena, err))
            return -1;
    }
    return 0;
}

static int64_t next_field_id(const struct evolve *evolve)
{
    int64_t last = 0;

    for (size_t i = 0; i < evolve->column_count; i++)
        last = MAX(last, evolve->columns[i].field_id);
    return last + 1;
}

static int add_new(
    struct evolve *evolve, struct buffer *what, struct arena *arena, struct error *err)
{
    const bool is_new = evolve->column_count == 0;
    int64_t field_id = next_field_id(evolve);

    for (size_t i = 0; i < evolve->rows->count; i++) {
        const struct sql_column *column = &evolve->rows->columns[i];

        if (has_table_column(evolve, column->name))
            continue;
        if (!is_new && evolve->policy == SCHEMA_FREEZE)
            return error_set(err, ERROR_DATA,
                "column \"%s\" (%s) is not in the table %s and its schema is frozen; leave it out "
                "of the SELECT, or write schema: discard_columns",
                column->name, column->type, evolve->table);
        if (!is_new && evolve->policy != SCHEMA_EVOLVE)
            continue;
        evolve->ret_columns[evolve->ret_column_count] =
            (struct catalog_column){.name = arena_strdup(arena, column->name),
                .type = evolve_type_name(column->type, arena),
                .field_id = field_id++,
                .required = is_new && lists(&evolve->required, column->name)};
        if (!is_new || evolve->exists)
            buffer_printf(what, "%s%s %s added", what->length ? ", " : "", column->name,
                evolve->ret_columns[evolve->ret_column_count].type);
        evolve->ret_column_count++;
        evolve->ret_changed = evolve->ret_changed || !is_new || evolve->exists;
    }
    return 0;
}

/* A table that is there says itself which columns are never null. */
static int check_required(const struct evolve *evolve, struct error *err)
{
    for (size_t i = 0; i < evolve->required.count; i++) {
        const char *name = evolve->required.items[i];
        const struct catalog_column *found = NULL;

        for (size_t c = 0; c < evolve->ret_column_count; c++) {
            if (strcasecmp(evolve->ret_columns[c].name, name) == 0)
                found = &evolve->ret_columns[c];
        }
        if (!found)
            return error_set(err, ERROR_DATA, "required: the rows have no column \"%s\"", name);
        if (!found->required)
            return error_set(err, ERROR_DATA,
                "required: the column \"%s\" of the table %s may be null; change the table: sluice "
                "catalog alter %s --required %s",
                found->name, evolve->table, evolve->table, found->name);
    }
    return 0;
}

int evolve_columns(struct evolve *evolve, struct arena *arena, struct error *err)
{
    const size_t most = evolve->column_count + evolve->rows->count;
    struct buffer what;
    int rc;

    buffer_init(&what, 0);
    evolve->ret_columns = arena_array(arena, most, sizeof(*evolve->ret_columns));
    evolve->ret_column_count = 0;
    evolve->ret_changed = false;
    rc = fit_known(evolve, &what, arena, err) || add_new(evolve, &what, arena, err) ||
                 check_required(evolve, err)
             ? -1
             : 0;
    evolve->ret_what = arena_strdup(arena, what.data);
    buffer_deinit(&what);
    if (rc)
        return -1;
    evolve->ret_write.count = evolve->ret_column_count;
    evolve->ret_write.columns =
        arena_array(arena, evolve->ret_column_count, sizeof(*evolve->ret_write.columns));
    for (size_t i = 0; i < evolve->ret_column_count; i++)
        evolve->ret_write.columns[i] = (struct sql_column){.name = evolve->ret_columns[i].name,
            .type = evolve->ret_columns[i].type,
            .field_id = evolve->ret_columns[i].field_id,
            .required = evolve->ret_columns[i].required};
    return 0;
}
