/* state.db: its schema and its verbs. Blocking. */
#ifndef CONNECTORS_STATE_SQLITE_HISTORY_H
#define CONNECTORS_STATE_SQLITE_HISTORY_H

#include "connectors/sqlite/sqlite.h"
#include "connectors/state.h"
#include "connectors/state_sqlite/process.h"

extern const struct sqlite_schema history_schema;

/* One verb, one transaction. Results go to request->arena. `self` is who asks. */
int history_run(struct sqlite *db, const struct process *self, struct state_request *request,
    struct error *err);

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

/* --- verbs of leases --- */

int history_acquire_lease(struct sqlite *db, const struct process *self,
    struct state_request *request, struct error *err);
int history_release_lease(struct sqlite *db, struct state_request *request, struct error *err);
int history_list_leases(struct sqlite *db, const struct process *self,
    struct state_request *request, struct error *err);

/* Whether the run holds a lease whose holder is alive: 1, 0, -1. */
int history_run_is_live(
    struct sqlite *db, const struct process *self, const char *run_id, struct error *err);

#endif
