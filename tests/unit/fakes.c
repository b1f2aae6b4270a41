#include "tests/unit/fakes.h"

#include "runner/base/buffer.h"
#include "runner/base/mem.h"
#include "runner/io/timer.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static struct fakes *current; /* registries have no room for data */

/* One operation under way: a timer, and what to do when it fires. */
struct fake_operation {
    struct timer timer;
    void (*finish)(struct fake_operation *operation, const struct error *err);
    void *request;
    struct error err;
};

static uint64_t next_random(void)
{
    current->random ^= current->random << 13;
    current->random ^= current->random >> 7;
    current->random ^= current->random << 17;
    return current->random;
}

static void on_closed(struct timer *timer)
{
    struct fake_operation *operation = container_of(timer, struct fake_operation, timer);
    const bool failed = operation->err.code != ERROR_NONE;

    current->open--;
    operation->finish(operation, failed ? &operation->err : NULL);
    free(operation);
}

static void on_fired(struct timer *timer)
{
    timer_close(timer, on_closed);
}

static struct fake_operation *start(
    void *request, void (*finish)(struct fake_operation *, const struct error *))
{
    struct fake_operation *operation = mem_new(struct fake_operation);

    operation->request = request;
    operation->finish = finish;
    current->open++;
    if (++current->operations == current->fail_at)
        error_set(&operation->err, current->fail_with, "operation %u failed", current->fail_at);
    timer_init(&operation->timer, current->loop);
    timer_start(&operation->timer, next_random() % (current->delay_max_ms + 1), 0, on_fired);
    return operation;
}

static void cancel(struct fake_operation *operation)
{
    if (!operation->err.code)
        error_set(&operation->err, ERROR_STOPPED, "cancelled");
}

/* Whether an operation takes effect: it did not fail, or it fails only afterwards. */
static bool effective(const struct error *err)
{
    return !err || (current->fail_after_effect && err->class != ERROR_CANCELLED);
}

static void put(struct table *table, const char *key, const char *value)
{
    free(table_put(table, key, mem_strdup(value)));
}

static void forget(struct table *table, const char *key)
{
    free(table_put(table, key, NULL));
}

/* --- store --- */

static void list_objects(struct store_request *request)
{
    request->objects = arena_array(request->arena, 64, sizeof(*request->objects));
    if (strstr(request->key, "/**/")) {
        for (size_t i = 0; i < current->objects.count && request->object_count < 64; i++) {
            if (current->objects.entries[i].value &&
                text_glob(request->key, current->objects.entries[i].key))
                request->objects[request->object_count++] =
                    (struct store_object){.key = current->objects.entries[i].key, .version = "1"};
        }
        return;
    }
    for (size_t i = 0; i < current->source_count; i++)
        request->objects[request->object_count++] =
            (struct store_object){.key = current->source_keys[i], .size = 10, .version = "v1"};
}

static void finish_store(struct fake_operation *operation, const struct error *err)
{
    struct store_request *request = operation->request;

    if (effective(err)) {
        if (request->verb == STORE_LIST && !err)
            list_objects(request);
        if (request->verb == STORE_PUT)
            put(&current->objects, request->key, "1");
        if (request->verb == STORE_DELETE)
            forget(&current->objects, request->key);
    }
    request->store = NULL;
    request->done(request, err);
}

static void start_store(struct store *store, struct store_request *request)
{
    request->store = store;
    request->operation = start(request, finish_store);
}

static void cancel_store(struct store_request *request)
{
    if (request->store)
        cancel(request->operation);
}

static void describe(const struct store *store, const char *key, struct buffer *buffer)
{
    (void)store;
    buffer_printf(buffer, "/fake/%s", key);
}

static struct store *open_store(const struct store_options *options, struct error *err);

static void close_store(struct store *store)
{
    free(store);
}

static const struct store_type store_type = {.scheme = "file",
    .open = open_store,
    .start = start_store,
    .cancel = cancel_store,
    .describe = describe,
    .close = close_store};

static struct store *open_store(const struct store_options *options, struct error *err)
{
    struct store *store = mem_new(struct store);

    (void)options;
    (void)err;
    store->type = &store_type;
    return store;
}

/* --- state --- */

/* Splits "run|kind|what". */
static struct state_journal journal_of(struct arena *arena, const char *key)
{
    char *copy = arena_strdup(arena, key), *rest = copy;
    struct state_journal journal;

    journal.run_id = strsep(&rest, "|");
    journal.kind = strsep(&rest, "|");
    journal.what = rest;
    return journal;
}

static void list_journal(struct state_request *request)
{
    request->journals =
        arena_array(request->arena, current->journal.count, sizeof(*request->journals));
    for (size_t i = 0; i < current->journal.count; i++) {
        if (current->journal.entries[i].value)
            request->journals[request->count++] =
                journal_of(request->arena, current->journal.entries[i].key);
    }
}

static void change_state(struct state_request *request)
{
    char *key = mem_printf("%s|%s|%s", request->journal.run_id ? request->journal.run_id : "",
        request->journal.kind ? request->journal.kind : "",
        request->journal.what ? request->journal.what : "");

    switch (request->verb) {
    case STATE_PUT_RUN:
        put(&current->runs, request->run.run_id, state_outcome_name(request->run.outcome));
        break;
    case STATE_ADD_JOURNAL:
        put(&current->journal, key, "1");
        break;
    case STATE_CLEAR_JOURNAL:
        for (size_t i = 0; i < current->journal.count; i++) {
            if (text_starts(current->journal.entries[i].key, request->run_id))
                forget(&current->journal, current->journal.entries[i].key);
        }
        break;
    case STATE_ACQUIRE_LEASE:
        assert(!current->leased);
        current->leased = true;
        current->fence = MAX(current->fence + 1, request->fence_at_least);
        request->lease.fence = current->fence;
        break;
    case STATE_RELEASE_LEASE:
        assert(current->leased);
        current->leased = false;
        break;
    default:
        break;
    }
    free(key);
}

static void finish_state(struct fake_operation *operation, const struct error *err)
{
    struct state_request *request = operation->request;

    if (!err && request->verb == STATE_LIST_JOURNAL)
        list_journal(request);
    else if (!err || (effective(err) && request->verb != STATE_ACQUIRE_LEASE))
        change_state(request);
    request->done(request, err);
}

static void start_state(struct state *state, struct state_request *request)
{
    request->state = state;
    start(request, finish_state);
}

static struct state *open_state(const struct state_options *options, struct error *err);

static void close_state(struct state *state)
{
    free(state);
}

static const struct state_type state_type = {
    .scheme = "sqlite", .open = open_state, .start = start_state, .close = close_state};

static struct state *open_state(const struct state_options *options, struct error *err)
{
    struct state *state = mem_new(struct state);

    (void)options;
    (void)err;
    state->type = &state_type;
    return state;
}

/* --- catalog --- */

static void answer(struct catalog_query *query)
{
    if (query->verb == CATALOG_GET_COMMIT && table_get(&current->committed, query->run_id)) {
        query->commits = arena_array(query->arena, 1, sizeof(*query->commits));
        query->commits[query->count++] =
            (struct catalog_commit){.run_id = query->run_id, .instance = "", .record = "{}"};
    } else if (query->verb == CATALOG_LIST_SEEN) {
        char *prefix = mem_printf("%s/%s/", query->load, query->extract);

        query->seen = arena_array(query->arena, FAKE_SEEN_MAX, sizeof(*query->seen));
        for (size_t i = 0; i < current->seen.count && query->count < FAKE_SEEN_MAX; i++) {
            if (text_starts(current->seen.entries[i].key, prefix))
                query->seen[query->count++] =
                    (struct catalog_seen){.key = current->seen.entries[i].key + strlen(prefix),
                        .version = current->seen.entries[i].value,
                        .size = 10};
        }
        free(prefix);
    } else if (query->verb == CATALOG_LIST_PUBLICATIONS) {
        query->publications =
            arena_array(query->arena, current->publications.count, sizeof(*query->publications));
        for (size_t i = 0; i < current->publications.count; i++) {
            const struct table_entry *entry = &current->publications.entries[i];

            if (entry->value)
                query->publications[query->count++] = (struct catalog_publication){
                    .run_id = "r", .load = entry->key, .from = "staged", .to = entry->value};
        }
    }
}

static void finish_query(struct fake_operation *operation, const struct error *err)
{
    struct catalog_query *query = operation->request;

    if (!err)
        answer(query);
    query->done(query, err);
}

static void start_query(struct catalog *catalog, struct catalog_query *query)
{
    query->catalog = catalog;
    start(query, finish_query);
}

static void make_change(const struct catalog_change *change)
{
    char *key = NULL;

    switch (change->verb) {
    case CATALOG_RAISE_FENCE:
        current->catalog_fence = change->fence.fence;
        break;
    case CATALOG_STAGE_DELTA:
        current->deltas++;
        for (size_t i = 0; i < change->delta.file_count; i++)
            current->delta_rows += change->delta.files[i].rows;
        break;
    case CATALOG_ADD_SEEN:
        key = mem_printf("%s/%s/%s", change->seen.cursor.load, change->seen.cursor.extract,
            change->seen.seen.key);
        put(&current->seen, key, change->seen.seen.version);
        break;
    case CATALOG_RECORD_COMMIT:
        assert(!table_get(&current->committed, change->commit.run_id));
        put(&current->committed, change->commit.run_id, change->commit.record);
        break;
    case CATALOG_ADD_PUBLICATION:
        put(&current->publications, change->publication.load, change->publication.to);
        break;
    case CATALOG_END_PUBLICATION:
        forget(&current->publications, change->publication.load);
        break;
    default:
        break;
    }
    free(key);
}

static void finish_apply(struct fake_operation *operation, const struct error *err)
{
    struct catalog_apply *apply = operation->request;

    for (size_t i = 0; effective(err) && i < apply->count; i++)
        make_change(&apply->changes[i]);
    apply->done(apply, err);
}

static void start_apply(struct catalog *catalog, struct catalog_apply *apply)
{
    apply->catalog = catalog;
    start(apply, finish_apply);
}

static void cancel_catalog(struct catalog *catalog)
{
    (void)catalog;
}

static struct catalog *open_catalog(const struct catalog_options *options, struct error *err);

static void close_catalog(struct catalog *catalog)
{
    free(catalog);
}

static const struct catalog_type catalog_type = {.scheme = "sqlite",
    .open = open_catalog,
    .query = start_query,
    .apply = start_apply,
    .cancel = cancel_catalog,
    .close = close_catalog};

static struct catalog *open_catalog(const struct catalog_options *options, struct error *err)
{
    struct catalog *catalog = mem_new(struct catalog);

    (void)options;
    (void)err;
    catalog->type = &catalog_type;
    return catalog;
}

/* --- SQL engine: a statement is the name of the dataset that it reads --- */

static int parse(const char *sql, struct arena *arena, struct sql_statement *ret_statement,
    size_t *ret_offset, struct error *err)
{
    (void)ret_offset;
    (void)err;
    *ret_statement = (struct sql_statement){
        .tables = arena_new(arena, struct sql_table), .table_count = 1, .row_wise = true};
    ret_statement->tables[0] =
        (struct sql_table){.name = arena_strdup(arena, sql), .is_driver = true};
    return 0;
}

static struct sql_dataset dataset(struct sql_request *request, const char *name)
{
    struct sql_column *column = arena_new(request->arena, struct sql_column);

    *column = (struct sql_column){.name = "a", .type = "BIGINT"};
    return (struct sql_dataset){
        .name = name, .schema = {.columns = column, .count = 1}, .rows = current->rows};
}

static void write_files(struct sql_request *request)
{
    struct sql_write *write = &request->write;

    write->ret_files = current->rows > 0 ? current->files_per_load : 0;
    for (unsigned i = 0; i < write->ret_files; i++) {
        const struct sql_file file = {.path = arena_printf(request->arena, "%s/%s-%u.parquet",
                                          write->folder, write->prefix, i),
            .rows = current->rows / current->files_per_load,
            .bytes = 100};

        write->on_file(request, &file);
    }
    write->ret_rows = current->rows;
}

static void finish_sql(struct fake_operation *operation, const struct error *err)
{
    struct sql_request *request = operation->request;

    if (!err && request->verb == SQL_SCAN)
        request->scan.ret_dataset = dataset(request, request->scan.dataset);
    else if (!err && request->verb == SQL_DERIVE)
        request->derive.ret_dataset = dataset(request, request->derive.dataset);
    else if (!err && request->verb == SQL_CHECK)
        request->check.ret_passed = !current->check_fails;
    else if (request->verb == SQL_WRITE && effective(err))
        write_files(request);
    else if (!err && request->verb == SQL_EXPORT)
        request->export.ret_rows = current->rows;
    request->done(request, err);
}

static void start_sql(struct sql_session *session, struct sql_request *request)
{
    request->session = session;
    request->operation = start(request, finish_sql);
}

static void cancel_sql(struct sql_request *request)
{
    cancel(request->operation);
}

static void progress(struct sql_request *request, struct sql_progress *ret_progress)
{
    (void)request;
    *ret_progress = (struct sql_progress){.share = 0.5};
}

static struct sql_session *open_session(
    const struct sql_session_options *options, struct error *err);

static void close_session(struct sql_session *session)
{
    if (session)
        current->sessions--;
    free(session);
}

static uint64_t memory_minimum(unsigned threads)
{
    return threads;
}

static uint64_t memory_share(uint64_t bytes, unsigned threads)
{
    return bytes - threads;
}

static const struct sql_engine_type sql_type = {.name = "fake",
    .parse = parse,
    .open = open_session,
    .start = start_sql,
    .cancel = cancel_sql,
    .progress = progress,
    .close = close_session,
    .memory_minimum = memory_minimum,
    .memory_share = memory_share};

static struct sql_session *open_session(
    const struct sql_session_options *options, struct error *err)
{
    struct sql_session *session = mem_new(struct sql_session);

    (void)options;
    (void)err;
    session->type = &sql_type;
    current->sessions++;
    return session;
}

static int load_sql(const struct sql_engine_type **ret_type, struct error *err)
{
    (void)err;
    *ret_type = &sql_type;
    return 0;
}

/* --- all of them --- */

void fakes_init(struct fakes *fakes, unsigned seed)
{
    *fakes = (struct fakes){.random = seed * 0x9e3779b97f4a7c15U + 1,
        .delay_max_ms = 2,
        .fail_with = ERROR_IO,
        .rows = 12,
        .files_per_load = 3,
        .source_keys = {"a.csv", "b.csv"},
        .source_count = 2};
}

static void free_values(struct table *table)
{
    for (size_t i = 0; i < table->count; i++)
        free(table->entries[i].value);
    table_deinit(table);
}

void fakes_deinit(struct fakes *fakes)
{
    free_values(&fakes->objects);
    free_values(&fakes->committed);
    free_values(&fakes->seen);
    free_values(&fakes->publications);
    free_values(&fakes->journal);
    free_values(&fakes->runs);
}

size_t fakes_left(const struct table *table)
{
    size_t count = 0;

    for (size_t i = 0; i < table->count; i++)
        count += table->entries[i].value != NULL;
    return count;
}

const struct engine_registry *fakes_registry(struct fakes *fakes)
{
    static const struct store_type *const stores[] = {&store_type, NULL};
    static const struct catalog_type *const catalogs[] = {&catalog_type, NULL};
    static const struct state_type *const states[] = {&state_type, NULL};
    static const struct engine_registry registry = {
        .stores = stores, .catalogs = catalogs, .states = states, .load_sql = load_sql};

    current = fakes;
    return &registry;
}
