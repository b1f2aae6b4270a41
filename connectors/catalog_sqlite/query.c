/* The frame of every query: a snapshot, a page of items, where the next page begins. */
#include "connectors/catalog_sqlite/query.h"

#include "connectors/catalog_sqlite/metadata.h"
#include "runner/base/json.h"
#include "runner/base/mem.h"

#include <assert.h>
#include <string.h>

/* --- pages --- */

static size_t page_size(const struct listing *list)
{
    return (size_t)(list->query->limit > 0 ? list->query->limit : CATALOG_PAGE_MAX);
}

void *listing_add(struct listing *list)
{
    void *item;

    if (list->count == page_size(list)) {
        list->truncated = true;
        return NULL;
    }
    list->items = mem_grow(list->items, &list->capacity, list->count, list->item_size);
    item = list->items + list->count++ * list->item_size;
    memset(item, 0, list->item_size);
    return item;
}

sqlite3_stmt *listing_statement(
    struct listing *list, const char *const both_ways[2], bool newest_first, struct error *err)
{
    list->descending = newest_first != list->query->reverse;
    return sqlite_statement(list->db, both_ways[list->descending], err);
}

static json_t *key_json(sqlite3_stmt *row, int column)
{
    if (sqlite3_column_type(row, column) == SQLITE_INTEGER)
        return json_integer(sqlite3_column_int64(row, column));
    return json_text(sqlite_word(row, column));
}

static const char *page_end(struct listing *list, sqlite3_stmt *row)
{
    json_t *keys = json_pack("[oo]", key_json(row, 0), key_json(row, 1));
    char *line = json_line(keys);
    const char *end = arena_strdup(list->arena, line);

    free(line);
    json_decref(keys);
    return end;
}

/* The ends of all keys. A blob is greater than all texts. */
static void bind_open_end(struct listing *list, sqlite3_stmt *statement, int index, char kind)
{
    if (kind == 'i')
        sqlite_bind_int(list->db, statement, index, list->descending ? INT64_MAX : INT64_MIN);
    else if (list->descending)
        sqlite_bind_empty_blob(list->db, statement, index);
    else
        sqlite_bind_text(list->db, statement, index, "");
}

static bool bind_key(
    struct listing *list, sqlite3_stmt *statement, int index, char kind, const json_t *key)
{
    if (kind == 'i' && json_is_integer(key))
        sqlite_bind_int(list->db, statement, index, json_integer_value(key));
    else if (kind == 't' && json_is_string(key))
        sqlite_bind_text(
            list->db, statement, index, arena_strdup(list->arena, json_string_value(key)));
    else
        return false;
    return true;
}

enum { FIRST_KEY = 8, SECOND_KEY = 9 };

static int bind_page(
    struct listing *list, sqlite3_stmt *statement, const char *kinds, struct error *err)
{
    const char *after = list->query->after;
    json_t *keys;
    bool good;

    if (!after) {
        bind_open_end(list, statement, FIRST_KEY, kinds[0]);
        bind_open_end(list, statement, SECOND_KEY, kinds[1]);
        return 0;
    }
    keys = json_parse(after, strlen(after), NULL);
    good = keys && bind_key(list, statement, FIRST_KEY, kinds[0], json_array_get(keys, 0)) &&
           bind_key(list, statement, SECOND_KEY, kinds[1], json_array_get(keys, 1));
    json_decref(keys);
    if (good)
        return 0;
    sqlite_reset(statement);
    return error_set(err, ERROR_INVALID,
        "catalog: \"%.60s\" is not where a page of this list ends; give what `next` said", after);
}

int listing_collect_all(
    struct listing *list, sqlite3_stmt *statement, listing_read_fn read, struct error *err)
{
    int step;

    while ((step = sqlite_step(list->db, statement, err)) == 1) {
        void *item = listing_add(list);

        if (!item || read(list, statement, item, err)) {
            sqlite_reset(statement);
            return item ? -1 : 0;
        }
        if (list->count == page_size(list))
            list->next = page_end(list, statement);
    }
    return step;
}

int listing_collect(struct listing *list, sqlite3_stmt *statement, const char *kinds,
    listing_read_fn read, struct error *err)
{
    if (bind_page(list, statement, kinds, err))
        return -1;
    return listing_collect_all(list, statement, read, err);
}

/* --- what rows have in common --- */

static int fail_damaged(const struct listing *list, struct error *err)
{
    return error_set(err, ERROR_DATA,
        "catalog %s: %s; the file is damaged: restore it from a backup", list->db->path,
        err ? err->message : "");
}

int listing_texts(struct listing *list, sqlite3_stmt *row, int column,
    const char *const **ret_texts, size_t *ret_count, struct error *err)
{
    if (database_decode_texts(sqlite_word(row, column), list->arena, ret_texts, ret_count, err))
        return fail_damaged(list, err);
    return 0;
}

int listing_properties(struct listing *list, sqlite3_stmt *row, int column,
    const char **ret_properties, struct error *err)
{
    if (metadata_check_object("properties", sqlite_word(row, column), true, err))
        return fail_damaged(list, err);
    *ret_properties = sqlite_text(row, column, list->arena);
    return 0;
}

int listing_values(struct listing *list, const struct database_version *version,
    const char **ret_json, struct error *err)
{
    const struct catalog_locator *at = &list->query->at;
    char label[DATABASE_LABEL_SIZE];
    struct buffer json;
    int result;

    if (at->value_count != version->field_count)
        return error_set(err, ERROR_INVALID,
            "%s: %zu partition values were given for %zu partition fields",
            database_label(at, label), at->value_count, version->field_count);
    buffer_init(&json, 0);
    result = database_encode_texts(&json, at->values, at->value_count, err);
    if (result)
        error_prefix(err, "%s: partition value", database_label(at, label));
    else
        *ret_json = arena_strdup(list->arena, json.data);
    buffer_deinit(&json);
    return result;
}

/* --- the whole query --- */

static const struct {
    listing_fn list;
    size_t item_size;
} listers[] = {
    [CATALOG_LIST_NAMESPACES] = {query_list_namespaces, sizeof(struct catalog_namespace)},
    [CATALOG_GET_NAMESPACE] = {query_get_namespace, sizeof(struct catalog_namespace)},
    [CATALOG_LIST_TABLES] = {query_list_tables, sizeof(struct catalog_table)},
    [CATALOG_GET_TABLE] = {query_get_table, sizeof(struct catalog_table)},
    [CATALOG_LIST_VERSIONS] = {query_list_versions, sizeof(struct catalog_version)},
    [CATALOG_GET_VERSION] = {query_get_version, sizeof(struct catalog_version)},
    [CATALOG_GET_LATEST_VERSION] = {query_get_latest_version, sizeof(struct catalog_version)},
    [CATALOG_LIST_SCHEMAS] = {query_list_schemas, sizeof(struct catalog_schema)},
    [CATALOG_LIST_STREAMS] = {query_list_streams, sizeof(struct catalog_stream)},
    [CATALOG_GET_STREAM] = {query_get_stream, sizeof(struct catalog_stream)},
    [CATALOG_LIST_PARTITIONS] = {query_list_partitions, sizeof(struct catalog_partition)},
    [CATALOG_GET_PARTITION] = {query_get_partition, sizeof(struct catalog_partition)},
    [CATALOG_LIST_DELTAS] = {query_list_deltas, sizeof(struct catalog_delta)},
    [CATALOG_LIST_PARTITION_DELTAS] = {query_list_partition_deltas, sizeof(struct catalog_delta)},
    [CATALOG_GET_DELTA] = {query_get_delta, sizeof(struct catalog_delta)},
    [CATALOG_GET_LATEST_DELTA] = {query_get_latest_delta, sizeof(struct catalog_delta)},
    [CATALOG_LIST_FILES] = {query_list_files, sizeof(struct catalog_delta)},
    [CATALOG_LIST_ALL_FILES] = {query_list_all_files, sizeof(struct catalog_delta)},
    [CATALOG_LIST_STAGED] = {query_list_staged, sizeof(struct catalog_staged)},
    [CATALOG_FIND_POSITION] = {query_find_position, 0},
    [CATALOG_LIST_BARE_POSITIONS] = {query_list_bare_positions, sizeof(struct catalog_position)},
    [CATALOG_LIST_TAGS] = {query_list_tags, sizeof(struct catalog_tag)},
    [CATALOG_GET_COMMIT] = {query_get_commit, sizeof(struct catalog_commit)},
    [CATALOG_LIST_COMMITS] = {query_list_commits, sizeof(struct catalog_commit)},
    [CATALOG_LIST_CURSORS] = {query_list_cursors, sizeof(struct catalog_cursor)},
    [CATALOG_LIST_SEEN] = {query_list_seen, sizeof(struct catalog_seen)},
    [CATALOG_LIST_PUBLICATIONS] = {query_list_publications, sizeof(struct catalog_publication)},
    [CATALOG_CHECK] = {query_check, sizeof(const char *)},
};

/* Items of whichever type: all members of the union are pointers. */
static void hand_over(const struct listing *list)
{
    struct catalog_query *query = list->query;

    if (list->count > 0) {
        void *items = arena_array(list->arena, list->count, list->item_size);

        memcpy(items, list->items, list->count * list->item_size);
        query->namespaces = items;
    }
    query->count = list->count;
    query->truncated = list->truncated;
    query->next = list->truncated ? list->next : NULL;
}

int database_query(struct sqlite *db, struct catalog_query *query, struct error *err)
{
    struct listing list = {.db = db, .query = query, .arena = query->arena};
    int result;

    assert(query->arena);
    if ((size_t)query->verb >= ARRAY_LENGTH(listers))
        return error_set(
            err, ERROR_NOT_SUPPORTED, "catalog: query %d is unknown here", query->verb);
    list.item_size = listers[query->verb].item_size;
    if (sqlite_begin_read(db, err))
        return -1;
    result = listers[query->verb].list(&list, err);
    sqlite_rollback(db); /* nothing was changed: it only ends the snapshot */
    if (!result)
        hand_over(&list);
    free(list.items);
    return result;
}
