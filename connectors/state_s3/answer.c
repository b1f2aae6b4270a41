/* What the documents that were read say to a verb. */
#include "connectors/state_s3/state_s3_private.h"

#include "runner/base/mem.h"
#include "runner/base/table.h"
#include "runner/base/text.h"

#include <string.h>

enum { LIMIT_DEFAULT = 1000 };

static bool is_wanted(const struct state_request *request, const json_t *desk)
{
    const char *instance =
        request->verb == STATE_LIST_HOOKS && !request->instance ? "" : request->instance;

    return desk &&
           (!request->pipeline || text_equal(json_get_text(desk, "pipeline"), request->pipeline)) &&
           (!instance || text_equal(json_get_text(desk, "instance"), instance));
}

static void read_run(
    const json_t *run, const json_t *desk, struct state_request *request, struct state_run *ret_run)
{
    desk_to_run(run, json_get_text(desk, "pipeline"), json_get_text(desk, "instance"),
        request->arena, ret_run);
}

/* --- one run --- */

/* What tells most: that it runs, then its own object, which has the whole record. */
static void offer(struct table *found, struct table *places, const json_t *run, const json_t *desk,
    bool is_object)
{
    const char *run_id = json_get_text(run, "run_id");
    const json_t *before = table_get(found, run_id);

    if (before && (desk_outcome(before) == STATE_RUNNING ||
                      (!is_object && desk_outcome(run) != STATE_RUNNING)))
        return;
    table_put(found, run_id, (void *)(uintptr_t)run);
    table_put(places, run_id, (void *)(uintptr_t)desk);
}

static void offer_all(const struct operation *operation, struct table *found, struct table *places)
{
    const char *start = operation->request->run_id ? operation->request->run_id : "";
    const json_t *run;
    size_t j;

    if (operation->found)
        offer(found, places, operation->found, operation->found, true);
    for (size_t i = 0; i < operation->load_count; i++) {
        const json_t *value = operation->loads[i].value;

        if (json_object_get(value, "started_ms") &&
            text_starts(json_get_text(value, "run_id"), start))
            offer(found, places, value, value, true);
        json_array_foreach(json_object_get(value, "runs"), j, run)
        {
            const char *run_id = json_get_text(run, "run_id");

            if (run_id && text_starts(run_id, start))
                offer(found, places, run, value, false);
        }
    }
}

static int compare_keys(const void *a, const void *b)
{
    return strcmp(((const struct table_entry *)a)->key, ((const struct table_entry *)b)->key);
}

static void answer_run(struct operation *operation, struct error *err)
{
    struct state_request *request = operation->request;
    const char *start = request->run_id ? request->run_id : "";
    struct table found, places;

    table_init(&found);
    table_init(&places);
    offer_all(operation, &found, &places);
    if (found.count > 1 && !table_has(&found, start)) {
        mem_sort(found.entries, found.count, sizeof(*found.entries), compare_keys);
        error_set(err, ERROR_INVALID,
            "\"%s\" is the beginning of several runs (%s, %s, …); give more of it", start,
            found.entries[0].key, found.entries[1].key);
    } else if (found.count > 0) {
        const char *run_id = table_has(&found, start) ? start : found.entries[0].key;

        request->runs = arena_array(request->arena, 1, sizeof(*request->runs));
        request->count = 1;
        read_run(table_get(&found, run_id), table_get(&places, run_id), request, request->runs);
    }
    table_deinit(&found);
    table_deinit(&places);
}

/* --- many --- */

static int compare_newest(const void *a, const void *b)
{
    const struct state_run *one = a, *other = b;

    if (one->started_ms != other->started_ms)
        return one->started_ms < other->started_ms ? 1 : -1;
    return strcmp(other->run_id, one->run_id);
}

static void add_runs(struct state_request *request, const json_t *desk, const json_t *runs,
    struct table *seen, struct state_run *ret_runs)
{
    const json_t *run;
    size_t i;

    json_array_foreach(runs, i, run)
    {
        const char *run_id = json_get_text(run, "run_id");

        if (!run_id || table_has(seen, run_id))
            continue; /* what was put later comes first */
        table_put(seen, run_id, seen);
        if (!request->failed_only || desk_is_failure(desk_outcome(run)))
            read_run(run, desk, request, &ret_runs[request->count++]);
    }
}

static void answer_runs(struct operation *operation)
{
    struct state_request *request = operation->request;
    const size_t limit = request->limit > 0 ? (size_t)request->limit : LIMIT_DEFAULT;
    size_t most = 1;

    for (size_t i = 0; i < operation->load_count; i++)
        most += json_array_size(json_object_get(operation->loads[i].value, "runs")) +
                json_array_size(operation->loads[i].more);
    request->runs = arena_array(request->arena, most, sizeof(*request->runs));
    for (size_t i = 0; i < operation->load_count; i++) {
        const struct loaded *loaded = &operation->loads[i];
        struct table seen;

        if (!is_wanted(request, loaded->value))
            continue;
        table_init(&seen);
        add_runs(
            request, loaded->value, json_object_get(loaded->value, "runs"), &seen, request->runs);
        add_runs(request, loaded->value, loaded->more, &seen, request->runs);
        table_deinit(&seen);
    }
    mem_sort(request->runs, request->count, sizeof(*request->runs), compare_newest);
    request->count = MIN(request->count, limit);
}

static void answer_latest(struct operation *operation)
{
    struct state_request *request = operation->request;

    request->runs =
        arena_array(request->arena, 2 * operation->load_count + 1, sizeof(*request->runs));
    for (size_t i = 0; i < operation->load_count; i++) {
        const json_t *desk = operation->loads[i].value;
        const json_t *finished = json_object_get(desk, "finished");
        const json_t *succeeded = json_object_get(desk, "succeeded");

        if (!is_wanted(request, desk))
            continue;
        if (finished)
            read_run(finished, desk, request, &request->runs[request->count++]);
        if (succeeded &&
            !text_equal(json_get_text(finished, "run_id"), json_get_text(succeeded, "run_id")))
            read_run(succeeded, desk, request, &request->runs[request->count++]);
    }
}

static const char *copy(const json_t *object, const char *key, struct arena *arena)
{
    const char *text = json_get_text(object, key);

    return text ? arena_strdup(arena, text) : NULL;
}

static void answer_hooks(struct operation *operation)
{
    struct state_request *request = operation->request;
    const json_t *desk = operation->loads[0].value, *hook;
    size_t i;

    if (!is_wanted(request, desk))
        return;
    request->due = arena_array(
        request->arena, json_array_size(json_object_get(desk, "hooks")) + 1, sizeof(*request->due));
    json_array_foreach(json_object_get(desk, "hooks"), i, hook)
    {
        if (json_is_true(json_object_get(hook, "due")))
            request->due[request->count++] =
                (struct hook_due){.run_id = copy(hook, "run_id", request->arena),
                    .place = copy(hook, "place", request->arena),
                    .target = copy(hook, "target", request->arena),
                    .body = copy(hook, "body", request->arena),
                    .created_ms = json_get_int(hook, "created_ms", 0)};
    }
}

/* --- the journal --- */

struct place {
    struct state_journal entry;
    size_t ordinal;
};

static int compare_entries(const void *a, const void *b)
{
    const struct place *one = a, *other = b;
    const int order = strcmp(one->entry.run_id, other->entry.run_id);

    return order ? order : (one->ordinal > other->ordinal) - (one->ordinal < other->ordinal);
}

static void read_entry(const json_t *entry, struct arena *arena, struct state_journal *ret_entry)
{
    *ret_entry = (struct state_journal){.run_id = copy(entry, "run_id", arena),
        .kind = copy(entry, "kind", arena),
        .what = copy(entry, "what", arena),
        .task = copy(entry, "task", arena),
        .key = copy(entry, "key", arena),
        .version = copy(entry, "version", arena),
        .checksum = copy(entry, "checksum", arena),
        .bytes = (uint64_t)json_get_int(entry, "bytes", 0),
        .fence = json_get_int(entry, "fence", 0)};
}

static bool is_live(const json_t *desk, const struct desk_sight *sight, const char *run_id)
{
    const json_t *run = desk_find_run(desk, run_id);

    return desk_seems_live(desk, sight) && (text_equal(json_get_text(desk, "run_id"), run_id) ||
                                               (run && desk_outcome(run) == STATE_RUNNING));
}

static void answer_journal(struct operation *operation)
{
    struct state_request *request = operation->request;
    size_t most = 1, count = 0;
    struct place *places;

    for (size_t i = 0; i < operation->load_count; i++)
        most += json_array_size(json_object_get(operation->loads[i].value, "journal"));
    places = mem_calloc(most, sizeof(*places));
    for (size_t i = 0; i < operation->load_count; i++) {
        const struct loaded *loaded = &operation->loads[i];
        const struct desk_sight sight =
            state_s3_sight(operation->owner, loaded->store_ms, loaded->modified_ms);
        const json_t *entry;
        size_t j;

        if (!is_wanted(request, loaded->value))
            continue;
        json_array_foreach(json_object_get(loaded->value, "journal"), j, entry)
        {
            const char *run_id = json_get_text(entry, "run_id");

            if (!text_equal(run_id, request->run_id) && is_live(loaded->value, &sight, run_id))
                continue;
            places[count].ordinal = count;
            read_entry(entry, request->arena, &places[count++].entry);
        }
    }
    mem_sort(places, count, sizeof(*places), compare_entries);
    request->journals = arena_array(request->arena, count + 1, sizeof(*request->journals));
    request->count = count;
    for (size_t i = 0; i < count; i++)
        request->journals[i] = places[i].entry;
    free(places);
}

static void answer_leases(struct operation *operation)
{
    struct state_request *request = operation->request;
    size_t most = 1;

    for (size_t i = 0; i < operation->load_count; i++)
        most += json_array_size(json_object_get(operation->loads[i].value, "runs")) + 1;
    request->leases = arena_array(request->arena, most, sizeof(*request->leases));
    for (size_t i = 0; i < operation->load_count; i++) {
        const struct loaded *loaded = &operation->loads[i];
        const struct desk_sight sight =
            state_s3_sight(operation->owner, loaded->store_ms, loaded->modified_ms);

        if (is_wanted(request, loaded->value))
            desk_add_leases(
                loaded->value, &sight, request->arena, request->leases, &request->count);
    }
}

void answer(struct operation *operation)
{
    struct error err = {0};

    switch (operation->request->verb) {
    case STATE_GET_RUN:
        answer_run(operation, &err);
        break;
    case STATE_LIST_RUNS:
        answer_runs(operation);
        break;
    case STATE_LATEST_RUNS:
        answer_latest(operation);
        break;
    case STATE_LIST_HOOKS:
        answer_hooks(operation);
        break;
    case STATE_LIST_JOURNAL:
        answer_journal(operation);
        break;
    default:
        answer_leases(operation);
        break;
    }
    operation_end(operation, err.code ? &err : NULL);
}
