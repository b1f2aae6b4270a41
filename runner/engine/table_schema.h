/* How the columns of a dataset meet those of its table (DESIGN section 3, "Schemas"). */
#ifndef RUNNER_ENGINE_TABLE_SCHEMA_H
#define RUNNER_ENGINE_TABLE_SCHEMA_H

#include "connectors/sql_engine.h"

struct task;

/* For a load `into` a table, before it writes: the columns that its files must have, as the table
 * pinned them; none where the table is new and takes the dataset's. Fails with the place in the
 * pipeline where a column of partition_by or sort_by is missing, where partition_by differs from
 * the table's, and where the dataset has a column that the table has not (unless
 * schema: discard_columns). In the task's arena. A column of the table that had no value so far,
 * and hence no type, has the dataset's: the commit tells the catalog. */
int table_schema_fit(struct task *task, struct sql_schema *ret_schema, struct error *err);

#endif
