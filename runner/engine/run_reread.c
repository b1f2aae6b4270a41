#include "runner/engine/run_reread.h"

#include "runner/base/mem.h"
#include "runner/engine/plan_reread.h"
#include "runner/engine/reread.h"
#include "runner/engine/run_private.h"
#include "runner/engine/run_steps.h"
#include "runner/io/file.h"

static struct run_reread *of_load(const struct task *load)
{
    struct run *run = load->run;

    if (load->node->load->to || !plan_reread_has(run->graph, load->node))
        return NULL;
    if (!run->rereads)
        run->rereads = mem_calloc(run->graph->count + 1, sizeof(*run->rereads));
    return &run->rereads[load->node->index];
}

static void clear(struct table *table)
{
    table_deinit(table);
    table_init(table);
}

static void put_partition(struct table *table, const struct task *load, const char *const *values)
{
    struct arena arena;

    arena_init(&arena);
    table_put(table, reread_partition(values, load->node->load->partition_count, &arena), table);
    arena_deinit(&arena);
}

void run_reread_warn(struct run *run)
{
    for (unsigned i = 0; i < run->graph->count; i++) {
        const struct graph_node *node = &run->graph->nodes[i];
        struct plan_extract *extract = &run->plan.tasks[i].extract;
        size_t gone;
        json_t *fields;

        if (node->kind != TASK_EXTRACT || extract->gone_count <= extract->gone_told)
            continue;
        gone = extract->gone_count - extract->gone_told;
        extract->gone_told = extract->gone_count;
        fields = json_object();
        json_put_text(fields, "extract", node->id);
        json_put_int(fields, "objects", (int64_t)gone);
        log_event(run->engine->log, LOG_WARN, "objects.gone", &run->context, fields,
            "%s: %zu objects that were read before are gone, and the partitions that had rows of "
            "their folders are made anew: their rows go, too",
            node->id, gone);
    }
}

/* --- what a load asks --- */

bool run_reread_judge(struct task *load)
{
    struct run *run = load->run;
    struct run_reread *own = of_load(load);

    if (!own || run->widened) /* what it may change was decided by the first pass */
        return false;
    clear(&own->written);
    clear(&own->touched);
    for (size_t i = 0; i < load->file_count; i++) {
        put_partition(&own->written, load, load->files[i].values);
        put_partition(&own->touched, load, load->files[i].values);
    }
    plan_reread_add_old(&run->plan, load->node, &own->touched);
    load->partial = plan_reread_note(&run->plan, load->node, &own->touched);
    run_reread_warn(run);
    return load->partial;
}

bool run_reread_touches(const struct task *load, const char *const *values, size_t count)
{
    const struct run_reread *own = of_load(load);
    struct arena arena;
    bool touches;

    if (!own)
        return false;
    arena_init(&arena);
    touches = table_has(&own->touched, reread_partition(values, count, &arena));
    arena_deinit(&arena);
    return touches;
}

bool run_reread_takes(struct task *load, const char *const *values)
{
    struct run_reread *own = of_load(load);

    if (!own || !load->run->widened)
        return true;
    put_partition(&own->found, load, values);
    return run_reread_touches(load, values, load->node->load->partition_count);
}

bool run_reread_may_empty(const struct task *load)
{
    const struct run_reread *own = of_load(load);
    struct table got;
    bool may;

    if (!own)
        return false;
    table_init(&got);
    for (size_t i = 0; i < load->file_count; i++)
        put_partition(&got, load, load->files[i].values);
    may = got.count < own->touched.count; /* it has no others */
    table_deinit(&got);
    return may;
}

json_t *run_reread_remember(const struct task *load, const struct task *extract)
{
    const struct run *run = load->run;
    const struct run_reread *own = of_load(load);
    const struct plan_load *plan = &load->plan->load;

    if (!own || !plan_reread_is_asked(extract->node))
        return NULL;
    return plan_reread_remember(&run->plan, load->node, extract->node, &own->written, &own->found,
        load->keeps_table, plan->table_exists ? plan->version.version : 1,
        &((struct run *)run)->arena);
}

/* --- the second pass --- */

void run_reread_keep(struct run *run, const struct state_journal *entry)
{
    bool any = false;

    for (unsigned i = 0; i < run->graph->count && !any; i++)
        any = run->graph->nodes[i].kind == TASK_EXTRACT && run->plan.tasks[i].extract.rereads;
    if (any && !run->widened)
        resume_keep(run, entry);
}

bool run_reread_again(const struct run *run)
{
    for (unsigned i = 0; i < run->graph->count && run->tasks; i++) {
        if (run->tasks[i].partial)
            return true;
    }
    return false;
}

static void log_widened(struct run *run)
{
    json_t *fields = json_object();
    size_t folders = 0, objects = 0;

    for (unsigned i = 0; i < run->graph->count; i++) {
        const struct plan_extract *extract = &run->plan.tasks[i].extract;

        if (run->graph->nodes[i].kind != TASK_EXTRACT || !extract->rereads)
            continue;
        folders += extract->folders;
        objects += extract->object_count;
    }
    json_put_int(fields, "folders", (int64_t)folders);
    json_put_int(fields, "objects", (int64_t)objects);
    log_event(run->engine->log, LOG_INFO, "run.widened", &run->context, fields,
        "partitions of the new objects have rows of other folders, too: all tasks run again, over "
        "%zu objects of %zu folders",
        objects, folders);
}

/* What the first pass has put into the store goes when the run cleans up. */
static void keep_puts(struct run *run)
{
    for (unsigned i = 0; i < run->graph->count; i++) {
        const struct table *puts = &run->tasks[i].puts;

        for (size_t j = 0; j < puts->count; j++) {
            if (puts->entries[j].value)
                table_put(&run->first_puts, puts->entries[j].key, run);
        }
    }
}

/* Files of both passes have the same names: the second one gets a folder of its own, in the first
 * one's, so that the journal names it. */
static void change_folder(struct run *run)
{
    struct resume *resume = &run->resume;
    const char **folders =
        arena_array(&run->arena, resume->folder_count + 1, sizeof(*resume->folders));

    for (size_t i = 0; i < resume->folder_count; i++)
        folders[i] = resume->folders[i];
    folders[resume->folder_count++] =
        arena_strdup(&run->arena, file_below(run->engine->environment->spool, run->folder));
    resume->folders = folders;
    resume->kept_bytes = 0; /* counted again as it is taken over */
    free(run->folder);
    run->folder = file_join(run->engine->environment->spool,
        arena_printf(&run->arena, "%s/again", folders[resume->folder_count - 1]));
}

static void make_folder(struct work *work)
{
    struct run *run = container_of(work, struct run, work);

    file_make_folders(run->folder, &run->work_err);
}

static void on_folder_made(struct work *work, bool ran)
{
    struct run *run = container_of(work, struct run, work);

    (void)ran;
    error_keep_first(&run->err, &run->work_err);
    if (!run->err.code)
        run_open_session(run);
    run_step(run);
}

bool run_step_widen(struct run *run)
{
    plan_reread_widen(&run->plan);
    run->widened = true;
    log_widened(run);
    run->session->type->close(run->session);
    run->session = NULL;
    if (run->single.pool)
        work_lane_deinit(&run->single);
    keep_puts(run);
    tasks_free(run);
    run->spool_bytes = run->held_bytes = 0;
    run->strict_left = 0;
    change_folder(run);
    run->work = (struct work){.run = make_folder, .done = on_folder_made};
    work_submit(&run->engine->files, &run->work);
    return true;
}

void run_reread_free(struct run *run)
{
    for (unsigned i = 0; run->rereads && i < run->graph->count; i++) {
        table_deinit(&run->rereads[i].written);
        table_deinit(&run->rereads[i].touched);
        table_deinit(&run->rereads[i].found);
    }
    free(run->rereads);
    table_deinit(&run->first_puts);
}
