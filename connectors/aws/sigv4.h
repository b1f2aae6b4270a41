/* AWS Signature Version 4, pure: source "Signature Version 4 signing process" of AWS, tested with
 * conformance/sigv4. Nothing here is kept or logged. */
#ifndef CONNECTORS_AWS_SIGV4_H
#define CONNECTORS_AWS_SIGV4_H

#include "runner/base/buffer.h"
#include "runner/base/error.h"
#include "runner/io/http.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct aws_credentials;

#define SIGV4_UNSIGNED_PAYLOAD "UNSIGNED-PAYLOAD"
#define SIGV4_EMPTY_PAYLOAD "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

enum { SIGV4_HEADERS_MAX = 128, SIGV4_PARAMETERS_MAX = 128, SIGV4_EXPIRES_MAX_S = 7 * 86400 };

/* The signing key of a day, a region and a service, with what libcrypto prepared for it: made when
 * one of them or the credentials change (each time where a text does not fit). Zeroed at first;
 * used by one thread at a time. */
struct sigv4_key {
    char date[9], region[64], service[32], access_key_id[129], secret_access_key[129];
    struct evp_md_st *digest;       /* SHA-256, fetched once */
    struct evp_mac_st *algorithm;   /* HMAC, the same */
    struct evp_mac_ctx_st *context; /* HMAC that holds the signing key; NULL: none was made */
};

void sigv4_key_deinit(struct sigv4_key *key); /* wipes; a zeroed one is fine, too */

struct sigv4_request {
    const char *method;
    const char *path;                  /* "/" or as it goes out: encoded */
    const char *query;                 /* encoded, as it goes out, without "?"; NULL: none */
    const struct http_header *headers; /* all that are to be signed, with Host; any order */
    size_t header_count;
    const char *payload; /* hex of its SHA-256, or SIGV4_UNSIGNED_PAYLOAD, … */
    const char *region, *service;
    int64_t time_ms;         /* the moment of the signature */
    bool normalize_path;     /* "." and ".." and "//" go: everywhere but for S3 */
    bool encode_path_twice;  /* everywhere but for S3 */
    bool omit_session_token; /* not part of what is signed */
};

/* All that follow fail with ERROR_LIMIT (more than SIGV4_…_MAX headers or parameters, a text that
 * is longer than its buffer may get) or ERROR_INTERNAL (libcrypto), and then append nothing. */

/* The value of the Authorization header, appended. The caller sends X-Amz-Date (sigv4_date()),
 * X-Amz-Content-Sha256 where the service wants it and X-Amz-Security-Token, and has them in
 * `headers`. `key` is used when it fits and made anew else; NULL: kept nowhere. */
int sigv4_authorization(const struct sigv4_request *request,
    const struct aws_credentials *credentials, struct sigv4_key *key, struct buffer *ret_value,
    struct error *err);

/* The whole query of a presigned request, appended: `query`'s own parameters, X-Amz-Algorithm, …,
 * X-Amz-Signature. It holds for 1 … SIGV4_EXPIRES_MAX_S seconds, else ERROR_INVALID. */
int sigv4_presign(const struct sigv4_request *request, const struct aws_credentials *credentials,
    unsigned expires_s, struct sigv4_key *key, struct buffer *ret_query, struct error *err);

/* "20150830T123600Z" */
enum { SIGV4_DATE_SIZE = 17 };
const char *sigv4_date(int64_t time_ms, char text[SIGV4_DATE_SIZE]);

/* Hex of the SHA-256 of some bytes. */
enum { SIGV4_HASH_SIZE = 65 };
int sigv4_hash(const void *bytes, size_t length, char text[SIGV4_HASH_SIZE], struct error *err);

/* What is between: for tests and for telling what a server disagrees with. Appended. */
int sigv4_canonical_request(
    const struct sigv4_request *request, struct buffer *ret_text, struct error *err);
int sigv4_string_to_sign(
    const struct sigv4_request *request, struct buffer *ret_text, struct error *err);

/* Percent-encoding of RFC 3986: all but A-Z a-z 0-9 - _ . ~, and "/" where `keep_slash`. Appended.
 */
void sigv4_encode(const char *text, size_t length, bool keep_slash, struct buffer *ret_encoded);

#endif
