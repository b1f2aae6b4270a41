/* What a request goes through. Most are one operation of s3's, GET with its file, PUT with the one
 * that it moves; SWEEP is a list and an abortion after the other. */
#include "connectors/s3/error.h"
#include "connectors/s3/s3_store_private.h"
#include "runner/base/mem.h"
#include "runner/base/text.h"
#include "runner/base/time.h"
#include "runner/io/file.h"

#include <assert.h>
#include <string.h>
#include <unistd.h>

enum { UPLOADS_MAX = 100000, TICK_MS = 200 };

static void s3_operation_step(struct s3_operation *operation);
static void enter_state(struct s3_operation *operation, enum s3_store_state state);

static struct s3_client *client_of(const struct s3_operation *operation)
{
    return operation->store->client;
}

/* --- what callbacks do: record, then step --- */

static void on_listed(struct s3_list *list, const struct error *err)
{
    struct s3_operation *operation = container_of(list, struct s3_operation, list);

    error_keep_first(&operation->err, err);
    s3_operation_step(operation);
}

static void on_remove(struct s3_remove *remove, const struct error *err)
{
    struct s3_operation *operation = container_of(remove, struct s3_operation, remove);

    error_keep_first(&operation->err, err);
    s3_operation_step(operation);
}

static void on_aborted(struct s3_bucket_request *abortion, const struct error *err)
{
    struct s3_operation *operation = container_of(abortion, struct s3_operation, abortion);

    error_keep_first(&operation->err, err);
    operation->request->object_count += !err;
    s3_operation_step(operation);
}

static void on_unlinked(struct work *work, bool ran)
{
    (void)ran; /* what stays goes with its folder */
    s3_operation_step(container_of(work, struct s3_operation, unlink));
}

static void on_timer_closed(struct timer *timer)
{
    s3_operation_step(container_of(timer, struct s3_operation, timer));
}

static void on_timer(struct timer *timer)
{
    timer_close(timer, on_timer_closed);
}

/* What is gone or another one was there when the run began. */
static void keep_changed(struct s3_operation *operation, const struct error *err)
{
    const struct store_request *request = operation->request;
    char name[S3_NAME_SIZE];

    if (!err || !request->expect || (err->code != ERROR_NOT_FOUND && err->code != ERROR_CHANGED)) {
        error_keep_first(&operation->err, err);
        return;
    }
    s3_error_name(operation->name.bucket, operation->name.key, name);
    if (err->code == ERROR_NOT_FOUND)
        error_set(
            &operation->err, ERROR_CHANGED, "%s is gone: it was there when the run began", name);
    else
        error_set(&operation->err, ERROR_CHANGED,
            "%s has changed since the run began: run again when nobody writes to it", name);
}

static void on_got(struct s3_get *get, const struct error *err)
{
    struct s3_operation *operation = container_of(get, struct s3_operation, get);

    keep_changed(operation, err);
    if (!err) {
        atomic_store(&operation->request->bytes_done, get->size);
        atomic_store(&operation->request->bytes_total, get->size);
    }
    s3_operation_step(operation);
}

static void on_put(struct s3_put *put, const struct error *err)
{
    struct s3_operation *operation = container_of(put, struct s3_operation, put);

    error_keep_first(&operation->err, err);
    if (!err)
        atomic_store(&operation->request->bytes_done, put->size);
    s3_operation_step(operation);
}

/* --- what HEAD says --- */

static const char *header(const struct s3_call *call, const char *name)
{
    const char *value = s3_call_header(call, name);

    return value && *value ? value : NULL;
}

/* The one object of a plain key. */
static int take_object(struct s3_operation *operation, struct error *err)
{
    const struct s3_call *head = &operation->head;
    struct store_request *request = operation->request;
    const char *length = header(head, "Content-Length");
    const char *modified = header(head, "Last-Modified");
    struct arena *arena = request->verb == STORE_LIST ? request->arena : &operation->arena;
    struct store_object *object = arena_new(arena, struct store_object);
    char name[S3_NAME_SIZE];

    if (modified && time_parse_http(modified, &object->modified_ms, NULL))
        object->modified_ms = 0;
    object->size = length ? strtoull(length, NULL, 10) : 0;
    object->version =
        s3_store_version(header(head, "ETag"), object->size, object->modified_ms, arena);
    if (request->verb == STORE_LIST) {
        object->key = arena_strdup(arena, request->key);
        request->objects = object;
        request->object_count = 1;
    } else if (request->expect && !text_equal(request->expect->version, object->version)) {
        s3_error_name(operation->name.bucket, operation->name.key, name);
        return error_set(err, ERROR_CHANGED,
            "%s has changed since the run began (it had %llu bytes, now it has %llu): run again "
            "when nobody writes to it",
            name, (unsigned long long)request->expect->size, (unsigned long long)object->size);
    }
    return 0;
}

static void on_looked(struct s3_call *head, const struct error *err)
{
    struct s3_operation *operation = container_of(head, struct s3_operation, head);

    keep_changed(operation, err);
    if (!err)
        take_object(operation, &operation->err);
    s3_operation_step(operation);
}

/* --- what a listing says --- */

static bool is_folder(const struct s3_item *item)
{
    const size_t length = strlen(item->key);

    return length > 0 && item->key[length - 1] == '/';
}

static struct store_object object_of(
    const struct s3_operation *operation, const struct s3_item *item, struct arena *arena)
{
    const uint64_t size = item->size > 0 ? (uint64_t)item->size : 0;

    return (struct store_object){.key = s3_store_key(&operation->name, item->key, arena),
        .size = size,
        .modified_ms = MAX(item->modified_ms, 0),
        .version = s3_store_version(item->etag, size, item->modified_ms, arena)};
}

/* For who takes pages. */
static int pass_page(
    struct s3_list *list, const struct s3_item *items, size_t count, struct error *err)
{
    struct s3_operation *operation = container_of(list, struct s3_operation, list);
    struct store_object *objects;
    struct arena arena;
    size_t passed = 0;
    int result;

    arena_init(&arena);
    objects = arena_array(&arena, count, sizeof(*objects));
    for (size_t i = 0; i < count; i++) {
        if (!is_folder(&items[i]))
            objects[passed++] = object_of(operation, &items[i], &arena);
    }
    result = operation->request->page(operation->request, objects, passed, err);
    arena_deinit(&arena);
    return result;
}

/* For who takes all: no more of each is kept than what is asked for. */
static int keep_page(
    struct s3_list *list, const struct s3_item *items, size_t count, struct error *err)
{
    struct s3_operation *operation = container_of(list, struct s3_operation, list);
    struct s3_store_found *found = &operation->found;

    if (list->count > STORE_LIST_MAX)
        return error_set(err, ERROR_LIMIT,
            "more than %d objects match s3://%s/%s: split them over several globs", STORE_LIST_MAX,
            operation->name.bucket, operation->name.pattern);
    for (size_t i = 0; i < count; i++) {
        if (is_folder(&items[i]))
            continue;
        found->objects =
            mem_grow(found->objects, &found->capacity, found->count, sizeof(*found->objects));
        found->objects[found->count++] = object_of(operation, &items[i], operation->request->arena);
    }
    return 0;
}

static int compare_keys(const void *a, const void *b)
{
    const struct store_object *x = a, *y = b;

    return strcmp(x->key, y->key);
}

static void take_listing(struct s3_operation *operation)
{
    struct store_request *request = operation->request;
    const struct s3_store_found *found = &operation->found;

    request->store_ms = operation->list.store_ms;
    if (!found->count)
        return;
    request->objects = arena_array(request->arena, found->count, sizeof(*found->objects));
    memcpy(request->objects, found->objects, found->count * sizeof(*found->objects));
    mem_sort(request->objects, found->count, sizeof(*found->objects), compare_keys);
    request->object_count = found->count;
}

/* --- what states do on entry --- */

static void start_listing(struct s3_operation *operation, enum s3_list_what what, uint64_t limit)
{
    operation->list = (struct s3_list){.what = what,
        .bucket = operation->name.bucket,
        .pattern = operation->name.pattern,
        .limit = limit,
        .arena = &operation->arena,
        .done = on_listed};
    if (what == S3_LIST_OBJECTS)
        operation->list.page = operation->request->page ? pass_page : keep_page;
    s3_list_start(client_of(operation), &operation->list);
}

static void start_looking(struct s3_operation *operation)
{
    operation->head = (struct s3_call){.method = "HEAD",
        .bucket = operation->name.bucket,
        .key = operation->name.key,
        .done = on_looked};
    s3_call_start(client_of(operation), &operation->head);
}

static void start_getting(struct s3_operation *operation)
{
    struct store_request *request = operation->request;

    request->in_place = false;
    if (file_open_new(request->path, &operation->fd, &operation->err)) {
        enter_state(operation, S3_STORE_ENDING);
        return;
    }
    operation->get = (struct s3_get){.bucket = operation->name.bucket,
        .key = operation->name.key,
        .etag = request->expect ? s3_store_etag(request->expect->version, &operation->arena) : NULL,
        .bytes_max = request->bytes_max,
        .fd = operation->fd,
        .done = on_got};
    s3_get_start(client_of(operation), &operation->get);
}

static void start_putting(struct s3_operation *operation)
{
    const struct store_request *request = operation->request;

    operation->put = (struct s3_put){.bucket = operation->name.bucket,
        .key = operation->name.key,
        .source = {.kind = S3_SOURCE_FILE, .path = request->path},
        .options = &operation->store->objects,
        .if_none_match = !request->replace,
        .done = on_put};
    s3_put_start(client_of(operation), &operation->put);
}

static void remove_source(struct work *work)
{
    file_remove(container_of(work, struct s3_operation, unlink)->request->path, NULL);
}

static void start_unlinking(struct s3_operation *operation)
{
    operation->unlink = (struct work){.run = remove_source, .done = on_unlinked};
    work_submit(operation->store->lane, &operation->unlink);
}

static void start_removing(struct s3_operation *operation)
{
    operation->item = (struct s3_remove_item){.key = operation->name.key};
    operation->remove = (struct s3_remove){.bucket = operation->name.bucket,
        .items = &operation->item,
        .item_count = 1,
        .done = on_remove};
    s3_remove_start(client_of(operation), &operation->remove);
}

static void start_aborting(struct s3_operation *operation)
{
    const struct s3_item *upload = &operation->list.items[operation->next_upload++];

    operation->abortion = (struct s3_bucket_request){.verb = S3_UPLOAD_ABORT,
        .bucket = operation->name.bucket,
        .key = upload->key,
        .upload_id = upload->upload_id,
        .done = on_aborted};
    s3_bucket_start(client_of(operation), &operation->abortion);
}

static void enter_state(struct s3_operation *operation, enum s3_store_state state)
{
    operation->state = state;
    switch (state) {
    case S3_STORE_ENDING:
        timer_init(&operation->timer, s3_client_options(client_of(operation))->loop);
        timer_start(&operation->timer, 0, 0, on_timer);
        break;
    case S3_STORE_LISTING:
        start_listing(
            operation, S3_LIST_OBJECTS, operation->request->page ? 0 : STORE_LIST_MAX + 1);
        break;
    case S3_STORE_LOOKING:
        start_looking(operation);
        break;
    case S3_STORE_GETTING:
        start_getting(operation);
        break;
    case S3_STORE_PUTTING:
        start_putting(operation);
        break;
    case S3_STORE_UNLINKING:
        start_unlinking(operation);
        break;
    case S3_STORE_REMOVING:
        start_removing(operation);
        break;
    case S3_STORE_SWEEPING:
        operation->request->object_count = 0;
        start_listing(operation, S3_LIST_UPLOADS, UPLOADS_MAX);
        break;
    case S3_STORE_ABORTING:
        start_aborting(operation);
        break;
    }
}

/* --- the whole flow --- */

static void finish(struct s3_operation *operation)
{
    struct s3_store *store = operation->store;
    struct store_request *request = operation->request;
    const struct error err = operation->err;

    if (operation->fd >= 0)
        close(operation->fd);
    if (operation->previous)
        operation->previous->next = operation->next;
    else
        store->first = operation->next;
    if (operation->next)
        operation->next->previous = operation->previous;
    if (!store->first)
        timer_stop(&store->ticker);
    free(operation->found.objects);
    arena_deinit(&operation->arena);
    free(operation);
    request->operation = NULL;
    request->done(request, err.code ? &err : NULL);
}

static void s3_operation_step(struct s3_operation *operation)
{
    const bool failed = operation->err.code != 0;

    switch (operation->state) {
    case S3_STORE_LISTING:
        if (!failed)
            take_listing(operation);
        break;
    case S3_STORE_PUTTING:
        if (!failed && operation->request->move) {
            enter_state(operation, S3_STORE_UNLINKING);
            return;
        }
        break;
    case S3_STORE_SWEEPING:
        /* Whoever cannot tell what is unfinished has nothing that is. */
        if (operation->err.code == ERROR_NOT_SUPPORTED)
            error_clear(&operation->err);
        else if (failed)
            break;
        __attribute__((fallthrough));
    case S3_STORE_ABORTING:
        if (failed || operation->next_upload >= operation->list.item_count)
            break;
        if (operation->cancelled) {
            error_set(&operation->err, ERROR_STOPPED, "cancelled");
            break;
        }
        enter_state(operation, S3_STORE_ABORTING);
        return;
    case S3_STORE_ENDING:
    case S3_STORE_LOOKING:
    case S3_STORE_GETTING:
    case S3_STORE_UNLINKING:
    case S3_STORE_REMOVING:
        break;
    }
    finish(operation);
}

static enum s3_store_state first_state(const struct store_request *request)
{
    switch (request->verb) {
    case STORE_LIST:
        return text_has_glob(request->key) ? S3_STORE_LISTING : S3_STORE_LOOKING;
    case STORE_CHECK:
        return S3_STORE_LOOKING;
    case STORE_GET:
        return S3_STORE_GETTING;
    case STORE_PUT:
        return S3_STORE_PUTTING;
    case STORE_DELETE:
        return S3_STORE_REMOVING;
    case STORE_SWEEP:
        return S3_STORE_SWEEPING;
    }
    return S3_STORE_ENDING;
}

static void on_tick(struct timer *ticker)
{
    struct s3_store *store = container_of(ticker, struct s3_store, ticker);

    for (struct s3_operation *each = store->first; each; each = each->next)
        s3_operation_tick(each);
}

void s3_operation_tick(struct s3_operation *operation)
{
    struct store_request *request = operation->request;

    if (operation->state == S3_STORE_GETTING) {
        atomic_store(&request->bytes_done, operation->get.bytes_done);
        atomic_store(&request->bytes_total, operation->get.bytes_total);
    } else if (operation->state == S3_STORE_PUTTING) {
        s3_put_refresh(&operation->put);
        atomic_store(&request->bytes_done, operation->put.bytes_done);
        atomic_store(&request->bytes_total, operation->put.bytes_total);
    }
}

/* What can be known before anything is asked. */
static int prepare(struct s3_operation *operation, struct error *err)
{
    const struct store_request *request = operation->request;
    const size_t length = strlen(request->key);

    if (s3_store_name(operation->store, request->key, &operation->arena, &operation->name, err))
        return -1;
    if (request->verb == STORE_LIST && length > 0 && request->key[length - 1] == '/')
        return error_set(err, ERROR_INVALID,
            "s3://%s/%s is no object: s3://%s/%s* would name those in it", operation->name.bucket,
            operation->name.key, operation->name.bucket, operation->name.key);
    return 0;
}

void s3_operation_start(struct s3_store *store, struct store_request *request)
{
    struct s3_operation *operation = mem_new(struct s3_operation);

    assert(request->done && request->key && !request->operation);
    operation->store = store;
    operation->request = request;
    operation->fd = -1;
    arena_init(&operation->arena);
    operation->next = store->first;
    if (store->first)
        store->first->previous = operation;
    store->first = operation;
    request->store = &store->store;
    request->operation = operation;
    if (!timer_active(&store->ticker))
        timer_start(&store->ticker, TICK_MS, TICK_MS, on_tick);
    if (prepare(operation, &operation->err))
        enter_state(operation, S3_STORE_ENDING);
    else
        enter_state(operation, first_state(request));
}

void s3_operation_cancel(struct s3_operation *operation)
{
    operation->cancelled = true;
    switch (operation->state) {
    case S3_STORE_LISTING:
    case S3_STORE_SWEEPING:
        s3_list_cancel(&operation->list);
        break;
    case S3_STORE_LOOKING:
        s3_call_cancel(&operation->head);
        break;
    case S3_STORE_GETTING:
        s3_get_cancel(&operation->get);
        break;
    case S3_STORE_PUTTING:
        s3_put_cancel(&operation->put);
        break;
    case S3_STORE_REMOVING:
        s3_remove_cancel(&operation->remove);
        break;
    case S3_STORE_ABORTING:
        s3_bucket_cancel(&operation->abortion);
        break;
    case S3_STORE_ENDING:
    case S3_STORE_UNLINKING:
        break;
    }
}
