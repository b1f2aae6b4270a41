/* Credentials fetched once: the profile files read, the source chosen (plan.h), asked, and its
 * roles assumed one after the other. The caller owns the memory until `done`. */
#ifndef CONNECTORS_AWS_FETCH_H
#define CONNECTORS_AWS_FETCH_H

#include "connectors/aws/exchange.h"
#include "connectors/aws/fetch_job.h"
#include "connectors/aws/plan.h"
#include "connectors/aws/sigv4.h"

struct credentials_fetch;

/* Once, on the loop, never from within start or cancel. err NULL: `credentials` is the receiver's
 * reference. May be started again in here. */
typedef void (*credentials_fetch_done_fn)(struct credentials_fetch *fetch, const struct error *err);

enum fetch_state {
    FETCH_IDLE,
    FETCH_READING_PROFILES,
    FETCH_RUNNING_LOCALLY, /* a token's file, a credential_process */
    FETCH_METADATA_TOKEN,
    FETCH_METADATA_ROLE,
    FETCH_ASKING,   /* the source */
    FETCH_ASSUMING, /* a role of the plan's */
    FETCH_DONE,
};

enum { FETCH_HEADERS_MAX = 8 };

struct credentials_fetch {
    /* arguments; zeroed but for them */
    struct loop *loop;
    struct http *http;
    struct work_lane *lane;
    struct aws_environment environment;
    const char *profile; /* NULL: the environment's */
    struct plan_options options;
    credentials_fetch_done_fn done;

    /* result */
    struct aws_credentials *credentials;
    int64_t skew_ms; /* of the server's clock against ours, where it said so; may be an argument */

    /* fetch.c's own, to the end */
    enum fetch_state state;
    struct error err;
    bool job_busy, exchange_busy, cancelled, planned;
    struct fetch_job job;
    struct arena arena;
    struct aws_settings settings;
    struct credentials_plan plan;
    char *token; /* of a file, or of the metadata service */
    unsigned role_index;
    struct exchange exchange;
    struct http_header headers[FETCH_HEADERS_MAX];
    size_t header_count;
    struct buffer url, body, authorization;
    char date[SIGV4_DATE_SIZE];
};

void credentials_fetch_start(struct credentials_fetch *fetch);
void credentials_fetch_cancel(struct credentials_fetch *fetch); /* still ends in done */

#endif
