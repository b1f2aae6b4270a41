/* Connectors that live in memory, for tests of the engine: each operation ends after 0 to 2 ms, by
 * a timer, in an order that the seed decides. Any of them can be made to fail, before or after it
 * took effect, or to hang until it is cancelled. They keep what real ones would keep, so that a
 * test can look at what a run left behind; files in a run's folder are real.
 *
 * Operations have names, which faults and tests ask for by their beginning:
 *     store.list PATTERN, store.get|check|put|delete|sweep KEY
 *     state.put_run ID, state.add_journal KIND, state.list_journal, state.clear_journal ID,
 *     state.list_runs, state.acquire_lease, state.renew_lease, state.release_lease
 *     catalog.get_version TABLE, catalog.get_commit ID, catalog.list_commits,
 *     catalog.list_seen LOAD/EXTRACT, catalog.list_publications
 *     catalog.raise_fence, catalog.commit, catalog.end_publication
 *     sql.scan|derive|write|export|drop DATASET, sql.check SQL, sql.query SQL */
#ifndef TESTS_UNIT_FAKES_H
#define TESTS_UNIT_FAKES_H

#include "runner/base/table.h"
#include "runner/engine/engine.h"

enum { FAKE_MAX = 64, FAKE_STARTED_MAX = 2048, FAKE_FAULTS_MAX = 4 };

struct fake_fault {
    const char *operation; /* how its name begins; NULL: no fault */
    unsigned skip, times;  /* of those that match: so many go well, then so many fail */
    enum error_code code;
    bool after_effect; /* it was done all the same: the outcome is unknown */
    bool hangs;        /* instead of failing: ends only when it is cancelled */
};

struct fake_source {
    const char *key, *version;
};

/* A table of the catalog: one version of it. */
struct fake_table {
    struct catalog_column columns[4];
    size_t column_count;
    int64_t schema_id;
    const char *partition_by[4]; /* borrowed */
    size_t partition_count;
    const char *key[4]; /* borrowed */
    size_t key_count;
    int64_t position;        /* of its newest delta */
    struct table partitions; /* values joined by "/" → struct fake_partition */
};

struct fake_partition {
    int64_t rows;
    unsigned deltas;
    struct table files; /* path → nothing */
};

/* What a SQL_QUERY whose text holds `part` says: one row. */
struct fake_answer {
    const char *part; /* NULL: no answer */
    const char *cells[8];
};

struct fake_commit {
    char *pipeline, *record;
    int64_t fence;
};

struct fakes {
    struct loop *loop;
    uint64_t random;
    unsigned delay_max_ms;

    unsigned operations, fail_at; /* the operation that fails; 0: none */
    enum error_code fail_with;
    bool fail_after_effect;
    struct fake_fault faults[FAKE_FAULTS_MAX];
    unsigned open;                     /* operations under way */
    unsigned transfers, transfers_max; /* gets, puts and checks at once */
    bool forgetful; /* no names are kept and no files made: for thousands of tasks */
    char *started[FAKE_STARTED_MAX]; /* names, in order */
    size_t started_count;
    void (*watch)(struct fakes *fakes, const char *name); /* before each one; NULL */
    void *watch_data;

    /* what is left behind */
    struct table objects;      /* key → version, in every store */
    struct table committed;    /* run id → struct fake_commit */
    struct table seen;         /* "load/extract/key" → version */
    struct table publications; /* "run|load|from" → to */
    struct table journal;      /* "run|kind|what" → fence */
    struct table runs;         /* run id → the outcome's name */
    struct table run_rows;     /* run id → rows, in decimal */
    struct table run_errors;   /* run id → error */
    struct table tables;       /* "n.t" → struct fake_table */
    struct table known_files;  /* every path that a delta ever named */
    bool leased;
    unsigned watches; /* so often the holder is doubted; then it is given up */
    char holder[64];
    int64_t fence, catalog_fence;
    unsigned sessions;

    struct fake_source sources[8]; /* what listings choose from, sorted by key */
    size_t source_count;
    int64_t rows;                    /* of every dataset */
    uint64_t dataset_bytes;          /* of every dataset that has files */
    const struct sql_column *schema; /* of every dataset */
    size_t schema_count;
    unsigned files_per_load; /* of every write */
    const char
        *partition_values[8];      /* of those files, one after another, where there is one field */
    struct fake_answer answers[4]; /* no rows to other queries */
    const char *failing_check;     /* checks whose SQL holds this fail */
    int64_t failing_count;         /* … and say so many rows */
};

/* Zeroes and seeds it. */
void fakes_init(struct fakes *fakes, unsigned seed);
void fakes_deinit(struct fakes *fakes);

/* Adds one. */
void fakes_fail(struct fakes *fakes, const char *operation, unsigned skip, unsigned times,
    enum error_code code, bool after_effect);
/* While one hangs, half an hour and more pass in a moment: a time-out of 1h ends at once, and no
 * other one can, however busy the machine is. */
void fakes_hang(struct fakes *fakes, const char *operation, unsigned times);
void fakes_heal(struct fakes *fakes); /* no faults any more, and an empty list of operations */

/* How many operations were started whose names begin so; the place of the first one in the list,
 * FAKE_STARTED_MAX where there is none. */
unsigned fakes_started(const struct fakes *fakes, const char *name);
size_t fakes_place(const struct fakes *fakes, const char *name);

/* Entries of a table that were not forgotten. */
size_t fakes_left(const struct table *table);

/* A table that is there from the beginning, empty, with the columns of all datasets. */
void fakes_make_table(struct fakes *fakes, const char *name);

/* Of what is committed: rows and deltas of a table, rows of one of its partitions. */
int64_t fakes_rows(const struct fakes *fakes, const char *table);
unsigned fakes_deltas(const struct fakes *fakes, const char *table);
int64_t fakes_partition_rows(const struct fakes *fakes, const char *table, const char *values);

/* Data files that a table names and the store has not; those of the store (below "n/", where the
 * tests' tables are) that no delta ever named. */
unsigned fakes_dangling(const struct fakes *fakes);
unsigned fakes_orphans(const struct fakes *fakes);

/* The registry of a `file:`, `sqlite:` environment over them; one set of fakes at a time. */
const struct engine_registry *fakes_registry(struct fakes *fakes);

#endif
