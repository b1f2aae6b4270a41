/* Partitions: staged, committed in place of the one before, deleted. */
#include "connectors/catalog_sqlite/apply.h"

#include "connectors/catalog_sqlite/metadata.h"
#include "runner/base/text.h"
#include "runner/base/uuid.h"

/* --- staging --- */

static int insert_partition(struct apply_context *context, const struct apply_stream *stream,
    struct apply_partition *partition, const struct catalog_change *change, struct error *err)
{
    const char *id = change->at.partition_id;
    struct sqlite *db = context->db;
    char uuid[UUID_TEXT_SIZE];
    sqlite3_stmt *statement = sqlite_statement(db,
        "INSERT INTO partitions (uuid, stream_id, partition_values, state, previous_id,"
        "  previous_position, run_id, created_ms, properties, partition_id)"
        " VALUES (?1, ?2, ?3, 'staged', ?4, ?5, ?6, ?7, ?8, ?9)",
        err);

    if (!statement)
        return -1;
    sqlite_bind_text(db, statement, 1, id ? id : uuid_v7(context->now_ms, uuid));
    sqlite_bind_int(db, statement, 2, stream->stream_id);
    sqlite_bind_text(db, statement, 3, partition->values);
    if (partition->committed.id) {
        sqlite_bind_int(db, statement, 4, partition->committed.id);
        sqlite_bind_int(db, statement, 5, partition->committed.position);
    }
    sqlite_bind_text(db, statement, 6, context->apply->run_id);
    sqlite_bind_int(db, statement, 7, context->now_ms);
    sqlite_bind_text(db, statement, 8, change->properties ? change->properties : "{}");
    sqlite_bind_int(db, statement, 9, ++context->last_partition);
    if (sqlite_execute(db, statement, err)) {
        if (sqlite_constraint(db) == SQLITE_CONSTRAINT_UNIQUE)
            apply_fail_partition(
                stream, partition, ERROR_EXISTS, err, "a partition with this id exists already");
        return -1;
    }
    partition->staged = (struct apply_replica){.id = context->last_partition};
    partition->staged_previous_id = partition->committed.id;
    return 0;
}

int apply_stage_partition(
    struct apply_context *context, const struct catalog_change *change, struct error *err)
{
    struct catalog_locator at = change->at;
    struct apply_stream *stream = apply_find_stream(context, &change->at, err);
    struct apply_partition *partition;

    at.partition_id = NULL; /* the new one's, not one to look for */
    if (!stream || !(partition = apply_find_partition(context, stream, &at, err)))
        return -1;
    if (change->if_missing && (partition->committed.id || partition->staged.id))
        return 0;
    if (partition->staged.id)
        return apply_fail_partition(stream, partition, ERROR_CONFLICT, err,
            "two loads of one run replace it; let one of them append, or give them other tables");
    if (metadata_check_object("properties", change->properties, true, err))
        return apply_fail_partition(
            stream, partition, err ? err->code : ERROR_INVALID, err, err ? err->message : "");
    return insert_partition(context, stream, partition, change, err);
}

/* --- states --- */

static int commit_state(struct apply_context *context, int64_t partition_id, int64_t since,
    const char *compaction, struct error *err)
{
    struct sqlite *db = context->db;
    sqlite3_stmt *statement = sqlite_statement(db,
        "UPDATE partitions SET state = 'committed', since = ?2, compaction = ?3"
        " WHERE partition_id = ?1",
        err);

    if (!statement)
        return -1;
    sqlite_bind_int(db, statement, 1, partition_id);
    sqlite_bind_int(db, statement, 2, since);
    sqlite_bind_text(db, statement, 3, compaction);
    return sqlite_execute(db, statement, err);
}

static void count_in(struct apply_stream *stream, const struct apply_totals *totals, int sign)
{
    stream->change.rows += sign * totals->rows;
    stream->change.files += sign * totals->files;
    stream->change.bytes += sign * totals->bytes;
}

/* The committed one, of which there must be one, is read until `position`. */
static int deprecate(struct apply_context *context, struct apply_stream *stream,
    struct apply_partition *partition, int64_t position, struct error *err)
{
    if (apply_execute(context,
            "UPDATE partitions SET state = 'deprecated', ended_ms = ?2, until = ?3"
            " WHERE partition_id = ?1",
            partition->committed.id, context->now_ms, position, err))
        return -1;
    count_in(stream, &partition->committed.totals, -1);
    stream->partition_change--;
    stream->changed = true;
    partition->committed = (struct apply_replica){0};
    return 0;
}

/* --- going on in a new partition --- */

static int check_promotion(struct apply_context *context, const struct apply_stream *stream,
    const struct apply_partition *partition, int64_t after, struct error *err)
{
    int64_t since;

    if (!partition->committed.id)
        return apply_fail_partition(stream, partition, ERROR_CONFLICT, err,
            "there is nothing that could go on in the new one; run again");
    if (apply_number(context, "SELECT since FROM partitions WHERE partition_id = ?1",
            partition->committed.id, 0, &since, err))
        return -1;
    if (after < since || after > stream->position)
        return apply_fail_partition(stream, partition, ERROR_INVALID, err,
            "it was not read at the position after which its deltas are to go on");
    if (partition->staged.position > after)
        return apply_fail_partition(stream, partition, ERROR_INVALID, err,
            "the new one has deltas of its own behind the position after which others go on");
    return 0;
}

static int sum_after(struct apply_context *context, int64_t partition_id, int64_t position,
    struct apply_replica *ret_moved, struct error *err)
{
    sqlite3_stmt *statement = sqlite_statement(context->db,
        "SELECT total(rows), total(files), total(bytes), ifnull(max(position), 0) FROM deltas"
        " WHERE partition_id = ?1 AND position > ?2",
        err);

    if (!statement)
        return -1;
    sqlite_bind_int(context->db, statement, 1, partition_id);
    sqlite_bind_int(context->db, statement, 2, position);
    if (sqlite_step(context->db, statement, err) < 0)
        return -1;
    *ret_moved = (struct apply_replica){.position = sqlite3_column_int64(statement, 3),
        .totals = {.rows = sqlite3_column_int64(statement, 0),
            .files = sqlite3_column_int64(statement, 1),
            .bytes = sqlite3_column_int64(statement, 2)}};
    sqlite_reset(statement);
    return 0;
}

int apply_recount_partition(struct apply_context *context, int64_t partition_id, struct error *err)
{
    return apply_execute(context,
        "UPDATE partitions SET (rows, files, bytes, position) = (SELECT ifnull(sum(rows), 0),"
        "  ifnull(sum(files), 0), ifnull(sum(bytes), 0), ifnull(max(position), 0) FROM deltas d"
        "  WHERE d.partition_id = ?1 AND d.position IS NOT NULL) WHERE partition_id = ?1",
        partition_id, 0, 0, err);
}

/* Deltas that others have staged go along: they are committed into what is there then. */
static int promote(struct apply_context *context, struct apply_partition *partition, int64_t after,
    struct error *err)
{
    const int64_t old_id = partition->committed.id, new_id = partition->staged.id;
    struct apply_replica moved;

    if (sum_after(context, old_id, after, &moved, err) ||
        apply_execute(context,
            "UPDATE deltas SET partition_id = ?2 WHERE partition_id = ?1"
            "  AND (position > ?3 OR position IS NULL)",
            old_id, new_id, after, err) ||
        apply_recount_partition(context, old_id, err) ||
        apply_recount_partition(context, new_id, err))
        return -1;
    /* What was moved stays in the stream's sums: the old one leaves with it, the new one brings
     * it. */
    partition->staged.totals.rows += moved.totals.rows;
    partition->staged.totals.files += moved.totals.files;
    partition->staged.totals.bytes += moved.totals.bytes;
    if (moved.position)
        partition->staged.position = moved.position;
    return 0;
}

/* --- committing --- */

static bool removed_here(const struct apply_stream *stream, const struct apply_partition *partition)
{
    return partition->committed.id == 0 && (partition->deleted || stream->deleted_all);
}

/* What was there when it was staged, or what the change names, must be there still, or have been
 * removed by this apply. 1: it is. */
static int is_still_previous(struct apply_context *context, const struct apply_stream *stream,
    const struct apply_partition *partition, const char *expect_id, struct error *err)
{
    sqlite3_stmt *statement;
    int step;
    bool same;

    if (!expect_id)
        return partition->committed.id == partition->staged_previous_id ||
               removed_here(stream, partition);
    statement =
        sqlite_statement(context->db, "SELECT uuid FROM partitions WHERE partition_id = ?1", err);
    if (!statement)
        return -1;
    sqlite_bind_int(context->db, statement, 1, partition->committed.id);
    step = sqlite_step(context->db, statement, err);
    same = step == 1 && text_equal(sqlite_word(statement, 0), expect_id);
    if (step == 1)
        sqlite_reset(statement);
    return step < 0 ? -1 : same;
}

static int check_commit(struct apply_context *context, const struct catalog_change *change,
    const struct apply_stream *stream, const struct apply_partition *partition, struct error *err)
{
    const int64_t after = change->partition.promote_after;
    int still;

    if (!partition->staged.id ||
        (change->at.partition_id && partition->named_id != partition->staged.id))
        return apply_fail_partition(stream, partition,
            partition->staged.id || change->at.partition_id ? ERROR_CONFLICT : ERROR_NOT_FOUND, err,
            change->at.partition_id ? "the partition with this id is committed already"
                                    : "nothing is staged for it that could be committed");
    still = is_still_previous(context, stream, partition, change->partition.expect_id, err);
    if (still == 0)
        return apply_fail_partition(stream, partition, ERROR_CONFLICT, err,
            "somebody else replaced it since it was staged; run again");
    if (still < 0)
        return -1;
    if (metadata_check_object(
            "what it says of its compaction", change->partition.compaction, false, err))
        return apply_fail_partition(
            stream, partition, err ? err->code : ERROR_INVALID, err, err ? err->message : "");
    return after ? check_promotion(context, stream, partition, after, err) : 0;
}

int apply_commit_partition(
    struct apply_context *context, const struct catalog_change *change, struct error *err)
{
    struct apply_stream *stream = apply_find_stream(context, &change->at, err);
    const int64_t after = change->partition.promote_after;
    struct apply_partition *partition;
    int64_t since;

    if (!stream || !(partition = apply_find_partition(context, stream, &change->at, err)))
        return -1;
    if (!partition->staged.id && change->if_missing)
        return 0;
    if (check_commit(context, change, stream, partition, err))
        return -1;
    since = after ? after : apply_take_position(context, stream);
    if ((after && promote(context, partition, after, err)) ||
        (partition->committed.id && deprecate(context, stream, partition, since, err)) ||
        commit_state(context, partition->staged.id, since, change->partition.compaction, err))
        return -1;
    partition->committed = partition->staged;
    partition->staged = (struct apply_replica){0};
    partition->fresh = true;
    count_in(stream, &partition->committed.totals, 1);
    stream->partition_change++;
    stream->changed = true;
    return 0;
}

/* --- deleting --- */

static int delete_staged(struct apply_context *context, const struct apply_stream *stream,
    struct apply_partition *partition, struct error *err)
{
    if (partition->named_id != partition->staged.id)
        return apply_fail_partition(stream, partition, ERROR_CONFLICT, err,
            "the partition with this id is committed; delete it by its values");
    if (apply_forget_partition(context, partition->staged.id, err))
        return -1;
    partition->staged = (struct apply_replica){0};
    return 0;
}

int apply_delete_partition(
    struct apply_context *context, const struct catalog_change *change, struct error *err)
{
    struct apply_stream *stream = apply_find_stream(context, &change->at, err);
    struct apply_partition *partition;

    if (!stream || !(partition = apply_find_partition(context, stream, &change->at, err)))
        return -1;
    if (change->at.partition_id)
        return delete_staged(context, stream, partition, err);
    if (!partition->committed.id && change->if_missing)
        return 0;
    if (!partition->committed.id)
        return apply_fail_partition(
            stream, partition, ERROR_NOT_FOUND, err, "there is no such partition");
    partition->deleted = true;
    return deprecate(context, stream, partition, apply_take_position(context, stream), err);
}

/* --- all of them --- */

static int sum_older(struct apply_context *context, const struct apply_stream *stream,
    struct apply_totals *ret_totals, int64_t *ret_count, struct error *err)
{
    sqlite3_stmt *statement = sqlite_statement(context->db,
        "SELECT count(*), total(rows), total(files), total(bytes) FROM partitions"
        " WHERE stream_id = ?1 AND state = 'committed' AND partition_id <= ?2",
        err);

    if (!statement)
        return -1;
    sqlite_bind_int(context->db, statement, 1, stream->stream_id);
    sqlite_bind_int(context->db, statement, 2, context->partition_floor);
    if (sqlite_step(context->db, statement, err) < 0)
        return -1;
    *ret_count = sqlite3_column_int64(statement, 0);
    ret_totals->rows = sqlite3_column_int64(statement, 1);
    ret_totals->files = sqlite3_column_int64(statement, 2);
    ret_totals->bytes = sqlite3_column_int64(statement, 3);
    sqlite_reset(statement);
    return 0;
}

static int deprecate_older(struct apply_context *context, const struct apply_stream *stream,
    int64_t position, struct error *err)
{
    sqlite3_stmt *statement = sqlite_statement(context->db,
        "UPDATE partitions SET state = 'deprecated', ended_ms = ?3, until = ?4"
        " WHERE stream_id = ?1 AND state = 'committed' AND partition_id <= ?2",
        err);

    if (!statement)
        return -1;
    sqlite_bind_int(context->db, statement, 1, stream->stream_id);
    sqlite_bind_int(context->db, statement, 2, context->partition_floor);
    sqlite_bind_int(context->db, statement, 3, context->now_ms);
    sqlite_bind_int(context->db, statement, 4, position);
    return sqlite_execute(context->db, statement, err);
}

int apply_delete_all(
    struct apply_context *context, const struct catalog_change *change, struct error *err)
{
    struct apply_stream *stream = apply_find_stream(context, &change->at, err);
    struct apply_totals totals;
    int64_t count;

    if (!stream || sum_older(context, stream, &totals, &count, err))
        return -1;
    stream->deleted_all = true;
    if (count == 0)
        return 0;
    if (deprecate_older(context, stream, apply_take_position(context, stream), err))
        return -1;
    count_in(stream, &totals, -1);
    stream->partition_change -= count;
    for (size_t i = 0; i < stream->partitions.count; i++) {
        struct apply_partition *partition = stream->partitions.entries[i].value;

        if (partition->committed.id <= context->partition_floor)
            partition->committed = (struct apply_replica){0};
    }
    return 0;
}
