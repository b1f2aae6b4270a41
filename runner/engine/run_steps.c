#include "runner/engine/run_steps.h"

#include "runner/base/mem.h"
#include "runner/base/text.h"
#include "runner/engine/hooks.h"
#include "runner/engine/quarantine.h"
#include "runner/engine/quarantine_table.h"
#include "runner/engine/run_private.h"
#include "runner/engine/seal.h"
#include "runner/io/file.h"

#include <inttypes.h>
#include <string.h>

/* --- state requests of one line --- */

static void ask_state(struct run *run, enum state_verb verb, state_done_fn done)
{
    struct state_request *request = &run->state_request;

    request->verb = verb;
    request->pipeline = run->pipeline->name;
    request->instance = run->options.instance;
    request->run_id = run->options.run_id;
    request->arena = &run->step_arena;
    request->done = done;
    run->state_store->type->start(run->state_store, request);
}

/* What a process that goes on with the run needs to know. What the environment said may be a
 * secret, and is said again by that of the other one. */
static const char *begun(struct run *run)
{
    const struct param *params = run->pipeline->params.items;
    json_t *record = json_object(), *values = json_object();
    const char *copy;
    char *line;

    for (size_t i = 0; i < run->pipeline->params.count; i++) {
        if (!params[i].from_env)
            json_put_text(values, params[i].item.name, params[i].value);
    }
    json_object_set_new(record, "params", values);
    line = json_line(record);
    copy = arena_strdup(&run->arena, line);
    json_decref(record);
    free(line);
    return copy;
}

static void put_history(struct run *run, state_done_fn done)
{
    const struct run_summary *summary = &run->summary;
    const bool ended = run->state == RUN_RECORDING;
    const char *record = ended ? run->record : begun(run);

    run->state_request =
        (struct state_request){.run = {.run_id = run->options.run_id,
                                   .pipeline = run->pipeline->name,
                                   .instance = run->options.instance,
                                   .due_ms = run->options.due_ms,
                                   .started_ms = run->started_ms,
                                   .finished_ms = ended ? time_now_ms() : 0,
                                   .outcome = ended ? summary->outcome : STATE_RUNNING,
                                   .rows = ended && run->committed ? summary->rows : 0,
                                   .bytes = ended && run->committed ? summary->bytes_written : 0,
                                   .error = ended && run->err.code ? run->err.message : NULL,
                                   .record = record},
            .lease = {.fence = run->lease.fence}};
    if (hooks_any(run->pipeline))
        run->state_request.hooks = hooks_due(
            run->pipeline, run->options.run_id, false, &run->arena, &run->state_request.hook_count);
    ask_state(run, STATE_PUT_RUN, done);
}

/* --- recovery --- */

static void on_recovered(struct recover *recover, const struct error *err)
{
    struct run *run = container_of(recover, struct run, recover);

    error_keep_first(&run->err, err);
    recover_log(recover, run->engine->log, &run->context);
    if (!err)
        resume_take(run, recover);
    recover_deinit(recover);
    run_step(run);
}

bool run_step_recover(struct run *run)
{
    if (run->options.group) /* which has done it */
        return false;
    recover_start(&run->recover, run->engine, run->pipeline->name, run->options.instance,
        run->options.run_id, run->lease.fence, on_recovered);
    run->recover.resumes = !run->lease.silent;
    return true;
}

/* --- opening --- */

static void on_state_done(struct state_request *request, const struct error *err)
{
    struct run *run = container_of(request, struct run, state_request);

    error_keep_first(&run->err, err);
    run_step(run);
}

/* An id names one run for ever: under that of another pipeline's this one would seem done. */
static int check_own_commit(
    const struct run *run, const struct catalog_commit *commit, struct error *err)
{
    if (text_equal(commit->pipeline, run->pipeline->name) &&
        text_equal(commit->instance, run->options.instance))
        return 0;
    return error_set(err, ERROR_INVALID,
        "run %s was a run of %s%s%s; leave --run-id out, or give %s an id of its own",
        run->options.run_id, commit->pipeline, commit->instance[0] ? "/" : "", commit->instance,
        run->pipeline->name);
}

static void on_commit_known(struct catalog_query *query, const struct error *err)
{
    struct run *run = container_of(query, struct run, query);

    error_keep_first(&run->err, err);
    run->recorded = query->count > 0; /* by whoever committed it */
    if (!run->err.code && run->recorded)
        check_own_commit(run, &query->commits[0], &run->err);
    if (run->err.code) {
        run_step(run);
    } else if (query->count > 0) {
        run->already_committed = run->committed = true;
        log_event(run->engine->log, LOG_INFO, "run.repeated", &run->context, NULL,
            "run %s was committed before: nothing to do", run->options.run_id);
        run_step(run);
    } else {
        record_log_started(run);
        put_history(run, on_state_done);
    }
}

void run_ask_commit(struct run *run, catalog_query_fn done)
{
    run->query = (struct catalog_query){.verb = CATALOG_GET_COMMIT,
        .run_id = run->options.run_id,
        .arena = &run->step_arena,
        .done = done};
    run->catalog->type->query(run->catalog, &run->query);
}

bool run_step_open(struct run *run)
{
    run_ask_commit(run, on_commit_known);
    return true;
}

/* --- plan --- */

static int check_seal(const struct run *run, struct error *err)
{
    const struct seal_facts facts = {.engine = run->engine,
        .plan = &run->plan,
        .graph = run->graph,
        .instance = run->options.instance,
        .run_id = run->options.run_id,
        .due_ms = run->options.due_ms,
        .tasks = run->options.tasks};
    json_t *now = seal_make(&facts, err);
    const int result = now ? seal_compare(run->options.sealed, now, err) : -1;

    json_decref(now);
    return result;
}

static void on_planned(struct plan *plan, const struct error *err)
{
    struct run *run = container_of(plan, struct run, plan);

    error_keep_first(&run->err, err);
    if (!run->err.code && run->options.sealed && check_seal(run, &run->err)) {
        run_step(run);
        return;
    }
    for (unsigned i = 0; !err && i < run->graph->count; i++) {
        if (run->graph->nodes[i].kind == TASK_LOAD && plan->tasks[i].load.postponed)
            log_event(run->engine->log, LOG_WARN, "load.postponed", &run->context, NULL,
                "%s: other objects are new to it than to the loads before it; it catches up in the "
                "next run",
                run->graph->nodes[i].id);
    }
    if (!err)
        run_reread_warn(run);
    if (!err && plan->nothing_new)
        log_event(run->engine->log, LOG_INFO, "run.nothing_new", &run->context, NULL,
            "nothing new: every object was loaded before");
    run_step(run);
}

/* A preview makes its dataset and what that needs: no load. */
static const struct text_list *tasks_of(struct run *run)
{
    const char *name = run->options.preview_dataset;
    struct text_list *tasks;

    if (!name)
        return run->options.tasks;
    tasks = arena_new(&run->arena, struct text_list);
    tasks->items = arena_new(&run->arena, const char *);
    tasks->items[0] = graph_dataset(run->graph, name)->id;
    tasks->count = 1;
    return tasks;
}

bool run_step_plan(struct run *run)
{
    const struct plan_options options = {.engine = run->engine,
        .graph = run->graph,
        .instance = run->options.instance,
        .tasks = tasks_of(run),
        .ignore_cursors = run->options.preview_dataset != NULL};

    run->planned = true;
    plan_start(&run->plan, &options, on_planned);
    return true;
}

/* --- preparing --- */

static void prepare_next(struct run *run);

static void on_journalled(struct state_request *request, const struct error *err)
{
    struct run *run = container_of(request, struct run, state_request);

    error_keep_first(&run->err, err);
    prepare_next(run);
}

static void make_folder(struct work *work)
{
    struct run *run = container_of(work, struct run, work);
    char owner[STAGED_OWNER_SIZE];

    if (run->options.group) /* its first run has put right what others left */
        scratch_forget(run->engine->environment->spool,
            staged_owner(run->pipeline->name, run->options.instance, owner));
    if (!run->options.preview_dataset)
        file_make_folders(run->folder, &run->work_err);
    else if (scratch_make(&run->scratch, run->engine->environment->spool, run->options.run_id,
                 &run->work_err) == 0)
        run->folder = mem_strdup(run->scratch.path);
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

static void add_journal(struct run *run, const char *kind, const char *what)
{
    run->state_request = (struct state_request){.pipeline = run->pipeline->name,
        .instance = run->options.instance,
        .journal = {
            .run_id = run->options.run_id, .kind = kind, .what = what, .fence = run->lease.fence}};
    ask_state(run, STATE_ADD_JOURNAL, on_journalled);
}

/* The prefix of the keys of a load's files: "wildlife/strikes/1". */
static char *table_key(struct run *run, const struct graph_node *node)
{
    const struct plan_load *plan = &run->plan.tasks[node->index].load;

    return arena_printf(&run->arena, "%s/%s/%lld", node->load->into_namespace,
        node->load->into_table, (long long)(plan->table_exists ? plan->version.version : 1));
}

/* False: nothing of it is to be journalled. A node that loads a table and puts rows aside comes
 * twice. */
static bool journal_node(struct run *run, const struct graph_node *node)
{
    const bool needed = run->plan.tasks[node->index].needed;

    if (needed && quarantine_has(node) && !run->journalled_aside) {
        run->journalled_aside = true;
        run->next--;
        add_journal(run, "table",
            arena_printf(&run->arena, "%s/%s/1", QUARANTINE_NAMESPACE,
                quarantine_table(run->pipeline, node, &run->arena)));
        return true;
    }
    run->journalled_aside = false;
    if (!needed || node->kind != TASK_LOAD || !node->load->into)
        return false;
    add_journal(run, "table", table_key(run, node));
    return true;
}

/* Journals what the run is going to own, one entry at a time, and then makes its folder. */
static void prepare_next(struct run *run)
{
    const bool preview = run->options.preview_dataset != NULL;

    while (!preview && !run->err.code && run->next <= run->graph->count) {
        const unsigned index = run->next++;
        const struct graph_node *node = index ? &run->graph->nodes[index - 1] : NULL;

        if (!node) {
            add_journal(run, "folder", file_below(run->engine->environment->spool, run->folder));
            return;
        }
        if (journal_node(run, node))
            return;
    }
    run->work = (struct work){.run = make_folder, .done = on_folder_made};
    work_submit(&run->engine->files, &run->work);
}

bool run_step_prepare(struct run *run)
{
    /* With the fence: a process that is thought dead may live, and have the same run's id. */
    if (!run->options.preview_dataset)
        run->folder = mem_printf("%s/%s-%" PRId64, run->engine->environment->spool,
            run->options.run_id, run->lease.fence);
    prepare_next(run);
    return true;
}

/* --- commit --- */

static void on_committed(struct catalog_apply *apply, const struct error *err)
{
    struct run *run = container_of(apply, struct run, apply);
    json_t *fields;

    run->committed = !err;
    run->conflicted = run_may_repeat(run, err);
    if (err && run->conflicted) {
        run->work_err = *err; /* run_step_wait() tells of it */
    } else if (err) {
        if (run->cancelled && err->code == ERROR_CONFLICT)
            error_set(&run->err, ERROR_STOPPED, "cancelled; nothing was committed");
        error_keep_first(&run->err, err);
        log_event(run->engine->log, LOG_WARN,
            err->code == ERROR_FENCED ? "lease.lost" : "commit.conflict", &run->context, NULL, "%s",
            err->message);
    } else {
        fields = json_object();
        json_put_int(fields, "rows", run->summary.rows);
        json_put_int(fields, "files", run->summary.files);
        json_put_int(fields, "changes", (int64_t)apply->count);
        log_event(run->engine->log, LOG_INFO, "commit.succeeded", &run->context, fields,
            "committed %lld rows", (long long)run->summary.rows);
    }
    run_step(run);
}

static void start_commit(struct run *run)
{
    record_summarize(run);
    commit_build(run, &run->apply);
    run->apply.done = on_committed;
    run->catalog->type->apply(run->catalog, &run->apply);
}

/* Partitions of quarantined rows that are older than quarantine.keep go with this commit. */
static void list_old_next(struct run *run);

static void on_old_listed(struct catalog_query *query, const struct error *err)
{
    struct run *run = container_of(query, struct run, query);
    const int64_t keep_ms = duration_ms(&run->pipeline->quarantine.keep);
    struct task *task = &run->tasks[run->next - 1];

    if (err && err->code != ERROR_NOT_FOUND) {
        error_keep_first(&run->err, err);
        run_step(run);
        return;
    }
    task->quarantined.old = query->partitions;
    task->quarantined.old_count = 0;
    for (size_t i = 0; !err && i < query->count; i++) {
        if (quarantine_is_old(query->partitions[i].values[0], keep_ms, time_now_ms()))
            task->quarantined.old[task->quarantined.old_count++] = query->partitions[i];
    }
    list_old_next(run);
}

static void list_old_next(struct run *run)
{
    while (run->next < run->graph->count) {
        const struct graph_node *node = &run->graph->nodes[run->next++];

        if (!quarantine_has(node) || duration_ms(&run->pipeline->quarantine.keep) == 0)
            continue;
        run->query = (struct catalog_query){.verb = CATALOG_LIST_PARTITIONS,
            .at = {.namespace = QUARANTINE_NAMESPACE,
                .table = quarantine_table(run->pipeline, node, &run->arena)},
            .arena = &run->arena,
            .done = on_old_listed};
        run->catalog->type->query(run->catalog, &run->query);
        return;
    }
    start_commit(run);
}

bool run_step_commit(struct run *run)
{
    list_old_next(run);
    return true;
}

static void on_settled(struct catalog_query *query, const struct error *err)
{
    struct run *run = container_of(query, struct run, query);

    run->committed = !err && query->count > 0;
    run->unsettled = err != NULL;
    if (run->committed)
        error_clear(&run->err);
    if (run->unsettled)
        error_prefix(&run->err,
            "it is not known whether the run was committed (%s); the next run finds out",
            err->message);
    run_step(run);
}

/* An apply that failed may have been committed all the same: the catalog knows. */
bool run_step_settle(struct run *run)
{
    arena_deinit(&run->step_arena);
    run_ask_commit(run, on_settled);
    return true;
}

/* --- publishing --- */

static void on_published(struct publish *publish, const struct error *err)
{
    struct run *run = container_of(publish, struct run, publish);
    struct error placed = {0};

    if (err) {
        placed = *err;
        error_prefix(&placed, "the run was committed, but a file is not yet in its place; the next "
                              "run puts it there");
        error_keep_first(&run->err, &placed);
    }
    publish_deinit(publish);
    run_step(run);
}

bool run_step_publish(struct run *run)
{
    bool any = false;

    for (unsigned i = 0; i < run->graph->count; i++)
        any = any || (run->tasks[i].state == TASK_DONE && run->tasks[i].staged_path);
    if (any)
        publish_start(&run->publish, run->engine, run->catalog, run->pipeline->name,
            run->options.instance, run->options.run_id, run->lease.fence, on_published);
    return any;
}

/* --- record --- */

static void on_recorded(struct state_request *request, const struct error *err)
{
    struct run *run = container_of(request, struct run, state_request);

    if (err)
        log_event(run->engine->log, LOG_WARN, "run.unrecorded", &run->context, NULL,
            "the history could not be written: %s", err->message);
    record_log_finished(run);
    run_step(run);
}

bool run_step_record(struct run *run)
{
    record_summarize(run);
    if (run->recorded) { /* the history keeps what the run did when it did something */
        record_log_finished(run);
        return false;
    }
    arena_deinit(&run->step_arena);
    put_history(run, on_recorded);
    return true;
}
