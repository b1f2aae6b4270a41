/* One run in a listing, for people and as JSON: health, runs and runs show say it the same way. */
#ifndef RUNNER_CLI_RUN_TEXT_H
#define RUNNER_CLI_RUN_TEXT_H

#include "connectors/state.h"
#include "runner/base/json.h"
#include "runner/base/time.h"

/* Milliseconds that it took, or has taken so far. */
int64_t run_text_duration_ms(const struct state_run *run, int64_t now_ms);

/* The SGR code of its outcome; "" where there is no colour. */
const char *run_text_style(enum state_outcome outcome);

/* A run's id for a listing in a terminal of that width (0: none): where it is narrow, a beginning
 * that is enough for `runs show`. */
enum { RUN_TEXT_ID_SIZE = 40 };
const char *run_text_id(const char *run_id, unsigned width, char text[RUN_TEXT_ID_SIZE]);

/* "nothing new": as a person says it. */
const char *run_text_outcome(enum state_outcome outcome);

/* run_id, pipeline, outcome, due, started, finished, duration_ms, rows, bytes, error: all of them,
 * null where there is none; instance where it is not empty. */
json_t *run_text_json(const struct state_run *run, int64_t now_ms);

/* object[key] = time; null where it is 0. */
void run_text_put_time(json_t *object, const char *key, int64_t time_ms);

#endif
