/* Runs, and whom to tell of them. */
#include "connectors/state_s3/desk.h"

#include "runner/base/mem.h"
#include "runner/base/text.h"
#include "runner/base/time.h"

#include <string.h>

/* --- a run as JSON --- */

/* What a list tells of a record: which tables got rows. */
static json_t *shortened(const json_t *record)
{
    json_t *tasks = json_array(), *kept = json_object(), *task;
    size_t i;

    json_array_foreach(json_object_get(record, "tasks"), i, task)
    {
        json_t *entry;

        if (!json_get_text(task, "into"))
            continue;
        entry = json_object();
        json_put_text(entry, "into", json_get_text(task, "into"));
        json_put_int(entry, "rows", json_get_int(task, "rows", 0));
        json_array_append_new(tasks, entry);
    }
    json_object_set_new(kept, "tasks", tasks);
    return kept;
}

json_t *desk_from_run(const struct state_run *run, bool whole)
{
    json_t *value = json_object(), *record;

    json_object_set_new(value, "run_id", json_text(run->run_id));
    json_put_int(value, "due_ms", run->due_ms);
    json_put_int(value, "started_ms", run->started_ms);
    json_put_int(value, "finished_ms", run->finished_ms);
    json_put_text(value, "outcome", state_outcome_name(run->outcome));
    json_put_int(value, "rows", run->rows);
    json_put_int(value, "bytes", (int64_t)run->bytes);
    json_put_text(value, "error", run->error);
    record = run->record ? json_parse(run->record, strlen(run->record), NULL) : NULL;
    if (whole && run->record)
        json_object_set_new(value, "record", record ? json_incref(record) : json_text(run->record));
    else if (record)
        json_object_set_new(value, "record", shortened(record));
    json_decref(record);
    return value;
}

static const char *copy(const json_t *object, const char *key, struct arena *arena)
{
    const char *text = json_get_text(object, key);

    return text ? arena_strdup(arena, text) : NULL;
}

static const char *record_text(const json_t *value, struct arena *arena)
{
    const json_t *record = json_object_get(value, "record");
    const char *kept;
    char *line;

    if (!record || json_is_string(record))
        return copy(value, "record", arena);
    line = json_line(record);
    kept = arena_strdup(arena, line);
    free(line);
    return kept;
}

enum state_outcome desk_outcome(const json_t *run)
{
    const char *name = json_get_text(run, "outcome");
    enum state_outcome outcome = STATE_RUNNING;

    while (outcome < STATE_LOST && !text_equal(name, state_outcome_name(outcome)))
        outcome++;
    return outcome;
}

void desk_to_run(const json_t *value, const char *pipeline, const char *instance,
    struct arena *arena, struct state_run *ret_run)
{
    *ret_run = (struct state_run){.run_id = copy(value, "run_id", arena),
        .pipeline = arena_strdup(arena, pipeline),
        .instance = arena_strdup(arena, instance),
        .due_ms = json_get_int(value, "due_ms", 0),
        .started_ms = json_get_int(value, "started_ms", 0),
        .finished_ms = json_get_int(value, "finished_ms", 0),
        .outcome = desk_outcome(value),
        .rows = json_get_int(value, "rows", 0),
        .bytes = (uint64_t)json_get_int(value, "bytes", 0),
        .error = copy(value, "error", arena),
        .record = record_text(value, arena)};
}

static size_t index_of(const json_t *runs, const char *run_id)
{
    const json_t *run;
    size_t i;

    json_array_foreach(runs, i, run)
    {
        if (text_equal(json_get_text(run, "run_id"), run_id))
            return i;
    }
    return SIZE_MAX;
}

json_t *desk_find_run(const json_t *desk, const char *run_id)
{
    const json_t *runs = json_object_get(desk, "runs");
    const size_t i = index_of(runs, run_id);

    return i == SIZE_MAX ? NULL : json_array_get(runs, i);
}

bool desk_is_failure(enum state_outcome outcome)
{
    return outcome == STATE_FAILED || outcome == STATE_CHECK_FAILED || outcome == STATE_LOST;
}

static bool is_success(enum state_outcome outcome)
{
    return outcome == STATE_SUCCEEDED || outcome == STATE_NOTHING_NEW;
}

/* --- the newest ones --- */

static bool counts(const char *name, enum state_outcome outcome)
{
    return strcmp(name, "finished") == 0 ? outcome != STATE_RUNNING : is_success(outcome);
}

/* The run that was named is another one now, or runs again. */
static void find_newest(json_t *desk, const char *name)
{
    json_t *newest = NULL, *run;
    size_t i;

    json_array_foreach(json_object_get(desk, "runs"), i, run)
    {
        if (counts(name, desk_outcome(run)) &&
            (!newest || json_get_int(run, "started_ms", 0) > json_get_int(newest, "started_ms", 0)))
            newest = run;
    }
    if (newest)
        json_object_set(desk, name, newest);
    else
        json_object_del(desk, name);
}

static void keep_newest(json_t *desk, const char *name, json_t *run)
{
    const json_t *kept = json_object_get(desk, name);
    const bool same =
        kept && text_equal(json_get_text(kept, "run_id"), json_get_text(run, "run_id"));

    if (same)
        find_newest(desk, name);
    else if (counts(name, desk_outcome(run)) &&
             (!kept || json_get_int(run, "started_ms", 0) >= json_get_int(kept, "started_ms", 0)))
        json_object_set(desk, name, run);
}

static void put(json_t *desk, json_t *run)
{
    json_t *runs = desk_list(desk, "runs");
    const size_t i = index_of(runs, json_get_text(run, "run_id"));

    if (i != SIZE_MAX)
        json_array_remove(runs, i);
    json_array_insert_new(runs, 0, run);
    keep_newest(desk, "finished", run);
    keep_newest(desk, "succeeded", run);
}

json_t *desk_overflow(const json_t *desk)
{
    const json_t *runs = json_object_get(desk, "runs");
    json_t *moved, *object, *run;

    if (json_array_size(runs) <= DESK_RUNS_MAX)
        return NULL;
    moved = json_array();
    for (size_t i = json_array_size(runs); i > 0 && json_array_size(moved) < DESK_RUNS_MOVED; i--) {
        run = json_array_get(runs, i - 1);
        if (desk_outcome(run) != STATE_RUNNING)
            json_array_insert(moved, 0, run);
    }
    object = json_object();
    json_object_set_new(object, "runs", moved);
    json_put_text(object, "older", json_get_text(desk, "older"));
    return object;
}

bool desk_drop_moved(json_t *desk, const json_t *moved, const char *key)
{
    json_t *runs = desk_list(desk, "runs"), *run;
    size_t i;

    if (!text_equal(json_get_text(desk, "older"), json_get_text(moved, "older")))
        return false;
    json_array_foreach(json_object_get(moved, "runs"), i, run)
    {
        const size_t at = index_of(runs, json_get_text(run, "run_id"));

        if (at != SIZE_MAX && json_equal(json_array_get(runs, at), run))
            json_array_remove(runs, at);
    }
    json_object_set_new(desk, "older", json_text(key));
    return true;
}

/* --- hooks --- */

static void add_hooks(json_t *desk, const struct state_request *request)
{
    json_t *hooks = desk_list(desk, "hooks"), *there;
    size_t j;

    for (size_t i = 0; i < request->hook_count; i++) {
        const struct hook_due *hook = &request->hooks[i];
        bool found = false;
        json_t *added;

        json_array_foreach(hooks, j, there)
        {
            found = found || (text_equal(json_get_text(there, "run_id"), request->run.run_id) &&
                                 text_equal(json_get_text(there, "place"), hook->place));
        }
        if (found)
            continue;
        added = json_object();
        json_put_text(added, "run_id", request->run.run_id);
        json_put_text(added, "place", hook->place);
        json_put_text(added, "target", hook->target);
        json_put_text(added, "body", hook->body);
        json_put_int(added, "created_ms", time_now_ms());
        json_array_append_new(hooks, added);
    }
}

void desk_settle_hooks(json_t *desk, const char *run_id, enum state_outcome outcome)
{
    const bool only_finally = outcome == STATE_NOTHING_NEW || outcome == STATE_CANCELLED;
    json_t *hooks = desk_list(desk, "hooks");

    for (size_t i = json_array_size(hooks); i > 0; i--) {
        json_t *hook = json_array_get(hooks, i - 1);

        if (!text_equal(json_get_text(hook, "run_id"), run_id) || outcome == STATE_RUNNING)
            continue;
        if (outcome == STATE_SUCCEEDED ||
            (only_finally && !text_starts(json_get_text(hook, "place"), "finally")))
            json_array_remove(hooks, i - 1); /* the catalog has those of a commit */
        else
            json_object_set_new(hook, "due", json_true());
    }
}

bool desk_end_hook(json_t *desk, const struct state_request *request)
{
    json_t *hooks = desk_list(desk, "hooks"), *hook;
    size_t i;

    json_array_foreach(hooks, i, hook)
    {
        if (text_equal(json_get_text(hook, "run_id"), request->run_id) &&
            text_equal(json_get_text(hook, "place"), request->place)) {
            json_array_remove(hooks, i);
            return true;
        }
    }
    return false;
}

/* --- putting --- */

int desk_check_fence(const json_t *desk, const struct state_request *request, struct error *err)
{
    const struct state_lease lease = {.pipeline = request->run.pipeline,
        .instance = request->run.instance ? request->run.instance : "",
        .fence = request->lease.fence};

    if (lease.fence == 0 || json_get_int(desk, "fence", 0) <= lease.fence ||
        !text_equal(json_get_text(desk, "run_id"), request->run.run_id))
        return 0;
    return desk_fail_fenced(desk, &lease, err);
}

int desk_put_run(json_t *desk, const struct state_request *request, struct error *err)
{
    const struct state_run *run = &request->run;

    if (desk_check_fence(desk, request, err))
        return -1;
    put(desk, desk_from_run(run, run->outcome == STATE_RUNNING || run->outcome == STATE_LOST));
    if (run->outcome != STATE_SUCCEEDED)
        add_hooks(desk, request);
    desk_settle_hooks(desk, run->run_id, run->outcome);
    return 0;
}
