#include "connectors/catalog_sqlite/database.h"

#include "runner/base/json.h"
#include "runner/base/mem.h"
#include "runner/base/text.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* --- words --- */

const char *database_label(const struct catalog_locator *at, char label[DATABASE_LABEL_SIZE])
{
    const char *namespace = at->namespace ? at->namespace : "(no namespace)";

    if (!at->table)
        snprintf(label, DATABASE_LABEL_SIZE, "namespace %s", namespace);
    else if (at->version == 0)
        snprintf(label, DATABASE_LABEL_SIZE, "%s.%s", namespace, at->table);
    else
        snprintf(label, DATABASE_LABEL_SIZE, "%s.%s version %lld", namespace, at->table,
            (long long)at->version);
    return label;
}

enum catalog_lifecycle database_lifecycle(const char *name)
{
    int i = CATALOG_UNRELEASED;

    while (i < CATALOG_DELETED && strcmp(name, catalog_lifecycle_name(i)) != 0)
        i++;
    return i;
}

enum catalog_commit_state database_commit_state(const char *name)
{
    int i = CATALOG_STAGED;

    while (i < CATALOG_REPLACED && strcmp(name, catalog_commit_state_name(i)) != 0)
        i++;
    return i;
}

enum catalog_delta_type database_delta_type(const char *name)
{
    int i = CATALOG_ADD;

    while (i < CATALOG_DELETE && strcmp(name, catalog_delta_type_name(i)) != 0)
        i++;
    return i;
}

int database_encode_texts(
    struct buffer *json, const char *const *texts, size_t count, struct error *err)
{
    json_t *array = json_array();

    for (size_t i = 0; i < count; i++) {
        json_t *text = texts[i] ? json_string(texts[i]) : json_null();

        if (!text) {
            json_decref(array);
            return error_set(err, ERROR_INVALID, "text %zu of the list is not valid UTF-8", i + 1);
        }
        json_array_append_new(array, text);
    }
    json_append(json, array);
    json_decref(array);
    return 0;
}

int database_decode_texts(const char *json, struct arena *arena, const char *const **ret_texts,
    size_t *ret_count, struct error *err)
{
    json_t *array = json_parse(json, strlen(json), err);
    const char **texts;

    if (!array)
        return -1;
    texts = arena_array(arena, MAX(json_array_size(array), (size_t)1), sizeof(*texts));
    for (size_t i = 0; i < json_array_size(array); i++) {
        const char *text = json_string_value(json_array_get(array, i));

        texts[i] = text ? arena_strdup(arena, text) : NULL;
    }
    *ret_count = json_array_size(array);
    *ret_texts = texts;
    json_decref(array);
    return 0;
}

/* --- finding --- */

static int find_id(struct sqlite *db, sqlite3_stmt *statement, int64_t *ret_id, struct error *err)
{
    const int step = sqlite_step(db, statement, err);

    if (step == 1) {
        *ret_id = sqlite3_column_int64(statement, 0);
        sqlite_reset(statement);
    }
    return step;
}

int database_find_namespace(struct sqlite *db, const char *name, int64_t *ret_id, struct error *err)
{
    sqlite3_stmt *statement =
        sqlite_statement(db, "SELECT namespace_id FROM namespaces WHERE name = ?1", err);
    int step;

    if (!statement)
        return -1;
    sqlite_bind_text(db, statement, 1, name);
    step = find_id(db, statement, ret_id, err);
    if (step == 0)
        error_set(err, ERROR_NOT_FOUND, "namespace %s: there is no such namespace",
            name ? name : "(none)");
    return step;
}

int database_find_table(
    struct sqlite *db, const struct catalog_locator *at, int64_t *ret_id, struct error *err)
{
    int64_t namespace_id;
    int step = database_find_namespace(db, at->namespace, &namespace_id, err);
    sqlite3_stmt *statement;

    if (step != 1)
        return step;
    statement = sqlite_statement(
        db, "SELECT table_id FROM tables WHERE namespace_id = ?1 AND name = ?2", err);
    if (!statement)
        return -1;
    sqlite_bind_int(db, statement, 1, namespace_id);
    sqlite_bind_text(db, statement, 2, at->table);
    step = find_id(db, statement, ret_id, err);
    if (step == 0)
        error_set(err, ERROR_NOT_FOUND, "%s.%s: there is no such table", at->namespace,
            at->table ? at->table : "(none)");
    return step;
}

static int read_version(
    sqlite3_stmt *statement, struct database_version *ret_version, struct error *err)
{
    const char *const *fields;
    struct arena arena;
    int result;

    arena_init(&arena);
    ret_version->version_id = sqlite3_column_int64(statement, 0);
    ret_version->version = sqlite3_column_int64(statement, 1);
    ret_version->lifecycle = database_lifecycle(sqlite_word(statement, 2));
    ret_version->stream_id = sqlite3_column_int64(statement, 4);
    ret_version->position = sqlite3_column_int64(statement, 5);
    result = database_decode_texts(
        sqlite_word(statement, 3), &arena, &fields, &ret_version->field_count, err);
    arena_deinit(&arena);
    return result;
}

int database_find_version(struct sqlite *db, const struct catalog_locator *at,
    struct database_version *ret_version, struct error *err)
{
    char label[DATABASE_LABEL_SIZE];
    struct database_version version;
    sqlite3_stmt *statement;
    int64_t table_id;
    int step = database_find_table(db, at, &table_id, err);

    if (step != 1)
        return step;
    statement = sqlite_statement(db,
        "SELECT v.version_id, v.version, v.lifecycle, v.partition_by, s.stream_id, s.position"
        " FROM table_versions v JOIN streams s ON s.version_id = v.version_id"
        "   AND s.state = 'committed'"
        " WHERE v.table_id = ?1 AND CASE ?2 WHEN 0 THEN v.lifecycle = 'active' ELSE"
        "   v.version = ?2 END"
        " ORDER BY v.version DESC LIMIT 1",
        err);
    if (!statement)
        return -1;
    sqlite_bind_int(db, statement, 1, table_id);
    sqlite_bind_int(db, statement, 2, at->version);
    step = sqlite_step(db, statement, err);
    if (step == 1) {
        if (read_version(statement, &version, err))
            step = error_prefix(err, "%s", database_label(at, label));
        else
            *ret_version = version;
        sqlite_reset(statement);
    } else if (step == 0) {
        error_set(err, ERROR_NOT_FOUND,
            at->version ? "%s: there is no such version" : "%s: it has no active version",
            database_label(at, label));
    }
    return step;
}
