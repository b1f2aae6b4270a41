/* Parameters of a statement: their texts cast to their types and bound by name. */
#ifndef CONNECTORS_DUCKDB_BIND_H
#define CONNECTORS_DUCKDB_BIND_H

#include "connectors/sql_engine.h"
#include "runner/base/buffer.h"

#include <duckdb.h>

/* Parameters that the statement does not name are passed over; one that has no value fails. */
int bind_params(duckdb_connection connection, duckdb_prepared_statement statement,
    const struct sql_param *params, size_t param_count, struct error *err);

/* Appends "CAST('value' AS TYPE)" for each $name outside of texts and comments, all else as it is:
 * for CREATE VIEW, which takes no parameters. */
int bind_paste(const char *sql, const struct sql_param *params, size_t param_count,
    struct buffer *buffer, struct error *err);

#endif
