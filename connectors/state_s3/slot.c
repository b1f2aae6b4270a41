/* What changes a document. Operations wait for their turn; all that wait go into one write. Whoever
 * holds the lease is the only one who writes, so that it needs no reading; what may wait for the
 * next write does (state_s3.h). */
#include "connectors/state_s3/state_s3_private.h"

#include "runner/base/mem.h"
#include "runner/base/text.h"
#include "runner/base/time.h"
#include "runner/base/uuid.h"

#include <stdio.h>
#include <string.h>

enum {
    PROBE_MS_MAX = 7 * MS_PER_DAY, /* so long counts what a probe said */
    BEAT_PART = 3,                 /* of a ttl: how long a heartbeat may take */
    BEAT_MS_MIN = MS_PER_SECOND,
};

static void slot_step(struct slot *slot);

/* --- the document as we know it --- */

static void forget(struct slot *slot)
{
    json_decref(slot->value);
    free(slot->etag);
    slot->value = NULL;
    slot->etag = NULL;
}

static void take_value(struct slot *slot, struct change *change)
{
    forget(slot);
    slot->value = change->value;
    slot->etag = change->value_etag;
    change->value = NULL;
    change->value_etag = NULL;
    if (!slot->etag)
        forget(slot);
}

void slot_free(struct slot *slot)
{
    forget(slot);
    json_decref(slot->moved);
    free(slot->moved_key);
    free(slot->seen_etag);
    free(slot->pipeline);
    free(slot->instance);
    free(slot->key);
    free(slot);
}

/* For how long this very document has been there, by our own clock, since we first looked. */
static int64_t watched_ms(struct slot *slot, const char *etag)
{
    const int64_t now_ms = slot->owner->steady_ms();

    if (!text_equal(slot->seen_etag, etag)) {
        free(slot->seen_etag);
        slot->seen_etag = mem_strdup(etag);
        slot->seen_ms = now_ms;
    }
    return now_ms - slot->seen_ms;
}

/* --- what the verbs do to a document --- */

static const char *store_name(const struct state_s3 *owner)
{
    const char *endpoint = s3_client_options(owner->client)->endpoint;

    return endpoint ? endpoint : "aws";
}

static bool is_probed(const struct state_s3 *owner, const json_t *desk, int64_t now_ms)
{
    const json_t *probed = json_object_get(desk, "probed");
    const int64_t age_ms = now_ms - json_get_int(probed, "ms", 0);

    return text_equal(json_get_text(probed, "store"), store_name(owner)) && age_ms > -MS_PER_DAY &&
           age_ms < PROBE_MS_MAX;
}

static void note_probe(const struct state_s3 *owner, json_t *desk, int64_t now_ms)
{
    json_t *probed = json_object();

    json_put_int(probed, "ms", now_ms);
    json_put_text(probed, "store", store_name(owner));
    json_object_set_new(desk, "probed", probed);
}

/* Whether somebody is said to run whose own object was not looked at. */
static bool has_unknown(const struct operation *operation, const json_t *desk)
{
    const json_t *run;
    size_t i;

    json_array_foreach(json_object_get(desk, "runs"), i, run)
    {
        const char *run_id = json_get_text(run, "run_id");

        if (desk_outcome(run) == STATE_RUNNING &&
            !text_equal(run_id, operation->request->lease.run_id) &&
            !json_object_get(operation->ended, run_id))
            return true;
    }
    return false;
}

/* 1: the document is changed. */
static int acquire(struct operation *operation, json_t *desk, bool is_new)
{
    struct slot *slot = operation->slot;
    const struct change *change = &slot->change;
    struct desk_sight sight = state_s3_sight(slot->owner, change->store_ms, change->modified_ms);
    const int64_t now_ms = sight.store_ms > 0 ? sight.store_ms : time_now_ms();
    bool silent = false;

    operation->request->watch_ms = 0;
    operation->needs_probe = operation->needs_ended = false;
    if (!is_new) {
        sight.watched_ms = watched_ms(slot, change->value_etag);
        if (desk_judge(desk, &sight, operation->request, &silent, &operation->err))
            return 0;
    }
    operation->needs_probe = !operation->probed && !is_probed(slot->owner, desk, now_ms);
    operation->needs_ended = has_unknown(operation, desk);
    if (operation->needs_probe || operation->needs_ended)
        return 0;
    if (operation->probed)
        note_probe(slot->owner, desk, now_ms);
    desk_take(desk, &sight, operation->ended, silent, operation->request);
    return 1;
}

/* 1: the document is changed; 0: there is nothing to change, or operation->err. */
static int apply(struct operation *operation, json_t *desk, bool is_new)
{
    struct state_request *request = operation->request;
    struct slot *slot = operation->slot;
    const struct desk_sight sight = state_s3_sight(slot->owner, 0, 0);
    struct error *err = &operation->err;

    switch (request->verb) {
    case STATE_PUT_RUN:
        if (operation->checks_only)
            return desk_check_fence(desk, request, err) > 0;
        return desk_put_run(desk, request, err) == 0;
    case STATE_END_HOOK:
        return desk_end_hook(desk, request);
    case STATE_ADD_JOURNAL:
        return desk_add_journal(desk, request, err) == 0;
    case STATE_CLEAR_JOURNAL:
        return desk_clear_journal(desk, request);
    case STATE_ACQUIRE_LEASE:
        return acquire(operation, desk, is_new);
    case STATE_RENEW_LEASE:
        return desk_renew(desk, &sight, request, err) == 0;
    case STATE_RELEASE_LEASE:
        return desk_release(desk, request);
    default:
        return 0;
    }
}

static int make(struct change *change, const json_t *now, json_t **ret_next, struct error *err)
{
    struct slot *slot = container_of(change, struct slot, change);
    json_t *desk;
    int changed = 0;

    if (now && desk_check(now, err)) {
        char name[S3_NAME_SIZE];

        return error_prefix(err, "%s", s3_error_name(change->bucket, change->key, name));
    }
    desk = now ? json_deep_copy(now) : desk_new(slot->pipeline, slot->instance);
    for (struct operation *operation = slot->batch; operation; operation = operation->next) {
        error_clear(&operation->err);
        changed |= apply(operation, desk, !now);
    }
    if (changed)
        *ret_next = desk;
    else
        json_decref(desk);
    return 0;
}

/* --- operations of more than one step --- */

static void on_probed(struct probe *probe, const struct error *err)
{
    struct slot *slot = container_of(probe, struct slot, probe);
    struct operation *operation = slot->batch;

    slot->batch = NULL;
    if (err) {
        operation_end(operation, err);
    } else {
        operation->probed = true;
        operation->next = slot->first;
        slot->first = operation;
        if (!slot->last)
            slot->last = operation;
    }
    slot_step(slot);
}

static void start_probe(struct slot *slot)
{
    slot->probe = (struct probe){.client = slot->owner->client,
        .bucket = slot->owner->bucket,
        .prefix = slot->owner->prefix,
        .name = slot->owner->name,
        .done = on_probed};
    probe_start(&slot->probe);
}

static int read_nothing(
    struct change *change, const json_t *now, json_t **ret_next, struct error *err)
{
    (void)change;
    (void)now;
    (void)ret_next;
    (void)err;
    return 0;
}

static void find_next_ended(struct operation *operation);

static void on_ended_read(struct change *change, const struct error *err)
{
    struct operation *operation = container_of(change, struct operation, change);
    struct slot *slot = operation->slot;
    json_t *value = change->value;

    free(change->value_etag);
    if (err) {
        json_decref(value);
        slot->batch = NULL;
        operation_end(operation, err);
        slot_step(slot);
        return;
    }
    json_object_set_new(operation->ended, operation->run_key, value ? value : json_null());
    find_next_ended(operation);
}

/* Those that are said to run may have ended: their own objects tell. */
static void find_next_ended(struct operation *operation)
{
    struct slot *slot = operation->slot;
    const json_t *run;
    size_t i;

    json_array_foreach(json_object_get(slot->value, "runs"), i, run)
    {
        const char *run_id = json_get_text(run, "run_id");
        char *key;

        if (desk_outcome(run) != STATE_RUNNING || !run_id ||
            text_equal(run_id, operation->request->lease.run_id) ||
            json_object_get(operation->ended, run_id))
            continue;
        free(operation->run_key);
        operation->run_key = mem_strdup(run_id);
        key = state_s3_key(slot->owner, "runs", run_id, NULL, ".json");
        operation->change = (struct change){.client = slot->owner->client,
            .loop = slot->owner->loop,
            .bucket = slot->owner->bucket,
            .key = arena_strdup(&operation->arena, key),
            .timeout_ms = state_s3_timeout_ms(operation->owner),
            .reads_only = true,
            .make = read_nothing,
            .done = on_ended_read};
        free(key);
        change_start(&operation->change);
        return;
    }
    slot->batch = NULL;
    operation->next = slot->first;
    slot->first = operation;
    if (!slot->last)
        slot->last = operation;
    slot_step(slot);
}

/* --- what became of a run: an object of its own --- */

static int make_run(struct change *change, const json_t *now, json_t **ret_next, struct error *err)
{
    struct operation *operation = container_of(change, struct operation, change);
    const struct state_request *request = operation->request;
    const struct state_run *run = &request->run;
    json_t *value;

    if (request->lease.fence > 0 && json_get_int(now, "fence", 0) > request->lease.fence)
        return error_set(err, ERROR_FENCED,
            "run %s was taken over by another process, as this one was not heard of for too long; "
            "nothing was changed",
            run->run_id);
    value = desk_from_run(run, true);
    json_put_int(value, "version", DESK_VERSION);
    json_put_text(value, "pipeline", run->pipeline);
    json_put_text(value, "instance", run->instance ? run->instance : "");
    json_put_int(value, "fence", MAX(request->lease.fence, json_get_int(now, "fence", 0)));
    *ret_next = value;
    return 0;
}

static void enqueue(struct slot *slot, struct operation *operation)
{
    operation->state = OPERATION_QUEUED;
    operation->next = NULL;
    if (slot->last)
        slot->last->next = operation;
    else
        slot->first = operation;
    slot->last = operation;
    slot_step(slot);
}

static void on_run_put(struct change *change, const struct error *err)
{
    struct operation *operation = container_of(change, struct operation, change);

    json_decref(change->value);
    free(change->value_etag);
    if (err) {
        operation_end(operation, err);
        return;
    }
    operation->checks_only = false;
    operation->lazy = true;
    enqueue(operation->slot, operation);
}

static void write_run(struct operation *operation)
{
    struct state_s3 *owner = operation->owner;

    operation->state = OPERATION_WRITING;
    operation->run_key = state_s3_key(owner, "runs", operation->request->run.run_id, NULL, ".json");
    operation->change = (struct change){.client = owner->client,
        .loop = owner->loop,
        .bucket = owner->bucket,
        .key = operation->run_key,
        .objects = &owner->objects,
        .timeout_ms = state_s3_timeout_ms(operation->owner),
        .etag = "", /* most often there is none */
        .make = make_run,
        .done = on_run_put};
    change_start(&operation->change);
}

void slot_take(struct operation *operation)
{
    const struct state_request *request = operation->request;
    struct slot *slot = operation->slot;
    const bool ended = request->verb == STATE_PUT_RUN && request->run.outcome != STATE_RUNNING;
    const bool is_sure =
        request->lease.fence == 0 || (slot->held && slot->fence == request->lease.fence);

    if (ended && is_sure) {
        write_run(operation);
        return;
    }
    operation->checks_only = ended; /* a holder that lost its lease has no say */
    operation->lazy = request->verb == STATE_CLEAR_JOURNAL;
    enqueue(slot, operation);
}

/* --- one write after the other --- */

static void end_one(struct operation *operation, const struct error *err)
{
    struct state_request *request = operation->request;
    struct slot *slot = operation->slot;
    const bool failed = err || operation->err.code;

    if (request->verb == STATE_ACQUIRE_LEASE && !failed) {
        slot->held = true;
        slot->fence = request->lease.fence;
    }
    if (request->verb == STATE_RELEASE_LEASE && !failed && slot->fence == request->lease.fence)
        slot->held = false;
    if (operation->err.code == ERROR_FENCED)
        slot->held = false;
    if (operation->checks_only && !failed)
        write_run(operation);
    else
        operation_end(operation, operation->err.code ? NULL : err);
}

static int make_move(struct change *change, const json_t *now, json_t **ret_next, struct error *err)
{
    struct slot *slot = container_of(change, struct slot, change);
    json_t *desk = now ? json_deep_copy(now) : NULL;

    (void)err;
    if (desk && desk_drop_moved(desk, slot->moved, slot->moved_key))
        *ret_next = desk;
    else
        json_decref(desk);
    return 0;
}

/* A history that could not be moved is moved by the next holder. */
static void on_moved(struct change *change, const struct error *err)
{
    struct slot *slot = container_of(change, struct slot, change);
    struct operation *operation = slot->batch;

    (void)err;
    take_value(slot, change);
    json_decref(slot->moved);
    free(slot->moved_key);
    slot->moved = NULL;
    slot->moved_key = NULL;
    slot->batch = NULL;
    end_one(operation, NULL);
    slot_step(slot);
}

static void change_slot(struct slot *slot, change_make_fn make_fn, change_done_fn done)
{
    int64_t timeout_ms = state_s3_timeout_ms(slot->owner);

    for (const struct operation *operation = slot->batch; operation; operation = operation->next) {
        const int64_t ttl_ms = operation->request->lease.ttl_ms;

        if (operation->request->verb == STATE_RENEW_LEASE && ttl_ms > 0)
            timeout_ms = MIN(timeout_ms, MAX(ttl_ms / BEAT_PART, (int64_t)BEAT_MS_MIN));
    }
    slot->change = (struct change){.client = slot->owner->client,
        .loop = slot->owner->loop,
        .bucket = slot->owner->bucket,
        .key = slot->key,
        .objects = &slot->owner->objects,
        .timeout_ms = timeout_ms,
        .make = make_fn,
        .done = done};
    if (slot->held && slot->etag && slot->batch->request->verb != STATE_ACQUIRE_LEASE) {
        slot->change.known = slot->value;
        slot->change.etag = slot->etag;
    }
    change_start(&slot->change);
}

static void on_moved_put(struct change *change, const struct error *err)
{
    struct operation *operation = container_of(change, struct operation, change);
    struct slot *slot = operation->slot;

    json_decref(change->value);
    free(change->value_etag);
    if (err) {
        slot->change.value = slot->value ? json_incref(slot->value) : NULL;
        slot->change.value_etag = slot->etag ? mem_strdup(slot->etag) : NULL;
        on_moved(&slot->change, err);
        return;
    }
    slot->held = true; /* it is ours: nothing has to be read */
    change_slot(slot, make_move, on_moved);
}

static int make_moved(
    struct change *change, const json_t *now, json_t **ret_next, struct error *err)
{
    struct operation *operation = container_of(change, struct operation, change);

    (void)now;
    (void)err;
    *ret_next = json_deep_copy(operation->slot->moved);
    return 0;
}

/* Whether the holder that has just got the lease moves runs away first. */
static bool move_runs(struct slot *slot, struct operation *operation)
{
    struct state_s3 *owner = slot->owner;
    char uuid[UUID_TEXT_SIZE], end[UUID_TEXT_SIZE + 8];

    slot->moved = slot->value ? desk_overflow(slot->value) : NULL;
    if (!slot->moved)
        return false;
    snprintf(end, sizeof(end), "/%s.json", uuid_v7(time_now_ms(), uuid));
    slot->moved_key = state_s3_key(owner, "history", slot->pipeline, slot->instance, end);
    operation->change = (struct change){.client = owner->client,
        .loop = owner->loop,
        .bucket = owner->bucket,
        .key = slot->moved_key,
        .objects = &owner->objects,
        .timeout_ms = state_s3_timeout_ms(operation->owner),
        .etag = "",
        .make = make_moved,
        .done = on_moved_put};
    slot->batch = operation;
    operation->next = NULL;
    change_start(&operation->change);
    return true;
}

static void on_changed(struct change *change, const struct error *err)
{
    struct slot *slot = container_of(change, struct slot, change);
    struct operation *operation = slot->batch, *next;

    take_value(slot, change);
    if (!err && operation->request->verb == STATE_ACQUIRE_LEASE && !operation->err.code) {
        if (operation->needs_probe) {
            start_probe(slot);
            return;
        }
        if (operation->needs_ended) {
            operation->ended = operation->ended ? operation->ended : json_object();
            find_next_ended(operation);
            return;
        }
        if (move_runs(slot, operation))
            return;
    }
    slot->batch = NULL;
    for (; operation; operation = next) {
        next = operation->next;
        operation->next = NULL;
        end_one(operation, err);
    }
    slot_step(slot);
}

static bool all_are_lazy(const struct slot *slot)
{
    for (const struct operation *operation = slot->first; operation; operation = operation->next) {
        if (!operation->lazy)
            return false;
    }
    return slot->held && slot->value;
}

/* What waits, up to the next one that wants the lease: that goes alone. */
static void take_batch(struct slot *slot)
{
    struct operation *last = slot->first;

    while (last->request->verb != STATE_ACQUIRE_LEASE && last->next &&
           last->next->request->verb != STATE_ACQUIRE_LEASE)
        last = last->next;
    slot->batch = slot->first;
    slot->first = last->next;
    if (!slot->first)
        slot->last = NULL;
    last->next = NULL;
}

static void slot_step(struct slot *slot)
{
    if (slot->batch || !slot->first)
        return;
    if (all_are_lazy(slot)) {
        while (slot->first) {
            struct operation *operation = slot->first;

            slot->first = operation->next;
            error_clear(&operation->err);
            apply(operation, slot->value, false);
            end_one(operation, NULL);
        }
        slot->last = NULL;
        return;
    }
    take_batch(slot);
    change_slot(slot, make, on_changed);
}
