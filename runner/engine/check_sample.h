/* Rows that offend a check, as they are shown: in the run's record, in `runs show` and, where
 * `logs.samples` allows it, in the log. Few, short, without a control character, and columns under
 * `mask:` hashed. Pure. */
#ifndef RUNNER_ENGINE_CHECK_SAMPLE_H
#define RUNNER_ENGINE_CHECK_SAMPLE_H

#include "config/environment.h"
#include "config/pipeline.h"
#include "connectors/sql_engine.h"
#include "runner/base/buffer.h"

#include <jansson.h>

enum {
    CHECK_SAMPLE_ROWS = 5,
    CHECK_SAMPLE_CELL = 200, /* bytes of a value, and of a column's name */
    CHECK_SAMPLE_ROW =
        4096, /* bytes of a row as JSON, about: columns that do not fit are counted */
};

/* The statement that finds such rows of `dataset`, the columns that the check names first; NULL
 * where the check is about all rows at once. In the arena. */
const char *check_sample_sql(const struct pipeline *pipeline, const struct check *check,
    const char *dataset, const struct sql_schema *schema, struct arena *arena);

/* "a", "b", … of rows `alias`, as texts that are not much longer than what is shown. Those that
 * `first` names stand in front; NULL: none does. */
void check_sample_append_columns(struct buffer *sql, const struct pipeline *pipeline,
    const struct sql_schema *schema, const struct check *first, const char *alias);

/* Puts the rows, a JSON array, into a line of the log as `sample` where `logs: {samples: true}`
 * lets them in. */
void check_sample_log(const struct environment *environment, const char *sample, json_t *fields);

/* One row as an object, without its first columns; values are texts or null. New reference. */
json_t *check_sample_row(const struct sql_schema *schema, size_t skipped, const char *const *cells);

#endif
