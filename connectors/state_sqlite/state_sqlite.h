/* The embedded state: one SQLite file beside the catalog's (connectors/state.h is the contract).
 *
 * What the contract leaves open:
 * - Everything survives a crash of the process; leases survive a power failure, too.
 * - A lease's holder is gone when its process is (connectors/process.h). One that is there, or
 *   under the same kernel, is silent when the clock that all of them share says so. One elsewhere
 *   is watched: it is silent when no heartbeat came for its ttl by the observer's own clock. Wall
 *   clocks only say whether to watch.
 * - A failed run is one that failed, failed a check or was lost. */
#ifndef CONNECTORS_STATE_SQLITE_STATE_SQLITE_H
#define CONNECTORS_STATE_SQLITE_STATE_SQLITE_H

#include "connectors/state.h"

extern const struct state_type state_sqlite_type;

#endif
