/* Whether a SELECT makes of each row at most one, whatever the other rows are. Pure. */
#ifndef CONNECTORS_DUCKDB_ROWWISE_H
#define CONNECTORS_DUCKDB_ROWWISE_H

#include <jansson.h>
#include <stdbool.h>

/* `node` is the query's, of DuckDB's syntax tree. `is_scalar` says of a function, by its name in
 * lower case, that it is no aggregate and gives one value a row. In doubt it is not. */
bool rowwise_is(
    const json_t *node, bool (*is_scalar)(const char *name, void *context), void *context);

#endif
