#include "runner/engine/run_json.h"

#include "runner/base/mem.h"
#include "runner/base/text.h"
#include "runner/base/time.h"

#include <string.h>

int64_t run_json_duration_ms(const struct state_run *run, int64_t now_ms)
{
    const int64_t end_ms = run->finished_ms                ? run->finished_ms
                           : run->outcome == STATE_RUNNING ? now_ms
                                                           : run->started_ms;

    return MAX(end_ms - run->started_ms, 0);
}

void run_json_put_time(json_t *object, const char *key, int64_t time_ms)
{
    if (time_ms)
        json_put_time(object, key, time_ms);
    else
        json_object_set_new(object, key, json_null());
}

json_t *run_json(const struct state_run *run, int64_t now_ms)
{
    json_t *value = json_object();

    json_put_text(value, "run_id", run->run_id);
    json_put_text(value, "pipeline", run->pipeline);
    if (run->instance && *run->instance)
        json_put_text(value, "instance", run->instance);
    json_put_text(value, "outcome", state_outcome_name(run->outcome));
    run_json_put_time(value, "due", run->due_ms);
    run_json_put_time(value, "started", run->started_ms);
    run_json_put_time(value, "finished", run->finished_ms);
    json_put_int(value, "duration_ms", run_json_duration_ms(run, now_ms));
    json_put_int(value, "rows", run->rows);
    json_put_int(value, "bytes", (int64_t)run->bytes);
    json_object_set_new(value, "error", json_text(run->error));
    return value;
}

json_t *run_json_record(const struct state_run *run)
{
    json_t *record = run->record ? json_parse(run->record, strlen(run->record), NULL) : NULL;

    return json_is_object(record) ? record : (json_decref(record), json_object());
}

json_t *run_json_full(const struct state_run *run, int64_t now_ms)
{
    json_t *value = run_json(run, now_ms), *record = run_json_record(run);

    json_object_del(record, "due_ms"); /* said as due and started */
    json_object_del(record, "started_ms");
    json_object_update_missing(value, record);
    json_decref(record);
    return value;
}

const char *run_json_check_outcome(const json_t *check)
{
    const char *severity = json_get_text(check, "severity");

    if (json_is_true(json_object_get(check, "passed")))
        return "passed";
    return text_equal(severity, "warn")         ? "warned"
           : text_equal(severity, "quarantine") ? "quarantined"
                                                : "failed";
}
