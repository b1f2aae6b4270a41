#include "connectors/s3/copy.h"

#include "connectors/s3/answers.h"
#include "connectors/s3/copy_private.h"
#include "connectors/s3/error.h"
#include "connectors/s3/part_size.h"
#include "runner/base/mem.h"

#include <assert.h>
#include <string.h>

#define COPY_PART_BYTES (256ULL * 1024 * 1024)

static void copy_step(struct s3_copy_operation *operation);

static void name_error(const struct s3_copy_operation *operation, struct error *err)
{
    const struct s3_copy *copy = operation->copy;
    char name[S3_NAME_SIZE];

    error_prefix(err, "copy %s", s3_error_name(copy->from_bucket, copy->from_key, name));
}

/* --- what callbacks do: record, then step --- */

static void on_turn(struct timer *timer)
{
    copy_step(container_of(timer, struct s3_copy_operation, turn));
}

static void on_call(struct s3_call *call, const struct error *err)
{
    struct s3_copy_operation *operation = container_of(call, struct s3_copy_operation, call);

    operation->call_busy = false;
    operation->call_err = err ? *err : (struct error){0};
    copy_step(operation);
}

static char *keep_text(struct s3_copy_operation *operation, const char *text)
{
    return text ? arena_strdup(&operation->arena, text) : NULL;
}

static void on_multipart(struct s3_multipart *upload, const struct error *err)
{
    struct s3_copy_operation *operation = container_of(upload, struct s3_copy_operation, multipart);

    operation->multipart_busy = false;
    if (err)
        operation->err = *err;
    operation->copy->etag = keep_text(operation, upload->etag);
    operation->copy->version_id = keep_text(operation, upload->version_id);
    operation->copy->parts = upload->part_count;
    copy_step(operation);
}

static void on_closed(struct timer *timer)
{
    struct s3_copy_operation *operation = container_of(timer, struct s3_copy_operation, turn);
    struct s3_copy *copy = operation->copy;

    copy->operation = NULL;
    copy->size = operation->size;
    if (!operation->err.code)
        atomic_store(&copy->bytes_done, copy->size);
    copy->done(copy, operation->err.code ? &operation->err : NULL);
    arena_deinit(&operation->arena);
    free(operation);
}

/* --- parts --- */

static enum s3_next next_part(struct s3_part *part, struct error *err)
{
    struct s3_copy_operation *operation =
        container_of(part->upload, struct s3_copy_operation, multipart);
    const uint64_t offset = (part->number - 1) * operation->part_bytes;
    struct http_header *header = part->headers;

    (void)err;
    if (offset >= operation->size)
        return S3_NEXT_END;
    part->bytes = MIN(operation->part_bytes, operation->size - offset);
    *header++ = (struct http_header){"x-amz-copy-source", operation->source};
    *header++ = (struct http_header){"x-amz-copy-source-range",
        arena_printf(&operation->arena, "bytes=%llu-%llu", (unsigned long long)offset,
            (unsigned long long)(offset + part->bytes - 1))};
    *header++ = (struct http_header){"x-amz-copy-source-if-match", operation->source_etag};
    part->header_count = (size_t)(header - part->headers);
    return S3_NEXT_SEND;
}

static void stop_part(struct s3_part *part)
{
    (void)part; /* none is ever prepared */
}

static void release_part(struct s3_part *part)
{
    struct s3_copy_operation *operation =
        container_of(part->upload, struct s3_copy_operation, multipart);

    atomic_store(&operation->copy->bytes_done, part->upload->bytes_stored);
}

static const struct s3_multipart_type parts = {
    .next = next_part,
    .stop = stop_part,
    .release = release_part,
    .copies = true,
};

/* --- what states do on entry --- */

static bool requester_pays(const struct s3_copy_operation *operation)
{
    return operation->object.requester_pays &&
           !s3_client_options(operation->client)->requester_pays;
}

static void send_call(struct s3_copy_operation *operation)
{
    operation->call.done = on_call;
    operation->call_busy = true;
    s3_call_start(operation->client, &operation->call);
}

/* A request about the source. */
static void ask_source(
    struct s3_copy_operation *operation, const char *method, const char *subresource)
{
    const struct s3_copy *copy = operation->copy;
    size_t count = 0;

    if (subresource)
        operation->query[count++] = (struct s3_query){subresource, NULL};
    if (copy->from_version_id)
        operation->query[count++] = (struct s3_query){"versionId", copy->from_version_id};
    operation->call_headers[0] = (struct http_header){"x-amz-request-payer", "requester"};
    operation->call = (struct s3_call){
        .method = method,
        .bucket = copy->from_bucket,
        .key = copy->from_key,
        .query = operation->query,
        .query_count = count,
        .headers = operation->call_headers,
        .header_count = requester_pays(operation),
        .answer_is_xml = subresource != NULL,
    };
    send_call(operation);
}

static void start_single(struct s3_copy_operation *operation)
{
    const struct s3_copy *copy = operation->copy;
    struct s3_headers *headers = &operation->headers;

    s3_headers_add(headers, "x-amz-copy-source", operation->source);
    s3_headers_add(headers, "x-amz-copy-source-if-match",
        operation->source_etag ? operation->source_etag : copy->from_etag);
    s3_headers_add(
        headers, "x-amz-metadata-directive", copy->replace_metadata ? "REPLACE" : "COPY");
    s3_headers_add(headers, "x-amz-tagging-directive", copy->replace_tags ? "REPLACE" : NULL);
    operation->call = (struct s3_call){
        .method = "PUT",
        .bucket = copy->bucket,
        .key = copy->key,
        .headers = headers->items,
        .header_count = headers->count,
        .answer_is_xml = true,
        .timeouts.first_byte_ms = s3_slow_answer_ms(operation->client),
    };
    send_call(operation);
}

static void start_multipart(struct s3_copy_operation *operation)
{
    operation->multipart_busy = true;
    operation->multipart = (struct s3_multipart){
        .client = operation->client,
        .type = &parts,
        .bucket = operation->copy->bucket,
        .key = operation->copy->key,
        .headers = &operation->headers,
        .requester_pays = requester_pays(operation),
        .parallel = operation->parallel,
        .done = on_multipart,
    };
    s3_multipart_start(&operation->multipart);
}

static void enter_state(struct s3_copy_operation *operation, enum copy_state state)
{
    operation->state = state; /* the one place where it changes */
    switch (state) {
    case COPY_LOOKING:
        ask_source(operation, "HEAD", NULL);
        break;
    case COPY_TAGS:
        ask_source(operation, "GET", "tagging");
        break;
    case COPY_SINGLE:
        start_single(operation);
        break;
    case COPY_MULTIPART:
        start_multipart(operation);
        break;
    case COPY_STARTING:
    case COPY_CLOSING:
        break;
    }
}

/* --- where it goes from each state --- */

static enum copy_state fail(struct s3_copy_operation *operation, struct error *err, bool named)
{
    if (!named)
        name_error(operation, err);
    error_keep_first(&operation->err, err);
    return COPY_CLOSING;
}

/* All is known that the object's headers are made of. `key` NULL: no content type is guessed. */
static enum copy_state write_headers(
    struct s3_copy_operation *operation, const char *key, enum copy_state next)
{
    struct error err = {0};

    if (s3_object_headers(&operation->object, key, &operation->arena, &operation->headers, &err))
        return fail(operation, &err, false);
    if (requester_pays(operation))
        s3_headers_add(&operation->headers, "x-amz-request-payer", "requester");
    return next;
}

static enum copy_state choose_single(struct s3_copy_operation *operation)
{
    const struct s3_copy *copy = operation->copy;

    s3_copy_describe(operation); /* the store takes along what is not replaced */
    return write_headers(operation, copy->replace_metadata ? copy->key : NULL, COPY_SINGLE);
}

static enum copy_state begin(struct s3_copy_operation *operation)
{
    operation->source = s3_copy_source(operation->copy, &operation->arena);
    s3_copy_describe(operation);
    if (operation->copy->size_known && operation->size <= operation->single_bytes)
        return choose_single(operation);
    return COPY_LOOKING;
}

static enum copy_state choose_multipart(struct s3_copy_operation *operation)
{
    operation->part_bytes = s3_part_bytes(operation->size, operation->part_bytes);
    return write_headers(operation, operation->copy->key, COPY_MULTIPART);
}

static enum copy_state after_look(struct s3_copy_operation *operation)
{
    struct error err = {0};

    if (operation->call_err.code)
        return fail(operation, &operation->call_err, true);
    if (s3_copy_take_head(operation, &err))
        return fail(operation, &err, false);
    atomic_store(&operation->copy->bytes_total, operation->size);
    if (operation->size <= operation->single_bytes)
        return choose_single(operation);
    return operation->copy->replace_tags ? choose_multipart(operation) : COPY_TAGS;
}

static enum copy_state after_tags(struct s3_copy_operation *operation)
{
    const struct error *failure = &operation->call_err;
    struct error err = {0};

    /* A store that has no tags has none to lose. */
    if (failure->code && failure->code != ERROR_NOT_SUPPORTED)
        return fail(operation, &operation->call_err, true);
    if (!failure->code && s3_copy_take_tags(operation, &err))
        return fail(operation, &err, false);
    return choose_multipart(operation);
}

static enum copy_state after_single(struct s3_copy_operation *operation)
{
    const struct s3_call *call = &operation->call;
    struct error err = {0};
    struct s3_copied copied;

    if (operation->call_err.code)
        return fail(operation, &operation->call_err, true);
    if (s3_answer_parse(&s3_document_copied_object, call->answer, call->answer_length,
            &operation->arena, &copied, &err))
        return fail(operation, &err, false);
    operation->copy->etag = copied.etag;
    operation->copy->version_id = keep_text(operation, s3_call_header(call, "x-amz-version-id"));
    return COPY_CLOSING;
}

/* --- the whole flow --- */

static enum copy_state next_state(struct s3_copy_operation *operation)
{
    if (operation->call_busy || operation->multipart_busy)
        return operation->state;
    switch (operation->state) {
    case COPY_STARTING:
        return operation->cancelled ? COPY_CLOSING : begin(operation);
    case COPY_LOOKING:
        return after_look(operation);
    case COPY_TAGS:
        return after_tags(operation);
    case COPY_SINGLE:
        return after_single(operation);
    case COPY_MULTIPART:
    case COPY_CLOSING:
        break;
    }
    return COPY_CLOSING;
}

static void copy_step(struct s3_copy_operation *operation)
{
    enum copy_state state = next_state(operation);

    while (state != operation->state) {
        enter_state(operation, state);
        state = next_state(operation);
    }
    if (state == COPY_CLOSING && !operation->closing) {
        operation->closing = true;
        timer_close(&operation->turn, on_closed);
    }
}

/* --- the face --- */

void s3_copy_start(struct s3_client *client, struct s3_copy *copy)
{
    struct s3_copy_operation *operation = mem_new(struct s3_copy_operation);

    assert(copy->from_bucket && copy->from_key && copy->bucket && copy->key && copy->done);
    operation->client = client;
    operation->copy = copy;
    operation->size = copy->size_known ? copy->size : 0;
    operation->part_bytes = copy->part_bytes ? copy->part_bytes : COPY_PART_BYTES;
    operation->single_bytes = copy->single_bytes ? copy->single_bytes : S3_PART_BYTES_MAX;
    operation->parallel = copy->parallel ? copy->parallel : S3_PARALLEL;
    arena_init(&operation->arena);
    copy->operation = operation;
    copy->etag = copy->version_id = NULL;
    copy->parts = 0;
    atomic_store(&copy->bytes_done, 0);
    atomic_store(&copy->bytes_total, operation->size);
    timer_init(&operation->turn, s3_client_options(client)->loop);
    timer_start(&operation->turn, 0, 0, on_turn);
}

void s3_copy_cancel(struct s3_copy *copy)
{
    struct s3_copy_operation *operation = copy->operation;
    struct error cancelled;

    if (!operation || operation->cancelled || operation->state == COPY_CLOSING)
        return;
    operation->cancelled = true;
    error_set(&cancelled, ERROR_STOPPED, "cancelled");
    name_error(operation, &cancelled);
    error_keep_first(&operation->err, &cancelled);
    if (operation->call_busy)
        s3_call_cancel(&operation->call);
    else if (operation->multipart_busy)
        s3_multipart_cancel(&operation->multipart);
}
