/* What a run writes about itself: the summary, the JSON record in catalog and history, the log. */
#include "runner/base/mem.h"
#include "runner/engine/quarantine.h"
#include "runner/engine/run_private.h"

#include <string.h>

static json_t *rejects_json(const struct task *task)
{
    json_t *list = json_array();

    for (size_t i = 0; i < task->reject_count; i++) {
        const struct sql_reject *reject = &task->rejects[i];
        json_t *item = json_object();

        json_put_text(item, "object", reject->object);
        json_put_int(item, "line", reject->line);
        json_put_text(item, "column", reject->column);
        json_put_text(item, "reason", reject->plain_reason);
        json_array_append_new(list, item);
    }
    return list;
}

/* Rows that offend checks are no more than this of a record, in bytes: others are left out. */
enum { SAMPLES_MAX = 256 * 1024 };

static json_t *checks_json(const struct task *task, size_t *samples)
{
    json_t *list = json_array();

    for (size_t i = 0; i < task->check_count; i++) {
        const struct task_check *check = &task->checks[i];
        json_t *item = json_object();

        json_put_text(item, "check", check->title);
        json_put_text(item, "kind", check_kind_names[check->kind]);
        json_object_set_new(item, "passed", json_boolean(check->passed));
        json_put_text(item, "severity", severity_names[check->severity]);
        json_put_int(item, "rows", check->count);
        if (check->kind == CHECK_ROW_COUNT && check->found >= 0)
            json_put_int(item, "found", check->found);
        json_put_text(item, "message", check->message);
        *samples += check->sample ? strlen(check->sample) : 0;
        if (check->sample && *samples <= SAMPLES_MAX)
            json_object_set_new(
                item, "sample", json_parse(check->sample, strlen(check->sample), NULL));
        json_array_append_new(list, item);
    }
    return list;
}

static json_t *task_json(const struct task *task, size_t *samples)
{
    json_t *item = json_object();

    json_put_text(item, "task", task->node->id);
    json_put_text(item, "state", task_state_name(task->state));
    if (task->state == TASK_SKIPPED)
        return item;
    json_put_int(item, "attempts", task->retry.attempt);
    json_put_int(item, "duration_ms", task->finished_ms - task->started_ms);
    if (!task->is_view)
        json_put_int(item, "rows", task->rows);
    if (task->node->kind == TASK_EXTRACT) {
        if (task->plan->extract.table) {
            json_put_text(item, "table", task->node->extract->from);
            json_put_int(item, "position", task->plan->extract.table->position);
        }
        json_put_int(item, "objects", task->objects);
        json_put_int(item, "bytes_read", (int64_t)task->bytes_read);
        json_put_int(item, "rejected", task->rejected);
        if (task->reject_count > 0)
            json_object_set_new(item, "rejects", rejects_json(task));
    } else if (task->node->kind == TASK_LOAD) {
        json_put_text(item, task->node->load->to ? "to" : "into",
            task->node->load->to ? task->node->load->to : task->node->load->into);
        json_put_int(item, "files", (int64_t)task->file_count);
        if (task->merged.merge.key_count > 0) {
            json_put_int(item, "duplicates", task->merged.duplicates);
            json_put_int(item, "deleted", task->merged.deleted);
        }
        json_put_int(item, "bytes_written", (int64_t)task->bytes_written);
    }
    if (task->quarantined.table) {
        json_put_int(item, "quarantined", task->quarantined.rows);
        json_put_text(item, "quarantine",
            arena_printf((struct arena *)&task->arena, "%s.%s", QUARANTINE_NAMESPACE,
                task->quarantined.table));
    }
    if (task->content)
        json_object_set_new(
            item, "content", json_parse(task->content, strlen(task->content), NULL));
    if (task->check_count > 0)
        json_object_set_new(item, "checks", checks_json(task, samples));
    if (task->err.code)
        json_put_text(item, "error", task->err.message);
    return item;
}

static enum state_outcome outcome_of(const struct run *run)
{
    if (run->already_committed)
        return STATE_SUCCEEDED;
    if (!run->err.code || run->committed)
        return run->planned && run->plan.nothing_new ? STATE_NOTHING_NEW : STATE_SUCCEEDED;
    if (run->err.class == ERROR_CANCELLED)
        return STATE_CANCELLED;
    return run->err.code == ERROR_CHECK ? STATE_CHECK_FAILED : STATE_FAILED;
}

static void add_up(struct run *run)
{
    struct run_summary *summary = &run->summary;

    *summary = (struct run_summary){0};
    for (unsigned i = 0; run->tasks && i < run->graph->count; i++) {
        const struct task *task = &run->tasks[i];

        summary->rejected += task->rejected;
        summary->quarantined += task->quarantined.rows;
        summary->objects += task->objects;
        summary->bytes_read += task->bytes_read;
        if (task->node->kind != TASK_LOAD || task->state != TASK_DONE)
            continue;
        if (task->node->load->to)
            summary->exported += task->rows;
        else if (!task->keeps_table)
            summary->rows += task->rows;
        summary->files += (int64_t)task->file_count + (task->node->load->to != NULL);
        summary->bytes_written += task->bytes_written;
    }
    if (run->state == RUN_RECORDING && !run->committed)
        summary->rows = summary->exported = summary->quarantined = 0;
}

void record_summarize(struct run *run)
{
    struct run_summary *summary = &run->summary;
    json_t *record = json_object(), *tasks = json_array();
    size_t samples = 0;

    add_up(run);
    summary->outcome = outcome_of(run);
    summary->duration_ms = time_now_ms() - run->started_ms;
    json_put_int(record, "due_ms", run->options.due_ms);
    json_put_int(record, "started_ms", run->started_ms);
    json_put_int(record, "duration_ms", summary->duration_ms);
    json_put_int(record, "rows", summary->rows);
    json_put_int(record, "exported", summary->exported);
    json_put_int(record, "rejected", summary->rejected);
    json_put_int(record, "quarantined", summary->quarantined);
    json_put_int(record, "objects", summary->objects);
    json_put_int(record, "files", summary->files);
    json_put_int(record, "bytes_read", (int64_t)summary->bytes_read);
    json_put_int(record, "bytes_written", (int64_t)summary->bytes_written);
    json_put_int(record, "retries", run->retried);
    for (unsigned i = 0; run->tasks && i < run->graph->count; i++)
        json_array_append_new(tasks, task_json(&run->tasks[i], &samples));
    json_object_set_new(record, "tasks", tasks);
    free(run->record);
    run->record = json_line(record);
    summary->record = run->record;
    json_decref(record);
}

void record_log_started(struct run *run)
{
    json_t *fields = json_object();

    json_put_time(fields, "due", run->options.due_ms);
    json_put_text(fields, "environment", run->engine->environment->item.name);
    json_put_int(fields, "fence", run->lease.fence);
    log_event(run->engine->log, LOG_INFO, "run.started", &run->context, fields, "run %s of %s",
        run->options.run_id, run->pipeline->name);
}

void record_log_finished(struct run *run)
{
    const struct run_summary *summary = &run->summary;
    const bool failed = run->err.code != ERROR_NONE;
    char text[TIME_TEXT_SIZE];
    json_t *fields = json_object();

    json_put_text(fields, "outcome", state_outcome_name(summary->outcome));
    json_put_int(fields, "duration_ms", summary->duration_ms);
    json_put_int(fields, "rows", summary->rows);
    json_put_int(fields, "exported", summary->exported);
    json_put_int(fields, "rejected", summary->rejected);
    json_put_int(fields, "quarantined", summary->quarantined);
    json_put_int(fields, "objects", summary->objects);
    json_put_int(fields, "files", summary->files);
    json_put_int(fields, "bytes_read", (int64_t)summary->bytes_read);
    json_put_int(fields, "bytes_written", (int64_t)summary->bytes_written);
    if (failed)
        json_put_text(fields, "error", run->err.message);
    if (failed)
        log_event(run->engine->log, LOG_ERROR, "run.finished", &run->context, fields, "%s",
            run->err.message);
    else
        log_event(run->engine->log, LOG_INFO, "run.finished", &run->context, fields,
            "%s in %s: %lld rows, %lld files",
            summary->outcome == STATE_NOTHING_NEW ? "nothing new"
                                                  : state_outcome_name(summary->outcome),
            duration_format(summary->duration_ms, text), (long long)summary->rows,
            (long long)summary->files);
}
