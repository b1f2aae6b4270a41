#include "runner/cli/registry.h"

#include "connectors/catalog_sqlite/catalog_sqlite.h"
#include "connectors/duckdb/loader.h"
#include "connectors/local/local_store.h"
#include "connectors/net/net.h"
#include "connectors/state_sqlite/state_sqlite.h"
#include "runner/cli/store_settings.h"

#include <string.h>

static const struct store_type *const stores[] = {&local_store_type, NULL};
static const struct catalog_type *const catalogs[] = {&catalog_sqlite_type, NULL};
static const struct state_type *const states[] = {&state_sqlite_type, NULL};

/* What the network module has; it is not opened to find that out. */
static const char *const network_schemes[] = {"s3", "http", "https", NULL};

static int load_store(const char *scheme, const struct store_type **ret_type, struct error *err)
{
    const struct store_type *found = NULL;
    const struct net_module *module;
    size_t at = 0;

    while (network_schemes[at] && strcmp(network_schemes[at], scheme) != 0)
        at++;
    if (network_schemes[at]) {
        if (net_load(&module, err))
            return -1;
        for (size_t i = 0; module->stores[i] && !found; i++) {
            if (strcmp(module->stores[i]->scheme, scheme) == 0)
                found = module->stores[i];
        }
    }
    *ret_type = found;
    return 0;
}

static int refuse_store(const char *scheme, const struct store_type **ret_type, struct error *err)
{
    *ret_type = NULL;
    for (size_t i = 0; network_schemes[i]; i++) {
        if (strcmp(network_schemes[i], scheme) == 0)
            return error_set(err, ERROR_INVALID,
                "%s:// is in a network, and a test has none; give its rows under `inputs:`",
                scheme);
    }
    return 0;
}

static int load_state(const char *scheme, const struct state_type **ret_type, struct error *err)
{
    const struct state_type *found = NULL;
    const struct net_module *module;

    if (strcmp(scheme, "s3") == 0) {
        if (net_load(&module, err))
            return -1;
        for (size_t i = 0; module->states[i] && !found; i++) {
            if (strcmp(module->states[i]->scheme, scheme) == 0)
                found = module->states[i];
        }
    }
    *ret_type = found;
    return 0;
}

static int load_post(const struct post_type **ret_type, struct error *err)
{
    const struct net_module *module;

    if (net_load(&module, err))
        return -1;
    *ret_type = module->post;
    return 0;
}

const struct engine_registry registry = {
    .stores = stores,
    .load_store = load_store,
    .store_settings = store_settings,
    .catalogs = catalogs,
    .states = states,
    .load_state = load_state,
    .state_settings = state_settings,
    .load_sql = duckdb_engine_load,
    .load_post = load_post,
};

const struct engine_registry registry_offline = {
    .stores = stores,
    .load_store = refuse_store,
    .store_settings = store_settings,
    .catalogs = catalogs,
    .states = states,
    .load_sql = duckdb_engine_load,
};
