/* Rows of an SQL query on their way out: as a table for people, CSV, NDJSON or one JSON value.
 * Written while they come, so that any number of them takes the same memory.
 *
 * - table: the first rows decide how wide the columns are, later ones are cut to them; on a
 *   terminal all of it fits, and columns that do not are named below. Numbers stand right.
 * - csv: RFC 4180 with a header and line feeds; null is nothing, an empty text is "". Where a row
 *   has one column only, null is "" too, because many readers skip empty lines.
 * - ndjson: one object a row. Numbers, booleans and null as such, nested values and JSON as they
 *   are, all else text; numbers that JSON has no word for are "NaN", "Infinity", "-Infinity".
 *   Columns of one name become a, a_1, a_2.
 * - json: {"columns": [{"name", "type"}], "rows": […]}, rows as in ndjson; then `members`. */
#ifndef RUNNER_CLI_ROWS_H
#define RUNNER_CLI_ROWS_H

#include "connectors/sql_engine.h"

#include <stdio.h>

enum rows_format { ROWS_TABLE, ROWS_CSV, ROWS_NDJSON, ROWS_JSON };

/* "table", "csv", "ndjson", "json": for OPTION_ENUM. */
extern const char *const rows_format_names[];

struct rows_options {
    enum rows_format format;
    FILE *out;      /* stays the caller's */
    unsigned width; /* of the terminal; 0: tables are as wide as they are */
    bool color;
    const char *members; /* json: more members of the value, behind the rows; NULL: none */
};

struct rows_writer;

struct rows_writer *rows_new(const struct rows_options *options);

/* As sql_rows_fn hands them over; the schema is read the first time. False once the output takes no
 * more (its reader went away, a full disk): then there is no use in more rows. */
bool rows_write(struct rows_writer *rows, const struct sql_schema *schema, const char *const *cells,
    size_t row_count);

/* Writes what is left (unless nothing ever came: then nothing) and frees it. Returns how many rows
 * there were. NULL is harmless. */
int64_t rows_end(struct rows_writer *rows);

/* Frees it and writes nothing more: after a failure. NULL is harmless. */
void rows_abandon(struct rows_writer *rows);

#endif
