/* Leases: who runs (pipeline, instance), and whether that process is still there. */
#include "connectors/state_sqlite/history.h"

#include "runner/base/mem.h"
#include "runner/base/text.h"
#include "runner/base/time.h"

#include <stdio.h>
#include <string.h>

enum {
    TTL_DEFAULT_MS = 60 * MS_PER_SECOND,
    BEATS = 6, /* in a ttl */
    /* How long a holder counts as alive that cannot be seen and has no heartbeats: one of a version
     * before them. */
    UNSEEN_MS_MAX = 24 * MS_PER_HOUR,
};

struct holder {
    struct process process;
    char run_id[PROCESS_TEXT_SIZE];
    int64_t fence, acquired_ms, heartbeats, heartbeat_ms, steady_ms, ttl_ms;
    bool held;
};

#define HOLDER_COLUMNS                                                                             \
    "host, boot_id, pid_space, process_id, start_ticks, run_id, fence, acquired_ms, held,"         \
    " heartbeats, heartbeat_ms, steady_ms, ttl_ms"

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
    ret_holder->heartbeats = sqlite3_column_int64(row, 9);
    ret_holder->heartbeat_ms = sqlite3_column_int64(row, 10);
    ret_holder->steady_ms = sqlite3_column_int64(row, 11);
    ret_holder->ttl_ms = sqlite3_column_int64(row, 12);
}

/* --- the observer --- */

struct sighting {
    char *pipeline, *instance;
    int64_t fence, heartbeats;
    int64_t since_ms; /* by the observer's steady clock */
};

static int64_t steady_now_ms(void)
{
    return (int64_t)(time_monotonic_ns() / 1000000);
}

void observer_init(struct observer *observer)
{
    *observer = (struct observer){.wall_ms = time_now_ms, .steady_ms = steady_now_ms};
    process_self(&observer->self);
}

void observer_deinit(struct observer *observer)
{
    for (size_t i = 0; i < observer->sighting_count; i++) {
        free(observer->sightings[i].pipeline);
        free(observer->sightings[i].instance);
    }
    free(observer->sightings);
    observer->sightings = NULL;
    observer->sighting_count = observer->sighting_capacity = 0;
}

static struct sighting *sighting_of(struct observer *observer, const struct state_lease *lease)
{
    struct sighting *sighting;

    for (size_t i = 0; i < observer->sighting_count; i++) {
        sighting = &observer->sightings[i];
        if (text_equal(sighting->pipeline, lease->pipeline) &&
            text_equal(sighting->instance, lease->instance))
            return sighting;
    }
    observer->sightings = mem_grow(observer->sightings, &observer->sighting_capacity,
        observer->sighting_count, sizeof(*observer->sightings));
    sighting = &observer->sightings[observer->sighting_count++];
    *sighting = (struct sighting){
        .pipeline = mem_strdup(lease->pipeline), .instance = mem_strdup(lease->instance)};
    return sighting;
}

/* --- who is there --- */

enum presence {
    HOLDER_GONE,    /* for certain */
    HOLDER_SILENT,  /* without a heartbeat for its ttl: it may live, and has lost its right */
    HOLDER_DOUBTED, /* elsewhere, and by the wall clocks it is silent: they may be wrong */
    HOLDER_LIVE,
};

/* Wall clocks jump, and those of two hosts differ: what they say of a holder elsewhere is a reason
 * to watch it, never one to replace it. */
static enum presence presence_of(const struct observer *self, const struct holder *holder)
{
    const enum process_status status =
        holder->held ? process_look(&self->self, &holder->process) : PROCESS_DEAD;
    int64_t age_ms;

    if (status == PROCESS_DEAD)
        return HOLDER_GONE;
    if (status == PROCESS_LIVE && holder->ttl_ms == 0)
        return HOLDER_LIVE;
    if (holder->ttl_ms == 0)
        return self->wall_ms() - holder->acquired_ms > UNSEEN_MS_MAX ? HOLDER_SILENT : HOLDER_LIVE;
    if (status == PROCESS_LIVE || status == PROCESS_HIDDEN)
        return self->steady_ms() - holder->steady_ms > holder->ttl_ms ? HOLDER_SILENT : HOLDER_LIVE;
    age_ms = self->wall_ms() - holder->heartbeat_ms;
    return age_ms > holder->ttl_ms || age_ms < -holder->ttl_ms ? HOLDER_DOUBTED : HOLDER_LIVE;
}

/* Whether a doubted one has been silent for its ttl while we looked, by our own clock. */
static bool is_silent(
    struct observer *self, const struct state_lease *lease, const struct holder *holder)
{
    struct sighting *sighting = sighting_of(self, lease);

    if (sighting->fence == holder->fence && sighting->heartbeats == holder->heartbeats)
        return self->steady_ms() - sighting->since_ms > holder->ttl_ms;
    sighting->fence = holder->fence;
    sighting->heartbeats = holder->heartbeats;
    sighting->since_ms = self->steady_ms();
    return false;
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

static int fail_busy(
    const struct state_lease *lease, const struct holder *holder, struct error *err)
{
    char since[TIME_TEXT_SIZE];

    time_format_rfc3339(holder->acquired_ms, since);
    return error_set(err, ERROR_BUSY,
        "%s%s%s is being run by process %lld on %s since %s (run %s); wait for it, or stop it",
        lease->pipeline, lease->instance[0] ? "/" : "", lease->instance,
        (long long)holder->process.id, holder->process.host, since, holder->run_id);
}

static int put_lease(struct sqlite *db, const struct observer *self,
    const struct state_lease *lease, struct error *err)
{
    sqlite3_stmt *statement = sqlite_statement(db,
        "INSERT INTO leases (pipeline, instance, run_id, fence, held, host, boot_id, pid_space,"
        "  process_id, start_ticks, acquired_ms, heartbeats, heartbeat_ms, steady_ms, ttl_ms)"
        " VALUES (?1, ?2, ?3, ?4, 1, ?5, ?6, ?7, ?8, ?9, ?10, 0, ?10, ?11, ?12)"
        " ON CONFLICT DO UPDATE SET run_id = excluded.run_id, fence = excluded.fence, held = 1,"
        "  host = excluded.host, boot_id = excluded.boot_id, pid_space = excluded.pid_space,"
        "  process_id = excluded.process_id, start_ticks = excluded.start_ticks,"
        "  acquired_ms = excluded.acquired_ms, heartbeats = 0,"
        "  heartbeat_ms = excluded.heartbeat_ms, steady_ms = excluded.steady_ms,"
        "  ttl_ms = excluded.ttl_ms",
        err);

    if (!statement)
        return -1;
    sqlite_bind_text(db, statement, 1, lease->pipeline);
    sqlite_bind_text(db, statement, 2, lease->instance);
    sqlite_bind_text(db, statement, 3, lease->run_id);
    sqlite_bind_int(db, statement, 4, lease->fence);
    sqlite_bind_text(db, statement, 5, self->self.host);
    sqlite_bind_text(db, statement, 6, self->self.boot_id);
    sqlite_bind_text(db, statement, 7, self->self.pid_space);
    sqlite_bind_int(db, statement, 8, self->self.id);
    sqlite_bind_int(db, statement, 9, self->self.start_ticks);
    sqlite_bind_int(db, statement, 10, lease->acquired_ms);
    sqlite_bind_int(db, statement, 11, self->steady_ms());
    sqlite_bind_int(db, statement, 12, lease->ttl_ms > 0 ? lease->ttl_ms : TTL_DEFAULT_MS);
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

/* What a failure of theirs is to be told to is due. */
static int make_hooks_due(struct sqlite *db, const struct state_lease *lease, struct error *err)
{
    sqlite3_stmt *statement = sqlite_statement(db,
        "UPDATE hooks SET due = 1 WHERE due = 0 AND pipeline = ?1 AND instance = ?2 AND run_id IN"
        "  (SELECT run_id FROM runs r WHERE r.run_id = hooks.run_id AND r.outcome = 'lost')",
        err);

    if (!statement)
        return -1;
    sqlite_bind_text(db, statement, 1, lease->pipeline);
    sqlite_bind_text(db, statement, 2, lease->instance);
    return sqlite_execute(db, statement, err);
}

/* 0: the lease is to be had; *ret_silent: from one that may still live. */
static int judge_holder(struct observer *self, struct state_request *request,
    const struct state_lease *lease, const struct holder *holder, bool *ret_silent,
    struct error *err)
{
    enum presence presence = presence_of(self, holder);
    /* A number alone is that of many: in containers it is 1. */
    const bool is_ours =
        presence == HOLDER_LIVE && process_look(&self->self, &holder->process) == PROCESS_LIVE &&
        holder->process.id == self->self.id && strcmp(holder->run_id, lease->run_id) == 0;

    if (presence == HOLDER_DOUBTED) {
        if (is_silent(self, lease, holder))
            presence = HOLDER_SILENT;
        else
            request->watch_ms = MAX(holder->ttl_ms / BEATS, 1);
    }
    *ret_silent = presence == HOLDER_SILENT;
    return presence == HOLDER_GONE || presence == HOLDER_SILENT || is_ours
               ? 0
               : fail_busy(lease, holder, err);
}

int history_acquire_lease(
    struct sqlite *db, struct observer *self, struct state_request *request, struct error *err)
{
    struct state_lease lease = request->lease;
    struct history_rows rows = {0};
    struct holder holder = {0};
    bool silent = false;
    int found;

    if (!lease.pipeline || !lease.run_id || !lease.run_id[0])
        return error_set(err, ERROR_INVALID, "a lease needs the names of a pipeline and of a run");
    request->watch_ms = 0;
    lease.instance = lease.instance ? lease.instance : "";
    lease.acquired_ms = self->wall_ms();
    found = find_holder(db, &lease, &holder, err);
    if (found < 0 || (found == 1 && judge_holder(self, request, &lease, &holder, &silent, err)))
        return -1;
    lease.fence = MAX(found == 1 ? holder.fence + 1 : 1, request->fence_at_least);
    if (put_lease(db, self, &lease, err) || mark_lost(db, &lease, &rows, request->arena, err) ||
        make_hooks_due(db, &lease, err)) {
        free(rows.items);
        return -1;
    }
    request->lease.fence = lease.fence;
    request->lease.silent = silent;
    request->lease.acquired_ms = lease.acquired_ms;
    request->lease.process_id = self->self.id;
    request->lease.host = arena_strdup(request->arena, self->self.host);
    history_hand_over(&rows, sizeof(struct state_run), request);
    return 0;
}

/* --- holding --- */

static int fail_fenced(struct sqlite *db, const struct state_lease *lease, struct error *err)
{
    struct holder holder = {0};
    const int found = find_holder(db, lease, &holder, err);

    if (found < 0)
        return -1;
    if (found == 0 || holder.fence == lease->fence)
        return error_set(err, ERROR_FENCED, "the lease of %s%s%s is gone; nothing was changed",
            lease->pipeline, lease->instance[0] ? "/" : "", lease->instance);
    return error_set(err, ERROR_FENCED,
        "the lease of %s%s%s was lost to process %lld on %s (run %s), as this process was not "
        "heard "
        "of for too long; nothing was changed",
        lease->pipeline, lease->instance[0] ? "/" : "", lease->instance,
        (long long)holder.process.id, holder.process.host, holder.run_id);
}

int history_renew_lease(
    struct sqlite *db, struct observer *self, struct state_request *request, struct error *err)
{
    struct state_lease lease = request->lease;
    sqlite3_stmt *statement = sqlite_statement(db,
        "UPDATE leases SET heartbeats = heartbeats + 1, heartbeat_ms = ?5, steady_ms = ?6"
        " WHERE pipeline = ?1 AND instance = ?2 AND run_id = ?3 AND fence = ?4 AND held = 1",
        err);

    if (!statement)
        return -1;
    lease.instance = lease.instance ? lease.instance : "";
    sqlite_bind_text(db, statement, 1, lease.pipeline);
    sqlite_bind_text(db, statement, 2, lease.instance);
    sqlite_bind_text(db, statement, 3, lease.run_id);
    sqlite_bind_int(db, statement, 4, lease.fence);
    sqlite_bind_int(db, statement, 5, self->wall_ms());
    sqlite_bind_int(db, statement, 6, self->steady_ms());
    if (sqlite_execute(db, statement, err))
        return -1;
    return sqlite3_changes(db->db) > 0 ? 0 : fail_fenced(db, &lease, err);
}

int history_check_fence(struct sqlite *db, const struct state_request *request, struct error *err)
{
    const struct state_lease lease = {.pipeline = request->run.pipeline,
        .instance = request->run.instance ? request->run.instance : "",
        .fence = request->lease.fence};
    struct holder holder = {0};
    const int found = find_holder(db, &lease, &holder, err);

    if (found < 0)
        return -1;
    if (found == 0 || holder.fence <= lease.fence ||
        strcmp(holder.run_id, request->run.run_id) != 0)
        return 0;
    return fail_fenced(db, &lease, err);
}

int history_check_journal_fence(struct sqlite *db, const struct state_request *request,
    const struct state_journal *entry, struct error *err)
{
    const struct state_lease lease = {.pipeline = request->pipeline,
        .instance = request->instance ? request->instance : "",
        .fence = entry->fence};
    struct holder holder = {0};
    int found;

    if (entry->fence == 0 || !request->pipeline)
        return 0;
    found = find_holder(db, &lease, &holder, err);
    if (found < 0)
        return -1;
    return found == 1 && holder.fence > entry->fence ? fail_fenced(db, &lease, err) : 0;
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

/* The row's lease, as that of the run that is named in the column. */
static void add_lease(
    struct history_rows *rows, sqlite3_stmt *row, int run_id_column, struct arena *arena)
{
    struct state_lease *lease = history_add_row(rows, sizeof(*lease));
    struct holder holder;

    read_holder(row, &holder);
    *lease = (struct state_lease){.fence = holder.fence,
        .acquired_ms = holder.acquired_ms,
        .heartbeat_ms = holder.heartbeat_ms,
        .ttl_ms = holder.ttl_ms,
        .process_id = holder.process.id,
        .host = arena_strdup(arena, holder.process.host),
        .run_id = sqlite_text(row, run_id_column, arena),
        .pipeline = sqlite_text(row, 13, arena),
        .instance = sqlite_text(row, 14, arena)};
}

/* Rows of one lease follow each other, its own run is the first. */
static bool is_listed(const struct history_rows *rows, sqlite3_stmt *row)
{
    const struct state_lease *last = rows->items;

    if (rows->count == 0)
        return false;
    last += rows->count - 1;
    return strcmp(last->pipeline, sqlite_word(row, 13)) == 0 &&
           strcmp(last->instance, sqlite_word(row, 14)) == 0;
}

/* Whatever was said to run when the lease was taken is lost (mark_lost): what runs now belongs to
 * its holder. */
int history_list_leases(
    struct sqlite *db, struct observer *self, struct state_request *request, struct error *err)
{
    sqlite3_stmt *statement = sqlite_statement(db,
        "SELECT " HOLDER_COLUMNS ", pipeline, instance, covered FROM leases"
        " LEFT JOIN (SELECT run_id AS covered, pipeline AS of_pipeline, instance AS of_instance"
        "   FROM runs WHERE outcome = 'running')"
        "   ON of_pipeline = pipeline AND of_instance = instance AND covered <> run_id"
        " WHERE held = 1 AND (?1 IS NULL OR pipeline = ?1) ORDER BY pipeline, instance, covered",
        err);
    struct history_rows rows = {0};
    int step;

    if (!statement)
        return -1;
    sqlite_bind_text(db, statement, 1, request->pipeline);
    while ((step = sqlite_step(db, statement, err)) == 1) {
        struct holder holder;

        read_holder(statement, &holder);
        if (presence_of(self, &holder) < HOLDER_DOUBTED)
            continue;
        if (!is_listed(&rows, statement))
            add_lease(&rows, statement, 5, request->arena);
        if (sqlite_word(statement, 15)[0])
            add_lease(&rows, statement, 15, request->arena);
    }
    if (step < 0)
        free(rows.items);
    else
        history_hand_over(&rows, sizeof(struct state_lease), request);
    return step;
}

int history_run_is_live(
    struct sqlite *db, struct observer *self, const char *run_id, struct error *err)
{
    sqlite3_stmt *statement = sqlite_statement(db,
        "SELECT " HOLDER_COLUMNS " FROM leases WHERE run_id = ?1 AND held = 1"
        " UNION ALL SELECT " HOLDER_COLUMNS " FROM leases WHERE held = 1 AND (pipeline, instance) ="
        "   (SELECT pipeline, instance FROM runs WHERE run_id = ?1 AND outcome = 'running')",
        err);
    bool is_live = false;
    int step;

    if (!statement)
        return -1;
    sqlite_bind_text(db, statement, 1, run_id);
    while ((step = sqlite_step(db, statement, err)) == 1) {
        struct holder holder;

        read_holder(statement, &holder);
        is_live = is_live || presence_of(self, &holder) >= HOLDER_DOUBTED;
    }
    return step < 0 ? -1 : is_live;
}
