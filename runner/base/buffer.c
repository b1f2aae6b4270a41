#include "runner/base/buffer.h"

#include "runner/base/mem.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static char empty[1];

void buffer_init(struct buffer *buffer, size_t limit)
{
    *buffer = (struct buffer){.data = empty, .limit = limit ? limit : BUFFER_LIMIT_DEFAULT};
}

void buffer_deinit(struct buffer *buffer)
{
    if (buffer->data != empty)
        free(buffer->data);
    *buffer = (struct buffer){.data = empty, .limit = buffer->limit};
}

void buffer_clear(struct buffer *buffer)
{
    buffer_truncate(buffer, 0);
    buffer->overflowed = false;
}

void buffer_truncate(struct buffer *buffer, size_t length)
{
    assert(length <= buffer->length);
    if (buffer->length == length)
        return;
    buffer->length = length;
    buffer->data[length] = '\0';
}

char *buffer_reserve(struct buffer *buffer, size_t length)
{
    if (length > buffer->limit - buffer->length) {
        buffer->overflowed = true;
        return NULL;
    }
    if (buffer->length + length + 1 > buffer->capacity) {
        buffer->capacity = MAX(buffer->length + length + 1, buffer->capacity * 2);
        buffer->capacity = MAX(buffer->capacity, (size_t)64);
        if (buffer->limit < SIZE_MAX) /* doubling must not take twice what the limit grants */
            buffer->capacity = MIN(buffer->capacity, buffer->limit + 1);
        if (buffer->data == empty)
            buffer->data = NULL;
        buffer->data = mem_realloc(buffer->data, buffer->capacity, 1);
        buffer->data[buffer->length] = '\0';
    }
    return buffer->data + buffer->length;
}

void buffer_advance(struct buffer *buffer, size_t length)
{
    assert(buffer->length + length < buffer->capacity);
    buffer->length += length;
    buffer->data[buffer->length] = '\0';
}

void buffer_append(struct buffer *buffer, const void *bytes, size_t length)
{
    char *end;

    if (length == 0)
        return;
    if (length > buffer->limit - buffer->length) {
        buffer->overflowed = true;
        length = buffer->limit - buffer->length;
    }
    end = buffer_reserve(buffer, length);
    memcpy(end, bytes, length);
    buffer_advance(buffer, length);
}

void buffer_puts(struct buffer *buffer, const char *text)
{
    buffer_append(buffer, text, strlen(text));
}

void buffer_putc(struct buffer *buffer, char c)
{
    buffer_append(buffer, &c, 1);
}

void buffer_printf(struct buffer *buffer, const char *format, ...)
{
    char small[256];
    va_list args;
    int length;

    va_start(args, format);
    length = vsnprintf(small, sizeof(small), format, args);
    va_end(args);
    if (length < (int)sizeof(small)) {
        buffer_append(buffer, small, (size_t)MAX(length, 0));
        return;
    }
    va_start(args, format);
    char *large = mem_vprintf(format, args);
    va_end(args);
    buffer_append(buffer, large, (size_t)length);
    free(large);
}

char *buffer_steal(struct buffer *buffer)
{
    char *data = buffer->data == empty ? mem_strdup("") : buffer->data;

    *buffer = (struct buffer){.data = empty, .limit = buffer->limit};
    return data;
}
