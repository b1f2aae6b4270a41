/* Runs, and which verb is whose. */
#include "connectors/state_sqlite/history.h"

#include "runner/base/mem.h"
#include "runner/base/text.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum { LIMIT_DEFAULT = 1000, RUN_ID_MAX = 255 };

/* --- rows --- */

void *history_add_row(struct history_rows *rows, size_t size)
{
    char *item;

    rows->items = mem_grow(rows->items, &rows->capacity, rows->count, size);
    item = (char *)rows->items + rows->count++ * size;
    memset(item, 0, size);
    return item;
}

void history_hand_over(struct history_rows *rows, size_t size, struct state_request *request)
{
    request->count = rows->count;
    request->runs = NULL;
    if (rows->count > 0) {
        request->runs = arena_array(request->arena, rows->count, size);
        memcpy(request->runs, rows->items, rows->count * size);
    }
    free(rows->items);
    *rows = (struct history_rows){0};
}

static enum state_outcome outcome_of(const char *name)
{
    int i = STATE_RUNNING;

    while (i < STATE_LOST && strcmp(name, state_outcome_name(i)) != 0)
        i++;
    return i;
}

void history_read_run(sqlite3_stmt *row, struct state_run *run, struct arena *arena)
{
    run->run_id = sqlite_text(row, 0, arena);
    run->pipeline = sqlite_text(row, 1, arena);
    run->instance = sqlite_text(row, 2, arena);
    run->due_ms = sqlite3_column_int64(row, 3);
    run->started_ms = sqlite3_column_int64(row, 4);
    run->finished_ms = sqlite3_column_int64(row, 5);
    run->outcome = outcome_of(sqlite_word(row, 6));
    run->rows = sqlite3_column_int64(row, 7);
    run->bytes = (uint64_t)sqlite3_column_int64(row, 8);
    run->error = sqlite_text(row, 9, arena);
    run->record = sqlite_text(row, 10, arena);
}

int history_read_runs(struct sqlite *db, sqlite3_stmt *statement, int64_t limit,
    struct history_rows *rows, struct arena *arena, struct error *err)
{
    int step;

    while ((step = sqlite_step(db, statement, err)) == 1) {
        history_read_run(statement, history_add_row(rows, sizeof(struct state_run)), arena);
        if ((int64_t)rows->count == limit) {
            sqlite_reset(statement);
            return 0;
        }
    }
    return step;
}

static int64_t limit_of(const struct state_request *request)
{
    return request->limit > 0 ? request->limit : LIMIT_DEFAULT;
}

/* --- runs --- */

static int put_run(struct sqlite *db, struct state_request *request, struct error *err)
{
    const struct state_run *run = &request->run;
    sqlite3_stmt *statement;

    if (!run->run_id || !run->run_id[0] || !run->pipeline)
        return error_set(err, ERROR_INVALID, "a run needs an id and the name of its pipeline");
    if (request->lease.fence > 0 && history_check_fence(db, request, err))
        return -1;
    statement = sqlite_statement(db,
        "INSERT OR REPLACE INTO runs (" HISTORY_RUN_COLUMNS ")"
        " VALUES (?1, ?2, ifnull(?3, ''), ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        err);
    if (!statement)
        return -1;
    sqlite_bind_text(db, statement, 1, run->run_id);
    sqlite_bind_text(db, statement, 2, run->pipeline);
    sqlite_bind_text(db, statement, 3, run->instance);
    sqlite_bind_int(db, statement, 4, run->due_ms);
    sqlite_bind_int(db, statement, 5, run->started_ms);
    sqlite_bind_int(db, statement, 6, run->finished_ms);
    sqlite_bind_text(db, statement, 7, state_outcome_name(run->outcome));
    sqlite_bind_int(db, statement, 8, run->rows);
    sqlite_bind_int(db, statement, 9, (int64_t)run->bytes);
    sqlite_bind_text(db, statement, 10, run->error);
    sqlite_bind_text(db, statement, 11, run->record);
    if (sqlite_execute(db, statement, err))
        return -1;
    return history_settle_hooks(db, request, err);
}

static int check_unambiguous(const char *start, struct history_rows *rows, struct error *err)
{
    const struct state_run *runs = rows->items;

    if (rows->count < 2)
        return 0;
    if (strcmp(runs[0].run_id, start) == 0) {
        rows->count = 1;
        return 0;
    }
    return error_set(err, ERROR_INVALID,
        "\"%s\" is the beginning of several runs (%s, %s, …); give more of it", start,
        runs[0].run_id, runs[1].run_id);
}

static int get_run(struct sqlite *db, struct state_request *request, struct error *err)
{
    const char *start = request->run_id ? request->run_id : "";
    sqlite3_stmt *statement = sqlite_statement(db,
        "SELECT " HISTORY_RUN_COLUMNS " FROM runs WHERE run_id >= ?1 AND run_id < ?2"
        " ORDER BY run_id LIMIT 2",
        err);
    struct history_rows rows = {0};
    char after[RUN_ID_MAX + 2];
    int result;

    if (!statement)
        return -1;
    /* Texts are compared byte by byte and no UTF-8 text holds this byte. */
    snprintf(after, sizeof(after), "%.*s\xff", RUN_ID_MAX, start);
    sqlite_bind_text(db, statement, 1, start);
    sqlite_bind_text(db, statement, 2, after);
    result = history_read_runs(db, statement, 2, &rows, request->arena, err);
    if (!result)
        result = check_unambiguous(start, &rows, err);
    if (result)
        free(rows.items);
    else
        history_hand_over(&rows, sizeof(struct state_run), request);
    return result;
}

static int list_runs(struct sqlite *db, struct state_request *request, struct error *err)
{
    /* Four texts, so that each is answered by an index in the right order. */
    static const char *const texts[2][2] = {
        {"SELECT " HISTORY_RUN_COLUMNS " FROM runs ORDER BY started_ms DESC, run_id DESC",
            "SELECT " HISTORY_RUN_COLUMNS " FROM runs"
            " WHERE outcome IN ('failed', 'check_failed', 'lost')"
            " ORDER BY started_ms DESC, run_id DESC"},
        {"SELECT " HISTORY_RUN_COLUMNS " FROM runs WHERE pipeline = ?1"
         " AND (?2 IS NULL OR instance = ?2) ORDER BY started_ms DESC, run_id DESC",
            "SELECT " HISTORY_RUN_COLUMNS " FROM runs WHERE pipeline = ?1"
            " AND (?2 IS NULL OR instance = ?2) AND outcome IN ('failed', 'check_failed', 'lost')"
            " ORDER BY started_ms DESC, run_id DESC"},
    };
    const bool one = request->pipeline != NULL;
    sqlite3_stmt *statement = sqlite_statement(db, texts[one][request->failed_only], err);
    struct history_rows rows = {0};

    if (!statement)
        return -1;
    if (one) {
        sqlite_bind_text(db, statement, 1, request->pipeline);
        sqlite_bind_text(db, statement, 2, request->instance);
    }
    if (history_read_runs(db, statement, limit_of(request), &rows, request->arena, err)) {
        free(rows.items);
        return -1;
    }
    history_hand_over(&rows, sizeof(struct state_run), request);
    return 0;
}

/* --- the latest runs --- */

struct instance {
    char *pipeline, *instance;
};

/* The next (pipeline, instance) that finished runs have, by two looks into the index, as one for
 * both columns would read all runs of a pipeline: 1, 0, -1. */
static int next_instance(struct sqlite *db, const struct instance *after, struct arena *arena,
    struct instance *ret_next, struct error *err)
{
    sqlite3_stmt *statement = sqlite_statement(db,
        "SELECT * FROM (SELECT pipeline, instance FROM runs WHERE outcome <> 'running'"
        "  AND pipeline = ?1 AND instance > ?2 ORDER BY instance LIMIT 1)"
        " UNION ALL SELECT * FROM (SELECT pipeline, instance FROM runs WHERE outcome <> 'running'"
        "  AND pipeline > ?1 ORDER BY pipeline, instance LIMIT 1) LIMIT 1",
        err);
    int step;

    if (!statement)
        return -1;
    sqlite_bind_text(db, statement, 1, after->pipeline);
    sqlite_bind_text(db, statement, 2, after->instance);
    step = sqlite_step(db, statement, err);
    if (step == 1) {
        const struct instance next = {
            (char *)sqlite_text(statement, 0, arena), (char *)sqlite_text(statement, 1, arena)};

        sqlite_reset(statement);
        *ret_next = next;
    }
    return step;
}

static int add_newest(struct sqlite *db, const char *sql, const struct instance *of,
    struct history_rows *rows, struct arena *arena, struct error *err)
{
    sqlite3_stmt *statement = sqlite_statement(db, sql, err);
    int step;

    if (!statement)
        return -1;
    sqlite_bind_text(db, statement, 1, of->pipeline);
    sqlite_bind_text(db, statement, 2, of->instance);
    step = sqlite_step(db, statement, err);
    if (step == 1) {
        history_read_run(statement, history_add_row(rows, sizeof(struct state_run)), arena);
        sqlite_reset(statement);
    }
    return step < 0 ? -1 : 0;
}

static int add_latest(struct sqlite *db, const struct instance *of, struct history_rows *rows,
    struct arena *arena, struct error *err)
{
    static const char finished[] = "SELECT " HISTORY_RUN_COLUMNS " FROM runs"
                                   " WHERE pipeline = ?1 AND instance = ?2 AND outcome <> 'running'"
                                   " ORDER BY started_ms DESC, run_id DESC LIMIT 1";
    static const char succeeded[] =
        "SELECT " HISTORY_RUN_COLUMNS " FROM runs WHERE pipeline = ?1 AND instance = ?2"
        " AND outcome IN ('succeeded', 'nothing_new')"
        " ORDER BY started_ms DESC, run_id DESC LIMIT 1";
    const struct state_run *runs;

    if (add_newest(db, finished, of, rows, arena, err))
        return -1;
    runs = rows->items;
    if (rows->count > 0 && (runs[rows->count - 1].outcome == STATE_SUCCEEDED ||
                               runs[rows->count - 1].outcome == STATE_NOTHING_NEW))
        return 0; /* it is both */
    return add_newest(db, succeeded, of, rows, arena, err);
}

static int latest_runs(struct sqlite *db, struct state_request *request, struct error *err)
{
    struct instance at = {(char *)"", (char *)""};
    struct history_rows rows = {0};
    int step;

    while ((step = next_instance(db, &at, request->arena, &at, err)) == 1) {
        if (request->pipeline && strcmp(request->pipeline, at.pipeline) != 0)
            continue;
        if (add_latest(db, &at, &rows, request->arena, err)) {
            step = -1;
            break;
        }
    }
    if (step < 0)
        free(rows.items);
    else
        history_hand_over(&rows, sizeof(struct state_run), request);
    return step;
}

/* --- one request --- */

static int run_verb(
    struct sqlite *db, struct observer *self, struct state_request *request, struct error *err)
{
    switch (request->verb) {
    case STATE_PUT_RUN:
        return put_run(db, request, err);
    case STATE_GET_RUN:
        return get_run(db, request, err);
    case STATE_LIST_RUNS:
        return list_runs(db, request, err);
    case STATE_LATEST_RUNS:
        return latest_runs(db, request, err);
    case STATE_LIST_HOOKS:
        return history_list_hooks(db, request, err);
    case STATE_END_HOOK:
        return history_end_hook(db, request, err);
    case STATE_ADD_JOURNAL:
        return history_add_journal(db, request, err);
    case STATE_LIST_JOURNAL:
        return history_list_journal(db, self, request, err);
    case STATE_CLEAR_JOURNAL:
        return history_clear_journal(db, request, err);
    case STATE_ACQUIRE_LEASE:
        return history_acquire_lease(db, self, request, err);
    case STATE_RENEW_LEASE:
        return history_renew_lease(db, self, request, err);
    case STATE_RELEASE_LEASE:
        return history_release_lease(db, request, err);
    case STATE_LIST_LEASES:
        return history_list_leases(db, self, request, err);
    }
    assert(!"a verb of state.h");
    return -1;
}

static bool is_read(enum state_verb verb)
{
    return verb == STATE_GET_RUN || verb == STATE_LIST_RUNS || verb == STATE_LATEST_RUNS ||
           verb == STATE_LIST_HOOKS || verb == STATE_LIST_JOURNAL || verb == STATE_LIST_LEASES;
}

int history_run(
    struct sqlite *db, struct observer *self, struct state_request *request, struct error *err)
{
    const bool read = is_read(request->verb);
    int result;

    /* A fence that went back after a power failure would be the catalog's to notice. */
    if (request->verb == STATE_ACQUIRE_LEASE && sqlite_run(db, "PRAGMA synchronous = FULL", err))
        return -1;
    result = read ? sqlite_begin_read(db, err) : sqlite_begin_write(db, err);
    if (!result)
        result = run_verb(db, self, request, err);
    if (!result && !read)
        result = sqlite_commit(db, err);
    sqlite_rollback(db);
    if (request->verb == STATE_ACQUIRE_LEASE)
        sqlite_run(db, "PRAGMA synchronous = NORMAL", NULL);
    return result;
}
