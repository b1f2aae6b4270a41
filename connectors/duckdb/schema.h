/* Schemas and datasets: views over their files, their figures, copies of them. */
#ifndef CONNECTORS_DUCKDB_SCHEMA_H
#define CONNECTORS_DUCKDB_SCHEMA_H

#include "connectors/sql_engine.h"
#include "runner/base/buffer.h"

#include <duckdb.h>

/* Appends the dataset's name as SQL: "space"."name". */
void schema_append_name(struct buffer *sql, const struct sql_dataset *dataset);

/* The column of that name, in any case; NULL: there is none. */
const struct sql_column *schema_find(const struct sql_schema *schema, const char *name);

/* No value has appeared in it: it has no type yet. */
bool schema_is_untyped(const struct sql_column *column);

bool schema_is_integer(const char *type); /* of up to 64 bits */

/* The name as SQL, in `arena`. */
const char *schema_quoted(const char *name, struct arena *arena);

/* Appends the path as a literal that DuckDB does not take for a pattern of several. */
void schema_append_path(struct buffer *sql, const char *path);

/* Appends "read_parquet([…])". `unite`: every file is opened for its columns, which may differ. */
void schema_append_files(struct buffer *sql, const struct text_list *files, bool unite);

/* Makes (or makes anew) the view that gives the dataset its name: over its files, columns in the
 * order and of the types of its schema where it has one; what a file lacks is null; parts are
 * merged. Without files: no rows. */
int schema_make_view(
    duckdb_connection connection, const struct sql_dataset *dataset, struct error *err);

/* A view of that name over the dataset's one file: its columns, and __sluice_row. */
int schema_make_numbered(duckdb_connection connection, const struct sql_dataset *dataset,
    const char *name, struct error *err);

/* The text "SELECT * FROM name" in `arena`. */
const char *schema_select_all(const char *dataset, struct arena *arena);

/* Names the first column that Parquet files of this program cannot hold as they are, with what to
 * do: HUGEINT, which Parquet writes as DOUBLE, and others. */
int schema_check_storable(const struct sql_schema *schema, struct error *err);

/* `folder`/`name`, its bytes and its rows added to the dataset. */
int schema_add_file(struct sql_dataset *dataset, const char *folder, const char *name, int64_t rows,
    struct arena *arena, struct error *err);

void schema_copy(struct arena *arena, const struct sql_schema *from, struct sql_schema *to);
void schema_copy_dataset(
    struct arena *arena, const struct sql_dataset *from, struct sql_dataset *to);

#endif
