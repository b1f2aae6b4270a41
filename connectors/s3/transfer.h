/* Many objects at once, as people name them: files and folders into S3, out of it, from one place
 * in it to another, and away. What a name stands for is expanded while the first objects are
 * already on their way; `window` of them at once, each by get.h, put.h, copy.h or remove.h.
 *
 * Names. A source or target that begins with s3:// is in S3, all else is a local path.
 *   one          a key or a file
 *   a pattern    * ? [] ** as in list.h (locally only where there is no file of that very name)
 *   a folder     with `recursive`: all whose names begin with it and a "/"; without a key: the
 * bucket The target is a folder where it ends in "/", names a bucket alone, is a folder of this
 * machine, or there is more than one thing to put there; then what lands in it is called by what
 * follows the folder (of a pattern: the literal part up to its last "/") of its source.
 *
 * A download is written beside its place, gets the object's time as its own and then its name,
 * whole or not at all. Names that would not be exactly that path below the target (with "..", ".",
 * an empty part, or from the root) are refused.
 *
 * One object's failure is its own: the rest goes on. `done` then gets the first error. */
#ifndef CONNECTORS_S3_TRANSFER_H
#define CONNECTORS_S3_TRANSFER_H

#include "connectors/s3/client.h"
#include "connectors/s3/object.h"
#include "runner/base/error.h"
#include "runner/base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct s3_transfer;

enum { S3_TRANSFER_AHEAD = 16 };

enum s3_transfer_verb {
    S3_TRANSFER_COPY,
    S3_TRANSFER_MOVE,   /* a source goes once it is there; a file that changed meanwhile stays */
    S3_TRANSFER_SYNC,   /* folders: what differs (sync.h) is copied */
    S3_TRANSFER_REMOVE, /* objects; no target */
};

enum s3_transfer_act {
    S3_TRANSFER_UPLOADED,
    S3_TRANSFER_DOWNLOADED,
    S3_TRANSFER_COPIED,
    S3_TRANSFER_REMOVED,
};

enum s3_transfer_outcome {
    S3_TRANSFER_DONE,
    S3_TRANSFER_PLANNED, /* dry_run: would have been */
    S3_TRANSFER_SKIPPED, /* no_clobber: the target is there */
    S3_TRANSFER_FAILED,
};

/* One object at its end. Buckets are NULL where the name is a local path. */
struct s3_transfer_item {
    enum s3_transfer_act act;
    enum s3_transfer_outcome outcome;
    const char *from_bucket, *from;
    const char *to_bucket, *to; /* REMOVED: NULL */
    const char *version_id;     /* that was asked for, or removed; NULL: none */
    const char *etag;           /* of what was written to S3, or read; NULL: not known */
    int64_t size;               /* -1: not known */
};

/* For each object, on the loop, in the order in which they end; those that a cancel cut short are
 * not told. err NULL but for FAILED. The item lives during the call. */
typedef void (*s3_transfer_item_fn)(
    struct s3_transfer *transfer, const struct s3_transfer_item *item, const struct error *err);

/* Exactly once, on the loop, never from within start or cancel. */
typedef void (*s3_transfer_done_fn)(struct s3_transfer *transfer, const struct error *err);

struct s3_transfer_totals {
    uint64_t planned, done, skipped, failed; /* objects; planned: found so far */
    uint64_t same;                           /* SYNC: left alone, because it does not differ */
    uint64_t bytes_planned, bytes_done;
    bool planning; /* there may be more to come */
};

/* The caller owns it, with all that it points to, until `done`; zeroed but for the arguments. */
struct s3_transfer {
    /* arguments */
    enum s3_transfer_verb verb;
    const char *const *sources; /* SYNC: one */
    size_t source_count;
    const char *target;
    bool recursive;         /* sources are folders */
    bool literal;           /* nothing is a pattern */
    bool dry_run;           /* everything is looked at, nothing is changed */
    bool no_clobber;        /* what is at the target stays (asked before each) */
    bool if_none_match;     /* uploads: the store refuses to replace: ERROR_EXISTS */
    const char *if_match;   /* an upload: only over the object with this ETag: ERROR_CHANGED */
    bool versions;          /* REMOVE: all versions and delete markers */
    const char *version_id; /* of a single object */
    bool remove_extra;      /* SYNC: what the source does not have is removed from the target */
    bool force;             /* also where the source of `remove_extra` is empty */
    bool size_only;         /* SYNC: only sizes are compared */
    struct text_list exclude, include; /* transfer_wanted() of transfer_private.h */
    const struct s3_object_options *object;
    bool replace_metadata, replace_tags; /* copies in S3, as in copy.h */
    unsigned window; /* 0: as many as the client has connections, and S3_TRANSFER_AHEAD whose
                        files are opened or get their names meanwhile */
    s3_transfer_item_fn item;
    s3_transfer_done_fn done;

    /* results */
    struct s3_transfer_totals totals; /* when it is done */
    bool told; /* the error of `done` is an object's, and `item` has told it */

    struct transfer_flow *flow; /* transfer.c's own */
};

/* The client needs its lane. ERROR_INVALID: the arguments cannot be meant (a bucket to be removed
 * without `recursive`, a folder copied into itself, …). */
void s3_transfer_start(struct s3_client *client, struct s3_transfer *transfer);

/* Ends it soon, with ERROR_STOPPED: what is under way is cancelled, uploads are aborted, temporary
 * files removed. Again, or when it is not under way, is harmless. */
void s3_transfer_cancel(struct s3_transfer *transfer);

/* At any time. */
void s3_transfer_totals(struct s3_transfer *transfer, struct s3_transfer_totals *ret_totals);

#endif
