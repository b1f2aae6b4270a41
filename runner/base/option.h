/* Option tables: one description of every setting (STYLE rule 15). YAML binding, validation, the
 * JSON Schema, command-line flags, completion, man pages and the reference in the README all read
 * the same tables, so they cannot disagree.
 *
 * A table describes the fields of a plain struct:
 *
 *     static const struct option csv_options[] = {
 *         {"delimiter", OPTION_TEXT, offsetof(struct csv, delimiter), .preset = ",",
 *             .help = "Column separator, one to four bytes"},
 *         …
 *     };
 *     const struct option_set csv_option_set = OPTION_SET("csv", "CSV dialect", struct csv,
 * csv_options);
 */
#ifndef RUNNER_BASE_OPTION_H
#define RUNNER_BASE_OPTION_H

#include "runner/base/arena.h"
#include "runner/base/error.h"
#include "runner/base/text.h"
#include "runner/base/time.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is written and the field that it fills. */
enum option_type {
    OPTION_BOOL,          /* true | false: bool */
    OPTION_INT,           /* int64_t */
    OPTION_NUMBER,        /* double */
    OPTION_TEXT,          /* const char * */
    OPTION_ENUM,          /* one of `choices`: int, the index */
    OPTION_DURATION,      /* 30s: struct duration */
    OPTION_SIZE,          /* 8MiB: uint64_t bytes */
    OPTION_TIME,          /* ISO 8601: int64_t ms since 1970 */
    OPTION_TEXTS,         /* a list of texts, or one text alone: struct text_list */
    OPTION_PAIRS,         /* a map from text to text: struct option_pairs */
    OPTION_TEXTS_BY_NAME, /* a map from text to a list of texts: struct option_texts_by_name */
    OPTION_OBJECT,        /* a nested struct, described by `fields` */
    OPTION_OBJECTS, /* a map from name to struct: struct option_items; each item's struct begins
                       with struct option_item */
    OPTION_LIST,    /* a list of structs: struct option_items; the same */
};

enum option_flags {
    OPTION_REQUIRED = 1 << 0,
    OPTION_RAW = 1 << 1,      /* ${…} in it is not replaced when the file is read */
    OPTION_HIDDEN = 1 << 2,   /* left out of help and completion */
    OPTION_NULLABLE = 1 << 3, /* an empty text is allowed */
};

struct option_set;

struct option {
    const char *name;
    enum option_type type;
    size_t offset;
    const char *preset;         /* the default as a user would write it; NULL: zero, NULL, empty */
    double min, max;            /* limits of a number, ms, bytes, or list length; both 0: none */
    const char *const *choices; /* OPTION_ENUM: NULL-terminated */
    const char *help;           /* one line, no full stop */
    const struct option_set *fields;
    unsigned flags;
    /* What a text must look like, also each text of a list or map, and the names of OPTION_OBJECTS:
     * a regular expression for the schema, and the same (or more) in C. The check is pure, its
     * message ends the error line. */
    const char *pattern;
    int (*check)(const char *text, struct error *err);
    char letter;            /* command line: -e */
    const char *value_name; /* command line and help: FILE; of an enum: what one choice is called */
};

struct option_set {
    const char *name;
    const char *help;
    const struct option *options;
    size_t count;
    size_t size;           /* of the struct */
    const char *shorthand; /* a scalar in place of the map fills this field: `only_new: true`; where
                              it is a bool, the map itself means true */
    const char *const *one_of; /* exactly one of these must be there; NULL-terminated */
};

#define OPTION_SET(set_name, set_help, type, table)                                                \
    {                                                                                              \
        .name = (set_name), .help = (set_help), .options = (table),                                \
        .count = sizeof(table) / sizeof((table)[0]), .size = sizeof(type)                          \
    }

/* Where in a file something was written; line 0: nowhere, it is a default. 1-based. */
struct option_mark {
    unsigned line, column;
};

/* The head of each struct in an OPTION_OBJECTS or OPTION_LIST. */
struct option_item {
    const char *name; /* the key; NULL in a list */
    struct option_mark mark;
};

struct option_items {
    void *items; /* `count` structs of the set's size, one after another */
    size_t count;
};

struct option_pair {
    const char *name, *value;
    struct option_mark mark; /* of the value */
};

struct option_pairs {
    struct option_pair *items;
    size_t count;
};

struct option_texts_by_name {
    struct option_named_texts {
        const char *name;
        struct text_list texts;
        struct option_mark mark;
    } * items;
    size_t count;
};

/* Parses the text of a scalar option (BOOL … TIME) into `field`, checks limits and choices.
 * Texts are copied into `arena`. The error names neither option nor place, only what is wrong:
 * `"apend" is not a mode; did you mean "append"?` with the option's value_name, else its name. */
int option_parse(const struct option *option, const char *text, void *field, struct arena *arena,
    struct error *err);

/* The same for one text of an OPTION_TEXTS, OPTION_PAIRS or OPTION_TEXTS_BY_NAME. */
int option_parse_item(const struct option *option, const char *text, const char **ret_text,
    struct arena *arena, struct error *err);

/* Sets every field of `object` to its preset, nested OBJECTs too; the rest to zero. */
void option_set_presets(const struct option_set *set, void *object, struct arena *arena);

const struct option *option_find(const struct option_set *set, const char *name);

/* The option of the set that is nearest to `name`, for "did you mean"; NULL: none. */
const char *option_nearest(const struct option_set *set, const char *name);

/* "text", "size", "append | overwrite": how the value is written, for help. */
void option_describe_value(const struct option *option, struct buffer *buffer);

#endif
