#include "connectors/duckdb/session.h"

#include "runner/base/mem.h"

#include <assert.h>

static const struct verb *const verbs[] = {
    [SQL_SCAN] = &verb_scan,
    [SQL_DERIVE] = &verb_derive,
    [SQL_CHECK] = &verb_check,
    [SQL_WRITE] = &verb_write,
    [SQL_EXPORT] = &verb_export,
    [SQL_QUERY] = &verb_query,
    [SQL_DROP] = &verb_drop,
};

/* --- slots
 * ----------------------------------------------------------------------------------------- */

static bool take_slot(struct operation *operation)
{
    struct session *session = operation->session;

    for (unsigned i = 0; i < session->slot_count && !operation->slot; i++) {
        if (!session->slots[i].holder) {
            session->slots[i].holder = operation;
            operation->slot = &session->slots[i];
        }
    }
    return operation->slot != NULL;
}

static void wake_next(struct session *session)
{
    struct operation *operation = session->operations;

    while (operation && (operation->slot || operation->running))
        operation = operation->next;
    if (operation)
        operation_step(operation);
}

/* --- jobs
 * ------------------------------------------------------------------------------------------ */

static void interrupt(struct operation *operation)
{
    duckdb_interrupt(operation->slot->main);
    for (unsigned i = 0; i < SESSION_WRITERS; i++)
        duckdb_interrupt(operation->slot->writers[i]);
}

static void on_interrupt(struct work *work)
{
    struct operation *operation = container_of(work, struct operation, work);

    if (operation->slot)
        interrupt(operation);
}

static void on_run(struct work *work)
{
    struct operation *operation = container_of(work, struct operation, work);

    operation->more = false;
    if (!work_cancelled(work))
        operation->verb->run(operation, &operation->err);
}

static void stopped(struct operation *operation)
{
    if (!operation->err.code)
        error_set(&operation->err, ERROR_STOPPED, "stopped");
}

static void on_done(struct work *work, bool ran)
{
    struct operation *operation = container_of(work, struct operation, work);

    operation->running = false;
    if (!ran || operation->cancelled)
        stopped(operation);
    if (!operation->err.code && operation->verb->deliver)
        operation->verb->deliver(operation);
    operation_step(operation);
}

void operation_submit(struct operation *operation)
{
    operation->running = true;
    operation->work.run = on_run;
    operation->work.done = on_done;
    operation->work.interrupt = on_interrupt;
    work_submit(operation->session->lane, &operation->work);
}

/* --- the whole flow
 * -------------------------------------------------------------------------------- */

static void finish(struct operation *operation)
{
    struct session *session = operation->session;
    struct sql_request *request = operation->request;
    const struct error err = operation->err;
    struct operation **link = &session->operations;

    while (*link != operation)
        link = &(*link)->next;
    *link = operation->next;
    if (operation->verb->end)
        operation->verb->end(operation);
    if (operation->slot)
        operation->slot->holder = NULL;
    arena_deinit(&operation->arena);
    free(operation);
    request->operation = NULL;
    wake_next(session);
    request->done(request, err.code ? &err : NULL);
}

void operation_step(struct operation *operation)
{
    if (operation->running && !operation->verb->step)
        return;
    if (!operation->slot && !operation->err.code) {
        if (!take_slot(operation))
            return;
        operation->more = true;
    }
    if (operation->verb->step) {
        if (operation->slot && operation->verb->step(operation))
            return;
    } else if (operation->more && !operation->err.code) {
        operation_submit(operation);
        return;
    }
    finish(operation);
}

void request_start(struct sql_session *base, struct sql_request *request)
{
    struct session *session = container_of(base, struct session, base);
    struct operation *operation = mem_new(struct operation);
    struct operation **link = &session->operations;

    operation->request = request;
    operation->session = session;
    operation->verb = verbs[request->verb];
    arena_init(&operation->arena);
    request->session = base;
    request->operation = operation;
    while (*link)
        link = &(*link)->next;
    *link = operation;
    if (operation->verb->begin)
        operation->verb->begin(operation);
    operation_step(operation);
}

void request_cancel(struct sql_request *request)
{
    struct operation *operation = request->operation;

    if (!operation || operation->cancelled)
        return;
    operation->cancelled = true;
    /* One that waits for a slot ends through a job, too, which never begins: done must not be
     * called from in here. */
    if (!operation->slot)
        operation_submit(operation);
    work_cancel(&operation->work);
    operation_nag(operation);
    session_nag(operation->session);
}

bool operation_nag(struct operation *operation)
{
    if (!operation->cancelled || !operation->slot)
        return false;
    interrupt(operation);
    return true;
}

void request_progress(struct sql_request *request, struct sql_progress *ret_progress)
{
    struct operation *operation = request->operation;
    struct sql_progress progress = {.share = -1};

    if (operation && operation->slot) {
        duckdb_query_progress_type now = duckdb_query_progress(operation->slot->main);

        progress.share = now.percentage < 0 ? -1 : MIN(now.percentage / 100, 1);
        /* Not its rows_processed: that counts what goes through the sources of the plan, be it
         * chunks, be it the same row twice. */
        if (operation->verb->progress)
            operation->verb->progress(operation, &progress);
    }
    *ret_progress = progress;
}
