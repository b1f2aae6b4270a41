/* The embedded state: one SQLite file beside the catalog's (connectors/state.h is the contract).
 *
 * What the contract leaves open:
 * - Everything survives a crash of the process; leases survive a power failure, too.
 * - A lease's holder is alive as long as its process is (state_sqlite/process.h). One on another
 *   host or in another container cannot be seen and counts as alive for 24 h.
 * - A failed run is one that failed, failed a check or was lost. */
#ifndef CONNECTORS_STATE_SQLITE_STATE_SQLITE_H
#define CONNECTORS_STATE_SQLITE_STATE_SQLITE_H

#include "connectors/state.h"

extern const struct state_type state_sqlite_type;

#endif
