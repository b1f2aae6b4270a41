/* Where a statement leaves open what it gives, although its inputs are the same: the clock, random
 * numbers, an order that it does not say. */
#ifndef CONNECTORS_DUCKDB_DOUBTS_H
#define CONNECTORS_DUCKDB_DOUBTS_H

#include "connectors/sql_engine.h"

#include <jansson.h>

/* `node`: the query's, as json_serialize_sql gives it. `is_volatile` asks the engine whether a
 * scalar function (its name in lower case) may give another value of the same arguments. Fills
 * doubts and doubt_count. */
void doubts_read(const json_t *node, bool (*is_volatile)(const char *name, void *context),
    void *context, struct arena *arena, struct sql_statement *statement);

#endif
