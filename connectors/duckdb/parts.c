/* How rows are merged. Each row of a file has an order number, made of its file's rank (by
 * position, a delete before a row, place in the parts) and of its number in the file; the greatest
 * one of a key is the row. So merging needs the keys alone: they are read first, the keys that
 * appear more than once are kept with the number that wins, and the rows proper pass an anti join
 * against those. What a query selects and asks of other columns reaches the Parquet scan as if
 * nothing were merged. Figures beside other ways: README.md.
 *
 * Inside, columns are c0, c1, …: a table's column may have any name. */
#include "connectors/duckdb/keys.h"
#include "connectors/duckdb/parts_private.h"
#include "connectors/duckdb/schema.h"
#include "runner/base/mem.h"
#include "runner/base/text.h"

#include <string.h>
#include <strings.h>

static const char deleted_name[] = "_sluice_deleted", change_name[] = "_change_type",
                  position_name[] = "_stream_position", origin_name[] = "_sluice_origin";

/* --- columns ------------------------------------------------------------------------------------
 */

static void append_value(struct buffer *sql, const struct parts_view *view,
    const struct parts_source *source, size_t column)
{
    const struct sql_column *target = &view->dataset->schema.columns[column];

    if (schema_is_untyped(target))
        buffer_puts(sql, "CAST(NULL AS INTEGER)");
    else
        buffer_printf(sql, "CAST(%s AS %s)",
            source->columns[column] ? source->columns[column] : "NULL", target->type);
}

/* Of one bucket of keys alone. */
static void append_where(
    struct buffer *sql, struct parts_view *view, const struct parts_source *source)
{
    const struct sql_merge *merge = &view->dataset->merge;
    struct buffer value;

    if (merge->buckets == 0)
        return;
    buffer_printf(sql, " WHERE sluice_key_bucket(%lld", (long long)merge->buckets);
    for (size_t k = 0; k < merge->key.count; k++) {
        buffer_init(&value, 0);
        append_value(&value, view, source, view->key[k]);
        buffer_printf(sql, ", %s",
            keys_hashable(
                view->dataset->schema.columns[view->key[k]].type, value.data, &view->arena));
        buffer_deinit(&value);
    }
    buffer_printf(sql, ") = %lld", (long long)merge->bucket);
}

/* "SELECT … AS c0, …" of one part's rows. */
static void append_rows(
    struct buffer *sql, struct parts_view *view, const struct parts_source *source, bool with_order)
{
    const struct sql_dataset *dataset = view->dataset;

    buffer_puts(sql, "SELECT ");
    for (size_t i = 0; i < dataset->schema.count; i++) {
        buffer_puts(sql, i ? ", " : "");
        append_value(sql, view, source, i);
        buffer_printf(sql, " AS c%zu", i);
    }
    if (dataset->merge.keep_deletes)
        buffer_printf(sql, ", %s AS d", source->part->deletes ? "true" : "false");
    if (dataset->with_changes)
        buffer_printf(sql, ", %s AS t, %s AS p", parts_change(view, source->part),
            parts_numbers(view, source->part->positions, source->part->files.count));
    if (dataset->with_origins)
        buffer_printf(sql, ", %s AS w",
            parts_numbers(view, source->part->origins, source->part->files.count));
    if (with_order)
        buffer_printf(sql, ", %s AS o", source->order);
    if (with_order && view->has_groups)
        buffer_printf(sql, ", %s AS g", source->group);
    buffer_printf(sql, " FROM %s", source->from);
    append_where(sql, view, source);
}

/* The columns that append_rows() gives but the order, under `table`. */
static void append_inner(struct buffer *sql, const struct parts_view *view, const char *table)
{
    for (size_t i = 0; i < view->dataset->schema.count; i++)
        buffer_printf(sql, "%s%s.c%zu", i ? ", " : "", table, i);
    if (view->dataset->merge.keep_deletes)
        buffer_printf(sql, ", %s.d", table);
    if (view->dataset->with_changes)
        buffer_printf(sql, ", %s.t, %s.p", table, table);
    if (view->dataset->with_origins)
        buffer_printf(sql, ", %s.w", table);
}

/* The same with their names: what the view gives. */
static void append_outer(struct buffer *sql, const struct parts_view *view)
{
    const struct sql_schema *schema = &view->dataset->schema;

    for (size_t i = 0; i < schema->count; i++) {
        if (schema_is_untyped(&schema->columns[i]))
            buffer_printf(sql, "%sNULL AS ", i ? ", " : "");
        else
            buffer_printf(sql, "%sq.c%zu AS ", i ? ", " : "", i);
        text_append_sql_name(sql, schema->columns[i].name);
    }
    if (view->dataset->merge.keep_deletes)
        buffer_printf(sql, ", q.d AS %s", deleted_name);
    if (view->dataset->with_changes)
        buffer_printf(sql, ", q.t AS %s, q.p AS %s", change_name, position_name);
    if (view->dataset->with_origins)
        buffer_printf(sql, ", q.w AS %s", origin_name);
}

/* --- merging ------------------------------------------------------------------------------------
 */

static bool is_merged(const struct parts_view *view, const struct parts_source *source)
{
    return view->merges && source->order;
}

/* The group is one column more of the key. */
static size_t key_count(const struct parts_view *view)
{
    return view->dataset->merge.key.count + (view->has_groups ? 1 : 0);
}

/* The keys of base parts, or of the others: k0, …, the sequence s and the order o. */
static void append_keys(struct buffer *sql, struct parts_view *view, bool base, bool with_order)
{
    const char *separator = "";

    for (size_t s = 0; s < view->count; s++) {
        const struct parts_source *source = &view->sources[s];

        if (!is_merged(view, source) || source->part->base != base)
            continue;
        buffer_printf(sql, "%sSELECT ", separator);
        separator = " UNION ALL ";
        for (size_t k = 0; k < key_count(view); k++) {
            buffer_puts(sql, k ? ", " : "");
            if (k < view->dataset->merge.key.count)
                append_value(sql, view, source, view->key[k]);
            else
                buffer_puts(sql, source->group);
            buffer_printf(sql, " AS k%zu", k);
        }
        if (with_order && view->has_sequence) {
            buffer_puts(sql, ", ");
            append_value(sql, view, source, view->sequence);
            buffer_puts(sql, " AS s");
        }
        if (with_order)
            buffer_printf(sql, ", %s AS o", source->order);
        buffer_printf(sql, " FROM %s", source->from);
        append_where(sql, view, source);
    }
}

static void append_on(struct buffer *sql, const struct parts_view *view, const char *left,
    const char *right, bool right_is_row)
{
    for (size_t k = 0; k < key_count(view); k++) {
        buffer_printf(sql, "%s%s.k%zu = %s.", k ? " AND " : " ON ", left, k, right);
        if (!right_is_row)
            buffer_printf(sql, "k%zu", k);
        else if (k < view->dataset->merge.key.count)
            buffer_printf(sql, "c%zu", view->key[k]);
        else
            buffer_puts(sql, "g");
    }
}

static void append_key_list(struct buffer *sql, const struct parts_view *view)
{
    for (size_t k = 0; k < key_count(view); k++)
        buffer_printf(sql, "%sk%zu", k ? ", " : "", k);
}

/* Keys that may be there more than once, and the order number that wins. A base row can only lose,
 * so without a sequence base rows need not be looked at; with one, those whose keys others have. */
static void append_contested(struct buffer *sql, struct parts_view *view)
{
    const bool with_base = view->has_base && view->has_sequence;

    buffer_puts(sql, "SELECT ");
    append_key_list(sql, view);
    /* Nulls would be the greatest in a struct. */
    buffer_puts(
        sql, view->has_sequence
                 ? ", arg_max(o, struct_pack(n := s IS NOT NULL, s := s, o := o)) AS o FROM ("
                 : ", max(o) AS o FROM (");
    append_keys(sql, view, false, true);
    if (with_base) {
        buffer_puts(sql, " UNION ALL SELECT b.* FROM (");
        append_keys(sql, view, true, true);
        buffer_puts(sql, ") AS b SEMI JOIN (");
        append_keys(sql, view, false, false);
        buffer_puts(sql, ") AS v");
        append_on(sql, view, "b", "v", false);
    }
    buffer_puts(sql, ") GROUP BY ");
    append_key_list(sql, view);
    if (with_base || !view->has_base)
        buffer_puts(sql, " HAVING count(*) > 1");
}

static bool is_row_source(const struct parts_view *view, const struct parts_source *source)
{
    const struct sql_dataset *dataset = view->dataset;

    return !source->part->deletes || dataset->merge.keep_deletes || dataset->merge.key.count == 0;
}

/* All rows of the parts that are merged, or of those that are not. True: there were some. */
static bool append_sources(
    struct buffer *sql, struct parts_view *view, bool merged, const char *before)
{
    bool any = false;

    for (size_t s = 0; s < view->count; s++) {
        const struct parts_source *source = &view->sources[s];

        if (is_merged(view, source) != merged || !is_row_source(view, source))
            continue;
        buffer_puts(sql, any ? " UNION ALL " : before);
        append_rows(sql, view, source, merged);
        any = true;
    }
    return any;
}

static void append_all(struct buffer *sql, struct parts_view *view)
{
    struct buffer inner;
    bool any;

    buffer_init(&inner, 0);
    buffer_puts(&inner, "SELECT ");
    append_inner(&inner, view, "r");
    buffer_puts(&inner, " FROM (");
    any = append_sources(&inner, view, true, "");
    buffer_puts(&inner, ") AS r");
    if (any && view->has_others) {
        buffer_puts(&inner, " ANTI JOIN (");
        append_contested(&inner, view);
        buffer_puts(&inner, ") AS w");
        append_on(&inner, view, "w", "r", true);
        /* A null key is equal to none, so that such rows stay. */
        buffer_puts(&inner, view->has_sequence ? " AND w.o <> r.o" : " AND w.o > r.o");
    }
    buffer_puts(sql, "SELECT ");
    append_outer(sql, view);
    buffer_printf(sql, " FROM (%s", any ? inner.data : "");
    append_sources(sql, view, false, any ? " UNION ALL " : "");
    buffer_puts(sql, ") AS q");
    sql->overflowed = sql->overflowed || inner.overflowed;
    buffer_deinit(&inner);
}

/* --- the whole ----------------------------------------------------------------------------------
 */

static int find_column(
    const struct parts_view *view, const char *name, size_t *ret_column, struct error *err)
{
    const struct sql_schema *schema = &view->dataset->schema;

    for (size_t i = 0; i < schema->count; i++) {
        if (strcasecmp(schema->columns[i].name, name) == 0) {
            *ret_column = i;
            return 0;
        }
    }
    return error_set(
        err, ERROR_INVALID, "the key or sequence column \"%s\" is not in the schema", name);
}

static int check_name(
    const struct parts_view *view, const char *name, bool added, struct error *err)
{
    struct error ignored;
    size_t column;

    if (!added || find_column(view, name, &column, &ignored))
        return 0;
    return error_set(err, ERROR_INVALID,
        "the table has a column \"%s\", which is what the engine adds here: rename it", name);
}

static int find_columns(struct parts_view *view, struct error *err)
{
    const struct sql_merge *merge = &view->dataset->merge;
    const bool changes = view->dataset->with_changes;

    view->key = arena_array(&view->arena, merge->key.count, sizeof(*view->key));
    for (size_t k = 0; k < merge->key.count; k++) {
        if (find_column(view, merge->key.items[k], &view->key[k], err))
            return -1;
    }
    view->has_sequence = merge->key.count && merge->sequence_by;
    if (view->has_sequence && find_column(view, merge->sequence_by, &view->sequence, err))
        return -1;
    if (check_name(view, deleted_name, merge->keep_deletes, err) ||
        check_name(view, change_name, changes, err) ||
        check_name(view, position_name, changes, err) ||
        check_name(view, origin_name, view->dataset->with_origins, err))
        return -1;
    return 0;
}

static bool has_rows(const struct parts_view *view)
{
    bool any = false;

    for (size_t s = 0; s < view->count; s++)
        any = any || is_row_source(view, &view->sources[s]);
    return any;
}

static void append_nothing(struct buffer *sql, const struct parts_view *view)
{
    const struct sql_schema *schema = &view->dataset->schema;

    buffer_puts(sql, "SELECT ");
    append_outer(sql, view);
    buffer_puts(sql, " FROM (SELECT ");
    for (size_t i = 0; i < schema->count; i++)
        buffer_printf(sql, "CAST(NULL AS %s) AS c%zu, ",
            schema_is_untyped(&schema->columns[i]) ? "INTEGER" : schema->columns[i].type, i);
    buffer_puts(sql,
        "false AS d, '' AS t, CAST(0 AS BIGINT) AS p, CAST(0 AS BIGINT) AS w) AS q WHERE false");
}

static int append_view(
    duckdb_connection connection, struct parts_view *view, struct buffer *sql, struct error *err)
{
    if (find_columns(view, err) || parts_open(connection, view, err))
        return -1;
    view->merges = view->dataset->merge.key.count > 0;
    if (view->merges) {
        parts_find_groups(view);
        parts_rank(view);
    }
    for (size_t s = 0; s < view->count; s++) {
        const struct parts_source *source = &view->sources[s];

        view->has_base = view->has_base || (is_merged(view, source) && source->part->base);
        view->has_others = view->has_others || (is_merged(view, source) && !source->part->base);
    }
    if (has_rows(view))
        append_all(sql, view);
    else
        append_nothing(sql, view);
    return 0;
}

int parts_append_select(duckdb_connection connection, const struct sql_dataset *dataset,
    struct buffer *sql, struct error *err)
{
    struct parts_view view = {.dataset = dataset};
    int rc;

    if (dataset->schema.count == 0)
        return error_set(err, ERROR_INVALID, "a table without columns");
    arena_init(&view.arena);
    rc = append_view(connection, &view, sql, err);
    arena_deinit(&view.arena);
    return rc;
}
