/* What a run did, for people and for programs, from its record. Pure. */
#ifndef RUNNER_CLI_SUMMARY_H
#define RUNNER_CLI_SUMMARY_H

#include "runner/engine/run.h"

struct run_facts {
    const char *pipeline, *run_id, *environment;
    const struct run_summary *summary;
    const struct error *err; /* NULL: none */
};

/* Appends lines: the outcome, each table or file with its rows, rejected rows with the first lines,
 * checks that failed. `width` 0: no limit. */
void summary_render(
    const struct run_facts *facts, unsigned width, bool color, struct buffer *buffer);

/* The record with run_id, pipeline, environment, outcome and error in front. New reference. */
json_t *summary_to_json(const struct run_facts *facts);

#endif
