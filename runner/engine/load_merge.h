/* What a load into a table with a key does before it writes: each key once, null keys refused,
 * beside what is stored where that matters. Part of the load's stage; datasets that it makes are
 * the attempt's, in the run's folder. */
#ifndef RUNNER_ENGINE_LOAD_MERGE_H
#define RUNNER_ENGINE_LOAD_MERGE_H

#include "runner/engine/load_lookup.h"
#include "runner/engine/load_table.h"

struct load_merge;

/* Called exactly once, on the loop, never from within start or cancel. */
typedef void (*load_merge_fn)(struct load_merge *merge, const struct error *err);

enum merge_step {
    MERGE_COPYING,  /* the dataset's rows under the table's types, once */
    MERGE_OPENING,  /* … as a dataset */
    MERGE_CHECKING, /* null keys */
    MERGE_LEAVING,  /* rows of replaced objects that do not come again */
    MERGE_UNIFYING, /* each key once */
    MERGE_LOOKING,  /* up what is stored */
    MERGE_JOINING,
    MERGE_COUNTING,
    MERGE_ROWS, /* views of what is to be written */
    MERGE_KEYS,
    MERGE_DONE,
};

struct load_merge {
    /* arguments */
    struct task *task;
    const struct load_table *table;
    const struct sql_schema *schema; /* of the table's files; empty: the table is new */
    const char *gone; /* dataset of the table's rows of objects that are replaced; NULL: none */
    const struct sql_schema *gone_schema;
    load_merge_fn done;

    /* results */
    const char *rows, *deletes;     /* datasets; NULL: there are none */
    struct sql_schema copy_schema;  /* columns of the dataset, as the table has them */
    struct sql_schema entry_schema; /* columns of `deletes` */
    int64_t ret_rows, ret_entries;  /* of both */
    int64_t ret_deleted;            /* rows that readers will miss */
    int64_t ret_stored;             /* rows of the table; -1: they were not counted */
    int64_t ret_duplicates;         /* rows that others of the dataset stand for */

    enum merge_step step;
    struct load_sql sql;
    struct sql_request request;
    struct load_lookup lookup;
    struct sql_dataset copy;
    int64_t left;       /* rows of LEFT */
    const char **files; /* of the copy */
    size_t file_count, file_capacity;
    struct text_list partition; /* columns of partition_by */
    const struct sql_param *params;
    size_t param_count;
    bool querying, looking, cancelled;
    struct error err;
};

void load_merge_start(struct load_merge *merge);
void load_merge_cancel(struct load_merge *merge); /* still ends in done; again is harmless */
void load_merge_deinit(struct load_merge *merge);

#endif
