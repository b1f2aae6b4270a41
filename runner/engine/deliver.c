#include "runner/engine/deliver.h"

#include "runner/base/json.h"
#include "runner/base/mem.h"
#include "runner/base/text.h"
#include "runner/base/time.h"
#include "runner/engine/hooks.h"
#include "runner/engine/run_json.h"

#include <assert.h>
#include <string.h>

enum { BACKOFF_MS = 500, BACKOFF_MAX_MS = 10 * MS_PER_SECOND };
static const int64_t keep_ms = 7LL * MS_PER_DAY;

static void deliver_step(struct deliver *deliver, const struct error *err);

/* --- what callbacks do: record, then step --- */

static void on_query(struct catalog_query *query, const struct error *err)
{
    deliver_step(container_of(query, struct deliver, query), err);
}

static void on_commit(struct catalog_query *query, const struct error *err)
{
    deliver_step(container_of(query, struct deliver, commit), err);
}

static void on_listing(struct state_request *request, const struct error *err)
{
    deliver_step(container_of(request, struct deliver, listing), err);
}

static void on_state(struct state_request *request, const struct error *err)
{
    deliver_step(container_of(request, struct deliver, request), err);
}

static void on_applied(struct catalog_apply *apply, const struct error *err)
{
    deliver_step(container_of(apply, struct deliver, apply), err);
}

static void on_posted(struct post_request *post, const struct error *err)
{
    struct deliver *deliver = container_of(post, struct deliver, post);

    deliver->posting = false;
    retry_finish(&deliver->retry, err);
}

static void on_told(struct retry *retry, const struct error *err)
{
    struct deliver *deliver = container_of(retry, struct deliver, retry);

    deliver->retrying = false;
    deliver_step(deliver, err);
}

/* --- the hook whose turn it is --- */

static bool is_of_commit(const struct deliver *deliver)
{
    return deliver->next < deliver->query.count;
}

/* NULL: there is none any more. */
static const struct hook_due *current(const struct deliver *deliver)
{
    const size_t committed = deliver->query.count;

    if (deliver->next < committed)
        return &deliver->query.hooks[deliver->next];
    return deliver->next - committed < deliver->listing.count
               ? &deliver->listing.due[deliver->next - committed]
               : NULL;
}

enum news { HOOK_DELIVERED, HOOK_FAILED, HOOK_DROPPED };

static void report(
    const struct deliver *deliver, enum news news, const char *text, const char *reason)
{
    const struct hook_due *due = current(deliver);
    json_t *fields = json_object();

    json_put_text(fields, "hook", due->place);
    json_put_text(fields, "of_run", due->run_id);
    json_put_int(fields, "attempts", deliver->retry.attempt);
    if (deliver->post.status)
        json_put_int(fields, "status", deliver->post.status);
    log_event(deliver->engine->log, news == HOOK_DELIVERED ? LOG_INFO : LOG_WARN,
        news == HOOK_DELIVERED ? "hook.delivered"
        : news == HOOK_FAILED  ? "hook.failed"
                               : "hook.dropped",
        deliver->context, fields, "%s of run %s %s%s", due->place, due->run_id, text, reason);
}

/* --- what states do on entry --- */

static void list_committed(struct deliver *deliver)
{
    deliver->query = (struct catalog_query){.verb = CATALOG_LIST_HOOKS,
        .pipeline = deliver->pipeline->name,
        .instance = deliver->instance,
        .arena = &deliver->arena,
        .done = on_query};
    deliver->engine->catalog->type->query(deliver->engine->catalog, &deliver->query);
}

static void list_failed(struct deliver *deliver)
{
    deliver->listing = (struct state_request){.verb = STATE_LIST_HOOKS,
        .pipeline = deliver->pipeline->name,
        .instance = deliver->instance,
        .arena = &deliver->arena,
        .done = on_listing};
    deliver->engine->state->type->start(deliver->engine->state, &deliver->listing);
}

static void ask_commit(struct deliver *deliver)
{
    arena_deinit(&deliver->step_arena);
    deliver->commit = (struct catalog_query){.verb = CATALOG_GET_COMMIT,
        .run_id = current(deliver)->run_id,
        .arena = &deliver->step_arena,
        .done = on_commit};
    deliver->engine->catalog->type->query(deliver->engine->catalog, &deliver->commit);
}

static void ask_run(struct deliver *deliver)
{
    arena_deinit(&deliver->step_arena);
    deliver->request = (struct state_request){.verb = STATE_GET_RUN,
        .run_id = current(deliver)->run_id,
        .arena = &deliver->step_arena,
        .done = on_state};
    deliver->engine->state->type->start(deliver->engine->state, &deliver->request);
}

/* Rows of the data are not for whoever is told. */
static void leave_samples_out(json_t *run)
{
    json_t *task, *check;
    size_t i, j;

    json_array_foreach(json_object_get(run, "tasks"), i, task)
    {
        json_array_foreach(json_object_get(task, "checks"), j, check)
        {
            json_object_del(check, "sample");
        }
    }
}

/* What the history says; where it was lost, only which run it was. */
static const char *make_body(struct deliver *deliver)
{
    const bool known = deliver->request.count > 0;
    json_t *value = known ? run_json_full(&deliver->request.runs[0], time_now_ms()) : json_object();
    char *line;
    const char *body;

    if (!known) {
        json_put_text(value, "run_id", current(deliver)->run_id);
        json_put_text(value, "pipeline", deliver->pipeline->name);
    }
    leave_samples_out(value);
    line = json_line(value);
    body = arena_strdup(&deliver->arena, line);
    free(line);
    json_decref(value);
    return body;
}

static void run_attempt(struct retry *retry)
{
    struct deliver *deliver = container_of(retry, struct deliver, retry);
    struct poster *poster;
    struct error err;

    if (engine_poster(deliver->engine, &poster, &err)) {
        retry_finish(retry, &err);
        return;
    }
    deliver->post.done = on_posted;
    deliver->posting = true;
    poster->type->start(poster, &deliver->post);
}

static void start_posting(struct deliver *deliver)
{
    const struct hook *hook = deliver->hook;
    const struct retry_policy policy = {.attempts = deliver->earlier ? 1 : (unsigned)hook->attempts,
        .backoff_ms = BACKOFF_MS,
        .max_backoff_ms = BACKOFF_MAX_MS};
    char key[UUID_TEXT_SIZE];

    deliver->headers =
        arena_array(&deliver->arena, hook->headers.count + 1, sizeof(*deliver->headers));
    for (size_t i = 0; i < hook->headers.count; i++)
        deliver->headers[i] =
            (struct post_header){hook->headers.items[i].name, hook->headers.items[i].value};
    deliver->headers[hook->headers.count] = (struct post_header){
        "Idempotency-Key", arena_strdup(&deliver->arena, hooks_key(current(deliver), key))};
    deliver->post = (struct post_request){.url = hook->url,
        .headers = deliver->headers,
        .header_count = hook->headers.count + 1,
        .body = deliver->body,
        .timeout_ms = duration_ms(&hook->timeout)};
    deliver->retrying = true;
    retry_start(&deliver->retry, deliver->engine->loop, &policy, run_attempt, NULL, on_told);
}

static void end_hook(struct deliver *deliver)
{
    const struct hook_due *due = current(deliver);

    if (!is_of_commit(deliver)) {
        arena_deinit(&deliver->step_arena);
        deliver->request = (struct state_request){.verb = STATE_END_HOOK,
            .pipeline = deliver->pipeline->name,
            .instance = deliver->instance,
            .run_id = due->run_id,
            .place = due->place,
            .arena = &deliver->step_arena,
            .done = on_state};
        deliver->engine->state->type->start(deliver->engine->state, &deliver->request);
        return;
    }
    deliver->change = (struct catalog_change){.verb = CATALOG_END_HOOK, .hook = *due};
    deliver->apply = (struct catalog_apply){.changes = &deliver->change,
        .count = 1,
        .pipeline = deliver->pipeline->name,
        .instance = deliver->instance,
        .run_id = deliver->run_id,
        .fence = deliver->fence,
        .done = on_applied};
    deliver->engine->catalog->type->apply(deliver->engine->catalog, &deliver->apply);
}

static void enter_step(struct deliver *deliver, enum deliver_step step)
{
    deliver->step = step;
    switch (step) {
    case DELIVER_COMMITTED:
        list_committed(deliver);
        break;
    case DELIVER_FAILED:
        list_failed(deliver);
        break;
    case DELIVER_DOUBTING:
        ask_commit(deliver);
        break;
    case DELIVER_READING:
        ask_run(deliver);
        break;
    case DELIVER_POSTING:
        start_posting(deliver);
        break;
    case DELIVER_ENDING:
        end_hook(deliver);
        break;
    case DELIVER_DONE:
        deliver->done(deliver);
        break;
    }
}

/* --- the whole flow --- */

/* Finds the next hook that can be told. */
static enum deliver_step begin_next(struct deliver *deliver)
{
    const struct hook_due *due;

    for (; !deliver->cancelled && (due = current(deliver)) != NULL; deliver->next++) {
        if (deliver->earlier && text_equal(due->run_id, deliver->run_id))
            continue; /* what a process before it has failed at, it is about to do */
        deliver->hook = hooks_find(deliver->pipeline, due);
        deliver->post.status = 0;
        deliver->retry.attempt = 0;
        if (!deliver->hook || time_now_ms() - due->created_ms > keep_ms) {
            report(deliver, HOOK_DROPPED, "is given up: ",
                deliver->hook ? "it could not be delivered for 7 days"
                              : "the pipeline does not have it any more");
            return DELIVER_ENDING;
        }
        if (table_has(&deliver->failing, deliver->hook->url))
            continue; /* it waits for the next run, like the one before it */
        deliver->body = due->body;
        if (!is_of_commit(deliver))
            return DELIVER_DOUBTING;
        return due->body ? DELIVER_POSTING : DELIVER_READING;
    }
    return DELIVER_DONE;
}

static enum deliver_step skip(struct deliver *deliver)
{
    deliver->next++;
    return begin_next(deliver);
}

static enum deliver_step after_post(struct deliver *deliver, const struct error *err)
{
    if (!err) {
        report(deliver, HOOK_DELIVERED, "was delivered", "");
        return DELIVER_ENDING;
    }
    report(deliver, HOOK_FAILED, "was not delivered; the next run tries again: ", err->message);
    table_put(&deliver->failing, deliver->hook->url, deliver);
    return skip(deliver);
}

static void report_error(struct deliver *deliver, const struct error *err)
{
    log_event(deliver->engine->log, LOG_WARN, "hook.failed", deliver->context, NULL,
        "hooks could not be looked at; the next run tries again: %s", err->message);
}

static void deliver_step(struct deliver *deliver, const struct error *err)
{
    switch (deliver->step) {
    case DELIVER_COMMITTED:
        if (err)
            report_error(deliver, err);
        enter_step(deliver, DELIVER_FAILED);
        return;
    case DELIVER_FAILED:
        if (err)
            report_error(deliver, err);
        enter_step(deliver, begin_next(deliver));
        return;
    case DELIVER_DOUBTING:
        if (err) {
            report_error(deliver, err);
            enter_step(deliver, skip(deliver));
        } else if (deliver->commit.count > 0) {
            enter_step(deliver, DELIVER_ENDING);
        } else {
            enter_step(deliver, deliver->body ? DELIVER_POSTING : DELIVER_READING);
        }
        return;
    case DELIVER_READING:
        if (!err)
            deliver->body = make_body(deliver);
        else
            report_error(deliver, err);
        enter_step(deliver, err ? skip(deliver) : DELIVER_POSTING);
        return;
    case DELIVER_POSTING:
        enter_step(deliver, after_post(deliver, err));
        return;
    case DELIVER_ENDING:
        if (err)
            report(deliver, HOOK_FAILED,
                "is done with, but that could not be recorded: ", err->message);
        enter_step(deliver, skip(deliver));
        return;
    case DELIVER_DONE:
        assert(!"nothing is under way in this state");
    }
}

void deliver_start(struct deliver *deliver, struct engine *engine, const struct pipeline *pipeline,
    const char *instance, const char *run_id, int64_t fence, const struct log_context *context,
    bool earlier, deliver_done_fn done)
{
    *deliver = (struct deliver){.engine = engine,
        .pipeline = pipeline,
        .instance = instance,
        .run_id = run_id,
        .fence = fence,
        .context = context,
        .earlier = earlier,
        .done = done};
    table_init(&deliver->failing);
    enter_step(deliver, DELIVER_COMMITTED);
}

void deliver_cancel(struct deliver *deliver)
{
    deliver->cancelled = true;
    if (!deliver->retrying)
        return;
    retry_cancel(&deliver->retry);
    if (deliver->posting)
        deliver->post.poster->type->cancel(&deliver->post);
}

void deliver_deinit(struct deliver *deliver)
{
    table_deinit(&deliver->failing);
    arena_deinit(&deliver->arena);
    arena_deinit(&deliver->step_arena);
}
