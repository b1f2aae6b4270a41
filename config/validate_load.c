/* The rules of loads that a file alone can tell. What drives a load, and so whether it may append,
 * is in its SQL: the engine's graph knows. */
#include "config/pipeline_internal.h"
#include "runner/base/mem.h"
#include "runner/base/table.h"

#include <string.h>
#include <strings.h>

static void validate_from(
    struct pipeline_reader *reader, const struct load *load, const struct table *datasets)
{
    const bool own_name = !pipeline_is_set(reader->pipeline, &load->from);
    const char **names;
    const char *nearest;

    if (table_has(datasets, load->from))
        return;
    names = mem_calloc(datasets->count + 1, sizeof(*names));
    for (size_t i = 0; i < datasets->count; i++)
        names[i] = datasets->entries[i].key;
    nearest = text_nearest(load->from, names);
    free(names);
    if (nearest)
        pipeline_fail(reader, &load->from,
            "load.%s%s: there is no dataset \"%s\"; did you mean \"%s\"?", load->item.name,
            own_name ? "" : ".from", load->from, nearest);
    else
        pipeline_fail(reader, &load->from,
            "load.%s%s: there is no dataset \"%s\"; name an extract or a transform%s",
            load->item.name, own_name ? "" : ".from", load->from, own_name ? " with from:" : "");
}

void pipeline_refuse_unless(struct pipeline_reader *reader, const struct load *load, bool allowed,
    const void *field, const char *name, const char *why)
{
    if (!allowed && pipeline_is_set(reader->pipeline, field))
        pipeline_fail(reader, field, "load.%s.%s: %s", load->item.name, name, why);
}

static void validate_target(struct pipeline_reader *reader, const struct load *load)
{
    static const char *const table_only = "is for tables (into), not for plain files (to)";
    static const char *const file_only = "is for plain files (to), not for tables (into)";
    const struct pipeline *pipeline = reader->pipeline;
    const bool into = pipeline_is_set(pipeline, &load->into);
    const bool to = pipeline_is_set(pipeline, &load->to);
    const struct {
        const void *object;
        const char *name;
    } maps[] = {{&load->update, "update"}, {&load->limits, "limits"}, {&load->compact, "compact"}};

    if (into == to)
        return; /* binding said so */
    pipeline_refuse_unless(reader, load, into, &load->mode, "mode", table_only);
    pipeline_refuse_unless(reader, load, into, &load->key, "key", table_only);
    pipeline_refuse_unless(reader, load, into, &load->partition_by, "partition_by", table_only);
    pipeline_refuse_unless(reader, load, into, &load->sort_by, "sort_by", table_only);
    pipeline_refuse_unless(reader, load, into, &load->required, "required", table_only);
    pipeline_refuse_unless(reader, load, into, &load->sequence_by, "sequence_by", table_only);
    pipeline_refuse_unless(reader, load, into, &load->delete_when, "delete_when", table_only);
    pipeline_refuse_unless(reader, load, into, &load->scope, "scope", table_only);
    pipeline_refuse_unless(reader, load, into, &load->tombstones, "tombstones", table_only);
    pipeline_refuse_unless(reader, load, into, &load->track, "track", table_only);
    pipeline_refuse_unless(reader, load, into, &load->as_of, "as_of", table_only);
    pipeline_refuse_unless(reader, load, into, &load->absent, "absent", table_only);
    pipeline_refuse_unless(reader, load, into, &load->schema, "schema", table_only);
    pipeline_refuse_unless(reader, load, into, &load->file_size, "file_size", table_only);
    pipeline_refuse_unless(reader, load, to, &load->format, "format", file_only);
    pipeline_refuse_unless(reader, load, to, &load->compression, "compression", file_only);
    if (into && pipeline_has_map(pipeline, &load->csv))
        pipeline_fail(reader, &load->csv, "load.%s.csv: %s", load->item.name, file_only);
    for (size_t i = 0; to && i < ARRAY_LENGTH(maps); i++) {
        if (pipeline_has_map(pipeline, maps[i].object))
            pipeline_fail(reader, maps[i].object, "load.%s.%s: %s", load->item.name, maps[i].name,
                table_only);
    }
}

static void validate_partitions(struct pipeline_reader *reader, const struct load *load)
{
    if (load->partition_count < load->partition_by.count)
        return; /* some are not known yet */
    for (size_t i = 0; i < load->partition_count; i++) {
        for (size_t j = 0; j < i; j++) {
            if (strcasecmp(load->partitions[i].text, load->partitions[j].text) != 0)
                continue;
            pipeline_fail(reader, &load->partition_by.items[i],
                "load.%s.partition_by[%zu]: \"%s\" stands here twice", load->item.name, i + 1,
                load->partition_by.items[i]);
            break;
        }
    }
}

static void validate_load(
    struct pipeline_reader *reader, const struct load *load, const struct table *datasets)
{
    char *address = mem_printf("load.%s", load->item.name);
    char *key = mem_printf("%s.key", address), *sort_by = mem_printf("%s.sort_by", address);

    validate_from(reader, load, datasets);
    validate_target(reader, load);
    pipeline_validate_merge(reader, load);
    validate_partitions(reader, load);
    pipeline_validate_repeats(reader, key, &load->key);
    pipeline_validate_repeats(reader, sort_by, &load->sort_by);
    pipeline_validate_checks(reader, address, &load->checks);
    if (pipeline_is_set(reader->pipeline, &load->to))
        pipeline_validate_format(
            reader, address, "to", &load->csv, &load->format, &load->compression, &load->to);
    if (load->to && load->format == FORMAT_JSON)
        pipeline_fail(reader,
            pipeline_is_set(reader->pipeline, &load->format) ? (const void *)&load->format
                                                             : &load->to,
            "%s.to: plain files are csv, ndjson or parquet; use .ndjson for JSON", address);
    if (load->to && text_has_glob(load->to))
        pipeline_fail(
            reader, &load->to, "%s.to: names one file; * ? and [ cannot be in it", address);
    free(sort_by);
    free(key);
    free(address);
}

/* To be freed: "./a//b" and "a/./b" are "a/b"; a URL's two slashes stay. */
static char *plain_path(const char *path)
{
    char *plain = mem_strdup(path), *to = plain;
    const char *scheme = strstr(path, "://"), *at = path;

    if (scheme) {
        at = scheme + 3;
        to += at - path;
    }
    for (const char *start = at; *at;) {
        const bool begins = at == start || at[-1] == '/';

        if (begins && at[0] == '.' && at[1] == '/')
            at += 2;
        else if (begins && at != start && at[0] == '/')
            at++;
        else
            *to++ = *at++;
    }
    *to = '\0';
    return plain;
}

/* Two loads that write the same file would leave the one that came last. */
static void validate_paths(struct pipeline_reader *reader)
{
    const struct load *loads = reader->pipeline->loads.items;
    struct table paths;

    table_init(&paths);
    for (size_t i = 0; i < reader->pipeline->loads.count; i++) {
        const struct load *first;
        char *path;

        if (!loads[i].to)
            continue;
        path = plain_path(loads[i].to);
        first = table_get(&paths, path);
        if (first)
            pipeline_fail(reader, &loads[i].to, "load.%s.to: load.%s writes the same file",
                loads[i].item.name, first->item.name);
        else
            table_put(&paths, path, (void *)&loads[i]);
        free(path);
    }
    table_deinit(&paths);
}

void pipeline_validate_loads(struct pipeline_reader *reader, const struct table *datasets)
{
    const struct load *loads = reader->pipeline->loads.items;

    for (size_t i = 0; i < reader->pipeline->loads.count; i++)
        validate_load(reader, &loads[i], datasets);
    validate_paths(reader);
}
