/* The inside of a removal: remove.c is the flow, remove_batch.c one request's document and what its
 * answer says of each key. */
#ifndef CONNECTORS_S3_REMOVE_PRIVATE_H
#define CONNECTORS_S3_REMOVE_PRIVATE_H

#include "connectors/s3/call.h"
#include "connectors/s3/remove.h"
#include "runner/base/arena.h"
#include "runner/base/buffer.h"
#include "runner/io/timer.h"

/* One request at a time: many keys, or one. */
struct remove_slot {
    struct s3_remove_operation *operation;
    struct s3_call call;
    bool busy;
    size_t indexes[S3_REMOVE_BATCH]; /* of items */
    size_t count;
    struct buffer body;
    char digest[64]; /* of the body, base64 */
    struct s3_query query[2];
    struct http_header headers[4];
};

enum remove_state {
    REMOVE_WORKING,
    REMOVE_WAITING, /* before what failed for the moment is tried again */
    REMOVE_CLOSING,
};

struct s3_remove_operation {
    struct s3_client *client;
    struct s3_remove *remove;
    enum remove_state state;
    struct timer timer; /* of the first step, of waits, and of the end */
    struct error err;
    bool cancelled;
    bool singles; /* the store has no DeleteObjects */
    struct remove_slot *slots;
    unsigned parallel, attempt;

    size_t *wave; /* what is to be done in this attempt; NULL: all items */
    size_t wave_count, at;
    size_t *again; /* what failed for the moment */
    size_t again_count, again_capacity;

    struct s3_remove_failure failures[S3_REMOVE_FAILURES_MAX];
    struct arena arena;
};

/* Whether an XML document can hold the key, escaped or not. */
bool s3_remove_fits_xml(const char *key);

/* The document of DeleteObjects for the slot's items, and its digest as a header. */
int s3_remove_write(struct remove_slot *slot, struct http_header *ret_digest, struct error *err);

/* What the answer to DeleteObjects says: keys that failed go to `again` or to the failures. */
int s3_remove_read(struct remove_slot *slot, struct error *err);

/* One key's end. */
void s3_remove_try_again(struct s3_remove_operation *operation, size_t index);
void s3_remove_give_up(
    struct s3_remove_operation *operation, size_t index, const struct error *err);

#endif
