/* Which due times of a schedule nobody ran. Pure but for due_watched_since(): facts in, times out.
 * health and `run --all-due` ask it alike.
 *
 * A run stands for its due time, however late it starts; one without a due time stands for its
 * start. So a time is missing when no run stands for it or for a later one. With `catchup: all`
 * each due time is to have a run of its own, which its id tells: missing are those behind the
 * newest one that has. Where there is none yet, those behind the newest run of any kind, or behind
 * the time from which the pipeline is watched (its file's modification time). */
#ifndef RUNNER_CLI_DUE_H
#define RUNNER_CLI_DUE_H

#include "config/cron.h"
#include "config/pipeline.h"
#include "connectors/state.h"
#include "runner/base/uuid.h"

/* How many runs to ask the state for: of `catchup: all`, and of the others. */
enum { DUE_RUNS_ALL = 1000, DUE_RUNS = 100 };

struct due_facts {
    const char *pipeline, *instance;
    const struct cron *cron;
    const struct zone *zone; /* NULL: UTC */
    int catchup;             /* enum catchup */
    int64_t now_ms, watched_since_ms;
    const struct state_run *runs; /* the newest ones, in any order */
    size_t run_count;
    bool again_lost; /* a run that was lost or stopped (a container is told to end before it is
                        killed) does not count: it is to be run again */
};

/* What a schedule's run is called: the same (pipeline, instance, due) is the same run. */
const char *due_run_id(
    const char *pipeline, const char *instance, int64_t due_ms, char text[UUID_TEXT_SIZE]);

/* Whether the schedule is due at that very moment. */
bool due_is_time(const struct cron *cron, const struct zone *zone, int64_t due_ms);

/* Schedulers are late: half the time between two due times, five minutes at most, is no miss. */
bool due_is_overdue(
    const struct cron *cron, const struct zone *zone, int64_t due_ms, int64_t now_ms);

/* Behind which time due times are missing. */
int64_t due_since(const struct due_facts *facts);

/* The due times that are to be run now, the oldest first, `max` at most. Of `last` that is the
 * newest one, of `none` too, but only while it is not overdue. */
size_t due_list(const struct due_facts *facts, int64_t *ret_due, size_t max);

/* From when on a pipeline that never ran is watched: its file's modification time; 0: it is gone.
 */
int64_t due_watched_since(const char *path);

/* The cron of a pipeline, and its zone, to zone_free(). 1: it has no schedule. */
int due_schedule(const struct pipeline *pipeline, struct cron *ret_cron, struct zone **ret_zone,
    struct error *err);

#endif
