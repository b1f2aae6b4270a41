/* One run of a (pipeline, instance) at a time: the lease in the state, its fence raised in the
 * catalog, so that a holder that lost the lease cannot commit any more. */
#ifndef RUNNER_ENGINE_LEASE_H
#define RUNNER_ENGINE_LEASE_H

#include "connectors/catalog.h"
#include "connectors/state.h"
#include "runner/base/arena.h"

struct lease;
typedef void (*lease_done_fn)(struct lease *lease, const struct error *err);

enum lease_step { LEASE_FREE, LEASE_ACQUIRING, LEASE_RAISING, LEASE_HELD, LEASE_RELEASING };

struct lease {
    struct state *state;
    struct catalog *catalog;
    const char *pipeline, *instance, *run_id;
    lease_done_fn done;
    enum lease_step step;
    unsigned tries;
    int64_t fence; /* while it is held */
    struct arena arena;
    struct error err;
    struct state_request request;
    struct catalog_apply apply;
    struct catalog_change change;
};

/* ERROR_BUSY names the live holder. On failure nothing is held. The texts must outlive it. */
void lease_acquire(struct lease *lease, struct state *state, struct catalog *catalog,
    const char *pipeline, const char *instance, const char *run_id, lease_done_fn done);
void lease_release(struct lease *lease, lease_done_fn done);
void lease_deinit(struct lease *lease); /* after done */

#endif
