#include "config/bind.h"

#include "config/bind_internal.h"
#include "runner/base/mem.h"

#include <assert.h>
#include <stdarg.h>
#include <string.h>

enum { ADDRESS_MAX = 400, OPTIONS_MAX = 64 };

void bind_init(struct bind *bind, const char *path, const char *source, size_t length,
    struct arena *arena, struct bind_marks *marks, struct diagnostics *problems)
{
    *bind = (struct bind){.path = path, .arena = arena, .problems = problems, .marks = marks};
    *marks = (struct bind_marks){
        .arena = arena, .source = arena_strndup(arena, source, length), .source_length = length};
    buffer_init(&bind->address, ADDRESS_MAX);
}

void bind_deinit(struct bind *bind)
{
    buffer_deinit(&bind->address);
}

/* --- addresses --- */

size_t bind_push(struct bind *bind, const char *name)
{
    const size_t length = bind->address.length;

    buffer_printf(&bind->address, "%s%s", length ? "." : "", name);
    return length;
}

size_t bind_push_index(struct bind *bind, size_t index)
{
    const size_t length = bind->address.length;

    buffer_printf(&bind->address, "[%zu]", index + 1);
    return length;
}

void bind_pop(struct bind *bind, size_t length)
{
    buffer_truncate(&bind->address, length);
}

int bind_fail(struct bind *bind, struct option_mark mark, const char *format, ...)
{
    va_list args;
    char *message;

    va_start(args, format);
    message = mem_vprintf(format, args);
    va_end(args);
    diagnostics_error(bind->problems, bind->path, mark, "%s%s%s", bind->address.data,
        bind->address.length ? ": " : "", message);
    free(message);
    return -1;
}

/* --- keys --- */

static int unknown_key(struct bind *bind, const struct option_set *set, const struct yaml_node *key,
    bool *ret_misspelt)
{
    const char *nearest = option_nearest(set, key->text);
    struct buffer known;

    if (nearest) {
        *ret_misspelt = true;
        return bind_fail(
            bind, key->mark, "\"%s\" is not a key here; did you mean \"%s\"?", key->text, nearest);
    }
    buffer_init(&known, 400);
    for (size_t i = 0; i < set->count; i++) {
        if (!(set->options[i].flags & OPTION_HIDDEN))
            buffer_printf(&known, "%s%s", known.length ? ", " : "", set->options[i].name);
    }
    bind_fail(bind, key->mark, "\"%s\" is not a key here; there are: %s", key->text, known.data);
    buffer_deinit(&known);
    return -1;
}

static size_t index_of(const struct option_set *set, const char *name)
{
    const struct option *option = option_find(set, name);

    assert(option); /* a table that names an option it has not */
    return (size_t)(option - set->options);
}

static int check_one_of(struct bind *bind, const struct option_set *set, uint64_t present,
    bool misspelt, struct option_mark mark)
{
    struct buffer found, known;
    size_t count = 0;

    if (!set->one_of)
        return 0;
    buffer_init(&found, 200);
    buffer_init(&known, 200);
    for (size_t i = 0; set->one_of[i]; i++) {
        buffer_printf(&known, "%s%s", known.length ? ", " : "", set->one_of[i]);
        if (!(present >> index_of(set, set->one_of[i]) & 1))
            continue;
        buffer_printf(&found, "%s%s", found.length ? " and " : "", set->one_of[i]);
        count++;
    }
    if (count == 0 && !misspelt)
        bind_fail(bind, mark, "needs one of: %s", known.data);
    else if (count > 1)
        bind_fail(bind, mark, "has %s; only one of them can be there", found.data);
    buffer_deinit(&found);
    buffer_deinit(&known);
    return count == 1 ? 0 : -1;
}

static int check_required(
    struct bind *bind, const struct option_set *set, uint64_t present, struct option_mark mark)
{
    int rc = 0;

    for (size_t i = 0; i < set->count; i++) {
        if ((set->options[i].flags & OPTION_REQUIRED) && !(present >> i & 1))
            rc = bind_fail(bind, mark, "\"%s\" is missing", set->options[i].name);
    }
    return rc;
}

/* --- maps and lists of texts --- */

static int check_length(
    struct bind *bind, const struct option *option, struct option_mark mark, size_t count)
{
    if (option->min > 0 && (double)count < option->min)
        return bind_fail(bind, mark, "is empty; list one at least, or remove it");
    if (option->max > 0 && (double)count > option->max)
        return bind_fail(
            bind, mark, "has %zu entries; at most %.0f are allowed", count, option->max);
    return 0;
}

static int wrong_kind(
    struct bind *bind, struct option_mark mark, const char *expected, const struct yaml_node *node)
{
    if (yaml_is_null(node))
        return bind_fail(bind, mark, "has nothing below it; fill it, or remove it");
    return bind_fail(bind, mark, "must be %s, not %s", expected, yaml_kind_name(node));
}

static int bind_texts(struct bind *bind, const struct option *option, struct option_mark mark,
    const struct yaml_node *node, struct text_list *list)
{
    int rc = 0;

    if (node->kind == YAML_MAP || yaml_is_null(node))
        return wrong_kind(bind, mark, "a list of texts", node);
    if (node->kind == YAML_SCALAR) {
        list->items = arena_new(bind->arena, const char *);
        list->count = 1;
        return bind_item_text(bind, option, mark, node, &list->items[0]) ? (list->count = 0, -1)
                                                                         : 0;
    }
    if (bind_was_split(bind, node) || check_length(bind, option, mark, node->count))
        return -1;
    list->items = arena_array(bind->arena, node->count, sizeof(*list->items));
    for (size_t i = 0; i < node->count; i++) {
        const size_t length = bind_push_index(bind, i);

        if (bind_item_text(
                bind, option, node->items[i]->mark, node->items[i], &list->items[list->count]))
            rc = -1;
        else
            list->count++;
        bind_pop(bind, length);
    }
    return rc;
}

static int bind_pairs(struct bind *bind, const struct option *option, struct option_mark mark,
    const struct yaml_node *node, struct option_pairs *pairs)
{
    int rc = 0;

    if (node->kind != YAML_MAP)
        return wrong_kind(bind, mark, "a map from names to texts", node);
    if (bind_was_split(bind, node) || check_length(bind, option, mark, node->count))
        return -1;
    pairs->items = arena_array(bind->arena, node->count, sizeof(*pairs->items));
    for (size_t i = 0; i < node->count; i++) {
        const struct yaml_pair *pair = &node->pairs[i];
        struct option_pair *item = &pairs->items[pairs->count];
        const size_t length = bind_push(bind, pair->key->text);

        item->name = arena_strdup(bind->arena, pair->key->text);
        item->mark = pair->value->mark;
        if (bind_item_text(bind, option, pair->key->mark, pair->value, &item->value))
            rc = -1;
        else
            pairs->count++;
        bind_pop(bind, length);
    }
    return rc;
}

static int bind_texts_by_name(struct bind *bind, const struct option *option,
    struct option_mark mark, const struct yaml_node *node, struct option_texts_by_name *by_name)
{
    int rc = 0;

    if (node->kind != YAML_MAP)
        return wrong_kind(bind, mark, "a map from names to lists of texts", node);
    if (bind_was_split(bind, node) || check_length(bind, option, mark, node->count))
        return -1;
    by_name->items = arena_array(bind->arena, node->count, sizeof(*by_name->items));
    for (size_t i = 0; i < node->count; i++) {
        const struct yaml_pair *pair = &node->pairs[i];
        struct option_named_texts *item = &by_name->items[by_name->count];
        const size_t length = bind_push(bind, pair->key->text);

        item->name = arena_strdup(bind->arena, pair->key->text);
        item->mark = pair->value->mark;
        if (bind_texts(bind, option, pair->key->mark, pair->value, &item->texts))
            rc = -1;
        else
            by_name->count++;
        bind_pop(bind, length);
    }
    return rc;
}

/* --- structs --- */

static void init_item(
    struct bind *bind, const struct option_set *set, void *item, const struct option_item *head)
{
    option_set_presets(set, item, bind->arena);
    *(struct option_item *)item = *head;
}

static int bind_named_objects(struct bind *bind, const struct option *option,
    struct option_mark mark, const struct yaml_node *node, struct option_items *items)
{
    const struct option_set *set = option->fields;
    int rc = 0;

    if (node->kind != YAML_MAP)
        return wrong_kind(bind, mark, "a map from names to maps", node);
    if (check_length(bind, option, mark, node->count))
        return -1;
    items->items = arena_array(bind->arena, node->count, set->size);
    for (size_t i = 0; i < node->count; i++) {
        const struct yaml_pair *pair = &node->pairs[i];
        struct option_item head = {arena_strdup(bind->arena, pair->key->text), pair->key->mark};
        void *item = (char *)items->items + i * set->size;
        const size_t length = bind_push(bind, pair->key->text);
        struct error err;

        init_item(bind, set, item, &head);
        items->count++;
        if (option->check && option->check(head.name, &err))
            rc = bind_fail(bind, head.mark, "%s", err.message);
        if (bind_object(bind, set, pair->value, head.mark, item, NULL))
            rc = -1;
        bind_pop(bind, length);
    }
    return rc;
}

static int bind_list(struct bind *bind, const struct option *option, struct option_mark mark,
    const struct yaml_node *node, struct option_items *items)
{
    const struct option_set *set = option->fields;
    int rc = 0;

    if (node->kind != YAML_LIST)
        return wrong_kind(bind, mark, "a list of maps", node);
    if (check_length(bind, option, mark, node->count))
        return -1;
    items->items = arena_array(bind->arena, node->count, set->size);
    for (size_t i = 0; i < node->count; i++) {
        const struct option_item head = {NULL, node->items[i]->mark};
        void *item = (char *)items->items + i * set->size;
        const size_t length = bind_push_index(bind, i);

        init_item(bind, set, item, &head);
        items->count++;
        if (bind_object(bind, set, node->items[i], head.mark, item, NULL))
            rc = -1;
        bind_pop(bind, length);
    }
    return rc;
}

static int bind_value(struct bind *bind, const struct option *option, struct option_mark mark,
    const struct yaml_node *node, void *field)
{
    /* Also where it turns out wrong: it was written, so nobody should ask for it. */
    if (option->type != OPTION_OBJECT)
        bind_put_place(bind->marks, field)->mark = mark;
    switch (option->type) {
    case OPTION_TEXTS:
        return bind_texts(bind, option, mark, node, field);
    case OPTION_PAIRS:
        return bind_pairs(bind, option, mark, node, field);
    case OPTION_TEXTS_BY_NAME:
        return bind_texts_by_name(bind, option, mark, node, field);
    case OPTION_OBJECT:
        return bind_object(bind, option->fields, node, mark, field, NULL);
    case OPTION_OBJECTS:
        return bind_named_objects(bind, option, mark, node, field);
    case OPTION_LIST:
        return bind_list(bind, option, mark, node, field);
    default:
        return bind_scalar(bind, option, mark, node, field);
    }
}

int bind_option(
    struct bind *bind, const struct option *option, const struct yaml_pair *pair, void *object)
{
    const size_t length = bind_push(bind, option->name);
    const int rc =
        bind_value(bind, option, pair->key->mark, pair->value, (char *)object + option->offset);

    bind_pop(bind, length);
    return rc;
}

/* A scalar where a map could stand. */
static int bind_shorthand(struct bind *bind, const struct option_set *set,
    const struct yaml_node *node, struct option_mark mark, void *object)
{
    const struct option *option = &set->options[index_of(set, set->shorthand)];

    if (bind_scalar(bind, option, mark, node, (char *)object + option->offset))
        return -1;
    return check_required(bind, set, (uint64_t)1 << (option - set->options), mark);
}

static int bind_pairs_of_map(struct bind *bind, const struct option_set *set,
    const struct yaml_node *node, void *object, const char *skip, uint64_t *present, bool *misspelt)
{
    const bool top = bind->address.length == 0;
    int rc = 0;

    for (size_t i = 0; i < node->count; i++) {
        const struct yaml_pair *pair = &node->pairs[i];
        const struct option *option = option_find(set, pair->key->text);

        if (!option) {
            if (!top || !text_starts(pair->key->text, "x-"))
                rc = unknown_key(bind, set, pair->key, misspelt);
            continue;
        }
        *present |= (uint64_t)1 << (option - set->options);
        if (!(skip && strcmp(skip, option->name) == 0) && bind_option(bind, option, pair, object))
            rc = -1;
    }
    return rc;
}

int bind_object(struct bind *bind, const struct option_set *set, const struct yaml_node *node,
    struct option_mark mark, void *object, const char *skip)
{
    uint64_t present = 0;
    bool misspelt = false;
    int rc;

    assert(set->count <= OPTIONS_MAX);
    bind_put_range(bind->marks, object, set->size, mark);
    if (node->kind == YAML_SCALAR && set->shorthand && !yaml_is_null(node))
        return bind_shorthand(bind, set, node, mark, object);
    if (node->kind != YAML_MAP)
        return wrong_kind(bind, mark, "a map", node);
    if (bind_was_split(bind, node))
        return -1;
    if (set->shorthand) {
        const struct option *option = &set->options[index_of(set, set->shorthand)];

        if (option->type == OPTION_BOOL)
            *(bool *)((char *)object + option->offset) = true;
    }
    rc = bind_pairs_of_map(bind, set, node, object, skip, &present, &misspelt);
    /* What a misspelt key was meant to be is not missing, too. */
    if (check_one_of(bind, set, present, misspelt, mark) ||
        (!misspelt && check_required(bind, set, present, mark)))
        rc = -1;
    return rc;
}
