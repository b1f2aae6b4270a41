#include "runner/cli/catalog_json.h"

#include "runner/base/mem.h"
#include "runner/base/time.h"

#include <string.h>

/* --- parts --- */

json_t *catalog_json_values(const char *const *values, size_t count)
{
    json_t *list = json_array();

    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, json_text(values[i]));
    return list;
}

/* What is JSON already. */
static void put_json(json_t *object, const char *key, const char *text)
{
    json_t *value = text && *text ? json_loads(text, JSON_DECODE_ANY, NULL) : NULL;

    if (value && !(json_is_object(value) && json_object_size(value) == 0))
        json_object_set(object, key, value);
    json_decref(value);
}

static void put_count(json_t *object, const char *key, int64_t count)
{
    if (count > 0)
        json_put_int(object, key, count);
}

static void put_time(json_t *object, const char *key, int64_t time_ms)
{
    if (time_ms > 0)
        json_put_time(object, key, time_ms);
}

static json_t *column_json(const struct catalog_column *column)
{
    json_t *item = json_object();

    json_put_text(item, "name", column->name);
    json_put_text(item, "type", column->type);
    json_put_int(item, "field_id", column->field_id);
    if (column->required)
        json_object_set_new(item, "required", json_true());
    json_put_text(item, "comment", column->comment);
    return item;
}

static json_t *columns_json(const struct catalog_column *columns, size_t count)
{
    json_t *list = json_array();

    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, column_json(&columns[i]));
    return list;
}

static void put_totals(json_t *item, int64_t rows, int64_t files, uint64_t bytes)
{
    json_put_int(item, "rows", rows);
    json_put_int(item, "files", files);
    json_put_int(item, "bytes", (int64_t)bytes);
}

/* --- records --- */

json_t *catalog_json_namespace(const struct catalog_namespace *namespace)
{
    json_t *item = json_object();

    json_put_text(item, "namespace", namespace->name);
    put_json(item, "properties", namespace->properties);
    json_put_time(item, "created", namespace->created_ms);
    return item;
}

json_t *catalog_json_table(const struct catalog_table *table)
{
    json_t *item = json_object();

    json_put_text(item, "namespace", table->namespace);
    json_put_text(item, "table", table->name);
    put_count(item, "latest_version", table->latest_version);
    put_count(item, "latest_active_version", table->latest_active_version);
    json_put_text(item, "description", table->description);
    put_json(item, "properties", table->properties);
    json_put_time(item, "created", table->created_ms);
    return item;
}

static void put_merge(json_t *item, const struct catalog_merge *merge)
{
    if (merge->key_count == 0)
        return;
    json_object_set_new(item, "key", catalog_json_values(merge->key, merge->key_count));
    json_put_text(item, "sequence_by", merge->sequence_by);
    put_count(item, "tombstones_ms", merge->tombstones_ms);
    put_count(item, "buckets", merge->buckets);
}

json_t *catalog_json_version(const struct catalog_version *version)
{
    json_t *item = json_object();

    json_put_text(item, "namespace", version->namespace);
    json_put_text(item, "table", version->table);
    json_put_int(item, "version", version->version);
    json_put_text(item, "lifecycle", catalog_lifecycle_name(version->lifecycle));
    put_count(item, "schema_id", version->schema_id);
    json_object_set_new(item, "columns", columns_json(version->columns, version->column_count));
    json_object_set_new(
        item, "partition_by", catalog_json_values(version->partition_by, version->partition_count));
    json_object_set_new(
        item, "sort_by", catalog_json_values(version->sort_by, version->sort_count));
    put_merge(item, &version->merge);
    json_put_text(item, "stream_id", version->stream_id);
    put_totals(item, version->rows, version->files, version->bytes);
    json_put_int(item, "partitions", version->partitions);
    json_put_int(item, "position", version->last_position);
    put_count(item, "first_position", version->first_position);
    put_time(item, "last_commit", version->last_commit_ms);
    json_put_text(item, "description", version->description);
    put_json(item, "properties", version->properties);
    json_put_time(item, "created", version->created_ms);
    return item;
}

json_t *catalog_json_schema(const struct catalog_schema *schema)
{
    json_t *item = json_object();

    json_put_int(item, "schema_id", schema->id);
    json_object_set_new(item, "columns", columns_json(schema->columns, schema->column_count));
    json_put_time(item, "created", schema->created_ms);
    return item;
}

json_t *catalog_json_stream(const struct catalog_stream *stream)
{
    json_t *item = json_object();

    json_put_text(item, "stream_id", stream->id);
    json_put_int(item, "version", stream->version);
    json_put_text(item, "state", catalog_commit_state_name(stream->state));
    json_put_text(item, "previous_stream_id", stream->previous_id);
    json_put_int(item, "position", stream->position);
    put_totals(item, stream->rows, stream->files, stream->bytes);
    json_put_int(item, "partitions", stream->partitions);
    json_put_time(item, "created", stream->created_ms);
    put_time(item, "committed", stream->committed_ms);
    return item;
}

json_t *catalog_json_partition(const struct catalog_partition *partition)
{
    json_t *item = json_object();

    json_put_text(item, "partition_id", partition->id);
    json_object_set_new(
        item, "partition", catalog_json_values(partition->values, partition->value_count));
    json_put_text(item, "state", catalog_commit_state_name(partition->state));
    json_put_text(item, "previous_partition_id", partition->previous_id);
    put_count(item, "previous_position", partition->previous_position);
    json_put_int(item, "position", partition->position);
    put_count(item, "since", partition->since);
    put_count(item, "until", partition->until);
    put_totals(item, partition->rows, partition->files, partition->bytes);
    put_json(item, "properties", partition->properties);
    put_json(item, "compaction", partition->compaction);
    json_put_text(item, "stream_id", partition->stream_id);
    json_put_time(item, "created", partition->created_ms);
    return item;
}

json_t *catalog_json_file(const struct catalog_file *file)
{
    json_t *item = json_object();

    json_put_url(item, "key", file->key);
    json_put_text(item, "format", file->format);
    json_put_text(item, "content", catalog_content_name(file->content));
    json_put_int(item, "rows", file->rows);
    json_put_int(item, "bytes", (int64_t)file->bytes);
    put_count(item, "schema_id", file->schema_id);
    json_put_text(item, "checksum", file->checksum);
    if (file->bucket > 0)
        json_put_int(item, "bucket", file->bucket - 1);
    put_json(item, "stats", file->stats);
    return item;
}

json_t *catalog_json_delta(const struct catalog_delta *delta)
{
    json_t *item = json_object();
    json_t *files;

    json_put_text(item, "delta_id", delta->id);
    put_count(item, "position", delta->position);
    put_count(item, "previous_position", delta->previous_position);
    json_put_text(item, "type", catalog_delta_type_name(delta->type));
    json_put_text(item, "state", catalog_commit_state_name(delta->state));
    json_object_set_new(item, "partition", catalog_json_values(delta->values, delta->value_count));
    json_put_text(item, "partition_id", delta->partition_id);
    json_put_int(item, "rows", delta->rows);
    json_put_int(item, "bytes", (int64_t)delta->bytes);
    if (delta->rewrite)
        json_object_set_new(item, "rewrite", json_true());
    json_put_text(item, "run_id", delta->run_id);
    json_put_text(item, "author", delta->author);
    put_json(item, "properties", delta->properties);
    json_put_time(item, "created", delta->created_ms);
    if (delta->files) {
        files = json_array();
        for (size_t i = 0; i < delta->file_count; i++)
            json_array_append_new(files, catalog_json_file(&delta->files[i]));
        json_object_set_new(item, "files", files);
    }
    return item;
}

json_t *catalog_json_tag(const struct catalog_tag *tag)
{
    json_t *item = json_object();

    json_put_text(item, "tag", tag->name);
    json_put_int(item, "position", tag->position);
    json_put_time(item, "created", tag->created_ms);
    return item;
}

json_t *catalog_json_staged(const struct catalog_staged *staged)
{
    json_t *item = json_object();

    json_put_text(item, "kind", staged->kind);
    json_put_text(item, "id", staged->id);
    json_put_text(item, "namespace", staged->namespace);
    json_put_text(item, "table", staged->table);
    json_put_int(item, "version", staged->version);
    json_object_set_new(
        item, "partition", catalog_json_values(staged->values, staged->value_count));
    put_totals(item, staged->rows, staged->files, staged->bytes);
    json_put_time(item, "created", staged->created_ms);
    json_put_time(item, "touched", staged->touched_ms);
    return item;
}

/* --- answers --- */

static json_t *record_json(const struct catalog_query *query, size_t index)
{
    switch (query->verb) {
    case CATALOG_LIST_NAMESPACES:
    case CATALOG_GET_NAMESPACE:
        return catalog_json_namespace(&query->namespaces[index]);
    case CATALOG_LIST_TABLES:
    case CATALOG_GET_TABLE:
        return catalog_json_table(&query->tables[index]);
    case CATALOG_LIST_VERSIONS:
    case CATALOG_GET_VERSION:
    case CATALOG_GET_LATEST_VERSION:
        return catalog_json_version(&query->versions[index]);
    case CATALOG_LIST_SCHEMAS:
        return catalog_json_schema(&query->schemas[index]);
    case CATALOG_LIST_STREAMS:
    case CATALOG_GET_STREAM:
        return catalog_json_stream(&query->streams[index]);
    case CATALOG_LIST_PARTITIONS:
    case CATALOG_GET_PARTITION:
        return catalog_json_partition(&query->partitions[index]);
    case CATALOG_LIST_DELTAS:
    case CATALOG_LIST_PARTITION_DELTAS:
    case CATALOG_GET_DELTA:
    case CATALOG_GET_LATEST_DELTA:
    case CATALOG_LIST_FILES:
    case CATALOG_LIST_ALL_FILES:
        return catalog_json_delta(&query->deltas[index]);
    case CATALOG_LIST_STAGED:
        return catalog_json_staged(&query->staged[index]);
    case CATALOG_LIST_TAGS:
        return catalog_json_tag(&query->tags[index]);
    default:
        return json_null();
    }
}

json_t *catalog_json_answer(const struct catalog_query *query)
{
    json_t *list = json_array();

    for (size_t i = 0; i < query->count; i++)
        json_array_append_new(list, record_json(query, i));
    return list;
}
