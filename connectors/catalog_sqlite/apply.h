/* One apply under way: what its changes share. Blocking, within one write transaction. */
#ifndef CONNECTORS_CATALOG_SQLITE_APPLY_H
#define CONNECTORS_CATALOG_SQLITE_APPLY_H

#include "connectors/catalog_sqlite/database.h"
#include "runner/base/table.h"

struct apply_totals {
    int64_t rows, files, bytes;
};

/* A partition as the apply has left it so far. */
struct apply_replica {
    int64_t id; /* 0: none */
    int64_t position;
    struct apply_totals totals;
};

/* The partitions of one stream with the same values: the committed one, and the one that this
 * apply staged or was told to use. */
struct apply_partition {
    const char *values; /* JSON */
    struct apply_replica committed, staged;
    int64_t staged_previous_id; /* what was committed when it was staged */
    int64_t named_id;           /* which of the two a locator's id led to, the last time */
    bool deleted;               /* this apply deprecated the committed one */
    bool fresh;                 /* this apply committed the committed one */
};

struct apply_stream {
    int64_t version_id, version, stream_id;
    int64_t start_position, start_schema_id; /* before this apply */
    int64_t position;                        /* the last one, or this apply's once it was taken */
    int64_t first_position, schema_id;
    bool took_position, deleted_all, changed, rebucketed;
    size_t field_count;
    bool has_key;
    struct apply_totals change; /* of the stream's sums */
    int64_t partition_change;
    char label[DATABASE_LABEL_SIZE];
    struct table partitions; /* by values → struct apply_partition */
    const char *const *last_values;
    size_t last_count;
    struct apply_partition *last;
    struct apply_stream *next;
};

struct apply_context {
    struct sqlite *db;
    struct catalog_apply *apply;
    struct arena arena;
    int64_t now_ms;
    int64_t partition_floor;            /* greater ids were made by this apply */
    int64_t delta_floor;                /* the same */
    int64_t last_partition, last_delta; /* ids that were given so far */
    struct apply_stream *streams;
    const struct catalog_locator *last_at; /* which led to last_stream */
    struct apply_stream *last_stream;
    const struct catalog_cursor *last_cursor;
    int64_t last_cursor_id;
};

/* The stream that a locator names; NULL with *err where there is none, where its version is
 * deleted, or where it was replaced. */
struct apply_stream *apply_find_stream(
    struct apply_context *context, const struct catalog_locator *at, struct error *err);

/* What was found by name so far may be another one now. */
void apply_forget_streams(struct apply_context *context);
/* What was found of its partitions is no longer true. */
void apply_forget_partitions(struct apply_stream *stream);

/* The apply's position in the stream, taken with the first call. */
int64_t apply_take_position(struct apply_context *context, struct apply_stream *stream);

/* The partition with the values or the id of the locator; where it has no row yet, both its
 * replicas are 0. */
struct apply_partition *apply_find_partition(struct apply_context *context,
    struct apply_stream *stream, const struct catalog_locator *at, struct error *err);

/* Fails with "wildlife.strikes version 1 partition ["2024-01"]: …". */
int apply_fail_partition(const struct apply_stream *stream, const struct apply_partition *partition,
    enum error_code code, struct error *err, const char *why);
#define apply_fail_partition(...) error_returned(apply_fail_partition(__VA_ARGS__))

/* Executes a text whose parameters are at most these numbers. */
int apply_execute(struct apply_context *context, const char *sql, int64_t first, int64_t second,
    int64_t third, struct error *err);
/* The same of a text that gives one number; 0 where it gives no row. */
int apply_number(struct apply_context *context, const char *sql, int64_t first, int64_t second,
    int64_t *ret_number, struct error *err);

/* Writes the positions and sums of the streams that were changed. */
int apply_flush_streams(struct apply_context *context, struct error *err);
void apply_free_streams(struct apply_context *context);

/* The rows of one of them and of all that is below it go. */
int apply_forget_delta(struct apply_context *context, int64_t delta_id, struct error *err);
int apply_forget_partition(struct apply_context *context, int64_t partition_id, struct error *err);
int apply_forget_stream(struct apply_context *context, int64_t stream_id, struct error *err);
int apply_forget_versions(struct apply_context *context, int64_t table_id, struct error *err);

/* Inserts a schema with its columns, whose field ids are given; `last_field_id` is the greatest
 * that was ever given, columns with 0 get the next ones. */
int apply_insert_schema(struct apply_context *context, const char *label, int64_t version_id,
    int64_t schema_id, const struct catalog_column *columns, size_t count, int64_t last_field_id,
    struct error *err);

int apply_check_type(const char *label, const struct catalog_column *column, struct error *err);

/* Names columns in `merge`, `sort_by` that are not there (ERROR_INVALID). */
int apply_check_merge(const char *label, const struct catalog_column *columns, size_t count,
    const struct catalog_merge *merge, struct error *err);
int apply_check_sort(const char *label, const struct catalog_column *columns, size_t count,
    const char *const *sort_by, size_t sort_count, struct error *err);

/* UTF-8 of the description, properties. */
int apply_check_texts(const char *label, const struct catalog_change *change, struct error *err);

/* A staged delta. */
struct apply_delta {
    int64_t id, partition_id, stream_id;
    enum catalog_delta_type type;
    bool rewrite, is_committed;
    struct apply_totals totals;
};

/* By its id. 1: found; 0: not there, *err says so. */
int apply_find_delta(struct apply_context *context, const struct catalog_locator *at,
    const char *id, struct apply_delta *ret_delta, struct error *err);

/* Moves the files of one delta behind those of another one. */
int apply_move_files(
    struct apply_context *context, int64_t into_id, int64_t from_id, struct error *err);

/* Sums and position of a partition anew, after deltas came or went. */
int apply_recount_partition(struct apply_context *context, int64_t partition_id, struct error *err);

bool apply_can_merge(enum catalog_delta_type a, enum catalog_delta_type b);

/* The stream of the change's locator with its partition and which of its replicas is meant: the one
 * with the locator's id, else the staged one of this apply, else the committed one. */
int apply_find_target(struct apply_context *context, const struct catalog_locator *at,
    struct apply_stream **ret_stream, struct apply_partition **ret_partition,
    struct apply_replica **ret_target, struct error *err);

/* One verb each. */
typedef int (*apply_verb_fn)(
    struct apply_context *context, const struct catalog_change *change, struct error *err);

#define APPLY_VERB(name)                                                                           \
    int apply_##name(struct apply_context *, const struct catalog_change *, struct error *)
APPLY_VERB(create_namespace);
APPLY_VERB(update_namespace);
APPLY_VERB(delete_namespace);
APPLY_VERB(create_table);
APPLY_VERB(update_table);
APPLY_VERB(delete_table);
APPLY_VERB(create_version);
APPLY_VERB(update_version);
APPLY_VERB(set_lifecycle);
APPLY_VERB(set_column_type);
APPLY_VERB(set_schema);
APPLY_VERB(stage_stream);
APPLY_VERB(commit_stream);
APPLY_VERB(delete_stream);
APPLY_VERB(stage_partition);
APPLY_VERB(commit_partition);
APPLY_VERB(delete_partition);
APPLY_VERB(delete_all);
APPLY_VERB(stage_delta);
APPLY_VERB(merge_deltas);
APPLY_VERB(commit_delta);
APPLY_VERB(delete_delta);
APPLY_VERB(rollback);
APPLY_VERB(set_tag);
APPLY_VERB(delete_tag);
APPLY_VERB(expire);
APPLY_VERB(drop_staged);
APPLY_VERB(expect);
APPLY_VERB(raise_fence);
APPLY_VERB(set_cursor);
APPLY_VERB(delete_cursor);
APPLY_VERB(add_seen);
APPLY_VERB(record_commit);
APPLY_VERB(add_publication);
APPLY_VERB(end_publication);
#undef APPLY_VERB

/* ERROR_FENCED when a greater fence was raised; remembers this one where it is the greatest. */
int apply_check_fence(struct apply_context *context, struct error *err);

#endif
