#include "connectors/state_sqlite/state_sqlite.h"

#include "connectors/state_sqlite/history.h"
#include "runner/base/mem.h"

#include <assert.h>

struct state_sqlite {
    struct state state;
    struct sqlite db; /* of the job that runs */
    struct observer self;
    struct work_lane lane;
    unsigned running;
};

struct operation {
    struct work work;
    struct state_sqlite *owner;
    struct state_request *request;
    struct error err;
};

static void run_operation(struct work *work)
{
    struct operation *operation = container_of(work, struct operation, work);
    struct state_sqlite *owner = operation->owner;

    if (history_run(&owner->db, &owner->self, operation->request, &operation->err) == 0)
        error_clear(&operation->err);
}

static void finish_operation(struct work *work, bool ran)
{
    struct operation *operation = container_of(work, struct operation, work);
    struct state_request *request = operation->request;
    const struct error err = operation->err;

    assert(ran); /* nobody cancels it: it is short */
    (void)ran;
    operation->owner->running--;
    free(operation);
    request->done(request, err.code ? &err : NULL);
}

static void start(struct state *state, struct state_request *request)
{
    struct state_sqlite *owner = container_of(state, struct state_sqlite, state);
    struct operation *operation = mem_new(struct operation);

    operation->work = (struct work){.run = run_operation, .done = finish_operation};
    operation->owner = owner;
    operation->request = request;
    owner->running++;
    request->state = state;
    request->operation = operation;
    work_submit(&owner->lane, &operation->work);
}

static struct state *open_state(const struct state_options *options, struct error *err)
{
    const struct sqlite_options file = {
        .path = options->location, .schema = &history_schema, .read_only = options->read_only};
    struct state_sqlite *owner = mem_new(struct state_sqlite);

    if (sqlite_open(&owner->db, &file, err)) {
        free(owner);
        return NULL;
    }
    owner->state.type = &state_sqlite_type;
    observer_init(&owner->self);
    work_lane_init(&owner->lane, options->pool, "state", 1);
    return &owner->state;
}

static void close_state(struct state *state)
{
    struct state_sqlite *owner;

    if (!state)
        return;
    owner = container_of(state, struct state_sqlite, state);
    assert(owner->running == 0);
    work_lane_deinit(&owner->lane);
    observer_deinit(&owner->self);
    sqlite_close(&owner->db);
    free(owner);
}

const struct state_type state_sqlite_type = {
    .scheme = "sqlite",
    .open = open_state,
    .start = start,
    .close = close_state,
};
