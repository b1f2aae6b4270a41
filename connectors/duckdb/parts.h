/* The SELECT behind a view over a table's files: those of several schemas, upserts and deletes
 * merged as they are read. */
#ifndef CONNECTORS_DUCKDB_PARTS_H
#define CONNECTORS_DUCKDB_PARTS_H

#include "connectors/sql_engine.h"
#include "runner/base/buffer.h"

#include <duckdb.h>

/* Appends it, for a dataset with `parts`. Opens one or two files of each part, no more: thousands
 * of files are fine. Fails where a column of the schema has the name of one that is added. */
int parts_append_select(duckdb_connection connection, const struct sql_dataset *dataset,
    struct buffer *sql, struct error *err);

#endif
