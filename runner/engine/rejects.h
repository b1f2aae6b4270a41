/* Bad rows of an extract, as the log and errors tell of them. Part of the stage. */
#ifndef RUNNER_ENGINE_REJECTS_H
#define RUNNER_ENGINE_REJECTS_H

#include "runner/base/error.h"

struct task;

/* The first ones each, then their number: skipped, or quarantined where task->quarantined says so.
 */
void rejects_log(struct task *task);

/* Puts the place of the limit that was exceeded in front of the error. */
void rejects_place_limit(const struct task *task, struct error *err);

#endif
