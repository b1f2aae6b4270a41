/* Memory with one lifetime: many allocations, one release. For what belongs to the process or to
 * a run (STYLE rule 19); not for payload. */
#ifndef RUNNER_BASE_ARENA_H
#define RUNNER_BASE_ARENA_H

#include <stdarg.h>
#include <stddef.h>

struct arena_block;

struct arena {
    struct arena_block *newest;
    size_t total_bytes; /* handed out so far */
};

void arena_init(struct arena *arena);
void arena_deinit(struct arena *arena); /* again is harmless */

/* Zeroed, aligned for any type, valid until arena_deinit(). Aborts when memory is out. */
void *arena_alloc(struct arena *arena, size_t size) __attribute__((returns_nonnull));
void *arena_array(struct arena *arena, size_t count, size_t size) __attribute__((returns_nonnull));
#define arena_new(arena, type) ((type *)arena_alloc(arena, sizeof(type)))

char *arena_strdup(struct arena *arena, const char *text) __attribute__((returns_nonnull));
char *arena_strndup(struct arena *arena, const char *text, size_t length)
    __attribute__((returns_nonnull));
char *arena_printf(struct arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3), returns_nonnull));

#endif
