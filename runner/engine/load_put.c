#include "runner/engine/load_put.h"

#include "runner/base/buffer.h"
#include "runner/base/mem.h"
#include "runner/engine/data_put.h"
#include "runner/engine/run_private.h"

/* One file. */
struct load_put {
    struct load_puts *puts;
    struct load_put *next; /* waiting */
    struct work work;      /* its checksum */
    char checksum[16];     /* data_put_sum() */
    struct error work_err;
    struct store_request request;
    struct task_file file;
    const char *shown; /* its key as people call it */
};

/* --- the checksum --- */

static void read_checksum(struct work *work)
{
    struct load_put *put = container_of(work, struct load_put, work);

    if (data_put_sum(put->request.path, work, put->checksum, &put->work_err) == 0 &&
        work_cancelled(work))
        error_set(&put->work_err, ERROR_STOPPED, "cancelled");
}

static void add_file(struct load_puts *puts, const struct task_file *file)
{
    struct task *task = puts->task;
    struct task_quarantine *aside = &task->quarantined;

    if (puts->quarantines) {
        aside->files =
            mem_grow(aside->files, &aside->file_capacity, aside->file_count, sizeof(*aside->files));
        aside->files[aside->file_count++] = *file;
        return;
    }
    task->files =
        mem_grow(task->files, &task->file_capacity, task->file_count, sizeof(*task->files));
    task->files[task->file_count++] = *file;
}

static void keep_file(struct load_put *put, bool resumed)
{
    struct task *task = put->puts->task;
    json_t *fields = json_object();

    add_file(put->puts, &put->file);
    task->bytes_written += put->puts->quarantines ? 0 : put->file.file.bytes;
    json_put_text(fields, "object", put->shown);
    json_put_int(fields, "bytes", (int64_t)put->file.file.bytes);
    json_put_int(fields, "rows", put->file.file.rows);
    if (resumed)
        json_object_set_new(fields, "resumed", json_true());
    task_log(task, LOG_DEBUG, "file.uploaded", fields, "%s %s", resumed ? "went on with" : "stored",
        put->shown);
    resume_note(task->run, &(struct state_journal){.kind = "file",
                               .what = arena_strdup(&task->run->arena, put->file.file.key),
                               .task = task->node->id,
                               .checksum = arena_strdup(&task->run->arena, put->checksum),
                               .bytes = put->file.file.bytes});
}

/* The process before has uploaded the same bytes. */
static bool go_on_with(struct load_put *put)
{
    struct task *task = put->puts->task;
    const struct state_journal *left = resume_file(
        task->run, task->node->id, put->file.file.key, put->checksum, put->file.file.bytes);

    if (!left)
        return false;
    put->file.file.key = left->what;
    table_put(&task->puts, left->what, task);
    keep_file(put, true);
    return true;
}

static void on_checksum(struct work *work, bool ran)
{
    struct load_put *put = container_of(work, struct load_put, work);
    struct load_puts *puts = put->puts;

    puts->in_flight--;
    if (!ran)
        error_set(&put->work_err, ERROR_STOPPED, "cancelled");
    error_keep_first(&puts->err, &put->work_err);
    if (!puts->err.code)
        put->file.file.checksum = arena_strdup(&puts->task->arena, put->checksum);
    if (!puts->err.code && !go_on_with(put)) {
        if (puts->last)
            puts->last->next = put;
        else
            puts->first = put;
        puts->last = put;
    }
    puts->changed(puts);
}

/* --- the transfer --- */

static void on_put(struct store_request *request, const struct error *err)
{
    struct load_put *put = container_of(request, struct load_put, request);
    struct load_puts *puts = put->puts;
    struct slots *slots = &puts->task->run->slots;

    puts->in_flight--;
    error_keep_first(&puts->err, err);
    if (!err)
        keep_file(put, false);
    puts->changed(puts); /* may end the stage */
    slots_give(slots);   /* last: the next one in line may be this very stage */
}

static void on_slot(struct slot_waiter *waiter)
{
    struct load_puts *puts = container_of(waiter, struct load_puts, waiter);

    puts->changed(puts);
}

/* --- all of them --- */

void load_puts_init(struct load_puts *puts, struct task *task, load_puts_fn changed)
{
    *puts = (struct load_puts){.task = task, .changed = changed};
    puts->waiter.granted = on_slot;
}

void load_puts_deinit(struct load_puts *puts)
{
    for (size_t i = 0; i < puts->count; i++)
        free(puts->items[i]);
    free(puts->items);
}

void load_puts_add(struct load_puts *puts, const char *path, const struct task_file *file)
{
    struct load_put *put = mem_new(struct load_put);
    const struct store *store = puts->task->run->engine->tables;
    struct buffer shown;

    put->puts = puts;
    put->file = *file;
    buffer_init(&shown, 0);
    store->type->describe(store, file->file.key, &shown);
    put->shown = arena_strdup(&puts->task->arena, shown.data);
    buffer_deinit(&shown);
    put->request = (struct store_request){.verb = STORE_PUT,
        .key = file->file.key,
        .path = path,
        .move = true,
        .replace = true, /* an earlier attempt of this very run */
        .done = on_put};
    puts->items = mem_grow(puts->items, &puts->capacity, puts->count, sizeof(struct load_put *));
    puts->items[puts->count++] = put;
    put->work = (struct work){.run = read_checksum, .done = on_checksum};
    puts->in_flight++;
    work_submit(&puts->task->run->engine->files, &put->work);
}

void load_puts_step(struct load_puts *puts)
{
    struct slots *slots = &puts->task->run->slots;
    struct store *store = puts->task->run->engine->tables;

    while (puts->first && !puts->err.code) {
        struct load_put *put = puts->first;

        if (!slots_take(slots, &puts->waiter))
            return;
        puts->first = put->next;
        if (!puts->first)
            puts->last = NULL;
        puts->in_flight++;
        table_put(&puts->task->puts, put->file.file.key, puts->task);
        store->type->start(store, &put->request);
    }
}

void load_puts_cancel(struct load_puts *puts)
{
    slots_forget(&puts->task->run->slots, &puts->waiter);
    puts->first = puts->last = NULL;
    for (size_t i = 0; i < puts->count; i++) {
        work_cancel(&puts->items[i]->work);
        if (puts->items[i]->request.store)
            puts->items[i]->request.store->type->cancel(&puts->items[i]->request);
    }
}
