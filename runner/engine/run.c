/* The flow of a run: callbacks record, run_step() decides. What a step asks of whom is in
 * run_steps.c. */
#include "runner/engine/run.h"

#include "runner/base/mem.h"
#include "runner/engine/run_private.h"
#include "runner/engine/run_steps.h"

#include <assert.h>
#include <string.h>

static void enter_state(struct run *run, enum run_state state)
{
    run->state = state; /* the one place where it changes */
    run->next = 0;
    log_event(run->engine->log, LOG_TRACE, "run.state", &run->context, NULL, "state %d", state);
}

/* --- where each state leads: true when an asynchronous step was begun --- */

static bool begin_state(struct run *run)
{
    switch (run->state) {
    case RUN_LEASING:
        return run_step_lease(run);
    case RUN_RECOVERING:
        return run_step_recover(run);
    case RUN_CATCHING_UP:
        return run_step_catch_up(run);
    case RUN_OPENING:
        return run_step_open(run);
    case RUN_PLANNING:
        return run_step_plan(run);
    case RUN_PREPARING:
        return run_step_prepare(run);
    case RUN_TASKS:
        if (run->tasks)
            tasks_again(run);
        else
            tasks_start(run);
        return true;
    case RUN_STAGING:
        return run_step_stage(run);
    case RUN_WIDENING:
        return run_step_widen(run);
    case RUN_PREVIEWING:
        return run_step_preview(run);
    case RUN_WAITING:
        return run_step_wait(run);
    case RUN_REPLANNING:
        return run_step_replan(run);
    case RUN_QUEUED:
        return run_group_waits(run);
    case RUN_RENEWING:
        return run_step_renew(run);
    case RUN_DOUBTING:
        return run_step_doubt(run);
    case RUN_COMMITTING:
        return run_step_commit(run);
    case RUN_SETTLING:
        return run_step_settle(run);
    case RUN_PUBLISHING:
        return run_step_publish(run);
    case RUN_CLEANING:
        return run_step_clean(run);
    case RUN_COMPACTING:
        return run_step_compact(run);
    case RUN_RECORDING:
        return run_step_record(run);
    case RUN_DELIVERING:
        return run_step_deliver(run);
    case RUN_RELEASING:
        return run_step_release(run);
    case RUN_NEW:
    case RUN_DONE:
        break;
    }
    return false;
}

static enum run_state after_tasks(const struct run *run, bool failed, bool preview)
{
    if (failed)
        return preview ? RUN_CLEANING : run_stages(run) ? RUN_STAGING : RUN_DOUBTING;
    if (run_reread_again(run))
        return RUN_WIDENING;
    return preview ? RUN_PREVIEWING : RUN_QUEUED;
}

/* The state after this one, which ended, well or not (run->err). */
static enum run_state next_state(const struct run *run)
{
    const bool failed = run->err.code != ERROR_NONE;
    const bool preview = run->options.preview_dataset != NULL;

    switch (run->state) {
    case RUN_NEW:
        return preview ? RUN_PLANNING : RUN_LEASING;
    case RUN_LEASING:
        return run->leased ? (failed ? RUN_RELEASING : RUN_RECOVERING) : RUN_DONE;
    case RUN_RECOVERING:
        return failed ? RUN_RECORDING : RUN_CATCHING_UP;
    case RUN_CATCHING_UP:
        return failed ? RUN_RECORDING : RUN_OPENING;
    case RUN_OPENING:
        return failed || run->already_committed ? RUN_RECORDING : RUN_PLANNING;
    case RUN_PLANNING:
        if (failed || run->plan.nothing_new)
            return preview ? RUN_DONE : run->resume.folder_count > 0 ? RUN_CLEANING : RUN_RECORDING;
        return RUN_PREPARING;
    case RUN_PREPARING:
        return failed ? RUN_CLEANING : RUN_TASKS;
    case RUN_TASKS:
        return after_tasks(run, failed, preview);
    case RUN_STAGING:
        return RUN_DOUBTING;
    case RUN_WIDENING:
        return failed ? RUN_CLEANING : RUN_TASKS;
    case RUN_QUEUED:
        return failed ? RUN_CLEANING : RUN_RENEWING;
    case RUN_RENEWING:
        return failed ? RUN_CLEANING : RUN_COMMITTING;
    case RUN_DOUBTING:
        return RUN_CLEANING;
    case RUN_COMMITTING:
        if (run->committed)
            return RUN_PUBLISHING;
        if (run->conflicted)
            return RUN_WAITING;
        return run->err.code == ERROR_FENCED ? RUN_CLEANING : RUN_SETTLING;
    case RUN_WAITING:
        return failed ? RUN_CLEANING : RUN_REPLANNING;
    case RUN_REPLANNING:
        if (run->committed)
            return RUN_PUBLISHING;
        if (failed)
            return RUN_CLEANING;
        return run_repeats(run) ? RUN_TASKS : RUN_RENEWING;
    case RUN_SETTLING:
        if (run->unsettled) /* its files may be a table's: they stay, journalled */
            return RUN_RECORDING;
        return run->committed ? RUN_PUBLISHING : RUN_CLEANING;
    case RUN_PUBLISHING:
        /* What could not be published stays, journalled, for the next run. */
        return failed ? RUN_RECORDING : RUN_CLEANING;
    case RUN_PREVIEWING:
        return RUN_CLEANING;
    case RUN_CLEANING:
        return preview ? RUN_DONE : RUN_COMPACTING;
    case RUN_COMPACTING:
        return RUN_RECORDING;
    case RUN_RECORDING:
        return RUN_DELIVERING;
    case RUN_DELIVERING:
        return RUN_RELEASING;
    case RUN_RELEASING:
    case RUN_DONE:
        break;
    }
    return RUN_DONE;
}

/* --- the end --- */

static void on_timer_closed(struct timer *timer)
{
    struct run *run = container_of(timer, struct run, timer);

    run->done(run, run->err.code ? &run->err : NULL);
}

static void on_backoff_closed(struct timer *timer)
{
    timer_close(&container_of(timer, struct run, backoff)->timer, on_timer_closed);
}

void run_step(struct run *run)
{
    do {
        enter_state(run, next_state(run));
        if (run->state == RUN_DONE) {
            if (run->session)
                run->session->type->close(run->session);
            run->session = NULL;
            if (run->options.group)
                run_group_leave(run);
            if (run->backoff_open)
                timer_close(&run->backoff, on_backoff_closed);
            else
                timer_close(&run->timer, on_timer_closed);
            return;
        }
    } while (!begin_state(run));
}

void run_tasks_finished(struct run *run)
{
    if (run->cancelled && !run->err.code)
        error_set(&run->err, ERROR_STOPPED, "cancelled");
    run_step(run);
}

/* --- starting and stopping --- */

void run_fail(struct run *run, const struct error *err)
{
    error_keep_first(&run->err, err);
    if (run->state == RUN_TASKS)
        tasks_cancel(run);
}

/* It has failed while it waited for its turn. */
static void on_queue_left(struct timer *timer)
{
    struct run *run = container_of(timer, struct run, timer);

    if (run->state == RUN_QUEUED)
        run_step(run);
}

static void cancel_step(struct run *run)
{
    switch (run->state) {
    case RUN_LEASING:
        lease_cancel(&run->lease);
        break;
    case RUN_RECOVERING:
        recover_cancel(&run->recover);
        break;
    case RUN_PLANNING:
        plan_cancel(&run->plan);
        break;
    case RUN_TASKS:
        tasks_cancel(run);
        break;
    case RUN_STAGING:
        run_cancel_staging(run);
        break;
    case RUN_PREVIEWING:
        run->session->type->cancel(&run->preview);
        break;
    case RUN_QUEUED:
        timer_start(&run->timer, 0, 0, on_queue_left);
        break;
    case RUN_WAITING:
        timer_start(&run->backoff, 0, 0, run->backoff.fire);
        break;
    case RUN_PUBLISHING:
        publish_cancel(&run->publish);
        break;
    case RUN_COMPACTING:
        compact_cancel(&run->compact);
        break;
    case RUN_CATCHING_UP:
    case RUN_DELIVERING:
        deliver_cancel(&run->deliver);
        break;
    default: /* short, and better finished */
        break;
    }
}

void run_cancel(struct run *run)
{
    struct error stopped;

    run->cancelled = true;
    if (run->committed || run->state == RUN_COMMITTING || run->state == RUN_SETTLING) {
        cancel_step(run);
        return;
    }
    error_set(&stopped, ERROR_STOPPED, "cancelled; nothing was committed");
    error_keep_first(&run->err, &stopped);
    cancel_step(run);
}

/* The commit itself checks the fence; what follows it is done again by whoever has the lease. */
void run_lost_lease(struct run *run, const struct error *err)
{
    log_event(run->engine->log, LOG_ERROR, "lease.lost", &run->context, NULL, "%s", err->message);
    run->loss_said = true;
    if (run->committed || run->state >= RUN_COMMITTING)
        return;
    error_keep_first(&run->err, err);
    cancel_step(run);
}

static void on_timeout(struct timer *timer)
{
    struct run *run = container_of(timer, struct run, timer);
    const int64_t timeout_ms = duration_ms(&run->pipeline->resources.timeout);
    char text[TIME_TEXT_SIZE];
    struct error err;

    if (run->committed || run->state >= RUN_COMMITTING)
        return;
    error_set(&err, ERROR_TIMEOUT,
        "%s took longer than resources.timeout (%s); nothing was committed", run->pipeline->name,
        duration_format(timeout_ms, text));
    error_keep_first(&run->err, &err);
    cancel_step(run);
}

static void on_start(struct timer *timer)
{
    struct run *run = container_of(timer, struct run, timer);
    const int64_t timeout_ms = duration_ms(&run->pipeline->resources.timeout);

    if (timeout_ms > 0)
        timer_start(&run->timer, (uint64_t)timeout_ms, 0, on_timeout);
    run_step(run);
}

struct run *run_new(const struct run_options *options, run_done_fn done)
{
    struct run *run = mem_new(struct run);

    run->options = *options;
    run->done = done;
    run->engine = options->engine;
    run->graph = options->graph;
    run->pipeline = options->graph->pipeline;
    run->context = (struct log_context){
        .pipeline = run->pipeline->name, .instance = options->instance, .run_id = options->run_id};
    run->slots.limit = (unsigned)run->pipeline->resources.concurrency;
    arena_init(&run->arena);
    arena_init(&run->step_arena);
    table_init(&run->resume.objects);
    table_init(&run->resume.files);
    table_init(&run->first_puts);
    return run;
}

void run_start(struct run *run)
{
    run->started_ms = time_now_ms();
    timer_init(&run->timer, run->engine->loop);
    timer_start(&run->timer, 0, 0, on_start);
}

void run_free(struct run *run)
{
    if (!run)
        return;
    tasks_free(run);
    run_reread_free(run);
    if (run->planned)
        plan_deinit(&run->plan);
    lease_deinit(&run->lease);
    resume_free(run);
    if (run->single.pool)
        work_lane_deinit(&run->single);
    arena_deinit(&run->arena);
    arena_deinit(&run->step_arena);
    free(run->folder);
    free(run->record);
    free(run);
}

const struct run_summary *run_summary(const struct run *run)
{
    return &run->summary;
}

const struct plan *run_plan(const struct run *run)
{
    return run->planned ? &run->plan : NULL;
}

void *run_data(const struct run *run)
{
    return run->options.data;
}

const char *run_activity(const struct run *run)
{
    static const char *const names[] = {
        [RUN_NEW] = "starting",
        [RUN_LEASING] = "waiting for the lease",
        [RUN_RECOVERING] = "cleaning up after an earlier run",
        [RUN_CATCHING_UP] = "delivering hooks of an earlier run",
        [RUN_OPENING] = "starting",
        [RUN_PLANNING] = "planning",
        [RUN_PREPARING] = "starting",
        [RUN_TASKS] = "running",
        [RUN_STAGING] = "keeping what failed its checks",
        [RUN_WIDENING] = "reading other folders, too",
        [RUN_PREVIEWING] = "reading",
        [RUN_WAITING] = "waiting to commit again",
        [RUN_REPLANNING] = "planning again",
        [RUN_QUEUED] = "waiting for its turn",
        [RUN_RENEWING] = "committing",
        [RUN_DOUBTING] = "cleaning up",
        [RUN_COMMITTING] = "committing",
        [RUN_SETTLING] = "asking whether it was committed",
        [RUN_PUBLISHING] = "publishing files",
        [RUN_CLEANING] = "cleaning up",
        [RUN_COMPACTING] = "compacting",
        [RUN_RECORDING] = "recording",
        [RUN_DELIVERING] = "delivering hooks",
        [RUN_RELEASING] = "ending",
        [RUN_DONE] = "ended",
    };

    return run->cancelled && run->state < RUN_COMMITTING ? "cancelling" : names[run->state];
}
