/* One POST of JSON to a URL: what hooks are delivered by. Once; trying again is the caller's. */
#ifndef CONNECTORS_POST_H
#define CONNECTORS_POST_H

#include "runner/base/error.h"
#include "runner/base/log.h"
#include "runner/io/loop.h"

#include <stddef.h>
#include <stdint.h>

struct post_header {
    const char *name, *value;
};

struct poster;
struct post_request;

/* Called exactly once, on the loop, never from within start or cancel. An answer other than 2xx is
 * an error, TRANSIENT where the same request may succeed later; a redirect is not followed. Errors
 * name the host alone: what else is in the URL may be secret. */
typedef void (*post_done_fn)(struct post_request *request, const struct error *err);

/* The caller owns it, with all that it points to, until `done`; zeroed but for the arguments. */
struct post_request {
    const char *url;
    const struct post_header *headers; /* Content-Type: application/json goes besides */
    size_t header_count;
    const char *body;
    int64_t timeout_ms;
    post_done_fn done;

    int status; /* result; 0: no answer came */
    struct poster *poster;
    void *operation;
};

struct post_options {
    struct loop *loop;
    struct log *log;
    const char *ca_file; /* PEM; NULL: $SSL_CERT_FILE, then the system's */
};

struct post_type {
    struct poster *(*open)(const struct post_options *options, struct error *err);
    void (*start)(struct poster *poster, struct post_request *request);
    void (*cancel)(struct post_request *request); /* still ends in done; harmless afterwards */
    void (*close)(struct poster *poster);         /* nothing may be under way */
};

struct poster {
    const struct post_type *type;
};

#endif
