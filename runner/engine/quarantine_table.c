#include "runner/engine/quarantine_table.h"

#include "runner/base/mem.h"
#include "runner/base/time.h"
#include "runner/engine/quarantine.h"
#include "runner/engine/run_private.h"

#include <string.h>

static struct sql_column columns[] = {
    {.name = "id", .type = "VARCHAR", .field_id = 1, .required = true},
    {.name = "quarantined_at", .type = "TIMESTAMP WITH TIME ZONE", .field_id = 2},
    {.name = "run_id", .type = "VARCHAR", .field_id = 3},
    {.name = "source", .type = "VARCHAR", .field_id = 4},
    {.name = "source_version", .type = "VARCHAR", .field_id = 5},
    {.name = "line", .type = "BIGINT", .field_id = 6},
    {.name = "column_name", .type = "VARCHAR", .field_id = 7},
    {.name = "reason", .type = "VARCHAR", .field_id = 8},
    {.name = "check_name", .type = "VARCHAR", .field_id = 9},
    {.name = "raw", .type = "VARCHAR", .field_id = 10},
    {.name = "row_json", .type = "VARCHAR", .field_id = 11},
};

const struct sql_schema quarantine_schema = {.columns = columns, .count = ARRAY_LENGTH(columns)};

const struct sql_schema quarantine_entry_schema = {.columns = columns, .count = 2};

static const char partition_text[] = "day(quarantined_at)";

const char *quarantine_key(const char *table, const struct sql_file *file, struct arena *arena)
{
    const char *name = strrchr(file->path, '/');

    return arena_printf(arena, "%s/%s/1/quarantined_at_day=%s%s", QUARANTINE_NAMESPACE, table,
        file->values[0], name);
}

/* --- rows of checks --- */

const struct sql_schema *quarantine_rows_schema(const struct task *task)
{
    const struct run *run = task->run;

    return task->node->kind == TASK_LOAD
               ? &run->tasks[graph_dataset(run->graph, task->node->load->from)->index]
                      .dataset.schema
               : &task->dataset.schema;
}

/* A load's own rows of an extract end with what `metadata: true` adds. */
static size_t metadata_count(const struct task *task)
{
    const struct graph_node *from = task->node->kind == TASK_LOAD
                                        ? graph_dataset(task->run->graph, task->node->load->from)
                                        : NULL;

    return from && from->kind == TASK_EXTRACT && from->extract->metadata ? SQL_METADATA_COUNT : 0;
}

void quarantine_append_origin(struct buffer *sql, const struct task *task, const char *alias)
{
    if (metadata_count(task) > 0)
        buffer_printf(sql,
            "%s." SQL_METADATA_SOURCE " as source, %s." SQL_METADATA_VERSION
            " as source_version, %s." SQL_METADATA_ROW " as line, ",
            alias, alias, alias);
    else
        buffer_puts(sql,
            "null::varchar as source, null::varchar as source_version, null::bigint as line, ");
}

void quarantine_append_row_json(struct buffer *sql, const struct task *task, const char *alias)
{
    const struct run *run = task->run;
    const struct sql_schema *schema = quarantine_rows_schema(task);
    const size_t count = schema->count - metadata_count(task);

    buffer_puts(sql, "cast(json_object(");
    for (size_t i = 0; i < count; i++) {
        const bool masked = pipeline_masks(run->pipeline, schema->columns[i].name);

        buffer_puts(sql, i ? ", " : "");
        text_append_sql_literal(sql, schema->columns[i].name);
        buffer_printf(sql, ", %s%s.", masked ? "'sha256:' || left(sha256(cast(" : "", alias);
        text_append_sql_name(sql, schema->columns[i].name);
        buffer_puts(sql, masked ? " as varchar)), 16)" : "");
    }
    buffer_puts(sql, ") as varchar)");
}

/* --- commit --- */

static struct catalog_column *table_columns(struct arena *arena)
{
    struct catalog_column *copy = arena_array(arena, ARRAY_LENGTH(columns), sizeof(*copy));

    for (size_t i = 0; i < ARRAY_LENGTH(columns); i++)
        copy[i] = (struct catalog_column){
            .name = columns[i].name, .type = columns[i].type, .required = columns[i].required};
    return copy;
}

static void create_table(
    struct catalog_locator at, struct arena *arena, quarantine_add_fn add, void *data)
{
    static const enum catalog_change_verb verbs[] = {
        CATALOG_CREATE_NAMESPACE, CATALOG_CREATE_TABLE, CATALOG_CREATE_VERSION};
    static const char *const partition_by[] = {partition_text};
    static const char *const key[] = {"id"};
    static const struct catalog_merge merge = {.key = key, .key_count = 1};
    struct catalog_change *change = NULL;

    for (size_t i = 0; i < ARRAY_LENGTH(verbs); i++) {
        change = add(data, verbs[i]);
        change->at = at;
        change->if_missing = true;
    }
    change->version.columns = table_columns(arena);
    change->version.column_count = ARRAY_LENGTH(columns);
    change->version.partition_by = partition_by;
    change->version.partition_count = 1;
    change->version.merge = &merge;
    change->version.lifecycle = CATALOG_ACTIVE;
}

/* Of one id there is a row or a delete in a commit, not both. */
static enum catalog_delta_type delta_type(const struct task_file *files, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (files[i].file.content == CATALOG_ROWS)
            return CATALOG_UPSERT;
    }
    return CATALOG_DELETE;
}

static void add_delta(struct catalog_locator at, const struct task_file *files, size_t count,
    struct arena *arena, quarantine_add_fn add, void *data)
{
    static const enum catalog_change_verb verbs[] = {CATALOG_STAGE_PARTITION, CATALOG_STAGE_DELTA,
        CATALOG_COMMIT_DELTA, CATALOG_COMMIT_PARTITION};
    struct catalog_file *manifest = arena_array(arena, count, sizeof(*manifest));

    for (size_t i = 0; i < count; i++)
        manifest[i] = files[i].file;
    at.values = files[0].values;
    at.value_count = 1;
    for (size_t i = 0; i < ARRAY_LENGTH(verbs); i++) {
        struct catalog_change *change = add(data, verbs[i]);

        change->at = at;
        change->if_missing =
            verbs[i] == CATALOG_STAGE_PARTITION || verbs[i] == CATALOG_COMMIT_PARTITION;
        if (verbs[i] != CATALOG_STAGE_DELTA)
            continue;
        change->delta.type = delta_type(files, count);
        change->delta.files = manifest;
        change->delta.file_count = count;
    }
}

static int compare_files(const void *a, const void *b)
{
    const struct task_file *x = a, *y = b;
    const int order = strcmp(x->values[0], y->values[0]);

    return order ? order : strcmp(x->file.key, y->file.key);
}

void quarantine_commit(const char *table, struct task_file *files, size_t count,
    struct arena *arena, quarantine_add_fn add, void *data)
{
    const struct catalog_locator at = {.namespace = QUARANTINE_NAMESPACE, .table = table};

    if (count == 0)
        return;
    create_table(at, arena, add, data);
    mem_sort(files, count, sizeof(*files), compare_files);
    for (size_t i = 0, end; i < count; i = end) {
        for (end = i + 1; end < count && strcmp(files[end].values[0], files[i].values[0]) == 0;)
            end++;
        add_delta(at, &files[i], end - i, arena, add, data);
    }
}

bool quarantine_is_old(const char *day, int64_t keep_ms, int64_t now_ms)
{
    char limit[TIME_TEXT_SIZE];

    /* Its last moment is one day after its first. */
    return keep_ms > 0 && day &&
           strcmp(day, time_format_date(now_ms - keep_ms - INT64_C(86400000), limit)) < 0;
}
