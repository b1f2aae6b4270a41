#include "connectors/duckdb/doubts.h"

#include "runner/base/json.h"
#include "runner/base/mem.h"
#include "runner/base/text.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

enum { NAME_MAX_BYTES = 128, DOUBTS_MAX = 20 };

struct reader {
    bool (*is_volatile)(const char *name, void *context);
    void *context;
    struct arena *arena;
    struct sql_doubt *doubts; /* DOUBTS_MAX */
    size_t count;
};

/* Aggregates of which the order of rows is a part. */
static const char *const ordered_aggregates[] = {"first", "last", "any_value", "arbitrary", "list",
    "array_agg", "string_agg", "group_concat", "listagg", "json_group_array", "json_group_object",
    "approx_quantile", "reservoir_quantile", NULL};

/* Those whose value depends on a row's place among its peers; of rank() all peers are equal. */
static const char *const ordered_windows[] = {"WINDOW_ROW_NUMBER", "WINDOW_FIRST_VALUE",
    "WINDOW_LAST_VALUE", "WINDOW_NTH_VALUE", "WINDOW_LAG", "WINDOW_LEAD", "WINDOW_NTILE",
    "WINDOW_FILL", NULL};

/* What SQL writes without parentheses; to the parser they look like columns. */
static const char *const clocks[] = {
    "current_date", "current_time", "current_timestamp", "localtime", "localtimestamp", NULL};

static void read_value(struct reader *r, const json_t *value);

static bool is_one_of(const char *name, const char *const *list)
{
    for (; name && *list; list++) {
        if (strcasecmp(name, *list) == 0)
            return true;
    }
    return false;
}

/* What stands there, and behind it `why`. */
static void add(struct reader *r, const json_t *at, const char *what, const char *why)
{
    const json_t *place = json_object_get(at, "query_location");
    const double offset = json_is_number(place) ? json_number_value(place) : 0;

    if (r->count == DOUBTS_MAX)
        return;
    r->doubts[r->count++] = (struct sql_doubt){.offset = offset < 1e9 ? (size_t)offset : 0,
        .what = arena_printf(r->arena, "%s%s", what, why)};
}

static bool has_orders(const json_t *object, const char *key)
{
    const json_t *orders = json_object_get(object, key);

    if (json_is_object(orders))
        orders = json_object_get(orders, "orders");
    return json_array_size(orders) > 0;
}

static bool varies(const struct reader *r, const char *name)
{
    char lower[NAME_MAX_BYTES];
    size_t i = 0;

    for (; name && name[i] && i < sizeof(lower) - 1; i++)
        lower[i] = (char)tolower((unsigned char)name[i]);
    lower[i] = '\0';
    return name && !name[i] && r->is_volatile(lower, r->context);
}

static void read_function(struct reader *r, const json_t *function)
{
    const char *name = json_get_text(function, "function_name");

    if (is_one_of(name, ordered_aggregates) && !has_orders(function, "order_bys"))
        add(r, function, name, "() without an ORDER BY in it depends on the order of rows");
    else if (varies(r, name))
        add(r, function, name, "() gives something else each time");
    else if (is_one_of(name, (const char *const[]){"age", NULL}) &&
             json_array_size(json_object_get(function, "children")) == 1)
        add(r, function, name, "() of one time asks the clock");
}

static void read_window(struct reader *r, const json_t *window)
{
    const char *type = json_get_text(window, "type"),
               *name = json_get_text(window, "function_name");

    if (has_orders(window, "orders") || has_orders(window, "arg_orders"))
        return;
    if (is_one_of(type, ordered_windows) || is_one_of(name, ordered_aggregates))
        add(r, window, name, "() over a window without ORDER BY depends on the order of rows");
}

static void read_column(struct reader *r, const json_t *column)
{
    const json_t *names = json_object_get(column, "column_names");
    const char *name = json_string_value(json_array_get(names, 0));

    if (json_array_size(names) == 1 && is_one_of(name, clocks))
        add(r, column, name, " asks the clock");
}

/* ORDER BY, LIMIT and DISTINCT of one query. */
static void read_modifiers(struct reader *r, const json_t *modifiers)
{
    bool ordered = false;

    for (size_t i = 0; i < json_array_size(modifiers); i++)
        ordered = ordered ||
                  text_equal(json_get_text(json_array_get(modifiers, i), "type"), "ORDER_MODIFIER");
    for (size_t i = 0; !ordered && i < json_array_size(modifiers); i++) {
        const json_t *modifier = json_array_get(modifiers, i), *limit, *targets;
        const char *type = json_get_text(modifier, "type");

        limit = json_object_get(modifier, "limit");
        targets = json_object_get(modifier, "distinct_on_targets");
        if (text_starts(type ? type : "", "LIMIT"))
            add(r, limit ? limit : json_object_get(modifier, "offset"), limit ? "LIMIT" : "OFFSET",
                " without ORDER BY takes any rows");
        else if (json_array_size(targets) > 0)
            add(r, json_array_get(targets, 0), "DISTINCT ON",
                " without ORDER BY takes any row of each");
    }
}

static void read_sample(struct reader *r, const json_t *owner, const json_t *sample)
{
    const json_t *seed = json_object_get(sample, "seed");

    if (!json_is_number(seed) || json_number_value(seed) < 0)
        add(r, owner, "SAMPLE", " without a seed takes other rows each time");
}

/* Sorted behind: list_sort(list(a)), which the parser makes of list(a ORDER BY a), too. */
static bool sorts_list(const json_t *object)
{
    static const char *const sorts[] = {
        "list_sort", "array_sort", "list_reverse_sort", "array_reverse_sort", NULL};
    static const char *const lists[] = {"list", "array_agg", NULL};
    const json_t *first = json_array_get(json_object_get(object, "children"), 0);

    return is_one_of(json_get_text(object, "function_name"), sorts) &&
           is_one_of(json_get_text(first, "function_name"), lists);
}

static void read_object(struct reader *r, const json_t *object)
{
    json_t *mutable = (json_t *)object; /* jansson's iterators take no const */
    const char *class = json_get_text(object, "class");
    const json_t *sample = json_object_get(object, "sample");
    const char *key;
    json_t *value;

    if (sorts_list(object)) {
        const json_t *list = json_array_get(json_object_get(object, "children"), 0);

        read_value(r, json_object_get(list, "children"));
        return;
    }
    if (text_equal(class, "FUNCTION"))
        read_function(r, object);
    else if (text_equal(class, "WINDOW"))
        read_window(r, object);
    else if (text_equal(class, "COLUMN_REF"))
        read_column(r, object);
    if (json_is_object(sample))
        read_sample(r, object, sample);
    read_modifiers(r, json_object_get(object, "modifiers"));
    json_object_foreach(mutable, key, value)
    {
        read_value(r, value);
    }
}

static void read_value(struct reader *r, const json_t *value)
{
    if (json_is_object(value))
        read_object(r, value);
    for (size_t i = 0; i < json_array_size(value); i++)
        read_value(r, json_array_get(value, i));
}

static int by_offset(const void *a, const void *b)
{
    const struct sql_doubt *left = a, *right = b;

    return (left->offset > right->offset) - (left->offset < right->offset);
}

void doubts_read(const json_t *node, bool (*is_volatile)(const char *name, void *context),
    void *context, struct arena *arena, struct sql_statement *statement)
{
    struct reader r = {.is_volatile = is_volatile, .context = context, .arena = arena};

    r.doubts = arena_array(arena, DOUBTS_MAX, sizeof(*r.doubts));
    read_value(&r, node);
    mem_sort(r.doubts, r.count, sizeof(*r.doubts), by_offset);
    statement->doubts = r.doubts;
    statement->doubt_count = r.count;
}
