/* Streams: staged, committed in place of the one before, deleted; and what an apply expects of
 * one. */
#include "connectors/catalog_sqlite/apply.h"

#include "runner/base/mem.h"
#include "runner/base/text.h"
#include "runner/base/uuid.h"

int apply_stage_stream(
    struct apply_context *context, const struct catalog_change *change, struct error *err)
{
    struct catalog_locator at = change->at;
    struct apply_stream *stream;
    char uuid[UUID_TEXT_SIZE];
    sqlite3_stmt *statement;

    at.stream_id = NULL; /* the new one's, not one to look for */
    stream = apply_find_stream(context, &at, err);
    context->last_at = NULL; /* `at` ends here */
    if (!stream)
        return -1;
    /* Its positions go on from those of the one that it is to replace. */
    statement = sqlite_statement(context->db,
        "INSERT INTO streams (uuid, version_id, state, previous_uuid, position, created_ms)"
        " SELECT ?1, version_id, 'staged', uuid, ?3, ?4 FROM streams WHERE stream_id = ?2",
        err);
    if (!statement)
        return -1;
    sqlite_bind_text(context->db, statement, 1,
        change->at.stream_id ? change->at.stream_id : uuid_v7(context->now_ms, uuid));
    sqlite_bind_int(context->db, statement, 2, stream->stream_id);
    sqlite_bind_int(context->db, statement, 3, stream->position);
    sqlite_bind_int(context->db, statement, 4, context->now_ms);
    if (sqlite_execute(context->db, statement, err) == 0)
        return 0;
    if (sqlite_constraint(context->db) == SQLITE_CONSTRAINT_UNIQUE)
        error_set(err, ERROR_EXISTS, "%s: a stream with the id %.100s exists already",
            stream->label, change->at.stream_id);
    return -1;
}

/* --- committing --- */

/* What a stream says of itself: its state and what it was staged to replace. */
static int read_stream(struct apply_context *context, const struct apply_stream *stream,
    enum catalog_commit_state *ret_state, const char **ret_previous, struct error *err)
{
    sqlite3_stmt *statement = sqlite_statement(
        context->db, "SELECT state, previous_uuid FROM streams WHERE stream_id = ?1", err);

    if (!statement)
        return -1;
    sqlite_bind_int(context->db, statement, 1, stream->stream_id);
    if (sqlite_step(context->db, statement, err) != 1)
        return -1;
    *ret_state = database_commit_state(sqlite_word(statement, 0));
    *ret_previous = sqlite_text(statement, 1, &context->arena);
    sqlite_reset(statement);
    return 0;
}

/* The committed one; its id is NULL where there is none. */
static int read_committed(struct apply_context *context, const struct apply_stream *stream,
    int64_t *ret_stream_id, const char **ret_uuid, int64_t *ret_position, struct error *err)
{
    sqlite3_stmt *statement = sqlite_statement(context->db,
        "SELECT stream_id, uuid, position FROM streams"
        " WHERE version_id = ?1 AND state = 'committed'",
        err);
    int step;

    if (!statement)
        return -1;
    sqlite_bind_int(context->db, statement, 1, stream->version_id);
    step = sqlite_step(context->db, statement, err);
    if (step < 0)
        return -1;
    *ret_stream_id = step == 1 ? sqlite3_column_int64(statement, 0) : 0;
    *ret_uuid = step == 1 ? sqlite_text(statement, 1, &context->arena) : NULL;
    *ret_position = step == 1 ? sqlite3_column_int64(statement, 2) : 0;
    sqlite_reset(statement);
    /* This apply may have moved it already. */
    for (const struct apply_stream *each = context->streams; each; each = each->next)
        if (each->stream_id == *ret_stream_id)
            *ret_position = each->position;
    return 0;
}

static int check_tags(
    struct apply_context *context, const struct apply_stream *stream, struct error *err)
{
    int64_t tags;

    if (apply_number(context, "SELECT count(*) FROM tags WHERE version_id = ?1", stream->version_id,
            0, &tags, err))
        return -1;
    if (tags == 0)
        return 0;
    return error_set(err, ERROR_CONFLICT,
        "%s: %lld tag%s positions of the stream that would be replaced; delete %s first",
        stream->label, (long long)tags, tags == 1 ? " holds" : "s hold", tags == 1 ? "it" : "them");
}

static int set_state(struct apply_context *context, int64_t stream_id,
    enum catalog_commit_state state, struct error *err)
{
    sqlite3_stmt *statement =
        sqlite_statement(context->db, "UPDATE streams SET state = ?2 WHERE stream_id = ?1", err);

    if (!statement)
        return -1;
    sqlite_bind_int(context->db, statement, 1, stream_id);
    sqlite_bind_text(context->db, statement, 2, catalog_commit_state_name(state));
    return sqlite_execute(context->db, statement, err);
}

/* Its first position is after all of both streams: what was read before cannot be read again. */
static int replace_stream(struct apply_context *context, struct apply_stream *stream,
    int64_t previous_id, int64_t previous_position, struct error *err)
{
    if ((previous_id && set_state(context, previous_id, CATALOG_REPLACED, err)) ||
        set_state(context, stream->stream_id, CATALOG_COMMITTED, err))
        return -1;
    if (!stream->took_position || stream->position <= previous_position)
        stream->position = MAX(stream->position, previous_position) + 1;
    stream->took_position = true;
    stream->first_position = apply_take_position(context, stream);
    apply_forget_streams(context);
    return apply_execute(context, "UPDATE streams SET first_position = ?2 WHERE stream_id = ?1",
        stream->stream_id, stream->first_position, 0, err);
}

int apply_commit_stream(
    struct apply_context *context, const struct catalog_change *change, struct error *err)
{
    struct apply_stream *stream = apply_find_stream(context, &change->at, err);
    const char *previous, *committed;
    int64_t committed_id, position;
    enum catalog_commit_state state;

    if (!stream || read_stream(context, stream, &state, &previous, err) ||
        read_committed(context, stream, &committed_id, &committed, &position, err))
        return -1;
    if (state != CATALOG_STAGED)
        return error_set(err, ERROR_CONFLICT, "%s: its stream is committed already", stream->label);
    if (!text_equal(previous, committed))
        return error_set(err, ERROR_CONFLICT,
            "%s: somebody else replaced its stream since stream %.100s was staged; run again",
            stream->label, change->at.stream_id);
    if (check_tags(context, stream, err))
        return -1;
    return replace_stream(context, stream, committed_id, position, err);
}

/* --- deleting --- */

static int delete_committed(
    struct apply_context *context, const struct database_version *version, struct error *err)
{
    apply_forget_streams(context);
    if (set_state(context, version->stream_id, CATALOG_REPLACED, err))
        return -1;
    return apply_execute(context,
        "UPDATE table_versions SET lifecycle = 'deleted' WHERE version_id = ?1",
        version->version_id, 0, 0, err);
}

int apply_delete_stream(
    struct apply_context *context, const struct catalog_change *change, struct error *err)
{
    struct database_version version;
    const int found = database_find_stream(context->db, &change->at, &version, err);

    if (found == 0 && change->if_missing)
        return 0;
    if (found != 1)
        return -1;
    return version.stream_state == CATALOG_COMMITTED
               ? delete_committed(context, &version, err)
               : apply_forget_stream(context, version.stream_id, err);
}

/* --- expecting --- */

static int check_expected(
    const struct catalog_change *change, const struct apply_stream *stream, struct error *err)
{
    if (change->at.position != stream->start_position)
        return error_set(err, ERROR_CONFLICT,
            "%s: somebody else was faster: its newest position is %lld and %lld was expected; run "
            "again",
            stream->label, (long long)stream->start_position, (long long)change->at.position);
    if (change->expect_schema_id && change->expect_schema_id != stream->start_schema_id)
        return error_set(err, ERROR_CONFLICT,
            "%s: somebody else was faster: its schema is %lld and %lld was expected; run again",
            stream->label, (long long)stream->start_schema_id, (long long)change->expect_schema_id);
    return 0;
}

/* Against what was there before this apply, wherever in it the change is. */
int apply_expect(
    struct apply_context *context, const struct catalog_change *change, struct error *err)
{
    struct database_version version;
    struct apply_stream *stream;
    int found;

    found = database_find_stream(context->db, &change->at, &version, err);
    if (found == 0 && change->at.position == 0)
        return 0;
    if (found == 0)
        return error_set(err, ERROR_CONFLICT, "%.300s (position %lld was expected); run again",
            err ? err->message : "", (long long)change->at.position);
    if (found < 0 || !(stream = apply_find_stream(context, &change->at, err)))
        return -1;
    return check_expected(change, stream, err);
}
