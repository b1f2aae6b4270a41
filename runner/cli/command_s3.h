/* The sub-commands of `sluice s3`, each group in a file of its own. */
#ifndef RUNNER_CLI_COMMAND_S3_H
#define RUNNER_CLI_COMMAND_S3_H

#include "runner/cli/cli.h"

/* command_s3_list.c */
extern const struct option_set s3_ls_set;
extern const char s3_ls_details[];
int command_s3_ls(struct cli *cli, const void *options, const char *const *args, size_t arg_count);

/* command_s3_transfer.c */
extern const struct option_set s3_cp_set, s3_mv_set, s3_sync_set, s3_rm_set;
extern const char s3_cp_details[], s3_mv_details[], s3_sync_details[], s3_rm_details[];
int command_s3_cp(struct cli *cli, const void *options, const char *const *args, size_t arg_count);
int command_s3_mv(struct cli *cli, const void *options, const char *const *args, size_t arg_count);
int command_s3_sync(
    struct cli *cli, const void *options, const char *const *args, size_t arg_count);
int command_s3_rm(struct cli *cli, const void *options, const char *const *args, size_t arg_count);

/* command_s3_stream.c */
extern const struct option_set s3_cat_set, s3_put_set;
int command_s3_cat(struct cli *cli, const void *options, const char *const *args, size_t arg_count);
int command_s3_put(struct cli *cli, const void *options, const char *const *args, size_t arg_count);

/* command_s3_small.c */
extern const struct option_set s3_presign_set, s3_mb_set, s3_rb_set, s3_whoami_set;
int command_s3_presign(
    struct cli *cli, const void *options, const char *const *args, size_t arg_count);
int command_s3_mb(struct cli *cli, const void *options, const char *const *args, size_t arg_count);
int command_s3_rb(struct cli *cli, const void *options, const char *const *args, size_t arg_count);
int command_s3_whoami(
    struct cli *cli, const void *options, const char *const *args, size_t arg_count);

#endif
