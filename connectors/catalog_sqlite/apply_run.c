/* What a run leaves beside data: its fence, cursors, record and publications. */
#include "connectors/catalog_sqlite/apply.h"

#include "runner/base/mem.h"
#include "runner/base/text.h"
#include "runner/base/time.h"

#include <string.h>

/* --- fences --- */

/* 1: there is one. */
static int find_fence(struct apply_context *context, const char *pipeline, const char *instance,
    int64_t *ret_fence, struct error *err)
{
    sqlite3_stmt *statement = sqlite_statement(
        context->db, "SELECT fence FROM fences WHERE pipeline = ?1 AND instance = ?2", err);
    int step;

    if (!statement)
        return -1;
    sqlite_bind_text(context->db, statement, 1, pipeline);
    sqlite_bind_text(context->db, statement, 2, instance);
    step = sqlite_step(context->db, statement, err);
    if (step == 1) {
        *ret_fence = sqlite3_column_int64(statement, 0);
        sqlite_reset(statement);
    }
    return step;
}

static int put_fence(struct apply_context *context, const char *pipeline, const char *instance,
    int64_t fence, struct error *err)
{
    sqlite3_stmt *statement = sqlite_statement(context->db,
        "INSERT INTO fences (pipeline, instance, fence, run_id) VALUES (?1, ?2, ?3, ?4)"
        " ON CONFLICT DO UPDATE SET fence = excluded.fence, run_id = excluded.run_id",
        err);

    if (!statement)
        return -1;
    sqlite_bind_text(context->db, statement, 1, pipeline);
    sqlite_bind_text(context->db, statement, 2, instance);
    sqlite_bind_int(context->db, statement, 3, fence);
    sqlite_bind_text(context->db, statement, 4, context->apply->run_id);
    return sqlite_execute(context->db, statement, err);
}

static int fail_fenced(struct apply_context *context, const char *pipeline, const char *instance,
    int64_t fence, int64_t greater, struct error *err)
{
    context->apply->ret_fence = greater;
    return error_set(err, ERROR_FENCED,
        "%s%s%s: a later run took over (its fence is %lld, this run's is %lld), so this one may no "
        "longer commit; nothing was changed",
        pipeline, instance[0] ? "/" : "", instance, (long long)greater, (long long)fence);
}

int apply_check_fence(struct apply_context *context, struct error *err)
{
    const struct catalog_apply *apply = context->apply;
    const char *instance = apply->instance ? apply->instance : "";
    int64_t fence;
    const int found = find_fence(context, apply->pipeline, instance, &fence, err);

    if (found < 0)
        return -1;
    if (found == 1 && fence > apply->fence)
        return fail_fenced(context, apply->pipeline, instance, apply->fence, fence, err);
    if (found == 1 && fence == apply->fence)
        return 0;
    return put_fence(context, apply->pipeline, instance, apply->fence, err);
}

/* The same number is refused, too, also to the same run: it comes from a state that was lost and
 * began anew, and whoever raised it may still be alive. */
int apply_raise_fence(
    struct apply_context *context, const struct catalog_change *change, struct error *err)
{
    const char *pipeline = change->fence.pipeline;
    const char *instance = change->fence.instance ? change->fence.instance : "";
    int64_t fence;
    int found;

    if (!pipeline)
        return error_set(err, ERROR_INVALID, "a fence needs the name of a pipeline");
    found = find_fence(context, pipeline, instance, &fence, err);
    if (found < 0)
        return -1;
    if (found == 1 && fence >= change->fence.fence)
        return fail_fenced(context, pipeline, instance, change->fence.fence, fence, err);
    return put_fence(context, pipeline, instance, change->fence.fence, err);
}

/* --- cursors --- */

static int check_cursor(const struct catalog_cursor *cursor, struct error *err)
{
    if (cursor->pipeline && cursor->instance && cursor->load && cursor->extract)
        return 0;
    return error_set(
        err, ERROR_INVALID, "a cursor needs the names of its pipeline, instance, load and extract");
}

/* ?1 to ?4: what a cursor is known by. */
static void bind_names(
    struct sqlite *db, sqlite3_stmt *statement, const struct catalog_cursor *cursor)
{
    sqlite_bind_text(db, statement, 1, cursor->pipeline);
    sqlite_bind_text(db, statement, 2, cursor->instance);
    sqlite_bind_text(db, statement, 3, cursor->load);
    sqlite_bind_text(db, statement, 4, cursor->extract);
}

int apply_set_cursor(
    struct apply_context *context, const struct catalog_change *change, struct error *err)
{
    const struct catalog_cursor *cursor = &change->cursor;
    struct sqlite *db = context->db;
    sqlite3_stmt *statement;

    if (check_cursor(cursor, err))
        return -1;
    statement = sqlite_statement(db,
        "INSERT INTO cursors (pipeline, instance, load, extract, state, run_id, updated_ms)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO UPDATE"
        " SET state = excluded.state, run_id = excluded.run_id, updated_ms = excluded.updated_ms",
        err);
    if (!statement)
        return -1;
    bind_names(db, statement, cursor);
    sqlite_bind_text(db, statement, 5, cursor->state ? cursor->state : "{}");
    sqlite_bind_text(db, statement, 6, context->apply->run_id);
    sqlite_bind_int(db, statement, 7, context->now_ms);
    return sqlite_execute(db, statement, err);
}

int apply_delete_cursor(
    struct apply_context *context, const struct catalog_change *change, struct error *err)
{
    static const char *const statements[] = {
        "DELETE FROM seen WHERE cursor_id IN (SELECT cursor_id FROM cursors WHERE pipeline = ?1"
        "  AND instance = ?2 AND (?3 IS NULL OR load = ?3) AND (?4 IS NULL OR extract = ?4))",
        "DELETE FROM cursors WHERE pipeline = ?1 AND instance = ?2"
        "  AND (?3 IS NULL OR load = ?3) AND (?4 IS NULL OR extract = ?4)"};

    if (!change->cursor.pipeline || !change->cursor.instance)
        return error_set(err, ERROR_INVALID, "a cursor needs the names of its pipeline, instance");
    for (size_t i = 0; i < ARRAY_LENGTH(statements); i++) {
        sqlite3_stmt *statement = sqlite_statement(context->db, statements[i], err);

        if (!statement)
            return -1;
        bind_names(context->db, statement, &change->cursor);
        if (sqlite_execute(context->db, statement, err))
            return -1;
    }
    context->last_cursor = NULL; /* it may be gone */
    return 0;
}

static bool same_cursor(const struct catalog_cursor *a, const struct catalog_cursor *b)
{
    return text_equal(a->pipeline, b->pipeline) && text_equal(a->instance, b->instance) &&
           text_equal(a->load, b->load) && text_equal(a->extract, b->extract);
}

/* Its id; it is made where there is none, as objects may be seen before a cursor is set. */
static int find_cursor(struct apply_context *context, const struct catalog_cursor *cursor,
    int64_t *ret_id, struct error *err)
{
    struct sqlite *db = context->db;
    sqlite3_stmt *statement;
    int step;

    if (context->last_cursor && same_cursor(context->last_cursor, cursor)) {
        *ret_id = context->last_cursor_id;
        return 0;
    }
    statement = sqlite_statement(db,
        "INSERT INTO cursors (pipeline, instance, load, extract, updated_ms)"
        " VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO UPDATE SET updated_ms = excluded.updated_ms"
        " RETURNING cursor_id",
        err);
    if (!statement)
        return -1;
    bind_names(db, statement, cursor);
    sqlite_bind_int(db, statement, 5, context->now_ms);
    step = sqlite_step(db, statement, err);
    if (step < 0)
        return -1;
    *ret_id = context->last_cursor_id = sqlite3_column_int64(statement, 0);
    context->last_cursor = cursor;
    return sqlite_execute(db, statement, err);
}

int apply_add_seen(
    struct apply_context *context, const struct catalog_change *change, struct error *err)
{
    const struct catalog_seen *seen = &change->seen.seen;
    struct sqlite *db = context->db;
    sqlite3_stmt *statement;
    int64_t cursor_id;

    if (check_cursor(&change->seen.cursor, err))
        return -1;
    if (!seen->key || seen->size > INT64_MAX)
        return error_set(err, ERROR_INVALID, "an object that was seen needs a key and a size");
    if (find_cursor(context, &change->seen.cursor, &cursor_id, err))
        return -1;
    statement = sqlite_statement(db,
        "INSERT INTO seen (cursor_id, key, version, size) VALUES (?1, ?2, ?3, ?4)"
        " ON CONFLICT DO UPDATE SET version = excluded.version, size = excluded.size",
        err);
    if (!statement)
        return -1;
    sqlite_bind_int(db, statement, 1, cursor_id);
    sqlite_bind_text(db, statement, 2, seen->key);
    sqlite_bind_text(db, statement, 3, seen->version);
    sqlite_bind_int(db, statement, 4, (int64_t)seen->size);
    return sqlite_execute(db, statement, err);
}

/* --- the run's record --- */

static int fail_committed(struct apply_context *context, const char *run_id, struct error *err)
{
    sqlite3_stmt *statement =
        sqlite_statement(context->db, "SELECT committed_ms FROM commits WHERE run_id = ?1", err);
    char time[TIME_TEXT_SIZE];

    if (!statement)
        return -1;
    sqlite_bind_text(context->db, statement, 1, run_id);
    if (sqlite_step(context->db, statement, err) < 0)
        return -1;
    time_format_rfc3339(sqlite3_column_int64(statement, 0), time);
    sqlite_reset(statement);
    return error_set(err, ERROR_EXISTS,
        "run %s: it was committed already, at %s; nothing was changed", run_id, time);
}

int apply_record_commit(
    struct apply_context *context, const struct catalog_change *change, struct error *err)
{
    const struct catalog_commit *commit = &change->commit;
    struct sqlite *db = context->db;
    sqlite3_stmt *statement;

    if (!commit->run_id || !commit->run_id[0] || !commit->pipeline || !commit->instance)
        return error_set(
            err, ERROR_INVALID, "the record of a run needs its id, its pipeline and its instance");
    statement = sqlite_statement(db,
        "INSERT INTO commits (run_id, pipeline, instance, fence, committed_ms, record)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        err);
    if (!statement)
        return -1;
    sqlite_bind_text(db, statement, 1, commit->run_id);
    sqlite_bind_text(db, statement, 2, commit->pipeline);
    sqlite_bind_text(db, statement, 3, commit->instance);
    sqlite_bind_int(db, statement, 4, commit->fence);
    sqlite_bind_int(
        db, statement, 5, commit->committed_ms ? commit->committed_ms : context->now_ms);
    sqlite_bind_text(db, statement, 6, commit->record ? commit->record : "{}");
    if (sqlite_execute(db, statement, err) == 0)
        return 0;
    return sqlite_constraint(db) == SQLITE_CONSTRAINT_UNIQUE
               ? fail_committed(context, commit->run_id, err)
               : -1;
}

/* --- publications --- */

int apply_add_publication(
    struct apply_context *context, const struct catalog_change *change, struct error *err)
{
    const struct catalog_publication *publication = &change->publication;
    const struct catalog_apply *apply = context->apply;
    struct sqlite *db = context->db;
    sqlite3_stmt *statement;

    if (!apply->pipeline || !publication->run_id || !publication->load || !publication->from ||
        !publication->to)
        return error_set(err, ERROR_INVALID,
            "a publication needs its run, load, source and target, and an apply with a pipeline");
    statement = sqlite_statement(db,
        "INSERT INTO publications (pipeline, instance, run_id, load, source, target)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        err);
    if (!statement)
        return -1;
    sqlite_bind_text(db, statement, 1, apply->pipeline);
    sqlite_bind_text(db, statement, 2, apply->instance ? apply->instance : "");
    sqlite_bind_text(db, statement, 3, publication->run_id);
    sqlite_bind_text(db, statement, 4, publication->load);
    sqlite_bind_text(db, statement, 5, publication->from);
    sqlite_bind_text(db, statement, 6, publication->to);
    if (sqlite_execute(db, statement, err) == 0)
        return 0;
    if (sqlite_constraint(db) == SQLITE_CONSTRAINT_UNIQUE)
        return error_set(err, ERROR_EXISTS, "run %s: load.%s publishes %s twice",
            publication->run_id, publication->load, publication->to);
    return -1;
}

int apply_end_publication(
    struct apply_context *context, const struct catalog_change *change, struct error *err)
{
    const struct catalog_publication *publication = &change->publication;
    struct sqlite *db = context->db;
    sqlite3_stmt *statement = sqlite_statement(db,
        "UPDATE publications SET ended_ms = ifnull(ended_ms, ?4)"
        " WHERE run_id = ?1 AND load = ?2 AND (?3 IS NULL OR target = ?3)",
        err);

    if (!statement)
        return -1;
    sqlite_bind_text(db, statement, 1, publication->run_id);
    sqlite_bind_text(db, statement, 2, publication->load);
    sqlite_bind_text(db, statement, 3, publication->to);
    sqlite_bind_int(db, statement, 4, context->now_ms);
    if (sqlite_execute(db, statement, err))
        return -1;
    if (sqlite3_changes(db->db) > 0)
        return 0;
    return error_set(err, ERROR_NOT_FOUND, "run %s: load.%s has no such publication",
        publication->run_id ? publication->run_id : "(none)",
        publication->load ? publication->load : "(none)");
}
