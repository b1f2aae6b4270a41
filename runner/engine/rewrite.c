#include "runner/engine/rewrite.h"

#include "runner/base/buffer.h"
#include "runner/base/mem.h"
#include "runner/base/text.h"
#include "runner/engine/file_stats.h"
#include "runner/io/file.h"

#include <assert.h>
#include <string.h>

/* The names of the datasets: nobody else's in the session, and gone at the end. */
static const char dataset_name[] = REWRITE_DATASET, derived_name[] = "deleted";

struct rewrite_get {
    struct rewrite *rewrite;
    struct rewrite_input *input;
    struct store_request request;
    char *path;
};

struct rewrite_put {
    struct rewrite *rewrite;
    struct data_put put;
    const char *const *values;
};

static void rewrite_step(struct rewrite *rewrite);

/* --- what callbacks do: record, then step --- */

static void on_slot(struct slot_waiter *waiter)
{
    rewrite_step(container_of(waiter, struct rewrite, waiter));
}

static void on_got(struct store_request *request, const struct error *err)
{
    struct rewrite_get *get = container_of(request, struct rewrite_get, request);
    struct rewrite *rewrite = get->rewrite;
    struct slots *slots = rewrite->table->slots;
    struct error placed = {0};

    rewrite->in_flight--;
    if (err) {
        placed = *err;
        if (err->class != ERROR_CANCELLED)
            error_prefix(&placed, "data file %s", get->input->file->key);
        error_keep_first(&rewrite->err, &placed);
    } else {
        get->input->path = arena_strdup(rewrite->arena, get->path);
    }
    rewrite_step(rewrite);
    slots_give(slots); /* last: the next one in line may be this very rewrite */
}

static void add_output(struct rewrite *rewrite, const struct catalog_file *file,
    const char *const *values, const char *path)
{
    rewrite->outputs = mem_grow(rewrite->outputs, &rewrite->output_capacity, rewrite->output_count,
        sizeof(*rewrite->outputs));
    rewrite->outputs[rewrite->output_count++] =
        (struct rewrite_output){.file = *file, .values = values, .path = path};
}

static void on_put(struct data_put *put, const struct error *err)
{
    struct rewrite_put *own = container_of(put, struct rewrite_put, put);
    struct rewrite *rewrite = own->rewrite;

    rewrite->in_flight--;
    error_keep_first(&rewrite->err, err);
    if (!err)
        add_output(rewrite, &put->file, own->values, NULL);
    rewrite_step(rewrite);
}

static void start_put(
    struct rewrite *rewrite, const struct catalog_file *file, const struct sql_file *written)
{
    struct rewrite_put *own = mem_new(struct rewrite_put);
    const char *name = strrchr(written->path, '/');

    own->rewrite = rewrite;
    own->values = written->values;
    own->put = (struct data_put){.engine = rewrite->table->engine,
        .slots = rewrite->table->slots,
        .path = written->path,
        .file = *file,
        .done = on_put};
    own->put.file.key = rewrite->key(rewrite, written->values, name ? name + 1 : written->path);
    rewrite->puts = mem_grow(
        rewrite->puts, &rewrite->put_capacity, rewrite->put_count, sizeof(struct rewrite_put *));
    rewrite->puts[rewrite->put_count++] = own;
    rewrite->in_flight++;
    data_put_start(&own->put);
}

/* A file is complete. */
static void on_file(struct sql_request *request, const struct sql_file *written)
{
    struct rewrite *rewrite = container_of(request, struct rewrite, request);
    const struct catalog_version *table = rewrite->table->table;
    struct catalog_file file = {.format = "parquet",
        .rows = written->rows,
        .bytes = written->bytes,
        .content = rewrite->deletes ? CATALOG_DELETES : CATALOG_ROWS,
        .schema_id = table->schema_id,
        .stats = file_stats_text(written, &rewrite->table->wanted, rewrite->arena)};

    if (rewrite->key && !rewrite->err.code && !rewrite->cancelled) {
        start_put(rewrite, &file, written);
    } else {
        file.key = written->path;
        add_output(rewrite, &file, written->values, written->path);
    }
}

static void on_sql(struct sql_request *request, const struct error *err)
{
    struct rewrite *rewrite = container_of(request, struct rewrite, request);

    rewrite->busy = false;
    if (request->verb == SQL_OPEN)
        rewrite->opened = !err;
    else if (request->verb == SQL_DERIVE)
        rewrite->derived = !err;
    else if (request->verb == SQL_DROP && request->drop == derived_name)
        rewrite->derived = false;
    else if (request->verb == SQL_DROP)
        rewrite->opened = false;
    error_keep_first(&rewrite->err, err);
    if (!err && request->verb == SQL_CHECK && !request->check.ret_passed)
        error_set(&rewrite->err, ERROR_CHECK, "%lld %s", (long long)request->check.ret_count,
            rewrite->wrong);
    rewrite_step(rewrite);
}

static void remove_inputs(struct work *work)
{
    struct rewrite *rewrite = container_of(work, struct rewrite, work);

    for (size_t i = 0; i < rewrite->input_count; i++) {
        if (rewrite->inputs[i].path)
            file_remove(rewrite->inputs[i].path, NULL); /* the folder goes with all that is left */
    }
}

static void on_worked(struct work *work, bool ran)
{
    struct rewrite *rewrite = container_of(work, struct rewrite, work);

    (void)ran;
    rewrite->busy = false;
    rewrite_step(rewrite);
}

/* --- what states do --- */

/* True: all of them are there, or will never be. */
static bool fetch_inputs(struct rewrite *rewrite)
{
    const struct rewrite_table *table = rewrite->table;

    while (rewrite->next_get < rewrite->input_count && !rewrite->err.code && !rewrite->cancelled) {
        struct rewrite_input *input = &rewrite->inputs[rewrite->next_get];
        struct rewrite_get *get;
        struct store *store;
        const char *key;

        if (input->path) {
            rewrite->next_get++;
            continue;
        }
        if (engine_data_file(table->engine, input->file->key, &store, &key, &rewrite->err))
            break;
        if (!slots_take(table->slots, &rewrite->waiter))
            return false;
        get = rewrite->gets[rewrite->next_get] = mem_new(struct rewrite_get);
        get->rewrite = rewrite;
        get->input = input;
        get->path =
            mem_printf("%s/%s-in-%zu.parquet", table->folder, rewrite->name, rewrite->next_get++);
        get->request = (struct store_request){
            .verb = STORE_GET, .key = key, .path = get->path, .immutable = true, .done = on_got};
        rewrite->in_flight++;
        store->type->start(store, &get->request);
    }
    return rewrite->in_flight == 0;
}

static void start_sql(struct rewrite *rewrite)
{
    struct sql_session *session = rewrite->table->session;

    rewrite->request.arena = rewrite->arena;
    rewrite->request.done = on_sql;
    rewrite->busy = true;
    session->type->start(session, &rewrite->request);
}

static bool open_dataset(struct rewrite *rewrite)
{
    const struct catalog_merge *merge = &rewrite->table->table->merge;
    struct sql_dataset *dataset = &rewrite->dataset;
    struct sql_part *parts;
    size_t count;

    if (rewrite_parts(rewrite->table, rewrite->inputs, rewrite->input_count, rewrite->arena, &parts,
            &count, &rewrite->err))
        return false;
    *dataset = (struct sql_dataset){.name = dataset_name,
        .schema = *rewrite->table->schema,
        .rows = -1,
        .parts = parts,
        .part_count = count};
    for (size_t i = 0; i < rewrite->input_count; i++)
        dataset->bytes += rewrite->inputs[i].file->bytes;
    if (rewrite->merges)
        dataset->merge = (struct sql_merge){
            .key = {.items = (const char **)merge->key, .count = merge->key_count},
            .sequence_by = merge->sequence_by,
            .keep_deletes = rewrite->deletes,
            .buckets = rewrite->buckets,
            .bucket = rewrite->bucket};
    rewrite->request = (struct sql_request){.verb = SQL_OPEN, .open = {.dataset = dataset}};
    start_sql(rewrite);
    return true;
}

static void check_rows(struct rewrite *rewrite)
{
    rewrite->request = (struct sql_request){.verb = SQL_CHECK, .check = {.sql = rewrite->check}};
    start_sql(rewrite);
}

/* A view of the keys that are deleted. */
static void derive_deletes(struct rewrite *rewrite)
{
    const struct sql_schema *schema = rewrite_delete_schema(rewrite->table->table, rewrite->arena);
    struct buffer sql;

    buffer_init(&sql, 0);
    buffer_puts(&sql, "select ");
    for (size_t i = 0; i < schema->count; i++) {
        buffer_puts(&sql, i ? ", " : "");
        text_append_sql_name(&sql, schema->columns[i].name);
    }
    buffer_printf(&sql, " from %s where _sluice_deleted", dataset_name);
    rewrite->request = (struct sql_request){.verb = SQL_DERIVE,
        .derive = {.dataset = derived_name, .sql = arena_strdup(rewrite->arena, sql.data)}};
    buffer_deinit(&sql);
    start_sql(rewrite);
}

/* What a row takes in memory: compressed it is about a quarter of that. */
static uint64_t row_bytes(const struct rewrite *rewrite)
{
    uint64_t rows = 0, bytes = 0;

    for (size_t i = 0; i < rewrite->input_count; i++) {
        rows += (uint64_t)rewrite->inputs[i].file->rows;
        bytes += rewrite->inputs[i].file->bytes;
    }
    return 4 * bytes / MAX(rows, 1);
}

static void write_files(struct rewrite *rewrite)
{
    const struct rewrite_table *table = rewrite->table;

    rewrite->request = (struct sql_request){.verb = SQL_WRITE,
        .write = {.dataset = rewrite->deletes ? derived_name : dataset_name,
            .folder = table->folder,
            .prefix = rewrite->name,
            .schema = rewrite->deletes  ? rewrite_delete_schema(table->table, rewrite->arena)
                      : rewrite->schema ? rewrite->schema
                                        : table->schema,
            .partitions = rewrite->partitions,
            .partition_count = rewrite->partition_count,
            .sort_by = rewrite->deletes ? (struct text_list){0} : rewrite->sort_by,
            .file_bytes = rewrite->file_bytes,
            .any_order = rewrite->any_order,
            .row_bytes = row_bytes(rewrite),
            .on_file = on_file}};
    start_sql(rewrite);
}

static void drop_dataset(struct rewrite *rewrite, const char *name)
{
    rewrite->request = (struct sql_request){.verb = SQL_DROP, .drop = name};
    start_sql(rewrite);
}

static void start_removing(struct rewrite *rewrite)
{
    rewrite->busy = true;
    rewrite->work = (struct work){.run = remove_inputs, .done = on_worked};
    work_submit(&rewrite->table->engine->files, &rewrite->work);
}

/* --- the whole flow --- */

static void finish(struct rewrite *rewrite)
{
    if (rewrite->cancelled && !rewrite->err.code)
        error_set(&rewrite->err, ERROR_STOPPED, "cancelled");
    rewrite->done(rewrite, rewrite->err.code ? &rewrite->err : NULL);
}

static void cancel_requests(struct rewrite *rewrite)
{
    slots_forget(rewrite->table->slots, &rewrite->waiter);
    if (rewrite->busy && rewrite->step != REWRITE_FETCHING && rewrite->step < REWRITE_DROPPING)
        rewrite->request.session->type->cancel(&rewrite->request);
    for (size_t i = 0; i < rewrite->next_get; i++) {
        if (rewrite->gets[i] && rewrite->gets[i]->request.store)
            rewrite->gets[i]->request.store->type->cancel(&rewrite->gets[i]->request);
    }
    for (size_t i = 0; i < rewrite->put_count; i++)
        data_put_cancel(&rewrite->puts[i]->put);
}

/* The step after this one, which has ended, well or not. */
static enum rewrite_step next_step(const struct rewrite *rewrite)
{
    const bool failed = rewrite->err.code != ERROR_NONE || rewrite->cancelled;

    switch (rewrite->step) {
    case REWRITE_FETCHING:
        return failed ? REWRITE_REMOVING : REWRITE_OPENING;
    case REWRITE_OPENING:
    case REWRITE_CHECKING:
        if (rewrite->step == REWRITE_OPENING && rewrite->check && !failed)
            return REWRITE_CHECKING;
        return failed ? REWRITE_DROPPING : rewrite->deletes ? REWRITE_DERIVING : REWRITE_WRITING;
    case REWRITE_DERIVING:
        return failed ? REWRITE_DROPPING : REWRITE_WRITING;
    case REWRITE_WRITING:
        return REWRITE_DROPPING;
    case REWRITE_DROPPING:
        return rewrite->derived || rewrite->opened ? REWRITE_DROPPING : REWRITE_REMOVING;
    case REWRITE_REMOVING:
    case REWRITE_DONE:
        break;
    }
    return REWRITE_DONE;
}

/* True when it began something that ends in rewrite_step(). */
static bool begin_step(struct rewrite *rewrite)
{
    switch (rewrite->step) {
    case REWRITE_FETCHING:
        break;
    case REWRITE_OPENING:
        return open_dataset(rewrite);
    case REWRITE_CHECKING:
        check_rows(rewrite);
        return true;
    case REWRITE_DERIVING:
        derive_deletes(rewrite);
        return true;
    case REWRITE_WRITING:
        write_files(rewrite);
        return true;
    case REWRITE_DROPPING:
        if (!rewrite->derived && !rewrite->opened)
            return false;
        drop_dataset(rewrite, rewrite->derived ? derived_name : dataset_name);
        return true;
    case REWRITE_REMOVING:
        if (rewrite->keeps_inputs && !rewrite->err.code)
            return false;
        start_removing(rewrite);
        return true;
    case REWRITE_DONE:
        break;
    }
    return false;
}

static void rewrite_step(struct rewrite *rewrite)
{
    const bool failed = rewrite->err.code != ERROR_NONE || rewrite->cancelled;

    if (failed && rewrite->step < REWRITE_DROPPING)
        cancel_requests(rewrite);
    if (rewrite->step == REWRITE_FETCHING && !fetch_inputs(rewrite) && !failed)
        return;
    if (rewrite->busy || rewrite->in_flight > 0)
        return;
    do {
        rewrite->step = next_step(rewrite);
        if (rewrite->step == REWRITE_DONE) {
            finish(rewrite);
            return;
        }
    } while (!begin_step(rewrite));
}

static void begin_later(struct work *work)
{
    (void)work;
}

void rewrite_start(struct rewrite *rewrite)
{
    assert(rewrite->input_count > 0);
    rewrite->waiter.granted = on_slot;
    rewrite->gets = mem_calloc(rewrite->input_count, sizeof(struct rewrite_get *));
    rewrite->step = REWRITE_FETCHING;
    /* A turn of the loop, so that `done` is never called from within. */
    rewrite->busy = true;
    rewrite->work = (struct work){.run = begin_later, .done = on_worked};
    work_submit(&rewrite->table->engine->files, &rewrite->work);
}

void rewrite_cancel(struct rewrite *rewrite)
{
    if (rewrite->cancelled || rewrite->step == REWRITE_DONE)
        return;
    rewrite->cancelled = true;
    if (rewrite->in_flight > 0 || rewrite->busy)
        cancel_requests(rewrite);
}

void rewrite_deinit(struct rewrite *rewrite)
{
    for (size_t i = 0; rewrite->gets && i < rewrite->input_count; i++) {
        if (rewrite->gets[i])
            free(rewrite->gets[i]->path);
        free(rewrite->gets[i]);
    }
    free(rewrite->gets);
    for (size_t i = 0; i < rewrite->put_count; i++)
        free(rewrite->puts[i]);
    free(rewrite->puts);
    free(rewrite->outputs);
    rewrite->gets = NULL;
    rewrite->puts = NULL;
    rewrite->outputs = NULL;
    rewrite->put_count = rewrite->output_count = 0;
}
