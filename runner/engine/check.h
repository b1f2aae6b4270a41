/* Data checks as SQL: each kind of check becomes one statement over its dataset that counts the
 * rows that offend it (0: passed) or answers a boolean. Pure. */
#ifndef RUNNER_ENGINE_CHECK_H
#define RUNNER_ENGINE_CHECK_H

#include "config/pipeline.h"
#include "runner/base/arena.h"

/* The statement for `check` over `dataset`; in the arena. */
const char *check_sql(const struct check *check, const char *dataset, struct arena *arena);

/* What is true of a row that offends it, as an SQL expression over the dataset's columns; NULL
 * where it is about all rows at once. `row` is the column with their order: of rows that are to be
 * unique the first one stays. In the arena. */
const char *check_offends(const struct check *check, const char *row, struct arena *arena);

/* "has 0 rows, at least 1 are wanted", of a row_count; in the arena. */
const char *check_row_count_says(const struct check *check, int64_t rows, struct arena *arena);

#endif
