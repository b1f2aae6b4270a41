/* Schemas of a table version: the first one and those that it evolves to. */
#include "connectors/catalog_sqlite/apply.h"

#include "connectors/catalog_sqlite/metadata.h"
#include "runner/base/text.h"

#include <stdio.h>
#include <string.h>

static int insert_columns(struct apply_context *context, int64_t version_id, int64_t schema_id,
    const struct catalog_column *columns, size_t count, int64_t last_field_id, struct error *err)
{
    struct sqlite *db = context->db;
    sqlite3_stmt *statement = sqlite_statement(db,
        "INSERT INTO columns (version_id, schema_id, ordinal, field_id, name, type, required,"
        " comment) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        err);

    if (!statement)
        return -1;
    for (size_t i = 0; i < count; i++) {
        sqlite_bind_int(db, statement, 1, version_id);
        sqlite_bind_int(db, statement, 2, schema_id);
        sqlite_bind_int(db, statement, 3, (int64_t)i + 1);
        sqlite_bind_int(
            db, statement, 4, columns[i].field_id ? columns[i].field_id : ++last_field_id);
        sqlite_bind_text(db, statement, 5, columns[i].name);
        sqlite_bind_text(db, statement, 6, metadata_normal_type(columns[i].type, &context->arena));
        sqlite_bind_int(db, statement, 7, columns[i].required);
        sqlite_bind_text(db, statement, 8, columns[i].comment);
        if (sqlite_execute(db, statement, err))
            return -1;
    }
    return 0;
}

int apply_insert_schema(struct apply_context *context, const char *label, int64_t version_id,
    int64_t schema_id, const struct catalog_column *columns, size_t count, int64_t last_field_id,
    struct error *err)
{
    sqlite3_stmt *statement;

    if (metadata_check_columns(columns, count, err))
        return error_prefix(err, "%s", label);
    for (size_t i = 0; i < count; i++)
        last_field_id = MAX(last_field_id, columns[i].field_id);
    statement = sqlite_statement(context->db,
        "INSERT INTO schemas (version_id, schema_id, created_ms) VALUES (?1, ?2, ?3)", err);
    if (!statement)
        return -1;
    sqlite_bind_int(context->db, statement, 1, version_id);
    sqlite_bind_int(context->db, statement, 2, schema_id);
    sqlite_bind_int(context->db, statement, 3, context->now_ms);
    if (sqlite_execute(context->db, statement, err))
        return -1;
    return insert_columns(context, version_id, schema_id, columns, count, last_field_id, err);
}

int apply_check_type(const char *label, const struct catalog_column *column, struct error *err)
{
    char what[DATABASE_LABEL_SIZE + 120];

    snprintf(what, sizeof(what), "%s column \"%.100s\"", label, column->name);
    return metadata_check_type(what, column->type, err);
}

/* --- what a schema may become --- */

/* One evolution under way: names are of the columns as they are now. */
struct evolution {
    struct apply_context *context;
    const struct apply_stream *stream;
    struct catalog_column *old;
    size_t old_count;
    const char *const *key, *const *sort_by, *const *partition_by;
    size_t key_count, sort_count, partition_count;
    const char *sequence_by;
};

static int fail_column(
    const struct evolution *evolution, const char *name, struct error *err, const char *why)
{
    return error_set(
        err, ERROR_INVALID, "%s column \"%.100s\": %s", evolution->stream->label, name, why);
}

static const struct catalog_column *find_field(
    const struct catalog_column *columns, size_t count, int64_t field_id)
{
    for (size_t i = 0; i < count; i++)
        if (columns[i].field_id == field_id)
            return &columns[i];
    return NULL;
}

/* What a column is there for: "key", …; NULL: nothing needs it by its name. */
static const char *use_of(const struct evolution *evolution, const struct catalog_column *column)
{
    const struct catalog_column *columns = evolution->old;
    const size_t count = evolution->old_count;
    const int place = (int)(column - columns);

    for (size_t i = 0; i < evolution->key_count; i++)
        if (metadata_find_column(columns, count, evolution->key[i]) == place)
            return "key";
    for (size_t i = 0; i < evolution->partition_count; i++)
        if (metadata_find_partition_column(columns, count, evolution->partition_by[i]) == place)
            return "partition_by";
    for (size_t i = 0; i < evolution->sort_count; i++)
        if (metadata_find_sort_column(columns, count, evolution->sort_by[i]) == place)
            return "sort_by";
    if (evolution->sequence_by &&
        metadata_find_column(columns, count, evolution->sequence_by) == place)
        return "sequence_by";
    return NULL;
}

/* Statistics tell; rows whose file has none may lack it. Those of staged deltas count: they may be
 * committed yet. */
static int check_required(
    const struct evolution *evolution, const struct catalog_column *column, struct error *err)
{
    static const char without[] =
        "SELECT count(*) FROM files f JOIN deltas d USING (delta_id) JOIN partitions p USING"
        "  (partition_id) WHERE d.stream_id = ?1 AND d.state <> 'deprecated'"
        "  AND p.state <> 'deprecated' AND f.content = 'data' AND f.rows > 0"
        "  AND ifnull(json_extract(f.stats, '$.\"' || ?2 || '\".nulls'), -1) <> 0";
    int64_t count;

    if (apply_number(evolution->context, without, evolution->stream->stream_id, column->field_id,
            &count, err))
        return -1;
    if (count == 0)
        return 0;
    return error_set(err, ERROR_INVALID,
        "%s column \"%.100s\": it cannot become required, as rows of %lld files are null in it or "
        "may be: give them a value, and compact with --full where they were replaced since",
        evolution->stream->label, column->name, (long long)count);
}

static int check_known(const struct evolution *evolution, const struct catalog_column *old,
    const struct catalog_column *now, struct error *err)
{
    const char *use = use_of(evolution, old);

    if (use && !text_equal(old->name, now->name))
        return error_set(err, ERROR_INVALID,
            "%s column \"%.100s\": it cannot be renamed to \"%.100s\", as the table's %s names it",
            evolution->stream->label, old->name, now->name, use);
    if (now->required && !old->required && check_required(evolution, old, err))
        return -1;
    if (!metadata_widens(old->type, now->type))
        return error_set(err, ERROR_INVALID,
            "%s column \"%.100s\": it is %.100s and not all of its values would be the same as "
            "%.100s",
            evolution->stream->label, old->name, old->type, now->type);
    if (use && strcmp(use, "partition_by") == 0 &&
        !metadata_names_partitions_alike(old->type, now->type))
        return error_set(err, ERROR_INVALID,
            "%s column \"%.100s\": it cannot go from %.100s to %.100s, as partitions are named by "
            "its values",
            evolution->stream->label, old->name, old->type, now->type);
    return 0;
}

static int check_evolution(const struct evolution *evolution, const struct catalog_column *columns,
    size_t count, struct error *err)
{
    for (size_t i = 0; i < evolution->old_count; i++)
        if (!find_field(columns, count, evolution->old[i].field_id))
            return fail_column(evolution, evolution->old[i].name, err,
                "it is missing in the new schema; a column stays, as null where it is no longer "
                "given");
    for (size_t i = 0; i < count; i++) {
        const struct catalog_column *old =
            find_field(evolution->old, evolution->old_count, columns[i].field_id);

        if (columns[i].field_id && !old)
            return error_set(err, ERROR_INVALID, "%s column \"%.100s\": there is no field %lld",
                evolution->stream->label, columns[i].name, (long long)columns[i].field_id);
        if (!old && columns[i].required && evolution->stream->position > 0)
            return fail_column(evolution, columns[i].name, err,
                "it cannot be required, rows that are stored lack it");
        if ((!old || !metadata_same_type(old->type, columns[i].type)) &&
            apply_check_type(evolution->stream->label, &columns[i], err))
            return -1;
        if (old && check_known(evolution, old, &columns[i], err))
            return -1;
    }
    return 0;
}

static bool is_same(
    const struct evolution *evolution, const struct catalog_column *columns, size_t count)
{
    if (count != evolution->old_count)
        return false;
    for (size_t i = 0; i < count; i++) {
        const struct catalog_column *old = &evolution->old[i];

        if (old->field_id != columns[i].field_id || !text_equal(old->name, columns[i].name) ||
            !metadata_same_type(old->type, columns[i].type) ||
            old->required != columns[i].required || !text_equal(old->comment, columns[i].comment))
            return false;
    }
    return true;
}

static int read_uses(struct apply_context *context, struct evolution *evolution, struct error *err)
{
    sqlite3_stmt *statement = sqlite_statement(context->db,
        "SELECT key_columns, sort_by, partition_by, sequence_by FROM table_versions"
        " WHERE version_id = ?1",
        err);
    int result = -1;

    if (!statement)
        return -1;
    sqlite_bind_int(context->db, statement, 1, evolution->stream->version_id);
    if (sqlite_step(context->db, statement, err) == 1) {
        result = database_decode_texts(sqlite_word(statement, 0), &context->arena, &evolution->key,
                     &evolution->key_count, err) ||
                 database_decode_texts(sqlite_word(statement, 1), &context->arena,
                     &evolution->sort_by, &evolution->sort_count, err) ||
                 database_decode_texts(sqlite_word(statement, 2), &context->arena,
                     &evolution->partition_by, &evolution->partition_count, err);
        evolution->sequence_by = sqlite_text(statement, 3, &context->arena);
        sqlite_reset(statement);
    }
    return result ? -1 : 0;
}

int apply_set_schema(
    struct apply_context *context, const struct catalog_change *change, struct error *err)
{
    static const char newest[] = "SELECT max(schema_id) FROM schemas WHERE version_id = ?1";
    static const char last_field[] = "SELECT max(field_id) FROM columns WHERE version_id = ?1";
    struct apply_stream *stream = apply_find_stream(context, &change->at, err);
    struct evolution evolution = {.context = context, .stream = stream};
    int64_t schema_id, last_field_id;

    if (!stream)
        return -1;
    if (change->expect_schema_id && change->expect_schema_id != stream->schema_id)
        return error_set(err, ERROR_CONFLICT,
            "%s: its schema is %lld by now and %lld was expected; run again", stream->label,
            (long long)stream->schema_id, (long long)change->expect_schema_id);
    if (metadata_check_columns(change->schema.columns, change->schema.column_count, err))
        return error_prefix(err, "%s", stream->label);
    if (database_read_columns(context->db, stream->version_id, stream->schema_id, &context->arena,
            &evolution.old, &evolution.old_count, err) ||
        read_uses(context, &evolution, err) ||
        check_evolution(&evolution, change->schema.columns, change->schema.column_count, err))
        return -1;
    if (is_same(&evolution, change->schema.columns, change->schema.column_count))
        return 0;
    if (apply_number(context, newest, stream->version_id, 0, &schema_id, err) ||
        apply_number(context, last_field, stream->version_id, 0, &last_field_id, err) ||
        apply_insert_schema(context, stream->label, stream->version_id, schema_id + 1,
            change->schema.columns, change->schema.column_count, last_field_id, err))
        return -1;
    stream->schema_id = schema_id + 1;
    return apply_execute(context, "UPDATE table_versions SET schema_id = ?2 WHERE version_id = ?1",
        stream->version_id, stream->schema_id, 0, err);
}

/* Also in the schemas of before: no file of them has the column. */
int apply_set_column_type(
    struct apply_context *context, const struct catalog_change *change, struct error *err)
{
    struct apply_stream *stream = apply_find_stream(context, &change->at, err);
    const char *name = change->column.name ? change->column.name : "";
    struct catalog_column *columns;
    sqlite3_stmt *statement;
    size_t count;
    int place;

    if (!stream || database_read_columns(context->db, stream->version_id, stream->schema_id,
                       &context->arena, &columns, &count, err))
        return -1;
    place = metadata_find_column(columns, count, name);
    if (place < 0 || !change->column.type)
        return error_set(
            err, ERROR_NOT_FOUND, "%s: it has no column \"%.100s\"", stream->label, name);
    if (metadata_same_type(columns[place].type, change->column.type))
        return 0;
    if (strcmp(columns[place].type, "NULL") != 0)
        return error_set(err, ERROR_CONFLICT,
            "%s: column \"%.100s\" has got another type than %.100s meanwhile; run again",
            stream->label, name, change->column.type);
    columns[place].type = change->column.type;
    if (apply_check_type(stream->label, &columns[place], err))
        return -1;
    statement = sqlite_statement(context->db,
        "UPDATE columns SET type = ?3 WHERE version_id = ?1 AND field_id = ?2 AND type = 'NULL'",
        err);
    if (!statement)
        return -1;
    sqlite_bind_int(context->db, statement, 1, stream->version_id);
    sqlite_bind_int(context->db, statement, 2, columns[place].field_id);
    sqlite_bind_text(
        context->db, statement, 3, metadata_normal_type(change->column.type, &context->arena));
    return sqlite_execute(context->db, statement, err);
}
