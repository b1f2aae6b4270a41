#include "connectors/catalog_sqlite/apply.h"

#include "runner/base/mem.h"
#include "runner/base/time.h"

#include <assert.h>

static const apply_verb_fn verbs[] = {
    [CATALOG_CREATE_NAMESPACE] = apply_create_namespace,
    [CATALOG_CREATE_TABLE] = apply_create_table,
    [CATALOG_CREATE_VERSION] = apply_create_version,
    [CATALOG_SET_COLUMN_TYPE] = apply_set_column_type,
    [CATALOG_SET_LIFECYCLE] = apply_set_lifecycle,
    [CATALOG_STAGE_PARTITION] = apply_stage_partition,
    [CATALOG_STAGE_DELTA] = apply_stage_delta,
    [CATALOG_COMMIT_DELTA] = apply_commit_delta,
    [CATALOG_COMMIT_PARTITION] = apply_commit_partition,
    [CATALOG_DELETE_PARTITION] = apply_delete_partition,
    [CATALOG_DELETE_ALL_PARTITIONS] = apply_delete_all,
    [CATALOG_RAISE_FENCE] = apply_raise_fence,
    [CATALOG_SET_CURSOR] = apply_set_cursor,
    [CATALOG_ADD_SEEN] = apply_add_seen,
    [CATALOG_RECORD_COMMIT] = apply_record_commit,
    [CATALOG_ADD_PUBLICATION] = apply_add_publication,
    [CATALOG_END_PUBLICATION] = apply_end_publication,
};

static int read_max(struct sqlite *db, const char *sql, int64_t *ret_max, struct error *err)
{
    sqlite3_stmt *statement = sqlite_statement(db, sql, err);

    if (!statement || sqlite_step(db, statement, err) < 0)
        return -1;
    *ret_max = sqlite3_column_int64(statement, 0);
    sqlite_reset(statement);
    return 0;
}

static int apply_changes(struct apply_context *context, struct error *err)
{
    const struct catalog_apply *apply = context->apply;

    if (read_max(context->db, "SELECT ifnull(max(partition_id), 0) FROM partitions",
            &context->partition_floor, err) ||
        read_max(
            context->db, "SELECT ifnull(max(delta_id), 0) FROM deltas", &context->delta_floor, err))
        return -1;
    if (apply->pipeline && apply_check_fence(context, err))
        return -1;
    for (size_t i = 0; i < apply->count; i++) {
        const enum catalog_change_verb verb = apply->changes[i].verb;

        if ((size_t)verb >= ARRAY_LENGTH(verbs) || !verbs[verb])
            return error_set(err, ERROR_NOT_SUPPORTED, "catalog: change %d is unknown here", verb);
        if (verbs[verb](context, &apply->changes[i], err))
            return -1;
    }
    return apply_flush_streams(context, err);
}

int database_apply(struct sqlite *db, struct catalog_apply *apply, struct error *err)
{
    struct apply_context context = {.db = db, .apply = apply, .now_ms = time_now_ms()};
    int result;

    if (sqlite_begin_write(db, err))
        return -1;
    sqlite_set_stop(db, NULL, NULL);
    arena_init(&context.arena);
    result = apply_changes(&context, err);
    if (!result)
        result = sqlite_commit(db, err);
    if (result)
        sqlite_rollback(db);
    apply_free_streams(&context);
    arena_deinit(&context.arena);
    return result;
}
