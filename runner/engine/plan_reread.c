#include "runner/engine/plan_reread.h"

#include "runner/base/mem.h"
#include "runner/engine/plan_private.h"

#include <string.h>

static struct node_question *node_of(const struct plan *plan, const struct graph_node *node)
{
    return &plan->operation->nodes[node->index];
}

bool plan_reread_is_asked(const struct graph_node *extract)
{
    return extract->extract->only_new.enabled &&
           extract->extract->only_new.reread == REREAD_PARTITION;
}

bool plan_reread_has(const struct graph *graph, const struct graph_node *load)
{
    for (unsigned i = 0; i < load->driver_count; i++) {
        if (plan_reread_is_asked(&graph->nodes[load->drivers[i]]))
            return true;
    }
    return false;
}

/* --- before the tasks --- */

/* By object of the listing. */
static void find_folders(struct plan *plan, const struct graph_node *extract)
{
    struct node_question *question = node_of(plan, extract);
    const struct engine *engine = plan->operation->options.engine;
    const struct store *store = plan->tasks[extract->index].extract.store;

    if (question->folders)
        return;
    question->folders =
        arena_array(&plan->arena, question->list.object_count, sizeof(*question->folders));
    for (size_t i = 0; i < question->list.object_count; i++)
        question->folders[i] = reread_folder(
            plan_cursor_key(engine, store, question->list.objects[i].key, &plan->arena),
            &plan->arena);
}

static void read_map(struct seen_question *question)
{
    const struct plan *plan = question->plan;
    const struct node_question *load = node_of(plan, question->load);
    const struct node_question *extract = node_of(plan, question->extract);
    const bool exists = load->version.count > 0;
    struct reread_map *map = &question->map;

    reread_read(map, question->cursor_query.count ? question->cursor_query.cursors[0].state : NULL,
        exists ? load->version.versions[0].version : 0, &question->plan->arena);
    for (size_t i = 0; i < extract->list.object_count && map->known; i++)
        map->known = question->is_new[i] || table_has(&map->folders, extract->folders[i]);
}

/* An object that was put again: where its old rows are is known by its folder alone, and where it
 * is not they would stay behind. */
static void refuse_unknown(struct plan *plan, const struct seen_question *question)
{
    const struct node_question *extract = node_of(plan, question->extract);
    struct error err = {0};

    if (node_of(plan, question->load)->version.count == 0)
        return;
    for (size_t i = 0; i < extract->list.object_count && !err.code; i++) {
        if (question->is_changed[i] && !table_has(&question->map.folders, extract->folders[i]))
            error_set(&err, ERROR_CHANGED,
                "\"%s\" was read before and has changed, and which partitions of %s its old rows "
                "went into is not remembered (it was read before `reread: partition` was asked "
                "for, the table was partitioned anew, or there are more than %d folders): put the "
                "old one back and the new one under another name, or let all be read again: sluice "
                "catalog delete-table",
                extract->list.objects[i].key, question->load->load->into, REREAD_FOLDERS_MAX);
    }
    if (err.code)
        plan_keep_error(plan, question->extract, &question->extract->extract->only_new.reread,
            "only_new", &err);
}

void plan_reread_find(struct plan *plan, struct seen_question *question)
{
    const struct node_question *extract = node_of(plan, question->extract);
    struct table touched;

    find_folders(plan, question->extract);
    read_map(question);
    refuse_unknown(plan, question);
    table_init(&touched);
    for (size_t i = 0; i < extract->list.object_count; i++) {
        if (question->is_new[i])
            table_put(&touched, extract->folders[i], question);
    }
    for (size_t i = 0; i < extract->list.object_count; i++)
        question->is_new[i] = question->new_count > 0 &&
                              (!question->map.known || table_has(&touched, extract->folders[i]));
    table_deinit(&touched);
}

/* Whether a folder has had rows in one of the partitions. */
static bool goes_into(
    const struct reread_map *map, const char *folder, const struct table *partitions)
{
    const struct text_list *list = table_get(&map->folders, folder);

    for (size_t i = 0; list && i < list->count; i++) {
        if (table_has(partitions, list->items[i]))
            return true;
    }
    return !list && !map->known && partitions->count > 0;
}

/* Notes folders of which no object is left: nobody reads them, and rows that they have in one of
 * the partitions go as it is made anew. */
static void find_empty(
    struct plan *plan, const struct seen_question *asked, const struct table *partitions)
{
    struct node_question *question = node_of(plan, asked->extract);
    struct table listed;

    table_init(&listed);
    for (size_t i = 0; i < question->list.object_count; i++)
        table_put(&listed, question->folders[i], plan);
    for (size_t i = 0; i < asked->map.folders.count; i++) {
        const char *folder = asked->map.folders.entries[i].key;

        if (!table_has(&listed, folder) && goes_into(&asked->map, folder, partitions))
            table_put(&question->empty, folder, plan);
    }
    table_deinit(&listed);
}

/* Folders that are read besides, if rows go where those of their folders went before. */
static void find_near(struct plan *plan, const struct graph_node *extract)
{
    const struct node_question *question = node_of(plan, extract);
    struct plan_extract *planned = &plan->tasks[extract->index].extract;
    struct table old, near;

    table_init(&old);
    table_init(&near);
    plan_reread_add_old(plan, question->chosen->load, &old);
    find_empty(plan, question->chosen, &old);
    for (size_t i = 0; i < question->list.object_count; i++) {
        if (!table_has(&question->read, question->folders[i]) &&
            goes_into(&question->chosen->map, question->folders[i], &old))
            table_put(&near, question->folders[i], plan);
    }
    planned->near_folders = near.count;
    table_deinit(&old);
    table_deinit(&near);
}

/* Objects that were read before and are no longer there: their rows go with the partition. One
 * without a version is known to be gone. */
static void find_gone(struct plan *plan, const struct graph_node *extract)
{
    const struct node_question *question = node_of(plan, extract);
    const struct engine *engine = plan->operation->options.engine;
    struct plan_extract *planned = &plan->tasks[extract->index].extract;
    const struct catalog_query *seen = &question->chosen->query;
    struct table there;

    planned->gone = arena_array(&plan->arena, seen->count, sizeof(*planned->gone));
    planned->gone_count = 0;
    table_init(&there);
    for (size_t i = 0; i < question->list.object_count; i++)
        table_put(&there,
            plan_cursor_key(engine, planned->store, question->list.objects[i].key, &plan->arena),
            plan);
    for (size_t i = 0; i < seen->count; i++) {
        const char *key = plan_cursor_key(engine, planned->store, seen->seen[i].key, &plan->arena);

        const char *folder = reread_folder(key, &plan->arena);

        if (seen->seen[i].version[0] && !table_has(&there, key) &&
            (table_has(&question->read, folder) || table_has(&question->more, folder) ||
                table_has(&question->empty, folder)))
            planned->gone[planned->gone_count++] = key;
    }
    table_deinit(&there);
}

void plan_reread_choose(struct plan *plan, const struct graph_node *extract)
{
    struct node_question *question = node_of(plan, extract);
    struct plan_extract *planned = &plan->tasks[extract->index].extract;

    if (!question->chosen || !plan_reread_is_asked(extract))
        return;
    for (size_t i = 0; i < question->list.object_count; i++) {
        if (question->chosen->is_new[i])
            table_put(&question->read, question->folders[i], plan);
    }
    planned->rereads = true;
    planned->listing =
        cursor_listing(question->list.objects, question->list.object_count, &plan->arena);
    planned->folders = question->read.count;
    planned->again = planned->object_count - question->chosen->new_count;
    planned->seen_before = planned->listed - question->chosen->new_count;
    find_near(plan, extract);
    find_gone(plan, extract);
}

/* --- after them --- */

/* The next one of a load's questions about an extract that rereads; NULL: that was the last. */
static struct seen_question *next_question(
    const struct plan *plan, const struct graph_node *load, size_t *at)
{
    const struct node_question *own = node_of(plan, load);

    while (*at < own->seen_count) {
        struct seen_question *question = &plan->operation->seen[own->first_seen + (*at)++];

        if (plan_reread_is_asked(question->extract))
            return question;
    }
    return NULL;
}

void plan_reread_add_old(
    const struct plan *plan, const struct graph_node *load, struct table *partitions)
{
    const struct seen_question *question;

    for (size_t at = 0; (question = next_question(plan, load, &at)) != NULL;) {
        const struct table *read = &node_of(plan, question->extract)->read;

        for (size_t i = 0; i < read->count; i++) {
            const struct text_list *old = table_get(&question->map.folders, read->entries[i].key);

            for (size_t j = 0; old && j < old->count; j++)
                table_put(partitions, old->items[j], (void *)plan);
        }
    }
}

bool plan_reread_note(
    struct plan *plan, const struct graph_node *load, const struct table *partitions)
{
    const struct seen_question *question;
    bool any = false;

    for (size_t at = 0; (question = next_question(plan, load, &at)) != NULL;) {
        struct node_question *extract = node_of(plan, question->extract);

        for (size_t i = 0; i < extract->list.object_count; i++) {
            const char *folder = extract->folders[i];

            if (table_has(&extract->read, folder) || !goes_into(&question->map, folder, partitions))
                continue;
            table_put(&extract->more, folder, plan);
            any = true;
        }
        find_empty(plan, question, partitions);
        if (extract->chosen)
            find_gone(plan, question->extract);
    }
    return any;
}

static void widen_extract(struct plan *plan, const struct graph_node *node)
{
    struct node_question *question = node_of(plan, node);
    struct seen_question *chosen = (struct seen_question *)question->chosen;

    if (!chosen || question->more.count == 0)
        return;
    for (size_t i = 0; i < question->list.object_count; i++)
        chosen->is_new[i] = chosen->is_new[i] || table_has(&question->more, question->folders[i]);
    plan_choose_objects(plan, node);
    find_gone(plan, node);
    plan->tasks[node->index].extract.folders = question->read.count + question->more.count;
    plan->tasks[node->index].extract.again =
        plan->tasks[node->index].extract.object_count - chosen->new_count;
    plan->tasks[node->index].extract.seen_before =
        plan->tasks[node->index].extract.listed - chosen->new_count;
}

void plan_reread_widen(struct plan *plan)
{
    const struct graph *graph = plan->operation->options.graph;

    for (unsigned i = 0; i < graph->count; i++) {
        if (graph->nodes[i].kind == TASK_EXTRACT)
            widen_extract(plan, &graph->nodes[i]);
    }
    plan_add_up(plan);
}

/* --- what the cursor remembers --- */

static const struct text_list *both(
    const struct text_list *old, const struct table *written, struct arena *arena)
{
    const struct text_list *list;
    struct table set;

    table_init(&set);
    for (size_t i = 0; old && i < old->count; i++)
        table_put(&set, old->items[i], &set);
    for (size_t i = 0; i < written->count; i++)
        table_put(&set, written->entries[i].key, &set);
    list = reread_list(&set, arena);
    table_deinit(&set);
    return list;
}

/* What is known of folders that were not read stays so; those that are still there come first, as
 * not all may find a place. */
static void add_others(
    struct reread_map *map, const struct reread_map *old, const struct node_question *asked)
{
    for (size_t i = 0; i < asked->list.object_count; i++) {
        const char *folder = asked->folders[i];

        if (table_has(&old->folders, folder) && !table_has(&map->folders, folder))
            table_put(&map->folders, folder, table_get(&old->folders, folder));
    }
    for (size_t i = 0; i < old->folders.count; i++) {
        const struct table_entry *entry = &old->folders.entries[i];

        if (!table_has(&map->folders, entry->key))
            table_put(&map->folders, entry->key, entry->value);
    }
}

json_t *plan_reread_remember(const struct plan *plan, const struct graph_node *load,
    const struct graph_node *extract, const struct table *written, const struct table *all,
    bool kept, int64_t version, struct arena *arena)
{
    const struct node_question *asked = node_of(plan, extract);
    struct text_list *now = (struct text_list *)reread_list(written, arena);
    struct text_list *found = (struct text_list *)reread_list(all, arena);
    struct seen_question *question;
    struct reread_map map = {.known = true};
    json_t *value;

    for (size_t at = 0; (question = next_question(plan, load, &at)) != NULL;) {
        if (question->extract == extract)
            break;
    }
    if (!question)
        return NULL;
    table_init(&map.folders);
    for (size_t i = 0; i < asked->read.count; i++) {
        const char *folder = asked->read.entries[i].key;
        const struct text_list *old = table_get(&question->map.folders, folder);

        if (!kept || old || question->map.known) /* else what it had before is not known */
            table_put(
                &map.folders, folder, kept ? (struct text_list *)both(old, written, arena) : now);
    }
    for (size_t i = 0; i < asked->more.count && !question->map.known && !kept; i++)
        table_put(&map.folders, asked->more.entries[i].key, found);
    add_others(&map, &question->map, asked);
    value = reread_write(&map, version);
    table_deinit(&map.folders);
    return value;
}
