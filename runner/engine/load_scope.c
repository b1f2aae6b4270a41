#include "runner/engine/load_scope.h"

#include "runner/base/buffer.h"
#include "runner/base/mem.h"
#include "runner/engine/checking.h"
#include "runner/engine/load_limit.h"
#include "runner/engine/load_table.h"
#include "runner/engine/run_private.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static void scope_step(struct load_scope *scope);

static const struct load *load_of(const struct load_scope *scope)
{
    return scope->task->node->load;
}

static const struct catalog_partition *partition_of(const struct load_scope *scope)
{
    return &scope->query.partitions[scope->next];
}

/* --- what callbacks do: record, then step --- */

static void on_query(struct catalog_query *query, const struct error *err)
{
    struct load_scope *scope = container_of(query, struct load_scope, query);

    scope->listing = false;
    error_keep_first(&scope->err, err);
    scope_step(scope);
}

static void on_read(struct table_read *read, const struct error *err)
{
    struct load_scope *scope = container_of(read, struct load_scope, read);

    scope->reading = false;
    error_keep_first(&scope->err, err);
    scope_step(scope);
}

static void on_request(struct sql_request *request, const struct error *err)
{
    struct load_scope *scope = container_of(request, struct load_scope, request);
    struct error placed = {0};

    scope->asking = false;
    if (err) {
        placed = *err;
        task_place_error(scope->task, &load_of(scope)->scope, "scope", &placed);
        error_keep_first(&scope->err, &placed);
    }
    scope_step(scope);
}

static void on_counts(struct sql_request *request, const struct sql_schema *schema,
    const char *const *cells, size_t row_count)
{
    struct load_scope *scope = container_of(request, struct load_scope, request);

    (void)schema;
    if (row_count == 0)
        return;
    scope->inside = cells[0] ? strtoll(cells[0], NULL, 10) : 0;
    scope->all = cells[1] ? strtoll(cells[1], NULL, 10) : 0;
}

/* --- what states do on entry --- */

/* How many rows of a dataset are in scope, and how many there are. */
static void start_counting(struct load_scope *scope, const char *dataset)
{
    struct sql_session *session = scope->task->run->session;
    struct buffer sql;

    buffer_init(&sql, 0);
    buffer_printf(&sql, "select sum(case when (\n%s\n) then 1 else 0 end), count(*) from ",
        load_of(scope)->scope);
    text_append_sql_name(&sql, dataset);
    buffer_puts(&sql, " as ");
    text_append_sql_name(&sql, load_of(scope)->from);
    scope->request = (struct sql_request){.verb = SQL_QUERY,
        .arena = &scope->task->arena,
        .done = on_request,
        .query = {.sql = arena_strdup(&scope->task->arena, sql.data),
            .params = scope->params,
            .param_count = scope->param_count,
            .on_rows = on_counts}};
    buffer_deinit(&sql);
    scope->asking = true;
    session->type->start(session, &scope->request);
}

static void start_listing(struct load_scope *scope)
{
    const struct load *load = load_of(scope);
    struct catalog *catalog = scope->task->run->catalog;

    scope->query = (struct catalog_query){.verb = CATALOG_LIST_PARTITIONS,
        .at = {.namespace = load->into_namespace,
            .table = load->into_table,
            .version = scope->task->plan->load.version.version},
        .arena = &scope->arena,
        .done = on_query};
    scope->listing = true;
    catalog->type->query(catalog, &scope->query);
}

static void start_reading(struct load_scope *scope)
{
    struct task *task = scope->task;
    const struct catalog_partition *partition = partition_of(scope);

    scope->read = (struct table_read){.engine = task->run->engine,
        .slots = &task->run->slots,
        .at = scope->query.at,
        .name = arena_printf(&task->arena, "%s.scope", task->node->name),
        .at_position = task->plan->load.version.last_position,
        .folder = task->run->folder,
        .arena = &task->arena,
        .done = on_read};
    scope->read.at.values = partition->values;
    scope->read.at.value_count = partition->value_count;
    scope->reading = true;
    table_read_start(&scope->read);
}

static void start_opening(struct load_scope *scope)
{
    struct sql_session *session = scope->task->run->session;

    scope->request = (struct sql_request){.verb = SQL_OPEN,
        .arena = &scope->task->arena,
        .done = on_request,
        .open = {.dataset = &scope->read.ret_dataset}};
    scope->asking = true;
    session->type->start(session, &scope->request);
}

/* --- what they found --- */

static bool same_values(const struct catalog_partition *partition, const char *const *values)
{
    for (size_t i = 0; i < partition->value_count; i++) {
        if (!text_equal(partition->values[i], values[i]))
            return false;
    }
    return true;
}

static bool is_written(const struct load_scope *scope, const struct catalog_partition *partition)
{
    const struct task *task = scope->task;

    for (size_t i = 0; i < task->file_count; i++) {
        if (same_values(partition, task->files[i].values))
            return true;
    }
    return false;
}

static void check_rewrite(struct load_scope *scope)
{
    const struct load *load = load_of(scope);
    uint64_t bytes = 0;
    int64_t files = 0;

    for (size_t i = 0; i < scope->query.count; i++) {
        const struct catalog_partition *partition = &scope->query.partitions[i];

        if (load->mode != MODE_OVERWRITE && !is_written(scope, partition))
            continue;
        bytes += partition->bytes;
        files += partition->files;
        scope->replaced += partition->rows;
    }
    if (load_limit_rewrite(load, bytes, files, &scope->err))
        task_place_error(scope->task, &load->limits.rewrite, "limits.rewrite", &scope->err);
}

/* Rows that an overwrite replaces or empties, but for those that come in their place. */
static void check_deletes(struct load_scope *scope)
{
    struct task *task = scope->task;
    const struct load *load = load_of(scope);

    const bool whole = load->mode == MODE_OVERWRITE && load->key.count == 0; /* else: merged */

    if (!task->plan->load.table_exists || !(whole || load->mode == MODE_OVERWRITE_PARTITIONS))
        return;
    task->merged.deleted = MAX(task->merged.deleted + scope->replaced - task->rows, 0);
    if (load_limit_deletes(load, task->merged.deleted, task->plan->load.version.rows, &scope->err))
        task_place_error(task, &load->limits.deletes, "limits.deletes", &scope->err);
}

static void check_outside(struct load_scope *scope)
{
    const struct load *load = load_of(scope);
    const int64_t outside = scope->all - scope->inside;

    if (outside == 0)
        return;
    error_set(&scope->err, ERROR_CHECK,
        "%" PRId64 " of the %" PRId64 " rows of %s are not in scope; leave them out in its SELECT, "
        "or widen the scope",
        outside, scope->all, load->from);
    task_place_error(scope->task, &load->scope, "scope", &scope->err);
}

static void empty_partition(
    struct load_scope *scope, const struct catalog_partition *partition, int64_t rows)
{
    struct task_merge *table = &scope->task->merged;
    struct arena *arena = &scope->task->arena;
    struct catalog_partition *emptied = (struct catalog_partition *)table->emptied;
    const char **values = arena_array(arena, partition->value_count, sizeof(*values));

    if (!emptied)
        table->emptied = emptied = arena_array(arena, scope->query.count, sizeof(*emptied));
    for (size_t i = 0; i < partition->value_count; i++)
        values[i] = partition->values[i] ? arena_strdup(arena, partition->values[i]) : NULL;
    emptied[table->emptied_count].values = values;
    emptied[table->emptied_count++].value_count = partition->value_count;
    table->deleted += rows;
}

/* reread: what had rows of the folders that were read, and has none any more. It holds for the
 * table as it was listed. */
static void empty_reread(struct load_scope *scope)
{
    struct task_merge *table = &scope->task->merged;

    for (size_t i = 0; i < scope->query.count; i++) {
        const struct catalog_partition *partition = &scope->query.partitions[i];

        if (run_reread_touches(scope->task, partition->values, partition->value_count) &&
            !is_written(scope, partition))
            empty_partition(scope, partition, partition->rows);
    }
    if (table->emptied_count > 0)
        table->expects = table->repeats = true;
}

static void judge_partition(struct load_scope *scope)
{
    const struct load *load = load_of(scope);
    const struct catalog_partition *partition = partition_of(scope);
    struct buffer name;

    if (scope->inside == 0)
        return;
    if (scope->inside == scope->all) {
        if (!is_written(scope, partition))
            empty_partition(scope, partition, scope->all);
        return;
    }
    buffer_init(&name, 200);
    for (size_t i = 0; i < partition->value_count; i++)
        buffer_printf(
            &name, "%s%s", i ? ", " : "", partition->values[i] ? partition->values[i] : "null");
    error_set(&scope->err, ERROR_CHECK,
        "the partition [%s] of %s is only partly in scope: %" PRId64 " of its %" PRId64
        " rows; partitions are replaced as a whole: write a scope that follows partition_by",
        name.data, load->into, scope->inside, scope->all);
    buffer_deinit(&name);
    task_place_error(scope->task, &load->scope, "scope", &scope->err);
}

/* --- the whole flow --- */

static void keep_results(struct load_scope *scope)
{
    if (scope->step == SCOPE_OUTSIDE) {
        check_outside(scope);
    } else if (scope->step == SCOPE_LISTING) {
        check_rewrite(scope);
        empty_reread(scope);
    } else if (scope->step == SCOPE_JUDGING) {
        judge_partition(scope);
        scope->next++;
    }
}

static enum scope_step next_step(const struct load_scope *scope)
{
    switch (scope->step) {
    case SCOPE_OUTSIDE:
        return scope->task->plan->load.table_exists ? SCOPE_LISTING : SCOPE_DONE;
    case SCOPE_LISTING:
    case SCOPE_JUDGING:
        return load_of(scope)->scope && scope->next < scope->query.count ? SCOPE_READING
                                                                         : SCOPE_DONE;
    default:
        return scope->step + 1;
    }
}

static void enter(struct load_scope *scope, enum scope_step step)
{
    scope->step = step;
    switch (step) {
    case SCOPE_OUTSIDE:
        start_counting(scope, scope->task->source);
        break;
    case SCOPE_LISTING:
        start_listing(scope);
        break;
    case SCOPE_READING:
        start_reading(scope);
        break;
    case SCOPE_OPENING:
        start_opening(scope);
        break;
    case SCOPE_JUDGING:
        start_counting(scope, scope->read.name);
        break;
    case SCOPE_DONE:
        break;
    }
}

static void scope_step(struct load_scope *scope)
{
    if (!scope->err.code && scope->cancelled)
        error_set(&scope->err, ERROR_STOPPED, "cancelled");
    if (!scope->err.code)
        keep_results(scope);
    enter(scope, scope->err.code ? SCOPE_DONE : next_step(scope));
    if (scope->step == SCOPE_DONE && !scope->err.code)
        check_deletes(scope);
    if (scope->step == SCOPE_DONE)
        scope->done(scope, scope->err.code ? &scope->err : NULL);
}

bool load_scope_start(struct load_scope *scope)
{
    const struct load *load = load_of(scope);
    const bool exists = scope->task->plan->load.table_exists;

    if (load->to || scope->task->keeps_table ||
        !(load->scope || (exists && (load->limits.rewrite || load->limits.deletes ||
                                        run_reread_may_empty(scope->task)))))
        return false;
    scope->param_count = checking_params(scope->task, &scope->params);
    enter(scope, load->scope ? SCOPE_OUTSIDE : SCOPE_LISTING);
    return true;
}

void load_scope_cancel(struct load_scope *scope)
{
    scope->cancelled = true;
    if (scope->asking)
        scope->request.session->type->cancel(&scope->request);
    else if (scope->reading)
        table_read_cancel(&scope->read);
    /* a list is short */
}

void load_scope_deinit(struct load_scope *scope)
{
    arena_deinit(&scope->arena);
}
