/* `only_new: {reread: partition}`: a new object brings its whole folder back, and, where rows of
 * that go into partitions that other folders have rows of, those, too. Part of a plan; pure. */
#ifndef RUNNER_ENGINE_PLAN_REREAD_H
#define RUNNER_ENGINE_PLAN_REREAD_H

#include "runner/engine/plan.h"

struct node_question;
struct seen_question;

bool plan_reread_is_asked(const struct graph_node *extract);
bool plan_reread_has(const struct graph *graph, const struct graph_node *load); /* a driver of it */

/* Once it is known which objects are new to a load: marks those that are read with them. */
void plan_reread_find(struct plan *plan, struct seen_question *question);

/* Once it is known what an extract reads. */
void plan_reread_choose(struct plan *plan, const struct graph_node *extract);

/* Once the tasks have run: adds to `partitions` (keys: reread_partition()) those that rows of the
 * load's folders went into before. */
void plan_reread_add_old(
    const struct plan *plan, const struct graph_node *load, struct table *partitions);

/* Notes folders that are still to be read, as they have rows in these partitions, and objects of
 * others that are gone. False: there are none to be read. */
bool plan_reread_note(
    struct plan *plan, const struct graph_node *load, const struct table *partitions);

/* What was noted is read, too: the objects of the extracts are other ones now. */
void plan_reread_widen(struct plan *plan);

/* Of a load into a table of `version`: new reference to what its cursor is to remember. `written`
 * are the partitions of the folders that were read for their new objects, `all` those of all
 * folders; `kept`: and those before stay. NULL: nothing. */
json_t *plan_reread_remember(const struct plan *plan, const struct graph_node *load,
    const struct graph_node *extract, const struct table *written, const struct table *all,
    bool kept, int64_t version, struct arena *arena);

#endif
