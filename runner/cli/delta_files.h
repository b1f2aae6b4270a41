/* Files of data become files of a table, for one delta of one partition: read under the table's
 * columns, checked, written as loads write them, and put into the table's store. */
#ifndef RUNNER_CLI_DELTA_FILES_H
#define RUNNER_CLI_DELTA_FILES_H

#include "connectors/catalog.h"
#include "runner/base/dialect.h"
#include "runner/cli/cli.h"

struct delta_files {
    const struct catalog_version *version;
    const char *const *values;    /* of the partition: those of every row */
    enum catalog_delta_type type; /* of DELETE the files have the key and sequence_by alone; of it
                                     and of UPSERT no two rows may have the same key */
    const char *const *paths;     /* of one format: CSV, NDJSON, JSON, Parquet, by extension */
    size_t path_count;
    struct csv_dialect csv; /* of CSV files */
    uint64_t memory;        /* that the process may take */
};

/* Runs the loop; the answer is in the command's arena. Whatever goes wrong afterwards, here or in
 * the catalog: files that nothing refers to are gc's. */
int delta_files_write(struct cli *cli, const struct delta_files *wanted,
    struct catalog_file **ret_files, size_t *ret_count, struct error *err);

#endif
