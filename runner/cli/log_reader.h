/* The log folder as one stream of lines: its hourly files in order, and, when followed, what is
 * added to them. Nothing is lost and nothing comes twice across a change of the hour: a file stays
 * open for a while after its hour, because a line that was begun in it may still be written.
 * Memory: one line a file. */
#ifndef RUNNER_CLI_LOG_READER_H
#define RUNNER_CLI_LOG_READER_H

#include "runner/cli/log_filter.h"

enum {
    LOG_LINE_MAX = 1024 * 1024, /* bytes; what is longer comes in pieces */
    LOG_LINGER_MS = 10000,      /* how long a file stays open after its hour */
    LOG_OPEN_MAX = 4,
};

struct log_reader;

/* Without the line end. False: no more, please. */
typedef bool (*log_line_fn)(void *data, const char *line, size_t length);

struct log_reader_file {
    char *name;
    int fd;
    struct buffer rest; /* a line whose end has not come yet */
};

struct log_reader {
    const char *folder;              /* the caller's */
    const struct log_filter *filter; /* which files; the caller's */
    log_line_fn on_line;
    void *data;
    struct log_reader_file files[LOG_OPEN_MAX]; /* open ones, in order */
    unsigned open_count;
    char *last_name; /* of the newest that was opened */
    bool stopped;    /* on_line said so */
};

void log_reader_init(struct log_reader *reader, const char *folder, const struct log_filter *filter,
    log_line_fn on_line, void *data);
void log_reader_deinit(struct log_reader *reader);

/* Hands over all that is there now and has a line end. Again: what was added since. A folder that
 * is not there is empty. */
int log_reader_read(struct log_reader *reader, int64_t now_ms, struct error *err);

/* Hands over last lines that have no end: when it is not followed any further. */
void log_reader_finish(struct log_reader *reader);

#endif
