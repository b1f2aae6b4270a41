/* One SELECT over tables of the catalog, its rows written to stdout while they come. The memory
 * does not grow with the rows; sorts and joins that are too large spill to the environment's spool
 * folder, where it may be written to. */
#ifndef RUNNER_CLI_ADHOC_H
#define RUNNER_CLI_ADHOC_H

#include "runner/cli/cli.h"
#include "runner/cli/rows.h"

struct adhoc_options {
    int format;    /* enum rows_format */
    int64_t limit; /* rows; 0: all */
    uint64_t memory;
};

/* The flags of catalog read and sql. Embed the struct above as the first member. */
#define ADHOC_FLAGS                                                                                \
    {"format", OPTION_ENUM, offsetof(struct adhoc_options, format), .choices = rows_format_names,  \
        .letter = 'o', .help = "How rows are written"},                                            \
        {"limit", OPTION_INT, offsetof(struct adhoc_options, limit), .letter = 'n', .min = 1,      \
            .max = 9e15, .value_name = "N", .help = "The first N rows (default: all)"},            \
    {                                                                                              \
        "memory", OPTION_SIZE, offsetof(struct adhoc_options, memory),                             \
            .preset = "512MiB", .min = 64.0 * 1024 * 1024, .max = 1e15, .value_name = "SIZE",      \
            .help = "What the process may take"                                                    \
    }

/* Runs `sql` over every table that it names. `table` (NULL: none) is one that is there under its
 * bare name, too; then `sql` may be NULL: all of it. The engine must be open; returns the exit
 * code. */
int adhoc_run(
    struct cli *cli, const struct adhoc_options *options, const char *sql, const char *table);

#endif
