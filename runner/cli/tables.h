/* Tables of the catalog as they are named on the command line and in ad hoc SQL. */
#ifndef RUNNER_CLI_TABLES_H
#define RUNNER_CLI_TABLES_H

#include "runner/cli/fetch.h"
#include "runner/cli/questions.h"

/* Splits "namespace.table"; the texts go to the command's arena. */
int tables_parse(
    struct cli *cli, const char *name, struct catalog_locator *ret_at, struct error *err);

/* Asks for a table's active version and waits. ERROR_INVALID, with a name that is near, where there
 * is no such table. The answer lives as long as the question, which is the caller's to deinit. */
int tables_find(struct cli *cli, const char *name, struct question *question,
    const struct catalog_version **ret_version, struct error *err);

/* Where people find a data file of the catalog: a path or a URL, in the command's arena. */
int tables_file(
    struct cli *cli, const struct catalog_file *file, const char **ret_path, struct error *err);

/* The table's committed files as a dataset that a session can look at, in the command's arena. It
 * is in its namespace; `alone` true: in none. Files that are not on this machine are added to
 * `fetch`, and named where they will be. */
int tables_dataset(struct cli *cli, const struct catalog_version *version, bool alone,
    struct fetch *fetch, struct sql_dataset *ret_dataset, struct error *err);

/* "table demo.x does not exist; did you mean …" in *err; `asked` as it was written. */
int tables_unknown(struct cli *cli, const char *asked, struct error *err);

#endif
