#include "runner/engine/recover.h"

#include "runner/base/json.h"
#include "runner/base/mem.h"
#include "runner/engine/staged.h"
#include "runner/io/file.h"
#include "runner/io/scratch.h"

#include <assert.h>
#include <string.h>

enum { HISTORY_REPAIRED = 50, FILES_PAGE = 10000 };

static void recover_step(struct recover *recover);

/* --- what callbacks do: record, then step --- */

static void on_published(struct publish *publish, const struct error *err)
{
    struct recover *recover = container_of(publish, struct recover, publish);

    error_keep_first(&recover->err, err);
    recover_step(recover);
}

static void on_journal(struct state_request *request, const struct error *err)
{
    struct recover *recover = container_of(request, struct recover, journal);

    error_keep_first(&recover->err, err);
    recover_step(recover);
}

static void on_state(struct state_request *request, const struct error *err)
{
    struct recover *recover = container_of(request, struct recover, request);

    error_keep_first(&recover->err, err);
    recover_step(recover);
}

static void on_query(struct catalog_query *query, const struct error *err)
{
    struct recover *recover = container_of(query, struct recover, query);

    error_keep_first(&recover->err, err);
    recover_step(recover);
}

static void on_commits(struct catalog_query *query, const struct error *err)
{
    struct recover *recover = container_of(query, struct recover, commits);

    error_keep_first(&recover->err, err);
    recover_step(recover);
}

static void on_listed(struct store_request *list, const struct error *err)
{
    struct recover *recover = container_of(list, struct recover, list);

    if (err && err->code != ERROR_NOT_FOUND)
        error_keep_first(&recover->err, err);
    recover_step(recover);
}

/* A table that is gone names no file; what it had is gc's. */
static void on_named(struct catalog_query *files, const struct error *err)
{
    struct recover *recover = container_of(files, struct recover, files);

    if (err && err->code == ERROR_NOT_FOUND)
        recover->next_object = recover->list.object_count;
    else
        error_keep_first(&recover->err, err);
    recover_step(recover);
}

static void on_deleted(struct store_request *object, const struct error *err)
{
    struct recover *recover = container_of(object, struct recover, object);

    error_keep_first(&recover->err, err);
    recover->removed_files += !err;
    recover_step(recover);
}

static void on_swept(struct store_request *object, const struct error *err)
{
    struct recover *recover = container_of(object, struct recover, object);

    error_keep_first(&recover->err, err);
    recover->removed_files += object->object_count;
    recover_step(recover);
}

static void sweep_scratch(struct work *work)
{
    struct recover *recover = container_of(work, struct recover, sweep_scratch);

    char owner[STAGED_OWNER_SIZE];

    recover->swept_scratch = scratch_sweep(recover->engine->environment->spool);
    scratch_forget(recover->engine->environment->spool,
        staged_owner(recover->pipeline, recover->instance, owner));
}

static void on_scratch_swept(struct work *work, bool ran)
{
    struct recover *recover = container_of(work, struct recover, sweep_scratch);

    (void)ran;
    recover->removed_folders += recover->swept_scratch;
    recover_step(recover);
}

static void remove_folder(struct work *work)
{
    struct recover *recover = container_of(work, struct recover, remove_folder);
    char *folder = file_join(
        recover->engine->environment->spool, recover->journal.journals[recover->next].what);

    file_remove_tree(folder, &recover->folder_err);
    free(folder);
}

static void on_folder_removed(struct work *work, bool ran)
{
    struct recover *recover = container_of(work, struct recover, remove_folder);

    error_keep_first(&recover->err, &recover->folder_err);
    recover->removed_folders += ran;
    recover_step(recover);
}

/* --- what states do on entry --- */

static const struct state_journal *entry_of(const struct recover *recover)
{
    return &recover->journal.journals[recover->next];
}

static void ask_state(struct recover *recover, struct state_request *request, enum state_verb verb,
    const char *run_id, state_done_fn done)
{
    *request = (struct state_request){.verb = verb,
        .pipeline = recover->pipeline,
        .instance = recover->instance,
        .run_id = run_id,
        .lease = {.fence = recover->fence},
        .arena = &recover->arena,
        .done = done};
    recover->state->type->start(recover->state, request);
}

static void ask_commit(struct recover *recover, struct arena *arena)
{
    arena_deinit(arena);
    recover->query = (struct catalog_query){.verb = CATALOG_GET_COMMIT,
        .run_id = entry_of(recover)->run_id,
        .arena = arena,
        .done = on_query};
    recover->catalog->type->query(recover->catalog, &recover->query);
}

static void ask_commits(struct recover *recover)
{
    recover->commits = (struct catalog_query){.verb = CATALOG_LIST_COMMITS,
        .pipeline = recover->pipeline,
        .instance = recover->instance,
        .limit = HISTORY_REPAIRED,
        .arena = &recover->commit_arena,
        .done = on_commits};
    recover->next = 0;
    recover->catalog->type->query(recover->catalog, &recover->commits);
}

static void list_files(struct recover *recover)
{
    char *glob = recover_table_glob(entry_of(recover)->what, entry_of(recover)->run_id);

    arena_deinit(&recover->list_arena);
    recover->list = (struct store_request){.verb = STORE_LIST,
        .key = arena_strdup(&recover->list_arena, glob),
        .arena = &recover->list_arena,
        .done = on_listed};
    recover->next_object = 0;
    free(glob);
    recover->tables->type->start(recover->tables, &recover->list);
}

/* "wildlife/strikes/1" is the table's version; `after` is the page before's. */
static void ask_named(struct recover *recover, const char *after)
{
    const char *key = entry_of(recover)->what;
    const char *table = strchr(key, '/'), *version = table ? strchr(table + 1, '/') : NULL;
    struct arena *arena = &recover->page_arena;
    char *from = after ? mem_strdup(after) : NULL;

    assert(version);
    arena_deinit(arena);
    recover->files = (struct catalog_query){.verb = CATALOG_LIST_ALL_FILES,
        .at = {.namespace = arena_strndup(arena, key, (size_t)(table - key)),
            .table = arena_strndup(arena, table + 1, (size_t)(version - table - 1)),
            .version = strtoll(version + 1, NULL, 10)},
        .with_files = true,
        .limit = FILES_PAGE,
        .after = from ? arena_strdup(arena, from) : NULL,
        .arena = arena,
        .done = on_named};
    free(from);
    recover->catalog->type->query(recover->catalog, &recover->files);
}

static void keep_named(struct recover *recover)
{
    for (size_t i = 0; i < recover->files.count; i++) {
        for (size_t j = 0; j < recover->files.deltas[i].file_count; j++) {
            const char *key = recover->files.deltas[i].files[j].key;

            if (strstr(key, entry_of(recover)->run_id))
                table_put(&recover->named, key, NULL);
        }
    }
}

static void delete_file(struct recover *recover)
{
    recover->object = (struct store_request){.verb = STORE_DELETE,
        .key = recover->list.objects[recover->next_object++].key,
        .done = on_deleted};
    recover->tables->type->start(recover->tables, &recover->object);
}

static void start_sweeping(struct recover *recover)
{
    recover->object =
        (struct store_request){.verb = STORE_SWEEP, .key = recover->list.key, .done = on_swept};
    recover->tables->type->start(recover->tables, &recover->object);
}

static void start_sweeping_scratch(struct recover *recover)
{
    recover->sweep_scratch = (struct work){.run = sweep_scratch, .done = on_scratch_swept};
    work_submit(&recover->engine->files, &recover->sweep_scratch);
}

static void start_removing_folder(struct recover *recover)
{
    recover->remove_folder = (struct work){.run = remove_folder, .done = on_folder_removed};
    work_submit(&recover->engine->files, &recover->remove_folder);
}

/* The history's line of a run, made from what its commit says. */
static void put_repaired(struct recover *recover, const struct catalog_commit *commit)
{
    struct state_request *request = &recover->request;
    json_t *record = json_parse(commit->record, strlen(commit->record), NULL);

    *request = (struct state_request){.verb = STATE_PUT_RUN, .arena = &recover->arena};
    request->done = on_state;
    request->run = (struct state_run){.run_id = commit->run_id,
        .pipeline = commit->pipeline,
        .instance = commit->instance,
        .due_ms = json_get_int(record, "due_ms", commit->committed_ms),
        .started_ms = json_get_int(record, "started_ms", commit->committed_ms),
        .finished_ms = commit->committed_ms,
        .outcome = STATE_SUCCEEDED,
        .rows = json_get_int(record, "rows", 0),
        .bytes = (uint64_t)json_get_int(record, "bytes_written", 0),
        .record = commit->record};
    json_decref(record);
    recover->repaired_runs++;
    recover->state->type->start(recover->state, request);
}

static const struct catalog_commit *commit_of(const struct recover *recover)
{
    return &recover->commits.commits[recover->next];
}

static void ask_run(struct recover *recover)
{
    arena_deinit(&recover->list_arena);
    recover->request = (struct state_request){.verb = STATE_GET_RUN,
        .run_id = commit_of(recover)->run_id,
        .brief = true,
        .arena = &recover->list_arena,
        .done = on_state};
    recover->state->type->start(recover->state, &recover->request);
}

static bool is_recorded(const struct recover *recover)
{
    const struct state_request *request = &recover->request;

    return request->count > 0 && (request->runs[0].outcome == STATE_SUCCEEDED ||
                                     request->runs[0].outcome == STATE_NOTHING_NEW);
}

static void enter_step(struct recover *recover, enum recover_step step)
{
    recover->step = step;
    switch (step) {
    case RECOVER_SCRATCH:
        start_sweeping_scratch(recover);
        break;
    case RECOVER_JOURNAL:
        ask_state(recover, &recover->journal, STATE_LIST_JOURNAL, recover->run_id, on_journal);
        break;
    case RECOVER_COMMIT:
        ask_commit(recover, &recover->list_arena);
        break;
    case RECOVER_LISTING:
        list_files(recover);
        break;
    case RECOVER_AGAIN: /* the listing is kept */
        ask_commit(recover, &recover->page_arena);
        break;
    case RECOVER_NAMED:
        ask_named(recover, NULL);
        break;
    case RECOVER_DELETING:
        delete_file(recover);
        break;
    case RECOVER_SWEEPING:
        start_sweeping(recover);
        break;
    case RECOVER_FOLDER:
        start_removing_folder(recover);
        break;
    case RECOVER_CLEARING:
        ask_state(
            recover, &recover->request, STATE_CLEAR_JOURNAL, entry_of(recover)->run_id, on_state);
        break;
    case RECOVER_COMMITS:
        ask_commits(recover);
        break;
    case RECOVER_RUNS:
        ask_run(recover);
        break;
    case RECOVER_REPAIRING: /* the oldest first, so that a crash in between leaves no gap */
        recover->next--;
        put_repaired(recover, commit_of(recover));
        break;
    case RECOVER_PUBLISHING:
    case RECOVER_DONE:
        break;
    }
}

/* --- the whole flow --- */

/* Whether nobody but the dead process before us can have it: an earlier holder, which one in
 * between found silent, may live and remove what it put. What is taken over gets our fence, so that
 * a chain of crashes loses nothing. */
static bool is_left_to_us(const struct recover *recover, const struct state_journal *entry)
{
    return recover->resumes && strcmp(entry->run_id, recover->run_id) == 0 &&
           entry->fence == recover->fence - 1;
}

/* Entries of single files are no one's to remove: they are in a folder or below a table's key. */
static void set_complete_aside(struct recover *recover)
{
    struct state_journal *all = recover->journal.journals;
    const size_t count = recover->journal.count;
    size_t left = 0;

    recover->complete = arena_array(&recover->arena, count, sizeof(*all));
    recover->kept_folders = arena_array(&recover->arena, count, sizeof(*recover->kept_folders));
    for (size_t i = 0; i < count; i++) {
        const struct state_journal entry = all[i];

        if (strcmp(entry.kind, "object") != 0 && strcmp(entry.kind, "file") != 0)
            all[left++] = entry;
        else if (is_left_to_us(recover, &entry))
            recover->complete[recover->complete_count++] = entry;
    }
    recover->journal.count = left;
}

/* The run's own, which goes on with what is complete. */
static bool is_kept(const struct recover *recover)
{
    return recover->complete_count > 0 && recover->query.count == 0 &&
           strcmp(entry_of(recover)->run_id, recover->run_id) == 0;
}

static bool is_complete(struct recover *recover, const struct store_object *object)
{
    for (size_t i = 0; i < recover->complete_count && is_kept(recover); i++) {
        const struct state_journal *entry = &recover->complete[i];

        if (strcmp(entry->kind, "file") == 0 && strcmp(entry->what, object->key) == 0 &&
            entry->bytes == object->size) {
            table_put(&recover->found, object->key, recover);
            return true;
        }
    }
    return false;
}

/* While this process was stopped another one may have taken the run over: its files are not ours
 * to remove, whether it has committed them or not yet. */
static bool is_before_us(const struct recover *recover, const char *key)
{
    return recover_file_fence(key) < recover->fence;
}

/* Whether the listing has another one to be deleted. */
static bool find_doomed(struct recover *recover)
{
    while (recover->next_object < recover->list.object_count) {
        const struct store_object *object = &recover->list.objects[recover->next_object];

        if (is_before_us(recover, object->key) && !is_complete(recover, object) &&
            !table_has(&recover->named, object->key))
            break;
        recover->next_object++;
    }
    return recover->next_object < recover->list.object_count;
}

/* Where an entry of the journal goes next, its run's commit being known or not needed. */
static enum recover_step step_of_entry(struct recover *recover)
{
    if (strcmp(entry_of(recover)->kind, "folder") == 0 && is_kept(recover)) {
        recover->kept_folders[recover->kept_folder_count++] = entry_of(recover)->what;
        return RECOVER_CLEARING;
    }
    return strcmp(entry_of(recover)->kind, "folder") == 0 ? RECOVER_FOLDER : RECOVER_LISTING;
}

/* After an entry: the next one, or its run's entries are cleared with the run's last one. */
static enum recover_step step_after_entry(struct recover *recover)
{
    const struct state_journal *entry = entry_of(recover);
    const bool last_of_run =
        recover->next + 1 == recover->journal.count || strcmp(entry[1].run_id, entry->run_id) != 0;

    if (last_of_run && recover->step != RECOVER_CLEARING && !is_kept(recover))
        return RECOVER_CLEARING;
    recover->next++;
    return recover->next < recover->journal.count ? RECOVER_COMMIT : RECOVER_COMMITS;
}

/* From the newest commit back to one that the history knows, as each run repairs before it
 * commits; then forth again, one by one. */
static enum recover_step step_of_history(const struct recover *recover)
{
    const bool searching = recover->step == RECOVER_COMMITS ||
                           (recover->step == RECOVER_RUNS && !is_recorded(recover));

    if (searching && recover->next < recover->commits.count)
        return RECOVER_RUNS;
    return recover->next > 0 ? RECOVER_REPAIRING : RECOVER_DONE;
}

static void go_to(struct recover *recover, enum recover_step step)
{
    if (step == RECOVER_COMMITS && recover->journal_only)
        step = RECOVER_DONE;
    enter_step(recover, step);
    if (step == RECOVER_DONE)
        recover->done(recover, NULL);
}

static void recover_step(struct recover *recover)
{
    if (recover->cancelled)
        error_keep_first(&recover->err,
            &(struct error){
                .code = ERROR_STOPPED, .class = ERROR_CANCELLED, .message = "cancelled"});
    if (recover->err.code) {
        enter_step(recover, RECOVER_DONE);
        recover->done(recover, &recover->err);
        return;
    }
    switch (recover->step) {
    case RECOVER_PUBLISHING:
        enter_step(recover, RECOVER_SCRATCH);
        return;
    case RECOVER_SCRATCH:
        enter_step(recover, RECOVER_JOURNAL);
        return;
    case RECOVER_JOURNAL:
        set_complete_aside(recover);
        go_to(recover, recover->journal.count > 0 ? RECOVER_COMMIT : RECOVER_COMMITS);
        return;
    case RECOVER_COMMIT: {
        const enum recover_step next = step_of_entry(recover);

        go_to(recover, next == RECOVER_CLEARING ? step_after_entry(recover) : next);
        return;
    }
    case RECOVER_LISTING:
        if (recover->query.count > 0 && recover->list.object_count > 0)
            enter_step(recover, RECOVER_NAMED);
        else
            enter_step(recover, find_doomed(recover) ? RECOVER_AGAIN : RECOVER_SWEEPING);
        return;
    case RECOVER_AGAIN:
        enter_step(recover, recover->query.count > 0 ? RECOVER_NAMED : RECOVER_DELETING);
        return;
    case RECOVER_NAMED:
        keep_named(recover);
        if (recover->files.next) {
            ask_named(recover, recover->files.next);
            return;
        }
        enter_step(recover, find_doomed(recover) ? RECOVER_DELETING : RECOVER_SWEEPING);
        return;
    case RECOVER_DELETING:
        if (find_doomed(recover))
            enter_step(recover, RECOVER_DELETING);
        else
            enter_step(recover, RECOVER_SWEEPING);
        return;
    case RECOVER_SWEEPING:
    case RECOVER_FOLDER:
    case RECOVER_CLEARING:
        go_to(recover, step_after_entry(recover));
        return;
    case RECOVER_RUNS:
        recover->next += !is_recorded(recover);
        __attribute__((fallthrough));
    case RECOVER_COMMITS:
    case RECOVER_REPAIRING:
        enter_step(recover, step_of_history(recover));
        if (recover->step == RECOVER_DONE)
            recover->done(recover, NULL);
        return;
    case RECOVER_DONE:
        assert(!"nothing is under way in this state");
    }
}

void recover_start(struct recover *recover, struct engine *engine, const char *pipeline,
    const char *instance, const char *run_id, int64_t fence, recover_done_fn done)
{
    memset(recover, 0, sizeof(*recover));
    recover->engine = engine;
    recover->catalog = engine->catalog;
    recover->state = engine->state;
    recover->tables = engine->tables;
    recover->pipeline = pipeline;
    recover->instance = instance;
    recover->run_id = run_id;
    recover->fence = fence;
    recover->done = done;
    recover->step = RECOVER_PUBLISHING;
    table_init(&recover->found);
    table_init(&recover->named);
    assert(engine->catalog && engine->state && engine->tables);
    publish_start(&recover->publish, engine, recover->catalog, pipeline, instance, run_id, fence,
        on_published);
    recover->publish.sweeps = true;
}

void recover_log(const struct recover *recover, struct log *log, const struct log_context *context)
{
    const size_t removed_files = recover->removed_files + recover->publish.swept;
    json_t *fields;

    if (!removed_files && !recover->removed_folders && !recover->publish.published)
        return;
    fields = json_object();
    json_put_int(fields, "files", (int64_t)removed_files);
    json_put_int(fields, "folders", (int64_t)recover->removed_folders);
    json_put_int(fields, "published", (int64_t)recover->publish.published);
    log_event(log, LOG_WARN, "run.recovered", context, fields,
        "put right what an earlier run left: %zu files and %zu folders removed, %zu published",
        removed_files, recover->removed_folders, recover->publish.published);
}

void recover_cancel(struct recover *recover)
{
    recover->cancelled = true;
    if (recover->step == RECOVER_PUBLISHING)
        publish_cancel(&recover->publish);
}

void recover_deinit(struct recover *recover)
{
    publish_deinit(&recover->publish);
    table_deinit(&recover->found);
    table_deinit(&recover->named);
    arena_deinit(&recover->arena);
    arena_deinit(&recover->commit_arena);
    arena_deinit(&recover->list_arena);
    arena_deinit(&recover->page_arena);
}
