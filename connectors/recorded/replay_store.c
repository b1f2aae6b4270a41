/* The store of a run that is replayed. It has no way to a network: what was read is answered from
 * the recording, what is written goes into a folder of its own. */
#include "connectors/recorded/key.h"
#include "connectors/recorded/replay_private.h"
#include "runner/base/buffer.h"
#include "runner/base/mem.h"
#include "runner/base/text.h"
#include "runner/io/file.h"

#include <string.h>

struct replay_store {
    struct store store;
    struct replay *replay;
    const char *place;
    char *root;
    struct store *inner; /* what this replay itself writes */
    struct work_lane *lane;
};

/* One request that the recording answers, or that writes. */
struct operation {
    struct replay_store *store;
    struct store_request *request;
    bool is_write;
    struct store_request inner; /* of a write: the same under a key of the folder */
    struct work work;
    json_t *line; /* of the recording; NULL: there is none */
    struct error err;
};

static struct replay_store *replay_store_of(const struct store *store)
{
    return container_of((struct store *)store, struct replay_store, store);
}

/* --- what is recorded --- */

static void append_shown(const struct replay_store *store, const char *key, struct buffer *buffer)
{
    char *path;

    if (strstr(key, "://")) {
        text_append_url(buffer, key);
        return;
    }
    path = file_join(store->root, key);
    buffer_puts(buffer, path);
    free(path);
}

static void set_not_recorded(struct operation *operation, const char *why)
{
    static const char *const verbs[] = {
        [STORE_LIST] = "list", [STORE_GET] = "get", [STORE_CHECK] = "check"};
    struct buffer shown;

    buffer_init(&shown, 0);
    append_shown(operation->store, operation->request->key, &shown);
    error_set(&operation->err, ERROR_DATA,
        "%s %s: the recording %s has no answer to it%s: the run asks for something else than when "
        "it was recorded; record it again",
        verbs[operation->request->verb], shown.data, operation->store->replay->folder, why);
    buffer_deinit(&shown);
}

static void get_object(struct operation *operation)
{
    struct store_request *request = operation->request;
    struct body body = {.bytes = (uint64_t)json_get_int(operation->line, "bytes", 0)};
    const char *version = json_get_text(operation->line, "version");

    if (request->expect && version && !text_equal(version, request->expect->version)) {
        set_not_recorded(operation, " in that version");
        return;
    }
    snprintf(body.sha256, sizeof(body.sha256), "%s", json_get_text(operation->line, "sha256"));
    atomic_store(&request->bytes_total, body.bytes);
    request->in_place = false;
    body_give(operation->store->replay->folder, &body, request->path, &request->bytes_done,
        &operation->work.cancelled, &operation->err);
}

static void answer(struct work *work)
{
    struct operation *operation = container_of(work, struct operation, work);
    struct store_request *request = operation->request;
    const json_t *failed = json_object_get(operation->line, "error");

    if (operation->err.code)
        return;
    if (failed) {
        replay_error(failed, &operation->err);
    } else if (request->verb == STORE_GET) {
        get_object(operation);
    } else if (request->verb == STORE_LIST) {
        request->store_ms = json_get_int(operation->line, "store_ms", 0);
        replay_list(operation->store->replay, operation->line, request->arena, &request->objects,
            &request->object_count, &operation->err);
    }
}

static void on_answered(struct work *work, bool ran)
{
    struct operation *operation = container_of(work, struct operation, work);
    struct store_request *request = operation->request;
    struct error err = operation->err;

    if (!ran)
        error_set(&err, ERROR_STOPPED, "cancelled");
    json_decref(operation->line);
    free(operation);
    request->operation = NULL;
    request->done(request, err.code ? &err : NULL);
}

static void start_answer(struct replay_store *store, struct store_request *request)
{
    static const char *const verbs[] = {
        [STORE_LIST] = "list", [STORE_GET] = "get", [STORE_CHECK] = "check"};
    struct operation *operation = mem_new(struct operation);

    operation->store = store;
    operation->request = request;
    operation->line = replay_find(
        store->replay, verbs[request->verb], store->place, request->key, &operation->err);
    /* A check that failed was noted, one that did not fail was not. */
    if (!operation->line && !operation->err.code && request->verb != STORE_CHECK)
        set_not_recorded(operation, "");
    operation->work = (struct work){.run = answer, .done = on_answered};
    request->store = &store->store;
    request->operation = operation;
    work_submit(store->lane, &operation->work);
}

/* --- what is written --- */

/* "outside/data/x.csv" for "/data/x.csv" and "outside/s3/bucket/x.csv" for a URL. */
static char *inner_key(const char *key)
{
    const char *colon = strstr(key, "://");

    if (colon)
        return mem_printf("outside/%.*s/%s", (int)(colon - key), key, colon + 3);
    return key[0] == '/' ? mem_printf("outside%s", key) : mem_strdup(key);
}

static bool is_write(const struct store_request *request)
{
    return request->verb != STORE_LIST && request->verb != STORE_GET &&
           request->verb != STORE_CHECK;
}

/* Of the tables' store files are read that this replay has written, and of others those that were
 * recorded. */
static bool is_inner(const struct replay_store *store, const struct store_request *request)
{
    struct error err = {0};
    json_t *line;
    bool recorded;

    if (strcmp(store->place, "tables") != 0)
        return false;
    if (request->verb == STORE_LIST)
        return true;
    line = replay_find(store->replay, "get", store->place, request->key, &err);
    recorded = line || err.code;
    json_decref(line);
    return !recorded;
}

static void on_written(struct store_request *inner, const struct error *err)
{
    struct operation *operation = container_of(inner, struct operation, inner);
    struct store_request *request = operation->request;
    struct error failed = {0};

    if (err)
        failed = *err;
    request->object_count = inner->object_count;
    free((char *)inner->key);
    free(operation);
    request->operation = NULL;
    request->done(request, failed.code ? &failed : NULL);
}

static void start_write(struct replay_store *store, struct store_request *request)
{
    struct operation *operation = mem_new(struct operation);
    struct store_request *inner = &operation->inner;

    operation->store = store;
    operation->request = request;
    operation->is_write = true;
    inner->verb = request->verb;
    inner->key = inner_key(request->key);
    inner->path = request->path;
    inner->move = request->move;
    inner->replace = request->replace;
    inner->done = on_written;
    request->store = &store->store;
    request->operation = operation;
    store->inner->type->start(store->inner, inner);
}

/* --- the vtable --- */

static void replay_start(struct store *face, struct store_request *request)
{
    struct replay_store *store = replay_store_of(face);

    if (is_write(request))
        start_write(store, request);
    else if (is_inner(store, request))
        store->inner->type->start(store->inner, request);
    else
        start_answer(store, request);
}

static const struct store_type replay_type;

static void replay_cancel(struct store_request *request)
{
    struct operation *operation = request->operation;

    if (!operation)
        return;
    if (request->store->type != &replay_type)
        request->store->type->cancel(request);
    else if (operation->is_write)
        operation->inner.store->type->cancel(&operation->inner);
    else
        work_cancel(&operation->work);
}

static void replay_describe(const struct store *face, const char *key, struct buffer *buffer)
{
    append_shown(replay_store_of(face), key, buffer);
}

/* Keys of a recording are what cursors know; those of the pipeline become so. */
static void replay_identify(const struct store *face, const char *key, struct buffer *buffer)
{
    (void)face;
    recorded_key(key, buffer);
}

static void replay_store_close(struct store *face)
{
    struct replay_store *store = replay_store_of(face);

    store->inner->type->close(store->inner);
    free(store->root);
    free(store);
}

static const struct store_type replay_type = {
    .scheme = "replayed",
    .start = replay_start,
    .cancel = replay_cancel,
    .describe = replay_describe,
    .identify = replay_identify,
    .close = replay_store_close,
};

struct store *replay_wrap(struct replay *replay, const char *place, const char *root,
    struct store *store, struct work_lane *lane)
{
    struct replay_store *front = mem_new(struct replay_store);

    front->store.type = &replay_type;
    front->replay = replay;
    front->place = place;
    front->root = mem_strdup(root);
    front->inner = store;
    front->lane = lane;
    return &front->store;
}
