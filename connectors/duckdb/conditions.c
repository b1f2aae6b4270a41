#include "connectors/duckdb/conditions.h"

#include "runner/base/buffer.h"
#include "runner/base/json.h"
#include "runner/base/mem.h"
#include "runner/base/text.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct finder {
    struct arena *arena;
    const json_t *select_list;
    const char *table, *alias;        /* what a column's name may begin with; alias NULL: none */
    struct sql_condition *conditions; /* malloc'd */
    size_t count, capacity;
};

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_get_text(object, key);

    return text ? text : "";
}

/* --- one table ----------------------------------------------------------------------------------
 */

/* A second query anywhere in the statement: of a CTE, of an expression. */
static bool has_query(const json_t *value, const json_t *but)
{
    json_t *mutable = (json_t *)value; /* jansson's iterators take no const */
    const char *key;
    json_t *member;

    if (value != but && strcmp(text_of(value, "type"), "SELECT_NODE") == 0)
        return true;
    for (size_t i = 0; i < json_array_size(value); i++) {
        if (has_query(json_array_get(value, i), but))
            return true;
    }
    json_object_foreach(mutable, key, member)
    {
        if (has_query(member, but))
            return true;
    }
    return false;
}

/* A plain table, its columns under their own names, all of its rows. */
static bool is_plain_table(const json_t *from)
{
    static const char *const known[] = {
        "type", "alias", "schema_name", "table_name", "query_location"};
    json_t *mutable = (json_t *)from;
    const char *key;
    json_t *member;

    json_object_foreach(mutable, key, member)
    {
        bool found = false;

        for (size_t i = 0; i < ARRAY_LENGTH(known); i++)
            found = found || strcmp(key, known[i]) == 0;
        if (!found)
            return false;
    }
    return strcmp(text_of(from, "type"), "BASE_TABLE") == 0;
}

/* --- columns ------------------------------------------------------------------------------------
 */

/* A name that the SELECT gives may be what the WHERE means where the table has no such column. */
static bool is_alias(const struct finder *finder, const char *name)
{
    for (size_t i = 0; i < json_array_size(finder->select_list); i++) {
        if (strcasecmp(text_of(json_array_get(finder->select_list, i), "alias"), name) == 0)
            return true;
    }
    return false;
}

/* NULL: it is no column of the table, or may be something else. */
static const char *column_of(const struct finder *finder, const json_t *expression)
{
    const json_t *names = json_object_get(expression, "column_names");
    const size_t count = json_array_size(names);
    const char *first = json_string_value(json_array_get(names, 0));
    const char *last = count ? json_string_value(json_array_get(names, count - 1)) : NULL;

    if (strcmp(text_of(expression, "class"), "COLUMN_REF") != 0 || !first || !last || count > 2)
        return NULL;
    if (count == 2 && strcasecmp(first, finder->alias ? finder->alias : finder->table) != 0)
        return NULL; /* a member of a STRUCT */
    return count == 1 && is_alias(finder, last) ? NULL : last;
}

/* --- constants ----------------------------------------------------------------------------------
 */

struct constant {
    const char *parameter; /* in place of all else; NULL: none */
    const char *text;
    bool quoted;
    const char *type; /* NULL: as written */
};

/* "-55" with scale 1 → "-5.5" */
static const char *with_point(const char *digits, size_t scale, struct arena *arena)
{
    const bool negative = *digits == '-';
    const char *bare = digits + negative;
    const size_t length = strlen(bare), zeros = length > scale ? 0 : scale + 1 - length;
    struct buffer text;
    const char *copy;

    if (scale == 0)
        return arena_strdup(arena, digits);
    buffer_init(&text, 0);
    buffer_puts(&text, negative ? "-" : "");
    for (size_t i = 0; i < zeros; i++)
        buffer_putc(&text, '0');
    buffer_puts(&text, bare);
    copy = arena_printf(
        arena, "%.*s.%s", (int)(text.length - scale), text.data, text.data + text.length - scale);
    buffer_deinit(&text);
    return copy;
}

static bool is_number(const char *text)
{
    text += *text == '-';
    return *text && text[strspn(text, "0123456789")] == '\0';
}

/* DOUBLE is none: how it is compared with other numbers depends on how they are rounded. Neither is
 * a value over 64 bits, which the tree gives in two halves. */
static bool read_plain(const json_t *value, struct arena *arena, struct constant *ret)
{
    const json_t *type = json_object_get(value, "type");
    const char *id = text_of(type, "id");
    const char *text = json_get_text(value, "value");

    if (!text || !json_is_false(json_object_get(value, "is_null")))
        return false;
    if (strcmp(id, "VARCHAR") == 0) {
        *ret = (struct constant){.text = arena_strdup(arena, text), .quoted = true};
        return true;
    }
    if (!is_number(text))
        return false;
    if (strcmp(id, "DECIMAL") == 0) {
        const json_t *scale = json_object_get(json_object_get(type, "type_info"), "scale");

        *ret = (struct constant){.text = with_point(text, (size_t)json_number_value(scale), arena)};
        return true;
    }
    if (strcmp(id, "INTEGER") != 0 && strcmp(id, "BIGINT") != 0)
        return false;
    *ret = (struct constant){.text = arena_strdup(arena, text)};
    return true;
}

/* Whether the text is of the form, in which 0 is any digit. */
static bool has_form(const char *text, const char *form)
{
    for (; *form; form++, text++) {
        if (*form == '0'   ? *text < '0' || *text > '9'
            : *form == 'T' ? !strchr("T ", *text) || !*text
                           : *text != *form)
            return false;
    }
    return *text == '\0';
}

/* Seconds may have up to six digits behind the point. */
static bool has_time_form(const char *text, const char *form)
{
    const char *point = strchr(text, '.');
    char whole[32];

    if (strlen(text) >= sizeof(whole))
        return false;
    memcpy(whole, text, strlen(text) + 1);
    if (point) {
        const size_t digits = strspn(point + 1, "0123456789");

        if (digits == 0 || digits > 6 || point[1 + digits])
            return false;
        whole[point - text] = '\0';
    }
    return has_form(whole, form);
}

/* Constants of a type, DATE '2001-01-01', where their text is beyond doubt. A date is no TIMESTAMP:
 * it is given its hour, so that nobody takes it for a date. */
static bool read_cast(const json_t *cast, struct arena *arena, struct constant *ret)
{
    const char *type = text_of(json_object_get(cast, "cast_type"), "id");
    struct constant inner;

    if (json_is_true(json_object_get(cast, "try_cast")) ||
        strcmp(text_of(json_object_get(cast, "child"), "class"), "CONSTANT") != 0 ||
        !read_plain(json_object_get(json_object_get(cast, "child"), "value"), arena, &inner) ||
        !inner.quoted)
        return false;
    inner.type = arena_strdup(arena, type);
    if (strcmp(type, "BOOLEAN") == 0) { /* how the words true and false are parsed */
        *ret = (struct constant){.text = *inner.text == 't' ? "true" : "false"};
        return strcmp(inner.text, "t") == 0 || strcmp(inner.text, "f") == 0;
    }
    if (text_starts(type, "TIMESTAMP") && has_form(inner.text, "0000-00-00"))
        inner.text = arena_printf(arena, "%s 00:00:00", inner.text);
    *ret = inner;
    if (strcmp(type, "DATE") == 0)
        return has_form(inner.text, "0000-00-00");
    if (strcmp(type, "TIME") == 0)
        return has_time_form(inner.text, "00:00:00");
    if (strcmp(type, "TIMESTAMP") == 0 || strcmp(type, "TIMESTAMP WITH TIME ZONE") == 0)
        return has_time_form(inner.text, "0000-00-00T00:00:00");
    return strcmp(type, "UUID") == 0;
}

static bool read_constant(const json_t *expression, struct arena *arena, struct constant *ret)
{
    if (strcmp(text_of(expression, "class"), "CONSTANT") == 0)
        return read_plain(json_object_get(expression, "value"), arena, ret);
    return strcmp(text_of(expression, "class"), "CAST") == 0 && read_cast(expression, arena, ret);
}

/* The other side of a comparison. */
static bool read_operand(const json_t *expression, struct arena *arena, struct constant *ret)
{
    const char *name = text_of(expression, "identifier");

    if (strcmp(text_of(expression, "class"), "PARAMETER") != 0)
        return read_constant(expression, arena, ret);
    *ret = (struct constant){.parameter = arena_strdup(arena, name)};
    return *name != '\0';
}

/* --- conditions ---------------------------------------------------------------------------------
 */

/* All constants of one kind, or nothing. */
static void add(struct finder *finder, const char *column, enum sql_comparison comparison,
    const struct constant *constants, size_t count)
{
    const char **values = arena_array(finder->arena, count, sizeof(*values));
    struct sql_condition condition = {.column = arena_strdup(finder->arena, column),
        .comparison = comparison,
        .values = values,
        .value_count = count,
        .parameter = count ? constants->parameter : NULL};

    for (size_t i = 0; i < count; i++) {
        if (constants[i].quoted != constants[0].quoted ||
            !text_equal(constants[i].type, constants[0].type))
            return;
        values[i] = constants[i].text;
    }
    if (condition.parameter) {
        condition.value_count = 0;
    } else if (count) {
        condition.quoted = constants[0].quoted;
        condition.type = constants[0].type;
    }
    finder->conditions =
        mem_grow(finder->conditions, &finder->capacity, finder->count, sizeof(*finder->conditions));
    finder->conditions[finder->count++] = condition;
}

static void read_comparison(struct finder *finder, const json_t *expression)
{
    static const struct {
        const char *type;
        enum sql_comparison as, mirrored;
    } comparisons[] = {{"COMPARE_EQUAL", SQL_EQUAL, SQL_EQUAL},
        {"COMPARE_LESSTHAN", SQL_LESS, SQL_GREATER},
        {"COMPARE_LESSTHANOREQUALTO", SQL_LESS_EQUAL, SQL_GREATER_EQUAL},
        {"COMPARE_GREATERTHAN", SQL_GREATER, SQL_LESS},
        {"COMPARE_GREATERTHANOREQUALTO", SQL_GREATER_EQUAL, SQL_LESS_EQUAL}};
    const json_t *left = json_object_get(expression, "left"),
                 *right = json_object_get(expression, "right");
    const char *column = column_of(finder, left);
    const bool mirrored = !column;
    struct constant constant;

    if (mirrored)
        column = column_of(finder, right);
    if (!column || !read_operand(mirrored ? left : right, finder->arena, &constant))
        return;
    for (size_t i = 0; i < ARRAY_LENGTH(comparisons); i++) {
        if (strcmp(text_of(expression, "type"), comparisons[i].type) == 0)
            add(finder, column, mirrored ? comparisons[i].mirrored : comparisons[i].as, &constant,
                1);
    }
}

static void read_between(struct finder *finder, const json_t *expression)
{
    const char *column = column_of(finder, json_object_get(expression, "input"));
    struct constant low, high;

    if (!column || strcmp(text_of(expression, "type"), "COMPARE_BETWEEN") != 0 ||
        !read_constant(json_object_get(expression, "lower"), finder->arena, &low) ||
        !read_constant(json_object_get(expression, "upper"), finder->arena, &high) ||
        low.quoted != high.quoted || !text_equal(low.type, high.type))
        return; /* of two types all three are compared as a third one */
    add(finder, column, SQL_GREATER_EQUAL, &low, 1);
    add(finder, column, SQL_LESS_EQUAL, &high, 1);
}

static void read_in(struct finder *finder, const char *column, const json_t *children)
{
    const size_t count = json_array_size(children) - 1;
    struct constant *constants = arena_array(finder->arena, count, sizeof(*constants));

    for (size_t i = 0; i < count; i++) {
        if (!read_constant(json_array_get(children, i + 1), finder->arena, &constants[i]))
            return;
    }
    if (count)
        add(finder, column, SQL_IN, constants, count);
}

static void read_operator(struct finder *finder, const json_t *expression)
{
    const json_t *children = json_object_get(expression, "children");
    const json_t *first = json_array_get(children, 0);
    const char *type = text_of(expression, "type");
    const char *column = column_of(finder, first);

    if (strcmp(type, "OPERATOR_NOT") == 0) { /* NOT (a IS NULL) is how IS NOT NULL may be written */
        const char *inner = text_of(first, "type");

        column = column_of(finder, json_array_get(json_object_get(first, "children"), 0));
        if (column && strcmp(inner, "OPERATOR_IS_NULL") == 0)
            add(finder, column, SQL_IS_NOT_NULL, NULL, 0);
    } else if (column && strcmp(type, "OPERATOR_IS_NULL") == 0) {
        add(finder, column, SQL_IS_NULL, NULL, 0);
    } else if (column && strcmp(type, "OPERATOR_IS_NOT_NULL") == 0) {
        add(finder, column, SQL_IS_NOT_NULL, NULL, 0);
    } else if (column && strcmp(type, "COMPARE_IN") == 0) {
        read_in(finder, column, children);
    }
}

static void read_where(struct finder *finder, const json_t *expression)
{
    const json_t *children = json_object_get(expression, "children");
    const char *class = text_of(expression, "class");

    if (strcmp(text_of(expression, "type"), "CONJUNCTION_AND") == 0) {
        for (size_t i = 0; i < json_array_size(children); i++)
            read_where(finder, json_array_get(children, i));
    } else if (strcmp(class, "COMPARISON") == 0) {
        read_comparison(finder, expression);
    } else if (strcmp(class, "BETWEEN") == 0) {
        read_between(finder, expression);
    } else if (strcmp(class, "OPERATOR") == 0) {
        read_operator(finder, expression);
    }
}

void conditions_read(const json_t *node, struct arena *arena, struct sql_statement *statement)
{
    const json_t *from = json_object_get(node, "from_table");
    struct finder finder = {.arena = arena,
        .select_list = json_object_get(node, "select_list"),
        .table = text_of(from, "table_name"),
        .alias = json_get_text(from, "alias")};
    struct sql_condition *conditions;

    if (strcmp(text_of(node, "type"), "SELECT_NODE") != 0 || !is_plain_table(from) ||
        json_object_get(node, "sample") || has_query(node, node))
        return;
    read_where(&finder, json_object_get(node, "where_clause"));
    conditions = arena_array(arena, finder.count, sizeof(*conditions));
    for (size_t i = 0; i < finder.count; i++)
        conditions[i] = finder.conditions[i];
    statement->conditions = conditions;
    statement->condition_count = finder.count;
    free(finder.conditions);
}
