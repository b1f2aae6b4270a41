/* Rows that a task puts aside: bad rows of an extract (on_bad_row: quarantine), rows of a load that
 * do not fit its table, rows that offend checks of severity quarantine. They leave the dataset and
 * become files of the table `quarantine.<pipeline>_<dataset>`, which the run's own commit commits.
 * Part of the stage. */
#ifndef RUNNER_ENGINE_QUARANTINE_H
#define RUNNER_ENGINE_QUARANTINE_H

#include "runner/engine/checking.h"
#include "runner/engine/load_put.h"
#include "runner/engine/quarantine_marks.h"

#define QUARANTINE_NAMESPACE "quarantine"

struct quarantine;

/* Called exactly once, on the loop, never from within start or cancel. */
typedef void (*quarantine_fn)(struct quarantine *quarantine, const struct error *err);

enum quarantine_step {
    QUARANTINE_OPENING, /* rows that are tried again */
    QUARANTINE_LOOKING,
    QUARANTINE_COPYING,
    QUARANTINE_MARKING,
    QUARANTINE_COUNTING,
    QUARANTINE_SAMPLING,
    QUARANTINE_KEEPING,
    QUARANTINE_SELECTING,
    QUARANTINE_WRITING,
    QUARANTINE_TAKING, /* out what is tried again */
    QUARANTINE_DELETING,
    QUARANTINE_DONE,
};

/* The caller owns it; zeroed but for the arguments. */
struct quarantine {
    struct task *task;
    quarantine_fn done;
    const char
        *rejects; /* of an extract: the dataset of its bad rows (struct sql_scan); else NULL */
    const char *dataset;               /* what the checks are over */
    const struct option_items *checks; /* those of severity quarantine among them count */
    const struct sql_schema *rows;     /* of a load: the columns of its dataset, */
    const struct sql_schema *table;    /* and what they must fit; NULL: whatever they are */
    bool copies;                       /* the dataset is others', too: its rows are copied first */
    const char
        *ret_kept; /* the dataset without the rows: `dataset`, or a new one where it copies */

    int64_t ret_casts; /* rows that did not fit */

    enum quarantine_step step;
    struct quarantine_marks marks;
    bool running, cancelled, found;
    struct sql_dataset retried;
    struct checking_aside *counts; /* by mark: of checks first */
    json_t *sample;                /* rows that were put aside, as they come: of mark `sampled` */
    size_t sampled;
    struct sql_request request;
    struct load_puts puts;
    struct error err;
};

/* What an earlier attempt of the task put aside. */
void quarantine_forget(struct task *task);

/* False: there is nothing to do, and `done` is not called. */
bool quarantine_start(struct quarantine *quarantine);
void quarantine_cancel(struct quarantine *quarantine); /* still ends in done; again is harmless */
void quarantine_deinit(struct quarantine *quarantine); /* a zeroed one is fine */

/* The copy of a transform's dataset in which rows have numbers, for `quarantine_start`; NULL where
 * no check of it needs one. */
const char *quarantine_numbered(
    const struct option_items *checks, const char *dataset, struct arena *arena);

/* Whether the task's rows are those of a quarantine table. */
bool quarantine_retries(const struct task *task);

/* Whether a node may put rows aside. */
bool quarantine_has(const struct graph_node *node);

/* "birds_strikes", of the node's dataset; in `arena`. */
const char *quarantine_table(
    const struct pipeline *pipeline, const struct graph_node *node, struct arena *arena);
const char *quarantine_table_of(const char *pipeline, const char *dataset, struct arena *arena);

/* max_bad_rows and max_bad_share: ERROR_CHECK where more rows are bad. */
int quarantine_check_limits(
    const struct extract *extract, int64_t bad, int64_t good, struct error *err);

#endif
