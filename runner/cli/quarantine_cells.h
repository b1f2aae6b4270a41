/* Rows of the quarantine as CSV again. Pure. */
#ifndef RUNNER_CLI_QUARANTINE_CELLS_H
#define RUNNER_CLI_QUARANTINE_CELLS_H

#include "config/pipeline.h"
#include "runner/base/buffer.h"
#include "runner/base/text.h"

void quarantine_append_quoted(struct buffer *out, const char *text);

/* A line of CSV as an expression over `text`, a JSON object with members of these names. */
void quarantine_append_cells(
    struct buffer *sql, const char *const *names, size_t count, const struct extract *extract);

#endif
