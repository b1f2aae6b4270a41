/* The graph of a pipeline: its tasks, who needs whom, and what the file alone with the SQL parser
 * can tell to be wrong. Pure: no session, no catalog, no file but the pipeline's own.
 *
 * Edges: a load needs its `from`; a transform needs the tables that its SQL names (asked of the
 * SQL engine's parser); a task with a check in SQL needs the datasets that the check names, its own
 * rows, which go by the name of the dataset, left out; `after` adds an order without data.
 *
 * SQL knows no upper and lower case in names: `Strikes` is the dataset strikes.
 *
 * What *drives* a load is the leftmost base table of its FROM, followed through transforms to
 * extracts, in each branch of a UNION. */
#ifndef RUNNER_ENGINE_GRAPH_H
#define RUNNER_ENGINE_GRAPH_H

#include "config/diagnostics.h"
#include "config/pipeline.h"
#include "connectors/sql_engine.h"
#include "runner/base/arena.h"
#include "runner/base/table.h"

struct buffer;

enum task_kind { TASK_EXTRACT, TASK_TRANSFORM, TASK_LOAD };

/* A place of its SQL, be it a condition's or a check's, that leaves open what it gives. */
struct graph_doubt {
    const char *label; /* "transform.clean.sql", "load.clean.scope" */
    const char *what, *path;
    struct option_mark mark;
};

struct graph_node {
    enum task_kind kind;
    unsigned index;   /* in graph->nodes */
    const char *id;   /* "transform.clean" */
    const char *name; /* "clean" */
    union {
        const struct extract *extract;
        const struct transform *transform;
        const struct load *load;
    };
    struct sql_statement statement; /* of a transform */
    struct sql_statement *checks;   /* one a check, in their order; empty where it is not SQL */
    const struct graph_doubt *doubts;
    size_t doubt_count;
    /* Indices of nodes, each once. `inputs` carry data, `needs` are inputs and `after`. */
    unsigned *inputs, *needs, *dependents; /* dependents: who needs this one */
    unsigned input_count, need_count, dependent_count;
    unsigned consumer_count; /* nodes whose inputs name this one */
    unsigned *drivers;       /* of a load or transform: the extracts that drive it */
    unsigned driver_count;
    bool undriven;    /* some of its rows come from no extract: VALUES, a SELECT without FROM */
    bool casts_aside; /* of a load: rows that do not fit its table are put aside, as all that drives
                         it says of its own bad rows */
    unsigned depth;   /* 0: needs nobody; for drawing */
};

struct graph {
    const struct pipeline *pipeline;
    struct arena arena;
    struct graph_node *nodes; /* in an order in which each comes after what it needs */
    unsigned count;
    bool has_sql;
    struct table ids, datasets; /* "load.clean", "clean" → node */
};

/* Asked for only when the pipeline has SQL. */
typedef int (*graph_sql_fn)(void *data, const struct sql_engine_type **ret_type, struct error *err);

/* Builds and checks a pipeline that pipeline_load() gave, which has looked at `from` and `after`
 * already. Every error (an unknown name in SQL, a cycle, broken SQL with its line
 * and column, a guard of DESIGN section 3) goes to `problems`; NULL when there was one. */
struct graph *graph_new(const struct pipeline *pipeline, graph_sql_fn load_sql, void *data,
    struct diagnostics *problems);
void graph_free(struct graph *graph);

const struct graph_node *graph_find(const struct graph *graph, const char *id); /* "load.clean" */
/* The extract or transform that yields a dataset. */
const struct graph_node *graph_dataset(const struct graph *graph, const char *name);

/* Marks `ids` and all that they need: wanted[index]. None given: everything. The error suggests
 * near ids. */
int graph_select(
    const struct graph *graph, const struct text_list *ids, bool *wanted, struct error *err);

/* What this build cannot execute yet, although it is valid: the first such option as one clear
 * line with its place (ERROR_NOT_SUPPORTED). */
int graph_check_supported(const struct graph *graph, struct error *err);
/* The same, all of it. */
void graph_list_unsupported(const struct graph *graph, struct diagnostics *problems);

/* As text, one line a task of at most `columns` (0: no terminal, they are as long as they are):
 * lines that follow the data, what it needs, what it does. As one self-contained SVG, light or dark
 * as the viewer is. Both are UTF-8; whatever a pipeline holds is escaped. */
void graph_draw_text(const struct graph *graph, unsigned columns, struct buffer *buffer);
void graph_draw_svg(const struct graph *graph, struct buffer *buffer);

#endif
