/* How far a run is: one line a task, for a live display to poll. Read-only, on the loop. */
#ifndef RUNNER_ENGINE_PROGRESS_H
#define RUNNER_ENGINE_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

enum task_state {
    TASK_WAITING, /* for what it needs */
    TASK_READY,   /* for a place */
    TASK_RUNNING,
    TASK_RETRYING, /* waits to try again */
    TASK_DONE,
    TASK_FAILED,
    TASK_SKIPPED, /* nothing to do */
    TASK_CANCELLED,
};

struct task_progress {
    const char *id;
    enum task_state state;
    unsigned attempt;
    const char *activity; /* "reading", "verifying", "writing", "checking", … */
    int64_t elapsed_ms;
    uint64_t bytes_done, bytes_total; /* total 0: not known */
    int64_t rows;
    double share; /* 0 … 1; negative: not known */
    const char *error;
};

struct run;

/* What the run as a whole does: "planning", "running", "committing". */
const char *run_activity(const struct run *run);
unsigned run_task_count(const struct run *run);
void run_task_progress(const struct run *run, unsigned index, struct task_progress *ret_progress);
const char *task_state_name(enum task_state state);

#endif
