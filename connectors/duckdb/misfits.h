/* Values that a WRITE would bend: where DuckDB rounds, cuts or drops without a word, and which row
 * it was that a cast failed on. */
#ifndef CONNECTORS_DUCKDB_MISFITS_H
#define CONNECTORS_DUCKDB_MISFITS_H

#include "connectors/sql_engine.h"
#include "runner/base/buffer.h"

#include <duckdb.h>

/* The condition under which a value that is not null keeps what it says when it is cast; `name` is
 * the column, quoted. NULL: always, or the cast itself fails. */
const char *misfits_lossless(
    const char *from, const char *to, const char *name, struct arena *arena);

/* The condition of rows whose value in a column fits another one; NULL: all do
 * (sql_engine_type.fits). */
const char *misfits_fits(
    const struct sql_column *source, const struct sql_column *target, struct arena *arena);

/* Appends the condition of rows that fit the schema of `write`, which has one: what can be cast
 * without loss, no null where one is required, no value in a column that the schema lacks. Nothing
 * where all rows do. `have`: the dataset's columns. */
void misfits_append_fits(struct buffer *sql, const struct sql_write *write,
    const struct sql_schema *have, struct arena *arena);

/* How many rows do not; for `write->skip_misfits`. */
int misfits_count(duckdb_connection connection, const struct sql_write *write, struct arena *arena,
    int64_t *ret_count, struct error *err);

/* After a failed cast: looks for the column and the first row that do not fit and says so in *err,
 * which is left as it is where none is found. Always returns -1. */
int misfits_explain(duckdb_connection connection, const struct sql_write *write,
    struct arena *arena, struct error *err);

#endif
