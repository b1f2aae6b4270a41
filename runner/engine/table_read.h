/* Rows of a catalog table as a dataset that SQL can select from: which files hold them at a
 * position, which of those a condition rules out, all of them brought to where the SQL engine
 * opens files, and how they are read: old files under the schema that holds now, upserts and
 * deletes merged. Used by catalog read and sql, by extracts from catalog://, by loads that look up
 * what is stored, by compaction. */
#ifndef RUNNER_ENGINE_TABLE_READ_H
#define RUNNER_ENGINE_TABLE_READ_H

#include "runner/engine/engine.h"
#include "runner/engine/slots.h"

struct table_read;

/* A file, and the delta that brought it. */
struct table_origin {
    struct catalog_file file;
    struct catalog_delta delta; /* without its files */
};

/* Called exactly once, on the loop, never from within start or cancel. */
typedef void (*table_read_fn)(struct table_read *read, const struct error *err);

/* The caller owns it and keeps it until `done`; zeroed but for the arguments. */
struct table_read {
    /* arguments */
    struct engine *engine;
    struct slots *slots;                        /* transfers at once */
    struct catalog_locator at;                  /* with values: that partition alone */
    const struct catalog_partition *partitions; /* … or these alone, by their values; NULL: all */
    size_t partition_count;
    const char *space, *name; /* of the dataset */
    int64_t at_position;      /* 0: now */
    int64_t at_ms;            /* where at_position is 0: what was committed then; 0: now */
    const char *at_tag;       /* the same of a tag; NULL */
    bool changes;             /* the rows that deltas with positions > after_position brought, as
                                 they are, with _change_type (insert, upsert, delete) and
                                 _stream_position; what an overwrite took away is delete */
    int64_t after_position;
    bool keep_deletes; /* struct sql_merge */
    bool origins;      /* column _sluice_origin of each row: its place in ret_origins */
    const struct sql_condition *conditions; /* files without a row that fulfils all are left out */
    size_t condition_count;
    const char *folder; /* files come here: links where they are on this machine. NULL: only what is
                           read in place is possible */
    bool count_only;    /* no file is fetched, and there is no dataset: only the counts */
    bool in_place;      /* files on this machine are opened where they are */
    struct arena *arena; /* of the results */
    table_read_fn done;

    /* results */
    struct sql_dataset ret_dataset;
    struct catalog_version ret_version;
    struct table_origin *ret_origins; /* where `origins` */
    int64_t ret_position;             /* the newest one that was read; 0: none */
    size_t ret_files, ret_skipped;
    uint64_t ret_bytes; /* of ret_files */

    void *operation;
};

/* ERROR_NOT_FOUND names a table that is not there; a position before the first one that is kept,
 * after the newest one, or a tag that is not there are ERROR_INVALID and name what there is; a file
 * that is gone is ERROR_NOT_FOUND and names it. */
void table_read_start(struct table_read *read);
void table_read_cancel(struct table_read *read); /* still ends in done; again is harmless */

#endif
