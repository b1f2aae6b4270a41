#include "runner/cli/query_session.h"

#include "runner/base/mem.h"
#include "runner/base/uuid.h"

#include <unistd.h>

enum { THREADS_MAX = 4 };

/* --- signals --- */

/* One that nobody waits for ends the process at once, and its folder stays. */
static void note_stop(void *data, int signal_number)
{
    struct query_session *query = data;

    (void)signal_number; /* the loop keeps it for the exit code */
    query->stopped = true;
}

void query_session_note_stop(struct query_session *query)
{
    loop_on_stop(&query->cli->loop, note_stop, query);
}

static void on_stop(void *data, int signal_number)
{
    struct query_session *query = data;

    (void)signal_number;
    query->type->cancel(&query->request);
}

/* --- the session --- */

int query_session_begin(struct query_session *query)
{
    struct engine *engine = query->cli->engine;
    char id[UUID_TEXT_SIZE];

    work_lane_init(&query->lane, engine->pool, "query", 1);
    query_session_note_stop(query);
    /* Removed at the end; where the spool cannot be written to, larger sorts fail instead. */
    scratch_make(&query->scratch, query->cli->project->environment->spool,
        uuid_v7(time_now_ms(), id), &query->scratch_err);
    return engine_sql(engine, &query->type, &query->err);
}

static unsigned thread_count(const struct query_session *query)
{
    const long online = sysconf(_SC_NPROCESSORS_ONLN);
    unsigned threads = (unsigned)MIN(MAX(online, 1), THREADS_MAX);

    while (threads > 1 && query->type->memory_minimum(threads) > query->memory)
        threads--;
    return threads;
}

int query_session_open(struct query_session *query, struct sql_session_options options)
{
    char minimum[TIME_TEXT_SIZE];

    options.loop = &query->cli->loop;
    options.lane = &query->lane;
    options.threads = thread_count(query);
    if (query->memory < query->type->memory_minimum(options.threads))
        return error_set(&query->err, ERROR_INVALID, "--memory: a query needs %s at least",
            size_format(query->type->memory_minimum(options.threads), minimum));
    options.folder = query->scratch.path;
    options.memory = query->type->memory_share(query->memory, options.threads);
    query->session = query->type->open(&options, &query->err);
    return query->session ? 0 : -1;
}

void query_session_end(struct query_session *query)
{
    if (query->session)
        query->type->close(query->session);
    loop_run(&query->cli->loop);
    work_lane_deinit(&query->lane);
    scratch_remove(&query->scratch, NULL);
    loop_on_stop(&query->cli->loop, NULL, NULL);
}

/* --- requests --- */

static void on_done(struct sql_request *request, const struct error *err)
{
    struct query_session *query = container_of(request, struct query_session, request);

    error_keep_first(&query->err, err);
    query_session_note_stop(query);
}

int query_session_ask(struct query_session *query)
{
    struct cli *cli = query->cli;

    if (query->stopped)
        return error_set(&query->err, ERROR_STOPPED, "cancelled");
    query->request.arena = &cli->arena;
    query->request.done = on_done;
    loop_on_stop(&cli->loop, on_stop, query);
    query->type->start(query->session, &query->request);
    loop_run(&cli->loop);
    return query->err.code ? -1 : 0;
}
