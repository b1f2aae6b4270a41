#include "runner/engine/lease.h"

#include "runner/base/mem.h"

#include <assert.h>
#include <string.h>

enum { TRIES_MAX = 5 };

static void lease_step(struct lease *lease, const struct error *err);

/* --- what callbacks do: record, then step --- */

static void on_state(struct state_request *request, const struct error *err)
{
    lease_step(container_of(request, struct lease, request), err);
}

static void on_applied(struct catalog_apply *apply, const struct error *err)
{
    lease_step(container_of(apply, struct lease, apply), err);
}

/* --- what states do on entry --- */

static void ask_state(struct lease *lease, enum state_verb verb, int64_t fence_at_least)
{
    arena_deinit(&lease->arena);
    lease->request = (struct state_request){.verb = verb,
        .pipeline = lease->pipeline,
        .instance = lease->instance,
        .run_id = lease->run_id,
        .lease = {.pipeline = lease->pipeline,
            .instance = lease->instance,
            .run_id = lease->run_id,
            .fence = lease->fence},
        .fence_at_least = fence_at_least,
        .arena = &lease->arena,
        .done = on_state};
    lease->state->type->start(lease->state, &lease->request);
}

static void raise_fence(struct lease *lease)
{
    lease->change = (struct catalog_change){.verb = CATALOG_RAISE_FENCE,
        .fence = {.pipeline = lease->pipeline, .instance = lease->instance, .fence = lease->fence}};
    lease->apply = (struct catalog_apply){
        .changes = &lease->change, .count = 1, .run_id = lease->run_id, .done = on_applied};
    lease->catalog->type->apply(lease->catalog, &lease->apply);
}

static void enter_step(struct lease *lease, enum lease_step step, int64_t fence_at_least)
{
    lease->step = step;
    if (step == LEASE_ACQUIRING)
        ask_state(lease, STATE_ACQUIRE_LEASE, fence_at_least);
    else if (step == LEASE_RAISING)
        raise_fence(lease);
    else if (step == LEASE_RELEASING)
        ask_state(lease, STATE_RELEASE_LEASE, 0);
}

/* --- the whole flow --- */

static void lease_step(struct lease *lease, const struct error *err)
{
    switch (lease->step) {
    case LEASE_ACQUIRING:
        error_keep_first(&lease->err, err);
        if (!err)
            lease->fence = lease->request.lease.fence;
        enter_step(lease, err ? LEASE_FREE : LEASE_RAISING, 0);
        break;
    case LEASE_RAISING:
        /* A state that was lost or restored starts its fences anew; the catalog's is greater. */
        if (err && err->code == ERROR_FENCED && lease->tries++ < TRIES_MAX) {
            enter_step(lease, LEASE_ACQUIRING, lease->apply.ret_fence + 1);
            return;
        }
        error_keep_first(&lease->err, err);
        enter_step(lease, err ? LEASE_RELEASING : LEASE_HELD, 0);
        break;
    case LEASE_RELEASING:
        error_keep_first(&lease->err, err);
        enter_step(lease, LEASE_FREE, 0);
        break;
    case LEASE_FREE:
    case LEASE_HELD:
        assert(!"nothing is under way in this state");
    }
    if (lease->step == LEASE_FREE || lease->step == LEASE_HELD)
        lease->done(lease, lease->err.code ? &lease->err : NULL);
}

void lease_acquire(struct lease *lease, struct state *state, struct catalog *catalog,
    const char *pipeline, const char *instance, const char *run_id, lease_done_fn done)
{
    *lease = (struct lease){.state = state,
        .catalog = catalog,
        .pipeline = pipeline,
        .instance = instance,
        .run_id = run_id,
        .done = done};
    enter_step(lease, LEASE_ACQUIRING, 0);
}

void lease_release(struct lease *lease, lease_done_fn done)
{
    assert(lease->step == LEASE_HELD);
    lease->done = done;
    enter_step(lease, LEASE_RELEASING, 0);
}

void lease_deinit(struct lease *lease)
{
    arena_deinit(&lease->arena);
}
