/* The SQL session of a run, what a preview shows of it, and what is cleaned up after it. */
#include "runner/base/mem.h"
#include "runner/engine/run_private.h"
#include "runner/engine/run_steps.h"
#include "runner/io/file.h"

#include <stdio.h>

/* --- the session --- */

static size_t retried_count(const struct run *run)
{
    return run->options.retry ? run->options.retry->rows.files.count : 0;
}

/* The run's own sources that are read where they are. */
static void collect_readable(struct run *run, struct text_list *ret_paths)
{
    const char **paths = arena_array(&run->arena,
        run->plan.object_count + run->graph->count + retried_count(run), sizeof(*paths));
    struct buffer path;
    size_t count = 0;

    buffer_init(&path, 0);
    for (size_t i = 0; i < retried_count(run); i++)
        paths[count++] = run->options.retry->rows.files.items[i];
    for (unsigned i = 0; i < run->graph->count; i++) {
        const struct plan_extract *extract = &run->plan.tasks[i].extract;

        if (run->graph->nodes[i].kind != TASK_EXTRACT || !run->plan.tasks[i].needed ||
            !extract->store->type->local_path)
            continue;
        for (size_t j = 0; j < MAX(extract->object_count, 1); j++) {
            const struct store_object *object =
                extract->object_count ? &extract->objects[j].object : extract->sample;

            buffer_clear(&path);
            if (object && extract->store->type->local_path(extract->store, object->key, &path))
                paths[count++] = arena_strdup(&run->arena, path.data);
        }
    }
    buffer_deinit(&path);
    *ret_paths = (struct text_list){.items = paths, .count = count};
}

static unsigned share_of(const struct run *run)
{
    return MAX(run->options.share, 1);
}

/* What the transfers may take is not the SQL engine's. */
static uint64_t minimum_of(
    const struct run *run, const struct sql_engine_type *type, unsigned threads)
{
    return type->memory_minimum(threads) * share_of(run) + engine_stores_memory(run->engine);
}

/* Threads cost memory: where nobody named a number, there are as many as fit. */
static unsigned thread_count(const struct run *run, const struct sql_engine_type *type)
{
    const struct resources *resources = &run->pipeline->resources;
    unsigned threads = MAX((unsigned)resources->threads / share_of(run), 1);

    if (run->pipeline->deterministic)
        return 1;
    if (pipeline_is_set(run->pipeline, &resources->threads))
        return threads;
    while (threads > 1 && minimum_of(run, type, threads) > resources->memory)
        threads--;
    return threads;
}

void run_open_session(struct run *run)
{
    const struct resources *resources = &run->pipeline->resources;
    const struct sql_engine_type *type;
    struct sql_session_options options = {
        .loop = run->engine->loop, .lane = &run->engine->sql, .folder = run->folder};
    char minimum[TIME_TEXT_SIZE];
    uint64_t transfers;

    if (engine_sql(run->engine, &type, &run->err))
        return;
    if (run->pipeline->deterministic) { /* statements side by side share memory, and so spill */
        work_lane_init(&run->single, run->engine->pool, "sql", 1);
        options.lane = &run->single;
    }
    options.threads = thread_count(run, type);
    transfers = engine_stores_memory(run->engine);
    if (resources->memory < minimum_of(run, type, options.threads)) {
        const struct option_mark mark = pipeline_mark(run->pipeline, &resources->memory);
        char many[32] = "a run";

        if (share_of(run) > 1)
            snprintf(many, sizeof(many), "%u runs at once", share_of(run));

        error_set(&run->err, ERROR_INVALID,
            "%s:%u:%u: resources.memory: %s with %u thread%s need%s %s at least%s; raise it%s",
            run->pipeline->path, mark.line, mark.column, many, options.threads,
            options.threads == 1 ? "" : "s", share_of(run) > 1 ? "" : "s",
            size_format(minimum_of(run, type, options.threads), minimum),
            transfers ? ", s3.memory included" : "",
            share_of(run) > 1      ? ", or lower --parallel"
            : options.threads == 1 ? ""
                                   : ", or lower resources.threads");
        return;
    }
    options.memory =
        type->memory_share((resources->memory - transfers) / share_of(run), options.threads);
    options.spill = resources->spool / share_of(run);
    collect_readable(run, &options.readable);
    run->session = type->open(&options, &run->err);
}

/* --- preview --- */

static void on_previewed(struct sql_request *preview, const struct error *err)
{
    struct run *run = container_of(preview, struct run, preview);

    error_keep_first(&run->err, err);
    run_step(run);
}

static void on_preview_rows(struct sql_request *preview, const struct sql_schema *schema,
    const char *const *cells, size_t row_count)
{
    struct run *run = container_of(preview, struct run, preview);

    run->options.on_rows(run->options.data, schema, cells, row_count);
}

bool run_step_preview(struct run *run)
{
    struct buffer sql;

    buffer_init(&sql, 0);
    buffer_puts(&sql, "select * from ");
    text_append_sql_name(&sql, run->options.preview_dataset);
    run->preview =
        (struct sql_request){.verb = SQL_QUERY, .arena = &run->arena, .done = on_previewed};
    run->preview.query = (struct sql_query){.sql = arena_strdup(&run->arena, sql.data),
        .limit = run->options.preview_limit,
        .on_rows = on_preview_rows};
    buffer_deinit(&sql);
    run->session->type->start(run->session, &run->preview);
    return true;
}

/* --- cleaning --- */

static void clean_next(struct run *run);

static void on_deleted(struct store_request *deletion, const struct error *err)
{
    struct run *run = container_of(deletion, struct run, deletion);

    if (err) /* the next run finds it by the journal */
        error_keep_first(&run->work_err, err);
    clean_next(run);
}

static void remove_folder(struct work *work)
{
    struct run *run = container_of(work, struct run, work);

    if (run->options.preview_dataset)
        scratch_remove(&run->scratch, &run->work_err);
    else if (run->folder)
        file_remove_tree(run->folder, &run->work_err);
    for (size_t i = 0; i < run->resume.folder_count; i++) {
        char *folder = file_join(run->engine->environment->spool, run->resume.folders[i]);

        file_remove_tree(folder, &run->work_err);
        free(folder);
    }
}

static void on_cleared(struct state_request *request, const struct error *err)
{
    (void)err; /* what is still journalled is looked at again */
    run_step(container_of(request, struct run, state_request));
}

static void on_folder_removed(struct work *work, bool ran)
{
    struct run *run = container_of(work, struct run, work);

    (void)ran;
    if (run->work_err.code || run->options.preview_dataset) {
        if (run->work_err.code)
            log_event(run->engine->log, LOG_WARN, "run.uncleaned", &run->context, NULL,
                "left for the next run to remove: %s", run->work_err.message);
        run_step(run);
        return;
    }
    run->state_request = (struct state_request){.verb = STATE_CLEAR_JOURNAL,
        .pipeline = run->pipeline->name,
        .instance = run->options.instance,
        .run_id = run->options.run_id,
        .lease = {.fence = run->lease.fence},
        .arena = &run->step_arena,
        .done = on_cleared};
    run->state_store->type->start(run->state_store, &run->state_request);
}

static void keep_file(struct run *run, struct task *task, const char *key)
{
    table_put(&task->puts, key, NULL);
    table_put(&run->first_puts, key, NULL);
}

/* What the commit names stays, whichever pass has put it. */
static void keep_committed_files(struct run *run)
{
    for (unsigned i = 0; run->committed && run->tasks && i < run->graph->count; i++) {
        struct task *task = &run->tasks[i];

        for (size_t j = 0; j < task->file_count; j++)
            keep_file(run, task, task->files[j].file.key);
        for (size_t j = 0; j < task->quarantined.file_count; j++)
            keep_file(run, task, task->quarantined.files[j].file.key);
    }
}

/* The key of the next data file that no commit names: of a run that committed nothing, or of an
 * attempt that failed, also where putting it failed, which may have had its effect. NULL: none is
 * left. */
static const char *next_orphan(struct run *run)
{
    for (unsigned i = 0; run->tasks && i < run->graph->count; i++) {
        struct table *puts = &run->tasks[i].puts;

        while (run->tasks[i].swept < puts->count) {
            const struct table_entry *entry = &puts->entries[run->tasks[i].swept++];

            if (entry->value)
                return entry->key;
        }
    }
    while (run->first_swept < run->first_puts.count) {
        const struct table_entry *entry = &run->first_puts.entries[run->first_swept++];

        if (entry->value)
            return entry->key;
    }
    return resume_next_left(run);
}

static void clean_next(struct run *run)
{
    const char *orphan = next_orphan(run);
    struct store *tables = run->engine->tables;

    if (orphan) {
        run->deletion =
            (struct store_request){.verb = STORE_DELETE, .key = orphan, .done = on_deleted};
        tables->type->start(tables, &run->deletion);
        return;
    }
    run->work = (struct work){.run = remove_folder, .done = on_folder_removed};
    work_submit(&run->engine->files, &run->work);
}

bool run_step_clean(struct run *run)
{
    if (run->session)
        run->session->type->close(run->session);
    run->session = NULL;
    error_clear(&run->work_err);
    keep_committed_files(run);
    clean_next(run);
    return true;
}
