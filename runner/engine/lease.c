#include "runner/engine/lease.h"

#include "runner/base/mem.h"
#include "runner/base/time.h"

#include <assert.h>
#include <string.h>

enum { TRIES_MAX = 5, BEATS = 6, TTL_DEFAULT_MS = 60 * MS_PER_SECOND, NS_PER_MS = 1000000 };

static void lease_step(struct lease *lease, const struct error *err);
static void enter_step(struct lease *lease, enum lease_step step, int64_t fence_at_least);

/* --- what callbacks do: record, then step --- */

static void on_state(struct state_request *request, const struct error *err)
{
    lease_step(container_of(request, struct lease, request), err);
}

static void on_applied(struct catalog_apply *apply, const struct error *err)
{
    lease_step(container_of(apply, struct lease, apply), err);
}

static void on_watched(struct timer *timer)
{
    lease_step(container_of(timer, struct lease, timer), NULL);
}

static void on_closed(struct timer *timer)
{
    lease_step(container_of(timer, struct lease, timer), NULL);
}

/* --- heartbeats --- */

static int64_t ttl_ms(const struct lease *lease)
{
    const int64_t said = duration_ms(&lease->options.engine->environment->lease.ttl);

    return said > 0 ? said : TTL_DEFAULT_MS;
}

static struct state_lease names_of(const struct lease *lease)
{
    return (struct state_lease){.pipeline = lease->options.pipeline,
        .instance = lease->options.instance,
        .run_id = lease->options.run_id,
        .ttl_ms = ttl_ms(lease),
        .fence = lease->fence};
}

/* A heartbeat that fails for another reason than a lost lease is made up for by the next one. */
static void warn(struct lease *lease, const struct error *err)
{
    if (lease->warned)
        return;
    lease->warned = true;
    log_event(lease->options.engine->log, LOG_WARN, "lease.late", lease->options.context, NULL,
        "a heartbeat of the lease failed, the next one follows: %s", err->message);
}

static int64_t unconfirmed_ms(const struct lease *lease)
{
    return (int64_t)((time_monotonic_ns() - lease->confirmed_ns) / NS_PER_MS);
}

bool lease_is_doubtful(const struct lease *lease)
{
    return lease->told || unconfirmed_ms(lease) > ttl_ms(lease) / 2;
}

static void tell(struct lease *lease, const struct error *err)
{
    lease->told = true;
    lease->lost_err = *err;
    timer_stop(&lease->timer);
    if (lease->options.lost)
        lease->options.lost(lease, err);
}

/* Nobody else has it, as long as its ttl from the last good heartbeat is not over. -1: the next one
 * would come too late to say so. */
static int check_sure(const struct lease *lease, const struct error *why, struct error *err)
{
    const int64_t silent_ms = unconfirmed_ms(lease);
    char text[TIME_TEXT_SIZE];

    if (silent_ms + ttl_ms(lease) / BEATS < ttl_ms(lease))
        return 0;
    return error_set(err, ERROR_FENCED,
        "the lease of %s could not be renewed for %s, so another run may soon have it; nothing was "
        "committed: %s",
        lease->options.pipeline, duration_format(silent_ms, text), why->message);
}

static void judge_late_beat(struct lease *lease, const struct error *beat_err)
{
    struct error err;

    warn(lease, beat_err);
    if (check_sure(lease, beat_err, &err) == 0)
        return;
    lease->guessed = true;
    tell(lease, &err);
}

static void on_beat(struct state_request *beat, const struct error *err)
{
    struct lease *lease = container_of(beat, struct lease, beat);

    lease->beating = false;
    if (lease->step == LEASE_RELEASING) {
        enter_step(lease, LEASE_RELEASING, 0); /* which waited for this */
        return;
    }
    if (!err)
        lease->confirmed_ns = MAX(lease->confirmed_ns, lease->beat_ns);
    else if (err->code == ERROR_FENCED && !lease->told)
        tell(lease, err);
    else if (!lease->told)
        judge_late_beat(lease, err);
}

static void beat(struct timer *timer)
{
    struct lease *lease = container_of(timer, struct lease, timer);

    if (lease->beating)
        return;
    lease->beating = true;
    lease->beat_ns = time_monotonic_ns();
    arena_deinit(&lease->beat_arena);
    lease->beat = (struct state_request){.verb = STATE_RENEW_LEASE,
        .lease = names_of(lease),
        .arena = &lease->beat_arena,
        .done = on_beat};
    lease->state->type->start(lease->state, &lease->beat);
}

/* --- what states do on entry --- */

static void ask_state(struct lease *lease, enum state_verb verb, int64_t fence_at_least)
{
    arena_deinit(&lease->arena);
    lease->asked_ns = time_monotonic_ns();
    lease->request = (struct state_request){.verb = verb,
        .pipeline = lease->options.pipeline,
        .instance = lease->options.instance,
        .run_id = lease->options.run_id,
        .lease = names_of(lease),
        .fence_at_least = fence_at_least,
        .arena = &lease->arena,
        .done = on_state};
    lease->state->type->start(lease->state, &lease->request);
}

static void raise_fence(struct lease *lease)
{
    lease->change = (struct catalog_change){.verb = CATALOG_RAISE_FENCE,
        .fence = {.pipeline = lease->options.pipeline,
            .instance = lease->options.instance,
            .fence = lease->fence}};
    lease->apply = (struct catalog_apply){
        .changes = &lease->change, .count = 1, .run_id = lease->options.run_id, .done = on_applied};
    lease->catalog->type->apply(lease->catalog, &lease->apply);
}

static void enter_step(struct lease *lease, enum lease_step step, int64_t fence_at_least)
{
    const uint64_t beat_ms = (uint64_t)MAX(ttl_ms(lease) / BEATS, 1);

    lease->step = step;
    switch (step) {
    case LEASE_ACQUIRING:
        ask_state(lease, STATE_ACQUIRE_LEASE, fence_at_least);
        break;
    case LEASE_WATCHING:
        timer_keeps_loop(&lease->timer, true);
        timer_start(&lease->timer, (uint64_t)lease->request.watch_ms, 0, on_watched);
        break;
    case LEASE_RAISING:
        raise_fence(lease);
        break;
    case LEASE_HELD:
        timer_keeps_loop(&lease->timer, false); /* what it is held for does */
        if (!timer_active(&lease->timer) && !lease->told)
            timer_start(&lease->timer, beat_ms, beat_ms, beat);
        break;
    case LEASE_CHECKING:
        ask_state(lease, STATE_RENEW_LEASE, 0);
        break;
    case LEASE_RELEASING:
        timer_stop(&lease->timer);
        if (!lease->beating) /* else once it has ended */
            ask_state(lease, STATE_RELEASE_LEASE, 0);
        break;
    case LEASE_CLOSING:
        timer_close(&lease->timer, on_closed);
        break;
    case LEASE_FREE:
        break;
    }
}

/* --- the whole flow --- */

static bool is_to_be_watched(struct lease *lease, const struct error *err)
{
    if (!err || err->code != ERROR_BUSY || lease->request.watch_ms <= 0 || lease->cancelled)
        return false;
    if (!lease->warned)
        log_event(lease->options.engine->log, LOG_INFO, "lease.watched", lease->options.context,
            NULL, "its heartbeats are waited for: %s", err->message);
    lease->warned = true;
    return true;
}

static void lease_step(struct lease *lease, const struct error *err)
{
    struct error late;

    switch (lease->step) {
    case LEASE_ACQUIRING:
        if (is_to_be_watched(lease, err)) {
            enter_step(lease, LEASE_WATCHING, 0);
            return;
        }
        error_keep_first(&lease->err, err);
        lease->warned = false;
        if (!err) {
            lease->fence = lease->request.lease.fence;
            lease->confirmed_ns = lease->asked_ns;
            lease->silent = lease->silent || lease->request.lease.silent;
        }
        enter_step(lease, err ? LEASE_CLOSING : LEASE_RAISING, 0);
        return;
    case LEASE_WATCHING:
        if (lease->cancelled)
            error_set(&lease->err, ERROR_STOPPED, "cancelled");
        enter_step(lease, lease->cancelled ? LEASE_CLOSING : LEASE_ACQUIRING, 0);
        return;
    case LEASE_RAISING:
        /* A state that was lost or restored starts its fences anew; the catalog's is greater. */
        if (err && err->code == ERROR_FENCED && lease->tries++ < TRIES_MAX) {
            enter_step(lease, LEASE_ACQUIRING, lease->apply.ret_fence + 1);
            return;
        }
        error_keep_first(&lease->err, err);
        enter_step(lease, err ? LEASE_RELEASING : LEASE_HELD, 0);
        break;
    case LEASE_CHECKING:
        if (!err)
            lease->confirmed_ns = MAX(lease->confirmed_ns, lease->asked_ns);
        if (err && err->code != ERROR_FENCED && check_sure(lease, err, &late))
            err = &late;
        if (err && err->code == ERROR_FENCED) {
            lease->told = true; /* by this */
            lease->guessed = err == &late;
            lease->lost_err = *err;
        }
        if (lease->told)
            timer_stop(&lease->timer);
        enter_step(lease, LEASE_HELD, 0);
        lease->done(lease, err);
        return;
    case LEASE_RELEASING:
        error_keep_first(&lease->err, err);
        enter_step(lease, LEASE_CLOSING, 0);
        return;
    case LEASE_CLOSING:
        enter_step(lease, LEASE_FREE, 0);
        break;
    case LEASE_FREE:
    case LEASE_HELD:
        assert(!"nothing is under way in this state");
    }
    if (lease->step == LEASE_FREE || lease->step == LEASE_HELD)
        lease->done(lease, lease->err.code ? &lease->err : NULL);
}

void lease_acquire(struct lease *lease, const struct lease_options *options, lease_done_fn done)
{
    *lease = (struct lease){.options = *options,
        .state = options->engine->state,
        .catalog = options->engine->catalog,
        .done = done};
    timer_init(&lease->timer, options->engine->loop);
    enter_step(lease, LEASE_ACQUIRING, 0);
}

void lease_cancel(struct lease *lease)
{
    lease->cancelled = true;
    if (lease->step == LEASE_WATCHING)
        timer_start(&lease->timer, 0, 0, on_watched);
}

void lease_check(struct lease *lease, lease_done_fn done)
{
    assert(lease->step == LEASE_HELD);
    lease->done = done;
    enter_step(lease, LEASE_CHECKING, 0);
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
    arena_deinit(&lease->beat_arena);
}
