/* The inside of the state: state_s3.c is its face, slot.c what changes a document, load.c what
 * reads them, answer.c what they say. */
#ifndef CONNECTORS_STATE_S3_STATE_S3_PRIVATE_H
#define CONNECTORS_STATE_S3_STATE_S3_PRIVATE_H

#include "connectors/s3/list.h"
#include "connectors/state_s3/change.h"
#include "connectors/state_s3/desk.h"
#include "connectors/state_s3/probe.h"
#include "connectors/state_s3/state_s3.h"

struct operation;

/* One (pipeline, instance). */
struct slot {
    struct state_s3 *owner;
    char *pipeline, *instance, *key;
    json_t *value;                  /* the document as we know it; NULL: not known */
    char *etag;                     /* NULL: not known */
    bool held;                      /* by us, as far as we know: nobody else changes it */
    int64_t fence;                  /* … with this fence */
    char *seen_etag;                /* the document of somebody else that is watched … */
    int64_t seen_ms;                /* … since then */
    struct operation *first, *last; /* that wait */
    struct operation *batch;        /* that are under way */
    struct change change;
    struct probe probe;
    json_t *moved; /* runs on their way into an object of their own */
    char *moved_key;
};

struct state_s3 {
    struct state state;
    struct loop *loop;
    struct s3_client *client;
    struct arena arena;
    const char *bucket, *prefix, *name; /* prefix: "" or with its "/" */
    struct s3_object_options objects;
    bool read_only;
    bool is_dead; /* as far as the last request tells */
    struct process self;
    int64_t (*steady_ms)(void);
    struct slot **slots;
    size_t slot_count, slot_capacity;
    unsigned running;
};

/* A document that was read. */
struct loaded {
    struct operation *operation;
    char *key;
    json_t *value;
    int64_t store_ms, modified_ms;
    json_t *more; /* older runs that were read, too */
    char *older;  /* the object to read next; NULL: none */
    struct change change;
};

enum operation_state {
    OPERATION_STARTING,  /* from a turn of its own */
    OPERATION_RESOLVING, /* whose run it is */
    OPERATION_QUEUED,
    OPERATION_WRITING, /* what became of the run */
    OPERATION_FINDING, /* GET_RUN: by its whole id */
    OPERATION_LISTING,
    OPERATION_LOADING,
    OPERATION_ENDING,
};

struct operation {
    struct state_s3 *owner;
    struct state_request *request;
    struct operation *next;
    enum operation_state state;
    struct slot *slot;
    struct error err;
    struct timer timer; /* the next turn; the deadline of LISTING */
    bool checks_only;   /* PUT_RUN: first whether the lease is ours at all */
    bool lazy;          /* with the document's next write */
    bool probed, needs_probe, needs_ended, expired;
    json_t *ended; /* ACQUIRE: what objects of runs say, by run id; null: there is none */
    char *run_key;
    struct change change;
    /* reading */
    struct arena arena;
    struct s3_list list;
    char *list_prefix;
    bool lists_runs;
    struct loaded *loads;
    size_t load_count, next_load;
    unsigned loading;
    json_t *found; /* GET_RUN */
};

/* --- state_s3.c --- */

bool operation_reads(const struct operation *operation);
void operation_end(struct operation *operation, const struct error *err); /* from a later turn */
struct slot *state_s3_slot(
    struct state_s3 *owner, const char *pipeline, const char *instance);       /* made if need be */
struct slot *state_s3_slot_of_run(struct state_s3 *owner, const char *run_id); /* NULL: not known */
char *state_s3_key(const struct state_s3 *owner, const char *folder, const char *name,
    const char *instance, const char *end); /* to free() */
int64_t state_s3_timeout_ms(const struct state_s3 *owner);
struct desk_sight state_s3_sight(
    const struct state_s3 *owner, int64_t store_ms, int64_t modified_ms);

/* --- slot.c --- */

void slot_take(struct operation *operation); /* a verb that changes operation->slot */
void slot_free(struct slot *slot);

/* --- load.c --- */

void load_start(struct operation *operation);   /* a verb that reads */
void load_resolve(struct operation *operation); /* then operation->slot, or an error */
void load_deinit(struct operation *operation);

/* --- answer.c --- */

void answer(struct operation *operation); /* of what was read; ends it */

#endif
