/* All that the state knows of one (pipeline, instance) but the whole records of its runs and their
 * older history: one JSON document, which is one object. What state.h's verbs do to it. Pure.
 *
 *   version, pipeline, instance
 *   token      of whoever wrote it: no two documents are the same bytes
 *   probed     {ms, store}: when this store's conditional writes were last tried
 *   fence      grows with each holder, also over a release: the object is never deleted
 *   held, run_id, host, boot_id, pid_space, process_id, start_ticks, acquired_ms, beats,
 *   steady_ms, ttl_ms        the holder, as state_sqlite has it
 *   runs       the newest DESK_RUNS_MAX ones, the last that was put first; those that run with
 *              their whole record
 *   finished, succeeded      the newest such run
 *   older      key of the object with the runs that no longer fit: {runs, older}; null
 *   journal, hooks           in the order of adding */
#ifndef CONNECTORS_STATE_S3_DESK_H
#define CONNECTORS_STATE_S3_DESK_H

#include "connectors/process.h"
#include "connectors/state.h"
#include "runner/base/json.h"

enum {
    DESK_VERSION = 1,
    DESK_RUNS_MAX = 100, /* then DESK_RUNS_MOVED of them move into an object of their own */
    DESK_RUNS_MOVED = 64,
    DESK_FILES_MAX = 1000, /* entries of complete files: more are not kept, but made again */
};

/* What is known of the moment at which a document is looked at. */
struct desk_sight {
    const struct process *self;
    int64_t steady_ms;   /* our monotonic clock: all processes under one kernel share it */
    int64_t store_ms;    /* what time it was at the store (Date); 0: it did not say */
    int64_t modified_ms; /* of the document, by the same clock: the last heartbeat; 0: not said */
    int64_t watched_ms;  /* for how long we have seen this very document, by our own clock */
};

enum desk_presence {
    DESK_FREE,    /* nobody has it, or somebody who is gone for certain */
    DESK_SILENT,  /* without a heartbeat for its ttl: it may live, and has lost its right */
    DESK_DOUBTED, /* the store's clock says so, but it was not watched for long enough */
    DESK_LIVE,
};

/* --- desk.c --- */

json_t *desk_new(const char *pipeline, const char *instance);

/* Whether it is a document that this version reads. ERROR_DATA, ERROR_NOT_SUPPORTED. */
int desk_check(const json_t *desk, struct error *err);

/* The arrays `runs`, `journal`, `hooks`: made where they are missing. Borrowed. */
json_t *desk_list(json_t *desk, const char *name);

/* --- desk_run.c --- */

/* A run as JSON; `whole`: with its record. Texts of the reading go to `arena`. */
json_t *desk_from_run(const struct state_run *run, bool whole);
void desk_to_run(const json_t *value, const char *pipeline, const char *instance,
    struct arena *arena, struct state_run *ret_run);
json_t *desk_find_run(const json_t *desk, const char *run_id); /* borrowed; NULL: none */
bool desk_is_failure(enum state_outcome outcome);
enum state_outcome desk_outcome(const json_t *run);

/* PUT_RUN. */
int desk_put_run(json_t *desk, const struct state_request *request, struct error *err);
int desk_check_fence(const json_t *desk, const struct state_request *request, struct error *err);

/* The oldest runs where there are too many: what goes into an object of its own. NULL: all fit. */
json_t *desk_overflow(const json_t *desk);

/* They are in the object `key` now. False: the document is another one by now, and stays. */
bool desk_drop_moved(json_t *desk, const json_t *moved, const char *key);

/* Hooks of a run by what became of it. */
void desk_settle_hooks(json_t *desk, const char *run_id, enum state_outcome outcome);
bool desk_end_hook(json_t *desk, const struct state_request *request); /* false: there is none */

/* --- desk_lease.c --- */

enum desk_presence desk_presence(const json_t *desk, const struct desk_sight *sight);

/* Whether it counts as live where nobody watches: in listings. */
bool desk_seems_live(const json_t *desk, const struct desk_sight *sight);

/* Says whether the lease is to be had: ERROR_BUSY and request->watch_ms. *ret_silent: from one that
 * may still live. */
int desk_judge(const json_t *desk, const struct desk_sight *sight, struct state_request *request,
    bool *ret_silent, struct error *err);

/* The lease is ours: what was said to run and is not in `ended` (by run id: what its own object
 * says) is lost. Results go to the request. */
void desk_take(json_t *desk, const struct desk_sight *sight, const json_t *ended, bool silent,
    struct state_request *request);
int desk_renew(json_t *desk, const struct desk_sight *sight, const struct state_request *request,
    struct error *err);
bool desk_release(json_t *desk, const struct state_request *request); /* false: not ours */
void desk_add_leases(const json_t *desk, const struct desk_sight *sight, struct arena *arena,
    struct state_lease *leases, size_t *count); /* room for one and all of `runs` */
int desk_fail_fenced(const json_t *desk, const struct state_lease *lease, struct error *err);

/* --- desk_journal.c --- */

int desk_add_journal(json_t *desk, const struct state_request *request, struct error *err);
bool desk_clear_journal(json_t *desk, const struct state_request *request); /* false: none */

#endif
