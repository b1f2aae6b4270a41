#include "runner/engine/quarantine.h"

#include "runner/base/buffer.h"
#include "runner/base/json.h"
#include "runner/base/mem.h"
#include "runner/base/time.h"
#include "runner/engine/check.h"
#include "runner/engine/check_sample.h"
#include "runner/engine/checking.h"
#include "runner/engine/quarantine_table.h"
#include "runner/engine/run_private.h"

#include <inttypes.h>
#include <string.h>

static void quarantine_step(struct quarantine *quarantine);

/* --- who puts rows aside, and where --- */

bool quarantine_checks(const struct option_items *checks)
{
    for (size_t i = 0; i < checks->count; i++) {
        if (((const struct check *)checks->items)[i].severity == SEVERITY_QUARANTINE)
            return true;
    }
    return false;
}

bool quarantine_has(const struct graph_node *node)
{
    switch (node->kind) {
    case TASK_EXTRACT:
        return node->extract->on_bad_row == ON_BAD_ROW_QUARANTINE;
    case TASK_TRANSFORM:
        return quarantine_checks(&node->transform->checks);
    case TASK_LOAD:
        return quarantine_checks(&node->load->checks);
    }
    return false;
}

const char *quarantine_table(
    const struct pipeline *pipeline, const struct graph_node *node, struct arena *arena)
{
    const char *dataset = node->kind == TASK_LOAD ? node->load->from : node->name;
    char *name = arena_printf(arena, "%s_%s", pipeline->name, dataset);

    for (char *at = name; *at; at++) {
        if (*at >= 'A' && *at <= 'Z')
            *at = (char)(*at - 'A' + 'a');
        else if (!((*at >= 'a' && *at <= 'z') || (*at >= '0' && *at <= '9')))
            *at = '_';
    }
    return name;
}

int quarantine_check_limits(
    const struct extract *extract, int64_t bad, int64_t good, struct error *err)
{
    if (extract->max_bad_rows >= 0 && bad > extract->max_bad_rows)
        return error_set(err, ERROR_CHECK,
            "%" PRId64 " rows are bad, more than max_bad_rows (%" PRId64 "); nothing is committed: "
            "mend them, or raise it",
            bad, extract->max_bad_rows);
    if (extract->bad_share >= 0 && (double)bad > extract->bad_share * (double)(bad + good))
        return error_set(err, ERROR_CHECK,
            "%" PRId64 " of %" PRId64 " rows are bad, more than max_bad_share (%s); nothing is "
            "committed: mend them, or raise it",
            bad, bad + good, extract->max_bad_share);
    return 0;
}

/* --- what callbacks do: record, then step --- */

static void on_request(struct sql_request *request, const struct error *err)
{
    struct quarantine *quarantine = container_of(request, struct quarantine, request);

    quarantine->running = false;
    error_keep_first(&quarantine->err, err);
    quarantine_step(quarantine);
}

static void on_put(struct load_puts *puts)
{
    struct quarantine *quarantine = container_of(puts, struct quarantine, puts);

    error_keep_first(&quarantine->err, &puts->err);
    quarantine_step(quarantine);
}

static void on_counts(struct sql_request *request, const struct sql_schema *schema,
    const char *const *cells, size_t row_count)
{
    struct quarantine *quarantine = container_of(request, struct quarantine, request);

    (void)schema;
    for (size_t i = 0; i < row_count; i++) {
        const int64_t rows = strtoll(cells[2 * i + 1], NULL, 10);

        quarantine->counts[strtoul(cells[2 * i], NULL, 10)].rows = rows;
        quarantine->task->quarantined.rows += rows;
    }
}

static void keep_sample(struct quarantine *quarantine)
{
    struct buffer text;

    if (!quarantine->sample)
        return;
    buffer_init(&text, 0);
    json_append(&text, quarantine->sample);
    quarantine->counts[quarantine->sampled].sample =
        arena_strdup(&quarantine->task->arena, text.data);
    buffer_deinit(&text);
    json_decref(quarantine->sample);
    quarantine->sample = NULL;
}

/* In the order of the checks. */
static void on_sample(struct sql_request *request, const struct sql_schema *schema,
    const char *const *cells, size_t row_count)
{
    struct quarantine *quarantine = container_of(request, struct quarantine, request);

    for (size_t i = 0; i < row_count; i++) {
        const char *const *row = cells + i * schema->count;
        const size_t check = strtoul(row[0], NULL, 10);

        if (!quarantine->sample || check != quarantine->sampled) {
            keep_sample(quarantine);
            quarantine->sample = json_array();
            quarantine->sampled = check;
        }
        json_array_append_new(quarantine->sample, check_sample_row(schema, 1, row));
    }
}

static void on_file(struct sql_request *request, const struct sql_file *file)
{
    struct quarantine *quarantine = container_of(request, struct quarantine, request);
    struct task *task = quarantine->task;

    load_puts_add(&quarantine->puts, file->path,
        &(struct task_file){.values = file->values,
            .file = {.key = quarantine_key(task->quarantined.table, file, &task->arena),
                .format = "parquet",
                .content = CATALOG_ROWS,
                .rows = file->rows,
                .bytes = file->bytes,
                .schema_id = 1}});
    quarantine_step(quarantine);
}

/* --- statements --- */

static const struct check *check_at(const struct quarantine *quarantine, size_t index)
{
    return (const struct check *)quarantine->checks->items + index;
}

static const char *name_of(const struct quarantine *quarantine, const char *what)
{
    return arena_printf(&quarantine->task->arena, "%s %s", quarantine->task->node->id, what);
}

static void start(struct quarantine *quarantine, enum sql_verb verb)
{
    struct sql_session *session = quarantine->task->run->session;

    quarantine->request.verb = verb;
    quarantine->request.arena = &quarantine->task->arena;
    quarantine->request.done = on_request;
    quarantine->running = true;
    session->type->start(session, &quarantine->request);
}

static void derive(struct quarantine *quarantine, const char *dataset, struct buffer *sql,
    bool stored, const char *numbered)
{
    struct task *task = quarantine->task;

    quarantine->request = (struct sql_request){.derive = {.dataset = dataset,
                                                   .sql = arena_strdup(&task->arena, sql->data),
                                                   .folder = stored ? task->run->folder : NULL,
                                                   .numbered = numbered}};
    buffer_deinit(sql);
    quarantine->request.derive.param_count =
        checking_params(task, &quarantine->request.derive.params);
    start(quarantine, SQL_DERIVE);
}

/* The rows of a dataset that others read, too, with numbers. */
static void start_copying(struct quarantine *quarantine)
{
    struct buffer sql;

    buffer_init(&sql, 0);
    buffer_puts(&sql, "select * from ");
    text_append_sql_name(&sql, quarantine->dataset);
    quarantine->dataset = name_of(quarantine, "rows");
    derive(quarantine, quarantine->dataset, &sql, true,
        quarantine_numbered(quarantine->checks, quarantine->dataset, &quarantine->task->arena));
}

static void append_numbered(struct buffer *sql, const struct quarantine *quarantine)
{
    text_append_sql_name(sql,
        quarantine_numbered(quarantine->checks, quarantine->dataset, &quarantine->task->arena));
}

static void append_marked(struct buffer *sql, const struct quarantine *quarantine)
{
    append_numbered(sql, quarantine);
    buffer_puts(sql, " join ");
    text_append_sql_name(sql, name_of(quarantine, "marks"));
    buffer_puts(sql, " using (__sluice_row)");
}

/* The numbers of the rows that offend a check, each with the first such check. */
static void start_marking(struct quarantine *quarantine)
{
    struct buffer sql;

    buffer_init(&sql, 0);
    buffer_puts(&sql, "select __sluice_row, __sluice_mark from (select __sluice_row, case");
    for (size_t i = 0; i < quarantine->checks->count; i++) {
        if (check_at(quarantine, i)->severity == SEVERITY_QUARANTINE)
            buffer_printf(&sql, " when %s then %zu",
                check_offends(check_at(quarantine, i), "__sluice_row", &quarantine->task->arena),
                i);
    }
    buffer_puts(&sql, " end as __sluice_mark from ");
    append_numbered(&sql, quarantine);
    buffer_puts(&sql, ") as q where __sluice_mark is not null");
    derive(quarantine, name_of(quarantine, "marks"), &sql, true, NULL);
}

static void start_counting(struct quarantine *quarantine)
{
    struct buffer sql;

    buffer_init(&sql, 0);
    buffer_puts(&sql, "select __sluice_mark, count(*) from ");
    text_append_sql_name(&sql, name_of(quarantine, "marks"));
    buffer_puts(&sql, " group by __sluice_mark order by __sluice_mark");
    quarantine->request = (struct sql_request){
        .query = {.sql = arena_strdup(&quarantine->task->arena, sql.data), .on_rows = on_counts}};
    buffer_deinit(&sql);
    start(quarantine, SQL_QUERY);
}

/* The first rows of each check. */
static void start_sampling(struct quarantine *quarantine)
{
    struct task *task = quarantine->task;
    struct buffer sql;

    buffer_init(&sql, 0);
    buffer_puts(&sql, "select __sluice_mark, ");
    check_sample_append_columns(&sql, task->run->pipeline, quarantine_rows_schema(task), NULL, "r");
    buffer_puts(&sql, " from (select *, row_number() over (partition by __sluice_mark order by "
                      "__sluice_row) as __sluice_nth from ");
    append_marked(&sql, quarantine);
    buffer_printf(&sql, ") as r where __sluice_nth <= %d order by __sluice_mark, __sluice_row",
        CHECK_SAMPLE_ROWS);
    quarantine->request = (struct sql_request){
        .query = {.sql = arena_strdup(&task->arena, sql.data), .on_rows = on_sample}};
    buffer_deinit(&sql);
    start(quarantine, SQL_QUERY);
}

/* The dataset becomes what is left of it. */
static void start_keeping(struct quarantine *quarantine)
{
    struct buffer sql;

    buffer_init(&sql, 0);
    buffer_puts(&sql, "select * exclude (__sluice_row) from ");
    append_numbered(&sql, quarantine);
    buffer_puts(&sql, " anti join ");
    text_append_sql_name(&sql, name_of(quarantine, "marks"));
    buffer_puts(&sql, " using (__sluice_row)");
    derive(quarantine, quarantine->dataset, &sql, false, NULL);
}

static void append_check_titles(struct buffer *sql, const struct quarantine *quarantine)
{
    buffer_puts(sql, "case __sluice_mark");
    for (size_t i = 0; i < quarantine->checks->count; i++) {
        if (check_at(quarantine, i)->severity != SEVERITY_QUARANTINE)
            continue;
        buffer_printf(sql, " when %zu then ", i);
        text_append_sql_literal(sql, check_at(quarantine, i)->title);
    }
    buffer_puts(sql, " end");
}

static void append_offenders(struct buffer *sql, const struct quarantine *quarantine)
{
    buffer_puts(sql, "null::varchar as source, null::varchar as source_version, null::bigint as "
                     "line, null::varchar as column_name, 'check ' || ");
    append_check_titles(sql, quarantine);
    buffer_puts(sql, " || ' failed' as reason, ");
    append_check_titles(sql, quarantine);
    buffer_puts(sql, " as check_name, null::varchar as raw, ");
    quarantine_append_row_json(sql, quarantine->task, "r");
    buffer_puts(sql, " as row_json from (select * from ");
    append_marked(sql, quarantine);
    buffer_puts(sql, " order by __sluice_row) as r");
}

/* The table's rows, as a view. Their numbers make their ids: the same rows have the same ones when
 * the run is repeated. */
static void start_selecting(struct quarantine *quarantine)
{
    const struct run *run = quarantine->task->run;
    char at[TIME_TEXT_SIZE];
    struct buffer sql;

    buffer_init(&sql, 0);
    buffer_printf(&sql,
        "select '%s/%s/' || row_number() over () as id, cast('%s' as timestamptz) as "
        "quarantined_at, '%s' as run_id, ",
        run->options.run_id, quarantine->task->node->id, time_format_rfc3339(run->started_ms, at),
        run->options.run_id);
    if (quarantine->rejects) {
        buffer_puts(&sql, "source, source_version, line, column_name, reason, null::varchar as "
                          "check_name, raw, row_json from ");
        text_append_sql_name(&sql, quarantine->rejects);
    } else {
        append_offenders(&sql, quarantine);
    }
    derive(quarantine, name_of(quarantine, "quarantine"), &sql, false, NULL);
}

static void start_writing(struct quarantine *quarantine)
{
    static const struct sql_partition partition = {
        .transform = SQL_PARTITION_DAY, .column = "quarantined_at"};
    struct task *task = quarantine->task;
    const struct run *run = task->run;

    quarantine->request = (struct sql_request){
        .write = {.dataset = name_of(quarantine, "quarantine"),
            .folder = run->folder,
            .prefix = arena_printf(&task->arena, "%s-%s-%" PRId64 "-quarantine",
                run->options.run_id, task->node->id, run->lease.fence),
            .schema = &quarantine_schema,
            .partitions = &partition,
            .partition_count = 1,
            .file_bytes = 128u << 20,
            .on_file = on_file}};
    start(quarantine, SQL_WRITE);
}

/* --- the whole flow --- */

static void log_checks(const struct quarantine *quarantine)
{
    struct task *task = quarantine->task;

    for (size_t i = 0; quarantine->counts && i < quarantine->checks->count; i++) {
        const struct check *check = check_at(quarantine, i);
        json_t *fields;

        if (quarantine->counts[i].rows == 0)
            continue;
        fields = json_object();
        json_put_text(fields, "check", check->title);
        json_put_int(fields, "rejected", quarantine->counts[i].rows);
        json_put_text(fields, "table", task->quarantined.table);
        check_sample_log(task->run->engine->environment, quarantine->counts[i].sample, fields);
        task_log(task, LOG_WARN, "rows.quarantined", fields, "%" PRId64 " rows put aside by %s",
            quarantine->counts[i].rows, check->title);
    }
}

static void finish(struct quarantine *quarantine)
{
    quarantine->step = QUARANTINE_DONE;
    if (!quarantine->err.code && quarantine->cancelled)
        error_set(&quarantine->err, ERROR_STOPPED, "cancelled");
    quarantine->done(quarantine, quarantine->err.code ? &quarantine->err : NULL);
}

/* The step after the one that ended. */
static enum quarantine_step next_step(const struct quarantine *quarantine)
{
    if (quarantine->step == QUARANTINE_COUNTING && quarantine->task->quarantined.rows == 0)
        return QUARANTINE_DONE;
    return quarantine->step + 1;
}

static void begin_step(struct quarantine *quarantine)
{
    switch (quarantine->step) {
    case QUARANTINE_COPYING:
        start_copying(quarantine);
        break;
    case QUARANTINE_MARKING:
        start_marking(quarantine);
        break;
    case QUARANTINE_COUNTING:
        start_counting(quarantine);
        break;
    case QUARANTINE_SAMPLING:
        start_sampling(quarantine);
        break;
    case QUARANTINE_KEEPING:
        start_keeping(quarantine);
        break;
    case QUARANTINE_SELECTING:
        if (quarantine->task->run->options.preview_dataset)
            finish(quarantine);
        else
            start_selecting(quarantine);
        break;
    case QUARANTINE_WRITING:
        start_writing(quarantine);
        break;
    case QUARANTINE_DONE:
        quarantine->ret_kept = quarantine->dataset;
        log_checks(quarantine);
        finish(quarantine);
        break;
    }
}

static void cancel_requests(struct quarantine *quarantine)
{
    if (quarantine->running)
        quarantine->request.session->type->cancel(&quarantine->request);
    load_puts_cancel(&quarantine->puts);
}

static void quarantine_step(struct quarantine *quarantine)
{
    const bool failed = quarantine->err.code || quarantine->cancelled;

    if (failed)
        cancel_requests(quarantine);
    else
        load_puts_step(&quarantine->puts);
    if (quarantine->running || quarantine->puts.in_flight > 0 ||
        (!failed && quarantine->puts.first))
        return;
    if (failed) {
        finish(quarantine);
        return;
    }
    keep_sample(quarantine);
    quarantine->step = next_step(quarantine);
    begin_step(quarantine);
}

void quarantine_forget(struct task *task)
{
    task->quarantined = (struct task_quarantine){
        .files = task->quarantined.files, .file_capacity = task->quarantined.file_capacity};
}

bool quarantine_start(struct quarantine *quarantine)
{
    struct task *task = quarantine->task;

    if (!quarantine->rejects && !quarantine_checks(quarantine->checks))
        return false;
    quarantine_forget(task);
    task->quarantined.table = quarantine_table(task->run->pipeline, task->node, &task->run->arena);
    if (quarantine->rejects && task->run->options.preview_dataset) {
        task->quarantined.rows = task->rejected; /* which are gone from the dataset already */
        return false;
    }
    load_puts_init(&quarantine->puts, task, on_put);
    quarantine->puts.quarantines = true;
    task->activity = "putting rows aside";
    quarantine->step = quarantine->copies ? QUARANTINE_COPYING : QUARANTINE_MARKING;
    if (quarantine->rejects) {
        quarantine->step = QUARANTINE_SELECTING;
        task->quarantined.rows = task->rejected;
    } else {
        quarantine->counts =
            arena_array(&task->arena, quarantine->checks->count, sizeof(*quarantine->counts));
    }
    begin_step(quarantine);
    return true;
}

void quarantine_cancel(struct quarantine *quarantine)
{
    if (!quarantine->task || quarantine->step == QUARANTINE_DONE)
        return;
    quarantine->cancelled = true;
    cancel_requests(quarantine);
}

void quarantine_deinit(struct quarantine *quarantine)
{
    json_decref(quarantine->sample);
    if (quarantine->puts.task)
        load_puts_deinit(&quarantine->puts);
}

const char *quarantine_numbered(
    const struct option_items *checks, const char *dataset, struct arena *arena)
{
    return quarantine_checks(checks) ? arena_printf(arena, "%s numbered", dataset) : NULL;
}
