/* One thing that is to be told when a run has ended: what a catalog records with the commit and a
 * state with a failure, until it was delivered. URL and headers are the pipeline's at the time of
 * the delivery: they may hold secrets, which are not stored. */
#ifndef CONNECTORS_HOOK_H
#define CONNECTORS_HOOK_H

#include <stdint.h>

struct hook_due {
    const char *run_id;
    const char *place;  /* in the pipeline: "on_commit[1]"; once a run */
    const char *target; /* tells whether that is still the same one: a hash of its URL */
    const char *body;   /* JSON; NULL: the run, as the history has it */
    int64_t created_ms; /* results */
};

#endif
