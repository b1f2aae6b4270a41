/* Tells what is due to be told: what runs before it could not deliver, when a run begins, and of
 * the run itself, with what is left of those, when it ends. Each hook
 * is posted until it is taken, or its attempts are over: then the next run goes on. One that waits
 * for a week, or that the pipeline does not have any more, is given up. What goes wrong here fails
 * no run: it is logged. */
#ifndef RUNNER_ENGINE_DELIVER_H
#define RUNNER_ENGINE_DELIVER_H

#include "connectors/post.h"
#include "runner/base/table.h"
#include "runner/engine/engine.h"
#include "runner/io/retry.h"

struct deliver;
typedef void (*deliver_done_fn)(struct deliver *deliver);

enum deliver_step {
    DELIVER_COMMITTED, /* what the catalog has to be told of */
    DELIVER_FAILED,    /* what the state has */
    DELIVER_DOUBTING,  /* a run that was thought to have failed: was it committed after all? */
    DELIVER_READING,   /* the run, as the history has it */
    DELIVER_POSTING,
    DELIVER_ENDING,
    DELIVER_DONE,
};

struct deliver {
    struct engine *engine;
    const struct pipeline *pipeline;
    const char *instance, *run_id; /* of the fence */
    int64_t fence;
    const struct log_context *context;
    deliver_done_fn done;
    bool earlier; /* the run has yet to begin: of runs before it alone, and one attempt each, so
                     that a server that is down does not hold it up */

    enum deliver_step step;
    struct arena arena, step_arena;
    struct catalog_query query, commit;
    struct catalog_apply apply;
    struct catalog_change change;
    struct state_request listing, request;
    size_t next; /* of the catalog's, then of the state's */
    const struct hook *hook;
    const char *body;
    struct table failing; /* targets that took nothing: not asked again in this run */
    struct post_request post;
    struct post_header *headers;
    struct retry retry;
    bool retrying, posting, cancelled;
};

/* The texts must outlive it. */
void deliver_start(struct deliver *deliver, struct engine *engine, const struct pipeline *pipeline,
    const char *instance, const char *run_id, int64_t fence, const struct log_context *context,
    bool earlier, deliver_done_fn done);
void deliver_cancel(struct deliver *deliver);
void deliver_deinit(struct deliver *deliver);

#endif
