#include "connectors/state.h"

const char *state_outcome_name(enum state_outcome outcome)
{
    static const char *const names[] = {
        [STATE_RUNNING] = "running",
        [STATE_SUCCEEDED] = "succeeded",
        [STATE_NOTHING_NEW] = "nothing_new",
        [STATE_FAILED] = "failed",
        [STATE_CHECK_FAILED] = "check_failed",
        [STATE_CANCELLED] = "cancelled",
        [STATE_LOST] = "lost",
    };

    return names[outcome];
}
