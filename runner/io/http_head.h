/* The head of an answer, line by line as it comes from outside: a status line and headers, within
 * HTTP_HEAD_BYTES_MAX. Pure; a file of runner/io/http's own. */
#ifndef RUNNER_IO_HTTP_HEAD_H
#define RUNNER_IO_HTTP_HEAD_H

#include "runner/base/buffer.h"
#include "runner/base/error.h"
#include "runner/io/http.h"

#include <stdint.h>

struct http_field {
    uint32_t name, value; /* where they start in `text` */
};

struct http_head {
    struct buffer text; /* name NUL value NUL … */
    struct http_field *fields;
    size_t count, capacity;
    size_t bytes;  /* of all lines, those of interim answers among them */
    int status;    /* 0: no status line yet */
    bool complete; /* the empty line came, and the answer is a final one */
    bool may_fold; /* the last line made a field: one that starts with a blank continues it */
};

void http_head_init(struct http_head *head);
void http_head_deinit(struct http_head *head);
void http_head_clear(struct http_head *head); /* keeps the memory */

/* One line, with or without its line end. Interim answers (1xx) are dropped. ERROR_LIMIT when all
 * are too long, ERROR_IO where it is not HTTP. Not to be called once `complete`. */
int http_head_line(struct http_head *head, const char *line, size_t length, struct error *err);

/* The same for a line that is a header and nothing else, as in trailers. A line that is no header
 * (no colon, a name with blanks) is left out. */
int http_head_field(struct http_head *head, const char *line, size_t length, struct error *err);

/* Of a complete head: ERROR_IO where its Content-Length is no number, or more than one. */
int http_head_check_length(const struct http_head *head, struct error *err);

/* By any case, the last of equal names; NULL: not there. */
const char *http_head_find(const struct http_head *head, const char *name);

#endif
