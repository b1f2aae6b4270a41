/* Several runs of one (pipeline, instance) under one lease: a backfill's windows. The lease is
 * taken and what a crash left is put right once, for all of them; each run has a record, a journal
 * and a commit of its own. Runs may work at the same time; they commit in the order of their turns.
 */
#ifndef RUNNER_ENGINE_RUN_GROUP_H
#define RUNNER_ENGINE_RUN_GROUP_H

#include "runner/engine/lease.h"
#include "runner/engine/recover.h"

struct run;
struct run_group;

/* Called exactly once for open and for close, on the loop, never from within. */
typedef void (*run_group_fn)(struct run_group *group, const struct error *err);

enum run_group_step { GROUP_CLOSED, GROUP_LEASING, GROUP_RECOVERING, GROUP_OPEN, GROUP_RELEASING };

/* The caller owns it; zeroed but for the arguments. */
struct run_group {
    struct engine *engine;
    const char *pipeline, *instance; /* outlive it, like the next two */
    const char *id;                  /* the lease's: no run has it */
    const struct log_context *context;

    enum run_group_step step;
    struct lease lease;
    struct recover recover;
    run_group_fn done;
    struct error err;
    bool cancelled;
    struct run *runs;     /* that are under way: a list */
    struct run *checking; /* that asks whether the lease is still held */
    size_t turn;
};

/* ERROR_BUSY names the live holder. On failure it is closed. */
void run_group_open(struct run_group *group, run_group_fn done);
void run_group_cancel(
    struct run_group *group); /* ends the opening; runs are cancelled one by one */
void run_group_close(struct run_group *group, run_group_fn done); /* no run is under way */
void run_group_deinit(struct run_group *group);                   /* once it is closed */

/* The run of this turn may commit, and no other one. The first turn is 0. */
void run_group_set_turn(struct run_group *group, size_t turn);

#endif
