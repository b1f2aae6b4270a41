#include "connectors/state_s3/change.h"

#include "runner/base/mem.h"
#include "runner/base/text.h"
#include "runner/base/time.h"
#include "runner/base/uuid.h"
#include "runner/io/retry.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WAIT_MS = 20, WAIT_MS_MAX = 1000, ATTEMPTS = 3 };

static void change_step(struct change *change, const struct error *err);
static void enter_state(struct change *change, enum change_state state);

/* --- what callbacks do: record, then step --- */

static void on_call(struct s3_call *call, const struct error *err)
{
    struct change *change = container_of(call, struct change, call);

    change->requests += call->tries;
    change_step(change, err);
}

static void on_waited(struct timer *timer)
{
    change_step(container_of(timer, struct change, wait), NULL);
}

static void on_deadline(struct timer *timer)
{
    struct change *change = container_of(timer, struct change, deadline);

    change->expired = true;
    if (change->state == CHANGE_WAITING)
        timer_start(&change->wait, 0, 0, on_waited);
    s3_call_cancel(&change->call); /* harmless where none is under way */
}

static void on_closed(struct timer *timer)
{
    struct change *change = container_of(timer, struct change, wait);

    json_decref(change->next);
    free(change->body);
    free(change->match);
    arena_deinit(&change->arena);
    change->state = CHANGE_IDLE;
    change->done(change, change->err.code ? &change->err : NULL);
}

static void on_deadline_closed(struct timer *timer)
{
    timer_close(&container_of(timer, struct change, deadline)->wait, on_closed);
}

/* --- the value --- */

static void forget_value(struct change *change)
{
    json_decref(change->value);
    free(change->value_etag);
    change->value = NULL;
    change->value_etag = NULL;
}

static void keep_value(struct change *change, json_t *value, const char *etag)
{
    forget_value(change);
    change->value = value;
    change->value_etag = mem_strdup(etag);
}

static int64_t time_of(const struct s3_call *call, const char *name)
{
    const char *text = s3_call_header(call, name);
    int64_t time_ms;

    return text && time_parse_http(text, &time_ms, NULL) == 0 ? time_ms : 0;
}

static int take_read(struct change *change)
{
    const char *etag = s3_call_header(&change->call, "ETag");
    char name[S3_NAME_SIZE];
    json_t *value;

    change->store_ms = time_of(&change->call, "Date");
    change->modified_ms = time_of(&change->call, "Last-Modified");
    value = json_parse(change->call.answer, change->call.answer_length, &change->err);
    if (etag && json_is_object(value)) {
        keep_value(change, value, etag);
        return 0;
    }
    json_decref(value);
    s3_error_name(change->bucket, change->key, name);
    return error_set(&change->err, ERROR_DATA,
        "%s is no document of a state%s: somebody else wrote it, or it was damaged; move it away",
        name, etag ? "" : " (the store says no ETag)");
}

static bool is_missing(const struct s3_call *call)
{
    return call->status == 404 && !text_equal(call->error.code, "NoSuchBucket");
}

/* --- what states do on entry --- */

static void read_object(struct change *change)
{
    change->call = (struct s3_call){
        .method = "GET", .bucket = change->bucket, .key = change->key, .done = on_call};
    s3_call_start(change->client, &change->call);
}

static void put_object(struct change *change)
{
    struct s3_headers described = {0};
    size_t count = 0;

    arena_deinit(&change->arena);
    if (change->objects &&
        s3_object_headers(change->objects, change->key, &change->arena, &described, &change->err)) {
        enter_state(change, CHANGE_CLOSING);
        return;
    }
    for (size_t i = 0; i < described.count; i++)
        change->headers[count++] = described.items[i];
    change->headers[count++] = change->match[0] ? (struct http_header){"If-Match", change->match}
                                                : (struct http_header){"If-None-Match", "*"};
    change->call = (struct s3_call){.method = "PUT",
        .bucket = change->bucket,
        .key = change->key,
        .headers = change->headers,
        .header_count = count,
        .body = {.kind = HTTP_BODY_MEMORY,
            .bytes = change->body,
            .length = (int64_t)strlen(change->body)},
        .attempts_max = ATTEMPTS,
        .done = on_call};
    s3_call_start(change->client, &change->call);
}

static void enter_state(struct change *change, enum change_state state)
{
    const unsigned most = MIN(WAIT_MS << MIN(change->tries, 6), WAIT_MS_MAX);

    change->state = state;
    switch (state) {
    case CHANGE_MAKING:
        timer_start(&change->wait, 0, 0, on_waited);
        break;
    case CHANGE_READING:
        read_object(change);
        break;
    case CHANGE_PUTTING:
        put_object(change);
        break;
    case CHANGE_WAITING: /* in another order than the others that wait */
        timer_start(&change->wait, retry_random() % most, 0, on_waited);
        break;
    case CHANGE_CLOSING:
        timer_close(&change->deadline, on_deadline_closed);
        break;
    case CHANGE_IDLE:
        break;
    }
}

/* --- the whole flow --- */

static void fail(struct change *change, const struct error *err)
{
    char name[S3_NAME_SIZE];

    if (change->expired && !change->err.code)
        error_set(&change->err, ERROR_TIMEOUT,
            "%s %s: no good answer for %lld s%s; check the network, s3.endpoint and the store",
            change->reads_only ? "GET" : "PUT", s3_error_name(change->bucket, change->key, name),
            (long long)(change->timeout_ms + 999) / 1000,
            change->in_doubt ? ", so it may have been stored or not" : "");
    error_keep_first(&change->err, err);
    if (change->in_doubt || change->state == CHANGE_READING)
        forget_value(change);
    enter_state(change, CHANGE_CLOSING);
}

/* Makes the next document and sends it. */
static void make(struct change *change)
{
    char uuid[UUID_TEXT_SIZE];

    json_decref(change->next);
    change->next = NULL;
    change->in_doubt = false; /* what was put before is overtaken: its condition holds no more */
    if (change->make(change, change->value, &change->next, &change->err) || !change->next) {
        enter_state(change, CHANGE_CLOSING);
        return;
    }
    snprintf(change->token, sizeof(change->token), "%s", uuid_v7(time_now_ms(), uuid));
    json_put_text(change->next, "token", change->token);
    free(change->body);
    free(change->match);
    change->body = json_line(change->next);
    change->match = mem_strdup(change->value_etag);
    enter_state(change, CHANGE_PUTTING);
}

/* What is there now is ours, is what was there before, or somebody else's. */
static void settle(struct change *change, const struct error *err)
{
    const bool missing = err && is_missing(&change->call);

    if (err && !missing) {
        if (err->class == ERROR_TRANSIENT && change->in_doubt && !change->expired)
            enter_state(change, CHANGE_WAITING); /* whatever it takes, until the deadline */
        else
            fail(change, err);
        return;
    }
    if (!missing && take_read(change)) {
        enter_state(change, CHANGE_CLOSING);
        return;
    }
    if (missing)
        keep_value(change, NULL, "");
    if (change->in_doubt && change->value &&
        text_equal(json_get_text(change->value, "token"), change->token)) {
        enter_state(change, CHANGE_CLOSING);
        return;
    }
    /* The same bytes once more: should the first ones come after all, they are what was meant. */
    if (change->in_doubt && text_equal(change->value_etag, change->match))
        enter_state(change, CHANGE_PUTTING);
    else
        make(change);
}

static void judge_put(struct change *change, const struct error *err)
{
    const int status = change->call.status;
    const char *etag = s3_call_header(&change->call, "ETag");
    const bool lost_race =
        status == 412 || status == 409 || (status == 404 && is_missing(&change->call));

    if (!err && etag) {
        keep_value(change, json_incref(change->next), etag);
        change->in_doubt = false;
        enter_state(change, CHANGE_CLOSING);
        return;
    }
    change->in_doubt = true; /* until what is there was looked at */
    if (change->expired || (err && !lost_race && err->class != ERROR_TRANSIENT)) {
        fail(change, err);
        return;
    }
    if (++change->tries > CHANGE_TRIES_MAX) {
        char name[S3_NAME_SIZE];

        error_set(&change->err, ERROR_CONFLICT,
            "%s is changed by others all the time (%u tries); try again",
            s3_error_name(change->bucket, change->key, name), CHANGE_TRIES_MAX);
        enter_state(change, CHANGE_CLOSING);
        return;
    }
    enter_state(change, CHANGE_WAITING);
}

static void change_step(struct change *change, const struct error *err)
{
    switch (change->state) {
    case CHANGE_MAKING:
        if (!change->etag)
            enter_state(change, CHANGE_READING);
        else
            make(change);
        break;
    case CHANGE_READING:
        if (change->expired)
            fail(change, NULL);
        else
            settle(change, err);
        break;
    case CHANGE_PUTTING:
        judge_put(change, change->expired && err ? NULL : err);
        break;
    case CHANGE_WAITING:
        if (change->expired)
            fail(change, NULL);
        else
            enter_state(change, CHANGE_READING);
        break;
    case CHANGE_CLOSING:
    case CHANGE_IDLE:
        assert(!"nothing is under way in this state");
    }
}

void change_start(struct change *change)
{
    change->state = CHANGE_MAKING;
    change->value = change->known ? json_incref(change->known) : NULL;
    change->value_etag = change->etag ? mem_strdup(change->etag) : NULL;
    arena_init(&change->arena);
    timer_init(&change->deadline, change->loop);
    timer_init(&change->wait, change->loop);
    timer_start(&change->deadline, (uint64_t)change->timeout_ms, 0, on_deadline);
    enter_state(change, CHANGE_MAKING);
}
