#include "runner/engine/load_sql.h"

#include "runner/base/buffer.h"
#include "runner/engine/load_table.h"

#include <string.h>
#include <strings.h>

/* --- parts --- */

void load_sql_append_name(struct buffer *text, const char *prefix, const char *name)
{
    if (prefix)
        buffer_printf(text, "%s.", prefix);
    text_append_sql_name(text, name);
}

void load_sql_append_names(struct buffer *text, const char *prefix, const struct text_list *names)
{
    for (size_t i = 0; i < names->count; i++) {
        buffer_puts(text, i ? ", " : "");
        load_sql_append_name(text, prefix, names->items[i]);
    }
}

void load_sql_append_same(
    struct buffer *text, const char *a, const char *b, const struct text_list *names)
{
    for (size_t i = 0; i < names->count; i++) {
        buffer_puts(text, i ? " and " : "");
        load_sql_append_name(text, a, names->items[i]);
        buffer_puts(text, " = ");
        load_sql_append_name(text, b, names->items[i]);
    }
}

const char *load_sql_take(struct buffer *text, struct arena *arena)
{
    const char *copy = arena_strdup(arena, text->data);

    buffer_deinit(text);
    return copy;
}

static void append_columns(struct buffer *text, const char *prefix, const struct sql_schema *schema)
{
    for (size_t i = 0; i < schema->count; i++) {
        buffer_puts(text, i ? ", " : "");
        load_sql_append_name(text, prefix, schema->columns[i].name);
    }
}

/* A column without a value has no type, whatever a union made of its nulls. */
static void append_typed_columns(struct buffer *text, const struct sql_schema *schema)
{
    for (size_t i = 0; i < schema->count; i++) {
        buffer_puts(text, i ? ", " : "");
        if (strcmp(schema->columns[i].type, "NULL") == 0)
            buffer_puts(text, "null as ");
        load_sql_append_name(text, NULL, schema->columns[i].name);
    }
}

static void append_from(struct buffer *text, const struct load_sql *sql, enum load_dataset dataset)
{
    buffer_puts(text, " from ");
    text_append_sql_name(text, sql->names[dataset]);
}

/* A condition of the pipeline's may end in a comment. */
static void append_condition(struct buffer *text, const char *condition)
{
    buffer_printf(text, "coalesce((\n%s\n), false)", condition);
}

/* --- the delta --- */

const char *load_sql_null_key(const struct load_sql *sql, struct arena *arena)
{
    struct buffer text;

    buffer_init(&text, 0);
    buffer_puts(&text, "select * from (select row_number() over () as " LOAD_ROW ", ");
    load_sql_append_names(&text, NULL, &sql->own_key);
    if (sql->as_of) {
        buffer_puts(&text, ", ");
        text_append_sql_name(&text, sql->as_of);
    }
    append_from(&text, sql, LOAD_COPY);
    buffer_puts(&text, ") as numbered where ");
    for (size_t i = 0; i < sql->own_key.count; i++) {
        buffer_puts(&text, i ? " or " : "");
        text_append_sql_name(&text, sql->own_key.items[i]);
        buffer_puts(&text, " is null");
    }
    if (sql->as_of) {
        buffer_puts(&text, " or ");
        text_append_sql_name(&text, sql->as_of);
        buffer_puts(&text, " is null");
    }
    buffer_puts(&text, " order by " LOAD_ROW);
    return load_sql_take(&text, arena);
}

const char *load_sql_left(const struct load_sql *sql, struct arena *arena)
{
    struct buffer text;

    buffer_init(&text, 0);
    buffer_puts(&text, "select ");
    for (size_t i = 0; i < sql->copy->count; i++) {
        const struct sql_column *column = &sql->copy->columns[i];
        const bool untyped = strcmp(column->type, "NULL") == 0;

        buffer_puts(&text, i ? ", " : "");
        buffer_puts(&text, untyped ? "null" : "cast(");
        if (!untyped && load_table_has(sql->table, column->name))
            load_sql_append_name(&text, "gone", column->name);
        else if (!untyped)
            buffer_puts(&text, "null");
        if (!untyped)
            buffer_printf(&text, " as %s)", column->type);
        buffer_puts(&text, " as ");
        text_append_sql_name(&text, column->name);
    }
    buffer_puts(&text, " from ");
    text_append_sql_name(&text, sql->gone);
    buffer_puts(&text, " as gone anti join ");
    text_append_sql_name(&text, sql->names[LOAD_COPY]);
    buffer_puts(&text, " as new on ");
    load_sql_append_same(&text, "new", "gone", &sql->key);
    return load_sql_take(&text, arena);
}

const char *load_sql_delta(const struct load_sql *sql, struct arena *arena)
{
    struct buffer text;

    buffer_init(&text, 0);
    buffer_puts(&text, "select ");
    append_columns(&text, NULL, sql->copy);
    buffer_puts(
        &text, ", " LOAD_ROW ", " LOAD_DELETE " from (select *, row_number() over (partition by ");
    load_sql_append_names(&text, NULL, &sql->own_key);
    if (sql->as_of) {
        buffer_puts(&text, ", ");
        text_append_sql_name(&text, sql->as_of);
    }
    buffer_puts(&text, " order by ");
    if (sql->sequence) {
        text_append_sql_name(&text, sql->sequence);
        buffer_puts(&text, " desc nulls last, ");
    }
    buffer_puts(&text, LOAD_ROW " desc) as _sluice_rank from (select *, "
                                "row_number() over () as " LOAD_ROW ", ");
    if (sql->delete_when)
        append_condition(&text, sql->delete_when);
    else
        buffer_puts(&text, sql->deletes_all ? "true" : "false");
    buffer_puts(&text, " as " LOAD_DELETE);
    append_from(&text, sql, LOAD_COPY);
    buffer_puts(&text, " as ");
    text_append_sql_name(&text, sql->alias);
    buffer_puts(&text, ") as numbered) as ranked where _sluice_rank = 1");
    if (sql->gone) {
        buffer_puts(&text, " union all select ");
        append_columns(&text, NULL, sql->copy);
        buffer_puts(&text, ", -1, true");
        append_from(&text, sql, LOAD_LEFT);
    }
    return load_sql_take(&text, arena);
}

const char *load_sql_bounds(const struct load_sql *sql, struct arena *arena)
{
    struct buffer text;

    buffer_init(&text, 0);
    buffer_puts(&text, "select ");
    for (size_t i = 0; i < sql->own_key.count; i++) {
        buffer_puts(&text, i ? ", min(" : "min(");
        text_append_sql_name(&text, sql->own_key.items[i]);
        buffer_printf(&text, ") as min_%zu, max(", i);
        text_append_sql_name(&text, sql->own_key.items[i]);
        buffer_printf(&text, ") as max_%zu", i);
    }
    append_from(&text, sql, LOAD_DELTA);
    return load_sql_take(&text, arena);
}

/* --- beside what is stored --- */

/* "old" is a row, and no delete that is remembered. */
static void append_stored(struct buffer *text, const struct load_sql *sql)
{
    buffer_puts(text, "(");
    load_sql_append_name(text, "old", sql->key.items[0]);
    buffer_puts(text, " is not null");
    if (sql->sequence)
        buffer_puts(text, " and not old._sluice_deleted");
    buffer_puts(text, ")");
}

static void append_moves(struct buffer *text, const struct load_sql *sql)
{
    buffer_puts(text, "(");
    append_stored(text, sql);
    buffer_puts(text, " and (");
    for (size_t i = 0; i < sql->moving.count; i++) {
        const char *column = sql->moving.items[i];

        buffer_puts(text, i ? " or " : "");
        load_sql_append_name(text, "old", column);
        buffer_puts(text, " is distinct from ");
        if (load_table_has(sql->copy, column))
            load_sql_append_name(text, "new", column);
        else
            buffer_puts(text, "null");
    }
    buffer_puts(text, sql->moving.count ? "))" : "false))");
}

static void append_unchanged(struct buffer *text, const struct load_sql *sql)
{
    buffer_puts(text, "not new." LOAD_DELETE " and ");
    append_stored(text, sql);
    for (size_t i = 0; i < sql->stored->count; i++) {
        const char *column = sql->stored->columns[i].name;

        buffer_puts(text, " and ");
        load_sql_append_name(text, "old", column);
        buffer_puts(text, " is not distinct from ");
        if (load_table_has(sql->copy, column))
            load_sql_append_name(text, "new", column);
        else
            buffer_puts(text, "null");
    }
    for (size_t i = 0; i < sql->copy->count; i++) {
        if (load_table_has(sql->stored, sql->copy->columns[i].name))
            continue;
        buffer_puts(text, " and ");
        load_sql_append_name(text, "new", sql->copy->columns[i].name);
        buffer_puts(text, " is null");
    }
}

/* Each partition remembers deletes of its own: of a key the newest entry of all counts. */
static void append_old_rows(struct buffer *text, const struct load_sql *sql)
{
    if (!sql->sequence) {
        text_append_sql_name(text, sql->names[LOAD_OLD]);
        return;
    }
    buffer_puts(text, "(select * from (select *, row_number() over (partition by ");
    load_sql_append_names(text, NULL, &sql->key);
    buffer_puts(text, " order by ");
    text_append_sql_name(text, sql->sequence);
    buffer_puts(text, " desc nulls last, _sluice_deleted) as _sluice_rank");
    append_from(text, sql, LOAD_OLD);
    buffer_puts(text, ") as entries where _sluice_rank = 1)");
}

/* What stays of the delta. */
static void append_wanted(struct buffer *text, const struct load_sql *sql)
{
    buffer_puts(text, " where true");
    if (sql->only_moves)
        return;
    if (sql->sequence) { /* a null is the smallest */
        buffer_puts(text, " and (");
        load_sql_append_name(text, "old", sql->sequence);
        buffer_puts(text, " is null or coalesce(");
        load_sql_append_name(text, "new", sql->sequence);
        buffer_puts(text, " >= ");
        load_sql_append_name(text, "old", sql->sequence);
        buffer_puts(text, ", false))");
    } else { /* a delete of what is not there; with a sequence it is remembered */
        buffer_puts(text, " and (not new." LOAD_DELETE " or ");
        append_stored(text, sql);
        buffer_puts(text, ")");
    }
    if (sql->update_when) {
        buffer_puts(text, " and (new." LOAD_DELETE " or not ");
        append_stored(text, sql);
        buffer_puts(text, " or ");
        append_condition(text, sql->update_when);
        buffer_puts(text, ")");
    }
    if (sql->skip_unchanged) {
        buffer_puts(text, " and not (");
        append_unchanged(text, sql);
        buffer_puts(text, ")");
    }
}

void load_sql_append_old(struct buffer *text, const struct load_sql *sql)
{
    for (size_t i = 0; i < sql->moving.count; i++) {
        buffer_puts(text, ", ");
        load_sql_append_name(text, "old", sql->moving.items[i]);
        buffer_printf(text, " as _sluice_old_%zu", i);
    }
}

const char *load_sql_joined(const struct load_sql *sql, struct arena *arena)
{
    struct buffer text;

    buffer_init(&text, 0);
    buffer_puts(&text, "select ");
    append_columns(&text, "new", sql->copy);
    buffer_puts(&text, ", new." LOAD_DELETE ", ");
    append_stored(&text, sql);
    buffer_puts(&text, " as " LOAD_STORED ", ");
    append_moves(&text, sql);
    buffer_puts(&text, " as " LOAD_MOVES);
    load_sql_append_old(&text, sql);
    append_from(&text, sql, LOAD_DELTA);
    buffer_puts(&text, " as new left join ");
    append_old_rows(&text, sql);
    buffer_puts(&text, " as old on ");
    load_sql_append_same(&text, "new", "old", &sql->key);
    append_wanted(&text, sql);
    return load_sql_take(&text, arena);
}

/* --- what is written --- */

struct sql_schema load_sql_columns(const struct load_sql *sql, struct arena *arena)
{
    struct sql_schema all = {.count = sql->copy->count};
    const size_t stored = sql->stored ? sql->stored->count : 0;

    all.columns = arena_array(arena, all.count + stored + 1, sizeof(*all.columns));
    memcpy(all.columns, sql->copy->columns, all.count * sizeof(*all.columns));
    for (size_t i = 0; i < stored; i++) {
        const struct sql_column *column = &sql->stored->columns[i];

        if (!load_table_has(sql->copy, column->name) && strcasecmp(column->name, SCD2_FROM) != 0 &&
            strcasecmp(column->name, SCD2_TO) != 0)
            all.columns[all.count++] = *column;
    }
    return all;
}

static enum load_dataset source_of(const struct load_sql *sql)
{
    return sql->joined ? LOAD_JOINED : LOAD_DELTA;
}

const char *load_sql_rows(const struct load_sql *sql, struct arena *arena)
{
    const struct sql_schema columns = sql->scd2 ? load_sql_columns(sql, arena) : *sql->copy;
    struct buffer text;

    buffer_init(&text, 0);
    buffer_puts(&text, "select ");
    append_typed_columns(&text, &columns);
    buffer_puts(&text, sql->scd2 ? ", " SCD2_FROM ", " SCD2_TO : "");
    append_from(&text, sql, source_of(sql));
    buffer_puts(&text, " where not " LOAD_DELETE);
    return load_sql_take(&text, arena);
}

/* One column of an entry of deletes: the stored row's, where it has moved or may have. */
static void append_entry_column(
    struct buffer *text, const struct load_sql *sql, const char *column, bool of_stored)
{
    size_t moving = 0;

    buffer_puts(text, ", ");
    while (moving < sql->moving.count && strcasecmp(sql->moving.items[moving], column) != 0)
        moving++;
    if (of_stored && moving < sql->moving.count)
        buffer_printf(text, "case when " LOAD_STORED " then _sluice_old_%zu else ", moving);
    if (load_table_has(sql->copy, column) ||
        (sql->scd2 && (strcasecmp(column, SCD2_FROM) == 0 || strcasecmp(column, SCD2_TO) == 0)))
        text_append_sql_name(text, column);
    else
        buffer_puts(text, "null");
    buffer_puts(text, of_stored && moving < sql->moving.count ? " end as " : " as ");
    text_append_sql_name(text, column);
}

static void append_entries(struct buffer *text, const struct load_sql *sql,
    const struct text_list *partition, bool of_stored)
{
    buffer_puts(text, "select ");
    load_sql_append_names(text, NULL, &sql->key);
    if (sql->sequence)
        append_entry_column(
            text, sql, sql->sequence, of_stored && load_table_lists(&sql->moving, sql->sequence));
    for (size_t i = 0; i < partition->count; i++) {
        const char *column = partition->items[i];
        bool again = sql->sequence && strcasecmp(sql->sequence, column) == 0;

        for (size_t j = 0; j < i; j++)
            again = again || strcasecmp(partition->items[j], column) == 0;
        if (!again && !load_table_lists(&sql->key, column))
            append_entry_column(text, sql, column, of_stored);
    }
    append_from(text, sql, source_of(sql));
}

/* Where the sequence says the partition, too, an entry in the stored row's partition has the stored
 * row's sequence (of the same one the later position wins), and one beside it, in its own, keeps
 * late rows away. */
const char *load_sql_deletes(
    const struct load_sql *sql, const struct text_list *partition, struct arena *arena)
{
    const bool twice =
        sql->joined && sql->sequence && load_table_lists(&sql->moving, sql->sequence);
    struct buffer text;

    buffer_init(&text, 0);
    append_entries(&text, sql, partition, sql->joined);
    if (twice) {
        buffer_puts(
            &text, " where " LOAD_STORED " and (" LOAD_DELETE " or " LOAD_MOVES ") union all ");
        append_entries(&text, sql, partition, false);
        buffer_puts(&text, " where " LOAD_DELETE);
    } else {
        buffer_puts(&text, " where " LOAD_DELETE);
        buffer_puts(&text, sql->joined ? " or " LOAD_MOVES : "");
    }
    return load_sql_take(&text, arena);
}

const char *load_sql_counts(const struct load_sql *sql, struct arena *arena)
{
    struct buffer text;

    buffer_init(&text, 0);
    buffer_puts(&text, "select sum(case when " LOAD_DELETE " then 0 else 1 end), "
                       "sum(case when " LOAD_DELETE);
    buffer_puts(&text, sql->joined ? " or " LOAD_MOVES : "");
    buffer_puts(&text, " then 1 else 0 end), sum(case when ");
    if (sql->scd2 && sql->joined)
        buffer_puts(&text, LOAD_ENDS);
    else
        buffer_printf(&text, LOAD_DELETE "%s", sql->joined ? " and " LOAD_STORED : "");
    buffer_puts(&text, " then 1 else 0 end)");
    if (sql->counts && sql->joined) {
        buffer_puts(&text, ", (select count(*)");
        append_from(&text, sql, LOAD_OLD);
        buffer_puts(&text, sql->sequence ? " where not _sluice_deleted)" : ")");
    }
    append_from(&text, sql, source_of(sql));
    return load_sql_take(&text, arena);
}
