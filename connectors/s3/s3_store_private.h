/* The inside of the store: s3_store.c is its face, s3_store_run.c what a request goes through,
 * s3_store_name.c keys and versions. */
#ifndef CONNECTORS_S3_S3_STORE_PRIVATE_H
#define CONNECTORS_S3_S3_STORE_PRIVATE_H

#include "connectors/s3/bucket.h"
#include "connectors/s3/call.h"
#include "connectors/s3/get.h"
#include "connectors/s3/list.h"
#include "connectors/s3/put.h"
#include "connectors/s3/remove.h"
#include "connectors/s3/s3_store.h"
#include "runner/io/timer.h"

struct s3_store {
    struct store store;
    struct s3_client *client;
    struct work_lane *lane;
    struct arena arena; /* of what follows */
    const char *bucket; /* of the root; NULL: none */
    const char *prefix; /* of the root's keys: "" or "warehouse/" */
    struct s3_object_options objects;
    struct timer ticker; /* brings the progress of transfers up to date */
    struct s3_operation *first;
};

/* A key in the store, taken apart. Texts live in the arena that it was made in, or in the store. */
struct s3_store_name {
    const char *bucket, *key;
    const char *pattern;  /* the same as s3_list takes it: wildcards of the root's are none */
    const char *before;   /* in front of keys that LIST gives: "s3://bucket/"; "" below the root */
    size_t hidden_length; /* of the root's prefix, which they do not have */
};

enum s3_store_state {
    S3_STORE_ENDING, /* it is known how: `done` comes from the next turn */
    S3_STORE_LISTING,
    S3_STORE_LOOKING,
    S3_STORE_GETTING,
    S3_STORE_PUTTING,
    S3_STORE_UNLINKING, /* the file that was moved */
    S3_STORE_REMOVING,
    S3_STORE_SWEEPING, /* listing uploads */
    S3_STORE_ABORTING,
};

/* What LIST has found so far. */
struct s3_store_found {
    struct store_object *objects; /* on the heap; their texts are in the request's arena */
    size_t count, capacity;
};

struct s3_operation {
    struct s3_store *store;
    struct store_request *request;
    struct s3_operation *previous, *next;
    enum s3_store_state state;
    struct arena arena;
    struct s3_store_name name;
    struct timer timer; /* of ENDING */
    struct error err;
    bool cancelled;
    const char *etag; /* that GET expects, with quotes; NULL: any */
    int fd;
    size_t next_upload;
    struct s3_store_found found;
    union {
        struct s3_list list;
        struct s3_call head;
        struct s3_get get;
        struct s3_put put;
        struct s3_remove remove;
    };
    struct s3_remove_item item;
    struct s3_bucket_request abortion;
    struct work unlink;
};

void s3_operation_start(struct s3_store *store, struct store_request *request);
void s3_operation_cancel(struct s3_operation *operation);
void s3_operation_tick(struct s3_operation *operation);

/* --- s3_store_name.c: pure --- */

/* Takes a key apart. ERROR_INVALID: it is no name in S3. */
int s3_store_name(const struct s3_store *store, const char *key, struct arena *arena,
    struct s3_store_name *ret_name, struct error *err);

/* How LIST calls the object with this key. */
const char *s3_store_key(const struct s3_store_name *name, const char *key, struct arena *arena);

/* What a version is made of; ETag NULL: there is none. */
const char *s3_store_version(
    const char *etag, uint64_t size, int64_t modified_ms, struct arena *arena);

/* The ETag of a version as If-Match takes it; NULL: it has none. */
const char *s3_store_etag(const char *version, struct arena *arena);

#endif
