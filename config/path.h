/* Paths as text: nothing here looks at the disk. */
#ifndef CONFIG_PATH_H
#define CONFIG_PATH_H

#include "runner/base/arena.h"
#include "runner/base/error.h"

#include <stddef.h>

/* `path`, seen from the folder `base` where it is relative. "./" in front is left out. */
const char *path_join(struct arena *arena, const char *base, const char *path);

/* The folder that holds it: "/a" for "/a/b", "." for "b". */
const char *path_folder(struct arena *arena, const char *path);

/* The last part, without .yaml or .yml. */
const char *path_stem(struct arena *arena, const char *path);

/* As it is best shown: relative to the working folder where it lies below. */
const char *path_display(struct arena *arena, const char *path);

/* The working folder; "." where it is gone. */
const char *path_working_folder(struct arena *arena);

/* Reads a whole file of at most `limit` bytes into memory to free(), NUL-terminated. The error
 * names only the reason, not the path. */
int path_read_file(
    const char *path, size_t limit, char **ret_text, size_t *ret_length, struct error *err);

#endif
