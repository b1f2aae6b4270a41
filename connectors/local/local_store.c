#include "connectors/local/local_store.h"

#include "connectors/local/local_list.h"
#include "runner/base/buffer.h"
#include "runner/base/mem.h"
#include "runner/base/text.h"
#include "runner/io/file.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

struct local_store {
    struct store store;
    struct work_lane *lane;
    char *root;
    unsigned running; /* requests */
};

/* One request: a job. */
struct local_operation {
    struct work work;
    struct local_store *store;
    struct store_request *request;
    char *path;         /* of the object */
    struct arena arena; /* of objects that `page` takes */
    struct error err;
};

/* --- on a thread: the verbs --- */

static int list_objects(struct local_operation *operation, struct error *err)
{
    struct store_request *request = operation->request;

    return local_list(operation->store->root, request->key,
        request->page ? SIZE_MAX : STORE_LIST_MAX, &operation->work.cancelled,
        request->page ? &operation->arena : request->arena, &request->objects,
        &request->object_count, err);
}

/* Whether the object is what the caller expects. */
static int look_at(
    const struct local_operation *operation, struct file_stamp *ret_stamp, struct error *err)
{
    const struct store_object *expect = operation->request->expect;
    char version[LOCAL_VERSION_SIZE];

    if (file_stamp(operation->path, ret_stamp, err)) {
        if (expect && err->code == ERROR_NOT_FOUND)
            error_set(
                err, ERROR_CHANGED, "%s is gone: it was there when the run began", operation->path);
        return -1;
    }
    if (expect && strcmp(expect->version, local_version(ret_stamp, version)) != 0)
        return error_set(err, ERROR_CHANGED,
            "%s has changed since the run began (it had %llu bytes, now it has %llu): run again "
            "when nobody writes to it",
            operation->path, (unsigned long long)expect->size, (unsigned long long)ret_stamp->size);
    return 0;
}

/* Whoever follows the link would say less clearly that the object cannot be read. */
static int check_readable(const char *path, struct error *err)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return error_set_errno(err, errno, "cannot open %s", path);
    close(fd);
    return 0;
}

/* The path with its links resolved, as other programs are given it; NULL where it is not there, or
 * is no UTF-8: SQL engines take nothing else. Freed by the caller. */
static char *resolve(const char *path)
{
    char *resolved = realpath(path, NULL);
    size_t at = 0, length = resolved ? strlen(resolved) : 0, step = 1;

    while (at < length && (step = text_utf8_length(resolved + at, length - at)) > 0)
        at += step;
    if (at == length)
        return resolved;
    free(resolved);
    return NULL;
}

static int link_object(
    struct local_operation *operation, const struct file_stamp *stamp, struct error *err)
{
    struct store_request *request = operation->request;

    if (check_readable(operation->path, err) || file_remove(request->path, err))
        return -1;
    if (symlink(operation->path, request->path))
        return error_set_errno(err, errno, "cannot link %s to %s", request->path, operation->path);
    atomic_store(&request->bytes_done, stamp->size);
    return 0;
}

/* 1: it has a second name now; 0: it has to be copied, as it is on another file system, has as many
 * names as it can have, or belongs to somebody else (fs.protected_hardlinks). A link in the store
 * is followed: what it points to is what is kept. */
static int share_object(
    struct local_operation *operation, const struct file_stamp *stamp, struct error *err)
{
    struct store_request *request = operation->request;

    if (check_readable(operation->path, err) || file_remove(request->path, err))
        return -1;
    if (linkat(AT_FDCWD, operation->path, AT_FDCWD, request->path, AT_SYMLINK_FOLLOW)) {
        if (errno == EXDEV || errno == EPERM || errno == EMLINK || errno == EOPNOTSUPP)
            return 0;
        return error_set_errno(err, errno, "cannot link %s to %s", request->path, operation->path);
    }
    request->in_place = false;
    atomic_store(&request->bytes_done, stamp->size);
    return 1;
}

static int copy_object(
    struct local_operation *operation, const struct file_stamp *before, struct error *err)
{
    struct store_request *request = operation->request;
    struct file_stamp after;

    request->in_place = false;
    if (file_copy(operation->path, request->path, true, &request->bytes_done,
            &operation->work.cancelled, err))
        return -1;
    if (file_stamp(operation->path, &after, err) == 0 && file_stamp_equal(before, &after))
        return 0;
    file_remove(request->path, NULL);
    return error_set(err, ERROR_CHANGED,
        "%s changed while it was read: run again when nobody "
        "writes to it",
        operation->path);
}

static int get_object(struct local_operation *operation, struct error *err)
{
    struct file_stamp stamp;
    char *resolved;
    int shared = 0;

    if (look_at(operation, &stamp, err))
        return -1;
    atomic_store(&operation->request->bytes_total, stamp.size);
    if (operation->request->immutable && (shared = share_object(operation, &stamp, err)) != 0)
        return MIN(shared, 0);
    if (operation->request->in_place && (resolved = resolve(operation->path))) {
        free(resolved);
        return link_object(operation, &stamp, err);
    }
    return copy_object(operation, &stamp, err);
}

static int check_object(struct local_operation *operation, struct error *err)
{
    struct file_stamp stamp;

    return look_at(operation, &stamp, err);
}

static int put_object(struct local_operation *operation, struct error *err)
{
    struct store_request *request = operation->request;
    char *folder = file_folder(operation->path);
    struct file_stamp stamp;
    int rc = -1;

    if (file_stamp(request->path, &stamp, err) == 0 && file_make_folders(folder, err) == 0) {
        atomic_store(&request->bytes_total, stamp.size);
        rc = (request->move ? file_publish : file_copy)(request->path, operation->path,
            request->replace, &request->bytes_done, &operation->work.cancelled, err);
    }
    free(folder);
    return rc;
}

static int delete_object(struct local_operation *operation, struct error *err)
{
    return file_remove(operation->path, err);
}

/* What a PUT writes is in the folder of its object, under a name that does not tell which it is. */
static int sweep_objects(struct local_operation *operation, struct error *err)
{
    struct store_request *request = operation->request;
    char *folder = file_folder(request->key), *glob = file_join(folder, ".sluice-*");
    struct store_object *objects = NULL;
    struct arena arena;
    size_t count = 0;
    int rc;

    arena_init(&arena);
    request->object_count = 0;
    rc = local_list(operation->store->root, glob, STORE_LIST_MAX, &operation->work.cancelled,
        &arena, &objects, &count, err);
    if (rc && err->code == ERROR_NOT_FOUND) {
        error_clear(err);
        rc = 0;
    }
    for (size_t i = 0; i < count; i++) {
        char *path = file_join(operation->store->root, objects[i].key);

        request->object_count +=
            file_is_temporary(strrchr(path, '/') + 1) && file_remove_left(path);
        free(path);
    }
    arena_deinit(&arena);
    free(glob);
    free(folder);
    return rc;
}

static void run_operation(struct work *work)
{
    static int (*const verbs[])(struct local_operation * operation, struct error * err) = {
        [STORE_LIST] = list_objects,
        [STORE_GET] = get_object,
        [STORE_CHECK] = check_object,
        [STORE_PUT] = put_object,
        [STORE_DELETE] = delete_object,
        [STORE_SWEEP] = sweep_objects,
    };
    struct local_operation *operation = container_of(work, struct local_operation, work);

    verbs[operation->request->verb](operation, &operation->err);
}

/* --- on the loop --- */

/* All are one page: the walk is on a thread, and who takes them on the loop. */
static void hand_page(struct store_request *request, struct error *err)
{
    if (request->object_count > 0)
        request->page(request, request->objects, request->object_count, err);
    request->objects = NULL;
    request->object_count = 0;
}

static void on_ran(struct work *work, bool ran)
{
    struct local_operation *operation = container_of(work, struct local_operation, work);
    struct store_request *request = operation->request;
    struct error err = operation->err;

    if (!ran)
        error_set(&err, ERROR_STOPPED, "%s: cancelled", operation->path);
    if (!err.code && request->page)
        hand_page(request, &err);
    arena_deinit(&operation->arena);
    operation->store->running--;
    request->operation = NULL;
    free(operation->path);
    free(operation);
    request->done(request, err.code ? &err : NULL);
}

static void local_start(struct store *store, struct store_request *request)
{
    struct local_store *local = container_of(store, struct local_store, store);
    struct local_operation *operation = mem_new(struct local_operation);

    assert(request->done && request->key && !request->operation);
    operation->store = local;
    operation->request = request;
    operation->path = file_join(local->root, request->key);
    operation->work.run = run_operation;
    operation->work.done = on_ran;
    local->running++;
    request->store = store;
    request->operation = operation;
    work_submit(local->lane, &operation->work);
}

static void local_cancel(struct store_request *request)
{
    struct local_operation *operation = request->operation;

    if (operation)
        work_cancel(&operation->work);
}

static void local_describe(const struct store *store, const char *key, struct buffer *buffer)
{
    const struct local_store *local = container_of(store, const struct local_store, store);
    char *path = file_join(local->root, key);

    buffer_puts(buffer, path);
    free(path);
}

static bool local_path(const struct store *store, const char *key, struct buffer *ret_path)
{
    const struct local_store *local = container_of(store, const struct local_store, store);
    char *path = file_join(local->root, key);
    char *resolved = resolve(path);

    free(path);
    if (!resolved)
        return false;
    buffer_puts(ret_path, resolved);
    free(resolved);
    return true;
}

static struct store *local_open(const struct store_options *options, struct error *err)
{
    struct local_store *local;

    if (options->root[0] != '/')
        return error_set(err, ERROR_INVALID, "the folder \"%s\" of a store is not an absolute path",
                   options->root),
               NULL;
    local = mem_new(struct local_store);
    local->store.type = &local_store_type;
    local->lane = options->lane;
    local->root = mem_strdup(options->root);
    return &local->store;
}

static void local_close(struct store *store)
{
    struct local_store *local = container_of(store, struct local_store, store);

    assert(local->running == 0);
    free(local->root);
    free(local);
}

const struct store_type local_store_type = {
    .scheme = "file",
    .open = local_open,
    .start = local_start,
    .cancel = local_cancel,
    .describe = local_describe,
    .local_path = local_path,
    .close = local_close,
};
