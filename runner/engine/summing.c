#include "runner/engine/summing.h"

#include "runner/base/json.h"
#include "runner/base/mem.h"
#include "runner/base/text.h"
#include "runner/engine/quarantine_table.h"
#include "runner/engine/run_private.h"

static void on_rows(struct sql_request *request, const struct sql_schema *schema,
    const char *const *cells, size_t row_count)
{
    struct summing *summing = container_of(request, struct summing, request);
    json_t *content, *columns;
    char *line;

    (void)schema;
    if (row_count == 0)
        return;
    content = json_object();
    columns = json_object();
    json_put_text(content, "rows", cells[0]);
    json_put_text(content, "sum", cells[1]);
    for (size_t i = 0, cell = 2; i < summing->schema->count; i++) {
        json_t *name;

        if (pipeline_masks(summing->task->run->pipeline, summing->schema->columns[i].name))
            continue;
        name = json_text(summing->schema->columns[i].name);
        json_object_set_new(columns, json_string_value(name), json_text(cells[cell++]));
        json_decref(name);
    }
    json_object_set_new(content, "columns", columns);
    line = json_line(content);
    summing->task->content = arena_strdup(&summing->task->arena, line);
    free(line);
    json_decref(content);
}

static void on_summed(struct sql_request *request, const struct error *err)
{
    struct summing *summing = container_of(request, struct summing, request);

    summing->running = false;
    summing->done(summing, err);
}

static void append_sums(const struct summing *summing, struct buffer *sql)
{
    const struct pipeline *pipeline = summing->task->run->pipeline;
    const struct sql_schema *schema = summing->schema;
    const char *separator = "";

    buffer_puts(sql, "select cast(count(*) as varchar), cast(sum(hash(");
    for (size_t i = 0; i < schema->count; i++) {
        if (pipeline_masks(pipeline, schema->columns[i].name))
            continue;
        buffer_puts(sql, separator);
        text_append_sql_name(sql, schema->columns[i].name);
        separator = ", ";
    }
    buffer_puts(sql, *separator ? ")) as varchar)" : "0)) as varchar)");
    for (size_t i = 0; i < schema->count; i++) {
        if (pipeline_masks(pipeline, schema->columns[i].name))
            continue;
        buffer_puts(sql, ", cast(sum(hash(");
        text_append_sql_name(sql, schema->columns[i].name);
        buffer_puts(sql, ")) as varchar)");
    }
    buffer_puts(sql, " from ");
    text_append_sql_name(sql, summing->task->source);
}

void summing_start(struct summing *summing)
{
    struct task *task = summing->task;
    const struct graph_node *from = graph_dataset(task->run->graph, task->node->load->from);
    struct buffer sql;

    summing->schema = &task->run->tasks[from->index].dataset.schema;
    buffer_init(&sql, 0);
    append_sums(summing, &sql);
    summing->request =
        (struct sql_request){.verb = SQL_QUERY, .arena = &task->arena, .done = on_summed};
    summing->request.query = (struct sql_query){
        .sql = arena_strdup(&task->arena, sql.data), .limit = 1, .on_rows = on_rows};
    buffer_deinit(&sql);
    summing->running = true;
    task->run->session->type->start(task->run->session, &summing->request);
}

void summing_cancel(struct summing *summing)
{
    if (summing->running)
        summing->request.session->type->cancel(&summing->request);
}
