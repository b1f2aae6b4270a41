#include "runner/engine/load_merge.h"

#include "runner/base/buffer.h"
#include "runner/base/mem.h"
#include "runner/base/time.h"
#include "runner/engine/checking.h"
#include "runner/engine/run_private.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static void merge_step(struct load_merge *merge);

static const struct load *load_of(const struct load_merge *merge)
{
    return merge->task->node->load;
}

/* --- what callbacks do: record, then step --- */

/* Statements hold conditions of the pipeline: most errors are theirs. */
static void place_error(const struct load_merge *merge, struct error *err)
{
    const struct load *load = load_of(merge);

    if (merge->step == MERGE_UNIFYING && load->delete_when)
        task_place_error(merge->task, &load->delete_when, "delete_when", err);
    else if (merge->step == MERGE_JOINING && load->update.when)
        task_place_error(merge->task, &load->update.when, "update.when", err);
    else
        task_place_error(merge->task, &load->item, "", err);
}

static void on_request(struct sql_request *request, const struct error *err)
{
    struct load_merge *merge = container_of(request, struct load_merge, request);

    struct error placed = {0};

    merge->querying = false;
    if (err) {
        placed = *err;
        place_error(merge, &placed);
        error_keep_first(&merge->err, &placed);
    }
    merge_step(merge);
}

static void on_looked_up(struct load_lookup *lookup, const struct error *err)
{
    struct load_merge *merge = container_of(lookup, struct load_merge, lookup);

    merge->looking = false;
    error_keep_first(&merge->err, err);
    merge_step(merge);
}

static void on_copied_file(struct sql_request *request, const struct sql_file *file)
{
    struct load_merge *merge = container_of(request, struct load_merge, request);

    merge->files =
        mem_grow(merge->files, &merge->file_capacity, merge->file_count, sizeof(*merge->files));
    merge->files[merge->file_count++] = file->path;
    merge->copy.bytes += file->bytes;
}

static bool shows_values(const struct load_merge *merge)
{
    return merge->task->run->engine->environment->logs.samples;
}

static void append_cell(struct buffer *text, const char *name, const char *cell)
{
    char shown[61];

    snprintf(shown, sizeof(shown), "%s", cell);
    buffer_printf(text, "%s%s ", text->length ? ", " : "", name);
    text_append_printable(text, shown);
}

/* "row 3 of clean has no value in the key column "id" (region EU)" */
static void on_null_key(struct sql_request *request, const struct sql_schema *schema,
    const char *const *cells, size_t row_count)
{
    struct load_merge *merge = container_of(request, struct load_merge, request);
    const char *missing = NULL;
    struct buffer others;

    if (row_count == 0 || merge->err.code)
        return;
    buffer_init(&others, 300);
    for (size_t i = 1; i < schema->count; i++) {
        if (cells[i] && shows_values(merge))
            append_cell(&others, schema->columns[i].name, cells[i]);
        else if (!cells[i] && !missing)
            missing = schema->columns[i].name;
    }
    error_set(&merge->err, ERROR_CHECK,
        "row %s of %s has no value in the column \"%s\"%s%s%s, so that nobody can tell which row "
        "of %s it is; leave such rows out in its SELECT, or give them one",
        cells[0], load_of(merge)->from, missing, others.length ? " (" : "", others.data,
        others.length ? ")" : "", load_of(merge)->into);
    buffer_deinit(&others);
    task_place_error(merge->task, &load_of(merge)->key, "key", &merge->err);
}

static int64_t number(const char *cell)
{
    return cell ? strtoll(cell, NULL, 10) : 0;
}

static void on_counts(struct sql_request *request, const struct sql_schema *schema,
    const char *const *cells, size_t row_count)
{
    struct load_merge *merge = container_of(request, struct load_merge, request);

    if (row_count == 0)
        return;
    if (schema->count > 3)
        merge->ret_stored = number(cells[3]);
    merge->ret_rows = number(cells[0]);
    merge->ret_entries = number(cells[1]);
    merge->ret_deleted = number(cells[2]);
}

/* --- what states do on entry --- */

static void start_request(struct load_merge *merge, enum sql_verb verb)
{
    struct sql_session *session = merge->task->run->session;

    merge->request.verb = verb;
    merge->request.arena = &merge->task->arena;
    merge->request.done = on_request;
    merge->querying = true;
    session->type->start(session, &merge->request);
}

static void start_derive(
    struct load_merge *merge, enum load_dataset dataset, const char *sql, bool stored)
{
    merge->request = (struct sql_request){.derive = {.dataset = merge->sql.names[dataset],
                                              .sql = sql,
                                              .params = merge->params,
                                              .param_count = merge->param_count,
                                              .folder = stored ? merge->task->run->folder : NULL}};
    start_request(merge, SQL_DERIVE);
}

static void start_query(struct load_merge *merge, const char *sql, int64_t limit, sql_rows_fn sink)
{
    merge->request = (struct sql_request){.query = {.sql = sql, .limit = limit, .on_rows = sink}};
    start_request(merge, SQL_QUERY);
}

static void start_copying(struct load_merge *merge)
{
    merge->request =
        (struct sql_request){.write = {.dataset = merge->task->source,
                                 .folder = merge->task->run->folder,
                                 .prefix = merge->sql.names[LOAD_COPY],
                                 .schema = &merge->copy_schema,
                                 .skip_misfits = load_of(merge)->schema == SCHEMA_DISCARD_ROWS,
                                 .key = merge->sql.own_key,
                                 .show_values = shows_values(merge),
                                 .on_file = on_copied_file}};
    start_request(merge, SQL_WRITE);
}

static void start_opening(struct load_merge *merge)
{
    merge->copy.name = merge->sql.names[LOAD_COPY];
    merge->copy.schema = merge->copy_schema;
    merge->copy.rows = merge->request.write.ret_rows;
    merge->ret_duplicates = merge->copy.rows;
    merge->copy.files = (struct text_list){.items = merge->files, .count = merge->file_count};
    merge->request = (struct sql_request){.open = {.dataset = &merge->copy}};
    start_request(merge, SQL_OPEN);
}

/* scd2 asks for a history also where there is no table yet. */
static void start_empty_table(struct load_merge *merge)
{
    struct task *task = merge->task;
    struct sql_dataset *empty = arena_new(&task->arena, struct sql_dataset);
    const struct sql_schema *copy = &merge->copy_schema;

    empty->name = merge->sql.names[LOAD_OLD];
    empty->schema.columns = arena_array(&task->arena, copy->count + 2, sizeof(struct sql_column));
    memcpy(empty->schema.columns, copy->columns, copy->count * sizeof(struct sql_column));
    empty->schema.count = copy->count + 2;
    for (size_t i = 0; i < 2; i++)
        empty->schema.columns[copy->count + i] = (struct sql_column){
            .name = i ? SCD2_TO : SCD2_FROM, .type = "TIMESTAMP WITH TIME ZONE"};
    merge->lookup.ret_schema = empty->schema;
    merge->request = (struct sql_request){.open = {.dataset = empty}};
    start_request(merge, SQL_OPEN);
}

static void start_looking(struct load_merge *merge)
{
    if (!merge->table->looks_up) {
        start_empty_table(merge);
        return;
    }
    merge->task->activity = "looking up";
    merge->lookup = (struct load_lookup){.task = merge->task,
        .sql = &merge->sql,
        .whole = merge->sql.close_absent || merge->sql.counts,
        .keep_deletes = merge->sql.sequence != NULL,
        .done = on_looked_up};
    merge->looking = true;
    load_lookup_start(&merge->lookup);
}

static void start_joining(struct load_merge *merge)
{
    struct arena *arena = &merge->task->arena;

    merge->sql.stored = &merge->lookup.ret_schema;
    merge->sql.joined = true;
    start_derive(merge, LOAD_JOINED,
        merge->sql.scd2 ? load_scd2_joined(&merge->sql, arena)
                        : load_sql_joined(&merge->sql, arena),
        true);
}

static void enter(struct load_merge *merge, enum merge_step step)
{
    const struct load_sql *sql = &merge->sql;
    struct arena *arena = &merge->task->arena;

    merge->step = step;
    switch (step) {
    case MERGE_COPYING:
        start_copying(merge);
        break;
    case MERGE_OPENING:
        start_opening(merge);
        break;
    case MERGE_CHECKING:
        start_query(merge, load_sql_null_key(sql, arena), 1, on_null_key);
        break;
    case MERGE_LEAVING:
        start_derive(merge, LOAD_LEFT, load_sql_left(sql, arena), true);
        break;
    case MERGE_UNIFYING:
        start_derive(merge, LOAD_DELTA, load_sql_delta(sql, arena), true);
        break;
    case MERGE_LOOKING:
        start_looking(merge);
        break;
    case MERGE_JOINING:
        start_joining(merge);
        break;
    case MERGE_COUNTING:
        start_query(merge, load_sql_counts(sql, arena), 0, on_counts);
        break;
    case MERGE_ROWS:
        start_derive(merge, LOAD_ROWS, load_sql_rows(sql, arena), false);
        break;
    case MERGE_KEYS:
        start_derive(merge, LOAD_KEYS, load_sql_deletes(sql, &merge->partition, arena), false);
        break;
    case MERGE_DONE:
        break;
    }
}

/* --- the whole flow --- */

static void log_duplicates(struct load_merge *merge)
{
    const struct load *load = load_of(merge);
    json_t *fields;

    merge->task->merged.duplicates = merge->ret_duplicates;
    if (merge->ret_duplicates == 0)
        return;
    fields = json_object();
    json_put_int(fields, "duplicates", merge->ret_duplicates);
    task_log(merge->task, LOG_INFO, "load.duplicates", fields,
        "%" PRId64 " rows of %s have a key that another row has, too: the %s",
        merge->ret_duplicates, load->from,
        merge->sql.sequence ? "one with the greatest sequence counts"
                            : "last one to arrive counts");
}

/* What the state that has ended gave. */
static void keep_results(struct load_merge *merge)
{
    if (merge->step == MERGE_UNIFYING) {
        merge->ret_duplicates -= merge->request.derive.ret_dataset.rows - merge->left;
        merge->task->dataset.bytes += merge->request.derive.ret_dataset.bytes;
        log_duplicates(merge);
    } else if (merge->step == MERGE_LEAVING) {
        merge->left = merge->request.derive.ret_dataset.rows;
        merge->task->dataset.bytes += merge->request.derive.ret_dataset.bytes;
    } else if (merge->step == MERGE_COPYING) {
        task_count_discarded(merge->task, merge->request.write.ret_skipped);
    } else if (merge->step == MERGE_JOINING) {
        merge->task->dataset.bytes += merge->request.derive.ret_dataset.bytes;
    } else if (merge->step == MERGE_ROWS) {
        merge->rows = merge->sql.names[LOAD_ROWS];
    } else if (merge->step == MERGE_KEYS) {
        merge->entry_schema = merge->request.derive.ret_dataset.schema;
        merge->deletes = merge->sql.names[LOAD_KEYS];
    }
}

/* No rows change nothing, also where what is absent would end. */
static enum merge_step next_step(const struct load_merge *merge)
{
    const bool looks = merge->table->looks_up || merge->sql.scd2;

    switch (merge->step) {
    case MERGE_CHECKING:
        return merge->gone ? MERGE_LEAVING : MERGE_UNIFYING;
    case MERGE_UNIFYING:
        return looks && merge->copy.rows + merge->left > 0 ? MERGE_LOOKING : MERGE_COUNTING;
    case MERGE_COUNTING:
        if (merge->ret_rows > 0)
            return MERGE_ROWS;
        __attribute__((fallthrough));
    case MERGE_ROWS:
        return merge->ret_entries > 0 ? MERGE_KEYS : MERGE_DONE;
    default:
        return merge->step + 1;
    }
}

static void merge_step(struct load_merge *merge)
{
    if (!merge->err.code && merge->cancelled)
        error_set(&merge->err, ERROR_STOPPED, "cancelled");
    if (!merge->err.code)
        keep_results(merge);
    enter(merge, merge->err.code ? MERGE_DONE : next_step(merge));
    if (merge->step == MERGE_DONE)
        merge->done(merge, merge->err.code ? &merge->err : NULL);
}

/* --- what it begins with --- */

static const struct sql_column *column_of(const struct sql_schema *schema, const char *name)
{
    for (size_t i = 0; i < schema->count; i++) {
        if (strcasecmp(schema->columns[i].name, name) == 0)
            return &schema->columns[i];
    }
    return NULL;
}

/* Columns of the dataset under the types that the table has for them; columns that only the dataset
 * has are there for conditions. */
static void find_copy_schema(struct load_merge *merge)
{
    struct task *task = merge->task;
    const struct graph_node *from = graph_dataset(task->run->graph, load_of(merge)->from);
    const struct sql_schema *dataset = &task->run->tasks[from->index].dataset.schema;
    struct sql_schema *copy = &merge->copy_schema;

    copy->columns = arena_array(&task->arena, dataset->count, sizeof(*copy->columns));
    for (size_t i = 0; i < dataset->count; i++) {
        const struct sql_column *target = column_of(merge->schema, dataset->columns[i].name);
        struct sql_column *column = &copy->columns[copy->count];

        if (!target && load_of(merge)->schema == SCHEMA_DISCARD_ROWS)
            continue; /* a row with a value in it is left out */
        copy->count++;
        *column =
            (struct sql_column){.name = dataset->columns[i].name, .type = dataset->columns[i].type};
        if (target && strcmp(target->type, "NULL") != 0)
            column->type = target->type;
    }
}

static void find_partition(struct load_merge *merge)
{
    const struct load *load = load_of(merge);

    merge->partition.items =
        arena_array(&merge->task->arena, load->partition_count + 1, sizeof(const char *));
    for (size_t i = 0; i < load->partition_count; i++)
        merge->partition.items[merge->partition.count++] = load->partitions[i].column;
}

/* The pipeline's parameters, and the time from which rows hold. */
static void find_params(struct load_merge *merge)
{
    struct task *task = merge->task;
    const struct load *load = load_of(merge);
    const struct sql_param *own;
    const size_t count = checking_params(task, &own);
    struct sql_param *params = arena_array(&task->arena, count + 1, sizeof(*params));
    char due[TIME_TEXT_SIZE];

    if (count)
        memcpy(params, own, count * sizeof(*params));
    params[count] = (struct sql_param){.name = LOAD_AS_OF,
        .type = "TIMESTAMP WITH TIME ZONE",
        .value = load->as_of_is_time ? load->as_of
                                     : arena_strdup(&task->arena,
                                           time_format_rfc3339(task->run->options.due_ms, due))};
    merge->params = params;
    merge->param_count = count + 1;
}

static void describe(struct load_merge *merge)
{
    static const char *const suffixes[] = {[LOAD_COPY] = "copy",
        [LOAD_DELTA] = "delta",
        [LOAD_OLD] = "stored",
        [LOAD_JOINED] = "joined",
        [LOAD_ROWS] = "rows",
        [LOAD_KEYS] = "deletes",
        [LOAD_LEFT] = "left"};
    const struct load *load = load_of(merge);
    const struct load_table *table = merge->table;
    struct load_sql *sql = &merge->sql;

    *sql = (struct load_sql){.alias = load->from,
        .copy = &merge->copy_schema,
        .own_key = table->own_key,
        .key = table->key,
        .moving = table->moving,
        .sequence = table->merge.sequence_by,
        .delete_when = load->delete_when,
        .deletes_all = load->mode == MODE_DELETE,
        .gone = merge->gone,
        .table = merge->gone_schema,
        .update_when = load->update.when,
        .skip_unchanged = load->update.unchanged == UNCHANGED_SKIP,
        .counts = table->counts,
        .only_moves = load->mode == MODE_OVERWRITE_PARTITIONS,
        .scd2 = load->mode == MODE_SCD2,
        .track = &load->track,
        .as_of = load->as_of_is_time ? NULL : load->as_of,
        .close_absent = load->mode == MODE_SCD2 && load->absent == ABSENT_CLOSE};
    for (size_t i = 0; i < ARRAY_LENGTH(suffixes); i++)
        sql->names[i] =
            arena_printf(&merge->task->arena, "%s.%s", merge->task->node->name, suffixes[i]);
}

void load_merge_start(struct load_merge *merge)
{
    find_copy_schema(merge);
    find_partition(merge);
    find_params(merge);
    describe(merge);
    merge->task->dataset.bytes = 0;
    merge->ret_stored = -1;
    enter(merge, MERGE_COPYING);
}

void load_merge_cancel(struct load_merge *merge)
{
    merge->cancelled = true;
    if (merge->querying)
        merge->request.session->type->cancel(&merge->request);
    else if (merge->looking)
        load_lookup_cancel(&merge->lookup);
}

void load_merge_deinit(struct load_merge *merge)
{
    free(merge->files);
}
