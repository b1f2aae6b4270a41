#include "runner/engine/checking.h"

#include "runner/base/json.h"
#include "runner/base/mem.h"
#include "runner/base/text.h"
#include "runner/engine/check.h"
#include "runner/engine/check_sample.h"
#include "runner/engine/quarantine_table.h"
#include "runner/engine/run_private.h"

#include <inttypes.h>
#include <string.h>

enum { COMMITS_LOOKED_AT = 100 };

static void checking_step(struct checking *checking);

static const struct check *check_at(const struct checking *checking, size_t index)
{
    return (const struct check *)checking->checks->items + index;
}

/* "not_null(a) failed: 3 rows" with the place of the check. */
static void report(struct checking *checking, const struct check *check, struct task_check *result)
{
    const int64_t found = result->found;
    struct task *task = checking->task;
    json_t *fields = json_object();
    struct error err = {0};

    if (check->kind == CHECK_ROW_COUNT)
        error_set(&err, ERROR_CHECK, "check %s failed: %s %s", result->title, checking->dataset,
            check_row_count_says(check, found, checking->context.last_rows, &task->arena));
    else if (check->kind == CHECK_FRESHNESS)
        error_set(&err, ERROR_CHECK, "check %s failed: %s %s", result->title, checking->dataset,
            check_freshness_says(check, found, &task->arena));
    else if (result->count > 0)
        error_set(&err, ERROR_CHECK, "check %s failed for %" PRId64 " row%s of %s", result->title,
            result->count, result->count == 1 ? "" : "s", checking->dataset);
    else
        error_set(&err, ERROR_CHECK, "check %s failed on %s", result->title, checking->dataset);
    json_put_text(fields, "check", result->title);
    json_put_text(fields, "dataset", checking->dataset);
    json_put_text(fields, "severity", severity_names[check->severity]);
    json_put_int(fields, "rows", result->count);
    check_sample_log(task->run->engine->environment, result->sample, fields);
    result->message = arena_strdup(&task->arena, err.message);
    task_log(task, result->severity == SEVERITY_WARN ? LOG_WARN : LOG_ERROR, "check.failed", fields,
        "%s", err.message);
    task_place_error(task, &check->item, "checks", &err);
    if (result->severity == SEVERITY_ERROR)
        error_keep_first(&checking->err, &err);
}

/* --- rows that offend it --- */

static void on_sample_rows(struct sql_request *request, const struct sql_schema *schema,
    const char *const *cells, size_t row_count)
{
    struct checking *checking = container_of(request, struct checking, request);

    for (size_t i = 0; i < row_count; i++)
        json_array_append_new(
            checking->sample, check_sample_row(schema, 0, cells + i * schema->count));
}

/* Rows that cannot be shown take nothing from the check. */
static void on_sampled(struct sql_request *request, const struct error *err)
{
    struct checking *checking = container_of(request, struct checking, request);
    struct task *task = checking->task;
    struct task_check *result = &task->checks[task->check_count - 1];
    struct buffer text;

    checking->running = false;
    buffer_init(&text, 0);
    if (!err && json_array_size(checking->sample) > 0) {
        json_append(&text, checking->sample);
        result->sample = arena_strdup(&task->arena, text.data);
    }
    buffer_deinit(&text);
    json_decref(checking->sample);
    checking->sample = NULL;
    report(checking, check_at(checking, checking->next), result);
    checking->next++;
    checking_step(checking);
}

/* False: the check is about all rows at once. */
static bool ask_sample(struct checking *checking, const struct check *check)
{
    struct task *task = checking->task;
    const char *sql = check_sample_sql(
        task->run->pipeline, check, checking->dataset, checking->schema, &task->arena);

    if (!sql)
        return false;
    checking->sample = json_array();
    checking->request = (struct sql_request){.verb = SQL_QUERY,
        .query = {.sql = sql, .on_rows = on_sample_rows},
        .arena = &task->arena,
        .done = on_sampled};
    checking->running = true;
    task->run->session->type->start(task->run->session, &checking->request);
    return true;
}

/* --- one check --- */

static void on_checked(struct sql_request *request, const struct error *err)
{
    struct checking *checking = container_of(request, struct checking, request);
    const struct check *check = check_at(checking, checking->next);
    struct task *task = checking->task;
    struct task_check *result = &task->checks[task->check_count++];
    struct error placed = {0};

    checking->running = false;
    *result = (struct task_check){.title = check->title,
        .kind = check->kind,
        .passed = !err && request->check.ret_passed,
        .severity = check->severity,
        .count = err ? 0 : request->check.ret_count,
        .found = err ? -1 : request->check.ret_found};
    checking->knows_last = false;
    if (err) {
        placed = *err;
        task_place_check_error(task, check, checking->next, &placed);
        error_keep_first(&checking->err, &placed);
    } else if (!result->passed) {
        if (!checking->cancelled && ask_sample(checking, check))
            return;
        report(checking, check, result);
    }
    checking->next++;
    checking_step(checking);
}

/* Rows that offend it were put aside before. */
static void pass_quarantining(struct checking *checking)
{
    const struct check *check = check_at(checking, checking->next);
    const struct checking_aside none = {0}, *aside = checking->quarantined
                                                         ? &checking->quarantined[checking->next]
                                                         : &none;

    checking->task->checks[checking->task->check_count++] =
        (struct task_check){.title = check->title,
            .kind = check->kind,
            .passed = aside->rows == 0,
            .severity = check->severity,
            .count = aside->rows,
            .sample = aside->sample};
    checking->next++;
}

/* What that check found in that run; -1: it was not asked. */
static int64_t rows_of(const struct checking *checking, const char *record)
{
    const char *title = check_at(checking, checking->next)->title;
    struct error ignored;
    json_t *run = record ? json_parse(record, strlen(record), &ignored) : NULL, *task, *check;
    int64_t rows = -1;
    size_t i, j;

    json_array_foreach(json_object_get(run, "tasks"), i, task)
    {
        if (!text_equal(json_get_text(task, "task"), checking->task->node->id))
            continue;
        json_array_foreach(json_object_get(task, "checks"), j, check)
        {
            if (text_equal(json_get_text(check, "check"), title))
                rows = json_get_int(check, "found", -1);
        }
    }
    json_decref(run);
    return rows;
}

/* The newest one that asked it: a run that found nothing new did not. */
static void on_commits(struct catalog_query *query, const struct error *err)
{
    struct checking *checking = container_of(query, struct checking, commits);

    checking->asking = false;
    checking->knows_last = true;
    checking->context.last_rows = -1;
    for (size_t i = 0; !err && i < query->count && checking->context.last_rows < 0; i++)
        checking->context.last_rows = rows_of(checking, query->commits[i].record);
    error_keep_first(&checking->err, err);
    checking_step(checking);
}

/* True: it is asked for what the last run had. */
static bool ask_last(struct checking *checking)
{
    struct run *run = checking->task->run;

    if (checking->knows_last || !check_at(checking, checking->next)->row_count.change ||
        !run->catalog)
        return false;
    checking->commits = (struct catalog_query){.verb = CATALOG_LIST_COMMITS,
        .pipeline = run->pipeline->name,
        .instance = run->options.instance,
        .limit = COMMITS_LOOKED_AT,
        .arena = &checking->arena,
        .done = on_commits};
    checking->asking = true;
    run->catalog->type->query(run->catalog, &checking->commits);
    return true;
}

static void end(struct checking *checking)
{
    arena_deinit(&checking->arena);
    checking->done(checking, checking->err.code ? &checking->err : NULL);
}

static void checking_step(struct checking *checking)
{
    const bool broken = checking->err.code && checking->err.code != ERROR_CHECK;
    struct task *task = checking->task;

    while (checking->next < checking->checks->count &&
           check_at(checking, checking->next)->severity == SEVERITY_QUARANTINE)
        pass_quarantining(checking);
    if (checking->cancelled)
        error_keep_first(&checking->err,
            &(struct error){
                .code = ERROR_STOPPED, .class = ERROR_CANCELLED, .message = "cancelled"});
    if (checking->cancelled || broken || checking->next == checking->checks->count) {
        end(checking);
        return;
    }
    if (ask_last(checking))
        return;
    checking->request =
        (struct sql_request){.verb = SQL_CHECK, .arena = &task->arena, .done = on_checked};
    checking->request.check =
        (struct sql_check){.sql = check_sql(check_at(checking, checking->next), &checking->context,
                               checking->dataset, &task->arena),
            .params = checking->params,
            .param_count = checking->param_count};
    checking->running = true;
    task->run->session->type->start(task->run->session, &checking->request);
}

bool checking_start(struct checking *checking, struct task *task, const char *dataset,
    const struct option_items *checks, const struct checking_aside *quarantined,
    checking_done_fn done)
{
    if (checks->count == 0)
        return false;
    *checking = (struct checking){.task = task,
        .dataset = dataset,
        .checks = checks,
        .quarantined = quarantined,
        .schema = quarantine_rows_schema(task),
        .done = done,
        .context = {.due_ms = task->run->options.due_ms, .last_rows = -1}};
    arena_init(&checking->arena);
    checking->param_count = checking_params(task, &checking->params);
    task->checks = arena_array(&task->arena, checks->count, sizeof(*task->checks));
    task->check_count = 0;
    task->activity = "checking";
    checking_step(checking);
    return true;
}

void checking_cancel(struct checking *checking)
{
    checking->cancelled = true;
    if (checking->running)
        checking->request.session->type->cancel(&checking->request);
}

const char *checking_param_type(const struct param *param)
{
    static const char *const types[] = {
        [PARAM_TEXT] = "VARCHAR",
        [PARAM_INT] = "BIGINT",
        [PARAM_NUMBER] = "DOUBLE",
        [PARAM_BOOL] = "BOOLEAN",
        [PARAM_DATE] = "DATE",
        [PARAM_TIMESTAMP] = "TIMESTAMP",
    };

    return types[param->type];
}

size_t checking_params(struct task *task, const struct sql_param **ret_params)
{
    const struct option_items *params = &task->run->pipeline->params;
    struct sql_param *result = arena_array(&task->arena, params->count, sizeof(*result));

    for (size_t i = 0; i < params->count; i++) {
        const struct param *param = (const struct param *)params->items + i;

        result[i] = (struct sql_param){
            .name = param->item.name, .type = checking_param_type(param), .value = param->value};
    }
    *ret_params = result;
    return params->count;
}
