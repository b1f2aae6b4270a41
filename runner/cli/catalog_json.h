/* Records of the catalog as JSON with stable keys (runner/cli/README.md), and those as texts for
 * people. Keys that have nothing to say are left out, but for counts. */
#ifndef RUNNER_CLI_CATALOG_JSON_H
#define RUNNER_CLI_CATALOG_JSON_H

#include "connectors/catalog.h"
#include "runner/base/json.h"

/* New references. */
json_t *catalog_json_namespace(const struct catalog_namespace *namespace);
json_t *catalog_json_table(const struct catalog_table *table);
json_t *catalog_json_version(const struct catalog_version *version);
json_t *catalog_json_schema(const struct catalog_schema *schema);
json_t *catalog_json_stream(const struct catalog_stream *stream);
json_t *catalog_json_partition(const struct catalog_partition *partition);
json_t *catalog_json_delta(const struct catalog_delta *delta); /* with its files, if asked for */
json_t *catalog_json_file(const struct catalog_file *file);
json_t *catalog_json_tag(const struct catalog_tag *tag);
json_t *catalog_json_staged(const struct catalog_staged *staged);

/* Texts and nulls. */
json_t *catalog_json_values(const char *const *values, size_t count);

/* An array of the query's records, of whichever kind its verb gives. */
json_t *catalog_json_answer(const struct catalog_query *query);

#endif
