/* Brings the files of a table to where the SQL engine opens them: as links where they are on this
 * machine, or left where they are, else as copies; as many at once as there are slots. */
#ifndef RUNNER_ENGINE_TABLE_FETCH_H
#define RUNNER_ENGINE_TABLE_FETCH_H

#include "runner/engine/table_files.h"
#include "runner/engine/table_read.h"

struct table_fetch;

/* Called once, on the loop, never from within start or cancel. */
typedef void (*table_fetch_fn)(struct table_fetch *fetch, const struct error *err);

struct table_fetch {
    /* arguments */
    struct table_read
        *read; /* engine, slots, folder, in_place, space, name; texts go to its arena */
    const struct catalog_version *version; /* for errors */
    struct table_files *files; /* gets paths; those that are skipped are not looked at */
    table_fetch_fn done;

    struct fetch_item *items;
    size_t count, next, in_flight;
    bool stopping;
    struct slot_waiter waiter;
    struct error err;
};

/* False: there is nothing to wait for, `done` is not called; `err` may say why. */
bool table_fetch_start(struct table_fetch *fetch);

/* Still ends in done: where nothing is in flight, when a slot would be free. */
void table_fetch_cancel(struct table_fetch *fetch);
void table_fetch_deinit(struct table_fetch *fetch); /* after done; a zeroed one is fine */

#endif
