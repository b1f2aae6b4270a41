/* Which hooks of a pipeline are told what, and which one a recorded hook is. Pure. */
#ifndef RUNNER_ENGINE_HOOKS_H
#define RUNNER_ENGINE_HOOKS_H

#include "config/pipeline.h"
#include "connectors/hook.h"
#include "runner/base/arena.h"
#include "runner/base/uuid.h"

bool hooks_any(const struct pipeline *pipeline);

/* `on_commit` or `on_failure`, and `finally`: what is recorded of them; in the arena. */
const struct hook_due *hooks_due(const struct pipeline *pipeline, const char *run_id,
    bool committed, struct arena *arena, size_t *ret_count);

/* The pipeline's hook that a recorded one means: of the same list, with the same URL, or else in
 * the same place. NULL: it has none any more. */
const struct hook *hooks_find(const struct pipeline *pipeline, const struct hook_due *due);

/* The Idempotency-Key: the same one for each attempt at telling it. */
const char *hooks_key(const struct hook_due *due, char text[UUID_TEXT_SIZE]);

#endif
