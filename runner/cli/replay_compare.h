/* Whether a run that was replayed ended as when it was recorded. Pure. */
#ifndef RUNNER_CLI_REPLAY_COMPARE_H
#define RUNNER_CLI_REPLAY_COMPARE_H

#include "runner/base/json.h"

/* `then` and `now`: run_outcome's ends. Lines that say what is different, as a new array of texts;
 * an empty one: nothing is. `from` in texts of `now` stands for `to`. Of a run that failed the
 * error is compared, and not how far its other tasks had come by then. */
json_t *replay_compare(const json_t *then, const json_t *now, const char *from, const char *to);

#endif
