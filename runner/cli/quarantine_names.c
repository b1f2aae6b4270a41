#include "runner/cli/quarantine_names.h"

#include "runner/base/buffer.h"
#include "runner/engine/quarantine.h"

#include <string.h>

struct owner {
    const char *pipeline, *path, *task;
};

void quarantine_names_init(
    struct quarantine_names *names, struct cli *cli, struct diagnostics *problems)
{
    *names = (struct quarantine_names){.cli = cli, .problems = problems};
    table_init(&names->owners);
}

void quarantine_names_deinit(struct quarantine_names *names)
{
    table_deinit(&names->owners);
}

static struct option_mark mark_of(const struct graph_node *node)
{
    switch (node->kind) {
    case TASK_EXTRACT:
        return node->extract->item.mark;
    case TASK_TRANSFORM:
        return node->transform->item.mark;
    case TASK_LOAD:
        break;
    }
    return node->load->item.mark;
}

static void add_node(
    struct quarantine_names *names, const struct graph *graph, const struct graph_node *node)
{
    struct arena *arena = &names->cli->arena;
    const char *table = quarantine_table(graph->pipeline, node, arena);
    const struct owner *other = table_get(&names->owners, table);
    struct owner *owner;

    if (other && strcmp(other->pipeline, graph->pipeline->name) != 0)
        diagnostics_error(names->problems, graph->pipeline->path, mark_of(node),
            "%s: rows that it puts aside would be in quarantine.%s, as those of %s of the pipeline "
            "%s (%s) are; name one of them otherwise",
            node->id, table, other->task, other->pipeline, other->path);
    if (other)
        return;
    owner = arena_new(arena, struct owner);
    *owner = (struct owner){.pipeline = arena_strdup(arena, graph->pipeline->name),
        .path = arena_strdup(arena, graph->pipeline->path),
        .task = arena_strdup(arena, node->id)};
    table_put(&names->owners, table, owner);
}

void quarantine_names_add(struct quarantine_names *names, const struct graph *graph)
{
    for (unsigned i = 0; i < graph->count; i++) {
        if (quarantine_has(&graph->nodes[i]))
            add_node(names, graph, &graph->nodes[i]);
    }
}

/* --- one against all others --- */

static bool has_any(const struct graph *graph)
{
    for (unsigned i = 0; i < graph->count; i++) {
        if (quarantine_has(&graph->nodes[i]))
            return true;
    }
    return false;
}

/* Whether any dataset of a pipeline could have one of the tables: what it does with its rows is
 * asked only then, as that takes reading its SQL. */
static bool may_meet(const struct quarantine_names *names, const struct pipeline *pipeline)
{
    const struct extract *extracts = pipeline->extracts.items;
    const struct transform *transforms = pipeline->transforms.items;
    struct arena *arena = &names->cli->arena;
    bool meets = false;

    for (size_t i = 0; i < pipeline->extracts.count && !meets; i++)
        meets = table_get(&names->owners,
                    quarantine_table_of(pipeline->name, extracts[i].item.name, arena)) != NULL;
    for (size_t i = 0; i < pipeline->transforms.count && !meets; i++)
        meets = table_get(&names->owners,
                    quarantine_table_of(pipeline->name, transforms[i].item.name, arena)) != NULL;
    return meets;
}

static void add_other(struct quarantine_names *names, const struct graph *graph, const char *path)
{
    const struct pipeline_scope scope = {.environment = names->cli->project->environment};
    struct diagnostics ignored;
    struct pipeline *pipeline;
    struct graph *other = NULL;

    diagnostics_init(&ignored);
    pipeline = pipeline_load(path, &scope, &ignored);
    if (pipeline && strcmp(pipeline->name, graph->pipeline->name) != 0 && may_meet(names, pipeline))
        other = graph_new(pipeline, cli_load_sql, NULL, &ignored);
    if (other)
        quarantine_names_add(names, other);
    graph_free(other);
    pipeline_free(pipeline);
    diagnostics_deinit(&ignored);
}

static void set_first(const struct diagnostics *problems, struct error *err)
{
    struct buffer line;

    buffer_init(&line, 0);
    diagnostics_format(&problems->items[0], &line);
    error_set(err, ERROR_INVALID, "%s", line.data);
    buffer_deinit(&line);
}

int quarantine_names_check(struct cli *cli, const struct graph *graph, struct error *err)
{
    struct quarantine_names names;
    struct diagnostics problems;
    struct text_list paths = {0};
    struct error ignored;
    int rc;

    if (!has_any(graph) || project_pipeline_paths(cli->project, &paths, &ignored))
        return 0;
    diagnostics_init(&problems);
    quarantine_names_init(&names, cli, &problems);
    quarantine_names_add(&names, graph);
    for (size_t i = 0; i < paths.count && problems.count == 0; i++)
        add_other(&names, graph, paths.items[i]);
    rc = problems.count ? -1 : 0;
    if (rc)
        set_first(&problems, err);
    quarantine_names_deinit(&names);
    diagnostics_deinit(&problems);
    return rc;
}
