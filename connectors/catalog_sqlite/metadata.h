/* Which metadata may be in a catalog: asked before it is written and after it is read. Pure. */
#ifndef CONNECTORS_CATALOG_SQLITE_METADATA_H
#define CONNECTORS_CATALOG_SQLITE_METADATA_H

#include "connectors/catalog.h"
#include "runner/base/arena.h"

/* All of them: 0, or -1 with ERROR_INVALID in a line that begins with `what`. NULL is fine. */

int metadata_check_text(const char *what, const char *text, struct error *err); /* UTF-8 */
/* A JSON object; only texts in it where `texts`; no more than CATALOG_PROPERTIES_MAX bytes. */
int metadata_check_object(const char *what, const char *json, bool texts, struct error *err);

/* Of namespaces and tables; it must be there. */
int metadata_check_name(const char *what, const char *name, struct error *err);

/* Names that are there and that SQL tells apart, types and field ids that are there. */
int metadata_check_columns(const struct catalog_column *columns, size_t count, struct error *err);

/* The place of a column in the list, by its name in any case; -1: it is not there. */
int metadata_find_column(const struct catalog_column *columns, size_t count, const char *name);

/* The columns that partition_by, sort_by, key and sequence_by speak of: the same, of one entry.
 * "month(c)", "bucket(16, ""C"")", "c desc". */
int metadata_find_partition_column(
    const struct catalog_column *columns, size_t count, const char *field);
int metadata_find_sort_column(
    const struct catalog_column *columns, size_t count, const char *entry);

/* A manifest's entry. `schema_id`: the newest one. Keys that would leave the store are refused. */
int metadata_check_file(const struct catalog_file *file, int64_t schema_id, struct error *err);

/* --- types: runner/base/column_type.h, of their texts --- */

/* ERROR_NOT_SUPPORTED for types that files would bend. */
int metadata_check_type(const char *what, const char *text, struct error *err);
const char *metadata_normal_type(const char *text, struct arena *arena);
bool metadata_same_type(const char *a, const char *b);
bool metadata_widens(const char *from, const char *to);
/* Whether values of both have the same texts, which are in the names of partitions. */
bool metadata_names_partitions_alike(const char *from, const char *to);

#endif
