/* Statements on a connection, blocking: for jobs. Errors are DuckDB's, made one line and given
 * their kind. */
#ifndef CONNECTORS_DUCKDB_STATEMENT_H
#define CONNECTORS_DUCKDB_STATEMENT_H

#include "connectors/sql_engine.h"
#include "runner/base/buffer.h"

#include <duckdb.h>

/* Turns DuckDB's error into ours: the first paragraph in one line, no "LINE 1:", no stack of
 * names. Lines of the statement count from `first_line` (the line in the text sent on which the
 * user's own SQL begins, 0-based; -1: none of it is the user's). Always returns -1. */
int statement_error(const char *message, duckdb_error_type type, int first_line, struct error *err);

/* The error of a result, which it destroys; `result` must be one that failed. */
int statement_failed(duckdb_result *result, int first_line, struct error *err);

/* Runs a statement without a result. */
int statement_run(duckdb_connection connection, const char *sql, struct error *err);
int statement_runf(duckdb_connection connection, struct error *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Runs and keeps the result; release it with duckdb_destroy_result(). */
int statement_query(
    duckdb_connection connection, const char *sql, duckdb_result *ret_result, struct error *err);

/* A cell as text in `arena`; NULL for null. */
const char *statement_cell(duckdb_result *result, idx_t column, idx_t row, struct arena *arena);
int64_t statement_int(duckdb_result *result, idx_t column, idx_t row); /* 0 for null */

/* Prepares `before` + the user's `sql` (its semicolon cut off) + `after`, each on lines of its own,
 * and binds its parameters, each cast to its type. Release with duckdb_destroy_prepare(). */
int statement_prepare(duckdb_connection connection, const char *before, const char *sql,
    const char *after, const struct sql_param *params, size_t param_count,
    duckdb_prepared_statement *ret_statement, struct error *err);

/* The same, executed. `streaming`: chunks are made as they are fetched. */
int statement_execute(duckdb_connection connection, const char *before, const char *sql,
    const char *after, const struct sql_param *params, size_t param_count, bool streaming,
    duckdb_result *ret_result, struct error *err);

/* Names and types of what a SELECT gives; nothing of it is run. A column that can only be null has
 * the type "NULL". */
int statement_describe(duckdb_connection connection, const char *sql,
    const struct sql_param *params, size_t param_count, struct arena *arena,
    struct sql_schema *ret_schema, struct error *err);

#endif
