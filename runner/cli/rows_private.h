/* What rows.c and its two halves share: rows_table.c for people, rows_text.c for programs. */
#ifndef RUNNER_CLI_ROWS_PRIVATE_H
#define RUNNER_CLI_ROWS_PRIVATE_H

#include "runner/base/buffer.h"
#include "runner/cli/rows.h"

/* How a value is written in JSON, and on which side it stands in a table. */
enum rows_kind { ROWS_TEXT, ROWS_NUMBER, ROWS_BOOLEAN, ROWS_NESTED };

struct rows_column {
    const char *name; /* of its own among the columns */
    const char *type;
    enum rows_kind kind;
    unsigned width; /* in a table, in columns of the terminal */
};

/* A table's first rows, kept until the widths are known. */
struct rows_sample {
    struct arena arena;
    const char **cells;
    size_t count, capacity; /* rows */
};

struct rows_writer {
    struct rows_options options;
    struct arena arena; /* the columns */
    struct rows_column *columns;
    size_t column_count, shown; /* shown: those of a table that fit */
    bool begun, measured;
    int64_t row_count;
    struct buffer line; /* what is written next, for a batch of rows */
    struct rows_sample sample;
};

void rows_flush(struct rows_writer *rows);

enum rows_kind rows_kind_of(const char *type);

void rows_table_row(struct rows_writer *rows, const char *const *cells);
void rows_table_end(struct rows_writer *rows);

void rows_text_begin(struct rows_writer *rows);
void rows_text_row(struct rows_writer *rows, const char *const *cells);
void rows_text_end(struct rows_writer *rows);

#endif
