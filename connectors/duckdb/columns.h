/* What a WRITE selects: the columns cast to the schema, and the partitions' keys before them. */
#ifndef CONNECTORS_DUCKDB_COLUMNS_H
#define CONNECTORS_DUCKDB_COLUMNS_H

#include "connectors/sql_engine.h"
#include "runner/base/buffer.h"

#include <duckdb.h>

/* Appends the SELECT: one key a partition field (BIGINT or VARCHAR), then the columns, sorted by
 * the keys and then by `sort_by`. Fails for a type that Parquet cannot hold, a partition of a
 * column that is no date, an unknown column. *ret_written: what the files will have, in `arena`. */
int columns_select(duckdb_connection connection, const struct sql_write *write, struct arena *arena,
    struct buffer *sql, struct sql_schema *ret_written, struct error *err);

/* Whether there is nothing to select: asked of the rows only where a column has no type, as then
 * all its values are null, or there is none: a partition of it, or a file of nothing else, needs
 * none. */
int columns_empty(duckdb_connection connection, const struct sql_write *write, struct arena *arena,
    bool *ret_empty, struct error *err);

#endif
