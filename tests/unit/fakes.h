/* Connectors that live in memory, for tests of the engine: each operation ends after 0 to 2 ms, by
 * a timer, in an order that the seed decides, and the nth one can be made to fail. They keep what a
 * real one would keep, so that a test can look at what a run left behind. */
#ifndef TESTS_UNIT_FAKES_H
#define TESTS_UNIT_FAKES_H

#include "runner/base/table.h"
#include "runner/engine/engine.h"

enum { FAKE_SEEN_MAX = 64 };

struct fakes {
    struct loop *loop;
    uint64_t random;
    unsigned delay_max_ms;

    unsigned operations, fail_at; /* the operation that fails; 0: none */
    enum error_code fail_with;
    bool fail_after_effect; /* it fails although it was done: the outcome is unknown */
    unsigned open;          /* operations under way */

    /* what is left behind */
    struct table objects;      /* key → version, in every store */
    struct table committed;    /* run id → record */
    struct table seen;         /* "load/extract/key" → version */
    struct table publications; /* "run/load" → to */
    struct table journal;      /* "run|kind|what" → entry */
    struct table runs;         /* run id → the outcome's name */
    bool leased;
    int64_t fence, catalog_fence;
    unsigned deltas; /* committed */
    int64_t delta_rows;
    unsigned sessions;

    const char *source_keys[8]; /* what a listing gives */
    size_t source_count;
    int64_t rows;            /* of every dataset */
    unsigned files_per_load; /* of every write */
    bool check_fails;
};

/* Zeroes and seeds it. */
void fakes_init(struct fakes *fakes, unsigned seed);
void fakes_deinit(struct fakes *fakes);

/* Entries of a table that were not forgotten. */
size_t fakes_left(const struct table *table);

/* The registry of a `file:`, `sqlite:` environment over them; one set of fakes at a time. */
const struct engine_registry *fakes_registry(struct fakes *fakes);

#endif
