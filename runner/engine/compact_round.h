/* One partition is compacted: its files are listed, planned, split by bucket where there are
 * several, merged bucket by bucket and stored. Nothing is committed here. */
#ifndef RUNNER_ENGINE_COMPACT_ROUND_H
#define RUNNER_ENGINE_COMPACT_ROUND_H

#include "config/pipeline.h"
#include "runner/engine/compact_plan.h"
#include "runner/engine/rewrite.h"

struct compact_round;

/* What a table's next version has that this one has not; what is not `set` stays. */
struct compact_alteration {
    bool set_partition_by, set_key;
    struct text_list partition_by, key;
    const char *sequence_by; /* NULL: as it is, or the last to arrive where the key is new */
};

/* Called exactly once, on the loop, never from within start or cancel. */
typedef void (*compact_round_fn)(struct compact_round *round, const struct error *err);

enum compact_round_step {
    COMPACT_ROUND_LISTING,
    COMPACT_ROUND_SPLITTING, /* group by group; of a table without a key: rewriting */
    COMPACT_ROUND_MERGING,   /* bucket by bucket */
    COMPACT_ROUND_DONE,
};

/* New rows and deletes of a bucket, in the folder; or, where nothing old is there to be merged with
 * and all of it is one group, its files as they are to be.
 *
 * There a few buckets are picked one after the other, each out of all files, which are the pieces
 * of every bucket then: reading them some times costs less than sorting all rows by bucket and
 * finding all shared keys at once, both of which need more than the memory. */
struct compact_pieces {
    struct rewrite_input *inputs;
    size_t count, capacity;
    bool deletes;
    struct catalog_file *ready;
    size_t ready_count, ready_capacity;
};

/* The caller owns it and keeps it until `done`; zeroed but for the arguments. */
struct compact_round {
    /* arguments */
    const struct rewrite_table *table;
    const struct partition_field *fields; /* of the table's partition_by */
    const struct catalog_partition *partition;
    const struct compact_alteration *alteration; /* NULL: none; else `partition` is NULL, and all of
                                                    the table becomes that of the next version */
    const struct compact_limits *options;
    const char *id; /* names of files begin with it */
    bool plan_only; /* dry run */
    struct arena *arena;
    compact_round_fn done;
    void *data; /* the caller's own */

    /* results */
    struct compact_plan plan;
    struct catalog_file *files; /* what the partition consists of then; in the arena */
    size_t file_count;
    const char *const **values; /* alteration: the partition of each file */
    const char *compaction;     /* JSON */
    const char **stored;        /* keys that were put, or may have been: freed by deinit */
    size_t stored_count;
    enum catalog_delta_type type; /* of the delta */
    int64_t rows;

    enum compact_round_step step;
    bool cancelled, is_rewriting;
    size_t group, next_file; /* next_file: of a table without a key */
    bool deletes_are_next;   /* of the group */
    int64_t bucket;
    size_t bucket_first;                        /* its first one among `files` */
    bool bucket_begun, deletes_done, rows_done; /* of the bucket */
    struct catalog_query query;
    struct rewrite rewrite;
    struct compact_pieces *pieces;      /* by bucket */
    struct partition_field *new_fields; /* of an alteration */
    size_t new_field_count;
    size_t capacity, stored_capacity, value_capacity, name_count;
    json_t *tombstones, *ranges;
    struct error err;
};

/* --- compact_alter.c: what is different where all of a table is written anew --- */

void compact_alter_list(struct compact_round *round, catalog_query_fn done);
int compact_alter_plan(struct compact_round *round, struct error *err);
/* Fills all but what every rewrite has. */
int compact_alter_rewrite(
    struct compact_round *round, struct rewrite *ret_rewrite, struct error *err);

void compact_round_start(struct compact_round *round);
void compact_round_cancel(struct compact_round *round); /* still ends in done */
void compact_round_deinit(struct compact_round *round); /* after done; again is harmless */

#endif
