#include "runner/engine/publish.h"

#include "runner/base/log.h"
#include "runner/base/mem.h"
#include "runner/base/text.h"
#include "runner/io/file.h"

static void publish_step(struct publish *publish);

static const struct catalog_publication *current(const struct publish *publish)
{
    return &publish->query.publications[publish->next];
}

/* --- what callbacks do: record, then step --- */

static void on_listed(struct catalog_query *query, const struct error *err)
{
    struct publish *publish = container_of(query, struct publish, query);

    error_keep_first(&publish->err, err);
    publish_step(publish);
}

/* What an earlier run left says so, and how to go on without it. */
static void keep_error(struct publish *publish, const struct error *err)
{
    const struct catalog_publication *publication = current(publish);
    struct error placed = err ? *err : (struct error){0};

    if (err && err->class != ERROR_CANCELLED && !text_equal(publication->run_id, publish->run_id))
        error_prefix(&placed,
            "a file of run %s, which was committed, must be in its place first (remove %s to give "
            "it up)",
            publication->run_id, publish->staged);
    error_keep_first(&publish->err, &placed);
}

/* What cannot be swept harms nobody, and one may be allowed to write where one cannot list. */
static void on_swept(struct store_request *put, const struct error *err)
{
    struct publish *publish = container_of(put, struct publish, put);

    (void)err;
    publish->swept += put->object_count;
    publish_step(publish);
}

static void on_put(struct store_request *put, const struct error *err)
{
    struct publish *publish = container_of(put, struct publish, put);

    publish->gone = err && err->code == ERROR_NOT_FOUND && !file_exists(publish->staged);
    if (!publish->gone)
        keep_error(publish, err);
    publish_step(publish);
}

/* A staged file that is gone was published by a run that ended before it could say so, or it was
 * removed by somebody: the place it belongs to tells. */
static void on_looked(struct store_request *put, const struct error *err)
{
    struct publish *publish = container_of(put, struct publish, put);
    const struct catalog_publication *publication = current(publish);
    const struct log_context context = {.pipeline = publish->pipeline,
        .instance = publish->instance,
        .run_id = publication->run_id};

    publish->gone = false;
    if (err && err->code == ERROR_NOT_FOUND)
        log_event(publish->engine->log, LOG_ERROR, "file.lost", &context, NULL,
            "%s was committed by run %s and is lost: it is not there, and %s, from which it is "
            "made, is gone; load it again",
            publication->to, publication->run_id, publish->staged);
    else
        error_keep_first(&publish->err, err);
    publish->lost = err != NULL;
    publish_step(publish);
}

static void on_ended(struct catalog_apply *apply, const struct error *err)
{
    struct publish *publish = container_of(apply, struct publish, apply);

    error_keep_first(&publish->err, err);
    publish->published += !err && !publish->lost;
    publish->lost = false;
    publish->next++;
    publish_step(publish);
}

/* --- what states do on entry --- */

/* One request about the place of the current publication. */
static int ask_place(
    struct publish *publish, enum store_verb verb, store_done_fn done, struct error *err)
{
    struct store *store;
    const char *key;

    if (engine_store_of(publish->engine, current(publish)->to, &store, &key, err))
        return -1;
    publish->put = (struct store_request){.verb = verb, .key = key, .done = done};
    if (verb == STORE_PUT) {
        free(publish->staged);
        publish->staged = file_join(publish->engine->environment->spool, current(publish)->from);
        publish->put.path = publish->staged;
        publish->put.move = publish->put.replace = true;
    }
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
    if (!publish->err.code && publish->step == PUBLISH_PUTTING && publish->gone &&
        ask_place(publish, STORE_CHECK, on_looked, &publish->err) == 0)
        return;
    if (!publish->err.code && publish->step == PUBLISH_PUTTING) {
        publish->step = PUBLISH_ENDING;
        end_publication(publish);
        return;
    }
    if (!publish->err.code && publish->next < publish->query.count) {
        const bool sweeps = publish->sweeps && publish->step != PUBLISH_SWEEPING;

        publish->step = sweeps ? PUBLISH_SWEEPING : PUBLISH_PUTTING;
        if (ask_place(publish, sweeps ? STORE_SWEEP : STORE_PUT, sweeps ? on_swept : on_put,
                &publish->err) == 0)
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
    if (publish->put.store &&
        (publish->step == PUBLISH_PUTTING || publish->step == PUBLISH_SWEEPING))
        publish->put.store->type->cancel(&publish->put);
}

void publish_deinit(struct publish *publish)
{
    arena_deinit(&publish->arena);
    free(publish->staged);
    publish->staged = NULL;
}
