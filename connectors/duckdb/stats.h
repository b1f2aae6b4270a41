/* What COPY … RETURN_STATS says of the files that it wrote. */
#ifndef CONNECTORS_DUCKDB_STATS_H
#define CONNECTORS_DUCKDB_STATS_H

#include "connectors/sql_engine.h"

#include <duckdb.h>

/* Of each column of `schema`, in `arena`; all unknown where the result has no such column. */
const struct sql_stats *stats_read(
    duckdb_result *copied, const struct sql_schema *schema, struct arena *arena);

struct stats_file {
    const char *path;
    int64_t rows;
    uint64_t bytes;
    const struct sql_stats *stats; /* by column of the schema */
};

/* All files, in `arena`. */
void stats_read_files(duckdb_result *copied, const struct sql_schema *schema, struct arena *arena,
    struct stats_file **ret_files, size_t *ret_count);

#endif
