#include "runner/engine/compact_plan.h"

#include "runner/base/json.h"
#include "runner/base/mem.h"
#include "runner/engine/table_files.h"

#include <string.h>

enum { TOMBSTONE_SLICES = 8 };

int64_t compact_plan_buckets(uint64_t partition_bytes, uint64_t group_bytes)
{
    const uint64_t buckets = (partition_bytes + group_bytes - 1) / group_bytes;

    return (int64_t)MIN(MAX(buckets, 1), COMPACT_BUCKETS_MAX);
}

int64_t compact_slice(const struct catalog_merge *merge, int64_t committed_ms)
{
    return committed_ms / MAX(merge->tombstones_ms / TOMBSTONE_SLICES, 1);
}

/* --- the files in their order --- */

/* Deletes of a position come before its rows, which beat them. */
static int by_order(const void *a, const void *b)
{
    const struct compact_file *one = a, *other = b;

    if (one->position != other->position)
        return one->position < other->position ? -1 : 1;
    if (one->file->content != other->file->content)
        return one->file->content == CATALOG_DELETES ? -1 : 1;
    return one->file < other->file ? -1 : one->file > other->file;
}

static void collect_files(const struct catalog_delta *deltas, size_t count, struct arena *arena,
    struct compact_plan *plan)
{
    size_t total = 0;

    for (size_t i = 0; i < count; i++)
        total += deltas[i].file_count;
    plan->files = arena_array(arena, total, sizeof(*plan->files));
    for (size_t i = 0; i < count; i++) {
        plan->watermark = MAX(plan->watermark, deltas[i].position);
        for (size_t j = 0; j < deltas[i].file_count; j++)
            plan->files[plan->file_count++] = (struct compact_file){.file = &deltas[i].files[j],
                .position = deltas[i].position,
                .committed_ms = deltas[i].created_ms};
    }
    /* Files of one delta are one array: their addresses are their order. */
    mem_sort(plan->files, plan->file_count, sizeof(*plan->files), by_order);
}

/* --- the round before --- */

static json_t *read_past(
    const struct catalog_partition *partition, struct compact_past *ret_past, struct error *err)
{
    json_t *past;

    if (!partition->compaction)
        return NULL;
    past = json_parse(partition->compaction, strlen(partition->compaction), err);
    if (!past) {
        error_prefix(err, "what the last compaction of partition %s says", partition->id);
        return NULL;
    }
    *ret_past = (struct compact_past){.watermark = json_get_int(past, "watermark", 0),
        .buckets = json_get_int(past, "buckets", 0),
        .rounds = json_get_int(past, "rounds", 0)};
    return past;
}

/* --- with a key --- */

static void place_old(struct compact_file *file, const struct catalog_merge *merge,
    const json_t *tombstones, int64_t now_ms)
{
    file->bucket = file->file->bucket - 1;
    file->role = COMPACT_BASE;
    if (file->file->content != CATALOG_DELETES)
        return;
    file->committed_ms = json_get_int(tombstones, file->file->key, file->committed_ms);
    file->role =
        file->committed_ms + merge->tombstones_ms > now_ms ? COMPACT_TOMBSTONE : COMPACT_EXPIRED;
}

static void plan_keyed(const struct catalog_version *table, const json_t *past,
    const struct compact_limits *options, struct compact_plan *plan)
{
    const bool goes_on =
        past && !options->full && plan->past.buckets == options->buckets && options->buckets > 0;
    uint64_t bytes = 0;
    bool any_new = false, any_expired = false;

    for (size_t i = 0; i < plan->file_count; i++) {
        struct compact_file *file = &plan->files[i];

        if (goes_on && file->position == plan->past.watermark && file->file->bucket > 0 &&
            file->file->bucket <= options->buckets) {
            place_old(file, &table->merge, json_object_get(past, "tombstones"), options->now_ms);
        } else {
            file->role = COMPACT_NEW;
            if (any_new && bytes + file->file->bytes > options->group_bytes) {
                plan->group_count++;
                bytes = 0;
            }
            bytes += file->file->bytes;
            file->group = plan->group_count;
        }
        any_new = any_new || file->role == COMPACT_NEW;
        any_expired = any_expired || file->role == COMPACT_EXPIRED;
    }
    plan->group_count += any_new;
    plan->worth_it = any_new || any_expired;
    for (size_t i = 0; i < plan->file_count; i++) {
        const struct compact_file *file = &plan->files[i];

        if (file->role == COMPACT_NEW || (file->role == COMPACT_BASE && any_new)) {
            plan->rewritten_files++;
            plan->rewritten_bytes += file->file->bytes;
        }
    }
}

/* Rows of one delta, as many files as their size asks for: reads well as it is. */
static bool is_clean(const struct compact_plan *plan, const struct catalog_delta *deltas,
    size_t count, uint64_t file_bytes)
{
    uint64_t bytes = 0;

    for (size_t i = 0; i < count; i++) {
        if (table_files_repeat(&deltas[i]))
            return false;
    }
    for (size_t i = 0; i < plan->file_count; i++) {
        const struct compact_file *file = &plan->files[i];

        if (file->file->content == CATALOG_DELETES || file->position != plan->files[0].position)
            return false;
        bytes += file->file->bytes;
    }
    return plan->file_count <=
           2 * MAX((bytes + file_bytes - 1) / file_bytes, 1); /* sizes are loose */
}

/* --- without one --- */

/* Small files that stand together are worth rewriting when fewer come out. */
static void end_group(struct compact_plan *plan, size_t first, size_t end, uint64_t bytes,
    const struct compact_limits *options)
{
    const size_t wanted = (bytes + options->file_bytes - 1) / options->file_bytes;

    if (first == end || (!options->full && end - first <= MAX(wanted, 1)))
        return;
    for (size_t i = first; i < end; i++) {
        plan->files[i].role = COMPACT_NEW;
        plan->files[i].group = plan->group_count;
    }
    plan->group_count++;
    plan->rewritten_files += end - first;
    plan->rewritten_bytes += bytes;
}

static void plan_plain(const struct compact_limits *options, struct compact_plan *plan)
{
    const uint64_t limit = MAX(options->group_bytes, options->file_bytes);
    size_t first = 0;
    uint64_t bytes = 0;

    for (size_t i = 0; i < plan->file_count; i++) {
        const uint64_t size = plan->files[i].file->bytes;
        const bool small = options->full || size < options->file_bytes / 2;

        if (!small || bytes + size > limit) {
            end_group(plan, first, i, bytes, options);
            first = small ? i : i + 1;
            bytes = 0;
        }
        bytes += small ? size : 0;
    }
    end_group(plan, first, plan->file_count, bytes, options);
    plan->worth_it = plan->group_count > 0;
}

int compact_plan_partition(const struct catalog_version *table,
    const struct catalog_partition *partition, const struct catalog_delta *deltas, size_t count,
    const struct compact_limits *options, struct arena *arena, struct compact_plan *ret_plan,
    struct error *err)
{
    struct compact_plan plan = {.keyed = table->merge.key_count > 0};
    struct error parse_err = {0};
    json_t *past = read_past(partition, &plan.past, &parse_err);

    if (parse_err.code) {
        *err = parse_err;
        return -1;
    }
    /* After a rollback deltas are older than the partition that they are read in. */
    plan.watermark = partition->since;
    collect_files(deltas, count, arena, &plan);
    if (plan.keyed)
        plan_keyed(table, past, options, &plan);
    else
        plan_plain(options, &plan);
    /* Once it has buckets it keeps them. */
    if (plan.keyed && !past && !options->full &&
        is_clean(&plan, deltas, count, options->file_bytes))
        plan.worth_it = false;
    json_decref(past);
    if ((options->min_deltas || options->min_files) &&
        !(options->min_deltas && (int64_t)count >= options->min_deltas) &&
        !(options->min_files && (int64_t)plan.file_count >= options->min_files))
        plan.worth_it = false;
    if (plan.file_count == 0)
        plan.worth_it = false;
    *ret_plan = plan;
    return 0;
}

void compact_plan_all(const struct catalog_version *table, const struct catalog_delta *deltas,
    size_t count, struct arena *arena, struct compact_plan *ret_plan)
{
    struct compact_plan plan = {
        .keyed = table->merge.key_count > 0, .worth_it = true, .group_count = 1};

    collect_files(deltas, count, arena, &plan);
    for (size_t i = 0; i < plan.file_count; i++) {
        plan.files[i].role = COMPACT_NEW;
        plan.rewritten_bytes += plan.files[i].file->bytes;
    }
    plan.rewritten_files = plan.file_count;
    *ret_plan = plan;
}
