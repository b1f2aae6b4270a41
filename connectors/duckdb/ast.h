/* Reads the syntax tree that DuckDB's json_serialize_sql() gives for one SELECT: which tables it
 * names, which of them drive it, its parameters; and refuses what would read or write outside of
 * the session's datasets. Pure: no engine, no I/O. */
#ifndef CONNECTORS_DUCKDB_AST_H
#define CONNECTORS_DUCKDB_AST_H

#include "connectors/sql_engine.h"
#include "runner/base/table.h"

#include <jansson.h>

/* `statement` is an element of the tree's "statements". Texts and arrays of the result are in
 * `arena`. */
int ast_read(const json_t *statement, struct arena *arena, struct sql_statement *ret_statement,
    size_t *ret_offset, struct error *err);

#endif
