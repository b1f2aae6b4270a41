/* What graph.c and its siblings share while a graph is built; nobody else includes it.
 *
 * A draft is a task in the order of the file, a reference is one place of the file where a task
 * names another. Both live until graph_new() returns, so that errors can point at the place. */
#ifndef RUNNER_ENGINE_GRAPH_BUILD_H
#define RUNNER_ENGINE_GRAPH_BUILD_H

#include "runner/engine/graph.h"

/* The SQL of a transform, of a check or of a condition. */
struct graph_sql {
    const char *text;
    const char *label; /* what errors call it: "transform.clean.sql" */
    const struct transform *transform;
    const char *const *field; /* of the pipeline, where it is no transform's */
    const char *statement;    /* what is parsed, with the text in it; NULL: the text */
    size_t prefix;            /* bytes of the statement before the text */
};

enum graph_reference_kind {
    REFERENCE_FROM,
    REFERENCE_SQL,
    REFERENCE_CHECK,
    REFERENCE_AFTER,
};

struct graph_reference {
    enum graph_reference_kind kind;
    unsigned target; /* a draft */
    bool driver;
    const struct graph_sql *sql; /* where: byte `offset` of it; NULL: at `field` of the pipeline */
    size_t offset;
    const void *field;
};

struct graph_draft {
    struct graph_node node; /* its arrays hold indices of drafts until graph.c puts it in order */
    struct graph_reference *references;
    size_t reference_count, reference_capacity;
    bool broken; /* not all that it needs is known: no conclusions may be drawn */
};

struct graph_builder {
    const struct pipeline *pipeline;
    struct diagnostics *problems;
    struct arena *arena;               /* the graph's */
    const struct sql_engine_type *sql; /* NULL: there is no SQL, or no engine */
    struct graph_draft *drafts;        /* extracts, transforms, loads, each as in the file */
    unsigned count;
    struct table ids, datasets; /* → draft */
    unsigned *order;            /* of drafts: each after what it needs */
    struct table parameters;    /* declared ones; the values say nothing */
    unsigned suggestions;       /* made so far: each costs a look at all names */
};

/* --- graph_build.c: drafts, and their references --- */
bool graph_pipeline_has_sql(const struct pipeline *pipeline);
void graph_build_drafts(struct graph_builder *builder);
void graph_build_references(struct graph_builder *builder);

/* The tables that a statement names: references of the task, or errors. */
void graph_build_tables(struct graph_builder *builder, struct graph_draft *draft,
    const struct graph_sql *sql, const struct sql_statement *statement,
    enum graph_reference_kind kind);

/* "; did you mean "strikes"?" in the arena, or "" where nothing is near. */
const char *graph_suggest(
    struct graph_builder *builder, const struct table *names, const char *name);

/* --- graph_sql.c: statements and places in them --- */
const struct graph_sql *graph_sql_of_transform(
    struct graph_builder *builder, const struct graph_draft *draft);
const struct graph_sql *graph_sql_of_check(struct graph_builder *builder,
    const struct graph_draft *draft, size_t index, const struct check *check);
/* Where byte `offset` of it stands, and in which file. */
struct option_mark graph_sql_mark(const struct graph_builder *builder, const struct graph_sql *sql,
    size_t offset, const char **ret_path);

/* Reports "LABEL: message" at that byte of the text. */
void graph_sql_error(const struct graph_builder *builder, const struct graph_sql *sql,
    size_t offset, const char *format, ...) __attribute__((format(printf, 4, 5)));

/* The byte where a WITH gives the name; 0: not found. */
size_t graph_sql_find_cte(const char *sql, const char *name);

/* Parses it and looks at its parameters; places in the result are those in the text; its doubts go
 * to the draft's. False, and reported, where it is broken. */
bool graph_sql_parse(struct graph_builder *builder, struct graph_draft *draft,
    const struct graph_sql *sql, struct sql_statement *ret_statement);

/* --- graph_condition.c: conditions of loads --- */
bool graph_condition_is_in(const struct load *load); /* whether it has one */
/* After all transforms. A column that the dataset is known not to have is an error, in the key,
 * too.
 */
void graph_conditions(struct graph_builder *builder, struct graph_draft *draft);

/* --- graph_order.c: an order, or the cycles that forbid one --- */

/* Fills builder->order. What is in a cycle, or needs one, is reported, comes last and is broken. */
void graph_order(struct graph_builder *builder);

/* --- guard.c: the guards of DESIGN section 3 --- */
void guard_check(const struct graph_builder *builder, const struct graph *graph);

/* Where a reference was written, and in which file. */
struct option_mark graph_reference_mark(const struct graph_builder *builder,
    const struct graph_reference *reference, const char **ret_path);

#endif
