/* Errors as values: one complete line for a person, plus what a program decides by.
 *
 * A function that can fail returns int: 0, or -1 with *err filled in. `err` is its last parameter,
 * is owned by the caller and needs no release. Outputs are untouched on failure.
 *
 * Set the error where it happens, naming what failed, where and why; add context on the way out
 * with error_prefix(), outermost first: "load.clean: cannot write …/x.parquet: disk full". */
#ifndef RUNNER_BASE_ERROR_H
#define RUNNER_BASE_ERROR_H

#include <stdarg.h>
#include <stddef.h>

/* All that a retry reads. */
enum error_class {
    ERROR_CLASS_NONE,
    ERROR_TRANSIENT, /* the same attempt may succeed later */
    ERROR_PERMANENT, /* it will not */
    ERROR_CANCELLED, /* somebody asked for the end */
};

enum error_code {
    ERROR_NONE,
    ERROR_INVALID,       /* bad usage, pipeline or configuration; exit 2 */
    ERROR_NOT_SUPPORTED, /* valid, but this build cannot do it; exit 2 */
    ERROR_CHECK,         /* a data check said no; exit 3 */
    ERROR_BUSY,          /* leased by another run, or throttled; transient; exit 75 */
    ERROR_NOT_FOUND,
    ERROR_EXISTS,
    ERROR_DENIED,   /* permission */
    ERROR_CONFLICT, /* somebody else changed it first */
    ERROR_FENCED,   /* the lease was lost: this holder may not commit */
    ERROR_DATA,     /* input that is damaged, truncated or breaks its contract */
    ERROR_CHANGED,  /* an object changed while it was read */
    ERROR_NO_SPACE,
    ERROR_NO_MEMORY,
    ERROR_LIMIT,   /* one of our own limits */
    ERROR_TIMEOUT, /* transient */
    ERROR_IO,
    ERROR_SQL,     /* the SQL engine refused or failed a statement */
    ERROR_STOPPED, /* class CANCELLED */
    ERROR_INTERNAL,
};

struct error {
    enum error_code code; /* ERROR_NONE: no error */
    enum error_class class;
    int detail; /* errno, an HTTP status, a library's code; 0 where there is none */
    char message[512];
};

/* Fills *err; the class follows from the code (BUSY and TIMEOUT are transient, STOPPED is
 * cancelled, all else permanent). A message that is too long ends in "…". Arguments may point
 * into err->message itself. Always returns -1. `err` may be NULL: then it only returns. */
int error_set(struct error *err, enum error_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
int error_setv(struct error *err, enum error_code code, const char *format, va_list args)
    __attribute__((format(printf, 3, 0)));

/* The same from an errno value: picks the code, appends ": <strerror>", keeps it in detail. */
int error_set_errno(struct error *err, int errnum, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Puts "context: " in front of the message. Always returns -1. */
int error_prefix(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Overrules the class that the code implies. Always returns -1. */
int error_set_class(struct error *err, enum error_class class);

/* Keeps the first error: copies `next` where *err has none yet and `next` has one. */
void error_keep_first(struct error *err, const struct error *next);

void error_clear(struct error *err);

/* "invalid", "check", …: the stable word for logs and JSON. */
const char *error_code_name(enum error_code code);
const char *error_class_name(enum error_class class);

/* Says what they return where compilers and analyzers can see it: to them, an output that is
 * untouched on failure would otherwise look uninitialized after it. */
static inline int error_returned(int ignored)
{
    (void)ignored;
    return -1;
}
#define error_set(...) error_returned(error_set(__VA_ARGS__))
#define error_setv(...) error_returned(error_setv(__VA_ARGS__))
#define error_set_errno(...) error_returned(error_set_errno(__VA_ARGS__))
#define error_prefix(...) error_returned(error_prefix(__VA_ARGS__))
#define error_set_class(...) error_returned(error_set_class(__VA_ARGS__))

#endif
