/* What a run would do: the objects that each extract would read, the tables that loads would
 * change, what is new. Reads lists, cursors and table versions; touches nothing. */
#ifndef RUNNER_ENGINE_PLAN_H
#define RUNNER_ENGINE_PLAN_H

#include "runner/engine/cursor.h"
#include "runner/engine/engine.h"
#include "runner/engine/graph.h"

struct plan_object {
    struct store_object object;
    const char *shown;  /* as people call it */
    const char *source; /* as `metadata: true` calls it, for ever */
};

/* Of a table: all of it at a position, or what changed between two. */
struct plan_table {
    const char *namespace, *name;
    int64_t version, position;
    bool changes; /* those behind `after`; 0: all that is there is new */
    int64_t after;
    const struct sql_condition *conditions; /* of who reads the rows: pushdown.h */
    size_t condition_count;
    size_t files, skipped; /* that a run would read; that have no row for the conditions */
    uint64_t bytes;
};

struct plan_extract {
    const struct plan_table *table; /* NULL: objects */
    struct store *store;
    const char *pattern;         /* its key or glob in the store */
    struct plan_object *objects; /* to be read, in order of keys */
    size_t object_count;
    uint64_t bytes;
    size_t listed, seen_before; /* all that matched; those that only_new leaves out */
    struct cursor_value cursor; /* of `cursor: {column: …}`: what the last run read */
    const char *listing; /* cursor_listing() of all that matched; NULL: no cursor, no reread */
    const struct store_object *sample; /* where all were seen before: one to take columns from */
    bool rereads;                      /* `reread: partition`, and there is something to be read: */
    size_t folders, again;             /* that are read; objects among them that were read before */
    size_t near_folders; /* to be read as well, if rows go where those of these folders went */
    const char **gone;   /* plan_cursor_key() of objects that were read before and are no longer
                            there, of folders whose rows are made anew */
    size_t gone_count, gone_told;
};

struct plan_load {
    bool idle;           /* all that drives it is only_new and has nothing new */
    bool postponed;      /* idle, because other objects are new to it than to an earlier load */
    struct store *store; /* of `to`, or where table files go */
    const char *key;     /* of `to` */
    bool table_exists;
    struct catalog_version version; /* of `into`, where it exists */
    int64_t lookup_files; /* at most: what is looked up; in partitions that change, which have to be
                             merged from then on, or are replaced */
    uint64_t lookup_bytes;
    int64_t rewrite_files;
    uint64_t rewrite_bytes;
    struct text_list replaced; /* on_changed: replace: `_source` of the rows that are to go */
};

struct plan_task {
    bool wanted; /* chosen by --task, or needed by one that is */
    bool needed; /* wanted, and some load that is not idle needs it */
    union {
        struct plan_extract extract;
        struct plan_load load;
    };
};

struct plan;
typedef void (*plan_done_fn)(struct plan *plan, const struct error *err);

struct plan_options {
    struct engine *engine;
    const struct graph *graph;
    const char *instance;
    const struct text_list *tasks; /* --task; NULL or empty: all */
    bool ignore_cursors;           /* preview: everything is new */
};

struct plan {
    struct arena arena;
    struct plan_task *tasks; /* one a node of the graph, by index */
    bool nothing_new;        /* no load has anything to do */
    size_t object_count;
    uint64_t bytes;
    struct plan_operation *operation;
};

/* Ends in `done`, once, on the loop, never from within start. The caller owns the memory. */
void plan_start(struct plan *plan, const struct plan_options *options, plan_done_fn done);
void plan_cancel(struct plan *plan);
void plan_deinit(struct plan *plan); /* after done */

/* What cursors call an object: a file of the project by its path from the root, however the
 * pipeline names it, so that the project can be moved; a URL without what is signed. `key` itself,
 * a part of it, or a text in `arena`. */
const char *plan_cursor_key(
    const struct engine *engine, const struct store *store, const char *key, struct arena *arena);

/* For `sluice plan`: stable keys. */
json_t *plan_to_json(const struct plan *plan, const struct graph *graph);

#endif
