/* What the tests of runner/io/http share: a client on a loop, and calls that keep what came. */
#ifndef TESTS_UNIT_HTTP_FIXTURE_H
#define TESTS_UNIT_HTTP_FIXTURE_H

#include "runner/base/buffer.h"
#include "runner/base/time.h"
#include "runner/io/http.h"
#include "tests/unit/io_fixture.h"
#include "tests/unit/origin.h"

#include <time.h>

#define OK_HELLO "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

static const struct origin_answer ok_hello = {.bytes = OK_HELLO};

struct client {
    struct loop loop;
    struct http *http;
    struct http_options options; /* set before client_start() */
    unsigned started, done;
    struct origin *origin;
};

struct call {
    struct http_request request;
    struct client *client;
    char *url;
    struct buffer body;
    unsigned done, heads, writes;
    size_t heads_seen; /* headers when `head` was called */
    struct error err;
    char *kept_header; /* what `keep` named, copied in `done` */
    const char *keep;
    unsigned order;  /* the how manieth to be done: 1 … */
    bool keep_order; /* it is the test's to set */
};

static inline void client_start(struct client *client, const struct origin_options *options)
{
    struct error err = {0};

    fixture_loop_init(&client->loop);
    client->options.loop = &client->loop;
    if (!client->options.connections)
        client->options.connections = 8;
    client->http = http_new(&client->options, &err);
    if (!client->http)
        fail_msg("%s", err.message);
    client->origin = options ? origin_start(options) : NULL;
}

static inline void client_end(struct client *client)
{
    struct http_counters counters;

    assert_int_equal(client->started, client->done);
    http_counters(client->http, &counters);
    assert_int_equal(counters.running, 0);
    assert_int_equal(counters.waiting, 0);
    http_free(client->http);
    fixture_loop_deinit(&client->loop);
    if (client->origin)
        origin_stop(client->origin);
}

static inline int call_on_head(struct http_request *request, struct error *err)
{
    struct call *call = container_of(request, struct call, request);
    struct http_header header;

    (void)err;
    call->heads++;
    assert_true(request->status >= 200);
    while (http_response_header_at(request, call->heads_seen, &header))
        call->heads_seen++;
    return 0;
}

static inline int call_on_write(
    struct http_request *request, const char *bytes, size_t length, struct error *err)
{
    struct call *call = container_of(request, struct call, request);

    (void)err;
    assert_int_equal(call->heads, 1);
    call->writes++;
    buffer_append(&call->body, bytes, length);
    return 0;
}

static inline void call_on_done(struct http_request *request, const struct error *err)
{
    struct call *call = container_of(request, struct call, request);
    const char *value;

    call->done++;
    call->client->done++;
    if (!call->keep_order)
        call->order = call->client->done;
    if (err)
        call->err = *err;
    value = call->keep ? http_response_header(request, call->keep) : NULL;
    if (value)
        call->kept_header = mem_strdup(value);
}

/* Arguments of the request may be set afterwards, until call_start(). */
static inline void call_init(
    struct call *call, struct client *client, const char *method, const char *path)
{
    *call = (struct call){.client = client};
    buffer_init(&call->body, 0);
    call->url = mem_printf("%s%s", client->origin ? origin_url(client->origin) : "", path);
    call->request.method = method;
    call->request.url = call->url;
    call->request.no_proxy = true;
    call->request.head = call_on_head;
    call->request.write = call_on_write;
    call->request.done = call_on_done;
}

static inline void call_start(struct call *call)
{
    call->client->started++;
    http_start(call->client->http, &call->request);
    assert_int_equal(call->done, 0);
}

static inline void call_deinit(struct call *call)
{
    assert_int_equal(call->done, 1);
    buffer_deinit(&call->body);
    free(call->kept_header);
    free(call->url);
}

static inline void call_run(struct call *call)
{
    call_start(call);
    loop_run(&call->client->loop);
    assert_int_equal(call->done, 1);
}

static inline void assert_call_ok(const struct call *call)
{
    if (call->err.code)
        fail_msg("%s", call->err.message);
}

/* The message is one line that names the request but never its query. */
static inline void assert_call_code(
    const struct call *call, enum error_code code, enum error_class class)
{
    if (call->err.code != code || call->err.class != class)
        fail_msg("%s, %s: %s", error_code_name(call->err.code), error_class_name(call->err.class),
            call->err.message);
    assert_null(strchr(call->err.message, '\n'));
    assert_null(strstr(call->err.message, "secret"));
}

/* What http says begins with the host. */
static inline void assert_call_failed(
    const struct call *call, enum error_code code, enum error_class class)
{
    assert_call_code(call, code, class);
    if (strncmp(call->err.message, "http://", 7) != 0 &&
        strncmp(call->err.message, "https://", 8) != 0)
        fail_msg("no host in front: %s", call->err.message);
}

/* What a hook says stays as it is. */
static inline void assert_hook_failed(
    const struct call *call, enum error_code code, const char *says)
{
    assert_call_code(call, code, ERROR_PERMANENT);
    assert_string_equal(call->err.message, says);
}

static inline uint64_t cpu_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

#endif
