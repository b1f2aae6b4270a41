/* A YAML document as a tree of nodes that know where they stand. libyaml
 * (https://pyyaml.org/wiki/LibYAML, YAML 1.1) parses; what this adds are limits, errors in plain
 * words, duplicate keys as errors, and aliases and `<<` merges already followed. Scalars stay
 * text: the option that takes one gives it its type, never YAML. */
#ifndef CONFIG_YAML_H
#define CONFIG_YAML_H

#include "config/diagnostics.h"
#include "runner/base/arena.h"
#include "runner/base/option.h"

#include <stdbool.h>
#include <stddef.h>

enum {
    YAML_BYTES_MAX = 1024 * 1024,
    YAML_DEPTH_MAX = 32,
    YAML_NODES_MAX = 100 * 1000, /* with every alias counted as often as it is used */
};

enum yaml_kind { YAML_SCALAR, YAML_LIST, YAML_MAP };

enum yaml_style {
    YAML_PLAIN,
    YAML_SINGLE_QUOTED,
    YAML_DOUBLE_QUOTED,
    YAML_LITERAL, /* | */
    YAML_FOLDED,  /* > */
    YAML_BLOCK,   /* of lists and maps */
    YAML_FLOW,
};

struct yaml_node {
    enum yaml_kind kind;
    enum yaml_style style;
    struct option_mark mark; /* its first byte; of what an alias stands for: where the anchor is */
    size_t start;            /* characters before that */
    const char *text;        /* scalar: NUL-terminated, holds no NUL */
    struct yaml_node **items;
    struct yaml_pair *pairs; /* in the order of the file, merged ones last */
    size_t count;            /* of items or pairs */
    size_t weight;           /* nodes in it, itself counted */
};

struct yaml_pair {
    struct yaml_node *key; /* a scalar */
    struct yaml_node *value;
};

/* The root of the one document in `text`; everything lives in `arena`. NULL where there is no
 * tree: why is in `problems`, under `path`. A key that stands twice is an error, too, but leaves
 * the tree (with the first) so that its other errors can be found. */
struct yaml_node *yaml_load(const char *path, const char *text, size_t length, struct arena *arena,
    struct diagnostics *problems);

/* The value of a key of a map; NULL: not there. */
struct yaml_node *yaml_get(const struct yaml_node *map, const char *key);

/* Where byte `offset` of a scalar's text stands in the file that it was loaded from, whatever style
 * it is written in; a byte of white space: behind what comes before it. The start of the text where
 * it cannot be told (a line separator of Unicode in it). */
struct option_mark yaml_text_mark(
    const char *source, size_t source_length, const struct yaml_node *node, size_t offset);

/* `key:` with nothing behind it, `~` or `null`. */
bool yaml_is_null(const struct yaml_node *node);

/* "a text", "a list", "a map": for messages. */
const char *yaml_kind_name(const struct yaml_node *node);

#endif
