/* Leases: who runs (pipeline, instance), and whether that process is still there. */
#include "connectors/state_s3/desk.h"

#include "runner/base/mem.h"
#include "runner/base/text.h"
#include "runner/base/time.h"

#include <stdio.h>
#include <string.h>

enum {
    TTL_DEFAULT_MS = 60 * MS_PER_SECOND,
    BEATS = 6,                      /* in a ttl */
    WATCHED_PART = 3,               /* of a ttl: twice the time between two heartbeats */
    STORE_SLACK_MS = MS_PER_SECOND, /* Date and Last-Modified are whole seconds */
    LISTED_MS_MIN = 10 * MS_PER_MINUTE,
    LISTED_TTLS = 10,
};

/* --- who is there --- */

static void copy_text(const json_t *desk, const char *key, char text[PROCESS_TEXT_SIZE])
{
    const char *said = json_get_text(desk, key);

    snprintf(text, PROCESS_TEXT_SIZE, "%s", said ? said : "");
}

static struct process holder_of(const json_t *desk)
{
    struct process holder = {.id = json_get_int(desk, "process_id", 0),
        .start_ticks = json_get_int(desk, "start_ticks", 0)};

    copy_text(desk, "host", holder.host);
    copy_text(desk, "boot_id", holder.boot_id);
    copy_text(desk, "pid_space", holder.pid_space);
    return holder;
}

static int64_t ttl_of(const json_t *desk)
{
    return MAX(json_get_int(desk, "ttl_ms", TTL_DEFAULT_MS), 1);
}

/* A name says nothing of a host here: many share one (a container's, a function's), and those that
 * share this state need not share a disk. Only what runs under this very kernel can be seen. */
static enum process_status look(const json_t *desk, const struct desk_sight *sight)
{
    const struct process holder = holder_of(desk);

    if (!json_is_true(json_object_get(desk, "held")))
        return PROCESS_DEAD;
    if (!holder.boot_id[0] || strcmp(holder.boot_id, sight->self->boot_id) != 0)
        return PROCESS_UNKNOWN;
    return process_look(sight->self, &holder);
}

/* By the store's own two times; false: it did not say them. */
static bool store_age(const struct desk_sight *sight, int64_t *ret_age_ms)
{
    *ret_age_ms = sight->store_ms - sight->modified_ms;
    return sight->store_ms > 0 && sight->modified_ms > 0;
}

/* One that cannot be seen is silent when the store's clock and our own both say so. Should the
 * store's jump, two heartbeats of a live one come while it is watched; should it be no use at all,
 * our own has to see the whole ttl pass. */
enum desk_presence desk_presence(const json_t *desk, const struct desk_sight *sight)
{
    const enum process_status status = look(desk, sight);
    const int64_t ttl_ms = ttl_of(desk);
    int64_t age_ms;

    if (status == PROCESS_DEAD)
        return DESK_FREE;
    if (status == PROCESS_LIVE || status == PROCESS_HIDDEN)
        return sight->steady_ms - json_get_int(desk, "steady_ms", 0) > ttl_ms ? DESK_SILENT
                                                                              : DESK_LIVE;
    if (sight->watched_ms > ttl_ms)
        return DESK_SILENT;
    if (!store_age(sight, &age_ms) || age_ms < -STORE_SLACK_MS)
        return DESK_DOUBTED;
    if (age_ms <= ttl_ms + STORE_SLACK_MS)
        return DESK_LIVE;
    return sight->watched_ms > ttl_ms / WATCHED_PART ? DESK_SILENT : DESK_DOUBTED;
}

bool desk_seems_live(const json_t *desk, const struct desk_sight *sight)
{
    const enum desk_presence presence = desk_presence(desk, sight);
    int64_t age_ms;

    return presence == DESK_LIVE ||
           (presence == DESK_DOUBTED &&
               (!store_age(sight, &age_ms) ||
                   age_ms <= MAX((int64_t)LISTED_MS_MIN, LISTED_TTLS * ttl_of(desk))));
}

/* --- acquiring --- */

static int fail_busy(const json_t *desk, const struct state_lease *lease, struct error *err)
{
    const struct process holder = holder_of(desk);
    const char *run_id = json_get_text(desk, "run_id");
    char since[TIME_TEXT_SIZE];

    time_format_rfc3339(json_get_int(desk, "acquired_ms", 0), since);
    return error_set(err, ERROR_BUSY,
        "%s%s%s is being run by process %lld on %s since %s (run %s); wait for it, or stop it",
        lease->pipeline, lease->instance[0] ? "/" : "", lease->instance, (long long)holder.id,
        holder.host, since, run_id ? run_id : "");
}

int desk_judge(const json_t *desk, const struct desk_sight *sight, struct state_request *request,
    bool *ret_silent, struct error *err)
{
    const enum desk_presence presence = desk_presence(desk, sight);
    const bool is_ours = presence == DESK_LIVE && look(desk, sight) == PROCESS_LIVE &&
                         json_get_int(desk, "process_id", 0) == sight->self->id &&
                         text_equal(json_get_text(desk, "run_id"), request->lease.run_id);
    const struct state_lease lease = {
        .pipeline = json_get_text(desk, "pipeline"), .instance = json_get_text(desk, "instance")};

    request->watch_ms = presence == DESK_DOUBTED ? MAX(ttl_of(desk) / BEATS, 1) : 0;
    *ret_silent = presence == DESK_SILENT;
    return presence <= DESK_SILENT || is_ours ? 0 : fail_busy(desk, &lease, err);
}

/* Whoever is said to run does not: the lease is ours now. */
static void mark_lost(json_t *desk, const json_t *ended, struct state_request *request)
{
    json_t *runs = desk_list(desk, "runs"), *run;
    size_t i;

    request->runs =
        arena_array(request->arena, MAX(json_array_size(runs), 1), sizeof(*request->runs));
    request->count = 0;
    json_array_foreach(runs, i, run)
    {
        const char *run_id = json_get_text(run, "run_id");
        const json_t *said = json_object_get(ended, run_id);
        struct state_request put = {0};

        if (desk_outcome(run) != STATE_RUNNING || text_equal(run_id, request->lease.run_id))
            continue;
        /* It may tell of another attempt under the same id, before this one. */
        if (json_get_int(said, "started_ms", -1) != json_get_int(run, "started_ms", 0))
            said = run;
        desk_to_run(said, json_get_text(desk, "pipeline"), json_get_text(desk, "instance"),
            request->arena, &put.run);
        if (put.run.outcome == STATE_RUNNING) {
            put.run.outcome = STATE_LOST;
            put.run.finished_ms = request->lease.acquired_ms;
            put.run.error = put.run.error ? put.run.error : "its process ended without saying how";
            request->runs[request->count++] = put.run;
        }
        desk_put_run(desk, &put, NULL); /* which moves it to the front: what comes next stays */
    }
}

void desk_take(json_t *desk, const struct desk_sight *sight, const json_t *ended, bool silent,
    struct state_request *request)
{
    const struct process *self = sight->self;
    struct state_lease *lease = &request->lease;

    lease->fence = MAX(json_get_int(desk, "fence", 0) + 1, request->fence_at_least);
    lease->acquired_ms = sight->store_ms > 0 ? sight->store_ms : time_now_ms();
    lease->silent = silent;
    lease->process_id = self->id;
    lease->host = arena_strdup(request->arena, self->host);
    json_put_int(desk, "fence", lease->fence);
    json_object_set_new(desk, "held", json_true());
    json_put_text(desk, "run_id", lease->run_id);
    json_put_text(desk, "host", self->host);
    json_put_text(desk, "boot_id", self->boot_id);
    json_put_text(desk, "pid_space", self->pid_space);
    json_put_int(desk, "process_id", self->id);
    json_put_int(desk, "start_ticks", self->start_ticks);
    json_put_int(desk, "acquired_ms", lease->acquired_ms);
    json_put_int(desk, "beats", 0);
    json_put_int(desk, "steady_ms", sight->steady_ms);
    json_put_int(desk, "ttl_ms", lease->ttl_ms > 0 ? lease->ttl_ms : TTL_DEFAULT_MS);
    mark_lost(desk, ended, request);
}

/* --- holding --- */

int desk_fail_fenced(const json_t *desk, const struct state_lease *lease, struct error *err)
{
    const struct process holder = holder_of(desk);
    const char *run_id = json_get_text(desk, "run_id");

    if (json_get_int(desk, "fence", 0) == lease->fence || !run_id)
        return error_set(err, ERROR_FENCED, "the lease of %s%s%s is gone; nothing was changed",
            lease->pipeline, lease->instance[0] ? "/" : "", lease->instance);
    return error_set(err, ERROR_FENCED,
        "the lease of %s%s%s was lost to process %lld on %s (run %s), as this process was not "
        "heard of for too long; nothing was changed",
        lease->pipeline, lease->instance[0] ? "/" : "", lease->instance, (long long)holder.id,
        holder.host, run_id);
}

static bool is_held(const json_t *desk, const struct state_lease *lease)
{
    return json_is_true(json_object_get(desk, "held")) &&
           json_get_int(desk, "fence", 0) == lease->fence &&
           text_equal(json_get_text(desk, "run_id"), lease->run_id);
}

int desk_renew(json_t *desk, const struct desk_sight *sight, const struct state_request *request,
    struct error *err)
{
    struct state_lease lease = request->lease;

    lease.instance = lease.instance ? lease.instance : "";
    if (!is_held(desk, &lease))
        return desk_fail_fenced(desk, &lease, err);
    json_put_int(desk, "beats", json_get_int(desk, "beats", 0) + 1);
    json_put_int(desk, "steady_ms", sight->steady_ms);
    return 0;
}

bool desk_release(json_t *desk, const struct state_request *request)
{
    if (!is_held(desk, &request->lease))
        return false;
    json_object_set_new(desk, "held", json_false());
    return true;
}

/* --- who is alive --- */

/* Whatever was said to run when the lease was taken is lost (mark_lost): what runs now belongs to
 * its holder. */
void desk_add_leases(const json_t *desk, const struct desk_sight *sight, struct arena *arena,
    struct state_lease *leases, size_t *count)
{
    const struct process holder = holder_of(desk);
    const char *run_id = json_get_text(desk, "run_id");
    const struct state_lease lease = {
        .pipeline = arena_strdup(arena, json_get_text(desk, "pipeline")),
        .instance = arena_strdup(arena, json_get_text(desk, "instance")),
        .run_id = arena_strdup(arena, run_id ? run_id : ""),
        .fence = json_get_int(desk, "fence", 0),
        .ttl_ms = ttl_of(desk),
        .host = arena_strdup(arena, holder.host),
        .process_id = holder.id,
        .acquired_ms = json_get_int(desk, "acquired_ms", 0),
        .heartbeat_ms = sight->modified_ms};
    const json_t *run;
    size_t i;

    if (!desk_seems_live(desk, sight))
        return;
    leases[(*count)++] = lease;
    json_array_foreach(json_object_get(desk, "runs"), i, run)
    {
        if (desk_outcome(run) != STATE_RUNNING || text_equal(json_get_text(run, "run_id"), run_id))
            continue;
        leases[*count] = lease;
        leases[(*count)++].run_id = arena_strdup(arena, json_get_text(run, "run_id"));
    }
}
