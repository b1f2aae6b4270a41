/* Data files in the environment's store that nothing in the catalog refers to: what expire, dropped
 * tables and attempts that never ended leave behind. Only what looks like ours, is older than the
 * grace period by the store's own clock, and that no live run is writing. */
#ifndef RUNNER_ENGINE_GC_H
#define RUNNER_ENGINE_GC_H

#include "runner/base/table.h"
#include "runner/engine/engine.h"
#include "runner/io/scratch.h"

struct gc;

/* Called exactly once, on the loop, never from within start or cancel. */
typedef void (*gc_fn)(struct gc *gc, const struct error *err);

/* What the catalog knows at first only keeps most of the store from being remembered. What counts
 * are leases and catalog after the store was listed: what a run has stored and committed since is
 * known to one of them. */
enum gc_step {
    GC_IDLE,
    GC_MAKING,  /* an object of no bytes … */
    GC_MARKING, /* … is put, so that … */
    GC_TIMING,  /* … its time says how late it is there */
    GC_UNMARKING,
    GC_STAGED,   /* what was staged, and perhaps abandoned */
    GC_DROPPING, /* what was */
    GC_KNOWN,    /* what the catalog knows, page by page */
    GC_STORED,   /* what is in the store and not known, page by page */
    GC_LEASES,   /* who is at work */
    GC_CHECKING, /* what the catalog knows by now */
    GC_DELETING,
    GC_SWEEPING, /* what killed processes were putting */
    GC_CLEANING,
    GC_DONE,
};

enum { GC_DELETIONS = 16 };

struct gc_deletion {
    struct gc *gc;
    struct store_request request;
    bool busy;
};

/* The caller owns it and keeps it until `done`; zeroed but for the arguments. */
struct gc {
    /* arguments */
    struct engine *engine;
    int64_t grace_ms;
    int64_t staged_ms; /* what was staged longer ago is abandoned; 0: nothing is */
    bool removes;      /* false: only says what would go */
    gc_fn done;

    /* results; until gc_deinit() */
    struct store_object *orphans;
    size_t orphan_count, removed, swept;
    uint64_t orphan_bytes;
    size_t young, busy; /* that nothing refers to either, but are too young, or a live run's */
    struct catalog_query staged; /* CATALOG_LIST_STAGED, before anything was dropped */
    int64_t abandoned_ms;        /* what was staged before that is abandoned; 0: nothing is */

    struct arena arena, page_arena;
    enum gc_step step;
    bool cancelled;
    int64_t now_ms; /* the store's */
    char *mark_path;
    const char *mark_key;
    struct scratch scratch;
    struct work work;
    struct store *tables;
    struct catalog *catalog;
    struct state *state;
    struct store_request store;
    struct gc_deletion deletions[GC_DELETIONS];
    struct state_request leases;
    struct catalog_query query;
    struct catalog_change drop;
    struct catalog_apply apply;
    /* By what the store calls them: data files of the catalog, and objects that are none; those
     * that the catalog came to know have no value. */
    struct table known, unknown;
    size_t next;
    unsigned in_flight;
    struct error err;
};

void gc_start(struct gc *gc);
void gc_cancel(struct gc *gc); /* still ends in done; again is harmless */
void gc_deinit(struct gc *gc); /* after done */

/* "n/t/1/…/<uuid>-….parquet". Pure. */
bool gc_is_ours(const char *key);

#endif
