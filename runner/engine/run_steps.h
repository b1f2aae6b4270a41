/* What each state of a run asks of connectors. Each returns true when it began something that
 * ends in run_step(), false when there was nothing to do; failures go to run->err. */
#ifndef RUNNER_ENGINE_RUN_STEPS_H
#define RUNNER_ENGINE_RUN_STEPS_H

#include "connectors/catalog.h"

#include <stdbool.h>

struct run;

void run_step(struct run *run); /* run.c: this state has ended */

/* run.c: somebody else holds its lease. */
void run_lost_lease(struct run *run, const struct error *err);

/* run_session.c: opens it with the run's share of memory; a failure is in run->err. */
void run_open_session(struct run *run);

bool run_step_lease(struct run *run);
bool run_step_recover(struct run *run);
bool run_step_catch_up(struct run *run); /* failures are logged */
bool run_step_open(struct run *run);
bool run_step_plan(struct run *run);
bool run_step_prepare(struct run *run);
bool run_step_preview(struct run *run);
/* run_staging.c: what a failed check leaves; failures leave it out. */
bool run_stages(const struct run *run); /* there is something */
bool run_step_stage(struct run *run);
void run_cancel_staging(struct run *run);
bool run_step_renew(struct run *run);
bool run_step_doubt(struct run *run);
bool run_step_commit(struct run *run);
/* run_repeat.c: a commit that was refused because somebody else changed a table first. */
bool run_may_repeat(const struct run *run, const struct error *err);
bool run_step_wait(struct run *run);
bool run_step_replan(struct run *run);
bool run_repeats(const struct run *run); /* some load is to be run again */
bool run_step_widen(struct run *run);    /* run_reread.c */
bool run_step_settle(struct run *run);
void run_ask_commit(struct run *run, catalog_query_fn done); /* GET_COMMIT of this run */
bool run_step_publish(struct run *run);
bool run_step_clean(struct run *run);
bool run_step_compact(struct run *run); /* run_compact.c; failures are its own */
bool run_step_record(struct run *run);
bool run_step_deliver(struct run *run); /* failures are logged */
bool run_step_release(struct run *run);

#endif
