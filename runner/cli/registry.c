#include "runner/cli/registry.h"

#include "connectors/catalog_sqlite/catalog_sqlite.h"
#include "connectors/duckdb/loader.h"
#include "connectors/local/local_store.h"
#include "connectors/state_sqlite/state_sqlite.h"

static const struct store_type *const stores[] = {&local_store_type, NULL};
static const struct catalog_type *const catalogs[] = {&catalog_sqlite_type, NULL};
static const struct state_type *const states[] = {&state_sqlite_type, NULL};

const struct engine_registry registry = {
    .stores = stores,
    .catalogs = catalogs,
    .states = states,
    .load_sql = duckdb_engine_load,
};
