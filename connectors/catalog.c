#include "connectors/catalog.h"

const char *catalog_lifecycle_name(enum catalog_lifecycle lifecycle)
{
    static const char *const names[] = {
        [CATALOG_UNRELEASED] = "unreleased",
        [CATALOG_BETA] = "beta",
        [CATALOG_ACTIVE] = "active",
        [CATALOG_DEPRECATED] = "deprecated",
        [CATALOG_DELETED] = "deleted",
    };

    return names[lifecycle];
}

const char *catalog_commit_state_name(enum catalog_commit_state state)
{
    static const char *const names[] = {
        [CATALOG_STAGED] = "staged",
        [CATALOG_COMMITTED] = "committed",
        [CATALOG_REPLACED] = "deprecated", /* DeltaCAT's word */
    };

    return names[state];
}

const char *catalog_delta_type_name(enum catalog_delta_type type)
{
    static const char *const names[] = {
        [CATALOG_ADD] = "add",
        [CATALOG_APPEND] = "append",
        [CATALOG_UPSERT] = "upsert",
        [CATALOG_DELETE] = "delete",
    };

    return names[type];
}

const char *catalog_content_name(enum catalog_content content)
{
    return content == CATALOG_DELETES ? "deletes" : "data";
}
