/* How the columns of new rows meet those of their table (DESIGN section 3, "Schemas"): which are
 * new, which become wider, and what the files must look like. Pure.
 *
 * Types are pinned by the first commit and later ones are fitted to them. Only where a type holds
 * less than the new one by its nature (int < bigint < decimal, float < double, fewer digits, fewer
 * fields) does `evolve` widen it. All else is cast row by row, and a row that would lose something
 * fails the load. */
#ifndef RUNNER_ENGINE_EVOLVE_H
#define RUNNER_ENGINE_EVOLVE_H

#include "config/pipeline.h"
#include "connectors/catalog_records.h"
#include "connectors/sql_engine.h"
#include "runner/base/arena.h"

struct evolve {
    /* arguments */
    const char *table;                    /* what errors call it */
    const struct catalog_column *columns; /* of the table; none: the rows give it its columns */
    size_t column_count;
    bool exists; /* the table does: its columns are a change also where it had none */
    const struct sql_schema *rows;
    enum schema_policy policy;
    struct text_list fixed; /* columns that partitions or the key are made of: their values must be
                               written as they ever were, so that only integers become wider */
    struct text_list required; /* columns that the load says are never null */
    /* results, in the arena */
    struct catalog_column *ret_columns; /* as the table is to have them: the old ones in their
                                           order, then new ones with the field ids that they get */
    size_t ret_column_count;
    bool ret_changed;            /* others than before: the catalog must be told */
    struct sql_schema ret_write; /* of the files */
    const char *ret_what;        /* "x VARCHAR added, id INTEGER → BIGINT", for the log; "" */
};

/* ERROR_DATA names the column and what to do: one that is new under `freeze`, one that the rows
 * lack and the table requires, one that must not be null and may be in the table, a field of a
 * struct that has no place. */
int evolve_columns(struct evolve *evolve, struct arena *arena, struct error *err);

/* The name of a type as the catalog keeps it; itself where it is none that is known. */
const char *evolve_type_name(const char *type, struct arena *arena);

#endif
