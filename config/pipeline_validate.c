/* The rules of DESIGN section 3 that a file alone can tell; those of loads are in
 * validate_load.c. */
#include "config/pipeline_internal.h"
#include "config/zone.h"
#include "runner/base/dialect.h"
#include "runner/base/mem.h"
#include "runner/base/table.h"

#include <string.h>

/* Did you mean, over the keys of a table; NULL where nothing is near. */
static const char *nearest_key(const struct table *table, const char *name)
{
    const char **names = mem_calloc(table->count + 1, sizeof(*names));
    const char *nearest;

    for (size_t i = 0; i < table->count; i++)
        names[i] = table->entries[i].key;
    nearest = text_nearest(name, names);
    free(names);
    return nearest;
}

/* --- parts that several tasks have --- */

void pipeline_validate_repeats(
    struct pipeline_reader *reader, const char *address, const struct text_list *list)
{
    struct table seen;

    table_init(&seen);
    for (size_t i = 0; i < list->count; i++) {
        if (table_has(&seen, list->items[i]))
            pipeline_fail(reader, &list->items[i], "%s[%zu]: \"%s\" stands here twice", address,
                i + 1, list->items[i]);
        table_put(&seen, list->items[i], reader);
    }
    table_deinit(&seen);
}

static void validate_retry(
    struct pipeline_reader *reader, const char *address, const struct retry_options *retry)
{
    if (pipeline_is_set(reader->pipeline, &retry->backoff) &&
        duration_ms(&retry->backoff) > duration_ms(&retry->max_backoff))
        pipeline_fail(
            reader, &retry->backoff, "%s.retry.backoff: is longer than max_backoff", address);
}

void pipeline_validate_format(struct pipeline_reader *reader, const char *address, const char *key,
    const struct csv_dialect *csv, const int *format, const int *compression,
    const char *const *path)
{
    const struct pipeline *pipeline = reader->pipeline;
    const bool open = pipeline_uses(pipeline, path) & INTERPOLATE_PARTIAL;
    enum file_compression packed = *compression;

    if (!*path)
        return; /* its own error says so */
    if (*format == FORMAT_AUTO && !open && !pipeline_is_set(pipeline, format))
        pipeline_fail(reader, path,
            "%s.%s: the name \"%.*s\" does not tell what is in the file; add format: csv, json, "
            "ndjson or parquet",
            address, key, (int)MIN(dialect_name_length(*path), 300), *path);
    if (packed == COMPRESSION_AUTO)
        packed = dialect_compression_of(*path);
    if (*format == FORMAT_PARQUET && packed != COMPRESSION_NONE)
        pipeline_fail(reader,
            pipeline_is_set(pipeline, compression) ? (const void *)compression : path,
            "%s.%s: Parquet compresses by itself; leave %s out", address,
            pipeline_is_set(pipeline, compression) ? "compression" : key,
            pipeline_is_set(pipeline, compression) ? "it" : "the .gz or .zst");
    if (*format != FORMAT_CSV && *format != FORMAT_AUTO && pipeline_has_map(pipeline, csv))
        pipeline_fail(reader, csv, "%s.csv: is for CSV files; the format is %s", address,
            dialect_format_name(*format));
}

/* --- extracts and transforms --- */

static void validate_extract_mode(
    struct pipeline_reader *reader, const char *address, const struct extract *extract)
{
    if (extract->only_new.enabled && extract->cursor.column)
        pipeline_fail(reader, &extract->cursor,
            "%s.cursor: only_new and cursor are two ways to read what is new; keep one", address);
    if (extract->repeat && (extract->only_new.enabled || extract->cursor.column))
        pipeline_fail(reader, &extract->repeat,
            "%s.repeat: reads all of it each time, %s only what is new; keep one", address,
            extract->only_new.enabled ? "only_new" : "cursor");
    if (!extract->only_new.enabled && extract->only_new.reread != REREAD_NONE)
        pipeline_fail(reader, &extract->only_new.reread,
            "%s.only_new.reread: means nothing where only_new is not enabled", address);
    if (!extract->only_new.enabled &&
        pipeline_is_set(reader->pipeline, &extract->only_new.on_changed))
        pipeline_fail(reader, &extract->only_new.on_changed,
            "%s.only_new.on_changed: means nothing where only_new is not enabled", address);
    if (extract->only_new.on_changed == ON_CHANGED_REPLACE && !extract->metadata)
        pipeline_fail(reader, &extract->only_new.on_changed,
            "%s.only_new.on_changed: replace finds the rows of an object by their _source; add "
            "metadata: true",
            address);
    if (extract->only_new.reread != REREAD_NONE &&
        extract->only_new.on_changed != ON_CHANGED_APPEND)
        pipeline_fail(reader, &extract->only_new.on_changed,
            "%s.only_new.on_changed: reread reads what is there now in any case; leave it out",
            address);
    if (extract->on_bad_row == ON_BAD_ROW_FAIL &&
        (pipeline_is_set(reader->pipeline, &extract->max_bad_rows) || extract->max_bad_share))
        pipeline_fail(reader,
            extract->max_bad_share ? (const void *)&extract->max_bad_share : &extract->max_bad_rows,
            "%s.%s: the first bad row fails the run; add on_bad_row: quarantine or skip", address,
            extract->max_bad_share ? "max_bad_share" : "max_bad_rows");
}

/* A table knows what is in it: nothing about files is said of it. */
static void validate_from_table(
    struct pipeline_reader *reader, const char *address, const struct extract *extract)
{
    const struct pipeline *pipeline = reader->pipeline;
    const char *table = pipeline_catalog_table(extract->from);
    const struct {
        bool set;
        const void *field;
        const char *name, *instead;
    } refused[] = {
        {pipeline_is_set(pipeline, &extract->format), &extract->format, "format", NULL},
        {pipeline_is_set(pipeline, &extract->compression), &extract->compression, "compression",
            NULL},
        {pipeline_has_map(pipeline, &extract->csv), &extract->csv, "csv", NULL},
        {pipeline_is_set(pipeline, &extract->columns), &extract->columns, "columns",
            "; cast in the SELECT"},
        {pipeline_is_set(pipeline, &extract->on_bad_row), &extract->on_bad_row, "on_bad_row", NULL},
        {pipeline_is_set(pipeline, &extract->timezone), &extract->timezone, "timezone", NULL},
        {extract->cursor.column != NULL, &extract->cursor, "cursor", "; write only_new: true"},
        {extract->only_new.reread != REREAD_NONE, &extract->only_new.reread, "only_new.reread",
            "; read the table whole"},
        {pipeline_is_set(pipeline, &extract->only_new.on_changed), &extract->only_new.on_changed,
            "only_new.on_changed", NULL},
    };
    struct error err;

    for (size_t i = 0; i < ARRAY_LENGTH(refused); i++) {
        if (refused[i].set)
            pipeline_fail(reader, refused[i].field, "%s.%s: is for files, not for tables%s",
                address, refused[i].name, refused[i].instead ? refused[i].instead : "");
    }
    if (extract->at && extract->only_new.enabled)
        pipeline_fail(reader, &extract->at,
            "%s.at: reads the table as it was once, only_new what came since the last run; keep "
            "one",
            address);
    if (text_has_glob(table))
        pipeline_fail(reader, &extract->from,
            "%s.from: a table is named whole; * ? and [ cannot be in it", address);
    else if (!(pipeline_uses(pipeline, &extract->from) & INTERPOLATE_PARTIAL) &&
             pipeline_check_into(table, &err))
        pipeline_fail(reader, &extract->from, "%s.from: %s", address, err.message);
}

static bool is_metadata(const char *column)
{
    static const char *const names[] = {"_run_id", "_source", "_source_version", "_row_number"};

    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        if (strcasecmp(column, names[i]) == 0)
            return true;
    }
    return false;
}

static void validate_extract(struct pipeline_reader *reader, const struct extract *extract)
{
    char *address = mem_printf("extract.%s", extract->item.name);
    char *mask = mem_printf("%s.mask", address);

    validate_extract_mode(reader, address, extract);
    if (extract->from && pipeline_catalog_table(extract->from)) {
        validate_from_table(reader, address, extract);
    } else {
        pipeline_validate_format(reader, address, "from", &extract->csv, &extract->format,
            &extract->compression, &extract->from);
        if (extract->at)
            pipeline_fail(reader, &extract->at,
                "%s.at: is for tables (from: catalog://namespace.table)", address);
    }
    pipeline_validate_repeats(reader, mask, &extract->mask);
    validate_retry(reader, address, &extract->retry);
    for (size_t i = 0; i < extract->columns.count; i++) {
        if (extract->columns.items[i].name[0] == '\0')
            pipeline_fail(reader, &extract->columns.items[i].value,
                "%s.columns: a column has an empty name", address);
        if (extract->metadata && is_metadata(extract->columns.items[i].name))
            pipeline_fail(reader, &extract->columns.items[i].value,
                "%s.columns: \"%s\" is a column that metadata: true adds; leave it out", address,
                extract->columns.items[i].name);
    }
    if (extract->timezone &&
        !(pipeline_uses(reader->pipeline, &extract->timezone) & INTERPOLATE_PARTIAL)) {
        struct error err;
        struct zone *zone = zone_open(extract->timezone, &err);

        if (!zone)
            pipeline_fail(reader, &extract->timezone, "%s.timezone: %s", address, err.message);
        zone_free(zone);
    }
    free(mask);
    free(address);
}

static void validate_transform(struct pipeline_reader *reader, const struct transform *transform)
{
    char *address = mem_printf("transform.%s", transform->item.name);

    if (transform->sql && transform->sql[strspn(transform->sql, " \t\r\n;")] == '\0')
        pipeline_fail(reader, &transform->sql, "%s.sql: is empty; write a SELECT", address);
    pipeline_validate_checks(reader, address, &transform->checks);
    validate_retry(reader, address, &transform->retry);
    free(address);
}

/* --- names --- */

static void add_dataset(struct pipeline_reader *reader, struct table *datasets, const char *kind,
    const struct option_item *item)
{
    const struct option_item *first = table_get(datasets, item->name);

    if (first)
        diagnostics_error(reader->problems, reader->pipeline->path, item->mark,
            "%s.%s: the name is taken by an extract (line %u); extracts and transforms share one "
            "set of names",
            kind, item->name, first->mark.line);
    else
        table_put(datasets, item->name, (void *)item);
}

/* Also a task of that plain name: "clean" for "load.clean". */
static const char *nearest_task(const struct table *tasks, const char *name)
{
    for (size_t i = 0; i < tasks->count; i++) {
        if (strcmp(strchr(tasks->entries[i].key, '.') + 1, name) == 0)
            return tasks->entries[i].key;
    }
    return nearest_key(tasks, name);
}

static void validate_after(struct pipeline_reader *reader, const struct table *tasks,
    const char *kind, const struct option_item *item, const struct text_list *after)
{
    char *address = mem_printf("%s.%s.after", kind, item->name);

    pipeline_validate_repeats(reader, address, after);
    for (size_t i = 0; i < after->count; i++) {
        const char *nearest;

        if (table_get(tasks, after->items[i]) == (void *)item)
            pipeline_fail(
                reader, &after->items[i], "%s[%zu]: a task cannot wait for itself", address, i + 1);
        if (table_has(tasks, after->items[i]))
            continue;
        nearest = nearest_task(tasks, after->items[i]);
        if (nearest)
            pipeline_fail(reader, &after->items[i],
                "%s[%zu]: there is no task \"%s\"; did you mean \"%s\"?", address, i + 1,
                after->items[i], nearest);
        else
            pipeline_fail(reader, &after->items[i],
                "%s[%zu]: there is no task \"%s\"; write it as extract.x, transform.y or load.z",
                address, i + 1, after->items[i]);
    }
    free(address);
}

static void add_task(struct table *tasks, const char *kind, struct option_item *item)
{
    char *id = mem_printf("%s.%s", kind, item->name);

    table_put(tasks, id, item);
    free(id);
}

static void validate_order(struct pipeline_reader *reader)
{
    struct pipeline *pipeline = reader->pipeline;
    struct extract *extracts = pipeline->extracts.items;
    struct transform *transforms = pipeline->transforms.items;
    struct load *loads = pipeline->loads.items;
    struct table tasks;

    table_init(&tasks);
    for (size_t i = 0; i < pipeline->extracts.count; i++)
        add_task(&tasks, "extract", &extracts[i].item);
    for (size_t i = 0; i < pipeline->transforms.count; i++)
        add_task(&tasks, "transform", &transforms[i].item);
    for (size_t i = 0; i < pipeline->loads.count; i++)
        add_task(&tasks, "load", &loads[i].item);
    for (size_t i = 0; i < pipeline->extracts.count; i++)
        validate_after(reader, &tasks, "extract", &extracts[i].item, &extracts[i].after);
    for (size_t i = 0; i < pipeline->transforms.count; i++)
        validate_after(reader, &tasks, "transform", &transforms[i].item, &transforms[i].after);
    for (size_t i = 0; i < pipeline->loads.count; i++)
        validate_after(reader, &tasks, "load", &loads[i].item, &loads[i].after);
    table_deinit(&tasks);
}

static void validate_file(struct pipeline_reader *reader)
{
    struct pipeline *pipeline = reader->pipeline;
    struct error err;

    if (!pipeline_is_set(pipeline, &pipeline->name) && pipeline_check_name(pipeline->name, &err))
        pipeline_fail(
            reader, &pipeline->name, "name: the file's name gives %s; add name:", err.message);
    if (!pipeline_is_set(pipeline, &pipeline->extracts) &&
        !pipeline_is_set(pipeline, &pipeline->transforms))
        pipeline_fail(reader, &pipeline->extracts,
            "has no tasks; add an extract: or a transform:, and a load:");
    validate_retry(reader, "defaults", &pipeline->defaults.retry);
    pipeline_validate_hooks(reader, "on_commit", &pipeline->on_commit);
    pipeline_validate_hooks(reader, "on_failure", &pipeline->on_failure);
    pipeline_validate_hooks(reader, "finally", &pipeline->finally);
}

void pipeline_validate(struct pipeline_reader *reader)
{
    struct pipeline *pipeline = reader->pipeline;
    struct extract *extracts = pipeline->extracts.items;
    struct transform *transforms = pipeline->transforms.items;
    struct load *loads = pipeline->loads.items;
    struct table datasets;

    table_init(&datasets);
    validate_file(reader);
    for (size_t i = 0; i < pipeline->extracts.count; i++) {
        add_dataset(reader, &datasets, "extract", &extracts[i].item);
        validate_extract(reader, &extracts[i]);
    }
    for (size_t i = 0; i < pipeline->transforms.count; i++) {
        add_dataset(reader, &datasets, "transform", &transforms[i].item);
        validate_transform(reader, &transforms[i]);
    }
    for (size_t i = 0; i < pipeline->loads.count; i++) {
        char *address = mem_printf("load.%s", loads[i].item.name);

        validate_retry(reader, address, &loads[i].retry);
        free(address);
    }
    pipeline_validate_loads(reader, &datasets);
    validate_order(reader);
    table_deinit(&datasets);
}
