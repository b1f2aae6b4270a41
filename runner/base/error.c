#include "runner/base/error.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    enum error_class class;
} codes[] = {
    [ERROR_NONE] = {"none", ERROR_CLASS_NONE},
    [ERROR_INVALID] = {"invalid", ERROR_PERMANENT},
    [ERROR_NOT_SUPPORTED] = {"not_supported", ERROR_PERMANENT},
    [ERROR_CHECK] = {"check", ERROR_PERMANENT},
    [ERROR_BUSY] = {"busy", ERROR_TRANSIENT},
    [ERROR_NOT_FOUND] = {"not_found", ERROR_PERMANENT},
    [ERROR_EXISTS] = {"exists", ERROR_PERMANENT},
    [ERROR_DENIED] = {"denied", ERROR_PERMANENT},
    [ERROR_CONFLICT] = {"conflict", ERROR_PERMANENT},
    [ERROR_FENCED] = {"fenced", ERROR_PERMANENT},
    [ERROR_DATA] = {"data", ERROR_PERMANENT},
    [ERROR_CHANGED] = {"changed", ERROR_PERMANENT},
    [ERROR_NO_SPACE] = {"no_space", ERROR_PERMANENT},
    [ERROR_NO_MEMORY] = {"no_memory", ERROR_PERMANENT},
    [ERROR_LIMIT] = {"limit", ERROR_PERMANENT},
    [ERROR_TIMEOUT] = {"timeout", ERROR_TRANSIENT},
    [ERROR_IO] = {"io", ERROR_PERMANENT},
    [ERROR_SQL] = {"sql", ERROR_PERMANENT},
    [ERROR_STOPPED] = {"stopped", ERROR_CANCELLED},
    [ERROR_INTERNAL] = {"internal", ERROR_PERMANENT},
};

static const char *const classes[] = {
    [ERROR_CLASS_NONE] = "none",
    [ERROR_TRANSIENT] = "transient",
    [ERROR_PERMANENT] = "permanent",
    [ERROR_CANCELLED] = "cancelled",
};

/* Ends a message that did not fit with an ellipsis, never inside a UTF-8 sequence. */
static void mark_truncation(char *message, size_t size)
{
    static const char ellipsis[] = "…";
    size_t end = size - sizeof(ellipsis);

    while (end > 0 && ((unsigned char)message[end] & 0xc0) == 0x80)
        end--;
    memcpy(message + end, ellipsis, sizeof(ellipsis));
}

int(error_setv)(struct error *err, enum error_code code, const char *format, va_list args)
{
    char message[sizeof(err->message)];
    int length;

    if (!err)
        return -1;
    length = vsnprintf(message, sizeof(message), format, args);
    if (length >= (int)sizeof(message))
        mark_truncation(message, sizeof(message));
    err->code = code;
    err->class = codes[code].class;
    err->detail = 0;
    memcpy(err->message, message, sizeof(message));
    return -1;
}

int(error_set)(struct error *err, enum error_code code, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    error_setv(err, code, format, args);
    va_end(args);
    return -1;
}

static enum error_code code_of_errno(int errnum)
{
    switch (errnum) {
    case ENOENT:
    case ENOTDIR:
        return ERROR_NOT_FOUND;
    case EEXIST:
        return ERROR_EXISTS;
    case EACCES:
    case EPERM:
    case EROFS:
        return ERROR_DENIED;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return ERROR_NO_SPACE;
    case ENOMEM:
        return ERROR_NO_MEMORY;
    case ETIMEDOUT:
        return ERROR_TIMEOUT;
    case ECANCELED:
        return ERROR_STOPPED;
    case EMFILE:
    case ENFILE:
        return ERROR_LIMIT;
    default:
        return ERROR_IO;
    }
}

int(error_set_errno)(struct error *err, int errnum, const char *format, ...)
{
    va_list args;

    if (!err)
        return -1;
    va_start(args, format);
    error_setv(err, code_of_errno(errnum), format, args);
    va_end(args);
    error_set(err, err->code, "%s: %s", err->message, strerror(errnum));
    err->detail = errnum;
    return -1;
}

int(error_prefix)(struct error *err, const char *format, ...)
{
    char context[sizeof(err->message)];
    char message[sizeof(err->message)];
    va_list args;
    int length;

    if (!err)
        return -1;
    va_start(args, format);
    vsnprintf(context, sizeof(context), format, args);
    va_end(args);
    length =
        snprintf(message, sizeof(message), "%.*s: %s", (int)sizeof(context), context, err->message);
    if (length >= (int)sizeof(message))
        mark_truncation(message, sizeof(message));
    memcpy(err->message, message, sizeof(message));
    return -1;
}

int(error_set_class)(struct error *err, enum error_class class)
{
    if (err)
        err->class = class;
    return -1;
}

void error_keep_first(struct error *err, const struct error *next)
{
    if (next && next->code && !err->code)
        *err = *next;
}

void error_clear(struct error *err)
{
    err->code = ERROR_NONE;
    err->class = ERROR_CLASS_NONE;
    err->detail = 0;
    err->message[0] = '\0';
}

const char *error_code_name(enum error_code code)
{
    return codes[code].name;
}

const char *error_class_name(enum error_class class)
{
    return classes[class];
}
