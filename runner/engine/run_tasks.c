/* Which task is next: a counter of unmet needs a task, a queue of those that are ready, a limit on
 * how many run. Constant work for each edge of the graph. */
#include "runner/base/mem.h"
#include "runner/engine/run_private.h"
#include "runner/io/file.h"

#include <assert.h>
#include <string.h>

void tasks_check_finished(struct run *run)
{
    if (run->state == RUN_TASKS && run->unfinished == 0 && run->running == 0 &&
        run->dropping == 0 && !run->resume.is_writing)
        run_tasks_finished(run);
}

/* --- datasets end with their last consumer --- */

static void release_inputs(struct task *task);

static void remove_dataset_files(struct work *work)
{
    struct task *task = container_of(work, struct task, removal);

    /* What stays goes with the run's folder. */
    for (size_t i = 0; i < task->dataset.files.count; i++)
        file_remove(task->dataset.files.items[i], NULL);
    for (size_t i = 0; i < task->inputs.count; i++)
        file_remove(task->inputs.items[i], NULL);
}

static void on_files_removed(struct work *work, bool ran)
{
    struct task *task = container_of(work, struct task, removal);

    (void)ran;
    task->run->dropping--;
    tasks_check_finished(task->run);
}

static void on_dropped(struct sql_request *drop, const struct error *err)
{
    struct task *task = container_of(drop, struct task, drop);

    (void)err; /* a view over files that are gone harms nobody: names are used once */
    if (task->dataset.files.count + task->inputs.count == 0) {
        task->run->dropping--;
        tasks_check_finished(task->run);
        return;
    }
    task->removal = (struct work){.run = remove_dataset_files, .done = on_files_removed};
    work_submit(&task->run->engine->files, &task->removal);
}

/* Whether a check of it may fail the run. */
static bool has_strict_check(const struct graph_node *node)
{
    const struct option_items *checks = node->kind == TASK_TRANSFORM ? &node->transform->checks
                                        : node->kind == TASK_LOAD    ? &node->load->checks
                                                                     : NULL;

    for (size_t i = 0; checks && i < checks->count; i++) {
        if (((const struct check *)checks->items)[i].severity == SEVERITY_ERROR)
            return true;
    }
    return false;
}

bool tasks_are_loaded(const struct task *task)
{
    const struct run *run = task->run;

    for (unsigned i = 0; i < task->node->dependent_count; i++) {
        const struct task *load = &run->tasks[task->node->dependents[i]];

        if (load->node->kind == TASK_LOAD && load->state != TASK_SKIPPED &&
            strcmp(load->node->load->from, task->node->name) == 0)
            return true;
    }
    return false;
}

/* What a load has taken stays as long as a check may fail, as far as half of the spool goes: then
 * it can be looked at (run_staging.c). It ends with the run's folder. */
static bool is_held(struct task *task)
{
    struct run *run = task->run;
    const uint64_t room = run->pipeline->resources.spool / 2;

    if (run->options.preview_dataset || task->is_view ||
        run->held_bytes + run->resume.kept_bytes + task->dataset.bytes > room ||
        run->strict_left == 0 || !tasks_are_loaded(task))
        return false;
    run->held_bytes += task->dataset.bytes;
    run->spool_bytes -= task->dataset.bytes;
    return true;
}

static void drop_dataset(struct task *task)
{
    struct run *run = task->run;

    if (is_held(task))
        return;
    if (task->is_view)
        release_inputs(task);
    task->dropped = true;
    run->spool_bytes -= task->dataset.bytes;
    run->dropping++;
    task->drop = (struct sql_request){
        .verb = SQL_DROP, .drop = task->dataset.name, .arena = &task->arena, .done = on_dropped};
    run->session->type->start(run->session, &task->drop);
}

static void release_inputs(struct task *task)
{
    for (unsigned i = 0; i < task->node->input_count; i++) {
        struct task *input = &task->run->tasks[task->node->inputs[i]];

        assert(input->consumers_left > 0);
        if (--input->consumers_left == 0)
            drop_dataset(input);
    }
}

/* --- the disk quota --- */

/* Datasets that are there at once; spilling has the same limit of its own in the SQL engine. */
static void count_spool(struct task *task)
{
    const struct resources *resources = &task->run->pipeline->resources;
    char used[TIME_TEXT_SIZE], quota[TIME_TEXT_SIZE];
    struct error err = {0};

    task->run->spool_bytes += task->dataset.bytes;
    if (task->run->spool_bytes <= resources->spool)
        return;
    error_set(&err, ERROR_LIMIT,
        "the run's own files take %s, more than resources.spool (%s): raise it, or read less in "
        "one run",
        size_format(task->run->spool_bytes, used), size_format(resources->spool, quota));
    task_place_error(task, &resources->spool, "", &err);
    run_fail(task->run, &err);
}

/* --- readiness --- */

static void make_ready(struct task *task)
{
    struct run *run = task->run;

    task->state = TASK_READY;
    task->next_ready = NULL;
    if (run->last_ready)
        run->last_ready->next_ready = task;
    else
        run->first_ready = task;
    run->last_ready = task;
}

static void start_ready(struct run *run)
{
    const unsigned limit = (unsigned)run->pipeline->resources.concurrency;

    while (run->first_ready && run->running < limit) {
        struct task *task = run->first_ready;

        run->first_ready = task->next_ready;
        if (!run->first_ready)
            run->last_ready = NULL;
        run->running++;
        task_start(task);
    }
}

static void on_need_met(struct task *task)
{
    if (task->state == TASK_WAITING && --task->waiting_for == 0)
        make_ready(task);
}

void tasks_on_finished(struct task *task)
{
    struct run *run = task->run;

    run->running--;
    run->unfinished--;
    if (task->state == TASK_DONE) {
        run->strict_left -= task->is_strict;
        task->is_strict = false;
        count_spool(task);
        if (!task->is_view && !task->merged.repeats) /* else they stay until the commit */
            release_inputs(task);
        for (unsigned i = 0; i < task->node->dependent_count; i++)
            on_need_met(&run->tasks[task->node->dependents[i]]);
    } else if (task->state == TASK_FAILED) {
        run_fail(run, &task->err);
    }
    start_ready(run);
    tasks_check_finished(run);
}

void tasks_start(struct run *run)
{
    const struct graph *graph = run->graph;

    run->tasks = mem_calloc(graph->count + 1, sizeof(*run->tasks));
    for (unsigned i = 0; i < graph->count; i++) {
        task_init(&run->tasks[i], run, &graph->nodes[i], &run->plan.tasks[i]);
        run->tasks[i].state = run->plan.tasks[i].needed ? TASK_WAITING : TASK_SKIPPED;
        run->unfinished += run->plan.tasks[i].needed;
        run->tasks[i].is_strict = run->plan.tasks[i].needed && has_strict_check(&graph->nodes[i]);
        run->strict_left += run->tasks[i].is_strict;
    }
    for (unsigned i = 0; i < graph->count; i++) {
        struct task *task = &run->tasks[i];

        if (task->state != TASK_WAITING)
            continue;
        for (unsigned j = 0; j < task->node->need_count; j++)
            task->waiting_for += run->plan.tasks[task->node->needs[j]].needed;
        for (unsigned j = 0; j < task->node->input_count; j++)
            run->tasks[task->node->inputs[j]].consumers_left++;
        if (task->waiting_for == 0)
            make_ready(task);
    }
    if (run->options.preview_dataset)
        run->tasks[graph_dataset(graph, run->options.preview_dataset)->index].consumers_left++;
    start_ready(run);
}

void tasks_again(struct run *run)
{
    for (unsigned i = 0; i < run->graph->count; i++) {
        struct task *task = &run->tasks[i];

        if (!task->again)
            continue;
        task->again = false;
        task->table = (struct task_table){0}; /* it fits another table now */
        run->spool_bytes -= task->dataset.bytes;
        run->unfinished++;
        make_ready(task);
    }
    start_ready(run);
}

void tasks_cancel(struct run *run)
{
    run->first_ready = run->last_ready = NULL;
    for (unsigned i = 0; run->tasks && i < run->graph->count; i++) {
        struct task *task = &run->tasks[i];

        if (task->state == TASK_WAITING || task->state == TASK_READY) {
            task->state = TASK_CANCELLED;
            run->unfinished--;
        } else {
            task_cancel(task);
        }
    }
}

bool tasks_failed(const struct run *run)
{
    for (unsigned i = 0; run->tasks && i < run->graph->count; i++) {
        if (run->tasks[i].state == TASK_FAILED || run->tasks[i].state == TASK_CANCELLED)
            return true;
    }
    return false;
}

void tasks_free(struct run *run)
{
    for (unsigned i = 0; run->tasks && i < run->graph->count; i++)
        task_deinit(&run->tasks[i]);
    free(run->tasks);
    run->tasks = NULL;
}
