/* Which stored partitions a load changes, once its files are written: for `scope` of
 * overwrite_partitions, which replaces all of them that are inside, and for `limits`. Part
 * of the load's stage. */
#ifndef RUNNER_ENGINE_LOAD_SCOPE_H
#define RUNNER_ENGINE_LOAD_SCOPE_H

#include "runner/engine/table_read.h"
#include "runner/engine/task.h"

struct load_scope;

/* Called exactly once, on the loop, never from within start or cancel. What is inside of the scope
 * and has no rows is then in task->table.emptied. */
typedef void (*load_scope_fn)(struct load_scope *scope, const struct error *err);

enum scope_step {
    SCOPE_OUTSIDE, /* rows of the dataset that are not in scope */
    SCOPE_LISTING, /* partitions that are stored */
    SCOPE_READING, /* one after another: is it inside? */
    SCOPE_OPENING,
    SCOPE_JUDGING,
    SCOPE_DONE,
};

struct load_scope {
    /* arguments */
    struct task *task;
    load_scope_fn done;

    enum scope_step step;
    struct arena arena; /* of the list: a job fills it */
    struct catalog_query query;
    struct table_read read;
    struct sql_request request;
    const struct sql_param *params;
    size_t param_count;
    size_t next; /* partition */
    int64_t inside, all;
    int64_t replaced; /* rows of partitions that get others */
    bool listing, reading, asking, cancelled;
    struct error err;
};

/* False: the load has nothing of that kind; `done` is not called. */
bool load_scope_start(struct load_scope *scope);
void load_scope_cancel(struct load_scope *scope); /* still ends in done; again is harmless */
void load_scope_deinit(struct load_scope *scope);

/* What no rows mean where they would take others away: on_empty. A history that got `copied` rows,
 * and wrote none, has not changed. */
void load_scope_empty(struct task *task, int64_t copied, struct error *err);

#endif
