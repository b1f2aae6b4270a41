/* What a catalog holds: the records that connectors/catalog.h's verbs give and take (DESIGN
 * section 5; DeltaCAT's storage model). Texts are UTF-8; records of answers live in the query's
 * arena. */
#ifndef CONNECTORS_CATALOG_RECORDS_H
#define CONNECTORS_CATALOG_RECORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum catalog_lifecycle {
    CATALOG_UNRELEASED,
    CATALOG_BETA,
    CATALOG_ACTIVE,
    CATALOG_DEPRECATED,
    CATALOG_DELETED,
};

/* Of streams, partitions and deltas. A delta of a partition that was replaced is itself replaced.
 */
enum catalog_commit_state { CATALOG_STAGED, CATALOG_COMMITTED, CATALOG_REPLACED };

/* ADD: in no order, free of conflicts. APPEND: in the order of positions. UPSERT, DELETE: for
 * tables with a key. */
enum catalog_delta_type { CATALOG_ADD, CATALOG_APPEND, CATALOG_UPSERT, CATALOG_DELETE };

/* Which object: as much of it as the verb needs; the rest NULL or 0. */
struct catalog_locator {
    const char *namespace, *table;
    int64_t version;           /* 0: the latest active one */
    const char *stream_id;     /* where a certain one is meant, staged ones too; NULL: the version's
                                  committed one */
    const char *const *values; /* partition values, one text a partition field; NULL entry: null */
    size_t value_count;        /* 0: the one partition of an unpartitioned table */
    const char *partition_id;  /* where a certain one is meant, staged ones too */
    const char *delta_id;      /* the same of a delta */
    int64_t position;          /* of a committed delta */
};

/* --- schemas ------------------------------------------------------------------------------------
 */

struct catalog_column {
    const char *name;
    const char *type; /* the SQL engine's name of it; "NULL": no value has appeared yet */
    int64_t field_id; /* 1, 2, …, never given twice in a table version; 0 in a change: a new one */
    bool required;    /* no nulls */
    const char *comment; /* NULL: none */
};

/* One of the schemas that a table version has had; files say which one they were written with. */
struct catalog_schema {
    int64_t id; /* 1, 2, … */
    struct catalog_column *columns;
    size_t column_count;
    int64_t created_ms;
};

/* How rows of a table meet: its key, and what follows from that. */
struct catalog_merge {
    const char *const *key;  /* columns that tell rows apart, in the whole table */
    size_t key_count;        /* 0: rows only add up */
    const char *sequence_by; /* the column whose largest value wins; NULL: the last to arrive */
    int64_t tombstones_ms;   /* how long compaction keeps deletes; 0: not at all */
    int64_t buckets;         /* compaction's, by hash of the key; 0: chosen by the first round */
};

/* --- files --------------------------------------------------------------------------------------
 */

enum catalog_content {
    CATALOG_ROWS,
    CATALOG_DELETES, /* the key's columns (and sequence_by) of rows that are deleted: equality
                        deletes, they act on lower positions only; on smaller sequences, where there
                        is one */
};

/* One entry of a delta's manifest. Its key is relative to the environment's store, so that a
 * project can be moved, or its store mounted elsewhere: "n/t/1/day=2001-01-01/<file>.parquet". A
 * file outside of the store goes by its absolute path or URL; so do all files that were committed
 * before keys were relative. */
struct catalog_file {
    const char *key;
    const char *format; /* "parquet" */
    int64_t rows;
    uint64_t bytes;
    enum catalog_content content;
    int64_t schema_id;    /* that it was written with; 0: the version's first */
    const char *checksum; /* "crc32c:0a1b2c3d" of its bytes; NULL: not known */
    const char *stats; /* JSON, by field id: {"1": {"min": "…", "max": "…", "nulls": 0}}, bounds in
                          the texts of the SQL engine, never tighter than the truth; NULL: none */
    int64_t bucket;    /* 1 + compaction's bucket; 0: none */
};

/* --- namespace → table → version → stream → partition → delta ------------------------------------
 */

struct catalog_namespace {
    const char *name;
    int64_t created_ms;
    const char *properties; /* a JSON object of texts */
};

struct catalog_table {
    const char *namespace, *name;
    const char *description, *properties;
    int64_t created_ms, latest_version, latest_active_version; /* versions 0: none */
};

struct catalog_version {
    const char *namespace, *table;
    int64_t version;
    enum catalog_lifecycle lifecycle;
    int64_t schema_id;
    struct catalog_column *columns; /* of the schema that holds now */
    size_t column_count;
    const char *const *partition_by; /* "month(flight_date)" */
    size_t partition_count;
    const char *const *sort_by;
    size_t sort_count;
    struct catalog_merge merge;
    const char *description, *properties, *stream_id;
    int64_t created_ms;
    int64_t rows, files, partitions, last_position, last_commit_ms; /* of what is committed; rows of
                                          files, before upserts meet */
    int64_t first_position; /* how far back can be read: older ones are expired */
    uint64_t bytes;
};

struct catalog_stream {
    const char *id;
    int64_t version;
    enum catalog_commit_state state;
    const char *previous_id; /* what it was staged to replace; NULL: nothing */
    int64_t position;        /* of its newest delta */
    int64_t rows, files, partitions, created_ms, committed_ms;
    uint64_t bytes;
};

struct catalog_partition {
    const char *id, *stream_id;
    const char *const *values;
    size_t value_count;
    enum catalog_commit_state state;
    const char *previous_id;
    int64_t previous_position; /* of the one before, when it was staged */
    int64_t position;          /* of its newest delta */
    int64_t since, until;      /* positions at which it is read: since ≤ at < until; 0: not yet */
    int64_t rows, files, created_ms;
    uint64_t bytes;
    const char *properties;
    const char *compaction; /* JSON: the round that made it; NULL: none did */
};

struct catalog_delta {
    const char *id;
    const char *partition_id;
    const char *const *values;
    size_t value_count;
    int64_t position, previous_position; /* 0: staged, none */
    enum catalog_delta_type type;
    enum catalog_commit_state state;
    bool rewrite; /* rows that earlier deltas have committed, in other files: a compaction's, a
                     rollback's; no change to who reads increments */
    const char *run_id;
    const char *author, *properties;
    int64_t created_ms, rows;
    uint64_t bytes;
    struct catalog_file *files; /* where the query asked for manifests */
    size_t file_count;
};

/* A commit without rows of its own. */
struct catalog_position {
    int64_t position, committed_ms;
    bool brought_back; /* rows that had been committed before: a rollback */
    bool took_away;    /* rows, or had others in their place; neither: an empty partition */
};

/* A name for a position: what was there then stays readable until the tag goes. */
struct catalog_tag {
    const char *name;
    int64_t position, created_ms;
};

/* What somebody staged, and neither committed nor dropped so far. */
struct catalog_staged {
    const char *kind; /* "stream", "partition", "delta" */
    const char *id;
    const char *namespace, *table;
    int64_t version;
    const char *const *values; /* of a partition, of a delta's */
    size_t value_count;
    int64_t created_ms;
    int64_t touched_ms; /* when the newest of what is in it was staged */
    int64_t rows, files;
    uint64_t bytes;
};

/* --- runs ---------------------------------------------------------------------------------------
 */

/* One committed run. */
struct catalog_commit {
    const char *run_id, *pipeline, *instance;
    int64_t fence, committed_ms;
    const char *record; /* JSON: what the run wrote about itself */
};

/* How far a load has read an extract. */
struct catalog_cursor {
    const char *pipeline, *instance, *load, *extract;
    const char *state; /* JSON, the engine's */
};

/* One object that a cursor has seen; too many for JSON, so a table of their own. */
struct catalog_seen {
    const char *key, *version;
    uint64_t size;
};

/* A plain file that was staged and is to be published after the commit. */
struct catalog_publication {
    const char *run_id, *load;
    const char *from, *to; /* the staged file, in the spool folder where it is relative; its final
                              place, as the pipeline names it: in the project, absolute, a URL */
};

const char *catalog_lifecycle_name(enum catalog_lifecycle lifecycle);
const char *catalog_commit_state_name(enum catalog_commit_state state);
const char *catalog_delta_type_name(enum catalog_delta_type type);
const char *catalog_content_name(enum catalog_content content); /* "data", "deletes" */

#endif
