#include "runner/cli/run_text.h"

#include "runner/base/mem.h"

#include <stdio.h>

int64_t run_text_duration_ms(const struct state_run *run, int64_t now_ms)
{
    const int64_t end_ms = run->finished_ms                ? run->finished_ms
                           : run->outcome == STATE_RUNNING ? now_ms
                                                           : run->started_ms;

    return MAX(end_ms - run->started_ms, 0);
}

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

void run_text_put_time(json_t *object, const char *key, int64_t time_ms)
{
    if (time_ms)
        json_put_time(object, key, time_ms);
    else
        json_object_set_new(object, key, json_null());
}

json_t *run_text_json(const struct state_run *run, int64_t now_ms)
{
    json_t *value = json_object();

    json_put_text(value, "run_id", run->run_id);
    json_put_text(value, "pipeline", run->pipeline);
    if (run->instance && *run->instance)
        json_put_text(value, "instance", run->instance);
    json_put_text(value, "outcome", state_outcome_name(run->outcome));
    run_text_put_time(value, "due", run->due_ms);
    run_text_put_time(value, "started", run->started_ms);
    run_text_put_time(value, "finished", run->finished_ms);
    json_put_int(value, "duration_ms", run_text_duration_ms(run, now_ms));
    json_put_int(value, "rows", run->rows);
    json_put_int(value, "bytes", (int64_t)run->bytes);
    json_object_set_new(value, "error", json_text(run->error));
    return value;
}
