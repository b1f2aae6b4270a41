/* The inside of a call: call.c is the flow, call_request.c what goes out, call_answer.c what is
 * made of what comes back. */
#ifndef CONNECTORS_S3_CALL_PRIVATE_H
#define CONNECTORS_S3_CALL_PRIVATE_H

#include "connectors/aws/credentials.h"
#include "connectors/s3/call.h"
#include "connectors/s3/client.h"
#include "runner/base/arena.h"
#include "runner/base/buffer.h"
#include "runner/io/retry.h"

enum exchange_state {
    EXCHANGE_WAITING, /* for the first attempt, or the next */
    EXCHANGE_AUTHENTICATING,
    EXCHANGE_SENDING, /* in the queue, on the wire, and until it is judged */
    EXCHANGE_DONE,
};

enum {
    EXCHANGE_HEADERS_MAX = S3_CALL_HEADERS_MAX + 8, /* ours: Host, Authorization, … */
    ERROR_BYTES_MAX = 64 * 1024,                    /* of an error's body; more is not read */
};

/* What the store has a word in only once each, so that two that disagree do not go on for ever. */
struct exchange_corrections {
    bool region, clock, credentials, no_checksums;
};

struct s3_exchange {
    struct s3_client *client;
    struct s3_call *call;
    enum exchange_state state;
    bool cancelled;
    struct retry retry;

    struct credentials_request credentials_request;
    bool credentials_wait;                     /* the request is under way */
    const struct aws_credentials *credentials; /* a reference; NULL: none yet */

    struct http_request request;
    struct http_header headers[EXCHANGE_HEADERS_MAX];
    size_t header_count;
    struct arena arena;            /* of one request: URL, headers, call->error */
    const char *path, *query_text; /* parts of the URL, encoded; query_text NULL: none */
    char region[64];               /* that it was signed for */
    bool checksums_sent;
    bool checksum_value_sent; /* not just which kind will come: any store takes that */
    int64_t signed_ms;        /* by our clock, corrected as it was then */

    struct exchange_corrections corrections;
    struct buffer answer;               /* of a 2xx without `write` */
    struct buffer trouble;              /* the body of any other answer */
    struct http_header *answer_headers; /* kept: http's own end with its `done` */
    size_t answer_header_count;
};

/* The reference becomes the exchange's, in place of the one that it had. NULL: none. */
void exchange_take_credentials(struct s3_exchange *x, const struct aws_credentials *credentials);

/* Puts the method and the s3:// name in front. */
void exchange_name_error(const struct s3_exchange *x, struct error *err);

/* --- call_request.c --- */

/* Fills x->request's method, URL and time-outs; nothing is signed. */
int exchange_address(struct s3_exchange *x, struct error *err);

/* Headers and signature, at the moment when the request leaves the queue. */
int exchange_sign(struct s3_exchange *x, struct error *err);

const char *exchange_request_header(const struct s3_exchange *x, const char *name);

/* --- call_answer.c --- */

enum verdict {
    VERDICT_GOOD,
    VERDICT_AGAIN, /* at once, with what was learnt */
    VERDICT_BAD,   /* err says how; its class decides about another attempt */
};

/* `failure` is what kept an answer from coming whole, NULL: it came. */
enum verdict exchange_judge(
    struct s3_exchange *x, const struct error *failure, struct error *ret_err);

/* The debug line of one request; `err` NULL: it was good. */
void exchange_log(const struct s3_exchange *x, const struct error *err);

#endif
