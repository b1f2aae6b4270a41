#include "connectors/duckdb/names.h"

#include "runner/base/json.h"
#include "runner/base/mem.h"
#include "runner/base/text.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_get_text(object, key);

    return text ? text : "";
}

static const char *name_at(const json_t *names, size_t index)
{
    return json_string_value(json_array_get(names, index));
}

/* --- what it yields ------------------------------------------------------------------------------
 */

/* NULL: the engine makes one up, or several columns come of it. */
static const char *name_of(const json_t *expression)
{
    const json_t *names = json_object_get(expression, "column_names");
    const char *alias = text_of(expression, "alias"), *class = text_of(expression, "class");

    if (strcmp(class, "STAR") == 0 ||
        strcasecmp(text_of(expression, "function_name"), "unnest") == 0)
        return NULL;
    if (*alias)
        return alias;
    return strcmp(class, "COLUMN_REF") == 0 && json_array_size(names) > 0
               ? name_at(names, json_array_size(names) - 1)
               : NULL;
}

static void read_columns(const json_t *node, struct arena *arena, struct text_list *ret_columns)
{
    const json_t *list = json_object_get(node, "select_list");
    const size_t count = json_array_size(list);
    const char **items = arena_array(arena, count, sizeof(*items));

    for (size_t i = 0; i < count; i++) {
        const char *name = name_of(json_array_get(list, i));

        if (!name)
            return;
        items[i] = arena_strdup(arena, name);
    }
    *ret_columns = (struct text_list){.items = items, .count = count};
}

/* --- what its WHERE names ------------------------------------------------------------------------
 */

struct collector {
    struct arena *arena;
    struct sql_name *items; /* malloc'd */
    size_t count, capacity;
};

/* Words that are a value where no column has that name. */
static bool is_word(const char *name)
{
    static const char *const words[] = {"current_catalog", "current_date", "current_role",
        "current_schema", "current_time", "current_timestamp", "current_user", "localtime",
        "localtimestamp", "rowid", "session_user", "user"};

    for (size_t i = 0; i < ARRAY_LENGTH(words); i++) {
        if (strcasecmp(name, words[i]) == 0)
            return true;
    }
    return false;
}

static void add_name(struct collector *collector, const json_t *reference)
{
    const json_t *names = json_object_get(reference, "column_names");
    const json_t *location = json_object_get(reference, "query_location");
    const char *first = name_at(names, 0), *second = name_at(names, 1);

    if (!first || !json_is_number(location) || (!second && is_word(first)))
        return;
    collector->items = mem_grow(
        collector->items, &collector->capacity, collector->count, sizeof(*collector->items));
    collector->items[collector->count++] =
        (struct sql_name){.qualifier = second ? arena_strdup(collector->arena, first) : NULL,
            .name = arena_strdup(collector->arena, second ? second : first),
            .offset = (size_t)json_number_value(location)};
}

/* Sub-queries and lambdas have names of their own. */
static void collect(struct collector *collector, const json_t *value)
{
    const char *class = text_of(value, "class"), *key;
    json_t *mutable = (json_t *)value, *member; /* jansson's iterators take no const */

    if (strcmp(class, "LAMBDA") == 0)
        return;
    if (strcmp(class, "SUBQUERY") == 0) { /* what stands before its IN is outside */
        collect(collector, json_object_get(value, "child"));
        return;
    }
    if (strcmp(class, "COLUMN_REF") == 0) {
        add_name(collector, value);
        return;
    }
    for (size_t i = 0; i < json_array_size(value); i++)
        collect(collector, json_array_get(value, i));
    json_object_foreach(mutable, key, member)
    {
        collect(collector, member);
    }
}

void names_read(const json_t *node, struct arena *arena, struct sql_statement *statement)
{
    struct collector collector = {.arena = arena};
    struct sql_name *names;

    if (strcmp(text_of(node, "type"), "SELECT_NODE") != 0)
        return;
    read_columns(node, arena, &statement->columns);
    collect(&collector, json_object_get(node, "where_clause"));
    names = arena_array(arena, collector.count, sizeof(*names));
    for (size_t i = 0; i < collector.count; i++)
        names[i] = collector.items[i];
    statement->names = names;
    statement->name_count = collector.count;
    free(collector.items);
}
