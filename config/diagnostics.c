#include "config/diagnostics.h"

#include "runner/base/buffer.h"
#include "runner/base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void diagnostics_init(struct diagnostics *problems)
{
    *problems = (struct diagnostics){0};
    arena_init(&problems->arena);
}

void diagnostics_deinit(struct diagnostics *problems)
{
    free(problems->items);
    arena_deinit(&problems->arena);
    *problems = (struct diagnostics){0};
}

/* The path as the arena's own text; files come one after another, so the newest usually fits. */
static const char *keep_path(struct diagnostics *problems, const char *path)
{
    if (problems->count && strcmp(problems->items[problems->count - 1].path, path) == 0)
        return problems->items[problems->count - 1].path;
    problems->count_in_file = 0;
    return arena_strdup(&problems->arena, path);
}

static void add(struct diagnostics *problems, const char *path, struct option_mark mark,
    bool warning, const char *format, va_list args) __attribute__((format(printf, 5, 0)));

static void add(struct diagnostics *problems, const char *path, struct option_mark mark,
    bool warning, const char *format, va_list args)
{
    const char *own_path = keep_path(problems, path);
    char *message;

    if (!warning)
        problems->error_count++;
    if (problems->count_in_file >= DIAGNOSTICS_MAX) {
        problems->dropped++;
        return;
    }
    problems->items =
        mem_grow(problems->items, &problems->capacity, problems->count, sizeof(*problems->items));
    message = mem_vprintf(format, args);
    problems->items[problems->count++] = (struct diagnostic){
        .path = own_path,
        .mark = mark,
        .message = arena_strdup(&problems->arena, message),
        .warning = warning,
    };
    problems->count_in_file++;
    free(message);
}

void diagnostics_error(struct diagnostics *problems, const char *path, struct option_mark mark,
    const char *format, ...)
{
    va_list args;

    va_start(args, format);
    add(problems, path, mark, false, format, args);
    va_end(args);
}

void diagnostics_warn(struct diagnostics *problems, const char *path, struct option_mark mark,
    const char *format, ...)
{
    va_list args;

    va_start(args, format);
    add(problems, path, mark, true, format, args);
    va_end(args);
}

static int compare(const void *left, const void *right)
{
    const struct diagnostic *a = left, *b = right;
    const int by_path = strcmp(a->path, b->path);

    if (by_path)
        return by_path;
    if (a->mark.line != b->mark.line)
        return a->mark.line < b->mark.line ? -1 : 1;
    if (a->mark.column != b->mark.column)
        return a->mark.column < b->mark.column ? -1 : 1;
    return strcmp(a->message, b->message);
}

void diagnostics_sort(struct diagnostics *problems)
{
    size_t kept = 0;

    if (problems->count == 0)
        return;
    mem_sort(problems->items, problems->count, sizeof(*problems->items), compare);
    for (size_t i = 1; i < problems->count; i++) {
        if (compare(&problems->items[kept], &problems->items[i]) != 0)
            problems->items[++kept] = problems->items[i];
        else if (!problems->items[i].warning)
            problems->error_count--;
    }
    problems->count = kept + 1;
}

void diagnostics_format(const struct diagnostic *item, struct buffer *buffer)
{
    text_append_printable(buffer, item->path);
    if (item->mark.line)
        buffer_printf(buffer, ":%u:%u", item->mark.line, item->mark.column);
    buffer_puts(buffer, item->warning ? ": warning: " : ": ");
    text_append_printable(buffer, item->message);
}
