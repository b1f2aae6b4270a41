/* Leases: who runs (pipeline, instance), and whether that process is still there. */
#include "connectors/state_sqlite/history.h"

#include "runner/base/mem.h"
#include "runner/base/time.h"

#include <stdio.h>
#include <string.h>

/* How long a holder counts as alive that cannot be seen from here. */
enum { UNSEEN_MS_MAX = 24 * MS_PER_HOUR };

struct holder {
    struct process process;
    char run_id[PROCESS_TEXT_SIZE];
    int64_t fence, acquired_ms;
    bool held;
};

#define HOLDER_COLUMNS                                                                             \
    "host, boot_id, pid_space, process_id, start_ticks, run_id, fence, acquired_ms, held"

static void copy_text(sqlite3_stmt *row, int column, char text[PROCESS_TEXT_SIZE])
{
    snprintf(text, PROCESS_TEXT_SIZE, "%s", sqlite_word(row, column));
}

static void read_holder(sqlite3_stmt *row, struct holder *ret_holder)
{
    copy_text(row, 0, ret_holder->process.host);
    copy_text(row, 1, ret_holder->process.boot_id);
    copy_text(row, 2, ret_holder->process.pid_space);
    ret_holder->process.id = sqlite3_column_int64(row, 3);
    ret_holder->process.start_ticks = sqlite3_column_int64(row, 4);
    copy_text(row, 5, ret_holder->run_id);
    ret_holder->fence = sqlite3_column_int64(row, 6);
    ret_holder->acquired_ms = sqlite3_column_int64(row, 7);
    ret_holder->held = sqlite3_column_int(row, 8) != 0;
}

static enum process_status status_of(
    const struct process *self, const struct holder *holder, int64_t now_ms)
{
    const enum process_status status =
        holder->held ? process_look(self, &holder->process) : PROCESS_DEAD;

    if (status == PROCESS_UNKNOWN && now_ms - holder->acquired_ms > UNSEEN_MS_MAX)
        return PROCESS_DEAD;
    return status;
}

/* --- acquiring --- */

/* 1: there is a row. */
static int find_holder(struct sqlite *db, const struct state_lease *lease,
    struct holder *ret_holder, struct error *err)
{
    sqlite3_stmt *statement = sqlite_statement(
        db, "SELECT " HOLDER_COLUMNS " FROM leases WHERE pipeline = ?1 AND instance = ?2", err);
    int step;

    if (!statement)
        return -1;
    sqlite_bind_text(db, statement, 1, lease->pipeline);
    sqlite_bind_text(db, statement, 2, lease->instance);
    step = sqlite_step(db, statement, err);
    if (step == 1) {
        read_holder(statement, ret_holder);
        sqlite_reset(statement);
    }
    return step;
}

static int fail_busy(const struct state_lease *lease, const struct holder *holder,
    enum process_status status, struct error *err)
{
    char since[TIME_TEXT_SIZE], until[TIME_TEXT_SIZE];

    time_format_rfc3339(holder->acquired_ms, since);
    if (status == PROCESS_LIVE)
        return error_set(err, ERROR_BUSY,
            "%s%s%s is being run by process %lld on %s since %s (run %s); wait for it, or stop it",
            lease->pipeline, lease->instance[0] ? "/" : "", lease->instance,
            (long long)holder->process.id, holder->process.host, since, holder->run_id);
    return error_set(err, ERROR_BUSY,
        "%s%s%s is being run by process %lld on %s since %s (run %s), which cannot be looked at "
        "from here and counts as alive until %s; wait for it, or stop it",
        lease->pipeline, lease->instance[0] ? "/" : "", lease->instance,
        (long long)holder->process.id, holder->process.host, since, holder->run_id,
        time_format_rfc3339(holder->acquired_ms + UNSEEN_MS_MAX, until));
}

static int put_lease(struct sqlite *db, const struct process *self, const struct state_lease *lease,
    struct error *err)
{
    sqlite3_stmt *statement = sqlite_statement(db,
        "INSERT INTO leases (pipeline, instance, run_id, fence, held, host, boot_id, pid_space,"
        "  process_id, start_ticks, acquired_ms) VALUES (?1, ?2, ?3, ?4, 1, ?5, ?6, ?7, ?8, ?9, "
        "?10)"
        " ON CONFLICT DO UPDATE SET run_id = excluded.run_id, fence = excluded.fence, held = 1,"
        "  host = excluded.host, boot_id = excluded.boot_id, pid_space = excluded.pid_space,"
        "  process_id = excluded.process_id, start_ticks = excluded.start_ticks,"
        "  acquired_ms = excluded.acquired_ms",
        err);

    if (!statement)
        return -1;
    sqlite_bind_text(db, statement, 1, lease->pipeline);
    sqlite_bind_text(db, statement, 2, lease->instance);
    sqlite_bind_text(db, statement, 3, lease->run_id);
    sqlite_bind_int(db, statement, 4, lease->fence);
    sqlite_bind_text(db, statement, 5, self->host);
    sqlite_bind_text(db, statement, 6, self->boot_id);
    sqlite_bind_text(db, statement, 7, self->pid_space);
    sqlite_bind_int(db, statement, 8, self->id);
    sqlite_bind_int(db, statement, 9, self->start_ticks);
    sqlite_bind_int(db, statement, 10, lease->acquired_ms);
    return sqlite_execute(db, statement, err);
}

/* Whoever is said to run is not: the lease is ours now. */
static int mark_lost(struct sqlite *db, const struct state_lease *lease, struct history_rows *rows,
    struct arena *arena, struct error *err)
{
    sqlite3_stmt *statement = sqlite_statement(db,
        "UPDATE runs SET outcome = 'lost', finished_ms = ?4, error = ifnull(error,"
        "  'its process ended without saying how')"
        " WHERE pipeline = ?1 AND instance = ?2 AND outcome = 'running' AND run_id <> ?3"
        " RETURNING " HISTORY_RUN_COLUMNS,
        err);

    if (!statement)
        return -1;
    sqlite_bind_text(db, statement, 1, lease->pipeline);
    sqlite_bind_text(db, statement, 2, lease->instance);
    sqlite_bind_text(db, statement, 3, lease->run_id);
    sqlite_bind_int(db, statement, 4, lease->acquired_ms);
    return history_read_runs(db, statement, INT64_MAX, rows, arena, err);
}

int history_acquire_lease(
    struct sqlite *db, const struct process *self, struct state_request *request, struct error *err)
{
    struct state_lease lease = request->lease;
    struct history_rows rows = {0};
    struct holder holder;
    int found;

    if (!lease.pipeline || !lease.run_id || !lease.run_id[0])
        return error_set(err, ERROR_INVALID, "a lease needs the names of a pipeline and of a run");
    lease.instance = lease.instance ? lease.instance : "";
    lease.acquired_ms = time_now_ms();
    found = find_holder(db, &lease, &holder, err);
    if (found < 0)
        return -1;
    if (found == 1) {
        const enum process_status status = status_of(self, &holder, lease.acquired_ms);
        const bool is_ours = status == PROCESS_LIVE && holder.process.id == self->id &&
                             strcmp(holder.run_id, lease.run_id) == 0;

        if (status != PROCESS_DEAD && !is_ours)
            return fail_busy(&lease, &holder, status, err);
    }
    lease.fence = MAX(found == 1 ? holder.fence + 1 : 1, request->fence_at_least);
    if (put_lease(db, self, &lease, err) || mark_lost(db, &lease, &rows, request->arena, err)) {
        free(rows.items);
        return -1;
    }
    request->lease.fence = lease.fence;
    request->lease.acquired_ms = lease.acquired_ms;
    request->lease.process_id = self->id;
    request->lease.host = arena_strdup(request->arena, self->host);
    history_hand_over(&rows, sizeof(struct state_run), request);
    return 0;
}

int history_release_lease(struct sqlite *db, struct state_request *request, struct error *err)
{
    const struct state_lease *lease = &request->lease;
    sqlite3_stmt *statement = sqlite_statement(db,
        "UPDATE leases SET held = 0"
        " WHERE pipeline = ?1 AND instance = ifnull(?2, '') AND run_id = ?3 AND fence = ?4",
        err);

    if (!statement)
        return -1;
    sqlite_bind_text(db, statement, 1, lease->pipeline);
    sqlite_bind_text(db, statement, 2, lease->instance);
    sqlite_bind_text(db, statement, 3, lease->run_id);
    sqlite_bind_int(db, statement, 4, lease->fence);
    return sqlite_execute(db, statement, err);
}

/* --- who is alive --- */

int history_list_leases(
    struct sqlite *db, const struct process *self, struct state_request *request, struct error *err)
{
    sqlite3_stmt *statement = sqlite_statement(db,
        "SELECT " HOLDER_COLUMNS ", pipeline, instance FROM leases"
        " WHERE held = 1 AND (?1 IS NULL OR pipeline = ?1) ORDER BY pipeline, instance",
        err);
    const int64_t now_ms = time_now_ms();
    struct history_rows rows = {0};
    int step;

    if (!statement)
        return -1;
    sqlite_bind_text(db, statement, 1, request->pipeline);
    while ((step = sqlite_step(db, statement, err)) == 1) {
        struct state_lease *lease;
        struct holder holder;

        read_holder(statement, &holder);
        if (status_of(self, &holder, now_ms) == PROCESS_DEAD)
            continue;
        lease = history_add_row(&rows, sizeof(*lease));
        *lease = (struct state_lease){.fence = holder.fence,
            .acquired_ms = holder.acquired_ms,
            .process_id = holder.process.id,
            .host = arena_strdup(request->arena, holder.process.host),
            .run_id = sqlite_text(statement, 5, request->arena),
            .pipeline = sqlite_text(statement, 9, request->arena),
            .instance = sqlite_text(statement, 10, request->arena)};
    }
    if (step < 0)
        free(rows.items);
    else
        history_hand_over(&rows, sizeof(struct state_lease), request);
    return step;
}

int history_run_is_live(
    struct sqlite *db, const struct process *self, const char *run_id, struct error *err)
{
    sqlite3_stmt *statement = sqlite_statement(
        db, "SELECT " HOLDER_COLUMNS " FROM leases WHERE run_id = ?1 AND held = 1", err);
    bool is_live = false;
    int step;

    if (!statement)
        return -1;
    sqlite_bind_text(db, statement, 1, run_id);
    while ((step = sqlite_step(db, statement, err)) == 1) {
        struct holder holder;

        read_holder(statement, &holder);
        is_live = is_live || status_of(self, &holder, time_now_ms()) != PROCESS_DEAD;
    }
    return step < 0 ? -1 : is_live;
}
