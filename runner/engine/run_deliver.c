/* Hooks of a run: of those before it when it begins, of its own when it ends. */
#include "runner/base/mem.h"
#include "runner/engine/hooks.h"
#include "runner/engine/run_private.h"
#include "runner/engine/run_steps.h"

static void on_delivered(struct deliver *deliver)
{
    struct run *run = container_of(deliver, struct run, deliver);

    deliver_deinit(deliver);
    run_step(run);
}

static void start_delivering(struct run *run, bool earlier)
{
    deliver_start(&run->deliver, run->engine, run->pipeline, run->options.instance,
        run->options.run_id, run->lease.fence, &run->context, earlier, on_delivered);
}

/* Of runs that share a lease the first one does it for all of them. */
bool run_step_catch_up(struct run *run)
{
    if (run->cancelled || !hooks_any(run->pipeline) ||
        (run->options.group && run->options.turn > 0))
        return false;
    start_delivering(run, true);
    return true;
}

/* Who presses Ctrl-C does not wait for servers: the next run delivers. */
bool run_step_deliver(struct run *run)
{
    if (run->cancelled || !hooks_any(run->pipeline))
        return false;
    start_delivering(run, false);
    return true;
}
