/* Where the lines of a CSV file are that DuckDB leaves out without a word: empty ones. */
#ifndef CONNECTORS_DUCKDB_LINES_H
#define CONNECTORS_DUCKDB_LINES_H

#include "connectors/duckdb/scan_plan.h"
#include "connectors/duckdb/session.h"

/* Makes lines of the file of the items' lines, which count all lines but empty ones between rows.
 * Reads the file once more; where that fails the lines stay as they are. */
void lines_count_empty(struct operation *operation, const struct scan_plan *plan,
    const struct scan_file *file, struct sql_reject *items, size_t count);

#endif
