/* What a run that failed a check leaves to be looked at: the datasets that its loads were to take,
 * as Parquet files beside a list of them, in a folder of the spool (scratch_keep()). It goes with
 * the next run of the pipeline, or after SCRATCH_KEPT_MS with whatever sweeps the spool; neither
 * the state nor a store knows of it. */
#ifndef RUNNER_ENGINE_STAGED_H
#define RUNNER_ENGINE_STAGED_H

#include "connectors/sql_engine.h"
#include "runner/engine/graph.h"

struct staged_dataset {
    const char *name;
    struct text_list loads; /* "load.clean": what was to take it; none: a check of it failed */
    struct sql_schema schema;
    int64_t rows;
    uint64_t bytes;
    struct text_list files; /* absolute once it is read */
};

struct staged {
    const char *run_id, *pipeline, *instance;
    const char *folder;
    int64_t until_ms;
    struct staged_dataset *datasets;
    size_t count;
};

/* Whose it is: one text for each (pipeline, instance), fit for a file's name. */
enum { STAGED_OWNER_SIZE = 33 };
const char *staged_owner(const char *pipeline, const char *instance, char owner[STAGED_OWNER_SIZE]);

/* Makes of `folder`, in `spool`, what the run leaves: all but the files that are listed goes. */
int staged_keep(
    const char *spool, const char *folder, const struct staged *staged, struct error *err);

/* What that run left, in the arena; ERROR_NOT_FOUND where there is nothing (any more). */
int staged_read(const char *spool, const char *run_id, struct arena *arena,
    struct staged *ret_staged, struct error *err);

#endif
