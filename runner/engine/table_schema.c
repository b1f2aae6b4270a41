#include "runner/engine/table_schema.h"

#include "runner/base/buffer.h"
#include "runner/base/mem.h"
#include "runner/engine/evolve.h"
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
        "change the table: sluice catalog alter %s --partition-by …",
        load->into, text.data, load->into);
    buffer_deinit(&text);
    task_place_error(task, &load->partition_by, "partition_by", err);
    return -1;
}

/* --- how rows meet the columns of their table --- */

/* What is there when this load begins: the table as it was planned, or as loads of this run that
 * began before will have made it. */
static void find_base(const struct task *task, struct task_table *table)
{
    const struct plan_load *plan = &task->plan->load;
    const struct run *run = task->run;
    const struct task_table *latest = NULL;

    for (unsigned i = 0; i < run->graph->count; i++) {
        const struct task *other = &run->tasks[i];
        const bool same = other != task && other->node->kind == TASK_LOAD &&
                          text_equal(other->node->load->into, task->node->load->into);

        if (same && other->table.order > (latest ? latest->order : 0))
            latest = &other->table;
    }
    *table = (struct task_table){.order = latest ? latest->order + 1 : 1,
        .schema_id = 1,
        .creates = !latest && !plan->table_exists};
    /* Planned again, the table may be newer than what a load that was not knew of it. */
    if (latest && !(plan->table_exists && plan->version.schema_id > latest->schema_id)) {
        table->schema_id = latest->schema_id;
        table->base = latest->columns;
        table->base_count = latest->column_count;
    } else if (plan->table_exists) {
        table->schema_id = plan->version.schema_id;
        table->base = plan->version.columns;
        table->base_count = plan->version.column_count;
    }
}

/* Columns whose values are in the names of partitions or decide which row is which. */
static struct text_list fixed_columns(const struct task *task, struct arena *arena)
{
    const struct load *load = task->node->load;
    const struct plan_load *plan = &task->plan->load;
    const size_t keys = plan->table_exists ? plan->version.merge.key_count : load->key.count;
    struct text_list fixed = {
        .items = arena_array(arena, load->partition_count + keys, sizeof(*fixed.items))};

    for (size_t i = 0; i < load->partition_count; i++)
        fixed.items[fixed.count++] = load->partitions[i].column;
    for (size_t i = 0; i < keys; i++)
        fixed.items[fixed.count++] =
            plan->table_exists ? plan->version.merge.key[i] : load->key.items[i];
    return fixed;
}

int table_schema_fit_rows(struct task *task, const struct sql_schema *rows,
    struct sql_schema *ret_schema, struct error *err)
{
    const struct load *load = task->node->load;
    struct arena *arena = &task->run->arena;
    struct task_table table;
    struct evolve evolve;

    if (task->plan->load.table_exists && check_partitioning(task, &task->plan->load.version, err))
        return -1;
    if (task->table.order > 0) { /* an earlier attempt; others may have built on it */
        *ret_schema = task->table.write;
        return 0;
    }
    find_base(task, &table);
    evolve = (struct evolve){.table = load->into,
        .columns = table.base,
        .column_count = table.base_count,
        .exists = !table.creates,
        .rows = rows,
        .policy = (enum schema_policy)load->schema,
        .required = load->required,
        .fixed = fixed_columns(task, arena)};
    if (evolve_columns(&evolve, arena, err)) {
        task_place_error(task, &load->into, "into", err);
        return -1;
    }
    table.columns = evolve.ret_columns;
    table.column_count = evolve.ret_column_count;
    table.write = evolve.ret_write;
    table.evolves = evolve.ret_changed;
    table.schema_id += table.evolves;
    task->table = table;
    if (table.evolves) {
        json_t *fields = json_object();

        json_put_text(fields, "table", load->into);
        json_put_text(fields, "changes", evolve.ret_what);
        task_log(task, LOG_INFO, "schema.evolved", fields, "the columns of %s change: %s",
            load->into, evolve.ret_what);
    }
    *ret_schema = table.write;
    return 0;
}

int table_schema_fit(struct task *task, struct sql_schema *ret_schema, struct error *err)
{
    const struct sql_schema *dataset = &dataset_of(task)->schema;

    return check_columns(task, dataset, err) ||
                   table_schema_fit_rows(task, dataset, ret_schema, err)
               ? -1
               : 0;
}

bool table_schema_sets_types(const struct task_table *table)
{
    for (size_t i = 0; i < table->base_count; i++) {
        if (strcmp(table->base[i].type, "NULL") == 0)
            return true;
    }
    return false;
}
