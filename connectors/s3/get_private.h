/* The inside of a get: get.c is the flow, get_part.c one part's request, get_order.c what is handed
 * on in order, get_check.c checksums. */
#ifndef CONNECTORS_S3_GET_PRIVATE_H
#define CONNECTORS_S3_GET_PRIVATE_H

#include "connectors/s3/call.h"
#include "connectors/s3/client.h"
#include "connectors/s3/get.h"
#include "runner/base/arena.h"
#include "runner/base/mem.h"
#include "runner/io/timer.h"

enum get_state {
    GET_OPENING, /* the first part is asked for; nothing is known */
    GET_READING,
    GET_ENDING,  /* requests are cancelled: to end, or to begin again */
    GET_CLOSING, /* only the timer is left */
};

enum { GET_HEADERS_MAX = 3, GET_SHORT_MAX = 4, GET_ROUNDS_MAX = 100 };

struct get_part {
    struct get_flow *flow;
    struct s3_call call;
    struct http_header headers[GET_HEADERS_MAX];
    char range[64];
    bool used;               /* the slot is taken: its bytes are not all there, or not handed on */
    bool busy;               /* its call is under way */
    bool whole;              /* is asked for without a range: an empty object has none */
    unsigned index;          /* 0 …, by place */
    uint64_t first, length;  /* of the object's bytes; of the opening part what is hoped for */
    uint64_t asked;          /* … from here on, by the request under way */
    uint64_t arrived;        /* … of them: in the file, or in the buffer and handed on */
    uint64_t skip;           /* bytes of this answer that are not ours yet */
    bool plain;              /* the answer is the whole object */
    uint64_t arrived_before; /* … when its call was started */
    unsigned rounds;         /* calls that failed for a reason that may pass, but brought bytes */
    unsigned short_count;    /* answers that ended early without an error */
    bool reread;             /* its checksum was wrong once */

    bool has_value;                 /* the store said a checksum … */
    struct s3_checksum_value value; /* … of this range, or of the whole object */
    struct s3_checksum sum;         /* of what arrived; kind NONE: not computed */

    char *buffer;     /* in order: what is ahead; NULL: there was none yet. Kept from part to part:
                         fresh pages cost as much as the network */
    size_t buffered;  /* bytes in it */
    uint64_t written; /* in order: bytes that were handed on */
    bool stopped;     /* its connection waits for the callback */
};

struct get_flow {
    struct s3_client *client;
    struct s3_get *get;
    enum get_state state;
    struct error err; /* the first failure; decides how it ends */
    bool restart;     /* from the start, once no request is under way */
    struct timer timer;
    struct s3_query query;

    struct get_part **slots; /* made when they are needed */
    unsigned slot_count, in_flight;
    uint64_t part_bytes; /* of the parts to come */

    bool known;           /* what follows is */
    uint64_t total;       /* bytes to come, in all */
    uint64_t first_bytes; /* … of them in the first part */
    uint64_t handed_out;  /* … of them have or had a part */
    unsigned part_count;  /* so far */
    struct arena arena;   /* the results' texts */

    /* checksums */
    bool has_claim; /* what the store said of the whole object, or may have */
    struct s3_checksum_value claim;
    struct s3_checksum_value *sums; /* of the parts, by index */
    size_t sum_count;
    unsigned part_proven;       /* parts that the store gave a right checksum for */
    struct s3_checksum running; /* in order, where parts' cannot be put together (SHA) */

    /* in order */
    uint64_t written;
    bool paused;
};

/* Decides what happens next. Calls no `done`. */
void get_step(struct get_flow *flow);

/* Ends it with err, unless it has failed before. */
void get_fail(struct get_flow *flow, const struct error *err);

/* Puts the method and the s3:// name in front. Always -1. */
int get_name_error(const struct get_flow *flow, struct error *err);

/* The object is another one: read again, or failed. */
void get_changed(struct get_flow *flow, const struct error *err);

/* What came is not what was stored: read again, or failed. */
void get_mismatched(struct get_flow *flow, const struct error *err);

static inline bool get_in_order(const struct get_flow *flow)
{
    return flow->get->write != NULL;
}

static inline bool get_stopping(const struct get_flow *flow)
{
    return flow->err.code || flow->restart;
}

/* --- get_part.c --- */

void get_part_start(struct get_part *part);

/* The slot is free for another part. */
void get_part_release(struct get_part *part);

/* Gives back all that it holds. */
void get_part_deinit(struct get_part *part);

/* --- get_answer.c --- */

struct get_answer {
    uint64_t first, last, size; /* of Content-Range; last < first: no bytes */
    bool plain;                 /* no range */
};

/* What a 2xx answer says that it brings. */
int get_answer_read(const struct get_part *part, struct get_answer *ret_answer, struct error *err);

/* It is the object that was opened, or is asked for (ERROR_CHANGED), and the bytes that were asked
 * for (ERROR_DATA, transient). */
int get_answer_check(
    const struct get_part *part, const struct get_answer *answer, struct error *err);

/* Takes all that is to be known of the object. */
int get_answer_open(struct get_part *part, const struct get_answer *answer, struct error *err);

/* --- get_order.c --- */

/* Bytes of a part, as a call's `write`: handed on, kept, or not now. */
int get_order_write(struct get_part *part, const char *bytes, size_t length, struct error *err);

/* Hands on what waits, and gives parts back that are through. */
void get_order_drain(struct get_flow *flow);

/* --- get_check.c --- */

/* An answer begins that has the part from its first byte. */
int get_check_begin(struct get_part *part, struct error *err);

/* All of the part is there. ERROR_DATA: it is not what the store has. */
int get_check_part(struct get_part *part, struct error *err);

/* All parts are there; fills in `verified`. ERROR_DATA: they are not what the store has. */
int get_check_whole(struct get_flow *flow, struct error *err);

void get_check_reset(struct get_flow *flow);

#endif
