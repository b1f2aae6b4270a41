/* Standard input and output as streams that never block the loop: a job waits for them, and what it
 * is ahead or behind is bounded. */
#ifndef RUNNER_CLI_S3_STREAM_H
#define RUNNER_CLI_S3_STREAM_H

#include "runner/base/buffer.h"
#include "runner/base/error.h"
#include "runner/io/work.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct s3_stream;

/* On the loop: it took or has bytes again, or ended. */
typedef void (*s3_stream_fn)(struct s3_stream *stream);

struct s3_stream {
    struct work_lane *lane;
    struct work work;
    s3_stream_fn moved;
    int fd;
    bool own_fd, writes, busy;
    bool ended; /* nothing moves any more: the end of the input, an error, a cancel, or … */
    bool left;  /* … whoever read the output has gone: no error, it may have had enough */
    struct buffer ready;  /* input to be taken; output that waits for the job */
    size_t taken;         /* of `ready` */
    struct buffer moving; /* the job's while it is busy */
    bool job_ended, job_left;
    struct error job_err, err;
};

/* `fd` is 0 or 1, or anything like it. */
void s3_stream_init_input(
    struct s3_stream *stream, int fd, struct work_lane *lane, s3_stream_fn moved);
void s3_stream_init_output(
    struct s3_stream *stream, int fd, struct work_lane *lane, s3_stream_fn moved);
void s3_stream_deinit(struct s3_stream *stream); /* it may not be busy */

/* So many bytes, 0 (the end), -1 with stream->err, or -2: none now, `moved` will tell. */
enum { S3_STREAM_LATER = -2 };
int64_t s3_stream_read(struct s3_stream *stream, char *bytes, size_t size);

/* False: not now, `moved` will tell. */
bool s3_stream_write(struct s3_stream *stream, const char *bytes, size_t length);

/* Output: whether all of it is out, or can go nowhere. */
bool s3_stream_idle(const struct s3_stream *stream);

/* The job ends soon; it still ends in `moved`. Harmless otherwise. */
void s3_stream_cancel(struct s3_stream *stream);

#endif
