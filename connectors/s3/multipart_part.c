#include "connectors/s3/multipart.h"

#include "connectors/aws/sigv4.h"
#include "connectors/s3/answers.h"
#include "connectors/s3/error.h"
#include "runner/base/mem.h"
#include "runner/base/text.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static void release(struct s3_part *part)
{
    part->state = S3_PART_IDLE;
    part->upload->type->release(part);
}

/* --- what comes back --- */

/* A copied part's ETag is in the document, all others' in the header. */
static int read_etag(const struct s3_part *part, const char **ret_etag, struct error *err)
{
    struct s3_multipart *upload = part->upload;
    const char *etag = s3_call_header(&part->call, "ETag");
    struct s3_copied copied;

    if (upload->type->copies) {
        if (s3_answer_parse(&s3_document_copied_part, part->call.answer, part->call.answer_length,
                &upload->arena, &copied, err))
            return -1;
        etag = copied.etag;
    }
    if (!etag || !etag[0])
        return error_set(err, ERROR_DATA, "the answer has no ETag: is that an S3 server?");
    *ret_etag = arena_strdup(&upload->arena, etag);
    return 0;
}

static void name_error(const struct s3_multipart *upload, struct error *err)
{
    char name[S3_NAME_SIZE];

    error_prefix(err, "PUT %s", s3_error_name(upload->bucket, upload->key, name));
}

static int keep_part(const struct s3_part *part, struct error *err)
{
    struct s3_multipart *upload = part->upload;
    struct s3_sent_part *sent = &upload->sent[part->number - 1];
    const char *said = part->checksum[0]
                           ? s3_call_header(&part->call, s3_checksum_header(upload->checksum))
                           : NULL;

    if (said && strcmp(said, part->checksum) != 0)
        return error_set(err, ERROR_DATA,
            "the store has checksum %.60s of it, %s was sent: it was changed on the way", said,
            part->checksum);
    if (read_etag(part, &sent->etag, err))
        return -1;
    if (said)
        snprintf(sent->checksum, sizeof(sent->checksum), "%s", said);
    sent->bytes = part->bytes;
    upload->bytes_stored += part->bytes;
    return 0;
}

static void on_part(struct s3_call *call, const struct error *err)
{
    struct s3_part *part = container_of(call, struct s3_part, call);
    struct s3_multipart *upload = part->upload;
    struct error failure = {0};

    if (err)
        failure = *err;
    else if (keep_part(part, &failure))
        name_error(upload, &failure);
    if (failure.code && failure.code != ERROR_STOPPED)
        error_prefix(&failure, "part %u", part->number);
    error_keep_first(&upload->err, &failure);
    release(part);
    s3_multipart_step(upload);
}

/* --- what goes out --- */

static void send_part(struct s3_part *part)
{
    struct s3_multipart *upload = part->upload;
    const char *checksum_name = s3_checksum_header(upload->checksum);
    size_t header_count = part->header_count;

    memcpy(part->all_headers, part->headers, sizeof(part->headers));
    if (part->checksum[0])
        part->all_headers[header_count++] = (struct http_header){checksum_name, part->checksum};
    if (upload->requester_pays)
        part->all_headers[header_count++] =
            (struct http_header){"x-amz-request-payer", "requester"};
    snprintf(part->number_text, sizeof(part->number_text), "%u", part->number);
    part->query[0] = (struct s3_query){"partNumber", part->number_text};
    part->query[1] = (struct s3_query){"uploadId", upload->upload_id};
    part->call = (struct s3_call){
        .method = "PUT",
        .bucket = upload->bucket,
        .key = upload->key,
        .query = part->query,
        .query_count = 2,
        .headers = part->all_headers,
        .header_count = header_count,
        .body = part->body,
        .payload = part->payload,
        .answer_is_xml = upload->type->copies,
        .done = on_part,
    };
    if (upload->type->copies)
        part->call.timeouts.first_byte_ms = s3_slow_answer_ms(upload->client);
    part->state = S3_PART_SENDING;
    s3_call_start(upload->client, &part->call);
}

void s3_part_ready(struct s3_part *part, const struct error *err)
{
    struct s3_multipart *upload = part->upload;

    assert(part->state == S3_PART_PREPARING);
    if (err)
        error_keep_first(&upload->err, err);
    if (upload->err.code)
        release(part);
    else
        send_part(part);
    s3_multipart_step(upload);
}

/* A slot's arguments, and room for what becomes of the part. */
static void begin_part(struct s3_multipart *upload, struct s3_part *part)
{
    const unsigned index = part->index;

    *part = (struct s3_part){.upload = upload, .index = index, .number = upload->part_count + 1};
    upload->sent =
        mem_grow(upload->sent, &upload->sent_capacity, upload->part_count, sizeof(*upload->sent));
    upload->sent[upload->part_count] = (struct s3_sent_part){0};
}

/* False: no more parts for now. */
static bool try_part(struct s3_multipart *upload, struct s3_part *part)
{
    struct error err = {0};

    begin_part(upload, part);
    switch (upload->type->next(part, &err)) {
    case S3_NEXT_SEND:
        upload->part_count++;
        send_part(part);
        return true;
    case S3_NEXT_LATER:
        upload->part_count++;
        part->state = S3_PART_PREPARING;
        return true;
    case S3_NEXT_FAILED: /* the owner names what */
        error_keep_first(&upload->err, &err);
        return false;
    case S3_NEXT_END:
        upload->ended = true;
        return false;
    case S3_NEXT_WAIT:
        break;
    }
    return false;
}

void s3_multipart_send(struct s3_multipart *upload)
{
    for (unsigned i = 0; i < upload->parallel; i++) {
        if (upload->ended || upload->err.code)
            return;
        if (upload->parts[i].state == S3_PART_IDLE && !try_part(upload, &upload->parts[i]))
            return;
    }
}

void s3_multipart_stop(struct s3_multipart *upload)
{
    for (unsigned i = 0; i < upload->parallel; i++) {
        struct s3_part *part = &upload->parts[i];

        if (part->state == S3_PART_SENDING)
            s3_call_cancel(&part->call);
        else if (part->state == S3_PART_PREPARING)
            upload->type->stop(part);
    }
}

unsigned s3_multipart_busy(const struct s3_multipart *upload)
{
    unsigned busy = 0;

    for (unsigned i = 0; i < upload->parallel; i++)
        busy += upload->parts[i].state != S3_PART_IDLE;
    return busy;
}

uint64_t s3_multipart_in_flight(const struct s3_multipart *upload)
{
    uint64_t all = 0, sent, received;

    for (unsigned i = 0; upload->parts && i < upload->parallel; i++) {
        const struct s3_part *part = &upload->parts[i];

        if (part->state != S3_PART_SENDING)
            continue;
        s3_call_progress(&part->call, &sent, &received);
        all += MIN(sent, part->bytes);
    }
    return all;
}
