/* What a statement is, found out by DuckDB's own parser without binding it. See
 * sql_engine_type.parse for the contract. */
#ifndef CONNECTORS_DUCKDB_PARSE_H
#define CONNECTORS_DUCKDB_PARSE_H

#include "connectors/sql_engine.h"

/* May be called on any thread. The first call opens a small database in memory that stays open (the
 * only state that outlives a session): tens of ms once, then about 0.1 ms a statement. */
int parse_statement(const char *sql, struct arena *arena, struct sql_statement *ret_statement,
    size_t *ret_offset, struct error *err);

/* The same where only the refusal matters: whether a session may run it. */
int parse_check(const char *sql, struct error *err);

#endif
