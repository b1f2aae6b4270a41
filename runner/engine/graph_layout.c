/* A layered drawing (Sugiyama): depth gives the layer, an edge that spans layers gets a place kept
 * free in each of them, sweeps of barycentres order the layers, and every slot then moves towards
 * its neighbours as far as the others in its layer let it. */
#include "runner/engine/graph_draw.h"

#include "runner/base/mem.h"

#include <string.h>

enum {
    SWEEPS = 8,
    /* Free places cost memory and time; where an edge would need too many it goes straight. */
    PASSES_PER_NODE_MAX = 8,
};

static const double PASS_SHARE = 0.25; /* height of a free place, in boxes */

struct neighbours { /* of slots in the layer before or behind, as one array with starts */
    unsigned *start, *items;
};

struct layering {
    struct layout *layout;
    unsigned *layer_start; /* into `ranked`; layer_count + 1 of them */
    unsigned *ranked;      /* slots by layer, then by order */
    struct neighbours before, behind;
    double box, gap;
};

/* --- slots and edges --- */

static unsigned count_edges(const struct graph *graph, unsigned long *ret_passes)
{
    unsigned edges = 0;

    *ret_passes = 0;
    for (unsigned i = 0; i < graph->count; i++) {
        const struct graph_node *node = &graph->nodes[i];

        edges += node->need_count;
        for (unsigned j = 0; j < node->need_count; j++)
            *ret_passes += node->depth - graph->nodes[node->needs[j]].depth - 1;
    }
    return edges;
}

static void add_edge(struct layout *layout, const struct graph *graph, struct arena *arena,
    const struct graph_node *node, unsigned need, bool passes)
{
    const struct graph_node *source = &graph->nodes[node->needs[need]];
    struct layout_edge *edge = &layout->edges[layout->edge_count++];
    const unsigned between = passes ? node->depth - source->depth - 1 : 0;

    edge->from = source->index;
    edge->to = node->index;
    edge->data = need < node->input_count;
    edge->slots = arena_array(arena, between + 2, sizeof(*edge->slots));
    edge->slots[edge->slot_count++] = source->index;
    for (unsigned i = 0; i < between; i++) {
        layout->slots[layout->slot_count] =
            (struct layout_slot){.node = LAYOUT_PASS, .layer = source->depth + 1 + i};
        edge->slots[edge->slot_count++] = layout->slot_count++;
    }
    edge->slots[edge->slot_count++] = node->index;
}

static void make_slots(const struct graph *graph, struct arena *arena, struct layout *layout)
{
    unsigned long passes;
    const unsigned edges = count_edges(graph, &passes);
    const bool with_passes = passes <= (unsigned long)graph->count * PASSES_PER_NODE_MAX;

    layout->edges = arena_array(arena, edges, sizeof(*layout->edges));
    layout->slots =
        arena_array(arena, graph->count + (with_passes ? passes : 0), sizeof(*layout->slots));
    for (unsigned i = 0; i < graph->count; i++) {
        layout->slots[i] = (struct layout_slot){.node = i, .layer = graph->nodes[i].depth};
        layout->layer_count = MAX(layout->layer_count, graph->nodes[i].depth + 1);
    }
    layout->slot_count = graph->count;
    for (unsigned i = 0; i < graph->count; i++) {
        for (unsigned j = 0; j < graph->nodes[i].need_count; j++)
            add_edge(layout, graph, arena, &graph->nodes[i], j, with_passes);
    }
}

/* Fills one direction: the neighbours that each slot has `behind` it, or before it. */
static void link_slots(const struct layout *layout, struct neighbours *neighbours, bool behind)
{
    unsigned *fill;
    size_t total = 0;

    neighbours->start = mem_calloc(layout->slot_count + 1, sizeof(unsigned));
    for (unsigned i = 0; i < layout->edge_count; i++) {
        const struct layout_edge *edge = &layout->edges[i];

        total += edge->slot_count - 1;
        for (unsigned j = 0; j + 1 < edge->slot_count; j++)
            neighbours->start[edge->slots[behind ? j : j + 1] + 1]++;
    }
    for (unsigned i = 0; i < layout->slot_count; i++)
        neighbours->start[i + 1] += neighbours->start[i];
    neighbours->items = mem_calloc(total, sizeof(unsigned));
    fill = mem_calloc(layout->slot_count, sizeof(*fill));
    for (unsigned i = 0; i < layout->edge_count; i++) {
        const struct layout_edge *edge = &layout->edges[i];

        for (unsigned j = 0; j + 1 < edge->slot_count; j++) {
            const unsigned slot = edge->slots[behind ? j : j + 1];

            neighbours->items[neighbours->start[slot] + fill[slot]++] =
                edge->slots[behind ? j + 1 : j];
        }
    }
    free(fill);
}

/* --- order within the layers --- */

static void rank_slots(struct layering *layering)
{
    struct layout *layout = layering->layout;
    unsigned *fill = mem_calloc(layout->layer_count, sizeof(*fill));

    layering->layer_start = mem_calloc(layout->layer_count + 1, sizeof(unsigned));
    layering->ranked = mem_calloc(layout->slot_count, sizeof(unsigned));
    for (unsigned i = 0; i < layout->slot_count; i++)
        layering->layer_start[layout->slots[i].layer + 1]++;
    for (unsigned i = 0; i < layout->layer_count; i++)
        layering->layer_start[i + 1] += layering->layer_start[i];
    for (unsigned i = 0; i < layout->slot_count; i++) {
        const unsigned layer = layout->slots[i].layer;

        layout->slots[i].order = fill[layer];
        layering->ranked[layering->layer_start[layer] + fill[layer]++] = i;
    }
    free(fill);
}

struct weighted {
    double weight;
    unsigned rank, slot;
};

static int compare_weighted(const void *left, const void *right)
{
    const struct weighted *a = left, *b = right;

    if (a->weight != b->weight)
        return a->weight < b->weight ? -1 : 1;
    return a->rank < b->rank ? -1 : a->rank > b->rank; /* qsort is not stable by itself */
}

static double mean_of(const struct layering *layering, const struct neighbours *neighbours,
    unsigned slot, bool of_y, double otherwise)
{
    const unsigned start = neighbours->start[slot], end = neighbours->start[slot + 1];
    double sum = 0;

    for (unsigned i = start; i < end; i++) {
        const struct layout_slot *other = &layering->layout->slots[neighbours->items[i]];

        sum += of_y ? other->y : other->order;
    }
    return end > start ? sum / (end - start) : otherwise;
}

static void order_layer(struct layering *layering, unsigned layer,
    const struct neighbours *neighbours, struct weighted *scratch)
{
    const unsigned start = layering->layer_start[layer];
    const unsigned count = layering->layer_start[layer + 1] - start;

    for (unsigned i = 0; i < count; i++) {
        const unsigned slot = layering->ranked[start + i];

        scratch[i] = (struct weighted){
            mean_of(layering, neighbours, slot, false, layering->layout->slots[slot].order), i,
            slot};
    }
    mem_sort(scratch, count, sizeof(*scratch), compare_weighted);
    for (unsigned i = 0; i < count; i++) {
        layering->ranked[start + i] = scratch[i].slot;
        layering->layout->slots[scratch[i].slot].order = i;
    }
}

static void order_layers(struct layering *layering)
{
    const unsigned layers = layering->layout->layer_count;
    struct weighted *scratch = mem_calloc(layering->layout->slot_count, sizeof(*scratch));

    for (unsigned sweep = 0; sweep < SWEEPS; sweep++) {
        for (unsigned i = 1; i < layers; i++) {
            if (sweep % 2)
                order_layer(layering, layers - 1 - i, &layering->behind, scratch);
            else
                order_layer(layering, i, &layering->before, scratch);
        }
    }
    free(scratch);
}

/* --- heights --- */

static double height_of(const struct layering *layering, unsigned slot)
{
    return layering->layout->slots[slot].node == LAYOUT_PASS ? layering->box * PASS_SHARE
                                                             : layering->box;
}

static void stack_layers(struct layering *layering)
{
    for (unsigned layer = 0; layer < layering->layout->layer_count; layer++) {
        double y = 0;

        for (unsigned i = layering->layer_start[layer]; i < layering->layer_start[layer + 1]; i++) {
            const double height = height_of(layering, layering->ranked[i]);

            layering->layout->slots[layering->ranked[i]].y = y + height / 2;
            y += height + layering->gap;
        }
    }
}

/* Moves each slot of a layer to the mean of its neighbours, then pushes apart what overlaps: down
 * from above and up from below; the mean of both keeps a group around its middle. */
static void settle_layer(
    struct layering *layering, unsigned layer, const struct neighbours *neighbours, double *down)
{
    struct layout_slot *slots = layering->layout->slots;
    const unsigned start = layering->layer_start[layer], end = layering->layer_start[layer + 1];
    double limit = -1e300;

    for (unsigned i = start; i < end; i++) {
        const unsigned slot = layering->ranked[i];
        const double half = height_of(layering, slot) / 2;

        slots[slot].y = mean_of(layering, neighbours, slot, true, slots[slot].y);
        down[i] = MAX(slots[slot].y, limit + half);
        limit = down[i] + half + layering->gap;
    }
    limit = 1e300;
    for (unsigned i = end; i-- > start;) {
        const unsigned slot = layering->ranked[i];
        const double half = height_of(layering, slot) / 2;
        const double up = MIN(slots[slot].y, limit - half);

        limit = up - half - layering->gap;
        slots[slot].y = (down[i] + up) / 2;
    }
}

static void settle_layers(struct layering *layering)
{
    struct layout *layout = layering->layout;
    double *scratch = mem_calloc(layout->slot_count, sizeof(*scratch));
    double top = 1e300, bottom = -1e300;

    stack_layers(layering);
    for (unsigned sweep = 0; sweep < SWEEPS; sweep++) {
        for (unsigned i = 1; i < layout->layer_count; i++) {
            if (sweep % 2)
                settle_layer(layering, layout->layer_count - 1 - i, &layering->behind, scratch);
            else
                settle_layer(layering, i, &layering->before, scratch);
        }
    }
    free(scratch);
    for (unsigned i = 0; i < layout->slot_count; i++) {
        top = MIN(top, layout->slots[i].y - height_of(layering, i) / 2);
        bottom = MAX(bottom, layout->slots[i].y + height_of(layering, i) / 2);
    }
    for (unsigned i = 0; i < layout->slot_count; i++)
        layout->slots[i].y -= top;
    layout->height = layout->slot_count ? bottom - top : 0;
}

void layout_graph(const struct graph *graph, double box, double gap, struct arena *arena,
    struct layout *ret_layout)
{
    struct layering layering = {.layout = ret_layout, .box = box, .gap = gap};

    *ret_layout = (struct layout){0};
    make_slots(graph, arena, ret_layout);
    link_slots(ret_layout, &layering.before, false);
    link_slots(ret_layout, &layering.behind, true);
    rank_slots(&layering);
    order_layers(&layering);
    settle_layers(&layering);
    free(layering.before.start);
    free(layering.before.items);
    free(layering.behind.start);
    free(layering.behind.items);
    free(layering.layer_start);
    free(layering.ranked);
}
