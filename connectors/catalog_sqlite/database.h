/* catalog.db: its schema and what its queries and changes share. Blocking. */
#ifndef CONNECTORS_CATALOG_SQLITE_DATABASE_H
#define CONNECTORS_CATALOG_SQLITE_DATABASE_H

#include "connectors/catalog.h"
#include "connectors/sqlite/sqlite.h"
#include "runner/base/buffer.h"

extern const struct sqlite_schema database_catalog_schema;
extern const char database_version_2[], database_version_3[]; /* its later migrations */

/* One snapshot; results go to query->arena. `stop` was set by the caller. */
int database_query(struct sqlite *db, struct catalog_query *query, struct error *err);

/* One transaction: everything or, with -1, nothing. Once the write lock is taken it runs to its
 * end, whatever `stop` says. A failure of the commit itself (ERROR_IO, ERROR_NO_SPACE) leaves
 * nothing that later readers see; after a power failure GET_COMMIT tells. */
int database_apply(struct sqlite *db, struct catalog_apply *apply, struct error *err);

/* --- words --- */

enum { DATABASE_LABEL_SIZE = 320 };

/* "wildlife.strikes version 1", as much of it as the locator has. */
const char *database_label(const struct catalog_locator *at, char label[DATABASE_LABEL_SIZE]);

/* Index of `name` in an enum's names, which are all known to the file's CHECKs. */
enum catalog_lifecycle database_lifecycle(const char *name);
enum catalog_commit_state database_commit_state(const char *name);
enum catalog_delta_type database_delta_type(const char *name);
enum catalog_content database_content(const char *name);

/* Texts, NULL among them, as a JSON array: one form for one list, so that it serves as a key.
 * Fails with ERROR_INVALID where a text is not UTF-8. Appends to `json`. */
int database_encode_texts(
    struct buffer *json, const char *const *texts, size_t count, struct error *err);
int database_decode_texts(const char *json, struct arena *arena, const char *const **ret_texts,
    size_t *ret_count, struct error *err);

/* --- finding --- */

enum { DATABASE_LATEST_VERSION = -1 }; /* in a locator: the latest one, whatever its lifecycle */

struct database_version {
    int64_t table_id, version_id, version, schema_id;
    enum catalog_lifecycle lifecycle;
    size_t field_count; /* of the partition scheme */
    bool has_key;
    int64_t stream_id; /* that of the locator, else the committed one; 0: it has none */
    enum catalog_commit_state stream_state;
    int64_t position, first_position; /* of the stream */
};

/* Namespace, table, version; 0: the latest active one. 1: found; 0: something is missing and *err
 * says what (ERROR_NOT_FOUND); -1: failed. */
int database_find_version(struct sqlite *db, const struct catalog_locator *at,
    struct database_version *ret_version, struct error *err);
/* The same, and it has a stream. */
int database_find_stream(struct sqlite *db, const struct catalog_locator *at,
    struct database_version *ret_version, struct error *err);
int database_find_table(
    struct sqlite *db, const struct catalog_locator *at, int64_t *ret_id, struct error *err);
int database_find_namespace(
    struct sqlite *db, const char *name, int64_t *ret_id, struct error *err);

/* The columns of one of its schemas, in their order. */
int database_read_columns(struct sqlite *db, int64_t version_id, int64_t schema_id,
    struct arena *arena, struct catalog_column **ret_columns, size_t *ret_count, struct error *err);

#endif
