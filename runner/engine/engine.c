#include "runner/engine/engine.h"

#include "runner/base/mem.h"

#include <string.h>
#include <unistd.h>

enum { FILE_JOBS = 4, SQL_JOBS_MAX = 8, SERIAL_LANES = 4 };

static unsigned sql_jobs(void)
{
    const long online = sysconf(_SC_NPROCESSORS_ONLN);

    return (unsigned)MIN(MAX(online, 1), SQL_JOBS_MAX);
}

struct engine *engine_new(const struct engine_options *options, struct error *err)
{
    struct engine *engine = mem_new(struct engine);

    engine->registry = options->registry;
    engine->project = options->project;
    engine->environment = options->project->environment;
    engine->loop = options->loop;
    engine->log = options->log;
    engine->read_only = options->read_only;
    engine->pool = work_pool_new(options->loop, FILE_JOBS + sql_jobs() + SERIAL_LANES, err);
    if (!engine->pool) {
        free(engine);
        return NULL;
    }
    work_lane_init(&engine->files, engine->pool, "files", FILE_JOBS);
    work_lane_init(&engine->sql, engine->pool, "sql", sql_jobs());
    return engine;
}

static bool is_remote(const struct engine *engine, const struct store *store)
{
    for (size_t i = 0; i < engine->remote_count; i++) {
        if (engine->remote[i] == store)
            return true;
    }
    return false;
}

void engine_free(struct engine *engine)
{
    if (!engine)
        return;
    if (engine->catalog)
        engine->catalog->type->close(engine->catalog);
    if (engine->state)
        engine->state->type->close(engine->state);
    if (engine->tables && !is_remote(engine, engine->tables))
        engine->tables->type->close(engine->tables);
    if (engine->project_files)
        engine->project_files->type->close(engine->project_files);
    for (size_t i = 0; i < engine->remote_count; i++)
        engine->remote[i]->type->close(engine->remote[i]);
    if (engine->poster)
        engine->poster->type->close(engine->poster);
    if (engine->remote_count > 0 || engine->poster || engine->state_is_remote)
        loop_run(engine->loop); /* what they do in the background ends, and uses the lane */
    work_lane_deinit(&engine->files);
    work_lane_deinit(&engine->sql);
    work_pool_free(engine->pool);
    free(engine);
}

/* --- schemes --- */

/* Length of "file" in "file:/x" and of "s3" in "s3://x"; 0 for a plain path. */
static size_t scheme_length(const char *url)
{
    const size_t length = strspn(url, "abcdefghijklmnopqrstuvwxyz0123456789+");

    return length > 1 && url[length] == ':' ? length : 0;
}

static bool scheme_is(const char *url, const char *scheme)
{
    const size_t length = scheme_length(url);

    return length == strlen(scheme) && strncmp(url, scheme, length) == 0;
}

static int no_connector(const char *what, const char *url, struct error *err)
{
    return error_set(err, ERROR_NOT_SUPPORTED,
        "%s %s: this version has no connector for \"%.*s:\" yet", what, url,
        (int)scheme_length(url), url);
}

/* Finds the type of a URL in a list of types whose first member is the scheme. */
#define FIND_TYPE(list, url, ret_type)                                                             \
    do {                                                                                           \
        for (size_t i_ = 0; (list)[i_] && !(ret_type); i_++) {                                     \
            if (scheme_is((url), (list)[i_]->scheme))                                              \
                (ret_type) = (list)[i_];                                                           \
        }                                                                                          \
    } while (0)

static const char *after_scheme(const char *url)
{
    const size_t length = scheme_length(url);
    const char *rest = url + (length ? length + 1 : 0);

    return length && strncmp(rest, "///", 3) == 0 ? rest + 2 : rest;
}

int engine_catalog(struct engine *engine, struct catalog **ret_catalog, struct error *err)
{
    const char *url = engine->environment->catalog.url;
    const struct catalog_type *type = NULL;
    struct catalog_options options = {
        .loop = engine->loop, .pool = engine->pool, .read_only = engine->read_only};

    if (!engine->catalog) {
        if (!url)
            return error_set(err, ERROR_NOT_SUPPORTED,
                "environment %s: catalogs of kind \"%s\" come with a later version; use "
                "sqlite:PATH",
                engine->environment->item.name, engine->environment->catalog.kind);
        FIND_TYPE(engine->registry->catalogs, url, type);
        if (!type)
            return no_connector("catalog", url, err);
        options.location = after_scheme(url);
        engine->catalog = type->open(&options, err);
        if (!engine->catalog)
            return -1;
    }
    *ret_catalog = engine->catalog;
    return 0;
}

static int find_state(const struct engine *engine, const char *url,
    const struct state_type **ret_type, bool *ret_is_remote, struct error *err)
{
    const struct engine_registry *registry = engine->registry;
    const struct state_type *type = NULL;
    char *scheme;
    int result = 0;

    FIND_TYPE(registry->states, url, type);
    *ret_is_remote = !type;
    if (!type && registry->load_state) {
        scheme = mem_strndup(url, scheme_length(url));
        result = registry->load_state(scheme, &type, err);
        free(scheme);
    }
    if (result == 0 && !type)
        result = no_connector("state", url, err);
    if (result == 0)
        *ret_type = type;
    return result;
}

int engine_state(struct engine *engine, struct state **ret_state, struct error *err)
{
    const struct engine_registry *registry = engine->registry;
    const char *url = engine->environment->state;
    const struct state_type *type;
    struct state_options options = {.loop = engine->loop,
        .log = engine->log,
        .pool = engine->pool,
        .lane = &engine->files,
        .read_only = engine->read_only};
    struct arena arena;

    if (!engine->state) {
        if (find_state(engine, url, &type, &engine->state_is_remote, err))
            return -1;
        arena_init(&arena);
        if (registry->state_settings)
            options.settings = registry->state_settings(type, engine->environment, &arena);
        options.location = after_scheme(url);
        engine->state = type->open(&options, err);
        arena_deinit(&arena);
        if (!engine->state)
            return -1;
    }
    *ret_state = engine->state;
    return 0;
}

/* Those of the module are kept apart from those that are linked in: it is loaded for no other
 * scheme. */
static int find_store(const struct engine *engine, const char *url,
    const struct store_type **ret_type, struct error *err)
{
    const struct engine_registry *registry = engine->registry;
    const struct store_type *type = NULL;
    char *scheme;
    int result = 0;

    FIND_TYPE(registry->stores, url, type);
    if (!type && registry->load_store) {
        scheme = mem_strndup(url, scheme_length(url));
        result = registry->load_store(scheme, &type, err);
        free(scheme);
    }
    if (result == 0 && !type)
        result = no_connector("store", url, err);
    if (result == 0)
        *ret_type = type;
    return result;
}

static int open_store(struct engine *engine, const struct store_type *type, const char *root,
    struct store **ret_store, struct error *err)
{
    const struct engine_registry *registry = engine->registry;
    struct store_options options = {
        .loop = engine->loop, .log = engine->log, .lane = &engine->files, .root = root};
    struct arena arena;
    struct store *store;

    arena_init(&arena);
    if (registry->store_settings)
        options.settings = registry->store_settings(type, engine->environment, &arena);
    store = type->open(&options, err);
    arena_deinit(&arena);
    if (!store)
        return -1;
    *ret_store = store;
    return 0;
}

/* The one of its type: tables and what pipelines name share a client. */
static int open_remote(
    struct engine *engine, const char *url, struct store **ret_store, struct error *err)
{
    const char *tables = engine->environment->store;
    const struct store_type *type;
    struct store *store;

    if (find_store(engine, url, &type, err))
        return -1;
    for (size_t i = 0; i < engine->remote_count; i++) {
        if (engine->remote[i]->type == type) {
            *ret_store = engine->remote[i];
            return 0;
        }
    }
    if (engine->remote_count == ENGINE_REMOTE_MAX)
        return no_connector("store", url, err);
    if (open_store(engine, type, scheme_is(tables, type->scheme) ? tables : NULL, &store, err))
        return -1;
    engine->remote[engine->remote_count++] = store;
    *ret_store = store;
    return 0;
}

static bool is_local(const char *url)
{
    return scheme_length(url) == 0 || scheme_is(url, "file");
}

static int open_local(
    struct engine *engine, const char *root, struct store **ret_store, struct error *err)
{
    const struct store_type *type;

    return find_store(engine, "file:", &type, err) ? -1
                                                   : open_store(engine, type, root, ret_store, err);
}

int engine_tables(struct engine *engine, struct store **ret_store, struct error *err)
{
    const char *url = engine->environment->store;

    if (!engine->tables &&
        (is_local(url) ? open_local(engine, after_scheme(url), &engine->tables, err)
                       : open_remote(engine, url, &engine->tables, err)))
        return -1;
    *ret_store = engine->tables;
    return 0;
}

int engine_data_file(struct engine *engine, const char *catalog_key, struct store **ret_store,
    const char **ret_key, struct error *err)
{
    if (catalog_key[0] == '/' || scheme_length(catalog_key) > 0)
        return engine_store_of(engine, catalog_key, ret_store, ret_key, err);
    *ret_key = catalog_key;
    return engine_tables(engine, ret_store, err);
}

int engine_sql(struct engine *engine, const struct sql_engine_type **ret_type, struct error *err)
{
    if (!engine->sql_type && engine->registry->load_sql(&engine->sql_type, err))
        return -1;
    *ret_type = engine->sql_type;
    return 0;
}

int engine_poster(struct engine *engine, struct poster **ret_poster, struct error *err)
{
    const struct post_options options = {
        .loop = engine->loop, .log = engine->log, .ca_file = engine->environment->http.ca_file};
    const struct post_type *type;

    if (!engine->poster) {
        if (!engine->registry->load_post)
            return error_set(err, ERROR_NOT_SUPPORTED, "nothing is posted here");
        if (engine->registry->load_post(&type, err))
            return -1;
        engine->poster = type->open(&options, err);
        if (!engine->poster)
            return -1;
    }
    *ret_poster = engine->poster;
    return 0;
}

int engine_store_of(struct engine *engine, const char *url, struct store **ret_store,
    const char **ret_key, struct error *err)
{
    if (!is_local(url)) {
        if (open_remote(engine, url, ret_store, err))
            return -1;
        *ret_key = url;
        return 0;
    }
    if (!engine->project_files &&
        open_local(engine, engine->project->root, &engine->project_files, err))
        return -1;
    *ret_store = engine->project_files;
    *ret_key = after_scheme(url);
    return 0;
}

uint64_t engine_stores_memory(const struct engine *engine)
{
    uint64_t bytes = 0;

    for (size_t i = 0; i < engine->remote_count; i++) {
        const struct store *store = engine->remote[i];

        bytes += store->type->memory ? store->type->memory(store) : 0;
    }
    return bytes;
}
