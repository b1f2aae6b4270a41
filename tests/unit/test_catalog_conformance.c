/* The contract of connectors/catalog.h over each catalog that fulfils it. */
#include "connectors/catalog_sqlite/catalog_sqlite.h"
#include "tests/unit/catalog_conformance.h"

static const struct conformance_implementation implementations[] = {
    {&catalog_sqlite_type, "catalog.db"},
};

int main(void)
{
    int failed = 0;

    for (size_t i = 0; i < ARRAY_LENGTH(implementations); i++) {
        print_message("catalog: %s\n", implementations[i].type->scheme);
        failed += conformance_tables(&implementations[i]);
        failed += conformance_schemas(&implementations[i]);
        failed += conformance_changes(&implementations[i]);
        failed += conformance_deltas(&implementations[i]);
        failed += conformance_lists(&implementations[i]);
        failed += conformance_time(&implementations[i]);
    }
    return failed;
}
