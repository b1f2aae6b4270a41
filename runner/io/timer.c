#include "runner/io/timer.h"

#include "runner/base/mem.h"

#include <assert.h>

static void on_timer(uv_timer_t *handle)
{
    struct timer *timer = container_of(handle, struct timer, handle);

    timer->fire(timer);
}

static void on_closed(uv_handle_t *handle)
{
    struct timer *timer = container_of((uv_timer_t *)handle, struct timer, handle);

    if (timer->closed)
        timer->closed(timer);
}

void timer_init(struct timer *timer, struct loop *loop)
{
    *timer = (struct timer){0};
    uv_timer_init(&loop->uv, &timer->handle);
}

void timer_start(struct timer *timer, uint64_t delay_ms, uint64_t repeat_ms, timer_fn fire)
{
    int rc;

    timer->fire = fire;
    /* The loop's clock stands still within a turn: after a long callback the delay would count
     * from the past, and the timer fire too early. */
    uv_update_time(timer->handle.loop);
    rc = uv_timer_start(&timer->handle, on_timer, delay_ms, repeat_ms);
    assert(rc == 0); /* fails on a closing handle only */
    (void)rc;
}

void timer_stop(struct timer *timer)
{
    uv_timer_stop(&timer->handle);
}

void timer_keeps_loop(struct timer *timer, bool keeps)
{
    if (keeps)
        uv_ref((uv_handle_t *)&timer->handle);
    else
        uv_unref((uv_handle_t *)&timer->handle);
}

bool timer_active(const struct timer *timer)
{
    return uv_is_active((const uv_handle_t *)&timer->handle);
}

void timer_close(struct timer *timer, timer_fn closed)
{
    timer->closed = closed;
    uv_close((uv_handle_t *)&timer->handle, on_closed);
}
