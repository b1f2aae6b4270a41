/* Bad rows of an extract, as the log and errors tell of them. Part of the stage. */
#ifndef RUNNER_ENGINE_REJECTS_H
#define RUNNER_ENGINE_REJECTS_H

#include "runner/base/error.h"

#include <stdint.h>

struct task;

/* The first ones each, then their number: skipped, or quarantined where task->quarantined says so.
 */
void rejects_log(struct task *task);

/* ERROR_CHECK where `more` bad rows besides those of the extract's task itself are too many, with
 * the place of the limit (quarantine_check_limits). */
int rejects_check_limits(const struct task *task, int64_t more, struct error *err);

/* The same of rows of a load that do not fit its table, for all extracts that drive it. */
void rejects_check_casts(const struct task *load, int64_t casts, struct error *err);

#endif
