#include "runner/base/arena.h"

#include "runner/base/mem.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { BLOCK_BYTES_MIN = 1024, BLOCK_BYTES_MAX = 64 * 1024, ALIGNMENT = _Alignof(max_align_t) };

struct arena_block {
    struct arena_block *older;
    size_t used, size;
    _Alignas(max_align_t) char data[];
};

void arena_init(struct arena *arena)
{
    *arena = (struct arena){0};
}

void arena_deinit(struct arena *arena)
{
    while (arena->newest) {
        struct arena_block *block = arena->newest;

        arena->newest = block->older;
        free(block);
    }
    arena->total_bytes = 0;
}

static struct arena_block *add_block(struct arena *arena, size_t size)
{
    /* Doubling: thousands of small arenas stay small, and large ones ask seldom. */
    const size_t wanted = MIN(MAX(arena->total_bytes, (size_t)BLOCK_BYTES_MIN), BLOCK_BYTES_MAX);
    const size_t data_bytes = MAX(size, wanted);
    struct arena_block *block = mem_calloc(1, sizeof(*block) + data_bytes);

    block->size = data_bytes;
    block->older = arena->newest;
    arena->newest = block;
    return block;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    const size_t rounded = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    struct arena_block *block = arena->newest;
    void *memory;

    if (size > SIZE_MAX / 2)
        abort(); /* the sums below would overflow: a programmer error */
    if (!block || block->size - block->used < rounded)
        block = add_block(arena, rounded);
    memory = block->data + block->used;
    block->used += rounded;
    arena->total_bytes += rounded;
    return memory;
}

void *arena_array(struct arena *arena, size_t count, size_t size)
{
    size_t bytes;

    if (__builtin_mul_overflow(count, size, &bytes))
        abort();
    return arena_alloc(arena, bytes);
}

char *arena_strndup(struct arena *arena, const char *text, size_t length)
{
    char *copy = arena_alloc(arena, length + 1);

    memcpy(copy, text, length);
    return copy;
}

char *arena_strdup(struct arena *arena, const char *text)
{
    return arena_strndup(arena, text, strlen(text));
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
    va_list args;
    char *text, *copy;

    va_start(args, format);
    text = mem_vprintf(format, args);
    va_end(args);
    copy = arena_strdup(arena, text);
    free(text);
    return copy;
}
