/* Streams, partitions, positions in time, tags. */
#include "connectors/catalog_sqlite/query.h"

/* --- streams --- */

#define STREAM_COLUMNS                                                                             \
    "SELECT s.stream_id, s.version_id, s.uuid, v.version, s.state, s.previous_uuid, s.position,"   \
    "  s.rows, s.files, s.bytes, s.partitions, s.created_ms, s.committed_ms"                       \
    " FROM streams s JOIN table_versions v ON v.version_id = s.version_id"

static int read_stream(struct listing *list, sqlite3_stmt *row, void *item, struct error *err)
{
    struct catalog_stream *stream = item;

    (void)err;
    stream->id = sqlite_text(row, 2, list->arena);
    stream->version = listing_int(row, 3);
    stream->state = database_commit_state(sqlite_word(row, 4));
    stream->previous_id = sqlite_text(row, 5, list->arena);
    stream->position = listing_int(row, 6);
    stream->rows = listing_int(row, 7);
    stream->files = listing_int(row, 8);
    stream->bytes = (uint64_t)listing_int(row, 9);
    stream->partitions = listing_int(row, 10);
    stream->created_ms = listing_int(row, 11);
    stream->committed_ms = listing_int(row, 12);
    return 0;
}

int query_list_streams(struct listing *list, struct error *err)
{
    static const char *const sql[2] =
        LISTING_BOTH_WAYS(STREAM_COLUMNS " WHERE s.version_id = ?1", "s.stream_id", "s.version_id");
    struct database_version version;
    sqlite3_stmt *statement;

    if (database_find_version(list->db, &list->query->at, &version, err) != 1)
        return -1;
    statement = listing_statement(list, sql, true, err);
    if (!statement)
        return -1;
    sqlite_bind_int(list->db, statement, 1, version.version_id);
    return listing_collect(list, statement, "ii", read_stream, err);
}

int query_get_stream(struct listing *list, struct error *err)
{
    struct database_version version;
    sqlite3_stmt *statement;
    const int found = database_find_stream(list->db, &list->query->at, &version, err);

    if (found != 1)
        return found;
    statement = sqlite_statement(list->db, STREAM_COLUMNS " WHERE s.stream_id = ?1", err);
    if (!statement)
        return -1;
    sqlite_bind_int(list->db, statement, 1, version.stream_id);
    return listing_collect_all(list, statement, read_stream, err);
}

/* --- partitions --- */

#define PARTITION_COLUMNS                                                                          \
    "SELECT p.partition_values, p.partition_id, p.uuid, p.state,"                                  \
    "  (SELECT uuid FROM partitions q WHERE q.partition_id = p.previous_id),"                      \
    "  p.previous_position, p.position, p.since, p.until, p.rows, p.files, p.bytes,"               \
    "  p.created_ms, p.properties, p.compaction, s.uuid"                                           \
    " FROM partitions p JOIN streams s ON s.stream_id = p.stream_id"

static int read_partition(struct listing *list, sqlite3_stmt *row, void *item, struct error *err)
{
    struct catalog_partition *partition = item;

    partition->id = sqlite_text(row, 2, list->arena);
    partition->state = database_commit_state(sqlite_word(row, 3));
    partition->previous_id = sqlite_text(row, 4, list->arena);
    partition->previous_position = listing_int(row, 5);
    partition->position = listing_int(row, 6);
    partition->since = listing_int(row, 7);
    partition->until = listing_int(row, 8);
    partition->rows = listing_int(row, 9);
    partition->files = listing_int(row, 10);
    partition->bytes = (uint64_t)listing_int(row, 11);
    partition->created_ms = listing_int(row, 12);
    partition->compaction = sqlite_text(row, 14, list->arena);
    partition->stream_id = sqlite_text(row, 15, list->arena);
    if (listing_texts(list, row, 0, &partition->values, &partition->value_count, err))
        return -1;
    return listing_properties(list, row, 13, &partition->properties, err);
}

int query_list_partitions(struct listing *list, struct error *err)
{
    static const char *const sql[2] =
        LISTING_BOTH_WAYS(PARTITION_COLUMNS " WHERE p.stream_id = ?1 AND p.state = 'committed'",
            "p.partition_values", "p.partition_id");
    struct database_version version;
    sqlite3_stmt *statement;

    if (database_find_stream(list->db, &list->query->at, &version, err) != 1)
        return -1;
    statement = listing_statement(list, sql, false, err);
    if (!statement)
        return -1;
    sqlite_bind_int(list->db, statement, 1, version.stream_id);
    return listing_collect(list, statement, "ti", read_partition, err);
}

static int get_partition_by_id(struct listing *list, struct error *err)
{
    const struct catalog_locator *at = &list->query->at;
    sqlite3_stmt *statement = sqlite_statement(list->db,
        PARTITION_COLUMNS " JOIN table_versions v ON v.version_id = s.version_id"
                          " JOIN tables t ON t.table_id = v.table_id"
                          " JOIN namespaces n ON n.namespace_id = t.namespace_id"
                          " WHERE p.uuid = ?1 AND (?2 IS NULL OR n.name = ?2)"
                          "   AND (?3 IS NULL OR t.name = ?3) AND ?4 IN (0, v.version)",
        err);

    if (!statement)
        return -1;
    sqlite_bind_text(list->db, statement, 1, at->partition_id);
    sqlite_bind_text(list->db, statement, 2, at->namespace);
    sqlite_bind_text(list->db, statement, 3, at->table);
    sqlite_bind_int(list->db, statement, 4, at->version);
    return listing_collect_all(list, statement, read_partition, err);
}

int query_get_partition(struct listing *list, struct error *err)
{
    struct database_version version;
    sqlite3_stmt *statement;
    const char *values;
    int found;

    if (list->query->at.partition_id)
        return get_partition_by_id(list, err);
    found = database_find_stream(list->db, &list->query->at, &version, err);
    if (found != 1)
        return found;
    if (listing_values(list, &version, &values, err))
        return -1;
    statement = sqlite_statement(list->db,
        PARTITION_COLUMNS " WHERE p.stream_id = ?1 AND p.partition_values = ?2"
                          "   AND p.state = 'committed'",
        err);
    if (!statement)
        return -1;
    sqlite_bind_int(list->db, statement, 1, version.stream_id);
    sqlite_bind_text(list->db, statement, 2, values);
    return listing_collect_all(list, statement, read_partition, err);
}

/* --- positions --- */

int query_find_position(struct listing *list, struct error *err)
{
    struct database_version version;
    sqlite3_stmt *statement;
    int step;

    if (database_find_stream(list->db, &list->query->at, &version, err) != 1)
        return -1;
    statement = sqlite_statement(list->db,
        "SELECT position FROM positions WHERE stream_id = ?1 AND committed_ms <= ?2"
        " ORDER BY committed_ms DESC, position DESC LIMIT 1",
        err);
    if (!statement)
        return -1;
    sqlite_bind_int(list->db, statement, 1, version.stream_id);
    sqlite_bind_int(list->db, statement, 2, list->query->at_ms);
    step = sqlite_step(list->db, statement, err);
    if (step < 0)
        return -1;
    list->query->position = step == 1 ? listing_int(statement, 0) : 0;
    sqlite_reset(statement);
    return 0;
}

static int read_position(struct listing *list, sqlite3_stmt *row, void *item, struct error *err)
{
    struct catalog_position *position = item;

    (void)list;
    (void)err;
    position->committed_ms = listing_int(row, 0);
    position->position = listing_int(row, 1);
    position->brought_back = listing_int(row, 2);
    position->took_away = listing_int(row, 3);
    return 0;
}

int query_list_bare_positions(struct listing *list, struct error *err)
{
    static const char *const sql[2] = LISTING_BOTH_WAYS(
        "SELECT committed_ms, position, EXISTS (SELECT 1 FROM partitions p WHERE"
        "    p.stream_id = q.stream_id AND p.since = q.position AND p.state <> 'staged' AND EXISTS"
        "    (SELECT 1 FROM deltas d WHERE d.partition_id = p.partition_id"
        "      AND d.position < q.position)),"
        "  EXISTS (SELECT 1 FROM partitions p WHERE p.stream_id = q.stream_id"
        "    AND p.until = q.position AND p.state = 'deprecated')"
        " FROM positions q WHERE stream_id = ?1 AND position BETWEEN ?2 AND ?3 AND NOT EXISTS"
        "   (SELECT 1 FROM deltas d WHERE d.stream_id = q.stream_id AND d.position = q.position)",
        "committed_ms", "position");
    const int64_t last = list->query->last_position;
    struct database_version version;
    sqlite3_stmt *statement;

    if (database_find_stream(list->db, &list->query->at, &version, err) != 1)
        return -1;
    statement = listing_statement(list, sql, true, err);
    if (!statement)
        return -1;
    sqlite_bind_int(list->db, statement, 1, version.stream_id);
    sqlite_bind_int(list->db, statement, 2, list->query->first_position);
    sqlite_bind_int(list->db, statement, 3, last ? last : INT64_MAX);
    return listing_collect(list, statement, "ii", read_position, err);
}

static int read_tag(struct listing *list, sqlite3_stmt *row, void *item, struct error *err)
{
    struct catalog_tag *tag = item;

    (void)err;
    tag->name = sqlite_text(row, 0, list->arena);
    tag->position = listing_int(row, 2);
    tag->created_ms = listing_int(row, 3);
    return 0;
}

int query_list_tags(struct listing *list, struct error *err)
{
    static const char *const sql[2] = LISTING_BOTH_WAYS(
        "SELECT name, version_id, position, created_ms FROM tags WHERE version_id = ?1", "name",
        "version_id");
    struct database_version version;
    sqlite3_stmt *statement;

    if (database_find_version(list->db, &list->query->at, &version, err) != 1)
        return -1;
    statement = listing_statement(list, sql, false, err);
    if (!statement)
        return -1;
    sqlite_bind_int(list->db, statement, 1, version.version_id);
    return listing_collect(list, statement, "ti", read_tag, err);
}
