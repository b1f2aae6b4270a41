#include "connectors/s3/client.h"

#include "connectors/s3/client_options.h"
#include "connectors/s3/memory.h"
#include "runner/base/mem.h"
#include "runner/base/text.h"
#include "runner/base/time.h"

#include <assert.h>
#include <ctype.h>
#include <string.h>
#include <strings.h>

enum {
    PLACES_MAX = 256, /* buckets that are remembered; the oldest goes first */
    BUFFER_BYTES_MIN = 16 * 1024,
    BUFFER_BYTES_MAX = 256 * 1024,
};

struct known_place {
    char *bucket; /* NULL: the service itself */
    char *region; /* that an answer named; NULL: the client's */
    struct arena arena;
    bool resolved;
    struct s3_place place;
};

struct s3_client {
    struct s3_client_options options; /* texts in `arena` */
    struct arena arena;
    bool aws;
    struct http *http;
    struct credentials_chain *chain;
    struct known_place *places[PLACES_MAX];
    size_t place_count, oldest;
    struct s3_memory memory;
    int64_t clock_ms; /* the store's minus ours */
    enum { CHECKSUMS_UNPROVEN, CHECKSUMS_TAKEN, CHECKSUMS_REFUSED } checksums;
};

/* --- life --- */

static int open_http(struct s3_client *client, struct error *err)
{
    const struct s3_client_options *options = &client->options;
    /* Both directions of each connection, in half of the memory that there is for payload. */
    const uint64_t share = options->memory_bytes / 4 / options->concurrency;
    const struct http_options http_options = {
        .loop = options->loop,
        .log = options->log,
        .connections = options->concurrency,
        .ca_file = options->ca_file,
        .buffer_bytes = (size_t)MIN(MAX(share, (uint64_t)BUFFER_BYTES_MIN), BUFFER_BYTES_MAX),
    };

    client->http = http_new(&http_options, err);
    return client->http ? 0 : error_prefix(err, "s3");
}

static void on_chain_closed(void *data)
{
    struct s3_client *client = data;

    http_free(client->http);
    arena_deinit(&client->arena);
    free(client);
}

static void open_chain(struct s3_client *client)
{
    const struct s3_client_options *options = &client->options;

    client->chain = credentials_chain_new(&(struct credentials_options){
        .loop = options->loop,
        .http = client->http,
        .lane = options->lane,
        .profile = options->profile,
        .region = options->region,
        .unsigned_access = options->unsigned_access,
        .closed = on_chain_closed,
        .closed_data = client,
    });
}

struct s3_client *s3_client_new(const struct s3_client_options *options, struct error *err)
{
    struct s3_client *client = mem_new(struct s3_client);

    client->options = *options;
    arena_init(&client->arena);
    if (s3_client_options_fill(&client->options, &client->arena, err) || open_http(client, err)) {
        s3_client_free(client);
        return NULL;
    }
    client->aws = !client->options.endpoint || s3_endpoint_is_aws(client->options.endpoint);
    open_chain(client);
    client->memory.limit_bytes = client->options.memory_bytes / 2;
    return client;
}

static void free_place(struct known_place *place)
{
    sigv4_key_deinit(&place->place.key);
    arena_deinit(&place->arena);
    free(place->bucket);
    free(place->region);
    free(place);
}

void s3_client_free(struct s3_client *client)
{
    if (!client)
        return;
    for (size_t i = 0; i < client->place_count; i++)
        free_place(client->places[i]);
    client->place_count = 0;
    if (client->chain)
        credentials_chain_free(client->chain); /* it may be fetching ahead */
    else
        on_chain_closed(client);
}

const struct s3_client_options *s3_client_options(const struct s3_client *client)
{
    return &client->options;
}

bool s3_client_is_aws(const struct s3_client *client)
{
    return client->aws;
}

struct http *s3_client_http(struct s3_client *client)
{
    return client->http;
}

struct credentials_chain *s3_client_chain(struct s3_client *client)
{
    return client->chain;
}

struct s3_memory *s3_client_memory(struct s3_client *client)
{
    return &client->memory;
}

/* --- places --- */

static struct known_place *find_place(struct s3_client *client, const char *bucket)
{
    for (size_t i = 0; i < client->place_count; i++) {
        if (text_equal(client->places[i]->bucket, bucket))
            return client->places[i];
    }
    return NULL;
}

static struct known_place *add_place(struct s3_client *client, const char *bucket)
{
    struct known_place *known = mem_new(struct known_place);
    struct known_place **place;

    known->bucket = bucket ? mem_strdup(bucket) : NULL;
    arena_init(&known->arena);
    if (client->place_count < PLACES_MAX) {
        place = &client->places[client->place_count++];
    } else {
        place = &client->places[client->oldest];
        client->oldest = (client->oldest + 1) % PLACES_MAX;
        free_place(*place);
    }
    *place = known;
    return known;
}

static int resolve(struct s3_client *client, struct known_place *known, struct error *err)
{
    const struct s3_client_options *options = &client->options;
    const struct s3_endpoint_params params = {
        .region = known->region ? known->region : options->region,
        .bucket = known->bucket,
        .endpoint = options->endpoint,
        .addressing = options->addressing,
        .dual_stack = options->dual_stack,
        .fips = options->fips,
        .accelerate = options->accelerate && known->bucket,
        .use_arn_region = !options->own_region_only,
    };

    if (s3_endpoint_resolve(&params, &known->arena, &known->place.endpoint, err)) {
        arena_deinit(&known->arena);
        return -1;
    }
    known->place.region = arena_strdup(&known->arena, params.region);
    known->resolved = true;
    return 0;
}

int s3_client_place(
    struct s3_client *client, const char *bucket, struct s3_place **ret_place, struct error *err)
{
    struct known_place *known = find_place(client, bucket);

    if (!known)
        known = add_place(client, bucket);
    if (!known->resolved && resolve(client, known, err))
        return -1;
    *ret_place = &known->place;
    return 0;
}

bool s3_client_learn_region(struct s3_client *client, const char *bucket, const char *region)
{
    struct known_place *known = find_place(client, bucket);

    if (!s3_region_valid(region))
        return false;
    if (!known)
        known = add_place(client, bucket);
    if (!text_equal(known->region, region)) {
        free(known->region);
        known->region = mem_strdup(region);
        arena_deinit(&known->arena);
        known->resolved = false;
    }
    return true;
}

/* --- the rest of what is learnt --- */

int64_t s3_client_now_ms(const struct s3_client *client)
{
    return time_now_ms() + client->clock_ms;
}

void s3_client_learn_time(struct s3_client *client, int64_t server_ms)
{
    client->clock_ms = server_ms - time_now_ms();
}

bool s3_client_sends_checksums(const struct s3_client *client)
{
    switch (client->options.request_checksums) {
    case S3_CHECKSUMS_WHEN_SUPPORTED:
        return true;
    case S3_CHECKSUMS_WHEN_REQUIRED:
        return false;
    case S3_CHECKSUMS_AUTO:
        break;
    }
    return client->checksums != CHECKSUMS_REFUSED;
}

bool s3_client_checksums_unproven(const struct s3_client *client)
{
    return client->options.request_checksums == S3_CHECKSUMS_AUTO && !client->aws &&
           client->checksums == CHECKSUMS_UNPROVEN;
}

void s3_client_learn_checksums(struct s3_client *client, bool taken)
{
    if (client->checksums == CHECKSUMS_UNPROVEN)
        client->checksums = taken ? CHECKSUMS_TAKEN : CHECKSUMS_REFUSED;
}

bool s3_client_wants_checksums(const struct s3_client *client)
{
    return client->options.response_checksums != S3_CHECKSUMS_WHEN_REQUIRED;
}
