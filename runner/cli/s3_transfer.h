/* What cp, mv, sync, rm and put of a file have in common: a transfer, told object by object. */
#ifndef RUNNER_CLI_S3_TRANSFER_H
#define RUNNER_CLI_S3_TRANSFER_H

#include "runner/cli/s3_session.h"

/* Runs it with progress and prints all: objects as they end, then the error. Only the arguments of
 * `transfer` but `object`, `item` and `done` are set. Returns the exit code. */
int s3_transfer_run(
    struct cli *cli, const struct s3_write_flags *flags, const struct s3_transfer *transfer);

/* One object's line, as text or as JSON; nothing for a failure as text, or where it is quiet. */
void s3_transfer_print(
    const struct cli *cli, const struct s3_transfer_item *item, const struct error *err);

/* One file as it is called, to a key as it is called. */
int s3_transfer_put(struct cli *cli, const struct s3_write_flags *flags, const char *if_match,
    const char *path, const char *url);

#endif
