/* What a conditional PUT left whose first answer was lost: a second try says 412, whether the first
 * one wrote the object or somebody else did. It was ours where the object holds these bytes and was
 * written since we began. */
#include "connectors/s3/put_private.h"

#include "runner/base/mem.h"
#include "runner/base/time.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct s3_put_operation *operation_of(struct s3_call *call)
{
    return container_of(call, struct s3_put_operation, call);
}

static int differ(struct s3_put_operation *operation, struct error *err)
{
    operation->differs = true;
    return error_set(err, ERROR_CHANGED, "the object is another one");
}

/* By the store's clock, whose seconds are whole. */
static bool written_since(const struct s3_put_operation *operation, const struct s3_call *call)
{
    enum { ROUNDING_MS = 2000 };
    const int64_t elapsed_ms = (int64_t)((time_monotonic_ns() - operation->begun_ns) / 1000000U);
    const char *date = s3_call_header(call, "Date");
    const char *modified = s3_call_header(call, "Last-Modified");
    int64_t now_ms, modified_ms;

    return date && modified && time_parse_http(date, &now_ms, NULL) == 0 &&
           time_parse_http(modified, &modified_ms, NULL) == 0 &&
           modified_ms >= now_ms - elapsed_ms - ROUNDING_MS;
}

static int on_head(struct s3_call *call, struct error *err)
{
    struct s3_put_operation *operation = operation_of(call);
    const char *length = s3_call_header(call, "Content-Length");

    operation->compared = 0;
    operation->differs = false;
    if (!length || strtoull(length, NULL, 10) != operation->length ||
        !written_since(operation, call))
        return differ(operation, err);
    return 0;
}

static bool same_in_file(const struct s3_put_operation *operation, const char *bytes, size_t length)
{
    char own[16 * 1024];
    size_t at = 0;

    while (at < length) {
        const size_t size = MIN(sizeof(own), length - at);
        const ssize_t got = pread(operation->fd, own, size, (off_t)(operation->compared + at));

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0 || memcmp(own, bytes + at, (size_t)got) != 0)
            return false;
        at += (size_t)got;
    }
    return true;
}

static int on_write(struct s3_call *call, const char *bytes, size_t length, struct error *err)
{
    struct s3_put_operation *operation = operation_of(call);
    const char *own =
        operation->single_buffer ? operation->single_buffer->bytes : operation->put->source.bytes;
    bool same = length <= operation->length - operation->compared;

    if (same && operation->put->source.kind == S3_SOURCE_FILE)
        same = same_in_file(operation, bytes, length);
    else if (same)
        same = memcmp(own + operation->compared, bytes, length) == 0;
    if (!same)
        return differ(operation, err);
    operation->compared += length;
    return 0;
}

static void on_done(struct s3_call *call, const struct error *err)
{
    struct s3_put_operation *operation = operation_of(call);

    operation->call_busy = false;
    operation->call_err = err ? *err : (struct error){0};
    s3_put_step(operation);
}

void s3_put_compare(struct s3_put_operation *operation)
{
    operation->call_busy = true;
    operation->differs = false;
    operation->call = (struct s3_call){
        .method = "GET",
        .bucket = operation->put->bucket,
        .key = operation->put->key,
        .head = on_head,
        .write = on_write,
        .done = on_done,
    };
    s3_call_start(operation->client, &operation->call);
}

bool s3_put_is_ours(const struct s3_put_operation *operation)
{
    return !operation->call_err.code && !operation->differs &&
           operation->compared == operation->length;
}
