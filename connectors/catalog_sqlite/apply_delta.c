/* Deltas that are staged: with their manifest, merged, deleted. */
#include "connectors/catalog_sqlite/apply.h"

#include "connectors/catalog_sqlite/metadata.h"
#include "runner/base/uuid.h"

#include <stdio.h>

/* --- finding --- */

static int fail_no_delta(const struct catalog_locator *at, const char *id, struct error *err)
{
    char label[DATABASE_LABEL_SIZE];

    return error_set(err, ERROR_NOT_FOUND, "%s: there is no delta with the id %.100s",
        database_label(at, label), id ? id : "(none)");
}

int apply_find_delta(struct apply_context *context, const struct catalog_locator *at,
    const char *id, struct apply_delta *ret_delta, struct error *err)
{
    sqlite3_stmt *statement = sqlite_statement(context->db,
        "SELECT delta_id, partition_id, stream_id, type, rewrite, position IS NOT NULL, rows,"
        "  files, bytes FROM deltas WHERE uuid = ?1",
        err);
    int step;

    if (!statement)
        return -1;
    sqlite_bind_text(context->db, statement, 1, id);
    step = sqlite_step(context->db, statement, err);
    if (step == 1) {
        *ret_delta = (struct apply_delta){.id = sqlite3_column_int64(statement, 0),
            .partition_id = sqlite3_column_int64(statement, 1),
            .stream_id = sqlite3_column_int64(statement, 2),
            .type = database_delta_type(sqlite_word(statement, 3)),
            .rewrite = sqlite3_column_int(statement, 4),
            .is_committed = sqlite3_column_int(statement, 5),
            .totals = {.rows = sqlite3_column_int64(statement, 6),
                .files = sqlite3_column_int64(statement, 7),
                .bytes = sqlite3_column_int64(statement, 8)}};
        sqlite_reset(statement);
    } else if (step == 0) {
        fail_no_delta(at, id, err);
    }
    return step;
}

/* The same, in the stream, and still staged. */
static int find_staged(struct apply_context *context, const struct apply_stream *stream,
    const struct catalog_locator *at, const char *id, struct apply_delta *ret_delta,
    struct error *err)
{
    struct apply_delta delta;

    if (apply_find_delta(context, at, id, &delta, err) != 1)
        return -1;
    if (delta.stream_id != stream->stream_id)
        return fail_no_delta(at, id, err);
    if (delta.is_committed)
        return error_set(err, ERROR_CONFLICT, "%s: delta %.100s is committed already and stays so",
            stream->label, id);
    *ret_delta = delta;
    return 0;
}

/* --- staging --- */

static int sum_files(const struct catalog_change *change, int64_t schema_id,
    struct apply_totals *ret_totals, struct error *err)
{
    struct apply_totals totals = {.files = (int64_t)change->delta.file_count};

    for (size_t i = 0; i < change->delta.file_count; i++) {
        const struct catalog_file *file = &change->delta.files[i];

        if (metadata_check_file(file, schema_id, err))
            return error_prefix(
                err, "file %zu of the manifest (%.200s)", i + 1, file->key ? file->key : "");
        if (__builtin_add_overflow(totals.rows, file->rows, &totals.rows) ||
            __builtin_add_overflow(totals.bytes, (int64_t)file->bytes, &totals.bytes))
            return error_set(
                err, ERROR_INVALID, "file %zu of the manifest: the sums are out of range", i + 1);
    }
    *ret_totals = totals;
    return 0;
}

/* Rows that were fitted to a schema in which a column could be null, while it no longer can:
 * whoever wrote them looks again. Those of a rewrite have been committed before. */
static int check_required(struct apply_context *context, const struct apply_stream *stream,
    const struct catalog_change *change, struct error *err)
{
    static const char sql[] =
        "SELECT n.name FROM columns n LEFT JOIN columns o ON o.version_id = n.version_id"
        "  AND o.field_id = n.field_id AND o.schema_id = ?3 WHERE n.version_id = ?1"
        "  AND n.schema_id = ?2 AND n.required = 1 AND ifnull(o.required, 0) = 0 LIMIT 1";

    for (size_t i = 0; i < change->delta.file_count && !change->delta.rewrite; i++) {
        const struct catalog_file *file = &change->delta.files[i];
        const int64_t schema_id = file->schema_id ? file->schema_id : 1;
        sqlite3_stmt *statement;
        int step;

        if (schema_id == stream->schema_id || file->content == CATALOG_DELETES)
            continue;
        statement = sqlite_statement(context->db, sql, err);
        if (!statement)
            return -1;
        sqlite_bind_int(context->db, statement, 1, stream->version_id);
        sqlite_bind_int(context->db, statement, 2, stream->schema_id);
        sqlite_bind_int(context->db, statement, 3, schema_id);
        step = sqlite_step(context->db, statement, err);
        if (step == 1)
            error_set(err, ERROR_CONFLICT,
                "column \"%.100s\" became required meanwhile, and file %zu of the manifest was "
                "written before; run again",
                sqlite_text(statement, 0, &context->arena), i + 1);
        if (step != 0)
            return -1;
    }
    return 0;
}

/* Which types and contents go together. */
static int check_content(
    const struct apply_stream *stream, const struct catalog_change *change, struct error *err)
{
    const enum catalog_delta_type type = change->delta.type;

    if (type >= CATALOG_UPSERT && !stream->has_key)
        return error_set(err, ERROR_INVALID,
            "the table has no key, so that there is nothing to %s by",
            catalog_delta_type_name(type));
    for (size_t i = 0; i < change->delta.file_count; i++) {
        const bool deletes = change->delta.files[i].content == CATALOG_DELETES;

        if (deletes ? type <= CATALOG_APPEND : type == CATALOG_DELETE)
            return error_set(err, ERROR_INVALID,
                "file %zu of the manifest holds %s, which a delta of type %s does not have", i + 1,
                deletes ? "deletes" : "rows", catalog_delta_type_name(type));
    }
    return 0;
}

static int insert_delta(struct apply_context *context, const struct apply_stream *stream,
    int64_t partition_id, const struct catalog_change *change, const struct apply_totals *totals,
    struct error *err)
{
    const char *id = change->at.delta_id;
    struct sqlite *db = context->db;
    char uuid[UUID_TEXT_SIZE];
    sqlite3_stmt *statement = sqlite_statement(db,
        "INSERT INTO deltas (partition_id, stream_id, type, state, rows, files, bytes, run_id,"
        "  created_ms, delta_id, uuid, author, properties, rewrite)"
        " VALUES (?1, ?2, ?3, 'staged', ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
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
    sqlite_bind_int(db, statement, 9, ++context->last_delta);
    sqlite_bind_text(db, statement, 10, id ? id : uuid_v7(context->now_ms, uuid));
    sqlite_bind_text(
        db, statement, 11, change->delta.author ? change->delta.author : "sluice " SLUICE_VERSION);
    sqlite_bind_text(db, statement, 12, change->properties ? change->properties : "{}");
    sqlite_bind_int(db, statement, 13, change->delta.rewrite);
    if (sqlite_execute(db, statement, err) == 0)
        return 0;
    if (sqlite_constraint(db) == SQLITE_CONSTRAINT_UNIQUE)
        error_set(
            err, ERROR_EXISTS, "%s: a delta with the id %.100s exists already", stream->label, id);
    return -1;
}

static int insert_files(struct apply_context *context, const struct catalog_change *change,
    int64_t delta_id, struct error *err)
{
    struct sqlite *db = context->db;
    sqlite3_stmt *statement = sqlite_statement(db,
        "INSERT INTO files (delta_id, ordinal, path, format, rows, bytes, content, schema_id,"
        "  checksum, stats, bucket) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
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
        sqlite_bind_text(db, statement, 7, catalog_content_name(file->content));
        sqlite_bind_int(db, statement, 8, file->schema_id);
        sqlite_bind_text(db, statement, 9, file->checksum);
        sqlite_bind_text(db, statement, 10, file->stats);
        sqlite_bind_int(db, statement, 11, file->bucket);
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
    struct error why = {0};

    if (apply_find_target(context, &change->at, &stream, &partition, &target, err))
        return -1;
    if (sum_files(change, stream->schema_id, &totals, &why) ||
        check_content(stream, change, &why) || check_required(context, stream, change, &why) ||
        metadata_check_text("author", change->delta.author, &why) ||
        metadata_check_object("properties", change->properties, true, &why))
        return apply_fail_partition(stream, partition, why.code, err, why.message);
    if (insert_delta(context, stream, target->id, change, &totals, err))
        return -1;
    return insert_files(context, change, context->last_delta, err);
}

/* --- merging --- */

int apply_move_files(
    struct apply_context *context, int64_t into_id, int64_t from_id, struct error *err)
{
    return apply_execute(context,
        "UPDATE files SET delta_id = ?1, ordinal = ordinal +"
        "  (SELECT ifnull(max(ordinal), 0) FROM files g WHERE g.delta_id = ?1)"
        " WHERE delta_id = ?2",
        into_id, from_id, 0, err);
}

/* The rule is DeltaCAT's merge_deltas: one type, add and append together are add. */
bool apply_can_merge(enum catalog_delta_type a, enum catalog_delta_type b)
{
    return a == b || (a <= CATALOG_APPEND && b <= CATALOG_APPEND);
}

static int check_mergeable(const struct apply_stream *stream, const struct apply_delta *first,
    const struct apply_delta *next, const char *id, struct error *err)
{
    if (next->totals.files == 0)
        return error_set(
            err, ERROR_INVALID, "%s: delta %.100s has no files to merge", stream->label, id);
    if (next->partition_id != first->partition_id)
        return error_set(err, ERROR_INVALID,
            "%s: delta %.100s is of another partition; merge those of one", stream->label, id);
    if (!apply_can_merge(first->type, next->type))
        return error_set(err, ERROR_INVALID,
            "%s: delta %.100s is of type %s and others are of type %s; merge those of one type",
            stream->label, id, catalog_delta_type_name(next->type),
            catalog_delta_type_name(first->type));
    return 0;
}

/* What all of them are together. */
static int sum_deltas(struct apply_context *context, const struct apply_stream *stream,
    const struct catalog_change *change, struct apply_delta *deltas, struct apply_delta *ret_sum,
    struct error *err)
{
    struct apply_delta sum;

    for (size_t i = 0; i < change->merge.count; i++) {
        const char *id = change->merge.ids[i];

        if (find_staged(context, stream, &change->at, id, &deltas[i], err) ||
            check_mergeable(stream, &deltas[0], &deltas[i], id, err))
            return -1;
        for (size_t j = 0; j < i; j++)
            if (deltas[j].id == deltas[i].id)
                return error_set(err, ERROR_INVALID, "%s: delta %.100s is to be merged twice",
                    stream->label, id);
        if (i == 0) {
            sum = deltas[0];
            continue;
        }
        sum.type = sum.type == deltas[i].type ? sum.type : CATALOG_ADD;
        sum.rewrite = sum.rewrite && deltas[i].rewrite;
        sum.totals.rows += deltas[i].totals.rows;
        sum.totals.files += deltas[i].totals.files;
        sum.totals.bytes += deltas[i].totals.bytes;
    }
    *ret_sum = sum;
    return 0;
}

int apply_merge_deltas(
    struct apply_context *context, const struct catalog_change *change, struct error *err)
{
    struct apply_stream *stream = apply_find_stream(context, &change->at, err);
    struct catalog_change merged = {.at = change->at, .properties = change->properties};
    struct apply_delta *deltas, sum;

    if (!stream)
        return -1;
    if (change->merge.count == 0)
        return error_set(err, ERROR_INVALID, "%s: no deltas to merge were named", stream->label);
    if (metadata_check_object("properties", change->properties, true, err))
        return error_prefix(err, "%s", stream->label);
    deltas = arena_array(&context->arena, change->merge.count, sizeof(*deltas));
    if (sum_deltas(context, stream, change, deltas, &sum, err))
        return -1;
    merged.delta.type = sum.type;
    merged.delta.rewrite = sum.rewrite;
    if (insert_delta(context, stream, sum.partition_id, &merged, &sum.totals, err))
        return -1;
    for (size_t i = 0; i < change->merge.count; i++)
        if (apply_move_files(context, context->last_delta, deltas[i].id, err) ||
            apply_forget_delta(context, deltas[i].id, err))
            return -1;
    return 0;
}

/* --- deleting --- */

int apply_delete_delta(
    struct apply_context *context, const struct catalog_change *change, struct error *err)
{
    struct apply_stream *stream = apply_find_stream(context, &change->at, err);
    struct apply_delta delta;

    if (!stream || find_staged(context, stream, &change->at, change->at.delta_id, &delta, err))
        return -1;
    return apply_forget_delta(context, delta.id, err);
}
