/* The part of `sluice catalog alter` that writes a table anew: another partitioning, key or number
 * of buckets. */
#ifndef RUNNER_CLI_CATALOG_REWRITE_H
#define RUNNER_CLI_CATALOG_REWRITE_H

#include "runner/cli/catalog_alter.h"
#include "runner/cli/cli.h"

/* Beside alter's key and partition_by. */
struct catalog_rewrite {
    const char *sequence_by;
    int64_t buckets;
    uint64_t memory, file_size;
    bool unpartitioned, dry_run;
};

bool catalog_rewrite_asked(
    const struct catalog_alter *alter, const struct catalog_rewrite *rewrite);

/* Does it, and prints what became of it; the exit code. */
int catalog_rewrite_run(struct cli *cli, const char *table, const struct catalog_alter *alter,
    const struct catalog_rewrite *rewrite);

#endif
