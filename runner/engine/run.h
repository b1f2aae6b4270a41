/* One run of a pipeline, from lease to release (DESIGN section 4):
 * lease → recover what a crash left → plan → tasks → commit → publish → record → release. */
#ifndef RUNNER_ENGINE_RUN_H
#define RUNNER_ENGINE_RUN_H

#include "connectors/state.h"
#include "runner/base/json.h"
#include "runner/engine/engine.h"
#include "runner/engine/graph.h"
#include "runner/engine/plan.h"
#include "runner/engine/progress.h"

struct run;
struct run_group;

/* Called exactly once, on the loop, never from within start or cancel. err NULL on success; the
 * code says the exit: CHECK 3, BUSY 75, STOPPED 130 or 143. */
typedef void (*run_done_fn)(struct run *run, const struct error *err);

/* Rows of a previewed dataset, as connectors/sql_engine.h's sql_rows_fn gives them. */
typedef void (*run_rows_fn)(
    void *data, const struct sql_schema *schema, const char *const *cells, size_t row_count);

/* The run's rows of an extract are those of a quarantine table, or stand for them. Its commit takes
 * them out of there, and fails where the table is another one by then: so no row gets through
 * twice. What is bad again stays: the same id, object, line and bytes, with the new reason. */
struct run_retry {
    const char *extract, *table;
    int64_t position, schema_id; /* of the table, as its rows were read */
    bool all;                    /* of its rows: nothing else is left in it */
    struct sql_dataset
        rows; /* files of them, with `number` (BIGINT, from 1) beside their columns */
    bool own; /* the extract's row n is the one of that number; else it is another one
                 that stands for them */
};

struct run_options {
    struct engine *engine;
    const struct graph *graph; /* its pipeline was loaded with this run's id, due and parameters */
    const char *instance;      /* "" */
    const char *run_id;
    int64_t due_ms;
    const struct text_list *tasks; /* --task */
    const struct run_retry *retry; /* NULL: none */
    /* What it holds itself to (seal.h): ERROR_CONFLICT where the plan is another one by now, or
     * somebody changes a table before it commits. NULL: it does what there is to do. */
    const json_t *sealed;

    /* Of several that share a lease (run_group.h), which is open. NULL: it has its own. */
    struct run_group *group;
    size_t turn; /* when it may commit */
    /* How many runs this process has at once, each of which gets its part of resources.memory, of
     * threads and of the spool; 0 and 1: it is alone. */
    unsigned share;

    /* preview: no lease, no cursors, no commit; this dataset's rows go to on_rows */
    const char *preview_dataset;
    int64_t preview_limit;
    run_rows_fn on_rows;
    void *data; /* the caller's own: run_data() */
};

/* What is known about a run at its end. */
struct run_summary {
    enum state_outcome outcome;
    int64_t rows, exported; /* committed to tables; written to plain files */
    int64_t rejected, quarantined, objects,
        files; /* rows left out; of them put aside; objects read; files written */
    uint64_t bytes_read, bytes_written;
    int64_t duration_ms;
    const char *record; /* JSON, as stored in the catalog and the history */
};

/* NULL only for a programmer error. Freed by the caller after `done`. */
struct run *run_new(const struct run_options *options, run_done_fn done);
void run_start(struct run *run);

/* Cancels in order: `done` comes within 2 s with ERROR_STOPPED, or with success where the commit
 * was already under way and succeeded. */
void run_cancel(struct run *run);
void run_free(struct run *run);

const struct run_summary *run_summary(const struct run *run);
const struct plan *run_plan(const struct run *run);
void *run_data(const struct run *run);

#endif
