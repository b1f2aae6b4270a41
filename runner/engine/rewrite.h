/* Files of a table's partition become other files: they are brought into the folder, opened as one
 * dataset, merged by key where there is one, and written: as rows or as what was deleted, in order,
 * split by bucket, or under another partitioning. What compaction and alter are made of. */
#ifndef RUNNER_ENGINE_REWRITE_H
#define RUNNER_ENGINE_REWRITE_H

#include "config/pipeline.h"
#include "runner/engine/data_put.h"

/* What all rewrites of a table share. */
struct rewrite_table {
    struct engine *engine; /* its tables are open */
    struct sql_session *session;
    struct slots *slots;                 /* transfers at once */
    const char *folder;                  /* the session's */
    const struct catalog_version *table; /* columns, merge: of what is read and written */
    const struct catalog_schema *schemas;
    size_t schema_count;
    const struct sql_schema *schema; /* of `table`, as the SQL engine takes it */
    struct text_list wanted;         /* rewrite_wanted() */
};

/* Rows from greater positions are newer; of equal ones those further behind. */
struct rewrite_input {
    const struct catalog_file *file;
    int64_t position;
    const char *path; /* where it is in the folder; NULL: it is brought there. Removed at the end */
    bool base;        /* struct sql_part */
};

struct rewrite_output {
    struct catalog_file file;
    const char *const *values; /* of `partitions` */
    const char *path;          /* in the folder, unless `put` */
};

struct rewrite;

/* Called exactly once, on the loop, never from within start or cancel. */
typedef void (*rewrite_fn)(struct rewrite *rewrite, const struct error *err);

/* The key of an output in the store, in the arena. */
typedef const char *(*rewrite_key_fn)(
    struct rewrite *rewrite, const char *const *values, const char *name);

#define REWRITE_DATASET "rewritten"

enum rewrite_step {
    REWRITE_FETCHING,
    REWRITE_OPENING,
    REWRITE_CHECKING,
    REWRITE_DERIVING, /* deletes: those that won */
    REWRITE_WRITING,  /* files go into the store while others are written */
    REWRITE_DROPPING,
    REWRITE_REMOVING, /* inputs that were brought */
    REWRITE_DONE,
};

/* The caller owns it and keeps it until `done`; zeroed but for the arguments. */
struct rewrite {
    /* arguments */
    const struct rewrite_table *table;
    struct rewrite_input *inputs;
    size_t input_count;
    bool merges;             /* by the table's key */
    bool deletes;            /* writes keys that are deleted in place of rows that are there */
    int64_t buckets, bucket; /* struct sql_merge: of one bucket alone; 0, 0: all of it */
    bool keeps_inputs;
    const char *check; /* SQL over the dataset REWRITE_DATASET: how many rows are wrong; NULL */
    const char *wrong; /* what is said then, behind their number */
    const struct sql_schema *schema;        /* of the output; NULL: the table's */
    const struct sql_partition *partitions; /* of the output */
    size_t partition_count;
    struct text_list sort_by;
    uint64_t file_bytes;
    bool any_order;     /* struct sql_write: of rows and of deletes without sort_by */
    const char *name;   /* outputs are called <name>-<n>.parquet */
    rewrite_key_fn key; /* NULL: outputs stay in the folder */
    struct arena *arena;
    rewrite_fn done;
    void *data; /* the caller's own */

    /* results */
    struct rewrite_output *outputs; /* freed by rewrite_deinit(); what it points to: the arena */
    size_t output_count;

    enum rewrite_step step;
    bool cancelled, busy, opened, derived;
    struct slot_waiter waiter;
    struct rewrite_get **gets;
    struct rewrite_put **puts;
    size_t put_count, put_capacity, output_capacity, next_get;
    unsigned in_flight;
    struct sql_request request;
    struct sql_dataset dataset;
    struct work work;
    struct error err;
};

void rewrite_start(struct rewrite *rewrite);
void rewrite_cancel(struct rewrite *rewrite); /* still ends in done; again is harmless */
void rewrite_deinit(struct rewrite *rewrite); /* after done; again is harmless */

/* --- rewrite_parts.c: pure --- */

/* What the inputs are as parts of a dataset, in their order; their paths are set. A schema that is
 * not listed is ERROR_DATA. */
int rewrite_parts(const struct rewrite_table *table, const struct rewrite_input *inputs,
    size_t count, struct arena *arena, struct sql_part **ret_parts, size_t *ret_count,
    struct error *err);

/* The columns of a version as the SQL engine takes them. */
struct sql_schema *rewrite_schema(const struct catalog_version *version, struct arena *arena);

/* Of those, the key and what it is ordered by: of files of deletes. */
struct sql_schema *rewrite_delete_schema(
    const struct catalog_version *version, struct arena *arena);

/* Columns whose bounds are kept however many there are: see file_stats_text(). */
void rewrite_wanted(const struct rewrite_table *table, const struct partition_field *fields,
    struct arena *arena, struct text_list *ret_columns);

#endif
