/* A growing byte string with a limit, always followed by a NUL that is not counted.
 * Going over the limit is remembered, not fatal: the buffer keeps what fitted and `overflowed`
 * is set, so that a writer checks once at the end. */
#ifndef RUNNER_BASE_BUFFER_H
#define RUNNER_BASE_BUFFER_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct buffer {
    char *data;      /* never NULL after buffer_init() */
    size_t length;   /* bytes without the NUL */
    size_t capacity; /* internal */
    size_t limit;    /* most bytes that `length` may reach */
    bool overflowed;
};

enum { BUFFER_LIMIT_DEFAULT = 64 * 1024 * 1024 };

void buffer_init(struct buffer *buffer, size_t limit); /* 0: BUFFER_LIMIT_DEFAULT */
void buffer_deinit(struct buffer *buffer);             /* a zeroed buffer is fine, too */
void buffer_clear(struct buffer *buffer);              /* keeps the memory */
void buffer_truncate(struct buffer *buffer, size_t length);

void buffer_append(struct buffer *buffer, const void *bytes, size_t length);
void buffer_puts(struct buffer *buffer, const char *text);
void buffer_putc(struct buffer *buffer, char c);
void buffer_printf(struct buffer *buffer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Makes room for `length` more bytes and returns where to write them, NULL where the limit
 * forbids it; buffer_advance() then says how many were written. */
char *buffer_reserve(struct buffer *buffer, size_t length);
void buffer_advance(struct buffer *buffer, size_t length);

/* Hands the bytes to the caller (release with free()) and leaves the buffer empty. */
char *buffer_steal(struct buffer *buffer);

#endif
