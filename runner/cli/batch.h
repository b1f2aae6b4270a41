/* Many runs in one process: the windows of a backfill, the due runs of all pipelines. Some of them
 * at a time, with one display, one summary and one exit code. */
#ifndef RUNNER_CLI_BATCH_H
#define RUNNER_CLI_BATCH_H

#include "runner/cli/cli.h"
#include "runner/engine/run_group.h"

enum batch_state {
    BATCH_PENDING, /* at the end: not run, as it was stopped before */
    BATCH_RUNNING,
    BATCH_DONE_BEFORE, /* committed by an earlier run of the same id */
    BATCH_COMMITTED,
    BATCH_NOTHING_NEW,
    BATCH_FAILED,
    BATCH_CANCELLED,
};

struct batch_item {
    /* arguments */
    const char *label;    /* "2001-01-01"; unique */
    const char *pipeline; /* its name */
    const char *run_id;
    int64_t due_ms;
    struct option_pairs params;
    size_t line; /* items of the same line go one after another, and end with the first failure */
    /* results */
    enum batch_state state;
    struct error err;
    int64_t rows, duration_ms;
    /* while it runs */
    struct batch *batch;
    struct pipeline *loaded;
    struct graph *graph;
    struct run *run;
    int64_t started_ms;
};

struct batch {
    /* arguments */
    struct cli *cli; /* its engine is open */
    struct batch_item *items;
    size_t count;
    size_t parallel;   /* runs at a time: 1 and more */
    bool keep_going;   /* else a failure ends its line; with a group there is one line */
    bool busy_ok;      /* a pipeline that runs already is no failure */
    const char *title; /* of the display: "backfill flights" */
    const char *noun;  /* "window" */
    /* One pipeline's windows: one lease for all of them, commits in order, one line. Else each run
     * has its own. */
    bool grouped;
    struct run_group group; /* its pipeline, instance, id and context are set */
    /* --- */
    size_t running, next, turn; /* next: none before it is pending */
    bool *busy, *ended;         /* by line */
    bool opened, stopped, cancelled;
    struct error err; /* the group's */
    int64_t started_ms;
    struct live *live;
    char status[160];
};

/* How many ended like that. */
size_t batch_count(const struct batch *batch, enum batch_state state);
int64_t batch_rows(const struct batch *batch);

/* Runs all that are pending. The failures are printed; returns the exit code, the worst one. */
int batch_run(struct batch *batch);

/* One line: "365 windows: 300 committed, 60 were done before, 5 failed; 1,234 rows, in 12.3s". */
void batch_describe(const struct batch *batch, struct buffer *out);

/* Into `object`: committed, nothing_new, done_before, failed, cancelled, not_run, rows,
 * duration_ms, and runs: one object each with `key` (the label), run_id, due, outcome, rows,
 * duration_ms, error.
 */
void batch_put_json(const struct batch *batch, const char *key, json_t *object);

#endif
