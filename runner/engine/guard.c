/* The guards of DESIGN section 3: combinations that are well formed and would yet, run after run,
 * double, lose or hide rows. */
#include "runner/engine/graph_build.h"

#include "runner/base/mem.h"
#include "runner/engine/quarantine.h"

#include <string.h>

static bool is_incremental(const struct extract *extract)
{
    return extract->only_new.enabled || extract->cursor.column || extract->repeat;
}

/* `ns.t` may be read and written by one run: it reads what was committed before. */
static bool reads_own_table(const struct extract *extract, const struct load *load)
{
    return extract->from_table && load->into_table &&
           strcmp(extract->from_table, load->into_table) == 0 &&
           strcmp(extract->from_namespace, load->into_namespace) == 0;
}

static void check_append(
    const struct graph_builder *builder, const struct graph *graph, const struct graph_node *node)
{
    const struct load *load = node->load;

    for (unsigned i = 0; i < node->driver_count; i++) {
        const struct graph_node *driver = &graph->nodes[node->drivers[i]];

        if (!is_incremental(driver->extract))
            diagnostics_error(builder->problems, builder->pipeline->path,
                pipeline_mark(builder->pipeline, &load->mode),
                "%s.mode: append would add all rows of %s again in each run; write "
                "`only_new: true`, `cursor: {column: …}` or `repeat: true` under %s (line %u), or "
                "`mode: overwrite` here",
                node->id, driver->id, driver->id, driver->extract->item.mark.line);
        else if (driver->extract->cursor.lag.ms > 0 || driver->extract->cursor.lag.months > 0)
            diagnostics_error(builder->problems, builder->pipeline->path,
                pipeline_mark(builder->pipeline, &load->mode),
                "%s.mode: append would add the rows within the lag of %s (line %u) again; write "
                "`mode: upsert` with a key here, or remove `lag`",
                node->id, driver->id,
                pipeline_mark(builder->pipeline, &driver->extract->cursor.lag).line);
        else if (driver->extract->only_new.enabled && reads_own_table(driver->extract, load))
            diagnostics_error(builder->problems, builder->pipeline->path,
                pipeline_mark(builder->pipeline, &load->mode),
                "%s.mode: append would add to %s what the run before added to it, again in each "
                "run: %s (line %u) reads that table's new rows; write `mode: upsert` with a key "
                "here, or load into another table",
                node->id, load->into, driver->id, driver->extract->item.mark.line);
    }
    if (node->undriven)
        diagnostics_error(builder->problems, builder->pipeline->path,
            pipeline_mark(builder->pipeline, &load->mode),
            "%s.mode: append would add the same rows again in each run: some rows of %s come from "
            "no extract (its SQL selects without FROM, or from VALUES); write `mode: overwrite`",
            node->id, load->from);
}

static void check_overwrite(
    const struct graph_builder *builder, const struct graph *graph, const struct graph_node *node)
{
    const struct load *load = node->load;

    for (unsigned i = 0; i < node->driver_count; i++) {
        const struct graph_node *driver = &graph->nodes[node->drivers[i]];
        const struct only_new *only_new = &driver->extract->only_new;

        if (driver->extract->cursor.column)
            diagnostics_error(builder->problems, builder->pipeline->path,
                pipeline_mark(builder->pipeline, &load->mode),
                "%s.mode: %s would replace what is there by the new rows of %s alone; remove "
                "`cursor` from %s (line %u), or write `mode: append` or `mode: upsert` here",
                node->id, load_mode_names[load->mode], driver->id, driver->id,
                pipeline_mark(builder->pipeline, &driver->extract->cursor.column).line);
        if (!only_new->enabled || only_new->reread == REREAD_PARTITION)
            continue;
        diagnostics_error(builder->problems, builder->pipeline->path,
            pipeline_mark(builder->pipeline, &load->mode),
            "%s.mode: %s would replace what is there by the new %s of %s alone; remove "
            "`only_new` from %s (line %u)%s, or write `mode: append` here",
            node->id, load_mode_names[load->mode], driver->extract->from_table ? "rows" : "objects",
            driver->id, driver->id, pipeline_mark(builder->pipeline, &only_new->enabled).line,
            driver->extract->from_table || load->mode != MODE_OVERWRITE_PARTITIONS
                ? ""
                : " or make it `only_new: {reread: partition}`");
    }
}

/* Whole folders are read again: only who replaces what is there by them may see that. */
static void check_reread(
    const struct graph_builder *builder, const struct graph *graph, const struct graph_node *node)
{
    const struct load *load = node->load;
    const bool fits = load->into && load->mode == MODE_OVERWRITE_PARTITIONS;
    const void *field = load->to ? (const void *)&load->to
                        : fits   ? (const void *)&load->scope
                                 : &load->mode;

    for (unsigned i = 0; i < node->driver_count; i++) {
        const struct graph_node *driver = &graph->nodes[node->drivers[i]];
        const struct only_new *only_new = &driver->extract->only_new;

        if (!only_new->enabled || only_new->reread != REREAD_PARTITION || (fits && !load->scope))
            continue;
        diagnostics_error(builder->problems, builder->pipeline->path,
            pipeline_mark(builder->pipeline, field),
            "%s.%s: `reread: partition` of %s (line %u) brings whole folders back, and %s; %s",
            node->id,
            load->to ? "to"
            : fits   ? "scope"
                     : "mode",
            driver->id, pipeline_mark(builder->pipeline, &only_new->reread).line,
            load->to ? "this file would have their rows again"
            : fits   ? "not all that is in scope: what is not among them would be taken away"
                     : "only `mode: overwrite_partitions` puts them in the place of what is there",
            fits ? "leave scope out, or remove `reread`"
                 : "write that, or `only_new: true` in place of `reread`");
    }
}

/* What does not come is closed: then all must come. */
static void check_absent(
    const struct graph_builder *builder, const struct graph *graph, const struct graph_node *node)
{
    const struct load *load = node->load;

    for (unsigned i = 0; i < node->driver_count; i++) {
        const struct graph_node *driver = &graph->nodes[node->drivers[i]];
        const struct extract *extract = driver->extract;

        if (!extract->only_new.enabled && !extract->cursor.column)
            continue;
        diagnostics_error(builder->problems, builder->pipeline->path,
            pipeline_mark(builder->pipeline, &load->absent),
            "%s.absent: close would end each row that is not among the new ones of %s; remove "
            "`%s` from %s (line %u), or write `absent: keep` here",
            node->id, driver->id, extract->only_new.enabled ? "only_new" : "cursor", driver->id,
            extract->item.mark.line);
    }
}

/* Each of two loads would look at the table without the rows of the other one. */
static void check_alone(
    const struct graph_builder *builder, const struct graph *graph, const struct graph_node *node)
{
    const struct load *load = node->load;

    for (unsigned i = 0; i < graph->count; i++) {
        const struct graph_node *other = &graph->nodes[i];

        if (other == node || other->kind != TASK_LOAD || !other->load->into ||
            strcmp(other->load->into, load->into) != 0)
            continue;
        diagnostics_error(builder->problems, builder->pipeline->path,
            pipeline_mark(builder->pipeline, &load->into),
            "%s.into: %s (line %u) goes into %s, too: rows of one key could come from both; put "
            "them together in one SELECT, or into pipelines of their own",
            node->id, other->id, other->load->item.mark.line, load->into);
        return;
    }
}

static void check_to(
    const struct graph_builder *builder, const struct graph *graph, const struct graph_node *node)
{
    const struct load *load = node->load;

    if (load->to_per_run)
        return;
    for (unsigned i = 0; i < node->driver_count; i++) {
        const struct graph_node *driver = &graph->nodes[node->drivers[i]];
        const void *field;

        field = driver->extract->cursor.column ? (const void *)&driver->extract->cursor.column
                                               : &driver->extract->only_new.enabled;
        if (!driver->extract->only_new.enabled && !driver->extract->cursor.column)
            continue;
        diagnostics_error(builder->problems, builder->pipeline->path,
            pipeline_mark(builder->pipeline, &load->to),
            "%s.to: the next run would replace this file by the new rows of %s alone; put "
            "${run.id} or ${run.due:%%Y-%%m-%%d} into the path, or remove `%s` from %s "
            "(line %u)",
            node->id, driver->id, driver->extract->cursor.column ? "cursor" : "only_new",
            driver->id, pipeline_mark(builder->pipeline, field).line);
    }
}

static bool has_driver(const struct graph_node *node, unsigned driver)
{
    for (unsigned i = 0; i < node->driver_count; i++) {
        if (node->drivers[i] == driver)
            return true;
    }
    return false;
}

/* A table that is joined but drives nothing of this statement is a lookup: with only_new it would
 * lose the rows of all objects that were read before. `warned` keeps one line per extract. */
static void warn_joined(const struct graph_builder *builder, const struct graph *graph,
    const struct graph_draft *draft, const struct graph_node *node, unsigned *warned)
{
    for (size_t i = 0; i < draft->reference_count; i++) {
        const struct graph_reference *reference = &draft->references[i];
        const struct graph_node *joined = &graph->nodes[reference->target];

        if (reference->kind != REFERENCE_SQL || reference->driver)
            continue;
        for (unsigned j = 0; j < joined->driver_count; j++) {
            const unsigned index = joined->drivers[j];
            const struct graph_node *source = &graph->nodes[index];
            const char *path;
            struct option_mark mark;

            if (!source->extract->only_new.enabled || warned[index] == node->index + 1 ||
                has_driver(node, index))
                continue;
            warned[index] = node->index + 1;
            mark = graph_reference_mark(builder, reference, &path);
            diagnostics_warn(builder->problems, path, mark,
                "%s.sql: %s is only joined here, but with `only_new` it holds the rows of new "
                "objects alone; remove `only_new` from it (line %u) to join all of its rows",
                node->id, source->id,
                pipeline_mark(builder->pipeline, &source->extract->only_new.enabled).line);
        }
    }
}

static const char *dataset_of(const struct graph_node *node)
{
    return node->kind == TASK_LOAD ? node->load->from : node->name;
}

/* Names lose what a table's cannot have: rows of two datasets must not meet by that. */
static void check_quarantines(const struct graph_builder *builder, const struct graph *graph)
{
    struct arena arena;

    arena_init(&arena);
    for (unsigned i = 0; i < graph->count; i++) {
        const struct graph_node *node = &graph->nodes[i];

        for (unsigned j = 0; j < i && quarantine_has(node); j++) {
            const struct graph_node *other = &graph->nodes[j];
            const char *table = quarantine_table(graph->pipeline, node, &arena);

            if (quarantine_has(other) && strcmp(dataset_of(node), dataset_of(other)) != 0 &&
                strcmp(table, quarantine_table(graph->pipeline, other, &arena)) == 0)
                diagnostics_error(builder->problems, builder->pipeline->path,
                    node->extract->item.mark,
                    "%s: rows that it puts aside would be in quarantine.%s, as those of %s (line "
                    "%u) are; name it otherwise",
                    node->id, table, other->id, other->extract->item.mark.line);
        }
    }
    arena_deinit(&arena);
}

void guard_check(const struct graph_builder *builder, const struct graph *graph)
{
    unsigned *warned = mem_calloc(graph->count, sizeof(*warned));
    bool *broken = mem_calloc(graph->count, sizeof(*broken)); /* it, or what it needs */

    for (unsigned i = 0; i < graph->count; i++) {
        const struct graph_node *node = &graph->nodes[i];
        const struct graph_draft *draft = &builder->drafts[builder->order[i]];

        broken[i] = draft->broken;
        for (unsigned j = 0; j < node->input_count && !broken[i]; j++)
            broken[i] = broken[node->inputs[j]];
        if (broken[i])
            continue;
        if (node->kind == TASK_TRANSFORM)
            warn_joined(builder, graph, draft, node, warned);
        if (node->kind != TASK_LOAD)
            continue;
        if (node->load->into && node->load->key.count > 0)
            check_alone(builder, graph, node);
        check_reread(builder, graph, node);
        if (node->load->to)
            check_to(builder, graph, node);
        else if (node->load->mode == MODE_APPEND)
            check_append(builder, graph, node);
        else if (node->load->mode == MODE_OVERWRITE ||
                 node->load->mode == MODE_OVERWRITE_PARTITIONS)
            check_overwrite(builder, graph, node);
        else if (node->load->mode == MODE_SCD2 && node->load->absent == ABSENT_CLOSE)
            check_absent(builder, graph, node);
    }
    check_quarantines(builder, graph);
    free(broken);
    free(warned);
}
