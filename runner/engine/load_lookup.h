/* What a table has of the keys of a delta, as a dataset beside it: bounds of the delta's keys rule
 * out files, the rest is opened as the session's dataset LOAD_OLD. Part of a merging load. */
#ifndef RUNNER_ENGINE_LOAD_LOOKUP_H
#define RUNNER_ENGINE_LOAD_LOOKUP_H

#include "runner/engine/load_sql.h"
#include "runner/engine/table_read.h"
#include "runner/engine/task.h"

struct load_lookup;

/* Called exactly once, on the loop, never from within start or cancel. */
typedef void (*load_lookup_fn)(struct load_lookup *lookup, const struct error *err);

struct load_lookup {
    /* arguments */
    struct task *task;
    const struct load_sql *sql;
    bool whole;        /* all rows, not those of the delta's keys alone */
    bool keep_deletes; /* struct sql_merge */
    load_lookup_fn done;

    /* results */
    struct sql_schema ret_schema; /* of LOAD_OLD */
    size_t ret_files;
    uint64_t ret_bytes;

    struct sql_request request; /* bounds, then OPEN */
    struct table_read read;
    struct sql_condition *conditions;
    size_t condition_count;
    bool querying, reading, cancelled;
};

void load_lookup_start(struct load_lookup *lookup);
void load_lookup_cancel(struct load_lookup *lookup); /* still ends in done; again is harmless */

#endif
