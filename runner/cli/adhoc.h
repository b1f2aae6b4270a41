/* One SELECT over tables of the catalog, as they are or were, or over one delta. Its rows are
 * written to stdout while they come, or as one file. The memory does not grow with the rows; sorts
 * and joins that are too large spill to the environment's spool folder, where it may be written to.
 */
#ifndef RUNNER_CLI_ADHOC_H
#define RUNNER_CLI_ADHOC_H

#include "connectors/catalog.h"
#include "runner/cli/cli.h"
#include "runner/cli/rows.h"

/* Those of rows.h, and those that the SQL engine writes. */
enum adhoc_format { ADHOC_TABLE, ADHOC_CSV, ADHOC_NDJSON, ADHOC_JSON, ADHOC_PARQUET, ADHOC_ARROW };

extern const char *const adhoc_format_names[];

struct adhoc_options {
    int format;    /* enum adhoc_format */
    int64_t limit; /* rows; 0: all */
    uint64_t memory;
    const char *at, *output;
};

/* The flags of catalog read and sql. Embed the struct above as the first member. */
#define ADHOC_FLAGS                                                                                \
    {"at", OPTION_TEXT, offsetof(struct adhoc_options, at), .value_name = "WHEN",                  \
        .help = "Tables as they were: a position, a time, a tag (default: now)"},                  \
        ADHOC_OUTPUT_FLAGS

/* Where there is no `at`. */
#define ADHOC_OUTPUT_FLAGS                                                                         \
    {"format", OPTION_ENUM, offsetof(struct adhoc_options, format), .choices = adhoc_format_names, \
        .letter = 'o', .help = "How rows are written"},                                            \
        {"output", OPTION_TEXT, offsetof(struct adhoc_options, output), .value_name = "FILE",      \
            .help = "Into a file, in the format of its extension unless --format says another"},   \
        {"limit", OPTION_INT, offsetof(struct adhoc_options, limit), .letter = 'n', .min = 1,      \
            .max = 9e15, .value_name = "N", .help = "The first N rows (default: all)"},            \
    {                                                                                              \
        "memory", OPTION_SIZE, offsetof(struct adhoc_options, memory),                             \
            .preset = "512MiB", .min = 64.0 * 1024 * 1024, .max = 1e15, .value_name = "SIZE",      \
            .help = "What the process may take"                                                    \
    }

/* A delta, staged or committed, with its files. */
struct adhoc_delta {
    const struct catalog_version *version;
    const struct catalog_schema *schemas; /* the version's */
    size_t schema_count;
    const struct catalog_delta *delta;
    int64_t entry; /* of its files that one alone, from 1 on; 0: all */
};

struct adhoc_source {
    const char *sql;                   /* over every table that it names */
    const char *table;                 /* one that is there under its bare name, too; NULL: none */
    size_t condition_at;               /* where in `sql` that of --where begins; 0: there is none */
    const struct adhoc_delta *delta;   /* in place of both: its rows as they are stored; NULL */
    const struct sql_dataset *dataset; /* in place of tables: files on this machine; NULL */
};

/* The engine must be open; returns the exit code. */
int adhoc_run(
    struct cli *cli, const struct adhoc_options *options, const struct adhoc_source *source);

#endif
