#include "connectors/catalog_sqlite/apply.h"

#include "runner/base/mem.h"
#include "runner/base/time.h"

#include <assert.h>

static const apply_verb_fn verbs[] = {
    [CATALOG_CREATE_NAMESPACE] = apply_create_namespace,
    [CATALOG_UPDATE_NAMESPACE] = apply_update_namespace,
    [CATALOG_DELETE_NAMESPACE] = apply_delete_namespace,
    [CATALOG_CREATE_TABLE] = apply_create_table,
    [CATALOG_UPDATE_TABLE] = apply_update_table,
    [CATALOG_DELETE_TABLE] = apply_delete_table,
    [CATALOG_CREATE_VERSION] = apply_create_version,
    [CATALOG_UPDATE_VERSION] = apply_update_version,
    [CATALOG_SET_COLUMN_TYPE] = apply_set_column_type,
    [CATALOG_SET_SCHEMA] = apply_set_schema,
    [CATALOG_SET_LIFECYCLE] = apply_set_lifecycle,
    [CATALOG_STAGE_STREAM] = apply_stage_stream,
    [CATALOG_COMMIT_STREAM] = apply_commit_stream,
    [CATALOG_DELETE_STREAM] = apply_delete_stream,
    [CATALOG_STAGE_PARTITION] = apply_stage_partition,
    [CATALOG_STAGE_DELTA] = apply_stage_delta,
    [CATALOG_MERGE_DELTAS] = apply_merge_deltas,
    [CATALOG_COMMIT_DELTA] = apply_commit_delta,
    [CATALOG_COMMIT_PARTITION] = apply_commit_partition,
    [CATALOG_DELETE_DELTA] = apply_delete_delta,
    [CATALOG_DELETE_PARTITION] = apply_delete_partition,
    [CATALOG_DELETE_ALL_PARTITIONS] = apply_delete_all,
    [CATALOG_ROLLBACK] = apply_rollback,
    [CATALOG_SET_TAG] = apply_set_tag,
    [CATALOG_DELETE_TAG] = apply_delete_tag,
    [CATALOG_EXPIRE] = apply_expire,
    [CATALOG_DROP_STAGED] = apply_drop_staged,
    [CATALOG_EXPECT] = apply_expect,
    [CATALOG_RAISE_FENCE] = apply_raise_fence,
    [CATALOG_SET_CURSOR] = apply_set_cursor,
    [CATALOG_DELETE_CURSOR] = apply_delete_cursor,
    [CATALOG_ADD_SEEN] = apply_add_seen,
    [CATALOG_RECORD_COMMIT] = apply_record_commit,
    [CATALOG_ADD_PUBLICATION] = apply_add_publication,
    [CATALOG_END_PUBLICATION] = apply_end_publication,
};

static sqlite3_stmt *bind_numbers(struct apply_context *context, const char *sql, int64_t first,
    int64_t second, int64_t third, struct error *err)
{
    sqlite3_stmt *statement = sqlite_statement(context->db, sql, err);
    const int64_t numbers[] = {first, second, third};

    for (int i = 0; statement && i < sqlite3_bind_parameter_count(statement); i++) {
        assert(i < (int)ARRAY_LENGTH(numbers));
        sqlite_bind_int(context->db, statement, i + 1, numbers[i]);
    }
    return statement;
}

int apply_execute(struct apply_context *context, const char *sql, int64_t first, int64_t second,
    int64_t third, struct error *err)
{
    sqlite3_stmt *statement = bind_numbers(context, sql, first, second, third, err);

    return statement ? sqlite_execute(context->db, statement, err) : -1;
}

int apply_number(struct apply_context *context, const char *sql, int64_t first, int64_t second,
    int64_t *ret_number, struct error *err)
{
    sqlite3_stmt *statement = bind_numbers(context, sql, first, second, 0, err);
    int step;

    if (!statement)
        return -1;
    step = sqlite_step(context->db, statement, err);
    if (step < 0)
        return -1;
    *ret_number = step == 1 ? sqlite3_column_int64(statement, 0) : 0;
    sqlite_reset(statement);
    return 0;
}

static int apply_changes(struct apply_context *context, struct error *err)
{
    const struct catalog_apply *apply = context->apply;

    if (apply_number(context, "SELECT max(partition_id) FROM partitions", 0, 0,
            &context->partition_floor, err) ||
        apply_number(context, "SELECT max(delta_id) FROM deltas", 0, 0, &context->delta_floor, err))
        return -1;
    context->last_partition = context->partition_floor;
    context->last_delta = context->delta_floor;
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

    apply->ret_position = 0;
    if (sqlite_begin_write(db, err))
        return -1;
    sqlite_set_stop(db, NULL, NULL);
    arena_init(&context.arena);
    result = apply_changes(&context, err);
    if (!result)
        result = sqlite_commit(db, err);
    if (result)
        sqlite_rollback(db);
    if (result)
        apply->ret_position = 0;
    apply_free_streams(&context);
    arena_deinit(&context.arena);
    return result;
}
