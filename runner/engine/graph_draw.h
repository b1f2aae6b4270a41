/* What the drawings of a graph share: what to say of a task. */
#ifndef RUNNER_ENGINE_GRAPH_DRAW_H
#define RUNNER_ENGINE_GRAPH_DRAW_H

#include "runner/base/buffer.h"
#include "runner/engine/graph.h"

/* What a task does in a few words, as it stands in the pipeline, unescaped: where an extract reads,
 * what a transform checks, where a load writes and how. */
void graph_describe(const struct graph_node *node, struct buffer *buffer);

/* Appends `text` as one line of at most `columns` characters; what is too long ends in "…". */
void graph_append_cut(struct buffer *buffer, const char *text, unsigned columns);

/* --- layout, for the SVG --- */

/* A box or, where an edge passes through a layer, a place that is kept free for it. */
struct layout_slot {
    unsigned node; /* of the graph; LAYOUT_PASS: an edge passes */
    unsigned layer;
    double order; /* rank in its layer */
    double y;     /* of its middle */
};

/* One edge of the graph as the slots that it visits, first to last. */
struct layout_edge {
    unsigned from, to; /* nodes */
    bool data;         /* else `after` alone */
    unsigned *slots;
    unsigned slot_count;
};

struct layout {
    struct layout_slot *slots; /* the first graph->count are the nodes, in their order */
    unsigned slot_count;
    struct layout_edge *edges;
    unsigned edge_count;
    unsigned layer_count;
    double height; /* of all of it, from 0 */
};

enum { LAYOUT_PASS = 0xffffffff };

/* Layers from left to right by depth, each in an order that keeps edges from crossing. Distances
 * are in pixels: `box` is the height of a box, `gap` lies between two. In `arena`. */
void layout_graph(const struct graph *graph, double box, double gap, struct arena *arena,
    struct layout *ret_layout);

#endif
