/* Data checks as SQL: each kind of check becomes one statement over its dataset that counts the
 * rows that offend it (0: passed) or answers a boolean. Pure. */
#ifndef RUNNER_ENGINE_CHECK_H
#define RUNNER_ENGINE_CHECK_H

#include "config/pipeline.h"
#include "runner/base/arena.h"

/* What a check needs to know of its run. */
struct check_context {
    int64_t due_ms;
    int64_t last_rows; /* row_count with `change`: of the last run that committed; -1: none did */
};

/* The statement for `check` over `dataset`; in the arena. */
const char *check_sql(const struct check *check, const struct check_context *context,
    const char *dataset, struct arena *arena);

/* What is true of a row that offends it, as an SQL expression over the dataset's columns; NULL
 * where it is about all rows at once. `row` is the column with their order: of rows that are to be
 * unique the first one stays. In the arena. */
const char *check_offends(const struct check *check, const char *row, struct arena *arena);

/* "has 0 rows, at least 1 are wanted", of a row_count that failed; in the arena. */
const char *check_row_count_says(
    const struct check *check, int64_t rows, int64_t last_rows, struct arena *arena);

/* The same of a freshness: `age_ms` is what its statement found. */
const char *check_freshness_says(const struct check *check, int64_t age_ms, struct arena *arena);

#endif
