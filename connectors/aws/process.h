/* credential_process: a command that prints credentials. It is no shell's: split into words, run by
 * its name, without a terminal. */
#ifndef CONNECTORS_AWS_PROCESS_H
#define CONNECTORS_AWS_PROCESS_H

#include "runner/base/buffer.h"
#include "runner/base/error.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Splits as a POSIX shell does where nothing is expanded: blanks divide, '…' is as it stands, in
 * "…" a \ keeps the next of \ " $ ` as it is, elsewhere any. Words are one block to free(), ended
 * by NULL. ERROR_INVALID: a quote that is not closed, or no word at all. */
int process_words(const char *command, char ***ret_words, struct error *err);

struct process_limits {
    int64_t time_ms;
    size_t output_bytes;
};

/* Blocks: for jobs. Appends what it prints; what it says on its standard error is thrown away, for
 * it may hold a secret. It gets nothing to read, and a process group of its own, which is killed
 * when time or output go over the limits (ERROR_TIMEOUT, ERROR_LIMIT) or `stop` says so
 * (ERROR_STOPPED); looked at some times a second. Errors name the command's first word only. */
int process_run(char *const *words, const struct process_limits *limits,
    bool (*stop)(const void *data), const void *data, struct buffer *ret_output, struct error *err);

#endif
