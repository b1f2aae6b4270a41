/* Whom to tell of runs that committed nothing. */
#include "connectors/state_sqlite/history.h"

#include "runner/base/mem.h"
#include "runner/base/time.h"

/* Those that are there stay as they are: the run is tried again under its id. */
static int add_hooks(struct sqlite *db, const struct state_request *request, struct error *err)
{
    for (size_t i = 0; i < request->hook_count; i++) {
        const struct hook_due *hook = &request->hooks[i];
        sqlite3_stmt *statement = sqlite_statement(db,
            "INSERT INTO hooks (run_id, place, pipeline, instance, target, body, created_ms)"
            " VALUES (?1, ?2, ?3, ifnull(?4, ''), ?5, ?6, ?7) ON CONFLICT DO NOTHING",
            err);

        if (!statement)
            return -1;
        sqlite_bind_text(db, statement, 1, request->run.run_id);
        sqlite_bind_text(db, statement, 2, hook->place);
        sqlite_bind_text(db, statement, 3, request->run.pipeline);
        sqlite_bind_text(db, statement, 4, request->run.instance);
        sqlite_bind_text(db, statement, 5, hook->target);
        sqlite_bind_text(db, statement, 6, hook->body);
        sqlite_bind_int(db, statement, 7, time_now_ms());
        if (sqlite_execute(db, statement, err))
            return -1;
    }
    return 0;
}

static int execute_for(
    struct sqlite *db, const char *sql, const struct state_run *run, struct error *err)
{
    sqlite3_stmt *statement = sqlite_statement(db, sql, err);

    if (!statement)
        return -1;
    sqlite_bind_text(db, statement, 1, run->run_id);
    return sqlite_execute(db, statement, err);
}

int history_settle_hooks(struct sqlite *db, struct state_request *request, struct error *err)
{
    const struct state_run *run = &request->run;

    switch (run->outcome) {
    case STATE_RUNNING:
        return add_hooks(db, request, err);
    case STATE_SUCCEEDED: /* the catalog has them with the commit */
        return execute_for(db, "DELETE FROM hooks WHERE run_id = ?1", run, err);
    case STATE_NOTHING_NEW:
    case STATE_CANCELLED:
        if (add_hooks(db, request, err) ||
            execute_for(
                db, "DELETE FROM hooks WHERE run_id = ?1 AND place NOT GLOB 'finally*'", run, err))
            return -1;
        break;
    case STATE_FAILED:
    case STATE_CHECK_FAILED:
    case STATE_LOST:
        if (add_hooks(db, request, err))
            return -1;
        break;
    }
    return execute_for(db, "UPDATE hooks SET due = 1 WHERE run_id = ?1", run, err);
}

int history_list_hooks(struct sqlite *db, struct state_request *request, struct error *err)
{
    sqlite3_stmt *statement = sqlite_statement(db,
        "SELECT run_id, place, target, body, created_ms FROM hooks"
        " WHERE pipeline = ?1 AND instance = ifnull(?2, '') AND due = 1 ORDER BY hook_id",
        err);
    struct history_rows rows = {0};
    int step;

    if (!statement)
        return -1;
    sqlite_bind_text(db, statement, 1, request->pipeline);
    sqlite_bind_text(db, statement, 2, request->instance);
    while ((step = sqlite_step(db, statement, err)) == 1) {
        struct hook_due *hook = history_add_row(&rows, sizeof(*hook));

        hook->run_id = sqlite_text(statement, 0, request->arena);
        hook->place = sqlite_text(statement, 1, request->arena);
        hook->target = sqlite_text(statement, 2, request->arena);
        hook->body = sqlite_text(statement, 3, request->arena);
        hook->created_ms = sqlite3_column_int64(statement, 4);
    }
    if (step < 0)
        free(rows.items);
    else
        history_hand_over(&rows, sizeof(struct hook_due), request);
    return step;
}

int history_end_hook(struct sqlite *db, struct state_request *request, struct error *err)
{
    sqlite3_stmt *statement =
        sqlite_statement(db, "DELETE FROM hooks WHERE run_id = ?1 AND place = ?2", err);

    if (!statement)
        return -1;
    sqlite_bind_text(db, statement, 1, request->run_id);
    sqlite_bind_text(db, statement, 2, request->place);
    return sqlite_execute(db, statement, err);
}
