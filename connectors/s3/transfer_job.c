/* What blocks, on threads of the client's lane. */
#include "connectors/s3/transfer_private.h"
#include "runner/base/mem.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

enum { DEPTH_MAX = 128 };

/* --- files of this machine as a source --- */

static struct transfer_candidate *add_name(struct transfer_source *source, const char *relative)
{
    struct transfer_candidate *candidate;

    source->items =
        mem_grow(source->items, &source->capacity, source->count, sizeof(*source->items));
    candidate = &source->items[source->count++];
    *candidate = (struct transfer_candidate){
        .relative = arena_strdup(&source->page, relative),
        .name = arena_printf(&source->page, "%s%s", source->origin.folder, relative),
        .size = -1,
    };
    return candidate;
}

static void add_file(
    struct transfer_source *source, const char *relative, const struct file_stamp *stamp)
{
    struct transfer_candidate *candidate = add_name(source, relative);

    candidate->size = (int64_t)stamp->size;
    candidate->modified_ms = stamp->modified_ns / 1000000;
    candidate->stamp = *stamp;
}

/* What is in it is missed; the rest is not. */
static void add_failure(
    struct transfer_source *source, const char *relative, const struct error *err)
{
    struct error *kept = arena_new(&source->page, struct error);

    *kept = *err;
    add_name(source, relative)->err = kept;
}

static int visit(
    void *data, const char *relative, const struct file_stamp *stamp, struct error *err)
{
    struct transfer_source *source = data;
    const struct transfer_origin *origin = &source->origin;
    const char *slash = strrchr(relative, '/');

    if (work_cancelled(&source->walk))
        return error_set(err, ERROR_STOPPED, "looking for files was cancelled");
    if (!stamp) {
        add_failure(source, relative, err);
        return 0;
    }
    if (file_is_temporary(slash ? slash + 1 : relative))
        return 0;
    if (origin->kind == TRANSFER_PATTERN &&
        !text_glob(origin->place.name + strlen(origin->folder), relative))
        return 0;
    source->found++;
    if (transfer_wanted(&source->transfer->include, &source->transfer->exclude, relative))
        add_file(source, relative, stamp);
    return 0;
}

static void take_file(struct transfer_source *source)
{
    const char *name = source->origin.place.name;
    const char *slash = strrchr(name, '/');
    struct file_stamp stamp;

    if (file_stamp(name, &stamp, &source->err)) {
        if (source->err.code == ERROR_INVALID)
            error_prefix(&source->err, "%s",
                file_is_folder(name) ? "with --recursive a folder is copied"
                                     : "s3 put reads what has no length as standard input: -");
        return;
    }
    source->found++;
    add_file(source, slash ? slash + 1 : name, &stamp);
}

static unsigned depth_of(const char *pattern)
{
    unsigned depth = 1;

    if (strstr(pattern, "**"))
        return DEPTH_MAX;
    for (; *pattern; pattern++)
        depth += *pattern == '/';
    return depth;
}

void transfer_job_walk(struct work *work)
{
    struct transfer_source *source = container_of(work, struct transfer_source, walk);
    struct transfer_origin *origin = &source->origin;
    const char *folder = *origin->folder ? origin->folder : ".";
    const char *pattern = origin->place.name + strlen(origin->folder);

    if (origin->kind == TRANSFER_PATTERN && file_exists(origin->place.name)) {
        const char *slash = strrchr(origin->place.name, '/');

        origin->kind = TRANSFER_ONE; /* its wildcards are its own */
        origin->folder = arena_strndup(&source->page, origin->place.name,
            slash ? (size_t)(slash + 1 - origin->place.name) : 0);
    }
    if (origin->kind == TRANSFER_ONE)
        take_file(source);
    else if (origin->kind == TRANSFER_FOLDER)
        file_walk(folder, DEPTH_MAX, true, visit, source, &source->err);
    else
        file_walk(folder, depth_of(pattern), pattern[0] == '.' || strstr(pattern, "/."), visit,
            source, &source->err);
}

/* --- downloads --- */

void transfer_job_open(struct work *work)
{
    struct transfer_item *item = container_of(work, struct transfer_item, work);
    char *folder = file_folder(item->face.to);

    if (item->flow->transfer->no_clobber && file_exists(item->face.to))
        item->skipped = true;
    else if (file_is_folder(item->face.to))
        error_set(
            &item->err, ERROR_EXISTS, "%s is a folder, in the way of the file", item->face.to);
    else if (file_make_folders(folder, &item->err) == 0)
        file_new_begin(&item->file, item->face.to, &item->err);
    free(folder);
}

void transfer_job_name(struct work *work)
{
    struct transfer_item *item = container_of(work, struct transfer_item, work);
    const bool replace = !item->flow->transfer->no_clobber;
    const time_t seconds = (time_t)(item->modified_ms / 1000);
    const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = seconds}};
    struct error err = {0};
    int rc = item->err.code ? -1 : 0;

    if (rc == 0 && item->modified_ms)
        futimens(item->file.fd, times); /* some file systems have no times to set */
    file_new_end(&item->file, rc, replace, &err);
    if (err.code == ERROR_EXISTS && !replace)
        item->skipped = true; /* somebody was quicker */
    else
        error_keep_first(&item->err, &err);
}

/* --- mv: a file that is in S3 now --- */

void transfer_job_unlink(struct work *work)
{
    struct transfer_item *item = container_of(work, struct transfer_item, work);
    struct file_stamp now;

    if (file_stamp(item->face.from, &now, &item->err))
        return;
    if (!file_stamp_equal(&now, &item->stamp))
        error_set(&item->err, ERROR_CHANGED,
            "%s changed while it was copied: the copy is there, the file stays", item->face.from);
    else
        file_remove(item->face.from, &item->err);
}
