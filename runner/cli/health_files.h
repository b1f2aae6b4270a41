/* Whether the data files of a table are where the catalog says. Those on this machine are all
 * looked at; of those in another store the newest HEALTH_FILES_ASKED, at once, as each is a
 * request. */
#ifndef RUNNER_CLI_HEALTH_FILES_H
#define RUNNER_CLI_HEALTH_FILES_H

#include "runner/cli/cli.h"

enum { HEALTH_FILES_ASKED = 100 };

/* Zeroed: none is looked at. Results, in the command's arena, after questions_wait(). */
struct health_files {
    const char *gone; /* one that is not there; NULL */
    struct error err; /* .code: it cannot be told */
};

void health_files_look(
    struct cli *cli, const struct catalog_query *files, struct health_files *ret_files);

#endif
