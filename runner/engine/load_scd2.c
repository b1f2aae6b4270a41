/* scd2: what becomes of the histories of the keys of a load. A history is a line of events in time:
 * rows that begin, and ends. Stored rows and new ones are put into one line for each key; a new row
 * that says what the one before says is left out; each row then lasts until the next event. What
 * differs from what is stored is written. So it does not matter in which order the past comes. */
#include "runner/base/buffer.h"
#include "runner/engine/load_sql.h"
#include "runner/engine/load_table.h"

#include <string.h>
#include <strings.h>

/* Kinds of events, in their order at one moment. */
#define STORED_END "0"
#define ROW "1"
#define NEW_END "2"

static void append_null(struct buffer *text, const char *type)
{
    if (strcmp(type, "NULL") == 0)
        buffer_puts(text, "null");
    else
        buffer_printf(text, "cast(null as %s)", type);
}

/* `columns` as `have` has them in `prefix`; the rest, or all but the key, null. */
static void append_values(struct buffer *text, const char *prefix, const struct sql_schema *columns,
    const struct sql_schema *have, const struct text_list *only)
{
    for (size_t i = 0; i < columns->count; i++) {
        const struct sql_column *column = &columns->columns[i];

        buffer_puts(text, i ? ", " : "");
        if (load_table_has(have, column->name) && (!only || load_table_lists(only, column->name)))
            load_sql_append_name(text, prefix, column->name);
        else
            append_null(text, column->type);
        if (only || !load_table_has(have, column->name)) {
            buffer_puts(text, " as ");
            text_append_sql_name(text, column->name);
        }
    }
}

static void append_as_of(struct buffer *text, const struct load_sql *sql)
{
    buffer_puts(text, "cast(");
    if (sql->as_of)
        load_sql_append_name(text, "delta", sql->as_of);
    else
        buffer_puts(text, "$" LOAD_AS_OF);
    buffer_puts(text, " as timestamp with time zone)");
}

/* Of an end that has no row: the newest moment that the load tells of. */
static void append_end_as_of(struct buffer *text, const struct load_sql *sql)
{
    if (!sql->as_of) {
        append_as_of(text, sql);
        return;
    }
    buffer_puts(text, "(select max(");
    append_as_of(text, sql);
    buffer_puts(text, ") from ");
    text_append_sql_name(text, sql->names[LOAD_DELTA]);
    buffer_puts(text, " as delta)");
}

static void append_stored_part(struct buffer *text, const struct load_sql *sql)
{
    buffer_puts(text, "with stored as (select * from ");
    text_append_sql_name(text, sql->names[LOAD_OLD]);
    buffer_puts(text, " as old");
    if (!sql->close_absent) {
        buffer_puts(text, " where exists (select 1 from ");
        text_append_sql_name(text, sql->names[LOAD_DELTA]);
        buffer_puts(text, " as delta where ");
        load_sql_append_same(text, "delta", "old", &sql->own_key);
        buffer_putc(text, ')');
    }
    buffer_puts(text, "), ");
}

/* The rest of the event: a stored row has ended, and none follows it at once. One that ended when
 * it began has its end behind it, unless the load brings the row of that moment again. */
static void append_stored_end(struct buffer *text, const struct load_sql *sql)
{
    static const char at_once[] = "stored." SCD2_TO " = stored." SCD2_FROM;

    buffer_printf(text,
        ", stored." SCD2_TO ", case when %s then " NEW_END " else " STORED_END
        " end, true from stored where stored." SCD2_TO
        " is not null and not exists (select 1 from stored as after where ",
        at_once);
    load_sql_append_same(text, "after", "stored", &sql->own_key);
    buffer_puts(text, " and after." SCD2_FROM " = stored." SCD2_TO " and after." SCD2_FROM
                      " <> stored." SCD2_FROM ")");
    buffer_printf(text, " and not (%s and exists (select 1 from ", at_once);
    text_append_sql_name(text, sql->names[LOAD_DELTA]);
    buffer_puts(text, " as delta where ");
    load_sql_append_same(text, "delta", "stored", &sql->own_key);
    buffer_puts(text, " and ");
    append_as_of(text, sql);
    buffer_puts(text, " = stored." SCD2_FROM "))");
}

static void append_events(
    struct buffer *text, const struct load_sql *sql, const struct sql_schema *columns)
{
    buffer_puts(text, "events as (select ");
    append_values(text, "stored", columns, sql->stored, NULL);
    buffer_puts(text, ", stored." SCD2_FROM " as _sluice_at, " ROW
                      " as _sluice_kind, true as _sluice_had from stored union all select ");
    append_values(text, "stored", columns, sql->stored, &sql->own_key);
    append_stored_end(text, sql);
    buffer_puts(text, " union all select ");
    append_values(text, "delta", columns, sql->copy, NULL);
    buffer_puts(text, ", ");
    append_as_of(text, sql);
    buffer_puts(text, ", " ROW ", false from ");
    text_append_sql_name(text, sql->names[LOAD_DELTA]);
    buffer_puts(text, " as delta");
    if (sql->close_absent) {
        buffer_puts(text, " union all select ");
        append_values(text, "stored", columns, sql->stored, &sql->own_key);
        buffer_puts(text, ", ");
        append_end_as_of(text, sql);
        buffer_puts(text, ", " NEW_END ", false from stored where stored." SCD2_TO
                          " is null and not exists (select 1 from ");
        text_append_sql_name(text, sql->names[LOAD_DELTA]);
        buffer_puts(text, " as delta where ");
        load_sql_append_same(text, "delta", "stored", &sql->own_key);
        buffer_putc(text, ')');
    }
    buffer_puts(text, "), ");
}

static bool is_tracked(const struct load_sql *sql, const char *column)
{
    if (sql->track->count > 0)
        return load_table_lists(sql->track, column);
    return !load_table_lists(&sql->own_key, column) &&
           !(sql->as_of && strcasecmp(sql->as_of, column) == 0);
}

static void append_tracked(struct buffer *text, const struct load_sql *sql)
{
    buffer_puts(text, "row(true");
    for (size_t i = 0; i < sql->copy->count; i++) {
        const char *name = sql->copy->columns[i].name;

        if (!is_tracked(sql, name))
            continue;
        buffer_puts(text, ", ");
        text_append_sql_name(text, name);
    }
    buffer_putc(text, ')');
}

/* Of one moment the new row is the row; one that changes nothing is left out, unless it takes the
 * place of a stored one. */
static void append_line(struct buffer *text, const struct load_sql *sql)
{
    buffer_puts(text, "single as (select *, row_number() over (partition by ");
    load_sql_append_names(text, NULL, &sql->own_key);
    buffer_puts(text, ", _sluice_at, _sluice_kind order by _sluice_had) as _sluice_rank, "
                      "bool_or(_sluice_had) over (partition by ");
    load_sql_append_names(text, NULL, &sql->own_key);
    buffer_puts(text, ", _sluice_at, _sluice_kind) as _sluice_kept from events), "
                      "compared as (select *, lag(_sluice_kind) over line as _sluice_before, lag(");
    append_tracked(text, sql);
    buffer_puts(text, ") over line as _sluice_was from single where _sluice_rank = 1 "
                      "window line as (partition by ");
    load_sql_append_names(text, NULL, &sql->own_key);
    buffer_puts(text,
        " order by _sluice_at, _sluice_kind)), "
        "kept as (select *, lead(_sluice_at) over line as " SCD2_TO
        ", lead(_sluice_kind) over line as _sluice_next from compared "
        "where _sluice_kept or _sluice_kind <> " ROW " or _sluice_before is distinct from " ROW
        " or _sluice_was is distinct from ");
    append_tracked(text, sql);
    buffer_puts(text, " window line as (partition by ");
    load_sql_append_names(text, NULL, &sql->own_key);
    buffer_puts(text, " order by _sluice_at, _sluice_kind)) ");
}

/* "row(a, b, until)" of the new history or of the stored one. */
static void append_row(struct buffer *text, const char *prefix, const struct sql_schema *columns,
    const struct sql_schema *have)
{
    buffer_puts(text, "row(");
    for (size_t i = 0; i < columns->count; i++) {
        if (load_table_has(have, columns->columns[i].name))
            load_sql_append_name(text, prefix, columns->columns[i].name);
        else
            append_null(text, columns->columns[i].type);
        buffer_puts(text, ", ");
    }
    buffer_printf(text, "%s." SCD2_TO ")", prefix);
}

static void append_new_column(struct buffer *text, const char *column)
{
    load_sql_append_name(text, "kept", strcasecmp(column, SCD2_FROM) == 0 ? "_sluice_at" : column);
}

static void append_moves(struct buffer *text, const struct load_sql *sql)
{
    buffer_puts(text, "(old." SCD2_FROM " is not null and (false");
    for (size_t i = 0; i < sql->moving.count; i++) {
        buffer_puts(text, " or ");
        append_new_column(text, sql->moving.items[i]);
        buffer_puts(text, " is distinct from ");
        load_sql_append_name(text, "old", sql->moving.items[i]);
    }
    buffer_puts(text, ")) as " LOAD_MOVES);
}

const char *load_scd2_joined(const struct load_sql *sql, struct arena *arena)
{
    const struct sql_schema columns = load_sql_columns(sql, arena);
    struct buffer text;

    buffer_init(&text, 0);
    append_stored_part(&text, sql);
    append_events(&text, sql, &columns);
    append_line(&text, sql);
    buffer_puts(&text, "select ");
    for (size_t i = 0; i < columns.count; i++) {
        load_sql_append_name(&text, "kept", columns.columns[i].name);
        buffer_puts(&text, ", ");
    }
    buffer_puts(&text, "kept._sluice_at as " SCD2_FROM ", kept." SCD2_TO ", false as " LOAD_DELETE
                       ", old." SCD2_FROM " is not null as " LOAD_STORED ", ");
    append_moves(&text, sql);
    load_sql_append_old(&text, sql);
    buffer_puts(&text,
        ", coalesce(kept._sluice_next = " NEW_END ", false) as " LOAD_ENDS " from kept left join ");
    text_append_sql_name(&text, sql->names[LOAD_OLD]);
    buffer_puts(&text, " as old on ");
    load_sql_append_same(&text, "kept", "old", &sql->own_key);
    buffer_puts(&text, " and kept._sluice_at = old." SCD2_FROM " where kept._sluice_kind = " ROW
                       " and (old." SCD2_FROM " is null or ");
    append_row(&text, "kept", &columns, &columns);
    buffer_puts(&text, " is distinct from ");
    append_row(&text, "old", &columns, sql->stored);
    buffer_puts(&text, ")");
    return load_sql_take(&text, arena);
}
