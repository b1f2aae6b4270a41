/* Changing one object so that nobody's change is lost: what is there is read, changed, and put only
 * where it is still there (If-Match; If-None-Match where nothing was). Where somebody else was
 * first, it starts again with what is there now; where an answer was lost, what is there says
 * whether it was put: every document carries a token of whoever wrote it. Also reads (a change that
 * changes nothing). Caller owns it, rule 10 and 11 of STYLE. */
#ifndef CONNECTORS_STATE_S3_CHANGE_H
#define CONNECTORS_STATE_S3_CHANGE_H

#include "connectors/s3/call.h"
#include "connectors/s3/client.h"
#include "connectors/s3/object.h"
#include "runner/base/json.h"
#include "runner/io/timer.h"

enum { CHANGE_TRIES_MAX = 30 };

struct change;

/* Makes the next document of what is there now (NULL: nothing); pure, as it may be asked again.
 * *ret_next stays NULL: nothing is to be put. -1 ends it with err. */
typedef int (*change_make_fn)(
    struct change *change, const json_t *now, json_t **ret_next, struct error *err);

/* Exactly once, on the loop, never from within start. */
typedef void (*change_done_fn)(struct change *change, const struct error *err);

enum change_state {
    CHANGE_IDLE,
    CHANGE_MAKING, /* from a turn of its own */
    CHANGE_READING,
    CHANGE_PUTTING,
    CHANGE_WAITING, /* before another try */
    CHANGE_CLOSING,
};

struct change {
    /* arguments */
    struct s3_client *client;
    struct loop *loop;
    const char *bucket, *key;                /* kept by the caller until `done` */
    const struct s3_object_options *objects; /* of what is written */
    int64_t timeout_ms;                      /* for all of it */
    bool reads_only;
    json_t *known;    /* what was there last … (borrowed; NULL: nothing) */
    const char *etag; /* … and its ETag; "" where nothing was; NULL: not known, it is read first */
    change_make_fn make;
    change_done_fn done;

    /* results */
    json_t *value;    /* what is there now; the caller's. NULL: nothing, or it is not known */
    char *value_etag; /* its ETag; "" where there is nothing; NULL: not known. The caller's */
    int64_t store_ms, modified_ms; /* of the last reading; 0: not said */
    unsigned requests;

    /* its own */
    enum change_state state;
    unsigned tries;
    bool in_doubt, expired;
    json_t *next;
    char *body, *match;
    char token[40];
    struct http_header headers[S3_OBJECT_HEADERS_MAX + 4];
    struct arena arena;
    struct s3_call call;
    struct timer deadline, wait;
    struct error err;
};

void change_start(struct change *change);

#endif
