/* What every command works with: the loop, the lanes, the log, and the connectors of the chosen
 * environment, opened when they are first asked for. The engine knows vtables; runner/cli names
 * the concrete connectors in a registry. */
#ifndef RUNNER_ENGINE_ENGINE_H
#define RUNNER_ENGINE_ENGINE_H

#include "config/environment.h"
#include "connectors/catalog.h"
#include "connectors/post.h"
#include "connectors/sql_engine.h"
#include "connectors/state.h"
#include "connectors/store.h"
#include "runner/base/log.h"
#include "runner/io/loop.h"
#include "runner/io/work.h"

struct engine_registry {
    const struct store_type *const *stores; /* NULL-terminated, like the next two */
    /* More stores, in a module that is loaded on first use: *ret_type is NULL where it has none of
     * that scheme ("s3"). NULL: there is no module. */
    int (*load_store)(const char *scheme, const struct store_type **ret_type, struct error *err);
    /* What a type's open takes as `settings` in this environment, made in `arena`. NULL: nothing.
     */
    const void *(*store_settings)(
        const struct store_type *type, const struct environment *environment, struct arena *arena);
    const struct catalog_type *const *catalogs;
    const struct state_type *const *states;
    /* The same for states of the module. NULL: there is none. */
    int (*load_state)(const char *scheme, const struct state_type **ret_type, struct error *err);
    const void *(*state_settings)(
        const struct state_type *type, const struct environment *environment, struct arena *arena);
    /* Loads the SQL engine's module on first use; the same answer each time. */
    int (*load_sql)(const struct sql_engine_type **ret_type, struct error *err);
    /* What hooks are posted by; loaded on first use. NULL: nothing is. */
    int (*load_post)(const struct post_type **ret_type, struct error *err);
};

struct engine_options {
    const struct engine_registry *registry;
    const struct project *project; /* outlives the engine */
    struct loop *loop;
    struct log *log;
    bool read_only; /* nothing is created: health, runs, plan, … */
};

enum { ENGINE_REMOTE_MAX = 8 };

struct engine {
    const struct engine_registry *registry;
    const struct project *project;
    const struct environment *environment;
    struct loop *loop;
    struct log *log;
    bool read_only;
    struct work_pool *pool;
    struct work_lane files, sql; /* jobs on files; SQL statements */
    struct catalog *catalog;     /* these: NULL until asked for */
    struct state *state;
    bool state_is_remote;
    struct store *tables;        /* the environment's `store`: table data files */
    struct store *project_files; /* local files, relative to the project's root: `from`, `to` */
    struct store *remote[ENGINE_REMOTE_MAX]; /* one a type, `tables` among them where it is one */
    size_t remote_count;
    const struct sql_engine_type *sql_type;
    struct poster *poster;
};

struct engine *engine_new(const struct engine_options *options, struct error *err);
void engine_free(struct engine *engine); /* nothing may be under way; NULL is fine */

/* Each opens on first use and gives the same again. An unknown scheme is ERROR_NOT_SUPPORTED. */
int engine_catalog(struct engine *engine, struct catalog **ret_catalog, struct error *err);
int engine_state(struct engine *engine, struct state **ret_state, struct error *err);
int engine_tables(struct engine *engine, struct store **ret_store, struct error *err);
int engine_sql(struct engine *engine, const struct sql_engine_type **ret_type, struct error *err);
int engine_poster(struct engine *engine, struct poster **ret_poster, struct error *err);

/* The store that a data file of the catalog is in, and its key there (connectors/catalog.h). */
int engine_data_file(struct engine *engine, const char *catalog_key, struct store **ret_store,
    const char **ret_key, struct error *err);

/* The store that a path or URL of a pipeline is in, and its key there: a URL is its own. */
int engine_store_of(struct engine *engine, const char *url, struct store **ret_store,
    const char **ret_key, struct error *err);

/* What the stores that are open may take of the process's memory. */
uint64_t engine_stores_memory(const struct engine *engine);

#endif
