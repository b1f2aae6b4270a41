#include "connectors/s3/transfer_private.h"
#include "runner/base/mem.h"

#include <assert.h>
#include <string.h>

/* --- the page --- */

/* The next candidate's place. */
static struct transfer_candidate *add(struct transfer_source *source)
{
    struct transfer_candidate *candidate;

    source->items =
        mem_grow(source->items, &source->capacity, source->count, sizeof(*source->items));
    candidate = &source->items[source->count++];
    *candidate = (struct transfer_candidate){.size = -1};
    return candidate;
}

static bool is_wanted(const struct transfer_source *source, const char *relative)
{
    return transfer_wanted(&source->transfer->include, &source->transfer->exclude, relative);
}

/* --- in S3 --- */

static void add_object(struct transfer_source *source, const struct s3_item *item)
{
    const char *name = arena_strdup(&source->page, item->key);
    struct transfer_candidate *candidate = add(source);

    *candidate = (struct transfer_candidate){
        .relative = name + strlen(source->origin.folder),
        .name = name,
        .size = item->size,
        .modified_ms = item->modified_ms,
        .etag = item->etag ? arena_strdup(&source->page, item->etag) : NULL,
        .version_id = item->version_id ? arena_strdup(&source->page, item->version_id) : NULL,
    };
}

static int on_page(
    struct s3_list *list, const struct s3_item *items, size_t count, struct error *err)
{
    struct transfer_source *source = container_of(list, struct transfer_source, list);
    const char *name = source->origin.place.name;

    for (size_t i = 0; i < count && !source->enough; i++) {
        if (source->origin.kind == TRANSFER_ONE && strcmp(items[i].key, name) != 0) {
            source->enough = strcmp(items[i].key, name) > 0;
            continue;
        }
        source->found++;
        if (is_wanted(source, items[i].key + strlen(source->origin.folder)))
            add_object(source, &items[i]);
    }
    if (source->enough)
        return error_set(err, ERROR_STOPPED, "that is all");
    source->paused = true;
    source->changed(source);
    return HTTP_PAUSE;
}

static void on_listed(struct s3_list *list, const struct error *err)
{
    struct transfer_source *source = container_of(list, struct transfer_source, list);

    source->listing = source->paused = false;
    if (err && !(source->enough && !source->cancelled))
        source->err = *err;
    source->changed(source);
}

static void start_list(struct transfer_source *source)
{
    const struct transfer_origin *origin = &source->origin;

    source->list = (struct s3_list){
        .what = source->transfer->versions ? S3_LIST_VERSIONS : S3_LIST_OBJECTS,
        .bucket = origin->place.bucket,
        .page = on_page,
        .done = on_listed,
    };
    if (origin->kind == TRANSFER_PATTERN)
        source->list.pattern = origin->place.name;
    else
        source->list.prefix = origin->kind == TRANSFER_ONE ? origin->place.name : origin->folder;
    source->listing = true;
    s3_list_start(source->client, &source->list);
}

/* Taken on trust: the request for it will tell. */
static void add_key(struct transfer_source *source)
{
    const char *name = source->origin.place.name;

    source->found = 1;
    *add(source) = (struct transfer_candidate){
        .relative = name + strlen(source->origin.folder),
        .name = name,
        .size = -1,
        .version_id = source->transfer->version_id,
    };
}

/* --- on this machine --- */

static void on_walked(struct work *work, bool ran)
{
    struct transfer_source *source = container_of(work, struct transfer_source, walk);

    source->walking = false;
    if (!ran)
        error_set(&source->err, ERROR_STOPPED, "cancelled");
    source->changed(source);
}

static void start_walk(struct transfer_source *source)
{
    source->walking = true;
    source->walk = (struct work){.run = transfer_job_walk, .done = on_walked};
    work_submit(s3_client_options(source->client)->lane, &source->walk);
}

/* --- the face --- */

void transfer_source_start(struct transfer_source *source)
{
    arena_init(&source->page);
    source->cursor = source->count = 0;
    if (!source->origin.place.bucket)
        start_walk(source);
    else if (source->origin.kind == TRANSFER_ONE && !source->transfer->versions &&
             (!source->look || source->transfer->version_id))
        add_key(source);
    else
        start_list(source);
}

bool transfer_source_take(struct transfer_source *source, struct transfer_candidate *ret_candidate)
{
    if (source->walking)
        return false;
    if (source->cursor < source->count) {
        *ret_candidate = source->items[source->cursor++];
        return true;
    }
    if (source->paused) {
        source->paused = false;
        source->cursor = source->count = 0;
        arena_deinit(&source->page);
        s3_list_resume(&source->list);
    }
    return false;
}

bool transfer_source_over(const struct transfer_source *source)
{
    return !source->listing && !source->walking &&
           (source->cursor == source->count || source->err.code || source->cancelled);
}

bool transfer_source_grows(const struct transfer_source *source)
{
    return source->listing || source->walking;
}

void transfer_source_left(const struct transfer_source *source, struct s3_transfer_totals *totals)
{
    if (source->walking)
        return; /* they are the job's */
    totals->planned += source->count - source->cursor;
    for (size_t i = source->cursor; i < source->count; i++)
        totals->bytes_planned += (uint64_t)MAX(source->items[i].size, 0);
}

void transfer_source_cancel(struct transfer_source *source)
{
    source->cancelled = true;
    if (source->listing)
        s3_list_cancel(&source->list);
    if (source->walking)
        work_cancel(&source->walk);
}

void transfer_source_deinit(struct transfer_source *source)
{
    free(source->items);
    arena_deinit(&source->page);
    *source = (struct transfer_source){0};
}
