/* Time: what was read once is read again, held by a tag, or forgotten. */
#include "connectors/catalog_sqlite/apply.h"

#include "runner/base/mem.h"
#include "runner/base/text.h"
#include "runner/base/uuid.h"

#include <ctype.h>
#include <string.h>

/* Whether a position can be read: it was committed, and is not expired but where a tag holds it. */
static int check_readable(struct apply_context *context, const struct apply_stream *stream,
    int64_t position, struct error *err)
{
    int64_t tags = 0;

    if (position >= stream->first_position && position <= stream->position)
        return 0;
    if (apply_number(context, "SELECT count(*) FROM tags WHERE version_id = ?1 AND position = ?2",
            stream->version_id, position, &tags, err))
        return -1;
    if (tags > 0)
        return 0;
    if (stream->position < stream->first_position)
        return error_set(err, ERROR_INVALID,
            "%s: there is no position %lld: nothing was committed yet", stream->label,
            (long long)position);
    return error_set(err, ERROR_INVALID,
        "%s: there is no position %lld: they are kept from %lld to %lld", stream->label,
        (long long)position, (long long)stream->first_position, (long long)stream->position);
}

/* Partitions to do something with. */
struct found {
    int64_t id;
    const char *values;
};

struct found_list {
    struct found *items;
    size_t count, capacity;
};

/* --- rolling back --- */

/* What was read at the position and is to be read again: all but those that are read now and got
 * nothing since. */
static int find_revived(struct apply_context *context, const struct apply_stream *stream,
    int64_t position, struct found_list *list, struct error *err)
{
    sqlite3_stmt *statement = sqlite_statement(context->db,
        "SELECT partition_id, partition_values FROM partitions"
        " WHERE stream_id = ?1 AND state <> 'staged' AND since <= ?2"
        "   AND (until = 0 OR until > ?2) AND NOT (state = 'committed' AND position <= ?2)",
        err);
    int step;

    if (!statement)
        return -1;
    sqlite_bind_int(context->db, statement, 1, stream->stream_id);
    sqlite_bind_int(context->db, statement, 2, position);
    while ((step = sqlite_step(context->db, statement, err)) == 1) {
        list->items = mem_grow(list->items, &list->capacity, list->count, sizeof(*list->items));
        list->items[list->count++] = (struct found){.id = sqlite3_column_int64(statement, 0),
            .values = sqlite_text(statement, 1, &context->arena)};
    }
    return step;
}

/* What came after the position, from now on. */
static int end_later(struct apply_context *context, const struct apply_stream *stream,
    int64_t position, struct error *err)
{
    sqlite3_stmt *statement = sqlite_statement(context->db,
        "UPDATE partitions SET state = 'deprecated', ended_ms = ?3, until = ?4"
        " WHERE stream_id = ?1 AND state = 'committed' AND (since > ?2 OR position > ?2)",
        err);

    if (!statement)
        return -1;
    sqlite_bind_int(context->db, statement, 1, stream->stream_id);
    sqlite_bind_int(context->db, statement, 2, position);
    sqlite_bind_int(context->db, statement, 3, context->now_ms);
    sqlite_bind_int(context->db, statement, 4, stream->position);
    return sqlite_execute(context->db, statement, err);
}

/* Its files are referred to once more; its deltas keep their positions and are no news to those who
 * read increments. */
static int copy_delta(
    struct apply_context *context, int64_t delta_id, int64_t partition_id, struct error *err)
{
    struct sqlite *db = context->db;
    char uuid[UUID_TEXT_SIZE];
    sqlite3_stmt *statement = sqlite_statement(db,
        "INSERT INTO deltas (delta_id, partition_id, stream_id, position, previous_position, type,"
        "  state, rows, files, bytes, run_id, created_ms, uuid, author, properties, rewrite)"
        " SELECT ?1, ?2, stream_id, position, previous_position, type, 'committed', rows, files,"
        "  bytes, ?3, ?4, ?5, author, properties, 1 FROM deltas WHERE delta_id = ?6",
        err);

    if (!statement)
        return -1;
    sqlite_bind_int(db, statement, 1, ++context->last_delta);
    sqlite_bind_int(db, statement, 2, partition_id);
    sqlite_bind_text(db, statement, 3, context->apply->run_id);
    sqlite_bind_int(db, statement, 4, context->now_ms);
    sqlite_bind_text(db, statement, 5, uuid_v7(context->now_ms, uuid));
    sqlite_bind_int(db, statement, 6, delta_id);
    if (sqlite_execute(db, statement, err))
        return -1;
    return apply_execute(context,
        "INSERT INTO files (delta_id, ordinal, path, format, rows, bytes, content, schema_id,"
        "  checksum, stats, bucket) SELECT ?1, ordinal, path, format, rows, bytes, content,"
        "  schema_id, checksum, stats, bucket FROM files WHERE delta_id = ?2",
        context->last_delta, delta_id, 0, err);
}

/* In order, one after another: a statement cannot read what it writes. */
static int copy_deltas(struct apply_context *context, int64_t from_id, int64_t into_id,
    int64_t last_position, struct error *err)
{
    int64_t position = 0;

    for (;;) {
        sqlite3_stmt *statement = sqlite_statement(context->db,
            "SELECT delta_id, position FROM deltas"
            " WHERE partition_id = ?1 AND position > ?2 AND position <= ?3"
            " ORDER BY position LIMIT 1",
            err);
        int64_t delta_id;
        int step;

        if (!statement)
            return -1;
        sqlite_bind_int(context->db, statement, 1, from_id);
        sqlite_bind_int(context->db, statement, 2, position);
        sqlite_bind_int(context->db, statement, 3, last_position);
        step = sqlite_step(context->db, statement, err);
        if (step != 1)
            return step;
        delta_id = sqlite3_column_int64(statement, 0);
        position = sqlite3_column_int64(statement, 1);
        sqlite_reset(statement);
        if (copy_delta(context, delta_id, into_id, err))
            return -1;
    }
}

static int insert_revived(struct apply_context *context, const struct apply_stream *stream,
    const struct found *revived, struct error *err)
{
    struct sqlite *db = context->db;
    char uuid[UUID_TEXT_SIZE];
    sqlite3_stmt *statement = sqlite_statement(db,
        "INSERT INTO partitions (partition_id, uuid, stream_id, partition_values, state, since,"
        "  previous_id, previous_position, run_id, created_ms, properties, compaction)"
        " SELECT ?1, ?2, p.stream_id, p.partition_values, 'committed', ?3, q.partition_id,"
        "  q.position, ?4, ?5, p.properties, p.compaction FROM partitions p LEFT JOIN partitions q"
        "  ON q.stream_id = p.stream_id AND q.partition_values = p.partition_values"
        "   AND q.state = 'deprecated' AND q.until = ?3 AND q.since < ?3"
        " WHERE p.partition_id = ?6",
        err);

    if (!statement)
        return -1;
    sqlite_bind_int(db, statement, 1, ++context->last_partition);
    sqlite_bind_text(db, statement, 2, uuid_v7(context->now_ms, uuid));
    sqlite_bind_int(db, statement, 3, stream->position);
    sqlite_bind_text(db, statement, 4, context->apply->run_id);
    sqlite_bind_int(db, statement, 5, context->now_ms);
    sqlite_bind_int(db, statement, 6, revived->id);
    return sqlite_execute(db, statement, err);
}

static int revive(struct apply_context *context, const struct apply_stream *stream,
    const struct found *revived, int64_t position, struct error *err)
{
    if (insert_revived(context, stream, revived, err) ||
        copy_deltas(context, revived->id, context->last_partition, position, err))
        return error_prefix(err, "%s partition %.200s", stream->label, revived->values);
    return apply_recount_partition(context, context->last_partition, err);
}

/* The stream's sums anew, from its partitions. */
static int recount_stream(
    struct apply_context *context, struct apply_stream *stream, struct error *err)
{
    stream->change = (struct apply_totals){0};
    stream->partition_change = 0;
    apply_forget_partitions(stream);
    return apply_execute(context,
        "UPDATE streams SET (rows, files, bytes, partitions) = (SELECT ifnull(sum(rows), 0),"
        "  ifnull(sum(files), 0), ifnull(sum(bytes), 0), count(*) FROM partitions p"
        "  WHERE p.stream_id = ?1 AND p.state = 'committed') WHERE stream_id = ?1",
        stream->stream_id, 0, 0, err);
}

int apply_rollback(
    struct apply_context *context, const struct catalog_change *change, struct error *err)
{
    struct apply_stream *stream = apply_find_stream(context, &change->at, err);
    const int64_t position = change->at.position;
    struct found_list list = {0};
    int result;

    if (!stream || check_readable(context, stream, position, err))
        return -1;
    apply_take_position(context, stream);
    result = find_revived(context, stream, position, &list, err) ||
             end_later(context, stream, position, err);
    for (size_t i = 0; !result && i < list.count; i++)
        result = revive(context, stream, &list.items[i], position, err);
    free(list.items);
    return result ? -1 : recount_stream(context, stream, err);
}

/* --- tags --- */

/* What can be told from a position and a time. */
static int check_tag(const struct apply_stream *stream, const char *name, struct error *err)
{
    if (name && text_is_name(name, "_.-") && isalpha((unsigned char)name[0]))
        return 0;
    return error_set(err, ERROR_INVALID,
        "%s: \"%.100s\" is no name for a tag: it consists of a-z, 0-9, _, . and -, begins with a "
        "letter and has at most 255 of them",
        stream->label, name ? name : "");
}

/* Who does not mean to move a tag must not lose what it holds. */
static int check_tag_free(struct apply_context *context, const struct apply_stream *stream,
    const char *name, int64_t position, struct error *err)
{
    sqlite3_stmt *statement = sqlite_statement(
        context->db, "SELECT position FROM tags WHERE version_id = ?1 AND name = ?2", err);
    int64_t held;
    int step;

    if (!statement)
        return -1;
    sqlite_bind_int(context->db, statement, 1, stream->version_id);
    sqlite_bind_text(context->db, statement, 2, name);
    step = sqlite_step(context->db, statement, err);
    if (step != 1)
        return step;
    held = sqlite3_column_int64(statement, 0);
    sqlite_reset(statement);
    if (held == position)
        return 0;
    return error_set(err, ERROR_EXISTS,
        "%s: tag \"%.100s\" is there already, and holds position %lld", stream->label, name,
        (long long)held);
}

int apply_set_tag(
    struct apply_context *context, const struct catalog_change *change, struct error *err)
{
    struct apply_stream *stream = apply_find_stream(context, &change->at, err);
    struct sqlite *db = context->db;
    sqlite3_stmt *statement;
    int64_t position;

    if (!stream || check_tag(stream, change->tag.name, err))
        return -1;
    position = change->tag.position ? change->tag.position : stream->position;
    if (check_readable(context, stream, position, err) ||
        (change->if_missing && check_tag_free(context, stream, change->tag.name, position, err)))
        return -1;
    statement = sqlite_statement(db,
        "INSERT INTO tags (version_id, name, position, created_ms) VALUES (?1, ?2, ?3, ?4)"
        " ON CONFLICT DO UPDATE SET position = excluded.position, created_ms = excluded.created_ms",
        err);
    if (!statement)
        return -1;
    sqlite_bind_int(db, statement, 1, stream->version_id);
    sqlite_bind_text(db, statement, 2, change->tag.name);
    sqlite_bind_int(db, statement, 3, position);
    sqlite_bind_int(db, statement, 4, context->now_ms);
    return sqlite_execute(db, statement, err);
}

int apply_delete_tag(
    struct apply_context *context, const struct catalog_change *change, struct error *err)
{
    struct apply_stream *stream = apply_find_stream(context, &change->at, err);
    struct sqlite *db = context->db;
    sqlite3_stmt *statement;

    if (!stream)
        return -1;
    statement = sqlite_statement(db, "DELETE FROM tags WHERE version_id = ?1 AND name = ?2", err);
    if (!statement)
        return -1;
    sqlite_bind_int(db, statement, 1, stream->version_id);
    sqlite_bind_text(db, statement, 2, change->tag.name);
    if (sqlite_execute(db, statement, err))
        return -1;
    if (sqlite3_changes(db->db) > 0 || change->if_missing)
        return 0;
    return error_set(err, ERROR_NOT_FOUND, "%s: there is no tag \"%.100s\"", stream->label,
        change->tag.name ? change->tag.name : "");
}

/* --- expiring --- */

/* But what tags hold. */
static int find_expired(struct apply_context *context, const struct apply_stream *stream,
    int64_t position, struct found_list *list, struct error *err)
{
    sqlite3_stmt *statement = sqlite_statement(context->db,
        "SELECT partition_id FROM partitions p"
        " WHERE stream_id = ?1 AND state = 'deprecated' AND until <= ?2 AND NOT EXISTS"
        "   (SELECT 1 FROM tags g WHERE g.version_id = ?3 AND g.position >= p.since"
        "     AND g.position < p.until)",
        err);
    int step;

    if (!statement)
        return -1;
    sqlite_bind_int(context->db, statement, 1, stream->stream_id);
    sqlite_bind_int(context->db, statement, 2, position);
    sqlite_bind_int(context->db, statement, 3, stream->version_id);
    while ((step = sqlite_step(context->db, statement, err)) == 1) {
        list->items = mem_grow(list->items, &list->capacity, list->count, sizeof(*list->items));
        list->items[list->count++] = (struct found){.id = sqlite3_column_int64(statement, 0)};
    }
    return step;
}

/* Streams of before are read at no position. */
static int forget_replaced_streams(
    struct apply_context *context, int64_t version_id, struct error *err)
{
    int64_t stream_id;

    for (;;) {
        if (apply_number(context,
                "SELECT stream_id FROM streams WHERE version_id = ?1 AND state = 'deprecated'"
                " LIMIT 1",
                version_id, 0, &stream_id, err))
            return -1;
        if (stream_id == 0)
            return 0;
        if (apply_forget_stream(context, stream_id, err))
            return -1;
    }
}

/* A time leads to the last position before it: those that are read still are kept, each with the
 * one behind it, where it ends; the last one that is expired, and the first one of all, so that
 * times before and after tell "expired" from "nothing was there". */
static int forget_positions(
    struct apply_context *context, const struct apply_stream *stream, struct error *err)
{
    return apply_execute(context,
        "DELETE FROM positions WHERE stream_id = ?1 AND position < ?2 AND position NOT IN"
        "  (SELECT kept FROM (SELECT min(position) AS kept FROM positions WHERE stream_id = ?1"
        "    UNION SELECT max(position) FROM positions WHERE stream_id = ?1 AND position < ?2"
        "    UNION SELECT position FROM tags WHERE version_id = ?3"
        "    UNION SELECT (SELECT min(position) FROM positions q WHERE q.stream_id = ?1"
        "        AND q.position > g.position) FROM tags g WHERE g.version_id = ?3)"
        "   WHERE kept IS NOT NULL)",
        stream->stream_id, stream->first_position, stream->version_id, err);
}

static int expire_stream(
    struct apply_context *context, struct apply_stream *stream, int64_t position, struct error *err)
{
    struct found_list list = {0};
    int result;

    if (position < 1 || position > stream->position)
        return error_set(err, ERROR_INVALID,
            "%s: there is no position %lld to expire to: they go from %lld to %lld", stream->label,
            (long long)position, (long long)stream->first_position, (long long)stream->position);
    result = find_expired(context, stream, position, &list, err);
    for (size_t i = 0; !result && i < list.count; i++)
        result = apply_forget_partition(context, list.items[i].id, err);
    free(list.items);
    if (result)
        return -1;
    stream->first_position = MAX(stream->first_position, position);
    if (apply_execute(context, "UPDATE streams SET first_position = ?2 WHERE stream_id = ?1",
            stream->stream_id, stream->first_position, 0, err))
        return -1;
    return forget_positions(context, stream, err);
}

/* Of a version that is deleted, all goes. */
int apply_expire(
    struct apply_context *context, const struct catalog_change *change, struct error *err)
{
    struct database_version version;
    struct apply_stream *stream;

    if (database_find_version(context->db, &change->at, &version, err) != 1)
        return -1;
    if (version.lifecycle == CATALOG_DELETED) {
        if (version.stream_id && apply_forget_stream(context, version.stream_id, err))
            return -1;
    } else {
        stream = apply_find_stream(context, &change->at, err);
        if (!stream || expire_stream(context, stream, change->at.position, err))
            return -1;
    }
    return forget_replaced_streams(context, version.version_id, err);
}
