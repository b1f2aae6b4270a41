#include "connectors/catalog_sqlite/database.h"

#include "runner/base/json.h"
#include "runner/base/mem.h"
#include "runner/base/text.h"

#include <stdio.h>
#include <string.h>

/* --- words --- */

const char *database_label(const struct catalog_locator *at, char label[DATABASE_LABEL_SIZE])
{
    const char *namespace = at->namespace ? at->namespace : "(no namespace)";

    if (!at->table)
        snprintf(label, DATABASE_LABEL_SIZE, "namespace %s", namespace);
    else if (at->version <= 0)
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

enum catalog_content database_content(const char *name)
{
    return strcmp(name, catalog_content_name(CATALOG_DELETES)) == 0 ? CATALOG_DELETES
                                                                    : CATALOG_ROWS;
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

static bool is_text_list(const json_t *array)
{
    if (!json_is_array(array))
        return false;
    for (size_t i = 0; i < json_array_size(array); i++) {
        const json_t *item = json_array_get(array, i);

        if (!json_is_string(item) && !json_is_null(item))
            return false;
    }
    return true;
}

int database_decode_texts(const char *json, struct arena *arena, const char *const **ret_texts,
    size_t *ret_count, struct error *err)
{
    json_t *array = json_parse(json, strlen(json), err);
    const char **texts;

    if (!array)
        return -1;
    if (!is_text_list(array)) {
        json_decref(array);
        return error_set(err, ERROR_DATA, "%.60s is no list of texts", json);
    }
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

/* Columns of both statements of find_version(). */
#define VERSION_COLUMNS                                                                            \
    "SELECT v.table_id, v.version_id, v.version, v.schema_id, v.lifecycle, v.partition_by,"        \
    "  v.key_columns <> '[]', s.stream_id, s.state, s.position, s.first_position"

static int read_version(sqlite3_stmt *row, struct database_version *ret_version, struct error *err)
{
    const char *const *fields;
    struct arena arena;
    int result;

    ret_version->table_id = sqlite3_column_int64(row, 0);
    ret_version->version_id = sqlite3_column_int64(row, 1);
    ret_version->version = sqlite3_column_int64(row, 2);
    ret_version->schema_id = sqlite3_column_int64(row, 3);
    ret_version->lifecycle = database_lifecycle(sqlite_word(row, 4));
    ret_version->has_key = sqlite3_column_int(row, 6);
    ret_version->stream_id = sqlite3_column_int64(row, 7);
    ret_version->stream_state = database_commit_state(sqlite_word(row, 8));
    ret_version->position = sqlite3_column_int64(row, 9);
    ret_version->first_position = sqlite3_column_int64(row, 10);
    arena_init(&arena);
    result =
        database_decode_texts(sqlite_word(row, 5), &arena, &fields, &ret_version->field_count, err);
    arena_deinit(&arena);
    return result;
}

static sqlite3_stmt *select_by_stream(
    struct sqlite *db, const struct catalog_locator *at, struct error *err)
{
    sqlite3_stmt *statement = sqlite_statement(db,
        VERSION_COLUMNS " FROM streams s JOIN table_versions v ON v.version_id = s.version_id"
                        "  JOIN tables t ON t.table_id = v.table_id"
                        "  JOIN namespaces n ON n.namespace_id = t.namespace_id"
                        " WHERE s.uuid = ?1 AND (?2 IS NULL OR n.name = ?2)"
                        "   AND (?3 IS NULL OR t.name = ?3) AND ?4 IN (0, v.version)",
        err);

    if (!statement)
        return NULL;
    sqlite_bind_text(db, statement, 1, at->stream_id);
    sqlite_bind_text(db, statement, 2, at->namespace);
    sqlite_bind_text(db, statement, 3, at->table);
    sqlite_bind_int(db, statement, 4, at->version);
    return statement;
}

static sqlite3_stmt *select_by_table(
    struct sqlite *db, int64_t table_id, int64_t version, struct error *err)
{
    sqlite3_stmt *statement = sqlite_statement(db,
        VERSION_COLUMNS " FROM table_versions v LEFT JOIN streams s ON s.version_id = v.version_id"
                        "   AND s.state = 'committed'"
                        " WHERE v.table_id = ?1 AND CASE ?2 WHEN 0 THEN v.lifecycle = 'active'"
                        "   WHEN -1 THEN 1 ELSE v.version = ?2 END"
                        " ORDER BY v.version DESC LIMIT 1",
        err);

    if (!statement)
        return NULL;
    sqlite_bind_int(db, statement, 1, table_id);
    sqlite_bind_int(db, statement, 2, version);
    return statement;
}

static int fail_missing(const struct catalog_locator *at, struct error *err)
{
    char label[DATABASE_LABEL_SIZE];

    database_label(at, label);
    if (at->stream_id)
        return error_set(err, ERROR_NOT_FOUND, "%s: there is no stream with the id %.100s", label,
            at->stream_id);
    if (at->version == DATABASE_LATEST_VERSION)
        return error_set(err, ERROR_NOT_FOUND, "%s: it has no version", label);
    return error_set(err, ERROR_NOT_FOUND,
        at->version ? "%s: there is no such version" : "%s: it has no active version", label);
}

int database_find_version(struct sqlite *db, const struct catalog_locator *at,
    struct database_version *ret_version, struct error *err)
{
    char label[DATABASE_LABEL_SIZE];
    struct database_version version;
    sqlite3_stmt *statement;
    int64_t table_id;
    int step;

    if (at->stream_id) {
        statement = select_by_stream(db, at, err);
    } else {
        step = database_find_table(db, at, &table_id, err);
        if (step != 1)
            return step;
        statement = select_by_table(db, table_id, at->version, err);
    }
    if (!statement)
        return -1;
    step = sqlite_step(db, statement, err);
    if (step == 1) {
        if (read_version(statement, &version, err))
            step = error_prefix(err, "%s", database_label(at, label));
        else
            *ret_version = version;
        sqlite_reset(statement);
    } else if (step == 0) {
        fail_missing(at, err);
    }
    return step;
}

int database_find_stream(struct sqlite *db, const struct catalog_locator *at,
    struct database_version *ret_version, struct error *err)
{
    char label[DATABASE_LABEL_SIZE];
    const int found = database_find_version(db, at, ret_version, err);

    if (found != 1 || ret_version->stream_id)
        return found;
    error_set(
        err, ERROR_NOT_FOUND, "%s: it has no stream; it was deleted", database_label(at, label));
    return 0;
}

int database_read_columns(struct sqlite *db, int64_t version_id, int64_t schema_id,
    struct arena *arena, struct catalog_column **ret_columns, size_t *ret_count, struct error *err)
{
    sqlite3_stmt *statement = sqlite_statement(db,
        "SELECT field_id, name, type, required, comment FROM columns"
        " WHERE version_id = ?1 AND schema_id = ?2 ORDER BY ordinal",
        err);
    struct catalog_column *columns = NULL;
    size_t count = 0, capacity = 0;
    int step;

    if (!statement)
        return -1;
    sqlite_bind_int(db, statement, 1, version_id);
    sqlite_bind_int(db, statement, 2, schema_id);
    while ((step = sqlite_step(db, statement, err)) == 1) {
        columns = mem_grow(columns, &capacity, count, sizeof(*columns));
        columns[count++] = (struct catalog_column){.field_id = sqlite3_column_int64(statement, 0),
            .name = sqlite_text(statement, 1, arena),
            .type = sqlite_text(statement, 2, arena),
            .required = sqlite3_column_int(statement, 3),
            .comment = sqlite_text(statement, 4, arena)};
    }
    if (step == 0) {
        *ret_columns = arena_array(arena, MAX(count, (size_t)1), sizeof(*columns));
        if (count > 0)
            memcpy(*ret_columns, columns, count * sizeof(*columns));
        *ret_count = count;
    }
    free(columns);
    return step;
}
