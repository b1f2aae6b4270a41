/* A run's lease: taking it, asking whether it is still there, giving it back. */
#include "runner/base/mem.h"
#include "runner/engine/run_private.h"
#include "runner/engine/run_steps.h"

static void on_leased(struct lease *lease, const struct error *err)
{
    struct run *run = container_of(lease, struct run, lease);

    error_keep_first(&run->err, err);
    run->leased = !err;
    run_step(run);
}

static void on_lost(struct lease *lease, const struct error *err)
{
    run_lost_lease(container_of(lease, struct run, lease), err);
}

bool run_step_lease(struct run *run)
{
    struct engine *engine = run->engine;
    struct store *tables;

    if (engine_state(engine, &run->state_store, &run->err) ||
        engine_catalog(engine, &run->catalog, &run->err) ||
        engine_tables(engine, &tables, &run->err))
        return false;
    if (run->options.group) {
        run_group_join(run);
        run->leased = true;
        return false;
    }
    lease_acquire(&run->lease,
        &(struct lease_options){.engine = engine,
            .pipeline = run->pipeline->name,
            .instance = run->options.instance,
            .run_id = run->options.run_id,
            .context = &run->context,
            .lost = on_lost},
        on_leased);
    return true;
}

static void on_renewed(struct lease *lease, const struct error *err)
{
    struct run *run = container_of(lease, struct run, lease);

    if (err && err->code == ERROR_FENCED)
        run_lost_lease(run, err);
    run_step(run); /* where it is not known, the commit's fence decides */
}

/* A process that was stopped for long finds out here, at the latest. */
bool run_step_renew(struct run *run)
{
    if (run->options.group)
        run_group_check(run);
    else
        lease_check(&run->lease, on_renewed);
    return true;
}

/* What failed is what came of it. */
static void take_loss(struct run *run, const struct error *err)
{
    if (!run->loss_said)
        run_lost_lease(run, err);
    run->err = *err;
}

static void on_doubted(struct lease *lease, const struct error *err)
{
    struct run *run = container_of(lease, struct run, lease);

    if (err && err->code == ERROR_FENCED)
        take_loss(run, err);
    else if (lease->told)
        take_loss(run, &lease->lost_err);
    run_step(run);
}

bool run_step_doubt(struct run *run)
{
    if (run->options.group || run->cancelled || !lease_is_doubtful(&run->lease))
        return false;
    if (run->lease.told && !run->lease.guessed) {
        take_loss(run, &run->lease.lost_err);
        return false;
    }
    lease_check(&run->lease, on_doubted);
    return true;
}

static void on_released(struct lease *lease, const struct error *err)
{
    struct run *run = container_of(lease, struct run, lease);

    if (err)
        log_event(run->engine->log, LOG_WARN, "lease.lost", &run->context, NULL,
            "the lease could not be released: %s", err->message);
    run_step(run);
}

bool run_step_release(struct run *run)
{
    if (run->options.group)
        return false;
    lease_release(&run->lease, on_released);
    return true;
}
