/* The table catalog: namespace → table → table version → stream → partition → delta → manifest of
 * files (DESIGN section 5; the verbs are DeltaCAT's storage interface, reference: deltacat 2.0).
 *
 * Small on purpose: verbs that read are values handed to `query`, verbs that change are values
 * handed to `apply`; one apply is one job and one transaction: all of its changes or none. A run
 * commits with one apply: its deltas of all tables, its cursors, its pending publications and its
 * record, under its fence. */
#ifndef CONNECTORS_CATALOG_H
#define CONNECTORS_CATALOG_H

#include "connectors/catalog_records.h"
#include "runner/base/arena.h"
#include "runner/base/error.h"
#include "runner/io/work.h"

/* --- queries --------------------------------------------------------------------------------- */

/* Names in the order of their bytes; versions and partitions in ascending order; deltas, streams
 * and commits with the newest first. `reverse` turns that around. A parent that is missing is
 * ERROR_NOT_FOUND and names its locator; GET_* of what is missing gives none. */
enum catalog_query_verb {
    CATALOG_LIST_NAMESPACES,    /* → namespaces */
    CATALOG_GET_NAMESPACE,      /* at.namespace → namespaces (0 or 1) */
    CATALOG_LIST_TABLES,        /* at.namespace, or all where it is NULL → tables */
    CATALOG_GET_TABLE,          /* → tables (0 or 1) */
    CATALOG_LIST_VERSIONS,      /* of a table → versions */
    CATALOG_GET_VERSION,        /* at.version; 0: the latest active one → versions (0 or 1) */
    CATALOG_GET_LATEST_VERSION, /* whatever its lifecycle → versions (0 or 1) */
    CATALOG_LIST_SCHEMAS,       /* of a version, the oldest first → schemas */
    CATALOG_LIST_STREAMS,       /* of a version, staged and replaced ones too → streams */
    CATALOG_GET_STREAM,         /* at.stream_id, else the version's committed one → streams */
    CATALOG_LIST_PARTITIONS,    /* of the stream of `at`; committed ones → partitions */
    CATALOG_GET_PARTITION,      /* at.values: the committed one; at.partition_id: that one, in any
                                   state → partitions (0 or 1) */
    CATALOG_LIST_DELTAS,        /* between first and last position, inclusive; at.values with
                                   value_count > 0: of one partition. Of committed partitions and,
                                   unless `current`, of replaced ones → deltas */
    CATALOG_LIST_PARTITION_DELTAS, /* of at.partition_id, in any state: committed deltas of a staged
                                      partition are seen here alone → deltas */
    CATALOG_GET_DELTA,        /* at.position and at.values, or at.delta_id → deltas (0 or 1) */
    CATALOG_GET_LATEST_DELTA, /* of at.values → deltas (0 or 1) */
    CATALOG_LIST_FILES,       /* what is read at `at_position` (0: now), by partition, then in
                                 ascending order → deltas with manifests. A position that is not
                                 there, or is expired and held by no tag, is ERROR_INVALID */
    CATALOG_LIST_ALL_FILES,   /* of the whole catalog, a namespace, a table (at.version 0: all of
                                 them), whatever refers to them: for gc and fsck; by table, page by
                                 page → deltas with manifests */
    CATALOG_LIST_STAGED,      /* of the whole catalog: staged streams; staged partitions and deltas
                                 of other streams and partitions; those first in which nothing was
                                 staged for the longest time → staged */
    CATALOG_FIND_POSITION,    /* the last position that was committed at `at_ms` or before
                                 → position */
    CATALOG_LIST_BARE_POSITIONS, /* that no delta has: of rollbacks and of what took rows away; of
                                    the stream of `at`, between first and last position, inclusive,
                                    the newest first → positions */
    CATALOG_LIST_TAGS,           /* of a version → tags */
    CATALOG_GET_COMMIT,          /* run_id → commits (0 or 1) */
    CATALOG_LIST_COMMITS,        /* pipeline, instance (NULL: all) → commits */
    CATALOG_LIST_CURSORS,        /* pipeline, instance; load, extract where they are said
                                    → cursors */
    CATALOG_LIST_SEEN,           /* pipeline, instance, load, extract → seen */
    CATALOG_LIST_PUBLICATIONS,   /* pipeline, instance: not ended yet → publications */
    CATALOG_CHECK,               /* whether the catalog itself is sound: references, sums, the
                                    storage's own check → problems (texts; none: sound) */
};

struct catalog;
struct catalog_query;

/* Called exactly once, on the loop, never from within start or cancel. */
typedef void (*catalog_query_fn)(struct catalog_query *query, const struct error *err);

/* The caller owns it and keeps it until `done`; zeroed but for the arguments. */
struct catalog_query {
    enum catalog_query_verb verb;
    struct catalog_locator at;
    const char *pipeline, *instance, *run_id, *load, *extract;
    int64_t first_position, last_position; /* inclusive; 0: open */
    int64_t at_position;                   /* LIST_FILES; 0: now */
    int64_t at_ms;                         /* FIND_POSITION */
    bool reverse, with_files, current;
    int64_t limit;       /* 0: CATALOG_PAGE_MAX */
    const char *after;   /* the `next` of the page before; NULL: from the beginning */
    struct arena *arena; /* results go there; filled on the loop's behalf by the job */
    catalog_query_fn done;

    size_t count;
    union { /* by verb */
        struct catalog_namespace *namespaces;
        struct catalog_table *tables;
        struct catalog_version *versions;
        struct catalog_schema *schemas;
        struct catalog_stream *streams;
        struct catalog_partition *partitions;
        struct catalog_delta *deltas;
        struct catalog_commit *commits;
        struct catalog_cursor *cursors;
        struct catalog_seen *seen;
        struct catalog_publication *publications;
        struct catalog_position *positions;
        struct catalog_tag *tags;
        struct catalog_staged *staged;
        const char **problems;
    };
    int64_t position;
    bool truncated;   /* there were more than `limit` */
    const char *next; /* for the page after this one; NULL: there is none */
    struct catalog *catalog;
    void *operation;
};

enum { CATALOG_PAGE_MAX = 10000000 };

/* --- changes --------------------------------------------------------------------------------- */

/* Wrong transitions are ERROR_CONFLICT, a parent that is missing ERROR_NOT_FOUND, a name or an id
 * that is taken ERROR_EXISTS, metadata that cannot be ERROR_INVALID; each names the locator. */
enum catalog_change_verb {
    CATALOG_CREATE_NAMESPACE, /* at.namespace, properties */
    CATALOG_UPDATE_NAMESPACE, /* properties. Renaming is refused: names are in the keys of files */
    CATALOG_DELETE_NAMESPACE, /* an empty one */
    CATALOG_CREATE_TABLE,     /* at.namespace, at.table, description, properties */
    CATALOG_UPDATE_TABLE,     /* description, properties, new_name, as far as they are not NULL */
    CATALOG_DELETE_TABLE,     /* with all that is below it; files are gc's */
    CATALOG_CREATE_VERSION,   /* the table's next one, with columns, partition_by, sort_by, merge;
                                 makes   its committed stream. if_missing: only where none is there;
                                 one   that is there with other columns, partitions or key is CONFLICT
                               */
    CATALOG_UPDATE_VERSION,   /* at.version (staged lifecycles, too): description, properties,
                                 sort_by,   merge, as far as they are said. The key stays; buckets
                                 change with   COMMIT_PARTITION of all partitions in the same apply */
    CATALOG_SET_COLUMN_TYPE,  /* column: one whose type is "NULL" gets its type; the same type again
                                 is fine, another one is CONFLICT */
    CATALOG_SET_SCHEMA,    /* schema: all columns as they are to be, known ones by field_id. Added,
                              widened (runner/base/column_type.h), renamed, no longer required,
                              required where the statistics of no file say or leave open that it is
                              null: anything else is INVALID and names column and both types.
                              expect_schema_id ≠ the one that holds: CONFLICT */
    CATALOG_SET_LIFECYCLE, /* at.version → lifecycle; deleted is for ever */
    CATALOG_STAGE_STREAM,  /* at.stream_id: the id that it gets. Notes the committed one */
    CATALOG_COMMIT_STREAM, /* at.stream_id replaces the version's committed one, if that is still
                              the one that was noted, with what was committed into it. It cannot
                              while tags hold positions of that one; older ones are no longer read
                            */
    CATALOG_DELETE_STREAM, /* the version's stream, or at.stream_id; the version is deleted with its
                              committed stream */
    CATALOG_STAGE_PARTITION, /* at.values; if_missing: only where no committed one is there.
                                at.partition_id: the id that it gets, for later applies to name.
                                Notes the committed one and its position */
    CATALOG_STAGE_DELTA,  /* into the partition staged by this apply, that of at.partition_id, else
                             the committed one. at.delta_id: the id that it gets; a later apply
                             names it, so does one that commits it */
    CATALOG_MERGE_DELTAS, /* staged deltas `merge.ids` of one partition and one type (add and append
                             make add) become one staged delta, at.delta_id: entries in the order
                             of the ids, sums added */
    CATALOG_COMMIT_DELTA, /* the staged one takes the run's position: one for all of an apply's
                             deltas of a stream, greater than any before, or at.position, which
                             must be, too; a `rewrite` may take one that was there, in a partition
                             that is staged. A second one in one partition joins the first */
    CATALOG_COMMIT_PARTITION, /* the staged one replaces the committed one of the same values, if
                                 that is still the one that was noted (`partition.expect_id`: that
                                 one); CONFLICT else. `partition.promote_after`: deltas of the one
                                 before with greater positions go on in the new one, which is read
                                 from that position on: a compaction. if_missing: only where this
                                 apply staged one */
    CATALOG_DELETE_DELTA,     /* a staged one, at.delta_id */
    CATALOG_DELETE_PARTITION, /* the committed one of at.values is deprecated, at a position as
                                 deltas take it; at.partition_id of a staged one: it goes */
    CATALOG_DELETE_ALL_PARTITIONS, /* all of a table: overwrite; those staged by this apply stay */
    CATALOG_ROLLBACK,      /* what was read at at.position is read again, at a new position */
    CATALOG_SET_TAG,       /* tag.name, tag.position (0: the newest); replaces it, but with
                              if_missing, where it holds another position: ERROR_EXISTS */
    CATALOG_DELETE_TAG,    /* tag.name */
    CATALOG_EXPIRE,        /* what is read at positions < at.position alone is forgotten, but
                              for what tags hold, and streams that were replaced; of a version that
                              is deleted, all. at.version 0: the latest active one */
    CATALOG_DROP_STAGED,   /* before_ms: what LIST_STAGED lists with an older touched_ms goes, with
                              all   that is in it */
    CATALOG_EXPECT,        /* CONFLICT unless the newest position of at's version is
                              at.position (0: no such table, or nothing in it) and, if it is
                              not 0, its schema's id is expect_schema_id: somebody else was
                              faster, plan again */
    CATALOG_RAISE_FENCE,   /* (pipeline, instance, fence): lower ones can no longer commit.
                              ERROR_FENCED, too, where it was raised to this number before */
    CATALOG_SET_CURSOR,    /* cursor */
    CATALOG_DELETE_CURSOR, /* cursor, with all that it has seen; load, extract NULL: each one */
    CATALOG_ADD_SEEN,      /* cursor's key + seen: put or replaced */
    CATALOG_RECORD_COMMIT, /* commit: ERROR_EXISTS when the run id is there: it was committed */
    CATALOG_ADD_PUBLICATION,
    CATALOG_END_PUBLICATION, /* publication.run_id, .load; .to NULL: all of the load */
};

enum { CATALOG_PROPERTIES_MAX = 1024 * 1024 }; /* bytes of JSON */

struct catalog_change {
    enum catalog_change_verb verb;
    struct catalog_locator at;
    bool if_missing;
    int64_t expect_schema_id;
    const char *description, *properties; /* CREATE_*, UPDATE_*, STAGE_*; properties: a JSON object
                                             of texts. NULL: none, or as it is */
    union {
        const char *new_name; /* UPDATE_TABLE */
        struct {              /* CREATE_VERSION, UPDATE_VERSION */
            const struct catalog_column *columns;
            size_t column_count;
            const char *const *partition_by;
            size_t partition_count;
            const char *const *sort_by;
            size_t sort_count;
            const struct catalog_merge *merge; /* NULL: no key, or as it is */
            enum catalog_lifecycle lifecycle;
        } version;
        struct { /* SET_SCHEMA */
            const struct catalog_column *columns;
            size_t column_count;
        } schema;
        enum catalog_lifecycle lifecycle;
        struct catalog_column column; /* SET_COLUMN_TYPE */
        struct {                      /* STAGE_DELTA */
            enum catalog_delta_type type;
            const struct catalog_file *files;
            size_t file_count;
            bool rewrite;
            const char *author; /* NULL: sluice and its version */
        } delta;
        struct { /* MERGE_DELTAS */
            const char *const *ids;
            size_t count;
        } merge;
        struct {                   /* COMMIT_PARTITION */
            const char *expect_id; /* NULL: the one that was noted */
            int64_t promote_after; /* 0: nothing goes on */
            const char *compaction;
        } partition;
        struct catalog_tag tag;
        int64_t before_ms; /* DROP_STAGED */
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

    int64_t ret_fence;    /* RAISE_FENCE with ERROR_FENCED: the one that is there */
    int64_t ret_position; /* the one that its deltas and deletes took, in the stream that took one
                             last; 0: none did. A compaction (promote_after) takes none */
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

#endif
