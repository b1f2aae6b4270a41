#include "connectors/catalog_sqlite/database.h"

#include "runner/base/mem.h"

#include <assert.h>
#include <string.h>

/* A listing under way: items grow on the heap and move to the caller's arena at the end. */
struct listing {
    struct sqlite *db;
    struct catalog_query *query;
    struct arena *arena;
    char *items;
    size_t count, capacity;
    bool truncated;
};

/* Fills one zeroed item from the row that the statement is at. */
typedef int (*read_fn)(struct listing *list, sqlite3_stmt *row, void *item, struct error *err);

static int collect(
    struct listing *list, sqlite3_stmt *statement, size_t size, read_fn read, struct error *err)
{
    const size_t limit = (size_t)(list->query->limit ? list->query->limit : CATALOG_PAGE_MAX);
    int step;

    while ((step = sqlite_step(list->db, statement, err)) == 1) {
        void *item;

        if (list->count == limit) {
            list->truncated = true;
            sqlite_reset(statement);
            return 0;
        }
        list->items = mem_grow(list->items, &list->capacity, list->count, size);
        item = list->items + list->count * size;
        memset(item, 0, size);
        if (read(list, statement, item, err)) {
            sqlite_reset(statement);
            return -1;
        }
        list->count++;
    }
    return step;
}

static int64_t int_at(sqlite3_stmt *row, int column)
{
    return sqlite3_column_int64(row, column);
}

static int texts_at(struct listing *list, sqlite3_stmt *row, int column,
    const char *const **ret_texts, size_t *ret_count, struct error *err)
{
    return database_decode_texts(sqlite_word(row, column), list->arena, ret_texts, ret_count, err);
}

/* --- namespaces, tables, versions --- */

static int read_namespace(struct listing *list, sqlite3_stmt *row, void *item, struct error *err)
{
    struct catalog_namespace *namespace = item;

    (void)err;
    namespace->name = sqlite_text(row, 0, list->arena);
    namespace->created_ms = int_at(row, 1);
    namespace->properties = sqlite_text(row, 2, list->arena);
    return 0;
}

static int list_namespaces(struct listing *list, struct error *err)
{
    sqlite3_stmt *statement = sqlite_statement(
        list->db, "SELECT name, created_ms, properties FROM namespaces ORDER BY name", err);

    return statement
               ? collect(list, statement, sizeof(struct catalog_namespace), read_namespace, err)
               : -1;
}

static int read_table(struct listing *list, sqlite3_stmt *row, void *item, struct error *err)
{
    struct catalog_table *table = item;

    (void)err;
    table->namespace = sqlite_text(row, 0, list->arena);
    table->name = sqlite_text(row, 1, list->arena);
    table->description = sqlite_text(row, 2, list->arena);
    table->properties = sqlite_text(row, 3, list->arena);
    table->created_ms = int_at(row, 4);
    table->latest_version = int_at(row, 5);
    table->latest_active_version = int_at(row, 6);
    return 0;
}

static int list_tables(struct listing *list, struct error *err)
{
    const char *namespace = list->query->at.namespace;
    sqlite3_stmt *statement;
    int64_t namespace_id;

    if (namespace && database_find_namespace(list->db, namespace, &namespace_id, err) != 1)
        return -1;
    statement = sqlite_statement(list->db,
        "SELECT n.name, t.name, t.description, t.properties, t.created_ms,"
        "  (SELECT max(version) FROM table_versions v WHERE v.table_id = t.table_id),"
        "  (SELECT max(version) FROM table_versions v WHERE v.table_id = t.table_id"
        "     AND v.lifecycle = 'active')"
        " FROM tables t JOIN namespaces n ON n.namespace_id = t.namespace_id"
        " WHERE ?1 IS NULL OR n.name = ?1 ORDER BY n.name, t.name",
        err);
    if (!statement)
        return -1;
    sqlite_bind_text(list->db, statement, 1, namespace);
    return collect(list, statement, sizeof(struct catalog_table), read_table, err);
}

static int read_columns(
    struct listing *list, int64_t version_id, struct catalog_version *version, struct error *err)
{
    sqlite3_stmt *statement = sqlite_statement(list->db,
        "SELECT field_id, name, type FROM columns WHERE version_id = ?1 ORDER BY field_id", err);
    struct catalog_column *columns = NULL;
    size_t count = 0, capacity = 0;
    int step;

    if (!statement)
        return -1;
    sqlite_bind_int(list->db, statement, 1, version_id);
    while ((step = sqlite_step(list->db, statement, err)) == 1) {
        columns = mem_grow(columns, &capacity, count, sizeof(*columns));
        columns[count++] = (struct catalog_column){.field_id = int_at(statement, 0),
            .name = sqlite_text(statement, 1, list->arena),
            .type = sqlite_text(statement, 2, list->arena)};
    }
    if (count > 0) {
        version->columns = arena_array(list->arena, count, sizeof(*columns));
        memcpy(version->columns, columns, count * sizeof(*columns));
        version->column_count = count;
    }
    free(columns);
    return step;
}

static int read_version(struct listing *list, sqlite3_stmt *row, void *item, struct error *err)
{
    struct catalog_version *version = item;

    version->namespace =
        list->query->at.namespace ? arena_strdup(list->arena, list->query->at.namespace) : NULL;
    version->table = arena_strdup(list->arena, list->query->at.table);
    version->version = int_at(row, 1);
    version->lifecycle = database_lifecycle(sqlite_word(row, 2));
    version->description = sqlite_text(row, 5, list->arena);
    version->properties = sqlite_text(row, 6, list->arena);
    version->created_ms = int_at(row, 7);
    version->stream_id = sqlite_text(row, 8, list->arena);
    version->rows = int_at(row, 9);
    version->files = int_at(row, 10);
    version->bytes = (uint64_t)int_at(row, 11);
    version->partitions = int_at(row, 12);
    version->last_position = int_at(row, 13);
    version->last_commit_ms = int_at(row, 14);
    if (texts_at(list, row, 3, &version->partition_by, &version->partition_count, err) ||
        texts_at(list, row, 4, &version->sort_by, &version->sort_count, err))
        return -1;
    return read_columns(list, int_at(row, 0), version, err);
}

/* One version, or all of a table. */
static int read_versions(
    struct listing *list, int64_t table_id, int64_t version_id, struct error *err)
{
    sqlite3_stmt *statement = sqlite_statement(list->db,
        "SELECT v.version_id, v.version, v.lifecycle, v.partition_by, v.sort_by, v.description,"
        "  v.properties, v.created_ms, s.uuid, s.rows, s.files, s.bytes, s.partitions,"
        "  s.position, s.committed_ms"
        " FROM table_versions v LEFT JOIN streams s ON s.version_id = v.version_id"
        "   AND s.state = 'committed'"
        " WHERE v.table_id = ?1 AND (?2 = 0 OR v.version_id = ?2) ORDER BY v.version",
        err);

    if (!statement)
        return -1;
    sqlite_bind_int(list->db, statement, 1, table_id);
    sqlite_bind_int(list->db, statement, 2, version_id);
    return collect(list, statement, sizeof(struct catalog_version), read_version, err);
}

static int list_versions(struct listing *list, struct error *err)
{
    int64_t table_id;

    if (database_find_table(list->db, &list->query->at, &table_id, err) != 1)
        return -1;
    return read_versions(list, table_id, 0, err);
}

static int get_version(struct listing *list, struct error *err)
{
    struct database_version version;
    int64_t table_id;
    int found = database_find_version(list->db, &list->query->at, &version, err);

    if (found == 1)
        found = database_find_table(list->db, &list->query->at, &table_id, err);
    return found == 1 ? read_versions(list, table_id, version.version_id, err) : found;
}

/* --- partitions and deltas --- */

static int read_partition(struct listing *list, sqlite3_stmt *row, void *item, struct error *err)
{
    struct catalog_partition *partition = item;

    partition->id = sqlite_text(row, 0, list->arena);
    partition->state = database_commit_state(sqlite_word(row, 2));
    partition->previous_id = sqlite_text(row, 3, list->arena);
    partition->position = int_at(row, 4);
    partition->rows = int_at(row, 5);
    partition->files = int_at(row, 6);
    partition->bytes = (uint64_t)int_at(row, 7);
    partition->created_ms = int_at(row, 8);
    return texts_at(list, row, 1, &partition->values, &partition->value_count, err);
}

static int list_partitions(struct listing *list, struct error *err)
{
    struct database_version version;
    sqlite3_stmt *statement;

    if (database_find_version(list->db, &list->query->at, &version, err) != 1)
        return -1;
    statement = sqlite_statement(list->db,
        "SELECT p.uuid, p.partition_values, p.state,"
        "  (SELECT uuid FROM partitions q WHERE q.partition_id = p.previous_id),"
        "  p.position, p.rows, p.files, p.bytes, p.created_ms"
        " FROM partitions p WHERE p.stream_id = ?1 AND p.state = 'committed'"
        " ORDER BY p.partition_values",
        err);
    if (!statement)
        return -1;
    sqlite_bind_int(list->db, statement, 1, version.stream_id);
    return collect(list, statement, sizeof(struct catalog_partition), read_partition, err);
}

static int read_files(struct listing *list, int64_t delta_id, int64_t count,
    struct catalog_delta *delta, struct error *err)
{
    sqlite3_stmt *statement = sqlite_statement(list->db,
        "SELECT path, format, rows, bytes FROM files WHERE delta_id = ?1 ORDER BY ordinal", err);
    int step;

    if (!statement)
        return -1;
    delta->files = arena_array(list->arena, (size_t)MAX(count, 1), sizeof(*delta->files));
    sqlite_bind_int(list->db, statement, 1, delta_id);
    while ((step = sqlite_step(list->db, statement, err)) == 1) {
        if ((int64_t)delta->file_count == count) {
            sqlite_reset(statement);
            return error_set(err, ERROR_DATA,
                "catalog %s: delta %lld has more files than it says; the file is damaged",
                list->db->path, (long long)delta_id);
        }
        delta->files[delta->file_count++] =
            (struct catalog_file){.key = sqlite_text(statement, 0, list->arena),
                .format = sqlite_text(statement, 1, list->arena),
                .rows = int_at(statement, 2),
                .bytes = (uint64_t)int_at(statement, 3)};
    }
    return step;
}

static int read_delta(struct listing *list, sqlite3_stmt *row, void *item, struct error *err)
{
    struct catalog_delta *delta = item;

    delta->partition_id = sqlite_text(row, 1, list->arena);
    delta->position = int_at(row, 3);
    delta->previous_position = int_at(row, 4);
    delta->type = database_delta_type(sqlite_word(row, 5));
    delta->state = database_commit_state(sqlite_word(row, 6));
    delta->run_id = sqlite_text(row, 7, list->arena);
    delta->created_ms = int_at(row, 8);
    delta->rows = int_at(row, 9);
    delta->bytes = (uint64_t)int_at(row, 10);
    if (texts_at(list, row, 2, &delta->values, &delta->value_count, err))
        return -1;
    if (list->query->verb != CATALOG_LIST_FILES && !list->query->with_files)
        return 0;
    return read_files(list, int_at(row, 0), int_at(row, 11), delta, err);
}

/* A delta of a partition that was replaced is itself replaced. */
#define DELTA_COLUMNS                                                                              \
    "SELECT d.delta_id, p.uuid, p.partition_values, d.position, d.previous_position, d.type,"      \
    "  CASE p.state WHEN 'deprecated' THEN p.state ELSE d.state END, d.run_id, d.created_ms,"      \
    "  d.rows, d.bytes, d.files"

static int collect_deltas(
    struct listing *list, const char *sql, int64_t stream_id, struct error *err)
{
    const struct catalog_query *query = list->query;
    sqlite3_stmt *statement = sqlite_statement(list->db, sql, err);

    if (!statement)
        return -1;
    sqlite_bind_int(list->db, statement, 1, stream_id);
    sqlite_bind_int(list->db, statement, 2, query->first_position);
    sqlite_bind_int(
        list->db, statement, 3, query->last_position ? query->last_position : INT64_MAX);
    return collect(list, statement, sizeof(struct catalog_delta), read_delta, err);
}

static int list_deltas(struct listing *list, struct error *err)
{
    static const char up[] = DELTA_COLUMNS
        " FROM deltas d JOIN partitions p ON p.partition_id = d.partition_id"
        " WHERE d.stream_id = ?1 AND d.position BETWEEN ?2 AND ?3 AND p.state <> 'staged'"
        " ORDER BY d.position, d.delta_id";
    static const char down[] = DELTA_COLUMNS
        " FROM deltas d JOIN partitions p ON p.partition_id = d.partition_id"
        " WHERE d.stream_id = ?1 AND d.position BETWEEN ?2 AND ?3 AND p.state <> 'staged'"
        " ORDER BY d.position DESC, d.delta_id DESC";
    struct database_version version;

    if (database_find_version(list->db, &list->query->at, &version, err) != 1)
        return -1;
    return collect_deltas(list, list->query->reverse ? up : down, version.stream_id, err);
}

/* From the partitions to their deltas, so that what was replaced over the years costs nothing. */
static int list_files(struct listing *list, struct error *err)
{
    static const char sql[] =
        DELTA_COLUMNS " FROM partitions p CROSS JOIN deltas d ON d.partition_id = p.partition_id"
                      " WHERE p.stream_id = ?1 AND p.state = 'committed' AND d.state = 'committed'"
                      "   AND d.position BETWEEN ?2 AND ?3"
                      " ORDER BY d.position, d.delta_id";
    struct database_version version;

    if (database_find_version(list->db, &list->query->at, &version, err) != 1)
        return -1;
    return collect_deltas(list, sql, version.stream_id, err);
}

/* --- runs: commits, cursors, what was seen, publications --- */

static int read_commit(struct listing *list, sqlite3_stmt *row, void *item, struct error *err)
{
    struct catalog_commit *commit = item;

    (void)err;
    commit->run_id = sqlite_text(row, 0, list->arena);
    commit->pipeline = sqlite_text(row, 1, list->arena);
    commit->instance = sqlite_text(row, 2, list->arena);
    commit->fence = int_at(row, 3);
    commit->committed_ms = int_at(row, 4);
    commit->record = sqlite_text(row, 5, list->arena);
    return 0;
}

static int get_commit(struct listing *list, struct error *err)
{
    sqlite3_stmt *statement = sqlite_statement(list->db,
        "SELECT run_id, pipeline, instance, fence, committed_ms, record FROM commits"
        " WHERE run_id = ?1",
        err);

    if (!statement)
        return -1;
    sqlite_bind_text(list->db, statement, 1, list->query->run_id);
    return collect(list, statement, sizeof(struct catalog_commit), read_commit, err);
}

static int list_commits(struct listing *list, struct error *err)
{
    static const char all[] =
        "SELECT run_id, pipeline, instance, fence, committed_ms, record FROM commits"
        " ORDER BY commit_id DESC";
    static const char of_pipeline[] =
        "SELECT run_id, pipeline, instance, fence, committed_ms, record FROM commits"
        " WHERE pipeline = ?1 ORDER BY commit_id DESC";
    static const char of_instance[] =
        "SELECT run_id, pipeline, instance, fence, committed_ms, record FROM commits"
        " WHERE pipeline = ?1 AND instance = ?2 ORDER BY commit_id DESC";
    const struct catalog_query *query = list->query;
    sqlite3_stmt *statement = sqlite_statement(
        list->db, !query->pipeline ? all : (query->instance ? of_instance : of_pipeline), err);

    if (!statement)
        return -1;
    if (query->pipeline)
        sqlite_bind_text(list->db, statement, 1, query->pipeline);
    if (query->pipeline && query->instance)
        sqlite_bind_text(list->db, statement, 2, query->instance);
    return collect(list, statement, sizeof(struct catalog_commit), read_commit, err);
}

static int read_cursor(struct listing *list, sqlite3_stmt *row, void *item, struct error *err)
{
    struct catalog_cursor *cursor = item;

    (void)err;
    cursor->pipeline = sqlite_text(row, 0, list->arena);
    cursor->instance = sqlite_text(row, 1, list->arena);
    cursor->load = sqlite_text(row, 2, list->arena);
    cursor->extract = sqlite_text(row, 3, list->arena);
    cursor->state = sqlite_text(row, 4, list->arena);
    return 0;
}

/* Pipeline and instance, then load and extract where they are said. */
static void bind_cursor_key(struct listing *list, sqlite3_stmt *statement)
{
    sqlite_bind_text(list->db, statement, 1, list->query->pipeline);
    sqlite_bind_text(list->db, statement, 2, list->query->instance);
    sqlite_bind_text(list->db, statement, 3, list->query->load);
    sqlite_bind_text(list->db, statement, 4, list->query->extract);
}

static int list_cursors(struct listing *list, struct error *err)
{
    sqlite3_stmt *statement = sqlite_statement(list->db,
        "SELECT pipeline, instance, load, extract, state FROM cursors"
        " WHERE pipeline = ?1 AND instance = ?2 AND (?3 IS NULL OR load = ?3)"
        "   AND (?4 IS NULL OR extract = ?4) AND state IS NOT NULL ORDER BY load, extract",
        err);

    if (!statement)
        return -1;
    bind_cursor_key(list, statement);
    return collect(list, statement, sizeof(struct catalog_cursor), read_cursor, err);
}

static int read_seen(struct listing *list, sqlite3_stmt *row, void *item, struct error *err)
{
    struct catalog_seen *seen = item;

    (void)err;
    seen->key = sqlite_text(row, 0, list->arena);
    seen->version = sqlite_text(row, 1, list->arena);
    seen->size = (uint64_t)int_at(row, 2);
    return 0;
}

static int list_seen(struct listing *list, struct error *err)
{
    sqlite3_stmt *statement = sqlite_statement(list->db,
        "SELECT s.key, s.version, s.size FROM cursors c JOIN seen s ON s.cursor_id = c.cursor_id"
        " WHERE c.pipeline = ?1 AND c.instance = ?2 AND c.load = ?3 AND c.extract = ?4"
        " ORDER BY s.key",
        err);

    if (!statement)
        return -1;
    bind_cursor_key(list, statement);
    return collect(list, statement, sizeof(struct catalog_seen), read_seen, err);
}

static int read_publication(struct listing *list, sqlite3_stmt *row, void *item, struct error *err)
{
    struct catalog_publication *publication = item;

    (void)err;
    publication->run_id = sqlite_text(row, 0, list->arena);
    publication->load = sqlite_text(row, 1, list->arena);
    publication->from = sqlite_text(row, 2, list->arena);
    publication->to = sqlite_text(row, 3, list->arena);
    return 0;
}

static int list_publications(struct listing *list, struct error *err)
{
    sqlite3_stmt *statement = sqlite_statement(list->db,
        "SELECT run_id, load, source, target FROM publications"
        " WHERE pipeline = ?1 AND instance = ?2 AND ended_ms IS NULL ORDER BY publication_id",
        err);

    if (!statement)
        return -1;
    sqlite_bind_text(list->db, statement, 1, list->query->pipeline);
    sqlite_bind_text(list->db, statement, 2, list->query->instance);
    return collect(list, statement, sizeof(struct catalog_publication), read_publication, err);
}

/* --- the whole query --- */

static int (*const listers[])(struct listing *list, struct error *err) = {
    [CATALOG_LIST_NAMESPACES] = list_namespaces,
    [CATALOG_LIST_TABLES] = list_tables,
    [CATALOG_LIST_VERSIONS] = list_versions,
    [CATALOG_GET_VERSION] = get_version,
    [CATALOG_LIST_PARTITIONS] = list_partitions,
    [CATALOG_LIST_DELTAS] = list_deltas,
    [CATALOG_LIST_FILES] = list_files,
    [CATALOG_GET_COMMIT] = get_commit,
    [CATALOG_LIST_COMMITS] = list_commits,
    [CATALOG_LIST_CURSORS] = list_cursors,
    [CATALOG_LIST_SEEN] = list_seen,
    [CATALOG_LIST_PUBLICATIONS] = list_publications,
};

/* Items of whichever type: all members of the union are pointers. */
static void hand_over(const struct listing *list, size_t bytes)
{
    struct catalog_query *query = list->query;

    if (list->count > 0) {
        void *items = arena_alloc(list->arena, bytes);

        memcpy(items, list->items, bytes);
        query->namespaces = items;
    }
    query->count = list->count;
    query->truncated = list->truncated;
}

static size_t item_size(enum catalog_query_verb verb)
{
    static const size_t sizes[] = {
        [CATALOG_LIST_NAMESPACES] = sizeof(struct catalog_namespace),
        [CATALOG_LIST_TABLES] = sizeof(struct catalog_table),
        [CATALOG_LIST_VERSIONS] = sizeof(struct catalog_version),
        [CATALOG_GET_VERSION] = sizeof(struct catalog_version),
        [CATALOG_LIST_PARTITIONS] = sizeof(struct catalog_partition),
        [CATALOG_LIST_DELTAS] = sizeof(struct catalog_delta),
        [CATALOG_LIST_FILES] = sizeof(struct catalog_delta),
        [CATALOG_GET_COMMIT] = sizeof(struct catalog_commit),
        [CATALOG_LIST_COMMITS] = sizeof(struct catalog_commit),
        [CATALOG_LIST_CURSORS] = sizeof(struct catalog_cursor),
        [CATALOG_LIST_SEEN] = sizeof(struct catalog_seen),
        [CATALOG_LIST_PUBLICATIONS] = sizeof(struct catalog_publication),
    };

    return sizes[verb];
}

int database_query(struct sqlite *db, struct catalog_query *query, struct error *err)
{
    struct listing list = {.db = db, .query = query, .arena = query->arena};
    int result;

    assert(query->arena);
    if ((size_t)query->verb >= ARRAY_LENGTH(listers) || !listers[query->verb])
        return error_set(
            err, ERROR_NOT_SUPPORTED, "catalog: query %d is unknown here", query->verb);
    if (sqlite_begin_read(db, err))
        return -1;
    result = listers[query->verb](&list, err);
    sqlite_rollback(db); /* nothing was changed: it only ends the snapshot */
    if (!result)
        hand_over(&list, list.count * item_size(query->verb));
    free(list.items);
    return result;
}
