/* What a compaction makes of one partition: which files are read, which stay as they are. Pure. */
#ifndef RUNNER_ENGINE_COMPACT_PLAN_H
#define RUNNER_ENGINE_COMPACT_PLAN_H

#include "connectors/catalog.h"

struct compact_limits {
    uint64_t file_bytes;  /* the target size of files */
    uint64_t group_bytes; /* of files that are looked at together: what the memory allows */
    int64_t buckets;      /* of a table with a key */
    bool full;            /* every file, and as if it had never been done */
    int64_t now_ms;
    int64_t min_deltas, min_files; /* fewer of both are not worth it; 0, 0: no matter */
};

enum compact_role {
    COMPACT_KEPT,      /* goes on by reference */
    COMPACT_NEW,       /* came since the round before: to be split by bucket, or rewritten */
    COMPACT_BASE,      /* rows of a bucket: rewritten when there is something new in it */
    COMPACT_TOMBSTONE, /* deletes that still hold: they go on, or are merged with new ones */
    COMPACT_EXPIRED,   /* deletes whose time is over */
};

struct compact_file {
    const struct catalog_file *file;
    int64_t position;     /* of its delta */
    int64_t committed_ms; /* of that; of a tombstone when its deletes were committed */
    enum compact_role role;
    int64_t bucket; /* 0 …, of BASE and TOMBSTONE */
    size_t group;   /* of NEW */
};

/* What the round before said of itself: the partition's `compaction`. */
struct compact_past {
    int64_t watermark, buckets, rounds;
};

struct compact_plan {
    int64_t watermark; /* the newest position that is looked at */
    bool worth_it;     /* something would be better than it is */
    bool keyed;
    struct compact_past past;
    struct compact_file *files; /* in the order in which rows meet */
    size_t file_count, group_count;
    size_t rewritten_files; /* at most */
    uint64_t rewritten_bytes;
};

/* `deltas`: what is committed in the partition, with files, in any order. In `arena`. */
int compact_plan_partition(const struct catalog_version *table,
    const struct catalog_partition *partition, const struct catalog_delta *deltas, size_t count,
    const struct compact_limits *options, struct arena *arena, struct compact_plan *ret_plan,
    struct error *err);

/* Every file is read, by one rewrite. */
void compact_plan_all(const struct catalog_version *table, const struct catalog_delta *deltas,
    size_t count, struct arena *arena, struct compact_plan *ret_plan);

/* How many buckets make the files of one fit into the memory. */
int64_t compact_plan_buckets(uint64_t partition_bytes, uint64_t group_bytes);

/* Tombstones of one slice share a file. */
int64_t compact_slice(const struct catalog_merge *merge, int64_t committed_ms);

enum { COMPACT_BUCKETS_MAX = 65536 };

#endif
