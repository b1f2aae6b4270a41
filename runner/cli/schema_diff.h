/* What rows of a pipeline would do to a table's columns, column by column. Pure. */
#ifndef RUNNER_CLI_SCHEMA_DIFF_H
#define RUNNER_CLI_SCHEMA_DIFF_H

#include "config/pipeline.h"
#include "connectors/catalog_records.h"
#include "connectors/sql_engine.h"
#include "runner/base/arena.h"
#include "runner/base/error.h"

enum schema_difference {
    SCHEMA_ADDED,   /* a column that the table does not have */
    SCHEMA_WIDENED, /* its type takes more */
    SCHEMA_TYPED,   /* it had no value so far, and so no type */
    SCHEMA_CAST,    /* its type stays: the rows are fitted to it, one that loses something fails */
    SCHEMA_MISSING, /* the rows lack it: null */
};

extern const char *const schema_difference_names[];

struct schema_diff_line {
    enum schema_difference what;
    const char *column;
    const char *table, *rows; /* types; NULL where there is none */
    const char *after;        /* the table's, if all is accepted; NULL: none */
};

struct schema_diff {
    struct schema_diff_line *lines;
    size_t count;
    struct catalog_column *columns; /* of the table, if all is accepted; new ones without an id */
    size_t column_count;
    bool changes; /* others than before */
};

/* In `arena`. Fails as a load with schema: evolve would. */
int schema_diff_make(const struct load *load, const struct catalog_version *version,
    const struct sql_schema *rows, struct arena *arena, struct schema_diff *ret_diff,
    struct error *err);

#endif
