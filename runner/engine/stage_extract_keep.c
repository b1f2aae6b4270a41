/* What the process before has fetched is taken over, and what this one fetches is kept and noted:
 * half of the disk quota is for that. */
#include "runner/base/mem.h"
#include "runner/engine/data_put.h"
#include "runner/engine/run_private.h"
#include "runner/engine/stage_extract_private.h"
#include "runner/io/file.h"

#include <stdio.h>
#include <string.h>

static const char *key_of(const struct extract_object *object)
{
    struct run *run = object->stage->task->run;

    return plan_cursor_key(run->engine, object->stage->task->plan->extract.store,
        object->planned->object.key, &run->arena);
}

void extract_keep_fetched(const struct extract_object *object)
{
    struct task *task = object->stage->task;
    json_t *fields = json_object();

    task->bytes_read += object->planned->object.size;
    json_put_text(fields, "object", object->planned->shown);
    json_put_int(fields, "bytes", (int64_t)object->planned->object.size);
    json_put_text(fields, "version", object->planned->object.version);
    if (object->resumed)
        json_object_set_new(fields, "resumed", json_true());
    task_log(task, LOG_INFO, "object.fetched", fields, "%s %s",
        object->resumed ? "went on with" : "fetched", object->planned->shown);
}

static void note_fetched(struct extract_object *object)
{
    struct run *run = object->stage->task->run;
    const uint64_t bytes = object->planned->object.size;
    struct arena *arena = &run->arena;
    struct state_journal entry;

    if (run->resume.kept_bytes + bytes > run->pipeline->resources.spool / 2)
        return;
    object->kept = true;
    run->resume.kept_bytes += bytes;

    entry = (struct state_journal){.kind = "object",
        .what = arena_strdup(arena, file_below(run->engine->environment->spool, object->path)),
        .task = object->stage->task->node->id,
        .key = key_of(object),
        .version = object->planned->object.version,
        .checksum = arena_strdup(arena, object->checksum),
        .bytes = bytes};
    resume_note(run, &entry);
    run_reread_keep(run, &entry);
}

static void on_resumed(struct work *work, bool ran)
{
    struct extract_stage *stage = container_of(work, struct extract_stage, resume);

    (void)ran;
    stage->in_flight--;
    stage->resuming = false;
    for (size_t i = 0; i < stage->count; i++) {
        if (!stage->objects[i].resumed)
            continue;
        extract_keep_fetched(&stage->objects[i]);
        note_fetched(&stage->objects[i]);
        stage->fetching += stage->objects[i].planned->object.size;
    }
    extract_step(stage);
}

static void on_summed(struct work *work, bool ran)
{
    struct extract_object *object = container_of(work, struct extract_object, sum);

    object->stage->in_flight--;
    if (ran && !object->sum_err.code)
        note_fetched(object);
    extract_step(object->stage);
}

static void sum_object(struct work *work)
{
    struct extract_object *object = container_of(work, struct extract_object, sum);

    data_put_sum(object->path, work, object->checksum, &object->sum_err);
    if (work_cancelled(work))
        error_set(&object->sum_err, ERROR_STOPPED, "cancelled");
}

/* What is read where it is needs no note. Half of the disk quota is for what is kept. */
void extract_start_summing(struct extract_object *object)
{
    if (object->get.in_place || object->stage->task->run->options.preview_dataset)
        return;
    object->stage->in_flight++;
    object->sum = (struct work){.run = sum_object, .done = on_summed};
    work_submit(&object->stage->task->run->engine->files, &object->sum);
}

/* Moves what is whole to where it would be fetched to. What is not is fetched, as ever. */
static void resume_objects(struct work *work)
{
    struct extract_stage *stage = container_of(work, struct extract_stage, resume);
    const char *spool = stage->task->run->engine->environment->spool;

    for (size_t i = 0; i < stage->count && !work_cancelled(work); i++) {
        struct extract_object *object = &stage->objects[i];
        char *left;

        if (!object->left)
            continue;
        left = file_join(spool, object->left->what);
        object->resumed =
            rename(left, object->path) == 0 &&
            data_put_sum(object->path, work, object->checksum, &object->sum_err) == 0 &&
            !work_cancelled(work) && text_equal(object->checksum, object->left->checksum);
        free(left);
        if (!object->resumed)
            file_remove(object->path, NULL);
    }
}

void extract_start_resuming(struct extract_stage *stage)
{
    struct task *task = stage->task;
    bool any = false;

    for (size_t i = 0; i < stage->count && task->run->resume.objects.count > 0; i++) {
        struct extract_object *object = &stage->objects[i];

        object->left = resume_object(task->run, task->node->id, key_of(object),
            object->planned->object.version, object->planned->object.size);
        any = any || object->left;
    }
    if (!any)
        return;
    stage->in_flight++;
    stage->resuming = true;
    stage->resume = (struct work){.run = resume_objects, .done = on_resumed};
    work_submit(&task->run->engine->files, &stage->resume);
}

/* What is kept is not removed with the dataset. */
void extract_list_inputs(struct extract_stage *stage)
{
    struct task *task = stage->task;
    const char **paths = arena_array(&task->arena, stage->count, sizeof(*paths));

    task->inputs = (struct text_list){.items = paths};
    for (size_t i = 0; i < stage->count; i++) {
        if (!stage->objects[i].kept)
            paths[task->inputs.count++] = stage->objects[i].path;
    }
}
