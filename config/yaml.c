#include "config/yaml.h"

#include "config/yaml_internal.h"
#include "runner/base/mem.h"
#include "runner/base/table.h"

#include <string.h>

/* What each node of libyaml's document became. An alias is the same node again: it is built once
 * and shared, so a document of aliases of aliases costs its size, and `weight` says how large it
 * would be. */
struct built {
    struct yaml_node *node; /* NULL: not yet, or it had an error */
    unsigned height;
    enum { NOT_BUILT, BUILDING, BUILT } state;
};

struct loader {
    const char *path;
    yaml_document_t *document;
    struct built *built; /* by libyaml's node id */
    struct arena *arena;
    struct diagnostics *problems;
};

enum { SMALL_MAP = 16 };

static struct yaml_node *build(struct loader *loader, int id, unsigned depth);

static struct option_mark mark_of(yaml_mark_t mark)
{
    return (struct option_mark){(unsigned)mark.line + 1, (unsigned)mark.column + 1};
}

static struct yaml_node *fail(struct loader *loader, struct option_mark mark, const char *message)
{
    diagnostics_error(loader->problems, loader->path, mark, "%s", message);
    return NULL;
}

static enum yaml_style scalar_style(yaml_scalar_style_t style)
{
    switch (style) {
    case YAML_SINGLE_QUOTED_SCALAR_STYLE:
        return YAML_SINGLE_QUOTED;
    case YAML_DOUBLE_QUOTED_SCALAR_STYLE:
        return YAML_DOUBLE_QUOTED;
    case YAML_LITERAL_SCALAR_STYLE:
        return YAML_LITERAL;
    case YAML_FOLDED_SCALAR_STYLE:
        return YAML_FOLDED;
    default:
        return YAML_PLAIN;
    }
}

static struct yaml_node *build_scalar(
    struct loader *loader, const yaml_node_t *source, struct yaml_node *node)
{
    const char *value = (const char *)source->data.scalar.value;

    if (memchr(value, '\0', source->data.scalar.length))
        return fail(loader, node->mark, "the text holds a NUL character; remove the \"\\0\"");
    node->style = scalar_style(source->data.scalar.style);
    node->text = arena_strndup(loader->arena, value, source->data.scalar.length);
    return node;
}

/* Adds the weight and the height of a child. */
static void account(struct loader *loader, struct yaml_node *node, unsigned *height, int child_id)
{
    const struct built *child = &loader->built[child_id];

    node->weight += child->node->weight;
    *height = MAX(*height, child->height + 1);
}

static struct yaml_node *build_list(struct loader *loader, const yaml_node_t *source,
    struct yaml_node *node, unsigned depth, unsigned *height)
{
    const yaml_node_item_t *first = source->data.sequence.items.start;
    const size_t count = (size_t)(source->data.sequence.items.top - first);

    node->style = source->data.sequence.style == YAML_FLOW_SEQUENCE_STYLE ? YAML_FLOW : YAML_BLOCK;
    node->items = arena_array(loader->arena, count, sizeof(struct yaml_node *));
    for (size_t i = 0; i < count; i++) {
        struct yaml_node *item = build(loader, first[i], depth + 1);

        if (!item)
            return NULL;
        node->items[node->count++] = item;
        account(loader, node, height, first[i]);
    }
    return node;
}

/* --- maps --- */

static bool is_merge_key(const struct yaml_node *key)
{
    return key->style == YAML_PLAIN && strcmp(key->text, "<<") == 0;
}

/* The keys of a map under construction: small maps are searched, large ones hashed. */
static bool has_key(const struct yaml_node *map, const struct table *keys, const char *key)
{
    if (keys->count)
        return table_has(keys, key);
    return yaml_get(map, key) != NULL;
}

static void add_pair(
    struct yaml_node *map, struct table *keys, struct yaml_node *key, struct yaml_node *value)
{
    map->pairs[map->count++] = (struct yaml_pair){key, value};
    if (map->count < SMALL_MAP)
        return;
    for (size_t i = keys->count; i < map->count; i++)
        table_put(keys, map->pairs[i].key->text, map->pairs[i].value);
}

static bool is_merge_value(const struct yaml_node *value)
{
    if (value->kind == YAML_MAP)
        return true;
    for (size_t i = 0; value->kind == YAML_LIST && i < value->count; i++) {
        if (value->items[i]->kind != YAML_MAP)
            return false;
    }
    return value->kind == YAML_LIST;
}

/* What is there wins over what is merged, and an earlier merge over a later one. */
static void merge_map(
    struct loader *loader, struct yaml_node *map, struct table *keys, const struct yaml_node *from)
{
    struct yaml_pair *grown =
        arena_array(loader->arena, map->count + from->count, sizeof(struct yaml_pair));

    if (map->count)
        memcpy(grown, map->pairs, map->count * sizeof(*grown));
    map->pairs = grown;
    for (size_t i = 0; i < from->count; i++) {
        if (has_key(map, keys, from->pairs[i].key->text))
            continue;
        map->weight += 1 + from->pairs[i].value->weight;
        add_pair(map, keys, from->pairs[i].key, from->pairs[i].value);
    }
}

static void merge(
    struct loader *loader, struct yaml_node *map, struct table *keys, const struct yaml_node *value)
{
    if (value->kind == YAML_MAP)
        merge_map(loader, map, keys, value);
    for (size_t i = 0; value->kind == YAML_LIST && i < value->count; i++)
        merge_map(loader, map, keys, value->items[i]);
}

/* What `{a: decimal(10,2), b: decimal(8,2)}` leaves behind its commas: "2)" twice. Binding has the
 * better words for it. */
static bool is_cut_off(const struct yaml_node *map, const struct yaml_node *key)
{
    return map->style == YAML_FLOW && strchr(key->text, ')') && !strchr(key->text, '(');
}

/* One "key: value"; a merge is returned to be applied once all own keys are there. */
static int build_pair(struct loader *loader, const yaml_node_pair_t *pair, struct yaml_node *map,
    struct table *keys, unsigned depth, unsigned *height, struct yaml_node **ret_merge)
{
    struct yaml_node *key = build(loader, pair->key, depth + 1);
    struct yaml_node *value = key ? build(loader, pair->value, depth + 1) : NULL;

    if (!value)
        return -1;
    if (key->kind != YAML_SCALAR) {
        fail(loader, key->mark, "a key must be a text; a \"{\" or \"[\" in a text needs quotes");
        return -1;
    }
    account(loader, map, height, pair->key);
    account(loader, map, height, pair->value);
    if (is_merge_key(key)) {
        if (!is_merge_value(value) || *ret_merge) {
            fail(loader, key->mark,
                *ret_merge ? "\"<<\" stands here twice; give it a list: <<: [*one, *two]"
                           : "\"<<\" takes a map or a list of maps, as in <<: *common");
            return -1;
        }
        *ret_merge = value;
    } else if (has_key(map, keys, key->text) && !is_cut_off(map, key)) {
        diagnostics_error(loader->problems, loader->path, key->mark,
            "\"%s\" stands here twice; remove one of them", key->text);
    } else {
        add_pair(map, keys, key, value);
    }
    return 0;
}

static struct yaml_node *build_map(struct loader *loader, const yaml_node_t *source,
    struct yaml_node *node, unsigned depth, unsigned *height)
{
    const yaml_node_pair_t *first = source->data.mapping.pairs.start;
    const size_t count = (size_t)(source->data.mapping.pairs.top - first);
    struct yaml_node *merged = NULL;
    struct table keys;
    int rc = 0;

    table_init(&keys);
    node->style = source->data.mapping.style == YAML_FLOW_MAPPING_STYLE ? YAML_FLOW : YAML_BLOCK;
    node->pairs = arena_array(loader->arena, count, sizeof(struct yaml_pair));
    for (size_t i = 0; i < count && rc == 0; i++)
        rc = build_pair(loader, &first[i], node, &keys, depth, height, &merged);
    if (rc == 0 && merged)
        merge(loader, node, &keys, merged);
    table_deinit(&keys);
    return rc ? NULL : node;
}

/* --- any node --- */

static struct yaml_node *build_new(
    struct loader *loader, const yaml_node_t *source, unsigned depth, unsigned *height)
{
    struct yaml_node *node = arena_new(loader->arena, struct yaml_node);

    node->mark = mark_of(source->start_mark);
    node->start = source->start_mark.index;
    node->weight = 1;
    /* The standard tags say what options know better; others ask for something else. */
    if (source->tag && !text_starts((const char *)source->tag, "tag:yaml.org,2002:"))
        return fail(loader, node->mark, "YAML tags (\"!name\") mean nothing here; remove it");
    switch (source->type) {
    case YAML_SCALAR_NODE:
        node->kind = YAML_SCALAR;
        return build_scalar(loader, source, node);
    case YAML_SEQUENCE_NODE:
        node->kind = YAML_LIST;
        return build_list(loader, source, node, depth, height);
    default:
        node->kind = YAML_MAP;
        return build_map(loader, source, node, depth, height);
    }
}

static struct yaml_node *build(struct loader *loader, int id, unsigned depth)
{
    const yaml_node_t *source = yaml_document_get_node(loader->document, id);
    struct built *built = &loader->built[id];
    unsigned height = 1;

    if (built->state == BUILDING)
        return fail(loader, mark_of(source->start_mark), "an alias stands for what it is part of");
    if (built->state == NOT_BUILT && depth <= YAML_DEPTH_MAX) {
        built->state = BUILDING;
        built->node = build_new(loader, source, depth, &height);
        built->height = height;
        built->state = BUILT;
    }
    if (depth > YAML_DEPTH_MAX || depth + built->height > YAML_DEPTH_MAX + 1) {
        diagnostics_error(loader->problems, loader->path, mark_of(source->start_mark),
            "is nested over %d levels deep", YAML_DEPTH_MAX);
        return NULL;
    }
    if (built->node && built->node->weight > YAML_NODES_MAX) {
        diagnostics_error(loader->problems, loader->path, mark_of(source->start_mark),
            "holds over %d values, with aliases counted each time", YAML_NODES_MAX);
        return NULL;
    }
    return built->node;
}

static struct yaml_node *build_root(struct loader *loader)
{
    const yaml_node_t *root = yaml_document_get_root_node(loader->document);
    const size_t count = (size_t)(loader->document->nodes.top - loader->document->nodes.start);
    struct yaml_node *node;

    if (!root) {
        diagnostics_error(loader->problems, loader->path, (struct option_mark){0}, "is empty");
        return NULL;
    }
    loader->built = mem_calloc(count + 1, sizeof(*loader->built));
    node = build(loader, 1, 1);
    free(loader->built);
    return node;
}

/* Nothing may follow the first document. */
static bool only_one(struct loader *loader, yaml_parser_t *parser, const char *text, size_t length)
{
    yaml_document_t next;
    const yaml_node_t *root;

    if (!yaml_parser_load(parser, &next)) {
        yaml_report_error(loader->path, parser, text, length, loader->problems);
        return false;
    }
    root = yaml_document_get_root_node(&next);
    if (root)
        fail(loader, mark_of(root->start_mark),
            "a second YAML document begins here; keep one in a file");
    yaml_document_delete(&next);
    return !root;
}

struct yaml_node *yaml_load(const char *path, const char *text, size_t length, struct arena *arena,
    struct diagnostics *problems)
{
    struct loader loader = {.path = path, .arena = arena, .problems = problems};
    struct yaml_node *root = NULL;
    yaml_document_t document;
    yaml_parser_t parser;

    if (length > YAML_BYTES_MAX) {
        diagnostics_error(problems, path, (struct option_mark){0},
            "is larger than %d KiB, the limit of a YAML file", YAML_BYTES_MAX / 1024);
        return NULL;
    }
    if (!yaml_check_bytes(path, text, length, problems))
        return NULL;
    /* libyaml counts the mark as a column: the first key would stand further in than the next. */
    if (length >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
        text += 3;
        length -= 3;
    }
    if (!yaml_parser_initialize(&parser))
        abort(); /* out of memory */
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, length);
    if (!yaml_parser_load(&parser, &document)) {
        yaml_report_error(path, &parser, text, length, problems);
    } else {
        loader.document = &document;
        root = build_root(&loader);
        if (root && !only_one(&loader, &parser, text, length))
            root = NULL;
        yaml_document_delete(&document);
    }
    yaml_parser_delete(&parser);
    return root;
}

struct yaml_node *yaml_get(const struct yaml_node *map, const char *key)
{
    for (size_t i = 0; i < map->count; i++) {
        if (strcmp(map->pairs[i].key->text, key) == 0)
            return map->pairs[i].value;
    }
    return NULL;
}

bool yaml_is_null(const struct yaml_node *node)
{
    static const char *const nulls[] = {"", "~", "null", "Null", "NULL"};

    for (size_t i = 0; i < ARRAY_LENGTH(nulls); i++) {
        if (node->kind == YAML_SCALAR && node->style == YAML_PLAIN &&
            strcmp(node->text, nulls[i]) == 0)
            return true;
    }
    return false;
}

const char *yaml_kind_name(const struct yaml_node *node)
{
    if (node->kind == YAML_LIST)
        return "a list";
    if (node->kind == YAML_MAP)
        return "a map";
    return yaml_is_null(node) ? "nothing" : "a text";
}
