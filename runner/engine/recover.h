/* What a run that ended badly left behind, put right by the next one while it holds the lease:
 * publications that were promised are kept, files that no commit names are removed, and the history
 * is repaired from the catalog, which alone is the truth about what was committed. */
#ifndef RUNNER_ENGINE_RECOVER_H
#define RUNNER_ENGINE_RECOVER_H

#include "runner/base/table.h"
#include "runner/engine/engine.h"
#include "runner/engine/publish.h"

struct recover;
typedef void (*recover_done_fn)(struct recover *recover, const struct error *err);

enum recover_step {
    RECOVER_PUBLISHING, /* first: their staged files are in folders that are removed below */
    RECOVER_SCRATCH,    /* folders of previews and queries that were killed, what a check left */
    RECOVER_JOURNAL,    /* list what dead runs own */
    RECOVER_COMMIT,     /* for each entry: was its run committed? */
    RECOVER_LISTING,    /* table files of the run */
    RECOVER_AGAIN,      /* before any is deleted: is it committed by now? */
    RECOVER_NAMED,    /* where it was: those that the catalog names, page by page. The others are of
                         an earlier process of the run, or of an attempt that failed */
    RECOVER_DELETING, /* the others, one by one */
    RECOVER_SWEEPING, /* what was being put there when it was killed */
    RECOVER_FOLDER,   /* a folder goes as a whole */
    RECOVER_CLEARING, /* the entries of the run */
    RECOVER_COMMITS,  /* history: what the catalog says … */
    RECOVER_RUNS,     /* … back to the commit that the state knows, too … */
    RECOVER_REPAIRING, /* … is put there, run by run */
    RECOVER_DONE,
};

struct recover {
    struct engine *engine;
    struct catalog *catalog;
    struct state *state;
    const char *pipeline, *instance, *run_id;
    int64_t fence;
    recover_done_fn done;

    enum recover_step step;
    struct arena arena, commit_arena, list_arena, page_arena; /* one for each answer that is kept */
    struct publish publish;
    struct state_request journal, request;
    struct catalog_query query, commits, files;
    struct store_request list, object;
    struct store *tables;
    struct work remove_folder, sweep_scratch;
    struct table named; /* keys in the catalog, of committed runs that are looked at */
    size_t next;        /* journal entry, or commit */
    size_t next_object; /* of the listing */
    size_t removed_files, removed_folders, repaired_runs, swept_scratch;
    struct error err, folder_err;
    bool cancelled;
    bool journal_only; /* set after recover_start(): there is no history of it */

    /* set after recover_start(), too: who had the run's id before is gone for certain, and what it
     * has complete is kept, as far as the run was not committed */
    bool resumes;
    struct state_journal *complete; /* entries of the run's objects and files */
    size_t complete_count;
    struct table found;        /* keys of those files that the store has, with their length */
    const char **kept_folders; /* of the run */
    size_t kept_folder_count;
};

/* The texts must outlive it. The fence is the lease's. */
void recover_start(struct recover *recover, struct engine *engine, const char *pipeline,
    const char *instance, const char *run_id, int64_t fence, recover_done_fn done);
/* Says what was put right, where anything was: before deinit. */
void recover_log(const struct recover *recover, struct log *log, const struct log_context *context);
void recover_cancel(struct recover *recover);
void recover_deinit(struct recover *recover);

/* The glob of the table files that a run may have put: "wildlife/strikes/1/" + "**" + "/<run>-*".
 */
char *recover_table_glob(const char *table_key, const char *run_id);
/* Of the process that wrote it: "n/t/1/day=1/RUN-NAME-FENCE[-WORD…]-NUMBER.parquet"; 0: none is
 * said.
 */
int64_t recover_file_fence(const char *key);

#endif
