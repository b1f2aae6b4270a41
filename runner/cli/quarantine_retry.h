/* quarantine retry: a run over rows that were put aside. */
#ifndef RUNNER_CLI_QUARANTINE_RETRY_H
#define RUNNER_CLI_QUARANTINE_RETRY_H

#include "runner/cli/cli.h"

extern const struct option_set quarantine_retry_flags;

int quarantine_retry(
    struct cli *cli, const void *options, const char *const *args, size_t arg_count);

#endif
