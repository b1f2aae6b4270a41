/* One run of a (pipeline, instance) at a time: the lease in the state, its fence raised in the
 * catalog, so that a holder that lost the lease cannot commit any more. While it is held heartbeats
 * say so; one that comes too late, as the process was stopped, finds out that it was lost. */
#ifndef RUNNER_ENGINE_LEASE_H
#define RUNNER_ENGINE_LEASE_H

#include "connectors/catalog.h"
#include "connectors/state.h"
#include "runner/base/arena.h"
#include "runner/engine/engine.h"
#include "runner/io/timer.h"

struct lease;
typedef void (*lease_done_fn)(struct lease *lease, const struct error *err);

enum lease_step {
    LEASE_FREE,
    LEASE_ACQUIRING,
    LEASE_WATCHING, /* the holder may be dead: some time shows it */
    LEASE_RAISING,
    LEASE_HELD,
    LEASE_CHECKING,
    LEASE_RELEASING,
    LEASE_CLOSING, /* its timer */
};

struct lease_options {
    struct engine *engine;                    /* its state and its catalog are open */
    const char *pipeline, *instance, *run_id; /* outlive it, as does the context */
    const struct log_context *context;
    /* Once, while it is held: somebody else has it, or may soon have it, as heartbeats fail
     * (ERROR_FENCED). NULL: the commit tells. */
    lease_done_fn lost;
};

struct lease {
    struct lease_options options;
    struct state *state;
    struct catalog *catalog;
    lease_done_fn done;
    enum lease_step step;
    unsigned tries;
    int64_t fence; /* while it is held */
    bool silent;   /* who held it before was not heard of for too long, but may live */
    bool cancelled, beating, warned, told;
    bool guessed;          /* told because heartbeats failed: nobody said that it is lost */
    struct error lost_err; /* told: how it was lost */
    uint64_t asked_ns, beat_ns, confirmed_ns; /* monotonic: when what is under way was sent, and
                                                 when what was last answered with success was */
    struct arena arena, beat_arena;
    struct error err;
    struct timer timer; /* the next look at the holder; the next heartbeat */
    struct state_request request, beat;
    struct catalog_apply apply;
    struct catalog_change change;
};

/* ERROR_BUSY names the live holder. On failure nothing is held. */
void lease_acquire(struct lease *lease, const struct lease_options *options, lease_done_fn done);
void lease_cancel(struct lease *lease); /* ends watching; else harmless */

/* Asks whether it is still held, which counts as a heartbeat: before what cannot be taken back.
 * ERROR_FENCED: it is not, or may not be; another error: it could not be asked, but is. */
void lease_check(struct lease *lease, lease_done_fn done);

/* Whether so long nothing confirmed that it is held that somebody else may have it. */
bool lease_is_doubtful(const struct lease *lease);
void lease_release(struct lease *lease, lease_done_fn done);
void lease_deinit(struct lease *lease); /* after done */

#endif
