/* Errors and warnings of files, collected so that all of them are reported in one go, in the order
 * of the lines: `pipelines/x.yaml:12:5: load.clean.mode: "apend" is not a mode; …`. */
#ifndef CONFIG_DIAGNOSTICS_H
#define CONFIG_DIAGNOSTICS_H

#include "runner/base/arena.h"
#include "runner/base/option.h"

#include <stdbool.h>
#include <stddef.h>

struct buffer;

struct diagnostic {
    const char *path;
    struct option_mark mark; /* line 0: about the file as a whole */
    const char *message;     /* "load.clean.mode: …": what, why, what to do */
    bool warning;
};

struct diagnostics {
    struct arena arena;
    struct diagnostic *items;
    size_t count, capacity, error_count;
    size_t count_in_file; /* of the newest path */
    size_t dropped;       /* over DIAGNOSTICS_MAX a file */
};

enum { DIAGNOSTICS_MAX = 1000 };

void diagnostics_init(struct diagnostics *problems);
void diagnostics_deinit(struct diagnostics *problems);

void diagnostics_error(struct diagnostics *problems, const char *path, struct option_mark mark,
    const char *format, ...) __attribute__((format(printf, 4, 5)));
void diagnostics_warn(struct diagnostics *problems, const char *path, struct option_mark mark,
    const char *format, ...) __attribute__((format(printf, 4, 5)));

/* By path and line, errors that say the same once. Call it before showing them. */
void diagnostics_sort(struct diagnostics *problems);

/* "path:line:column: message" ("warning: " before the message), control characters escaped. */
void diagnostics_format(const struct diagnostic *item, struct buffer *buffer);

#endif
