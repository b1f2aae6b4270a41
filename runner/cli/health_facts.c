#include "runner/cli/health_facts.h"

#include "config/path.h"
#include "runner/base/buffer.h"
#include "runner/base/mem.h"
#include "runner/cli/due.h"
#include "runner/cli/tables.h"
#include "runner/engine/run_json.h"

#include <string.h>

enum { DELTAS_LOOKED_AT = 1000 }; /* of a table, for files that are gone: some milliseconds */

/* --- the pipeline's file --- */

static const char *first_problem(struct cli *cli, const struct diagnostics *problems)
{
    struct buffer line;
    const char *text = "it cannot be read";

    for (size_t i = 0; i < problems->count; i++) {
        if (problems->items[i].warning)
            continue;
        buffer_init(&line, 0);
        diagnostics_format(&problems->items[i], &line);
        text = arena_strdup(&cli->arena, line.data);
        buffer_deinit(&line);
        break;
    }
    return text;
}

static void read_schedule(struct cli *cli, struct health_subject *subject)
{
    struct error err = {0};
    const int result = due_schedule(subject->pipeline, &subject->cron, &subject->zone, &err);

    if (result < 0)
        subject->facts.invalid = arena_strdup(&cli->arena, err.message);
    if (result != 0)
        return;
    subject->facts.cron = &subject->cron;
    subject->facts.zone = subject->zone;
    subject->facts.catchup = subject->pipeline->catchup;
    subject->facts.pipeline = subject->pipeline->name;
}

static void read_file(struct cli *cli, struct health_subject *subject)
{
    const struct pipeline_scope scope = {.environment = cli->project->environment};
    struct diagnostics problems;

    diagnostics_init(&problems);
    subject->pipeline = pipeline_load(subject->path, &scope, &problems);
    diagnostics_sort(&problems);
    if (subject->pipeline) {
        subject->name = subject->pipeline->name;
        subject->facts.freshness = subject->pipeline->freshness;
        read_schedule(cli, subject);
    } else {
        subject->name = path_stem(&cli->arena, subject->path);
        subject->path = path_display(&cli->arena, subject->path);
        subject->facts.invalid = first_problem(cli, &problems);
    }
    subject->facts.watched_since_ms = due_watched_since(subject->path);
    diagnostics_deinit(&problems);
}

/* --- the questions --- */

static bool has_table(const struct health_subject *subject, const char *name)
{
    for (size_t i = 0; i < subject->facts.table_count; i++) {
        if (strcmp(subject->facts.tables[i].name, name) == 0)
            return true;
    }
    return false;
}

static void ask_table(struct cli *cli, struct health_target *target, const struct load *load)
{
    const struct catalog_locator at = {
        .namespace = load->into_namespace, .table = load->into_table};

    target->version.catalog = (struct catalog_query){.verb = CATALOG_GET_VERSION, .at = at};
    question_ask_catalog(cli, &target->version);
    target->files.catalog =
        (struct catalog_query){.verb = CATALOG_LIST_FILES, .at = at, .limit = DELTAS_LOOKED_AT};
    question_ask_catalog(cli, &target->files);
}

static void ask_tables(struct cli *cli, struct health_subject *subject)
{
    const struct option_items *loads = &subject->pipeline->loads;

    subject->tables = arena_array(&cli->arena, loads->count, sizeof(*subject->tables));
    subject->targets = arena_array(&cli->arena, loads->count, sizeof(*subject->targets));
    subject->facts.tables = subject->tables;
    for (size_t i = 0; i < loads->count; i++) {
        const struct load *load = (const struct load *)loads->items + i;

        if (!load->into || has_table(subject, load->into))
            continue;
        subject->tables[subject->facts.table_count].name = load->into;
        ask_table(cli, &subject->targets[subject->facts.table_count++], load);
    }
}

static void ask(struct cli *cli, struct health_subject *subject)
{
    if (!subject->pipeline)
        return;
    subject->newest.state = (struct state_request){.verb = STATE_LIST_RUNS,
        .pipeline = subject->name,
        .instance = "",
        .limit = !subject->facts.cron                    ? 1
                 : subject->facts.catchup == CATCHUP_ALL ? DUE_RUNS_ALL
                                                         : DUE_RUNS};
    question_ask_state(cli, &subject->newest);
    ask_tables(cli, subject);
}

/* --- the answers: runs --- */

static bool is_success(const struct state_run *run)
{
    return run->outcome == STATE_SUCCEEDED || run->outcome == STATE_NOTHING_NEW;
}

static struct state_run *newest_run(struct health_subject *subject)
{
    const struct question *newest = &subject->newest;

    return !newest->err.code && newest->state.count > 0 ? &newest->state.runs[0] : NULL;
}

static void keep_newer(const struct state_run **kept, const struct state_run *run)
{
    if (!*kept || run->started_ms > (*kept)->started_ms)
        *kept = run;
}

static void take_runs(const struct health_report *report, struct health_subject *subject)
{
    const struct state_request *latest = &report->latest.state;
    const struct state_run *newest = newest_run(subject);
    struct health_facts *facts = &subject->facts;

    if (newest && newest->outcome == STATE_RUNNING)
        subject->running = settle_lease(&report->settle, newest->run_id);
    facts->started = newest;
    facts->runs = newest;
    facts->run_count = newest ? subject->newest.state.count : 0;
    for (size_t i = 0; i < latest->count; i++) {
        const struct state_run *run = &latest->runs[i];

        if (strcmp(run->pipeline, subject->name) != 0 || *run->instance)
            continue;
        keep_newer(&facts->finished, run);
        if (is_success(run))
            keep_newer(&facts->succeeded, run);
    }
    if (newest && newest->outcome != STATE_RUNNING)
        keep_newer(&facts->finished, newest);
    if (newest && is_success(newest))
        keep_newer(&facts->succeeded, newest);
}

static void take_state(const struct health_report *report, struct health_subject *subject)
{
    const struct error *err = report->latest.err.code          ? &report->latest.err
                              : report->settle.leases.err.code ? &report->settle.leases.err
                                                               : &subject->newest.err;

    if (!subject->pipeline)
        return;
    if (err->code)
        subject->facts.state_error = err->message;
    else
        take_runs(report, subject);
    if (subject->facts.finished)
        subject->record = run_json_record(subject->facts.finished);
}

/* --- the answers: tables --- */

/* The catalog has answered: now the store is asked. */
static void look_at_files(struct cli *cli, struct health_subject *subject)
{
    for (size_t i = 0; i < subject->facts.table_count; i++) {
        struct health_target *target = &subject->targets[i];

        if (!target->files.err.code)
            health_files_look(cli, &target->files.catalog, &target->looks);
    }
}

static void take_tables(struct cli *cli, struct health_subject *subject)
{
    bool is_missing = false;

    for (size_t i = 0; i < subject->facts.table_count; i++) {
        const struct health_target *target = &subject->targets[i];
        struct health_table *table = &subject->tables[i];

        if (target->version.err.code && target->version.err.code != ERROR_NOT_FOUND) {
            table->error = target->version.err.message;
        } else if (target->looks.err.code && !target->looks.gone) {
            table->error = target->looks.err.message;
        } else if (!target->version.err.code && target->version.catalog.count > 0) {
            table->exists = true;
            table->version = target->version.catalog.versions[0];
            table->file_gone = target->looks.gone;
        } else {
            is_missing = true;
        }
    }
    subject->written.state =
        (struct state_request){.verb = STATE_LIST_RUNS, .pipeline = subject->name, .instance = ""};
    if (is_missing && !subject->facts.state_error)
        question_ask_state(cli, &subject->written);
}

/* Whether the record (record.c writes it) tells of rows that were committed into the table. */
static bool tells_of(const char *record, const char *table)
{
    json_t *value = record ? json_parse(record, strlen(record), NULL) : NULL, *task;
    bool found = false;
    size_t i;

    json_array_foreach(json_object_get(value, "tasks"), i, task)
    {
        found = found || (text_equal(json_get_text(task, "into"), table) &&
                             json_get_int(task, "rows", 0) > 0);
    }
    json_decref(value);
    return found;
}

static void take_written(struct health_subject *subject)
{
    const struct state_request *runs = &subject->written.state;

    for (size_t i = 0; i < subject->facts.table_count; i++) {
        struct health_table *table = &subject->tables[i];

        for (size_t j = 0; !table->exists && !table->was_written && j < runs->count; j++)
            table->was_written = runs->runs[j].outcome == STATE_SUCCEEDED &&
                                 runs->runs[j].rows > 0 &&
                                 tells_of(runs->runs[j].record, table->name);
    }
}

/* --- all of it --- */

static void settle_newest(struct cli *cli, struct health_report *report)
{
    struct state_run **runs = arena_array(&cli->arena, report->count, sizeof(struct state_run *));
    size_t count = 0;

    for (size_t i = 0; i < report->count; i++) {
        struct state_run *newest = newest_run(&report->subjects[i]);

        if (newest && newest->outcome == STATE_RUNNING)
            runs[count++] = newest;
    }
    if (count > 0)
        settle_runs(cli, &report->settle, runs, count);
}

void health_gather(
    struct cli *cli, const char *const *paths, size_t count, struct health_report *ret_report)
{
    struct health_report *report = ret_report;

    *report = (struct health_report){.now_ms = time_now_ms(), .count = count};
    report->subjects = arena_array(&cli->arena, count, sizeof(*report->subjects));
    report->latest.state = (struct state_request){.verb = STATE_LATEST_RUNS};
    question_ask_state(cli, &report->latest);
    settle_ask(cli, &report->settle);
    for (size_t i = 0; i < count; i++) {
        struct health_subject *subject = &report->subjects[i];

        subject->path = paths[i];
        subject->facts.now_ms = report->now_ms;
        read_file(cli, subject);
        ask(cli, subject);
    }
    questions_wait(cli);
    settle_newest(cli, report);
    for (size_t i = 0; i < count; i++)
        look_at_files(cli, &report->subjects[i]);
    questions_wait(cli);
    for (size_t i = 0; i < count; i++) {
        take_state(report, &report->subjects[i]);
        take_tables(cli, &report->subjects[i]);
    }
    questions_wait(cli);
    for (size_t i = 0; i < count; i++)
        take_written(&report->subjects[i]);
}

void health_report_deinit(struct health_report *report)
{
    for (size_t i = 0; i < report->count; i++) {
        struct health_subject *subject = &report->subjects[i];

        for (size_t j = 0; j < subject->facts.table_count; j++) {
            question_deinit(&subject->targets[j].version);
            question_deinit(&subject->targets[j].files);
        }
        question_deinit(&subject->newest);
        question_deinit(&subject->written);
        json_decref(subject->record);
        zone_free(subject->zone);
        pipeline_free(subject->pipeline);
    }
    settle_deinit(&report->settle);
    question_deinit(&report->latest);
}
