#include "runner/cli/s3_stream.h"

#include "runner/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BLOCK_BYTES = 1024 * 1024, LOOK_MS = 100 };

/* --- the job --- */

/* Waits until it can go on; false: somebody asked for the end. */
static bool wait_for(struct s3_stream *stream, short events)
{
    struct pollfd ready = {.fd = stream->fd, .events = events};
    int rc;

    do {
        if (work_cancelled(&stream->work))
            return false;
        rc = poll(&ready, 1, LOOK_MS);
    } while (rc == 0 || (rc < 0 && errno == EINTR));
    return true;
}

static void read_block(struct s3_stream *stream)
{
    char *bytes = buffer_reserve(&stream->moving, BLOCK_BYTES);
    ssize_t n;

    do {
        if (!wait_for(stream, POLLIN))
            return;
        n = read(stream->fd, bytes, BLOCK_BYTES);
    } while (n < 0 && (errno == EINTR || errno == EAGAIN));
    if (n < 0)
        error_set_errno(&stream->job_err, errno, "cannot read standard input");
    else
        buffer_advance(&stream->moving, (size_t)n);
    stream->job_ended = n <= 0;
}

static void write_block(struct s3_stream *stream)
{
    size_t written = 0;

    while (written < stream->moving.length && wait_for(stream, POLLOUT)) {
        const ssize_t n =
            write(stream->fd, stream->moving.data + written, stream->moving.length - written);

        if (n > 0)
            written += (size_t)n;
        if (n >= 0 || errno == EINTR || errno == EAGAIN)
            continue;
        stream->job_ended = true;
        stream->job_left = errno == EPIPE;
        if (!stream->job_left)
            error_set_errno(&stream->job_err, errno, "cannot write standard output");
        return;
    }
}

static void run(struct work *work)
{
    struct s3_stream *stream = container_of(work, struct s3_stream, work);

    if (stream->writes)
        write_block(stream);
    else
        read_block(stream);
}

static void on_run(struct work *work, bool ran);

static void start(struct s3_stream *stream)
{
    stream->busy = true;
    buffer_clear(&stream->moving);
    if (stream->writes) {
        const struct buffer written = stream->moving;

        stream->moving = stream->ready;
        stream->ready = written;
    }
    stream->work = (struct work){.run = run, .done = on_run};
    work_submit(stream->lane, &stream->work);
}

static void on_run(struct work *work, bool ran)
{
    struct s3_stream *stream = container_of(work, struct s3_stream, work);

    stream->busy = false;
    stream->left = stream->job_left;
    stream->ended = stream->job_ended || !ran || work_cancelled(work);
    error_keep_first(&stream->err, &stream->job_err);
    if (stream->writes && !stream->ended && stream->ready.length > 0)
        start(stream);
    stream->moved(stream);
}

/* --- life --- */

static void init(struct s3_stream *stream, int fd, struct work_lane *lane, s3_stream_fn moved)
{
    *stream = (struct s3_stream){.fd = fd, .lane = lane, .moved = moved};
    buffer_init(&stream->ready, SIZE_MAX / 2);
    buffer_init(&stream->moving, SIZE_MAX / 2);
}

void s3_stream_init_input(
    struct s3_stream *stream, int fd, struct work_lane *lane, s3_stream_fn moved)
{
    init(stream, fd, lane, moved);
}

/* A pipe or a terminal is opened once more: to be non-blocking for us alone, and for nobody whom we
 * share it with. */
void s3_stream_init_output(
    struct s3_stream *stream, int fd, struct work_lane *lane, s3_stream_fn moved)
{
    char path[32];
    struct stat st;
    int own;

    init(stream, fd, lane, moved);
    stream->writes = true;
    if (fstat(fd, &st) || !(S_ISFIFO(st.st_mode) || S_ISCHR(st.st_mode)))
        return;
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    own = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    if (own < 0)
        return;
    stream->fd = own;
    stream->own_fd = true;
}

void s3_stream_deinit(struct s3_stream *stream)
{
    if (stream->own_fd)
        close(stream->fd);
    buffer_deinit(&stream->ready);
    buffer_deinit(&stream->moving);
}

/* --- both ways --- */

/* Input: what the job read becomes what can be taken, and the job reads on. */
static void turn(struct s3_stream *stream)
{
    const struct buffer empty = stream->ready;

    stream->ready = stream->moving;
    stream->moving = empty;
    stream->taken = 0;
    if (!stream->ended)
        start(stream);
}

int64_t s3_stream_read(struct s3_stream *stream, char *bytes, size_t size)
{
    size_t length;

    if (stream->taken == stream->ready.length) {
        buffer_clear(&stream->ready);
        stream->taken = 0;
        if (stream->busy)
            return S3_STREAM_LATER;
        turn(stream);
    }
    length = MIN(size, stream->ready.length - stream->taken);
    if (length == 0 && stream->busy)
        return S3_STREAM_LATER;
    if (length == 0)
        return stream->err.code ? -1 : 0;
    memcpy(bytes, stream->ready.data + stream->taken, length);
    stream->taken += length;
    return (int64_t)length;
}

/* What goes out without waiting, and without being copied or handed to another thread. Errors are
 * left to the job, which meets them again. */
static size_t write_at_once(const struct s3_stream *stream, const char *bytes, size_t length)
{
    ssize_t n = 0;

    if (stream->own_fd && !stream->busy && stream->ready.length == 0)
        n = write(stream->fd, bytes, length);
    return n > 0 ? (size_t)n : 0;
}

bool s3_stream_write(struct s3_stream *stream, const char *bytes, size_t length)
{
    size_t written;

    if (stream->ended)
        return true; /* it goes nowhere */
    if (stream->ready.length > 0 && stream->ready.length + length > BLOCK_BYTES)
        return false;
    written = write_at_once(stream, bytes, length);
    if (written == length)
        return true;
    buffer_append(&stream->ready, bytes + written, length - written);
    if (!stream->busy)
        start(stream);
    return true;
}

bool s3_stream_idle(const struct s3_stream *stream)
{
    return !stream->busy && (stream->ended || !stream->writes || stream->ready.length == 0);
}

void s3_stream_cancel(struct s3_stream *stream)
{
    if (stream->busy)
        work_cancel(&stream->work);
}
