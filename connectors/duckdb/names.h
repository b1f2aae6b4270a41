/* What a SELECT calls its columns, and which columns its WHERE names. Pure. */
#ifndef CONNECTORS_DUCKDB_NAMES_H
#define CONNECTORS_DUCKDB_NAMES_H

#include "connectors/sql_engine.h"

#include <jansson.h>

/* Sets statement->columns and statement->names from the query's node of DuckDB's syntax tree. */
void names_read(const json_t *node, struct arena *arena, struct sql_statement *statement);

#endif
