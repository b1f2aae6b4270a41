#include "connectors/s3/remove.h"

#include "connectors/s3/error.h"
#include "connectors/s3/remove_private.h"
#include "runner/base/mem.h"
#include "runner/base/text.h"
#include "runner/io/retry.h"

#include <assert.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>

enum { PARALLEL = 8 };

static void remove_step(struct s3_remove_operation *operation);

static void name_error(const struct s3_remove_operation *operation, struct error *err)
{
    char name[S3_NAME_SIZE];

    error_prefix(err, "DELETE %s", s3_error_name(operation->remove->bucket, NULL, name));
}

/* --- one key's end --- */

void s3_remove_try_again(struct s3_remove_operation *operation, size_t index)
{
    operation->again = mem_grow(operation->again, &operation->again_capacity,
        operation->again_count, sizeof(*operation->again));
    operation->again[operation->again_count++] = index;
}

void s3_remove_give_up(struct s3_remove_operation *operation, size_t index, const struct error *err)
{
    struct s3_remove *remove = operation->remove;
    struct error *kept;

    remove->failed++;
    if (remove->failure_count == S3_REMOVE_FAILURES_MAX)
        return;
    kept = arena_new(&operation->arena, struct error);
    *kept = *err;
    operation->failures[remove->failure_count++] =
        (struct s3_remove_failure){.item = &remove->items[index], .err = kept};
}

/* --- what callbacks do: record, then step --- */

/* A single key's error is the key's; that of a bucket that is not there is everybody's. */
static void after_single(struct remove_slot *slot, const struct error *err)
{
    struct s3_remove_operation *operation = slot->operation;

    if (!err ||
        (err->code == ERROR_NOT_FOUND && !text_equal(slot->call.error.code, "NoSuchBucket")))
        atomic_fetch_add(&operation->remove->removed, 1);
    else if (err->code == ERROR_STOPPED || err->code == ERROR_NOT_FOUND)
        error_keep_first(&operation->err, err);
    else
        s3_remove_give_up(operation, slot->indexes[0], err);
}

static void after_batch(struct remove_slot *slot, const struct error *err)
{
    struct s3_remove_operation *operation = slot->operation;
    struct error failure = err ? *err : (struct error){0};

    if (!err && s3_remove_read(slot, &failure)) {
        name_error(operation, &failure);
    } else if (failure.code == ERROR_NOT_SUPPORTED) {
        operation->singles = true;
        for (size_t i = 0; i < slot->count; i++)
            s3_remove_try_again(operation, slot->indexes[i]);
        return;
    }
    error_keep_first(&operation->err, &failure);
}

static void on_call(struct s3_call *call, const struct error *err)
{
    struct remove_slot *slot = container_of(call, struct remove_slot, call);

    slot->busy = false;
    if (call->key)
        after_single(slot, err);
    else
        after_batch(slot, err);
    remove_step(slot->operation);
}

static void on_timer(struct timer *timer)
{
    struct s3_remove_operation *operation = container_of(timer, struct s3_remove_operation, timer);

    operation->state = REMOVE_WORKING;
    remove_step(operation);
}

static void on_closed(struct timer *timer)
{
    struct s3_remove_operation *operation = container_of(timer, struct s3_remove_operation, timer);
    struct s3_remove *remove = operation->remove;

    remove->operation = NULL;
    remove->failures = operation->failures;
    remove->done(remove, operation->err.code ? &operation->err : NULL);
    for (unsigned i = 0; i < operation->parallel; i++)
        buffer_deinit(&operation->slots[i].body);
    arena_deinit(&operation->arena);
    free(operation->slots);
    free(operation->wave);
    free(operation->again);
    free(operation);
}

/* --- what goes out --- */

static size_t wave_index(const struct s3_remove_operation *operation, size_t at)
{
    return operation->wave ? operation->wave[at] : at;
}

/* As many of the next keys as go into one request. */
static void take_keys(struct remove_slot *slot)
{
    struct s3_remove_operation *operation = slot->operation;
    const struct s3_remove_item *items = operation->remove->items;

    slot->count = 0;
    while (operation->at < operation->wave_count && slot->count < S3_REMOVE_BATCH) {
        const size_t index = wave_index(operation, operation->at);
        const bool fits = !operation->singles && s3_remove_fits_xml(items[index].key);

        if (!fits && slot->count)
            return;
        slot->indexes[slot->count++] = index;
        operation->at++;
        if (!fits)
            return;
    }
}

static void fill_single(struct remove_slot *slot)
{
    const struct s3_remove_item *item = &slot->operation->remove->items[slot->indexes[0]];

    slot->query[0] = (struct s3_query){"versionId", item->version_id};
    slot->call = (struct s3_call){
        .method = "DELETE",
        .key = item->key,
        .query = slot->query,
        .query_count = item->version_id != NULL,
        .headers = slot->headers,
    };
}

static int fill_batch(struct remove_slot *slot, struct error *err)
{
    slot->query[0] = (struct s3_query){"delete", NULL};
    slot->headers[0] = (struct http_header){"Content-Type", "application/xml"};
    if (s3_remove_write(slot, &slot->headers[1], err))
        return -1;
    slot->call = (struct s3_call){
        .method = "POST",
        .query = slot->query,
        .query_count = 1,
        .headers = slot->headers,
        .header_count = 2,
        .body = {.kind = HTTP_BODY_MEMORY,
            .bytes = slot->body.data,
            .length = (int64_t)slot->body.length},
        .answer_is_xml = true,
    };
    return 0;
}

static void send_keys(struct remove_slot *slot)
{
    struct s3_remove_operation *operation = slot->operation;
    const struct s3_remove *remove = operation->remove;
    struct error err = {0};
    size_t *count = &slot->call.header_count;

    if (slot->count == 1) {
        fill_single(slot);
    } else if (fill_batch(slot, &err)) {
        name_error(operation, &err);
        error_keep_first(&operation->err, &err);
        return;
    }
    if (remove->requester_pays && !s3_client_options(operation->client)->requester_pays)
        slot->headers[(*count)++] = (struct http_header){"x-amz-request-payer", "requester"};
    if (remove->bypass_governance)
        slot->headers[(*count)++] =
            (struct http_header){"x-amz-bypass-governance-retention", "true"};
    slot->call.bucket = remove->bucket;
    slot->call.done = on_call;
    slot->busy = true;
    s3_call_start(operation->client, &slot->call);
}

/* --- the whole flow --- */

static bool any_busy(const struct s3_remove_operation *operation)
{
    for (unsigned i = 0; i < operation->parallel; i++) {
        if (operation->slots[i].busy)
            return true;
    }
    return false;
}

/* What failed for the moment is the next wave, after a wait. */
static void begin_wave(struct s3_remove_operation *operation)
{
    const struct retry_policy *policy = &s3_client_options(operation->client)->retry;
    uint64_t random = 0;

    free(operation->wave);
    operation->wave = operation->again;
    operation->wave_count = operation->again_count;
    operation->at = 0;
    operation->again = NULL;
    operation->again_count = operation->again_capacity = 0;
    operation->attempt++;
    RAND_bytes((unsigned char *)&random, sizeof(random)); /* spreads waits; 0 would do */
    operation->state = REMOVE_WAITING;
    timer_start(&operation->timer, (uint64_t)retry_backoff_ms(policy, operation->attempt, random),
        0, on_timer);
}

/* No attempt is left for those of the last wave. */
static void give_up_wave(struct s3_remove_operation *operation)
{
    for (size_t i = 0; i < operation->again_count; i++) {
        const char *key = operation->remove->items[operation->again[i]].key;
        char name[S3_NAME_SIZE];
        struct error err = {0};

        error_set(&err, ERROR_BUSY, "DELETE %s: the store could not do it, at none of %u attempts",
            s3_error_name(operation->remove->bucket, key, name), operation->attempt + 1);
        s3_remove_give_up(operation, operation->again[i], &err);
    }
}

static void finish(struct s3_remove_operation *operation)
{
    const struct s3_remove *remove = operation->remove;

    if (!operation->err.code && remove->failed) {
        operation->err = *operation->failures[0].err;
        if (remove->failed > 1) {
            const struct error first = operation->err;

            error_set(&operation->err, first.code, "%zu of %zu objects were not deleted, first: %s",
                remove->failed, remove->item_count, first.message);
            operation->err.class = first.class;
            operation->err.detail = first.detail;
        }
    }
    operation->state = REMOVE_CLOSING;
    timer_close(&operation->timer, on_closed);
}

static void remove_step(struct s3_remove_operation *operation)
{
    const struct retry_policy *policy = &s3_client_options(operation->client)->retry;

    for (unsigned i = 0; i < operation->parallel; i++) {
        struct remove_slot *slot = &operation->slots[i];

        if (slot->busy || operation->err.code || operation->at == operation->wave_count)
            continue;
        take_keys(slot);
        send_keys(slot);
    }
    if (any_busy(operation))
        return;
    if (!operation->err.code && operation->again_count &&
        operation->attempt + 1 < policy->attempts) {
        begin_wave(operation);
        return;
    }
    if (!operation->err.code)
        give_up_wave(operation);
    finish(operation);
}

/* --- the face --- */

void s3_remove_start(struct s3_client *client, struct s3_remove *remove)
{
    struct s3_remove_operation *operation = mem_new(struct s3_remove_operation);

    assert(remove->bucket && remove->done);
    operation->client = client;
    operation->remove = remove;
    operation->state = REMOVE_WAITING;
    operation->wave_count = remove->item_count;
    operation->parallel = remove->parallel ? remove->parallel : PARALLEL;
    operation->slots = mem_calloc(operation->parallel, sizeof(*operation->slots));
    for (unsigned i = 0; i < operation->parallel; i++) {
        operation->slots[i].operation = operation;
        buffer_init(&operation->slots[i].body, 0);
    }
    arena_init(&operation->arena);
    remove->operation = operation;
    remove->failures = NULL;
    remove->failure_count = remove->failed = 0;
    atomic_store(&remove->removed, 0);
    timer_init(&operation->timer, s3_client_options(client)->loop);
    timer_start(&operation->timer, 0, 0, on_timer);
}

void s3_remove_cancel(struct s3_remove *remove)
{
    struct s3_remove_operation *operation = remove->operation;
    struct error cancelled;

    if (!operation || operation->cancelled || operation->state == REMOVE_CLOSING)
        return;
    operation->cancelled = true;
    error_set(&cancelled, ERROR_STOPPED, "cancelled");
    name_error(operation, &cancelled);
    error_keep_first(&operation->err, &cancelled);
    for (unsigned i = 0; i < operation->parallel; i++) {
        if (operation->slots[i].busy)
            s3_call_cancel(&operation->slots[i].call);
    }
    if (operation->state == REMOVE_WAITING)
        timer_start(&operation->timer, 0, 0, on_timer);
}
