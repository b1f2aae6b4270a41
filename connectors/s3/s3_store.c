#include "connectors/s3/s3_store.h"

#include "connectors/s3/s3_store_private.h"
#include "connectors/s3/uri.h"
#include "runner/base/buffer.h"
#include "runner/base/mem.h"
#include "runner/base/text.h"

#include <assert.h>
#include <string.h>

static const char *keep(struct s3_store *store, const char *text)
{
    return text ? arena_strdup(&store->arena, text) : NULL;
}

static const struct s3_pair *keep_pairs(
    struct s3_store *store, const struct s3_pair *pairs, size_t count)
{
    struct s3_pair *kept = arena_array(&store->arena, count, sizeof(*kept));

    for (size_t i = 0; i < count; i++)
        kept[i] = (struct s3_pair){keep(store, pairs[i].name), keep(store, pairs[i].value)};
    return kept;
}

static void keep_options(struct s3_store *store, const struct s3_object_options *options)
{
    struct s3_object_options *kept = &store->objects;

    *kept = *options;
    kept->content_type = keep(store, kept->content_type);
    kept->content_encoding = keep(store, kept->content_encoding);
    kept->content_disposition = keep(store, kept->content_disposition);
    kept->content_language = keep(store, kept->content_language);
    kept->cache_control = keep(store, kept->cache_control);
    kept->expires = keep(store, kept->expires);
    kept->storage_class = keep(store, kept->storage_class);
    kept->sse = keep(store, kept->sse);
    kept->sse_kms_key_id = keep(store, kept->sse_kms_key_id);
    kept->acl = keep(store, kept->acl);
    kept->metadata = keep_pairs(store, kept->metadata, kept->metadata_count);
    kept->tags = keep_pairs(store, kept->tags, kept->tag_count);
}

/* "s3://bucket/warehouse//" → "warehouse//": all of it is a name, but one "/" goes behind it. */
static int take_root(struct s3_store *store, const char *root, struct error *err)
{
    struct s3_uri uri;

    if (s3_uri_parse(root, &store->arena, &uri, err))
        return -1;
    store->bucket = uri.bucket;
    store->prefix = !*uri.key || text_ends(uri.key, "/")
                        ? uri.key
                        : arena_printf(&store->arena, "%s/", uri.key);
    return 0;
}

static void on_ticker_closed(struct timer *ticker)
{
    struct s3_store *store = container_of(ticker, struct s3_store, ticker);

    arena_deinit(&store->arena);
    free(store);
}

static void s3_store_close(struct store *face)
{
    struct s3_store *store = container_of(face, struct s3_store, store);

    assert(!store->first);
    s3_client_free(store->client);
    store->client = NULL;
    timer_close(&store->ticker, on_ticker_closed);
}

static struct store *s3_store_open(const struct store_options *options, struct error *err)
{
    static const struct s3_store_settings none = {0};
    const struct s3_store_settings *settings = options->settings ? options->settings : &none;
    struct s3_client_options client = settings->client;
    struct s3_store *store = mem_new(struct s3_store);

    store->store.type = &s3_store_type;
    store->lane = options->lane;
    arena_init(&store->arena);
    timer_init(&store->ticker, options->loop);
    client.loop = options->loop;
    client.log = options->log;
    client.lane = options->lane;
    keep_options(store, &settings->objects);
    if (s3_object_check(&store->objects, err) == 0 &&
        (!options->root || take_root(store, options->root, err) == 0))
        store->client = s3_client_new(&client, err);
    if (store->client)
        return &store->store;
    s3_store_close(&store->store);
    return NULL;
}

static void s3_store_start(struct store *face, struct store_request *request)
{
    s3_operation_start(container_of(face, struct s3_store, store), request);
}

static void s3_store_cancel(struct store_request *request)
{
    if (request->operation)
        s3_operation_cancel(request->operation);
}

static void s3_store_describe(const struct store *face, const char *key, struct buffer *buffer)
{
    const struct s3_store *store = container_of(face, const struct s3_store, store);
    struct arena arena;
    struct s3_store_name name;

    arena_init(&arena);
    if (s3_store_name(store, key, &arena, &name, NULL) == 0)
        s3_uri_append_shown(name.bucket, name.key, buffer);
    else
        text_append_printable(buffer, key);
    arena_deinit(&arena);
}

/* The client's pool and the buffers of its connections, which it makes fit. */
static uint64_t s3_store_memory(const struct store *face)
{
    const struct s3_store *store = container_of(face, const struct s3_store, store);

    return s3_client_options(store->client)->memory_bytes;
}

const struct store_type s3_store_type = {
    .scheme = "s3",
    .open = s3_store_open,
    .start = s3_store_start,
    .cancel = s3_store_cancel,
    .describe = s3_store_describe,
    .memory = s3_store_memory,
    .close = s3_store_close,
};
