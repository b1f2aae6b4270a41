#include "connectors/s3/put.h"

#include "connectors/aws/sigv4.h"
#include "connectors/s3/error.h"
#include "connectors/s3/part_size.h"
#include "connectors/s3/put_private.h"
#include "runner/base/mem.h"
#include "runner/base/time.h"

#include <assert.h>
#include <string.h>
#include <unistd.h>

enum { HASHED_BYTES_MAX = 1024 * 1024 }; /* more is not hashed on the loop for plain HTTP */

void s3_put_name_error(const struct s3_put_operation *operation, struct error *err)
{
    char name[S3_NAME_SIZE];

    error_prefix(err, "PUT %s", s3_error_name(operation->put->bucket, operation->put->key, name));
}

enum s3_checksum_kind s3_put_checksum(const struct s3_client *client)
{
    if (!s3_client_sends_checksums(client))
        return S3_CHECKSUM_NONE;
    return s3_client_is_aws(client) ? S3_CHECKSUM_CRC64NVME : S3_CHECKSUM_CRC32C;
}

int s3_put_checksum_memory(enum s3_checksum_kind kind, const void *bytes, uint64_t length,
    char ret_text[S3_CHECKSUM_TEXT_SIZE], struct error *err)
{
    struct s3_checksum checksum;
    int result;

    if (kind == S3_CHECKSUM_NONE)
        return 0;
    if (s3_checksum_init(&checksum, kind, err))
        return -1;
    s3_checksum_update(&checksum, bytes, (size_t)length);
    result = s3_checksum_text(&checksum, ret_text, err);
    s3_checksum_deinit(&checksum);
    return result;
}

/* --- what callbacks do: record, then step --- */

static void on_turn(struct timer *timer)
{
    s3_put_step(container_of(timer, struct s3_put_operation, turn));
}

static void on_single(struct s3_call *call, const struct error *err)
{
    struct s3_put_operation *operation = container_of(call, struct s3_put_operation, call);

    operation->call_busy = false;
    operation->call_err = err ? *err : (struct error){0};
    s3_put_step(operation);
}

static char *keep_text(struct s3_put_operation *operation, const char *text)
{
    return text ? arena_strdup(&operation->arena, text) : NULL;
}

static void on_multipart(struct s3_multipart *upload, const struct error *err)
{
    struct s3_put_operation *operation = container_of(upload, struct s3_put_operation, multipart);

    operation->multipart_busy = false;
    if (err)
        operation->err = *err;
    operation->put->etag = keep_text(operation, upload->etag);
    operation->put->version_id = keep_text(operation, upload->version_id);
    operation->put->parts = upload->part_count;
    s3_put_step(operation);
}

static void on_closed(struct timer *timer)
{
    struct s3_put_operation *operation = container_of(timer, struct s3_put_operation, turn);
    struct s3_put *put = operation->put;

    put->operation = NULL;
    put->size = operation->length;
    if (!operation->err.code)
        atomic_store(&put->bytes_done, put->size);
    put->done(put, operation->err.code ? &operation->err : NULL);
    s3_put_free_buffer(operation, operation->reader.buffer);
    s3_put_free_buffer(operation, operation->single_buffer);
    if (operation->open.path && operation->fd >= 0)
        close(operation->fd);
    arena_deinit(&operation->arena);
    free(operation->slots);
    free(operation);
}

/* --- what states do on entry --- */

static void start_single(struct s3_put_operation *operation)
{
    const struct s3_put *put = operation->put;
    const struct s3_source *source = &put->source;
    struct http_body body = {
        .kind = HTTP_BODY_MEMORY, .length = (int64_t)operation->length, .bytes = source->bytes};

    if (source->kind == S3_SOURCE_FILE) {
        body.kind = HTTP_BODY_FILE;
        body.fd = operation->fd;
    } else if (source->kind == S3_SOURCE_STREAM) {
        body.bytes = operation->single_buffer->bytes;
    }
    if (operation->length == 0)
        body = (struct http_body){.kind = HTTP_BODY_NONE};
    if (operation->single_checksum[0])
        s3_headers_add(&operation->headers, s3_checksum_header(operation->checksum),
            operation->single_checksum);
    if (put->if_none_match)
        s3_headers_add(&operation->headers, "If-None-Match", "*");
    s3_headers_add(&operation->headers, "If-Match", put->if_match);
    operation->begun_ns = time_monotonic_ns();
    operation->call_busy = true;
    operation->call = (struct s3_call){
        .method = "PUT",
        .bucket = put->bucket,
        .key = put->key,
        .headers = operation->headers.items,
        .header_count = operation->headers.count,
        .body = body,
        .payload = operation->length > HASHED_BYTES_MAX ? SIGV4_UNSIGNED_PAYLOAD : NULL,
        .done = on_single,
    };
    s3_call_start(operation->client, &operation->call);
}

static bool requester_pays(const struct s3_put_operation *operation)
{
    const struct s3_object_options *options = operation->put->options;

    return options && options->requester_pays &&
           !s3_client_options(operation->client)->requester_pays;
}

static void start_multipart(struct s3_put_operation *operation)
{
    const struct s3_put *put = operation->put;

    operation->slots = mem_calloc(operation->parallel, sizeof(*operation->slots));
    operation->multipart_busy = true;
    operation->multipart = (struct s3_multipart){
        .client = operation->client,
        .type = &s3_put_parts,
        .bucket = put->bucket,
        .key = put->key,
        .headers = &operation->headers,
        .if_none_match = put->if_none_match,
        .if_match = put->if_match,
        .requester_pays = requester_pays(operation),
        .checksum = operation->checksum,
        .parallel = operation->parallel,
        .done = on_multipart,
    };
    s3_multipart_start(&operation->multipart);
}

static void enter_state(struct s3_put_operation *operation, enum put_state state)
{
    operation->state = state; /* the one place where it changes */
    switch (state) {
    case PUT_OPENING:
        s3_put_open(operation);
        break;
    case PUT_SINGLE:
        start_single(operation);
        break;
    case PUT_COMPARING:
        s3_put_compare(operation);
        break;
    case PUT_MULTIPART:
        start_multipart(operation);
        break;
    case PUT_CLOSING:
        s3_put_stop_reader(operation);
        break;
    case PUT_STARTING:
    case PUT_FILLING:
        break;
    }
}

/* --- where it goes from each state --- */

static enum put_state fail(struct s3_put_operation *operation, const struct error *err)
{
    error_keep_first(&operation->err, err);
    return PUT_CLOSING;
}

/* The length is known: one PUT, or many parts. */
static enum put_state choose(struct s3_put_operation *operation)
{
    const uint64_t length = operation->length;
    struct error err = {0};

    atomic_store(&operation->put->bytes_total, length);
    if (length <= operation->single_bytes)
        return PUT_SINGLE;
    operation->part_bytes = s3_part_bytes(length, operation->part_bytes);
    if (length / operation->part_bytes < S3_PARTS_MAX ||
        length == operation->part_bytes * S3_PARTS_MAX)
        return PUT_MULTIPART;
    error_set(&err, ERROR_LIMIT, "%llu bytes are more than S3 takes in %d parts of 5 GiB",
        (unsigned long long)length, S3_PARTS_MAX);
    s3_put_name_error(operation, &err);
    return fail(operation, &err);
}

static enum put_state begin(struct s3_put_operation *operation)
{
    struct s3_put *put = operation->put;
    struct error err = {0};

    if ((put->options && s3_object_check(put->options, &err)) ||
        s3_object_headers(put->options, put->key, &operation->arena, &operation->headers, &err) ||
        (put->source.kind == S3_SOURCE_MEMORY && put->source.length <= operation->single_bytes &&
            s3_put_checksum_memory(operation->checksum, put->source.bytes, put->source.length,
                operation->single_checksum, &err))) {
        s3_put_name_error(operation, &err);
        return fail(operation, &err);
    }
    if (requester_pays(operation))
        s3_headers_add(&operation->headers, "x-amz-request-payer", "requester");
    switch (put->source.kind) {
    case S3_SOURCE_FILE:
        return PUT_OPENING;
    case S3_SOURCE_STREAM:
        return PUT_FILLING;
    case S3_SOURCE_MEMORY:
        break;
    }
    operation->length = put->source.length;
    return choose(operation);
}

static enum put_state after_open(struct s3_put_operation *operation)
{
    struct put_job *job = &operation->open;

    operation->fd = job->fd;
    if (job->err.code) {
        s3_put_name_error(operation, &job->err);
        return fail(operation, &job->err);
    }
    operation->length = (uint64_t)job->status.st_size;
    memcpy(operation->single_checksum, job->text, sizeof(job->text));
    return choose(operation);
}

static enum put_state after_fill(struct s3_put_operation *operation)
{
    struct put_reader *reader = &operation->reader;
    struct put_buffer *buffer;
    struct error err = {0};

    s3_put_fill(operation);
    if (operation->err.code)
        return PUT_CLOSING;
    if (reader->state != READER_FULL)
        return PUT_FILLING;
    buffer = reader->buffer;
    if (!reader->ended || buffer->spill_fd >= 0)
        return PUT_MULTIPART;
    operation->single_buffer = s3_put_take_buffer(operation);
    operation->length = buffer->length;
    if (buffer->checksum.kind != S3_CHECKSUM_NONE &&
        s3_checksum_text(&buffer->checksum, operation->single_checksum, &err))
        return fail(operation, &err);
    atomic_store(&operation->put->bytes_total, operation->length);
    return PUT_SINGLE;
}

/* A file that changed under way explains more than what the store made of it. */
static void blame_file(struct s3_put_operation *operation)
{
    struct error err = {0};

    if (operation->put->source.kind != S3_SOURCE_FILE || operation->cancelled ||
        operation->err.code == ERROR_CHANGED || operation->fd < 0 ||
        !s3_put_check_file(operation, &err))
        return;
    s3_put_name_error(operation, &err);
    operation->err = err;
}

static enum put_state store_single(struct s3_put_operation *operation)
{
    operation->put->etag = keep_text(operation, s3_call_header(&operation->call, "ETag"));
    operation->put->version_id =
        keep_text(operation, s3_call_header(&operation->call, "x-amz-version-id"));
    blame_file(operation);
    return PUT_CLOSING;
}

/* An earlier try may have written what this one stumbled over. */
static bool is_doubtful(const struct s3_put_operation *operation)
{
    const struct error *err = &operation->call_err;
    const struct s3_put *put = operation->put;

    if ((!put->if_none_match && !put->if_match) || operation->cancelled)
        return false;
    return err->class == ERROR_TRANSIENT ||
           (operation->call.lost && (err->code == ERROR_EXISTS || err->code == ERROR_CHANGED));
}

static enum put_state after_single(struct s3_put_operation *operation)
{
    if (!operation->call_err.code)
        return store_single(operation);
    error_keep_first(&operation->err, &operation->call_err);
    if (is_doubtful(operation) && operation->call.tries > 0)
        return PUT_COMPARING;
    blame_file(operation);
    return PUT_CLOSING;
}

static enum put_state after_compare(struct s3_put_operation *operation)
{
    if (!s3_put_is_ours(operation)) {
        blame_file(operation);
        return PUT_CLOSING;
    }
    error_clear(&operation->err);
    return store_single(operation);
}

static enum put_state while_multipart(struct s3_put_operation *operation)
{
    if (!operation->multipart_busy) {
        if (operation->err.code)
            blame_file(operation);
        return PUT_CLOSING;
    }
    if (operation->err.code)
        s3_multipart_fail(&operation->multipart, &operation->err);
    else
        s3_multipart_resume(&operation->multipart);
    return PUT_MULTIPART;
}

/* --- the whole flow --- */

static enum put_state next_state(struct s3_put_operation *operation)
{
    switch (operation->state) {
    case PUT_STARTING:
        return operation->cancelled ? PUT_CLOSING : begin(operation);
    case PUT_OPENING:
        return operation->open.busy ? PUT_OPENING : after_open(operation);
    case PUT_FILLING:
        return after_fill(operation);
    case PUT_SINGLE:
        return operation->call_busy ? PUT_SINGLE : after_single(operation);
    case PUT_COMPARING:
        return operation->call_busy ? PUT_COMPARING : after_compare(operation);
    case PUT_MULTIPART:
        return while_multipart(operation);
    case PUT_CLOSING:
        break;
    }
    return PUT_CLOSING;
}

void s3_put_step(struct s3_put_operation *operation)
{
    enum put_state state = next_state(operation);

    while (state != operation->state) {
        enter_state(operation, state);
        state = next_state(operation);
    }
    if (state == PUT_CLOSING && !operation->reader.work_busy && !operation->closing) {
        operation->closing = true;
        timer_close(&operation->turn, on_closed);
    }
}

/* --- the face --- */

void s3_put_start(struct s3_client *client, struct s3_put *put)
{
    struct s3_put_operation *operation = mem_new(struct s3_put_operation);
    const struct s3_client_options *options = s3_client_options(client);

    assert(put->bucket && put->key && put->done && !(put->if_none_match && put->if_match));
    assert(put->source.kind != S3_SOURCE_STREAM || put->source.read);
    operation->client = client;
    operation->put = put;
    operation->part_bytes = put->part_bytes ? put->part_bytes : options->part_bytes;
    operation->single_bytes = put->single_bytes ? put->single_bytes : 2 * operation->part_bytes;
    operation->single_bytes = MIN(operation->single_bytes, S3_PART_BYTES_MAX);
    operation->parallel = put->parallel ? put->parallel : S3_PARALLEL;
    operation->checksum = s3_put_checksum(client);
    operation->fd = -1;
    arena_init(&operation->arena);
    put->operation = operation;
    put->etag = put->version_id = NULL;
    put->size = 0;
    put->parts = 0;
    atomic_store(&put->bytes_done, 0);
    atomic_store(&put->bytes_total, 0);
    timer_init(&operation->turn, options->loop);
    timer_start(&operation->turn, 0, 0, on_turn);
}

void s3_put_cancel(struct s3_put *put)
{
    struct s3_put_operation *operation = put->operation;
    struct error cancelled;

    if (!operation || operation->cancelled || operation->state == PUT_CLOSING)
        return;
    operation->cancelled = true;
    error_set(&cancelled, ERROR_STOPPED, "cancelled");
    s3_put_name_error(operation, &cancelled);
    error_keep_first(&operation->err, &cancelled);
    switch (operation->state) {
    case PUT_OPENING:
        work_cancel(&operation->open.work);
        break;
    case PUT_SINGLE:
    case PUT_COMPARING:
        s3_call_cancel(&operation->call);
        break;
    case PUT_MULTIPART:
        s3_put_stop_reader(operation);
        s3_multipart_cancel(&operation->multipart);
        break;
    case PUT_FILLING:
        if (!operation->reader.reading)
            s3_put_step(operation);
        break;
    case PUT_STARTING:
    case PUT_CLOSING:
        break;
    }
}

void s3_put_resume(struct s3_put *put)
{
    struct s3_put_operation *operation = put->operation;

    if (!operation)
        return;
    if (operation->reader.reading)
        operation->reader.resumed = true;
    else if (operation->reader.state == READER_READING)
        s3_put_step(operation);
}

void s3_put_refresh(struct s3_put *put)
{
    struct s3_put_operation *operation = put->operation;
    uint64_t sent = 0, received;

    if (!operation)
        return;
    if (operation->state == PUT_MULTIPART)
        sent = operation->multipart.bytes_stored + s3_multipart_in_flight(&operation->multipart);
    else if (operation->state == PUT_SINGLE)
        s3_call_progress(&operation->call, &sent, &received);
    atomic_store(&put->bytes_done, sent);
}
