/* Compaction of a table: what many small deltas left is merged and rewritten, partition by
 * partition, while readers and writers go on (DESIGN section 5).
 *
 * Of a table with a key, new rows are split by bucket of the key, and each bucket that has some is
 * merged with what the round before left of it; without a key small files become larger ones. Each
 * partition is replaced in one transaction against the one that was read: what came meanwhile goes
 * on in the new one, and where somebody else replaced it first, it is tried again. One compaction
 * of a table at a time; what a killed one left in the store is removed by the next. */
#ifndef RUNNER_ENGINE_COMPACT_H
#define RUNNER_ENGINE_COMPACT_H

#include "runner/base/json.h"
#include "runner/base/table.h"
#include "runner/engine/compact_round.h"
#include "runner/engine/lease.h"
#include "runner/engine/recover.h"
#include "runner/io/scratch.h"

struct compact;

/* Called exactly once, on the loop, never from within start or cancel. */
typedef void (*compact_fn)(struct compact *compact, const struct error *err);

enum compact_step {
    COMPACT_IDLE,
    COMPACT_FINDING, /* the table */
    COMPACT_SCHEMAS, /* that it has had */
    COMPACT_LEASING,
    COMPACT_RECOVERING, /* what a killed one left */
    COMPACT_LISTING,    /* partitions */
    COMPACT_PREPARING,  /* folder and session */
    COMPACT_JOURNALLING,
    COMPACT_ROUND,
    COMPACT_COMMITTING,
    COMPACT_SETTLING,   /* the outcome is unknown: look */
    COMPACT_DISCARDING, /* what was stored for nothing */
    COMPACT_CLEARING,   /* the journal */
    COMPACT_CLEANING,   /* the folder */
    COMPACT_RELEASING,
    COMPACT_DONE,
};

/* What was, or would be, done with a partition. */
struct compact_result {
    const char *const *values;
    size_t value_count;
    bool worth_it, committed;
    size_t files_before, files_rewritten, files_after; /* before: what is read of it */
    uint64_t bytes_before, bytes_rewritten, bytes_after;
    int64_t rows_before, rows_after;
};

/* The caller owns it and keeps it until `done`; zeroed but for the arguments. */
struct compact {
    /* arguments */
    struct engine *engine;
    struct catalog_locator at; /* value_count > 0: that partition alone */
    const char *run_id;        /* a UUID of its own */
    uint64_t memory, spill;    /* of the process, on disk; 0: 512 MiB, no limit */
    unsigned threads;          /* 0: as many as there are, and fit */
    uint64_t file_bytes;       /* 0: 128 MiB */
    uint64_t group_bytes;      /* 0: what the memory allows */
    int64_t buckets;           /* another number than the table has needs all of it; 0: as it is */
    bool full, dry_run;
    const struct compact_alteration *alteration; /* NULL: none; else all of it goes into a new
                                                    version, the latest active one from then on */
    int64_t min_deltas, min_files; /* partitions with as many deltas, or files, alone; 0, 0: any */
    const struct log_context *context; /* of its log lines; NULL: none */
    compact_fn done;

    /* results; until compact_deinit() */
    struct compact_result *results; /* a partition each */
    size_t result_count, committed_count, conflicts;
    int64_t ret_buckets;
    struct catalog_version version;

    struct arena arena, round_arena;
    enum compact_step step;
    bool cancelled, leased, started, prepared, at_once;
    bool is_settled, is_committed;     /* the attempt */
    size_t next, first_round, attempt; /* partition; the first of this commit; number in names */
    size_t result_capacity;
    struct table done_values; /* of partitions that are done with */
    int64_t started_ms;
    char *lease_name;
    const char *attempt_id;
    struct lease lease;
    struct recover recover;
    struct state *state;
    struct catalog_query query, schemas, partitions;
    struct catalog_apply apply;
    struct state_request journal;
    struct store_request deletion;
    size_t next_discard;
    struct scratch scratch;
    struct work work;
    struct slots slots;
    struct rewrite_table table;
    struct partition_field *fields;
    struct compact_limits options;
    struct compact_round *rounds;    /* one a partition */
    struct compact_result *outcomes; /* of each */
    size_t round_count;
    struct error err, attempt_err;
};

void compact_start(struct compact *compact);
void compact_cancel(struct compact *compact); /* still ends in done; again is harmless */
void compact_deinit(struct compact *compact); /* after done */

/* --- compact_commit.c: pure --- */

/* All that one commit changes: the rounds first … end - 1, in the arena. `buckets` > 0: they become
 * the table's. */
void compact_commit_build(struct compact *compact, size_t first, size_t end, int64_t buckets,
    struct catalog_apply *apply);

/* compact_alter.c: the same for an alteration. */
void compact_alter_build(struct compact *compact, struct catalog_apply *apply);

json_t *compact_result_json(const struct compact_result *result);

#endif
