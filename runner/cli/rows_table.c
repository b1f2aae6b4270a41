#include "runner/cli/rows_private.h"

#include "runner/base/mem.h"
#include "runner/base/text.h"
#include "runner/cli/print.h"

#include <string.h>

enum {
    SAMPLE_ROWS = 1000,
    SAMPLE_BYTES = 4 * 1024 * 1024,
    GAP = 2,
    NARROW = 8,   /* columns are not cut below this */
    PADDED = 120, /* nor padded above it, where nothing is cut */
};

#define DIM "\033[2m"
#define RESET "\033[0m"

/* --- cells --- */

static const char *style(const struct rows_writer *rows, const char *code)
{
    return rows->options.color ? code : "";
}

static void append_cell(
    struct rows_writer *rows, const struct rows_column *column, const char *text, const char *code)
{
    struct buffer *line = &rows->line;
    struct buffer printable, cut;
    unsigned used;

    buffer_init(&printable, 0);
    buffer_init(&cut, 0);
    text_append_printable(&printable, text);
    if (rows->options.width > 0)
        print_cut(&cut, printable.data, column->width);
    else
        buffer_puts(&cut, printable.data);
    used = print_width(cut.data);
    if (column->kind == ROWS_NUMBER && used < column->width)
        buffer_printf(line, "%*s", (int)(column->width - used), "");
    buffer_printf(line, "%s%s%s", code, cut.data, *code ? RESET : "");
    if (column->kind != ROWS_NUMBER && used < column->width &&
        column != &rows->columns[rows->shown - 1])
        buffer_printf(line, "%*s", (int)(column->width - used), "");
    buffer_deinit(&cut);
    buffer_deinit(&printable);
}

static void append_row(struct rows_writer *rows, const char *const *cells)
{
    for (size_t i = 0; i < rows->shown; i++) {
        buffer_printf(&rows->line, "%*s", i ? GAP : 0, "");
        append_cell(rows, &rows->columns[i], cells[i] ? cells[i] : "NULL",
            cells[i] ? "" : style(rows, DIM));
    }
    buffer_putc(&rows->line, '\n');
}

/* --- widths --- */

static unsigned printable_width(const char *text)
{
    struct buffer printable;
    unsigned width;

    buffer_init(&printable, 0);
    text_append_printable(&printable, text ? text : "NULL");
    width = print_width(printable.data);
    buffer_deinit(&printable);
    return width;
}

static unsigned total_width(const struct rows_writer *rows, unsigned widest)
{
    unsigned total = 0;

    for (size_t i = 0; i < rows->shown; i++)
        total += MIN(rows->columns[i].width, widest) + (i ? GAP : 0);
    return total;
}

/* Cuts the widest columns, all to the same width; where that is not enough, leaves the last ones
 * out. */
static void fit(struct rows_writer *rows)
{
    unsigned widest = NARROW;

    while (rows->shown > 1 && total_width(rows, NARROW) > rows->options.width)
        rows->shown--;
    while (widest < rows->options.width && total_width(rows, widest + 1) <= rows->options.width)
        widest++;
    for (size_t i = 0; i < rows->shown; i++)
        rows->columns[i].width = MIN(rows->columns[i].width, widest);
}

static void measure(struct rows_writer *rows)
{
    rows->measured = true;
    for (size_t i = 0; i < rows->column_count; i++) {
        struct rows_column *column = &rows->columns[i];

        column->width = printable_width(column->name);
        for (size_t row = 0; row < rows->sample.count; row++) {
            const char *cell = rows->sample.cells[row * rows->column_count + i];

            column->width = MAX(column->width, printable_width(cell));
        }
        if (rows->options.width == 0)
            column->width = MIN(column->width, PADDED);
    }
    if (rows->options.width > 0)
        fit(rows);
    for (size_t i = 0; i < rows->shown; i++) {
        buffer_printf(&rows->line, "%*s", i ? GAP : 0, "");
        append_cell(rows, &rows->columns[i], rows->columns[i].name, style(rows, DIM));
    }
    buffer_putc(&rows->line, '\n');
    for (size_t row = 0; row < rows->sample.count; row++)
        append_row(rows, rows->sample.cells + row * rows->column_count);
}

/* --- rows --- */

static void keep(struct rows_writer *rows, const char *const *cells)
{
    struct rows_sample *sample = &rows->sample;
    const char **row;

    if (sample->count == sample->capacity) {
        sample->capacity = sample->capacity ? sample->capacity * 2 : 64;
        sample->cells = mem_realloc(
            sample->cells, sample->capacity * MAX(rows->column_count, 1), sizeof(*sample->cells));
    }
    row = sample->cells + sample->count++ * rows->column_count;
    for (size_t i = 0; i < rows->column_count; i++)
        row[i] = cells[i] ? arena_strdup(&sample->arena, cells[i]) : NULL;
}

void rows_table_row(struct rows_writer *rows, const char *const *cells)
{
    if (rows->measured) {
        append_row(rows, cells);
        return;
    }
    keep(rows, cells);
    if (rows->sample.count >= SAMPLE_ROWS || rows->sample.arena.total_bytes >= SAMPLE_BYTES)
        measure(rows);
}

void rows_table_end(struct rows_writer *rows)
{
    if (!rows->measured)
        measure(rows);
    if (rows->shown == rows->column_count)
        return;
    buffer_printf(&rows->line, "%s… and %zu more columns:", style(rows, DIM),
        rows->column_count - rows->shown);
    for (size_t i = rows->shown; i < rows->column_count; i++) {
        buffer_puts(&rows->line, i > rows->shown ? ", " : " ");
        text_append_printable(&rows->line, rows->columns[i].name);
    }
    buffer_printf(&rows->line, "%s\n", style(rows, RESET));
}
