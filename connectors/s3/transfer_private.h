/* The insides of transfer.h: names (pure), sources, items, batches that are removed, the flow. */
#ifndef CONNECTORS_S3_TRANSFER_PRIVATE_H
#define CONNECTORS_S3_TRANSFER_PRIVATE_H

#include "connectors/s3/call.h"
#include "connectors/s3/copy.h"
#include "connectors/s3/get.h"
#include "connectors/s3/list.h"
#include "connectors/s3/put.h"
#include "connectors/s3/remove.h"
#include "connectors/s3/sync.h"
#include "connectors/s3/transfer.h"
#include "connectors/s3/uri.h"
#include "runner/base/table.h"
#include "runner/io/file.h"
#include "runner/io/timer.h"
#include "runner/io/work.h"

/* --- names, pure (transfer_name.c) --- */

/* What an argument names: bucket and key, or (bucket NULL) a path. */
struct transfer_place {
    const char *bucket, *name;
};

int transfer_place_parse(
    const char *text, struct arena *arena, struct transfer_place *ret_place, struct error *err);

enum transfer_kind { TRANSFER_ONE, TRANSFER_FOLDER, TRANSFER_PATTERN };

/* A source, as it is expanded. */
struct transfer_origin {
    struct transfer_place place;
    enum transfer_kind kind;
    const char *folder; /* all its names begin so, relative ones follow: "" or ends in "/" */
};

/* Local: whether a name with wildcards is a file's is found out when it is expanded. */
int transfer_origin_parse(const char *text, const struct s3_transfer *transfer, struct arena *arena,
    struct transfer_origin *ret_origin, struct error *err);

struct transfer_target {
    struct transfer_place place;
    bool is_folder;
};

/* Where `relative` goes; a new text to free(). */
char *transfer_target_name(const struct transfer_target *target, const char *relative);

/* ERROR_DATA where a key cannot become a path below a folder. */
int transfer_check_path(const char *relative, struct error *err);

/* Left out is what an exclude matches and no include; with includes alone, all that none matches.
 * A pattern without "/" is about the last part of the name, one with "/" about all of it. */
bool transfer_wanted(
    const struct text_list *include, const struct text_list *exclude, const char *relative);

/* What cannot be meant: ERROR_INVALID. `target` is NULL where there is none. */
int transfer_check(const struct s3_transfer *transfer, const struct transfer_origin *origins,
    const struct transfer_place *target, struct error *err);

/* "s3://bucket/key" or the path, printable, cut when long. */
const char *transfer_shown(const char *bucket, const char *name, char text[S3_NAME_SIZE]);

/* --- what is there (transfer_source.c) --- */

struct transfer_candidate {
    const char *relative, *name;
    int64_t size; /* -1: not known */
    int64_t modified_ms;
    const char *etag, *version_id;
    struct file_stamp stamp; /* of a file */
    const struct error *err; /* a folder of this machine that cannot be read; NULL: an object */
};

struct transfer_source;
typedef void (*transfer_source_fn)(struct transfer_source *source);

/* One origin, page by page: take until it gives nothing more. */
struct transfer_source {
    struct s3_client *client;
    const struct s3_transfer *transfer;
    struct transfer_origin origin;
    bool look;                  /* also a single key is looked for, not taken on trust */
    transfer_source_fn changed; /* there may be more to take, or it ended */

    struct s3_list list;
    struct work walk;
    struct arena page;
    struct transfer_candidate *items;
    size_t count, capacity, cursor;
    bool listing, walking, paused, cancelled, enough;
    uint64_t found; /* so far */
    struct error err;
};

void transfer_source_start(struct transfer_source *source);
/* False: nothing now. The texts live until the next take that gives nothing. */
bool transfer_source_take(struct transfer_source *source, struct transfer_candidate *ret_candidate);
/* Nothing is under way and nothing is left to take. */
bool transfer_source_over(const struct transfer_source *source);
/* Whether it may find more. */
bool transfer_source_grows(const struct transfer_source *source);
/* Adds what was found and not taken. */
void transfer_source_left(const struct transfer_source *source, struct s3_transfer_totals *totals);
void transfer_source_cancel(struct transfer_source *source);
void transfer_source_deinit(struct transfer_source *source);

/* --- one object on its way (transfer_item.c) --- */

enum item_state {
    ITEM_LOOKING, /* no_clobber: whether the target is there */
    ITEM_OPENING, /* a download: its folder and temporary file */
    ITEM_MOVING,
    ITEM_NAMING,   /* a download: its time and its name, or away with it */
    ITEM_REMOVING, /* the source */
    ITEM_OVER,
};

struct transfer_item {
    struct transfer_flow *flow;
    struct transfer_item *previous, *next;
    struct s3_transfer_item face;
    enum item_state state;
    struct error err;
    bool skipped;
    struct s3_call head;
    union {
        struct s3_put put;
        struct s3_get get;
        struct s3_copy copy;
    };
    struct s3_remove remove;
    struct s3_remove_item removed;
    struct work work;
    struct file_new file;
    struct file_stamp stamp;
    int64_t modified_ms;
    struct arena arena; /* of its texts */
};

/* Starts it; it ends in transfer_item_over(), from a later turn. */
void transfer_item_start(struct transfer_flow *flow, const struct transfer_place *from,
    const struct transfer_candidate *candidate, const struct transfer_place *to);
void transfer_item_cancel(struct transfer_item *item);
/* So far; grows and, where a part is sent again, shrinks. */
uint64_t transfer_item_bytes(struct transfer_item *item);

/* --- blocking parts of it (transfer_job.c) --- */

void transfer_job_open(struct work *work);   /* ITEM_OPENING */
void transfer_job_name(struct work *work);   /* ITEM_NAMING */
void transfer_job_unlink(struct work *work); /* ITEM_REMOVING of a file */
void transfer_job_walk(struct work *work);   /* a transfer_source's */

/* --- objects that go (transfer_remove.c) --- */

/* Up to S3_REMOVE_BATCH of one bucket. */
struct transfer_batch {
    struct transfer_flow *flow;
    struct transfer_batch *next;
    struct s3_remove remove;
    struct s3_remove_item *items;
    int64_t *sizes;
    struct arena arena;
};

struct transfer_batch *transfer_batch_new(struct transfer_flow *flow, const char *bucket);
void transfer_batch_add(struct transfer_batch *batch, const struct transfer_candidate *candidate);
/* Ends in transfer_batch_over(), from a later turn; frees itself. */
void transfer_batch_start(struct transfer_batch *batch);

/* SYNC with remove_extra: the next of the target's that the source does not have. False: none is
 * left to start. */
bool transfer_remove_extra(struct transfer_flow *flow);

/* --- the flow (transfer.c) --- */

enum transfer_state {
    TRANSFER_LOOKING, /* at the target */
    TRANSFER_RUNNING,
    TRANSFER_REMOVING, /* what is extra */
    TRANSFER_ENDING,   /* what is under way */
    TRANSFER_CLOSING,
};

enum { TRANSFER_BATCHES_MAX = 4 };

struct transfer_flow {
    struct s3_client *client;
    struct s3_transfer *transfer;
    struct arena arena;
    struct timer timer;
    enum transfer_state state;
    struct error err;     /* ends it */
    struct error failure; /* the first object's */
    struct transfer_origin *origins;
    size_t at; /* of the origin that is expanded */
    struct transfer_source source;
    bool source_open;
    uint64_t taken; /* from sources */
    struct transfer_target target;
    struct table names; /* of what went to the target, where there are several sources */
    struct work look;   /* at a local target */
    bool looking;
    struct sync_index index;
    size_t extra_at;   /* of the index */
    struct work extra; /* removes a file that is extra */
    struct error extra_err;
    bool extra_running;
    struct transfer_item *items; /* under way */
    unsigned item_count;
    struct transfer_batch *batches;
    unsigned batch_count;
    struct s3_transfer_totals totals;
};

void transfer_step(struct transfer_flow *flow);

/* Told and counted. `err` NULL: it went well. */
void transfer_tell(
    struct transfer_flow *flow, const struct s3_transfer_item *item, const struct error *err);

#endif
