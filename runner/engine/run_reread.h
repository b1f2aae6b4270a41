/* The two passes of a run with `reread: partition`: the folders of new objects are read, and, where
 * their rows go into partitions that other folders have rows of, all tasks run again over those,
 * too. Only the partitions that the first pass has touched are written. */
#ifndef RUNNER_ENGINE_RUN_REREAD_H
#define RUNNER_ENGINE_RUN_REREAD_H

#include "runner/base/json.h"
#include "runner/base/table.h"

#include <stdbool.h>

struct run;
struct task;

/* What is known of one load, from pass to pass; keys are reread_partition(). */
struct run_reread {
    struct table written; /* partitions with rows of folders with new objects */
    struct table touched; /* those, and those that had some: what the load may change */
    struct table found;   /* second pass: all that there were rows for */
};

/* Objects that were read before and are gone, of folders whose rows are made anew; each once. */
void run_reread_warn(struct run *run);

/* A load has written all of its rows. True: other folders have to be read for its partitions; the
 * task is done for now. */
bool run_reread_judge(struct task *load);

/* Whether a partition is among those that the load changes. */
bool run_reread_touches(const struct task *load, const char *const *values, size_t count);

/* The same of a file that was written; it is remembered, too. */
bool run_reread_takes(struct task *load, const char *const *values);

/* Whether some that it changes may have got no rows. */
bool run_reread_may_empty(const struct task *load);

/* What is to be remembered of one of its extracts; new reference, NULL: nothing. */
json_t *run_reread_remember(const struct task *load, const struct task *extract);

/* Takes note that an object lies in the run's folder: the second pass does not fetch it again. */
struct state_journal;
void run_reread_keep(struct run *run, const struct state_journal *entry);

bool run_reread_again(const struct run *run); /* a second pass is needed */
void run_reread_free(struct run *run);

#endif
