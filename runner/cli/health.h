/* Whether a pipeline is well: facts in, verdict out. Pure: it asks no clock and opens nothing.
 *
 * - A run that is due must have started. One is missed when no run stands for the last due time or
 *   for a later one (due.h says which runs do; where it never ran, those count that came after the
 *   pipeline's file was last changed), and a grace has passed: half the time between two due times,
 *   five minutes at most, because schedulers are late. With `catchup: all` each due time is to have
 *   a run, and the oldest one without is what was missed: what `sluice run --all-due` would make up
 *   for is what is missed here.
 * - The last run must not have failed, failed a check, or been lost; a cancelled one is nobody's
 *   failure.
 * - The last success, also one that found nothing new, must not be older than `freshness`. Where
 *   runs were started and none has succeeded it counts from the time of watching; a pipeline that
 *   was never started is the schedule's affair alone.
 * - Tables that were written must be there.
 * - What cannot be read is unknown, never healthy. */
#ifndef RUNNER_CLI_HEALTH_H
#define RUNNER_CLI_HEALTH_H

#include "config/cron.h"
#include "config/pipeline.h"
#include "connectors/catalog.h"
#include "connectors/state.h"
#include "runner/base/time.h"

enum health_status { HEALTH_HEALTHY, HEALTH_UNHEALTHY, HEALTH_UNKNOWN };

enum health_code {
    HEALTH_INVALID,            /* the pipeline's file */
    HEALTH_RUN_FAILED,         /* the last one */
    HEALTH_RUN_MISSED,         /* a due one */
    HEALTH_STALE,              /* freshness exceeded */
    HEALTH_TABLE_GONE,         /* one that was written */
    HEALTH_STATE_UNREADABLE,   /* unknown */
    HEALTH_CATALOG_UNREADABLE, /* unknown */
};

struct health_table {
    const char *name;               /* namespace.table */
    bool exists;                    /* in the catalog */
    bool was_written;               /* a run committed rows into it */
    const char *file_gone;          /* a committed data file that is not in the store; NULL */
    const char *error;              /* why catalog or store do not say; NULL */
    struct catalog_version version; /* where it exists */
};

struct health_facts {
    int64_t now_ms;
    const char *invalid;     /* why the file cannot be used; then nothing below is read */
    const char *state_error; /* why runs are not known */
    const struct cron *cron; /* NULL: no schedule */
    const struct zone *zone;
    int catchup; /* enum catchup */
    const char *pipeline;
    const struct state_run *runs; /* the newest ones, where there is a schedule */
    size_t run_count;
    int64_t watched_since_ms;
    struct duration freshness;         /* 0: not watched */
    const struct state_run *started;   /* the newest run; NULL: it never ran */
    const struct state_run *finished;  /* the newest that is over */
    const struct state_run *succeeded; /* the newest success */
    const struct health_table *tables;
    size_t table_count;
};

struct health_reason {
    enum health_code code;
    const char *message; /* one line */
};

struct health {
    enum health_status status; /* unhealthy wins over unknown */
    struct health_reason *reasons;
    size_t reason_count;
    int64_t next_due_ms, missed_ms; /* 0: none */
    size_t missed_count;            /* more than one of `catchup: all` */
};

/* Reasons and their texts go to `arena`. */
void health_evaluate(
    const struct health_facts *facts, struct arena *arena, struct health *ret_health);

const char *health_status_name(enum health_status status);
const char *health_code_name(enum health_code code);

#endif
