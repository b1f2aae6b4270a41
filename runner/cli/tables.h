/* Tables of the catalog as they are named on the command line and in ad hoc SQL. */
#ifndef RUNNER_CLI_TABLES_H
#define RUNNER_CLI_TABLES_H

#include "runner/cli/questions.h"
#include "runner/engine/table_read.h"

/* Splits "namespace.table"; the texts go to the command's arena. */
int tables_parse(
    struct cli *cli, const char *name, struct catalog_locator *ret_at, struct error *err);

/* Also "namespace.table@2". */
int tables_parse_version(
    struct cli *cli, const char *name, struct catalog_locator *ret_at, struct error *err);

/* Asks for a table's active version and waits. ERROR_INVALID, with a name that is near, where there
 * is no such table. The answer lives as long as the question, which is the caller's to deinit. */
int tables_find(struct cli *cli, const char *name, struct question *question,
    const struct catalog_version **ret_version, struct error *err);

/* The same; of "namespace.table@2" that version, whatever its lifecycle. */
int tables_find_version(struct cli *cli, const char *name, struct question *question,
    const struct catalog_version **ret_version, struct error *err);

/* Where people find a data file of the catalog: a path or a URL, in the command's arena. */
int tables_file(
    struct cli *cli, const struct catalog_file *file, const char **ret_path, struct error *err);

/* Reads tables as the fields in front of `arena` say, all at once, into the command's arena; runs
 * the loop. Ctrl-C ends it with ERROR_STOPPED. */
int tables_read(struct cli *cli, struct table_read *items, size_t count, struct error *err);

/* "table demo.x does not exist; did you mean …" in *err; `asked` as it was written. */
int tables_unknown(struct cli *cli, const char *asked, struct error *err);

#endif
