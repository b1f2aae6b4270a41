/* Jobs on threads of our own: whatever blocks or burns CPU. A job owns its inputs, runs once on
 * some thread, and hands its result back on the loop; no locks outside this file.
 *
 * A lane bounds how many of its jobs run at once: 1 for a SQLite handle, a few for SQL and files.
 * Jobs of a lane start in the order in which they were submitted. Threads are made when needed
 * and end with the pool. */
#ifndef RUNNER_IO_WORK_H
#define RUNNER_IO_WORK_H

#include "runner/io/loop.h"

#include <stdatomic.h>

struct work_pool;
struct work;

/* On a thread. Long ones look at work_cancelled() now and then and end early. */
typedef void (*work_run_fn)(struct work *work);

/* On the loop, exactly once, never from within work_submit() or work_cancel(). `ran` is false when
 * it was cancelled before it began: then run was never called. The job may be freed or submitted
 * again in here. */
typedef void (*work_done_fn)(struct work *work, bool ran);

/* On the loop, from work_cancel() while the job runs: makes a blocking call return early
 * (duckdb_interrupt). May be called at a moment when run has just returned. */
typedef void (*work_interrupt_fn)(struct work *work);

struct work_lane {
    const char *name;
    struct work_pool *pool;
    unsigned limit, running;
    struct work *first, *last; /* waiting */
    unsigned waiting;
    struct work_lane *next_lane;
};

struct work {
    work_run_fn run;
    work_done_fn done;
    work_interrupt_fn interrupt; /* may be NULL */
    struct work_lane *lane;
    struct work *next;
    atomic_bool cancelled;
    enum { WORK_IDLE, WORK_WAITING, WORK_RUNNING, WORK_FINISHED } state; /* the pool's own */
};

/* At most `threads_max` threads, 1 … 256. */
struct work_pool *work_pool_new(struct loop *loop, unsigned threads_max, struct error *err);

/* All jobs must be done. Joins the threads; its handle is closed by a later turn of the loop. */
void work_pool_free(struct work_pool *pool);

void work_lane_init(struct work_lane *lane, struct work_pool *pool, const char *name,
    unsigned limit);
void work_lane_deinit(struct work_lane *lane); /* no job may be left in it */

/* Zeroed but for run, done and interrupt, which the caller sets. Ends in `done`. */
void work_submit(struct work_lane *lane, struct work *work);

/* Harmless on a job that is idle or done. */
void work_cancel(struct work *work);

/* On the job's thread: whether somebody asked for the end. */
bool work_cancelled(const struct work *work);

#endif
