/* on_changed: replace: what a load's table has of objects that are there under another version now.
 * Into a table with a key these rows are deleted, but for those whose keys come again; without one
 * the partitions that hold them are made anew, of their other rows and of what comes. Part of the
 * load's stage; its datasets are the attempt's, in the run's folder. */
#ifndef RUNNER_ENGINE_LOAD_REPLACE_H
#define RUNNER_ENGINE_LOAD_REPLACE_H

#include "runner/engine/table_read.h"
#include "runner/engine/task.h"

struct load_replace;

/* Called exactly once, on the loop, never from within start or cancel. */
typedef void (*load_replace_fn)(struct load_replace *replace, const struct error *err);

enum replace_step {
    REPLACE_READING_NULLS, /* rows of which nobody knows the object: there must be none */
    REPLACE_OPENING_NULLS,
    REPLACE_COUNTING_NULLS,
    REPLACE_READING_GONE, /* files that may have rows of the objects */
    REPLACE_OPENING_GONE,
    REPLACE_FINDING,      /* without a key: in which files they are */
    REPLACE_DERIVING,     /* with one: them alone */
    REPLACE_READING_KEPT, /* all of the partitions of those files */
    REPLACE_OPENING_KEPT,
    REPLACE_KEEPING, /* but for them */
    REPLACE_DONE,
};

struct load_replace {
    /* arguments */
    struct task *task;
    bool keyed; /* the table has a key */
    load_replace_fn done;

    /* results; NULL: there are no such rows. What is replaced is then in task->merged, too */
    const char *ret_gone;         /* dataset: rows of the objects, where keyed */
    const char *ret_kept;         /* dataset: the other rows of the partitions, where not */
    struct sql_schema ret_schema; /* of both */

    enum replace_step step;
    struct table_read read;
    struct sql_request request;
    const char *gone; /* the condition, as SQL */
    struct sql_condition condition;
    struct catalog_partition *partitions; /* that hold such rows */
    size_t partition_count;
    int64_t counted;
    bool reading, asking, cancelled;
    struct error err;
};

/* ERROR_INVALID, ERROR_CHECK, placed: its dataset, or what is stored, does not say of which object
 * a row is. Of a load that replaces nothing 0. */
int load_replace_check(const struct task *task, struct error *err);

/* Once all files are written: partitions of task->merged in which nothing is left are emptied. */
void load_replace_settle(struct task *task);

/* False: no object has changed, or nothing is stored; `done` is not called. */
bool load_replace_start(struct load_replace *replace);
void load_replace_cancel(struct load_replace *replace); /* still ends in done; again is harmless */

#endif
