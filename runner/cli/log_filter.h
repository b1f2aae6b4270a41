/* Which lines of the log folder are wanted, and how one is shown. Pure. */
#ifndef RUNNER_CLI_LOG_FILTER_H
#define RUNNER_CLI_LOG_FILTER_H

#include "runner/base/buffer.h"
#include "runner/base/json.h"
#include "runner/base/log.h"

/* NULL and 0: anything. */
struct log_filter {
    const char *pipeline, *task, *grep;
    const char *run_id; /* or its beginning */
    enum log_level level;
    int64_t since_ms, until_ms; /* inclusive, exclusive */
};

/* The hour that a file of the log, "2026-11-21T06.ndjson", is of; false: it is no such file. */
bool log_filter_hour(const char *name, int64_t *ret_ms);

/* Whether the file, "2026-11-21T06.ndjson", is one of the log's and may hold lines in the wanted
 * time. */
bool log_filter_file(const struct log_filter *filter, const char *name);

/* Whether a line (without its end) is wanted. What is no JSON object cannot be asked: it is wanted
 * where each text that is looked for occurs in it. *ret_value: the object, a new reference, where
 * the line is wanted and one; else NULL. */
bool log_filter_line(
    const struct log_filter *filter, const char *line, size_t length, json_t **ret_value);

/* For people, in one line with its end: time, level, pipeline, task, message, the event's own keys.
 * `value` NULL: the line as it is, control characters escaped. */
void log_filter_show(
    struct buffer *out, const char *line, size_t length, const json_t *value, bool color);

#endif
