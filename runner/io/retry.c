#include "runner/io/retry.h"

#include "runner/base/mem.h"
#include "runner/base/time.h"

#include <assert.h>
#include <sys/random.h>

uint64_t retry_random(void)
{
    uint64_t bits;

    /* Only a draw: where the system has no entropy yet, the clock's low bits will do. */
    if (getrandom(&bits, sizeof(bits), GRND_NONBLOCK) != sizeof(bits))
        bits = time_monotonic_ns() * 0x9e3779b97f4a7c15U;
    return bits;
}

int64_t retry_backoff_ms(const struct retry_policy *policy, unsigned attempt, uint64_t random)
{
    int64_t bound_ms = MIN(policy->backoff_ms, policy->max_backoff_ms);

    for (unsigned i = 1; i < attempt && bound_ms < policy->max_backoff_ms; i++)
        bound_ms = bound_ms > policy->max_backoff_ms / 2 ? policy->max_backoff_ms : bound_ms * 2;
    return bound_ms > 0 ? (int64_t)(random % ((uint64_t)bound_ms + 1)) : 0;
}

static void on_closed(struct timer *timer)
{
    struct retry *retry = container_of(timer, struct retry, timer);

    retry->state = RETRY_IDLE;
    retry->done(retry, retry->err.code ? &retry->err : NULL);
}

static void on_wait_over(struct timer *timer)
{
    struct retry *retry = container_of(timer, struct retry, timer);

    retry->state = RETRY_ATTEMPTING;
    retry->attempt++;
    retry->run_attempt(retry);
}

static void wait_for_next(struct retry *retry, int64_t wait_ms)
{
    retry->state = RETRY_WAITING;
    timer_start(&retry->timer, (uint64_t)wait_ms, 0, on_wait_over);
}

static void close_timer(struct retry *retry)
{
    retry->state = RETRY_CLOSING;
    timer_close(&retry->timer, on_closed);
}

void retry_start(struct retry *retry, struct loop *loop, const struct retry_policy *policy,
    retry_attempt_fn attempt, retry_wait_fn waiting, retry_done_fn done)
{
    assert(policy->attempts >= 1 && policy->backoff_ms >= 0 && policy->max_backoff_ms >= 0);
    *retry =
        (struct retry){.policy = *policy, .run_attempt = attempt, .waiting = waiting, .done = done};
    timer_init(&retry->timer, loop);
    wait_for_next(retry, 0);
}

void retry_finish(struct retry *retry, const struct error *err)
{
    const bool transient = err && err->class == ERROR_TRANSIENT;
    int64_t wait_ms;

    assert(retry->state == RETRY_ATTEMPTING);
    retry->err = err ? *err : (struct error){0};
    if (transient && retry->cancelled) {
        /* It would have been tried again: that it was cancelled is why it ends. */
        error_set(&retry->err, ERROR_STOPPED, "cancelled after: %s", err->message);
    } else if (transient && retry->attempt < retry->policy.attempts) {
        wait_ms = retry_backoff_ms(&retry->policy, retry->attempt, retry_random());
        wait_ms = MAX(wait_ms, retry->wait_min_ms);
        retry->wait_min_ms = 0;
        wait_for_next(retry, wait_ms);
        if (retry->waiting)
            retry->waiting(retry, &retry->err, wait_ms);
        return;
    }
    close_timer(retry);
}

void retry_cancel(struct retry *retry)
{
    if (retry->state == RETRY_IDLE || retry->state == RETRY_CLOSING || retry->cancelled)
        return;
    retry->cancelled = true;
    if (retry->state == RETRY_ATTEMPTING)
        return;
    if (retry->attempt == 0)
        error_set(&retry->err, ERROR_STOPPED, "cancelled before it began");
    else
        error_set(&retry->err, ERROR_STOPPED, "cancelled after: %s", retry->err.message);
    close_timer(retry);
}
