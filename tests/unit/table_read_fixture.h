/* A catalog and a store in memory for the tests of table_read: what they hold is a few lines. */
#ifndef TESTS_UNIT_TABLE_READ_FIXTURE_H
#define TESTS_UNIT_TABLE_READ_FIXTURE_H

#include "runner/base/buffer.h"
#include "runner/engine/table_read.h"
#include "runner/io/timer.h"
#include "tests/unit/io_fixture.h"
#include <inttypes.h>

/* --- a table --- */

struct partition {
    const char *id, *value;
    int64_t since, until;
};

struct delta {
    const char *partition;
    int64_t position;
    enum catalog_delta_type type;
    bool rewrite;
    struct catalog_file files[2];
};

struct table_model {
    struct catalog_version version;
    struct catalog_schema schemas[2];
    size_t schema_count;
    const struct partition *partitions;
    const struct delta *deltas;
    struct catalog_tag tags[2];
    size_t tag_count;
};

static struct table_model model;
static const char *gone_file; /* that the store has not */
static unsigned gets, gets_at_once, gets_most;
static struct loop loop;

/* --- the catalog --- */

struct answer {
    struct timer timer;
    struct catalog_query *query;
};

static inline const struct partition *find_partition(const char *id)
{
    const struct partition *partition = model.partitions;

    while (partition->id && strcmp(partition->id, id) != 0)
        partition++;
    return partition->id ? partition : NULL;
}

static inline void give_delta(struct catalog_query *query, const struct delta *delta)
{
    const struct partition *partition = find_partition(delta->partition);
    struct catalog_delta *given = &query->deltas[query->count++];
    const char **values = arena_array(query->arena, 1, sizeof(*values));

    values[0] = partition->value;
    *given = (struct catalog_delta){.id = "d",
        .partition_id = arena_strdup(query->arena, delta->partition),
        .values = values,
        .value_count = 1,
        .position = delta->position,
        .type = delta->type,
        .rewrite = delta->rewrite,
        .files = arena_array(query->arena, 2, sizeof(struct catalog_file))};
    for (; given->file_count < 2 && delta->files[given->file_count].key; given->file_count++)
        given->files[given->file_count] = delta->files[given->file_count];
}

static inline bool is_listed(const struct catalog_query *query, const struct delta *delta)
{
    const struct partition *partition = find_partition(delta->partition);
    const int64_t at = query->at_position;

    if (query->verb == CATALOG_LIST_DELTAS)
        return delta->position >= query->first_position && delta->position <= query->last_position;
    return partition->since <= at && (!partition->until || at < partition->until) &&
           delta->position <= at;
}

static inline void answer(struct catalog_query *query)
{
    const struct partition *partition;

    switch (query->verb) {
    case CATALOG_GET_VERSION:
        query->count = strcmp(query->at.table, "t") == 0;
        query->versions = &model.version;
        break;
    case CATALOG_LIST_SCHEMAS:
        query->count = model.schema_count;
        query->schemas = model.schemas;
        break;
    case CATALOG_LIST_TAGS:
        query->count = model.tag_count;
        query->tags = model.tags;
        break;
    case CATALOG_FIND_POSITION:
        query->position = query->at_ms / 1000;
        break;
    case CATALOG_GET_PARTITION:
        partition = find_partition(query->at.partition_id);
        query->partitions = arena_new(query->arena, struct catalog_partition);
        query->partitions[0].since = partition->since;
        query->partitions[0].until = partition->until;
        query->count = 1;
        break;
    case CATALOG_LIST_FILES:
    case CATALOG_LIST_DELTAS:
        assert_int_equal(query->at.version, 3);
        query->deltas = arena_array(query->arena, 32, sizeof(*query->deltas));
        for (const struct delta *delta = model.deltas; delta->partition; delta++) {
            if (is_listed(query, delta))
                give_delta(query, delta);
        }
        break;
    default:
        fail_msg("nobody asks %d", (int)query->verb);
    }
}

static inline void on_answer_closed(struct timer *timer)
{
    struct answer *given = container_of(timer, struct answer, timer);
    struct catalog_query *query = given->query;

    free(given);
    answer(query);
    query->done(query, NULL);
}

static inline void on_answer(struct timer *timer)
{
    timer_close(timer, on_answer_closed);
}

static inline void start_query(struct catalog *catalog, struct catalog_query *query)
{
    struct answer *given = mem_new(struct answer);

    query->catalog = catalog;
    given->query = query;
    timer_init(&given->timer, &loop);
    timer_start(&given->timer, 0, 0, on_answer);
}

static const struct catalog_type catalog_type;
static struct catalog the_catalog = {&catalog_type};

static inline struct catalog *open_catalog(const struct catalog_options *options, struct error *err)
{
    if (strcmp(options->location, "bad") == 0)
        return error_set(err, ERROR_IO, "the catalog is on fire"), NULL;
    return &the_catalog;
}

static inline void close_catalog(struct catalog *catalog)
{
    (void)catalog;
}

static const struct catalog_type catalog_type = {
    .scheme = "sqlite", .open = open_catalog, .query = start_query, .close = close_catalog};

/* --- the store --- */

struct transfer {
    struct timer timer;
    struct store_request *request;
    bool cancelled;
};

static inline void on_transfer_closed(struct timer *timer)
{
    struct transfer *transfer = container_of(timer, struct transfer, timer);
    struct store_request *request = transfer->request;
    struct error err = {0};

    gets_at_once--;
    if (transfer->cancelled)
        error_set(&err, ERROR_STOPPED, "cancelled");
    else if (gone_file && strcmp(request->key, gone_file) == 0)
        error_set(&err, ERROR_NOT_FOUND, "no such file");
    request->operation = NULL;
    free(transfer);
    request->done(request, err.code ? &err : NULL);
}

static inline void on_transferred(struct timer *timer)
{
    timer_close(timer, on_transfer_closed);
}

static inline void start_store(struct store *store, struct store_request *request)
{
    struct transfer *transfer = mem_new(struct transfer);

    assert_int_equal(request->verb, STORE_GET);
    assert_true(request->immutable);
    gets++;
    gets_at_once++;
    gets_most = MAX(gets_most, gets_at_once);
    request->store = store;
    request->operation = transfer;
    transfer->request = request;
    timer_init(&transfer->timer, &loop);
    timer_start(&transfer->timer, 1, 0, on_transferred);
}

static inline void cancel_store(struct store_request *request)
{
    if (request->operation)
        ((struct transfer *)request->operation)->cancelled = true;
}

static inline void describe(const struct store *store, const char *key, struct buffer *buffer)
{
    (void)store;
    buffer_printf(buffer, "/store/%s", key);
}

static inline bool local_path(const struct store *store, const char *key, struct buffer *ret_path)
{
    if (gone_file && strcmp(key, gone_file) == 0)
        return false;
    describe(store, key, ret_path);
    return true;
}

static const struct store_type store_type;

static inline struct store *open_store(const struct store_options *options, struct error *err)
{
    struct store *store = mem_new(struct store);

    (void)options;
    (void)err;
    store->type = &store_type;
    return store;
}

static inline void close_store(struct store *store)
{
    free(store);
}

static const struct store_type store_type = {.scheme = "file",
    .open = open_store,
    .start = start_store,
    .cancel = cancel_store,
    .describe = describe,
    .local_path = local_path,
    .close = close_store};

#endif
