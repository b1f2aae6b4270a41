/* What the parts of a run share: run.c (the flow), run_tasks.c (which task is next), the stages,
 * recover, commit, publish, record. Nobody outside runner/engine includes it. */
#ifndef RUNNER_ENGINE_RUN_PRIVATE_H
#define RUNNER_ENGINE_RUN_PRIVATE_H

#include "runner/base/uuid.h"
#include "runner/engine/compact.h"
#include "runner/engine/deliver.h"
#include "runner/engine/lease.h"
#include "runner/engine/publish.h"
#include "runner/engine/recover.h"
#include "runner/engine/resume.h"
#include "runner/engine/run.h"
#include "runner/engine/run_group.h"
#include "runner/engine/run_reread.h"
#include "runner/engine/slots.h"
#include "runner/engine/staged.h"
#include "runner/engine/task.h"
#include "runner/io/scratch.h"
#include "runner/io/timer.h"

enum run_state {
    RUN_NEW,
    RUN_LEASING,     /* lease and fence */
    RUN_RECOVERING,  /* what a crash left: publications, files, history */
    RUN_CATCHING_UP, /* hooks of runs that died before they had told */
    RUN_OPENING,     /* committed already? else a line in the history */
    RUN_PLANNING,
    RUN_PREPARING, /* journal, folder, SQL session */
    RUN_TASKS,
    RUN_STAGING,  /* a check failed: what was about to be committed stays for a while */
    RUN_WIDENING, /* other folders have to be read, too: reread */
    RUN_PREVIEWING,
    RUN_WAITING,    /* somebody else changed a table first: for a moment */
    RUN_REPLANNING, /* which loads are to be run again? */
    RUN_QUEUED,     /* runs of its group commit before it */
    RUN_RENEWING,   /* the lease, right before the commit */
    RUN_DOUBTING,   /* it failed: because the lease was lost, and somebody removed its files? */
    RUN_COMMITTING,
    RUN_SETTLING, /* the outcome of the commit is unknown: look */
    RUN_PUBLISHING,
    RUN_CLEANING,   /* the folder, files of a run that committed nothing, the journal */
    RUN_COMPACTING, /* tables whose loads ask for it */
    RUN_RECORDING,
    RUN_DELIVERING, /* hooks */
    RUN_RELEASING,
    RUN_DONE,
};

/* run_staging.c */
struct run_staging {
    struct staged staged;
    struct staged_dataset *writing; /* NULL: none is under way */
    struct sql_request write;
    bool cancelled;
};

struct run {
    struct run_options options;
    run_done_fn done;
    struct engine *engine;
    const struct graph *graph;
    const struct pipeline *pipeline;
    struct log_context context;
    struct arena arena;

    enum run_state state;
    bool leased, planned, committed, already_committed, unsettled, cancelled;
    bool loss_said;        /* that the lease is lost */
    bool conflicted;       /* the last commit was refused, as somebody else changed a table first */
    bool journalled_aside; /* the quarantine of the node that comes next */
    bool recorded;         /* its commit is older than this process, and so is its history */
    struct error err;      /* the first failure: decides how the run ends */
    struct timer timer;    /* starts it, then its time-out */
    struct timer backoff;
    bool backoff_open;
    unsigned conflicts; /* commits that were refused */

    struct lease lease; /* of a group's run its fence alone */
    struct run *next_of_group;
    struct recover recover;
    struct resume resume;
    struct publish publish;
    struct deliver deliver;
    struct run_staging staging;
    struct compact compact;
    char compact_id[UUID_TEXT_SIZE];
    struct state_request state_request;
    struct catalog_query query;
    struct catalog_apply apply;
    struct work work;
    struct error work_err;
    struct store_request deletion;
    struct sql_request preview;
    struct arena step_arena; /* of the answers of one step */
    unsigned next;           /* of what a state does one by one */

    struct state *state_store;
    struct catalog *catalog;
    struct plan plan;
    struct sql_session *session;
    struct work_lane single; /* of a deterministic run: one statement at a time */
    char *folder;
    struct scratch scratch; /* a preview's folder; a run's is journalled */
    struct slots slots;

    struct task *tasks; /* by node index */
    struct task *first_ready, *last_ready;
    unsigned running, unfinished, retried;
    struct run_reread *rereads; /* by node index; NULL: nothing of that kind */
    bool widened;               /* in the second pass */
    struct table first_puts;    /* keys of files that the first one has put */
    size_t first_swept;
    uint64_t spool_bytes; /* of datasets that are there */
    uint64_t held_bytes;  /* of those that nobody reads any more, but a check may fail */
    unsigned dropping;    /* datasets whose last consumer is done */
    unsigned strict_left; /* tasks that are not done and have checks which may fail the run */

    int64_t started_ms;
    struct run_summary summary;
    char *record;
};

/* run.c */
void run_fail(struct run *run, const struct error *err); /* keeps the first one, cancels tasks */
void run_tasks_finished(struct run *run);                /* from run_tasks.c: all have ended */

/* run_group.c: what a run asks of its group. */
void run_group_join(struct run *run);
void run_group_leave(struct run *run); /* harmless where it did not join */
void run_group_check(struct run *run); /* the lease; ends in run_step() */
bool run_group_waits(const struct run *run);

/* run_tasks.c */
void tasks_start(struct run *run);
void tasks_again(struct run *run); /* those whose `again` is set */
void tasks_cancel(struct run *run);
void tasks_on_finished(struct task *task);
void tasks_free(struct run *run);
bool tasks_are_loaded(const struct task *task); /* a load of the run takes its dataset */
bool tasks_failed(const struct run *run);
void tasks_check_finished(struct run *run); /* what they waited for has ended */

/* commit.c: everything that the run changes in the catalog, as one list; in run->arena. */
void commit_build(struct run *run, struct catalog_apply *apply);

/* record.c */
void record_summarize(struct run *run); /* fills summary and record from the tasks */
void record_log_started(struct run *run);
void record_log_finished(struct run *run);

/* store keys of table files: "ns/table/1/flight_date_month=1990-01/<file>" */
char *partition_folder(const struct load *load, int64_t version, const char *const *values);

#endif
