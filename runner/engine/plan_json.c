#include "runner/engine/plan.h"

#include "runner/engine/quarantine.h"

static json_t *table_json(const struct plan_table *table, const struct extract *options)
{
    json_t *item = json_object();

    json_put_text(item, "from", options->from);
    json_put_int(item, "version", table->version);
    json_put_int(item, "position", table->position);
    if (table->changes)
        json_put_int(item, "after_position", table->after);
    json_put_int(item, "files", (int64_t)table->files);
    json_put_int(item, "skipped", (int64_t)table->skipped);
    json_put_int(item, "bytes", (int64_t)table->bytes);
    return item;
}

static json_t *extract_json(const struct plan_extract *extract, const struct extract *options)
{
    json_t *item, *objects;

    if (extract->table)
        return table_json(extract->table, options);
    item = json_object();
    objects = json_array();
    json_put_url(item, "from", options->from);
    json_put_int(item, "matched", (int64_t)extract->listed);
    json_put_int(item, "seen_before", (int64_t)extract->seen_before);
    if (extract->rereads) {
        json_put_int(item, "read_again", (int64_t)extract->again);
        json_put_int(item, "folders", (int64_t)extract->folders);
        json_put_int(item, "more_folders", (int64_t)extract->near_folders);
        json_put_int(item, "gone", (int64_t)extract->gone_count);
    }
    if (options->cursor.column) {
        json_put_text(item, "cursor", options->cursor.column);
        json_put_text(item, "after", extract->cursor.value);
    }
    json_put_int(item, "bytes", (int64_t)extract->bytes);
    for (size_t i = 0; i < extract->object_count; i++) {
        const struct plan_object *object = &extract->objects[i];
        json_t *entry = json_object();

        json_put_text(entry, "object", object->shown);
        json_put_int(entry, "bytes", (int64_t)object->object.size);
        json_put_time(entry, "modified", object->object.modified_ms);
        json_array_append_new(objects, entry);
    }
    json_object_set_new(item, "objects", objects);
    return item;
}

static json_t *load_json(const struct plan_load *load, const struct load *options)
{
    json_t *item = json_object(), *partitions = json_array();

    json_put_text(item, "from", options->from);
    json_put_text(item, "into", options->into);
    json_put_text(item, "to", options->to);
    json_object_set_new(item, "nothing_new", json_boolean(load->idle));
    if (!options->into) {
        json_decref(partitions);
        return item;
    }
    json_put_text(item, "mode", load_mode_names[options->mode]);
    for (size_t i = 0; i < options->partition_count; i++)
        json_array_append_new(partitions, json_text(options->partitions[i].text));
    json_object_set_new(item, "partition_by", partitions);
    json_object_set_new(item, "table_exists", json_boolean(load->table_exists));
    if (load->table_exists) {
        json_put_int(item, "version", load->version.version);
        json_put_int(item, "table_rows", load->version.rows);
        json_put_int(item, "table_files", load->version.files);
    }
    json_put_int(item, "lookup_files", load->lookup_files);
    json_put_int(item, "lookup_bytes", (int64_t)load->lookup_bytes);
    json_put_int(item, "rewrite_files", load->rewrite_files);
    json_put_int(item, "rewrite_bytes", (int64_t)load->rewrite_bytes);
    return item;
}

/* Where its SQL leaves open what it gives. */
static json_t *doubts_json(const struct graph_node *node)
{
    json_t *list = json_array();

    for (size_t i = 0; i < node->doubt_count; i++) {
        const struct graph_doubt *doubt = &node->doubts[i];
        json_t *item = json_object();

        json_put_text(item, "what", doubt->what);
        json_put_text(item, "in", doubt->label);
        json_put_text(item, "file", doubt->path);
        json_put_int(item, "line", doubt->mark.line);
        json_put_int(item, "column", doubt->mark.column);
        json_array_append_new(list, item);
    }
    return list;
}

/* The table that it puts rows aside into. */
static void put_quarantine(json_t *item, const struct graph *graph, const struct graph_node *node)
{
    struct arena arena;

    if (!quarantine_has(node))
        return;
    arena_init(&arena);
    json_put_text(item, "quarantine",
        arena_printf(&arena, "%s.%s", QUARANTINE_NAMESPACE,
            quarantine_table(graph->pipeline, node, &arena)));
    arena_deinit(&arena);
}

static json_t *task_json(
    const struct plan_task *task, const struct graph *graph, const struct graph_node *node)
{
    static const char *const kinds[] = {"extract", "transform", "load"};
    json_t *item = json_object(), *needs = json_array(), *own = NULL;

    json_put_text(item, "task", node->id);
    json_put_text(item, "kind", kinds[node->kind]);
    json_object_set_new(item, "runs", json_boolean(task->needed));
    for (unsigned i = 0; i < node->need_count; i++)
        json_array_append_new(needs, json_text(graph->nodes[node->needs[i]].id));
    json_object_set_new(item, "needs", needs);
    if (node->doubt_count > 0)
        json_object_set_new(item, "not_deterministic", doubts_json(node));
    if (node->kind == TASK_EXTRACT)
        own = extract_json(&task->extract, node->extract);
    else if (node->kind == TASK_LOAD)
        own = load_json(&task->load, node->load);
    if (own)
        json_object_update(item, own);
    json_decref(own);
    put_quarantine(item, graph, node);
    return item;
}

json_t *plan_to_json(const struct plan *plan, const struct graph *graph)
{
    json_t *value = json_object(), *tasks = json_array();

    json_put_text(value, "pipeline", graph->pipeline->name);
    json_object_set_new(value, "nothing_new", json_boolean(plan->nothing_new));
    json_put_int(value, "objects", (int64_t)plan->object_count);
    json_put_int(value, "bytes", (int64_t)plan->bytes);
    for (unsigned i = 0; i < graph->count; i++) {
        if (plan->tasks[i].wanted)
            json_array_append_new(tasks, task_json(&plan->tasks[i], graph, &graph->nodes[i]));
    }
    json_object_set_new(value, "tasks", tasks);
    return value;
}
