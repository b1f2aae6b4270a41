/* CSV (RFC 4180) and JSON (RFC 8259). */
#include "runner/cli/rows_private.h"

#include "runner/base/text.h"

#include <string.h>

/* --- csv --- */

static void append_csv(struct buffer *line, const char *cell, bool is_only)
{
    const bool is_plain = cell && *cell && !strpbrk(cell, ",\"\r\n");

    if (is_plain || (!cell && !is_only)) {
        buffer_puts(line, cell ? cell : "");
        return;
    }
    buffer_putc(line, '"');
    for (; cell && *cell; cell++) {
        if (*cell == '"')
            buffer_putc(line, '"');
        buffer_putc(line, *cell);
    }
    buffer_putc(line, '"');
}

/* --- json --- */

static void append_json_text(struct buffer *line, const char *text)
{
    size_t length = strlen(text);

    buffer_putc(line, '"');
    while (length > 0) {
        const unsigned char c = (unsigned char)*text;
        const size_t bytes = c < 0x80 ? 1 : text_utf8_length(text, length);

        if (c == '"' || c == '\\')
            buffer_putc(line, '\\');
        if (c < 0x20)
            buffer_printf(line, "\\u%04x", c);
        else if (bytes > 0)
            buffer_append(line, text, bytes);
        else
            buffer_puts(line, "\xef\xbf\xbd"); /* U+FFFD */
        text += bytes ? bytes : 1;
        length -= bytes ? bytes : 1;
    }
    buffer_putc(line, '"');
}

static size_t digits(const char *text)
{
    return strspn(text, "0123456789");
}

/* RFC 8259, section 6. */
static bool is_json_number(const char *text)
{
    const char *at = text + (*text == '-');
    const size_t whole = digits(at);

    if (whole == 0 || (*at == '0' && whole > 1))
        return false;
    at += whole;
    if (*at == '.') {
        const size_t fraction = digits(++at);

        if (fraction == 0)
            return false;
        at += fraction;
    }
    if (*at == 'e' || *at == 'E') {
        at++;
        at += *at == '+' || *at == '-';
        if (digits(at) == 0)
            return false;
        at += digits(at);
    }
    return *at == '\0';
}

static void append_number(struct buffer *line, const char *text)
{
    if (is_json_number(text))
        buffer_puts(line, text);
    else if (strcmp(text, "nan") == 0)
        buffer_puts(line, "\"NaN\"");
    else if (strcmp(text, "inf") == 0 || strcmp(text, "-inf") == 0)
        buffer_puts(line, *text == '-' ? "\"-Infinity\"" : "\"Infinity\"");
    else
        append_json_text(line, text);
}

/* A line end in JSON can only stand between its tokens: a space does as well, and keeps the row on
 * its line. */
static void append_nested(struct buffer *line, const char *json)
{
    if (!*json)
        buffer_puts(line, "null");
    for (; *json; json++)
        buffer_putc(line, *json == '\n' || *json == '\r' ? ' ' : *json);
}

static void append_json(struct buffer *line, enum rows_kind kind, const char *cell)
{
    if (!cell)
        buffer_puts(line, "null");
    else if (kind == ROWS_NUMBER)
        append_number(line, cell);
    else if (kind == ROWS_NESTED)
        append_nested(line, cell);
    else if (kind == ROWS_BOOLEAN && (strcmp(cell, "true") == 0 || strcmp(cell, "false") == 0))
        buffer_puts(line, cell);
    else
        append_json_text(line, cell);
}

static void append_object(struct rows_writer *rows, const char *const *cells)
{
    struct buffer *line = &rows->line;

    buffer_putc(line, '{');
    for (size_t i = 0; i < rows->column_count; i++) {
        buffer_puts(line, i ? "," : "");
        append_json_text(line, rows->columns[i].name);
        buffer_putc(line, ':');
        append_json(line, rows->columns[i].kind, cells[i]);
    }
    buffer_putc(line, '}');
}

static void append_columns(struct rows_writer *rows)
{
    struct buffer *line = &rows->line;

    buffer_puts(line, "{\"columns\":[");
    for (size_t i = 0; i < rows->column_count; i++) {
        buffer_puts(line, i ? ",{\"name\":" : "{\"name\":");
        append_json_text(line, rows->columns[i].name);
        buffer_puts(line, ",\"type\":");
        append_json_text(line, rows->columns[i].type);
        buffer_putc(line, '}');
    }
    buffer_puts(line, "],\"rows\":[");
}

/* --- both --- */

void rows_text_begin(struct rows_writer *rows)
{
    if (rows->options.format == ROWS_JSON)
        append_columns(rows);
    if (rows->options.format != ROWS_CSV)
        return;
    for (size_t i = 0; i < rows->column_count; i++) {
        buffer_puts(&rows->line, i ? "," : "");
        append_csv(&rows->line, rows->columns[i].name, rows->column_count == 1);
    }
    buffer_putc(&rows->line, '\n');
}

void rows_text_row(struct rows_writer *rows, const char *const *cells)
{
    if (rows->options.format != ROWS_CSV) {
        if (rows->options.format == ROWS_JSON)
            buffer_puts(&rows->line, rows->row_count ? "," : "");
        append_object(rows, cells);
        if (rows->options.format == ROWS_NDJSON)
            buffer_putc(&rows->line, '\n');
        return;
    }
    for (size_t i = 0; i < rows->column_count; i++) {
        buffer_puts(&rows->line, i ? "," : "");
        append_csv(&rows->line, cells[i], rows->column_count == 1);
    }
    buffer_putc(&rows->line, '\n');
}

void rows_text_end(struct rows_writer *rows)
{
    if (rows->options.format != ROWS_JSON)
        return;
    buffer_putc(&rows->line, ']');
    if (rows->options.members)
        buffer_printf(&rows->line, ",%s", rows->options.members);
    buffer_puts(&rows->line, "}\n");
}
