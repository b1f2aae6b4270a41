#include "runner/engine/load_replace.h"

#include "runner/base/buffer.h"
#include "runner/base/json.h"
#include "runner/base/mem.h"
#include "runner/base/text.h"
#include "runner/engine/load_table.h"
#include "runner/engine/run_private.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static void replace_step(struct load_replace *replace);

static const struct plan_load *plan_of(const struct load_replace *replace)
{
    return &replace->task->plan->load;
}

static const struct load *load_of(const struct load_replace *replace)
{
    return replace->task->node->load;
}

/* The table's column that says of which object a row is; NULL: there is none. */
static const char *find_column(const struct catalog_version *version)
{
    for (size_t i = 0; i < version->column_count; i++) {
        if (strcasecmp(version->columns[i].name, SQL_METADATA_SOURCE) == 0)
            return version->columns[i].name;
    }
    return NULL;
}

/* --- before and behind --- */

static int check_columns(const struct task *task, struct error *err)
{
    const struct load *load = task->node->load;
    const struct plan_load *plan = &task->plan->load;
    const struct graph_node *from = graph_dataset(task->run->graph, load->from);

    if (!load_table_has(&task->run->tasks[from->index].dataset.schema, SQL_METADATA_SOURCE))
        return error_set(err, ERROR_INVALID,
            "%s has no column " SQL_METADATA_SOURCE
            ", by which `on_changed: replace` finds the rows of an object again; select it",
            load->from);
    if (plan->replaced.count > 0 && plan->table_exists && plan->version.rows > 0 &&
        !find_column(&plan->version))
        return error_set(err, ERROR_CHECK,
            "the rows of %s say no " SQL_METADATA_SOURCE
            ": nobody can tell which of them came from \"%s\" as it was before; load the table "
            "once anew, or write `on_changed: append`",
            load->into, plan->replaced.items[0]);
    return 0;
}

int load_replace_check(const struct task *task, struct error *err)
{
    if (!graph_replaces(task->run->graph, task->node) || check_columns(task, err) == 0)
        return 0;
    task_place_error(task, &task->node->load->from, "from", err);
    return -1;
}

static bool same_values(
    const struct catalog_partition *partition, const char *const *values, size_t value_count)
{
    bool same = partition->value_count == value_count;

    for (size_t i = 0; i < value_count && same; i++)
        same = text_equal(partition->values[i], values[i]);
    return same;
}

void load_replace_settle(struct task *task)
{
    struct task_merge *merged = &task->merged;
    struct catalog_partition *emptied;

    if (merged->replaced_count == 0)
        return;
    emptied = arena_array(&task->arena, merged->replaced_count, sizeof(*emptied));
    merged->deleted = MAX(merged->replaced_rows - task->rows, 0); /* others come in their place */
    merged->emptied = emptied;
    merged->emptied_count = 0;
    for (size_t i = 0; i < merged->replaced_count; i++) {
        const struct catalog_partition *partition = &merged->replaced[i];
        bool written = false;

        for (size_t f = 0; f < task->file_count && !written; f++)
            written = same_values(partition, task->files[f].values, partition->value_count);
        if (!written)
            emptied[merged->emptied_count++] = *partition;
    }
}

static const char *name_of(const struct load_replace *replace, const char *suffix)
{
    return arena_printf(&replace->task->arena, "%s.%s", replace->task->node->name, suffix);
}

/* --- what callbacks do: record, then step --- */

static void on_read(struct table_read *read, const struct error *err)
{
    struct load_replace *replace = container_of(read, struct load_replace, read);

    replace->reading = false;
    replace->task->bytes_read += err ? 0 : read->ret_bytes;
    error_keep_first(&replace->err, err);
    replace_step(replace);
}

static void on_request(struct sql_request *request, const struct error *err)
{
    struct load_replace *replace = container_of(request, struct load_replace, request);

    replace->asking = false;
    error_keep_first(&replace->err, err);
    replace_step(replace);
}

static void on_count(struct sql_request *request, const struct sql_schema *schema,
    const char *const *cells, size_t row_count)
{
    struct load_replace *replace = container_of(request, struct load_replace, request);

    (void)schema;
    if (row_count > 0)
        replace->counted = strtoll(cells[0], NULL, 10);
}

static bool is_known(const struct load_replace *replace, const struct catalog_delta *delta)
{
    bool known = false;

    for (size_t i = 0; i < replace->partition_count && !known; i++)
        known = same_values(&replace->partitions[i], delta->values, delta->value_count);
    return known;
}

/* A file with rows of the objects, and how many: its partition is to be made anew. */
static void on_origins(struct sql_request *request, const struct sql_schema *schema,
    const char *const *cells, size_t row_count)
{
    struct load_replace *replace = container_of(request, struct load_replace, request);
    size_t capacity = replace->partition_count;

    (void)schema;
    for (size_t i = 0; i < row_count; i++) {
        const struct catalog_delta *delta =
            &replace->read.ret_origins[strtoll(cells[2 * i], NULL, 10)].delta;

        replace->counted += strtoll(cells[2 * i + 1], NULL, 10);
        if (is_known(replace, delta))
            continue;
        if (replace->partition_count == capacity) {
            struct catalog_partition *all;

            capacity = MAX(2 * capacity, 16);
            all = arena_array(&replace->task->arena, capacity, sizeof(*all));
            if (replace->partition_count)
                memcpy(all, replace->partitions, replace->partition_count * sizeof(*all));
            replace->partitions = all;
        }
        replace->partitions[replace->partition_count++] =
            (struct catalog_partition){.values = delta->values, .value_count = delta->value_count};
    }
}

/* --- what states do on entry --- */

static void start_request(struct load_replace *replace, enum sql_verb verb)
{
    struct sql_session *session = replace->task->run->session;

    replace->request.verb = verb;
    replace->request.arena = &replace->task->arena;
    replace->request.done = on_request;
    replace->asking = true;
    session->type->start(session, &replace->request);
}

static void start_reading(struct load_replace *replace, const char *suffix)
{
    struct task *task = replace->task;
    const struct catalog_version *version = &plan_of(replace)->version;
    const bool kept = replace->step == REPLACE_READING_KEPT;

    replace->read = (struct table_read){.engine = task->run->engine,
        .slots = &task->run->slots,
        .at = {.namespace = load_of(replace)->into_namespace,
            .table = load_of(replace)->into_table,
            .version = version->version},
        .name = name_of(replace, suffix),
        .at_position = version->last_position,
        .conditions = &replace->condition,
        .condition_count = kept ? 0 : 1,
        .partitions = kept ? replace->partitions : NULL,
        .partition_count = replace->partition_count,
        .origins = replace->step == REPLACE_READING_GONE && !replace->keyed,
        .folder = task->run->folder,
        .arena = &task->arena,
        .done = on_read};
    replace->reading = true;
    table_read_start(&replace->read);
}

static void start_opening(struct load_replace *replace)
{
    replace->request = (struct sql_request){.open = {.dataset = &replace->read.ret_dataset}};
    start_request(replace, SQL_OPEN);
}

static void start_query(
    struct load_replace *replace, const char *what, const char *condition, sql_rows_fn sink)
{
    struct buffer sql;

    buffer_init(&sql, 0);
    buffer_printf(&sql, "select %s from ", what);
    text_append_sql_name(&sql, replace->read.name);
    buffer_printf(&sql, " where %s%s", condition,
        replace->step == REPLACE_FINDING ? " group by _sluice_origin" : "");
    replace->counted = 0;
    replace->request = (struct sql_request){
        .query = {.sql = arena_strdup(&replace->task->arena, sql.data), .on_rows = sink}};
    buffer_deinit(&sql);
    start_request(replace, SQL_QUERY);
}

static void start_deriving(struct load_replace *replace, const char *suffix, bool gone)
{
    struct buffer sql;

    buffer_init(&sql, 0);
    buffer_puts(&sql, "select * from ");
    text_append_sql_name(&sql, replace->read.name);
    buffer_printf(&sql, " where %s(%s)", gone ? "" : "not ", replace->gone);
    replace->request =
        (struct sql_request){.derive = {.dataset = name_of(replace, suffix),
                                 .sql = arena_strdup(&replace->task->arena, sql.data)}};
    buffer_deinit(&sql);
    start_request(replace, SQL_DERIVE);
}

/* `_source in ('a', 'b')`, `_source is null`: never null itself, where there are no nulls. */
static const char *condition_text(struct load_replace *replace, bool of_objects)
{
    const struct text_list *objects = &plan_of(replace)->replaced;
    struct buffer sql;
    const char *copy;

    buffer_init(&sql, 0);
    text_append_sql_name(&sql, replace->condition.column);
    buffer_puts(&sql, of_objects ? " in (" : " is null");
    for (size_t i = 0; of_objects && i < objects->count; i++) {
        buffer_puts(&sql, i ? ", " : "");
        text_append_sql_literal(&sql, objects->items[i]);
    }
    buffer_puts(&sql, of_objects ? ")" : "");
    copy = arena_strdup(&replace->task->arena, sql.data);
    buffer_deinit(&sql);
    return copy;
}

static void enter(struct load_replace *replace, enum replace_step step)
{
    struct sql_condition *condition = &replace->condition;

    replace->step = step;
    switch (step) {
    case REPLACE_READING_NULLS:
        condition->comparison = SQL_IS_NULL;
        condition->value_count = 0;
        start_reading(replace, "nulls");
        break;
    case REPLACE_READING_GONE:
        condition->comparison = SQL_IN;
        condition->values = plan_of(replace)->replaced.items;
        condition->value_count = plan_of(replace)->replaced.count;
        condition->quoted = true;
        start_reading(replace, "replaced");
        break;
    case REPLACE_READING_KEPT:
        start_reading(replace, "stored");
        break;
    case REPLACE_OPENING_NULLS:
    case REPLACE_OPENING_GONE:
    case REPLACE_OPENING_KEPT:
        start_opening(replace);
        break;
    case REPLACE_COUNTING_NULLS:
        start_query(replace, "count(*)", condition_text(replace, false), on_count);
        break;
    case REPLACE_FINDING:
        start_query(replace, "_sluice_origin, count(*)", replace->gone, on_origins);
        break;
    case REPLACE_DERIVING:
        start_deriving(replace, "gone", true);
        break;
    case REPLACE_KEEPING:
        start_deriving(replace, "kept", false);
        break;
    case REPLACE_DONE:
        break;
    }
}

/* --- what they found --- */

static void refuse_unknown(struct load_replace *replace, int64_t rows)
{
    const struct load *load = load_of(replace);

    error_set(&replace->err, ERROR_CHECK,
        "%" PRId64 " rows of %s say no _source: nobody can tell which of them came from \"%s\" as "
        "it was before; load the table once anew, or write `on_changed: append`",
        rows, load->into, plan_of(replace)->replaced.items[0]);
    task_place_error(replace->task, &load->item, "", &replace->err);
}

static void log_replaced(struct load_replace *replace)
{
    struct task *task = replace->task;
    const struct text_list *objects = &plan_of(replace)->replaced;
    json_t *fields = json_object();

    json_put_int(fields, "objects", (int64_t)objects->count);
    json_put_int(fields, "rows", replace->counted);
    json_put_int(fields, "partitions", (int64_t)replace->partition_count);
    task_log(task, LOG_INFO, "rows.replaced", fields,
        "%" PRId64 " rows of %s are of %zu objects that have changed", replace->counted,
        load_of(replace)->into, objects->count);
}

static void keep_results(struct load_replace *replace)
{
    struct task_merge *merged = &replace->task->merged;

    if (replace->step == REPLACE_COUNTING_NULLS && replace->counted > 0)
        refuse_unknown(replace, replace->counted);
    if (replace->step == REPLACE_FINDING) {
        log_replaced(replace);
        merged->replaced = replace->partitions;
        merged->replaced_count = replace->partition_count;
        merged->replaced_rows = replace->counted;
    } else if (replace->step == REPLACE_DERIVING) {
        replace->ret_gone = replace->request.derive.dataset;
        replace->ret_schema = replace->read.ret_dataset.schema;
    } else if (replace->step == REPLACE_KEEPING) {
        replace->ret_kept = replace->request.derive.dataset;
        replace->ret_schema = replace->read.ret_dataset.schema;
    }
}

/* --- the whole flow --- */

static enum replace_step next_step(const struct load_replace *replace)
{
    switch (replace->step) {
    case REPLACE_READING_NULLS:
        return replace->read.ret_files > 0 ? REPLACE_OPENING_NULLS : REPLACE_READING_GONE;
    case REPLACE_READING_GONE:
        return replace->read.ret_files > 0 ? REPLACE_OPENING_GONE : REPLACE_DONE;
    case REPLACE_OPENING_GONE:
        return replace->keyed ? REPLACE_DERIVING : REPLACE_FINDING;
    case REPLACE_FINDING:
        return replace->partition_count > 0 ? REPLACE_READING_KEPT : REPLACE_DONE;
    case REPLACE_DERIVING:
    case REPLACE_KEEPING:
        return REPLACE_DONE;
    default:
        return replace->step + 1;
    }
}

static void replace_step(struct load_replace *replace)
{
    if (!replace->err.code && replace->cancelled)
        error_set(&replace->err, ERROR_STOPPED, "cancelled");
    if (!replace->err.code)
        keep_results(replace);
    enter(replace, replace->err.code ? REPLACE_DONE : next_step(replace));
    if (replace->step == REPLACE_DONE)
        replace->done(replace, replace->err.code ? &replace->err : NULL);
}

bool load_replace_start(struct load_replace *replace)
{
    const struct plan_load *plan = plan_of(replace);

    if (!load_of(replace)->into || plan->replaced.count == 0 || !plan->table_exists ||
        plan->version.files == 0)
        return false;
    replace->condition.column = find_column(&plan->version);
    replace->gone = condition_text(replace, true);
    replace->task->activity = "looking up";
    enter(replace, REPLACE_READING_NULLS);
    return true;
}

void load_replace_cancel(struct load_replace *replace)
{
    replace->cancelled = true;
    if (replace->asking)
        replace->request.session->type->cancel(&replace->request);
    else if (replace->reading)
        table_read_cancel(&replace->read);
}
