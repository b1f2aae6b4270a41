/* What follows from what was written: settings that are inherited, texts taken apart, files read.
 * What could not be bound is left as it is; its error is there already. */
#include "config/path.h"
#include "config/pipeline_internal.h"
#include "config/yaml.h"
#include "runner/base/mem.h"

#include <sched.h>
#include <string.h>
#include <unistd.h>

enum { SQL_BYTES_MAX = 1024 * 1024, THREADS_DEFAULT_MAX = 8 };

static int64_t default_threads(void)
{
    cpu_set_t set;
    int count = 1;

    /* What this process may use, which in a container is less than what the machine has. */
    if (sched_getaffinity(0, sizeof(set), &set) == 0)
        count = CPU_COUNT(&set);
    return MAX(1, MIN(count, (int)THREADS_DEFAULT_MAX));
}

static void inherit(
    const struct pipeline *pipeline, struct retry_options *retry, struct duration *timeout)
{
    const struct defaults *defaults = &pipeline->defaults;

    if (!pipeline_is_set(pipeline, &retry->attempts))
        retry->attempts = defaults->retry.attempts;
    if (!pipeline_is_set(pipeline, &retry->backoff))
        retry->backoff = defaults->retry.backoff;
    if (!pipeline_is_set(pipeline, &retry->max_backoff))
        retry->max_backoff = defaults->retry.max_backoff;
    if (!pipeline_is_set(pipeline, &retry->on))
        retry->on = defaults->retry.on;
    if (!pipeline_is_set(pipeline, timeout))
        *timeout = defaults->timeout;
}

/* --- transforms --- */

static bool is_utf8(const char *text, size_t length)
{
    size_t step;

    for (size_t at = 0; at < length; at += step) {
        step = text[at] ? text_utf8_length(text + at, length - at) : 0;
        if (step == 0)
            return false;
    }
    return true;
}

static void fail_sql_file(
    struct pipeline_reader *reader, struct transform *transform, const char *why)
{
    struct arena *arena = &reader->pipeline->arena;
    const char *beside =
        path_join(arena, path_folder(arena, reader->pipeline->path), transform->sql_file);

    /* The most likely slip: the path was meant from the pipeline's own folder. */
    if (transform->sql_file[0] != '/' && access(beside, R_OK) == 0 && beside[0] != '/')
        pipeline_fail(reader, &transform->sql_file,
            "transform.%s.sql_file: \"%s\" %s; paths start at the project's root: write \"%s\"",
            transform->item.name, transform->sql_file, why, beside);
    else
        pipeline_fail(reader, &transform->sql_file,
            "transform.%s.sql_file: \"%s\" %s; paths start at the project's root: that is %s",
            transform->item.name, transform->sql_file, why,
            path_display(arena, path_join(arena, reader->pipeline->root, transform->sql_file)));
}

static void read_sql_file(struct pipeline_reader *reader, struct transform *transform)
{
    struct pipeline *pipeline = reader->pipeline;
    struct error err;
    const char *path;
    size_t length;
    char *text;

    if (reader->scope->without_files ||
        (pipeline_uses(pipeline, &transform->sql_file) & INTERPOLATE_PARTIAL))
        return;
    path = path_join(&pipeline->arena, pipeline->root, transform->sql_file);
    if (path_read_file(path, SQL_BYTES_MAX, &text, &length, &err)) {
        fail_sql_file(reader, transform, err.message);
        return;
    }
    if (!is_utf8(text, length))
        fail_sql_file(reader, transform, "is not UTF-8 text");
    else if (text[strspn(text, " \t\r\n;")] == '\0')
        fail_sql_file(reader, transform, "is empty");
    else
        transform->sql = arena_strndup(&pipeline->arena, text, length);
    transform->sql_path = path_display(&pipeline->arena, path);
    free(text);
}

static void finish_transform(struct pipeline_reader *reader, struct transform *transform)
{
    transform->sql_path = reader->pipeline->path;
    if (transform->sql_file)
        read_sql_file(reader, transform);
    pipeline_finish_checks(reader->pipeline, &transform->checks);
    inherit(reader->pipeline, &transform->retry, &transform->timeout);
}

/* --- extracts and loads --- */

/* "namespace.table" in two; only one that is well formed is. */
static void split_table(
    struct arena *arena, const char *table, const char **ret_namespace, const char **ret_table)
{
    const char *dot = table ? strchr(table, '.') : NULL;
    struct error err;

    if (!dot || pipeline_check_into(table, &err))
        return;
    *ret_namespace = arena_strndup(arena, table, (size_t)(dot - table));
    *ret_table = arena_strdup(arena, dot + 1);
}

static void finish_extract(struct pipeline *pipeline, struct extract *extract)
{
    if (extract->format == FORMAT_AUTO && extract->from)
        extract->format = (int)dialect_format_of(extract->from);
    if (extract->from)
        split_table(&pipeline->arena, pipeline_catalog_table(extract->from),
            &extract->from_namespace, &extract->from_table);
    extract->bad_share = -1;
    if (extract->max_bad_share) /* fails only where ${…} is still in it */
        pipeline_parse_percent(extract->max_bad_share, &extract->bad_share, NULL);
    inherit(pipeline, &extract->retry, &extract->timeout);
}

/* Options that only some modes and keys give a meaning. */
static void finish_merge(struct pipeline_reader *reader, struct load *load)
{
    struct load_limits *limits = &load->limits;
    struct error err;
    int64_t time_ms;

    limits->deletes_share = -1;
    limits->deletes_rows = -1;
    if (limits->deletes) /* fails only where ${…} is still in it */
        pipeline_parse_share(limits->deletes, &limits->deletes_share, &limits->deletes_rows, &err);
    load->as_of_is_time =
        load->as_of && ((pipeline_uses(reader->pipeline, &load->as_of) & INTERPOLATE_RUN_DUE) ||
                           time_parse(load->as_of, &time_ms, &err) == 0);
}

static void finish_load(struct pipeline_reader *reader, struct load *load)
{
    struct arena *arena = &reader->pipeline->arena;

    if (!load->from)
        load->from = load->item.name;
    load->to_per_run = (pipeline_uses(reader->pipeline, &load->to) &
                           (INTERPOLATE_RUN_ID | INTERPOLATE_RUN_DUE)) != 0;
    split_table(arena, load->into, &load->into_namespace, &load->into_table);
    finish_merge(reader, load);
    load->partitions = arena_array(arena, load->partition_by.count, sizeof(*load->partitions));
    for (size_t i = 0; i < load->partition_by.count; i++) {
        struct error err;

        /* Fails only where ${…} is still in it. */
        if (pipeline_parse_partition(load->partition_by.items[i], arena,
                &load->partitions[load->partition_count], &err) == 0)
            load->partition_count++;
    }
    pipeline_finish_checks(reader->pipeline, &load->checks);
    inherit(reader->pipeline, &load->retry, &load->timeout);
}

void pipeline_finish(struct pipeline_reader *reader)
{
    struct pipeline *pipeline = reader->pipeline;
    struct extract *extracts = pipeline->extracts.items;
    struct transform *transforms = pipeline->transforms.items;
    struct load *loads = pipeline->loads.items;

    if (!pipeline_is_set(pipeline, &pipeline->name))
        pipeline->name = path_stem(&pipeline->arena, pipeline->path);
    if (pipeline->resources.threads == 0)
        pipeline->resources.threads = default_threads();
    for (size_t i = 0; i < pipeline->extracts.count; i++)
        finish_extract(pipeline, &extracts[i]);
    for (size_t i = 0; i < pipeline->transforms.count; i++)
        finish_transform(reader, &transforms[i]);
    for (size_t i = 0; i < pipeline->loads.count; i++) {
        if (loads[i].format == FORMAT_AUTO && loads[i].to)
            loads[i].format = (int)dialect_format_of(loads[i].to);
        finish_load(reader, &loads[i]);
    }
}
