/* Between the files of the extract stage: stage_extract.c is the flow, stage_extract_keep.c what a
 * process that died has fetched, and what is kept for the next one. */
#ifndef RUNNER_ENGINE_STAGE_EXTRACT_PRIVATE_H
#define RUNNER_ENGINE_STAGE_EXTRACT_PRIVATE_H

#include "connectors/sql_engine.h"
#include "connectors/store.h"
#include "runner/engine/cursoring.h"
#include "runner/engine/plan.h"
#include "runner/engine/quarantine.h"
#include "runner/engine/slots.h"
#include "runner/io/verify.h"
#include "runner/io/work.h"

struct state_journal;
struct task;

enum extract_step {
    EXTRACT_RESUMING, /* what the process before has fetched */
    EXTRACT_FETCHING,
    EXTRACT_UNPACKING,
    EXTRACT_SCANNING,
    EXTRACT_CURSOR, /* where there is one: rows beyond it */
    EXTRACT_CHECKING,
    EXTRACT_QUARANTINING,
    EXTRACT_DONE,
};

struct extract_object {
    struct extract_stage *stage;
    const struct plan_object *planned;
    struct store_request get, check;
    struct work unpack;
    const char *path, *plain_path; /* the latter where it is compressed; removed after the scan */
    const struct state_journal *left; /* fetched by the process before, as it says */
    bool resumed, kept; /* kept: until the run ends, for the process that may come after this one */
    struct work sum;    /* its checksum, for the process that may come after this one */
    char checksum[16];
    struct error sum_err;
    enum verify_format format;
    atomic_uint_fast64_t unpacked_bytes;
    uint64_t plain_bytes;
    struct error unpack_err;
};

struct extract_stage {
    struct task *task;
    enum extract_step step;
    struct extract_object *objects;
    size_t count, next, next_check, in_flight; /* in flight: requests and jobs of all kinds */
    uint64_t fetching; /* bytes that the objects asked for have, as far as they were listed */
    struct slot_waiter waiter;
    struct plan_object sample; /* read for its columns only, where there is nothing new */
    struct sql_request scan;
    struct sql_source *sources;
    struct sql_column *contract;
    struct cursoring cursoring;
    struct quarantine quarantine;
    struct work resume;
    bool resuming, scan_running, cancelled, stopping;
    struct error err, scan_err; /* the scan's own comes last: others explain it */
};

void extract_step(struct extract_stage *stage); /* something has ended */

/* --- stage_extract_keep.c --- */

/* Takes over what the process before has fetched: a job, where there is any. */
void extract_start_resuming(struct extract_stage *stage);

void extract_keep_fetched(const struct extract_object *object); /* counts and logs it */

/* A job for its checksum, and a note: for the process that may come after this one. */
void extract_start_summing(struct extract_object *object);

/* What goes with the dataset: all that is not kept until the run ends. */
void extract_list_inputs(struct extract_stage *stage);

#endif
