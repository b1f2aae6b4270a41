/* The rules of loads into tables: which mode needs what, and which options mean something only with
 * a key or in one mode. */
#include "config/pipeline_internal.h"
#include "runner/base/mem.h"

#include <string.h>
#include <strings.h>

static bool lists(const struct text_list *list, const char *column)
{
    for (size_t i = 0; i < list->count; i++) {
        if (strcasecmp(list->items[i], column) == 0)
            return true;
    }
    return false;
}

/* The same of a map, which begins where its first field does. */
static void refuse_map_unless(struct pipeline_reader *reader, const struct load *load, bool allowed,
    const void *object, const char *name, const char *why)
{
    if (!allowed && pipeline_has_map(reader->pipeline, object))
        pipeline_fail(reader, object, "load.%s.%s: %s", load->item.name, name, why);
}

static void validate_key(struct pipeline_reader *reader, const struct load *load)
{
    static const char *const keyed_only =
        "is for tables with a key; write key: [column, …] and mode: upsert";
    const bool key = pipeline_is_set(reader->pipeline, &load->key);
    const bool needs = load->mode >= MODE_UPSERT;

    if (needs && !key)
        pipeline_fail(reader, &load->mode, "load.%s.mode: %s needs key: [column, …]",
            load->item.name, load_mode_names[load->mode]);
    if (load->mode == MODE_APPEND && key)
        pipeline_fail(reader, &load->key,
            "load.%s.key: append looks at no key, so that rows of one would be there twice; write "
            "mode: upsert",
            load->item.name);
    /* Where the key is missing that was said already. */
    pipeline_refuse_unless(
        reader, load, key || needs, &load->sequence_by, "sequence_by", keyed_only);
    pipeline_refuse_unless(reader, load, key || needs, &load->tombstones, "tombstones", keyed_only);
    refuse_map_unless(reader, load, key || load->mode != MODE_APPEND, &load->limits, "limits",
        "means nothing in append, which deletes and rewrites nothing");
    pipeline_refuse_unless(
        reader, load, key || needs, &load->compact.buckets, "compact.buckets", keyed_only);
}

static void validate_scd2(struct pipeline_reader *reader, const struct load *load)
{
    static const char *const validity[] = {"valid_from", "valid_to"};
    static const char *const scd2_only = "is for mode: scd2";
    const bool scd2 = load->mode == MODE_SCD2;

    pipeline_refuse_unless(reader, load, scd2, &load->track, "track", scd2_only);
    pipeline_refuse_unless(reader, load, scd2, &load->as_of, "as_of", scd2_only);
    pipeline_refuse_unless(reader, load, scd2, &load->absent, "absent", scd2_only);
    if (!scd2)
        return;
    pipeline_refuse_unless(reader, load, false, &load->sequence_by, "sequence_by",
        "means nothing in scd2, where as_of orders the rows of a key");
    pipeline_refuse_unless(reader, load, false, &load->tombstones, "tombstones",
        "means nothing in scd2, which keeps the rows that ended");
    for (size_t i = 0; i < load->track.count; i++) {
        if (lists(&load->key, load->track.items[i]))
            pipeline_fail(reader, &load->track.items[i],
                "load.%s.track[%zu]: \"%s\" is in the key, which never changes; leave it out",
                load->item.name, i + 1, load->track.items[i]);
    }
    for (size_t i = 0; i < ARRAY_LENGTH(validity); i++) {
        const bool key = lists(&load->key, validity[i]);

        if (key || lists(&load->track, validity[i]))
            pipeline_fail(reader, key ? &load->key : &load->track,
                "load.%s.%s: scd2 makes the column %s itself; leave it out", load->item.name,
                key ? "key" : "track", validity[i]);
    }
    if (load->as_of && !load->as_of_is_time && lists(&load->key, load->as_of))
        pipeline_fail(reader, &load->as_of,
            "load.%s.as_of: \"%s\" is in the key; name the column that says since when a row holds",
            load->item.name, load->as_of);
}

static void validate_overwrite(struct pipeline_reader *reader, const struct load *load)
{
    const bool partitions = load->mode == MODE_OVERWRITE_PARTITIONS;

    pipeline_refuse_unless(reader, load, partitions || load->mode == MODE_OVERWRITE,
        &load->on_empty, "on_empty", "is for mode: overwrite and overwrite_partitions");
    pipeline_refuse_unless(
        reader, load, partitions, &load->scope, "scope", "is for mode: overwrite_partitions");
    if (partitions && !pipeline_is_set(reader->pipeline, &load->partition_by))
        pipeline_fail(reader, &load->mode,
            "load.%s.mode: overwrite_partitions needs partition_by: [column, …]", load->item.name);
}

void pipeline_validate_merge(struct pipeline_reader *reader, const struct load *load)
{
    static const char *const upsert_only = "is for mode: upsert";
    const struct pipeline *pipeline = reader->pipeline;
    const struct compact_options *compact = &load->compact;
    char *address;

    if (!pipeline_is_set(pipeline, &load->into))
        return;
    validate_key(reader, load);
    pipeline_refuse_unless(
        reader, load, load->mode == MODE_UPSERT, &load->delete_when, "delete_when", upsert_only);
    refuse_map_unless(
        reader, load, load->mode == MODE_UPSERT, &load->update, "update", upsert_only);
    if (pipeline_has_map(pipeline, &load->limits) &&
        !pipeline_is_set(pipeline, &load->limits.deletes) &&
        !pipeline_is_set(pipeline, &load->limits.rewrite))
        pipeline_fail(reader, &load->limits, "load.%s.limits: needs deletes, rewrite or both",
            load->item.name);
    if (pipeline_has_map(pipeline, compact) && !pipeline_is_set(pipeline, &compact->deltas) &&
        !pipeline_is_set(pipeline, &compact->files) &&
        !pipeline_is_set(pipeline, &compact->buckets))
        pipeline_fail(
            reader, compact, "load.%s.compact: needs deltas, files or buckets", load->item.name);
    validate_scd2(reader, load);
    validate_overwrite(reader, load);
    address = mem_printf("load.%s.track", load->item.name);
    pipeline_validate_repeats(reader, address, &load->track);
    free(address);
}
