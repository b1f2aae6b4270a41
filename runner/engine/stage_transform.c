/* Transform: one SELECT becomes a dataset, and its checks are asked. With one reader and no check
 * it stays a view: its rows are then made once, where they are written. */
#include "runner/base/mem.h"
#include "runner/engine/checking.h"
#include "runner/engine/quarantine.h"
#include "runner/engine/run_private.h"

#include <assert.h>

struct transform_stage {
    struct task *task;
    enum { TRANSFORM_DERIVING, TRANSFORM_QUARANTINING, TRANSFORM_CHECKING, TRANSFORM_DONE } step;
    struct sql_request derive;
    struct quarantine quarantine;
    struct checking checking;
    bool cancelled;
};

static void finish(struct transform_stage *stage, const struct error *err)
{
    struct task *task = stage->task;
    struct error stopped = {0};

    stage->step = TRANSFORM_DONE;
    if (!err && stage->cancelled) {
        error_set(&stopped, ERROR_STOPPED, "cancelled");
        err = &stopped;
    }
    task_attempt_done(task, err);
}

static void on_checked(struct checking *checking, const struct error *err)
{
    finish(container_of(checking, struct transform_stage, checking), err);
}

static void start_checking(struct transform_stage *stage)
{
    struct task *task = stage->task;

    stage->step = TRANSFORM_CHECKING;
    if (stage->cancelled ||
        !checking_start(&stage->checking, task, task->node->name, &task->node->transform->checks,
            stage->quarantine.counts, on_checked))
        finish(stage, NULL);
}

static void on_quarantined(struct quarantine *quarantine, const struct error *err)
{
    struct transform_stage *stage = container_of(quarantine, struct transform_stage, quarantine);
    struct task *task = stage->task;
    struct error placed = {0};

    if (err) {
        placed = *err;
        task_place_error(task, &task->node->transform->checks, "checks", &placed);
        finish(stage, &placed);
        return;
    }
    task->rows -= task->quarantined.rows;
    task->rejected = task->quarantined.rows;
    start_checking(stage);
}

static void on_derived(struct sql_request *derive, const struct error *err)
{
    struct transform_stage *stage = container_of(derive, struct transform_stage, derive);
    struct task *task = stage->task;
    struct error placed = {0};

    if (err) {
        placed = *err;
        task_place_transform_error(task, &placed);
        finish(stage, &placed);
        return;
    }
    task->dataset = derive->derive.ret_dataset;
    task->rows = MAX(task->dataset.rows, 0);
    stage->step = TRANSFORM_QUARANTINING;
    stage->quarantine = (struct quarantine){.task = task,
        .done = on_quarantined,
        .dataset = task->node->name,
        .checks = &task->node->transform->checks};
    if (stage->cancelled || !quarantine_start(&stage->quarantine))
        start_checking(stage);
}

/* Its rows are made once, for whoever reads them and for the load's checks. */
static bool may_be_view(const struct task *task)
{
    const struct graph_node *node = task->node;

    if (task->consumers_left != 1 || node->transform->checks.count > 0 ||
        duration_ms(&node->transform->timeout) > 0) /* which is of making the rows */
        return false;
    for (unsigned i = 0; i < node->dependent_count; i++) {
        const struct graph_node *reader = task->run->tasks[node->dependents[i]].node;

        if (reader->kind == TASK_LOAD && reader->load->checks.count > 0)
            return false;
    }
    return true;
}

static void transform_start(struct task *task)
{
    struct transform_stage *stage = mem_new(struct transform_stage);
    const struct transform *transform = task->node->transform;

    stage->task = task;
    task->operation = stage;
    task->activity = "transforming";
    task->is_view = may_be_view(task);
    stage->derive =
        (struct sql_request){.verb = SQL_DERIVE, .arena = &task->arena, .done = on_derived};
    stage->derive.derive = (struct sql_derive){.dataset = task->node->name,
        .sql = transform->sql,
        .folder = task->is_view ? NULL : task->run->folder,
        .numbered = quarantine_numbered(&transform->checks, task->node->name, &task->arena)};
    stage->derive.derive.param_count = checking_params(task, &stage->derive.derive.params);
    task->run->session->type->start(task->run->session, &stage->derive);
}

static void transform_cancel(struct task *task)
{
    struct transform_stage *stage = task->operation;

    stage->cancelled = true;
    if (stage->step == TRANSFORM_DERIVING)
        stage->derive.session->type->cancel(&stage->derive);
    else if (stage->step == TRANSFORM_QUARANTINING)
        quarantine_cancel(&stage->quarantine);
    else if (stage->step == TRANSFORM_CHECKING)
        checking_cancel(&stage->checking);
}

static void transform_progress(const struct task *task, struct task_progress *progress)
{
    const struct transform_stage *stage = task->operation;
    struct sql_progress sql = {.share = -1};

    if (stage->step == TRANSFORM_DERIVING)
        stage->derive.session->type->progress((struct sql_request *)&stage->derive, &sql);
    progress->share = sql.share;
    progress->rows = MAX(progress->rows, sql.rows);
}

static void transform_free(struct task *task)
{
    struct transform_stage *stage = task->operation;

    if (stage)
        quarantine_deinit(&stage->quarantine);
    free(task->operation);
    task->operation = NULL;
}

const struct stage_type stage_transform = {
    .start = transform_start,
    .cancel = transform_cancel,
    .progress = transform_progress,
    .free = transform_free,
};
