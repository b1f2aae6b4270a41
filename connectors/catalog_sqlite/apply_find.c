/* Finding streams and partitions, each asked of the file once an apply. */
#include "connectors/catalog_sqlite/apply.h"

#include "runner/base/mem.h"
#include "runner/base/text.h"

#include <string.h>

static bool same_stream(const struct catalog_locator *a, const struct catalog_locator *b)
{
    return a->version == b->version && text_equal(a->namespace, b->namespace) &&
           text_equal(a->table, b->table) && text_equal(a->stream_id, b->stream_id);
}

static struct apply_stream *add_stream(struct apply_context *context,
    const struct catalog_locator *at, const struct database_version *version)
{
    struct apply_stream *stream = arena_new(&context->arena, struct apply_stream);
    const struct catalog_locator named = {
        .namespace = at->namespace, .table = at->table, .version = version->version};

    stream->version_id = version->version_id;
    stream->version = version->version;
    stream->stream_id = version->stream_id;
    stream->start_position = stream->position = version->position;
    stream->start_schema_id = stream->schema_id = version->schema_id;
    stream->first_position = version->first_position;
    stream->field_count = version->field_count;
    stream->has_key = version->has_key;
    database_label(&named, stream->label);
    table_init(&stream->partitions);
    stream->next = context->streams;
    context->streams = stream;
    return stream;
}

static void fail_ended(
    const struct catalog_locator *at, const struct database_version *version, struct error *err)
{
    const struct catalog_locator named = {
        .namespace = at->namespace, .table = at->table, .version = version->version};
    char label[DATABASE_LABEL_SIZE];

    database_label(&named, label);
    if (version->lifecycle == CATALOG_DELETED)
        error_set(err, ERROR_CONFLICT, "%s: it is deleted and takes no more changes", label);
    else
        error_set(err, ERROR_CONFLICT,
            "%s: stream %.100s was replaced or deleted and takes no more changes", label,
            at->stream_id ? at->stream_id : "(the committed one)");
}

struct apply_stream *apply_find_stream(
    struct apply_context *context, const struct catalog_locator *at, struct error *err)
{
    struct database_version version;
    struct apply_stream *stream;

    if (context->last_at && same_stream(context->last_at, at))
        return context->last_stream;
    if (database_find_version(context->db, at, &version, err) != 1)
        return NULL;
    if (version.lifecycle == CATALOG_DELETED || !version.stream_id ||
        version.stream_state == CATALOG_REPLACED) {
        fail_ended(at, &version, err);
        return NULL;
    }
    for (stream = context->streams; stream; stream = stream->next)
        if (stream->stream_id == version.stream_id)
            break;
    if (!stream)
        stream = add_stream(context, at, &version);
    context->last_at = at;
    context->last_stream = stream;
    return stream;
}

void apply_forget_streams(struct apply_context *context)
{
    context->last_at = NULL;
}

void apply_forget_partitions(struct apply_stream *stream)
{
    table_deinit(&stream->partitions);
    table_init(&stream->partitions);
    stream->last = NULL;
    stream->last_values = NULL;
}

int64_t apply_take_position(struct apply_context *context, struct apply_stream *stream)
{
    if (!stream->took_position)
        stream->position++;
    stream->took_position = stream->changed = true;
    context->apply->ret_position = stream->position;
    return stream->position;
}

/* Old files of other bucket counts would be taken for those of now. */
static int check_buckets(
    struct apply_context *context, const struct apply_stream *stream, struct error *err)
{
    sqlite3_stmt *statement = sqlite_statement(context->db,
        "SELECT p.partition_values FROM partitions p WHERE p.stream_id = ?1"
        "  AND p.state = 'committed' AND EXISTS (SELECT 1 FROM deltas d"
        "    JOIN files f ON f.delta_id = d.delta_id"
        "    WHERE d.partition_id = p.partition_id AND f.bucket > 0)",
        err);
    int step;

    if (!statement)
        return -1;
    sqlite_bind_int(context->db, statement, 1, stream->stream_id);
    while ((step = sqlite_step(context->db, statement, err)) == 1) {
        const char *values = sqlite_word(statement, 0);
        const struct apply_partition *partition = table_get(&stream->partitions, values);

        if (partition && partition->fresh)
            continue;
        error_set(err, ERROR_CONFLICT,
            "%s partition %.200s: its files are in other buckets; commit all partitions anew where "
            "the number of buckets changes",
            stream->label, values);
        sqlite_reset(statement);
        return -1;
    }
    return step;
}

static int flush_stream(
    struct apply_context *context, const struct apply_stream *stream, struct error *err)
{
    sqlite3_stmt *statement = sqlite_statement(context->db,
        "UPDATE streams SET position = ?2, rows = rows + ?3, files = files + ?4,"
        " bytes = bytes + ?5, partitions = partitions + ?6,"
        " committed_ms = max(committed_ms, ?7) WHERE stream_id = ?1",
        err);

    if (!statement)
        return -1;
    sqlite_bind_int(context->db, statement, 1, stream->stream_id);
    sqlite_bind_int(context->db, statement, 2, stream->position);
    sqlite_bind_int(context->db, statement, 3, stream->change.rows);
    sqlite_bind_int(context->db, statement, 4, stream->change.files);
    sqlite_bind_int(context->db, statement, 5, stream->change.bytes);
    sqlite_bind_int(context->db, statement, 6, stream->partition_change);
    sqlite_bind_int(context->db, statement, 7, context->now_ms);
    if (sqlite_execute(context->db, statement, err))
        return -1;
    /* The stream's time never goes back, whatever the clock does. */
    return stream->took_position
               ? apply_execute(context,
                     "INSERT INTO positions (stream_id, committed_ms, position)"
                     " SELECT stream_id, committed_ms, position FROM streams WHERE stream_id = ?1",
                     stream->stream_id, 0, 0, err)
               : 0;
}

int apply_flush_streams(struct apply_context *context, struct error *err)
{
    for (struct apply_stream *stream = context->streams; stream; stream = stream->next) {
        if (stream->changed && flush_stream(context, stream, err))
            return error_prefix(err, "%s", stream->label);
        if (stream->rebucketed && check_buckets(context, stream, err))
            return -1;
    }
    return 0;
}

void apply_free_streams(struct apply_context *context)
{
    for (struct apply_stream *stream = context->streams; stream; stream = stream->next)
        table_deinit(&stream->partitions);
}

/* --- partitions --- */

int(apply_fail_partition)(const struct apply_stream *stream,
    const struct apply_partition *partition, enum error_code code, struct error *err,
    const char *why)
{
    if (stream->field_count == 0)
        return error_set(err, code, "%s: %s", stream->label, why);
    return error_set(err, code, "%s partition %.200s: %s", stream->label, partition->values, why);
}

/* Columns from `first` on: id, position, rows, files, bytes. */
static struct apply_replica read_replica(sqlite3_stmt *row, int first)
{
    return (struct apply_replica){.id = sqlite3_column_int64(row, first),
        .position = sqlite3_column_int64(row, first + 1),
        .totals = {.rows = sqlite3_column_int64(row, first + 2),
            .files = sqlite3_column_int64(row, first + 3),
            .bytes = sqlite3_column_int64(row, first + 4)}};
}

static int read_committed(struct apply_context *context, const struct apply_stream *stream,
    struct apply_partition *partition, struct error *err)
{
    sqlite3_stmt *statement = sqlite_statement(context->db,
        "SELECT partition_id, position, rows, files, bytes FROM partitions"
        " WHERE stream_id = ?1 AND partition_values = ?2 AND state = 'committed'",
        err);
    int step;

    if (!statement)
        return -1;
    sqlite_bind_int(context->db, statement, 1, stream->stream_id);
    sqlite_bind_text(context->db, statement, 2, partition->values);
    step = sqlite_step(context->db, statement, err);
    if (step == 1) {
        partition->committed = read_replica(statement, 0);
        sqlite_reset(statement);
    }
    return step < 0 ? -1 : 0;
}

static struct apply_partition *find_by_json(
    struct apply_context *context, struct apply_stream *stream, const char *json, struct error *err)
{
    struct apply_partition *partition = table_get(&stream->partitions, json);

    if (partition)
        return partition;
    partition = arena_new(&context->arena, struct apply_partition);
    partition->values = arena_strdup(&context->arena, json);
    if (read_committed(context, stream, partition, err))
        return NULL;
    table_put(&stream->partitions, json, partition);
    return partition;
}

static struct apply_partition *find_by_values(struct apply_context *context,
    struct apply_stream *stream, const struct catalog_locator *at, struct error *err)
{
    struct apply_partition *partition = NULL;
    struct buffer json;

    if (at->value_count != stream->field_count) {
        error_set(err, ERROR_INVALID,
            "%s: %zu partition values were given for %zu partition fields", stream->label,
            at->value_count, stream->field_count);
        return NULL;
    }
    /* A partition's changes come one after another and share the array of its values. */
    if (stream->last && at->values == stream->last_values && at->value_count == stream->last_count)
        return stream->last;
    buffer_init(&json, 0);
    if (database_encode_texts(&json, at->values, at->value_count, err))
        error_prefix(err, "%s: partition value", stream->label);
    else
        partition = find_by_json(context, stream, json.data, err);
    buffer_deinit(&json);
    stream->last = partition;
    stream->last_values = at->values;
    stream->last_count = at->value_count;
    return partition;
}

/* A partition that was staged earlier becomes the one that this apply's changes mean. */
static struct apply_partition *adopt(struct apply_context *context, struct apply_stream *stream,
    sqlite3_stmt *row, struct error *err)
{
    const enum catalog_commit_state state = database_commit_state(sqlite_word(row, 2));
    struct apply_partition *partition = find_by_json(context, stream, sqlite_word(row, 1), err);
    const struct apply_replica replica = read_replica(row, 4);

    if (partition)
        partition->named_id = replica.id;
    if (!partition || (state == CATALOG_COMMITTED && partition->committed.id == replica.id))
        return partition;
    if (sqlite3_column_int64(row, 0) != stream->stream_id)
        apply_fail_partition(stream, partition, ERROR_INVALID, err,
            "the partition id belongs to another table version or stream");
    else if (state != CATALOG_STAGED)
        apply_fail_partition(stream, partition, ERROR_CONFLICT, err,
            "the partition with this id was replaced or deleted; start again from the one that is "
            "there now");
    else if (partition->staged.id && partition->staged.id != replica.id)
        apply_fail_partition(stream, partition, ERROR_CONFLICT, err,
            "another partition is staged for the same values in this commit");
    else if (partition->staged.id == replica.id)
        return partition;
    else {
        partition->staged = replica;
        partition->staged_previous_id = sqlite3_column_int64(row, 3);
        return partition;
    }
    return NULL;
}

static struct apply_partition *find_by_id(struct apply_context *context,
    struct apply_stream *stream, const struct catalog_locator *at, struct error *err)
{
    struct apply_partition *partition = NULL;
    sqlite3_stmt *statement = sqlite_statement(context->db,
        "SELECT stream_id, partition_values, state, ifnull(previous_id, 0), partition_id, position,"
        "  rows, files, bytes FROM partitions WHERE uuid = ?1",
        err);
    int step;

    if (!statement)
        return NULL;
    sqlite_bind_text(context->db, statement, 1, at->partition_id);
    step = sqlite_step(context->db, statement, err);
    if (step == 1) {
        partition = adopt(context, stream, statement, err);
        sqlite_reset(statement);
    } else if (step == 0) {
        error_set(err, ERROR_NOT_FOUND, "%s: there is no partition with the id %s", stream->label,
            at->partition_id);
    }
    return partition;
}

struct apply_partition *apply_find_partition(struct apply_context *context,
    struct apply_stream *stream, const struct catalog_locator *at, struct error *err)
{
    return at->partition_id ? find_by_id(context, stream, at, err)
                            : find_by_values(context, stream, at, err);
}

int apply_find_target(struct apply_context *context, const struct catalog_locator *at,
    struct apply_stream **ret_stream, struct apply_partition **ret_partition,
    struct apply_replica **ret_target, struct error *err)
{
    struct apply_stream *stream = apply_find_stream(context, at, err);
    struct apply_partition *partition;

    if (!stream || !(partition = apply_find_partition(context, stream, at, err)))
        return -1;
    if (!partition->staged.id && !partition->committed.id)
        return apply_fail_partition(
            stream, partition, ERROR_NOT_FOUND, err, "there is no such partition; stage it first");
    *ret_stream = stream;
    *ret_partition = partition;
    if (at->partition_id)
        *ret_target = partition->named_id == partition->committed.id ? &partition->committed
                                                                     : &partition->staged;
    else
        *ret_target = partition->staged.id ? &partition->staged : &partition->committed;
    return 0;
}
