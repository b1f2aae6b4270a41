/* What happened and what is under way: history of runs, whom to tell of failures, the journal of
 * files that a run owns, and leases. The truth about what was committed is the catalog's alone
 * (DESIGN section 4). */
#ifndef CONNECTORS_STATE_H
#define CONNECTORS_STATE_H

#include "connectors/hook.h"
#include "runner/base/arena.h"
#include "runner/base/error.h"
#include "runner/io/work.h"

#include <stdbool.h>
#include <stdint.h>

enum state_outcome {
    STATE_RUNNING,
    STATE_SUCCEEDED,
    STATE_NOTHING_NEW, /* a success that committed no data */
    STATE_FAILED,
    STATE_CHECK_FAILED,
    STATE_CANCELLED,
    STATE_LOST, /* its process ended without saying how; nothing was committed */
};

struct state_run {
    const char *run_id, *pipeline, *instance;
    int64_t due_ms, started_ms, finished_ms; /* finished 0: not yet */
    enum state_outcome outcome;
    int64_t rows; /* committed */
    uint64_t bytes;
    const char *error;  /* one line; NULL */
    const char *record; /* JSON: tasks, counts, tables */
};

/* A folder or file that a run made and removes: what a crash leaves behind is found by it. Files
 * that are complete are said one by one, so that the same run can go on with them. */
struct state_journal {
    const char *run_id;
    const char *kind; /* "folder", "table"; complete: "object" (fetched), "file" (uploaded) */
    const char *what; /* its path, in the spool folder where it is relative; the prefix of keys;
                         of a file its key in the store */
    const char *task, *key, *version; /* of an object: whose it is, which one, its ETag; NULL */
    const char *checksum;             /* of its bytes; NULL: folder, table */
    uint64_t bytes;
    int64_t fence; /* of the lease under which it was made */
};

/* Who holds (pipeline, instance). A holder tells by heartbeats that it is there; one that is known
 * to be gone is replaced at once, one that is silent for its ttl may be replaced. */
struct state_lease {
    const char *pipeline, *instance, *run_id;
    int64_t fence;  /* grows with each acquisition */
    int64_t ttl_ms; /* how long it may be silent; argument of ACQUIRE. Beats should come 6 times as
                       often */
    const char *host;
    int64_t process_id, acquired_ms, heartbeat_ms;
    bool silent; /* result of ACQUIRE: the holder before was replaced, but may still be alive */
};

enum state_verb {
    STATE_PUT_RUN,     /* run: put or replaced by run_id; lease.fence > 0: ERROR_FENCED where a
                          process with a greater one has the same run now. hooks[hook_count]: whom
                          its end is to be told to if it commits nothing: once it is known to have
                          failed (also if it is LOST later) all of them are due, those of `finally`
                          where there was nothing new or it was cancelled; none after a success */
    STATE_GET_RUN,     /* run_id or an unambiguous beginning of it, brief → runs (0 or 1) */
    STATE_LIST_RUNS,   /* pipeline (NULL: all), failed_only, limit; newest first → runs, whose
                          records may be shortened: `tasks` with `into` and `rows` */
    STATE_LATEST_RUNS, /* the newest finished and the newest successful run of each pipeline → runs,
                          the same */
    STATE_LIST_HOOKS,    /* pipeline, instance: those that are due → hooks */
    STATE_END_HOOK,      /* run_id, place: delivered, or given up; pipeline and instance where they
                            are known, as in all that follows: some states look for the run else */
    STATE_ADD_JOURNAL,   /* journal, or entries[entry_count] at once, of the request's pipeline and
                            instance; where they are NULL, of those that the run's record or lease
                            says. Again is harmless. With a fence: ERROR_FENCED where the lease of
                            the request's pipeline has a greater one */
    STATE_LIST_JOURNAL,  /* pipeline, instance: of runs that hold no live lease, and of run_id's
                            (NULL:  none), which asks what it left when it died before → journals */
    STATE_CLEAR_JOURNAL, /* run_id; lease.fence > 0: but for entries with a greater one */
    STATE_ACQUIRE_LEASE, /* lease.{pipeline, instance, run_id, ttl_ms}, fence_at_least → lease, and
                            runs: those that were said to run and are STATE_LOST now, unless the
                            catalog knows of their commit. ERROR_BUSY names the live holder; the
                            holder's own run may acquire again. Where the holder may be dead, which
                            takes some time to find out, watch_ms > 0 says when to ask again */
    STATE_RENEW_LEASE,   /* lease.{pipeline, instance, run_id, fence}: a heartbeat. ERROR_FENCED
                            names who took it over */
    STATE_RELEASE_LEASE, /* lease: only where it is still held with this fence */
    STATE_LIST_LEASES, /* live ones → leases. A lease may cover several runs, those of its pipeline
                          and instance that run: it is there once more for each, by its id */
};

struct log;
struct state;
struct state_request;

typedef void (*state_done_fn)(struct state_request *request, const struct error *err);

/* The caller owns it and keeps it until `done`, which is called exactly once, on the loop, never
 * from within start. */
struct state_request {
    enum state_verb verb;
    const char *pipeline, *instance, *run_id;
    bool failed_only;
    bool brief;    /* GET_RUN: the record may be shortened as in lists */
    int64_t limit; /* 0: 1000 */
    struct state_run run;
    struct state_journal journal;
    struct state_lease lease; /* argument and, with its fence, result of ACQUIRE */
    int64_t fence_at_least;
    const char *place;
    const struct hook_due *hooks; /* PUT_RUN */
    size_t hook_count;
    const struct state_journal *entries; /* ADD_JOURNAL */
    size_t entry_count;
    struct arena *arena;
    state_done_fn done;

    size_t count;
    union {
        struct state_run *runs;
        struct state_journal *journals;
        struct state_lease *leases;
        struct hook_due *due;
    };
    int64_t watch_ms;
    struct state *state;
    void *operation;
};

struct state_options {
    struct loop *loop;
    struct log *log; /* NULL: none */
    struct work_pool *pool;
    struct work_lane *lane; /* for what blocks, where it has no lane of its own */
    const char *location;
    bool read_only;       /* a missing state is then an empty one */
    const void *settings; /* the connector's own struct, in its header; NULL: its defaults. What it
                             points to is copied */
};

struct state_type {
    const char *scheme; /* "sqlite", "s3" */
    struct state *(*open)(const struct state_options *options, struct error *err);
    void (*start)(struct state *state, struct state_request *request);
    void (*close)(struct state *state); /* nothing may be under way; NULL is fine. What it leaves on
                                           the loop ends by itself */
};

struct state {
    const struct state_type *type;
};

const char *state_outcome_name(enum state_outcome outcome);

#endif
