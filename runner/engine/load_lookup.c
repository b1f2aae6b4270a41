#include "runner/engine/load_lookup.h"

#include "runner/base/mem.h"
#include "runner/engine/run_private.h"

static void finish(struct load_lookup *lookup, const struct error *err)
{
    struct error stopped = {0};

    if (!err && lookup->cancelled)
        error_set(&stopped, ERROR_STOPPED, "cancelled");
    lookup->done(lookup, err ? err : stopped.code ? &stopped : NULL);
}

static void start_request(struct load_lookup *lookup, enum sql_verb verb, sql_done_fn done)
{
    struct sql_session *session = lookup->task->run->session;

    lookup->request.verb = verb;
    lookup->request.arena = &lookup->task->arena;
    lookup->request.done = done;
    lookup->querying = true;
    session->type->start(session, &lookup->request);
}

/* --- the table's rows --- */

static void on_opened(struct sql_request *request, const struct error *err)
{
    struct load_lookup *lookup = container_of(request, struct load_lookup, request);

    lookup->querying = false;
    finish(lookup, err);
}

static void on_read(struct table_read *read, const struct error *err)
{
    struct load_lookup *lookup = container_of(read, struct load_lookup, read);

    lookup->reading = false;
    if (err || lookup->cancelled) {
        finish(lookup, err);
        return;
    }
    lookup->ret_schema = read->ret_dataset.schema;
    lookup->ret_files = read->ret_files;
    lookup->ret_bytes = read->ret_bytes;
    lookup->task->bytes_read += read->ret_bytes;
    lookup->request = (struct sql_request){.open = {.dataset = &read->ret_dataset}};
    start_request(lookup, SQL_OPEN, on_opened);
}

static void start_reading(struct load_lookup *lookup)
{
    struct task *task = lookup->task;
    const struct catalog_version *version = &task->plan->load.version;

    lookup->read = (struct table_read){.engine = task->run->engine,
        .slots = &task->run->slots,
        .at = {.namespace = task->node->load->into_namespace,
            .table = task->node->load->into_table,
            .version = version->version},
        .name = lookup->sql->names[LOAD_OLD],
        .at_position = version->last_position,
        .keep_deletes = lookup->keep_deletes,
        .conditions = lookup->conditions,
        .condition_count = lookup->condition_count,
        .folder = task->run->folder,
        .arena = &task->arena,
        .done = on_read};
    lookup->reading = true;
    table_read_start(&lookup->read);
}

/* --- bounds --- */

static void add_condition(struct load_lookup *lookup, const char *column,
    enum sql_comparison comparison, const char *value)
{
    const char **values = arena_array(&lookup->task->arena, 1, sizeof(*values));

    values[0] = arena_strdup(&lookup->task->arena, value);
    lookup->conditions[lookup->condition_count++] = (struct sql_condition){.column = column,
        .comparison = comparison,
        .values = values,
        .value_count = 1,
        .quoted = true};
}

static void on_bounds_row(struct sql_request *request, const struct sql_schema *schema,
    const char *const *cells, size_t row_count)
{
    struct load_lookup *lookup = container_of(request, struct load_lookup, request);
    const struct text_list *key = &lookup->sql->own_key;

    (void)schema;
    for (size_t i = 0; row_count > 0 && i < key->count; i++) {
        if (cells[2 * i])
            add_condition(lookup, key->items[i], SQL_GREATER_EQUAL, cells[2 * i]);
        if (cells[2 * i + 1])
            add_condition(lookup, key->items[i], SQL_LESS_EQUAL, cells[2 * i + 1]);
    }
}

static void on_bounds(struct sql_request *request, const struct error *err)
{
    struct load_lookup *lookup = container_of(request, struct load_lookup, request);

    lookup->querying = false;
    if (err || lookup->cancelled)
        finish(lookup, err);
    else
        start_reading(lookup);
}

/* --- all of it --- */

void load_lookup_start(struct load_lookup *lookup)
{
    struct arena *arena = &lookup->task->arena;

    if (lookup->whole) {
        start_reading(lookup);
        return;
    }
    lookup->conditions =
        arena_array(arena, 2 * lookup->sql->own_key.count, sizeof(*lookup->conditions));
    lookup->request = (struct sql_request){
        .query = {.sql = load_sql_bounds(lookup->sql, arena), .on_rows = on_bounds_row}};
    start_request(lookup, SQL_QUERY, on_bounds);
}

void load_lookup_cancel(struct load_lookup *lookup)
{
    lookup->cancelled = true;
    if (lookup->querying)
        lookup->request.session->type->cancel(&lookup->request);
    else if (lookup->reading)
        table_read_cancel(&lookup->read);
}
