/* state.db: its schema and its verbs. Blocking. */
#ifndef CONNECTORS_STATE_SQLITE_HISTORY_H
#define CONNECTORS_STATE_SQLITE_HISTORY_H

#include "connectors/process.h"
#include "connectors/sqlite/sqlite.h"
#include "connectors/state.h"

extern const struct sqlite_schema history_schema;

/* A holder elsewhere whose heartbeats are watched: the same one again and again. */
struct sighting;

/* Who asks, by which clocks, and what it has seen of others so far. */
struct observer {
    struct process self;
    int64_t (*wall_ms)(void);
    int64_t (*steady_ms)(void); /* it never jumps, and stands still while the machine sleeps; all
                                   processes under one kernel share it */
    struct sighting *sightings;
    size_t sighting_count, sighting_capacity;
};

void observer_init(struct observer *observer);
void observer_deinit(struct observer *observer);

/* One verb, one transaction. Results go to request->arena. `self` is who asks. */
int history_run(
    struct sqlite *db, struct observer *self, struct state_request *request, struct error *err);

/* Rows of a listing: they grow on the heap and move to the caller's arena at the end. */
struct history_rows {
    void *items;
    size_t count, capacity;
};

/* A zeroed one more. */
void *history_add_row(struct history_rows *rows, size_t size);

/* Hands the rows to the request and frees them. */
void history_hand_over(struct history_rows *rows, size_t size, struct state_request *request);

/* Columns, in this order: run_id, pipeline, instance, due_ms, started_ms, finished_ms, outcome,
 * rows, bytes, error, record. */
#define HISTORY_RUN_COLUMNS                                                                        \
    "run_id, pipeline, instance, due_ms, started_ms, finished_ms, outcome, rows, bytes, error,"    \
    " record"
void history_read_run(sqlite3_stmt *row, struct state_run *run, struct arena *arena);

/* Steps to the end and adds each row, up to `limit`. */
int history_read_runs(struct sqlite *db, sqlite3_stmt *statement, int64_t limit,
    struct history_rows *rows, struct arena *arena, struct error *err);

/* --- hooks.c --- */

/* Of a run that is put: adds them, makes them due or removes them, by its outcome. */
int history_settle_hooks(struct sqlite *db, struct state_request *request, struct error *err);
int history_list_hooks(struct sqlite *db, struct state_request *request, struct error *err);
int history_end_hook(struct sqlite *db, struct state_request *request, struct error *err);

/* --- journal.c --- */

int history_add_journal(struct sqlite *db, struct state_request *request, struct error *err);
int history_list_journal(
    struct sqlite *db, struct observer *self, struct state_request *request, struct error *err);
int history_clear_journal(struct sqlite *db, struct state_request *request, struct error *err);

/* --- lease.c --- */

int history_acquire_lease(
    struct sqlite *db, struct observer *self, struct state_request *request, struct error *err);
int history_renew_lease(
    struct sqlite *db, struct observer *self, struct state_request *request, struct error *err);
int history_release_lease(struct sqlite *db, struct state_request *request, struct error *err);
int history_list_leases(
    struct sqlite *db, struct observer *self, struct state_request *request, struct error *err);

/* ERROR_FENCED where the run of the request's record is another process's by now. */
int history_check_fence(struct sqlite *db, const struct state_request *request, struct error *err);

/* The same for who adds an entry to the journal: its files may be another run's to remove. */
int history_check_journal_fence(struct sqlite *db, const struct state_request *request,
    const struct state_journal *entry, struct error *err);

/* Whether the run holds a lease whose holder is alive: 1, 0, -1. */
int history_run_is_live(
    struct sqlite *db, struct observer *self, const char *run_id, struct error *err);

#endif
