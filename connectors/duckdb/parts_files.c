/* The files of a table's parts: their columns, and what a row has by its file. */
#include "connectors/duckdb/parts_private.h"
#include "connectors/duckdb/schema.h"
#include "connectors/duckdb/statement.h"
#include "runner/base/mem.h"
#include "runner/base/text.h"

#include <string.h>
#include <strings.h>

enum { ROW_BITS = 40 }; /* of an order number: the rest is the file's rank */

/* --- files --------------------------------------------------------------------------------------
 */

static int stored_names(duckdb_connection connection, const char *file, struct arena *arena,
    struct text_list *ret_names, struct error *err)
{
    const struct text_list files = {.items = &file, .count = 1};
    struct text_list names;
    duckdb_result result;
    struct buffer sql;
    int rc;

    buffer_init(&sql, 0);
    buffer_puts(&sql, "DESCRIBE SELECT * FROM ");
    schema_append_files(&sql, &files, false);
    rc = statement_query(connection, sql.data, &result, err);
    buffer_deinit(&sql);
    if (rc)
        return -1;
    names.count = duckdb_row_count(&result);
    names.items = arena_array(arena, names.count, sizeof(*names.items));
    for (idx_t i = 0; i < names.count; i++)
        names.items[i] = statement_cell(&result, 0, i, arena);
    duckdb_destroy_result(&result);
    *ret_names = names;
    return 0;
}

static size_t find_name(const struct text_list *names, const char *name)
{
    for (size_t i = 0; i < names->count; i++) {
        if (strcmp(names->items[i], name) == 0)
            return i;
    }
    for (size_t i = 0; i < names->count; i++) {
        if (strcasecmp(names->items[i], name) == 0)
            return i;
    }
    return names->count;
}

static bool has_all(
    const struct parts_view *view, const struct sql_part *part, const struct text_list *names)
{
    for (size_t i = 0; i < view->dataset->schema.count; i++) {
        if (part->names[i] && find_name(names, part->names[i]) == names->count)
            return false;
    }
    return true;
}

/* Columns of all files in order of appearance, as union_by_name has them. */
static int united_names(duckdb_connection connection, const struct text_list *files,
    struct arena *arena, struct text_list *ret_names, struct error *err)
{
    struct sql_schema schema;
    struct buffer sql;
    int rc;

    buffer_init(&sql, 0);
    buffer_puts(&sql, "SELECT * FROM ");
    schema_append_files(&sql, files, true);
    rc = statement_describe(connection, sql.data, NULL, 0, arena, &schema, err);
    buffer_deinit(&sql);
    if (rc)
        return -1;
    ret_names->count = schema.count;
    ret_names->items = arena_array(arena, schema.count, sizeof(*ret_names->items));
    for (size_t i = 0; i < schema.count; i++)
        ret_names->items[i] = schema.columns[i].name;
    return 0;
}

/* The name under which a file's column is read: its own, unless that would hide one of DuckDB's
 * virtual columns. */
static const char *alias(struct parts_view *view, const struct text_list *names, size_t column)
{
    static const char *const virtual[] = {"file_index", "file_row_number", "filename"};

    for (size_t i = 0; i < ARRAY_LENGTH(virtual); i++) {
        if (strcasecmp(names->items[column], virtual[i]) == 0)
            return arena_printf(&view->arena, "\"%s of the file\"", virtual[i]);
    }
    return schema_quoted(names->items[column], &view->arena);
}

/* Files of one schema have the same columns, but for those that had no type yet when the first
 * ones were written and no schema was kept with them: where the first or the last file lacks one,
 * all files are looked at. */
static int open_source(duckdb_connection connection, struct parts_view *view,
    struct parts_source *source, struct error *err)
{
    const struct sql_part *part = source->part;
    const struct text_list *files = &part->files;
    struct text_list names, last;
    struct buffer from;
    bool unite;

    if (stored_names(connection, files->items[0], &view->arena, &names, err) ||
        stored_names(connection, files->items[files->count - 1], &view->arena, &last, err))
        return -1;
    unite = files->count > 1 && !(has_all(view, part, &names) && has_all(view, part, &last));
    if (unite && united_names(connection, files, &view->arena, &names, err))
        return -1;
    buffer_init(&from, 0);
    schema_append_files(&from, files, unite);
    buffer_puts(&from, " AS t(");
    for (size_t i = 0; i < names.count; i++)
        buffer_printf(&from, "%s%s", i ? ", " : "", alias(view, &names, i));
    buffer_puts(&from, ")");
    source->from = arena_strdup(&view->arena, from.data);
    source->columns =
        arena_array(&view->arena, view->dataset->schema.count, sizeof(*source->columns));
    for (size_t i = 0; i < view->dataset->schema.count; i++) {
        const size_t at = part->names[i] ? find_name(&names, part->names[i]) : names.count;

        if (at < names.count)
            source->columns[i] = alias(view, &names, at);
    }
    unite = from.overflowed;
    buffer_deinit(&from);
    return unite ? error_set(err, ERROR_LIMIT, "%zu files are too many", files->count) : 0;
}

/* --- ranks --------------------------------------------------------------------------------------
 */

struct ranked {
    int64_t position;
    bool deletes;
    size_t place; /* among all files */
    size_t source;
};

static int by_rank(const void *a, const void *b)
{
    const struct ranked *left = a, *right = b;

    if (left->position != right->position)
        return left->position < right->position ? -1 : 1;
    if (left->deletes != right->deletes)
        return left->deletes ? -1 : 1;
    return (left->place > right->place) - (left->place < right->place);
}

/* "[a, b][1 + file]"; just the value where all are the same. */
static const char *by_file(struct parts_view *view, const char *const *values, size_t count)
{
    struct buffer text;
    const char *copy;
    bool same = true;

    for (size_t i = 1; i < count; i++)
        same = same && strcmp(values[i], values[0]) == 0;
    if (same)
        return values[0];
    buffer_init(&text, 0);
    for (size_t i = 0; i < count; i++)
        buffer_printf(&text, "%s%s", i ? ", " : "([", values[i]);
    buffer_puts(&text, "])[1 + CAST(file_index AS BIGINT)]");
    copy = arena_strdup(&view->arena, text.data);
    buffer_deinit(&text);
    return copy;
}

const char *parts_numbers(struct parts_view *view, const int64_t *numbers, size_t count)
{
    const char **values;

    if (!numbers)
        return "CAST(NULL AS BIGINT)";
    values = arena_array(&view->arena, count, sizeof(*values));
    for (size_t i = 0; i < count; i++)
        values[i] = arena_printf(&view->arena, "CAST(%lld AS BIGINT)", (long long)numbers[i]);
    return by_file(view, values, count);
}

void parts_find_groups(struct parts_view *view)
{
    for (size_t s = 0; s < view->count; s++) {
        struct parts_source *source = &view->sources[s];

        view->has_groups = view->has_groups || source->part->groups;
        source->group = source->part->groups
                            ? parts_numbers(view, source->part->groups, source->part->files.count)
                            : "CAST(0 AS BIGINT)";
    }
}

void parts_rank(struct parts_view *view)
{
    struct ranked *files;
    size_t count = 0, first = 0;
    const char **ranks;

    for (size_t s = 0; s < view->count; s++)
        count += view->sources[s].part->files.count;
    files = mem_calloc(count, sizeof(*files));
    ranks = arena_array(&view->arena, count, sizeof(*ranks));
    for (size_t s = 0, place = 0; s < view->count; s++) {
        const struct sql_part *part = view->sources[s].part;

        for (size_t f = 0; f < part->files.count; f++, place++)
            files[place] = (struct ranked){.position = part->positions ? part->positions[f] : 0,
                .deletes = part->deletes,
                .place = place,
                .source = s};
    }
    mem_sort(files, count, sizeof(*files), by_rank);
    for (size_t i = 0; i < count; i++)
        ranks[files[i].place] = arena_printf(&view->arena, "%lld", (long long)i << ROW_BITS);
    for (size_t s = 0; s < view->count; s++) {
        struct parts_source *source = &view->sources[s];

        if (source->part->positions)
            source->order = arena_printf(&view->arena, "%s + file_row_number",
                by_file(view, &ranks[first], source->part->files.count));
        first += source->part->files.count;
    }
    free(files);
}

const char *parts_change(struct parts_view *view, const struct sql_part *part)
{
    const char **values;
    struct buffer text;

    if (!part->changes)
        return "CAST(NULL AS VARCHAR)";
    values = arena_array(&view->arena, part->files.count, sizeof(*values));
    buffer_init(&text, 0);
    for (size_t i = 0; i < part->files.count; i++) {
        buffer_clear(&text);
        if (part->changes[i])
            text_append_sql_literal(&text, part->changes[i]);
        else
            buffer_puts(&text, "CAST(NULL AS VARCHAR)");
        values[i] = arena_strdup(&view->arena, text.data);
    }
    buffer_deinit(&text);
    return by_file(view, values, part->files.count);
}

int parts_open(duckdb_connection connection, struct parts_view *view, struct error *err)
{
    const struct sql_dataset *dataset = view->dataset;

    view->sources = arena_array(&view->arena, dataset->part_count, sizeof(*view->sources));
    for (size_t i = 0; i < dataset->part_count; i++) {
        struct parts_source *source = &view->sources[view->count];

        if (dataset->parts[i].files.count == 0)
            continue;
        source->part = &dataset->parts[i];
        if (open_source(connection, view, source, err))
            return -1;
        view->count++;
    }
    return 0;
}
