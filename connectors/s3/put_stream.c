#include "connectors/s3/part_size.h"
#include "connectors/s3/put_private.h"

#include "runner/base/mem.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { STAGE_BYTES = 1024 * 1024 }; /* of a part that goes to a file */

static struct put_reader *reader_of(struct s3_put_operation *operation)
{
    return &operation->reader;
}

/* --- buffers --- */

void s3_put_free_buffer(struct s3_put_operation *operation, struct put_buffer *buffer)
{
    uint64_t capacity;

    if (!buffer)
        return;
    capacity = buffer->capacity;
    if (buffer->spill_fd >= 0)
        close(buffer->spill_fd);
    s3_checksum_deinit(&buffer->checksum);
    free(buffer->bytes);
    free(buffer);
    s3_memory_give(s3_client_memory(operation->client), capacity);
}

struct put_buffer *s3_put_take_buffer(struct s3_put_operation *operation)
{
    struct put_reader *reader = reader_of(operation);
    struct put_buffer *buffer = reader->buffer;

    assert(reader->state == READER_FULL);
    reader->buffer = NULL;
    reader->state = READER_IDLE;
    return buffer;
}

/* The memory is granted: makes the buffer itself. */
static int make_buffer(struct s3_put_operation *operation, uint64_t capacity, struct error *err)
{
    struct put_reader *reader = reader_of(operation);
    struct put_buffer *buffer = mem_new(struct put_buffer);

    buffer->capacity = capacity;
    buffer->spill_fd = -1;
    reader->buffer = buffer;
    buffer->bytes = malloc(capacity);
    if (!buffer->bytes)
        return error_set(err, ERROR_NO_MEMORY, "no memory for a part of %llu bytes",
            (unsigned long long)capacity);
    operation->checksum = s3_put_checksum(operation->client);
    if (operation->checksum == S3_CHECKSUM_NONE)
        return 0;
    return s3_checksum_init(&buffer->checksum, operation->checksum, err);
}

/* --- parts that are larger than the memory --- */

static int open_spill(const struct s3_put *put, struct error *err)
{
    const char *folder = put->spill_folder;
    int fd;

    if (!folder)
        folder = getenv("TMPDIR");
    if (!folder || !folder[0])
        folder = "/tmp";
    fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0)
        error_set_errno(
            err, errno, "cannot make a file in %s for a part that memory cannot hold", folder);
    return fd;
}

static void run_spill(struct work *work)
{
    struct put_reader *reader = container_of(work, struct put_reader, work);
    struct s3_put_operation *operation = container_of(reader, struct s3_put_operation, reader);
    struct put_buffer *buffer = reader->buffer;
    const uint64_t start = buffer->length - buffer->held;

    if (buffer->spill_fd < 0)
        buffer->spill_fd = open_spill(operation->put, &reader->work_err);
    for (uint64_t at = 0; buffer->spill_fd >= 0 && at < buffer->held;) {
        const ssize_t done = pwrite(
            buffer->spill_fd, buffer->bytes + at, (size_t)(buffer->held - at), (off_t)(start + at));

        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0) {
            error_set_errno(&reader->work_err, errno, "cannot keep a part in a file");
            return;
        }
        at += (uint64_t)done;
    }
}

static void on_spilled(struct work *work, bool ran)
{
    struct put_reader *reader = container_of(work, struct put_reader, work);
    struct s3_put_operation *operation = container_of(reader, struct s3_put_operation, reader);

    reader->work_busy = false;
    if (!ran)
        error_set(&reader->work_err, ERROR_STOPPED, "cancelled");
    error_keep_first(&operation->err, &reader->work_err);
    reader->buffer->held = 0;
    reader->state = READER_READING;
    if (reader->buffer->length == reader->wanted || reader->ended)
        reader->state = READER_FULL;
    s3_put_step(operation);
}

static void spill(struct s3_put_operation *operation)
{
    struct put_reader *reader = reader_of(operation);

    reader->state = READER_SPILLING;
    reader->work_busy = true;
    reader->work = (struct work){.run = run_spill, .done = on_spilled};
    work_submit(s3_client_options(operation->client)->lane, &reader->work);
}

/* --- filling --- */

static void on_granted(struct s3_memory_wait *wait)
{
    struct put_reader *reader = container_of(wait, struct put_reader, wait);
    struct s3_put_operation *operation = container_of(reader, struct s3_put_operation, reader);

    reader->state = READER_READING;
    if (make_buffer(operation, wait->bytes, &operation->err))
        s3_put_name_error(operation, &operation->err);
    s3_put_step(operation);
}

static void begin_buffer(struct s3_put_operation *operation)
{
    struct put_reader *reader = reader_of(operation);
    struct s3_memory *memory = s3_client_memory(operation->client);
    uint64_t capacity;

    reader->number++;
    reader->wanted = s3_part_bytes_of(reader->number, operation->part_bytes);
    capacity = reader->wanted;
    if (capacity > memory->limit_bytes)
        capacity = MIN((uint64_t)STAGE_BYTES, memory->limit_bytes);
    reader->state = READER_WAITING;
    if (!s3_memory_take(memory, capacity, &reader->wait, on_granted))
        return;
    reader->state = READER_READING;
    if (make_buffer(operation, capacity, &operation->err))
        s3_put_name_error(operation, &operation->err);
}

/* The source's next bytes, or what it has to say: false, not for now. */
static bool read_more(struct s3_put_operation *operation)
{
    struct put_reader *reader = reader_of(operation);
    struct put_buffer *buffer = reader->buffer;
    const uint64_t room = MIN(buffer->capacity - buffer->held, reader->wanted - buffer->length);
    int64_t got;

    reader->reading = true;
    reader->resumed = false;
    got = operation->put->source.read(
        operation->put, buffer->bytes + buffer->held, (size_t)room, &operation->err);
    reader->reading = false;
    if (operation->cancelled)
        return false;
    if (got == HTTP_PAUSE && !operation->err.code)
        return reader->resumed;
    if (got < 0 && !operation->err.code)
        error_set(&operation->err, ERROR_IO, "the source failed and did not say why");
    if (operation->err.code) {
        s3_put_name_error(operation, &operation->err);
        return false;
    }
    assert((uint64_t)got <= room);
    if (buffer->checksum.kind != S3_CHECKSUM_NONE)
        s3_checksum_update(&buffer->checksum, buffer->bytes + buffer->held, (size_t)got);
    reader->ended = got == 0;
    buffer->held += (uint64_t)got;
    buffer->length += (uint64_t)got;
    return true;
}

/* Whether what is held has to go to the file first. */
static bool must_spill(const struct put_reader *reader)
{
    const struct put_buffer *buffer = reader->buffer;
    const bool to_file = buffer->spill_fd >= 0 || buffer->capacity < reader->wanted;

    if (!to_file || buffer->held == 0)
        return false;
    if (reader->ended)
        return buffer->spill_fd >= 0; /* all of a short last part is in memory */
    return buffer->held == buffer->capacity || buffer->length == reader->wanted;
}

void s3_put_fill(struct s3_put_operation *operation)
{
    struct put_reader *reader = reader_of(operation);

    if (reader->state == READER_IDLE && !reader->ended && !operation->err.code)
        begin_buffer(operation);
    while (reader->state == READER_READING && !reader->reading && !operation->err.code) {
        if (!read_more(operation))
            return;
        if (must_spill(reader))
            spill(operation);
        else if (reader->ended || reader->buffer->length == reader->wanted)
            reader->state = READER_FULL;
    }
}

void s3_put_stop_reader(struct s3_put_operation *operation)
{
    struct put_reader *reader = reader_of(operation);

    s3_memory_forget(s3_client_memory(operation->client), &reader->wait);
    if (reader->work_busy)
        work_cancel(&reader->work);
}
