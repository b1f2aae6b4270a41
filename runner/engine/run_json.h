/* A run as JSON, for `runs`, `health` and hooks alike. */
#ifndef RUNNER_ENGINE_RUN_JSON_H
#define RUNNER_ENGINE_RUN_JSON_H

#include "connectors/state.h"
#include "runner/base/json.h"

/* Milliseconds that it took, or has taken so far. */
int64_t run_json_duration_ms(const struct state_run *run, int64_t now_ms);

/* object[key] = time; null where it is 0. */
void run_json_put_time(json_t *object, const char *key, int64_t time_ms);

/* run_id, pipeline, outcome, due, started, finished, duration_ms, rows, bytes, error: all of them,
 * null where there is none; instance where it is not empty. */
json_t *run_json(const struct state_run *run, int64_t now_ms);

/* What the run wrote about itself; an empty object where there is nothing. */
json_t *run_json_record(const struct state_run *run);

/* Both: as `runs show --json` has it. */
json_t *run_json_full(const struct state_run *run, int64_t now_ms);

/* How a check of a run's record came out: "passed", and where rows offend it, by its severity,
 * "failed", "warned" or "quarantined". */
const char *run_json_check_outcome(const json_t *check);

#endif
