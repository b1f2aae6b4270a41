#include "runner/io/http_private.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/param.h>
#include <unistd.h>

static const struct http_body *body_of(const struct http_handle *handle)
{
    static const struct http_body none = {.kind = HTTP_BODY_NONE};

    return handle->bodyless ? &none : &handle->transfer->request->body;
}

static int64_t length_of(const struct http_body *body)
{
    return body->kind == HTTP_BODY_NONE ? 0 : body->length;
}

bool http_body_is_sent(const struct http_handle *handle)
{
    const int64_t length = length_of(body_of(handle));

    return length >= 0 && handle->body_position >= (uint64_t)length;
}

/* --- the kinds --- */

static int64_t read_memory(struct http_handle *handle, char *bytes, size_t size)
{
    memcpy(bytes, (const char *)body_of(handle)->bytes + handle->body_position, size);
    return (int64_t)size;
}

static int64_t read_file(struct http_handle *handle, char *bytes, size_t size, struct error *err)
{
    const struct http_body *body = body_of(handle);
    ssize_t got;

    do
        got = pread(body->fd, bytes, size, (off_t)(body->offset + handle->body_position));
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return error_set_errno(err, errno, "cannot read the file that is sent");
    if (got == 0)
        return error_set(err, ERROR_CHANGED,
            "the file that is sent became shorter under way: %llu bytes of %lld are there",
            (unsigned long long)handle->body_position, (long long)body->length);
    return got;
}

static int64_t read_stream(struct http_handle *handle, char *bytes, size_t size, struct error *err)
{
    struct http_request *request = handle->transfer->request;
    const int64_t got = body_of(handle)->read(request, bytes, size, err);

    handle->told_by_caller = got == -1;
    if (got == 0 && body_of(handle)->length > 0)
        return error_set(err, ERROR_DATA, "the body ends after %llu bytes, %lld were announced",
            (unsigned long long)handle->body_position, (long long)body_of(handle)->length);
    return got;
}

/* -1 with err, HTTP_PAUSE, or how many of the next bytes; 0: there are no more. */
static int64_t read_body(struct http_handle *handle, char *bytes, size_t size, struct error *err)
{
    const struct http_body *body = body_of(handle);

    if (http_body_is_sent(handle))
        return 0;
    if (body->length >= 0)
        size = (size_t)MIN((uint64_t)size, (uint64_t)body->length - handle->body_position);
    switch (body->kind) {
    case HTTP_BODY_MEMORY:
        return read_memory(handle, bytes, size);
    case HTTP_BODY_FILE:
        return read_file(handle, bytes, size, err);
    case HTTP_BODY_STREAM:
        return read_stream(handle, bytes, size, err);
    case HTTP_BODY_NONE:
        break;
    }
    return 0;
}

/* --- what curl calls --- */

static size_t on_read(char *bytes, size_t size, size_t count, void *data)
{
    struct http_handle *handle = data;
    struct error err = {0};
    int64_t got;

    if (!http_transfer_goes_on(handle))
        return CURL_READFUNC_ABORT;
    got = read_body(handle, bytes, size * count, &err);
    if (!http_transfer_goes_on(handle))
        return CURL_READFUNC_ABORT; /* cancelled in there */
    if (got == HTTP_PAUSE) {
        handle->read_paused = true;
        return CURL_READFUNC_PAUSE;
    }
    if (got < 0) {
        error_keep_first(&handle->err, &err);
        return CURL_READFUNC_ABORT;
    }
    handle->body_position += (uint64_t)got;
    handle->transfer->request->bytes_sent = handle->body_position;
    handle->http->counters.bytes_sent += (uint64_t)got;
    if ((got == 0 || http_body_is_sent(handle)) && handle->phase == HTTP_PHASE_SENDING)
        http_transfer_enter(handle, HTTP_PHASE_AWAITING);
    else
        http_transfer_byte(handle);
    return (size_t)got;
}

/* curl starts the body again where a connection that it had kept turned out to be closed. */
static int on_seek(void *data, curl_off_t offset, int origin)
{
    struct http_handle *handle = data;

    if (origin != SEEK_SET || offset < 0)
        return CURL_SEEKFUNC_FAIL;
    if (body_of(handle)->kind == HTTP_BODY_STREAM && (uint64_t)offset != handle->body_position)
        return CURL_SEEKFUNC_FAIL;
    handle->body_position = (uint64_t)offset;
    handle->transfer->request->bytes_sent = handle->body_position;
    return CURL_SEEKFUNC_OK;
}

static bool needs_length(const char *method)
{
    return strcmp(method, "PUT") == 0 || strcmp(method, "POST") == 0 ||
           strcmp(method, "PATCH") == 0;
}

void http_body_set(struct http_handle *handle)
{
    const struct http_body *body = body_of(handle);
    CURL *easy = handle->easy;

    assert(body->kind == HTTP_BODY_STREAM || body->length >= 0);
    handle->body_position = 0;
    if (body->kind == HTTP_BODY_NONE && !needs_length(http_method(handle->transfer)))
        return;
    curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)length_of(body));
    curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_read);
    curl_easy_setopt(easy, CURLOPT_READDATA, handle);
    curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, on_seek);
    curl_easy_setopt(easy, CURLOPT_SEEKDATA, handle);
}
