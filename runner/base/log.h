/* Structured logs: one JSON object a line (DESIGN section 7), to stderr, and to a file that is
 * new each hour. Only runner/ logs above debug; libraries return errors (STYLE rule 9).
 *
 * A `struct log` is used from one thread, the loop's. Nothing here blocks on anything but a
 * write to a local file; a log that cannot be written is counted and never fails a run. */
#ifndef RUNNER_BASE_LOG_H
#define RUNNER_BASE_LOG_H

#include "runner/base/error.h"
#include "runner/base/json.h"

#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_TRACE, LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR, LOG_OFF };

enum log_format { LOG_FORMAT_JSON, LOG_FORMAT_TEXT, LOG_FORMAT_NONE };

struct log;

/* What a line is about; any of them may be NULL or 0 and is then left out. */
struct log_context {
    const char *pipeline, *instance, *run_id, *task;
    unsigned attempt;
};

struct log_options {
    enum log_format format; /* of what goes to `fd` */
    int fd;                 /* usually 2; -1: none */
    const char *filter;     /* "info,s3=debug,http=trace"; NULL: info */
    const char *dir;        /* folder of the hourly files; NULL: none */
    int64_t keep_ms;        /* files older than this are removed when a new one begins; 0: never */
    bool color;             /* text only */
};

/* Fails on a filter that is not understood and on a folder that cannot be made. */
struct log *log_new(const struct log_options *options, struct error *err);
void log_free(struct log *log); /* NULL is fine */

/* Parses a level's name; -1 where it is none. */
int log_level_parse(const char *name);
const char *log_level_name(enum log_level level);

/* Whether a line of this scope ("run", "s3", "http", …) and level would be written: ask before
 * anything costly is built. The scope of an event is the part before its first dot. */
bool log_enabled(const struct log *log, const char *scope, enum log_level level);

/* Writes one line. `event` is "task.finished"; `fields` (stolen, may be NULL) are the event's own
 * keys. A NULL log writes nothing. Text that secrets were resolved to is redacted (log_redact). */
void log_event(struct log *log, enum log_level level, const char *event,
    const struct log_context *context, json_t *fields, const char *format, ...)
    __attribute__((format(printf, 6, 7)));

/* From now on `secret` (4 bytes at least) is written as "***", wherever it occurs in a line. */
void log_redact(struct log *log, const char *secret);

/* Where lines go instead of `fd` while a live display owns the terminal; NULL: back. */
typedef void (*log_sink_fn)(
    void *data, enum log_level level, const char *event, const char *line, size_t length);
void log_set_sink(struct log *log, log_sink_fn sink, void *data);

#endif
