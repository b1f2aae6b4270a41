/* Puts the plain files of `to:` in their places after the commit that names them, and then tells
 * the catalog that they are there. A crash between the two is repeated by the next run: putting the
 * same file twice is harmless. */
#ifndef RUNNER_ENGINE_PUBLISH_H
#define RUNNER_ENGINE_PUBLISH_H

#include "runner/engine/engine.h"

struct publish;
typedef void (*publish_done_fn)(struct publish *publish, const struct error *err);

struct publish {
    struct engine *engine;
    struct catalog *catalog;
    const char *pipeline, *instance, *run_id; /* of the fence */
    int64_t fence;
    publish_done_fn done;

    struct arena arena;
    enum { PUBLISH_LISTING, PUBLISH_SWEEPING, PUBLISH_PUTTING, PUBLISH_ENDING } step;
    struct catalog_query query;
    struct store_request put;
    struct catalog_apply apply;
    struct catalog_change change;
    size_t next;      /* of the listed publications */
    size_t swept;     /* pieces of files that killed runs were putting */
    char *staged;     /* where that one is until it is put */
    size_t published; /* so far */
    struct error err;
    bool gone, lost; /* the staged file; and the published one, too */
    bool cancelled;
    bool sweeps; /* set after the start: all of them are what processes left that are gone */
};

/* Publishes all that is pending for (pipeline, instance): this run's and what others left. */
void publish_start(struct publish *publish, struct engine *engine, struct catalog *catalog,
    const char *pipeline, const char *instance, const char *run_id, int64_t fence,
    publish_done_fn done);
void publish_cancel(struct publish *publish);
void publish_deinit(struct publish *publish);

#endif
