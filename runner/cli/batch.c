#include "runner/cli/batch.h"

#include "runner/base/mem.h"
#include "runner/base/text.h"
#include "runner/base/time.h"
#include "runner/cli/live.h"
#include "runner/cli/print.h"
#include "runner/cli/quarantine_names.h"

#include <inttypes.h>
#include <string.h>

enum { FAILURES_SHOWN = 10 };

static void batch_step(struct batch *batch);
static void log_finished(const struct batch *batch);

size_t batch_count(const struct batch *batch, enum batch_state state)
{
    size_t count = 0;

    for (size_t i = 0; i < batch->count; i++)
        count += batch->items[i].state == state;
    return count;
}

int64_t batch_rows(const struct batch *batch)
{
    int64_t rows = 0;

    for (size_t i = 0; i < batch->count; i++)
        rows += batch->items[i].rows;
    return rows;
}

/* --- one item --- */

/* Other pipelines are looked at once, not for each window. */
static int check(const struct batch_item *item, struct error *err)
{
    const bool first = item == item->batch->items || strcmp(item[-1].pipeline, item->pipeline) != 0;

    if (graph_check_supported(item->graph, err))
        return -1;
    return first ? quarantine_names_check(item->batch->cli, item->graph, err) : 0;
}

/* Warnings are worth a line once, not for each window. */
static int load(struct batch_item *item, struct error *err)
{
    struct cli *cli = item->batch->cli;
    const struct pipeline_scope scope = {.environment = cli->project->environment,
        .run_id = item->run_id,
        .due_ms = item->due_ms,
        .params = &item->params,
        .for_run = true};
    struct diagnostics problems;
    struct buffer line;
    const char *path;
    int result = -1;

    if (project_find_pipeline(cli->project, item->pipeline, &path, err))
        return -1;
    diagnostics_init(&problems);
    item->loaded = pipeline_load(path, &scope, &problems);
    if (item->loaded)
        item->graph = graph_new(item->loaded, cli_load_sql, NULL, &problems);
    diagnostics_sort(&problems);
    if (item->graph && (result = check(item, err)) != 0) {
        graph_free(item->graph);
        item->graph = NULL;
    } else if (!item->graph) {
        const struct diagnostic *first = problems.items;

        while (first->warning)
            first++;
        buffer_init(&line, 0);
        diagnostics_format(first, &line);
        error_set(err, ERROR_INVALID, "%s", line.data);
        buffer_deinit(&line);
    }
    diagnostics_deinit(&problems);
    return result;
}

static void unload(struct batch_item *item)
{
    run_free(item->run);
    graph_free(item->graph);
    pipeline_free(item->loaded);
    item->run = NULL;
    item->graph = NULL;
    item->loaded = NULL;
}

/* Of windows those before it go on, as they commit before it. */
static void end_line(const struct batch_item *failed)
{
    struct batch *batch = failed->batch;

    batch->ended[failed->line] = true;
    for (size_t i = (size_t)(failed - batch->items) + 1; batch->grouped && i < batch->count; i++) {
        if (batch->items[i].state == BATCH_RUNNING)
            run_cancel(batch->items[i].run);
    }
}

static void fail(struct batch_item *item, const struct error *err)
{
    const bool is_busy = err->code == ERROR_BUSY && item->batch->busy_ok;

    item->err = *err;
    item->state = err->class == ERROR_CANCELLED ? BATCH_CANCELLED
                  : is_busy                     ? BATCH_NOTHING_NEW
                                                : BATCH_FAILED;
    if (err->code == ERROR_BUSY) /* a later one that is committed would hide that this one is due */
        item->batch->ended[item->line] = true;
    if (item->state == BATCH_FAILED && !item->batch->keep_going)
        end_line(item);
}

static void on_run_done(struct run *run, const struct error *err)
{
    struct batch_item *item = run_data(run);
    struct batch *batch = item->batch;
    const struct run_summary *summary = run_summary(run);

    item->rows = summary->rows;
    item->duration_ms = time_now_ms() - item->started_ms;
    item->state = summary->outcome == STATE_NOTHING_NEW ? BATCH_NOTHING_NEW : BATCH_COMMITTED;
    if (err)
        fail(item, err);
    unload(item);
    batch->running--;
    batch->busy[item->line] = false;
    batch_step(batch);
}

static void start(struct batch_item *item)
{
    struct batch *batch = item->batch;
    const struct run_options options = {.engine = batch->cli->engine,
        .graph = item->graph,
        .instance = "",
        .run_id = item->run_id,
        .due_ms = item->due_ms,
        .group = batch->grouped ? &batch->group : NULL,
        .turn = (size_t)(item - batch->items),
        .share = (unsigned)MIN(batch->parallel, batch->count),
        .data = item};

    item->run = run_new(&options, on_run_done);
    item->state = BATCH_RUNNING;
    item->started_ms = time_now_ms();
    batch->running++;
    batch->busy[item->line] = !batch->grouped;
    run_start(item->run);
}

/* --- which is next --- */

static struct batch_item *find_next(struct batch *batch)
{
    while (batch->next < batch->count && batch->items[batch->next].state != BATCH_PENDING)
        batch->next++;
    for (size_t i = batch->next; i < batch->count; i++) {
        struct batch_item *item = &batch->items[i];

        if (item->state == BATCH_PENDING && !batch->busy[item->line] && !batch->ended[item->line])
            return item;
    }
    return NULL;
}

/* The first one that has not ended commits next. */
static void pass_turn(struct batch *batch)
{
    while (batch->turn < batch->count && batch->items[batch->turn].state > BATCH_RUNNING)
        batch->turn++;
    run_group_set_turn(&batch->group, batch->turn);
}

static bool takes_new(const struct extract *extract)
{
    return extract->only_new.enabled || extract->cursor.column;
}

static bool take_the_same(const struct pipeline *a, const struct pipeline *b)
{
    const struct extract *extracts = a->extracts.items;

    for (size_t i = 0; i < a->extracts.count; i++) {
        const struct extract *other = pipeline_extract(b, extracts[i].item.name);

        if (takes_new(&extracts[i]) && other && strcmp(extracts[i].from, other->from) == 0)
            return true;
    }
    return false;
}

/* What is new to one window is not to the next: at the same time both would take it. */
static bool waits_for_running(const struct batch_item *item)
{
    const struct batch *batch = item->batch;

    for (size_t i = 0; batch->grouped && &batch->items[i] < item; i++) {
        if (batch->items[i].state == BATCH_RUNNING &&
            take_the_same(item->loaded, batch->items[i].loaded))
            return true;
    }
    return false;
}

/* --- the whole flow --- */

static void end(struct batch *batch)
{
    log_finished(batch);
    if (batch->live)
        live_end(batch->live);
    batch->live = NULL;
    loop_on_stop(&batch->cli->loop, NULL, NULL);
}

static void on_group_closed(struct run_group *group, const struct error *err)
{
    struct batch *batch = container_of(group, struct batch, group);

    error_keep_first(&batch->err, err);
    end(batch);
}

static void batch_step(struct batch *batch)
{
    struct batch_item *item;

    while (!batch->cancelled && !batch->group.err.code && batch->running < batch->parallel &&
           (item = find_next(batch)) != NULL) {
        struct error err;

        if (load(item, &err) == 0 && waits_for_running(item)) {
            unload(item);
            break;
        }
        if (item->graph) {
            start(item);
            continue;
        }
        fail(item, &err);
        unload(item);
    }
    if (batch->grouped)
        pass_turn(batch);
    if (batch->running > 0)
        return;
    if (batch->grouped)
        run_group_close(&batch->group, on_group_closed);
    else
        end(batch);
}

static void on_group_open(struct run_group *group, const struct error *err)
{
    struct batch *batch = container_of(group, struct batch, group);

    if (err) {
        if (err->code != ERROR_BUSY || batch_count(batch, BATCH_PENDING) > 0)
            batch->err = *err; /* with nothing to do, whoever is busy puts right what is left */
        end(batch);
        return;
    }
    batch->opened = true;
    batch_step(batch);
}

static void on_stop(void *data, int signal_number)
{
    struct batch *batch = data;

    (void)signal_number; /* the loop keeps it for the exit code */
    batch->cancelled = true;
    if (batch->grouped && !batch->opened)
        run_group_cancel(&batch->group);
    for (size_t i = 0; i < batch->count; i++) {
        if (batch->items[i].state == BATCH_RUNNING)
            run_cancel(batch->items[i].run);
    }
}

/* --- what is seen of it --- */

static const char *status_of(void *data)
{
    struct batch *batch = data;
    const size_t left = batch_count(batch, BATCH_PENDING) + batch->running;
    const size_t before = batch_count(batch, BATCH_DONE_BEFORE);
    const size_t done = batch->count - left, failed = batch_count(batch, BATCH_FAILED);
    const int64_t elapsed_ms = time_now_ms() - batch->started_ms;
    char time_left[TIME_TEXT_SIZE + 16] = "", text[TIME_TEXT_SIZE], failures[32] = "";

    if (done > before && left > 0)
        snprintf(time_left, sizeof(time_left), ", about %s left",
            duration_format(elapsed_ms * (int64_t)left / (int64_t)(done - before), text));
    if (failed > 0)
        snprintf(failures, sizeof(failures), ", %zu failed", failed);
    snprintf(batch->status, sizeof(batch->status), "%zu of %zu %ss%s%s", done, batch->count,
        batch->noun, failures, time_left);
    return batch->status;
}

static unsigned lines_of(void *data)
{
    const struct batch *batch = data;

    return (unsigned)batch->running;
}

/* A run in one line: what its tasks have done together. */
static void line_of(void *data, unsigned index, struct task_progress *ret_progress)
{
    const struct batch *batch = data;
    const struct batch_item *item = batch->items;
    struct task_progress progress = {.state = TASK_RUNNING, .share = -1};

    for (unsigned found = 0;; item++) {
        if (item->state == BATCH_RUNNING && found++ == index)
            break;
    }
    progress.id = item->label;
    progress.activity = run_activity(item->run);
    progress.elapsed_ms = time_now_ms() - item->started_ms;
    for (unsigned i = 0; i < run_task_count(item->run); i++) {
        struct task_progress task;

        run_task_progress(item->run, i, &task);
        progress.bytes_done += task.bytes_done;
        progress.bytes_total += task.bytes_total;
        progress.rows = MAX(progress.rows, task.rows);
    }
    *ret_progress = progress;
}

void batch_describe(const struct batch *batch, struct buffer *out)
{
    static const struct {
        enum batch_state state;
        const char *words;
    } parts[] = {
        {BATCH_COMMITTED, "committed"},
        {BATCH_NOTHING_NEW, "with nothing new"},
        {BATCH_DONE_BEFORE, "done before"},
        {BATCH_FAILED, "failed"},
        {BATCH_CANCELLED, "cancelled"},
        {BATCH_PENDING, "not run"},
    };
    char count[PRINT_COUNTED_SIZE], duration[TIME_TEXT_SIZE];
    const char *separator = ": ";

    buffer_puts(out, print_counted((int64_t)batch->count, batch->noun, count));
    for (size_t i = 0; i < ARRAY_LENGTH(parts); i++) {
        const size_t number = batch_count(batch, parts[i].state);

        if (number == 0)
            continue;
        buffer_printf(out, "%s%zu %s", separator, number, parts[i].words);
        separator = ", ";
    }
    buffer_printf(out, "; %s, in %s", print_counted(batch_rows(batch), "row", count),
        duration_format(time_now_ms() - batch->started_ms, duration));
}

static const char *outcome_name(const struct batch_item *item)
{
    static const char *const names[] = {
        [BATCH_PENDING] = "not_run",
        [BATCH_RUNNING] = "running",
        [BATCH_DONE_BEFORE] = "done_before",
        [BATCH_COMMITTED] = "succeeded",
        [BATCH_NOTHING_NEW] = "nothing_new",
        [BATCH_FAILED] = "failed",
        [BATCH_CANCELLED] = "cancelled",
    };

    if (item->err.code == ERROR_BUSY)
        return "busy";
    return item->err.code == ERROR_CHECK ? "check_failed" : names[item->state];
}

static void put_counts(const struct batch *batch, json_t *object)
{
    json_put_int(object, "count", (int64_t)batch->count);
    json_put_int(object, "committed", (int64_t)batch_count(batch, BATCH_COMMITTED));
    json_put_int(object, "nothing_new", (int64_t)batch_count(batch, BATCH_NOTHING_NEW));
    json_put_int(object, "done_before", (int64_t)batch_count(batch, BATCH_DONE_BEFORE));
    json_put_int(object, "failed", (int64_t)batch_count(batch, BATCH_FAILED));
    json_put_int(object, "cancelled", (int64_t)batch_count(batch, BATCH_CANCELLED));
    json_put_int(object, "not_run", (int64_t)batch_count(batch, BATCH_PENDING));
    json_put_int(object, "rows", batch_rows(batch));
    json_put_int(object, "duration_ms", time_now_ms() - batch->started_ms);
}

void batch_put_json(const struct batch *batch, const char *key, json_t *object)
{
    json_t *runs = json_array();

    put_counts(batch, object);
    for (size_t i = 0; i < batch->count; i++) {
        const struct batch_item *item = &batch->items[i];
        json_t *entry = json_object();

        json_put_text(entry, "pipeline", item->pipeline);
        if (key)
            json_put_text(entry, key, item->label);
        json_put_text(entry, "run_id", item->run_id);
        json_put_time(entry, "due", item->due_ms);
        json_put_text(entry, "outcome", outcome_name(item));
        json_put_int(entry, "rows", item->rows);
        json_put_int(entry, "duration_ms", item->duration_ms);
        if (item->err.code)
            json_put_text(entry, "error", item->err.message);
        json_array_append_new(runs, entry);
    }
    json_object_set_new(object, "runs", runs);
}

/* --- the end --- */

static void log_finished(const struct batch *batch)
{
    const struct log_context context = {.pipeline = batch->grouped ? batch->group.pipeline : NULL};
    const bool bad = batch_count(batch, BATCH_FAILED) > 0 || batch->err.code;
    json_t *fields = json_object();
    struct buffer text;

    buffer_init(&text, 0);
    put_counts(batch, fields);
    batch_describe(batch, &text);
    log_event(batch->cli->log, bad ? LOG_ERROR : LOG_INFO,
        batch->grouped ? "backfill.finished" : "due.finished", &context, fields, "%s", text.data);
    buffer_deinit(&text);
}

/* Of two exit codes the one that says more. */
static int worse(int a, int b)
{
    static const int order[] = {
        EXIT_OK, EXIT_BUSY, EXIT_CHECK, EXIT_USAGE, EXIT_FAILED, EXIT_INTERRUPTED, EXIT_TERMINATED};
    size_t at[2] = {0, 0};

    for (size_t i = 0; i < ARRAY_LENGTH(order); i++) {
        at[0] = order[i] == a ? i : at[0];
        at[1] = order[i] == b ? i : at[1];
    }
    return at[0] > at[1] ? a : b;
}

static int report_failures(const struct batch *batch)
{
    struct cli *cli = batch->cli;
    size_t shown = 0;
    int code = EXIT_OK;

    for (size_t i = 0; i < batch->count; i++) {
        const struct batch_item *item = &batch->items[i];
        struct error err = item->err;

        if (item->state != BATCH_FAILED)
            continue;
        if (!text_starts(err.message, item->label))
            error_prefix(&err, "%s", item->label);
        code = worse(code, shown++ < FAILURES_SHOWN ? cli_fail(cli, &err) : cli_exit_code(&err));
    }
    if (shown > FAILURES_SHOWN)
        fprintf(stderr, "sluice: … and %zu more\n", shown - FAILURES_SHOWN);
    return code;
}

static void print_summary(const struct batch *batch)
{
    const bool good =
        batch_count(batch, BATCH_FAILED) == 0 && !batch->cancelled && !batch->err.code;
    const bool color = batch->cli->err_color;
    struct buffer line;

    buffer_init(&line, 0);
    batch_describe(batch, &line);
    fprintf(stderr, "%s%s %s: %s%s\n",
        !color ? ""
        : good ? "\033[1;32m"
               : "\033[1;31m",
        good ? "✓" : "✗", batch->title, line.data, color ? "\033[0m" : "");
    buffer_deinit(&line);
}

static int end_code(struct batch *batch)
{
    int code = report_failures(batch);

    if (batch->err.code)
        code = worse(code, cli_fail(batch->cli, &batch->err));
    else if (batch->cancelled &&
             batch_count(batch, BATCH_CANCELLED) + batch_count(batch, BATCH_PENDING))
        code = worse(code, 128 + batch->cli->loop.signal_number);
    return code;
}

int batch_run(struct batch *batch)
{
    struct cli *cli = batch->cli;
    const struct live_options live = {.title = batch->title,
        .source = {.uncounted = true,
            .status = status_of,
            .count = lines_of,
            .task = line_of,
            .data = batch},
        .loop = &cli->loop,
        .log = cli->log,
        .fd = 2,
        .color = cli->err_color};
    size_t lines = 0;

    batch->started_ms = time_now_ms();
    for (size_t i = 0; i < batch->count; i++) {
        batch->items[i].batch = batch;
        lines = MAX(lines, batch->items[i].line + 1);
    }
    batch->busy = mem_calloc(lines + 1, sizeof(bool));
    batch->ended = mem_calloc(lines + 1, sizeof(bool));
    if (live_wanted(cli))
        batch->live = live_new(&live);
    loop_on_stop(&cli->loop, on_stop, batch);
    if (batch->grouped)
        run_group_open(&batch->group, on_group_open);
    else
        batch_step(batch);
    loop_run(&cli->loop);
    if (batch->grouped)
        run_group_deinit(&batch->group);
    free(batch->busy);
    free(batch->ended);
    if (live_wanted(cli))
        print_summary(batch);
    return end_code(batch);
}
