/* What a dataset's content is, whatever the order of its rows: for a run that is recorded or
 * replayed, to see whether it gives the same. */
#ifndef RUNNER_ENGINE_SUMMING_H
#define RUNNER_ENGINE_SUMMING_H

#include "connectors/sql_engine.h"

#include <stdbool.h>

struct summing;
struct task;

/* Exactly once, on the loop, never from within start or cancel. */
typedef void (*summing_done_fn)(struct summing *summing, const struct error *err);

struct summing {
    struct task *task; /* a load, like the next two the caller's */
    summing_done_fn done;
    struct sql_request request;
    bool running;
    const struct sql_schema *schema; /* of the dataset */
};

/* Sets task->content, JSON: {"rows": "3", "sum": "…", "columns": {"a": "…"}}: sums of the SQL
 * engine's hashes of whole rows and of each column's values, columns under `mask:` left out. */
void summing_start(struct summing *summing);
void summing_cancel(
    struct summing *summing); /* still ends in done; harmless when it is not running */

#endif
