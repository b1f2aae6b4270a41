/* The inside of the store: http_store.c is its face, http_store_run.c what a request goes through,
 * http_store_name.c URLs and versions. */
#ifndef CONNECTORS_HTTP_HTTP_STORE_PRIVATE_H
#define CONNECTORS_HTTP_HTTP_STORE_PRIVATE_H

#include "connectors/http/http_store.h"
#include "runner/base/buffer.h"
#include "runner/io/http.h"
#include "runner/io/retry.h"

enum { HTTP_STORE_CONNECTIONS = 16, HTTP_STORE_BUFFER_BYTES = 256 * 1024 };

struct http_store {
    struct store store;
    struct http *http;
    struct loop *loop;
    struct retry_policy retry;
    unsigned connections;
    unsigned running; /* requests */
};

enum http_store_step {
    HTTP_STORE_REFUSING, /* nothing is asked: `err` says why */
    HTTP_STORE_LOOKING,  /* HEAD */
    HTTP_STORE_PROBING,  /* GET of one byte */
    HTTP_STORE_GETTING,
};

/* What an answer says of the whole file. */
struct http_facts {
    const char *etag, *modified; /* NULL: not said */
    int64_t length;              /* HTTP_LENGTH_UNKNOWN: not said */
};

struct http_operation {
    struct http_store *store;
    struct store_request *request;
    struct arena arena;
    const char *shown; /* the URL for people */
    enum http_store_step step;
    struct retry retry;
    struct http_request http;
    struct http_header headers[3];
    bool cancelled, asking;
    bool answered;           /* the head of the answer under way said all that is asked */
    struct error err;        /* REFUSING, and what `head` and `write` say */
    struct http_facts facts; /* in `arena`; of the first answer, which all others have to match */
    int fd;                  /* GET: -1 until it is opened */
    uint64_t offset;         /* bytes that are there */
    uint64_t offset_before;  /* the most that were, before the attempts that are under way */
    unsigned rounds;         /* of attempts, each after one that brought bytes */
};

void http_operation_start(struct http_store *store, struct store_request *request);
void http_operation_cancel(struct http_operation *operation);

/* --- http_store_name.c: pure --- */

int http_store_check_url(const char *url, struct error *err);
void http_store_identify(const char *url, struct buffer *identity);

const char *http_store_version(const struct http_facts *facts, struct arena *arena);
bool http_store_is_version(const char *version, const struct http_facts *facts);

/* What If-Range takes; NULL: nothing that is certain. */
const char *http_store_validator(const struct http_facts *facts);

/* "bytes 5-99/1234", "bytes 5-99/" and a star: where it begins, and the whole length. */
bool http_store_read_range(const char *text, uint64_t *ret_first, int64_t *ret_length);

#endif
