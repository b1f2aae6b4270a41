/* JSON records shown to people: as a table, or as one record with a line for each key. */
#ifndef RUNNER_CLI_PRINT_JSON_H
#define RUNNER_CLI_PRINT_JSON_H

#include "runner/cli/cli.h"

/* An array of objects, a column for each key of the first one that holds a scalar or a list of
 * such. Borrowed. */
void print_json_rows(struct cli *cli, const json_t *list);
/* One object. Borrowed. */
void print_json_record(struct cli *cli, const json_t *object);

#endif
