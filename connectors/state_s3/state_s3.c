#include "connectors/state_s3/state_s3.h"

#include "connectors/s3/uri.h"
#include "connectors/state_s3/state_s3_private.h"
#include "runner/base/buffer.h"
#include "runner/base/mem.h"
#include "runner/base/text.h"
#include "runner/base/time.h"

#include <assert.h>
#include <ctype.h>
#include <string.h>

/* --- names --- */

static void append_name(struct buffer *key, const char *name)
{
    for (; *name; name++) {
        if (isalnum((unsigned char)*name) || *name == '-' || *name == '_')
            buffer_putc(key, *name);
        else
            buffer_printf(key, "%%%02X", (unsigned char)*name);
    }
}

char *state_s3_key(const struct state_s3 *owner, const char *folder, const char *name,
    const char *instance, const char *end)
{
    struct buffer key;
    char *text;

    buffer_init(&key, 0);
    buffer_printf(&key, "%s%s/", owner->prefix, folder);
    append_name(&key, name);
    if (instance && *instance) {
        buffer_putc(&key, '@');
        append_name(&key, instance);
    }
    buffer_puts(&key, end);
    text = mem_strdup(key.data);
    buffer_deinit(&key);
    return text;
}

struct slot *state_s3_slot(struct state_s3 *owner, const char *pipeline, const char *instance)
{
    struct slot *slot;

    for (size_t i = 0; i < owner->slot_count; i++) {
        if (strcmp(owner->slots[i]->pipeline, pipeline) == 0 &&
            strcmp(owner->slots[i]->instance, instance) == 0)
            return owner->slots[i];
    }
    slot = mem_new(struct slot);
    slot->owner = owner;
    slot->pipeline = mem_strdup(pipeline);
    slot->instance = mem_strdup(instance);
    slot->key = state_s3_key(owner, "leases", pipeline, instance, ".json");
    owner->slots = mem_grow(owner->slots, &owner->slot_capacity, owner->slot_count,
        sizeof(struct slot *)); /* NOLINT(bugprone-sizeof-expression): it holds pointers */
    owner->slots[owner->slot_count++] = slot;
    return slot;
}

static bool is_of(const json_t *list, const char *run_id)
{
    const json_t *item;
    size_t i;

    json_array_foreach(list, i, item)
    {
        if (text_equal(json_get_text(item, "run_id"), run_id))
            return true;
    }
    return false;
}

struct slot *state_s3_slot_of_run(struct state_s3 *owner, const char *run_id)
{
    for (size_t i = 0; i < owner->slot_count; i++) {
        const json_t *desk = owner->slots[i]->value;

        if (text_equal(json_get_text(desk, "run_id"), run_id) ||
            is_of(json_object_get(desk, "runs"), run_id) ||
            is_of(json_object_get(desk, "journal"), run_id) ||
            is_of(json_object_get(desk, "hooks"), run_id))
            return owner->slots[i];
    }
    return NULL;
}

int64_t state_s3_timeout_ms(const struct state_s3 *owner)
{
    return owner->is_dead ? STATE_S3_DEAD_TIMEOUT_MS : STATE_S3_TIMEOUT_MS;
}

struct desk_sight state_s3_sight(
    const struct state_s3 *owner, int64_t store_ms, int64_t modified_ms)
{
    return (struct desk_sight){.self = &owner->self,
        .steady_ms = owner->steady_ms(),
        .store_ms = store_ms,
        .modified_ms = modified_ms};
}

/* --- operations --- */

static void on_closed(struct timer *timer)
{
    struct operation *operation = container_of(timer, struct operation, timer);
    struct state_request *request = operation->request;
    const struct error err = operation->err;

    operation->owner->running--;
    operation->owner->is_dead = err.class == ERROR_TRANSIENT && err.code != ERROR_BUSY;
    load_deinit(operation);
    json_decref(operation->ended);
    free(operation->run_key);
    free(operation);
    request->done(request, err.code ? &err : NULL);
}

static void on_turn(struct timer *timer)
{
    timer_close(timer, on_closed);
}

void operation_end(struct operation *operation, const struct error *err)
{
    operation->state = OPERATION_ENDING;
    error_keep_first(&operation->err, err);
    timer_start(&operation->timer, 0, 0, on_turn);
}

bool operation_reads(const struct operation *operation)
{
    const enum state_verb verb = operation->request->verb;

    return verb == STATE_GET_RUN || verb == STATE_LIST_RUNS || verb == STATE_LATEST_RUNS ||
           verb == STATE_LIST_HOOKS || verb == STATE_LIST_JOURNAL || verb == STATE_LIST_LEASES;
}

static int check(
    const struct state_s3 *owner, const struct state_request *request, struct error *err)
{
    const struct state_lease *lease = &request->lease;

    if (owner->read_only)
        return error_set(
            err, ERROR_DENIED, "state %s: it was opened for reading only", owner->name);
    if (request->verb == STATE_PUT_RUN &&
        (!request->run.run_id || !request->run.run_id[0] || !request->run.pipeline))
        return error_set(err, ERROR_INVALID, "a run needs an id and the name of its pipeline");
    if (request->verb == STATE_ACQUIRE_LEASE &&
        (!lease->pipeline || !lease->run_id || !lease->run_id[0]))
        return error_set(err, ERROR_INVALID, "a lease needs the names of a pipeline and of a run");
    return 0;
}

/* Whose document a verb changes; NULL: the request does not say. */
static struct slot *slot_of(struct state_s3 *owner, const struct state_request *request)
{
    const char *pipeline = request->pipeline, *instance = request->instance;
    const char *run_id = request->run_id;

    if (request->verb == STATE_PUT_RUN) {
        pipeline = request->run.pipeline;
        instance = request->run.instance;
    } else if (request->verb == STATE_ACQUIRE_LEASE || request->verb == STATE_RENEW_LEASE ||
               request->verb == STATE_RELEASE_LEASE) {
        pipeline = request->lease.pipeline;
        instance = request->lease.instance;
    } else if (request->verb == STATE_ADD_JOURNAL) {
        run_id = request->entries ? request->entries[0].run_id : request->journal.run_id;
    }
    return pipeline ? state_s3_slot(owner, pipeline, instance ? instance : "")
                    : state_s3_slot_of_run(owner, run_id);
}

static void begin(struct operation *operation)
{
    struct state_request *request = operation->request;
    struct error err = {0};

    if (operation_reads(operation)) {
        load_start(operation);
        return;
    }
    if (check(operation->owner, request, &err) ||
        (request->verb == STATE_ADD_JOURNAL && request->entries && request->entry_count == 0)) {
        operation_end(operation, err.code ? &err : NULL);
        return;
    }
    operation->slot = slot_of(operation->owner, request);
    if (!operation->slot)
        load_resolve(operation);
    else
        slot_take(operation);
}

static void on_started(struct timer *timer)
{
    begin(container_of(timer, struct operation, timer));
}

static void start(struct state *state, struct state_request *request)
{
    struct state_s3 *owner = container_of(state, struct state_s3, state);
    struct operation *operation = mem_new(struct operation);

    operation->owner = owner;
    operation->request = request;
    arena_init(&operation->arena);
    timer_init(&operation->timer, owner->loop);
    request->state = state;
    request->operation = operation;
    request->count = 0;
    request->runs = NULL;
    owner->running++;
    timer_start(&operation->timer, 0, 0, on_started);
}

/* --- opening --- */

static int64_t steady_now_ms(void)
{
    return (int64_t)(time_monotonic_ns() / 1000000);
}

static const char *keep(struct state_s3 *owner, const char *text)
{
    return text ? arena_strdup(&owner->arena, text) : NULL;
}

/* "//bucket/prefix", behind the scheme. */
static int take_location(struct state_s3 *owner, const char *location, struct error *err)
{
    struct s3_uri uri;

    owner->name = arena_printf(&owner->arena, "s3:%s", location);
    if (s3_uri_parse(owner->name, &owner->arena, &uri, err))
        return error_prefix(err, "state");
    owner->bucket = uri.bucket;
    owner->prefix = !*uri.key || text_ends(uri.key, "/")
                        ? uri.key
                        : arena_printf(&owner->arena, "%s/", uri.key);
    return 0;
}

static void free_state(struct state_s3 *owner)
{
    for (size_t i = 0; i < owner->slot_count; i++)
        slot_free(owner->slots[i]);
    free(owner->slots);
    s3_client_free(owner->client);
    arena_deinit(&owner->arena);
    free(owner);
}

static struct state *open_state(const struct state_options *options, struct error *err)
{
    static const struct s3_store_settings none = {0};
    const struct s3_store_settings *settings = options->settings ? options->settings : &none;
    struct s3_client_options client = settings->client;
    struct state_s3 *owner = mem_new(struct state_s3);

    owner->state.type = &state_s3_type;
    owner->loop = options->loop;
    owner->read_only = options->read_only;
    owner->steady_ms = steady_now_ms;
    arena_init(&owner->arena);
    process_self(&owner->self);
    owner->objects = (struct s3_object_options){.content_type = "application/json",
        .sse = keep(owner, settings->objects.sse),
        .sse_kms_key_id = keep(owner, settings->objects.sse_kms_key_id),
        .acl = keep(owner, settings->objects.acl),
        .requester_pays = settings->objects.requester_pays};
    client.loop = options->loop;
    client.log = options->log;
    client.lane = options->lane;
    if (take_location(owner, options->location, err) == 0)
        owner->client = s3_client_new(&client, err);
    if (owner->client)
        return &owner->state;
    free_state(owner);
    return NULL;
}

static void close_state(struct state *state)
{
    struct state_s3 *owner;

    if (!state)
        return;
    owner = container_of(state, struct state_s3, state);
    assert(owner->running == 0);
    free_state(owner);
}

const struct state_type state_s3_type = {
    .scheme = "s3",
    .open = open_state,
    .start = start,
    .close = close_state,
};
