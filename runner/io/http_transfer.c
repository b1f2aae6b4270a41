#include "runner/base/mem.h"
#include "runner/base/time.h"
#include "runner/io/http_private.h"

#include <assert.h>

enum { REDIRECT_BODY_BYTES_MAX = 64 * 1024 }; /* to keep the connection; more is not worth it */

bool http_transfer_goes_on(const struct http_handle *handle)
{
    return handle->transfer->state == HTTP_RUNNING && !handle->err.code;
}

/* --- time-outs --- */

static const uint64_t NS_PER_MS = 1000000;

static int64_t phase_limit_ms(const struct http_handle *handle)
{
    switch (handle->phase) {
    case HTTP_PHASE_CONNECTING:
        return handle->timeouts.connect_ms;
    case HTTP_PHASE_AWAITING:
        return handle->timeouts.first_byte_ms;
    case HTTP_PHASE_SENDING:
    case HTTP_PHASE_RECEIVING:
        return handle->read_paused || handle->write_paused ? 0 : handle->timeouts.stall_ms;
    case HTTP_PHASE_QUEUED:
        break;
    }
    return 0;
}

static uint64_t deadline(uint64_t from_ns, int64_t limit_ms)
{
    return limit_ms > 0 ? from_ns + (uint64_t)limit_ms * NS_PER_MS : UINT64_MAX;
}

static uint64_t phase_deadline(const struct http_handle *handle)
{
    return deadline(handle->phase_ns, phase_limit_ms(handle));
}

static uint64_t total_deadline(const struct http_handle *handle)
{
    return deadline(handle->started_ns, handle->timeouts.total_ms);
}

static int set_phase_error(struct http_handle *handle)
{
    const long long limit_ms = phase_limit_ms(handle);
    struct error *err = &handle->err;

    switch (handle->phase) {
    case HTTP_PHASE_CONNECTING:
        return error_set(err, ERROR_TIMEOUT, "no connection within %lld ms", limit_ms);
    case HTTP_PHASE_SENDING:
        return error_set(err, ERROR_TIMEOUT, "the server took no byte for %lld ms", limit_ms);
    case HTTP_PHASE_AWAITING:
        return error_set(err, ERROR_TIMEOUT, "no answer within %lld ms of the request", limit_ms);
    case HTTP_PHASE_RECEIVING:
        return error_set(err, ERROR_TIMEOUT, "the server sent no byte for %lld ms", limit_ms);
    case HTTP_PHASE_QUEUED:
        break;
    }
    assert(!"nothing is awaited in a queue");
    return -1;
}

static void arm_timer(struct http_handle *handle);

/* The timer is not set again for each byte: it fires early, and looks. */
static void on_timer(struct timer *timer)
{
    struct http_handle *handle = container_of(timer, struct http_handle, timer);
    const uint64_t now_ns = time_monotonic_ns();

    handle->armed_ns = UINT64_MAX;
    if (handle->transfer->state == HTTP_ENDING)
        return;
    if (now_ns >= total_deadline(handle)) {
        error_set(&handle->err, ERROR_TIMEOUT, "not done within %lld ms in all",
            (long long)handle->timeouts.total_ms);
    } else if (now_ns >= phase_deadline(handle)) {
        set_phase_error(handle);
    } else {
        arm_timer(handle);
        return;
    }
    http_end(handle->transfer, CURLE_OK);
    http_turn(handle->http);
}

static void arm_timer(struct http_handle *handle)
{
    const uint64_t next_ns = MIN(phase_deadline(handle), total_deadline(handle));
    const uint64_t now_ns = time_monotonic_ns();

    if (next_ns >= handle->armed_ns)
        return; /* it fires before that, or never has to */
    handle->armed_ns = next_ns;
    timer_start(&handle->timer,
        next_ns > now_ns ? (next_ns - now_ns + NS_PER_MS - 1) / NS_PER_MS : 0, 0, on_timer);
}

void http_transfer_enter(struct http_handle *handle, enum http_phase phase)
{
    handle->phase = phase;
    handle->phase_ns = time_monotonic_ns();
    arm_timer(handle);
}

void http_transfer_byte(struct http_handle *handle)
{
    handle->phase_ns = time_monotonic_ns();
}

void http_transfer_resume(struct http_handle *handle)
{
    CURLcode result;

    if (!handle->read_paused && !handle->write_paused)
        return;
    handle->read_paused = handle->write_paused = false;
    http_transfer_enter(handle, handle->phase); /* the pause was ours: its time does not count */
    result = curl_easy_pause(handle->easy, CURLPAUSE_CONT); /* calls `write` with what it holds */
    if (result && handle->transfer->state == HTTP_RUNNING)
        http_end(handle->transfer, result);
}

/* --- what curl calls --- */

/* A connection stands, new or kept, and the request goes out. */
static int on_connected(
    void *data, char *remote_ip, char *local_ip, int remote_port, int local_port)
{
    struct http_handle *handle = data;
    struct http_timing *timing = &handle->transfer->request->timing;

    (void)remote_ip;
    (void)local_ip;
    (void)remote_port;
    (void)local_port;
    if (!http_transfer_goes_on(handle))
        return CURL_PREREQFUNC_ABORT;
    handle->transfer->request->sends++;
    timing->connect_us = 0;
    if (handle->socket_opened) {
        handle->http->counters.connections++;
        timing->connect_us = (int64_t)(time_monotonic_ns() - handle->started_ns) / 1000;
    }
    handle->socket_opened = false;
    http_transfer_enter(
        handle, http_body_is_sent(handle) ? HTTP_PHASE_AWAITING : HTTP_PHASE_SENDING);
    return CURL_PREREQFUNC_OK;
}

static bool is_redirect(int status)
{
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

static int take_head(struct http_handle *handle, struct error *err)
{
    struct http_request *request = handle->transfer->request;

    request->status = handle->head.status;
    handle->trailers.bytes = handle->head.bytes; /* they share the limit */
    handle->redirecting = request->redirects_max > 0 && is_redirect(handle->head.status) &&
                          http_head_find(&handle->head, "location");
    if (http_head_check_length(&handle->head, err))
        return -1;
    if (handle->redirecting || !request->head)
        return 0;
    handle->told_by_caller = request->head(request, err) != 0;
    return handle->told_by_caller ? -1 : 0;
}

static int take_header_line(
    struct http_handle *handle, const char *line, size_t length, struct error *err)
{
    if (handle->head.complete)
        return http_head_field(&handle->trailers, line, length, err);
    if (http_head_line(&handle->head, line, length, err))
        return -1;
    return handle->head.complete ? take_head(handle, err) : 0;
}

static size_t on_header(char *line, size_t size, size_t count, void *data)
{
    struct http_handle *handle = data;
    struct http_timing *timing = &handle->transfer->request->timing;
    struct error err = {0};

    if (!http_transfer_goes_on(handle))
        return 0;
    if (handle->head.bytes == 0)
        timing->first_byte_us = (int64_t)(time_monotonic_ns() - handle->started_ns) / 1000;
    if (take_header_line(handle, line, size * count, &err)) {
        error_keep_first(&handle->err, &err);
        return 0;
    }
    if (!http_transfer_goes_on(handle))
        return 0; /* cancelled in there */
    if (handle->head.status >= 200 && handle->phase != HTTP_PHASE_RECEIVING)
        http_transfer_enter(handle, HTTP_PHASE_RECEIVING);
    else
        http_transfer_byte(handle);
    return size * count;
}

static size_t on_write(char *bytes, size_t size, size_t count, void *data)
{
    struct http_handle *handle = data;
    struct http_request *request = handle->transfer->request;
    const size_t length = size * count;
    struct error err = {0};
    int rc = 0;

    if (!http_transfer_goes_on(handle))
        return 0;
    http_transfer_byte(handle);
    if (handle->redirecting) {
        handle->dropped_bytes += length;
        return handle->dropped_bytes > REDIRECT_BODY_BYTES_MAX ? 0 : length;
    }
    if (request->write)
        rc = request->write(request, bytes, length, &err);
    if (!http_transfer_goes_on(handle))
        return 0; /* cancelled in there */
    if (rc == HTTP_PAUSE) {
        handle->write_paused = true;
        return CURL_WRITEFUNC_PAUSE;
    }
    if (rc) {
        handle->told_by_caller = true;
        error_keep_first(&handle->err, &err);
        return 0;
    }
    http_transfer_byte(handle);
    request->bytes_received += length;
    handle->http->counters.bytes_received += length;
    return length;
}

void http_transfer_set_callbacks(struct http_handle *handle)
{
    CURL *easy = handle->easy;

    curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_connected);
    curl_easy_setopt(easy, CURLOPT_PREREQDATA, handle);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, handle);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_write);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, handle);
}
