/* Extract from a table of the catalog: its files come into the run's folder, as links where they
 * can, and are opened as a dataset; old schemas, upserts and deletes are dealt with as it is read.
 */
#include "runner/base/mem.h"
#include "runner/base/time.h"
#include "runner/engine/plan_source.h"
#include "runner/engine/run_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

struct table_stage {
    struct task *task;
    enum { TABLE_READING, TABLE_OPENING, TABLE_DONE } step;
    struct table_read read;
    struct sql_request open;
    bool cancelled;
};

/* --- the end --- */

static void finish(struct table_stage *stage, const struct error *err)
{
    struct task *task = stage->task;
    struct error placed = {0};

    error_keep_first(&placed, err);
    if (!placed.code && stage->cancelled)
        error_set(&placed, ERROR_STOPPED, "cancelled");
    if (placed.code)
        task_place_error(task, &task->node->extract->from, "", &placed);
    stage->step = TABLE_DONE;
    task_attempt_done(task, placed.code ? &placed : NULL);
}

/* --- opening --- */

/* What reads the dataset finds the columns that the SQL engine added among its own. */
static void add_change_columns(struct task *task)
{
    struct sql_schema *schema = &task->dataset.schema;
    struct sql_column *columns = arena_array(&task->arena, schema->count + 2, sizeof(*columns));

    memcpy(columns, schema->columns, schema->count * sizeof(*columns));
    columns[schema->count] = (struct sql_column){.name = "_change_type", .type = "VARCHAR"};
    columns[schema->count + 1] = (struct sql_column){.name = "_stream_position", .type = "BIGINT"};
    *schema = (struct sql_schema){.columns = columns, .count = schema->count + 2};
}

/* Rows say which table they are of, and at which position. */
static int add_metadata(struct table_stage *stage, struct error *err)
{
    static const char *const names[SQL_METADATA_COUNT] = {
        SQL_METADATA_RUN, SQL_METADATA_SOURCE, SQL_METADATA_VERSION, SQL_METADATA_ROW};
    struct task *task = stage->task;
    const struct plan_table *table = task->plan->extract.table;
    struct sql_dataset *dataset = &task->dataset;

    for (size_t i = 0; i < dataset->schema.count; i++) {
        for (size_t k = 0; k < SQL_METADATA_COUNT; k++) {
            if (strcasecmp(dataset->schema.columns[i].name, names[k]) == 0)
                return error_set(err, ERROR_INVALID,
                    "the table has a column \"%s\" already, which metadata: true adds: leave "
                    "metadata out here, it says where the table's own rows came from",
                    names[k]);
        }
    }
    dataset->run_id = task->run->options.run_id;
    dataset->source = arena_printf(&task->arena, "catalog://%s.%s", table->namespace, table->name);
    dataset->version = arena_printf(&task->arena, "%" PRId64, stage->read.ret_position);
    return 0;
}

static void add_metadata_columns(struct task *task)
{
    struct sql_schema *schema = &task->dataset.schema;
    struct sql_column *columns =
        arena_array(&task->arena, schema->count + SQL_METADATA_COUNT, sizeof(*columns));

    memcpy(columns, schema->columns, schema->count * sizeof(*columns));
    columns[schema->count] = (struct sql_column){.name = SQL_METADATA_RUN, .type = "VARCHAR"};
    columns[schema->count + 1] =
        (struct sql_column){.name = SQL_METADATA_SOURCE, .type = "VARCHAR"};
    columns[schema->count + 2] =
        (struct sql_column){.name = SQL_METADATA_VERSION, .type = "VARCHAR"};
    columns[schema->count + 3] = (struct sql_column){.name = SQL_METADATA_ROW, .type = "BIGINT"};
    *schema = (struct sql_schema){.columns = columns, .count = schema->count + SQL_METADATA_COUNT};
}

static void on_opened(struct sql_request *open, const struct error *err)
{
    struct table_stage *stage = container_of(open, struct table_stage, open);

    if (!err && stage->task->dataset.with_changes)
        add_change_columns(stage->task);
    if (!err && stage->task->dataset.run_id)
        add_metadata_columns(stage->task);
    finish(stage, err);
}

static void start_opening(struct table_stage *stage)
{
    struct task *task = stage->task;

    stage->step = TABLE_OPENING;
    task->activity = "opening";
    stage->open = (struct sql_request){.verb = SQL_OPEN,
        .open = {.dataset = &task->dataset},
        .arena = &task->arena,
        .done = on_opened};
    task->run->session->type->start(task->run->session, &stage->open);
}

/* --- reading --- */

static void log_read(const struct table_stage *stage)
{
    const struct plan_table *table = stage->task->plan->extract.table;
    const struct table_read *read = &stage->read;
    json_t *fields = json_object();
    char size[TIME_TEXT_SIZE], skipped[40] = "";

    json_put_text(fields, "table", stage->task->node->extract->from);
    json_put_int(fields, "version", table->version);
    if (table->changes)
        json_put_int(fields, "after_position", table->after);
    json_put_int(fields, "position", read->ret_position);
    json_put_int(fields, "files", (int64_t)read->ret_files);
    json_put_int(fields, "skipped", (int64_t)read->ret_skipped);
    json_put_int(fields, "bytes", (int64_t)read->ret_bytes);
    if (read->ret_skipped > 0)
        snprintf(skipped, sizeof(skipped), " (%zu skipped)", read->ret_skipped);
    task_log(stage->task, LOG_INFO, "table.read", fields,
        "%s.%s at position %" PRId64 ": %zu files%s, %s", table->namespace, table->name,
        read->ret_position, read->ret_files, skipped, size_format(read->ret_bytes, size));
}

/* What goes with the last consumer: the run's own links and copies. */
static void keep_inputs(struct task *task)
{
    const struct sql_dataset *dataset = &task->dataset;
    const char **paths;
    size_t count = 0;

    for (size_t i = 0; i < dataset->part_count; i++)
        count += dataset->parts[i].files.count;
    paths = arena_array(&task->arena, count, sizeof(*paths));
    count = 0;
    for (size_t i = 0; i < dataset->part_count; i++) {
        for (size_t f = 0; f < dataset->parts[i].files.count; f++)
            paths[count++] = dataset->parts[i].files.items[f];
    }
    task->inputs = (struct text_list){.items = paths, .count = count};
}

static void on_read(struct table_read *read, const struct error *err)
{
    struct table_stage *stage = container_of(read, struct table_stage, read);
    struct task *task = stage->task;
    struct error own;

    if (err || stage->cancelled) {
        finish(stage, err);
        return;
    }
    task->dataset = read->ret_dataset;
    if (task->node->extract->metadata && add_metadata(stage, &own)) {
        finish(stage, &own);
        return;
    }
    task->rows = MAX(task->dataset.rows, 0);
    task->objects = (int64_t)read->ret_files;
    task->bytes_read = read->ret_bytes;
    if (task->plan->extract.store->type->local_path)
        task->dataset.bytes = 0; /* a second name takes no room */
    keep_inputs(task);
    log_read(stage);
    start_opening(stage);
}

/* Copies count against the run's quota before they are made. */
static int check_room(const struct task *task, struct error *err)
{
    const struct plan_extract *plan = &task->plan->extract;
    const uint64_t quota = task->run->pipeline->resources.spool;
    char size[TIME_TEXT_SIZE], limit[TIME_TEXT_SIZE];

    if (plan->store->type->local_path || plan->bytes + task->run->spool_bytes <= quota)
        return 0;
    return error_set(err, ERROR_LIMIT,
        "the files of %s.%s (%s) are larger than what is left of resources.spool (%s): raise it",
        plan->table->namespace, plan->table->name, size_format(plan->bytes, size),
        size_format(quota, limit));
}

static void table_start(struct task *task)
{
    struct table_stage *stage = mem_new(struct table_stage);
    struct error err;

    stage->task = task;
    task->operation = stage;
    task->activity = "fetching";
    task->bytes_read = 0;
    if (check_room(task, &err)) {
        finish(stage, &err);
        return;
    }
    stage->read = plan_source_read(task->plan->extract.table);
    stage->read.engine = task->run->engine;
    stage->read.slots = &task->run->slots;
    stage->read.name = task->node->name;
    stage->read.folder = task->run->folder;
    stage->read.arena = &task->arena;
    stage->read.done = on_read;
    table_read_start(&stage->read);
}

static void table_cancel(struct task *task)
{
    struct table_stage *stage = task->operation;

    stage->cancelled = true;
    if (stage->step == TABLE_READING)
        table_read_cancel(&stage->read);
    else if (stage->step == TABLE_OPENING)
        stage->open.session->type->cancel(&stage->open);
}

static void table_progress(const struct task *task, struct task_progress *progress)
{
    progress->bytes_total = task->plan->extract.bytes;
    progress->bytes_done = task->bytes_read;
}

static void table_free(struct task *task)
{
    free(task->operation);
    task->operation = NULL;
}

const struct stage_type stage_table = {
    .start = table_start,
    .cancel = table_cancel,
    .progress = table_progress,
    .free = table_free,
};
