/* Whether a catalog and its data files are sound: the catalog's own check, then every data file
 * that it knows: there, as large as it says and, on demand, byte for byte what was committed. */
#ifndef RUNNER_ENGINE_FSCK_H
#define RUNNER_ENGINE_FSCK_H

#include "runner/base/table.h"
#include "runner/engine/engine.h"
#include "runner/engine/slots.h"
#include "runner/io/scratch.h"

struct fsck;

/* Called exactly once, on the loop, never from within start or cancel. err: it could not be found
 * out; faults that were found are no error. */
typedef void (*fsck_fn)(struct fsck *fsck, const struct error *err);

/* On the loop: one line that names what is wrong and where. */
typedef void (*fsck_fault_fn)(struct fsck *fsck, const char *fault);

enum fsck_step {
    FSCK_IDLE,
    FSCK_CATALOG, /* its own check */
    FSCK_MAKING,  /* a folder for what is read */
    FSCK_LISTING, /* a page of the catalog's files … */
    FSCK_FILES,   /* … is looked at */
    FSCK_CLEANING,
    FSCK_DONE,
};

enum { FSCK_FILES_AT_ONCE = 16 };

/* A file that is looked at. */
struct fsck_look {
    struct fsck *fsck;
    const struct catalog_file *file;
    const struct catalog_delta *delta;
    struct store_request request;
    struct arena arena;
    struct work work;
    char *path;
    char checksum[16];
    struct error err;
    bool busy;
};

/* The caller owns it and keeps it until `done`; zeroed but for the arguments. */
struct fsck {
    /* arguments */
    struct engine *engine;
    struct catalog_locator at; /* namespace NULL: everything; version 0: all of the table's */
    bool checksums;            /* reads every byte */
    fsck_fault_fn fault;
    fsck_fn done;

    /* results */
    size_t files, unsummed, faults; /* unsummed: files without a checksum to compare with */
    uint64_t bytes;

    struct arena page_arena;
    enum fsck_step step;
    bool cancelled;
    struct catalog *catalog;
    struct catalog_query query;
    struct scratch scratch;
    struct work work;
    struct table seen; /* a file that several deltas refer to is looked at once */
    struct fsck_look looks[FSCK_FILES_AT_ONCE];
    size_t delta, file; /* the next one of the page */
    unsigned in_flight;
    struct error err;
};

void fsck_start(struct fsck *fsck);
void fsck_cancel(struct fsck *fsck); /* still ends in done; again is harmless */
void fsck_deinit(struct fsck *fsck); /* after done */

#endif
