/* Data checks as SQL: each kind of check becomes one statement over its dataset that counts the
 * rows that offend it (0: passed) or answers a boolean. Pure. */
#ifndef RUNNER_ENGINE_CHECK_H
#define RUNNER_ENGINE_CHECK_H

#include "config/pipeline.h"
#include "runner/base/arena.h"

/* The statement for `check` over `dataset`; in the arena. */
const char *check_sql(const struct check *check, const char *dataset, struct arena *arena);

#endif
