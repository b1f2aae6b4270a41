/* What reads documents: one where the request says which, else all that there are, a page of them
 * at a time. The document of a lease that is ours is not read: nobody else writes it. */
#include "connectors/state_s3/state_s3_private.h"

#include "runner/base/mem.h"
#include "runner/base/text.h"
#include "runner/base/uuid.h"

#include <stdlib.h>
#include <string.h>

enum { LOADS_MAX = 10000, PARALLEL = 16, LIMIT_DEFAULT = 1000 };

static void load_step(struct operation *operation);

void load_deinit(struct operation *operation)
{
    for (size_t i = 0; i < operation->load_count; i++) {
        free(operation->loads[i].key);
        free(operation->loads[i].older);
        json_decref(operation->loads[i].value);
        json_decref(operation->loads[i].more);
    }
    free(operation->loads);
    free(operation->list_prefix);
    json_decref(operation->found);
    arena_deinit(&operation->arena);
}

/* --- reading --- */

static int read_only(struct change *change, const json_t *now, json_t **ret_next, struct error *err)
{
    (void)change;
    (void)now;
    (void)ret_next;
    (void)err;
    return 0;
}

static void read_object(
    struct operation *operation, struct change *change, const char *key, change_done_fn done)
{
    struct state_s3 *owner = operation->owner;

    *change = (struct change){.client = owner->client,
        .loop = owner->loop,
        .bucket = owner->bucket,
        .key = key,
        .timeout_ms = state_s3_timeout_ms(operation->owner),
        .reads_only = true,
        .make = read_only,
        .done = done};
    operation->loading++;
    change_start(change);
}

static void on_loaded(struct change *change, const struct error *err)
{
    struct loaded *loaded = container_of(change, struct loaded, change);
    struct operation *operation = loaded->operation;
    const char *older;

    free(change->value_etag);
    operation->loading--;
    error_keep_first(&operation->err, err);
    if (!loaded->value) {
        loaded->value = change->value;
        loaded->store_ms = change->store_ms;
        loaded->modified_ms = change->modified_ms;
        if (loaded->value && !operation->lists_runs)
            desk_check(loaded->value, &operation->err);
        older = json_get_text(loaded->value, "older");
    } else {
        json_array_extend(loaded->more, json_object_get(change->value, "runs"));
        older = json_get_text(change->value, "older");
    }
    free(loaded->older);
    loaded->older = older ? mem_strdup(older) : NULL;
    if (change->value != loaded->value)
        json_decref(change->value);
    load_step(operation);
}

static void add_load(struct operation *operation, const char *key)
{
    operation->loads =
        mem_realloc(operation->loads, operation->load_count + 1, sizeof(*operation->loads));
    operation->loads[operation->load_count++] =
        (struct loaded){.operation = operation, .key = mem_strdup(key)};
}

static void on_listed(struct s3_list *list, const struct error *err)
{
    struct operation *operation = container_of(list, struct operation, list);
    struct error late = {0};

    timer_stop(&operation->timer);
    if (err && operation->expired) {
        error_set(&late, ERROR_TIMEOUT,
            "state %s: its leases could not be listed in time; check the network, s3.endpoint and "
            "the "
            "store",
            operation->owner->name);
        err = &late;
    }
    error_keep_first(&operation->err, err);
    if (!err && list->more)
        error_set(&operation->err, ERROR_LIMIT, "state %s: there are more than %d leases below it",
            operation->owner->name, LOADS_MAX);
    for (size_t i = 0; !operation->err.code && i < list->item_count; i++)
        add_load(operation, list->items[i].key);
    operation->state = OPERATION_LOADING;
    load_step(operation);
}

static void on_late(struct timer *timer)
{
    struct operation *operation = container_of(timer, struct operation, timer);

    operation->expired = true;
    s3_list_cancel(&operation->list);
}

static void list(struct operation *operation, uint64_t limit)
{
    operation->state = OPERATION_LISTING;
    operation->list = (struct s3_list){.what = S3_LIST_OBJECTS,
        .bucket = operation->owner->bucket,
        .prefix = operation->list_prefix,
        .limit = limit,
        .arena = &operation->arena,
        .done = on_listed};
    timer_start(&operation->timer, (uint64_t)state_s3_timeout_ms(operation->owner), 0, on_late);
    s3_list_start(operation->owner->client, &operation->list);
}

static void list_desks(struct operation *operation, const char *pipeline)
{
    operation->lists_runs = false;
    free(operation->list_prefix);
    operation->list_prefix =
        state_s3_key(operation->owner, "leases", pipeline ? pipeline : "", NULL, "");
    list(operation, LOADS_MAX);
}

/* --- finding a run --- */

/* Its object may be of an attempt before the one that runs. */
static void on_found(struct change *change, const struct error *err)
{
    struct operation *operation = container_of(change, struct operation, change);

    free(change->value_etag);
    operation->loading--;
    operation->found = change->value;
    if (err) {
        operation_end(operation, err);
        return;
    }
    if (!operation->found) {
        list_desks(operation, NULL);
        return;
    }
    operation->state = OPERATION_LOADING;
    free(operation->run_key);
    operation->run_key =
        state_s3_key(operation->owner, "leases", json_get_text(operation->found, "pipeline"),
            json_get_text(operation->found, "instance"), ".json");
    add_load(operation, operation->run_key);
    load_step(operation);
}

static void find_run(struct operation *operation)
{
    const struct state_request *request = operation->request;
    const char *run_id = request->run_id ? request->run_id : "";
    struct slot *slot = state_s3_slot_of_run(operation->owner, run_id);

    if (request->brief && slot && slot->held && desk_find_run(slot->value, run_id)) {
        operation->state = OPERATION_LOADING;
        add_load(operation, slot->key);
        load_step(operation);
        return;
    }
    if (uuid_valid(run_id)) {
        operation->state = OPERATION_FINDING;
        operation->run_key = state_s3_key(operation->owner, "runs", run_id, NULL, ".json");
        read_object(operation, &operation->change, operation->run_key, on_found);
        return;
    }
    operation->lists_runs = true;
    operation->list_prefix = state_s3_key(operation->owner, "runs", run_id, NULL, "");
    list(operation, 3); /* the run itself, and two others to name */
}

/* --- the flow --- */

static bool matches(const struct state_request *request, const json_t *run)
{
    return !request->failed_only || desk_is_failure(desk_outcome(run));
}

static size_t count_matches(const struct state_request *request, const json_t *runs)
{
    const json_t *run;
    size_t count = 0, i;

    json_array_foreach(runs, i, run)
    {
        count += matches(request, run);
    }
    return count;
}

static size_t limit_of(const struct state_request *request)
{
    return request->limit > 0 ? (size_t)request->limit : LIMIT_DEFAULT;
}

static bool is_wanted(const struct state_request *request, const json_t *desk)
{
    return (!request->pipeline || text_equal(json_get_text(desk, "pipeline"), request->pipeline)) &&
           (!request->instance || text_equal(json_get_text(desk, "instance"), request->instance));
}

/* Lists may want runs that are in objects of their own. */
static bool load_older(struct operation *operation)
{
    const struct state_request *request = operation->request;

    if (request->verb != STATE_LIST_RUNS)
        return false;
    for (size_t i = 0; i < operation->load_count; i++) {
        struct loaded *loaded = &operation->loads[i];

        if (!loaded->older || !is_wanted(request, loaded->value) ||
            count_matches(request, json_object_get(loaded->value, "runs")) +
                    count_matches(request, loaded->more) >=
                limit_of(request))
            continue;
        if (!loaded->more)
            loaded->more = json_array();
        free(loaded->key);
        loaded->key = mem_strdup(loaded->older);
        read_object(operation, &loaded->change, loaded->key, on_loaded);
        return true;
    }
    return false;
}

/* The document of a lease that is ours, as we know it. */
static const struct slot *own_slot(const struct state_s3 *owner, const char *key)
{
    for (size_t i = 0; i < owner->slot_count; i++) {
        if (strcmp(owner->slots[i]->key, key) == 0)
            return owner->slots[i]->held && owner->slots[i]->value ? owner->slots[i] : NULL;
    }
    return NULL;
}

static void load_next(struct operation *operation)
{
    struct loaded *loaded = &operation->loads[operation->next_load++];
    const struct slot *own = own_slot(operation->owner, loaded->key);

    if (own) {
        const char *older = json_get_text(own->value, "older");

        loaded->value = json_deep_copy(own->value);
        loaded->older = older ? mem_strdup(older) : NULL;
    } else {
        read_object(operation, &loaded->change, loaded->key, on_loaded);
    }
}

static void resolve(struct operation *operation)
{
    const struct state_request *request = operation->request;
    const char *run_id = request->run_id;
    struct error err = {0};

    if (request->verb == STATE_ADD_JOURNAL)
        run_id = request->entries ? request->entries[0].run_id : request->journal.run_id;
    operation->slot = state_s3_slot_of_run(operation->owner, run_id);
    if (operation->slot) {
        slot_take(operation);
        return;
    }
    if (request->verb == STATE_ADD_JOURNAL)
        error_set(&err, ERROR_INVALID,
            "journal of run %s: neither the request nor a record or lease of the run says which "
            "pipeline it is of",
            run_id ? run_id : "(none)");
    operation_end(operation, err.code ? &err : NULL); /* nobody has anything of it */
}

/* What was read is known from now on, so that the run is found in it. */
static void keep_loaded(struct operation *operation)
{
    for (size_t i = 0; i < operation->load_count; i++) {
        struct loaded *loaded = &operation->loads[i];
        struct slot *slot;

        if (!loaded->value)
            continue;
        slot = state_s3_slot(operation->owner, json_get_text(loaded->value, "pipeline"),
            json_get_text(loaded->value, "instance"));
        if (!slot->held && !slot->batch) {
            json_decref(slot->value);
            slot->value = json_incref(loaded->value);
        }
    }
}

static void load_step(struct operation *operation)
{
    while (!operation->err.code && operation->next_load < operation->load_count &&
           operation->loading < PARALLEL)
        load_next(operation);
    if (operation->loading > 0)
        return;
    if (operation->err.code) {
        operation_end(operation, NULL);
        return;
    }
    if (operation->lists_runs) { /* then those that run, of which there is no object yet */
        list_desks(operation, NULL);
        return;
    }
    if (load_older(operation))
        return;
    if (operation_reads(operation)) {
        answer(operation);
        return;
    }
    keep_loaded(operation);
    resolve(operation);
}

void load_resolve(struct operation *operation)
{
    list_desks(operation, NULL);
}

void load_start(struct operation *operation)
{
    const struct state_request *request = operation->request;

    if (request->verb == STATE_GET_RUN) {
        find_run(operation);
        return;
    }
    if (!request->pipeline || (!request->instance && request->verb != STATE_LIST_HOOKS)) {
        list_desks(operation, request->pipeline);
        return;
    }
    operation->state = OPERATION_LOADING;
    operation->run_key = state_s3_key(operation->owner, "leases", request->pipeline,
        request->instance ? request->instance : "", ".json");
    add_load(operation, operation->run_key);
    load_step(operation);
}
