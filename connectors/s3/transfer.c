#include "connectors/s3/transfer.h"

#include "connectors/s3/transfer_private.h"
#include "runner/base/log.h"
#include "runner/base/mem.h"

#include <assert.h>
#include <string.h>

/* --- one object's end --- */

void transfer_tell(
    struct transfer_flow *flow, const struct s3_transfer_item *item, const struct error *err)
{
    struct s3_transfer_item told = *item;

    if (err && err->code == ERROR_STOPPED)
        return;
    if (err)
        told.outcome = S3_TRANSFER_FAILED;
    if (err)
        flow->totals.failed++;
    else if (told.outcome == S3_TRANSFER_SKIPPED)
        flow->totals.skipped++;
    else
        flow->totals.done++;
    error_keep_first(&flow->failure, err);
    if (flow->transfer->item)
        flow->transfer->item(flow->transfer, &told, err);
}

/* --- one object's beginning --- */

static bool is_marker(const struct transfer_candidate *candidate)
{
    return candidate->size <= 0 && (!*candidate->relative || text_ends(candidate->relative, "/"));
}

/* Names below one folder differ by themselves; those of several sources may not. */
static bool is_named_twice(struct transfer_flow *flow, const char *name)
{
    if (flow->transfer->source_count == 1)
        return false;
    if (table_has(&flow->names, name))
        return true;
    table_put(&flow->names, name, flow);
    return false;
}

static int check_object(struct transfer_flow *flow, const struct transfer_place *from,
    const struct transfer_candidate *candidate, const struct transfer_place *to, struct error *err)
{
    char shown[S3_NAME_SIZE], taken[S3_NAME_SIZE];

    if (candidate->err) {
        *err = *candidate->err;
        return -1;
    }
    if (from->bucket && !to->bucket && flow->target.is_folder &&
        transfer_check_path(candidate->relative, err))
        return error_prefix(err, "%s", transfer_shown(from->bucket, candidate->name, shown));
    if (flow->transfer->verb == S3_TRANSFER_MOVE && text_equal(from->bucket, to->bucket) &&
        strcmp(candidate->name, to->name) == 0)
        return error_set(err, ERROR_INVALID, "%s is to be moved onto itself: it stays",
            transfer_shown(from->bucket, candidate->name, shown));
    if (is_named_twice(flow, to->name))
        return error_set(err, ERROR_EXISTS,
            "%s is left out: another source has just become %s; copy them into folders of their "
            "own",
            transfer_shown(from->bucket, candidate->name, shown),
            transfer_shown(to->bucket, to->name, taken));
    return 0;
}

static void plan_object(struct transfer_flow *flow, const struct transfer_place *from,
    const struct transfer_candidate *candidate, const struct transfer_place *to)
{
    struct s3_transfer_item face = {
        .act = !from->bucket ? S3_TRANSFER_UPLOADED
               : to->bucket  ? S3_TRANSFER_COPIED
                             : S3_TRANSFER_DOWNLOADED,
        .outcome = S3_TRANSFER_PLANNED,
        .from_bucket = from->bucket,
        .from = candidate->name,
        .to_bucket = to->bucket,
        .to = to->name,
        .version_id = candidate->version_id,
        .size = candidate->size,
    };
    struct error err = {0};

    flow->totals.planned++;
    if (candidate->size > 0)
        flow->totals.bytes_planned += (uint64_t)candidate->size;
    if (check_object(flow, from, candidate, to, &err))
        transfer_tell(flow, &face, &err);
    else if (flow->transfer->dry_run)
        transfer_tell(flow, &face, NULL);
    else
        transfer_item_start(flow, from, candidate, to);
}

/* SYNC: whether the target has it already. */
static bool is_same(struct transfer_flow *flow, const struct transfer_candidate *candidate)
{
    const struct sync_entry own = {.size = (uint64_t)candidate->size,
        .modified_ms = candidate->modified_ms,
        .etag = candidate->etag};
    struct sync_entry *entry = sync_index_find(&flow->index, candidate->relative);

    if (!entry)
        return false;
    entry->seen = true;
    return !sync_differs(&own, entry, flow->transfer->size_only);
}

static void take_object(struct transfer_flow *flow, const struct transfer_candidate *candidate)
{
    const struct transfer_place from = flow->source.origin.place;
    struct transfer_place to = flow->target.place;
    char *name;

    flow->taken++;
    if (flow->source.origin.kind != TRANSFER_ONE && is_marker(candidate) &&
        (!to.bucket || !*candidate->relative))
        return; /* nothing but the folder's name */
    if (flow->transfer->verb == S3_TRANSFER_SYNC && !candidate->err && is_same(flow, candidate)) {
        flow->totals.same++;
        return;
    }
    name = transfer_target_name(&flow->target, candidate->relative);
    to.name = name;
    plan_object(flow, &from, candidate, &to);
    free(name);
}

static void plan_removal(struct transfer_flow *flow, const struct transfer_candidate *candidate)
{
    const struct s3_transfer_item face = {
        .act = S3_TRANSFER_REMOVED,
        .outcome = S3_TRANSFER_PLANNED,
        .from_bucket = flow->source.origin.place.bucket,
        .from = candidate->name,
        .version_id = candidate->version_id,
        .size = candidate->size,
    };

    transfer_tell(flow, &face, NULL);
}

/* What the source has now, as one batch. */
static bool take_batch(struct transfer_flow *flow)
{
    struct transfer_candidate candidate;
    struct transfer_batch *batch = NULL;
    bool any = false;

    while (transfer_source_take(&flow->source, &candidate)) {
        any = true;
        flow->totals.planned++;
        if (flow->transfer->dry_run) {
            plan_removal(flow, &candidate);
            continue;
        }
        if (!batch)
            batch = transfer_batch_new(flow, flow->source.origin.place.bucket);
        transfer_batch_add(batch, &candidate);
        if (batch->remove.item_count == S3_REMOVE_BATCH)
            break;
    }
    if (batch)
        transfer_batch_start(batch);
    return any;
}

/* --- sources --- */

static void on_source(struct transfer_source *source)
{
    transfer_step(container_of(source, struct transfer_flow, source));
}

static void open_source(struct transfer_flow *flow, const struct transfer_origin *origin)
{
    flow->source = (struct transfer_source){
        .client = flow->client,
        .transfer = flow->transfer,
        .origin = *origin,
        .look = flow->transfer->dry_run,
        .changed = on_source,
    };
    flow->source_open = true;
    transfer_source_start(&flow->source);
}

/* A name that nothing is called by is most likely not the one that was meant. */
static void check_found(struct transfer_flow *flow)
{
    const struct transfer_source *source = &flow->source;
    const struct transfer_place *place = &source->origin.place;
    const enum s3_transfer_verb verb = flow->transfer->verb;
    char shown[S3_NAME_SIZE];

    if (source->found || (verb != S3_TRANSFER_COPY && verb != S3_TRANSFER_MOVE))
        return;
    transfer_shown(place->bucket, place->name, shown);
    if (source->origin.kind == TRANSFER_PATTERN)
        error_set(&flow->err, ERROR_NOT_FOUND, "nothing matches %s", shown);
    else if (source->origin.kind == TRANSFER_ONE)
        error_set(&flow->err, ERROR_NOT_FOUND, "there is no %s", shown);
    else if (place->bucket && *place->name)
        error_set(&flow->err, ERROR_NOT_FOUND, "there is nothing in %s", shown);
}

static void close_source(struct transfer_flow *flow)
{
    error_keep_first(&flow->err, &flow->source.err);
    if (!flow->err.code && flow->state == TRANSFER_RUNNING)
        check_found(flow);
    transfer_source_deinit(&flow->source);
    flow->source_open = false;
}

/* --- the target --- */

static void on_looked(struct work *work, bool ran)
{
    struct transfer_flow *flow = container_of(work, struct transfer_flow, look);

    (void)ran;
    flow->looking = false;
    transfer_step(flow);
}

static void look(struct work *work)
{
    struct transfer_flow *flow = container_of(work, struct transfer_flow, look);

    flow->target.is_folder = file_is_folder(flow->target.place.name);
}

static void add_to_index(struct transfer_flow *flow)
{
    struct transfer_candidate candidate;

    while (transfer_source_take(&flow->source, &candidate)) {
        const struct sync_entry entry = {
            .name = candidate.relative,
            .path = candidate.name,
            .size = (uint64_t)candidate.size,
            .modified_ms = candidate.modified_ms,
            .etag = candidate.etag,
        };

        error_keep_first(&flow->source.err, candidate.err);
        if (!is_marker(&candidate) || (flow->origins[0].place.bucket && *candidate.relative))
            sync_index_add(&flow->index, &entry);
    }
}

static void look_at_target(struct transfer_flow *flow)
{
    const struct transfer_place *target = &flow->target.place;
    const struct transfer_origin *first = &flow->origins[0];
    const char *name = target->name;

    if (flow->transfer->verb == S3_TRANSFER_REMOVE)
        return;
    flow->target.is_folder = flow->transfer->source_count > 1 || first->kind != TRANSFER_ONE ||
                             text_ends(name, "/") || (target->bucket && !*name);
    if (flow->transfer->verb == S3_TRANSFER_SYNC) {
        const struct transfer_origin origin = {
            .place = *target,
            .kind = TRANSFER_FOLDER,
            .folder =
                *name && !text_ends(name, "/") ? arena_printf(&flow->arena, "%s/", name) : name,
        };

        open_source(flow, &origin);
    } else if (!target->bucket && !flow->target.is_folder) {
        flow->looking = true;
        flow->look = (struct work){.run = look, .done = on_looked};
        work_submit(s3_client_options(flow->client)->lane, &flow->look);
    }
}

/* True: all that has to be known of the target is. */
static bool target_known(struct transfer_flow *flow)
{
    if (flow->source_open) {
        add_to_index(flow);
        if (!transfer_source_over(&flow->source))
            return false;
        if (!flow->target.place.bucket && flow->source.err.code == ERROR_NOT_FOUND)
            flow->source.err = (struct error){0}; /* a folder to be made */
        close_source(flow);
        sync_index_sort(&flow->index);
    }
    return !flow->looking;
}

/* --- states --- */

static void on_closed(struct timer *timer)
{
    struct transfer_flow *flow = container_of(timer, struct transfer_flow, timer);
    struct s3_transfer *transfer = flow->transfer;
    const struct error *err = flow->err.code ? &flow->err : &flow->failure;

    transfer->told = !flow->err.code && flow->failure.code;
    transfer->totals = flow->totals;
    transfer->totals.planning = false;
    transfer->flow = NULL;
    transfer->done(transfer, err->code ? err : NULL);
    sync_index_deinit(&flow->index);
    table_deinit(&flow->names);
    arena_deinit(&flow->arena);
    free(flow);
}

static void enter_state(struct transfer_flow *flow, enum transfer_state state)
{
    static const char *const names[] = {"looking", "running", "removing", "ending", "closing"};
    struct log *log = s3_client_options(flow->client)->log;

    flow->state = state; /* the one place where it changes */
    if (log_enabled(log, "s3", LOG_TRACE))
        log_event(log, LOG_TRACE, "s3.transfer", NULL, NULL, "%s: %llu of %llu objects",
            names[state], (unsigned long long)flow->totals.done,
            (unsigned long long)flow->totals.planned);
    if (state == TRANSFER_CLOSING)
        timer_close(&flow->timer, on_closed);
}

static bool is_idle(const struct transfer_flow *flow)
{
    return !flow->item_count && !flow->batch_count && !flow->looking && !flow->extra_running &&
           (!flow->source_open || transfer_source_over(&flow->source));
}

static unsigned window_of(const struct transfer_flow *flow)
{
    const unsigned window = flow->transfer->window;

    return window ? window : s3_client_options(flow->client)->concurrency + S3_TRANSFER_AHEAD;
}

/* As much as may be under way at once; true once all sources are at their end. */
static bool start_objects(struct transfer_flow *flow)
{
    struct transfer_candidate candidate;

    while (!flow->err.code) {
        bool any = false;

        if (!flow->source_open && flow->at == flow->transfer->source_count)
            return true;
        if (!flow->source_open)
            open_source(flow, &flow->origins[flow->at]);
        if (flow->item_count >= window_of(flow) || flow->batch_count >= TRANSFER_BATCHES_MAX)
            return false;
        if (flow->transfer->verb == S3_TRANSFER_REMOVE)
            any = take_batch(flow);
        else if ((any = transfer_source_take(&flow->source, &candidate)))
            take_object(flow, &candidate);
        if (any)
            continue;
        if (!transfer_source_over(&flow->source))
            return false;
        close_source(flow);
        flow->at++;
    }
    return false;
}

/* Whether a sync may go on to remove; an empty source most likely is a wrong one. */
static bool may_remove(struct transfer_flow *flow)
{
    const struct s3_transfer *transfer = flow->transfer;

    if (!transfer->remove_extra || flow->failure.code)
        return false;
    if (flow->taken || transfer->force || !flow->index.count)
        return true;
    error_set(&flow->err, ERROR_INVALID,
        "the source has nothing, and --delete would empty the target (%zu objects): --force if that"
        " is meant",
        flow->index.count);
    return false;
}

static void remove_extra(struct transfer_flow *flow)
{
    bool more = true;

    while (more && !flow->extra_running && flow->batch_count < TRANSFER_BATCHES_MAX)
        more = transfer_remove_extra(flow);
    if (!more && is_idle(flow))
        enter_state(flow, TRANSFER_CLOSING);
}

/* --- the whole flow --- */

void transfer_step(struct transfer_flow *flow)
{
    if (flow->state == TRANSFER_LOOKING && !flow->err.code && target_known(flow) && !flow->err.code)
        enter_state(flow, TRANSFER_RUNNING);
    if (flow->state == TRANSFER_RUNNING && start_objects(flow) && is_idle(flow) &&
        !flow->err.code) {
        if (may_remove(flow))
            enter_state(flow, TRANSFER_REMOVING);
        else if (!flow->err.code)
            enter_state(flow, TRANSFER_CLOSING);
    }
    if (flow->state == TRANSFER_REMOVING && !flow->err.code)
        remove_extra(flow);
    if (flow->err.code && flow->state < TRANSFER_ENDING)
        enter_state(flow, TRANSFER_ENDING);
    if (flow->state == TRANSFER_ENDING && is_idle(flow)) {
        if (flow->source_open)
            close_source(flow);
        enter_state(flow, TRANSFER_CLOSING);
    }
}

/* --- the face --- */

static int parse(struct transfer_flow *flow, struct error *err)
{
    const struct s3_transfer *transfer = flow->transfer;
    const bool has_target = transfer->verb != S3_TRANSFER_REMOVE;

    if (transfer->object && s3_object_check(transfer->object, err))
        return -1;
    flow->origins = arena_array(&flow->arena, transfer->source_count, sizeof(*flow->origins));
    for (size_t i = 0; i < transfer->source_count; i++) {
        if (transfer_origin_parse(
                transfer->sources[i], transfer, &flow->arena, &flow->origins[i], err))
            return -1;
    }
    if (has_target &&
        transfer_place_parse(transfer->target, &flow->arena, &flow->target.place, err))
        return -1;
    return transfer_check(transfer, flow->origins, has_target ? &flow->target.place : NULL, err);
}

static void on_begin(struct timer *timer)
{
    struct transfer_flow *flow = container_of(timer, struct transfer_flow, timer);

    if (flow->state == TRANSFER_LOOKING && !flow->err.code)
        look_at_target(flow);
    transfer_step(flow);
}

void s3_transfer_start(struct s3_client *client, struct s3_transfer *transfer)
{
    struct transfer_flow *flow = mem_new(struct transfer_flow);

    assert(transfer->done && transfer->source_count);
    flow->client = client;
    flow->transfer = transfer;
    transfer->flow = flow;
    arena_init(&flow->arena);
    sync_index_init(&flow->index);
    table_init(&flow->names);
    flow->totals.planning = true;
    timer_init(&flow->timer, s3_client_options(client)->loop);
    parse(flow, &flow->err);
    timer_start(&flow->timer, 0, 0, on_begin);
}

void s3_transfer_cancel(struct s3_transfer *transfer)
{
    struct transfer_flow *flow = transfer->flow;

    if (!flow || flow->state == TRANSFER_CLOSING || flow->err.code == ERROR_STOPPED)
        return;
    error_set(&flow->err, ERROR_STOPPED, "interrupted: what is done stays, nothing is half done");
    if (flow->source_open)
        transfer_source_cancel(&flow->source);
    for (struct transfer_item *item = flow->items; item; item = item->next)
        transfer_item_cancel(item);
    for (struct transfer_batch *batch = flow->batches; batch; batch = batch->next)
        s3_remove_cancel(&batch->remove);
    if (flow->looking)
        work_cancel(&flow->look);
    if (flow->extra_running)
        work_cancel(&flow->extra);
    timer_start(&flow->timer, 0, 0, on_begin);
}

void s3_transfer_totals(struct s3_transfer *transfer, struct s3_transfer_totals *ret_totals)
{
    struct transfer_flow *flow = transfer->flow;

    *ret_totals = flow ? flow->totals : transfer->totals;
    if (!flow)
        return;
    ret_totals->planning =
        flow->state < TRANSFER_RUNNING ||
        (flow->state == TRANSFER_RUNNING &&
            (flow->at + 1 < transfer->source_count || transfer_source_grows(&flow->source)));
    if (flow->state == TRANSFER_RUNNING && transfer->verb != S3_TRANSFER_SYNC)
        transfer_source_left(&flow->source, ret_totals);
    for (struct transfer_item *item = flow->items; item; item = item->next)
        ret_totals->bytes_done += transfer_item_bytes(item);
}
