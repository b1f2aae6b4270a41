/* Deltas committed: each at the position that its apply takes in the stream. */
#include "connectors/catalog_sqlite/apply.h"

#include <stdio.h>

/* --- which one --- */

/* The oldest one that is staged in the partition; what an earlier apply left there counts only
 * where the change names the partition by its id. 1: found. */
static int find_oldest(struct apply_context *context, const struct catalog_change *change,
    int64_t partition_id, struct apply_delta *ret_delta, struct error *err)
{
    struct sqlite *db = context->db;
    sqlite3_stmt *statement = sqlite_statement(db,
        "SELECT delta_id, type, rewrite, rows, files, bytes FROM deltas"
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
        *ret_delta = (struct apply_delta){.id = sqlite3_column_int64(statement, 0),
            .type = database_delta_type(sqlite_word(statement, 1)),
            .rewrite = sqlite3_column_int(statement, 2),
            .totals = {.rows = sqlite3_column_int64(statement, 3),
                .files = sqlite3_column_int64(statement, 4),
                .bytes = sqlite3_column_int64(statement, 5)}};
        sqlite_reset(statement);
    }
    return step;
}

/* The locator of the partition that a delta is staged in. */
static int locate(struct apply_context *context, const struct catalog_change *change,
    const struct apply_delta *delta, struct catalog_locator *ret_at, struct error *err)
{
    sqlite3_stmt *statement =
        sqlite_statement(context->db, "SELECT uuid FROM partitions WHERE partition_id = ?1", err);

    if (!statement)
        return -1;
    sqlite_bind_int(context->db, statement, 1, delta->partition_id);
    if (sqlite_step(context->db, statement, err) != 1)
        return -1;
    *ret_at = change->at;
    ret_at->partition_id = sqlite_text(statement, 0, &context->arena);
    sqlite_reset(statement);
    return 0;
}

/* One commit under way. */
struct committing {
    struct apply_stream *stream;
    struct apply_partition *partition;
    struct apply_replica *target;
    struct apply_delta delta;
};

static int find_by_id(struct apply_context *context, const struct catalog_change *change,
    struct committing *what, struct error *err)
{
    struct catalog_locator at;
    int result;

    if (apply_find_delta(context, &change->at, change->at.delta_id, &what->delta, err) != 1 ||
        locate(context, change, &what->delta, &at, err))
        return -1;
    result = apply_find_target(context, &at, &what->stream, &what->partition, &what->target, err);
    context->last_at = NULL; /* `at` ends here */
    if (result)
        return -1;
    if (what->delta.is_committed)
        return apply_fail_partition(what->stream, what->partition, ERROR_CONFLICT, err,
            "the delta with this id is committed already");
    return 0;
}

static int find_delta(struct apply_context *context, const struct catalog_change *change,
    struct committing *what, struct error *err)
{
    int found;

    if (change->at.delta_id)
        return find_by_id(context, change, what, err);
    if (apply_find_target(
            context, &change->at, &what->stream, &what->partition, &what->target, err))
        return -1;
    found = find_oldest(context, change, what->target->id, &what->delta, err);
    if (found == 0)
        apply_fail_partition(what->stream, what->partition, ERROR_NOT_FOUND, err,
            "no delta is staged in it that could be committed");
    return found == 1 ? 0 : -1;
}

/* --- where --- */

static int fail_position(const struct committing *what, int64_t position, struct error *err)
{
    char why[160];

    snprintf(why, sizeof(why),
        "position %lld cannot be taken: the stream is at %lld, the partition at %lld, and "
        "positions grow",
        (long long)position, (long long)what->stream->position, (long long)what->target->position);
    return apply_fail_partition(what->stream, what->partition, ERROR_CONFLICT, err, why);
}

/* Rows that were committed before may keep their place: in a partition that nobody reads yet. */
static int take_position(struct apply_context *context, struct committing *what, int64_t wanted,
    int64_t *ret_position, struct error *err)
{
    struct apply_stream *stream = what->stream;

    if (wanted && what->delta.rewrite && what->target == &what->partition->staged &&
        wanted <= stream->position) {
        if (wanted < what->target->position)
            return fail_position(what, wanted, err);
        *ret_position = wanted;
        return 0;
    }
    if (wanted && (stream->took_position ? wanted != stream->position : wanted <= stream->position))
        return fail_position(what, wanted, err);
    if (wanted) {
        stream->position = wanted;
        stream->took_position = true;
    }
    *ret_position = apply_take_position(context, stream);
    return 0;
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

/* --- joining --- */

static int find_at_position(struct apply_context *context, int64_t partition_id, int64_t position,
    struct apply_delta *ret_delta, struct error *err)
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

/* A second delta of one run in one partition joins the first: there is one delta at a position. */
static int join(struct apply_context *context, const struct committing *what, int64_t position,
    struct error *err)
{
    static const char add[] =
        "UPDATE deltas SET (type, rewrite, rows, files, bytes) = (SELECT"
        "   iif(s.type = deltas.type, s.type, 'add'), min(s.rewrite, deltas.rewrite),"
        "   deltas.rows + s.rows, deltas.files + s.files, deltas.bytes + s.bytes"
        "   FROM deltas s WHERE s.delta_id = ?2)"
        " WHERE delta_id = ?1";
    struct apply_delta there;

    if (find_at_position(context, what->target->id, position, &there, err))
        return -1;
    if (!apply_can_merge(there.type, what->delta.type)) {
        char why[160];

        snprintf(why, sizeof(why), "one run cannot both %s and %s in one partition",
            catalog_delta_type_name(there.type), catalog_delta_type_name(what->delta.type));
        return apply_fail_partition(what->stream, what->partition, ERROR_CONFLICT, err, why);
    }
    if (apply_move_files(context, there.id, what->delta.id, err) ||
        apply_execute(context, add, there.id, what->delta.id, 0, err))
        return -1;
    return apply_forget_delta(context, what->delta.id, err);
}

/* --- sums --- */

static int add_to_partition(struct apply_context *context, struct apply_replica *target,
    const struct apply_delta *delta, int64_t position, struct error *err)
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
    struct committing what = {0};
    int64_t position;

    if (find_delta(context, change, &what, err) ||
        take_position(context, &what, change->at.position, &position, err))
        return -1;
    if (what.target->position == position
            ? join(context, &what, position, err)
            : set_position(context, what.delta.id, position, what.target->position, err))
        return -1;
    if (what.target == &what.partition->committed) {
        what.stream->change.rows += what.delta.totals.rows;
        what.stream->change.files += what.delta.totals.files;
        what.stream->change.bytes += what.delta.totals.bytes;
    }
    return add_to_partition(context, what.target, &what.delta, position, err);
}
