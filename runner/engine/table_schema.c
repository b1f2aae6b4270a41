#include "runner/engine/table_schema.h"

#include "runner/base/buffer.h"
#include "runner/base/mem.h"
#include "runner/engine/run_private.h"

#include <string.h>
#include <strings.h>

static const struct sql_dataset *dataset_of(const struct task *task)
{
    const struct graph_node *from = graph_dataset(task->run->graph, task->node->load->from);

    return &task->run->tasks[from->index].dataset;
}

/* Names are compared as SQL does: without case. */
static bool has_column(const struct sql_schema *schema, const char *name, size_t length)
{
    for (size_t i = 0; i < schema->count; i++) {
        if (strlen(schema->columns[i].name) == length &&
            strncasecmp(schema->columns[i].name, name, length) == 0)
            return true;
    }
    return false;
}

static int missing_column(struct task *task, const struct sql_schema *schema, const void *field,
    const char *key, const char *column, struct error *err)
{
    const char **names = mem_calloc(schema->count + 1, sizeof(*names));
    const char *nearest;

    for (size_t i = 0; i < schema->count; i++)
        names[i] = schema->columns[i].name;
    nearest = text_nearest(column, names);
    if (nearest)
        error_set(err, ERROR_INVALID, "%s has no column \"%s\"; did you mean \"%s\"?",
            task->node->load->from, column, nearest);
    else
        error_set(err, ERROR_INVALID, "%s has no column \"%s\"", task->node->load->from, column);
    free(names);
    task_place_error(task, field, key, err);
    return -1;
}

/* "Flight Date desc" sorts by Flight Date, unless a column has that whole name. */
static bool has_sort_column(const struct sql_schema *schema, const char *text)
{
    static const char *const directions[] = {" desc", " asc"};
    const size_t length = strlen(text);

    if (has_column(schema, text, length))
        return true;
    for (size_t i = 0; i < ARRAY_LENGTH(directions); i++) {
        const size_t end = strlen(directions[i]);

        if (length > end && strcasecmp(text + length - end, directions[i]) == 0)
            return has_column(schema, text, length - end);
    }
    return false;
}

static int check_columns(struct task *task, const struct sql_schema *schema, struct error *err)
{
    const struct load *load = task->node->load;

    for (size_t i = 0; i < load->partition_count; i++) {
        const char *column = load->partitions[i].column;

        if (!has_column(schema, column, strlen(column)))
            return missing_column(task, schema, &load->partition_by, "partition_by", column, err);
    }
    for (size_t i = 0; i < load->sort_by.count; i++) {
        if (!has_sort_column(schema, load->sort_by.items[i]))
            return missing_column(
                task, schema, &load->sort_by, "sort_by", load->sort_by.items[i], err);
    }
    return 0;
}

static void append_partitioning(struct buffer *text, const char *const *fields, size_t count)
{
    buffer_putc(text, '[');
    for (size_t i = 0; i < count; i++)
        buffer_printf(text, "%s%s", i ? ", " : "", fields[i]);
    buffer_putc(text, ']');
}

static int check_partitioning(
    struct task *task, const struct catalog_version *version, struct error *err)
{
    const struct load *load = task->node->load;
    bool same = version->partition_count == load->partition_count;
    struct buffer text;

    for (size_t i = 0; same && i < load->partition_count; i++)
        same = strcmp(version->partition_by[i], load->partitions[i].text) == 0;
    if (same)
        return 0;
    buffer_init(&text, 200);
    append_partitioning(&text, version->partition_by, version->partition_count);
    error_set(err, ERROR_INVALID,
        "the table %s is partitioned by %s, which cannot be changed by a load; write that here, or "
        "load into another table",
        load->into, text.data);
    buffer_deinit(&text);
    task_place_error(task, &load->partition_by, "partition_by", err);
    return -1;
}

/* A column in which no value has appeared has no type: the first dataset that knows one gives it.
 */
static const char *type_of(const struct catalog_column *column, const struct sql_schema *dataset)
{
    for (size_t i = 0; i < dataset->count && strcmp(column->type, "NULL") == 0; i++) {
        if (strcasecmp(dataset->columns[i].name, column->name) == 0)
            return dataset->columns[i].type;
    }
    return column->type;
}

static int check_new_columns(struct task *task, const struct sql_schema *dataset,
    const struct sql_schema *table, struct error *err)
{
    const struct load *load = task->node->load;

    for (size_t i = 0; i < dataset->count && load->schema != SCHEMA_DISCARD_COLUMNS; i++) {
        const struct sql_column *column = &dataset->columns[i];

        if (has_column(table, column->name, strlen(column->name)))
            continue;
        error_set(err, load->schema == SCHEMA_FREEZE ? ERROR_DATA : ERROR_NOT_SUPPORTED,
            "column \"%s\" (%s) is not in the table %s%s; leave it out of the SELECT, or write "
            "schema: discard_columns",
            column->name, column->type, load->into,
            load->schema == SCHEMA_FREEZE ? " and its schema is frozen"
                                          : ", and this version cannot add columns yet");
        task_place_error(task, &load->into, "into", err);
        return -1;
    }
    return 0;
}

int table_schema_fit(struct task *task, struct sql_schema *ret_schema, struct error *err)
{
    const struct sql_schema *dataset = &dataset_of(task)->schema;
    const struct plan_load *plan = &task->plan->load;
    struct sql_schema table = {0};

    if (check_columns(task, dataset, err))
        return -1;
    if (!plan->table_exists) {
        *ret_schema = table;
        return 0;
    }
    table.count = plan->version.column_count;
    table.columns = arena_array(&task->arena, table.count, sizeof(*table.columns));
    for (size_t i = 0; i < table.count; i++)
        table.columns[i] = (struct sql_column){.name = plan->version.columns[i].name,
            .type = type_of(&plan->version.columns[i], dataset)};
    if (check_partitioning(task, &plan->version, err) ||
        check_new_columns(task, dataset, &table, err))
        return -1;
    *ret_schema = table;
    return 0;
}
