/* What a run would do, out of what the catalog and the stores said. Pure. */
#include "runner/engine/plan_private.h"

#include "runner/base/buffer.h"
#include "runner/base/mem.h"
#include "runner/base/table.h"
#include "runner/engine/load_table.h"
#include "runner/engine/plan_reread.h"
#include "runner/io/file.h"

#include <string.h>

static const struct graph_node *node_of(const struct plan *plan, unsigned index)
{
    return &plan->operation->options.graph->nodes[index];
}

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

static void find_new_rows(struct plan *plan, struct seen_question *question)
{
    const struct node_question *extract = &plan->operation->nodes[question->extract->index];
    struct error err = {0};

    if (plan_source_after(&extract->source, &question->query, &question->after, &err))
        plan_keep_error(
            plan, question->extract, &question->extract->extract->only_new, "only_new", &err);
    question->new_count = plan_source_has_new(&extract->source, question->after);
}

/* on_changed: fail. */
static void refuse_changed(struct plan *plan, const struct seen_question *question,
    const struct store_object *object, const struct catalog_seen *before)
{
    const struct extract *extract = question->extract->extract;
    struct error err = {0};

    if (extract->only_new.on_changed != ON_CHANGED_FAIL)
        return;
    error_set(&err, ERROR_CHANGED,
        "\"%s\" was read before as version %s (%llu bytes) and is %s now (%llu bytes): put the old "
        "one back and the new one under another name, or write `on_changed: append` or replace",
        object->key, before->version, (unsigned long long)before->size, object->version,
        (unsigned long long)object->size);
    plan_keep_error(plan, question->extract, &extract->only_new.on_changed, "only_new", &err);
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
    question->is_changed = arena_array(&plan->arena, list->object_count, sizeof(bool));
    for (size_t i = 0; i < list->object_count; i++) {
        const struct store_object *object = &list->objects[i];
        const struct catalog_seen *before =
            table_get(&seen, plan_cursor_key(engine, store, object->key, &plan->arena));

        question->is_new[i] = !before || before->size != object->size ||
                              strcmp(before->version, object->version) != 0;
        question->new_count += question->is_new[i];
        question->is_changed[i] = before && question->is_new[i];
        question->changed_count += question->is_changed[i];
        if (before && question->is_new[i])
            refuse_changed(plan, question, object, before);
    }
    table_deinit(&seen);
    if (plan_reread_is_asked(question->extract))
        plan_reread_find(plan, question);
}

/* Rows say what is new; where the objects are those of the last run, no row can be. */
static void find_beyond_cursor(struct plan *plan, struct seen_question *question)
{
    const struct store_request *list = &plan->operation->nodes[question->extract->index].list;
    struct plan_extract *extract = &plan->tasks[question->extract->index].extract;
    const struct extract *options = question->extract->extract;
    const struct catalog_query *query = &question->query;
    struct error err = {0};
    bool is_new;

    extract->listing = cursor_listing(list->objects, list->object_count, &plan->arena);
    if (cursor_read(query->count ? query->cursors[0].state : NULL, &options->cursor, &plan->arena,
            &question->cursor, &err))
        plan_keep_error(plan, question->extract, &options->cursor.column, "cursor", &err);
    is_new = list->object_count > 0 &&
             (!question->cursor.listing || strcmp(question->cursor.listing, extract->listing) != 0);
    question->is_new = arena_array(&plan->arena, list->object_count, sizeof(bool));
    for (size_t i = 0; i < list->object_count; i++)
        question->is_new[i] = is_new;
    question->new_count = is_new ? list->object_count : 0;
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

    if (!extract->chosen || seen->extract->extract->from_table)
        return !extract->chosen || extract->chosen->after == seen->after;
    if (seen->extract->extract->cursor.column &&
        !text_equal(extract->chosen->cursor.value, seen->cursor.value))
        return false;
    return memcmp(extract->chosen->is_new, seen->is_new, extract->list.object_count) == 0;
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

/* What is shown may say how it was asked for; this says only which it is. */
static const char *plan_source_name(struct plan *plan, const struct store *store, const char *key)
{
    const struct engine *engine = plan->operation->options.engine;
    struct buffer shown;
    const char *copy;

    if (store == engine->project_files || store->type->identify)
        return plan_cursor_key(engine, store, key, &plan->arena);
    buffer_init(&shown, 0);
    store->type->describe(store, key, &shown);
    copy = arena_strdup(&plan->arena, shown.data);
    buffer_deinit(&shown);
    return copy;
}

static void choose_rows(struct plan *plan, const struct graph_node *node)
{
    struct node_question *question = &plan->operation->nodes[node->index];

    if (question->chosen)
        question->source.table.after = question->chosen->after;
}

void plan_choose_objects(struct plan *plan, const struct graph_node *node)
{
    struct plan_operation *operation = plan->operation;
    const struct store_request *list = &operation->nodes[node->index].list;
    struct plan_extract *extract = &plan->tasks[node->index].extract;
    const struct seen_question *chosen = operation->nodes[node->index].chosen;
    struct buffer shown;

    buffer_init(&shown, 0);
    if (chosen)
        extract->cursor = chosen->cursor;
    extract->listed = list->object_count;
    extract->object_count = 0;
    extract->bytes = 0;
    extract->objects = arena_array(&plan->arena, list->object_count, sizeof(*extract->objects));
    for (size_t i = 0; i < list->object_count; i++) {
        if (chosen && !chosen->is_new[i])
            continue;
        buffer_clear(&shown);
        describe_object(plan, extract->store, list->objects[i].key, &shown);
        extract->bytes += list->objects[i].size;
        extract->objects[extract->object_count++] = (struct plan_object){.object = list->objects[i],
            .shown = arena_strdup(&plan->arena, shown.data),
            .source = node->extract->metadata
                          ? plan_source_name(plan, extract->store, list->objects[i].key)
                          : NULL};
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

    if (extract->listed > 0 || extract->table || node->extract->only_new.enabled ||
        node->extract->cursor.column)
        return;
    error_set(&err, ERROR_NOT_FOUND, "\"%s\" matches no file; check the path", node->extract->from);
    plan_keep_error(plan, node, &node->extract->from, "from", &err);
}

/* Which partitions a load changes, its rows alone tell: these are the bounds. */
static void count_merge(struct plan *plan, const struct load *load, struct plan_load *planned)
{
    const struct catalog_version *version = &planned->version;
    struct load_table table;

    load_table_of(load, version, &plan->arena, &table);
    if (table.looks_up || load->scope || planned->replaced.count > 0) {
        planned->lookup_files = version->files;
        planned->lookup_bytes = version->bytes;
    }
    if (table.key.count > 0 || load->mode != MODE_APPEND || planned->replaced.count > 0) {
        planned->rewrite_files = version->files;
        planned->rewrite_bytes = version->bytes;
    }
}

/* The objects of which the table has rows of another version. */
static void find_replaced(struct plan *plan, const struct graph_node *node, struct plan_load *load)
{
    const struct plan_operation *operation = plan->operation;
    const struct node_question *question = &operation->nodes[node->index];
    const struct seen_question *seen;
    size_t count = 0;

    if (question->seen_count == 0)
        return;
    seen = &operation->seen[question->first_seen];
    for (size_t i = 0; i < question->seen_count; i++)
        count += seen[i].changed_count;
    load->replaced.items = arena_array(&plan->arena, count + 1, sizeof(const char *));
    for (size_t i = 0; i < question->seen_count && !load->idle; i++) {
        const struct store *store = plan->tasks[seen[i].extract->index].extract.store;
        const struct store_request *list = &operation->nodes[seen[i].extract->index].list;

        if (seen[i].extract->extract->only_new.on_changed != ON_CHANGED_REPLACE)
            continue;
        for (size_t o = 0; seen[i].changed_count > 0 && o < list->object_count; o++) {
            if (seen[i].is_changed[o])
                load->replaced.items[load->replaced.count++] =
                    plan_source_name(plan, store, list->objects[o].key);
        }
    }
}

void plan_decide(struct plan *plan)
{
    struct plan_operation *operation = plan->operation;
    const struct graph *graph = operation->options.graph;

    for (size_t i = 0; i < operation->seen_count; i++) {
        const struct extract *extract = operation->seen[i].extract->extract;

        (extract->from_table         ? find_new_rows
            : extract->cursor.column ? find_beyond_cursor
                                     : find_new_objects)(plan, &operation->seen[i]);
    }
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
            (node->extract->from_table ? choose_rows : plan_choose_objects)(plan, node);
            plan_reread_choose(plan, node);
            check_globs(plan, node);
            continue;
        }
        if (node->kind == TASK_LOAD)
            find_replaced(plan, node, &task->load);
        if (node->kind == TASK_LOAD && operation->nodes[i].version.count > 0) {
            task->load.table_exists = true;
            task->load.version = operation->nodes[i].version.versions[0];
            count_merge(plan, node->load, &task->load);
        }
    }
    mark_all_needed(plan);
}

void plan_add_up(struct plan *plan)
{
    const struct graph *graph = plan->operation->options.graph;

    plan->nothing_new = true;
    plan->object_count = 0;
    plan->bytes = 0;
    for (unsigned i = 0; i < graph->count; i++) {
        struct plan_extract *extract = &plan->tasks[i].extract;

        if (plan->tasks[i].wanted && graph->nodes[i].kind == TASK_EXTRACT && extract->table)
            extract->bytes = extract->table->bytes;
        if (!plan->tasks[i].needed)
            continue;
        plan->nothing_new = false;
        if (graph->nodes[i].kind == TASK_EXTRACT) {
            plan->object_count += extract->table ? extract->table->files : extract->object_count;
            plan->bytes += extract->bytes;
        }
    }
}
