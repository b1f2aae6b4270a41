/* One attempt, tried again while it fails with a TRANSIENT error: exponential backoff with full
 * jitter (a uniform draw from 0 … min(max_backoff, backoff · 2^n)). Embedded in the operation that
 * it repeats; the wait is a timer, never a sleep. */
#ifndef RUNNER_IO_RETRY_H
#define RUNNER_IO_RETRY_H

#include "runner/io/timer.h"

#include <stdint.h>

struct retry_policy {
    unsigned attempts; /* in all; 1: no second try */
    int64_t backoff_ms, max_backoff_ms;
};

struct retry;

/* Starts attempt number retry->attempt (1 …); it ends in one retry_finish(). */
typedef void (*retry_attempt_fn)(struct retry *retry);

/* Called once, from the loop, after the last attempt; err NULL on success, valid in the call. */
typedef void (*retry_done_fn)(struct retry *retry, const struct error *err);

/* Called before each wait, for logs and progress. May be NULL. */
typedef void (*retry_wait_fn)(struct retry *retry, const struct error *err, int64_t wait_ms);

struct retry {
    struct timer timer;
    struct retry_policy policy;
    retry_attempt_fn run_attempt;
    retry_done_fn done;
    retry_wait_fn waiting;
    unsigned attempt;
    bool cancelled, busy;
    uint64_t random_state;
    struct error err;
};

/* `attempt` is called from a later turn of the loop. */
void retry_start(struct retry *retry, struct loop *loop, const struct retry_policy *policy,
    retry_attempt_fn attempt, retry_wait_fn waiting, retry_done_fn done);

/* Ends the attempt under way: err NULL or what went wrong. */
void retry_finish(struct retry *retry, const struct error *err);

/* No further attempt: a wait ends at once with ERROR_STOPPED, an attempt under way is the caller's
 * to cancel and still ends in retry_finish(). */
void retry_cancel(struct retry *retry);

/* The draw before attempt n + 1 (n = 1 …), pure: `random` is any 64 bits. */
int64_t retry_backoff_ms(const struct retry_policy *policy, unsigned attempt, uint64_t random);

#endif
