#include "runner/engine/graph_build.h"

#include "runner/base/buffer.h"
#include "runner/base/mem.h"

#include <string.h>

/* --- edges between drafts --- */

/* Each target once: first what carries data, in the order of the references, then `after`. */
static void link_needs(struct graph_builder *builder, struct graph_draft *draft, unsigned *seen)
{
    struct graph_node *node = &draft->node;

    node->needs = arena_array(builder->arena, draft->reference_count, sizeof(*node->needs));
    node->inputs = node->needs;
    for (int data = 1; data >= 0; data--) {
        for (size_t i = 0; i < draft->reference_count; i++) {
            const struct graph_reference *reference = &draft->references[i];

            if ((reference->kind != REFERENCE_AFTER) != data ||
                seen[reference->target] == node->index + 1)
                continue;
            seen[reference->target] = node->index + 1;
            node->needs[node->need_count++] = reference->target;
            builder->drafts[reference->target].node.dependent_count++;
            if (data)
                builder->drafts[reference->target].node.consumer_count++;
        }
        if (data)
            node->input_count = node->need_count;
    }
}

static void link_drafts(struct graph_builder *builder)
{
    unsigned *seen = mem_calloc(builder->count, sizeof(*seen));

    for (unsigned i = 0; i < builder->count; i++)
        link_needs(builder, &builder->drafts[i], seen);
    free(seen);
    for (unsigned i = 0; i < builder->count; i++) {
        struct graph_node *node = &builder->drafts[i].node;

        node->dependents =
            arena_array(builder->arena, node->dependent_count, sizeof(*node->dependents));
        node->dependent_count = 0;
    }
    for (unsigned i = 0; i < builder->count; i++) {
        const struct graph_node *node = &builder->drafts[i].node;

        for (unsigned j = 0; j < node->need_count; j++) {
            struct graph_node *target = &builder->drafts[node->needs[j]].node;

            target->dependents[target->dependent_count++] = i;
        }
    }
}

/* --- nodes in order --- */

/* Drafts become nodes: every index changes from the place in the file to the place in the order. */
static void place_nodes(struct graph_builder *builder, struct graph *graph)
{
    unsigned *place = mem_calloc(builder->count, sizeof(*place));

    for (unsigned i = 0; i < builder->count; i++)
        place[builder->order[i]] = i;
    graph->nodes = arena_array(&graph->arena, builder->count, sizeof(*graph->nodes));
    graph->count = builder->count;
    for (unsigned i = 0; i < builder->count; i++) {
        struct graph_node *node = &graph->nodes[i];

        *node = builder->drafts[builder->order[i]].node;
        node->index = i;
        for (unsigned j = 0; j < node->need_count; j++) {
            node->needs[j] = place[node->needs[j]];
            node->depth = MAX(node->depth, graph->nodes[node->needs[j]].depth + 1);
        }
        node->dependent_count = 0;
        table_put(&graph->ids, node->id, node);
        if (node->kind != TASK_LOAD)
            table_put(&graph->datasets, node->name, node);
    }
    for (unsigned i = 0; i < graph->count; i++) { /* again, so that they are in order, too */
        for (unsigned j = 0; j < graph->nodes[i].need_count; j++) {
            struct graph_node *target = &graph->nodes[graph->nodes[i].needs[j]];

            target->dependents[target->dependent_count++] = i;
        }
    }
    for (unsigned i = 0; i < builder->count; i++) {
        struct graph_draft *draft = &builder->drafts[i];

        for (size_t j = 0; j < draft->reference_count; j++)
            draft->references[j].target = place[draft->references[j].target];
    }
    free(place);
}

/* --- drivers --- */

struct driver_sets {
    unsigned *seen;  /* node → 1 + the last node whose set it entered */
    unsigned *taken; /* the set under way */
};

static void unite_drivers(struct graph *graph, struct graph_node *node,
    const struct graph_draft *draft, struct driver_sets *sets)
{
    unsigned count = 0;

    for (size_t i = 0; i < draft->reference_count; i++) {
        const struct graph_node *source = &graph->nodes[draft->references[i].target];

        if (!draft->references[i].driver)
            continue;
        node->undriven = node->undriven || source->undriven;
        for (unsigned j = 0; j < source->driver_count; j++) {
            const unsigned driver = source->drivers[j];

            if (sets->seen[driver] != node->index + 1) {
                sets->seen[driver] = node->index + 1;
                sets->taken[count++] = driver;
            }
        }
    }
    node->drivers = arena_array(&graph->arena, count, sizeof(*node->drivers));
    memcpy(node->drivers, sets->taken, count * sizeof(*node->drivers));
    node->driver_count = count;
}

static void find_drivers(const struct graph_builder *builder, struct graph *graph)
{
    struct driver_sets sets = {
        .seen = mem_calloc(graph->count, sizeof(*sets.seen)),
        .taken = mem_calloc(graph->count, sizeof(*sets.taken)),
    };

    for (unsigned i = 0; i < graph->count; i++) {
        struct graph_node *node = &graph->nodes[i];
        const struct graph_draft *draft = &builder->drafts[builder->order[i]];
        const struct graph_node *only = NULL;
        size_t sources = 0;

        for (size_t j = 0; j < draft->reference_count; j++) {
            if (draft->references[j].driver) {
                only = &graph->nodes[draft->references[j].target];
                sources++;
            }
        }
        if (node->kind == TASK_EXTRACT) {
            node->drivers = arena_new(&graph->arena, unsigned);
            node->drivers[0] = i;
            node->driver_count = 1;
        } else if (sources == 1) { /* a long chain shares one set */
            node->drivers = only->drivers;
            node->driver_count = only->driver_count;
            node->undriven = only->undriven;
        } else {
            unite_drivers(graph, node, draft, &sets);
        }
        if (node->kind == TASK_TRANSFORM && (sources == 0 || node->statement.rootless))
            node->undriven = true;
    }
    free(sets.taken);
    free(sets.seen);
}

/* Rows of a load that do not fit its table are treated as those extracts say that its rows come
 * from; of several, all: a row does not tell which one it was. */
static void find_casts(struct graph *graph)
{
    for (unsigned i = 0; i < graph->count; i++) {
        struct graph_node *node = &graph->nodes[i];

        if (node->kind != TASK_LOAD || !node->load->into || node->undriven ||
            node->load->schema == SCHEMA_DISCARD_ROWS)
            continue;
        node->casts_aside = node->driver_count > 0;
        for (unsigned j = 0; j < node->driver_count; j++)
            node->casts_aside =
                node->casts_aside &&
                graph->nodes[node->drivers[j]].extract->on_bad_row == ON_BAD_ROW_QUARANTINE;
    }
}

/* --- what the whole graph tells --- */

/* A transform with checks is of use without a load: a run asks them. */
static void warn_unused(const struct graph_builder *builder, const struct graph *graph)
{
    for (unsigned i = 0; i < builder->count; i++) {
        const struct graph_node *node = &graph->nodes[i];
        const struct option_item *item =
            node->kind == TASK_EXTRACT ? &node->extract->item : &node->transform->item;

        if (node->kind == TASK_LOAD || node->consumer_count > 0 ||
            (node->kind == TASK_TRANSFORM && node->transform->checks.count > 0))
            continue;
        diagnostics_warn(builder->problems, builder->pipeline->path, item->mark,
            "%s: nothing uses its rows; load them, or remove it", node->id);
    }
}

static void load_engine(struct graph_builder *builder, graph_sql_fn load_sql, void *data)
{
    struct error err = {0};

    if (load_sql(data, &builder->sql, &err) == 0)
        return;
    builder->sql = NULL;
    diagnostics_error(builder->problems, builder->pipeline->path, (struct option_mark){0},
        "its SQL cannot be parsed: %s", err.message);
}

static void declare_parameters(struct graph_builder *builder)
{
    const struct param *params = builder->pipeline->params.items;

    for (size_t i = 0; i < builder->pipeline->params.count; i++)
        table_put(&builder->parameters, params[i].item.name, builder);
}

static void builder_deinit(struct graph_builder *builder)
{
    for (unsigned i = 0; i < builder->count; i++)
        free(builder->drafts[i].references);
    free(builder->drafts);
    free(builder->order);
    table_deinit(&builder->ids);
    table_deinit(&builder->datasets);
    table_deinit(&builder->parameters);
}

struct graph *graph_new(const struct pipeline *pipeline, graph_sql_fn load_sql, void *data,
    struct diagnostics *problems)
{
    const size_t errors_before = problems->error_count;
    struct graph *graph = mem_new(struct graph);
    struct graph_builder builder = {
        .pipeline = pipeline, .problems = problems, .arena = &graph->arena};

    arena_init(&graph->arena);
    table_init(&graph->ids);
    table_init(&graph->datasets);
    table_init(&builder.ids);
    table_init(&builder.datasets);
    table_init(&builder.parameters);
    graph->pipeline = pipeline;
    graph->has_sql = graph_pipeline_has_sql(pipeline);

    declare_parameters(&builder);
    graph_build_drafts(&builder);
    if (graph->has_sql)
        load_engine(&builder, load_sql, data);
    graph_build_references(&builder);
    link_drafts(&builder);
    builder.order = mem_calloc(builder.count, sizeof(*builder.order));
    graph_order(&builder);
    place_nodes(&builder, graph);
    find_drivers(&builder, graph);
    find_casts(graph);
    guard_check(&builder, graph);
    if (problems->error_count == errors_before)
        warn_unused(&builder, graph);
    builder_deinit(&builder);
    if (problems->error_count > errors_before) {
        graph_free(graph);
        return NULL;
    }
    return graph;
}

void graph_free(struct graph *graph)
{
    if (!graph)
        return;
    table_deinit(&graph->ids);
    table_deinit(&graph->datasets);
    arena_deinit(&graph->arena);
    free(graph);
}

/* --- asking --- */

const struct graph_node *graph_find(const struct graph *graph, const char *id)
{
    return table_get(&graph->ids, id);
}

const struct graph_node *graph_dataset(const struct graph *graph, const char *name)
{
    return table_get(&graph->datasets, name);
}

/* "clean" is short for every task of that name; which of them is the user's to say. */
static int unknown_task(const struct graph *graph, const char *name, struct error *err)
{
    const char **ids = mem_calloc(graph->count + 1, sizeof(*ids));
    struct buffer near;
    const char *nearest;

    buffer_init(&near, 0);
    for (unsigned i = 0; i < graph->count; i++) {
        ids[i] = graph->nodes[i].id;
        if (strcmp(graph->nodes[i].name, name) == 0)
            buffer_printf(&near, "%s\"%s\"", near.length ? " or " : "", ids[i]);
    }
    nearest = near.length ? NULL : text_nearest(name, ids);
    if (nearest)
        buffer_printf(&near, "\"%s\"", nearest);
    free(ids);
    error_set(err, ERROR_INVALID, "no task is called \"%s\"%s%s%s", name,
        near.length ? "; did you mean " : "; see `sluice show ",
        near.length ? near.data : graph->pipeline->name, near.length ? "?" : "` for its tasks");
    buffer_deinit(&near);
    return -1;
}

int graph_select(
    const struct graph *graph, const struct text_list *ids, bool *wanted, struct error *err)
{
    const bool all = !ids || ids->count == 0;

    for (size_t i = 0; !all && i < ids->count; i++) {
        if (!graph_find(graph, ids->items[i]))
            return unknown_task(graph, ids->items[i], err);
    }
    for (unsigned i = 0; i < graph->count; i++)
        wanted[i] = all;
    for (size_t i = 0; !all && i < ids->count; i++)
        wanted[graph_find(graph, ids->items[i])->index] = true;
    for (unsigned i = graph->count; i-- > 0;) { /* what a task needs stands before it */
        for (unsigned j = 0; wanted[i] && j < graph->nodes[i].need_count; j++)
            wanted[graph->nodes[i].needs[j]] = true;
    }
    return 0;
}
