/* Data files that are not on this machine, brought into a folder before SQL reads them: many at a
 * time, each whole or not at all. */
#ifndef RUNNER_CLI_FETCH_H
#define RUNNER_CLI_FETCH_H

#include "runner/cli/cli.h"

struct fetch {
    struct cli *cli;
    const char *folder; /* exists when fetch_all() is called */
    struct fetch_item *first, *next, *last;
    size_t count, in_flight;
    bool stopping;
    struct error err;
};

void fetch_init(struct fetch *fetch, struct cli *cli, const char *folder);

/* Where the object will be: a path in the command's arena, as is the rest of what is kept. */
const char *fetch_add(struct fetch *fetch, struct store *store, const char *key);

/* Fetches all that was added; runs the loop. Ctrl-C ends it with ERROR_STOPPED. */
int fetch_all(struct fetch *fetch, struct error *err);

#endif
