/* The embedded catalog: one SQLite file, many processes (connectors/catalog.h is the contract).
 *
 * A query or an apply is one job on a serial lane of the handle. What the contract leaves open:
 * - Opened read_only, a missing file is an empty catalog and no file is made.
 * - Locks of other processes are waited for up to 10 s, then ERROR_BUSY.
 * - cancel() ends queries, and applies that do not have the write lock yet, with ERROR_STOPPED.
 * - RAISE_FENCE with the number that another run raised is ERROR_FENCED, too. */
#ifndef CONNECTORS_CATALOG_SQLITE_CATALOG_SQLITE_H
#define CONNECTORS_CATALOG_SQLITE_CATALOG_SQLITE_H

#include "connectors/catalog.h"

extern const struct catalog_type catalog_sqlite_type;

#endif
