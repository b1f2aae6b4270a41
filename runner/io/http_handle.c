#include "runner/base/mem.h"
#include "runner/base/time.h"
#include "runner/io/http_private.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

enum {
    CONNECT_MS = 10 * 1000,
    FIRST_BYTE_MS = 60 * 1000,
    STALL_MS = 30 * 1000,
    IDLE_CONNECTION_SECONDS = 4, /* S3 drops them after about 5 */
    DNS_CACHE_SECONDS = 10,      /* S3's addresses change with every question */
};

/* --- options that stay --- */

static void set_tls_options(CURL *easy, const struct http *http)
{
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (!http->ca_file)
        return;
    curl_easy_setopt(easy, CURLOPT_CAINFO, http->ca_file);
    /* With a folder of certificates, curl reads the file, too, anew for each connection. */
    curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
}

static void set_connection_options(CURL *easy)
{
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
#if LIBCURL_VERSION_NUM >= 0x075700
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L); /* else a cancel waits for the resolver */
#endif
    curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, (long)IDLE_CONNECTION_SECONDS);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_DNS_SHUFFLE_ADDRESSES, 1L);
    curl_easy_setopt(easy, CURLOPT_DNS_CACHE_TIMEOUT, (long)DNS_CACHE_SECONDS);
    curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
}

static void set_lasting_options(struct http_handle *handle)
{
    const struct http *http = handle->http;
    CURL *easy = handle->easy;

    curl_easy_setopt(easy, CURLOPT_PRIVATE, handle);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, handle->curl_message);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, http->user_agent);
    curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, (long)http->buffer_bytes);
    curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, (long)http->buffer_bytes);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, http_open_socket);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, handle);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, http_close_socket);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, http);
    set_connection_options(easy);
    set_tls_options(easy, http);
    http_transfer_set_callbacks(handle);
}

/* --- life --- */

static struct http_handle *handle_new(struct http *http)
{
    struct http_handle *handle = mem_new(struct http_handle);

    handle->http = http;
    handle->easy = curl_easy_init();
    handle->armed_ns = UINT64_MAX;
    if (!handle->easy)
        abort(); /* no memory: as everywhere */
    buffer_init(&handle->text, 0);
    http_head_init(&handle->head);
    http_head_init(&handle->trailers);
    timer_init(&handle->timer, http->loop);
    http->open_handles++;
    set_lasting_options(handle);
    return handle;
}

static void on_timer_closed(struct timer *timer)
{
    struct http_handle *handle = container_of(timer, struct http_handle, timer);

    http_handle_closed(handle->http);
    free(handle);
}

void http_handle_free(struct http_handle *handle)
{
    assert(!handle->transfer);
    curl_easy_cleanup(handle->easy);
    buffer_deinit(&handle->text);
    free(handle->lines);
    http_head_deinit(&handle->head);
    http_head_deinit(&handle->trailers);
    timer_close(&handle->timer, on_timer_closed);
}

static int64_t or_default(int64_t ms, int64_t otherwise)
{
    return ms > 0 ? ms : otherwise;
}

static void set_timeouts(struct http_handle *handle, const struct http_timeouts *asked)
{
    handle->timeouts = (struct http_timeouts){
        .connect_ms = or_default(asked->connect_ms, CONNECT_MS),
        .first_byte_ms = or_default(asked->first_byte_ms, FIRST_BYTE_MS),
        .stall_ms = or_default(asked->stall_ms, STALL_MS),
        .total_ms = or_default(asked->total_ms, 0),
    };
}

struct http_handle *http_handle_take(struct http_transfer *transfer)
{
    struct http_request *request = transfer->request;
    struct http *http = request->http;
    struct http_handle *handle = http->idle;

    if (handle)
        http->idle = handle->next;
    else
        handle = handle_new(http);
    handle->transfer = transfer;
    transfer->handle = handle;
    error_clear(&handle->err);
    handle->told_by_caller = false;
    handle->curl_message[0] = '\0';
    handle->redirects = 0;
    handle->foreign = handle->bodyless = handle->redirecting = false;
    handle->started_ns = time_monotonic_ns();
    request->timing.queued_us = (int64_t)(handle->started_ns - transfer->queued_ns) / 1000;
    set_timeouts(handle, &request->timeouts);
    http_head_clear(&handle->head);
    http_head_clear(&handle->trailers);
    return handle;
}

void http_handle_give_back(struct http_handle *handle)
{
    timer_stop(&handle->timer);
    handle->armed_ns = UINT64_MAX;
    free(handle->url);
    handle->url = NULL;
    handle->transfer = NULL;
    handle->next = handle->http->idle;
    handle->http->idle = handle;
}

/* --- what redirects change --- */

const char *http_url(const struct http_transfer *transfer)
{
    const struct http_handle *handle = transfer->handle;

    return handle && handle->url ? handle->url : transfer->request->url;
}

const char *http_method(const struct http_transfer *transfer)
{
    return transfer->handle && transfer->handle->bodyless ? "GET" : transfer->request->method;
}

/* RFC 9110, 15.4: 303 asks for a GET, and what everybody does with POST after 301 and 302. */
static bool becomes_get(const char *method, int status)
{
    if (status == 303)
        return strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0;
    return (status == 301 || status == 302) && strcmp(method, "POST") == 0;
}

int http_handle_redirect(struct http_handle *handle, struct error *err)
{
    const struct http_request *request = handle->transfer->request;
    bool foreign;
    char *url;

    if (handle->redirects >= request->redirects_max)
        return error_set(
            err, ERROR_LIMIT, "the server redirects more than %u times", request->redirects_max);
    if (http_url_redirect(http_url(handle->transfer), http_head_find(&handle->head, "location"),
            &url, &foreign, err))
        return -1;
    free(handle->url);
    handle->url = url;
    handle->redirects++;
    handle->foreign = handle->foreign || foreign;
    if (becomes_get(http_method(handle->transfer), request->status))
        handle->bodyless = true;
    if (!handle->bodyless && request->body.kind == HTTP_BODY_STREAM && handle->body_position > 0)
        return error_set(err, ERROR_IO,
            "the server redirects, and the body, a stream that was "
            "sent in part, cannot be sent again");
    return 0;
}

/* What is for the first host only. */
static bool follows_to_others(const char *name)
{
    return strcasecmp(name, "authorization") != 0 && strcasecmp(name, "cookie") != 0 &&
           strcasecmp(name, "host") != 0 && strncasecmp(name, "x-", 2) != 0;
}

static bool follows(const struct http_handle *handle, const char *name)
{
    if (handle->bodyless && strncasecmp(name, "content-", 8) == 0)
        return false;
    return !handle->foreign || follows_to_others(name);
}

/* --- headers --- */

static int check_header(const struct http_header *header, struct error *err)
{
    if (!header->name[0] || strpbrk(header->name, ": \t\r\n"))
        return error_set(err, ERROR_INVALID, "a header's name must not be empty, nor hold blanks");
    if (strpbrk(header->value, "\r\n"))
        return error_set(
            err, ERROR_INVALID, "the value of the header %s holds a line end", header->name);
    return 0;
}

/* Lines in one buffer, and the nodes of curl's list in one array: no allocation once they are as
 * large as needed. An empty value is ";" in curl's tongue. */
static int set_headers(struct http_handle *handle, struct error *err)
{
    const struct http_request *request = handle->transfer->request;
    size_t count = 0, start = 0;

    buffer_clear(&handle->text);
    buffer_printf(&handle->text, "Expect:%c", '\0'); /* else curl waits a second for an answer */
    count++;
    for (size_t i = 0; i < request->header_count; i++) {
        const struct http_header *header = &request->headers[i];

        if (check_header(header, err))
            return -1;
        if (!follows(handle, header->name))
            continue;
        buffer_printf(&handle->text, header->value[0] ? "%s: %s%c" : "%s;%s%c", header->name,
            header->value, '\0');
        count++;
    }
    if (count > handle->line_capacity) {
        handle->line_capacity = count + 16;
        handle->lines = mem_realloc(handle->lines, handle->line_capacity, sizeof(*handle->lines));
    }
    for (size_t i = 0; i < count; i++) {
        handle->lines[i].data = handle->text.data + start;
        handle->lines[i].next = i + 1 < count ? &handle->lines[i + 1] : NULL;
        start += strlen(handle->lines[i].data) + 1;
    }
    curl_easy_setopt(handle->easy, CURLOPT_HTTPHEADER, handle->lines);
    return 0;
}

/* --- the start --- */

static void set_proxy(struct http_handle *handle, const char *url)
{
    const char *upper = handle->http->http_proxy;

    if (handle->transfer->request->no_proxy)
        curl_easy_setopt(handle->easy, CURLOPT_PROXY, "");
    else if (upper && strncasecmp(url, "http:", 5) == 0)
        curl_easy_setopt(handle->easy, CURLOPT_PROXY, upper);
    else
        curl_easy_setopt(handle->easy, CURLOPT_PROXY, NULL); /* curl asks the environment */
}

static void set_method(struct http_handle *handle)
{
    const char *method = http_method(handle->transfer);

    curl_easy_setopt(handle->easy, CURLOPT_CUSTOMREQUEST, NULL);
    curl_easy_setopt(handle->easy, CURLOPT_HTTPGET, 1L);
    http_body_set(handle);
    if (strcmp(method, "HEAD") == 0)
        curl_easy_setopt(handle->easy, CURLOPT_NOBODY, 1L);
    else if (strcmp(method, "GET") != 0 || handle->transfer->request->body.kind)
        curl_easy_setopt(handle->easy, CURLOPT_CUSTOMREQUEST, method);
}

/* What may be left of an answer before, a redirect. */
static void forget_answer(struct http_handle *handle)
{
    http_head_clear(&handle->head);
    http_head_clear(&handle->trailers);
    handle->redirecting = false;
    handle->dropped_bytes = 0;
    handle->read_paused = handle->write_paused = false;
    handle->socket_opened = false;
}

static int check_url(const char *url, struct error *err)
{
    char *host = http_url_host(url);

    free(host);
    if (!host)
        return error_set(err, ERROR_INVALID, "the URL must be http:// or https:// and a host");
    return 0;
}

int http_handle_start(struct http_handle *handle, struct error *err)
{
    struct http_transfer *transfer = handle->transfer;
    struct http_request *request = transfer->request;

    forget_answer(handle);
    if (handle->redirects == 0) {
        handle->http->counters.requests++;
        if (request->prepare && request->prepare(request, err)) {
            handle->told_by_caller = true;
            return -1;
        }
        if (transfer->state != HTTP_RUNNING)
            return 0; /* cancelled in there */
    }
    if (check_url(http_url(transfer), err) || set_headers(handle, err))
        return -1;
    curl_easy_setopt(handle->easy, CURLOPT_URL, http_url(transfer));
    curl_easy_setopt(handle->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)handle->timeouts.connect_ms);
    curl_easy_setopt(handle->easy, CURLOPT_FRESH_CONNECT, (long)request->fresh);
    set_method(handle);
    set_proxy(handle, http_url(transfer));
    http_transfer_enter(handle, HTTP_PHASE_CONNECTING);
    if (curl_multi_add_handle(handle->http->multi, handle->easy))
        return error_set(err, ERROR_INTERNAL, "libcurl does not take the request");
    return 0;
}
