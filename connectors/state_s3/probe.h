/* Whether a store's conditional writes hold: of several that race one may win, and one whose
 * condition does not hold may not. There are stores that take the headers and ignore them, and some
 * that look at them too early, so that every racer wins: leases on those would be nobody's. */
#ifndef CONNECTORS_STATE_S3_PROBE_H
#define CONNECTORS_STATE_S3_PROBE_H

#include "connectors/s3/call.h"
#include "connectors/s3/client.h"
#include "runner/base/arena.h"

enum { PROBE_RACERS = 3, PROBE_ROUNDS = 3 };

struct probe;

/* Exactly once, on the loop, never from within start. ERROR_NOT_SUPPORTED: they do not hold. */
typedef void (*probe_done_fn)(struct probe *probe, const struct error *err);

enum probe_state {
    PROBE_CREATING,  /* all at once: If-None-Match */
    PROBE_REPLACING, /* all at once: If-Match, what was created */
    PROBE_REFUSED,   /* both at once: conditions that do not hold */
    PROBE_REMOVING,
};

struct probe_racer {
    struct probe *probe;
    struct s3_call call;
    struct http_header header;
    char body[64];
    bool won;
    struct error err;
};

struct probe {
    /* arguments */
    struct s3_client *client;
    const char *bucket, *prefix; /* of keys, with its "/" */
    const char *name;            /* of the state, for errors: "s3://bucket/prefix" */
    probe_done_fn done;

    enum probe_state state;
    unsigned round, running, winners, doubtful;
    bool goes_on; /* with another round, once this one's object is removed */
    char key[1200], etag[256];
    struct probe_racer racers[PROBE_RACERS];
    struct error err;
};

void probe_start(struct probe *probe);

#endif
