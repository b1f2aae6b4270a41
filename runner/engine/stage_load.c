/* Load: a dataset is written as files, and each file goes into the store as soon as it is
 * complete, while others are still written. Into a table with a key it is merged first
 * (load_merge): then there may be files of rows and files of deletes. Nothing is visible before the
 * commit: files of a table carry the run's id and no manifest names them; a `to:` file stays in the
 * run's folder.
 */
#include "runner/base/mem.h"
#include "runner/engine/checking.h"
#include "runner/engine/file_stats.h"
#include "runner/engine/load_limit.h"
#include "runner/engine/load_merge.h"
#include "runner/engine/load_put.h"
#include "runner/engine/load_replace.h"
#include "runner/engine/load_scope.h"
#include "runner/engine/quarantine.h"
#include "runner/engine/rejects.h"
#include "runner/engine/run_private.h"
#include "runner/engine/summing.h"
#include "runner/engine/table_schema.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>
#include <strings.h>

enum load_step {
    LOAD_QUARANTINING,
    LOAD_REPLACING,
    LOAD_MERGING,
    LOAD_WRITING,
    LOAD_SCOPING,
    LOAD_SUMMING,
    LOAD_CHECKING,
    LOAD_DONE
};

struct load_stage {
    struct task *task;
    enum load_step step;
    struct load_table table;
    struct load_replace replace;
    struct load_merge merge;
    struct load_scope scope;
    struct sql_request write; /* WRITE or EXPORT */
    enum catalog_content content;
    struct sql_schema schema, entry_schema; /* of files of rows; of deletes */
    const char *rows, *kept, *deletes;      /* datasets that are still to be written; NULL: none */
    bool keeping;                           /* it is `kept` that is written */
    struct sql_partition *partitions;
    struct text_list described; /* columns that statistics are kept of, wherever they stand */
    struct quarantine quarantine;
    struct summing summing;
    struct checking checking;
    struct load_puts puts;
    int64_t left_out; /* rows of partitions that are not to be changed */
    bool quarantining, replacing, merging, writing, scoping, cancelled;
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

static void on_written(struct sql_request *write, const struct error *err)
{
    struct load_stage *stage = container_of(write, struct load_stage, write);
    struct task *task = stage->task;
    struct error placed = {0};

    stage->writing = false;
    if (err) {
        placed = *err;
        task_place_write_error(task, &placed);
        error_keep_first(&stage->err, &placed);
    } else if (write->verb == SQL_EXPORT) {
        task->rows = write->export.ret_rows;
        task->bytes_written = write->export.ret_bytes;
    } else if (stage->content == CATALOG_ROWS && !stage->keeping) {
        task->rows = write->write.ret_rows - stage->left_out;
        if (stage->table.key.count == 0) /* else its merge did */
            task_count_discarded(task, write->write.ret_skipped);
    }
    load_step(stage);
}

static int64_t version_of(const struct task *task)
{
    return task->plan->load.table_exists ? task->plan->load.version.version : 1;
}

/* A file is complete. */
static void on_file(struct sql_request *write, const struct sql_file *file)
{
    struct load_stage *stage = container_of(write, struct load_stage, write);
    struct task *task = stage->task;
    const char *name = strrchr(file->path, '/');
    char *folder;

    if (!run_reread_takes(task, file->values)) { /* it goes with the run's folder */
        stage->left_out += file->rows;
        return;
    }
    folder = partition_folder(task->node->load, version_of(task), file->values);
    load_puts_add(&stage->puts, file->path,
        &(struct task_file){.values = file->values,
            .file = {.key = arena_printf(&task->arena, "%s%s", folder, name ? name : file->path),
                .format = "parquet",
                .content = stage->content,
                .rows = file->rows,
                .bytes = file->bytes,
                .schema_id = task->table.schema_id,
                .stats = file_stats_text(file, &stage->described, &task->arena)}});
    free(folder);
    load_step(stage);
}

static void on_replaced(struct load_replace *replace, const struct error *err)
{
    struct load_stage *stage = container_of(replace, struct load_stage, replace);

    stage->replacing = false;
    error_keep_first(&stage->err, err);
    load_step(stage);
}

static void on_merged(struct load_merge *merge, const struct error *err)
{
    struct load_stage *stage = container_of(merge, struct load_stage, merge);

    stage->merging = false;
    error_keep_first(&stage->err, err);
    load_step(stage);
}

static void on_scoped(struct load_scope *scope, const struct error *err)
{
    struct load_stage *stage = container_of(scope, struct load_stage, scope);

    stage->scoping = false;
    error_keep_first(&stage->err, err);
    load_step(stage);
}

static void on_summed(struct summing *summing, const struct error *err)
{
    struct load_stage *stage = container_of(summing, struct load_stage, summing);

    error_keep_first(&stage->err, err);
    load_step(stage);
}

static void on_quarantined(struct quarantine *quarantine, const struct error *err)
{
    struct load_stage *stage = container_of(quarantine, struct load_stage, quarantine);

    struct error placed = {0};

    stage->quarantining = false;
    if (err) {
        placed = *err;
        task_place_write_error(stage->task, &placed);
        error_keep_first(&stage->err, &placed);
    } else {
        stage->task->source = quarantine->ret_kept;
        stage->task->rejected = stage->task->quarantined.rows;
        rejects_check_casts(stage->task, quarantine->ret_casts, &stage->err);
    }
    load_step(stage);
}

static void on_checked(struct checking *checking, const struct error *err)
{
    struct load_stage *stage = container_of(checking, struct load_stage, checking);

    error_keep_first(&stage->err, err);
    load_step(stage);
}

/* --- what states do --- */

static void start_writing_table(struct load_stage *stage, const char *dataset,
    enum catalog_content content, const struct sql_schema *schema)
{
    struct task *task = stage->task;
    const struct run *run = task->run;
    const struct load *load = task->node->load;

    stage->content = content;
    stage->write.verb = SQL_WRITE;
    stage->write.write = (struct sql_write){.dataset = dataset,
        .folder = run->folder,
        .prefix = arena_printf(&task->arena, "%s-%s-%" PRId64 "%s%s", run->options.run_id,
            task->node->name, run->lease.fence, run->widened ? "-again" : "",
            content == CATALOG_DELETES ? "-deletes"
            : stage->keeping           ? "-kept"
                                       : ""),
        .schema = schema->count > 0 ? schema : NULL,
        .partitions = stage->partitions,
        .partition_count = load->partition_count,
        .sort_by = content == CATALOG_ROWS ? load->sort_by : stage->table.key,
        .file_bytes = load->file_size,
        .skip_misfits = load->schema == SCHEMA_DISCARD_ROWS && !stage->keeping,
        .key = load->key,
        .show_values = task->run->engine->environment->logs.samples,
        .on_file = on_file};
    stage->writing = true;
    run->session->type->start(run->session, &stage->write);
}

/* False: everything is written. */
static bool write_next(struct load_stage *stage)
{
    const char *dataset = stage->rows ? stage->rows : stage->kept ? stage->kept : stage->deletes;

    if (!dataset)
        return false;
    stage->task->activity = "writing";
    if (stage->rows) {
        stage->rows = NULL;
        start_writing_table(stage, dataset, CATALOG_ROWS, &stage->schema);
    } else if (stage->kept) {
        stage->kept = NULL;
        stage->keeping = true;
        start_writing_table(stage, dataset, CATALOG_ROWS, &stage->schema);
    } else {
        stage->deletes = NULL;
        start_writing_table(stage, dataset, CATALOG_DELETES, &stage->entry_schema);
    }
    return true;
}

static void start_writing_file(struct load_stage *stage)
{
    struct task *task = stage->task;
    const struct load *load = task->node->load;
    struct sql_export *export = &stage->write.export;

    task->staged_path =
        arena_printf(&task->arena, "%s/%s-export", task->run->folder, task->node->name);
    stage->write.verb = SQL_EXPORT;
    stage->writing = true;
    *export = (struct sql_export){.dataset = task->source,
        .path = task->staged_path,
        .format = load->format == FORMAT_AUTO ? dialect_format_of(load->to)
                                              : (enum file_format)load->format,
        .compression = load->compression == COMPRESSION_AUTO
                           ? dialect_compression_of(load->to)
                           : (enum file_compression)load->compression,
        .csv = load->csv};
    task->run->session->type->start(task->run->session, &stage->write);
}

/* --- the end --- */

static void finish(struct load_stage *stage)
{
    struct task *task = stage->task;

    if (!stage->err.code && stage->cancelled)
        error_set(&stage->err, ERROR_STOPPED, "cancelled");
    task_attempt_done(task, stage->err.code ? &stage->err : NULL);
}

/* --- what a merge gave --- */

/* As the table's files have them, also those of which a newer one is there, unless they were
 * counted. */
static int64_t stored_rows(const struct load_stage *stage)
{
    const struct plan_load *plan = &stage->task->plan->load;

    if (stage->merge.ret_stored >= 0)
        return stage->merge.ret_stored;
    return plan->table_exists ? plan->version.rows : 0;
}

static void check_deletes(struct load_stage *stage, int64_t deleted)
{
    struct task *task = stage->task;
    const struct load *load = task->node->load;

    task->merged.deleted = MAX(deleted, 0);
    if (!stage->err.code && load_limit_deletes(load, deleted, stored_rows(stage), &stage->err))
        task_place_error(task, &load->limits.deletes, "limits.deletes", &stage->err);
}

static void take_merged(struct load_stage *stage)
{
    const struct load_merge *merge = &stage->merge;
    const bool replaces = stage->task->node->load->mode == MODE_OVERWRITE;

    stage->rows = merge->rows;
    stage->deletes = merge->deletes;
    if (merge->deletes)
        stage->entry_schema =
            load_table_entries(&merge->entry_schema, &stage->schema, &stage->task->arena);
    check_deletes(stage, replaces ? stored_rows(stage) - merge->ret_rows : merge->ret_deleted);
}

/* --- the whole flow --- */

static bool is_busy(const struct load_stage *stage)
{
    return stage->quarantining || stage->replacing || stage->merging || stage->writing ||
           stage->scoping || stage->summing.running;
}

static void cancel_requests(struct load_stage *stage)
{
    if (stage->quarantining)
        quarantine_cancel(&stage->quarantine);
    if (stage->replacing)
        load_replace_cancel(&stage->replace);
    if (stage->merging)
        load_merge_cancel(&stage->merge);
    if (stage->writing)
        stage->write.session->type->cancel(&stage->write);
    if (stage->scoping)
        load_scope_cancel(&stage->scope);
    summing_cancel(&stage->summing);
    load_puts_cancel(&stage->puts);
}

/* Begins what the state does; false: nothing is left to do in it. */
static bool begin_step(struct load_stage *stage)
{
    struct task *task = stage->task;
    const struct load *load = task->node->load;

    switch (stage->step) {
    case LOAD_QUARANTINING:
        stage->quarantining = quarantine_start(&stage->quarantine);
        return stage->quarantining;
    case LOAD_REPLACING:
        stage->replace.keyed = stage->table.key.count > 0;
        stage->replacing = load_replace_start(&stage->replace);
        return stage->replacing;
    case LOAD_MERGING:
        if (load->to || stage->table.key.count == 0)
            return false;
        task->activity = "merging";
        stage->merging = true;
        stage->merge.gone = stage->replace.ret_gone;
        stage->merge.gone_schema = &stage->replace.ret_schema;
        load_merge_start(&stage->merge);
        return true;
    case LOAD_WRITING:
        if (load->to)
            start_writing_file(stage);
        else if (stage->table.key.count == 0)
            stage->rows = task->source;
        stage->kept = stage->replace.ret_kept;
        return load->to || write_next(stage);
    case LOAD_SCOPING:
        stage->scoping = load_scope_start(&stage->scope);
        return stage->scoping;
    case LOAD_SUMMING:
        if (!task->run->options.recorded)
            return false;
        summing_start(&stage->summing);
        return true;
    case LOAD_CHECKING:
        return checking_start(&stage->checking, task, task->source, &load->checks,
            stage->quarantine.counts, on_checked);
    case LOAD_DONE:
        break;
    }
    return false;
}

/* What has ended well leads to. */
static void end_step(struct load_stage *stage)
{
    if (stage->step == LOAD_MERGING && stage->table.key.count > 0)
        take_merged(stage);
    if (stage->step != LOAD_WRITING)
        return;
    if (!run_reread_judge(stage->task))
        load_settle_empty(stage->task, stage->merge.copy.rows, &stage->err);
    load_replace_settle(stage->task);
}

/* False: the state goes on. */
static bool step_ended(struct load_stage *stage)
{
    if (is_busy(stage))
        return false;
    if (stage->step != LOAD_WRITING)
        return true;
    return !(write_next(stage) || stage->puts.in_flight > 0 || stage->puts.first);
}

static bool given_up(struct load_stage *stage)
{
    if (!stage->err.code && !stage->cancelled)
        return false;
    cancel_requests(stage);
    if (!is_busy(stage) && stage->puts.in_flight == 0)
        finish(stage);
    return true;
}

static void load_step(struct load_stage *stage)
{
    if (given_up(stage))
        return;
    load_puts_step(&stage->puts);
    while (step_ended(stage)) {
        end_step(stage);
        if (given_up(stage))
            return;
        if (stage->step == LOAD_CHECKING || stage->step == LOAD_DONE || stage->task->partial) {
            finish(stage);
            return;
        }
        stage->step++;
        if (begin_step(stage))
            return;
    }
}

/* --- how it begins --- */

static int missing_column(
    struct load_stage *stage, const char *column, const void *field, const char *key)
{
    struct task *task = stage->task;

    error_set(&stage->err, ERROR_INVALID, "%s has no column \"%s\", which %s needs",
        task->node->load->from, column, task->node->load->into);
    task_place_error(task, field, key, &stage->err);
    return -1;
}

static int fit_merged(struct load_stage *stage, const struct sql_schema *dataset)
{
    struct task *task = stage->task;
    const struct load *load = task->node->load;
    const struct sql_schema rows = load_table_rows(
        load, task->plan->load.table_exists, dataset, &stage->described, &task->run->arena);
    const void *field;
    const char *key, *missing = load_table_missing(load, &stage->table, dataset, &field, &key);
    const char *reserved = load_table_reserved(dataset);

    if (missing)
        return missing_column(stage, missing, field, key);
    if (reserved) {
        error_set(&stage->err, ERROR_INVALID,
            "column \"%s\" of %s: loads by key have columns of their own under names that begin "
            "with " LOAD_OWN "; name it otherwise in the SELECT",
            reserved, load->from);
        task_place_error(task, &load->key, "key", &stage->err);
        return -1;
    }
    if (load->mode != MODE_SCD2 && load->mode != MODE_DELETE)
        return table_schema_fit(task, &stage->schema, &stage->err);
    for (size_t i = 0; i < load->partition_count && load->mode == MODE_SCD2; i++) {
        if (!load_table_has(&rows, load->partitions[i].column))
            return missing_column(
                stage, load->partitions[i].column, &load->partition_by, "partition_by");
    }
    for (size_t i = 0; i < 2 && load->mode == MODE_SCD2; i++) {
        if (load_table_has(dataset, i ? SCD2_TO : SCD2_FROM)) {
            error_set(&stage->err, ERROR_INVALID,
                "%s has a column %s, which scd2 makes itself; leave it out, or name it otherwise",
                load->from, i ? SCD2_TO : SCD2_FROM);
            task_place_error(task, &load->mode, "mode", &stage->err);
            return -1;
        }
    }
    return table_schema_fit_rows(task, &rows, &stage->schema, &stage->err);
}

static const struct sql_schema *dataset_schema(const struct task *task)
{
    const struct graph_node *from = graph_dataset(task->run->graph, task->node->load->from);

    return &task->run->tasks[from->index].dataset.schema;
}

static int prepare_table(struct load_stage *stage)
{
    struct task *task = stage->task;
    const struct plan_load *plan = &task->plan->load;
    const struct load *load = task->node->load;
    const bool replaces = plan->replaced.count > 0 && plan->table_exists;

    if (load_replace_check(task, &stage->err))
        return -1;
    load_table_of(load, plan->table_exists ? &plan->version : NULL, &task->arena, &stage->table);
    stage->described = load_table_described(load, &stage->table, &task->arena);
    if (stage->table.key.count > 0 ? fit_merged(stage, dataset_schema(task))
                                   : table_schema_fit(task, &stage->schema, &stage->err))
        return -1;
    task->merged = (struct task_merge){.merge = stage->table.merge,
        .expects = stage->table.expects || replaces,
        .position = plan->table_exists ? plan->version.last_position : 0,
        .repeats = stage->table.expects || replaces || !plan->table_exists || task->table.evolves ||
                   table_schema_sets_types(&task->table)};
    stage->partitions =
        arena_array(&task->arena, load->partition_count, sizeof(*stage->partitions));
    for (size_t i = 0; i < load->partition_count; i++)
        stage->partitions[i] = (struct sql_partition){
            .transform = (enum sql_partition_transform)load->partitions[i].transform,
            .column = load->partitions[i].column,
            .width = load->partitions[i].width};
    return 0;
}

static void load_start(struct task *task)
{
    struct load_stage *stage = mem_new(struct load_stage);

    stage->task = task;
    load_puts_init(&stage->puts, task, on_put);
    stage->merge = (struct load_merge){
        .task = task, .table = &stage->table, .schema = &stage->schema, .done = on_merged};
    stage->replace = (struct load_replace){.task = task, .done = on_replaced};
    stage->scope = (struct load_scope){.task = task, .done = on_scoped};
    stage->summing = (struct summing){.task = task, .done = on_summed};
    stage->quarantine = (struct quarantine){.task = task,
        .done = on_quarantined,
        .dataset = task->node->load->from,
        .checks = &task->node->load->checks,
        .copies = true};
    if (task->node->casts_aside) {
        stage->quarantine.rows = dataset_schema(task);
        stage->quarantine.table = &stage->schema;
    }
    task->source = task->node->load->from;
    task->operation = stage;
    task->activity = "writing";
    quarantine_forget(task);
    task->file_count = 0;
    task->rows = task->rejected = 0;
    task->keeps_table = false;
    task->partial = false;
    task->bytes_written = 0;
    stage->write.arena = &task->arena;
    stage->write.done = on_written;
    if (!task->node->load->to && prepare_table(stage))
        finish(stage);
    else if (!begin_step(stage))
        load_step(stage);
}

static void load_cancel(struct task *task)
{
    struct load_stage *stage = task->operation;

    if (stage->cancelled || stage->step == LOAD_DONE)
        return;
    stage->cancelled = true;
    if (stage->step == LOAD_CHECKING)
        checking_cancel(&stage->checking);
    else if (is_busy(stage) || stage->puts.in_flight > 0)
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
    load_merge_deinit(&stage->merge);
    load_scope_deinit(&stage->scope);
    quarantine_deinit(&stage->quarantine);
    free(stage);
    task->operation = NULL;
}

const struct stage_type stage_load = {
    .start = load_start,
    .cancel = load_cancel,
    .progress = load_progress,
    .free = load_free,
};
