/* Deltas: staged with their manifest, committed at the position that their apply takes. */
#include "connectors/catalog_sqlite/apply.h"

#include <stdio.h>

/* Into what this apply staged, else into what is committed. */
static struct apply_replica *target_of(struct apply_partition *partition)
{
    if (partition->staged.id)
        return &partition->staged;
    return partition->committed.id ? &partition->committed : NULL;
}

static int find_target(struct apply_context *context, const struct catalog_change *change,
    struct apply_stream **ret_stream, struct apply_partition **ret_partition,
    struct apply_replica **ret_target, struct error *err)
{
    struct apply_stream *stream = apply_find_stream(context, &change->at, err);
    struct apply_partition *partition;

    if (!stream || !(partition = apply_find_partition(context, stream, &change->at, err)))
        return -1;
    if (!target_of(partition))
        return apply_fail_partition(
            stream, partition, ERROR_NOT_FOUND, err, "there is no such partition; stage it first");
    *ret_stream = stream;
    *ret_partition = partition;
    *ret_target = target_of(partition);
    return 0;
}

/* --- staging --- */

static int sum_files(
    const struct catalog_change *change, struct apply_totals *ret_totals, struct error *err)
{
    struct apply_totals totals = {.files = (int64_t)change->delta.file_count};

    for (size_t i = 0; i < change->delta.file_count; i++) {
        const struct catalog_file *file = &change->delta.files[i];

        if (!file->key || !file->key[0] || !file->format || file->rows < 0 ||
            file->bytes > INT64_MAX ||
            __builtin_add_overflow(totals.rows, file->rows, &totals.rows) ||
            __builtin_add_overflow(totals.bytes, (int64_t)file->bytes, &totals.bytes))
            return error_set(err, ERROR_INVALID,
                "file %zu of the manifest (%.200s) lacks a key or a format, or its counts are out "
                "of range",
                i + 1, file->key ? file->key : "");
    }
    *ret_totals = totals;
    return 0;
}

static int insert_delta(struct apply_context *context, const struct apply_stream *stream,
    int64_t partition_id, const struct catalog_change *change, const struct apply_totals *totals,
    struct error *err)
{
    struct sqlite *db = context->db;
    sqlite3_stmt *statement = sqlite_statement(db,
        "INSERT INTO deltas (partition_id, stream_id, type, state, rows, files, bytes, run_id,"
        "  created_ms) VALUES (?1, ?2, ?3, 'staged', ?4, ?5, ?6, ?7, ?8)",
        err);

    if (!statement)
        return -1;
    sqlite_bind_int(db, statement, 1, partition_id);
    sqlite_bind_int(db, statement, 2, stream->stream_id);
    sqlite_bind_text(db, statement, 3, catalog_delta_type_name(change->delta.type));
    sqlite_bind_int(db, statement, 4, totals->rows);
    sqlite_bind_int(db, statement, 5, totals->files);
    sqlite_bind_int(db, statement, 6, totals->bytes);
    sqlite_bind_text(db, statement, 7, context->apply->run_id);
    sqlite_bind_int(db, statement, 8, context->now_ms);
    return sqlite_execute(db, statement, err);
}

static int insert_files(struct apply_context *context, const struct catalog_change *change,
    int64_t delta_id, struct error *err)
{
    struct sqlite *db = context->db;
    sqlite3_stmt *statement = sqlite_statement(db,
        "INSERT INTO files (delta_id, ordinal, path, format, rows, bytes)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        err);

    if (!statement)
        return -1;
    for (size_t i = 0; i < change->delta.file_count; i++) {
        const struct catalog_file *file = &change->delta.files[i];

        sqlite_bind_int(db, statement, 1, delta_id);
        sqlite_bind_int(db, statement, 2, (int64_t)i + 1);
        sqlite_bind_text(db, statement, 3, file->key);
        sqlite_bind_text(db, statement, 4, file->format);
        sqlite_bind_int(db, statement, 5, file->rows);
        sqlite_bind_int(db, statement, 6, (int64_t)file->bytes);
        if (sqlite_execute(db, statement, err))
            return -1;
    }
    return 0;
}

int apply_stage_delta(
    struct apply_context *context, const struct catalog_change *change, struct error *err)
{
    struct apply_stream *stream;
    struct apply_partition *partition;
    struct apply_replica *target;
    struct apply_totals totals;

    if (find_target(context, change, &stream, &partition, &target, err))
        return -1;
    if (sum_files(change, &totals, err))
        return apply_fail_partition(stream, partition, err->code, err, err->message);
    if (insert_delta(context, stream, target->id, change, &totals, err))
        return -1;
    return insert_files(context, change, sqlite3_last_insert_rowid(context->db->db), err);
}

/* --- committing --- */

struct staged_delta {
    int64_t id;
    enum catalog_delta_type type;
    struct apply_totals totals;
};

/* The oldest one that is staged in the partition; what an earlier apply left there counts only
 * where the change names the partition by its id. 1: found. */
static int find_staged(struct apply_context *context, const struct catalog_change *change,
    int64_t partition_id, struct staged_delta *ret_delta, struct error *err)
{
    struct sqlite *db = context->db;
    sqlite3_stmt *statement = sqlite_statement(db,
        "SELECT delta_id, type, rows, files, bytes FROM deltas"
        " WHERE partition_id = ?1 AND position IS NULL AND delta_id > ?2"
        " ORDER BY delta_id LIMIT 1",
        err);
    int step;

    if (!statement)
        return -1;
    sqlite_bind_int(db, statement, 1, partition_id);
    sqlite_bind_int(db, statement, 2, change->at.partition_id ? 0 : context->delta_floor);
    step = sqlite_step(db, statement, err);
    if (step == 1) {
        *ret_delta = (struct staged_delta){.id = sqlite3_column_int64(statement, 0),
            .type = database_delta_type(sqlite_word(statement, 1)),
            .totals = {.rows = sqlite3_column_int64(statement, 2),
                .files = sqlite3_column_int64(statement, 3),
                .bytes = sqlite3_column_int64(statement, 4)}};
        sqlite_reset(statement);
    }
    return step;
}

static int set_position(struct apply_context *context, int64_t delta_id, int64_t position,
    int64_t previous_position, struct error *err)
{
    sqlite3_stmt *statement = sqlite_statement(context->db,
        "UPDATE deltas SET state = 'committed', position = ?2, previous_position = ?3"
        " WHERE delta_id = ?1",
        err);

    if (!statement)
        return -1;
    sqlite_bind_int(context->db, statement, 1, delta_id);
    sqlite_bind_int(context->db, statement, 2, position);
    if (previous_position)
        sqlite_bind_int(context->db, statement, 3, previous_position);
    return sqlite_execute(context->db, statement, err);
}

/* Executes a text whose parameters are the ids and types of two deltas of one partition. */
static int change_two(struct apply_context *context, const char *sql, int64_t into_id,
    int64_t from_id, struct error *err)
{
    sqlite3_stmt *statement = sqlite_statement(context->db, sql, err);

    if (!statement)
        return -1;
    sqlite_bind_int(context->db, statement, 1, into_id);
    sqlite_bind_int(context->db, statement, 2, from_id);
    return sqlite_execute(context->db, statement, err);
}

static int find_at_position(struct apply_context *context, int64_t partition_id, int64_t position,
    struct staged_delta *ret_delta, struct error *err)
{
    sqlite3_stmt *statement = sqlite_statement(context->db,
        "SELECT delta_id, type FROM deltas WHERE partition_id = ?1 AND position = ?2", err);
    int step;

    if (!statement)
        return -1;
    sqlite_bind_int(context->db, statement, 1, partition_id);
    sqlite_bind_int(context->db, statement, 2, position);
    step = sqlite_step(context->db, statement, err);
    if (step == 1) {
        ret_delta->id = sqlite3_column_int64(statement, 0);
        ret_delta->type = database_delta_type(sqlite_word(statement, 1));
        sqlite_reset(statement);
    }
    return step == 1 ? 0 : -1;
}

static bool can_merge(enum catalog_delta_type a, enum catalog_delta_type b)
{
    return a == b || (a <= CATALOG_APPEND && b <= CATALOG_APPEND);
}

/* A second delta of one run in one partition joins the first: there is one delta at a position.
 * The rule is DeltaCAT's merge_deltas: one type, add and append together are add. */
static int merge(struct apply_context *context, const struct apply_stream *stream,
    const struct apply_partition *partition, const struct apply_replica *target,
    const struct staged_delta *delta, struct error *err)
{
    static const char move[] =
        "UPDATE files SET ordinal = ordinal + (SELECT files FROM deltas WHERE delta_id = ?1),"
        " delta_id = ?1 WHERE delta_id = ?2";
    static const char add[] =
        "UPDATE deltas SET (type, rows, files, bytes) = (SELECT"
        "   iif(s.type = deltas.type, s.type, 'add'), deltas.rows + s.rows,"
        "   deltas.files + s.files, deltas.bytes + s.bytes FROM deltas s WHERE s.delta_id = ?2)"
        " WHERE delta_id = ?1";
    static const char remove[] = "DELETE FROM deltas WHERE delta_id = ?2 AND delta_id <> ?1";
    struct staged_delta there;

    if (find_at_position(context, target->id, stream->position, &there, err))
        return -1;
    if (!can_merge(there.type, delta->type)) {
        char why[160];

        snprintf(why, sizeof(why), "one run cannot both %s and %s in one partition",
            catalog_delta_type_name(there.type), catalog_delta_type_name(delta->type));
        return apply_fail_partition(stream, partition, ERROR_CONFLICT, err, why);
    }
    if (change_two(context, move, there.id, delta->id, err) ||
        change_two(context, add, there.id, delta->id, err))
        return -1;
    return change_two(context, remove, there.id, delta->id, err);
}

static int add_to_partition(struct apply_context *context, struct apply_replica *target,
    const struct staged_delta *delta, int64_t position, struct error *err)
{
    struct sqlite *db = context->db;
    sqlite3_stmt *statement = sqlite_statement(db,
        "UPDATE partitions SET position = ?2, rows = rows + ?3, files = files + ?4,"
        " bytes = bytes + ?5 WHERE partition_id = ?1",
        err);

    if (!statement)
        return -1;
    sqlite_bind_int(db, statement, 1, target->id);
    sqlite_bind_int(db, statement, 2, position);
    sqlite_bind_int(db, statement, 3, delta->totals.rows);
    sqlite_bind_int(db, statement, 4, delta->totals.files);
    sqlite_bind_int(db, statement, 5, delta->totals.bytes);
    if (sqlite_execute(db, statement, err))
        return -1;
    target->position = position;
    target->totals.rows += delta->totals.rows;
    target->totals.files += delta->totals.files;
    target->totals.bytes += delta->totals.bytes;
    return 0;
}

int apply_commit_delta(
    struct apply_context *context, const struct catalog_change *change, struct error *err)
{
    struct apply_stream *stream;
    struct apply_partition *partition;
    struct apply_replica *target;
    struct staged_delta delta;
    int found;

    if (find_target(context, change, &stream, &partition, &target, err))
        return -1;
    found = find_staged(context, change, target->id, &delta, err);
    if (found == 0)
        apply_fail_partition(stream, partition, ERROR_NOT_FOUND, err,
            "no delta is staged in it that could be committed");
    if (found != 1)
        return -1;
    if (!stream->took_position)
        stream->position++;
    stream->took_position = stream->changed = true;
    if (target->position == stream->position
            ? merge(context, stream, partition, target, &delta, err)
            : set_position(context, delta.id, stream->position, target->position, err))
        return -1;
    if (target == &partition->committed) {
        stream->change.rows += delta.totals.rows;
        stream->change.files += delta.totals.files;
        stream->change.bytes += delta.totals.bytes;
    }
    return add_to_partition(context, target, &delta, stream->position, err);
}
