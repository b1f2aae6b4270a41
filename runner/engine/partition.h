/* A table's partitioning: as it is written ("month(day)"), as the SQL engine takes it, as folders
 * of keys. Pure. */
#ifndef RUNNER_ENGINE_PARTITION_H
#define RUNNER_ENGINE_PARTITION_H

#include "config/pipeline.h"
#include "connectors/catalog.h"
#include "connectors/sql_engine.h"

/* "n/t/1/day_month=2001-01": the folder of a partition's files in the store, to be freed. */
char *partition_path(const struct catalog_locator *table, const struct partition_field *fields,
    size_t count, const char *const *values);

/* Of catalog_version's partition_by; in `arena`, which must outlive the result's texts. */
int partition_parse(const char *const *texts, size_t count, struct arena *arena,
    struct partition_field **ret_fields, struct error *err);

struct sql_partition *partition_sql(
    const struct partition_field *fields, size_t count, struct arena *arena);

#endif
