/* The last step of an extract with a cursor: of the rows that were scanned, those beyond the cursor
 * become its dataset, and the greatest value is kept for the commit. Part of the extract's stage.
 */
#ifndef RUNNER_ENGINE_CURSORING_H
#define RUNNER_ENGINE_CURSORING_H

#include "connectors/sql_engine.h"
#include "runner/engine/cursor.h"

struct task;
struct cursoring;

typedef void (*cursoring_done_fn)(struct cursoring *cursoring, const struct error *err);

struct cursoring {
    struct task *task;
    const struct sql_dataset *scanned; /* all rows, under cursoring_dataset()'s name */
    cursoring_done_fn done;
    const char *condition;
    bool running;
    struct error err;
    struct sql_request request;
    /* results, in the task's arena */
    struct cursor_value ret_value;
    struct sql_dataset ret_dataset; /* a view over the scanned files, which are named as its own */
};

/* What the scan is to call its dataset, so that the extract's own name is left. */
const char *cursoring_dataset(struct task *task);

/* `done` comes once, on the loop, never from within start or cancel. The scanned dataset must
 * outlive it. */
int cursoring_start(struct cursoring *cursoring, struct task *task,
    const struct sql_dataset *scanned, cursoring_done_fn done, struct error *err);
void cursoring_cancel(struct cursoring *cursoring);

#endif
