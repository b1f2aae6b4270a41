/* HTTP/1.1 on the loop: libcurl's multi interface behind one request struct. Part of the network
 * module (connectors/net): only what is in that module may call it.
 *
 * Requests to one host (scheme, name and port) beyond `connections` wait in a queue of ours, in the
 * order of their start; no time-out runs and nothing is signed before a request leaves it. A
 * connection is used again while it is young; handles always are.
 *
 * An answer is no error here, whatever its status: the caller judges it. Errors are what kept an
 * answer from coming whole, as one line that begins with the host ("https://h:8443: ") and never
 * has the query (it may hold a signature): ERROR_TIMEOUT, ERROR_IO (class TRANSIENT where trying
 * again makes sense: reset, refused, short body, name not found for now), ERROR_DENIED (a
 * certificate that is not to be trusted: permanent), ERROR_LIMIT, ERROR_STOPPED; `detail` is
 * libcurl's code. What `prepare`, `head`, `read` and `write` say is handed on as they said it. */
#ifndef RUNNER_IO_HTTP_H
#define RUNNER_IO_HTTP_H

#include "runner/base/error.h"
#include "runner/io/loop.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct http;
struct http_request;
struct log;

enum {
    HTTP_CONNECTIONS_MAX = 10000,
    HTTP_HEAD_BYTES_MAX = 64 * 1024, /* all headers of an answer; more is ERROR_LIMIT */
};

struct http_options {
    struct loop *loop;
    struct log *log;        /* debug and trace lines in the scope "http"; NULL: none */
    unsigned connections;   /* at once to one host, 1 … HTTP_CONNECTIONS_MAX */
    const char *ca_file;    /* PEM; NULL: $SSL_CERT_FILE, then the system's */
    const char *user_agent; /* NULL: "sluice/VERSION" */
    size_t buffer_bytes;    /* of each transfer and direction: 16 KiB … 512 KiB; 0: 256 KiB */
};

/* ERROR_INVALID names a CA file that cannot be used. */
struct http *http_new(const struct http_options *options, struct error *err);

/* No request may be under way. Handles are closed by later turns of the loop. NULL is harmless. */
void http_free(struct http *http);

/* --- one request --- */

struct http_header {
    const char *name, *value;
};

/* 0 in a member: its default. */
struct http_timeouts {
    int64_t connect_ms;    /* name, TCP and TLS: 10 s */
    int64_t first_byte_ms; /* from the last byte sent to the first received: 60 s */
    int64_t stall_ms;      /* without a byte in either direction, where we do not pause: 30 s */
    int64_t total_ms;      /* from leaving the queue to the end: none */
};

enum http_body_kind { HTTP_BODY_NONE, HTTP_BODY_MEMORY, HTTP_BODY_FILE, HTTP_BODY_STREAM };

enum { HTTP_LENGTH_UNKNOWN = -1, HTTP_PAUSE = -2 };

/* The next bytes of a stream: how many (0: the end), HTTP_PAUSE (none now; http_resume() says when
 * to ask again) or -1 with err. */
typedef int64_t (*http_read_fn)(
    struct http_request *request, char *bytes, size_t size, struct error *err);

struct http_body {
    enum http_body_kind kind;
    int64_t length;    /* HTTP_LENGTH_UNKNOWN (STREAM only): sent chunked */
    const void *bytes; /* MEMORY: kept until `done` */
    int fd;            /* FILE: read with pread from `offset`; one that is shorter than `length`
                          is ERROR_CHANGED. Kept open until `done` */
    uint64_t offset;
    http_read_fn read; /* STREAM: cannot be sent twice on a new connection: ERROR_IO, transient */
};

/* All three on the loop, in this order, none after http_cancel(). */

/* The request leaves the queue: the moment to sign it. May set method, url, headers, body. -1 ends
 * it with err. */
typedef int (*http_prepare_fn)(struct http_request *request, struct error *err);

/* `status` and the headers of the final answer are known, its body is still to come. */
typedef int (*http_head_fn)(struct http_request *request, struct error *err);

/* Bytes of the body. 0: taken, all of them; HTTP_PAUSE: not now, the same bytes come again after
 * http_resume(); -1: ends the request with err. */
typedef int (*http_write_fn)(
    struct http_request *request, const char *bytes, size_t length, struct error *err);

/* Exactly once, on the loop, never from within http_start() or http_cancel(); err NULL when a whole
 * answer came, valid in the call. The request may be freed or started again in here. */
typedef void (*http_done_fn)(struct http_request *request, const struct error *err);

struct http_timing {    /* since the request left the queue; 0: did not come to it */
    int64_t queued_us;  /* in the queue */
    int64_t connect_us; /* until the connection stood; 0 also where one was used again */
    int64_t first_byte_us, total_us;
};

/* The caller owns it, with all that it points to, until `done`; zeroed but for the arguments. */
struct http_request {
    /* arguments */
    const char *method; /* "GET"; HEAD has no body in its answer */
    const char *url;    /* http:// or https://, encoded: goes out as it is, also "//" and ".." */
    const struct http_header *headers;
    size_t header_count;
    struct http_body body;
    struct http_timeouts timeouts;
    unsigned redirects_max;  /* 0: a 3xx is the answer. Never from https to http; Authorization,
                                Cookie and x-… headers do not follow to another host */
    bool no_proxy;           /* HTTP(S)_PROXY and NO_PROXY of the environment do not count */
    bool path_is_secret;     /* it is not logged */
    bool fresh;              /* on a connection of its own, not one that was used before */
    http_prepare_fn prepare; /* may be NULL, like the next two */
    http_head_fn head;
    http_write_fn write; /* NULL: the body is thrown away */
    http_done_fn done;

    /* results; bytes also while it runs */
    int status;     /* 0: no answer came */
    unsigned sends; /* how often it went out: curl sends it again where a connection that was kept
                       breaks before the first byte of an answer, done or not */
    uint64_t bytes_sent, bytes_received; /* of bodies */
    struct http_timing timing;

    struct http *http; /* http.c's own, as is the next */
    struct http_transfer *transfer;
};

void http_start(struct http *http, struct http_request *request);

/* Ends it soon, with ERROR_STOPPED; again, or when it is not under way, is harmless. */
void http_cancel(struct http_request *request);

/* After HTTP_PAUSE of `read` or `write`: ask again. Harmless otherwise; may be called in them. */
void http_resume(struct http_request *request);

/* A header of the final answer (of its trailers, too, at the end), by any case; the last of equal
 * names; NULL: not there. From `head` until `done` has returned. */
const char *http_response_header(const struct http_request *request, const char *name);

/* The headers one by one: false behind the last. */
bool http_response_header_at(
    const struct http_request *request, size_t index, struct http_header *ret_header);

/* --- what went on, since http_new() --- */

struct http_counters {
    uint64_t requests, connections, bytes_sent, bytes_received;
    unsigned running, waiting; /* now */
};

void http_counters(const struct http *http, struct http_counters *ret_counters);

#endif
