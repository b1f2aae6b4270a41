/* What the WHERE of a SELECT from one table asks of single columns. Pure. */
#ifndef CONNECTORS_DUCKDB_CONDITIONS_H
#define CONNECTORS_DUCKDB_CONDITIONS_H

#include "connectors/sql_engine.h"

#include <jansson.h>

/* Sets statement->conditions from the query's node of DuckDB's syntax tree, whose numbers are
 * texts. What of an AND is not certain is left out: a condition that is there holds for every row
 * that the statement looks at. */
void conditions_read(const json_t *node, struct arena *arena, struct sql_statement *statement);

#endif
