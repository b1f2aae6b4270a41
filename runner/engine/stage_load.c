/* Load: a dataset is written as files, and each file goes into the store as soon as it is
 * complete, while others are still written. Nothing is visible before the commit: files of a table
 * carry the run's id and no manifest names them; a `to:` file stays in the run's folder. */
#include "runner/base/mem.h"
#include "runner/engine/checking.h"
#include "runner/engine/load_put.h"
#include "runner/engine/run_private.h"
#include "runner/engine/table_schema.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

enum load_step { LOAD_WRITING, LOAD_CHECKING, LOAD_DONE };

struct load_stage {
    struct task *task;
    enum load_step step;
    struct sql_request write; /* WRITE or EXPORT */
    struct sql_schema schema;
    struct sql_partition *partitions;
    struct checking checking;
    struct load_puts puts;
    bool writing, cancelled;
    char *prefix;
    struct error err;
};

static void load_step(struct load_stage *stage);

/* --- what callbacks do: record, then step --- */

static void on_put(struct load_puts *puts)
{
    struct load_stage *stage = container_of(puts, struct load_stage, puts);

    error_keep_first(&stage->err, &puts->err);
    load_step(stage);
}

/* The rows of a view are made while they are written: what its SQL then fails with is its own. */
static void place_write_error(const struct task *task, struct error *err)
{
    const struct graph_node *from = graph_dataset(task->run->graph, task->node->load->from);
    const struct task *source = &task->run->tasks[from->index];

    if (source->is_view && (err->code == ERROR_DATA || err->code == ERROR_SQL)) {
        err->detail = 0; /* a place in the statement that wrote */
        error_prefix(err, "%s", task->node->id);
        task_place_transform_error(source, err);
    } else {
        task_place_error(task, &task->node->load->item, "", err);
    }
}

/* schema: discard_rows. */
static void count_discarded(struct task *task, int64_t rows)
{
    json_t *fields;

    task->rejected = rows;
    if (rows == 0)
        return;
    fields = json_object();
    json_put_text(fields, "table", task->node->load->into);
    json_put_int(fields, "rows", rows);
    task_log(task, LOG_WARN, "rows.discarded", fields,
        "%lld rows do not fit the columns of %s and are left out (schema: discard_rows)",
        (long long)rows, task->node->load->into);
}

static void on_written(struct sql_request *write, const struct error *err)
{
    struct load_stage *stage = container_of(write, struct load_stage, write);
    struct task *task = stage->task;
    struct error placed = {0};

    stage->writing = false;
    if (err) {
        placed = *err;
        place_write_error(task, &placed);
        error_keep_first(&stage->err, &placed);
    } else if (write->verb == SQL_EXPORT) {
        task->rows = write->export.ret_rows;
        task->bytes_written = write->export.ret_bytes;
    } else {
        task->rows = write->write.ret_rows;
        count_discarded(task, write->write.ret_skipped);
    }
    load_step(stage);
}

/* A file is complete. */
static void on_file(struct sql_request *write, const struct sql_file *file)
{
    struct load_stage *stage = container_of(write, struct load_stage, write);
    struct task *task = stage->task;
    char *folder = partition_folder(task->node->load,
        task->plan->load.table_exists ? task->plan->load.version.version : 1, file->values);
    const char *name = strrchr(file->path, '/');

    load_puts_add(&stage->puts, file->path,
        &(struct task_file){.values = file->values,
            .file = {.key = arena_printf(&task->arena, "%s%s", folder, name ? name : file->path),
                .format = "parquet",
                .rows = file->rows,
                .bytes = file->bytes,
                .schema_id = task->table.schema_id}});
    free(folder);
    load_step(stage);
}

static void on_checked(struct checking *checking, const struct error *err)
{
    struct load_stage *stage = container_of(checking, struct load_stage, checking);

    error_keep_first(&stage->err, err);
    stage->step = LOAD_DONE;
    load_step(stage);
}

/* --- what states do --- */

static void start_writing_table(struct load_stage *stage)
{
    struct task *task = stage->task;
    const struct load *load = task->node->load;
    struct sql_write *write = &stage->write.write;

    stage->partitions =
        arena_array(&task->arena, load->partition_count, sizeof(*stage->partitions));
    for (size_t i = 0; i < load->partition_count; i++)
        stage->partitions[i] = (struct sql_partition){
            .transform = (enum sql_partition_transform)load->partitions[i].transform,
            .column = load->partitions[i].column};
    stage->write.verb = SQL_WRITE;
    *write = (struct sql_write){.dataset = load->from,
        .folder = task->run->folder,
        .prefix = stage->prefix,
        .schema = stage->schema.count > 0 ? &stage->schema : NULL,
        .partitions = stage->partitions,
        .partition_count = load->partition_count,
        .sort_by = load->sort_by,
        .file_bytes = load->file_size,
        .skip_misfits = load->schema == SCHEMA_DISCARD_ROWS,
        .key = load->key,
        .show_values = task->run->engine->environment->logs.samples,
        .on_file = on_file};
}

static void start_writing_file(struct load_stage *stage)
{
    struct task *task = stage->task;
    const struct load *load = task->node->load;
    struct sql_export *export = &stage->write.export;

    task->staged_path =
        arena_printf(&task->arena, "%s/%s-export", task->run->folder, task->node->name);
    stage->write.verb = SQL_EXPORT;
    *export = (struct sql_export){.dataset = load->from,
        .path = task->staged_path,
        .format = load->format == FORMAT_AUTO ? dialect_format_of(load->to)
                                              : (enum file_format)load->format,
        .compression = load->compression == COMPRESSION_AUTO
                           ? dialect_compression_of(load->to)
                           : (enum file_compression)load->compression,
        .csv = load->csv};
}

/* --- the end --- */

/* What an overwrite by no rows means: on_empty. */
static void settle_empty(struct load_stage *stage)
{
    struct task *task = stage->task;
    const struct load *load = task->node->load;

    if (task->rows > 0 || load->mode != MODE_OVERWRITE || load->to)
        return;
    if (load->on_empty == ON_EMPTY_KEEP) {
        task->keeps_table = true;
        task_log(task, LOG_WARN, "load.empty", NULL, "no rows: %s stays as it is (on_empty: keep)",
            load->into);
    } else if (load->on_empty == ON_EMPTY_FAIL) {
        error_set(
            &stage->err, ERROR_CHECK, "no rows to overwrite %s with (on_empty: fail)", load->into);
        task_place_error(task, &load->on_empty, "on_empty", &stage->err);
    }
}

static void finish(struct load_stage *stage)
{
    struct task *task = stage->task;

    if (!stage->err.code && stage->cancelled)
        error_set(&stage->err, ERROR_STOPPED, "cancelled");
    task_attempt_done(task, stage->err.code ? &stage->err : NULL);
}

/* --- the whole flow --- */

static void cancel_requests(struct load_stage *stage)
{
    if (stage->writing)
        stage->write.session->type->cancel(&stage->write);
    load_puts_cancel(&stage->puts);
}

/* True: everything is written and in the store, or it was given up. */
static bool written(struct load_stage *stage)
{
    if (stage->err.code || stage->cancelled)
        cancel_requests(stage);
    else
        load_puts_step(&stage->puts);
    return !stage->writing && stage->puts.in_flight == 0 && !stage->puts.first;
}

static void load_step(struct load_stage *stage)
{
    const struct load *load = stage->task->node->load;

    if (stage->step == LOAD_WRITING) {
        if (!written(stage))
            return;
        if (!stage->err.code && !stage->cancelled)
            settle_empty(stage);
        stage->step = LOAD_DONE;
        if (!stage->err.code && !stage->cancelled) {
            stage->step = LOAD_CHECKING;
            if (checking_start(
                    &stage->checking, stage->task, load->from, &load->checks, on_checked))
                return;
            stage->step = LOAD_DONE;
        }
    }
    if (stage->step == LOAD_DONE)
        finish(stage);
}

static void load_start(struct task *task)
{
    struct load_stage *stage = mem_new(struct load_stage);
    const struct load *load = task->node->load;
    struct run *run = task->run;

    stage->task = task;
    load_puts_init(&stage->puts, task, on_put);
    stage->prefix =
        mem_printf("%s-%s-%" PRId64, run->options.run_id, task->node->name, run->lease.fence);
    task->operation = stage;
    task->activity = "writing";
    task->file_count = 0;
    task->bytes_written = 0;
    stage->write.arena = &task->arena;
    stage->write.done = on_written;
    if (load->to) {
        start_writing_file(stage);
    } else if (table_schema_fit(task, &stage->schema, &stage->err)) {
        stage->step = LOAD_DONE;
        finish(stage);
        return;
    } else {
        start_writing_table(stage);
    }
    stage->writing = true;
    run->session->type->start(run->session, &stage->write);
}

static void load_cancel(struct task *task)
{
    struct load_stage *stage = task->operation;

    if (stage->cancelled || stage->step == LOAD_DONE)
        return;
    stage->cancelled = true;
    if (stage->step == LOAD_CHECKING)
        checking_cancel(&stage->checking);
    else if (stage->writing || stage->puts.in_flight > 0)
        cancel_requests(stage);
    /* else it waits in line for a slot, and ends when its turn comes */
}

static void load_progress(const struct task *task, struct task_progress *progress)
{
    const struct load_stage *stage = task->operation;
    struct sql_progress sql = {.share = -1};

    if (stage->writing)
        stage->write.session->type->progress((struct sql_request *)&stage->write, &sql);
    progress->share = sql.share;
    progress->rows = MAX(progress->rows, sql.rows);
    progress->bytes_done = task->bytes_written;
}

static void load_free(struct task *task)
{
    struct load_stage *stage = task->operation;

    if (!stage)
        return;
    load_puts_deinit(&stage->puts);
    free(stage->prefix);
    free(stage);
    task->operation = NULL;
}

const struct stage_type stage_load = {
    .start = load_start,
    .cancel = load_cancel,
    .progress = load_progress,
    .free = load_free,
};
