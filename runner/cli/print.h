/* Tables for people: columns as wide as they must be, cut to the terminal, aligned, coloured. */
#ifndef RUNNER_CLI_PRINT_H
#define RUNNER_CLI_PRINT_H

#include "runner/base/buffer.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct print_table;

/* `headers` is NULL-terminated; one that begins with ">" is aligned to the right. */
struct print_table *print_table_new(const char *const *headers);
/* One text a column; NULL: empty. Copied; control characters escaped. */
void print_table_row(struct print_table *table, const char *const *cells);
/* The style (an SGR code, "" or NULL: none) of the cell added last in `column`. */
void print_table_style(struct print_table *table, unsigned column, const char *style);
/* Writes it (`out` NULL: does not) and frees it. `width` 0: as wide as it is. Column `flexible` is
 * cut first. */
void print_table_end(
    struct print_table *table, FILE *out, unsigned width, unsigned flexible, bool color);

/* Columns that a text takes in a terminal (wide and combining characters counted). */
unsigned print_width(const char *text);
/* The same of a line with SGR codes. */
unsigned print_styled_width(const char *line, size_t length);
/* Appends at most `width` columns of the text, with "…" where it was cut. */
void print_cut(struct buffer *buffer, const char *text, unsigned width);
unsigned print_terminal_width(int fd); /* 0: no terminal */

/* "1,234,567" */
enum { PRINT_COUNT_SIZE = 32 };
const char *print_count(int64_t count, char text[PRINT_COUNT_SIZE]);

/* "1 file", "1,234 files" */
enum { PRINT_COUNTED_SIZE = 64 };
const char *print_counted(int64_t count, const char *noun, char text[PRINT_COUNTED_SIZE]);

#endif
