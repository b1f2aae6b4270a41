/* What COPY … RETURN_STATS says of the columns of a file that it wrote. */
#ifndef CONNECTORS_DUCKDB_STATS_H
#define CONNECTORS_DUCKDB_STATS_H

#include "connectors/sql_engine.h"

#include <duckdb.h>

/* Of each column of `schema`, in `arena`; all unknown where the result has no such column. */
const struct sql_stats *stats_read(
    duckdb_result *copied, const struct sql_schema *schema, struct arena *arena);

#endif
