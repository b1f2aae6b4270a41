#include "runner/engine/publish.h"

#include "runner/base/mem.h"

static void publish_step(struct publish *publish);

/* --- what callbacks do: record, then step --- */

static void on_listed(struct catalog_query *query, const struct error *err)
{
    struct publish *publish = container_of(query, struct publish, query);

    error_keep_first(&publish->err, err);
    publish_step(publish);
}

static void on_put(struct store_request *put, const struct error *err)
{
    struct publish *publish = container_of(put, struct publish, put);

    /* Staged file gone: an earlier run published it and ended before it could say so. */
    if (!err || err->code != ERROR_NOT_FOUND)
        error_keep_first(&publish->err, err);
    publish_step(publish);
}

static void on_ended(struct catalog_apply *apply, const struct error *err)
{
    struct publish *publish = container_of(apply, struct publish, apply);

    error_keep_first(&publish->err, err);
    publish->published += !err;
    publish->next++;
    publish_step(publish);
}

/* --- what states do on entry --- */

static const struct catalog_publication *current(const struct publish *publish)
{
    return &publish->query.publications[publish->next];
}

static int put_file(struct publish *publish, struct error *err)
{
    struct store *store;
    const char *key;

    if (engine_store_of(publish->engine, current(publish)->to, &store, &key, err))
        return -1;
    publish->put = (struct store_request){.verb = STORE_PUT,
        .key = key,
        .path = current(publish)->from,
        .move = true,
        .replace = true,
        .done = on_put};
    store->type->start(store, &publish->put);
    return 0;
}

static void end_publication(struct publish *publish)
{
    publish->change =
        (struct catalog_change){.verb = CATALOG_END_PUBLICATION, .publication = *current(publish)};
    publish->apply = (struct catalog_apply){.changes = &publish->change,
        .count = 1,
        .pipeline = publish->pipeline,
        .instance = publish->instance,
        .run_id = publish->run_id,
        .fence = publish->fence,
        .done = on_ended};
    publish->catalog->type->apply(publish->catalog, &publish->apply);
}

/* --- the whole flow --- */

static void publish_step(struct publish *publish)
{
    if (publish->cancelled && !publish->err.code)
        error_set(&publish->err, ERROR_STOPPED, "cancelled");
    if (!publish->err.code && publish->step == PUBLISH_PUTTING) {
        publish->step = PUBLISH_ENDING;
        end_publication(publish);
        return;
    }
    if (!publish->err.code && publish->next < publish->query.count) {
        publish->step = PUBLISH_PUTTING;
        if (put_file(publish, &publish->err) == 0)
            return;
    }
    publish->done(publish, publish->err.code ? &publish->err : NULL);
}

void publish_start(struct publish *publish, struct engine *engine, struct catalog *catalog,
    const char *pipeline, const char *instance, const char *run_id, int64_t fence,
    publish_done_fn done)
{
    *publish = (struct publish){.engine = engine,
        .catalog = catalog,
        .pipeline = pipeline,
        .instance = instance,
        .run_id = run_id,
        .fence = fence,
        .done = done,
        .step = PUBLISH_LISTING};
    arena_init(&publish->arena);
    publish->query = (struct catalog_query){.verb = CATALOG_LIST_PUBLICATIONS,
        .pipeline = pipeline,
        .instance = instance,
        .arena = &publish->arena,
        .done = on_listed};
    catalog->type->query(catalog, &publish->query);
}

void publish_cancel(struct publish *publish)
{
    publish->cancelled = true;
    if (publish->step == PUBLISH_PUTTING && publish->put.store)
        publish->put.store->type->cancel(&publish->put);
}

void publish_deinit(struct publish *publish)
{
    arena_deinit(&publish->arena);
}
