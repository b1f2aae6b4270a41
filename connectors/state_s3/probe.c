#include "connectors/state_s3/probe.h"

#include "runner/base/mem.h"
#include "runner/base/text.h"
#include "runner/base/time.h"
#include "runner/base/uuid.h"

#include <stdio.h>
#include <string.h>

static void probe_step(struct probe *probe);
static void enter_state(struct probe *probe, enum probe_state state);

static void on_call(struct s3_call *call, const struct error *err)
{
    struct probe_racer *racer = container_of(call, struct probe_racer, call);
    struct probe *probe = racer->probe;
    const char *etag = s3_call_header(call, "ETag");
    const bool refused = err && (call->status == 412 || call->status == 409);

    racer->won = !err;
    probe->winners += racer->won;
    probe->doubtful += err && !refused && err->class == ERROR_TRANSIENT;
    if (err && !refused && probe->state != PROBE_REMOVING)
        error_keep_first(&probe->err, err);
    if (racer->won && etag && probe->state == PROBE_CREATING)
        snprintf(probe->etag, sizeof(probe->etag), "%s", etag);
    if (--probe->running == 0)
        probe_step(probe);
}

static void put(struct probe *probe, struct probe_racer *racer, const char *etag)
{
    racer->probe = probe;
    racer->header =
        etag ? (struct http_header){"If-Match", etag} : (struct http_header){"If-None-Match", "*"};
    snprintf(racer->body, sizeof(racer->body), "{\"probe\":%d,\"racer\":%d}\n", (int)probe->state,
        (int)(racer - probe->racers));
    racer->call = (struct s3_call){.method = "PUT",
        .bucket = probe->bucket,
        .key = probe->key,
        .headers = &racer->header,
        .header_count = 1,
        .body = {.kind = HTTP_BODY_MEMORY,
            .bytes = racer->body,
            .length = (int64_t)strlen(racer->body)},
        .fresh = true, /* each on a connection of its own: at the same moment */
        .done = on_call};
    probe->running++;
    s3_call_start(probe->client, &racer->call);
}

static void race(struct probe *probe, const char *etag)
{
    for (unsigned i = 0; i < PROBE_RACERS; i++)
        put(probe, &probe->racers[i], etag);
}

static void remove_object(struct probe *probe)
{
    struct probe_racer *racer = &probe->racers[0];

    racer->probe = probe;
    racer->call = (struct s3_call){
        .method = "DELETE", .bucket = probe->bucket, .key = probe->key, .done = on_call};
    probe->running++;
    s3_call_start(probe->client, &racer->call);
}

static void enter_state(struct probe *probe, enum probe_state state)
{
    char uuid[UUID_TEXT_SIZE];

    probe->state = state;
    probe->winners = probe->doubtful = 0;
    switch (state) {
    case PROBE_CREATING:
        error_clear(&probe->err);
        probe->etag[0] = '\0';
        snprintf(probe->key, sizeof(probe->key), "%sprobe/%s", probe->prefix,
            uuid_v7(time_now_ms(), uuid));
        race(probe, NULL);
        break;
    case PROBE_REPLACING:
        race(probe, probe->etag);
        break;
    case PROBE_REFUSED:
        put(probe, &probe->racers[0], NULL);
        put(probe, &probe->racers[1], probe->etag);
        break;
    case PROBE_REMOVING:
        remove_object(probe);
        break;
    }
}

static int refuse(struct probe *probe, const char *what)
{
    return error_set(&probe->err, ERROR_NOT_SUPPORTED,
        "state %s: conditional writes do not hold in this store (%s), so two runs could have one "
        "lease; use a store where they do (AWS S3, MinIO, SeaweedFS from 4.17 on, …), or state: "
        "sqlite:PATH",
        probe->name, what);
}

/* 0: as it has to be; 1: not clear. */
static int judge(struct probe *probe)
{
    char what[64];

    if (probe->err.code == ERROR_NOT_SUPPORTED || probe->err.code == ERROR_INVALID)
        return refuse(probe, "it does not take If-None-Match and If-Match");
    if (probe->err.code && probe->err.class != ERROR_TRANSIENT)
        return -1;
    if (probe->state == PROBE_REFUSED && probe->winners > 0)
        return refuse(probe, "a PUT was done though its condition did not hold");
    if (probe->state != PROBE_REFUSED && probe->winners > 1) {
        snprintf(what, sizeof(what), "%u of %d PUTs at once were done with %s", probe->winners,
            PROBE_RACERS, probe->state == PROBE_CREATING ? "If-None-Match" : "one If-Match");
        return refuse(probe, what);
    }
    if (probe->state == PROBE_REFUSED)
        return probe->doubtful > 0;
    return probe->winners == 1 && probe->etag[0] ? 0 : 1;
}

static void probe_step(struct probe *probe)
{
    int result;

    if (probe->state == PROBE_REMOVING && probe->goes_on) {
        enter_state(probe, PROBE_CREATING);
        return;
    }
    if (probe->state == PROBE_REMOVING) {
        probe->done(probe, probe->err.code ? &probe->err : NULL);
        return;
    }
    result = judge(probe);
    probe->goes_on = result == 1 && ++probe->round < PROBE_ROUNDS;
    if (probe->goes_on) {
        enter_state(probe, PROBE_REMOVING); /* each round has an object of its own */
        return;
    }
    if (result == 0)
        error_clear(&probe->err); /* of a loser that got no good answer */
    if (result == 1 && !probe->err.code)
        refuse(probe, "none of several PUTs at once was done");
    enter_state(
        probe, result == 0 && probe->state != PROBE_REFUSED ? probe->state + 1 : PROBE_REMOVING);
}

void probe_start(struct probe *probe)
{
    probe->round = 0;
    probe->goes_on = false;
    error_clear(&probe->err);
    enter_state(probe, PROBE_CREATING);
}
