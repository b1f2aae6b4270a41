#include "connectors/s3/transfer_private.h"
#include "runner/base/mem.h"

#include <assert.h>
#include <string.h>

static void item_step(struct transfer_item *item);

static const struct s3_transfer *transfer_of(const struct transfer_item *item)
{
    return item->flow->transfer;
}

/* --- what callbacks do: record, then step --- */

/* The target is there, or it is not, or nobody can say. */
static void on_head(struct s3_call *call, const struct error *err)
{
    struct transfer_item *item = container_of(call, struct transfer_item, head);

    item->skipped = !err;
    if (err && err->code != ERROR_NOT_FOUND)
        error_keep_first(&item->err, err);
    item_step(item);
}

static void on_job(struct work *work, bool ran)
{
    struct transfer_item *item = container_of(work, struct transfer_item, work);
    struct error err = {0};

    if (!ran)
        error_set(&err, ERROR_STOPPED, "cancelled");
    error_keep_first(&item->err, &err);
    item_step(item);
}

static void keep_etag(struct transfer_item *item, const char *etag)
{
    item->face.etag = etag ? arena_strdup(&item->arena, etag) : NULL;
}

static void on_put(struct s3_put *put, const struct error *err)
{
    struct transfer_item *item = container_of(put, struct transfer_item, put);

    error_keep_first(&item->err, err);
    if (!err) {
        keep_etag(item, put->etag);
        item->face.size = (int64_t)put->size;
    }
    item_step(item);
}

static void on_get(struct s3_get *get, const struct error *err)
{
    struct transfer_item *item = container_of(get, struct transfer_item, get);

    error_keep_first(&item->err, err);
    if (err && err->code == ERROR_NO_SPACE)
        error_prefix(&item->err, "cannot write %s", item->face.to);
    if (!err) {
        keep_etag(item, get->answered_etag);
        item->face.size = (int64_t)get->size;
        item->modified_ms = get->modified_ms;
    }
    item_step(item);
}

static void on_copy(struct s3_copy *copy, const struct error *err)
{
    struct transfer_item *item = container_of(copy, struct transfer_item, copy);

    error_keep_first(&item->err, err);
    if (!err) {
        keep_etag(item, copy->etag);
        item->face.size = (int64_t)copy->size;
    }
    item_step(item);
}

static void on_remove(struct s3_remove *remove, const struct error *err)
{
    struct transfer_item *item = container_of(remove, struct transfer_item, remove);

    error_keep_first(&item->err, err);
    item_step(item);
}

/* --- what states do on entry --- */

static void start_job(struct transfer_item *item, work_run_fn run)
{
    item->work = (struct work){.run = run, .done = on_job};
    work_submit(s3_client_options(item->flow->client)->lane, &item->work);
}

static void start_put(struct transfer_item *item)
{
    item->put = (struct s3_put){
        .bucket = item->face.to_bucket,
        .key = item->face.to,
        .source = {.kind = S3_SOURCE_FILE, .path = item->face.from},
        .options = transfer_of(item)->object,
        .if_none_match = transfer_of(item)->if_none_match,
        .if_match = transfer_of(item)->if_match,
        .done = on_put,
    };
    s3_put_start(item->flow->client, &item->put);
}

static void start_get(struct transfer_item *item)
{
    item->get = (struct s3_get){
        .bucket = item->face.from_bucket,
        .key = item->face.from,
        .version_id = item->face.version_id,
        .size_hint = item->face.size > 0 ? (uint64_t)item->face.size : 0,
        .fd = item->file.fd,
        .done = on_get,
    };
    s3_get_start(item->flow->client, &item->get);
}

static void start_copy(struct transfer_item *item)
{
    item->copy = (struct s3_copy){
        .from_bucket = item->face.from_bucket,
        .from_key = item->face.from,
        .from_version_id = item->face.version_id,
        .from_etag = item->face.etag,
        .size_known = item->face.size >= 0,
        .size = item->face.size >= 0 ? (uint64_t)item->face.size : 0,
        .bucket = item->face.to_bucket,
        .key = item->face.to,
        .options = transfer_of(item)->object,
        .replace_metadata = transfer_of(item)->replace_metadata,
        .replace_tags = transfer_of(item)->replace_tags,
        .done = on_copy,
    };
    s3_copy_start(item->flow->client, &item->copy);
}

static void start_remove(struct transfer_item *item)
{
    if (!item->face.from_bucket) {
        start_job(item, transfer_job_unlink);
        return;
    }
    item->removed = (struct s3_remove_item){.key = item->face.from};
    item->remove = (struct s3_remove){
        .bucket = item->face.from_bucket,
        .items = &item->removed,
        .item_count = 1,
        .done = on_remove,
    };
    s3_remove_start(item->flow->client, &item->remove);
}

static void start_moving(struct transfer_item *item)
{
    switch (item->face.act) {
    case S3_TRANSFER_UPLOADED:
        start_put(item);
        break;
    case S3_TRANSFER_DOWNLOADED:
        start_get(item);
        break;
    case S3_TRANSFER_COPIED:
        start_copy(item);
        break;
    case S3_TRANSFER_REMOVED:
        assert(!"batches remove");
    }
}

static void finish(struct transfer_item *item)
{
    struct transfer_flow *flow = item->flow;

    flow->totals.bytes_done +=
        item->face.size > 0 && !item->err.code && !item->skipped ? (uint64_t)item->face.size : 0;
    item->face.outcome = item->skipped ? S3_TRANSFER_SKIPPED : S3_TRANSFER_DONE;
    transfer_tell(flow, &item->face, item->err.code ? &item->err : NULL);
    if (item->previous)
        item->previous->next = item->next;
    else
        flow->items = item->next;
    if (item->next)
        item->next->previous = item->previous;
    flow->item_count--;
    arena_deinit(&item->arena);
    free(item);
    transfer_step(flow);
}

static void enter_state(struct transfer_item *item, enum item_state state)
{
    item->state = state; /* the one place where it changes */
    switch (state) {
    case ITEM_LOOKING:
        item->head = (struct s3_call){.method = "HEAD",
            .bucket = item->face.to_bucket,
            .key = item->face.to,
            .done = on_head};
        s3_call_start(item->flow->client, &item->head);
        break;
    case ITEM_OPENING:
        start_job(item, transfer_job_open);
        break;
    case ITEM_MOVING:
        start_moving(item);
        break;
    case ITEM_NAMING:
        start_job(item, transfer_job_name);
        break;
    case ITEM_REMOVING:
        start_remove(item);
        break;
    case ITEM_OVER:
        finish(item);
        break;
    }
}

/* --- the whole flow --- */

static enum item_state after_moving(const struct transfer_item *item)
{
    const bool moved = !item->err.code && !item->skipped;

    if (item->state == ITEM_MOVING && item->face.act == S3_TRANSFER_DOWNLOADED)
        return ITEM_NAMING;
    return moved && transfer_of(item)->verb == S3_TRANSFER_MOVE ? ITEM_REMOVING : ITEM_OVER;
}

static void item_step(struct transfer_item *item)
{
    const bool ended = item->err.code || item->skipped;

    switch (item->state) {
    case ITEM_LOOKING:
    case ITEM_OPENING:
        enter_state(item, ended ? ITEM_OVER : ITEM_MOVING);
        break;
    case ITEM_MOVING:
    case ITEM_NAMING:
        enter_state(item, after_moving(item));
        break;
    case ITEM_REMOVING:
        enter_state(item, ITEM_OVER);
        break;
    case ITEM_OVER:
        assert(!"it is over");
    }
}

/* --- the face --- */

static enum item_state first_state(const struct transfer_item *item)
{
    if (item->face.act == S3_TRANSFER_DOWNLOADED)
        return ITEM_OPENING;
    return transfer_of(item)->no_clobber ? ITEM_LOOKING : ITEM_MOVING;
}

static const char *keep(struct transfer_item *item, const char *text)
{
    return text ? arena_strdup(&item->arena, text) : NULL;
}

void transfer_item_start(struct transfer_flow *flow, const struct transfer_place *from,
    const struct transfer_candidate *candidate, const struct transfer_place *to)
{
    struct transfer_item *item = mem_new(struct transfer_item);

    arena_init(&item->arena);
    item->flow = flow;
    item->stamp = candidate->stamp;
    item->face = (struct s3_transfer_item){
        .act = !from->bucket ? S3_TRANSFER_UPLOADED
               : to->bucket  ? S3_TRANSFER_COPIED
                             : S3_TRANSFER_DOWNLOADED,
        .from_bucket = from->bucket,
        .from = keep(item, candidate->name),
        .to_bucket = to->bucket,
        .to = keep(item, to->name),
        .version_id = keep(item, candidate->version_id),
        .etag = keep(item, candidate->etag),
        .size = candidate->size,
    };
    item->next = flow->items;
    if (flow->items)
        flow->items->previous = item;
    flow->items = item;
    flow->item_count++;
    enter_state(item, first_state(item));
}

/* ITEM_NAMING is short, and it alone removes the temporary file. */
void transfer_item_cancel(struct transfer_item *item)
{
    if (item->state == ITEM_LOOKING)
        s3_call_cancel(&item->head);
    if (item->state == ITEM_OPENING)
        work_cancel(&item->work);
    if (item->state == ITEM_MOVING && item->face.act == S3_TRANSFER_UPLOADED)
        s3_put_cancel(&item->put);
    if (item->state == ITEM_MOVING && item->face.act == S3_TRANSFER_DOWNLOADED)
        s3_get_cancel(&item->get);
    if (item->state == ITEM_MOVING && item->face.act == S3_TRANSFER_COPIED)
        s3_copy_cancel(&item->copy);
    if (item->state == ITEM_REMOVING && item->face.from_bucket)
        s3_remove_cancel(&item->remove);
}

uint64_t transfer_item_bytes(struct transfer_item *item)
{
    if (item->state != ITEM_MOVING)
        return item->state > ITEM_MOVING && item->face.size > 0 ? (uint64_t)item->face.size : 0;
    switch (item->face.act) {
    case S3_TRANSFER_UPLOADED:
        s3_put_refresh(&item->put);
        return atomic_load(&item->put.bytes_done);
    case S3_TRANSFER_DOWNLOADED:
        return atomic_load(&item->get.bytes_done);
    case S3_TRANSFER_COPIED:
        return atomic_load(&item->copy.bytes_done);
    case S3_TRANSFER_REMOVED:
        break;
    }
    return 0;
}
