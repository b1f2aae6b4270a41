/* How the columns of a dataset meet those of its table (DESIGN section 3, "Schemas"). */
#ifndef RUNNER_ENGINE_TABLE_SCHEMA_H
#define RUNNER_ENGINE_TABLE_SCHEMA_H

#include "connectors/sql_engine.h"

struct task;
struct task_table;

/* For a load `into` a table, before it writes: the columns that its files must have, with their
 * field ids. What the table becomes by that is task->table, which the commit tells the catalog:
 * made with these columns where it is new, evolved where the policy lets rows add or widen some. A
 * column that had no value so far, and hence no type, takes the rows'. Again, in a second attempt,
 * gives the same. Fails with the place in the pipeline where a column of partition_by or sort_by is
 * missing, where partition_by differs from the table's, and where rows and table cannot meet
 * (runner/engine/evolve.h). In the run's arena. */
int table_schema_fit(struct task *task, struct sql_schema *ret_schema, struct error *err);

/* The same for rows that are not those of the load's dataset as they are: what of partition_by and
 * sort_by is missing is the caller's to see. */
int table_schema_fit_rows(struct task *task, const struct sql_schema *rows,
    struct sql_schema *ret_schema, struct error *err);

/* A column gets its type with this commit, if nobody else gives it one before. */
bool table_schema_sets_types(const struct task_table *table);

#endif
