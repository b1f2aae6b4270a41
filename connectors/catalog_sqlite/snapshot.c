#include "connectors/catalog_sqlite/snapshot.h"

#include "connectors/catalog_sqlite/database.h"
#include "connectors/catalog_sqlite/dump.h"
#include "runner/base/buffer.h"
#include "runner/io/file.h"

/* From the tables that stay down to what refers to them; references are looked at no more. */
static const char *const prune[] = {
    "DELETE FROM tables WHERE table_id NOT IN (SELECT table_id FROM temp.kept)",
    "DELETE FROM namespaces WHERE namespace_id NOT IN (SELECT namespace_id FROM tables)",
    "DELETE FROM table_versions WHERE table_id NOT IN (SELECT table_id FROM tables)",
    "DELETE FROM schemas WHERE version_id NOT IN (SELECT version_id FROM table_versions)",
    "DELETE FROM columns WHERE version_id NOT IN (SELECT version_id FROM table_versions)",
    "DELETE FROM tags WHERE version_id NOT IN (SELECT version_id FROM table_versions)",
    "DELETE FROM streams WHERE version_id NOT IN (SELECT version_id FROM table_versions)",
    "DELETE FROM positions WHERE stream_id NOT IN (SELECT stream_id FROM streams)",
    "DELETE FROM partitions WHERE stream_id NOT IN (SELECT stream_id FROM streams)",
    "DELETE FROM deltas WHERE partition_id NOT IN (SELECT partition_id FROM partitions)",
    "DELETE FROM files WHERE delta_id NOT IN (SELECT delta_id FROM deltas)",
    "DELETE FROM commits WHERE pipeline <> (SELECT name FROM temp.pipeline)",
    "DELETE FROM fences WHERE pipeline <> (SELECT name FROM temp.pipeline)",
    "DELETE FROM cursors WHERE pipeline <> (SELECT name FROM temp.pipeline)",
    "DELETE FROM seen WHERE cursor_id NOT IN (SELECT cursor_id FROM cursors)",
    "UPDATE OR REPLACE seen SET key = recorded_key(key) WHERE key LIKE 'http%://%'",
    "DELETE FROM publications",
    "DELETE FROM hooks",
};

static void call_key(sqlite3_context *context, int count, sqlite3_value **values)
{
    const struct snapshot_options *options = sqlite3_user_data(context);
    struct buffer key;

    (void)count;
    buffer_init(&key, 0);
    options->key((const char *)sqlite3_value_text(values[0]), &key);
    sqlite3_result_text(context, key.data, (int)key.length, SQLITE_TRANSIENT);
    buffer_deinit(&key);
}

static int name_one(struct sqlite *db, const char *sql, const char *name, struct error *err)
{
    sqlite3_stmt *statement = NULL;
    int result = sqlite3_prepare_v2(db->db, sql, -1, &statement, NULL);

    if (result == SQLITE_OK) {
        sqlite3_bind_text(statement, 1, name, -1, SQLITE_STATIC);
        result = sqlite3_step(statement);
    }
    sqlite3_finalize(statement);
    return result == SQLITE_DONE ? 0 : sqlite_fail(db, result, err);
}

static int name_kept(struct sqlite *db, const struct snapshot_options *options, struct error *err)
{
    static const char keep[] =
        "INSERT INTO temp.kept SELECT t.table_id FROM tables t JOIN namespaces n"
        "  USING (namespace_id) WHERE n.name || '.' || t.name = ?";

    if (sqlite_run(db, "CREATE TEMP TABLE kept (table_id INTEGER)", err) ||
        sqlite_run(db, "CREATE TEMP TABLE pipeline (name TEXT)", err) ||
        name_one(db, "INSERT INTO temp.pipeline VALUES (?)", options->pipeline, err))
        return -1;
    for (size_t i = 0; i < options->tables.count; i++) {
        if (name_one(db, keep, options->tables.items[i], err))
            return -1;
    }
    return 0;
}

static int prune_all(struct sqlite *db, const struct snapshot_options *options, struct error *err)
{
    const int result = sqlite3_create_function(
        db->db, "recorded_key", 1, SQLITE_UTF8, (void *)options, call_key, NULL, NULL);

    if (result != SQLITE_OK)
        return sqlite_fail(db, result, err);
    if (sqlite_run(db, "PRAGMA foreign_keys = OFF", err) || name_kept(db, options, err) ||
        sqlite_begin_write(db, err))
        return -1;
    for (size_t i = 0; i < sizeof(prune) / sizeof(prune[0]); i++) {
        if (sqlite_run(db, prune[i], err)) {
            sqlite_rollback(db);
            return -1;
        }
    }
    if (options->without_stats && sqlite_run(db, "UPDATE files SET stats = NULL", err)) {
        sqlite_rollback(db);
        return -1;
    }
    return sqlite_commit(db, err) || sqlite_run(db, "VACUUM", err) ||
                   sqlite_run(db, "PRAGMA wal_checkpoint(TRUNCATE)", err)
               ? -1
               : 0;
}

int catalog_sqlite_snapshot(const struct snapshot_options *options, struct error *err)
{
    const struct sqlite_options open = {.path = options->to, .schema = &database_catalog_schema};
    struct dump_result ignored;
    struct sqlite db;
    int rc;

    if (catalog_sqlite_backup(options->path, options->to, &ignored, err))
        return -1;
    rc = sqlite_open(&db, &open, err);
    if (rc == 0) {
        rc = prune_all(&db, options, err);
        sqlite_close(&db);
    }
    if (rc)
        file_remove(options->to, NULL);
    return rc;
}
