/* What changed in a table between two positions, as files of rows that came and rows that went.
 * Pure, in two steps: what the catalog listed goes in; where a partition was replaced meanwhile, it
 * has to be asked when; then the files come out.
 *
 * A compaction replaces a partition and changes nothing: its chain, each one read from the position
 * on at which the one before ended and beginning with a rewrite of that position, is followed.
 * Anything else (an overwrite, a delete) takes away all rows that were there and brings those that
 * are there now; what came and went in between is not told. */
#ifndef RUNNER_ENGINE_TABLE_CHANGES_H
#define RUNNER_ENGINE_TABLE_CHANGES_H

#include "runner/base/table.h"
#include "runner/engine/table_files.h"

/* A partition as far as it is known. */
struct table_member {
    const char *id;
    bool before, now;                /* it is read at the first, at the last position */
    int64_t rewritten, first_change; /* the greatest position of a rewrite in it; the least of a
                                        change in it. 0: there is none */
    bool asked;
    int64_t since, until;      /* where it was asked */
    struct table_member *next; /* of the same values */
};

struct table_changes {
    struct arena *arena;
    const struct catalog_delta *before, *between, *now; /* LIST_FILES, LIST_DELTAS, LIST_FILES */
    size_t before_count, between_count, now_count;
    struct table members, groups; /* by id; by values → the first member */
};

/* The deltas are borrowed; `between` are those of all partitions, the oldest first. */
void table_changes_init(struct table_changes *changes);
void table_changes_deinit(struct table_changes *changes);

/* A partition whose span has to be set first; NULL: none is left. */
struct table_member *table_changes_next(struct table_changes *changes);

/* Fails with ERROR_INVALID where it cannot be told: a table with a key was rolled back. */
int table_changes_add(const struct table_changes *changes, const struct table_facts *facts,
    struct table_files *files, struct error *err);

#endif
