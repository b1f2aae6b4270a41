/* From a YAML tree to plain structs, led by option tables. All errors of a tree are found in one
 * go; what had an error keeps its preset. */
#ifndef CONFIG_BIND_H
#define CONFIG_BIND_H

#include "config/diagnostics.h"
#include "config/interpolate.h"
#include "config/yaml.h"
#include "runner/base/buffer.h"
#include "runner/base/option.h"

#include <stdbool.h>
#include <stddef.h>

/* Where a field was written. */
struct bind_place {
    const void *field;
    bool is_map;                  /* of the whole struct, which begins where its first field does */
    struct option_mark mark;      /* its key; in a list the item */
    const struct yaml_node *node; /* its text, before ${…} in it was replaced */
    unsigned uses;                /* enum interpolate_use */
};

struct bind_range;

/* Places by the address of the field. Lives in the arena that bind_init() got. */
struct bind_marks {
    struct arena *arena;
    const char *source; /* the file */
    size_t source_length;
    struct bind_place *slots; /* open addressing; capacity is a power of two */
    size_t count, capacity;
    struct bind_range *ranges; /* the objects: for fields that were not written */
    size_t range_count, range_capacity;
};

/* The place of a field that was written; NULL: it was not. */
const struct bind_place *bind_place(const struct bind_marks *marks, const void *field);

/* Whether a nested struct was written, as a map or by its shorthand. */
bool bind_has_map(const struct bind_marks *marks, const void *object);

/* The mark of a field; of the object that holds it where it was not written; else line 1. */
struct option_mark bind_mark(const struct bind_marks *marks, const void *field);

/* Where byte `offset` of the text that a field was written with stands in the file. */
struct option_mark bind_text_mark(
    const struct bind_marks *marks, const struct bind_place *place, size_t offset);

struct bind {
    const char *path; /* for the errors */
    struct arena *arena;
    struct diagnostics *problems;
    struct bind_marks *marks;
    const struct interpolate_scope *scope; /* NULL: ${…} is plain text */
    bool quiet_unset;                      /* no warning about an ${env.X} that is not set */
    struct option_pairs secrets;           /* name → address of the option that names it */
    size_t secret_capacity;
    /* internal */
    struct buffer address; /* "load.clean" */
};

/* `source` is the file's text, which the marks copy. The arena and the trees in it must outlive the
 * marks and the results. */
void bind_init(struct bind *bind, const char *path, const char *source, size_t length,
    struct arena *arena, struct bind_marks *marks, struct diagnostics *problems);
void bind_deinit(struct bind *bind);

/* Fills `object` (its presets are the caller's: option_set_presets()) from a map. Keys that begin
 * with "x-" are let through at the top of a file. `skip` (NULL: nothing) names an option that was
 * bound before. -1 where there was an error. */
int bind_object(struct bind *bind, const struct option_set *set, const struct yaml_node *node,
    struct option_mark mark, void *object, const char *skip);

/* Fills one option of `object` from the value of its key. */
int bind_option(
    struct bind *bind, const struct option *option, const struct yaml_pair *pair, void *object);

/* Reports "ADDRESS: message" at the mark; always -1. */
int bind_fail(struct bind *bind, struct option_mark mark, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
