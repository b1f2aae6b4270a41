/* Files with bad rows, row by row. A SCAN first copies all files in one statement that any bad row
 * ends; only then comes this: each file is read into a raw table of texts with row numbers, bad
 * rows are found, counted and described there, and the good ones copied from it. Slower, and exact:
 * rows out + rejected = rows of the file. */
#ifndef CONNECTORS_DUCKDB_REJECTS_H
#define CONNECTORS_DUCKDB_REJECTS_H

#include "connectors/duckdb/scan_plan.h"
#include "connectors/duckdb/session.h"

struct rejects {
    struct sql_reject items[SQL_REJECTS_SHOWN]; /* texts in the plan's arena */
    size_t count;
    int64_t rows;
};

/* Appends the select list of the dataset for a file: every column converted, those that the file
 * lacks null. `hard`: a cell that does not fit ends the statement. */
void rejects_append_values(
    const struct scan_plan *plan, const struct scan_file *file, bool hard, struct buffer *sql);

/* Reads one file (its good rows into `folder`/`name`, added to the dataset) and adds its bad rows.
 * Where the SCAN skips none, the first bad row is the error. */
int rejects_read_file(struct operation *operation, struct scan_plan *plan,
    const struct scan_file *file, const char *name, struct sql_dataset *dataset,
    struct rejects *rejects, struct error *err);

#endif
