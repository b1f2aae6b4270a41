#include "connectors/duckdb/loader.h"

#include "connectors/module.h"

int duckdb_engine_load(const struct sql_engine_type **ret_type, struct error *err)
{
    static const struct module_face face = {
        .file = "sluice_duckdb.so",
        .symbol = DUCKDB_MODULE_ENTRY,
        .title = "the SQL engine's module",
    };
    const void *type;

    if (module_load(&face, &type, err))
        return -1;
    *ret_type = type;
    return 0;
}
