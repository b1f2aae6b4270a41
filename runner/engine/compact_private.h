/* What the parts of a compaction share: compact.c (the flow) and compact_steps.c. */
#ifndef RUNNER_ENGINE_COMPACT_PRIVATE_H
#define RUNNER_ENGINE_COMPACT_PRIVATE_H

#include "runner/engine/compact.h"

void compact_step(struct compact *compact); /* this state has ended */

/* compact_commit.c: the record of a commit, at changes[*at] */
void compact_commit_record(
    struct compact *compact, size_t first, size_t end, struct catalog_change *changes, size_t *at);

/* compact.c: over partitions that are done with, and all that was made of the listed ones */
void compact_skip_done(struct compact *compact);
void compact_free_rounds(struct compact *compact);

void compact_step_begin(struct compact *compact); /* ends in compact_step() */

/* Each returns true when it began something that ends in compact_step(), false when there was
 * nothing to do; failures go to compact->err. */
bool compact_step_find_table(struct compact *compact);
bool compact_step_ask_schemas(struct compact *compact);
bool compact_step_take_lease(struct compact *compact);
bool compact_step_recover_left(struct compact *compact);
bool compact_step_list_partitions(struct compact *compact);
bool compact_step_prepare(struct compact *compact);
int compact_step_open_session(struct compact *compact, struct error *err);
bool compact_step_journal(struct compact *compact, enum state_verb verb);
bool compact_step_begin_attempt(struct compact *compact);
bool compact_step_start_round(struct compact *compact);
bool compact_step_commit(struct compact *compact);
bool compact_step_settle(struct compact *compact);
bool compact_step_discard(struct compact *compact);
bool compact_step_clean(struct compact *compact);
bool compact_step_release(struct compact *compact);

#endif
