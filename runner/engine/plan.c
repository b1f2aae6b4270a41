#include "runner/engine/plan.h"

#include "runner/base/mem.h"
#include "runner/engine/load_table.h"
#include "runner/engine/plan_private.h"
#include "runner/engine/plan_reread.h"
#include "runner/engine/pushdown.h"

#include <assert.h>
#include <string.h>

static void plan_step(struct plan *plan);

/* --- what callbacks do: record, then step --- */

/* Puts "file:line:column: extract.x.from: " before an error. */
void plan_keep_error(struct plan *plan, const struct graph_node *node, const void *field,
    const char *key, const struct error *err)
{
    const struct pipeline *pipeline = plan->operation->options.graph->pipeline;
    const struct option_mark mark = pipeline_mark(pipeline, field);
    struct error placed;

    if (!err || plan->operation->err.code)
        return;
    placed = *err;
    if (placed.class != ERROR_CANCELLED)
        error_prefix(
            &placed, "%s:%u:%u: %s.%s", pipeline->path, mark.line, mark.column, node->id, key);
    plan->operation->err = placed;
}

static void on_listed(struct store_request *list, const struct error *err)
{
    struct node_question *question = container_of(list, struct node_question, list);
    struct plan *plan = question->plan;

    plan->operation->pending--;
    plan_keep_error(plan, question->node, &question->node->extract->from, "from", err);
    plan_step(plan);
}

/* Of either question about a table. */
static void on_source(struct plan_source *source, const struct error *err)
{
    struct node_question *question = container_of(source, struct node_question, source);
    const struct extract *extract = question->node->extract;
    struct plan *plan = question->plan;

    plan->operation->pending--;
    if (plan->operation->decided && extract->at) /* the table is there */
        plan_keep_error(plan, question->node, &extract->at, "at", err);
    else
        plan_keep_error(plan, question->node, &extract->from, "from", err);
    plan_step(plan);
}

static void on_version(struct catalog_query *query, const struct error *err)
{
    struct node_question *question = container_of(query, struct node_question, version);
    struct plan *plan = question->plan;
    struct error refused = {0};
    const void *field;
    const char *key;

    plan->operation->pending--;
    plan_keep_error(plan, question->node, &question->node->load->into, "into", err);
    if (!err && query->count > 0 &&
        load_table_check(question->node->load, &query->versions[0], &field, &key, &refused))
        plan_keep_error(plan, question->node, field, key, &refused);
    plan_step(plan);
}

static void on_seen(struct catalog_query *query, const struct error *err)
{
    struct seen_question *question = container_of(query, struct seen_question, query);
    struct plan *plan = question->plan;

    plan->operation->pending--;
    plan_keep_error(plan, question->extract, &question->extract->extract->only_new,
        question->extract->extract->cursor.column ? "cursor" : "only_new", err);
    plan_step(plan);
}

static void on_remembered(struct catalog_query *query, const struct error *err)
{
    struct seen_question *question = container_of(query, struct seen_question, cursor_query);
    struct plan *plan = question->plan;

    plan->operation->pending--;
    plan_keep_error(
        plan, question->extract, &question->extract->extract->only_new, "only_new", err);
    plan_step(plan);
}

static void on_kick_closed(struct timer *timer)
{
    struct plan_operation *operation = container_of(timer, struct plan_operation, kick);

    operation->pending--;
    plan_step(operation->plan);
}

static void on_kick(struct timer *timer)
{
    timer_close(timer, on_kick_closed);
}

/* --- asking --- */

static int ask_objects(struct plan *plan, struct node_question *question, struct error *err)
{
    struct plan_extract *extract = &plan->tasks[question->node->index].extract;

    if (engine_store_of(plan->operation->options.engine, question->node->extract->from,
            &extract->store, &extract->pattern, err))
        return -1;
    question->list.verb = STORE_LIST;
    question->list.key = extract->pattern;
    question->list.arena = &question->arena;
    question->list.done = on_listed;
    plan->operation->pending++;
    extract->store->type->start(extract->store, &question->list);
    return 0;
}

static int ask_source(struct plan *plan, struct node_question *question, struct error *err)
{
    struct plan_extract *extract = &plan->tasks[question->node->index].extract;
    struct engine *engine = plan->operation->options.engine;

    question->source = (struct plan_source){.engine = engine,
        .extract = question->node->extract,
        .arena = &question->arena,
        .done = on_source};
    extract->table = &question->source.table;
    if (engine_tables(engine, &extract->store, err) || plan_source_start(&question->source, err))
        return -1;
    plan->operation->pending++;
    return 0;
}

static int ask_extract(struct plan *plan, struct node_question *question, struct error *err)
{
    return (question->node->extract->from_table ? ask_source : ask_objects)(plan, question, err);
}

static int ask_table(struct plan *plan, struct node_question *question, struct error *err)
{
    struct plan_load *load = &plan->tasks[question->node->index].load;
    const struct load *options = question->node->load;
    struct engine *engine = plan->operation->options.engine;
    struct catalog *catalog;

    if (options->to)
        return engine_store_of(engine, options->to, &load->store, &load->key, err);
    if (engine_catalog(engine, &catalog, err) || engine_tables(engine, &load->store, err))
        return -1;
    question->version.verb = CATALOG_GET_VERSION;
    question->version.at.namespace = options->into_namespace;
    question->version.at.table = options->into_table;
    question->version.arena = &question->arena;
    question->version.done = on_version;
    plan->operation->pending++;
    catalog->type->query(catalog, &question->version);
    return 0;
}

static int ask_seen(struct plan *plan, struct seen_question *question, struct error *err)
{
    struct plan_operation *operation = plan->operation;
    struct catalog *catalog;

    if (engine_catalog(operation->options.engine, &catalog, err))
        return -1;
    question->query.verb =
        question->extract->extract->from_table || question->extract->extract->cursor.column
            ? CATALOG_LIST_CURSORS
            : CATALOG_LIST_SEEN;
    question->query.pipeline = operation->options.graph->pipeline->name;
    question->query.instance = operation->options.instance;
    question->query.load = question->load->name;
    question->query.extract = question->extract->name;
    question->query.arena = &question->arena;
    question->query.done = on_seen;
    operation->pending++;
    catalog->type->query(catalog, &question->query);
    if (!plan_reread_is_asked(question->extract))
        return 0;
    question->cursor_query = question->query;
    question->cursor_query.verb = CATALOG_LIST_CURSORS;
    question->cursor_query.done = on_remembered;
    operation->pending++;
    catalog->type->query(catalog, &question->cursor_query);
    return 0;
}

static void add_seen_questions(struct plan *plan)
{
    struct plan_operation *operation = plan->operation;
    const struct graph *graph = operation->options.graph;
    size_t capacity = 0;

    for (unsigned i = 0; i < graph->count; i++) {
        const struct graph_node *load = &graph->nodes[i];

        for (unsigned j = 0; load->kind == TASK_LOAD && j < load->driver_count; j++) {
            const struct graph_node *extract = &graph->nodes[load->drivers[j]];

            if (!plan->tasks[i].wanted ||
                (!extract->extract->only_new.enabled && !extract->extract->cursor.column))
                continue;
            operation->seen = mem_grow(
                operation->seen, &capacity, operation->seen_count, sizeof(*operation->seen));
            if (operation->nodes[i].seen_count++ == 0)
                operation->nodes[i].first_seen = operation->seen_count;
            operation->seen[operation->seen_count++] =
                (struct seen_question){.plan = plan, .load = load, .extract = extract};
        }
    }
}

static void ask_all(struct plan *plan)
{
    struct plan_operation *operation = plan->operation;
    const struct graph *graph = operation->options.graph;
    struct error err = {0};

    for (unsigned i = 0; i < graph->count && !operation->err.code; i++) {
        struct node_question *question = &operation->nodes[i];

        if (!plan->tasks[i].wanted)
            continue;
        if (question->node->kind == TASK_EXTRACT && ask_extract(plan, question, &err))
            plan_keep_error(plan, question->node, &question->node->extract->from, "from", &err);
        else if (question->node->kind == TASK_LOAD && ask_table(plan, question, &err))
            plan_keep_error(plan, question->node, &question->node->load->into,
                question->node->load->to ? "to" : "into", &err);
    }
    if (operation->options.ignore_cursors)
        return;
    add_seen_questions(plan);
    for (size_t i = 0; i < operation->seen_count && !operation->err.code; i++) {
        if (ask_seen(plan, &operation->seen[i], &err))
            operation->err = err;
    }
}

/* Once it is known what a run would read of tables: how many files. */
static void count_sources(struct plan *plan)
{
    struct plan_operation *operation = plan->operation;
    const struct graph *graph = operation->options.graph;

    for (unsigned i = 0; i < graph->count && !operation->err.code; i++) {
        struct node_question *question = &operation->nodes[i];
        struct error err = {0};

        if (!plan->tasks[i].wanted || graph->nodes[i].kind != TASK_EXTRACT ||
            !plan->tasks[i].extract.table)
            continue;
        pushdown_conditions(graph, plan->tasks, question->node, &plan->arena,
            &question->source.table.conditions, &question->source.table.condition_count);
        if (plan_source_count(&question->source, &err))
            plan_keep_error(plan, question->node, &question->node->extract->at, "at", &err);
        else
            operation->pending++;
    }
}

/* --- the whole flow --- */

static void plan_step(struct plan *plan)
{
    struct plan_operation *operation = plan->operation;

    if (operation->pending > 0)
        return;
    if (!operation->err.code && !operation->decided) {
        operation->decided = true;
        plan_decide(plan);
        count_sources(plan);
        if (operation->pending > 0)
            return;
    }
    if (!operation->err.code)
        plan_add_up(plan);
    operation->done(plan, operation->err.code ? &operation->err : NULL);
}

void plan_start(struct plan *plan, const struct plan_options *options, plan_done_fn done)
{
    const struct graph *graph = options->graph;
    struct plan_operation *operation = mem_new(struct plan_operation);
    bool *wanted = mem_calloc(graph->count + 1, sizeof(*wanted));

    memset(plan, 0, sizeof(*plan));
    arena_init(&plan->arena);
    plan->operation = operation;
    plan->tasks = arena_array(&plan->arena, graph->count, sizeof(*plan->tasks));
    operation->options = *options;
    operation->done = done;
    operation->nodes = mem_calloc(graph->count + 1, sizeof(*operation->nodes));
    operation->plan = plan;
    for (unsigned i = 0; i < graph->count; i++) {
        operation->nodes[i] = (struct node_question){.plan = plan, .node = &graph->nodes[i]};
        arena_init(&operation->nodes[i].arena);
    }

    operation->pending = 1;
    timer_init(&operation->kick, options->engine->loop);
    timer_start(&operation->kick, 0, 0, on_kick);
    if (graph_select(graph, options->tasks, wanted, &operation->err) == 0) {
        for (unsigned i = 0; i < graph->count; i++)
            plan->tasks[i].wanted = wanted[i];
        ask_all(plan);
    }
    free(wanted);
}

void plan_cancel(struct plan *plan)
{
    struct plan_operation *operation = plan->operation;
    const struct graph *graph = operation->options.graph;

    if (operation->pending == 0)
        return;
    if (!operation->err.code)
        error_set(&operation->err, ERROR_STOPPED, "cancelled");
    for (unsigned i = 0; i < graph->count; i++) {
        struct store_request *list = &operation->nodes[i].list;

        if (list->store)
            list->store->type->cancel(list);
        plan_source_cancel(&operation->nodes[i].source);
    }
    if (operation->options.engine->catalog)
        operation->options.engine->catalog->type->cancel(operation->options.engine->catalog);
}

void plan_deinit(struct plan *plan)
{
    struct plan_operation *operation = plan->operation;

    if (operation) {
        for (unsigned i = 0; i < operation->options.graph->count; i++) {
            arena_deinit(&operation->nodes[i].arena);
            table_deinit(&operation->nodes[i].read);
            table_deinit(&operation->nodes[i].more);
            table_deinit(&operation->nodes[i].empty);
        }
        for (size_t i = 0; i < operation->seen_count; i++) {
            arena_deinit(&operation->seen[i].arena);
            reread_deinit(&operation->seen[i].map);
        }
        free(operation->nodes);
        free(operation->seen);
        free(operation);
    }
    arena_deinit(&plan->arena);
    memset(plan, 0, sizeof(*plan));
}
