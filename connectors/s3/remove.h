/* Deleting any number of objects of one bucket: DeleteObjects in batches of 1,000, DeleteObject
 * where there is one key, for keys that XML cannot hold, and for all where the store has no
 * DeleteObjects. What is not there counts as deleted. Keys that fail for the moment (SlowDown,
 * InternalError) are tried again like whole requests are. */
#ifndef CONNECTORS_S3_REMOVE_H
#define CONNECTORS_S3_REMOVE_H

#include "connectors/s3/client.h"
#include "runner/base/error.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    S3_REMOVE_BATCH = 1000,
    S3_REMOVE_FAILURES_MAX = 100, /* that are kept; all are counted */
};

struct s3_remove;

/* Exactly once, on the loop, never from within start or cancel. err NULL: all are gone. Where keys
 * failed err names the first and how many; no key is given up because another failed. */
typedef void (*s3_remove_done_fn)(struct s3_remove *remove, const struct error *err);

struct s3_remove_item {
    const char *key;
    const char *version_id; /* NULL: the object; with versions, it gets a delete marker */
};

struct s3_remove_failure {
    const struct s3_remove_item *item;
    const struct error *err; /* "DELETE s3://b/k: …" */
};

/* The caller owns it, with all that it points to, until `done`; zeroed but for the arguments. */
struct s3_remove {
    /* arguments */
    const char *bucket;
    const struct s3_remove_item *items;
    size_t item_count;
    bool requester_pays;
    bool bypass_governance; /* of Object Lock */
    unsigned parallel;      /* requests under way at once; 0: 8 */
    s3_remove_done_fn done;

    /* results, until `done` returns */
    const struct s3_remove_failure *failures; /* the first S3_REMOVE_FAILURES_MAX */
    size_t failure_count;                     /* that are in `failures` */
    size_t failed;                            /* of all */

    /* progress */
    atomic_uint_fast64_t removed;

    struct s3_remove_operation *operation; /* remove.c's own */
};

void s3_remove_start(struct s3_client *client, struct s3_remove *remove);

/* Ends it soon, with ERROR_STOPPED. Again, or when it is not under way, is harmless. */
void s3_remove_cancel(struct s3_remove *remove);

#endif
