/* catalog.db: its schema and what its queries and changes share. Blocking. */
#ifndef CONNECTORS_CATALOG_SQLITE_DATABASE_H
#define CONNECTORS_CATALOG_SQLITE_DATABASE_H

#include "connectors/catalog.h"
#include "connectors/sqlite/sqlite.h"
#include "runner/base/buffer.h"

extern const struct sqlite_schema database_catalog_schema;

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

/* Texts, NULL among them, as a JSON array: one form for one list, so that it serves as a key.
 * Fails with ERROR_INVALID where a text is not UTF-8. Appends to `json`. */
int database_encode_texts(
    struct buffer *json, const char *const *texts, size_t count, struct error *err);
int database_decode_texts(const char *json, struct arena *arena, const char *const **ret_texts,
    size_t *ret_count, struct error *err);

/* --- finding --- */

struct database_version {
    int64_t version_id, version, stream_id, position;
    enum catalog_lifecycle lifecycle;
    size_t field_count; /* of the partition scheme */
};

/* Namespace, table, version; 0: the latest active one. 1: found; 0: something is missing and *err
 * says what (ERROR_NOT_FOUND); -1: failed. */
int database_find_version(struct sqlite *db, const struct catalog_locator *at,
    struct database_version *ret_version, struct error *err);
int database_find_table(
    struct sqlite *db, const struct catalog_locator *at, int64_t *ret_id, struct error *err);
int database_find_namespace(
    struct sqlite *db, const char *name, int64_t *ret_id, struct error *err);

#endif
