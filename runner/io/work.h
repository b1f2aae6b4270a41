/* Jobs on threads of our own: whatever blocks or burns CPU. A job owns its inputs, runs once on
 * some thread, and hands its result back on the loop; no locks outside this module.
 *
 * A lane bounds how many of its jobs run at once: 1 for a SQLite handle, a few for SQL and files.
 * Jobs of a lane start in the order in which they were submitted; lanes take turns. Threads are
 * made when needed and end with the pool; they block signals and have stacks of 8 MiB. All calls
 * but work_cancelled() are made on the loop's thread. */
#ifndef RUNNER_IO_WORK_H
#define RUNNER_IO_WORK_H

#include "runner/io/loop.h"

#include <stdatomic.h>

struct work_pool;
struct work;

/* On a thread. What it writes is visible to `done`. Long ones look at work_cancelled() now and then
 * and end early. */
typedef void (*work_run_fn)(struct work *work);

/* On the loop, exactly once, never from within work_submit() or work_cancel(). `ran` is false when
 * it was cancelled before it began: then run was never called. The job may be freed or submitted
 * again in here. */
typedef void (*work_done_fn)(struct work *work, bool ran);

/* On the loop, from work_cancel() while the job runs: makes a blocking call return early
 * (duckdb_interrupt). May be called at a moment when run has just returned. */
typedef void (*work_interrupt_fn)(struct work *work);

struct work_queue {
    struct work *first, *last;
    unsigned count;
};

struct work_lane {
    const char *name;
    struct work_pool *pool;
    unsigned limit, running;
    struct work_queue waiting;
    struct work_lane *next; /* of the pool's lanes */
};

struct work {
    work_run_fn run;
    work_done_fn done;
    work_interrupt_fn interrupt; /* may be NULL */
    /* The pool's own: */
    struct work_lane *lane; /* NULL: idle */
    struct work *previous, *next;
    enum work_state { WORK_IDLE, WORK_WAITING, WORK_RUNNING, WORK_FINISHED } state;
    atomic_bool cancelled;
    bool ran;
};

enum { WORK_THREADS_MAX = 256 };

/* At most `threads_max` threads, 1 … WORK_THREADS_MAX. The first is made here, so that a system
 * that has none left is an error now; where a later one cannot be made, the pool does with fewer.
 * Lanes share the threads: give it the sum of the limits where one lane must not wait for another.
 */
struct work_pool *work_pool_new(struct loop *loop, unsigned threads_max, struct error *err);

/* All jobs must be done and all lanes deinitialised. Joins the threads; its handle is closed by a
 * later turn of the loop. NULL is harmless. */
void work_pool_free(struct work_pool *pool);

void work_lane_init(
    struct work_lane *lane, struct work_pool *pool, const char *name, unsigned limit);
void work_lane_deinit(struct work_lane *lane); /* no job may be left in it */

/* The job is zeroed but for run, done and interrupt, which the caller sets. Ends in `done`. */
void work_submit(struct work_lane *lane, struct work *work);

/* A waiting job will not run, a running one is told (work_cancelled(), `interrupt`); both still end
 * in `done`. Harmless on a job that is idle or has run; may be called again. */
void work_cancel(struct work *work);

/* On any thread: whether somebody asked for the end. */
bool work_cancelled(const struct work *work);

#endif
