/* What the files of runner/io/http share, and nobody else includes.
 *
 * http.c           the client, the queues, the turn in which all is decided
 * http_loop.c      curl's sockets and timer as handles of the loop
 * http_handle.c    a curl handle, used for one transfer after the other: options, headers
 * http_transfer.c  what curl calls: head, body, and the time-outs
 * http_body.c      what is sent
 * http_head.c      the head of an answer; http_answer.c: what callers ask of it
 * http_ca.c        whose certificates are believed
 * http_url.c       hosts and redirects
 * http_error.c     curl's codes as errors; log lines
 *
 * curl forbids most calls from within its callbacks, and our callers may do anything in theirs: all
 * of them record, and http_turn() alone adds, removes and resumes transfers and calls `done`. */
#ifndef RUNNER_IO_HTTP_PRIVATE_H
#define RUNNER_IO_HTTP_PRIVATE_H

#include "runner/base/buffer.h"
#include "runner/base/log.h"
#include "runner/io/http.h"
#include "runner/io/http_head.h"
#include "runner/io/timer.h"

#include <curl/curl.h>

struct http_handle;

struct http_transfer_list {
    struct http_transfer *first, *last;
};

/* A scheme, name and port: "https://bucket.example.com", "http://localhost:8333". */
struct http_host {
    char *name;
    unsigned transfers; /* of this host, in any state */
    unsigned running;
    struct http_transfer_list waiting;
    struct http_host *next;
};

enum http_state {
    HTTP_WAITING, /* in its host's queue */
    HTTP_RUNNING, /* in curl's hands */
    HTTP_ENDING,  /* in the client's list of those: the next turn decides how it goes on */
};

struct http_transfer {
    struct http_request *request;
    struct http_host *host;
    struct http_handle *handle; /* NULL: was never out of the queue */
    struct http_transfer *previous, *next;
    enum http_state state;
    CURLcode result; /* once it is ENDING */
    uint64_t queued_ns;
};

/* What must come next; each has its time-out. */
enum http_phase {
    HTTP_PHASE_QUEUED, /* a redirect that waits for the other host */
    HTTP_PHASE_CONNECTING,
    HTTP_PHASE_SENDING,
    HTTP_PHASE_AWAITING,
    HTTP_PHASE_RECEIVING,
};

struct http_handle {
    CURL *easy;
    struct http *http;
    struct http_transfer *transfer; /* NULL: idle */
    struct http_handle *next;       /* of the idle ones */
    struct http_handle *next_resumed;
    bool resumed;

    /* what goes out */
    struct buffer text; /* of the header lines */
    struct curl_slist *lines;
    size_t line_capacity;
    char *url; /* of the redirect that is followed; NULL: the request's */
    unsigned redirects;
    bool foreign, bodyless; /* what redirects did to headers and body */
    uint64_t body_position;

    /* what comes back */
    struct http_head head, trailers;
    bool redirecting; /* this answer is one: its body is dropped */
    uint64_t dropped_bytes;
    bool read_paused, write_paused;
    bool socket_opened; /* for this transfer */

    /* time */
    struct timer timer;
    struct http_timeouts timeouts; /* none is 0 but total_ms */
    enum http_phase phase;
    uint64_t started_ns, phase_ns; /* out of the queue; the phase's start or its last byte */
    uint64_t armed_ns;             /* when the timer fires */

    struct error err;
    bool
        told_by_caller; /* `err` is a hook's, in words of its own: the request is not named again */
    char curl_message[CURL_ERROR_SIZE];
};

struct http_socket;

struct http {
    struct loop *loop;
    struct log *log;
    char *ca_file, *user_agent; /* ca_file NULL: there is none but curl's */
    const char *http_proxy;     /* $HTTP_PROXY, where curl does not look; NULL: none */
    size_t buffer_bytes;
    unsigned connections;

    CURLM *multi;
    struct timer curl_timer;
    struct timer soon; /* a turn is due */
    struct http_socket **sockets;
    size_t socket_capacity;

    struct http_host *hosts;
    struct http_transfer_list ending;
    struct http_handle *idle, *resumed;
    struct http_transfer *finishing; /* the one whose `done` is being called */
    struct http_counters counters;
    unsigned open_handles; /* of the loop */
    bool in_turn, freed;
};

/* --- http.c --- */

/* From a callback of the loop: decides on all that was recorded. */
void http_turn(struct http *http);

/* From anywhere: http_turn() at the next turn of the loop. */
void http_turn_soon(struct http *http);

/* Ends a transfer that is not ENDING, from anywhere; handle->err is set unless curl's result says
 * it all. */
void http_end(struct http_transfer *transfer, CURLcode result);

/* A handle of the loop is closed; the last one of a freed client takes the client with it. */
void http_handle_closed(struct http *http);

/* --- http_loop.c --- */

void http_loop_init(struct http *http);   /* after `multi` is made */
void http_loop_deinit(struct http *http); /* after `multi` is gone */

/* Makes and closes curl's sockets, so that each has one poll handle as long as it lives. */
curl_socket_t http_open_socket(
    void *http_handle, curlsocktype purpose, struct curl_sockaddr *address);
int http_close_socket(void *http, curl_socket_t fd);

/* --- http_handle.c --- */

struct http_handle *http_handle_take(struct http_transfer *transfer);
void http_handle_give_back(struct http_handle *handle);
void http_handle_free(struct http_handle *handle); /* an idle one */

/* Sets what this request needs and gives it to curl. */
int http_handle_start(struct http_handle *handle, struct error *err);

/* After an answer that is a redirect: where to go now, and with what. */
int http_handle_redirect(struct http_handle *handle, struct error *err);

const char *http_method(const struct http_transfer *transfer); /* after redirects */
const char *http_url(const struct http_transfer *transfer);

/* --- http_transfer.c --- */

void http_transfer_set_callbacks(struct http_handle *handle);
bool http_transfer_goes_on(const struct http_handle *handle); /* nobody ended it */
void http_transfer_enter(struct http_handle *handle, enum http_phase phase);
void http_transfer_byte(struct http_handle *handle); /* one came or went: no stall */
void http_transfer_resume(struct http_handle *handle);

/* --- http_body.c --- */

void http_body_set(struct http_handle *handle);
bool http_body_is_sent(const struct http_handle *handle);

/* --- http_ca.c --- */

/* Sets http->ca_file; checks one that was named. */
int http_choose_ca_file(struct http *http, const char *asked, struct error *err);

/* --- http_url.c --- */

/* The host's name as above, malloc'd; NULL where it is no HTTP URL. */
char *http_url_host(const char *url);

/* Where a Location leads, malloc'd, and whether that is another host. */
int http_url_redirect(
    const char *from, const char *location, char **ret_url, bool *ret_foreign, struct error *err);

/* --- http_error.c --- */

/* How the transfer ended: 0 when well. */
int http_outcome(const struct http_transfer *transfer, struct error *err);

/* Names the host in front of the message, unless a hook wrote it. */
void http_error_prefix(const struct http_transfer *transfer, struct error *err);

void http_log_done(const struct http_transfer *transfer, const struct error *err);

#endif
