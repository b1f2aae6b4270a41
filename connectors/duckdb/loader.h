/* Finds and opens the DuckDB module: the only part of this folder that is in the executable. The
 * module costs tens of megabytes, so what needs no SQL never loads it. */
#ifndef CONNECTORS_DUCKDB_LOADER_H
#define CONNECTORS_DUCKDB_LOADER_H

#include "connectors/sql_engine.h"

/* The module's one exported symbol: const void *(void), a const struct sql_engine_type. */
#define DUCKDB_MODULE_ENTRY "sluice_duckdb_engine"

/* Opens sluice_duckdb.so beside the executable or in ../lib/sluice, and keeps it for the life of
 * the process; again gives the same type. ERROR_NOT_FOUND says how to get it. */
int duckdb_engine_load(const struct sql_engine_type **ret_type, struct error *err);

#endif
