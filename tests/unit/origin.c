#include "tests/unit/origin.h"

#include "runner/base/buffer.h"
#include "runner/base/mem.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PIECE = 64 * 1024, CONNECTIONS_MAX = 1024, BODY_KEPT_MAX = 64 * 1024 * 1024 };

struct connection {
    struct origin *origin;
    pthread_t thread;
    unsigned number;
    int fd;
    SSL *ssl;
    struct buffer in; /* read ahead */
};

struct origin {
    struct origin_options options;
    SSL_CTX *tls;
    char url[64];
    unsigned port;
    int listener, wake[2];
    pthread_t acceptor;
    pthread_mutex_t mutex; /* for all below */
    struct connection *connections[CONNECTIONS_MAX];
    unsigned connection_count;
    struct origin_request **requests;
    size_t request_count, request_capacity;
    unsigned busy, busy_max;
    bool stopped;
};

/* --- bytes in and out --- */

static bool start_tls(struct connection *connection)
{
    connection->ssl = SSL_new(connection->origin->tls);
    SSL_set_fd(connection->ssl, connection->fd);
    return SSL_accept(connection->ssl) == 1;
}

static ssize_t receive(struct connection *connection, void *bytes, size_t size)
{
    if (connection->ssl)
        return SSL_read(connection->ssl, bytes, (int)size);
    return recv(connection->fd, bytes, size, 0);
}

static bool send_all(struct connection *connection, const char *bytes, size_t length)
{
    while (length > 0) {
        const ssize_t sent = connection->ssl ? SSL_write(connection->ssl, bytes, (int)length)
                                             : send(connection->fd, bytes, length, MSG_NOSIGNAL);

        if (sent <= 0)
            return false;
        bytes += sent;
        length -= (size_t)sent;
    }
    return true;
}

/* False where the client is gone. */
static bool read_more(struct connection *connection)
{
    char *room = buffer_reserve(&connection->in, PIECE);
    const ssize_t got = receive(connection, room, PIECE);

    if (got > 0)
        buffer_advance(&connection->in, (size_t)got);
    return got > 0;
}

static void drop(struct connection *connection, size_t length)
{
    memmove(connection->in.data, connection->in.data + length, connection->in.length - length);
    buffer_truncate(&connection->in, connection->in.length - length);
}

/* The next line with its end, malloc'd; NULL where there is none. */
static char *read_line(struct connection *connection)
{
    const char *end;
    size_t length;
    char *line;

    while (!(end = memchr(connection->in.data, '\n', connection->in.length))) {
        if (!read_more(connection))
            return NULL;
    }
    length = (size_t)(end + 1 - connection->in.data);
    line = mem_strndup(connection->in.data, length);
    drop(connection, length);
    return line;
}

static void wait_ms(struct connection *connection, unsigned ms)
{
    struct pollfd wake = {.fd = connection->origin->wake[0], .events = POLLIN};

    if (ms > 0)
        poll(&wake, 1, (int)ms);
}

/* Until the client goes, or the origin is stopped. */
static void hang(struct connection *connection)
{
    struct pollfd fds[] = {{.fd = connection->origin->wake[0], .events = POLLIN},
        {.fd = connection->fd, .events = POLLRDHUP}};

    poll(fds, 2, -1);
}

/* --- requests --- */

static bool read_head(struct connection *connection, struct origin_request *request)
{
    struct buffer head;
    char *line, *rest;
    bool empty = false;

    buffer_init(&head, 0);
    while (!empty && (line = read_line(connection))) {
        empty = strcmp(line, "\r\n") == 0;
        buffer_puts(&head, line);
        free(line);
    }
    request->head = buffer_steal(&head);
    request->method = mem_strndup(request->head, strcspn(request->head, " "));
    rest = request->head + strlen(request->method);
    rest += *rest == ' ';
    request->target = mem_strndup(rest, strcspn(rest, " \r"));
    return empty;
}

static char *find_header(const struct origin_request *request, const char *name)
{
    const size_t length = strlen(name);

    for (char *line = request->head; line && *line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncasecmp(line, name, length) == 0 && line[length] == ':')
            return line + length + 1 + strspn(line + length + 1, " ");
    }
    return NULL;
}

/* Reads `length` bytes into the body; false where they do not all come. */
static bool read_bytes(struct connection *connection, struct buffer *body, uint64_t length)
{
    while (length > 0) {
        const size_t part = MIN(length, connection->in.length);

        if (part == 0 && !read_more(connection))
            return false;
        if (body->length + part <= BODY_KEPT_MAX)
            buffer_append(body, connection->in.data, part);
        drop(connection, part);
        length -= part;
    }
    return true;
}

static bool read_chunks(struct connection *connection, struct buffer *body)
{
    uint64_t length = 1;

    while (length > 0) {
        char *line = read_line(connection);
        char *end;

        length = line ? strtoull(line, NULL, 16) : 0;
        free(line);
        if (!line || !read_bytes(connection, body, length))
            return false;
        end = read_line(connection);
        free(end);
        if (!end)
            return false;
    }
    return true;
}

static void read_body(struct connection *connection, struct origin_request *request,
    const struct origin_answer *answer)
{
    const char *length = find_header(request, "Content-Length");
    const char *coding = find_header(request, "Transfer-Encoding");
    uint64_t wanted = length ? strtoull(length, NULL, 10) : 0;
    struct buffer body;

    buffer_init(&body, 0);
    wait_ms(connection, answer->read_delay_ms);
    if (answer->read_at_most > 0)
        wanted = MIN(wanted, answer->read_at_most);
    if (coding && strncasecmp(coding, "chunked", 7) == 0)
        request->whole = read_chunks(connection, &body);
    else
        request->whole = read_bytes(connection, &body, wanted);
    request->body_length = body.length;
    free(request->body);
    request->body = buffer_steal(&body);
}

static struct origin_request *new_request(struct connection *connection)
{
    struct origin_request *request = mem_new(struct origin_request);

    request->connection = connection->number;
    request->body = mem_strdup("");
    return request;
}

static void free_request(struct origin_request *request)
{
    free(request->method);
    free(request->target);
    free(request->head);
    free(request->body);
    free(request);
}

/* Keeps it, and finds what to answer. */
static void enter(
    struct origin *origin, struct origin_request *request, struct origin_answer *ret_answer)
{
    pthread_mutex_lock(&origin->mutex);
    origin->requests = mem_grow(origin->requests, &origin->request_capacity, origin->request_count,
        sizeof(struct origin_request *));
    origin->requests[origin->request_count++] = request;
    origin->busy++;
    origin->busy_max = MAX(origin->busy, origin->busy_max);
    if (origin->options.answer_count > 0)
        *ret_answer =
            origin->options
                .answers[MIN(origin->request_count - 1, origin->options.answer_count - 1)];
    pthread_mutex_unlock(&origin->mutex);
}

static void leave(struct origin *origin)
{
    pthread_mutex_lock(&origin->mutex);
    origin->busy--;
    pthread_mutex_unlock(&origin->mutex);
}

/* --- answers --- */

static bool send_pieces(struct connection *connection, const struct origin_answer *answer,
    const char *bytes, uint64_t length)
{
    const size_t piece = answer->piece_bytes ? answer->piece_bytes : PIECE;

    while (length > 0) {
        const size_t part = MIN(length, piece);

        if (!send_all(connection, bytes, part))
            return false;
        wait_ms(connection, answer->piece_delay_ms);
        bytes += part;
        length -= part;
    }
    return true;
}

static bool send_fill(
    struct connection *connection, const struct origin_answer *answer, uint64_t length)
{
    enum { PERIOD = 23 };
    char *bytes = mem_calloc(1, PIECE + PERIOD);
    uint64_t sent = 0;
    bool alive = true;

    for (size_t i = 0; i < PIECE + PERIOD; i++)
        bytes[i] = origin_fill(i);
    while (alive && sent < length) {
        const uint64_t part = MIN(length - sent, (uint64_t)PIECE);

        alive = send_pieces(connection, answer, bytes + sent % PERIOD, part);
        sent += part;
    }
    free(bytes);
    return alive;
}

static bool send_answer(struct connection *connection, const struct origin_answer *answer)
{
    const uint64_t all = answer->cut_after ? answer->cut_after : UINT64_MAX;
    uint64_t length = answer->length;

    wait_ms(connection, answer->delay_ms);
    if (answer->bytes && !length)
        length = strlen(answer->bytes);
    if (!send_pieces(connection, answer, answer->bytes, MIN(length, all)))
        return false;
    return all <= length || send_fill(connection, answer, MIN(answer->fill_bytes, all - length));
}

/* Whether another request may come. */
static bool serve(struct connection *connection)
{
    struct origin *origin = connection->origin;
    struct origin_request *request = new_request(connection);
    struct origin_answer answer = {0};
    bool alive;

    if (!read_head(connection, request)) {
        free_request(request);
        return false;
    }
    enter(origin, request, &answer);
    if (origin->options.answer) { /* sees the body, too */
        read_body(connection, request, &answer);
        origin->options.answer(origin->options.data, request, &answer);
    } else if (!answer.ignore_body) {
        read_body(connection, request, &answer);
    }
    alive = send_answer(connection, &answer);
    if (alive && answer.start_tls)
        alive = start_tls(connection);
    if (alive && answer.end == ORIGIN_HANG)
        hang(connection);
    leave(origin);
    if (answer.end == ORIGIN_RESET) {
        const struct linger now = {.l_onoff = 1, .l_linger = 0};

        setsockopt(connection->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    }
    return alive && answer.end == ORIGIN_KEEP;
}

/* --- connections --- */

static void *run_connection(void *data)
{
    struct connection *connection = data;
    struct origin *origin = connection->origin;
    bool alive = true;
    SSL *ssl;

    buffer_init(&connection->in, 0);
    if (origin->tls && !origin->options.plain_first)
        alive = start_tls(connection);
    while (alive)
        alive = serve(connection);
    ssl = connection->ssl;
    if (ssl)
        SSL_shutdown(ssl);
    SSL_free(ssl);
    buffer_deinit(&connection->in);
    pthread_mutex_lock(&origin->mutex); /* origin_stop() may be about to use it */
    close(connection->fd);
    connection->fd = -1;
    pthread_mutex_unlock(&origin->mutex);
    return NULL;
}

static void take_connection(struct origin *origin, int fd)
{
    const struct linger now = {.l_onoff = 1, .l_linger = 0};
    struct connection *connection = mem_new(struct connection);
    const int on = 1;
    bool reset;

    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    pthread_mutex_lock(&origin->mutex);
    assert(origin->connection_count < CONNECTIONS_MAX);
    connection->origin = origin;
    connection->fd = fd;
    reset = origin->connection_count < origin->options.reset_connections;
    origin->connections[origin->connection_count++] = connection;
    connection->number = origin->connection_count;
    if (reset) {
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
        close(fd);
        connection->fd = -1;
    } else {
        pthread_create(&connection->thread, NULL, run_connection, connection);
    }
    pthread_mutex_unlock(&origin->mutex);
}

static void *run_acceptor(void *data)
{
    struct origin *origin = data;
    struct pollfd fds[] = {
        {.fd = origin->listener, .events = POLLIN}, {.fd = origin->wake[0], .events = POLLIN}};

    for (;;) {
        int fd;

        poll(fds, 2, -1);
        if (fds[1].revents)
            return NULL;
        fd = accept4(origin->listener, NULL, NULL, SOCK_CLOEXEC);
        if (fd >= 0)
            take_connection(origin, fd);
    }
}

/* --- life --- */

static SSL_CTX *make_tls(const struct origin_options *options)
{
    SSL_CTX *tls = SSL_CTX_new(TLS_server_method());

    if (SSL_CTX_use_certificate_chain_file(tls, options->certificate) != 1 ||
        SSL_CTX_use_PrivateKey_file(tls, options->key, SSL_FILETYPE_PEM) != 1)
        abort();
    return tls;
}

struct origin *origin_start(const struct origin_options *options)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    struct origin *origin = mem_new(struct origin);

    signal(SIGPIPE, SIG_IGN); /* OpenSSL writes where nobody listens any more */
    origin->options = *options;
    if (options->certificate)
        origin->tls = make_tls(options);
    origin->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(origin->listener, (struct sockaddr *)&address, size) ||
        listen(origin->listener, CONNECTIONS_MAX) ||
        getsockname(origin->listener, (struct sockaddr *)&address, &size) || pipe(origin->wake))
        abort();
    origin->port = ntohs(address.sin_port);
    snprintf(origin->url, sizeof(origin->url), "%s://127.0.0.1:%u",
        origin->tls && !options->plain_first ? "https" : "http", origin->port);
    pthread_mutex_init(&origin->mutex, NULL);
    pthread_create(&origin->acceptor, NULL, run_acceptor, origin);
    return origin;
}

static void end_connection(struct origin *origin, struct connection *connection)
{
    const bool running = connection->thread != 0;

    pthread_mutex_lock(&origin->mutex);
    if (connection->fd >= 0)
        shutdown(connection->fd, SHUT_RDWR);
    pthread_mutex_unlock(&origin->mutex);
    if (running)
        pthread_join(connection->thread, NULL);
    free(connection);
}

void origin_stop(struct origin *origin)
{
    if (write(origin->wake[1], "", 1) != 1)
        abort();
    pthread_join(origin->acceptor, NULL);
    for (unsigned i = 0; i < origin->connection_count; i++)
        end_connection(origin, origin->connections[i]);
    for (size_t i = 0; i < origin->request_count; i++)
        free_request(origin->requests[i]);
    free(origin->requests);
    close(origin->listener);
    close(origin->wake[0]);
    close(origin->wake[1]);
    SSL_CTX_free(origin->tls);
    pthread_mutex_destroy(&origin->mutex);
    free(origin);
}

/* --- questions --- */

unsigned origin_port(const struct origin *origin)
{
    return origin->port;
}

const char *origin_url(const struct origin *origin)
{
    return origin->url;
}

size_t origin_request_count(struct origin *origin)
{
    size_t count;

    pthread_mutex_lock(&origin->mutex);
    count = origin->request_count;
    pthread_mutex_unlock(&origin->mutex);
    return count;
}

const struct origin_request *origin_request(struct origin *origin, size_t index)
{
    const struct origin_request *request;

    pthread_mutex_lock(&origin->mutex);
    assert(index < origin->request_count);
    request = origin->requests[index];
    pthread_mutex_unlock(&origin->mutex);
    return request;
}

bool origin_request_has(const struct origin_request *request, const char *header_line)
{
    char *line = mem_printf("\n%s\r\n", header_line);
    const bool has = strcasestr(request->head, line);

    free(line);
    return has;
}

unsigned origin_connection_count(struct origin *origin)
{
    unsigned count;

    pthread_mutex_lock(&origin->mutex);
    count = origin->connection_count;
    pthread_mutex_unlock(&origin->mutex);
    return count;
}

unsigned origin_busy_max(struct origin *origin)
{
    unsigned count;

    pthread_mutex_lock(&origin->mutex);
    count = origin->busy_max;
    pthread_mutex_unlock(&origin->mutex);
    return count;
}
