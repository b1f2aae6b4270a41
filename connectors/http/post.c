#include "connectors/http/post.h"

#include "runner/base/mem.h"
#include "runner/io/http.h"

#include <assert.h>
#include <string.h>

enum { CONNECTIONS = 4, BUFFER_BYTES = 16 * 1024 };

struct http_poster {
    struct poster poster;
    struct http *http;
    unsigned running;
};

struct operation {
    struct http_poster *owner;
    struct post_request *request;
    struct http_request http;
    struct http_header *headers;
};

static int judge(const struct operation *operation, struct error *err)
{
    const int status = operation->http.status;
    const char *url = operation->request->url;
    const char *host = strstr(url, "://");
    const int shown = (int)(host ? (size_t)(host + 3 - url) + strcspn(host + 3, "/?#@") : 0);

    if (status >= 200 && status < 300)
        return 0;
    error_set(err, ERROR_IO, "%.*s: HTTP %d%s", shown, url, status,
        status >= 300 && status < 400 ? "; a redirect is not followed" : "");
    err->detail = status;
    if (status == 408 || status == 425 || status == 429 || (status >= 500 && status != 501))
        error_set_class(err, ERROR_TRANSIENT);
    return -1;
}

static void on_done(struct http_request *http, const struct error *err)
{
    struct operation *operation = container_of(http, struct operation, http);
    struct post_request *request = operation->request;
    struct error outcome = {0};

    error_keep_first(&outcome, err);
    request->status = http->status;
    if (!err)
        judge(operation, &outcome);
    operation->owner->running--;
    request->operation = NULL;
    free(operation->headers);
    free(operation);
    request->done(request, outcome.code ? &outcome : NULL);
}

static void start(struct poster *poster, struct post_request *request)
{
    struct http_poster *owner = container_of(poster, struct http_poster, poster);
    struct operation *operation = mem_new(struct operation);

    operation->owner = owner;
    operation->request = request;
    operation->headers = mem_calloc(request->header_count + 1, sizeof(*operation->headers));
    operation->headers[0] = (struct http_header){"Content-Type", "application/json"};
    for (size_t i = 0; i < request->header_count; i++)
        operation->headers[i + 1] =
            (struct http_header){request->headers[i].name, request->headers[i].value};
    operation->http = (struct http_request){.method = "POST",
        .url = request->url,
        .headers = operation->headers,
        .header_count = request->header_count + 1,
        .body = {.kind = HTTP_BODY_MEMORY,
            .bytes = request->body,
            .length = (int64_t)strlen(request->body)},
        .timeouts = {.total_ms = request->timeout_ms},
        .path_is_secret = true, /* whoever knows the URL of a webhook may post there */
        .done = on_done};
    request->poster = poster;
    request->operation = operation;
    owner->running++;
    http_start(owner->http, &operation->http);
}

static void cancel(struct post_request *request)
{
    struct operation *operation = request->operation;

    if (operation)
        http_cancel(&operation->http);
}

static struct poster *open_poster(const struct post_options *options, struct error *err)
{
    const struct http_options http = {.loop = options->loop,
        .log = options->log,
        .connections = CONNECTIONS,
        .ca_file = options->ca_file,
        .buffer_bytes = BUFFER_BYTES};
    struct http_poster *owner = mem_new(struct http_poster);

    owner->poster.type = &http_post_type;
    owner->http = http_new(&http, err);
    if (owner->http)
        return &owner->poster;
    free(owner);
    return NULL;
}

static void close_poster(struct poster *poster)
{
    struct http_poster *owner = container_of(poster, struct http_poster, poster);

    assert(owner->running == 0);
    http_free(owner->http);
    free(owner);
}

const struct post_type http_post_type = {
    .open = open_poster,
    .start = start,
    .cancel = cancel,
    .close = close_poster,
};
