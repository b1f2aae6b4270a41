/* A session of the SQL engine within one command: a scratch folder, threads and memory as far as
 * they go, and requests one at a time, each to its end. Ctrl-C ends the one that runs, or the next
 * one; never the process, so that nothing is left in the spool folder. */
#ifndef RUNNER_CLI_QUERY_SESSION_H
#define RUNNER_CLI_QUERY_SESSION_H

#include "connectors/sql_engine.h"
#include "runner/cli/cli.h"
#include "runner/io/scratch.h"

/* Zeroed but for cli and memory. */
struct query_session {
    struct cli *cli;
    uint64_t memory; /* --memory: what the process may take */

    const struct sql_engine_type *type;
    struct scratch scratch;   /* for what spills and what is fetched; .path NULL: nothing can */
    struct error scratch_err; /* why */
    struct work_lane lane;
    struct sql_session *session;
    bool stopped; /* a signal came while nothing ran that could be cancelled */
    struct sql_request request;
    struct error err; /* the first one */
};

/* The folder and the engine's module. The engine of the command must be open. Each of these returns
 * -1 with .err set; the end is to be called whatever they return. */
int query_session_begin(struct query_session *query);

/* `options`: all that has no answer here: loop, lane, folder, memory and threads are filled in. */
int query_session_open(struct query_session *query, struct sql_session_options options);

/* Runs what is in .request to its end; the arena is the command's. */
int query_session_ask(struct query_session *query);

/* Signals are noted again, after somebody else took them for a while. */
void query_session_note_stop(struct query_session *query);

void query_session_end(struct query_session *query);

#endif
