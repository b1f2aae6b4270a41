#include "connectors/duckdb/rowwise.h"

#include "runner/base/json.h"
#include "runner/base/text.h"

#include <ctype.h>
#include <string.h>

enum { NAME_MAX_BYTES = 128 };

struct check {
    bool (*is_scalar)(const char *name, void *context);
    void *context;
};

static bool is_row_wise(const struct check *check, const json_t *node);

static bool is_scalar_function(const struct check *check, const json_t *function)
{
    const char *name = json_get_text(function, "function_name");
    char lower[NAME_MAX_BYTES];
    size_t i = 0;

    for (; name && name[i] && i < sizeof(lower) - 1; i++)
        lower[i] = (char)tolower((unsigned char)name[i]);
    lower[i] = '\0';
    return name && !name[i] && check->is_scalar(lower, check->context);
}

/* No window, no sub-query, no aggregate anywhere in it. */
static bool is_plain(const struct check *check, const json_t *value)
{
    const char *class = json_get_text(value, "class");
    json_t *mutable = (json_t *)value; /* jansson's iterators take no const */
    const char *key;
    json_t *member;

    if (text_equal(class, "WINDOW") || text_equal(class, "SUBQUERY"))
        return false;
    if (text_equal(class, "FUNCTION") && !is_scalar_function(check, value))
        return false;
    for (size_t i = 0; i < json_array_size(value); i++) {
        if (!is_plain(check, json_array_get(value, i)))
            return false;
    }
    json_object_foreach(mutable, key, member)
    {
        if (!is_plain(check, member))
            return false;
    }
    return true;
}

static bool is_from_row_wise(const struct check *check, const json_t *from)
{
    const char *type = json_get_text(from, "type");

    if (json_object_get(from, "sample"))
        return false;
    if (text_equal(type, "BASE_TABLE"))
        return true;
    return text_equal(type, "SUBQUERY") &&
           is_row_wise(check, json_object_get(json_object_get(from, "subquery"), "node"));
}

static bool has_ctes(const json_t *node)
{
    const json_t *map = json_object_get(json_object_get(node, "cte_map"), "map");

    return json_array_size(map) > 0;
}

static bool is_row_wise(const struct check *check, const json_t *node)
{
    static const char *const others[] = {
        "modifiers", "group_expressions", "group_sets", "having", "qualify", "sample"};

    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        if (json_object_get(node, others[i]))
            return false;
    }
    return text_equal(json_get_text(node, "type"), "SELECT_NODE") && !has_ctes(node) &&
           text_equal(json_get_text(node, "aggregate_handling"), "STANDARD_HANDLING") &&
           is_plain(check, json_object_get(node, "select_list")) &&
           is_plain(check, json_object_get(node, "where_clause")) &&
           is_from_row_wise(check, json_object_get(node, "from_table"));
}

bool rowwise_is(
    const json_t *node, bool (*is_scalar)(const char *name, void *context), void *context)
{
    const struct check check = {.is_scalar = is_scalar, .context = context};

    return is_row_wise(&check, node);
}
