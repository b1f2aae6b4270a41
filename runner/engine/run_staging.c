/* What a run that failed a check leaves to be looked at (staged.h): datasets are moved as they are
 * where files hold just their rows, and written where they are views. What cannot be kept is left
 * out: the run fails for the reason that it has. */
#include "runner/base/mem.h"
#include "runner/engine/quarantine.h"
#include "runner/engine/run_private.h"
#include "runner/engine/run_steps.h"
#include "runner/engine/staged.h"
#include "runner/io/file.h"

#include <string.h>

/* --- which datasets --- */

/* The loads of the run that take it. */
static struct text_list loads_of(struct run *run, const struct task *task)
{
    const struct graph_node *node = task->node;
    struct text_list loads = {
        .items = arena_array(&run->arena, node->dependent_count, sizeof(char *))};

    for (unsigned i = 0; i < node->dependent_count; i++) {
        const struct task *load = &run->tasks[node->dependents[i]];

        if (load->node->kind == TASK_LOAD && load->state != TASK_SKIPPED &&
            strcmp(load->node->load->from, node->name) == 0)
            loads.items[loads.count++] = load->node->id;
    }
    return loads;
}

static bool failed_check(const struct task *task)
{
    return task->state == TASK_FAILED && task->err.code == ERROR_CHECK;
}

static bool is_staged(const struct task *task)
{
    if (task->node->kind == TASK_LOAD || !task->dataset.name || task->dropped)
        return false;
    return failed_check(task) || (task->state == TASK_DONE && tasks_are_loaded(task));
}

/* Its files are the run's own, and hold its rows and nothing else. */
static bool is_plain(const struct run *run, const struct task *task)
{
    const struct sql_dataset *dataset = &task->dataset;
    const size_t length = strlen(run->folder);

    if (task->is_view || dataset->where || dataset->part_count > 0 || dataset->files.count == 0 ||
        dataset->rows < 0 || (task->node->kind == TASK_TRANSFORM && quarantine_has(task->node)))
        return false;
    for (size_t i = 0; i < dataset->files.count; i++) {
        const char *path = dataset->files.items[i];

        if (strncmp(path, run->folder, length) != 0 || path[length] != '/' ||
            strchr(path + length + 1, '/'))
            return false;
    }
    return true;
}

bool run_stages(const struct run *run)
{
    bool any = false;

    if (run->err.code != ERROR_CHECK || run->options.preview_dataset || !run->session)
        return false;
    for (unsigned i = 0; run->tasks && i < run->graph->count && !any; i++)
        any = is_staged(&run->tasks[i]);
    return any;
}

/* --- the flow --- */

static bool stage_next(struct run *run);

static struct staged_dataset *add_dataset(struct run *run, const struct task *task)
{
    struct staged_dataset *added = &run->staging.staged.datasets[run->staging.staged.count++];

    *added = (struct staged_dataset){
        .name = task->node->name, .loads = loads_of(run, task), .schema = task->dataset.schema};
    return added;
}

static void take_files(struct run *run, const struct task *task)
{
    struct staged_dataset *dataset = add_dataset(run, task);

    dataset->files = task->dataset.files;
    dataset->rows = task->dataset.rows;
    dataset->bytes = task->dataset.bytes;
}

static void on_file(struct sql_request *write, const struct sql_file *file)
{
    struct run *run = container_of(write, struct run, staging.write);
    struct staged_dataset *dataset = run->staging.writing;
    const char **paths = arena_array(&run->arena, dataset->files.count + 1, sizeof(*paths));

    if (dataset->files.count > 0)
        memcpy(paths, dataset->files.items, dataset->files.count * sizeof(*paths));
    paths[dataset->files.count] = arena_strdup(&run->arena, file->path);
    dataset->files = (struct text_list){paths, dataset->files.count + 1};
    dataset->bytes += file->bytes;
}

static void on_written(struct sql_request *write, const struct error *err)
{
    struct run *run = container_of(write, struct run, staging.write);

    run->staging.writing->rows = write->write.ret_rows;
    if (err)
        run->staging.staged.count--;
    run->staging.writing = NULL;
    if (!stage_next(run))
        run_step(run);
}

static void start_writing(struct run *run, const struct task *task)
{
    run->staging.writing = add_dataset(run, task);
    run->staging.write = (struct sql_request){.verb = SQL_WRITE,
        .write = {.dataset = task->dataset.name,
            .folder = run->folder,
            .prefix = arena_printf(&run->arena, "staged.%u", run->next),
            .on_file = on_file},
        .arena = &run->arena,
        .done = on_written};
    run->session->type->start(run->session, &run->staging.write);
}

static void keep(struct work *work)
{
    struct run *run = container_of(work, struct run, work);

    staged_keep(run->engine->environment->spool, run->folder, &run->staging.staged, &run->work_err);
}

static void on_kept(struct work *work, bool ran)
{
    struct run *run = container_of(work, struct run, work);
    json_t *fields;

    (void)ran;
    if (!run->work_err.code) {
        fields = json_object();
        json_put_int(fields, "datasets", (int64_t)run->staging.staged.count);
        log_event(run->engine->log, LOG_INFO, "run.staged", &run->context, fields,
            "the rows that were not committed can be read for 24 h, or until the next run: "
            "sluice runs show %s --staged",
            run->options.run_id);
        free(run->folder);
        run->folder = NULL;
    }
    run_step(run);
}

/* False: there is nothing (more) to do. */
static bool stage_next(struct run *run)
{
    while (run->next < run->graph->count && !run->staging.cancelled) {
        const struct task *task = &run->tasks[run->next++];

        if (!is_staged(task))
            continue;
        if (!is_plain(run, task)) {
            start_writing(run, task);
            return true;
        }
        take_files(run, task);
    }
    if (run->staging.cancelled || run->staging.staged.count == 0)
        return false;
    run->session->type->close(run->session); /* its files are about to move */
    run->session = NULL;
    error_clear(&run->work_err);
    run->work = (struct work){.run = keep, .done = on_kept};
    work_submit(&run->engine->files, &run->work);
    return true;
}

bool run_step_stage(struct run *run)
{
    run->staging = (struct run_staging){.staged = {.run_id = run->options.run_id,
                                            .pipeline = run->pipeline->name,
                                            .instance = run->options.instance}};
    run->staging.staged.datasets =
        arena_array(&run->arena, run->graph->count, sizeof(struct staged_dataset));
    run->next = 0;
    return stage_next(run);
}

void run_cancel_staging(struct run *run)
{
    run->staging.cancelled = true;
    if (run->staging.writing)
        run->session->type->cancel(&run->staging.write);
}
