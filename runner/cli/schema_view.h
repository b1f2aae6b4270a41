/* A table's columns, and what it goes by, as text and as JSON. */
#ifndef RUNNER_CLI_SCHEMA_VIEW_H
#define RUNNER_CLI_SCHEMA_VIEW_H

#include "connectors/catalog.h"
#include "runner/cli/cli.h"

/* table, version, schema_id, columns (field_id, name, type, iceberg_type, required, comment), key,
 * sequence_by, partition_by, sort_by. A new reference. */
json_t *schema_view_json(const struct catalog_version *version);
json_t *schema_view_columns_json(const struct catalog_column *columns, size_t count);

void schema_view_print(const struct cli *cli, const struct catalog_version *version);
void schema_view_print_columns(
    const struct cli *cli, const struct catalog_column *columns, size_t count);

/* Asks for the table's version and prints it, as --json or as text; the exit code. */
int schema_view_show(struct cli *cli, const char *table);

#endif
