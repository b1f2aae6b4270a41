/* One-shot and repeating timers with the life of their owner: embedded, closed before freed. */
#ifndef RUNNER_IO_TIMER_H
#define RUNNER_IO_TIMER_H

#include "runner/io/loop.h"

#include <stdint.h>

struct timer;

typedef void (*timer_fn)(struct timer *timer);

struct timer {
    uv_timer_t handle;
    timer_fn fire, closed;
};

void timer_init(struct timer *timer, struct loop *loop);

/* Calls `fire` once after `delay_ms`, or every `repeat_ms` from then on where that is not 0.
 * Starting a running timer starts it anew. */
void timer_start(struct timer *timer, uint64_t delay_ms, uint64_t repeat_ms, timer_fn fire);
void timer_stop(struct timer *timer); /* harmless when it is not running */
/* Whether the loop waits for it (it does, at first) or ends without it. */
void timer_keeps_loop(struct timer *timer, bool keeps);
bool timer_active(const struct timer *timer);

/* The memory may go once `closed` (NULL: nobody asks) was called, from a later turn of the loop. */
void timer_close(struct timer *timer, timer_fn closed);

#endif
