/* One attempt, tried again while it fails with a TRANSIENT error: exponential backoff with full
 * jitter (a uniform draw from 0 … min(max_backoff, backoff · 2^n)), so that many who failed
 * together do not come back together. Embedded in the operation that it repeats; the wait is a
 * timer, never a sleep. */
#ifndef RUNNER_IO_RETRY_H
#define RUNNER_IO_RETRY_H

#include "runner/io/timer.h"

#include <stdint.h>

struct retry_policy {
    unsigned attempts; /* in all, at least 1; 1: no second try */
    int64_t backoff_ms, max_backoff_ms;
};

struct retry;

/* Starts attempt number retry->attempt (1 …); it ends in one retry_finish(). */
typedef void (*retry_attempt_fn)(struct retry *retry);

/* Called once, from the loop, after the last attempt; err NULL on success, valid in the call. The
 * memory may go or be started again in here. */
typedef void (*retry_done_fn)(struct retry *retry, const struct error *err);

/* Called before each wait, for logs and progress: attempt number retry->attempt failed. */
typedef void (*retry_wait_fn)(struct retry *retry, const struct error *err, int64_t wait_ms);

enum retry_state { RETRY_IDLE, RETRY_WAITING, RETRY_ATTEMPTING, RETRY_CLOSING };

struct retry {
    struct timer timer;
    struct retry_policy policy;
    retry_attempt_fn run_attempt;
    retry_done_fn done;
    retry_wait_fn waiting;
    enum retry_state state;
    unsigned attempt;    /* the one under way, or the last that was; 0: none yet */
    bool cancelled;      /* in time to matter */
    int64_t wait_min_ms; /* set before retry_finish(): the wait that follows is this long at least,
                            because a server asked for it */
    struct error err;    /* how the last attempt ended */
};

/* `attempt` is called from a later turn of the loop; `waiting` may be NULL. */
void retry_start(struct retry *retry, struct loop *loop, const struct retry_policy *policy,
    retry_attempt_fn attempt, retry_wait_fn waiting, retry_done_fn done);

/* Ends the attempt under way: err NULL or what went wrong. May be called from within `attempt`. */
void retry_finish(struct retry *retry, const struct error *err);

/* No further attempt: a wait ends at once with ERROR_STOPPED, an attempt under way is the caller's
 * to cancel and still ends in retry_finish(). Harmless when idle or after the last attempt; may be
 * called again. */
void retry_cancel(struct retry *retry);

/* The draw after attempt n (1 …) failed, pure: 0 … min(max_backoff, backoff · 2^(n-1)), from
 * `random`, any 64 bits. */
int64_t retry_backoff_ms(const struct retry_policy *policy, unsigned attempt, uint64_t random);
uint64_t retry_random(void); /* 64 bits for it */

#endif
