/* The commit of compacted partitions as a list of changes: each is staged with one delta of
 * rewritten rows at the position up to which was read, and replaces the one that was read. */
#include "runner/base/json.h"
#include "runner/base/mem.h"
#include "runner/base/uuid.h"
#include "runner/engine/compact_private.h"

#include <string.h>

enum { CHANGES_PER_PARTITION = 4, CHANGES_BESIDE = 2 };

static void add_partition(struct compact *compact, struct compact_round *round,
    struct catalog_change *changes, size_t *at)
{
    char partition_id[UUID_TEXT_SIZE], delta_id[UUID_TEXT_SIZE];
    const struct catalog_partition *partition = round->partition;
    const struct catalog_locator where = {.namespace = compact->version.namespace,
        .table = compact->version.table,
        .version = compact->version.version,
        .values = partition->values,
        .value_count = partition->value_count,
        .partition_id = arena_strdup(round->arena, uuid_v7(time_now_ms(), partition_id)),
        .delta_id = arena_strdup(round->arena, uuid_v7(time_now_ms(), delta_id))};
    struct catalog_change *change;

    change = &changes[(*at)++];
    *change = (struct catalog_change){.verb = CATALOG_STAGE_PARTITION, .at = where};
    change->at.delta_id = NULL;
    if (round->file_count > 0) {
        change = &changes[(*at)++];
        *change = (struct catalog_change){.verb = CATALOG_STAGE_DELTA, .at = where};
        change->delta.type = round->type;
        change->delta.files = round->files;
        change->delta.file_count = round->file_count;
        change->delta.rewrite = true;
        change = &changes[(*at)++];
        *change = (struct catalog_change){.verb = CATALOG_COMMIT_DELTA, .at = where};
        change->at.position = round->plan.watermark;
    }
    change = &changes[(*at)++];
    *change = (struct catalog_change){.verb = CATALOG_COMMIT_PARTITION, .at = where};
    change->at.delta_id = NULL;
    change->partition.expect_id = partition->id;
    change->partition.promote_after = round->plan.watermark;
    change->partition.compaction = round->compaction;
}

void compact_commit_record(
    struct compact *compact, size_t first, size_t end, struct catalog_change *changes, size_t *at)
{
    json_t *record = json_object(), *partitions = json_array();
    struct catalog_change *change = &changes[(*at)++];
    char *line;

    for (size_t i = first; i < end; i++) {
        if (compact->outcomes[i].worth_it)
            json_array_append_new(partitions, compact_result_json(&compact->outcomes[i]));
    }
    json_put_text(record, "compacted", compact->lease_name);
    json_put_int(record, "started_ms", compact->started_ms);
    json_object_set_new(record, "partitions", partitions);
    line = json_line(record);
    json_decref(record);
    *change = (struct catalog_change){.verb = CATALOG_RECORD_COMMIT};
    change->commit = (struct catalog_commit){.run_id = compact->attempt_id,
        .pipeline = compact->lease_name,
        .instance = "",
        .fence = compact->lease.fence,
        .committed_ms = time_now_ms(),
        .record = arena_strdup(&compact->round_arena, line)};
    free(line);
}

static void add_buckets(
    struct compact *compact, int64_t buckets, struct catalog_change *changes, size_t *at)
{
    struct catalog_merge *merge = arena_new(&compact->round_arena, struct catalog_merge);
    struct catalog_change *change = &changes[(*at)++];

    *merge = compact->version.merge;
    merge->buckets = buckets;
    *change = (struct catalog_change){.verb = CATALOG_UPDATE_VERSION,
        .at = {.namespace = compact->version.namespace,
            .table = compact->version.table,
            .version = compact->version.version}};
    change->version.merge = merge;
}

void compact_commit_build(
    struct compact *compact, size_t first, size_t end, int64_t buckets, struct catalog_apply *apply)
{
    struct catalog_change *changes = arena_array(&compact->round_arena,
        (end - first) * CHANGES_PER_PARTITION + CHANGES_BESIDE, sizeof(*changes));
    size_t count = 0;

    for (size_t i = first; i < end; i++) {
        if (compact->outcomes[i].worth_it)
            add_partition(compact, &compact->rounds[i], changes, &count);
    }
    if (buckets > 0)
        add_buckets(compact, buckets, changes, &count);
    compact_commit_record(compact, first, end, changes, &count);
    *apply = (struct catalog_apply){.changes = changes,
        .count = count,
        .pipeline = compact->lease_name,
        .instance = "",
        .run_id = compact->attempt_id,
        .fence = compact->lease.fence};
}

json_t *compact_result_json(const struct compact_result *result)
{
    json_t *item = json_object(), *values = json_array();

    for (size_t i = 0; i < result->value_count; i++)
        json_array_append_new(values, json_text(result->values[i]));
    json_object_set_new(item, "partition", values);
    json_object_set_new(item, "compacted", json_boolean(result->committed));
    json_put_int(item, "files_before", (int64_t)result->files_before);
    json_put_int(item, "bytes_before", (int64_t)result->bytes_before);
    json_put_int(item, "rows_before", result->rows_before);
    json_put_int(item, "files_rewritten", (int64_t)result->files_rewritten);
    json_put_int(item, "bytes_rewritten", (int64_t)result->bytes_rewritten);
    json_put_int(item, "files_after", (int64_t)result->files_after);
    json_put_int(item, "bytes_after", (int64_t)result->bytes_after);
    json_put_int(item, "rows_after", result->rows_after);
    return item;
}
