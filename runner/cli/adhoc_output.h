/* Where the answer of a query goes: to stdout, or into a file that is there whole or not at all. */
#ifndef RUNNER_CLI_ADHOC_OUTPUT_H
#define RUNNER_CLI_ADHOC_OUTPUT_H

#include "runner/base/error.h"
#include "runner/io/file.h"

#include <stdio.h>

struct adhoc_output {
    FILE *stream;
    struct file_new file;
    bool is_file;
};

/* `path` NULL: stdout. */
int adhoc_output_begin(struct adhoc_output *output, const char *path, struct error *err);

/* `rc` not 0: nothing is to be kept. Returns rc, or -1. What is wrong with stdout is main's to
 * say. */
int adhoc_output_end(struct adhoc_output *output, int rc, struct error *err);

/* A finished file as the answer. */
int adhoc_output_file(const char *from, const char *path, struct error *err);

#endif
