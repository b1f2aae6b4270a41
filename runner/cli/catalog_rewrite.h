/* The part of `sluice catalog alter` that writes all rows of a table anew: into a new version with
 * another key or other partitions, or into other buckets. */
#ifndef RUNNER_CLI_CATALOG_REWRITE_H
#define RUNNER_CLI_CATALOG_REWRITE_H

#include "runner/cli/cli.h"

struct catalog_rewrite {
    struct text_list partition_by, key;
    const char *sequence_by;
    int64_t buckets;
    uint64_t memory, file_size;
    bool unpartitioned, dry_run;
};

bool catalog_rewrite_is_wanted(const struct catalog_rewrite *rewrite);

/* Does it, and says what came of it; the exit code. The engine must be open. */
int catalog_rewrite_table(
    struct cli *cli, const struct catalog_rewrite *rewrite, const char *table);

#endif
