/* The table catalog: namespace → table → table version → stream → partition → delta → manifest of
 * files (DESIGN section 5; the verbs are DeltaCAT's storage interface, reference: deltacat 2.0).
 *
 * Small on purpose: verbs that read are values handed to `query`, verbs that change are values
 * handed to `apply`; one apply is one job and one transaction: all of its changes or none. A run
 * commits with one apply: its deltas of all tables, its cursors, its pending publications and its
 * record, under its fence. */
#ifndef CONNECTORS_CATALOG_H
#define CONNECTORS_CATALOG_H

#include "runner/base/arena.h"
#include "runner/base/error.h"
#include "runner/io/work.h"

#include <stdbool.h>
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

enum catalog_delta_type { CATALOG_ADD, CATALOG_APPEND, CATALOG_UPSERT, CATALOG_DELETE };

/* Which object: as much of it as the verb needs; the rest NULL or 0. */
struct catalog_locator {
    const char *namespace, *table;
    int64_t version;           /* 0: the latest active one */
    const char *const *values; /* partition values, one text a partition field; NULL entry: null */
    size_t value_count;        /* 0: the one partition of an unpartitioned table */
    const char *partition_id;  /* where a certain one is meant, staged ones too */
    int64_t position;          /* of a delta */
};

struct catalog_column {
    const char *name;
    const char *type; /* the SQL engine's name of it; "NULL": no value has appeared yet */
    int64_t field_id; /* given by the catalog: 1, 2, … */
};

/* Its key is relative to the environment's store, so that a project can be moved, or its store
 * mounted elsewhere: "n/t/1/day=2001-01-01/<file>.parquet". A file outside of the store goes by its
 * absolute path or URL; so do all files that were committed before keys were relative. */
struct catalog_file {
    const char *key;
    const char *format; /* "parquet" */
    int64_t rows;
    uint64_t bytes;
};

/* --- records that queries give ------------------------------------------------------------- */

struct catalog_namespace {
    const char *name;
    int64_t created_ms;
    const char *properties; /* a JSON object */
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
    struct catalog_column *columns; /* the schema that the first commit pinned */
    size_t column_count;
    const char *const *partition_by; /* "month(flight_date)" */
    size_t partition_count;
    const char *const *sort_by;
    size_t sort_count;
    const char *description, *properties, *stream_id;
    int64_t created_ms;
    int64_t rows, files, partitions, last_position, last_commit_ms; /* of what is committed */
    uint64_t bytes;
};

struct catalog_partition {
    const char *id;
    const char *const *values;
    size_t value_count;
    enum catalog_commit_state state;
    const char *previous_id;
    int64_t position; /* of its newest delta */
    int64_t rows, files, created_ms;
    uint64_t bytes;
};

struct catalog_delta {
    const char *partition_id;
    const char *const *values;
    size_t value_count;
    int64_t position, previous_position; /* 0: staged, none */
    enum catalog_delta_type type;
    enum catalog_commit_state state;
    const char *run_id;
    int64_t created_ms, rows;
    uint64_t bytes;
    struct catalog_file *files; /* where the query asked for manifests */
    size_t file_count;
};

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

/* --- queries --------------------------------------------------------------------------------- */

enum catalog_query_verb {
    CATALOG_LIST_NAMESPACES, /* → namespaces */
    CATALOG_LIST_TABLES,     /* namespace, or all where it is NULL → tables */
    CATALOG_LIST_VERSIONS,   /* namespace, table → versions */
    CATALOG_GET_VERSION,     /* namespace, table, version → versions (0 or 1) */
    CATALOG_LIST_PARTITIONS, /* table → partitions, committed ones */
    CATALOG_LIST_DELTAS,  /* table → deltas between first and last position, replaced ones too */
    CATALOG_LIST_FILES,   /* table → deltas with manifests of what is committed now, in order */
    CATALOG_GET_COMMIT,   /* run_id → commits (0 or 1) */
    CATALOG_LIST_COMMITS, /* pipeline, instance (NULL: all), newest first → commits */
    CATALOG_LIST_CURSORS, /* pipeline, instance; load, extract where they are said → cursors */
    CATALOG_LIST_SEEN,    /* pipeline, instance, load, extract → seen */
    CATALOG_LIST_PUBLICATIONS, /* pipeline, instance: not ended yet → publications */
};

struct catalog;
struct catalog_query;

/* Called exactly once, on the loop, never from within start or cancel. */
typedef void (*catalog_query_fn)(struct catalog_query *query, const struct error *err);

/* The caller owns it and keeps it until `done`; zeroed but for the arguments. A parent that is
 * missing is ERROR_NOT_FOUND and names its locator; get_* of what is missing gives none. */
struct catalog_query {
    enum catalog_query_verb verb;
    struct catalog_locator at;
    const char *pipeline, *instance, *run_id, *load, *extract;
    int64_t first_position, last_position; /* inclusive; 0: open */
    bool ascending, with_files;
    int64_t limit;       /* 0: CATALOG_PAGE_MAX */
    struct arena *arena; /* results go there; filled on the loop's behalf by the job */
    catalog_query_fn done;

    size_t count;
    union { /* by verb */
        struct catalog_namespace *namespaces;
        struct catalog_table *tables;
        struct catalog_version *versions;
        struct catalog_partition *partitions;
        struct catalog_delta *deltas;
        struct catalog_commit *commits;
        struct catalog_cursor *cursors;
        struct catalog_seen *seen;
        struct catalog_publication *publications;
    };
    bool truncated; /* there were more than `limit` */
    struct catalog *catalog;
    void *operation;
};

enum { CATALOG_PAGE_MAX = 10000000 };

/* --- changes --------------------------------------------------------------------------------- */

enum catalog_change_verb {
    CATALOG_CREATE_NAMESPACE, /* at.namespace */
    CATALOG_CREATE_TABLE,     /* at.namespace, at.table */
    CATALOG_CREATE_VERSION,  /* the table's next one, with columns, partition_by, sort_by; makes its
                                committed stream. if_missing: only where none is there; one
                                that is there with other columns or partitions is CONFLICT */
    CATALOG_SET_COLUMN_TYPE, /* column: one whose type is "NULL" gets its type; the same type again
                                is fine, another one is CONFLICT */
    CATALOG_SET_LIFECYCLE,   /* at.version → lifecycle */
    CATALOG_STAGE_PARTITION, /* at.values; if_missing: only where no committed one is there.
                                at.partition_id: the id that it gets, for later applies to name */
    CATALOG_STAGE_DELTA,     /* into the partition staged by this apply, else the committed one */
    CATALOG_COMMIT_DELTA,    /* the staged one takes the run's position: one for all of an apply's
                                deltas of a stream, greater than any before. A second one in
                                one partition joins the first (DeltaCAT's merge_deltas) */
    CATALOG_COMMIT_PARTITION,      /* the staged one replaces the committed one of the same values;
                                      if_missing: only where this apply staged one */
    CATALOG_DELETE_PARTITION,      /* the committed one of at.values is deprecated */
    CATALOG_DELETE_ALL_PARTITIONS, /* all of a table: overwrite; those staged by this apply stay */
    CATALOG_RAISE_FENCE,           /* (pipeline, instance, fence): lower ones can no longer commit.
                                      ERROR_FENCED, too, where it was raised to this number before */
    CATALOG_SET_CURSOR,            /* cursor */
    CATALOG_ADD_SEEN,              /* cursor's key + seen: put or replaced */
    CATALOG_RECORD_COMMIT, /* commit: ERROR_EXISTS when the run id is there: it was committed */
    CATALOG_ADD_PUBLICATION,
    CATALOG_END_PUBLICATION, /* publication.run_id, .load; .to NULL: all of the load */
};

struct catalog_change {
    enum catalog_change_verb verb;
    struct catalog_locator at;
    bool if_missing;
    union {
        struct { /* CREATE_VERSION */
            const struct catalog_column *columns;
            size_t column_count;
            const char *const *partition_by;
            size_t partition_count;
            const char *const *sort_by;
            size_t sort_count;
            enum catalog_lifecycle lifecycle;
        } version;
        enum catalog_lifecycle lifecycle;
        struct catalog_column column; /* SET_COLUMN_TYPE */
        struct {                      /* STAGE_DELTA */
            enum catalog_delta_type type;
            const struct catalog_file *files;
            size_t file_count;
        } delta;
        struct catalog_cursor cursor;
        struct {
            struct catalog_cursor cursor; /* its state is not read */
            struct catalog_seen seen;
        } seen;
        struct catalog_commit commit;
        struct catalog_publication publication;
        struct {
            const char *pipeline, *instance;
            int64_t fence;
        } fence;
    };
};

struct catalog_apply;

typedef void (*catalog_apply_fn)(struct catalog_apply *apply, const struct error *err);

/* One transaction. Where pipeline is not NULL, the fence is checked inside it: ERROR_FENCED when a
 * greater one was raised. ERROR_CONFLICT, ERROR_NOT_FOUND, ERROR_EXISTS name the locator. */
struct catalog_apply {
    const struct catalog_change *changes;
    size_t count;
    const char *pipeline, *instance, *run_id;
    int64_t fence;
    catalog_apply_fn done;

    int64_t ret_fence; /* RAISE_FENCE with ERROR_FENCED: the one that is there */
    struct catalog *catalog;
    void *operation;
};

struct catalog_options {
    struct loop *loop;
    struct work_pool *pool; /* it makes its own serial lane */
    const char *location;   /* what follows the scheme: a path */
    bool read_only;         /* a missing catalog is then an empty one */
};

struct catalog_type {
    const char *scheme; /* "sqlite" */

    /* Opens (and, unless read_only, creates and migrates) on the calling thread, in milliseconds.
     */
    struct catalog *(*open)(const struct catalog_options *options, struct error *err);
    void (*query)(struct catalog *catalog, struct catalog_query *query);
    void (*apply)(struct catalog *catalog, struct catalog_apply *apply);
    /* Ends waiting and running queries early; an apply that began is finished. */
    void (*cancel)(struct catalog *catalog);
    void (*close)(struct catalog *catalog); /* nothing may be under way; NULL is fine */
};

struct catalog {
    const struct catalog_type *type;
};

const char *catalog_lifecycle_name(enum catalog_lifecycle lifecycle);
const char *catalog_commit_state_name(enum catalog_commit_state state);
const char *catalog_delta_type_name(enum catalog_delta_type type);

#endif
