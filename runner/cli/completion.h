/* Completion scripts of shells, from the table of commands and the option tables. What only the
 * project knows (pipelines, tables, runs, tasks) the scripts ask of `sluice __complete`. */
#ifndef RUNNER_CLI_COMPLETION_H
#define RUNNER_CLI_COMPLETION_H

#include "runner/cli/cli.h"

void completion_bash(struct buffer *script);
void completion_zsh(struct buffer *script);

/* What a value or an argument is, as `sluice __complete` calls it: "pipelines"; "files" and
 * "folders" the shells know themselves; NULL: nothing to offer. */
const char *completion_kind_of_argument(enum argument_kind kind);
const char *completion_kind_of_option(const struct option *option);

#endif
