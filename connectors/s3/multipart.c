#include "connectors/s3/multipart.h"

#include "connectors/aws/sigv4.h"
#include "connectors/s3/answers.h"
#include "connectors/s3/error.h"
#include "runner/base/mem.h"
#include "runner/base/time.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum { ROUNDS_MAX = 2 };

int64_t s3_slow_answer_ms(const struct s3_client *client)
{
    const int64_t preset_ms = s3_client_options(client)->timeouts.first_byte_ms;

    return preset_ms ? preset_ms * 5 : S3_SLOW_ANSWER_MS;
}

/* --- what callbacks do: record, then step --- */

static void on_control(struct s3_call *call, const struct error *err)
{
    struct s3_multipart *upload = container_of(call, struct s3_multipart, control);

    upload->control_busy = false;
    upload->control_err = err ? *err : (struct error){0};
    s3_multipart_step(upload);
}

static void on_limit(struct timer *timer)
{
    struct s3_multipart *upload = container_of(timer, struct s3_multipart, limit);

    s3_call_cancel(&upload->control);
}

static void on_closed(struct timer *timer)
{
    struct s3_multipart *upload = container_of(timer, struct s3_multipart, limit);
    struct s3_multipart own = *upload;
    const struct error err = upload->err;

    upload->done(upload, err.code ? &err : NULL);
    /* The upload may be gone, or under way again. */
    free(own.parts);
    free(own.sent);
    buffer_deinit(&own.body);
    arena_deinit(&own.arena);
}

/* --- what states do on entry --- */

/* What `control` has beside its query is set before; the slots of `query` are filled. */
static void send_control(struct s3_multipart *upload, const char *method, size_t query_count)
{
    struct s3_call *call = &upload->control;

    call->method = method;
    call->bucket = upload->bucket;
    call->query = upload->query;
    call->query_count = query_count;
    call->done = on_control;
    upload->control_busy = true;
    s3_call_start(upload->client, call);
}

static void create(struct s3_multipart *upload)
{
    struct s3_headers *headers = &upload->create_headers;

    *headers = *upload->headers;
    if (upload->checksum != S3_CHECKSUM_NONE)
        s3_headers_add(headers, "x-amz-checksum-algorithm", s3_checksum_name(upload->checksum));
    if (upload->checksum == S3_CHECKSUM_CRC64NVME)
        s3_headers_add(headers, "x-amz-checksum-type", "FULL_OBJECT");
    upload->created_ns = time_monotonic_ns();
    upload->query[0] = (struct s3_query){"uploads", NULL};
    upload->control = (struct s3_call){
        .key = upload->key,
        .headers = headers->items,
        .header_count = headers->count,
        .answer_is_xml = true,
    };
    send_control(upload, "POST", 1);
}

static void list_uploads(struct s3_multipart *upload)
{
    upload->query[0] = (struct s3_query){"uploads", NULL};
    upload->query[1] = (struct s3_query){"prefix", upload->key};
    upload->query[2] = (struct s3_query){"encoding-type", "url"};
    upload->control = (struct s3_call){.answer_is_xml = true, .attempts_max = 2};
    send_control(upload, "GET", 3);
}

static void list_parts(struct s3_multipart *upload, const char *upload_id)
{
    upload->query[0] = (struct s3_query){"uploadId", upload_id};
    upload->query[1] = (struct s3_query){"max-parts", "1"};
    upload->control = (struct s3_call){.key = upload->key, .answer_is_xml = true};
    send_control(upload, "GET", 2);
}

static void abort_upload(struct s3_multipart *upload, const char *upload_id)
{
    upload->query[0] = (struct s3_query){"uploadId", upload_id};
    upload->control = (struct s3_call){.key = upload->key};
    send_control(upload, "DELETE", 1);
}

/* The checksum of all bytes, where those of the parts tell it. */
static void find_whole_checksum(struct s3_multipart *upload)
{
    struct s3_checksum whole;
    struct s3_checksum_value value;
    bool known = upload->checksum == S3_CHECKSUM_CRC64NVME;

    upload->whole_checksum[0] = '\0';
    if (!known || s3_checksum_init(&whole, upload->checksum, NULL))
        return;
    for (unsigned i = 0; known && i < upload->part_count; i++) {
        known = upload->sent[i].checksum[0] &&
                s3_checksum_parse(upload->checksum, upload->sent[i].checksum, &value, NULL) == 0;
        if (known)
            s3_checksum_append(&whole, &value, upload->sent[i].bytes);
    }
    if (known)
        s3_checksum_text(&whole, upload->whole_checksum, NULL);
    s3_checksum_deinit(&whole);
}

static void complete(struct s3_multipart *upload)
{
    struct http_header *headers = upload->complete_headers;
    size_t count = 0;

    s3_multipart_write_completion(upload);
    find_whole_checksum(upload);
    headers[count++] = (struct http_header){"Content-Type", "application/xml"};
    if (upload->if_none_match)
        headers[count++] = (struct http_header){"If-None-Match", "*"};
    if (upload->if_match)
        headers[count++] = (struct http_header){"If-Match", upload->if_match};
    if (upload->whole_checksum[0]) {
        headers[count++] =
            (struct http_header){s3_checksum_header(upload->checksum), upload->whole_checksum};
        headers[count++] = (struct http_header){"x-amz-checksum-type", "FULL_OBJECT"};
    }
    if (upload->requester_pays)
        headers[count++] = (struct http_header){"x-amz-request-payer", "requester"};
    upload->query[0] = (struct s3_query){"uploadId", upload->upload_id};
    upload->control = (struct s3_call){
        .key = upload->key,
        .headers = headers,
        .header_count = count,
        .body = {.kind = HTTP_BODY_MEMORY,
            .bytes = upload->body.data,
            .length = (int64_t)upload->body.length},
        .answer_is_xml = true,
        .timeouts.first_byte_ms = s3_slow_answer_ms(upload->client),
    };
    send_control(upload, "POST", 1);
}

static void look_at_object(struct s3_multipart *upload)
{
    upload->complete_headers[0] = (struct http_header){"x-amz-checksum-mode", "ENABLED"};
    upload->control = (struct s3_call){
        .key = upload->key, .headers = upload->complete_headers, .header_count = 1};
    send_control(upload, "HEAD", 0);
}

static void enter_state(struct s3_multipart *upload, enum s3_multipart_state state)
{
    upload->state = state; /* the one place where it changes */
    switch (state) {
    case MULTIPART_CREATING:
        create(upload);
        break;
    case MULTIPART_SWEEP_LISTING:
        list_uploads(upload);
        break;
    case MULTIPART_SWEEP_LOOKING:
        list_parts(upload, upload->strays[upload->stray_count - 1]);
        break;
    case MULTIPART_SWEEP_ABORTING:
        abort_upload(upload, upload->strays[upload->stray_count - 1]);
        break;
    case MULTIPART_COMPLETING:
        complete(upload);
        break;
    case MULTIPART_LOOKING_FOR_UPLOAD:
        list_parts(upload, upload->upload_id);
        break;
    case MULTIPART_LOOKING_AT_OBJECT:
        look_at_object(upload);
        break;
    case MULTIPART_ABORTING:
        if (!timer_active(&upload->limit))
            timer_start(&upload->limit, upload->cancelled ? S3_CANCEL_LIMIT_MS : S3_ABORT_LIMIT_MS,
                0, on_limit);
        abort_upload(upload, upload->upload_id);
        break;
    case MULTIPART_CLOSING:
        timer_close(&upload->limit, on_closed);
        break;
    case MULTIPART_IDLE:
    case MULTIPART_SENDING:
        break;
    }
}

/* --- where it goes from each state --- */

/* The store has it, or may have: it must not stay. */
static enum s3_multipart_state give_up(struct s3_multipart *upload)
{
    if (!upload->upload_id || upload->gone)
        return MULTIPART_CLOSING;
    return MULTIPART_ABORTING;
}

static enum s3_multipart_state after_sweep(struct s3_multipart *upload)
{
    return upload->err.code ? give_up(upload) : MULTIPART_SENDING;
}

static enum s3_multipart_state after_create(struct s3_multipart *upload)
{
    const struct error *err = &upload->control_err;
    const bool in_time = !upload->cancelled || timer_active(&upload->limit);
    const bool lost = upload->control.lost || (err->code && err->class != ERROR_PERMANENT);
    struct s3_create_upload answer;
    struct error failure = *err;

    if (!failure.code && s3_answer_parse(&s3_document_create_upload, upload->control.answer,
                             upload->control.answer_length, &upload->arena, &answer, &failure) == 0)
        upload->upload_id = answer.upload_id;
    if (!failure.code && (!upload->upload_id || !upload->upload_id[0]))
        error_set(&failure, ERROR_DATA, "the answer names no upload: is that an S3 server?");
    error_keep_first(&upload->err, &failure);
    if (lost && in_time && upload->control.tries > 0)
        return MULTIPART_SWEEP_LISTING;
    return after_sweep(upload);
}

static enum s3_multipart_state next_stray(struct s3_multipart *upload)
{
    const bool in_time = !upload->cancelled || timer_active(&upload->limit);

    return upload->stray_count && in_time ? MULTIPART_SWEEP_LOOKING : after_sweep(upload);
}

/* Only what nobody has put a part into: another writer of this key would have by now. */
static enum s3_multipart_state after_sweep_look(struct s3_multipart *upload)
{
    struct s3_list_parts list;

    if (!upload->control_err.code &&
        s3_answer_parse(&s3_document_list_parts, upload->control.answer,
            upload->control.answer_length, &upload->arena, &list, NULL) == 0 &&
        list.parts.count == 0)
        return MULTIPART_SWEEP_ABORTING;
    upload->stray_count--;
    return next_stray(upload);
}

static enum s3_multipart_state while_sending(struct s3_multipart *upload)
{
    if (!upload->err.code)
        s3_multipart_send(upload);
    if (upload->err.code)
        s3_multipart_stop(upload);
    if (s3_multipart_busy(upload))
        return MULTIPART_SENDING;
    if (upload->err.code)
        return give_up(upload);
    if (!upload->ended)
        return MULTIPART_SENDING;
    if (upload->type->finish && upload->type->finish(upload, &upload->err))
        return give_up(upload);
    return MULTIPART_COMPLETING;
}

static enum s3_multipart_state succeed(
    struct s3_multipart *upload, const char *etag, const char *version_id)
{
    upload->etag = etag ? arena_strdup(&upload->arena, etag) : NULL;
    upload->version_id = version_id ? arena_strdup(&upload->arena, version_id) : NULL;
    error_clear(&upload->err);
    return MULTIPART_CLOSING;
}

static enum s3_multipart_state after_complete(struct s3_multipart *upload)
{
    const struct s3_call *call = &upload->control;
    const struct error *err = &upload->control_err;
    struct s3_complete_upload answer;

    upload->completions += call->lost + (call->tries > 0);
    upload->doubt = *err;
    if (!err->code && s3_answer_parse(&s3_document_complete_upload, call->answer,
                          call->answer_length, &upload->arena, &answer, &upload->doubt) == 0)
        return succeed(upload, answer.etag, s3_call_header(call, "x-amz-version-id"));
    if (upload->cancelled)
        return give_up(upload);
    /* The first answer is a plain no. (NoSuchUpload may be that of a request sent twice.) */
    if (upload->completions <= 1 && call->status >= 400 && call->status < 500 &&
        err->class == ERROR_PERMANENT && err->code != ERROR_NOT_FOUND) {
        upload->err = *err;
        return give_up(upload);
    }
    return MULTIPART_LOOKING_FOR_UPLOAD;
}

static enum s3_multipart_state after_upload_look(struct s3_multipart *upload)
{
    upload->gone = upload->control_err.code == ERROR_NOT_FOUND;
    if (upload->cancelled)
        return give_up(upload);
    if (upload->control_err.code)
        return MULTIPART_LOOKING_AT_OBJECT;
    if (upload->doubt.class == ERROR_TRANSIENT && upload->rounds++ < ROUNDS_MAX)
        return MULTIPART_COMPLETING;
    upload->err = upload->doubt;
    return give_up(upload);
}

/* Puts what was found out in front of what the store said when it was asked to complete. */
static void explain(struct s3_multipart *upload, const char *words, const char *reason)
{
    const struct error said = upload->err;
    char name[S3_NAME_SIZE];

    error_set(&upload->err, said.code, "PUT %s: %s%s%.100s%s (%.150s)",
        s3_error_name(upload->bucket, upload->key, name), words, reason ? " (" : "",
        reason ? reason : "", reason ? ")" : "", said.message);
    upload->err.class = said.class;
    upload->err.detail = said.detail;
}

static enum s3_multipart_state after_object_look(struct s3_multipart *upload)
{
    const struct s3_call *call = &upload->control;
    const struct error *err = &upload->control_err;

    if (!err->code && s3_multipart_is_ours(upload, call))
        return succeed(
            upload, s3_call_header(call, "ETag"), s3_call_header(call, "x-amz-version-id"));
    if (upload->err.code)
        return give_up(upload); /* cancelled, or given up before */
    upload->err = upload->doubt;
    if (err->code && err->code != ERROR_NOT_FOUND)
        explain(upload, "it may be stored or not, because it cannot be looked at", err->message);
    else if (upload->gone && err->code)
        explain(upload, "the upload is gone and there is no such object: others aborted it", NULL);
    else if (upload->gone)
        explain(upload,
            "the upload is gone and the object is not what was sent: others aborted it, or "
            "replaced "
            "the object since",
            NULL);
    return give_up(upload);
}

/* Keeps the first error and says what it left behind. */
static void tell_left_over(struct s3_multipart *upload)
{
    const struct error before = upload->err;

    error_set(&upload->err, before.code, "%.*s; upload %s is left over (%.*s): abort it later", 200,
        before.message, upload->upload_id, 100, upload->control_err.message);
    upload->err.class = before.class;
    upload->err.detail = before.detail;
}

static enum s3_multipart_state after_abort(struct s3_multipart *upload)
{
    const struct error *err = &upload->control_err;

    upload->gone = true;
    if (err->code == ERROR_NOT_FOUND && upload->completions && !upload->cancelled)
        return MULTIPART_LOOKING_AT_OBJECT; /* so it was completed after all */
    if (err->code && err->code != ERROR_NOT_FOUND)
        tell_left_over(upload);
    return MULTIPART_CLOSING;
}

/* --- the whole flow --- */

static enum s3_multipart_state next_state(struct s3_multipart *upload)
{
    switch (upload->state) {
    case MULTIPART_CREATING:
        return after_create(upload);
    case MULTIPART_SWEEP_LISTING:
        if (!upload->control_err.code)
            s3_multipart_find_strays(upload);
        return next_stray(upload);
    case MULTIPART_SWEEP_LOOKING:
        return after_sweep_look(upload);
    case MULTIPART_SWEEP_ABORTING:
        upload->stray_count--;
        return next_stray(upload);
    case MULTIPART_SENDING:
        return while_sending(upload);
    case MULTIPART_COMPLETING:
        return after_complete(upload);
    case MULTIPART_LOOKING_FOR_UPLOAD:
        return after_upload_look(upload);
    case MULTIPART_LOOKING_AT_OBJECT:
        return after_object_look(upload);
    case MULTIPART_ABORTING:
        return after_abort(upload);
    case MULTIPART_IDLE:
    case MULTIPART_CLOSING:
        break;
    }
    return upload->state;
}

void s3_multipart_step(struct s3_multipart *upload)
{
    upload->step_again = true;
    if (upload->stepping)
        return; /* from within a hook of the owner's */
    upload->stepping = true;
    while (upload->step_again && !upload->control_busy && upload->state != MULTIPART_CLOSING) {
        const enum s3_multipart_state next = next_state(upload);

        /* All but SENDING are entered again and again: the next stray, the next try. */
        upload->step_again = next != upload->state;
        if (next != MULTIPART_SENDING || upload->state != MULTIPART_SENDING)
            enter_state(upload, next);
    }
    upload->stepping = false;
}

/* --- the face --- */

void s3_multipart_start(struct s3_multipart *upload)
{
    assert(upload->state == MULTIPART_IDLE && upload->parallel > 0);
    arena_init(&upload->arena);
    buffer_init(&upload->body, 0);
    timer_init(&upload->limit, s3_client_options(upload->client)->loop);
    upload->parts = mem_calloc(upload->parallel, sizeof(*upload->parts));
    for (unsigned i = 0; i < upload->parallel; i++)
        upload->parts[i].index = i;
    enter_state(upload, MULTIPART_CREATING);
}

void s3_multipart_fail(struct s3_multipart *upload, const struct error *err)
{
    error_keep_first(&upload->err, err);
    if (upload->state == MULTIPART_SENDING)
        s3_multipart_step(upload);
}

void s3_multipart_resume(struct s3_multipart *upload)
{
    if (upload->state == MULTIPART_SENDING)
        s3_multipart_step(upload);
}

void s3_multipart_cancel(struct s3_multipart *upload)
{
    char name[S3_NAME_SIZE];
    struct error cancelled;

    if (upload->cancelled || upload->state == MULTIPART_IDLE || upload->state == MULTIPART_CLOSING)
        return;
    upload->cancelled = true;
    timer_start(&upload->limit, S3_CANCEL_LIMIT_MS, 0, on_limit);
    if (upload->state == MULTIPART_ABORTING)
        return;
    error_set(&cancelled, ERROR_STOPPED, "PUT %s: cancelled",
        s3_error_name(upload->bucket, upload->key, name));
    error_keep_first(&upload->err, &cancelled);
    switch (upload->state) {
    case MULTIPART_SENDING:
        s3_multipart_step(upload);
        break;
    case MULTIPART_CREATING:
        /* One that is on its way may make an upload: its name is waited for. */
        if (upload->control.tries == 0)
            s3_call_cancel(&upload->control);
        break;
    case MULTIPART_COMPLETING:
    case MULTIPART_LOOKING_FOR_UPLOAD:
    case MULTIPART_LOOKING_AT_OBJECT:
        s3_call_cancel(&upload->control);
        break;
    default:
        break; /* the limit ends what is left to do */
    }
}
