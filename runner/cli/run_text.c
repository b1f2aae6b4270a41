#include "runner/cli/run_text.h"

#include "runner/base/mem.h"

#include <stdio.h>

const char *run_text_style(enum state_outcome outcome)
{
    static const char *const codes[] = {
        [STATE_RUNNING] = "\033[36m",
        [STATE_SUCCEEDED] = "\033[32m",
        [STATE_NOTHING_NEW] = "\033[32m",
        [STATE_FAILED] = "\033[31m",
        [STATE_CHECK_FAILED] = "\033[31m",
        [STATE_CANCELLED] = "\033[33m",
        [STATE_LOST] = "\033[31m",
    };

    return codes[outcome];
}

const char *run_text_id(const char *run_id, unsigned width, char text[RUN_TEXT_ID_SIZE])
{
    /* Its time in milliseconds and 12 bits by chance: 01a1fd1d-7d50-7a28. */
    enum { WIDE = 120, SHORT = 18 };

    snprintf(text, RUN_TEXT_ID_SIZE, "%.*s",
        width == 0 || width >= WIDE ? RUN_TEXT_ID_SIZE - 1 : SHORT, run_id ? run_id : "");
    return text;
}

const char *run_text_outcome(enum state_outcome outcome)
{
    switch (outcome) {
    case STATE_NOTHING_NEW:
        return "nothing new";
    case STATE_CHECK_FAILED:
        return "check failed";
    default:
        return state_outcome_name(outcome);
    }
}
