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
    bool deleted;               /* this apply deprecated the committed one */
};

struct apply_stream {
    int64_t version_id, version, stream_id;
    int64_t position; /* the last one, or this apply's once it was taken */
    bool took_position, deleted_all, changed;
    size_t field_count;
    enum catalog_lifecycle lifecycle;
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
    int64_t partition_floor, delta_floor; /* greater ids were made by this apply */
    struct apply_stream *streams;
    const struct catalog_locator *last_at; /* which led to last_stream */
    struct apply_stream *last_stream;
    const struct catalog_cursor *last_cursor;
    int64_t last_cursor_id;
};

/* The stream that a locator names; NULL with *err where there is none, or where it is deleted. */
struct apply_stream *apply_find_stream(
    struct apply_context *context, const struct catalog_locator *at, struct error *err);

/* What was found by name so far may be another one now. */
void apply_forget_streams(struct apply_context *context);

/* The partition with the values or the id of the locator; where it has no row yet, both its
 * replicas are 0. */
struct apply_partition *apply_find_partition(struct apply_context *context,
    struct apply_stream *stream, const struct catalog_locator *at, struct error *err);

/* Fails with "wildlife.strikes version 1 partition ["2024-01"]: …". */
int apply_fail_partition(const struct apply_stream *stream, const struct apply_partition *partition,
    enum error_code code, struct error *err, const char *why);
#define apply_fail_partition(...) error_returned(apply_fail_partition(__VA_ARGS__))

/* Writes the positions and sums of the streams that were changed. */
int apply_flush_streams(struct apply_context *context, struct error *err);
void apply_free_streams(struct apply_context *context);

/* One verb each. */
typedef int (*apply_verb_fn)(
    struct apply_context *context, const struct catalog_change *change, struct error *err);

int apply_create_namespace(struct apply_context *, const struct catalog_change *, struct error *);
int apply_create_table(struct apply_context *, const struct catalog_change *, struct error *);
int apply_create_version(struct apply_context *, const struct catalog_change *, struct error *);
int apply_set_lifecycle(struct apply_context *, const struct catalog_change *, struct error *);
int apply_set_column_type(struct apply_context *, const struct catalog_change *, struct error *);
int apply_stage_partition(struct apply_context *, const struct catalog_change *, struct error *);
int apply_stage_delta(struct apply_context *, const struct catalog_change *, struct error *);
int apply_commit_delta(struct apply_context *, const struct catalog_change *, struct error *);
int apply_commit_partition(struct apply_context *, const struct catalog_change *, struct error *);
int apply_delete_partition(struct apply_context *, const struct catalog_change *, struct error *);
int apply_delete_all(struct apply_context *, const struct catalog_change *, struct error *);
int apply_raise_fence(struct apply_context *, const struct catalog_change *, struct error *);
int apply_set_cursor(struct apply_context *, const struct catalog_change *, struct error *);
int apply_add_seen(struct apply_context *, const struct catalog_change *, struct error *);
int apply_record_commit(struct apply_context *, const struct catalog_change *, struct error *);
int apply_add_publication(struct apply_context *, const struct catalog_change *, struct error *);
int apply_end_publication(struct apply_context *, const struct catalog_change *, struct error *);

/* ERROR_FENCED when a greater fence was raised; remembers this one where it is the greatest. */
int apply_check_fence(struct apply_context *context, struct error *err);

#endif
