#include "connectors/s3/transfer_private.h"
#include "runner/base/mem.h"

#include <stdio.h>
#include <string.h>

/* --- how it ended --- */

static struct s3_transfer_item face_of(const struct transfer_batch *batch, size_t index)
{
    return (struct s3_transfer_item){
        .act = S3_TRANSFER_REMOVED,
        .from_bucket = batch->remove.bucket,
        .from = batch->items[index].key,
        .version_id = batch->items[index].version_id,
        .size = batch->sizes[index],
    };
}

static const struct error *failure_of(const struct transfer_batch *batch, size_t index)
{
    const struct s3_remove *remove = &batch->remove;

    for (size_t i = 0; i < remove->failure_count; i++) {
        if (remove->failures[i].item == &batch->items[index])
            return remove->failures[i].err;
    }
    return NULL;
}

/* Which ones are gone is known: each is told. */
static void tell_each(const struct transfer_batch *batch)
{
    for (size_t i = 0; i < batch->remove.item_count; i++) {
        const struct s3_transfer_item face = face_of(batch, i);

        transfer_tell(batch->flow, &face, failure_of(batch, i));
    }
}

/* It is not: one error for all that may still be there. */
static void tell_all(const struct transfer_batch *batch, const struct error *err)
{
    const struct s3_remove *remove = &batch->remove;
    const struct s3_transfer_item face = face_of(batch, 0);
    struct s3_transfer_totals *totals = &batch->flow->totals;
    const size_t failed = remove->failed ? remove->failed : remove->item_count;

    transfer_tell(batch->flow, &face, err);
    totals->failed += failed - 1;
    totals->done += remove->item_count - failed;
}

static void on_removed(struct s3_remove *remove, const struct error *err)
{
    struct transfer_batch *batch = container_of(remove, struct transfer_batch, remove);
    struct transfer_flow *flow = batch->flow;
    struct transfer_batch **link = &flow->batches;

    if (!err || (remove->failed && remove->failed == remove->failure_count))
        tell_each(batch);
    else
        tell_all(batch, err);
    while (*link != batch)
        link = &(*link)->next;
    *link = batch->next;
    flow->batch_count--;
    arena_deinit(&batch->arena);
    free(batch->items);
    free(batch->sizes);
    free(batch);
    transfer_step(flow);
}

/* --- a batch --- */

struct transfer_batch *transfer_batch_new(struct transfer_flow *flow, const char *bucket)
{
    struct transfer_batch *batch = mem_new(struct transfer_batch);

    batch->flow = flow;
    batch->items = mem_calloc(S3_REMOVE_BATCH, sizeof(*batch->items));
    batch->sizes = mem_calloc(S3_REMOVE_BATCH, sizeof(*batch->sizes));
    arena_init(&batch->arena);
    batch->remove.bucket = bucket;
    batch->remove.items = batch->items;
    batch->remove.done = on_removed;
    batch->next = flow->batches;
    flow->batches = batch;
    flow->batch_count++;
    return batch;
}

void transfer_batch_add(struct transfer_batch *batch, const struct transfer_candidate *candidate)
{
    const char *version = candidate->version_id;

    batch->sizes[batch->remove.item_count] = candidate->size;
    batch->items[batch->remove.item_count++] = (struct s3_remove_item){
        .key = arena_strdup(&batch->arena, candidate->name),
        .version_id = version ? arena_strdup(&batch->arena, version) : NULL,
    };
}

void transfer_batch_start(struct transfer_batch *batch)
{
    s3_remove_start(batch->flow->client, &batch->remove);
}

/* --- what a sync removes --- */

/* The next that the source does not have; NULL: none. */
static const struct sync_entry *next_extra(struct transfer_flow *flow)
{
    while (flow->extra_at < flow->index.count) {
        const struct sync_entry *entry = &flow->index.entries[flow->extra_at++];

        if (!entry->seen)
            return entry;
    }
    return NULL;
}

static struct s3_transfer_item extra_face(
    const struct transfer_flow *flow, const struct sync_entry *entry)
{
    return (struct s3_transfer_item){
        .act = S3_TRANSFER_REMOVED,
        .from_bucket = flow->target.place.bucket,
        .from = entry->path,
        .size = (int64_t)entry->size,
    };
}

static void unlink_extra(struct work *work)
{
    struct transfer_flow *flow = container_of(work, struct transfer_flow, extra);

    file_remove(flow->index.entries[flow->extra_at - 1].path, &flow->extra_err);
}

static void on_unlinked(struct work *work, bool ran)
{
    struct transfer_flow *flow = container_of(work, struct transfer_flow, extra);
    const struct s3_transfer_item face = extra_face(flow, &flow->index.entries[flow->extra_at - 1]);

    flow->extra_running = false;
    if (ran)
        transfer_tell(flow, &face, flow->extra_err.code ? &flow->extra_err : NULL);
    transfer_step(flow);
}

static void plan_extra(struct transfer_flow *flow, const struct sync_entry *entry)
{
    struct s3_transfer_item face = extra_face(flow, entry);

    flow->totals.planned++;
    face.outcome = S3_TRANSFER_PLANNED;
    transfer_tell(flow, &face, NULL);
}

static void add_extra(struct transfer_batch *batch, const struct sync_entry *entry)
{
    const struct transfer_candidate candidate = {.name = entry->path, .size = (int64_t)entry->size};

    batch->flow->totals.planned++;
    transfer_batch_add(batch, &candidate);
}

bool transfer_remove_extra(struct transfer_flow *flow)
{
    const struct sync_entry *entry = next_extra(flow);
    struct transfer_batch *batch;

    if (!entry)
        return false;
    if (flow->transfer->dry_run) {
        plan_extra(flow, entry);
    } else if (!flow->target.place.bucket) {
        flow->totals.planned++;
        flow->extra_running = true;
        flow->extra_err = (struct error){0};
        flow->extra = (struct work){.run = unlink_extra, .done = on_unlinked};
        work_submit(s3_client_options(flow->client)->lane, &flow->extra);
    } else {
        batch = transfer_batch_new(flow, flow->target.place.bucket);
        add_extra(batch, entry);
        while (batch->remove.item_count < S3_REMOVE_BATCH && (entry = next_extra(flow)))
            add_extra(batch, entry);
        transfer_batch_start(batch);
    }
    return true;
}
