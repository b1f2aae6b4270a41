/* Table versions: created, their settings, their lifecycle. */
#include "connectors/catalog_sqlite/apply.h"

#include "connectors/catalog_sqlite/metadata.h"
#include "runner/base/mem.h"
#include "runner/base/text.h"
#include "runner/base/uuid.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* --- what a version names --- */

static int fail_unknown(const char *label, const char *what, const char *name, struct error *err)
{
    return error_set(err, ERROR_INVALID, "%s: %s names \"%.100s\", which is none of its columns",
        label, what, name ? name : "");
}

int apply_check_merge(const char *label, const struct catalog_column *columns, size_t count,
    const struct catalog_merge *merge, struct error *err)
{
    if (!merge)
        return 0;
    for (size_t i = 0; i < merge->key_count; i++) {
        if (!merge->key[i] || metadata_find_column(columns, count, merge->key[i]) < 0)
            return fail_unknown(label, "key", merge->key[i], err);
        for (size_t j = 0; j < i; j++)
            if (strcasecmp(merge->key[i], merge->key[j]) == 0)
                return error_set(
                    err, ERROR_INVALID, "%s: key names \"%.100s\" twice", label, merge->key[i]);
    }
    if (merge->sequence_by && metadata_find_column(columns, count, merge->sequence_by) < 0)
        return fail_unknown(label, "sequence_by", merge->sequence_by, err);
    if (merge->tombstones_ms < 0 || merge->buckets < 0)
        return error_set(
            err, ERROR_INVALID, "%s: tombstones and buckets are numbers of 0 or more", label);
    return 0;
}

int apply_check_sort(const char *label, const struct catalog_column *columns, size_t count,
    const char *const *sort_by, size_t sort_count, struct error *err)
{
    for (size_t i = 0; i < sort_count; i++)
        if (!sort_by[i] || metadata_find_sort_column(columns, count, sort_by[i]) < 0)
            return fail_unknown(label, "sort_by", sort_by[i], err);
    return 0;
}

static int check_new(const char *label, const struct catalog_change *change, struct error *err)
{
    const struct catalog_column *columns = change->version.columns;
    const size_t count = change->version.column_count;

    if (apply_check_texts(label, change, err))
        return -1;
    if (metadata_check_columns(columns, count, err))
        return error_prefix(err, "%s", label);
    for (size_t i = 0; i < count; i++)
        if (apply_check_type(label, &columns[i], err))
            return -1;
    for (size_t i = 0; i < change->version.partition_count; i++) {
        const char *field = change->version.partition_by[i];

        if (!field || metadata_find_partition_column(columns, count, field) < 0)
            return fail_unknown(label, "partition_by", field, err);
    }
    if (apply_check_sort(
            label, columns, count, change->version.sort_by, change->version.sort_count, err))
        return -1;
    return apply_check_merge(label, columns, count, change->version.merge, err);
}

/* --- creating --- */

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

/* The lists of a version as they are stored. */
struct lists {
    struct buffer partition_by, sort_by, key;
};

static int lists_init(struct lists *lists, const struct catalog_change *change, struct error *err)
{
    const struct catalog_merge *merge = change->version.merge;

    buffer_init(&lists->partition_by, 0);
    buffer_init(&lists->sort_by, 0);
    buffer_init(&lists->key, 0);
    if (database_encode_texts(&lists->partition_by, change->version.partition_by,
            change->version.partition_count, err) ||
        database_encode_texts(
            &lists->sort_by, change->version.sort_by, change->version.sort_count, err))
        return -1;
    return database_encode_texts(
        &lists->key, merge ? merge->key : NULL, merge ? merge->key_count : 0, err);
}

static void lists_deinit(struct lists *lists)
{
    buffer_deinit(&lists->partition_by);
    buffer_deinit(&lists->sort_by);
    buffer_deinit(&lists->key);
}

static int insert_version(struct apply_context *context, const struct catalog_change *change,
    const struct lists *lists, int64_t table_id, int64_t version, struct error *err)
{
    const struct catalog_merge *merge = change->version.merge;
    struct sqlite *db = context->db;
    sqlite3_stmt *statement = sqlite_statement(db,
        "INSERT INTO table_versions (table_id, version, lifecycle, partition_by, sort_by,"
        " key_columns, sequence_by, tombstones_ms, buckets, description, properties, created_ms)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        err);

    if (!statement)
        return -1;
    sqlite_bind_int(db, statement, 1, table_id);
    sqlite_bind_int(db, statement, 2, version);
    sqlite_bind_text(db, statement, 3, catalog_lifecycle_name(change->version.lifecycle));
    sqlite_bind_text(db, statement, 4, lists->partition_by.data);
    sqlite_bind_text(db, statement, 5, lists->sort_by.data);
    sqlite_bind_text(db, statement, 6, lists->key.data);
    sqlite_bind_text(db, statement, 7, merge ? merge->sequence_by : NULL);
    sqlite_bind_int(db, statement, 8, merge ? merge->tombstones_ms : 0);
    sqlite_bind_int(db, statement, 9, merge ? merge->buckets : 0);
    sqlite_bind_text(db, statement, 10, change->description);
    sqlite_bind_text(db, statement, 11, change->properties ? change->properties : "{}");
    sqlite_bind_int(db, statement, 12, context->now_ms);
    return sqlite_execute(db, statement, err);
}

static int create(struct apply_context *context, const struct catalog_change *change,
    const char *label, int64_t table_id, int64_t version, struct error *err)
{
    struct lists lists;
    int64_t version_id;
    int result = lists_init(&lists, change, err);

    if (result)
        error_prefix(err, "%s: partition_by, sort_by or key", label);
    else
        result = insert_version(context, change, &lists, table_id, version, err);
    lists_deinit(&lists);
    if (result)
        return -1;
    version_id = sqlite3_last_insert_rowid(context->db->db);
    apply_forget_streams(context);
    if (apply_insert_schema(context, label, version_id, 1, change->version.columns,
            change->version.column_count, 0, err))
        return -1;
    return insert_stream(context, version_id, err);
}

/* --- what is there already --- */

static bool same_columns(
    const struct catalog_column *columns, size_t count, const struct catalog_change *change)
{
    bool same = count == change->version.column_count;

    for (size_t i = 0; same && i < count; i++)
        same = text_equal(columns[i].name, change->version.columns[i].name) &&
               metadata_same_type(columns[i].type, change->version.columns[i].type);
    return same;
}

static int same_lists(struct apply_context *context, const struct catalog_change *change,
    int64_t version_id, bool *ret_same, struct error *err)
{
    sqlite3_stmt *statement = sqlite_statement(context->db,
        "SELECT partition_by, key_columns FROM table_versions WHERE version_id = ?1", err);
    struct lists lists;
    int result = -1;

    if (!statement)
        return -1;
    sqlite_bind_int(context->db, statement, 1, version_id);
    if (lists_init(&lists, change, err) == 0 && sqlite_step(context->db, statement, err) == 1) {
        *ret_same = text_equal(lists.partition_by.data, sqlite_word(statement, 0)) &&
                    text_equal(lists.key.data, sqlite_word(statement, 1));
        result = 0;
    }
    sqlite_reset(statement);
    lists_deinit(&lists);
    return result;
}

/* Whether the version that is there was made of the same columns, partitions and key as this one
 * would be. Files that were written for this one fit only then: they say that they have its first
 * schema, whatever it has evolved to since. */
static int check_same(
    struct apply_context *context, const struct catalog_change *change, struct error *err)
{
    struct database_version version;
    struct catalog_column *columns;
    char label[DATABASE_LABEL_SIZE];
    bool same = false;
    size_t count;

    if (database_find_version(context->db, &change->at, &version, err) != 1 ||
        database_read_columns(
            context->db, version.version_id, 1, &context->arena, &columns, &count, err) ||
        same_lists(context, change, version.version_id, &same, err))
        return -1;
    if (same && same_columns(columns, count, change))
        return 0;
    return error_set(err, ERROR_CONFLICT,
        "%s: another load has created it, with other columns, partitions or another key; run "
        "again, and this one is fitted to it (two loads of one run must have the same)",
        database_label(&change->at, label));
}

int apply_create_version(
    struct apply_context *context, const struct catalog_change *change, struct error *err)
{
    const struct catalog_locator *at = &change->at;
    int64_t table_id, latest;
    char label[DATABASE_LABEL_SIZE];

    database_label(at, label);
    if (check_new(label, change, err) ||
        database_find_table(context->db, at, &table_id, err) != 1 ||
        apply_number(context, "SELECT max(version) FROM table_versions WHERE table_id = ?1",
            table_id, 0, &latest, err))
        return -1;
    if (change->if_missing && latest > 0 && at->version <= latest)
        return check_same(context, change, err);
    if (at->version && at->version <= latest)
        return error_set(err, ERROR_EXISTS, "%s: it exists already", label);
    if (at->version > latest + 1)
        return error_set(err, ERROR_CONFLICT,
            "%s: versions come one after another and %lld is next", label, (long long)latest + 1);
    return create(context, change, label, table_id, latest + 1, err);
}

/* --- changing --- */

static int check_key(struct apply_context *context, const struct catalog_change *change,
    const struct apply_stream *stream, struct error *err)
{
    const struct catalog_merge *merge = change->version.merge;
    bool same;
    sqlite3_stmt *statement;
    struct buffer key;
    int result;

    if (!merge || merge->key_count == 0)
        return 0;
    buffer_init(&key, 0);
    statement = sqlite_statement(
        context->db, "SELECT key_columns = ?2 FROM table_versions WHERE version_id = ?1", err);
    result = statement ? database_encode_texts(&key, merge->key, merge->key_count, err) : -1;
    if (!result) {
        sqlite_bind_int(context->db, statement, 1, stream->version_id);
        sqlite_bind_text(context->db, statement, 2, key.data);
        result = sqlite_step(context->db, statement, err) == 1 ? 0 : -1;
        same = !result && sqlite3_column_int(statement, 0);
        sqlite_reset(statement);
        if (!result && !same)
            result = error_set(err, ERROR_INVALID,
                "%s: the key of a table version stays; create a new version for another key",
                stream->label);
    }
    buffer_deinit(&key);
    return result;
}

static int update_settings(struct apply_context *context, const struct catalog_change *change,
    const struct apply_stream *stream, struct error *err)
{
    const struct catalog_merge *merge = change->version.merge;
    struct sqlite *db = context->db;
    sqlite3_stmt *statement = sqlite_statement(db,
        "UPDATE table_versions SET description = ifnull(?2, description),"
        " properties = ifnull(?3, properties), sort_by = ifnull(?4, sort_by),"
        " sequence_by = iif(?5, ?6, sequence_by), tombstones_ms = iif(?5, ?7, tombstones_ms),"
        " buckets = iif(?5, ?8, buckets) WHERE version_id = ?1",
        err);
    struct buffer sort_by;
    int result;

    if (!statement)
        return -1;
    buffer_init(&sort_by, 0);
    result =
        database_encode_texts(&sort_by, change->version.sort_by, change->version.sort_count, err);
    if (!result) {
        sqlite_bind_int(db, statement, 1, stream->version_id);
        sqlite_bind_text(db, statement, 2, change->description);
        sqlite_bind_text(db, statement, 3, change->properties);
        sqlite_bind_text(db, statement, 4, change->version.sort_by ? sort_by.data : NULL);
        sqlite_bind_int(db, statement, 5, merge != NULL);
        sqlite_bind_text(db, statement, 6, merge ? merge->sequence_by : NULL);
        sqlite_bind_int(db, statement, 7, merge ? merge->tombstones_ms : 0);
        sqlite_bind_int(db, statement, 8, merge ? merge->buckets : 0);
        result = sqlite_execute(db, statement, err);
    }
    buffer_deinit(&sort_by);
    return result;
}

int apply_update_version(
    struct apply_context *context, const struct catalog_change *change, struct error *err)
{
    struct apply_stream *stream = apply_find_stream(context, &change->at, err);
    const struct catalog_merge *merge = change->version.merge;
    struct catalog_column *columns;
    int64_t buckets;
    size_t count;

    if (!stream || apply_check_texts(stream->label, change, err))
        return -1;
    if (change->version.columns || change->version.partition_by)
        return error_set(err, ERROR_INVALID,
            "%s: columns change with their schema, and partitions stay; create a new version for "
            "others",
            stream->label);
    if (database_read_columns(context->db, stream->version_id, stream->schema_id, &context->arena,
            &columns, &count, err) ||
        apply_check_sort(stream->label, columns, count, change->version.sort_by,
            change->version.sort_count, err) ||
        apply_check_merge(stream->label, columns, count, merge, err) ||
        check_key(context, change, stream, err) ||
        apply_number(context, "SELECT buckets FROM table_versions WHERE version_id = ?1",
            stream->version_id, 0, &buckets, err))
        return -1;
    if (merge && merge->buckets != buckets)
        stream->rebucketed = true;
    return update_settings(context, change, stream, err);
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
