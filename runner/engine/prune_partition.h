/* What the value of a partition says of its rows' column. Pure. In doubt it says nothing.
 *
 * - A value was made of the type that the column had then, which today's may be wider than: numbers
 *   are compared as numbers, and a truncated one spans `width` units of its own last digit.
 * - year, month, day and hour are those of UTC, as the SQL engine's sessions are. The null of one
 * may come of a time without an end; any other null comes of nulls only.
 * - A bucket is known of constants whose hash is the same in all types that the column may have
 * had: integers within 64 bits, texts, dates and times. */
#ifndef RUNNER_ENGINE_PRUNE_PARTITION_H
#define RUNNER_ENGINE_PRUNE_PARTITION_H

#include "config/pipeline.h"
#include "runner/engine/prune_value.h"

struct prune_range {
    bool all_null, no_nulls;
    bool has_min, has_max; /* both belong to values within */
    struct prune_value min, max;
};

/* Of the family of `type`, which the column has now; NULL: of no type that we know. Texts are in
 * `arena`. */
void prune_partition_range(const struct partition_field *field, const char *value,
    const struct column_type *type, struct arena *arena, struct prune_range *ret_range);

/* Whether a row whose column equals the constant may be in the bucket; true for other transforms.
 */
bool prune_partition_holds(const struct partition_field *field, const char *value,
    const struct column_type *type, const struct prune_value *constant);

#endif
