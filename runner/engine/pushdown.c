#include "runner/engine/pushdown.h"

#include "runner/engine/checking.h"

#include <string.h>
#include <strings.h>

static bool names(const struct sql_statement *statement, const struct graph_node *extract)
{
    for (size_t i = 0; i < statement->table_count; i++) {
        if (strcasecmp(statement->tables[i].name, extract->name) == 0)
            return true;
    }
    return false;
}

static bool is_checked(const struct graph_node *reader, const struct graph_node *extract)
{
    for (size_t i = 0; i < reader->transform->checks.count; i++) {
        if (names(&reader->checks[i], extract))
            return true;
    }
    return false;
}

/* NULL: there is none, or more than one. */
static const struct graph_node *only_reader(
    const struct graph *graph, const struct graph_node *extract)
{
    const struct graph_node *reader = NULL;

    for (unsigned i = 0; i < graph->count && extract->consumer_count == 1; i++) {
        const struct graph_node *node = &graph->nodes[i];

        for (unsigned j = 0; j < node->input_count; j++)
            reader = node->inputs[j] == extract->index ? node : reader;
    }
    return reader;
}

/* An integer, a date or a text is compared with a column as a constant is; all others are rounded,
 * or written in other ways, on the way to the SQL engine. */
static bool has_value(const struct param *param)
{
    return param->value && (param->type == PARAM_TEXT || param->type == PARAM_INT ||
                               param->type == PARAM_DATE || param->type == PARAM_BOOL);
}

/* Without a value it stays, and says no more than that the column is not null. */
static void resolve(
    const struct pipeline *pipeline, struct sql_condition *condition, struct arena *arena)
{
    const struct param *params = pipeline->params.items;

    for (size_t i = 0; i < pipeline->params.count; i++) {
        const char **values;

        if (strcasecmp(params[i].item.name, condition->parameter) != 0 || !has_value(&params[i]))
            continue;
        values = arena_array(arena, 1, sizeof(*values));
        values[0] = params[i].value;
        condition->values = values;
        condition->value_count = 1;
        condition->quoted = params[i].type == PARAM_TEXT || params[i].type == PARAM_DATE;
        condition->type = checking_param_type(&params[i]);
    }
}

void pushdown_conditions(const struct graph *graph, const struct plan_task *tasks,
    const struct graph_node *extract, struct arena *arena,
    const struct sql_condition **ret_conditions, size_t *ret_count)
{
    const struct graph_node *reader = only_reader(graph, extract);
    struct sql_condition *conditions;

    *ret_conditions = NULL;
    *ret_count = 0;
    if (extract->extract->cursor.column) /* it is to see all rows, to know the greatest value */
        return;
    if (!reader || reader->kind != TASK_TRANSFORM || !tasks[reader->index].wanted ||
        !names(&reader->statement, extract) || is_checked(reader, extract))
        return;
    conditions = arena_array(arena, reader->statement.condition_count, sizeof(*conditions));
    for (size_t i = 0; i < reader->statement.condition_count; i++) {
        conditions[i] = reader->statement.conditions[i];
        if (conditions[i].parameter)
            resolve(graph->pipeline, &conditions[i], arena);
    }
    *ret_conditions = conditions;
    *ret_count = reader->statement.condition_count;
}
