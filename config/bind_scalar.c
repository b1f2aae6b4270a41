/* One scalar of the tree into one field. */
#include "config/bind_internal.h"
#include "runner/base/mem.h"

#include <string.h>

static struct bind_place *put_place(
    struct bind *bind, const void *field, struct option_mark mark, const struct yaml_node *node)
{
    struct bind_place *place = bind_put_place(bind->marks, field);

    place->mark = mark;
    place->node = node;
    return place;
}

/* --- ${…} --- */

static void add_secret(struct bind *bind, const char *name, struct option_mark mark)
{
    if (bind->secrets.count == bind->secret_capacity) {
        const size_t capacity = bind->secret_capacity ? bind->secret_capacity * 2 : 4;
        struct option_pair *items = arena_array(bind->arena, capacity, sizeof(*items));

        if (bind->secrets.count)
            memcpy(items, bind->secrets.items, bind->secrets.count * sizeof(*items));
        bind->secrets.items = items;
        bind->secret_capacity = capacity;
    }
    bind->secrets.items[bind->secrets.count++] =
        (struct option_pair){name, arena_strdup(bind->arena, bind->address.data), mark};
}

/* The text of a scalar with everything in it replaced that can be; NULL: an error. */
static const char *replace(struct bind *bind, const struct option *option,
    const struct yaml_node *node, struct bind_place *place)
{
    struct interpolated result;
    size_t offset = 0;
    struct error err;

    if (!bind->scope || (option->flags & OPTION_RAW) || !strstr(node->text, "${"))
        return node->text;
    if (interpolate(node->text, bind->scope, bind->arena, &result, &offset, &err)) {
        bind_fail(bind, bind_text_mark(bind->marks, place, offset), "%s", err.message);
        return NULL;
    }
    place->uses = result.uses;
    if (result.secret)
        add_secret(bind, result.secret, place->mark);
    if (result.unset && !bind->quiet_unset)
        diagnostics_warn(bind->problems, bind->path, place->mark,
            "%s: the environment variable %s is not set; a run needs it, or a default: "
            "${env.%s:-default}",
            bind->address.data, result.unset, result.unset);
    return result.text;
}

/* --- scalars --- */

static int check_kind(struct bind *bind, const struct option *option, struct option_mark mark,
    const struct yaml_node *node)
{
    struct buffer expected;

    if (node->kind == YAML_SCALAR && !yaml_is_null(node))
        return 0;
    if (node->kind == YAML_SCALAR && node->text[0])
        return bind_fail(bind, mark,
            "has no value, %s is none in YAML; give it one, or put it in quotes if that is the "
            "text",
            node->text);
    if (node->kind == YAML_SCALAR)
        return bind_fail(bind, mark, "has no value; give it one, or remove it");
    buffer_init(&expected, 256);
    if (option->type == OPTION_ENUM)
        buffer_puts(&expected, "one of ");
    option_describe_value(option, &expected);
    bind_fail(bind, mark, "must be a single value (%s), not %s%s", expected.data,
        yaml_kind_name(node),
        node->style == YAML_FLOW ? "; put it in quotes if the bracket is part of it" : "");
    buffer_deinit(&expected);
    return -1;
}

int bind_scalar(struct bind *bind, const struct option *option, struct option_mark mark,
    const struct yaml_node *node, void *field)
{
    struct bind_place *place;
    const char *text;
    struct error err;

    if (check_kind(bind, option, mark, node))
        return -1;
    place = put_place(bind, field, mark, node);
    text = replace(bind, option, node, place);
    if (!text)
        return -1;
    if (place->uses & INTERPOLATE_PARTIAL) {
        /* Its value comes later: only a text can wait for it. */
        if (option->type == OPTION_TEXT)
            *(const char **)field = text;
        return 0;
    }
    if (option_parse(option, text, field, bind->arena, &err))
        return bind_fail(bind, mark, "%s", err.message);
    return 0;
}

int bind_item_text(struct bind *bind, const struct option *option, struct option_mark mark,
    const struct yaml_node *node, const char **field)
{
    struct bind_place *place;
    const char *text;
    struct error err;

    if (node->kind != YAML_SCALAR)
        return bind_fail(bind, mark, "must be a text, not %s%s", yaml_kind_name(node),
            node->style == YAML_FLOW ? "; put it in quotes if the bracket is part of it" : "");
    if (yaml_is_null(node))
        return bind_fail(
            bind, mark, "has no value; give it one in quotes, \"\" for the empty text");
    place = put_place(bind, field, mark, node);
    text = replace(bind, option, node, place);
    if (!text)
        return -1;
    if (place->uses & INTERPOLATE_PARTIAL)
        *field = text;
    else if (option_parse_item(option, text, field, bind->arena, &err))
        return bind_fail(bind, mark, "%s", err.message);
    return 0;
}

/* --- values that flow style cut --- */

static int open_parentheses(const char *text)
{
    int open = 0;

    for (; *text; text++)
        open += (*text == '(') - (*text == ')');
    return open;
}

/* The i-th piece of a flow list or map; NULL: none that a cut could leave. */
static const struct yaml_node *piece(const struct yaml_node *node, size_t i)
{
    const struct yaml_node *item = node->kind == YAML_LIST ? node->items[i] : node->pairs[i].value;

    return item->kind == YAML_SCALAR && item->style == YAML_PLAIN ? item : NULL;
}

bool bind_was_split(struct bind *bind, const struct yaml_node *node)
{
    bool split = false;

    if (node->kind == YAML_SCALAR || node->style != YAML_FLOW)
        return false;
    for (size_t i = 0; i < node->count; i++) {
        const struct yaml_node *item = piece(node, i);
        int open = item ? open_parentheses(item->text) : 0;
        struct buffer whole;

        if (open <= 0)
            continue;
        buffer_init(&whole, 200);
        buffer_puts(&whole, item->text);
        while (open > 0 && ++i < node->count) {
            const struct yaml_node *more =
                node->kind == YAML_LIST ? node->items[i] : node->pairs[i].key;

            if (more->kind != YAML_SCALAR)
                break;
            buffer_printf(&whole, node->kind == YAML_LIST ? ", %s" : ",%s", more->text);
            open += open_parentheses(more->text);
        }
        bind_fail(bind, item->mark, "YAML cuts %s at the comma; put it in quotes: \"%s\"",
            whole.data, whole.data);
        buffer_deinit(&whole);
        split = true;
    }
    return split;
}
