/* One task of a run: when it may start, its attempts, its time-out, its end. What an attempt does
 * is the stage's: extract, transform or load, behind one small vtable. */
#ifndef RUNNER_ENGINE_TASK_H
#define RUNNER_ENGINE_TASK_H

#include "connectors/catalog.h"
#include "connectors/sql_engine.h"
#include "runner/base/log.h"
#include "runner/base/table.h"
#include "runner/engine/cursor.h"
#include "runner/engine/graph.h"
#include "runner/engine/plan.h"
#include "runner/engine/progress.h"
#include "runner/io/retry.h"
#include "runner/io/work.h"

struct run;
struct task;

/* One attempt of a task, ended by exactly one task_attempt_done(), which `start` may call itself
 * as its last act; `cancel` never does. */
struct stage_type {
    void (*start)(struct task *task);
    void (*cancel)(struct task *task); /* the attempt under way still ends in task_attempt_done() */
    void (*progress)(const struct task *task, struct task_progress *progress);
    void (*free)(
        struct task *task); /* after an attempt, before the next one; NULL operation: fine */
};

extern const struct stage_type stage_extract, stage_table, stage_transform, stage_load;

/* A data file that a load has put into the store, waiting for the commit. */
struct task_file {
    struct catalog_file file;
    const char *const *values; /* of its partition */
};

/* How a load finds its table, or makes it, and what its rows do to the table's columns. Loads of
 * one run into one table build on each other, in the order in which they began. */
struct task_table {
    const struct catalog_column *base; /* what was there before this load; none: it makes it */
    size_t base_count;
    const struct catalog_column *columns; /* and what is there with it; new ones stand behind */
    size_t column_count;
    int64_t schema_id; /* of its files */
    bool creates, evolves;
    unsigned order; /* among the loads of the run into that table, from 1; 0: not known yet */
    struct sql_schema write;
};

/* How a check came out. */
struct task_check {
    const char *title;
    enum check_kind kind;
    bool passed;
    int severity;        /* enum severity */
    int64_t count;       /* offending rows, where the check counts them */
    int64_t found;       /* of a row_count: how many there were; of a freshness: the age */
    const char *message; /* of a failed one, without its place; NULL */
    const char *sample;  /* offending rows, a JSON array (check_sample.h); NULL: none are known */
};

/* Rows that were put aside, as files of their table (runner/engine/quarantine.h). */
struct task_quarantine {
    const char *table; /* in the namespace of all of them; NULL: none */
    int64_t rows;
    struct task_file *files;
    size_t file_count, file_capacity;
    struct catalog_partition *old; /* of the table, that the commit deletes */
    size_t old_count;
};

/* How rows of a load meet those of its table, for the commit. */
struct task_merge {
    struct catalog_merge merge; /* what a new table gets */
    bool expects;               /* holds only for the table as it was looked at: */
    int64_t position;           /* its newest position then; 0: nothing was there */
    bool repeats; /* where the table is another one by now, the load is to be run again */
    const struct catalog_partition *emptied; /* overwrite_partitions: in scope, and without rows */
    size_t emptied_count;
    const struct catalog_partition *replaced; /* appends: their rows are all in its files */
    size_t replaced_count;
    int64_t replaced_rows;       /* rows of objects that changed, which are no longer there */
    int64_t duplicates, deleted; /* rows of the dataset that others stand for; of the table, gone */
};

struct task {
    struct run *run;
    const struct graph_node *node;
    const struct plan_task *plan;
    const struct stage_type *stage;
    void *operation; /* the stage's, for one attempt */

    enum task_state state;
    const char *activity;
    struct task *next_ready;
    unsigned waiting_for; /* nodes that it needs and that are not done */
    struct retry retry;
    struct timer deadline;
    struct work removal; /* of the dataset's files, after its last consumer */
    struct sql_request drop;
    bool deadline_open, timed_out, attempt_running;
    struct error err;
    int64_t started_ms, finished_ms;

    /* results */
    struct arena arena;
    struct sql_dataset dataset; /* of an extract or a transform */
    struct cursor_value cursor; /* of an extract with one: where it is after this run */
    struct text_list inputs; /* of an extract: what it read in the run's folder, links among it */
    bool is_view;            /* the dataset is evaluated when it is read */
    unsigned consumers_left; /* of the dataset */
    bool dropped;            /* its files are gone, or about to go */
    bool is_strict;          /* it is not done, and a check of it may fail the run */
    int64_t rows, rejected, objects;
    uint64_t bytes_read, bytes_written;
    struct sql_reject *rejects;
    size_t reject_count;
    struct task_file *files; /* of a load */
    size_t file_count, file_capacity;
    struct table puts; /* keys of all files that any attempt began to put; NULL: it stays */
    size_t swept;      /* of them, when the run cleans up */
    struct task_quarantine quarantined;
    const char *source;      /* of a load: the dataset that it writes */
    struct task_table table; /* of a load `into` one; in the run's arena */
    struct task_merge merged;
    bool again;              /* a load: it is to be run once more, as its table has changed */
    bool keeps_table;        /* a load: nothing is to change (on_empty: keep) */
    bool partial;            /* a load: other folders are to be read first (run_reread.h) */
    const char *staged_path; /* a `to:` load: the finished file in the run's folder */
    const char *content;     /* a load of a run that sums up: JSON (runner/engine/summing.h) */
    struct task_check *checks;
    size_t check_count;
};

void task_init(struct task *task, struct run *run, const struct graph_node *node,
    const struct plan_task *plan);
void task_deinit(struct task *task);

/* Runs it: attempts with retries, until it is done, failed or cancelled; ends in one
 * tasks_on_finished() (run_tasks.h), from a later turn of the loop. */
void task_start(struct task *task);
void task_cancel(struct task *task); /* harmless when it is not running */

/* Called by the stage: the attempt is over. */
void task_attempt_done(struct task *task, const struct error *err);

/* Puts "path:line:column: extract.x" in front of an error about a field of the task's options. */
void task_place_error(
    const struct task *task, const void *field, const char *key, struct error *err);

/* The same for what the SQL engine said of a transform's SQL, or of a check's (checks[index]), with
 * the line and the column where err->detail (connectors/sql_engine.h) tells them. */
void task_place_transform_error(const struct task *task, struct error *err);
void task_place_check_error(
    const struct task *task, const struct check *check, size_t index, struct error *err);

/* The same for what a load failed with while it wrote. */
void task_place_write_error(const struct task *task, struct error *err);

/* schema: discard_rows left so many out. */
void task_count_discarded(struct task *task, int64_t rows);

/* Logs an event of this task: the run's context with the task's id and attempt. */
#define task_log(task, level, event, fields, ...)                                                  \
    do {                                                                                           \
        struct log_context context_ = task_log_context(task);                                      \
        log_event(task_log_of(task), (level), (event), &context_, (fields), __VA_ARGS__);          \
    } while (0)
struct log_context task_log_context(const struct task *task);
struct log *task_log_of(const struct task *task);

#endif
