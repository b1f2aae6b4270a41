/* In front of a store while a run is recorded: requests go on to it as they are; what is read is
 * noted before the run hears of it. */
#include "connectors/recorded/key.h"
#include "connectors/recorded/recording_private.h"
#include "runner/base/buffer.h"
#include "runner/base/mem.h"

#include <string.h>

struct record_store {
    struct store store;
    struct recording *recording;
    const char *place;
    struct store *inner;
    struct work_lane *lane;
    struct operation *first; /* that are under way */
};

struct operation {
    struct record_store *store;
    struct store_request *request;
    store_done_fn done; /* the caller's */
    struct operation *previous, *next;
    struct work work; /* keeping the body */
    bool keeping;
    const struct mask *mask; /* of the object; NULL: none */
    struct body body;
    struct error err;
};

static struct record_store *record_store_of(const struct store *store)
{
    return container_of((struct store *)store, struct record_store, store);
}

static struct operation *find(const struct record_store *store, const struct store_request *request)
{
    struct operation *operation = store->first;

    while (operation && operation->request != request)
        operation = operation->next;
    return operation;
}

static void unlink_operation(struct operation *operation)
{
    if (operation->previous)
        operation->previous->next = operation->next;
    else
        operation->store->first = operation->next;
    if (operation->next)
        operation->next->previous = operation->previous;
}

/* --- lines --- */

static json_t *line_of(const struct operation *operation, const char *verb)
{
    const struct store_request *request = operation->request;
    json_t *line = json_object();

    json_put_text(line, "verb", verb);
    json_put_text(line, "store", operation->store->place);
    recorded_put_key(line, request->key);
    if (request->expect)
        json_put_text(line, "version", request->expect->version);
    if (operation->err.code)
        json_object_set_new(line, "error", recording_error_json(&operation->err));
    return line;
}

/* From now on it is known by its key that a mask is for it. */
static void note_masks(struct recording *recording, const struct store_request *request)
{
    for (size_t i = 0; i < recording->mask_count; i++) {
        const struct mask *mask = &recording->masks[i];

        for (size_t j = 0; strcmp(mask->from, request->key) == 0 && j < request->object_count; j++)
            table_put(&recording->masked, request->objects[j].key, (void *)mask);
    }
}

static void write_listing(const struct operation *operation)
{
    struct recording *recording = operation->store->recording;
    const struct store_request *request = operation->request;
    const int64_t number = ++recording->listings;
    const int64_t first = recording->manifest.offset;
    json_t *line = line_of(operation, "list");

    if (!operation->err.code)
        note_masks(recording, request);
    for (size_t i = 0; !operation->err.code && i < request->object_count; i++) {
        const struct store_object *object = &request->objects[i];
        json_t *entry = json_object();

        json_put_int(entry, "object_of", number);
        recorded_put_key(entry, object->key);
        json_put_int(entry, "bytes", (int64_t)object->size);
        json_put_int(entry, "modified_ms", object->modified_ms);
        json_put_text(entry, "version", object->version);
        manifest_write(&recording->manifest, entry, false);
    }
    json_put_int(line, "listing", number);
    if (!operation->err.code) {
        json_put_int(line, "objects", (int64_t)request->object_count);
        json_put_int(line, "first", first);
        json_put_int(line, "store_ms", request->store_ms);
    }
    manifest_write(&recording->manifest, line, true);
}

static void write_answer(struct operation *operation)
{
    struct recording *recording = operation->store->recording;
    json_t *line;

    if (operation->err.class == ERROR_CANCELLED)
        return;
    recording->requests++;
    switch (operation->request->verb) {
    case STORE_LIST:
        write_listing(operation);
        break;
    case STORE_GET:
        line = line_of(operation, "get");
        if (!operation->err.code) {
            json_put_text(line, "sha256", operation->body.sha256);
            json_put_int(line, "bytes", (int64_t)operation->body.bytes);
            recording->bytes += operation->body.bytes;
        }
        manifest_write(&recording->manifest, line, true);
        break;
    default: /* of checks only those that fail say something */
        if (operation->err.code)
            manifest_write(&recording->manifest, line_of(operation, "check"), true);
        break;
    }
    if (recording->manifest.err.code && !operation->err.code)
        operation->err = recording->manifest.err;
}

/* --- the flow --- */

static void end(struct operation *operation)
{
    struct store_request *request = operation->request;
    struct error err;

    write_answer(operation);
    unlink_operation(operation);
    err = operation->err;
    free(operation);
    request->done(request, err.code ? &err : NULL);
}

static void on_kept(struct work *work, bool ran)
{
    struct operation *operation = container_of(work, struct operation, work);

    if (!ran)
        error_set(&operation->err, ERROR_STOPPED, "%s: cancelled", operation->request->path);
    end(operation);
}

static void keep(struct work *work)
{
    struct operation *operation = container_of(work, struct operation, work);

    if (body_add(operation->store->recording->folder, operation->request->path, operation->mask,
            &work->cancelled, &operation->body, &operation->err))
        error_prefix(&operation->err, "recording into %s", operation->store->recording->folder);
}

static void on_done(struct store_request *request, const struct error *err)
{
    struct record_store *store = record_store_of(request->store);
    struct operation *operation = find(store, request);

    request->done = operation->done;
    if (err)
        operation->err = *err;
    if (err || request->verb != STORE_GET) {
        end(operation);
        return;
    }
    operation->keeping = true;
    operation->mask = table_get(&store->recording->masked, request->key);
    if (operation->mask && dialect_compression_of(request->key) != COMPRESSION_NONE) {
        error_set(&operation->err, ERROR_NOT_SUPPORTED,
            "%s masks columns, and %s is compressed: a recording would hold their bytes; record "
            "the pipeline over files that are not",
            operation->mask->what, request->key);
        end(operation);
        return;
    }
    operation->work = (struct work){.run = keep, .done = on_kept};
    work_submit(store->lane, &operation->work);
}

/* What the engine writes is no input, nor is what lies in the store of tables: of it files are read
 * that the catalog names. */
static bool is_recorded(const struct record_store *store, const struct store_request *request)
{
    switch (request->verb) {
    case STORE_LIST:
        return !request->page &&
               (strcmp(store->place, "tables") != 0 || strstr(request->key, "://"));
    case STORE_GET:
    case STORE_CHECK:
        return true;
    default:
        return false;
    }
}

static void record_start(struct store *face, struct store_request *request)
{
    struct record_store *store = record_store_of(face);
    struct operation *operation;

    if (is_recorded(store, request)) {
        operation = mem_new(struct operation);
        *operation = (struct operation){
            .store = store, .request = request, .done = request->done, .next = store->first};
        if (store->first)
            store->first->previous = operation;
        store->first = operation;
        request->done = on_done;
    }
    store->inner->type->start(store->inner, request);
    request->store = face;
}

static void record_cancel(struct store_request *request)
{
    struct record_store *store;
    struct operation *operation;

    if (!request->store)
        return;
    store = record_store_of(request->store);
    operation = find(store, request);
    if (operation && operation->keeping)
        work_cancel(&operation->work);
    else
        store->inner->type->cancel(request);
}

/* --- questions, which the store behind it answers --- */

static void record_describe(const struct store *face, const char *key, struct buffer *buffer)
{
    const struct store *inner = record_store_of(face)->inner;

    inner->type->describe(inner, key, buffer);
}

static void record_identify(const struct store *face, const char *key, struct buffer *buffer)
{
    const struct store *inner = record_store_of(face)->inner;

    if (inner->type->identify)
        inner->type->identify(inner, key, buffer);
    else
        buffer_puts(buffer, key);
}

static uint64_t record_memory(const struct store *face)
{
    const struct store *inner = record_store_of(face)->inner;

    return inner->type->memory ? inner->type->memory(inner) : 0;
}

static bool record_local_path(const struct store *face, const char *key, struct buffer *ret_path)
{
    const struct store *inner = record_store_of(face)->inner;

    return inner->type->local_path(inner, key, ret_path);
}

static void record_close(struct store *face)
{
    struct record_store *store = record_store_of(face);

    store->inner->type->close(store->inner);
    free(store);
}

#define RECORD_TYPE                                                                                \
    .scheme = "recorded", .start = record_start, .cancel = record_cancel,                          \
    .describe = record_describe, .identify = record_identify, .memory = record_memory,             \
    .close = record_close

static const struct store_type record_type = {RECORD_TYPE};
static const struct store_type record_local_type = {RECORD_TYPE, .local_path = record_local_path};

struct store *recording_wrap(
    struct recording *recording, const char *place, struct store *store, struct work_lane *lane)
{
    struct record_store *front = mem_new(struct record_store);

    front->store.type = store->type->local_path ? &record_local_type : &record_type;
    front->recording = recording;
    front->place = place;
    front->inner = store;
    front->lane = lane;
    return &front->store;
}
