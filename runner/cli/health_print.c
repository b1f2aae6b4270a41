#include "runner/cli/health_print.h"

#include "runner/base/buffer.h"
#include "runner/base/mem.h"
#include "runner/cli/print.h"
#include "runner/cli/run_text.h"
#include "runner/engine/run_json.h"

#include <string.h>

enum health_status health_overall(const struct health *verdicts, size_t count)
{
    enum health_status worst = HEALTH_HEALTHY;

    for (size_t i = 0; i < count; i++) {
        if (verdicts[i].status == HEALTH_UNHEALTHY ||
            (verdicts[i].status == HEALTH_UNKNOWN && worst == HEALTH_HEALTHY))
            worst = verdicts[i].status;
    }
    return worst;
}

/* --- json --- */

static json_t *reasons_json(const struct health *health)
{
    json_t *list = json_array();

    for (size_t i = 0; i < health->reason_count; i++) {
        json_t *item = json_object();

        json_put_text(item, "code", health_code_name(health->reasons[i].code));
        json_put_text(item, "message", health->reasons[i].message);
        json_array_append_new(list, item);
    }
    return list;
}

static json_t *table_json(const struct health_table *table)
{
    json_t *item = json_object();

    json_put_text(item, "table", table->name);
    json_object_set_new(item, "exists", table->error ? json_null() : json_boolean(table->exists));
    json_put_int(item, "rows", table->version.rows);
    json_put_int(item, "files", table->version.files);
    json_put_int(item, "bytes", (int64_t)table->version.bytes);
    json_put_int(item, "partitions", table->version.partitions);
    run_json_put_time(item, "last_commit", table->version.last_commit_ms);
    return item;
}

static json_t *running_json(const struct health_subject *subject)
{
    const struct state_lease *lease = subject->running;
    json_t *item;

    if (!lease)
        return json_null();
    item = json_object();
    json_put_text(item, "run_id", lease->run_id);
    json_put_time(item, "started", subject->facts.started->started_ms);
    json_put_text(item, "host", lease->host);
    json_put_int(item, "process_id", lease->process_id);
    return item;
}

static json_t *run_or_null(const struct state_run *run, int64_t now_ms)
{
    return run ? run_json(run, now_ms) : json_null();
}

/* Those of the last run that did not hold. */
static json_t *checks_json(const struct health_subject *subject)
{
    json_t *list = json_array(), *task, *check;
    size_t i, j;

    json_array_foreach(json_object_get(subject->record, "tasks"), i, task)
    {
        json_array_foreach(json_object_get(task, "checks"), j, check)
        {
            const char *outcome = run_json_check_outcome(check);
            json_t *item;

            if (strcmp(outcome, "passed") == 0)
                continue;
            item = json_object();
            json_put_text(item, "check", json_get_text(check, "check"));
            json_put_text(item, "task", json_get_text(task, "task"));
            json_put_text(item, "kind", json_get_text(check, "kind"));
            json_put_text(item, "severity", json_get_text(check, "severity"));
            json_put_text(item, "outcome", outcome);
            json_put_int(item, "rows", json_get_int(check, "rows", 0));
            json_put_text(item, "message", json_get_text(check, "message"));
            json_array_append_new(list, item);
        }
    }
    return list;
}

static json_t *subject_json(const struct health_subject *subject, const struct health *health)
{
    const struct health_facts *facts = &subject->facts;
    const struct pipeline *pipeline = subject->pipeline;
    const int64_t freshness_ms = duration_ms(&facts->freshness);
    json_t *item = json_object(), *tables = json_array();

    json_put_text(item, "pipeline", subject->name);
    json_put_text(item, "path", pipeline ? pipeline->path : subject->path);
    json_put_text(item, "status", health_status_name(health->status));
    json_object_set_new(item, "reasons", reasons_json(health));
    json_object_set_new(item, "schedule", json_text(pipeline ? pipeline->schedule : NULL));
    json_object_set_new(item, "timezone", json_text(pipeline ? pipeline->timezone : NULL));
    run_json_put_time(item, "next_due", health->next_due_ms);
    run_json_put_time(item, "missed", health->missed_ms);
    json_put_int(item, "missed_count", (int64_t)health->missed_count);
    json_object_set_new(
        item, "freshness_ms", freshness_ms ? json_integer(freshness_ms) : json_null());
    json_object_set_new(item, "age_ms",
        facts->succeeded ? json_integer(facts->now_ms - facts->succeeded->finished_ms)
                         : json_null());
    json_object_set_new(item, "running", running_json(subject));
    json_object_set_new(item, "last_run", run_or_null(facts->finished, facts->now_ms));
    json_object_set_new(item, "last_success", run_or_null(facts->succeeded, facts->now_ms));
    for (size_t i = 0; i < facts->table_count; i++)
        json_array_append_new(tables, table_json(&facts->tables[i]));
    json_object_set_new(item, "tables", tables);
    json_object_set_new(item, "checks", checks_json(subject));
    return item;
}

json_t *health_to_json(
    const struct cli *cli, const struct health_report *report, const struct health *verdicts)
{
    json_t *value = json_object(), *list = json_array();

    json_put_time(value, "checked", report->now_ms);
    json_put_text(value, "environment", cli->project->environment->item.name);
    json_put_text(value, "status", health_status_name(health_overall(verdicts, report->count)));
    for (size_t i = 0; i < report->count; i++)
        json_array_append_new(list, subject_json(&report->subjects[i], &verdicts[i]));
    json_object_set_new(value, "pipelines", list);
    return value;
}

/* --- text --- */

static const char *status_style(enum health_status status)
{
    return status == HEALTH_HEALTHY     ? "\033[32m"
           : status == HEALTH_UNHEALTHY ? "\033[31m"
                                        : "\033[33m";
}

static const char *describe_run(
    const struct health_subject *subject, int64_t now_ms, struct buffer *text)
{
    const struct state_run *run = subject->facts.finished;
    char ago[TIME_TEXT_SIZE];

    buffer_clear(text);
    if (subject->running)
        buffer_printf(text, "runs, started %s",
            time_format_ago(subject->facts.started->started_ms, now_ms, ago));
    else if (run)
        buffer_printf(text, "%s %s", run_text_outcome(run->outcome),
            time_format_ago(run->finished_ms ? run->finished_ms : run->started_ms, now_ms, ago));
    else
        buffer_puts(text, subject->facts.state_error || !subject->pipeline ? "?" : "never");
    return text->data;
}

static const char *describe_freshness(
    const struct health_facts *facts, int64_t now_ms, struct buffer *text)
{
    char age[TIME_TEXT_SIZE], limit[TIME_TEXT_SIZE];

    buffer_clear(text);
    if (facts->succeeded)
        buffer_puts(text, duration_format(now_ms - facts->succeeded->finished_ms, age));
    if (duration_ms(&facts->freshness))
        buffer_printf(text, "%s of %s", facts->succeeded ? "" : "-",
            duration_format(duration_ms(&facts->freshness), limit));
    return text->data;
}

static void add_subject(struct print_table *table, const struct health_subject *subject,
    const struct health *health, int64_t now_ms)
{
    const struct state_run *run = subject->facts.finished;
    char took[TIME_TEXT_SIZE], rows[PRINT_COUNT_SIZE], due[TIME_TEXT_SIZE];
    struct buffer last, fresh;
    const char *cells[7];

    buffer_init(&last, 0);
    buffer_init(&fresh, 0);
    cells[0] = subject->name;
    cells[1] = health_status_name(health->status);
    cells[2] = describe_run(subject, now_ms, &last);
    cells[3] = run ? duration_format(run_json_duration_ms(run, now_ms), took) : NULL;
    cells[4] = run ? print_count(run->rows, rows) : NULL;
    cells[5] = health->next_due_ms ? time_format_ago(health->next_due_ms, now_ms, due) : NULL;
    cells[6] = describe_freshness(&subject->facts, now_ms, &fresh);
    print_table_row(table, cells);
    print_table_style(table, 1, status_style(health->status));
    buffer_deinit(&fresh);
    buffer_deinit(&last);
}

static void add_table(
    struct print_table *out, const struct health_table *table, const char *pipeline, int64_t now_ms)
{
    char rows[PRINT_COUNT_SIZE], size[TIME_TEXT_SIZE], partitions[PRINT_COUNT_SIZE],
        ago[TIME_TEXT_SIZE];
    const struct catalog_version *version = &table->version;
    const char *cells[6] = {table->name, pipeline};

    if (table->exists) {
        cells[2] = print_count(version->rows, rows);
        cells[3] = size_format(version->bytes, size);
        cells[4] = print_count(version->partitions, partitions);
    }
    cells[5] = table->error                           ? "?"
               : table->was_written && !table->exists ? "gone"
               : !table->exists || !version->last_commit_ms
                   ? "not yet"
                   : time_format_ago(version->last_commit_ms, now_ms, ago);
    print_table_row(out, cells);
    if (table->file_gone || (table->was_written && !table->exists))
        print_table_style(out, 0, "\033[31m");
}

static void print_reasons(
    const struct cli *cli, const struct health_report *report, const struct health *verdicts)
{
    struct buffer line;

    for (size_t i = 0; i < report->count; i++) {
        for (size_t j = 0; j < verdicts[i].reason_count; j++) {
            buffer_init(&line, 0);
            text_append_printable(&line, report->subjects[i].name);
            buffer_puts(&line, ": ");
            text_append_printable(&line, verdicts[i].reasons[j].message);
            printf("%s%s%s\n", cli->color ? status_style(verdicts[i].status) : "", line.data,
                cli_style(cli, "reset"));
            buffer_deinit(&line);
        }
    }
}

/* "birds: check costs_add_up of transform.clean warned for 3 rows" */
static bool print_checks(const struct cli *cli, const struct health_subject *subject, bool began)
{
    json_t *list = checks_json(subject), *check;
    struct buffer line;
    size_t i;

    json_array_foreach(list, i, check)
    {
        const char *outcome = json_get_text(check, "outcome");
        const int64_t rows = json_get_int(check, "rows", 0);
        char count[PRINT_COUNTED_SIZE];

        buffer_init(&line, 0);
        text_append_printable(&line, subject->name);
        buffer_puts(&line, ": check ");
        text_append_printable(&line, json_get_text(check, "check"));
        buffer_printf(&line, " of %s %s", json_get_text(check, "task"), outcome);
        if (rows > 0)
            buffer_printf(&line, "%s %s", strcmp(outcome, "quarantined") == 0 ? "" : " for",
                print_counted(rows, "row", count));
        printf("%s%s%s%s\n", began ? "" : "\n",
            cli_style(cli, strcmp(outcome, "failed") == 0 ? "red" : "yellow"), line.data,
            cli_style(cli, "reset"));
        began = true;
        buffer_deinit(&line);
    }
    json_decref(list);
    return began;
}

void health_print(
    const struct cli *cli, const struct health_report *report, const struct health *verdicts)
{
    static const char *const headers[] = {
        "PIPELINE", "STATUS", "LAST RUN", ">TOOK", ">ROWS", "NEXT DUE", "FRESHNESS", NULL};
    static const char *const table_headers[] = {
        "TABLE", "PIPELINE", ">ROWS", ">SIZE", ">PARTITIONS", "LAST COMMIT", NULL};
    struct print_table *pipelines = print_table_new(headers);
    struct print_table *tables = print_table_new(table_headers);
    const unsigned width = print_terminal_width(1);
    bool has_tables = false, has_reasons = false;

    for (size_t i = 0; i < report->count; i++) {
        const struct health_subject *subject = &report->subjects[i];

        add_subject(pipelines, subject, &verdicts[i], report->now_ms);
        has_reasons = has_reasons || verdicts[i].reason_count > 0;
        for (size_t j = 0; j < subject->facts.table_count; j++) {
            add_table(tables, &subject->facts.tables[j], subject->name, report->now_ms);
            has_tables = true;
        }
    }
    print_table_end(pipelines, stdout, width, 2, cli->color);
    if (has_reasons)
        putchar('\n');
    print_reasons(cli, report, verdicts);
    for (size_t i = 0; i < report->count; i++)
        has_reasons = print_checks(cli, &report->subjects[i], has_reasons);
    if (has_tables)
        putchar('\n');
    print_table_end(tables, has_tables ? stdout : NULL, width, 0, cli->color);
}
