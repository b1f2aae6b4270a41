/* Small allocations: they abort the process when memory is out, with one line on stderr. Payload
 * never comes from here but from pools that are sized by configuration (STYLE rule 18).
 * What they return is released with free(). */
#ifndef RUNNER_BASE_MEM_H
#define RUNNER_BASE_MEM_H

#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/param.h> /* MIN, MAX: uv.h brings them, too */

#define container_of(pointer, type, member) ((type *)((char *)(pointer)-offsetof(type, member)))
#define ARRAY_LENGTH(array) (sizeof(array) / sizeof((array)[0]))

/* Zeroed memory for `count` objects of `size` bytes. */
void *mem_calloc(size_t count, size_t size) __attribute__((malloc, returns_nonnull));
#define mem_new(type) ((type *)mem_calloc(1, sizeof(type)))

/* realloc() to `count` objects of `size` bytes; what is added is not zeroed. */
void *mem_realloc(void *pointer, size_t count, size_t size) __attribute__((returns_nonnull));

/* Makes room for one more than `count` items of `size` bytes in a malloc'd array of *capacity:
 * `list->items = mem_grow(list->items, &list->capacity, list->count, sizeof(*list->items));` */
void *mem_grow(void *items, size_t *capacity, size_t count, size_t size);

/* qsort() that also takes no items at all at NULL, which the C library's own may not be given. */
void mem_sort(void *items, size_t count, size_t size, int (*compare)(const void *, const void *));

char *mem_strdup(const char *text) __attribute__((malloc, returns_nonnull));
char *mem_strndup(const char *text, size_t length) __attribute__((malloc, returns_nonnull));
char *mem_printf(const char *format, ...)
    __attribute__((format(printf, 1, 2), malloc, returns_nonnull));
char *mem_vprintf(const char *format, va_list args)
    __attribute__((format(printf, 1, 0), malloc, returns_nonnull));

#endif
