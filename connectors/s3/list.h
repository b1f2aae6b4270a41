/* What is in S3: the objects of a bucket, their versions, its unfinished uploads; the buckets.
 * Page by page, as many as there are; asked for one after the other.
 *
 * With a `pattern` only what it matches comes: `*` and `?` and [a-z] stay within a folder (the text
 * between two slashes), `**` does not. As with files, a folder or name that begins with "." is
 * matched only by a pattern that has such a one ("data/.*", but not the prefix up to its last slash
 * before a wildcard). The store is asked for the longest prefix without wildcards, and not for what
 * lies deeper than the pattern reaches. Whatever the pattern, a key is matched byte for byte. */
#ifndef CONNECTORS_S3_LIST_H
#define CONNECTORS_S3_LIST_H

#include "runner/base/arena.h"
#include "runner/base/error.h"
#include "runner/io/http.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct s3_client;
struct s3_list;

enum { S3_LIST_PAGE_PRESET = 1000 }; /* items; S3's most */

enum s3_list_what { S3_LIST_OBJECTS, S3_LIST_VERSIONS, S3_LIST_UPLOADS, S3_LIST_BUCKETS };

enum s3_item_kind {
    S3_ITEM_OBJECT,        /* also each version of one */
    S3_ITEM_DELETE_MARKER, /* VERSIONS only */
    S3_ITEM_PREFIX,        /* keys that go on behind the delimiter: `key` ends in it */
    S3_ITEM_UPLOAD,
    S3_ITEM_BUCKET,
};

/* Texts that were not said are NULL, numbers S3_NONE (answers.h). */
struct s3_item {
    enum s3_item_kind kind;
    const char *key; /* the whole of it; of a bucket its name */
    int64_t size;
    int64_t modified_ms; /* of an upload: when it began; of a bucket: when it was made */
    const char *etag, *storage_class;
    const char *version_id; /* VERSIONS */
    bool latest;            /* VERSIONS */
    const char *upload_id;  /* UPLOADS */
    const char *region;     /* BUCKETS */
    const char *checksum_algorithm, *checksum_type;
};

/* A page, by key (versions of one key: the newest first) as far as the store sorts; never empty.
 * 0: go on; HTTP_PAUSE: taken, go on after s3_list_resume(); -1 with err ends it. The items live
 * until the next page or `done`, so as long as it is paused. */
typedef int (*s3_page_fn)(
    struct s3_list *list, const struct s3_item *items, size_t count, struct error *err);

/* Exactly once, on the loop, never from within start, cancel or resume. The memory may go or be
 * started again in here. */
typedef void (*s3_list_done_fn)(struct s3_list *list, const struct error *err);

/* The caller owns it, with all that it points to, until `done`; zeroed but for the arguments. */
struct s3_list {
    /* arguments */
    enum s3_list_what what;
    const char *bucket;    /* NULL for BUCKETS only */
    const char *prefix;    /* NULL: any. Not with `pattern` */
    const char *pattern;   /* * ? [] **; one without a wildcard names one key. Not for BUCKETS */
    const char *delimiter; /* "/": folders as PREFIX items; NULL: everything. Not with `pattern` */
    const char *start_after; /* OBJECTS: only keys behind this one; NULL: all */
    uint64_t limit;          /* no more items than that; 0: all */
    unsigned page_size;      /* 0: S3_LIST_PAGE_PRESET */
    struct arena *arena;     /* where there is no `page`: takes the results */
    s3_page_fn page;         /* NULL: all is kept, then sorted by the bytes of the keys */
    s3_list_done_fn done;

    /* results */
    struct s3_item *items; /* in `arena` */
    size_t item_count;
    uint64_t count;   /* of items so far, also with `page` */
    bool more;        /* ended by `limit` though there may be more */
    unsigned pages;   /* asked for */
    uint64_t looked;  /* at so many items, matched or not */
    int64_t store_ms; /* what time it was there when the last page came; 0: it did not say */

    struct list_flow *flow; /* list.c's own */
};

void s3_list_start(struct s3_client *client, struct s3_list *list);

/* Ends it soon, with ERROR_STOPPED; again, or when it is not under way, is harmless. */
void s3_list_cancel(struct s3_list *list);

/* After HTTP_PAUSE of `page`: the next page, please. Harmless otherwise. */
void s3_list_resume(struct s3_list *list);

#endif
