/* A dataset written by all threads at once: where neither the order of rows nor the file that each
 * is in matters. DuckDB's own COPY, a file or more for each thread. */
#ifndef CONNECTORS_DUCKDB_COPY_H
#define CONNECTORS_DUCKDB_COPY_H

#include "connectors/duckdb/stats.h"
#include "runner/base/buffer.h"

#include <duckdb.h>

enum { COPY_GROUP_ROWS = 122880, COPY_GROUP_ROWS_MIN = 2048 };

/* Appends ", FIELD_IDS {…}" where columns have some. */
void copy_append_field_ids(struct buffer *sql, const struct sql_schema *schema);

/* The rows of `select`, whose columns are those of `schema`, as write->prefix and a number in
 * write->folder; no file where there are no rows. In `arena`. */
int copy_unordered(duckdb_connection connection, const struct sql_write *write, const char *select,
    const struct sql_schema *schema, struct arena *arena, struct stats_file **ret_files,
    size_t *ret_count, struct error *err);

#endif
