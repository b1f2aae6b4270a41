#include "runner/engine/plan.h"

#include "runner/base/buffer.h"
#include "runner/base/mem.h"
#include "runner/base/table.h"
#include "runner/engine/load_table.h"
#include "runner/io/file.h"
#include "runner/io/timer.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* What is asked about one node: an extract's objects, a load's table version. */
struct node_question {
    struct plan *plan;
    const struct graph_node *node;
    struct arena arena; /* of the answers: jobs fill it, so no two share one */
    struct store_request list;
    struct catalog_query version;
    size_t first_seen, seen_count;      /* of a load: its part of the operation's `seen` */
    const struct seen_question *chosen; /* of an extract: whose new objects are read */
};

/* What one load has seen of one extract that drives it. */
struct seen_question {
    struct plan *plan;
    const struct graph_node *load, *extract;
    struct arena arena;
    struct catalog_query query;
    bool *is_new; /* by object of the listing */
    size_t new_count;
};

struct plan_operation {
    struct plan *plan;
    struct plan_options options;
    plan_done_fn done;
    struct timer kick; /* so that done comes from a later turn of the loop, whatever is asked */
    unsigned pending;
    struct error err;
    struct node_question *nodes;
    struct seen_question *seen;
    size_t seen_count;
};

static void plan_step(struct plan *plan);

static const struct graph_node *node_of(const struct plan *plan, unsigned index)
{
    return &plan->operation->options.graph->nodes[index];
}

/* --- what callbacks do: record, then step --- */

/* Puts "file:line:column: extract.x.from: " before an error. */
static void keep_error(struct plan *plan, const struct graph_node *node, const void *field,
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
    keep_error(plan, question->node, &question->node->extract->from, "from", err);
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
    keep_error(plan, question->node, &question->node->load->into, "into", err);
    if (!err && query->count > 0 &&
        load_table_check(question->node->load, &query->versions[0], &field, &key, &refused))
        keep_error(plan, question->node, field, key, &refused);
    plan_step(plan);
}

static void on_seen(struct catalog_query *query, const struct error *err)
{
    struct seen_question *question = container_of(query, struct seen_question, query);
    struct plan *plan = question->plan;

    plan->operation->pending--;
    keep_error(plan, question->extract, &question->extract->extract->only_new, "only_new", err);
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
    question->query.verb = CATALOG_LIST_SEEN;
    question->query.pipeline = operation->options.graph->pipeline->name;
    question->query.instance = operation->options.instance;
    question->query.load = question->load->name;
    question->query.extract = question->extract->name;
    question->query.arena = &question->arena;
    question->query.done = on_seen;
    operation->pending++;
    catalog->type->query(catalog, &question->query);
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

            if (!plan->tasks[i].wanted || !extract->extract->only_new.enabled)
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
        if (question->node->kind == TASK_EXTRACT && ask_objects(plan, question, &err))
            keep_error(plan, question->node, &question->node->extract->from, "from", &err);
        else if (question->node->kind == TASK_LOAD && ask_table(plan, question, &err))
            keep_error(plan, question->node, &question->node->load->into,
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

/* --- deciding what is new: pure from here on --- */

const char *plan_cursor_key(
    const struct engine *engine, const struct store *store, const char *key, struct arena *arena)
{
    struct buffer identity;
    const char *kept;

    if (store == engine->project_files)
        return file_below(engine->project->root, key);
    if (!store->type->identify)
        return key;
    buffer_init(&identity, 0);
    store->type->identify(store, key, &identity);
    kept = arena_strdup(arena, identity.data);
    buffer_deinit(&identity);
    return kept;
}

/* By the keys of cursors. Where one was stored as it is named now and, earlier, as an absolute
 * path, what is relative is what was seen last. */
static void index_seen(
    const struct engine *engine, const struct seen_question *question, struct table *seen)
{
    const struct store *store = question->plan->tasks[question->extract->index].extract.store;

    for (size_t i = 0; i < question->query.count; i++) {
        struct catalog_seen *object = &question->query.seen[i];
        const char *key = plan_cursor_key(engine, store, object->key, &question->plan->arena);

        if (key == object->key || !table_has(seen, key))
            table_put(seen, key, object);
    }
}

static void find_new_objects(struct plan *plan, struct seen_question *question)
{
    const struct engine *engine = plan->operation->options.engine;
    const struct store *store = plan->tasks[question->extract->index].extract.store;
    const struct store_request *list = &plan->operation->nodes[question->extract->index].list;
    struct table seen;

    table_init(&seen);
    index_seen(engine, question, &seen);
    question->is_new = arena_array(&plan->arena, list->object_count, sizeof(bool));
    for (size_t i = 0; i < list->object_count; i++) {
        const struct store_object *object = &list->objects[i];
        const struct catalog_seen *before =
            table_get(&seen, plan_cursor_key(engine, store, object->key, &plan->arena));

        question->is_new[i] = !before || before->size != object->size ||
                              strcmp(before->version, object->version) != 0;
        question->new_count += question->is_new[i];
    }
    table_deinit(&seen);
}

/* A load is idle when each extract that drives it is only_new and has nothing new for it. */
static bool load_is_idle(struct plan *plan, const struct graph_node *load)
{
    const struct plan_operation *operation = plan->operation;
    const struct node_question *question = &operation->nodes[load->index];

    if (question->seen_count < load->driver_count) /* one of them is read whole */
        return false;
    for (size_t i = 0; i < question->seen_count; i++) {
        if (operation->seen[question->first_seen + i].new_count > 0)
            return false;
    }
    return load->driver_count > 0 && !load->undriven;
}

static bool agrees(const struct plan *plan, const struct seen_question *seen)
{
    const struct node_question *extract = &plan->operation->nodes[seen->extract->index];

    return !extract->chosen ||
           memcmp(extract->chosen->is_new, seen->is_new, extract->list.object_count) == 0;
}

static void choose(struct plan_operation *operation, const struct seen_question *seen)
{
    struct node_question *extract = &operation->nodes[seen->extract->index];

    if (!extract->chosen)
        extract->chosen = seen;
}

/* Two loads that one extract drives can run together only when the same objects are new to both:
 * the first one that has something to do says which the extract reads. One that differs from it
 * (it was added later, or left out by --task) waits for the next run, where the others have
 * nothing new and it catches up alone. */
static void postpone_different_load(struct plan *plan, const struct graph_node *node)
{
    struct plan_operation *operation = plan->operation;
    struct plan_load *load = &plan->tasks[node->index].load;
    const struct node_question *question = &operation->nodes[node->index];
    const size_t end = question->first_seen + question->seen_count;

    for (size_t i = question->first_seen; i < end && !load->idle; i++)
        load->idle = load->postponed = !agrees(plan, &operation->seen[i]);
    for (size_t i = question->first_seen; i < end && !load->idle; i++)
        choose(operation, &operation->seen[i]);
}

/* Of an extract that no load with something to do reads for what is new: what is new to the last,
 * which is nothing. */
static void choose_among_idle(struct plan *plan)
{
    struct plan_operation *operation = plan->operation;

    for (size_t i = operation->seen_count; i-- > 0;)
        choose(operation, &operation->seen[i]);
}

/* A file of the project goes by its path from the project's root, as pipelines write it. */
static void describe_object(
    const struct plan *plan, const struct store *store, const char *key, struct buffer *shown)
{
    if (store == plan->operation->options.engine->project_files)
        buffer_puts(shown, key);
    else
        store->type->describe(store, key, shown);
}

/* The objects that an extract reads in this run: what is new to its loads, or all. */
static void choose_objects(struct plan *plan, const struct graph_node *node)
{
    struct plan_operation *operation = plan->operation;
    const struct store_request *list = &operation->nodes[node->index].list;
    struct plan_extract *extract = &plan->tasks[node->index].extract;
    const struct seen_question *chosen = operation->nodes[node->index].chosen;
    struct buffer shown;

    buffer_init(&shown, 0);
    extract->listed = list->object_count;
    extract->objects = arena_array(&plan->arena, list->object_count, sizeof(*extract->objects));
    for (size_t i = 0; i < list->object_count; i++) {
        if (chosen && !chosen->is_new[i])
            continue;
        buffer_clear(&shown);
        describe_object(plan, extract->store, list->objects[i].key, &shown);
        extract->bytes += list->objects[i].size;
        extract->objects[extract->object_count++] = (struct plan_object){
            .object = list->objects[i], .shown = arena_strdup(&plan->arena, shown.data)};
    }
    buffer_deinit(&shown);
    extract->seen_before = extract->listed - extract->object_count;
    if (list->object_count > 0)
        extract->sample = &list->objects[list->object_count - 1];
}

/* From a node to what its data comes from. */
static void mark_needed(struct plan *plan, const struct graph_node *node)
{
    if (plan->tasks[node->index].needed)
        return;
    plan->tasks[node->index].needed = true;
    for (unsigned i = 0; i < node->input_count; i++)
        mark_needed(plan, node_of(plan, node->inputs[i]));
}

/* Whether no wanted task reads its rows; one that only comes `after` it does not. */
static bool is_end(const struct plan *plan, const struct graph_node *node)
{
    for (unsigned i = 0; i < node->dependent_count; i++) {
        const struct graph_node *dependent = node_of(plan, node->dependents[i]);

        for (unsigned j = 0; plan->tasks[dependent->index].wanted && j < dependent->input_count;
             j++) {
            if (dependent->inputs[j] == node->index)
                return false;
        }
    }
    return true;
}

/* Loads that have something to do, and all that they come from. A dataset that nobody reads is
 * there for its checks: it is made when a load runs, or when there is no load at all. */
static void mark_all_needed(struct plan *plan)
{
    const struct graph *graph = plan->operation->options.graph;
    unsigned loads = 0, active = 0;

    for (unsigned i = 0; i < graph->count; i++) {
        if (graph->nodes[i].kind != TASK_LOAD || !plan->tasks[i].wanted)
            continue;
        loads++;
        if (plan->tasks[i].load.idle)
            continue;
        active++;
        mark_needed(plan, &graph->nodes[i]);
    }
    for (unsigned i = 0; i < graph->count && (active > 0 || loads == 0); i++) {
        const struct graph_node *node = &graph->nodes[i];

        if (node->kind != TASK_LOAD && plan->tasks[i].wanted && is_end(plan, node))
            mark_needed(plan, node);
    }
}

static void check_globs(struct plan *plan, const struct graph_node *node)
{
    const struct plan_extract *extract = &plan->tasks[node->index].extract;
    struct error err = {0};

    if (extract->listed > 0 || node->extract->only_new.enabled)
        return;
    error_set(&err, ERROR_NOT_FOUND, "\"%s\" matches no file; check the path", node->extract->from);
    keep_error(plan, node, &node->extract->from, "from", &err);
}

/* Which partitions a load changes, its rows alone tell: these are the bounds. */
static void count_merge(struct plan *plan, const struct load *load, struct plan_load *planned)
{
    const struct catalog_version *version = &planned->version;
    struct load_table table;

    load_table_of(load, version, &plan->arena, &table);
    if (table.looks_up || load->scope) {
        planned->lookup_files = version->files;
        planned->lookup_bytes = version->bytes;
    }
    if (table.key.count > 0 || load->mode != MODE_APPEND) {
        planned->rewrite_files = version->files;
        planned->rewrite_bytes = version->bytes;
    }
}

static void decide(struct plan *plan)
{
    struct plan_operation *operation = plan->operation;
    const struct graph *graph = operation->options.graph;

    for (size_t i = 0; i < operation->seen_count; i++)
        find_new_objects(plan, &operation->seen[i]);
    for (unsigned i = 0; i < graph->count; i++) {
        if (!plan->tasks[i].wanted || graph->nodes[i].kind != TASK_LOAD)
            continue;
        plan->tasks[i].load.idle = load_is_idle(plan, &graph->nodes[i]);
        postpone_different_load(plan, &graph->nodes[i]);
    }
    choose_among_idle(plan);
    for (unsigned i = 0; i < graph->count; i++) {
        const struct graph_node *node = &graph->nodes[i];
        struct plan_task *task = &plan->tasks[i];

        if (!task->wanted)
            continue;
        if (node->kind == TASK_EXTRACT) {
            choose_objects(plan, node);
            check_globs(plan, node);
        } else if (node->kind == TASK_LOAD && operation->nodes[i].version.count > 0) {
            task->load.table_exists = true;
            task->load.version = operation->nodes[i].version.versions[0];
            count_merge(plan, node->load, &task->load);
        }
    }
    mark_all_needed(plan);
    plan->nothing_new = true;
    for (unsigned i = 0; i < graph->count; i++) {
        if (!plan->tasks[i].needed)
            continue;
        plan->nothing_new = false;
        if (graph->nodes[i].kind == TASK_EXTRACT) {
            plan->object_count += plan->tasks[i].extract.object_count;
            plan->bytes += plan->tasks[i].extract.bytes;
        }
    }
}

/* --- the whole flow --- */

static void plan_step(struct plan *plan)
{
    struct plan_operation *operation = plan->operation;

    if (operation->pending > 0)
        return;
    if (!operation->err.code)
        decide(plan);
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
    }
    if (operation->options.engine->catalog)
        operation->options.engine->catalog->type->cancel(operation->options.engine->catalog);
}

void plan_deinit(struct plan *plan)
{
    struct plan_operation *operation = plan->operation;

    if (operation) {
        for (unsigned i = 0; i < operation->options.graph->count; i++)
            arena_deinit(&operation->nodes[i].arena);
        for (size_t i = 0; i < operation->seen_count; i++)
            arena_deinit(&operation->seen[i].arena);
        free(operation->nodes);
        free(operation->seen);
        free(operation);
    }
    arena_deinit(&plan->arena);
    memset(plan, 0, sizeof(*plan));
}
