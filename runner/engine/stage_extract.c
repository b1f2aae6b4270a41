/* Extract: objects are fetched into the run's folder; compressed ones are unpacked there, which
 * reads them to their very end and lets the SQL engine read them on several threads; all are
 * scanned once into a typed dataset; at last it is made sure that none changed while it was read.
 */
#include "runner/base/mem.h"
#include "runner/base/time.h"
#include "runner/engine/rejects.h"
#include "runner/engine/run_private.h"
#include "runner/engine/stage_extract_private.h"
#include "runner/io/file.h"
#include "runner/io/verify.h"

#include <assert.h>
#include <string.h>

/* --- what callbacks do: record, then step --- */

static void keep_fetch_error(const struct extract_object *object, const struct error *err)
{
    struct extract_stage *stage = object->stage;
    struct error placed = err ? *err : (struct error){0};
    char quota[TIME_TEXT_SIZE];

    if (placed.code == ERROR_LIMIT)
        error_set(&placed, ERROR_LIMIT,
            "%s is larger than what is left of resources.spool (%s): raise it, or read less in one "
            "run",
            object->planned->shown,
            size_format(stage->task->run->pipeline->resources.spool, quota));
    error_keep_first(&stage->err, &placed);
}

static void on_fetched(struct store_request *get, const struct error *err)
{
    struct extract_object *object = container_of(get, struct extract_object, get);
    struct extract_stage *stage = object->stage;
    struct slots *slots = &stage->task->run->slots;

    stage->in_flight--;
    keep_fetch_error(object, err);
    if (!err) {
        extract_keep_fetched(object);
        extract_start_summing(object);
    }
    extract_step(stage); /* may end the stage */
    slots_give(slots);   /* last: the next one in line may be this very stage */
}

static void on_unpacked(struct work *work, bool ran)
{
    struct extract_object *object = container_of(work, struct extract_object, unpack);
    struct extract_stage *stage = object->stage;

    stage->in_flight--;
    if (!ran)
        error_set(&object->unpack_err, ERROR_STOPPED, "cancelled");
    error_keep_first(&stage->err, &object->unpack_err);
    extract_step(stage);
}

static void on_removed(struct work *work, bool ran)
{
    struct extract_object *object = container_of(work, struct extract_object, unpack);

    (void)ran; /* what stays goes with the run's folder */
    object->stage->in_flight--;
    extract_step(object->stage);
}

static void on_scanned(struct sql_request *scan, const struct error *err)
{
    struct extract_stage *stage = container_of(scan, struct extract_stage, scan);

    stage->in_flight--;
    stage->scan_running = false;
    error_keep_first(&stage->scan_err, err);
    extract_step(stage);
}

static void on_cursor(struct cursoring *cursoring, const struct error *err)
{
    struct extract_stage *stage = container_of(cursoring, struct extract_stage, cursoring);

    stage->in_flight--;
    error_keep_first(&stage->scan_err, err);
    extract_step(stage);
}

static void on_checked(struct store_request *check, const struct error *err)
{
    struct extract_object *object = container_of(check, struct extract_object, check);
    struct extract_stage *stage = object->stage;
    struct slots *slots = &stage->task->run->slots;

    stage->in_flight--;
    error_keep_first(&stage->err, err);
    extract_step(stage);
    slots_give(slots); /* last, as above */
}

static void on_slot(struct slot_waiter *waiter)
{
    extract_step(container_of(waiter, struct extract_stage, waiter));
}

/* --- jobs, on a thread --- */

static void unpack_object(struct work *work)
{
    struct extract_object *object = container_of(work, struct extract_object, unpack);
    const uint64_t quota = object->stage->task->run->pipeline->resources.spool;

    char size[TIME_TEXT_SIZE];

    if (verify_unpack(object->path, object->format, object->plain_path, quota, &object->plain_bytes,
            &object->unpacked_bytes, &work->cancelled, &object->unpack_err) == 0 ||
        object->unpack_err.class == ERROR_CANCELLED)
        return;
    if (object->unpack_err.code == ERROR_LIMIT)
        error_set(&object->unpack_err, ERROR_LIMIT,
            "it unpacks to more than resources.spool (%s): raise it", size_format(quota, size));
    error_prefix(&object->unpack_err, "%s", object->planned->shown);
}

static void remove_copies(struct work *work)
{
    struct extract_object *object = container_of(work, struct extract_object, unpack);

    if (object->plain_path)
        file_remove(object->plain_path, NULL);
    if (!object->kept)
        file_remove(object->path, NULL);
}

static void on_quarantined(struct quarantine *quarantine, const struct error *err)
{
    struct extract_stage *stage = container_of(quarantine, struct extract_stage, quarantine);

    stage->in_flight--;
    error_keep_first(&stage->err, err);
    extract_step(stage);
}

/* --- what states do on entry --- */

/* Of the run's disk quota, for one object. */
static uint64_t room_left(const struct extract_stage *stage)
{
    const struct run *run = stage->task->run;
    const uint64_t taken = run->spool_bytes + stage->fetching;

    return run->pipeline->resources.spool > taken ? run->pipeline->resources.spool - taken : 1;
}

/* Keeps transfers in flight while the run has free slots. */
static void fetch_objects(struct extract_stage *stage)
{
    struct slots *slots = &stage->task->run->slots;
    struct store *store = stage->task->plan->extract.store;

    while (stage->next < stage->count && !stage->err.code) {
        struct extract_object *object = &stage->objects[stage->next];

        if (object->resumed) {
            stage->next++;
            continue;
        }
        if (!slots_take(slots, &stage->waiter))
            return;
        stage->next++;
        stage->in_flight++;
        object->get = (struct store_request){.verb = STORE_GET,
            .key = object->planned->object.key,
            .path = object->path,
            .expect = &object->planned->object,
            .in_place = true,
            .bytes_max = room_left(stage),
            .done = on_fetched};
        stage->fetching += object->planned->object.size;
        store->type->start(store, &object->get);
    }
}

static enum file_compression compression_of(const struct extract_stage *stage, const char *key)
{
    const int declared = stage->task->node->extract->compression;

    return declared == COMPRESSION_AUTO ? dialect_compression_of(key)
                                        : (enum file_compression)declared;
}

static enum file_format format_of(const struct extract_stage *stage)
{
    const struct extract *extract = stage->task->node->extract;

    return extract->format == FORMAT_AUTO ? dialect_format_of(extract->from)
                                          : (enum file_format)extract->format;
}

static void start_unpacking(struct extract_stage *stage)
{
    static const enum verify_format formats[] = {
        [COMPRESSION_AUTO] = VERIFY_NONE,
        [COMPRESSION_NONE] = VERIFY_NONE,
        [COMPRESSION_GZIP] = VERIFY_GZIP,
        [COMPRESSION_ZSTD] = VERIFY_ZSTD,
    };

    for (size_t i = 0; i < stage->count; i++) {
        struct extract_object *object = &stage->objects[i];

        object->format = formats[compression_of(stage, object->planned->object.key)];
        if (object->format == VERIFY_NONE)
            continue;
        object->plain_path = arena_printf(&stage->task->arena, "%s-plain", object->path);
        object->unpack = (struct work){.run = unpack_object, .done = on_unpacked};
        stage->in_flight++;
        work_submit(&stage->task->run->engine->files, &object->unpack);
    }
}

static void start_scan(struct extract_stage *stage)
{
    struct task *task = stage->task;
    const struct extract *extract = task->node->extract;
    struct run *run = task->run;
    struct sql_scan *scan = &stage->scan.scan;

    stage->sources = arena_array(&task->arena, stage->count, sizeof(*stage->sources));
    for (size_t i = 0; i < stage->count; i++) {
        const struct extract_object *object = &stage->objects[i];

        stage->sources[i] =
            (struct sql_source){.path = object->plain_path ? object->plain_path : object->path,
                .object = object->planned->shown,
                .version = object->planned->object.version,
                .source = object->planned->source,
                .compression = COMPRESSION_NONE};
    }
    stage->contract = arena_array(&task->arena, extract->columns.count, sizeof(*stage->contract));
    for (size_t i = 0; i < extract->columns.count; i++)
        stage->contract[i] = (struct sql_column){
            .name = extract->columns.items[i].name, .type = extract->columns.items[i].value};
    stage->scan = (struct sql_request){.verb = SQL_SCAN, .arena = &task->arena, .done = on_scanned};
    *scan = (struct sql_scan){.dataset = cursoring_dataset(task),
        .folder = task->run->folder,
        .sources = stage->sources,
        .source_count = stage->count,
        .format = format_of(stage),
        .csv = extract->csv,
        .contract = stage->contract,
        .contract_count = extract->columns.count,
        .skip_bad_rows = extract->on_bad_row != ON_BAD_ROW_FAIL,
        .rejects = extract->on_bad_row == ON_BAD_ROW_QUARANTINE
                       ? arena_printf(&task->arena, "%s rejects", task->node->name)
                       : NULL,
        .mask = extract->mask,
        .timezone = extract->timezone,
        .schema_only = task->plan->extract.object_count == 0,
        .run_id = extract->metadata ? run->options.run_id : NULL};
    stage->in_flight++;
    stage->scan_running = true;
    run->session->type->start(run->session, &stage->scan);
}

static void start_cursor(struct extract_stage *stage)
{
    struct task *task = stage->task;
    struct error err = {0};

    if (!task->node->extract->cursor.column || stage->scan_err.code)
        return;
    if (cursoring_start(&stage->cursoring, task, &stage->scan.scan.ret_dataset, on_cursor, &err) ==
        0) {
        stage->in_flight++;
        return;
    }
    task_place_error(task, &task->node->extract->cursor.column, "cursor", &err);
    error_keep_first(&stage->err, &err);
}

static void start_removing(struct extract_object *object)
{
    object->stage->in_flight++;
    object->unpack = (struct work){.run = remove_copies, .done = on_removed};
    work_submit(&object->stage->task->run->engine->files, &object->unpack);
}

static void start_checking(struct extract_object *object)
{
    struct store *store = object->stage->task->plan->extract.store;

    object->stage->in_flight++;
    object->check = (struct store_request){.verb = STORE_CHECK,
        .key = object->planned->object.key,
        .expect = &object->planned->object,
        .done = on_checked};
    store->type->start(store, &object->check);
}

/* What was read where it is may have changed meanwhile; as many are asked at a time as are fetched.
 * Copies are not needed any more. */
static void check_objects(struct extract_stage *stage)
{
    struct slots *slots = &stage->task->run->slots;

    while (stage->next_check < stage->count && !stage->err.code) {
        struct extract_object *object = &stage->objects[stage->next_check];

        if (object->get.in_place && !slots_take(slots, &stage->waiter))
            return;
        stage->next_check++;
        if (object->get.in_place)
            start_checking(object);
        if (!object->get.in_place || object->plain_path)
            start_removing(object);
    }
}

/* Bad rows beyond the limits stop the run; the others go into their table. */
static void start_quarantine(struct extract_stage *stage)
{
    const struct sql_scan *scan = &stage->scan.scan;

    stage->task->rejected = scan->ret_rejected;
    stage->task->rows = scan->ret_dataset.rows;
    if (rejects_check_limits(stage->task, 0, &stage->err) ||
        (!scan->ret_rejected_rows.name && !quarantine_retries(stage->task)))
        return;
    stage->quarantine = (struct quarantine){
        .task = stage->task, .done = on_quarantined, .rejects = scan->ret_rejected_rows.name};
    if (quarantine_start(&stage->quarantine))
        stage->in_flight++;
}

static void enter_step(struct extract_stage *stage, enum extract_step step)
{
    static const char *const activities[] = {"resuming", "fetching", "unpacking", "reading",
        "comparing", "verifying", "putting rows aside", ""};

    stage->step = step;
    stage->task->activity = activities[step];
    if (step == EXTRACT_RESUMING) {
        extract_start_resuming(stage);
        if (stage->in_flight == 0)
            enter_step(stage, EXTRACT_FETCHING);
    } else if (step == EXTRACT_FETCHING) {
        fetch_objects(stage);
        if (stage->in_flight == 0 && stage->next == stage->count)
            enter_step(stage, EXTRACT_UNPACKING); /* all of it was there */
    } else if (step == EXTRACT_UNPACKING) {
        start_unpacking(stage);
        if (stage->in_flight == 0)
            enter_step(stage, EXTRACT_SCANNING);
    } else if (step == EXTRACT_SCANNING) {
        start_scan(stage);
    } else if (step == EXTRACT_CURSOR) {
        start_cursor(stage);
        if (stage->in_flight == 0)
            enter_step(stage, stage->err.code ? EXTRACT_DONE : EXTRACT_CHECKING);
    } else if (step == EXTRACT_CHECKING) {
        check_objects(stage);
    } else if (step == EXTRACT_QUARANTINING && !stage->scan_err.code) {
        start_quarantine(stage);
    }
}

/* --- the end --- */

static void keep_results(struct extract_stage *stage)
{
    struct task *task = stage->task;
    const struct sql_scan *scan = &stage->scan.scan;

    extract_list_inputs(stage);
    task->dataset =
        task->node->extract->cursor.column ? stage->cursoring.ret_dataset : scan->ret_dataset;
    task->cursor = stage->cursoring.ret_value;
    task->rows = task->dataset.rows;
    task->rejected = scan->ret_rejected;
    task->rejects = scan->ret_rejects;
    task->reject_count = scan->ret_reject_count;
    task->objects = (int64_t)task->plan->extract.object_count;
    rejects_log(task);
}

static void finish(struct extract_stage *stage)
{
    struct task *task = stage->task;
    struct error err = stage->err;

    error_keep_first(&err, &stage->scan_err);
    if (!err.code && !stage->cancelled)
        keep_results(stage);
    else if (!err.code)
        error_set(&err, ERROR_STOPPED, "cancelled");
    if (err.code && err.code != ERROR_CHECK)
        task_place_error(task, &task->node->extract->from, "", &err);
    task_attempt_done(task, err.code ? &err : NULL);
}

/* --- the whole flow --- */

/* Once: nothing is started behind it, and going through all objects again for each one that ends
 * would take their number squared. */
static void cancel_requests(struct extract_stage *stage)
{
    if (stage->stopping)
        return;
    stage->stopping = true;
    slots_forget(&stage->task->run->slots, &stage->waiter);
    for (size_t i = 0; i < stage->count; i++) {
        struct extract_object *object = &stage->objects[i];

        if (object->get.store)
            object->get.store->type->cancel(&object->get);
        work_cancel(&object->unpack);
        work_cancel(&object->sum);
        if (object->check.store)
            object->check.store->type->cancel(&object->check);
    }
    if (stage->resuming)
        work_cancel(&stage->resume);
    if (stage->scan_running)
        stage->scan.session->type->cancel(&stage->scan);
    cursoring_cancel(&stage->cursoring);
    quarantine_cancel(&stage->quarantine);
}

/* Whether objects wait for a slot. */
static bool has_more(const struct extract_stage *stage)
{
    return (stage->step != EXTRACT_RESUMING && stage->next < stage->count) ||
           (stage->step == EXTRACT_CHECKING && stage->next_check < stage->count);
}

void extract_step(struct extract_stage *stage)
{
    const bool failed = stage->err.code || stage->cancelled;

    if (stage->step == EXTRACT_FETCHING && !failed)
        fetch_objects(stage);
    if (stage->step == EXTRACT_CHECKING && !failed)
        check_objects(stage);
    if (failed)
        cancel_requests(stage);
    if (stage->in_flight > 0 || (!failed && has_more(stage)))
        return;
    switch (stage->step) {
    case EXTRACT_RESUMING:
        enter_step(stage, failed ? EXTRACT_DONE : EXTRACT_FETCHING);
        break;
    case EXTRACT_FETCHING:
        enter_step(stage, failed ? EXTRACT_DONE : EXTRACT_UNPACKING);
        break;
    case EXTRACT_UNPACKING:
        enter_step(stage, failed ? EXTRACT_DONE : EXTRACT_SCANNING);
        break;
    case EXTRACT_SCANNING:
        enter_step(stage, failed ? EXTRACT_DONE : EXTRACT_CURSOR);
        if (stage->step == EXTRACT_CHECKING && stage->count == 0)
            enter_step(stage, EXTRACT_DONE);
        break;
    case EXTRACT_CURSOR:
        /* Also after a scan that failed: an object that changed is the better reason. */
        enter_step(stage, failed ? EXTRACT_DONE : EXTRACT_CHECKING);
        if (stage->step == EXTRACT_CHECKING && stage->count == 0)
            enter_step(stage, EXTRACT_DONE);
        break;
    case EXTRACT_CHECKING:
        enter_step(stage, failed ? EXTRACT_DONE : EXTRACT_QUARANTINING);
        if (stage->step == EXTRACT_QUARANTINING && stage->in_flight == 0)
            enter_step(stage, EXTRACT_DONE);
        break;
    case EXTRACT_QUARANTINING:
        enter_step(stage, EXTRACT_DONE);
        break;
    case EXTRACT_DONE:
        assert(!"nothing is under way in this state");
    }
    if (stage->step == EXTRACT_DONE)
        finish(stage);
}

static void prepare_objects(struct extract_stage *stage)
{
    struct task *task = stage->task;
    const struct plan_extract *plan = &task->plan->extract;
    const struct plan_object *planned = plan->objects;

    stage->count = plan->object_count;
    if (plan->object_count == 0 && plan->sample) {
        stage->sample.object = *plan->sample;
        stage->sample.shown = plan->sample->key;
        planned = &stage->sample;
        stage->count = 1;
    }
    stage->objects = mem_calloc(stage->count, sizeof(*stage->objects));
    for (size_t i = 0; i < stage->count; i++) {
        stage->objects[i].stage = stage;
        stage->objects[i].planned = &planned[i];
        stage->objects[i].path =
            arena_printf(&task->arena, "%s/%s-in-%zu", task->run->folder, task->node->name, i);
    }
}

static void extract_start(struct task *task)
{
    struct extract_stage *stage = mem_new(struct extract_stage);

    stage->task = task;
    stage->waiter.granted = on_slot;
    task->operation = stage;
    task->bytes_read = 0;
    quarantine_forget(task);
    prepare_objects(stage);
    enter_step(stage, stage->count > 0 ? EXTRACT_RESUMING : EXTRACT_SCANNING);
}

static void extract_cancel(struct task *task)
{
    struct extract_stage *stage = task->operation;

    if (stage->cancelled || stage->step == EXTRACT_DONE)
        return;
    stage->cancelled = true;
    if (stage->in_flight > 0)
        cancel_requests(stage);
    /* else it waits in line for a slot, and ends when its turn comes */
}

static void extract_progress(const struct task *task, struct task_progress *progress)
{
    const struct extract_stage *stage = task->operation;
    uint64_t done = 0;

    for (size_t i = 0; i < stage->next; i++)
        done += stage->objects[i].get.bytes_done;
    progress->bytes_done = done;
    progress->bytes_total = task->plan->extract.bytes;
    if (stage->scan_running) {
        struct sql_progress sql = {0};

        stage->scan.session->type->progress((struct sql_request *)&stage->scan, &sql);
        progress->share = MAX(sql.share, 0); /* it may wait for a connection */
        progress->rows = sql.rows;
    }
}

static void extract_free(struct task *task)
{
    struct extract_stage *stage = task->operation;

    if (!stage)
        return;
    quarantine_deinit(&stage->quarantine);
    free(stage->objects);
    free(stage);
    task->operation = NULL;
}

const struct stage_type stage_extract = {
    .start = extract_start,
    .cancel = extract_cancel,
    .progress = extract_progress,
    .free = extract_free,
};
