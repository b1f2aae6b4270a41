/* Namespaces, tables, versions and their schemas. */
#include "connectors/catalog_sqlite/query.h"

/* What GET_* looks for may be missing: none. */
static int none_or_failed(int found)
{
    return found < 0 ? -1 : 0;
}

/* --- namespaces --- */

static int read_namespace(struct listing *list, sqlite3_stmt *row, void *item, struct error *err)
{
    struct catalog_namespace *namespace = item;

    namespace->name = sqlite_text(row, 0, list->arena);
    namespace->created_ms = listing_int(row, 2);
    return listing_properties(list, row, 3, &namespace->properties, err);
}

int query_list_namespaces(struct listing *list, struct error *err)
{
    static const char *const sql[2] = LISTING_BOTH_WAYS(
        "SELECT name, namespace_id, created_ms, properties FROM namespaces WHERE true", "name",
        "namespace_id");
    sqlite3_stmt *statement = listing_statement(list, sql, false, err);

    return statement ? listing_collect(list, statement, "ti", read_namespace, err) : -1;
}

int query_get_namespace(struct listing *list, struct error *err)
{
    sqlite3_stmt *statement = sqlite_statement(list->db,
        "SELECT name, namespace_id, created_ms, properties FROM namespaces WHERE name = ?1", err);

    if (!statement)
        return -1;
    sqlite_bind_text(list->db, statement, 1, list->query->at.namespace);
    return listing_collect_all(list, statement, read_namespace, err);
}

/* --- tables --- */

#define TABLE_COLUMNS                                                                              \
    "SELECT n.name, t.name, t.description, t.properties, t.created_ms,"                            \
    "  (SELECT max(version) FROM table_versions v WHERE v.table_id = t.table_id),"                 \
    "  (SELECT max(version) FROM table_versions v WHERE v.table_id = t.table_id"                   \
    "     AND v.lifecycle = 'active')"                                                             \
    " FROM tables t JOIN namespaces n ON n.namespace_id = t.namespace_id"

static int read_table(struct listing *list, sqlite3_stmt *row, void *item, struct error *err)
{
    struct catalog_table *table = item;

    table->namespace = sqlite_text(row, 0, list->arena);
    table->name = sqlite_text(row, 1, list->arena);
    table->description = sqlite_text(row, 2, list->arena);
    table->created_ms = listing_int(row, 4);
    table->latest_version = listing_int(row, 5);
    table->latest_active_version = listing_int(row, 6);
    return listing_properties(list, row, 3, &table->properties, err);
}

int query_list_tables(struct listing *list, struct error *err)
{
    static const char *const sql[2] =
        LISTING_BOTH_WAYS(TABLE_COLUMNS " WHERE (?1 IS NULL OR n.name = ?1)", "n.name", "t.name");
    const char *namespace = list->query->at.namespace;
    sqlite3_stmt *statement;
    int64_t namespace_id;

    if (namespace && database_find_namespace(list->db, namespace, &namespace_id, err) != 1)
        return -1;
    statement = listing_statement(list, sql, false, err);
    if (!statement)
        return -1;
    sqlite_bind_text(list->db, statement, 1, namespace);
    return listing_collect(list, statement, "tt", read_table, err);
}

int query_get_table(struct listing *list, struct error *err)
{
    sqlite3_stmt *statement =
        sqlite_statement(list->db, TABLE_COLUMNS " WHERE n.name = ?1 AND t.name = ?2", err);

    if (!statement)
        return -1;
    sqlite_bind_text(list->db, statement, 1, list->query->at.namespace);
    sqlite_bind_text(list->db, statement, 2, list->query->at.table);
    return listing_collect_all(list, statement, read_table, err);
}

/* --- versions --- */

static int read_merge(struct listing *list, sqlite3_stmt *row, int column,
    struct catalog_merge *merge, struct error *err)
{
    merge->sequence_by = sqlite_text(row, column + 1, list->arena);
    merge->tombstones_ms = listing_int(row, column + 2);
    merge->buckets = listing_int(row, column + 3);
    return listing_texts(list, row, column, &merge->key, &merge->key_count, err);
}

static int read_version(struct listing *list, sqlite3_stmt *row, void *item, struct error *err)
{
    struct catalog_version *version = item;

    version->version = listing_int(row, 0);
    version->lifecycle = database_lifecycle(sqlite_word(row, 2));
    version->description = sqlite_text(row, 5, list->arena);
    version->created_ms = listing_int(row, 7);
    version->stream_id = sqlite_text(row, 8, list->arena);
    version->rows = listing_int(row, 9);
    version->files = listing_int(row, 10);
    version->bytes = (uint64_t)listing_int(row, 11);
    version->partitions = listing_int(row, 12);
    version->last_position = listing_int(row, 13);
    version->last_commit_ms = listing_int(row, 14);
    version->first_position = listing_int(row, 15);
    version->schema_id = listing_int(row, 16);
    version->namespace = sqlite_text(row, 21, list->arena);
    version->table = sqlite_text(row, 22, list->arena);
    if (listing_texts(list, row, 3, &version->partition_by, &version->partition_count, err) ||
        listing_texts(list, row, 4, &version->sort_by, &version->sort_count, err) ||
        listing_properties(list, row, 6, &version->properties, err) ||
        read_merge(list, row, 17, &version->merge, err))
        return -1;
    return database_read_columns(list->db, listing_int(row, 1), version->schema_id, list->arena,
        &version->columns, &version->column_count, err);
}

/* One version, or all of a table. */
static int read_versions(
    struct listing *list, int64_t table_id, int64_t version_id, struct error *err)
{
    static const char *const sql[2] = LISTING_BOTH_WAYS(
        "SELECT v.version, v.version_id, v.lifecycle, v.partition_by, v.sort_by, v.description,"
        "  v.properties, v.created_ms, s.uuid, s.rows, s.files, s.bytes, s.partitions,"
        "  s.position, s.committed_ms, s.first_position, v.schema_id, v.key_columns,"
        "  v.sequence_by, v.tombstones_ms, v.buckets, n.name, t.name"
        " FROM table_versions v JOIN tables t ON t.table_id = v.table_id"
        "  JOIN namespaces n ON n.namespace_id = t.namespace_id"
        "  LEFT JOIN streams s ON s.version_id = v.version_id AND s.state = 'committed'"
        " WHERE v.table_id = ?1 AND (?2 = 0 OR v.version_id = ?2)",
        "v.version", "v.version_id");
    sqlite3_stmt *statement = listing_statement(list, sql, false, err);

    if (!statement)
        return -1;
    sqlite_bind_int(list->db, statement, 1, table_id);
    sqlite_bind_int(list->db, statement, 2, version_id);
    return listing_collect(list, statement, "ii", read_version, err);
}

int query_list_versions(struct listing *list, struct error *err)
{
    int64_t table_id;

    if (database_find_table(list->db, &list->query->at, &table_id, err) != 1)
        return -1;
    return read_versions(list, table_id, 0, err);
}

static int get_version(struct listing *list, const struct catalog_locator *at, struct error *err)
{
    struct database_version version;
    const int found = database_find_version(list->db, at, &version, err);

    return found == 1 ? read_versions(list, version.table_id, version.version_id, err)
                      : none_or_failed(found);
}

int query_get_version(struct listing *list, struct error *err)
{
    return get_version(list, &list->query->at, err);
}

int query_get_latest_version(struct listing *list, struct error *err)
{
    struct catalog_locator at = list->query->at;

    at.version = DATABASE_LATEST_VERSION;
    return get_version(list, &at, err);
}

/* --- schemas --- */

static int read_schema(struct listing *list, sqlite3_stmt *row, void *item, struct error *err)
{
    struct catalog_schema *schema = item;

    schema->id = listing_int(row, 0);
    schema->created_ms = listing_int(row, 2);
    return database_read_columns(list->db, listing_int(row, 1), schema->id, list->arena,
        &schema->columns, &schema->column_count, err);
}

int query_list_schemas(struct listing *list, struct error *err)
{
    static const char *const sql[2] = LISTING_BOTH_WAYS(
        "SELECT schema_id, version_id, created_ms FROM schemas WHERE version_id = ?1", "schema_id",
        "version_id");
    struct database_version version;
    sqlite3_stmt *statement;

    if (database_find_version(list->db, &list->query->at, &version, err) != 1)
        return -1;
    statement = listing_statement(list, sql, false, err);
    if (!statement)
        return -1;
    sqlite_bind_int(list->db, statement, 1, version.version_id);
    return listing_collect(list, statement, "ii", read_schema, err);
}
