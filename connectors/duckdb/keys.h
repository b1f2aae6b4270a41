/* The keys by which a WRITE cuts its rows into files: one expression a partition field. */
#ifndef CONNECTORS_DUCKDB_KEYS_H
#define CONNECTORS_DUCKDB_KEYS_H

#include "connectors/sql_engine.h"
#include "runner/base/buffer.h"

/* Appends the expression: a BIGINT or a VARCHAR. Fails for a column that is not in the schema or
 * whose type the transform does not take. */
int keys_append(struct buffer *sql, const struct sql_partition *partition,
    const struct sql_schema *schema, struct arena *arena, struct error *err);

/* What the hashing functions of transforms.c take for an expression of that type: itself, or its
 * text. */
const char *keys_hashable(const char *type, const char *expression, struct arena *arena);

/* The text of a key: 361 months since year 0 → "0030-02"; see sql_file.values. */
const char *keys_value(
    enum sql_partition_transform transform, const char *key, struct arena *arena);

#endif
