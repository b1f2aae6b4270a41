/* What S3 says when it does not do what it was asked for, and what to do about it. Pure. Source:
 * "Error responses" of the S3 API reference, and what SeaweedFS, MinIO, moto and R2 send. */
#ifndef CONNECTORS_S3_ERROR_H
#define CONNECTORS_S3_ERROR_H

#include "runner/base/arena.h"
#include "runner/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct s3_error {
    int status;
    const char *code; /* "NoSuchKey"; NULL: none (HEAD has no body, proxies send pages) */
    const char *message, *request_id, *host_id;
    const char *region;   /* that the bucket is in, NULL: not said */
    const char *endpoint; /* that a redirect names */
};

/* What can be done about it. */
enum s3_remedy {
    S3_REMEDY_NONE,
    S3_REMEDY_RETRY,        /* the same again, later */
    S3_REMEDY_REGION,       /* in `region` */
    S3_REMEDY_CLOCK,        /* with the time of its Date header */
    S3_REMEDY_CREDENTIALS,  /* with fresh ones */
    S3_REMEDY_NO_CHECKSUMS, /* without the headers of checksums, if any were sent */
};

/* Fills in what the body of an answer says; what is no <Error> document changes nothing. Texts live
 * in `arena`. True: it was one. */
bool s3_error_parse(
    const char *body, size_t length, struct arena *arena, struct s3_error *ret_error);

enum s3_remedy s3_error_remedy(const struct s3_error *error);

/* Whether it asks us to slow down. */
bool s3_error_throttled(const struct s3_error *error);

/* Who asked for what, for the message. */
struct s3_error_context {
    const char *method, *bucket, *key;
    const char *subresource;   /* the first of the query, "uploads"; NULL: none */
    const char *access_key_id; /* NULL: unsigned */
    const char *region;        /* that was asked */
    bool if_none_match;        /* 412 means that it exists, not that it changed */
    int64_t clock_ms;          /* server's minus ours, where it is the reason; 0: not known */
};

/* One line: "GET s3://b/k: S3's words (AccessDenied, HTTP 403, request X); hint". The code is
 * NOT_FOUND, DENIED, EXISTS, CHANGED, BUSY, …; `detail` the status; the
 * class is TRANSIENT where the remedy is to try again. Always -1. */
int s3_error_set(
    struct error *err, const struct s3_error *error, const struct s3_error_context *context);

/* "s3://bucket/key", printable and cut in the middle when long, into `text`. */
enum { S3_NAME_SIZE = 240 };
const char *s3_error_name(const char *bucket, const char *key, char text[S3_NAME_SIZE]);

/* The IAM action that a request needs: "s3:GetObject". */
const char *s3_error_action(const struct s3_error_context *context);

#endif
