#include "runner/engine/run_group.h"

#include "runner/base/mem.h"
#include "runner/engine/run_private.h"
#include "runner/engine/run_steps.h"

#include <assert.h>

/* --- opening and closing --- */

static void on_released(struct lease *lease, const struct error *err)
{
    struct run_group *group = container_of(lease, struct run_group, lease);

    if (err)
        log_event(group->engine->log, LOG_WARN, "lease.lost", group->context, NULL,
            "the lease could not be released: %s", err->message);
    group->step = GROUP_CLOSED;
    group->done(group, group->err.code ? &group->err : NULL);
}

static void release(struct run_group *group)
{
    group->step = GROUP_RELEASING;
    lease_release(&group->lease, on_released);
}

static void on_recovered(struct recover *recover, const struct error *err)
{
    struct run_group *group = container_of(recover, struct run_group, recover);

    error_keep_first(&group->err, err);
    recover_log(recover, group->engine->log, group->context);
    recover_deinit(recover);
    if (group->cancelled && !group->err.code)
        error_set(&group->err, ERROR_STOPPED, "cancelled");
    if (group->err.code) {
        release(group);
        return;
    }
    group->step = GROUP_OPEN;
    group->done(group, NULL);
}

static void on_leased(struct lease *lease, const struct error *err)
{
    struct run_group *group = container_of(lease, struct run_group, lease);

    if (err) {
        group->err = *err;
        group->step = GROUP_CLOSED;
        group->done(group, &group->err);
        return;
    }
    if (group->cancelled) {
        error_set(&group->err, ERROR_STOPPED, "cancelled");
        release(group);
        return;
    }
    group->step = GROUP_RECOVERING;
    recover_start(&group->recover, group->engine, group->pipeline, group->instance, group->id,
        lease->fence, on_recovered);
}

static void on_lost(struct lease *lease, const struct error *err)
{
    struct run_group *group = container_of(lease, struct run_group, lease);

    error_keep_first(&group->err, err);
    for (struct run *run = group->runs, *next; run; run = next) {
        next = run->next_of_group;
        run_lost_lease(run, err);
    }
}

void run_group_open(struct run_group *group, run_group_fn done)
{
    group->done = done;
    group->step = GROUP_LEASING;
    lease_acquire(&group->lease,
        &(struct lease_options){.engine = group->engine,
            .pipeline = group->pipeline,
            .instance = group->instance,
            .run_id = group->id,
            .context = group->context,
            .lost = on_lost},
        on_leased);
}

void run_group_cancel(struct run_group *group)
{
    group->cancelled = true;
    if (group->step == GROUP_LEASING)
        lease_cancel(&group->lease);
    else if (group->step == GROUP_RECOVERING)
        recover_cancel(&group->recover);
}

void run_group_close(struct run_group *group, run_group_fn done)
{
    assert(group->step == GROUP_OPEN && !group->runs);
    group->done = done;
    release(group);
}

void run_group_deinit(struct run_group *group)
{
    lease_deinit(&group->lease);
}

/* --- its runs --- */

void run_group_join(struct run *run)
{
    struct run_group *group = run->options.group;

    assert(group->step == GROUP_OPEN);
    run->lease.fence = group->lease.fence;
    run->next_of_group = group->runs;
    group->runs = run;
}

void run_group_leave(struct run *run)
{
    struct run **at = &run->options.group->runs;

    while (*at && *at != run)
        at = &(*at)->next_of_group;
    if (*at)
        *at = run->next_of_group;
}

static void on_checked(struct lease *lease, const struct error *err)
{
    struct run_group *group = container_of(lease, struct run_group, lease);
    struct run *run = group->checking;

    group->checking = NULL;
    if (err && err->code == ERROR_FENCED)
        on_lost(lease, err);
    run_step(run);
}

/* One at a time: only the run whose turn it is asks. */
void run_group_check(struct run *run)
{
    struct run_group *group = run->options.group;

    assert(!group->checking && run->options.turn == group->turn);
    group->checking = run;
    lease_check(&group->lease, on_checked);
}

bool run_group_waits(const struct run *run)
{
    return run->options.group && run->options.turn != run->options.group->turn;
}

void run_group_set_turn(struct run_group *group, size_t turn)
{
    group->turn = turn;
    for (struct run *run = group->runs; run; run = run->next_of_group) {
        if (run->state == RUN_QUEUED && run->options.turn == turn) {
            run_step(run);
            return;
        }
    }
}
