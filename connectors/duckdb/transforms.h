/* Partition transforms that DuckDB lacks, as scalar functions:
 *   sluice_bucket(width, value)       Iceberg's bucket, BIGINT; null of a null
 *   sluice_truncate(width, value)     Iceberg's truncate, as text; null of a null
 *   sluice_key_bucket(width, value…)  the bucket of a tuple of any types, BIGINT; never null
 * A type that they do not take, and a width that is no positive number, fail the statement. */
#ifndef CONNECTORS_DUCKDB_TRANSFORMS_H
#define CONNECTORS_DUCKDB_TRANSFORMS_H

#include "runner/base/error.h"

#include <duckdb.h>

/* For all connections of the database. */
int transforms_register(duckdb_connection connection, struct error *err);

#endif
