#include "runner/cli/quarantine_cells.h"

void quarantine_append_quoted(struct buffer *out, const char *text)
{
    buffer_putc(out, '"');
    for (; *text; text++) {
        buffer_puts(out, *text == '"' ? "\"" : "");
        buffer_putc(out, *text);
    }
    buffer_putc(out, '"');
}

/* The JSON pointer of a member. */
static void append_pointer(struct buffer *sql, const char *name)
{
    struct buffer pointer;

    buffer_init(&pointer, 0);
    buffer_putc(&pointer, '/');
    for (; *name; name++) {
        if (*name == '~' || *name == '/')
            buffer_puts(&pointer, *name == '~' ? "~0" : "~1");
        else
            buffer_putc(&pointer, *name);
    }
    text_append_sql_literal(sql, pointer.data);
    buffer_deinit(&pointer);
}

void quarantine_append_cells(
    struct buffer *sql, const char *const *names, size_t count, const struct extract *extract)
{
    const struct text_list *nulls = &extract->csv.nulls;

    for (size_t i = 0; i < count; i++) {
        buffer_puts(sql, i ? " || ',' || " : "");
        buffer_puts(sql, "coalesce('\"' || replace(json_extract_string(text, ");
        append_pointer(sql, names[i]);
        buffer_puts(sql, "), '\"', '\"\"') || '\"', ");
        text_append_sql_literal(sql, nulls->count ? nulls->items[0] : "");
        buffer_putc(sql, ')');
    }
}
