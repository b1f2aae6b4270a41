#include "tests/unit/fakes.h"

#include "runner/base/buffer.h"
#include "tests/unit/fakes_private.h"

#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { HANG_MAX_MS = 60 * 1000, LONG_MS = 30 * 60 * 1000, OBJECT_BYTES = 10 };

struct fakes *fakes_current;

/* --- operations --- */

static uint64_t next_random(void)
{
    struct fakes *fakes = fakes_current;

    fakes->random ^= fakes->random << 13;
    fakes->random ^= fakes->random >> 7;
    fakes->random ^= fakes->random << 17;
    return fakes->random;
}

static void on_closed(struct timer *timer)
{
    struct fake_operation *operation = container_of(timer, struct fake_operation, timer);
    const bool failed = operation->err.code != ERROR_NONE;

    fakes_current->open--;
    fakes_current->transfers -= operation->transfer;
    operation->finish(operation, failed ? &operation->err : NULL);
    free(operation);
}

static void on_fired(struct timer *timer)
{
    struct fake_operation *operation = container_of(timer, struct fake_operation, timer);

    assert(!operation->hangs || operation->err.code); /* it hung, and nobody cancelled it */
    timer_close(timer, on_closed);
}

/* What is to befall the operation of this name. */
static void choose_fault(struct fake_operation *operation, const char *name)
{
    struct fakes *fakes = fakes_current;

    if (++fakes->operations == fakes->fail_at) {
        error_set(&operation->err, fakes->fail_with, "operation %u failed", fakes->fail_at);
        operation->after_effect = fakes->fail_after_effect;
    }
    for (size_t i = 0; i < FAKE_FAULTS_MAX && !operation->err.code; i++) {
        struct fake_fault *fault = &fakes->faults[i];

        if (!fault->operation || !text_starts(name, fault->operation) || fault->times == 0)
            continue;
        if (fault->skip > 0) {
            fault->skip--;
            continue;
        }
        fault->times--;
        operation->hangs = fault->hangs;
        operation->after_effect = fault->after_effect;
        if (!fault->hangs)
            error_set(&operation->err, fault->code, "%s failed", name);
    }
}

static void fire_long_timer(uv_handle_t *handle, void *data)
{
    uv_timer_t *timer = (uv_timer_t *)handle;

    (void)data;
    if (handle->type == UV_TIMER && uv_is_active(handle) && !uv_is_closing(handle) &&
        uv_timer_get_due_in(timer) >= LONG_MS)
        uv_timer_start(timer, timer->timer_cb, 0, 0);
}

struct fake_operation *fake_start(
    char *name, void *request, void (*finish)(struct fake_operation *, const struct error *))
{
    struct fake_operation *operation = mem_new(struct fake_operation);
    struct fakes *fakes = fakes_current;

    operation->request = request;
    operation->finish = finish;
    operation->transfer = text_starts(name, "store.get") || text_starts(name, "store.put") ||
                          text_starts(name, "store.check");
    fakes->open++;
    fakes->transfers += operation->transfer;
    fakes->transfers_max = MAX(fakes->transfers_max, fakes->transfers);
    if (!fakes->forgetful) {
        assert(fakes->started_count < FAKE_STARTED_MAX);
        fakes->started[fakes->started_count++] = name;
    }
    if (fakes->watch)
        fakes->watch(fakes, name);
    choose_fault(operation, name);
    if (fakes->forgetful)
        free(name);
    if (operation->hangs)
        uv_walk(&fakes->loop->uv, fire_long_timer, NULL);
    timer_init(&operation->timer, fakes->loop);
    timer_start(&operation->timer,
        operation->hangs ? HANG_MAX_MS : next_random() % (fakes->delay_max_ms + 1), 0, on_fired);
    return operation;
}

void fake_cancel(struct fake_operation *operation)
{
    if (!operation->err.code)
        error_set(&operation->err, ERROR_STOPPED, "cancelled");
    if (operation->hangs && !uv_is_closing((uv_handle_t *)&operation->timer.handle))
        timer_start(&operation->timer, 0, 0, on_fired);
}

bool fake_effective(const struct fake_operation *operation, const struct error *err)
{
    return !err || (operation->after_effect && err->class != ERROR_CANCELLED);
}

void fake_put(struct table *table, const char *key, const char *value)
{
    free(table_put(table, key, mem_strdup(value)));
}

void fake_forget(struct table *table, const char *key)
{
    free(table_put(table, key, NULL));
}

void fake_touch(const char *path)
{
    int fd;

    if (fakes_current->forgetful)
        return;
    fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        perror(path);
    assert(fd >= 0);
    close(fd);
}

/* --- store --- */

static void add_object(struct store_request *request, const char *key, const char *version)
{
    assert(request->object_count < FAKE_MAX);
    request->objects[request->object_count++] =
        (struct store_object){.key = key, .size = OBJECT_BYTES, .version = version};
}

/* What matches among the sources and among the objects that were put. */
static void list_objects(struct store_request *request)
{
    const struct fakes *fakes = fakes_current;

    request->objects = arena_array(request->arena, FAKE_MAX, sizeof(*request->objects));
    for (size_t i = 0; i < fakes->source_count; i++) {
        if (text_glob(request->key, fakes->sources[i].key))
            add_object(request, fakes->sources[i].key, fakes->sources[i].version);
    }
    for (size_t i = 0; i < fakes->objects.count; i++) {
        const struct table_entry *entry = &fakes->objects.entries[i];

        if (entry->value && text_glob(request->key, entry->key))
            add_object(request, entry->key, entry->value);
    }
}

static void list_pages(struct store_request *request, struct error *err)
{
    struct arena arena;

    arena_init(&arena);
    request->arena = &arena;
    list_objects(request);
    request->page(request, request->objects, request->object_count, err);
    request->object_count = 0;
    arena_deinit(&arena);
}

static bool source_is(const char *key, const char *version)
{
    for (size_t i = 0; i < fakes_current->source_count; i++) {
        if (strcmp(fakes_current->sources[i].key, key) == 0)
            return strcmp(fakes_current->sources[i].version, version) == 0;
    }
    return false;
}

static void do_store(struct store_request *request, struct error *err)
{
    switch (request->verb) {
    case STORE_LIST:
        if (request->page)
            list_pages(request, err);
        else
            list_objects(request);
        break;
    case STORE_GET:
    case STORE_CHECK:
        if (!request->expect && !table_get(&fakes_current->objects, request->key))
            error_set(err, ERROR_NOT_FOUND, "%s is not there", request->key);
        else if (request->expect && !source_is(request->key, request->expect->version))
            error_set(err, ERROR_CHANGED, "%s changed while it was read", request->key);
        else if (request->verb == STORE_GET)
            fake_touch(request->path);
        break;
    case STORE_PUT: /* moves it, whatever `move` says */
        if (!fakes_current->forgetful && unlink(request->path))
            error_set(err, ERROR_NOT_FOUND, "%s: no such file", request->path);
        else
            fake_put(&fakes_current->objects, request->key, "1");
        break;
    case STORE_DELETE:
        fake_forget(&fakes_current->objects, request->key);
        break;
    case STORE_SWEEP: /* puts here are whole */
        break;
    }
}

static void finish_store(struct fake_operation *operation, const struct error *err)
{
    struct store_request *request = operation->request;
    struct error outcome = {0};

    error_keep_first(&outcome, err);
    if (fake_effective(operation, err))
        do_store(request, err ? &(struct error){0} : &outcome);
    request->store = NULL;
    request->done(request, outcome.code ? &outcome : NULL);
}

static void start_store(struct store *store, struct store_request *request)
{
    static const char *const verbs[] = {"list", "get", "check", "put", "delete", "sweep"};

    request->store = store;
    request->operation = fake_start(
        mem_printf("store.%s %s", verbs[request->verb], request->key), request, finish_store);
}

static void cancel_store(struct store_request *request)
{
    if (request->store)
        fake_cancel(request->operation);
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
static struct state_journal journal_of(struct arena *arena, const struct table_entry *entry)
{
    char *copy = arena_strdup(arena, entry->key), *rest = copy;
    struct state_journal journal = {0};

    journal.run_id = strsep(&rest, "|");
    journal.kind = strsep(&rest, "|");
    journal.what = rest;
    journal.fence = entry->value ? strtoll(entry->value, NULL, 10) : 0;
    journal.bytes = OBJECT_BYTES;
    return journal;
}

static void list_journal(struct state_request *request)
{
    const struct table *journal = &fakes_current->journal;

    request->journals = arena_array(request->arena, journal->count, sizeof(*request->journals));
    for (size_t i = 0; i < journal->count; i++) {
        const struct state_journal entry = journal_of(request->arena, &journal->entries[i]);

        if (journal->entries[i].value && (strcmp(entry.run_id, fakes_current->holder) != 0 ||
                                             text_equal(entry.run_id, request->run_id)))
            request->journals[request->count++] = entry;
    }
}

/* The run that is asked for. */
static void get_run(struct state_request *request)
{
    const struct table *runs = &fakes_current->runs;

    request->runs = arena_array(request->arena, runs->count, sizeof(*request->runs));
    for (size_t i = 0; i < runs->count; i++) {
        struct state_run *run = &request->runs[request->count];

        if (strcmp(runs->entries[i].key, request->run_id) != 0)
            continue;
        request->count++;
        run->run_id = runs->entries[i].key;
        run->outcome = STATE_RUNNING;
        while (strcmp(state_outcome_name(run->outcome), runs->entries[i].value) != 0)
            run->outcome++;
    }
}

static void put_run(const struct state_run *run)
{
    char rows[32];

    snprintf(rows, sizeof(rows), "%lld", (long long)run->rows);
    fake_put(&fakes_current->runs, run->run_id, state_outcome_name(run->outcome));
    fake_put(&fakes_current->run_rows, run->run_id, rows);
    fake_put(&fakes_current->run_errors, run->run_id, run->error ? run->error : "");
}

static void acquire(struct state_request *request, struct error *err)
{
    struct fakes *fakes = fakes_current;

    if (fakes->leased && strcmp(fakes->holder, request->lease.run_id) != 0) {
        request->watch_ms = fakes->watches > 1;
        if (fakes->watches == 0 || --fakes->watches > 0) {
            error_set(err, ERROR_BUSY, "leased by run %s", fakes->holder);
            return;
        }
    }
    fakes->leased = true;
    snprintf(fakes->holder, sizeof(fakes->holder), "%s", request->lease.run_id);
    fakes->fence = MAX(fakes->fence + 1, request->fence_at_least);
    request->lease.fence = fakes->fence;
}

static void release(const struct state_request *request)
{
    struct fakes *fakes = fakes_current;

    if (!fakes->leased || request->lease.fence != fakes->fence)
        return;
    fakes->leased = false;
    fakes->holder[0] = '\0';
}

static void add_journal(const struct state_journal *entry)
{
    char *key = mem_printf("%s|%s|%s", entry->run_id, entry->kind, entry->what);
    char fence[32];

    snprintf(fence, sizeof(fence), "%lld", (long long)entry->fence);
    fake_put(&fakes_current->journal, key, fence);
    free(key);
}

static void clear_journal(const struct state_request *request)
{
    char *prefix = mem_printf("%s|", request->run_id);

    for (size_t i = 0; i < fakes_current->journal.count; i++) {
        const struct table_entry *entry = &fakes_current->journal.entries[i];

        if (entry->value && text_starts(entry->key, prefix) &&
            (request->lease.fence == 0 || strtoll(entry->value, NULL, 10) <= request->lease.fence))
            fake_forget(&fakes_current->journal, fakes_current->journal.entries[i].key);
    }
    free(prefix);
}

static void do_state(struct state_request *request, struct error *err)
{
    switch (request->verb) {
    case STATE_PUT_RUN:
        put_run(&request->run);
        break;
    case STATE_GET_RUN:
        get_run(request);
        break;
    case STATE_ADD_JOURNAL:
        if (!request->entries)
            add_journal(&request->journal);
        for (size_t i = 0; i < request->entry_count; i++)
            add_journal(&request->entries[i]);
        break;
    case STATE_LIST_HOOKS:
    case STATE_END_HOOK:
        break;
    case STATE_LIST_JOURNAL:
        list_journal(request);
        break;
    case STATE_CLEAR_JOURNAL:
        clear_journal(request);
        break;
    case STATE_ACQUIRE_LEASE:
        acquire(request, err);
        break;
    case STATE_RENEW_LEASE:
        if (!fakes_current->leased || request->lease.fence != fakes_current->fence)
            error_set(err, ERROR_FENCED, "the lease was lost to run %s", fakes_current->holder);
        break;
    case STATE_RELEASE_LEASE:
        release(request);
        break;
    default:
        assert(!"the engine does not ask this");
    }
}

static void finish_state(struct fake_operation *operation, const struct error *err)
{
    struct state_request *request = operation->request;
    struct error outcome = {0};

    error_keep_first(&outcome, err);
    if (fake_effective(operation, err) && !(err && request->verb == STATE_ACQUIRE_LEASE))
        do_state(request, err ? &(struct error){0} : &outcome);
    request->done(request, outcome.code ? &outcome : NULL);
}

static void start_state(struct state *state, struct state_request *request)
{
    static const char *const verbs[] = {[STATE_PUT_RUN] = "put_run",
        [STATE_LIST_RUNS] = "list_runs",
        [STATE_LIST_HOOKS] = "list_hooks",
        [STATE_END_HOOK] = "end_hook",
        [STATE_ADD_JOURNAL] = "add_journal",
        [STATE_LIST_JOURNAL] = "list_journal",
        [STATE_CLEAR_JOURNAL] = "clear_journal",
        [STATE_ACQUIRE_LEASE] = "acquire_lease",
        [STATE_RENEW_LEASE] = "renew_lease",
        [STATE_RELEASE_LEASE] = "release_lease"};
    const char *what = request->verb == STATE_PUT_RUN       ? request->run.run_id
                       : request->entries                   ? request->entries[0].kind
                       : request->verb == STATE_ADD_JOURNAL ? request->journal.kind
                       : request->run_id                    ? request->run_id
                                                            : "";

    request->state = state;
    fake_start(mem_printf("state.%s %s", verbs[request->verb], what), request, finish_state);
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

/* --- all of them --- */

void fakes_init(struct fakes *fakes, unsigned seed)
{
    static const struct sql_column schema[] = {{"a", "BIGINT"}};

    *fakes = (struct fakes){.random = seed * 0x9e3779b97f4a7c15U + 1,
        .delay_max_ms = 2,
        .fail_with = ERROR_IO,
        .rows = 12,
        .dataset_bytes = 100,
        .schema = schema,
        .schema_count = ARRAY_LENGTH(schema),
        .files_per_load = 3,
        .sources = {{"data/b.csv", "v1"}, {"data/x-1.csv", "v1"}, {"data/x-2.csv", "v1"}},
        .source_count = 3};
}

static void free_values(struct table *table)
{
    for (size_t i = 0; i < table->count; i++)
        free(table->entries[i].value);
    table_deinit(table);
}

void fakes_deinit(struct fakes *fakes)
{
    fakes_heal(fakes);
    free_values(&fakes->objects);
    free_values(&fakes->seen);
    free_values(&fakes->publications);
    free_values(&fakes->journal);
    free_values(&fakes->runs);
    free_values(&fakes->run_rows);
    free_values(&fakes->run_errors);
    fake_catalog_deinit(fakes);
}

static void add_fault(struct fakes *fakes, struct fake_fault fault)
{
    size_t i = 0;

    while (i < FAKE_FAULTS_MAX && fakes->faults[i].operation)
        i++;
    assert(i < FAKE_FAULTS_MAX);
    fakes->faults[i] = fault;
}

void fakes_fail(struct fakes *fakes, const char *operation, unsigned skip, unsigned times,
    enum error_code code, bool after_effect)
{
    add_fault(fakes, (struct fake_fault){operation, skip, times, code, after_effect, false});
}

void fakes_hang(struct fakes *fakes, const char *operation, unsigned times)
{
    add_fault(fakes, (struct fake_fault){.operation = operation, .times = times, .hangs = true});
}

void fakes_heal(struct fakes *fakes)
{
    memset(fakes->faults, 0, sizeof(fakes->faults));
    fakes->fail_at = 0;
    for (size_t i = 0; i < fakes->started_count; i++)
        free(fakes->started[i]);
    fakes->started_count = 0;
}

unsigned fakes_started(const struct fakes *fakes, const char *name)
{
    unsigned count = 0;

    for (size_t i = 0; i < fakes->started_count; i++)
        count += text_starts(fakes->started[i], name);
    return count;
}

size_t fakes_place(const struct fakes *fakes, const char *name)
{
    for (size_t i = 0; i < fakes->started_count; i++) {
        if (text_starts(fakes->started[i], name))
            return i;
    }
    return FAKE_STARTED_MAX;
}

size_t fakes_left(const struct table *table)
{
    size_t count = 0;

    for (size_t i = 0; i < table->count; i++)
        count += table->entries[i].value != NULL;
    return count;
}

static int load_sql(const struct sql_engine_type **ret_type, struct error *err)
{
    (void)err;
    *ret_type = &fake_sql_type;
    return 0;
}

const struct engine_registry *fakes_registry(struct fakes *fakes)
{
    static const struct store_type *const stores[] = {&store_type, NULL};
    static const struct catalog_type *const catalogs[] = {&fake_catalog_type, NULL};
    static const struct state_type *const states[] = {&state_type, NULL};
    static const struct engine_registry registry = {
        .stores = stores, .catalogs = catalogs, .states = states, .load_sql = load_sql};

    fakes_current = fakes;
    return &registry;
}
