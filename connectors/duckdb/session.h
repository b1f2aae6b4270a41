/* The inside of this folder: a session, its requests and how a verb plugs in.
 *
 * A session has one database in memory and `slot_count` slots, as many as its lane runs jobs at
 * once. A request holds a slot from its first job to its last, so that what it streams stays open
 * between jobs; without a free slot it waits. All fields but those of a running job belong to the
 * loop's thread.
 *
 * A verb is a sequence of jobs. `run` does one piece on a thread; `deliver` then hands results over
 * on the loop, where alone the request's arena and callbacks may be touched. */
#ifndef CONNECTORS_DUCKDB_SESSION_H
#define CONNECTORS_DUCKDB_SESSION_H

#include "connectors/sql_engine.h"
#include "runner/io/loop.h"
#include "runner/io/timer.h"

#include <duckdb.h>
#include <pthread.h>

enum { SESSION_WRITERS = 2 }; /* files of one WRITE that are encoded at once */

struct slot {
    duckdb_connection main;
    duckdb_connection writers[SESSION_WRITERS];
    char functions[SESSION_WRITERS][32]; /* table functions that give the rows of parts[] */
    struct part *parts[SESSION_WRITERS];
    struct operation *holder;
};

struct operation;

struct verb {
    const char *name;
    /* On the loop, first: may set operation->state. NULL: nothing. */
    void (*begin)(struct operation *operation);
    /* On a thread: one piece. Sets operation->more where another one is to follow. */
    int (*run)(struct operation *operation, struct error *err);
    /* On the loop, after a piece that succeeded. NULL: nothing to hand over. */
    void (*deliver)(struct operation *operation);
    /* On the loop, last, also after a failure: releases operation->state. NULL: nothing. */
    void (*end)(struct operation *operation);
    /* A verb that submits its own jobs has this in place of run: see write.c. It decides what to
     * do next and says whether jobs are still under way. */
    bool (*step)(struct operation *operation);
    /* On the loop: knows better than DuckDB's progress of the main connection. May be NULL. */
    void (*progress)(struct operation *operation, struct sql_progress *progress);
};

struct operation {
    struct sql_request *request;
    struct session *session;
    const struct verb *verb;
    struct slot *slot;      /* NULL: waiting for one */
    struct operation *next; /* in session->operations, in order of start */
    struct work work;
    struct arena arena; /* of the running job */
    struct error err;
    void *state;  /* the verb's own */
    bool running; /* `work` is submitted */
    bool cancelled;
    bool more;
};

struct session {
    struct sql_session base;
    struct loop *loop;
    struct work_lane *lane;
    char *folder; /* without a slash at the end; NULL: none */
    unsigned threads;
    duckdb_database database;
    struct slot *slots;
    unsigned slot_count;
    struct operation *operations;
    pthread_mutex_t making; /* a table's view, and the schema that it is in: two at once that make
                               the same schema would conflict */
    struct timer nagging;   /* interrupts again what was cancelled and goes on */
};

extern const struct verb verb_scan, verb_derive, verb_check, verb_write, verb_export, verb_query,
    verb_open, verb_drop;

/* Interrupts what is cancelled from time to time until it has ended. */
void session_nag(struct session *session);

struct sql_session *session_open(const struct sql_session_options *options, struct error *err);
void session_close(struct sql_session *session);

/* --- request.c --- */

void request_start(struct sql_session *session, struct sql_request *request);
void request_cancel(struct sql_request *request);
void request_progress(struct sql_request *request, struct sql_progress *ret_progress);

/* Decides what the operation does next; whoever records something calls it. */
void operation_step(struct operation *operation);

/* Submits verb->run as the operation's job. */
void operation_submit(struct operation *operation);

/* Interrupts its statements again, for as long as it is cancelled and runs. True: it still does. */
bool operation_nag(struct operation *operation);

#endif
