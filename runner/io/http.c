#include "runner/base/mem.h"
#include "runner/base/time.h"
#include "runner/io/http_private.h"

#include <assert.h>
#include <string.h>

enum {
    BUFFER_BYTES = 256 * 1024,
    BUFFER_BYTES_MIN = 16 * 1024,
    BUFFER_BYTES_MAX = 512 * 1024,
};

/* --- lists --- */

static void list_append(struct http_transfer_list *list, struct http_transfer *transfer)
{
    transfer->previous = list->last;
    transfer->next = NULL;
    *(list->last ? &list->last->next : &list->first) = transfer;
    list->last = transfer;
}

static void list_prepend(struct http_transfer_list *list, struct http_transfer *transfer)
{
    transfer->previous = NULL;
    transfer->next = list->first;
    *(list->first ? &list->first->previous : &list->last) = transfer;
    list->first = transfer;
}

static void list_remove(struct http_transfer_list *list, struct http_transfer *transfer)
{
    *(transfer->previous ? &transfer->previous->next : &list->first) = transfer->next;
    *(transfer->next ? &transfer->next->previous : &list->last) = transfer->previous;
}

/* --- hosts and their queues --- */

static struct http_host *host_find(struct http *http, char *name)
{
    struct http_host *host = http->hosts;

    while (host && strcmp(host->name, name) != 0)
        host = host->next;
    if (host) {
        free(name);
        return host;
    }
    host = mem_new(struct http_host);
    host->name = name;
    host->next = http->hosts;
    http->hosts = host;
    return host;
}

static void set_host(struct http_transfer *transfer, char *name)
{
    if (transfer->host)
        transfer->host->transfers--;
    transfer->host = host_find(transfer->request->http, name);
    transfer->host->transfers++;
}

static void enqueue(struct http_transfer *transfer, bool in_front)
{
    struct http *http = transfer->request->http;

    transfer->state = HTTP_WAITING;
    (in_front ? list_prepend : list_append)(&transfer->host->waiting, transfer);
    http->counters.waiting++;
}

static void dequeue(struct http_transfer *transfer)
{
    list_remove(&transfer->host->waiting, transfer);
    transfer->request->http->counters.waiting--;
}

/* From here on it takes one of its host's connections. */
static void leave_queue(struct http_transfer *transfer)
{
    struct http *http = transfer->request->http;
    struct error err;

    dequeue(transfer);
    transfer->state = HTTP_RUNNING;
    transfer->host->running++;
    http->counters.running++;
    if (!transfer->handle)
        http_handle_take(transfer);
    if (http_handle_start(transfer->handle, &err) && transfer->state == HTTP_RUNNING) {
        transfer->handle->err = err;
        http_end(transfer, CURLE_OK);
    }
}

static void start_waiting(struct http *http)
{
    for (struct http_host *host = http->hosts; host; host = host->next) {
        while (host->waiting.first && host->running < http->connections)
            leave_queue(host->waiting.first);
    }
}

static void remove_idle_hosts(struct http *http)
{
    struct http_host **link = &http->hosts;

    while (*link) {
        struct http_host *host = *link;

        if (host->transfers > 0) {
            link = &host->next;
            continue;
        }
        *link = host->next;
        free(host->name);
        free(host);
    }
}

/* --- the end of a transfer --- */

void http_end(struct http_transfer *transfer, CURLcode result)
{
    assert(transfer->state != HTTP_ENDING);
    if (transfer->state == HTTP_RUNNING) {
        transfer->host->running--;
        transfer->request->http->counters.running--;
    } else {
        dequeue(transfer);
    }
    transfer->state = HTTP_ENDING;
    transfer->result = result;
    list_append(&transfer->request->http->ending, transfer);
    http_turn_soon(transfer->request->http);
}

/* True when it goes on, to where the answer points. */
static bool follow_redirect(struct http_transfer *transfer, struct error *err)
{
    struct http_handle *handle = transfer->handle;
    char *host;

    if (!handle || !handle->redirecting || err->code)
        return false;
    if (http_handle_redirect(handle, err))
        return false;
    host = http_url_host(handle->url);
    assert(host); /* http_handle_redirect() saw to it */
    set_host(transfer, host);
    http_transfer_enter(handle, HTTP_PHASE_QUEUED);
    enqueue(transfer, true);
    return true;
}

static void set_timing(const struct http_transfer *transfer)
{
    if (transfer->handle)
        transfer->request->timing.total_us =
            (int64_t)(time_monotonic_ns() - transfer->handle->started_ns) / 1000;
}

/* Calls `done`, after which the request may be gone. */
static void finish(struct http_transfer *transfer, struct error *err)
{
    struct http_request *request = transfer->request;
    struct http *http = request->http;

    set_timing(transfer);
    if (err->code)
        http_error_prefix(transfer, err);
    http_log_done(transfer, err);
    request->transfer = NULL;
    http->finishing = transfer;
    request->done(request, err->code ? err : NULL);
    http->finishing = NULL;
    if (transfer->handle)
        http_handle_give_back(transfer->handle);
    transfer->host->transfers--;
    free(transfer);
}

static void finish_ending(struct http *http)
{
    struct http_transfer *transfer, *next;

    /* What ends from here on is for the next turn: somebody whose every request fails at once must
     * not keep the loop from its other work. */
    transfer = http->ending.first;
    http->ending = (struct http_transfer_list){0};
    for (; transfer; transfer = next) {
        struct error err = {0};

        next = transfer->next;
        if (transfer->handle)
            curl_multi_remove_handle(http->multi, transfer->handle->easy);
        http_outcome(transfer, &err);
        if (!follow_redirect(transfer, &err))
            finish(transfer, &err);
    }
}

/* --- the turn --- */

static void collect_results(struct http *http)
{
    const CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(http->multi, &left))) {
        struct http_handle *handle = NULL;

        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &handle);
        if (handle->transfer->state == HTTP_RUNNING)
            http_end(handle->transfer, message->data.result);
    }
}

static void resume_paused(struct http *http)
{
    struct http_handle *handle = http->resumed;

    http->resumed = NULL; /* one that pauses again at once may be resumed again at once */
    while (handle) {
        struct http_handle *next = handle->next_resumed;

        handle->resumed = false;
        if (handle->transfer->state == HTTP_RUNNING)
            http_transfer_resume(handle);
        handle = next;
    }
}

static void destroy(struct http *http)
{
    while (http->idle) {
        struct http_handle *handle = http->idle;

        http->idle = handle->next;
        http_handle_free(handle);
    }
    if (http->multi)
        curl_multi_cleanup(http->multi);
    http_loop_deinit(http);
}

void http_turn(struct http *http)
{
    assert(!http->in_turn);
    http->in_turn = true;
    resume_paused(http);
    collect_results(http);
    finish_ending(http);
    start_waiting(http);
    remove_idle_hosts(http);
    http->in_turn = false;
    if (http->ending.first || http->resumed)
        http_turn_soon(http);
    if (http->freed)
        destroy(http);
}

static void on_soon(struct timer *timer)
{
    http_turn(container_of(timer, struct http, soon));
}

void http_turn_soon(struct http *http)
{
    if (!timer_active(&http->soon))
        timer_start(&http->soon, 0, 0, on_soon);
}

/* --- the client's life --- */

void http_handle_closed(struct http *http)
{
    if (--http->open_handles > 0)
        return;
    assert(http->freed && !http->hosts);
    curl_global_cleanup();
    free(http->sockets);
    free(http->ca_file);
    free(http->user_agent);
    free(http);
}

struct http *http_new(const struct http_options *options, struct error *err)
{
    struct http *http;

    assert(options->connections >= 1 && options->connections <= HTTP_CONNECTIONS_MAX);
    if (curl_global_init(CURL_GLOBAL_DEFAULT)) {
        error_set(err, ERROR_NO_MEMORY, "libcurl cannot be initialised");
        return NULL;
    }
    http = mem_new(struct http);
    http->loop = options->loop;
    http->log = options->log;
    http->connections = options->connections;
    http->buffer_bytes = options->buffer_bytes ? options->buffer_bytes : BUFFER_BYTES;
    assert(http->buffer_bytes >= BUFFER_BYTES_MIN && http->buffer_bytes <= BUFFER_BYTES_MAX);
    http->user_agent =
        mem_strdup(options->user_agent ? options->user_agent : "sluice/" SLUICE_VERSION);
    if (!getenv("http_proxy") && !getenv("REQUEST_METHOD")) /* CGI: a header of the client's */
        http->http_proxy = getenv("HTTP_PROXY");
    http->multi = curl_multi_init();
    http_loop_init(http);
    if (!http->multi)
        error_set(err, ERROR_NO_MEMORY, "libcurl has no memory for its handles");
    if (!http->multi || http_choose_ca_file(http, options->ca_file, err)) {
        http_free(http);
        return NULL;
    }
    return http;
}

void http_free(struct http *http)
{
    if (!http)
        return;
    http->freed = true;
    if (http->in_turn)
        return; /* in the `done` of the last request: destroyed at the end of the turn */
    remove_idle_hosts(http);
    assert(!http->hosts && !http->ending.first); /* no request is under way */
    destroy(http);
}

/* --- requests --- */

void http_start(struct http *http, struct http_request *request)
{
    struct http_transfer *transfer = mem_new(struct http_transfer);
    char *host = http_url_host(request->url);

    assert(!request->transfer && request->method && request->done && !http->freed);
    request->http = http;
    request->transfer = transfer;
    request->status = 0;
    request->sends = 0;
    request->bytes_sent = request->bytes_received = 0;
    request->timing = (struct http_timing){0};
    transfer->request = request;
    transfer->queued_ns = time_monotonic_ns();
    set_host(transfer, host ? host : mem_strdup("?")); /* refused when it leaves the queue */
    enqueue(transfer, false);
    http_turn_soon(http);
}

void http_cancel(struct http_request *request)
{
    struct http_transfer *transfer = request->transfer;
    struct error stopped;

    if (!transfer)
        return;
    error_set(&stopped, ERROR_STOPPED, "cancelled");
    if (transfer->handle && (transfer->state != HTTP_ENDING || transfer->handle->redirecting))
        error_keep_first(&transfer->handle->err, &stopped);
    if (transfer->state != HTTP_ENDING)
        http_end(transfer, CURLE_OK);
}

void http_resume(struct http_request *request)
{
    struct http_handle *handle = request->transfer ? request->transfer->handle : NULL;

    if (!handle || handle->resumed || request->transfer->state != HTTP_RUNNING)
        return;
    handle->resumed = true;
    handle->next_resumed = handle->http->resumed;
    handle->http->resumed = handle;
    http_turn_soon(handle->http);
}

/* --- what went on --- */

void http_counters(const struct http *http, struct http_counters *ret_counters)
{
    *ret_counters = http->counters;
}
