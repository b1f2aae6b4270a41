#include "connectors/duckdb/session.h"

#include "runner/base/buffer.h"
#include "runner/base/mem.h"

#include <assert.h>
#include <string.h>

static const struct verb *const verbs[] = {
    [SQL_SCAN] = &verb_scan,
    [SQL_DERIVE] = &verb_derive,
    [SQL_CHECK] = &verb_check,
    [SQL_WRITE] = &verb_write,
    [SQL_EXPORT] = &verb_export,
    [SQL_QUERY] = &verb_query,
    [SQL_OPEN] = &verb_open,
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

/* --- errors
 * --------------------------------------------------------------------------------------- */

/* Replaces all of `path` in the message. */
static void rename_in(struct error *err, const char *path, const char *name)
{
    struct buffer message;
    const char *at = err->message, *found;

    if (!*path || !strstr(at, path))
        return;
    buffer_init(&message, 0);
    for (; (found = strstr(at, path)) != NULL; at = found + strlen(path)) {
        buffer_append(&message, at, (size_t)(found - at));
        buffer_puts(&message, name);
    }
    buffer_puts(&message, at);
    snprintf(err->message, sizeof(err->message), "%s", message.data);
    buffer_deinit(&message);
}

/* DuckDB knows files by the paths that it was given: nobody else does, and they are soon gone. */
static void name_files(struct operation *operation)
{
    const struct sql_request *request = operation->request;
    const struct sql_scan *scan = request->verb == SQL_SCAN ? &request->scan : NULL;
    const char *folder = operation->session->folder;

    if (!operation->err.code)
        return;
    for (size_t i = 0; scan && i < scan->source_count; i++)
        rename_in(&operation->err, scan->sources[i].path, scan->sources[i].object);
    if (folder)
        rename_in(&operation->err, folder, "the run's folder");
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
    /* Without a slot it was cancelled, and has begun all the same before that was said. */
    if (operation->slot && !work_cancelled(work))
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
    struct error err;
    struct operation **link = &session->operations;

    name_files(operation);
    err = operation->err;
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
