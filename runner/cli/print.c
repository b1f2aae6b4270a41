#include "runner/cli/print.h"

#include "runner/base/mem.h"
#include "runner/base/text.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>
#include <sys/ioctl.h>

struct print_table {
    const char *const *headers;
    unsigned columns;
    char **cells;
    const char **styles;
    size_t rows, capacity;
};

/* --- widths --- */

static unsigned decode(const char *text, size_t length)
{
    const unsigned char *b = (const unsigned char *)text;

    switch (length) {
    case 2:
        return (b[0] & 0x1fU) << 6 | (b[1] & 0x3fU);
    case 3:
        return (b[0] & 0x0fU) << 12 | (b[1] & 0x3fU) << 6 | (b[2] & 0x3fU);
    case 4:
        return (b[0] & 0x07U) << 18 | (b[1] & 0x3fU) << 12 | (b[2] & 0x3fU) << 6 | (b[3] & 0x3fU);
    default:
        return b[0];
    }
}

/* Wide: East Asian and emoji blocks; none: combining marks, joiners and variation selectors. */
static unsigned width_of(unsigned c)
{
    if ((c >= 0x300 && c < 0x370) || (c >= 0x200b && c < 0x2010) || (c >= 0xfe00 && c < 0xfe10))
        return 0;
    if ((c >= 0x1100 && c < 0x1160) || (c >= 0x2e80 && c < 0xa4d0) || (c >= 0xac00 && c < 0xd7a4) ||
        (c >= 0xf900 && c < 0xfb00) || (c >= 0xff00 && c < 0xff61) || (c >= 0x1f300 && c < 0x1faff))
        return 2;
    return 1;
}

/* Bytes of the first character of `text`, and its columns. */
static size_t next_character(const char *text, unsigned *ret_width)
{
    const size_t length = text_utf8_length(text, strlen(text));

    *ret_width = length ? width_of(decode(text, length)) : 1;
    return length ? length : 1;
}

unsigned print_width(const char *text)
{
    unsigned total = 0, width;

    for (; *text; total += width)
        text += next_character(text, &width);
    return total;
}

unsigned print_styled_width(const char *line, size_t length)
{
    struct buffer text;
    unsigned width;

    buffer_init(&text, 0);
    for (size_t i = 0; i < length; i++) {
        if (line[i] != '\033') {
            buffer_putc(&text, line[i]);
            continue;
        }
        while (i + 1 < length && line[i] != 'm')
            i++;
    }
    width = print_width(text.data);
    buffer_deinit(&text);
    return width;
}

void print_cut(struct buffer *buffer, const char *text, unsigned width)
{
    unsigned used = 0, next;

    if (print_width(text) <= width) {
        buffer_puts(buffer, text);
        return;
    }
    while (*text && width > 0) {
        const size_t length = next_character(text, &next);

        if (used + next > width - 1)
            break;
        buffer_append(buffer, text, length);
        text += length;
        used += next;
    }
    buffer_puts(buffer, width > 0 ? "…" : "");
}

unsigned print_terminal_width(int fd)
{
    struct winsize size;

    return ioctl(fd, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

const char *print_count(int64_t count, char text[PRINT_COUNT_SIZE])
{
    char digits[PRINT_COUNT_SIZE];
    const int length = snprintf(digits, sizeof(digits), "%" PRId64, count);
    char *at = text;

    for (int i = 0; i < length; i++) {
        const int behind = length - i;

        if (i > (count < 0) && behind % 3 == 0)
            *at++ = ',';
        *at++ = digits[i];
    }
    *at = '\0';
    return text;
}

const char *print_counted(int64_t count, const char *noun, char text[PRINT_COUNTED_SIZE])
{
    char digits[PRINT_COUNT_SIZE];

    snprintf(text, PRINT_COUNTED_SIZE, "%s %s%s", print_count(count, digits), noun,
        count == 1 ? "" : "s");
    return text;
}

/* --- tables --- */

struct print_table *print_table_new(const char *const *headers)
{
    struct print_table *table = mem_new(struct print_table);

    table->headers = headers;
    while (headers[table->columns])
        table->columns++;
    return table;
}

static const char *header_of(const struct print_table *table, unsigned column)
{
    return table->headers[column] + (table->headers[column][0] == '>');
}

void print_table_row(struct print_table *table, const char *const *cells)
{
    struct buffer text;

    if (table->rows == table->capacity) {
        table->capacity = table->capacity ? table->capacity * 2 : 16;
        table->cells = mem_realloc(table->cells, table->capacity * table->columns, sizeof(char *));
        table->styles =
            mem_realloc(table->styles, table->capacity * table->columns, sizeof(char *));
    }
    for (unsigned i = 0; i < table->columns; i++) {
        buffer_init(&text, 0);
        text_append_printable(&text, cells[i] ? cells[i] : "");
        table->cells[table->rows * table->columns + i] = buffer_steal(&text);
        table->styles[table->rows * table->columns + i] = NULL;
    }
    table->rows++;
}

void print_table_style(struct print_table *table, unsigned column, const char *style)
{
    assert(table->rows > 0 && column < table->columns);
    table->styles[(table->rows - 1) * table->columns + column] = style;
}

static void measure(
    const struct print_table *table, unsigned width, unsigned flexible, unsigned *widths)
{
    unsigned total = 0;

    for (unsigned column = 0; column < table->columns; column++) {
        widths[column] = print_width(header_of(table, column));
        for (size_t row = 0; row < table->rows; row++)
            widths[column] =
                MAX(widths[column], print_width(table->cells[row * table->columns + column]));
        total += widths[column] + (column ? 2 : 0);
    }
    if (width > 0 && total > width && flexible < table->columns) {
        const unsigned over = total - width;

        widths[flexible] = widths[flexible] > over + 8 ? widths[flexible] - over : 8;
    }
}

static void append_cell(
    struct buffer *line, const char *text, unsigned width, bool right, bool last, const char *style)
{
    struct buffer cut;
    unsigned used;

    buffer_init(&cut, 0);
    print_cut(&cut, text, width);
    used = print_width(cut.data);
    for (unsigned i = used; right && i < width; i++)
        buffer_putc(line, ' ');
    if (style && *style)
        buffer_printf(line, "%s%s\033[0m", style, cut.data);
    else
        buffer_puts(line, cut.data);
    for (unsigned i = used; !right && !last && i < width; i++)
        buffer_putc(line, ' ');
    buffer_deinit(&cut);
}

static void write_row(const struct print_table *table, FILE *out, const unsigned *widths,
    char **cells, const char **styles, bool color)
{
    struct buffer line;

    buffer_init(&line, 0);
    for (unsigned i = 0; i < table->columns; i++) {
        const char *style = cells ? styles[i] : "\033[2m";

        buffer_puts(&line, i ? "  " : "");
        append_cell(&line, cells ? cells[i] : header_of(table, i), widths[i],
            table->headers[i][0] == '>', i + 1 == table->columns, color ? style : NULL);
    }
    while (line.length > 0 && line.data[line.length - 1] == ' ')
        buffer_truncate(&line, line.length - 1);
    fprintf(out, "%s\n", line.data);
    buffer_deinit(&line);
}

void print_table_end(
    struct print_table *table, FILE *out, unsigned width, unsigned flexible, bool color)
{
    unsigned *widths = mem_calloc(table->columns, sizeof(*widths));

    measure(table, width, flexible, widths);
    if (out)
        write_row(table, out, widths, NULL, NULL, color);
    for (size_t row = 0; out && row < table->rows; row++)
        write_row(table, out, widths, table->cells + row * table->columns,
            table->styles + row * table->columns, color);
    for (size_t i = 0; i < table->rows * table->columns; i++)
        free(table->cells[i]);
    free(table->cells);
    free(table->styles);
    free(widths);
    free(table);
}
