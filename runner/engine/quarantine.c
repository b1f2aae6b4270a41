#include "runner/engine/quarantine.h"

#include "runner/base/buffer.h"
#include "runner/base/json.h"
#include "runner/base/mem.h"
#include "runner/base/time.h"
#include "runner/engine/check_sample.h"
#include "runner/engine/checking.h"
#include "runner/engine/quarantine_sample.h"
#include "runner/engine/quarantine_table.h"
#include "runner/engine/run_private.h"

#include <inttypes.h>
#include <string.h>

static void quarantine_step(struct quarantine *quarantine);

/* --- who puts rows aside, and where --- */

bool quarantine_retries(const struct task *task)
{
    const struct run_retry *retry = task->run->options.retry;

    return retry && task->node->kind == TASK_EXTRACT &&
           strcmp(task->node->name, retry->extract) == 0;
}

bool quarantine_has(const struct graph_node *node)
{
    switch (node->kind) {
    case TASK_EXTRACT:
        return node->extract->on_bad_row == ON_BAD_ROW_QUARANTINE;
    case TASK_TRANSFORM:
        return quarantine_checks(&node->transform->checks);
    case TASK_LOAD:
        return node->casts_aside || quarantine_checks(&node->load->checks);
    }
    return false;
}

const char *quarantine_table(
    const struct pipeline *pipeline, const struct graph_node *node, struct arena *arena)
{
    return quarantine_table_of(
        pipeline->name, node->kind == TASK_LOAD ? node->load->from : node->name, arena);
}

const char *quarantine_table_of(const char *pipeline, const char *dataset, struct arena *arena)
{
    char *name = arena_printf(arena, "%s_%s", pipeline, dataset);

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
    if (!err && quarantine->step == QUARANTINE_WRITING &&
        request->write.ret_rows != quarantine->task->quarantined.rows)
        error_set(&quarantine->err, ERROR_INTERNAL,
            "%" PRId64 " of %" PRId64 " bad rows were written; nothing is committed",
            request->write.ret_rows, quarantine->task->quarantined.rows);
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

        const size_t mark = strtoul(cells[2 * i], NULL, 10);

        quarantine->counts[mark].rows = rows;
        quarantine->ret_casts += mark < quarantine->checks->count ? 0 : rows;
        quarantine->task->quarantined.rows += rows;
    }
}

static void on_found(struct sql_request *request, const struct sql_schema *schema,
    const char *const *cells, size_t row_count)
{
    struct quarantine *quarantine = container_of(request, struct quarantine, request);

    (void)schema;
    (void)cells;
    quarantine->found = quarantine->found || row_count > 0;
}

static void on_file(struct sql_request *request, const struct sql_file *file)
{
    struct quarantine *quarantine = container_of(request, struct quarantine, request);
    struct task *task = quarantine->task;

    load_puts_add(&quarantine->puts, file->path,
        &(struct task_file){.values = file->values,
            .file = {.key = quarantine_key(task->quarantined.table, file, &task->arena),
                .format = "parquet",
                .content = quarantine->step == QUARANTINE_DELETING ? CATALOG_DELETES : CATALOG_ROWS,
                .rows = file->rows,
                .bytes = file->bytes,
                .schema_id = 1}});
    quarantine_step(quarantine);
}

/* --- statements --- */

static const char *name_of(const struct quarantine *quarantine, const char *what)
{
    return arena_printf(&quarantine->task->arena, "%s %s", quarantine->task->node->id, what);
}

static const char *numbered_name(const char *dataset, struct arena *arena)
{
    return arena_printf(arena, "%s numbered", dataset);
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

/* --- rows that are tried again --- */

#define RETRIED "__sluice_retried"

static void start_opening(struct quarantine *quarantine)
{
    quarantine->retried = quarantine->task->run->options.retry->rows;
    quarantine->retried.name = RETRIED;
    quarantine->request = (struct sql_request){.open = {.dataset = &quarantine->retried}};
    start(quarantine, SQL_OPEN);
}

/* What is bad again keeps what it was. */
static void append_again(struct buffer *sql, const struct quarantine *quarantine)
{
    buffer_puts(sql,
        "select o.id, o.quarantined_at, o.run_id, o.source, o.source_version, o.line, "
        "r.column_name, r.reason, null::varchar as check_name, o.raw, o.row_json from ");
    text_append_sql_name(sql, quarantine->rejects);
    buffer_puts(sql, " as r join " RETRIED " as o on o.number = r.line order by o.number");
}

static bool is_own(const struct quarantine *quarantine)
{
    return quarantine_retries(quarantine->task) && quarantine->task->run->options.retry->own;
}

static void start_taking(struct quarantine *quarantine)
{
    struct buffer sql;

    buffer_init(&sql, 0);
    buffer_puts(&sql, "select id, quarantined_at from " RETRIED);
    if (quarantine->rejects && is_own(quarantine)) {
        buffer_puts(&sql, " where number not in (select line from ");
        text_append_sql_name(&sql, quarantine->rejects);
        buffer_putc(&sql, ')');
    }
    derive(quarantine, name_of(quarantine, "taken"), &sql, false, NULL);
}

/* --- rows of checks and of loads --- */

/* Most often all rows fit, which is cheaper to see than to copy them. */
static void start_looking(struct quarantine *quarantine)
{
    struct arena *arena = &quarantine->task->arena;
    struct buffer sql;

    buffer_init(&sql, 0);
    buffer_puts(&sql, "select 1 from ");
    text_append_sql_name(&sql, quarantine->dataset);
    buffer_puts(&sql, " where ");
    quarantine_marks_append_misfits(&quarantine->marks, &sql);
    buffer_puts(&sql, " limit 1");
    quarantine->request =
        (struct sql_request){.query = {.sql = arena_strdup(arena, sql.data), .on_rows = on_found}};
    buffer_deinit(&sql);
    quarantine->request.query.param_count =
        checking_params(quarantine->task, &quarantine->request.query.params);
    start(quarantine, SQL_QUERY);
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
        numbered_name(quarantine->dataset, &quarantine->task->arena));
}

static void append_numbered(struct buffer *sql, const struct quarantine *quarantine)
{
    text_append_sql_name(sql, numbered_name(quarantine->dataset, &quarantine->task->arena));
}

static void append_marked(struct buffer *sql, const struct quarantine *quarantine)
{
    append_numbered(sql, quarantine);
    buffer_puts(sql, " join ");
    text_append_sql_name(sql, name_of(quarantine, "marks"));
    buffer_puts(sql, " using (__sluice_row)");
}

/* The numbers of the rows that go, each with why. */
static void start_marking(struct quarantine *quarantine)
{
    struct buffer sql;

    buffer_init(&sql, 0);
    buffer_puts(&sql, "select __sluice_row, __sluice_mark from (select __sluice_row, ");
    quarantine_marks_append_mark(&quarantine->marks, &sql, &quarantine->task->arena);
    buffer_puts(&sql, " as __sluice_mark from ");
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

static void start_sampling(struct quarantine *quarantine)
{
    struct buffer marked;

    buffer_init(&marked, 0);
    append_marked(&marked, quarantine);
    quarantine_sample_ask(quarantine, marked.data);
    buffer_deinit(&marked);
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

static void append_offenders(struct buffer *sql, const struct quarantine *quarantine)
{
    quarantine_append_origin(sql, quarantine->task, "r");
    quarantine_marks_append_why(&quarantine->marks, "r", sql);
    buffer_puts(sql, ", null::varchar as raw, ");
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
    if (is_own(quarantine)) {
        append_again(&sql, quarantine);
        derive(quarantine, name_of(quarantine, "quarantine"), &sql, false, NULL);
        return;
    }
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

static void start_writing(struct quarantine *quarantine, const char *what, const char *suffix,
    const struct sql_schema *schema)
{
    static const struct sql_partition partition = {
        .transform = SQL_PARTITION_DAY, .column = "quarantined_at"};
    struct task *task = quarantine->task;
    const struct run *run = task->run;

    quarantine->request = (struct sql_request){
        .write = {.dataset = name_of(quarantine, what),
            .folder = run->folder,
            .prefix = arena_printf(&task->arena, "%s-%s-%" PRId64 "%s-%s", run->options.run_id,
                task->node->id, run->lease.fence, run->widened ? "-again" : "", suffix),
            .schema = schema,
            .partitions = &partition,
            .partition_count = 1,
            .file_bytes = 128u << 20,
            .on_file = on_file}};
    start(quarantine, SQL_WRITE);
}

/* --- the whole flow --- */

static void log_marks(const struct quarantine *quarantine)
{
    struct task *task = quarantine->task;
    const struct check *checks = quarantine->checks->items;

    for (size_t i = 0; i < quarantine_marks_count(&quarantine->marks); i++) {
        const bool is_check = i < quarantine->checks->count;
        const char *what = is_check ? checks[i].title
                                    : quarantine->marks.casts[i - quarantine->checks->count].column;
        json_t *fields;

        if (quarantine->counts[i].rows == 0)
            continue;
        fields = json_object();
        json_put_text(fields, is_check ? "check" : "column", what);
        json_put_int(fields, "rejected", quarantine->counts[i].rows);
        json_put_text(fields, "table", task->quarantined.table);
        check_sample_log(task->run->engine->environment, quarantine->counts[i].sample, fields);
        task_log(task, LOG_WARN, "rows.quarantined", fields, "%" PRId64 " rows put aside%s%s%s",
            quarantine->counts[i].rows, is_check ? " by " : ": column ", what,
            is_check ? "" : " does not fit its table");
    }
}

static void finish(struct quarantine *quarantine)
{
    quarantine->step = QUARANTINE_DONE;
    if (!quarantine->err.code && quarantine->cancelled)
        error_set(&quarantine->err, ERROR_STOPPED, "cancelled");
    quarantine->done(quarantine, quarantine->err.code ? &quarantine->err : NULL);
}

/* Where all of a table is tried again, the commit empties it. */
static bool takes_out(const struct quarantine *quarantine)
{
    return quarantine_retries(quarantine->task) && !quarantine->task->run->options.retry->all;
}

/* The step after the one that ended. */
static enum quarantine_step next_step(const struct quarantine *quarantine)
{
    switch (quarantine->step) {
    case QUARANTINE_OPENING:
        if (quarantine->rejects)
            return QUARANTINE_SELECTING;
        return takes_out(quarantine) ? QUARANTINE_TAKING : QUARANTINE_DONE;
    case QUARANTINE_LOOKING:
        return quarantine->found ? QUARANTINE_COPYING : QUARANTINE_DONE;
    case QUARANTINE_COUNTING:
        return quarantine->task->quarantined.rows ? QUARANTINE_SAMPLING : QUARANTINE_DONE;
    case QUARANTINE_WRITING:
        return takes_out(quarantine) ? QUARANTINE_TAKING : QUARANTINE_DONE;
    default:
        return quarantine->step + 1;
    }
}

static void begin_step(struct quarantine *quarantine)
{
    switch (quarantine->step) {
    case QUARANTINE_OPENING:
        start_opening(quarantine);
        break;
    case QUARANTINE_LOOKING:
        start_looking(quarantine);
        break;
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
        start_writing(quarantine, "quarantine", "quarantine", &quarantine_schema);
        break;
    case QUARANTINE_TAKING:
        start_taking(quarantine);
        break;
    case QUARANTINE_DELETING:
        start_writing(quarantine, "taken", "deletes", &quarantine_entry_schema);
        break;
    case QUARANTINE_DONE:
        quarantine->ret_kept = quarantine->dataset;
        if (quarantine->counts)
            log_marks(quarantine);
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
    quarantine_sample_keep(quarantine);
    quarantine->step = next_step(quarantine);
    begin_step(quarantine);
}

void quarantine_forget(struct task *task)
{
    task->quarantined = (struct task_quarantine){
        .files = task->quarantined.files, .file_capacity = task->quarantined.file_capacity};
}

static enum quarantine_step first_step(const struct quarantine *quarantine)
{
    if (quarantine_retries(quarantine->task))
        return QUARANTINE_OPENING;
    if (quarantine->rejects)
        return QUARANTINE_SELECTING;
    if (!quarantine->copies)
        return QUARANTINE_MARKING;
    return quarantine_checks(quarantine->checks) ? QUARANTINE_COPYING : QUARANTINE_LOOKING;
}

bool quarantine_start(struct quarantine *quarantine)
{
    static const struct option_items none = {0};
    struct task *task = quarantine->task;
    struct quarantine_marks *marks = &quarantine->marks;

    if (!quarantine->checks)
        quarantine->checks = &none;
    marks->checks = quarantine->checks;
    if (quarantine->table)
        quarantine_marks_add_casts(marks, task->run->session->type, task->run->pipeline,
            quarantine->rows, quarantine->table, &task->arena);
    if (!quarantine->rejects && !quarantine_retries(task) && marks->cast_count == 0 &&
        !quarantine_checks(quarantine->checks))
        return false;
    quarantine_forget(task);
    task->quarantined.table = quarantine_retries(task) ? task->run->options.retry->table
                                                       : quarantine_table(task->run->pipeline,
                                                             task->node, &task->run->arena);
    if (quarantine->rejects && task->run->options.preview_dataset) {
        task->quarantined.rows = task->rejected; /* which are gone from the dataset already */
        return false;
    }
    load_puts_init(&quarantine->puts, task, on_put);
    quarantine->puts.quarantines = true;
    task->activity = "putting rows aside";
    if (quarantine->rejects)
        task->quarantined.rows = task->rejected;
    else
        quarantine->counts =
            arena_array(&task->arena, quarantine_marks_count(marks), sizeof(*quarantine->counts));
    quarantine->step = first_step(quarantine);
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
    return quarantine_checks(checks) ? numbered_name(dataset, arena) : NULL;
}
