#include "connectors/http/http_store.h"

#include "connectors/http/http_store_private.h"
#include "runner/base/mem.h"
#include "runner/base/text.h"
#include "runner/base/time.h"

#include <assert.h>

static struct http_store *store_of(const struct store *face)
{
    return container_of(face, struct http_store, store);
}

static struct store *open_store(
    const struct store_type *type, const struct store_options *options, struct error *err)
{
    static const struct http_store_settings none = {0};
    const struct http_store_settings *settings = options->settings ? options->settings : &none;
    const unsigned connections =
        settings->connections ? settings->connections : HTTP_STORE_CONNECTIONS;
    const struct http_options http = {.loop = options->loop,
        .log = options->log,
        .connections = connections,
        .ca_file = settings->ca_file,
        .buffer_bytes = HTTP_STORE_BUFFER_BYTES};
    struct http_store *store = mem_new(struct http_store);

    store->store.type = type;
    store->loop = options->loop;
    store->connections = connections;
    store->retry = (struct retry_policy){
        .attempts = 5, .backoff_ms = 500, .max_backoff_ms = 20 * MS_PER_SECOND};
    store->http = http_new(&http, err);
    if (store->http)
        return &store->store;
    free(store);
    return NULL;
}

static struct store *open_http(const struct store_options *options, struct error *err)
{
    return open_store(&http_store_type, options, err);
}

static struct store *open_https(const struct store_options *options, struct error *err)
{
    return open_store(&https_store_type, options, err);
}

static void http_store_start(struct store *face, struct store_request *request)
{
    http_operation_start(store_of(face), request);
}

static void http_store_cancel(struct store_request *request)
{
    if (request->operation)
        http_operation_cancel(request->operation);
}

static void http_store_describe(const struct store *face, const char *key, struct buffer *buffer)
{
    (void)face;
    text_append_url(buffer, key);
}

static void identify(const struct store *face, const char *key, struct buffer *buffer)
{
    (void)face;
    http_store_identify(key, buffer);
}

static uint64_t http_store_memory(const struct store *face)
{
    return (uint64_t)store_of(face)->connections * HTTP_STORE_BUFFER_BYTES;
}

static void http_store_close(struct store *face)
{
    struct http_store *store = store_of(face);

    assert(store->running == 0);
    http_free(store->http);
    free(store);
}

const struct store_type http_store_type = {
    .scheme = "http",
    .open = open_http,
    .start = http_store_start,
    .cancel = http_store_cancel,
    .describe = http_store_describe,
    .identify = identify,
    .memory = http_store_memory,
    .close = http_store_close,
};

const struct store_type https_store_type = {
    .scheme = "https",
    .open = open_https,
    .start = http_store_start,
    .cancel = http_store_cancel,
    .describe = http_store_describe,
    .identify = identify,
    .memory = http_store_memory,
    .close = http_store_close,
};
