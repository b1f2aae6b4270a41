/* The rows of a SELECT as an Arrow IPC stream in a file, blocking: for jobs. */
#ifndef CONNECTORS_DUCKDB_ARROW_H
#define CONNECTORS_DUCKDB_ARROW_H

#include "connectors/sql_engine.h"

#include <duckdb.h>

/* ENUM and UUID, and what Parquet files would not take either (BIT, TIME WITH TIME ZONE, …), go as
 * texts. What was written of a file stays on failure: the folder is the caller's. */
int arrow_write(duckdb_connection connection, const char *dataset, const char *path,
    int64_t *ret_rows, struct error *err);

#endif
