/* After a run's commit: the tables whose loads ask for it are compacted, one after another. What
 * becomes of that is no part of the run's outcome. */
#include "runner/base/mem.h"
#include "runner/engine/run_private.h"
#include "runner/engine/run_steps.h"

static bool compact_next(struct run *run);

static void on_compacted(struct compact *compact, const struct error *err)
{
    struct run *run = container_of(compact, struct run, compact);

    (void)err; /* compact.finished says it */
    compact_deinit(compact);
    if (run->cancelled || !compact_next(run))
        run_step(run);
}

static bool asks_for_it(const struct run *run, const struct task *task)
{
    const struct load *load = task->node->load;

    return run->committed && task->node->kind == TASK_LOAD && task->state == TASK_DONE &&
           load->into && task->file_count > 0 && (load->compact.deltas || load->compact.files);
}

static void start(struct run *run, const struct task *task)
{
    const struct load *load = task->node->load;
    const struct resources *resources = &run->pipeline->resources;

    run->compact = (struct compact){.engine = run->engine,
        .at = {.namespace = load->into_namespace, .table = load->into_table},
        .memory = resources->memory,
        .spill = resources->spool,
        .file_bytes = load->file_size,
        .min_deltas = load->compact.deltas,
        .min_files = load->compact.files,
        .context = &run->context,
        .done = on_compacted};
    uuid_v7(time_now_ms(), run->compact_id);
    run->compact.run_id = run->compact_id;
    compact_start(&run->compact);
}

static bool compact_next(struct run *run)
{
    while (run->next < run->graph->count) {
        const struct task *task = &run->tasks[run->next++];

        if (asks_for_it(run, task)) {
            start(run, task);
            return true;
        }
    }
    return false;
}

bool run_step_compact(struct run *run)
{
    return run->tasks && !run->cancelled && !run->options.recorded && compact_next(run);
}
