/* What the verbs of `sluice catalog` take on the command line: NAMESPACE.TABLE@VERSION, partition
 * values, columns, properties. Pure; all of it goes to `arena`. */
#ifndef RUNNER_CLI_CATALOG_ARGS_H
#define RUNNER_CLI_CATALOG_ARGS_H

#include "connectors/catalog.h"
#include "runner/base/option.h"

enum catalog_depth { CATALOG_ARG_NAMESPACE, CATALOG_ARG_TABLE, CATALOG_ARG_VERSION };

/* "ns", "ns.table", "ns.table@2". `deepest` says how much may be there, `least` what must be. */
int catalog_args_locator(const char *text, enum catalog_depth least, enum catalog_depth deepest,
    struct arena *arena, struct catalog_locator *ret_at, struct error *err);

/* --partition: one text a field, or one JSON array of texts and nulls: '["2001-01", null]'. */
int catalog_args_values(const struct text_list *texts, struct arena *arena,
    struct catalog_locator *at, struct error *err);

/* "name TYPE", "name TYPE NOT NULL"; errors do not name the flag. */
int catalog_args_columns(const struct text_list *texts, struct arena *arena,
    struct catalog_column **ret_columns, struct error *err);

/* --partition-by, of those columns: as runs would take it, and as they write it. */
int catalog_args_partitioning(const struct text_list *texts, const struct catalog_column *columns,
    size_t count, struct arena *arena, const char *const **ret_fields, struct error *err);

/* --property k=v as a JSON object; NULL where there are none. */
const char *catalog_args_properties(const struct option_pairs *pairs, struct arena *arena);

/* A manifest as get-delta --include-manifest --json writes it: an array of objects with key, rows,
 * bytes and what else catalog_json_file() has, or an object with such a `files`. `what` is what
 * errors call it. */
int catalog_args_manifest(const char *json, size_t length, const char *what, struct arena *arena,
    struct catalog_file **ret_files, size_t *ret_count, struct error *err);

#endif
