#include "runner/engine/rejects.h"

#include "runner/base/mem.h"
#include "runner/engine/quarantine.h"
#include "runner/engine/run_private.h"

static bool are_quarantined(const struct task *task)
{
    return task->quarantined.table != NULL;
}

/* What it says of the data, only `logs: {samples: true}` lets into the log. */
static void log_reject(struct task *task, const struct sql_reject *reject)
{
    const bool samples = task->run->engine->environment->logs.samples;
    const char *reason = samples ? reject->reason : reject->plain_reason;
    json_t *fields = json_object();

    json_put_text(fields, "object", reject->object);
    json_put_int(fields, "line", reject->line);
    json_put_text(fields, "column", reject->column);
    json_put_text(fields, "reason", reason);
    task_log(task, LOG_WARN, are_quarantined(task) ? "rows.quarantined" : "rows.skipped", fields,
        "%s:%lld: left out: %s%s%s%s", reject->object, (long long)reject->line,
        reject->column ? "column " : "", reject->column ? reject->column : "",
        reject->column ? ": " : "", reason);
}

void rejects_log(struct task *task)
{
    json_t *fields;

    for (size_t i = 0; i < task->reject_count; i++)
        log_reject(task, &task->rejects[i]);
    if (task->rejected == 0)
        return;
    fields = json_object();
    json_put_int(fields, "rejected", task->rejected);
    json_put_text(fields, "table", task->quarantined.table);
    task_log(task, LOG_WARN, are_quarantined(task) ? "rows.quarantined" : "rows.skipped", fields,
        "%lld rows left out (on_bad_row: %s)", (long long)task->rejected,
        are_quarantined(task) ? "quarantine" : "skip");
}

int rejects_check_limits(const struct task *task, int64_t more, struct error *err)
{
    const struct extract *extract = task->node->extract;
    const int64_t bad = task->rejected + more, all = task->rejected + task->rows;
    const bool by_rows = extract->max_bad_rows >= 0 && bad > extract->max_bad_rows;

    if (quarantine_check_limits(extract, bad, MAX(all - bad, 0), err) == 0)
        return 0;
    task_place_error(task,
        by_rows ? (const void *)&extract->max_bad_rows : (const void *)&extract->max_bad_share,
        by_rows ? "max_bad_rows" : "max_bad_share", err);
    return -1;
}

void rejects_check_casts(const struct task *load, int64_t casts, struct error *err)
{
    for (unsigned i = 0; i < load->node->driver_count; i++) {
        if (rejects_check_limits(&load->run->tasks[load->node->drivers[i]], casts, err))
            return;
    }
}
