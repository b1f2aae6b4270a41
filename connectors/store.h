/* Where objects are: files on a disk, S3, servers that speak HTTP. Six verbs handed to one `start`
 * (STYLE rule 14); everything asynchronous, cancellable, with progress. A key is what an object is
 * called in the store: a path relative to the store's root, or an absolute one (for what is not on
 * this machine a URL), with any bytes but NUL. */
#ifndef CONNECTORS_STORE_H
#define CONNECTORS_STORE_H

#include "runner/base/arena.h"
#include "runner/base/error.h"
#include "runner/io/work.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { STORE_LIST_MAX = 1000000 }; /* objects in one answer; more is ERROR_LIMIT */

enum store_verb {
    STORE_LIST,   /* objects that match a glob, or the one object of a plain key; sorted by key */
    STORE_GET,    /* an object into a local file, whole and unchanged */
    STORE_CHECK,  /* whether an object still is the version that `expect` says */
    STORE_PUT,    /* a local file becomes an object, whole or not at all */
    STORE_DELETE, /* not there: success */
    STORE_SWEEP,  /* removes what PUTs of killed processes left behind, where they were to make
                     objects of this glob or key; nothing that a live one is putting */
};

struct store_object {
    const char *key;
    uint64_t size;
    int64_t modified_ms;
    const char
        *version; /* changes whenever the bytes do: an ETag, or size and time of modification */
};

struct buffer;
struct log;
struct store;
struct store_request;

/* Called exactly once, on the loop, never from within start or cancel. err NULL on success, valid
 * during the call; results live as long as the request's arena. */
typedef void (*store_done_fn)(struct store_request *request, const struct error *err);

/* On the loop; the objects and what they point to are gone afterwards. -1 with err ends the
 * listing. */
typedef int (*store_page_fn)(struct store_request *request, const struct store_object *objects,
    size_t count, struct error *err);

/* The caller owns it and keeps it until `done`; zeroed but for the arguments. */
struct store_request {
    /* arguments */
    enum store_verb verb;
    const char *key;                   /* LIST, SWEEP: a glob (* ? [] **) or a plain key */
    const char *path;                  /* GET: where the bytes go; PUT: the file to store */
    const struct store_object *expect; /* GET, CHECK: the version that was listed; another one is
                                          ERROR_CHANGED. NULL: any */
    bool in_place;  /* GET: a local object may be read where it is: nothing is copied, `path`
                       becomes a symbolic link to it (one whose name is no UTF-8 is copied). Still
                       true at the end: it was done so, CHECK it after reading */
    bool immutable; /* GET: nobody ever changes the object: a local one may become a hard link at
                       `path`; nothing is to be CHECKed afterwards */
    uint64_t bytes_max; /* GET: more bytes to fetch are ERROR_LIMIT; 0: no limit */
    bool move;    /* PUT: the file at `path` may be moved instead of copied: it is gone after it */
    bool replace; /* PUT: over an existing object; else that is ERROR_EXISTS */
    store_page_fn
        page; /* LIST of a glob: takes the objects while they come, in any order and number,
                 in place of `objects`; NULL: all of them, of which there is a limit */
    store_done_fn done;

    /* results (LIST), in an arena of the caller's that is the request's alone until `done` */
    struct arena *arena;
    struct store_object *objects; /* LIST */
    size_t object_count;          /* LIST; SWEEP: how many were removed */
    int64_t store_ms; /* LIST of a glob: what time it was by the store's own clock; 0: it is ours */

    /* progress, to be read at any time from the loop */
    atomic_uint_fast64_t bytes_done;
    atomic_uint_fast64_t bytes_total; /* 0: not known yet */

    void *operation; /* the connector's own */
    struct store *store;
};

struct store_options {
    struct loop *loop;
    struct log *log;        /* NULL: none */
    struct work_lane *lane; /* for what blocks */
    const char *root;       /* where relative keys start: an absolute path, or s3://bucket/prefix.
                               May not exist yet. NULL: all keys are absolute */
    const void *settings;   /* the connector's own struct, in its header; NULL: its defaults. What
                               it points to is copied */
};

struct store_type {
    const char *scheme; /* "file", "s3" */
    struct store *(*open)(const struct store_options *options, struct error *err);
    void (*start)(struct store *store, struct store_request *request);
    void (*cancel)(struct store_request *request); /* still ends in done; again is harmless */
    /* How a key is shown to people and other programs: "/data/x.csv", "s3://bucket/x.csv". */
    void (*describe)(const struct store *store, const char *key, struct buffer *buffer);
    /* What cursors call an object for ever: without what a URL has for one request only. NULL: its
     * key. */
    void (*identify)(const struct store *store, const char *key, struct buffer *buffer);
    /* Bytes of memory that its transfers may take at most. NULL: next to none. */
    uint64_t (*memory)(const struct store *store);
    /* Where an object can be read in place, links resolved; false: it is not on this machine, not
     * there, or its name is no UTF-8. NULL: never. */
    bool (*local_path)(const struct store *store, const char *key, struct buffer *ret_path);
    void (*close)(struct store *store); /* no request may be under way */
};

struct store {
    const struct store_type *type;
};

#endif
