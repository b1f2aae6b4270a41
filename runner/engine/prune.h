/* Which files of a table may hold a row that fulfils conditions, by what their statistics say of
 * their columns (struct catalog_file), and which partitions, by their values (prune_partition.h).
 * Pure. In doubt one may: leaving it out is a promise.
 *
 * - Bounds are read as the type that the file has, constants as the one that the table has now:
 *   integers and decimals exactly, FLOAT and DOUBLE with room for rounding, texts by their bytes,
 *   TIMESTAMP WITH TIME ZONE as an instant. Of nested values, JSON, ENUM and BLOB only nulls count.
 * - NaN is the greatest number to the SQL engine and in no statistics: what a FLOAT or DOUBLE is at
 *   most is not known.
 * - A column that a file lacks is null in all of its rows. */
#ifndef RUNNER_ENGINE_PRUNE_H
#define RUNNER_ENGINE_PRUNE_H

#include "config/pipeline.h"
#include "connectors/catalog_records.h"
#include "connectors/sql_engine.h"

struct prune_file {
    const struct catalog_column *columns; /* of the schema that it was written with; NULL: those of
                                             the table */
    size_t column_count;
    int64_t rows;
    const char *stats; /* struct catalog_file; NULL: none */
};

struct prune;

/* `columns` are the table's, as they are now. Conditions and columns are borrowed. */
struct prune *prune_new(const struct sql_condition *conditions, size_t condition_count,
    const struct catalog_column *columns, size_t column_count);
void prune_free(struct prune *prune); /* NULL is fine */

/* How the table is partitioned, borrowed; without it no partition is left out. */
void prune_partitions(
    struct prune *prune, const struct partition_field *fields, size_t field_count);

/* Whether some row of a partition with these values, one a field, may fulfil all conditions. */
bool prune_partition_may_match(
    const struct prune *prune, const char *const *values, size_t value_count);

/* Whether some row may fulfil all conditions. */
bool prune_may_match(const struct prune *prune, const struct prune_file *file);

/* Whether all conditions are on these columns. */
bool prune_is_on(const struct prune *prune, const char *const *names, size_t name_count);

#endif
