#include "runner/engine/task.h"

#include "runner/base/mem.h"
#include "runner/engine/run_private.h"

#include <assert.h>
#include <string.h>

static const struct stage_type *stage_of(const struct graph_node *node)
{
    switch (node->kind) {
    case TASK_EXTRACT:
        return node->extract->from_table ? &stage_table : &stage_extract;
    case TASK_TRANSFORM:
        return &stage_transform;
    case TASK_LOAD:
        break;
    }
    return &stage_load;
}

void task_init(
    struct task *task, struct run *run, const struct graph_node *node, const struct plan_task *plan)
{
    *task = (struct task){
        .run = run, .node = node, .plan = plan, .stage = stage_of(node), .activity = ""};
    arena_init(&task->arena);
    table_init(&task->puts);
}

void task_deinit(struct task *task)
{
    assert(!task->attempt_running);
    free(task->files);
    free(task->quarantined.files);
    table_deinit(&task->puts);
    arena_deinit(&task->arena);
}

struct log_context task_log_context(const struct task *task)
{
    struct log_context context = task->run->context;

    context.task = task->node->id;
    context.attempt = task->retry.attempt;
    return context;
}

struct log *task_log_of(const struct task *task)
{
    return task->run->engine->log;
}

void task_place_error(
    const struct task *task, const void *field, const char *key, struct error *err)
{
    const struct pipeline *pipeline = task->run->pipeline;
    const struct option_mark mark = pipeline_mark(pipeline, field);

    if (err->class != ERROR_CANCELLED)
        error_prefix(err, "%s:%u:%u: %s%s%s", pipeline->path, mark.line, mark.column,
            task->node->id, *key ? "." : "", key);
}

/* The byte of the SQL that an error is about. */
static size_t sql_offset(const char *sql, const struct error *err)
{
    return err->detail > 0 && (size_t)err->detail <= strlen(sql) ? (size_t)err->detail - 1 : 0;
}

static void place_sql(
    struct error *err, const char *path, struct option_mark mark, const char *label)
{
    static const char of_sql[] = " of the SQL: ";
    const char *rest = strstr(err->message, of_sql);

    if (err->class == ERROR_CANCELLED)
        return;
    if (err->detail > 0 && rest && strncmp(err->message, "line ", 5) == 0) {
        rest += strlen(of_sql); /* the line of the file says it better */
        memmove(err->message, rest, strlen(rest) + 1);
    }
    error_prefix(err, "%s:%u:%u: %s.sql", path, mark.line, mark.column, label);
}

void task_place_transform_error(const struct task *task, struct error *err)
{
    const struct transform *transform = task->node->transform;
    const char *path;
    const struct option_mark mark =
        pipeline_sql_mark(task->run->pipeline, transform, sql_offset(transform->sql, err), &path);

    place_sql(err, path, mark, task->node->id);
}

/* The rows of a view are made while they are written: what its SQL then fails with is its own. */
void task_place_write_error(const struct task *task, struct error *err)
{
    const struct graph_node *from = graph_dataset(task->run->graph, task->node->load->from);
    const struct task *source = &task->run->tasks[from->index];

    if (source->is_view && (err->code == ERROR_DATA || err->code == ERROR_SQL)) {
        err->detail = 0; /* a place in the statement that wrote */
        error_prefix(err, "%s", task->node->id);
        task_place_transform_error(source, err);
    } else {
        task_place_error(task, &task->node->load->item, "", err);
    }
}

void task_place_check_error(
    const struct task *task, const struct check *check, size_t index, struct error *err)
{
    const struct pipeline *pipeline = task->run->pipeline;
    char label[340];

    if (check->kind != CHECK_SQL) {
        task_place_error(task, &check->item, "checks", err);
        return;
    }
    snprintf(label, sizeof(label), "%s.checks[%zu]", task->node->id, index + 1);
    place_sql(err, pipeline->path,
        pipeline_text_mark(pipeline, &check->sql, sql_offset(check->sql, err)), label);
}

/* schema: discard_rows. */
void task_count_discarded(struct task *task, int64_t rows)
{
    json_t *fields;

    task->rejected = rows;
    if (rows == 0)
        return;
    fields = json_object();
    json_put_text(fields, "table", task->node->load->into);
    json_put_int(fields, "rows", rows);
    task_log(task, LOG_WARN, "rows.discarded", fields,
        "%lld rows do not fit the columns of %s and are left out (schema: discard_rows)",
        (long long)rows, task->node->load->into);
}

/* --- options that tasks of all kinds have --- */

static const struct retry_options *retry_of(const struct task *task)
{
    const struct retry_options *own = NULL;

    switch (task->node->kind) {
    case TASK_EXTRACT:
        own = &task->node->extract->retry;
        break;
    case TASK_TRANSFORM:
        own = &task->node->transform->retry;
        break;
    case TASK_LOAD:
        own = &task->node->load->retry;
        break;
    }
    return own->attempts > 0 ? own : &task->run->pipeline->defaults.retry;
}

static int64_t timeout_ms_of(const struct task *task)
{
    const struct duration *own = NULL;
    int64_t own_ms;

    switch (task->node->kind) {
    case TASK_EXTRACT:
        own = &task->node->extract->timeout;
        break;
    case TASK_TRANSFORM:
        own = &task->node->transform->timeout;
        break;
    case TASK_LOAD:
        own = &task->node->load->timeout;
        break;
    }
    own_ms = duration_ms(own);
    return own_ms > 0 ? own_ms : duration_ms(&task->run->pipeline->defaults.timeout);
}

/* Whether it is tried again although it is not known to pass by itself: retry.on. */
static bool is_wanted_again(const struct task *task, const struct error *err)
{
    const struct text_list *on = &retry_of(task)->on;

    for (size_t i = 0; i < on->count && err->class == ERROR_PERMANENT; i++) {
        if (strcmp(on->items[i], error_code_name(err->code)) == 0)
            return true;
    }
    return false;
}

/* --- one attempt --- */

static void on_deadline(struct timer *timer)
{
    struct task *task = container_of(timer, struct task, deadline);

    task->timed_out = true;
    task->stage->cancel(task);
}

static void start_attempt(struct retry *retry)
{
    struct task *task = container_of(retry, struct task, retry);
    const int64_t timeout_ms = timeout_ms_of(task);

    task->state = TASK_RUNNING;
    task->attempt_running = true;
    task->timed_out = false;
    error_clear(&task->err);
    if (timeout_ms > 0) {
        if (!task->deadline_open)
            timer_init(&task->deadline, task->run->engine->loop);
        task->deadline_open = true;
        timer_start(&task->deadline, (uint64_t)timeout_ms, 0, on_deadline);
    }
    task_log(task, LOG_INFO, "task.started", NULL, "started%s", retry->attempt > 1 ? " again" : "");
    task->stage->start(task);
}

void task_attempt_done(struct task *task, const struct error *err)
{
    struct error outcome = {0};
    char text[TIME_TEXT_SIZE];

    assert(task->attempt_running);
    error_keep_first(&outcome, err);
    task->attempt_running = false;
    task->stage->free(task);
    if (task->deadline_open)
        timer_stop(&task->deadline);
    if (task->timed_out && outcome.code == ERROR_STOPPED && !task->retry.cancelled) {
        error_set(&outcome, ERROR_TIMEOUT, "took longer than its time-out of %s",
            duration_format(timeout_ms_of(task), text));
        task_place_error(task, &task->node->load->item, "timeout", &outcome);
    }
    if (is_wanted_again(task, &outcome))
        error_set_class(&outcome, ERROR_TRANSIENT);
    retry_finish(&task->retry, outcome.code ? &outcome : NULL);
}

/* --- attempts until the end --- */

static void on_waiting(struct retry *retry, const struct error *err, int64_t wait_ms)
{
    struct task *task = container_of(retry, struct task, retry);
    json_t *fields = json_object();

    task->state = TASK_RETRYING;
    task->err = *err;
    task->run->retried++;
    json_put_text(fields, "error", err->message);
    json_put_int(fields, "wait_ms", wait_ms);
    task_log(task, LOG_WARN, "task.retry", fields, "attempt %u failed, next in %lld ms: %s",
        retry->attempt, (long long)wait_ms, err->message);
}

static void log_finished(struct task *task)
{
    json_t *fields = json_object();

    json_put_text(fields, "outcome", task_state_name(task->state));
    json_put_int(fields, "duration_ms", task->finished_ms - task->started_ms);
    if (!task->is_view)
        json_put_int(fields, "rows", task->rows);
    json_put_int(fields, "rejected", task->rejected);
    json_put_int(fields, "bytes_read", (int64_t)task->bytes_read);
    json_put_int(fields, "bytes_written", (int64_t)task->bytes_written);
    if (task->err.code)
        json_put_text(fields, "error", task->err.message);
    if (task->state == TASK_FAILED)
        task_log(task, LOG_ERROR, "task.finished", fields, "%s", task->err.message);
    else if (task->is_view) /* its rows are made, and counted, where they are written */
        task_log(task, LOG_INFO, "task.finished", fields, "%s", task_state_name(task->state));
    else
        task_log(task, LOG_INFO, "task.finished", fields, "%s, %lld rows",
            task_state_name(task->state), (long long)task->rows);
}

static void finish(struct task *task)
{
    task->finished_ms = time_now_ms();
    if (!task->err.code)
        task->state = TASK_DONE;
    else
        task->state = task->err.class == ERROR_CANCELLED ? TASK_CANCELLED : TASK_FAILED;
    log_finished(task);
    tasks_on_finished(task);
}

static void on_deadline_closed(struct timer *timer)
{
    struct task *task = container_of(timer, struct task, deadline);

    task->deadline_open = false;
    finish(task);
}

static void on_attempts_done(struct retry *retry, const struct error *err)
{
    struct task *task = container_of(retry, struct task, retry);

    error_clear(&task->err);
    error_keep_first(&task->err, err);
    if (task->deadline_open)
        timer_close(&task->deadline, on_deadline_closed);
    else
        finish(task);
}

void task_start(struct task *task)
{
    const struct retry_options *options = retry_of(task);
    const struct retry_policy policy = {.attempts = (unsigned)MAX(options->attempts, 1),
        .backoff_ms = duration_ms(&options->backoff),
        .max_backoff_ms = duration_ms(&options->max_backoff)};

    task->state = TASK_RUNNING;
    task->started_ms = time_now_ms();
    retry_start(&task->retry, task->run->engine->loop, &policy, start_attempt, on_waiting,
        on_attempts_done);
}

void task_cancel(struct task *task)
{
    if (task->state != TASK_RUNNING && task->state != TASK_RETRYING)
        return;
    retry_cancel(&task->retry);
    if (task->attempt_running)
        task->stage->cancel(task);
}

/* --- progress --- */

const char *task_state_name(enum task_state state)
{
    static const char *const names[] = {
        [TASK_WAITING] = "waiting",
        [TASK_READY] = "ready",
        [TASK_RUNNING] = "running",
        [TASK_RETRYING] = "retrying",
        [TASK_DONE] = "done",
        [TASK_FAILED] = "failed",
        [TASK_SKIPPED] = "skipped",
        [TASK_CANCELLED] = "cancelled",
    };

    return names[state];
}

unsigned run_task_count(const struct run *run)
{
    return run->tasks ? run->graph->count : 0;
}

void run_task_progress(const struct run *run, unsigned index, struct task_progress *ret_progress)
{
    const struct task *task = &run->tasks[index];
    const int64_t end_ms = task->finished_ms ? task->finished_ms : time_now_ms();

    *ret_progress = (struct task_progress){.id = task->node->id,
        .state = task->state,
        .attempt = task->retry.attempt,
        .activity = task->activity,
        .elapsed_ms = task->started_ms ? end_ms - task->started_ms : 0,
        .bytes_done = task->bytes_read + task->bytes_written,
        .rows = task->rows,
        .share = task->state == TASK_DONE ? 1 : -1,
        .error = task->err.code ? task->err.message : NULL};
    if (task->attempt_running)
        task->stage->progress(task, ret_progress);
}
