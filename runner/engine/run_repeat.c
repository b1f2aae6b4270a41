/* A commit that was refused because somebody else changed a table first: nothing of it holds. What
 * was made for a table that is another one by now is made again, everything else is committed as it
 * is. Each refusal means that some other run got through, so ten in a row are many. */
#include "runner/base/mem.h"
#include "runner/engine/load_table.h"
#include "runner/engine/quarantine.h"
#include "runner/engine/run_private.h"
#include "runner/engine/run_steps.h"

#include <string.h>
#include <strings.h>

enum { CONFLICTS_MAX = 10, BACKOFF_MS = 50, BACKOFF_MAX_MS = 5000 };

bool run_may_repeat(const struct run *run, const struct error *err)
{
    const int64_t timeout_ms = duration_ms(&run->pipeline->resources.timeout);

    return err && err->code == ERROR_CONFLICT && !run->cancelled && !run->options.sealed &&
           run->conflicts + 1 < CONFLICTS_MAX &&
           (timeout_ms == 0 || time_now_ms() - run->started_ms < timeout_ms);
}

bool run_repeats(const struct run *run)
{
    for (unsigned i = 0; i < run->graph->count; i++) {
        if (run->tasks[i].again)
            return true;
    }
    return false;
}

/* --- waiting --- */

static void on_waited(struct timer *timer)
{
    run_step(container_of(timer, struct run, backoff));
}

bool run_step_wait(struct run *run)
{
    const struct retry_policy policy = {
        .attempts = CONFLICTS_MAX, .backoff_ms = BACKOFF_MS, .max_backoff_ms = BACKOFF_MAX_MS};
    json_t *fields = json_object();
    int64_t wait_ms;

    wait_ms = retry_backoff_ms(&policy, ++run->conflicts, retry_random());
    json_put_text(fields, "error", run->work_err.message);
    json_put_int(fields, "conflicts", run->conflicts);
    json_put_int(fields, "wait_ms", wait_ms);
    log_event(run->engine->log, LOG_WARN, "commit.conflict", &run->context, fields,
        "somebody else was faster, next try in %lld ms: %s", (long long)wait_ms,
        run->work_err.message);
    error_clear(&run->work_err);
    if (!run->backoff_open)
        timer_init(&run->backoff, run->engine->loop);
    run->backoff_open = true;
    timer_start(&run->backoff, (uint64_t)wait_ms, 0, on_waited);
    return true;
}

/* --- planning again --- */

static void replan_next(struct run *run);

static bool same_columns(const struct catalog_version *a, const struct catalog_version *b)
{
    if (a->column_count != b->column_count)
        return false;
    for (size_t i = 0; i < a->column_count; i++) {
        if (strcasecmp(a->columns[i].name, b->columns[i].name) != 0 ||
            strcmp(a->columns[i].type, b->columns[i].type) != 0)
            return false;
    }
    return true;
}

static bool has_changed(const struct task *task, const struct plan_load *now)
{
    const struct plan_load *then = &task->plan->load;

    if (then->table_exists != now->table_exists)
        return true;
    if (!now->table_exists)
        return false;
    return then->version.version != now->version.version ||
           then->version.schema_id != now->version.schema_id ||
           !same_columns(&then->version, &now->version) ||
           (task->merged.expects && task->merged.position != now->version.last_position);
}

static void take_version(struct run *run, struct task *task)
{
    struct plan_load *plan = &run->plan.tasks[task->node->index].load;
    struct plan_load now = *plan;
    const void *field;
    const char *key;

    now.table_exists = run->query.count > 0;
    if (now.table_exists)
        now.version = run->query.versions[0];
    task->again = has_changed(task, &now);
    *plan = now;
    if (now.table_exists &&
        load_table_check(task->node->load, &now.version, &field, &key, &run->err))
        task_place_error(task, field, key, &run->err);
}

static void on_version(struct catalog_query *query, const struct error *err)
{
    struct run *run = container_of(query, struct run, query);

    error_keep_first(&run->err, err);
    if (!run->err.code)
        take_version(run, &run->tasks[run->next - 1]);
    replan_next(run);
}

static void replan_next(struct run *run)
{
    while (!run->err.code && run->next < run->graph->count) {
        struct task *task = &run->tasks[run->next++];

        if (task->node->kind != TASK_LOAD || task->state != TASK_DONE || !task->merged.repeats)
            continue;
        run->query = (struct catalog_query){.verb = CATALOG_GET_VERSION,
            .at = {.namespace = task->node->load->into_namespace,
                .table = task->node->load->into_table},
            .arena = &task->arena, /* nobody else's while the task does not run */
            .done = on_version};
        run->catalog->type->query(run->catalog, &run->query);
        return;
    }
    run_step(run);
}

/* Of `quarantine retry`: its rows are not to be read again, so that it ends where others have
 * written to their table; that will never be the one that it expects again. */
static void on_retried_known(struct catalog_query *query, const struct error *err)
{
    struct run *run = container_of(query, struct run, query);
    const struct run_retry *retry = run->options.retry;

    error_keep_first(&run->err, err);
    if (!run->err.code &&
        (query->count == 0 || query->versions[0].last_position != retry->position ||
            query->versions[0].schema_id != retry->schema_id))
        error_set(&run->err, ERROR_CONFLICT,
            "rows were put into " QUARANTINE_NAMESPACE ".%s, or taken out of it, while those that "
            "were in it were tried again, and nothing was committed: try them once more",
            retry->table);
    replan_next(run);
}

static void ask_retried(struct run *run)
{
    run->query = (struct catalog_query){.verb = CATALOG_GET_VERSION,
        .at = {.namespace = QUARANTINE_NAMESPACE, .table = run->options.retry->table},
        .arena = &run->step_arena,
        .done = on_retried_known};
    run->catalog->type->query(run->catalog, &run->query);
}

/* Not to take a commit for refused that holds all the same is worth a question. */
static void on_commit_known(struct catalog_query *query, const struct error *err)
{
    struct run *run = container_of(query, struct run, query);

    error_keep_first(&run->err, err);
    run->committed = !err && query->count > 0;
    if (run->committed)
        run_step(run);
    else if (run->options.retry && !run->err.code)
        ask_retried(run);
    else
        replan_next(run);
}

bool run_step_replan(struct run *run)
{
    arena_deinit(&run->step_arena);
    run_ask_commit(run, on_commit_known);
    return true;
}
