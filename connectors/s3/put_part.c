#include "connectors/s3/put_private.h"

#include "connectors/aws/sigv4.h"
#include "runner/base/mem.h"

#include <stdio.h>
#include <string.h>

static struct s3_put_operation *operation_of(struct s3_multipart *upload)
{
    return container_of(upload, struct s3_put_operation, multipart);
}

static struct put_slot *slot_of(struct s3_part *part)
{
    return &operation_of(part->upload)->slots[part->index];
}

/* The stretch of memory or file that the part is. */
static enum s3_next next_stretch(struct s3_part *part, struct error *err)
{
    struct s3_put_operation *operation = operation_of(part->upload);
    const struct s3_source *source = &operation->put->source;
    const uint64_t offset = (part->number - 1) * operation->part_bytes;
    struct put_slot *slot = slot_of(part);

    if (offset >= operation->length)
        return S3_NEXT_END;
    operation->checksum = s3_put_checksum(operation->client);
    part->bytes = MIN(operation->part_bytes, operation->length - offset);
    part->payload = SIGV4_UNSIGNED_PAYLOAD; /* a checksum goes beside it */
    part->body.length = (int64_t)part->bytes;
    slot->part = part;
    if (source->kind == S3_SOURCE_MEMORY) {
        part->body.kind = HTTP_BODY_MEMORY;
        part->body.bytes = (const char *)source->bytes + offset;
        return s3_put_checksum_memory(
                   operation->checksum, part->body.bytes, part->bytes, part->checksum, err)
                   ? S3_NEXT_FAILED
                   : S3_NEXT_SEND;
    }
    part->body.kind = HTTP_BODY_FILE;
    part->body.fd = operation->fd;
    part->body.offset = offset;
    if (operation->checksum == S3_CHECKSUM_NONE)
        return S3_NEXT_SEND;
    s3_put_read_part(slot, offset, part->bytes);
    return S3_NEXT_LATER;
}

/* The buffer that the reader has filled. */
static enum s3_next next_buffer(struct s3_part *part, struct error *err)
{
    struct s3_put_operation *operation = operation_of(part->upload);
    struct put_reader *reader = &operation->reader;
    struct put_slot *slot = slot_of(part);
    struct put_buffer *buffer;

    s3_put_fill(operation);
    if (operation->err.code) {
        *err = operation->err;
        return S3_NEXT_FAILED;
    }
    if (reader->state == READER_IDLE)
        return S3_NEXT_END;
    if (reader->state != READER_FULL)
        return S3_NEXT_WAIT;
    buffer = s3_put_take_buffer(operation);
    if (buffer->length == 0) { /* the part before was the last */
        s3_put_free_buffer(operation, buffer);
        return S3_NEXT_END;
    }
    slot->buffer = buffer;
    operation->length += buffer->length;
    part->bytes = buffer->length;
    part->payload = SIGV4_UNSIGNED_PAYLOAD;
    part->body = (struct http_body){
        .kind = buffer->spill_fd < 0 ? HTTP_BODY_MEMORY : HTTP_BODY_FILE,
        .length = (int64_t)buffer->length,
        .bytes = buffer->bytes,
        .fd = buffer->spill_fd,
    };
    if (buffer->checksum.kind != S3_CHECKSUM_NONE &&
        s3_checksum_text(&buffer->checksum, part->checksum, err))
        return S3_NEXT_FAILED;
    return S3_NEXT_SEND;
}

static enum s3_next next_part(struct s3_part *part, struct error *err)
{
    const struct s3_put_operation *operation = operation_of(part->upload);
    enum s3_next next;

    next = operation->put->source.kind == S3_SOURCE_STREAM ? next_buffer(part, err)
                                                           : next_stretch(part, err);
    if (next == S3_NEXT_FAILED && !operation->err.code) /* that one has the name */
        s3_put_name_error(operation, err);
    return next;
}

static void stop_part(struct s3_part *part)
{
    work_cancel(&slot_of(part)->job.work);
}

static void release_part(struct s3_part *part)
{
    struct s3_put_operation *operation = operation_of(part->upload);
    struct put_slot *slot = slot_of(part);
    struct put_buffer *buffer = slot->buffer;

    slot->buffer = NULL;
    s3_put_free_buffer(operation, buffer);
    atomic_store(&operation->put->bytes_done, part->upload->bytes_stored);
}

static int finish(struct s3_multipart *upload, struct error *err)
{
    const struct s3_put_operation *operation = operation_of(upload);

    if (operation->put->source.kind != S3_SOURCE_FILE || !s3_put_check_file(operation, err))
        return 0;
    s3_put_name_error(operation, err);
    return -1;
}

const struct s3_multipart_type s3_put_parts = {
    .next = next_part,
    .stop = stop_part,
    .release = release_part,
    .finish = finish,
};
