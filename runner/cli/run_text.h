/* One run in a listing, for people: health, runs and runs show say it the same way. As JSON:
 * runner/engine/run_json.h. */
#ifndef RUNNER_CLI_RUN_TEXT_H
#define RUNNER_CLI_RUN_TEXT_H

#include "connectors/state.h"

/* The SGR code of its outcome; "" where there is no colour. */
const char *run_text_style(enum state_outcome outcome);

/* A run's id for a listing in a terminal of that width (0: none): where it is narrow, a beginning
 * that is enough for `runs show`. */
enum { RUN_TEXT_ID_SIZE = 40 };
const char *run_text_id(const char *run_id, unsigned width, char text[RUN_TEXT_ID_SIZE]);

/* "nothing new": as a person says it. */
const char *run_text_outcome(enum state_outcome outcome);

#endif
