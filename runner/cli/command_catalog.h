/* The sub-commands of `sluice catalog`, each group in a file of its own. */
#ifndef RUNNER_CLI_COMMAND_CATALOG_H
#define RUNNER_CLI_COMMAND_CATALOG_H

#include "runner/cli/cli.h"

/* command_catalog_table.c */
int command_catalog_ls(
    struct cli *cli, const void *options, const char *const *args, size_t arg_count);
int command_catalog_show(
    struct cli *cli, const void *options, const char *const *args, size_t arg_count);

/* command_catalog_delta.c */
struct catalog_delta_options {
    int64_t limit; /* 0: all */
};
int command_catalog_history(
    struct cli *cli, const void *options, const char *const *args, size_t arg_count);
int command_catalog_files(
    struct cli *cli, const void *options, const char *const *args, size_t arg_count);

/* command_catalog_schema.c */
extern const struct option_set command_catalog_schema_flags;
int command_catalog_schema(
    struct cli *cli, const void *options, const char *const *args, size_t arg_count);

/* command_catalog_alter.c */
extern const struct option_set command_catalog_alter_flags;
int command_catalog_alter(
    struct cli *cli, const void *options, const char *const *args, size_t arg_count);

/* command_catalog_storage.c: the verbs of the storage model */
extern const struct command command_catalog_storage_verbs[];

#endif
