/* Namespaces, tables and their versions. */
#include "connectors/catalog_sqlite/apply.h"

#include "runner/base/text.h"
#include "runner/base/uuid.h"

#include <string.h>

static int check_name(const char *what, const char *name, struct error *err)
{
    if (name && text_is_name(name, "_"))
        return 0;
    return error_set(err, ERROR_INVALID,
        "%s \"%s\": a name consists of a-z, 0-9 and _, and does not begin with _", what,
        name ? name : "");
}

int apply_create_namespace(
    struct apply_context *context, const struct catalog_change *change, struct error *err)
{
    const char *name = change->at.namespace;
    sqlite3_stmt *statement;
    int64_t id;
    int found;

    if (check_name("namespace", name, err))
        return -1;
    found = database_find_namespace(context->db, name, &id, err);
    if (found < 0 || (found == 1 && change->if_missing))
        return found < 0 ? -1 : 0;
    if (found == 1)
        return error_set(err, ERROR_EXISTS, "namespace %s: it exists already", name);
    statement = sqlite_statement(
        context->db, "INSERT INTO namespaces (name, created_ms) VALUES (?1, ?2)", err);
    if (!statement)
        return -1;
    sqlite_bind_text(context->db, statement, 1, name);
    sqlite_bind_int(context->db, statement, 2, context->now_ms);
    return sqlite_execute(context->db, statement, err);
}

int apply_create_table(
    struct apply_context *context, const struct catalog_change *change, struct error *err)
{
    const struct catalog_locator *at = &change->at;
    sqlite3_stmt *statement;
    int64_t namespace_id, id;
    int found;

    if (check_name("table", at->table, err) ||
        database_find_namespace(context->db, at->namespace, &namespace_id, err) != 1)
        return -1;
    found = database_find_table(context->db, at, &id, err);
    if (found < 0 || (found == 1 && change->if_missing))
        return found < 0 ? -1 : 0;
    if (found == 1)
        return error_set(
            err, ERROR_EXISTS, "%s.%s: the table exists already", at->namespace, at->table);
    statement = sqlite_statement(context->db,
        "INSERT INTO tables (namespace_id, name, created_ms) VALUES (?1, ?2, ?3)", err);
    if (!statement)
        return -1;
    sqlite_bind_int(context->db, statement, 1, namespace_id);
    sqlite_bind_text(context->db, statement, 2, at->table);
    sqlite_bind_int(context->db, statement, 3, context->now_ms);
    return sqlite_execute(context->db, statement, err);
}

/* --- versions --- */

static int latest_version(
    struct apply_context *context, int64_t table_id, int64_t *ret_version, struct error *err)
{
    sqlite3_stmt *statement = sqlite_statement(
        context->db, "SELECT ifnull(max(version), 0) FROM table_versions WHERE table_id = ?1", err);

    if (!statement)
        return -1;
    sqlite_bind_int(context->db, statement, 1, table_id);
    if (sqlite_step(context->db, statement, err) < 0)
        return -1;
    *ret_version = sqlite3_column_int64(statement, 0);
    sqlite_reset(statement);
    return 0;
}

static int insert_columns(struct apply_context *context, const struct catalog_change *change,
    int64_t version_id, struct error *err)
{
    sqlite3_stmt *statement = sqlite_statement(context->db,
        "INSERT INTO columns (version_id, field_id, name, type) VALUES (?1, ?2, ?3, ?4)", err);

    if (!statement)
        return -1;
    for (size_t i = 0; i < change->version.column_count; i++) {
        const struct catalog_column *column = &change->version.columns[i];

        sqlite_bind_int(context->db, statement, 1, version_id);
        sqlite_bind_int(context->db, statement, 2, (int64_t)i + 1);
        sqlite_bind_text(context->db, statement, 3, column->name);
        sqlite_bind_text(context->db, statement, 4, column->type);
        if (sqlite_execute(context->db, statement, err) == 0)
            continue;
        if (sqlite_constraint(context->db) == SQLITE_CONSTRAINT_UNIQUE)
            return error_set(err, ERROR_INVALID,
                "%s.%s: two columns are named \"%s\"; give one of them another name",
                change->at.namespace, change->at.table, column->name);
        return -1;
    }
    return 0;
}

static int insert_stream(struct apply_context *context, int64_t version_id, struct error *err)
{
    char uuid[UUID_TEXT_SIZE];
    sqlite3_stmt *statement = sqlite_statement(context->db,
        "INSERT INTO streams (uuid, version_id, state, created_ms)"
        " VALUES (?1, ?2, 'committed', ?3)",
        err);

    if (!statement)
        return -1;
    sqlite_bind_text(context->db, statement, 1, uuid_v7(context->now_ms, uuid));
    sqlite_bind_int(context->db, statement, 2, version_id);
    sqlite_bind_int(context->db, statement, 3, context->now_ms);
    return sqlite_execute(context->db, statement, err);
}

static int insert_version(struct apply_context *context, const struct catalog_change *change,
    int64_t table_id, int64_t version, struct error *err)
{
    struct sqlite *db = context->db;
    sqlite3_stmt *statement = sqlite_statement(db,
        "INSERT INTO table_versions (table_id, version, lifecycle, partition_by, sort_by,"
        " created_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        err);
    struct buffer partition_by, sort_by;
    int result = -1;

    if (!statement)
        return -1;
    buffer_init(&partition_by, 0);
    buffer_init(&sort_by, 0);
    if (database_encode_texts(
            &partition_by, change->version.partition_by, change->version.partition_count, err) ||
        database_encode_texts(&sort_by, change->version.sort_by, change->version.sort_count, err)) {
        error_prefix(err, "%s.%s: partition_by or sort_by", change->at.namespace, change->at.table);
    } else {
        sqlite_bind_int(db, statement, 1, table_id);
        sqlite_bind_int(db, statement, 2, version);
        sqlite_bind_text(db, statement, 3, catalog_lifecycle_name(change->version.lifecycle));
        sqlite_bind_text(db, statement, 4, partition_by.data);
        sqlite_bind_text(db, statement, 5, sort_by.data);
        sqlite_bind_int(db, statement, 6, context->now_ms);
        result = sqlite_execute(db, statement, err);
    }
    buffer_deinit(&partition_by);
    buffer_deinit(&sort_by);
    return result;
}

/* Whether the version that is there was made of the same columns and partitions as this one would
 * be. Files that were written for this one fit only then. */
static int check_same(
    struct apply_context *context, const struct catalog_change *change, struct error *err)
{
    struct database_version version;
    struct buffer partition_by;
    char label[DATABASE_LABEL_SIZE];
    sqlite3_stmt *statement;
    bool same = true;
    size_t i = 0;
    int found = database_find_version(context->db, &change->at, &version, err);

    if (found != 1)
        return -1;
    statement = sqlite_statement(context->db,
        "SELECT c.name, c.type, v.partition_by FROM columns c JOIN table_versions v"
        " USING (version_id) WHERE version_id = ?1 ORDER BY c.field_id",
        err);
    if (!statement)
        return -1;
    buffer_init(&partition_by, 0);
    sqlite_bind_int(context->db, statement, 1, version.version_id);
    found = database_encode_texts(
        &partition_by, change->version.partition_by, change->version.partition_count, err);
    while (found >= 0 && (found = sqlite_step(context->db, statement, err)) == 1) {
        const struct catalog_column *column = &change->version.columns[i];

        same = same && i < change->version.column_count &&
               text_equal(column->name, (const char *)sqlite3_column_text(statement, 0)) &&
               text_equal(column->type, (const char *)sqlite3_column_text(statement, 1)) &&
               text_equal(partition_by.data, (const char *)sqlite3_column_text(statement, 2));
        i++;
    }
    sqlite_reset(statement);
    buffer_deinit(&partition_by);
    if (found < 0)
        return -1;
    if (same && i == change->version.column_count)
        return 0;
    return error_set(err, ERROR_CONFLICT,
        "%s: another load has created it, with other columns or partitions; run again, "
        "and this one is fitted to it (two loads of one run must have the same)",
        database_label(&change->at, label));
}

int apply_create_version(
    struct apply_context *context, const struct catalog_change *change, struct error *err)
{
    const struct catalog_locator *at = &change->at;
    int64_t table_id, latest, version_id;
    char label[DATABASE_LABEL_SIZE];

    if (database_find_table(context->db, at, &table_id, err) != 1 ||
        latest_version(context, table_id, &latest, err))
        return -1;
    if (change->if_missing && latest > 0 && at->version <= latest)
        return check_same(context, change, err);
    if (at->version && at->version <= latest)
        return error_set(err, ERROR_EXISTS, "%s: it exists already", database_label(at, label));
    if (at->version > latest + 1)
        return error_set(err, ERROR_CONFLICT,
            "%s: versions come one after another and %lld is next", database_label(at, label),
            (long long)latest + 1);
    if (insert_version(context, change, table_id, latest + 1, err))
        return -1;
    version_id = sqlite3_last_insert_rowid(context->db->db);
    apply_forget_streams(context);
    if (insert_columns(context, change, version_id, err))
        return -1;
    return insert_stream(context, version_id, err);
}

int apply_set_lifecycle(
    struct apply_context *context, const struct catalog_change *change, struct error *err)
{
    struct database_version version;
    char label[DATABASE_LABEL_SIZE];
    sqlite3_stmt *statement;

    if (database_find_version(context->db, &change->at, &version, err) != 1)
        return -1;
    if (version.lifecycle == CATALOG_DELETED && change->lifecycle != CATALOG_DELETED)
        return error_set(err, ERROR_CONFLICT,
            "%s: it is deleted and stays so; create a new version",
            database_label(&change->at, label));
    statement = sqlite_statement(
        context->db, "UPDATE table_versions SET lifecycle = ?2 WHERE version_id = ?1", err);
    if (!statement)
        return -1;
    apply_forget_streams(context);
    sqlite_bind_int(context->db, statement, 1, version.version_id);
    sqlite_bind_text(context->db, statement, 2, catalog_lifecycle_name(change->lifecycle));
    return sqlite_execute(context->db, statement, err);
}

int apply_set_column_type(
    struct apply_context *context, const struct catalog_change *change, struct error *err)
{
    struct database_version version;
    char label[DATABASE_LABEL_SIZE];
    sqlite3_stmt *statement;

    if (database_find_version(context->db, &change->at, &version, err) != 1)
        return -1;
    statement = sqlite_statement(context->db,
        "UPDATE columns SET type = ?3 WHERE version_id = ?1 AND name = ?2 AND type IN ('NULL', ?3)",
        err);
    if (!statement)
        return -1;
    sqlite_bind_int(context->db, statement, 1, version.version_id);
    sqlite_bind_text(context->db, statement, 2, change->column.name);
    sqlite_bind_text(context->db, statement, 3, change->column.type);
    if (sqlite_execute(context->db, statement, err))
        return -1;
    if (sqlite3_changes(context->db->db) == 1)
        return 0;
    return error_set(err, ERROR_CONFLICT,
        "%s: column \"%s\" has got another type than %s meanwhile; run again",
        database_label(&change->at, label), change->column.name, change->column.type);
}
