/* What the two halves of a plan share: plan.c asks, plan_decide.c decides. Nobody else includes it.
 */
#ifndef RUNNER_ENGINE_PLAN_PRIVATE_H
#define RUNNER_ENGINE_PLAN_PRIVATE_H

#include "runner/engine/plan.h"
#include "runner/engine/plan_source.h"
#include "runner/engine/reread.h"
#include "runner/io/timer.h"

/* What is asked about one node: an extract's objects, a load's table version. */
struct node_question {
    struct plan *plan;
    const struct graph_node *node;
    struct arena arena; /* of the answers: jobs fill it, so no two share one */
    struct store_request list;
    struct plan_source source; /* of an extract from a table, in place of the list */
    struct catalog_query version;
    size_t first_seen, seen_count;      /* of a load: its part of the operation's `seen` */
    const struct seen_question *chosen; /* of an extract: whose new objects are read */
    const char **folders;               /* of one that rereads: by object of the listing */
    struct table read, more; /* folders: of the objects that are read; and, once the tasks have run,
                                those that are to be read besides */
    struct table
        empty; /* folders of which no object is left, with rows in partitions that change */
};

/* What one load has seen of one extract that drives it. */
struct seen_question {
    struct plan *plan;
    const struct graph_node *load, *extract;
    struct arena arena;
    struct catalog_query query;
    bool *is_new;     /* by object of the listing */
    bool *is_changed; /* … that was seen under another version */
    size_t new_count, changed_count;
    struct cursor_value cursor;        /* of `cursor: {column: …}` */
    int64_t after;                     /* of a table: the position behind which all is new */
    struct catalog_query cursor_query; /* `reread: partition`: besides `query` */
    struct reread_map map;
};

struct plan_operation {
    struct plan *plan;
    struct plan_options options;
    plan_done_fn done;
    struct timer kick; /* so that done comes from a later turn of the loop, whatever is asked */
    unsigned pending;
    bool decided;
    struct error err;
    struct node_question *nodes;
    struct seen_question *seen;
    size_t seen_count;
};

/* Keeps the first one, with "file:line:column: extract.x.from: " in front of it. */
void plan_keep_error(struct plan *plan, const struct graph_node *node, const void *field,
    const char *key, const struct error *err);

/* Once all is answered: what is new, what is read, which tasks run. */
void plan_decide(struct plan *plan);

/* The objects that an extract reads in this run: what is new to its loads, or all. */
void plan_choose_objects(struct plan *plan, const struct graph_node *node);

/* At last: how much that is. */
void plan_add_up(struct plan *plan);

#endif
