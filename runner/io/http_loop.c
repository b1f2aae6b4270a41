/* https://curl.se/libcurl/c/libcurl-multi.html, "multi_socket": curl says which sockets it waits
 * for and how long, we say what came. */
#include "runner/base/mem.h"
#include "runner/io/http_private.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FAILURES_MAX = 3 };

/* One for each descriptor that curl waits for. curl lets go of a kept-alive connection after each
 * request and takes it up again for the next: a socket that we opened keeps its poll handle until
 * it is closed; those of curl's own (its resolver's) come and go without notice. */
struct http_socket {
    uv_poll_t poll;
    struct http *http;
    curl_socket_t fd;
    int events;        /* that curl waits for; 0: none */
    unsigned failures; /* in a row */
    bool ours;
};

static struct http_socket *socket_find(const struct http *http, curl_socket_t fd)
{
    return (size_t)fd < http->socket_capacity ? http->sockets[fd] : NULL;
}

static void grow_sockets(struct http *http, curl_socket_t fd)
{
    const size_t capacity = MAX((size_t)fd + 1, 2 * http->socket_capacity);

    if ((size_t)fd < http->socket_capacity)
        return;
    http->sockets = mem_realloc(http->sockets, capacity, sizeof(struct http_socket *));
    memset(http->sockets + http->socket_capacity, 0,
        (capacity - http->socket_capacity) * sizeof(struct http_socket *));
    http->socket_capacity = capacity;
}

static void on_socket_closed(uv_handle_t *handle)
{
    struct http_socket *socket = container_of((uv_poll_t *)handle, struct http_socket, poll);

    http_handle_closed(socket->http);
    free(socket);
}

static void socket_close(struct http_socket *socket)
{
    socket->http->sockets[socket->fd] = NULL;
    uv_close((uv_handle_t *)&socket->poll, on_socket_closed);
}

static struct http_socket *socket_new(struct http *http, curl_socket_t fd, bool ours)
{
    struct http_socket *socket = socket_find(http, fd);

    /* curl does not say so when it closes a socket whose connection does not stand yet, such as
     * that of a request that is cancelled. */
    if (socket)
        socket_close(socket);
    socket = mem_new(struct http_socket);
    if (uv_poll_init_socket(&http->loop->uv, &socket->poll, fd)) {
        free(socket);
        return NULL;
    }
    grow_sockets(http, fd);
    http->sockets[fd] = socket;
    http->open_handles++;
    socket->http = http;
    socket->fd = fd;
    socket->ours = ours;
    return socket;
}

curl_socket_t http_open_socket(
    void *http_handle, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct http_handle *handle = http_handle;
    const curl_socket_t fd = socket(
        address->family, address->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, address->protocol);

    (void)purpose;
    if (fd < 0)
        return CURL_SOCKET_BAD;
    if (!socket_new(handle->http, fd, true)) {
        close(fd);
        return CURL_SOCKET_BAD;
    }
    handle->socket_opened = true;
    return fd;
}

int http_close_socket(void *http, curl_socket_t fd)
{
    struct http_socket *socket = socket_find(http, fd);

    if (socket)
        socket_close(socket);
    return close(fd);
}

/* --- what the loop says --- */

static void on_poll(uv_poll_t *poll, int status, int events);

static void watch(struct http_socket *socket)
{
    if (socket->events)
        uv_poll_start(&socket->poll, socket->events, on_poll);
    else
        uv_poll_stop(&socket->poll);
}

/* A connection that broke may hold the server's last words, and curl reads them, and the reason,
 * only when it is told that there is something to read. */
static int flags_of_failure(struct http_socket *socket)
{
    return ++socket->failures > FAILURES_MAX ? CURL_CSELECT_ERR
                                             : CURL_CSELECT_IN | CURL_CSELECT_OUT;
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct http_socket *socket = container_of(poll, struct http_socket, poll);
    struct http *http = socket->http;
    const curl_socket_t fd = socket->fd;
    int flags = 0, running;

    if (status < 0)
        flags = flags_of_failure(socket);
    else
        socket->failures = 0;
    if (events & UV_READABLE)
        flags |= CURL_CSELECT_IN;
    if (events & UV_WRITABLE)
        flags |= CURL_CSELECT_OUT;
    curl_multi_socket_action(http->multi, fd, flags, &running);
    if (status < 0 && socket_find(http, fd) == socket)
        watch(socket); /* the loop stopped to */
    http_turn(http);
}

static void on_curl_timer(struct timer *timer)
{
    struct http *http = container_of(timer, struct http, curl_timer);
    int running;

    curl_multi_socket_action(http->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    http_turn(http);
}

/* --- what curl says --- */

static int watch_socket(CURL *easy, curl_socket_t fd, int what, void *user, void *unused)
{
    struct http *http = user;
    struct http_socket *socket = socket_find(http, fd);

    (void)easy;
    (void)unused;
    if (!socket && what != CURL_POLL_REMOVE)
        socket = socket_new(http, fd, false);
    if (!socket)
        return 0; /* where the loop cannot watch it, the transfer's time-out ends it */
    socket->events = 0;
    if (what == CURL_POLL_IN || what == CURL_POLL_INOUT)
        socket->events |= UV_READABLE;
    if (what == CURL_POLL_OUT || what == CURL_POLL_INOUT)
        socket->events |= UV_WRITABLE;
    if (what == CURL_POLL_REMOVE && !socket->ours)
        socket_close(socket);
    else
        watch(socket);
    return 0;
}

/* curl must not be called from here: 0 means the next turn. */
static int set_timer(CURLM *multi, long timeout_ms, void *user)
{
    struct http *http = user;

    (void)multi;
    if (http->freed)
        return 0;
    if (timeout_ms < 0)
        timer_stop(&http->curl_timer);
    else
        timer_start(&http->curl_timer, (uint64_t)timeout_ms, 0, on_curl_timer);
    return 0;
}

/* --- life --- */

static void on_curl_timer_closed(struct timer *timer)
{
    http_handle_closed(container_of(timer, struct http, curl_timer));
}

static void on_soon_closed(struct timer *timer)
{
    http_handle_closed(container_of(timer, struct http, soon));
}

void http_loop_init(struct http *http)
{
    timer_init(&http->curl_timer, http->loop);
    timer_init(&http->soon, http->loop);
    http->open_handles = 2;
    curl_multi_setopt(http->multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
    curl_multi_setopt(http->multi, CURLMOPT_SOCKETDATA, http);
    curl_multi_setopt(http->multi, CURLMOPT_TIMERFUNCTION, set_timer);
    curl_multi_setopt(http->multi, CURLMOPT_TIMERDATA, http);
    /* How many may stay open between requests, to all hosts together. */
    curl_multi_setopt(http->multi, CURLMOPT_MAXCONNECTS, (long)http->connections + 32);
}

void http_loop_deinit(struct http *http)
{
    for (size_t i = 0; i < http->socket_capacity; i++) {
        if (http->sockets[i])
            socket_close(http->sockets[i]);
    }
    timer_close(&http->curl_timer, on_curl_timer_closed);
    timer_close(&http->soon, on_soon_closed);
}
