/* Datasets on disk: fast Parquet files of the run's own (LZ4), read back by a view that restores
 * the types which Parquet lacks. */
#ifndef CONNECTORS_DUCKDB_STORE_H
#define CONNECTORS_DUCKDB_STORE_H

#include "connectors/duckdb/session.h"

/* Runs the SELECT into `folder`/data-0.parquet and makes the view. `dataset` has its name and
 * schema; its files, bytes and rows are added, in the operation's arena. A job's part. */
int store_select(struct operation *operation, const char *sql, const struct sql_param *params,
    size_t param_count, const char *folder, struct sql_dataset *dataset, struct error *err);

/* The first half of it: the rows into `folder`/`name`, no view. */
int store_copy(struct operation *operation, const char *sql, const struct sql_param *params,
    size_t param_count, const char *folder, const char *name, struct sql_dataset *dataset,
    struct error *err);

#endif
