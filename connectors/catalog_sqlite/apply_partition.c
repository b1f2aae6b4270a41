/* Partitions: staged, committed in place of the one before, deprecated. */
#include "connectors/catalog_sqlite/apply.h"

#include "runner/base/uuid.h"

/* --- staging --- */

static int insert_partition(struct apply_context *context, const struct apply_stream *stream,
    struct apply_partition *partition, const char *id, struct error *err)
{
    struct sqlite *db = context->db;
    char uuid[UUID_TEXT_SIZE];
    sqlite3_stmt *statement = sqlite_statement(db,
        "INSERT INTO partitions (uuid, stream_id, partition_values, state, previous_id,"
        "  previous_position, run_id, created_ms)"
        " VALUES (?1, ?2, ?3, 'staged', ?4, ?5, ?6, ?7)",
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
    if (sqlite_execute(db, statement, err)) {
        if (sqlite_constraint(db) == SQLITE_CONSTRAINT_UNIQUE)
            apply_fail_partition(
                stream, partition, ERROR_EXISTS, err, "a partition with this id exists already");
        return -1;
    }
    partition->staged = (struct apply_replica){.id = sqlite3_last_insert_rowid(context->db->db)};
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
    return insert_partition(context, stream, partition, change->at.partition_id, err);
}

/* --- states --- */

static int set_state(struct apply_context *context, int64_t partition_id,
    enum catalog_commit_state state, struct error *err)
{
    struct sqlite *db = context->db;
    sqlite3_stmt *statement = sqlite_statement(
        db, "UPDATE partitions SET state = ?2, ended_ms = ?3 WHERE partition_id = ?1", err);

    if (!statement)
        return -1;
    sqlite_bind_int(db, statement, 1, partition_id);
    sqlite_bind_text(db, statement, 2, catalog_commit_state_name(state));
    if (state == CATALOG_REPLACED)
        sqlite_bind_int(db, statement, 3, context->now_ms);
    return sqlite_execute(db, statement, err);
}

static void count_out(struct apply_stream *stream, const struct apply_totals *totals)
{
    stream->change.rows -= totals->rows;
    stream->change.files -= totals->files;
    stream->change.bytes -= totals->bytes;
}

/* The committed one, of which there must be one. */
static int deprecate(struct apply_context *context, struct apply_stream *stream,
    struct apply_partition *partition, struct error *err)
{
    if (set_state(context, partition->committed.id, CATALOG_REPLACED, err))
        return -1;
    count_out(stream, &partition->committed.totals);
    stream->partition_change--;
    stream->changed = true;
    partition->committed = (struct apply_replica){0};
    return 0;
}

/* What was there when it was staged must be there still, or have been removed by this apply. */
static bool is_still_previous(
    const struct apply_stream *stream, const struct apply_partition *partition)
{
    if (partition->committed.id == partition->staged_previous_id)
        return true;
    return partition->committed.id == 0 && (partition->deleted || stream->deleted_all);
}

int apply_commit_partition(
    struct apply_context *context, const struct catalog_change *change, struct error *err)
{
    struct apply_stream *stream = apply_find_stream(context, &change->at, err);
    struct apply_partition *partition;

    if (!stream || !(partition = apply_find_partition(context, stream, &change->at, err)))
        return -1;
    if (!partition->staged.id && change->if_missing)
        return 0;
    if (!partition->staged.id)
        return apply_fail_partition(stream, partition, ERROR_NOT_FOUND, err,
            "nothing is staged for it that could be committed");
    if (!is_still_previous(stream, partition))
        return apply_fail_partition(stream, partition, ERROR_CONFLICT, err,
            "somebody else replaced it since it was staged; run again");
    if (partition->committed.id && deprecate(context, stream, partition, err))
        return -1;
    if (set_state(context, partition->staged.id, CATALOG_COMMITTED, err))
        return -1;
    partition->committed = partition->staged;
    partition->staged = (struct apply_replica){0};
    stream->change.rows += partition->committed.totals.rows;
    stream->change.files += partition->committed.totals.files;
    stream->change.bytes += partition->committed.totals.bytes;
    stream->partition_change++;
    stream->changed = true;
    return 0;
}

int apply_delete_partition(
    struct apply_context *context, const struct catalog_change *change, struct error *err)
{
    struct apply_stream *stream = apply_find_stream(context, &change->at, err);
    struct apply_partition *partition;

    if (!stream || !(partition = apply_find_partition(context, stream, &change->at, err)))
        return -1;
    if (!partition->committed.id && change->if_missing)
        return 0;
    if (!partition->committed.id)
        return apply_fail_partition(
            stream, partition, ERROR_NOT_FOUND, err, "there is no such partition");
    partition->deleted = true;
    return deprecate(context, stream, partition, err);
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

static int deprecate_older(
    struct apply_context *context, const struct apply_stream *stream, struct error *err)
{
    sqlite3_stmt *statement = sqlite_statement(context->db,
        "UPDATE partitions SET state = 'deprecated', ended_ms = ?3"
        " WHERE stream_id = ?1 AND state = 'committed' AND partition_id <= ?2",
        err);

    if (!statement)
        return -1;
    sqlite_bind_int(context->db, statement, 1, stream->stream_id);
    sqlite_bind_int(context->db, statement, 2, context->partition_floor);
    sqlite_bind_int(context->db, statement, 3, context->now_ms);
    return sqlite_execute(context->db, statement, err);
}

int apply_delete_all(
    struct apply_context *context, const struct catalog_change *change, struct error *err)
{
    struct apply_stream *stream = apply_find_stream(context, &change->at, err);
    struct apply_totals totals;
    int64_t count;

    if (!stream || sum_older(context, stream, &totals, &count, err) ||
        deprecate_older(context, stream, err))
        return -1;
    count_out(stream, &totals);
    stream->partition_change -= count;
    stream->deleted_all = true;
    stream->changed = true;
    for (size_t i = 0; i < stream->partitions.count; i++) {
        struct apply_partition *partition = stream->partitions.entries[i].value;

        if (partition->committed.id <= context->partition_floor)
            partition->committed = (struct apply_replica){0};
    }
    return 0;
}
