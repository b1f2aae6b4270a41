/* What health knows about pipelines: their files, read here, and the answers of state and catalog,
 * all asked at once while the files are read. */
#ifndef RUNNER_CLI_HEALTH_FACTS_H
#define RUNNER_CLI_HEALTH_FACTS_H

#include "runner/cli/health.h"
#include "runner/cli/health_files.h"
#include "runner/cli/settle.h"

#include <jansson.h>

/* One table that a pipeline loads into. */
struct health_target {
    struct question version, files;
    struct health_files looks;
};

struct health_subject {
    const char *name; /* the pipeline's, or the file's path where it cannot be read */
    const char *path;
    struct pipeline *pipeline; /* NULL: invalid */
    struct cron cron;
    struct zone *zone;
    struct question newest;            /* its newest run, and more where it has a schedule */
    struct question written;           /* its runs, where a table is missing */
    struct health_target *targets;     /* one each of the tables */
    struct health_table *tables;       /* those of the facts */
    const struct state_lease *running; /* NULL: it does not run now */
    struct health_facts facts;
    json_t *record; /* of the run that ended last; NULL: there is none */
};

struct health_report {
    int64_t now_ms;
    struct health_subject *subjects;
    size_t count;
    struct question latest; /* the newest finished and successful run of each pipeline */
    struct settle settle;
};

/* `paths`: the files. The engine must be open. Never fails: what cannot be known is among the
 * facts. */
void health_gather(
    struct cli *cli, const char *const *paths, size_t count, struct health_report *ret_report);
void health_report_deinit(struct health_report *report);

#endif
