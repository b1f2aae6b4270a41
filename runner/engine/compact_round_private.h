/* What compact_round.c and compact_merge.c share. */
#ifndef RUNNER_ENGINE_COMPACT_ROUND_PRIVATE_H
#define RUNNER_ENGINE_COMPACT_ROUND_PRIVATE_H

#include "runner/engine/compact_round.h"

/* Of pieces: what is old comes first, the groups follow one another. */
enum { COMPACT_OLD_POSITION = 1, COMPACT_FIRST_GROUP = 2 };

/* Rows are written into pieces by bucket before they are merged. */
bool compact_round_is_split(const struct compact_round *round);

/* Each bucket is picked out of all files: struct compact_pieces. */
bool compact_round_is_picked(const struct compact_round *round);
struct text_list compact_round_sort_by(const struct compact_round *round);

/* When the newest deletes of this round were committed. */
int64_t compact_round_deleted_ms(const struct compact_round *round);

void compact_round_add_file(
    struct compact_round *round, const struct catalog_file *file, int64_t bucket);
void compact_round_note_tombstone(
    struct compact_round *round, const char *key, int64_t committed_ms);

/* rewrite_key_fn; the key is noted before anything is put there. */
const char *compact_round_key(struct rewrite *rewrite, const char *const *values, const char *name);

/* Fills in what every rewrite has, and starts it. */
void compact_round_rewrite(struct compact_round *round, const struct rewrite *what);

/* compact_merge.c: the deletes of a bucket first, where they are kept; then its rows. False: no
 * bucket is left. */
bool compact_merge_next(struct compact_round *round);

#endif
