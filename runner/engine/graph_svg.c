/* The graph as one SVG file that needs nothing else: no script, no font, no link. Colours follow
 * the viewer's light or dark scheme; titles and a description make it readable aloud. */
#include "runner/engine/graph_draw.h"

#include "runner/base/mem.h"

#include <stdio.h>
#include <string.h>

/* Pixels. */
enum {
    MARGIN = 24,
    HEAD = 64, /* the title above the boxes */
    BOX_HEIGHT = 52,
    BOX_GAP = 20,
    LAYER_GAP = 76,
    BOX_MIN = 132,
    BOX_PADDING = 16,
    NAME_MAX_SHOWN = 30, /* characters */
    NOTE_MAX_SHOWN = 44,
    DESCRIPTION_MAX_SHOWN = 90,
};

/* Widths of a character in the two sizes of a system font: on the safe side. */
static const double NAME_WIDTH = 8.1, NOTE_WIDTH = 5.8, TITLE_WIDTH = 10.5, TEXT_WIDTH = 6.8;

/* No var(): viewers outside of browsers do not know it and would paint all of it black. */
static const char STYLE[] =
    "<style>\n"
    "text{font-family:system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif;"
    "fill:#1c2430}\n"
    ".paper{fill:#fff}\n"
    ".title{font-size:18px;font-weight:600}.text{font-size:12px}\n"
    ".name{font-size:13.5px;font-weight:600}.note{font-size:10.5px}\n"
    ".text,.note{fill:#5b6675}\n"
    ".box{stroke-width:1.4}\n"
    ".extract{fill:#e6f4ef;stroke:#1f8a68}\n"
    ".transform{fill:#e9effd;stroke:#3563d8}\n"
    ".load{fill:#fdf0e1;stroke:#c26a0c}\n"
    ".edge{fill:none;stroke:#9aa5b3;stroke-width:1.6}.after{stroke-dasharray:5 4}\n"
    ".tip{fill:#9aa5b3}\n"
    "@media (prefers-color-scheme:dark){\n"
    "text{fill:#e8edf4}.text,.note{fill:#9ba7b6}.paper{fill:#12171f}\n"
    ".extract{fill:#12302a;stroke:#4cc79c}\n"
    ".transform{fill:#1a2748;stroke:#7f9ff5}\n"
    ".load{fill:#3a2611;stroke:#f0a04b}\n"
    ".edge{stroke:#66727f}.tip{fill:#66727f}}\n"
    "</style>\n";

static const char *const KIND_NAMES[] = {"extract", "transform", "load"};

struct drawing {
    const struct graph *graph;
    struct layout layout;
    double *layer_x, *layer_width;
    double width, height;
    struct buffer *out;
};

/* --- text --- */

/* Valid UTF-8 of at most `columns` characters with what XML reserves or forbids escaped. */
static void append_xml(struct buffer *out, const char *text, unsigned columns)
{
    struct buffer valid, shown;

    buffer_init(&valid, 0);
    buffer_init(&shown, 0);
    text_append_valid(&valid, text, strlen(text));
    graph_append_cut(&shown, valid.data, columns);
    for (const char *at = shown.data; *at; at++) {
        switch (*at) {
        case '&':
            buffer_puts(out, "&amp;");
            break;
        case '<':
            buffer_puts(out, "&lt;");
            break;
        case '>':
            buffer_puts(out, "&gt;");
            break;
        case '"':
            buffer_puts(out, "&quot;");
            break;
        default:
            buffer_putc(out, *at);
        }
    }
    buffer_deinit(&shown);
    buffer_deinit(&valid);
}

static unsigned characters(const char *text, unsigned most)
{
    unsigned count = 0;

    for (; *text && count < most; text++)
        count += ((unsigned char)*text & 0xc0) != 0x80;
    return count;
}

/* The second line of a box. */
static void append_note(const struct graph_node *node, struct buffer *note)
{
    buffer_puts(note, KIND_NAMES[node->kind]);
    buffer_puts(note, " · ");
    graph_describe(node, note);
    if (text_ends(note->data, " · "))
        buffer_truncate(note, note->length - strlen(" · "));
}

/* --- sizes --- */

static double box_width(const struct graph_node *node)
{
    struct buffer note;
    double width;

    buffer_init(&note, 0);
    append_note(node, &note);
    width = MAX(NAME_WIDTH * characters(node->name, NAME_MAX_SHOWN),
        NOTE_WIDTH * characters(note.data, NOTE_MAX_SHOWN));
    buffer_deinit(&note);
    return MAX(width + 2 * BOX_PADDING, BOX_MIN);
}

static void measure(struct drawing *drawing)
{
    const struct graph *graph = drawing->graph;
    const struct layout *layout = &drawing->layout;
    const char *description = graph->pipeline->description;
    double x = MARGIN, head = TITLE_WIDTH * characters(graph->pipeline->name, NAME_MAX_SHOWN);

    for (unsigned i = 0; i < graph->count; i++) {
        double *width = &drawing->layer_width[layout->slots[i].layer];

        *width = MAX(*width, box_width(&graph->nodes[i]));
    }
    for (unsigned i = 0; i < layout->layer_count; i++) {
        drawing->layer_x[i] = x;
        x += drawing->layer_width[i] + (i + 1 < layout->layer_count ? LAYER_GAP : 0);
    }
    if (description)
        head = MAX(head, TEXT_WIDTH * characters(description, DESCRIPTION_MAX_SHOWN));
    drawing->width = MAX(x, MARGIN + head) + MARGIN;
    drawing->height = HEAD + layout->height + MARGIN + (graph->count ? 0 : MARGIN);
}

/* --- parts --- */

static void draw_head(const struct drawing *drawing)
{
    const struct graph *graph = drawing->graph;
    const struct pipeline *pipeline = graph->pipeline;
    struct buffer *out = drawing->out;
    unsigned counts[3] = {0};

    for (unsigned i = 0; i < graph->count; i++)
        counts[graph->nodes[i].kind]++;
    buffer_printf(out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" "
        "aria-labelledby=\"graph-title graph-desc\" width=\"%.0f\" height=\"%.0f\" "
        "viewBox=\"0 0 %.0f %.0f\">\n<title id=\"graph-title\">Pipeline ",
        drawing->width, drawing->height, drawing->width, drawing->height);
    append_xml(out, pipeline->name, 255);
    buffer_puts(out, "</title>\n<desc id=\"graph-desc\">");
    if (pipeline->description) {
        append_xml(out, pipeline->description, 1000);
        buffer_puts(out, " — ");
    }
    buffer_printf(out, "%u extract%s, %u transform%s, %u load%s; data flows from left to right.",
        counts[0], counts[0] == 1 ? "" : "s", counts[1], counts[1] == 1 ? "" : "s", counts[2],
        counts[2] == 1 ? "" : "s");
    buffer_puts(out, "</desc>\n");
    buffer_puts(out, STYLE);
    buffer_puts(out,
        "<defs><marker id=\"tip\" viewBox=\"0 0 10 10\" refX=\"9\" refY=\"5\" markerWidth=\"8\" "
        "markerHeight=\"8\" markerUnits=\"userSpaceOnUse\" orient=\"auto\">"
        "<path class=\"tip\" d=\"M0 0.5 10 5 0 9.5 2.5 5z\"/></marker></defs>\n");
    buffer_printf(out, "<rect class=\"paper\" width=\"%.0f\" height=\"%.0f\" rx=\"12\"/>\n",
        drawing->width, drawing->height);
    buffer_printf(out, "<text class=\"title\" x=\"%d\" y=\"32\">", MARGIN);
    append_xml(out, pipeline->name, NAME_MAX_SHOWN);
    buffer_printf(out, "</text>\n<text class=\"text\" x=\"%d\" y=\"50\">", MARGIN);
    append_xml(out, pipeline->description ? pipeline->description : "", DESCRIPTION_MAX_SHOWN);
    buffer_puts(out, "</text>\n");
}

/* Leaves a box on its right, meets the next on its left; through a layer it runs level. */
static void draw_edge(const struct drawing *drawing, const struct layout_edge *edge)
{
    const struct layout_slot *slots = drawing->layout.slots;
    const struct layout_slot *at = &slots[edge->slots[0]];
    double x = drawing->layer_x[at->layer] + drawing->layer_width[at->layer];
    double y = HEAD + at->y;

    buffer_printf(drawing->out, "<path class=\"edge%s\" marker-end=\"url(#tip)\" d=\"M%.1f %.1f",
        edge->data ? "" : " after", x, y);
    for (unsigned i = 1; i < edge->slot_count; i++) {
        const struct layout_slot *next = &slots[edge->slots[i]];
        const double next_x = drawing->layer_x[next->layer], next_y = HEAD + next->y;
        const double corner = drawing->layer_x[next->layer] - LAYER_GAP; /* right of all boxes */
        const double middle = (corner + next_x) / 2;

        if (x < corner)
            buffer_printf(drawing->out, "H%.1f", corner);
        buffer_printf(drawing->out, "C%.1f %.1f %.1f %.1f %.1f %.1f", middle, y, middle, next_y,
            next_x - (next->node == LAYOUT_PASS ? 0 : 1), next_y);
        x = next_x;
        y = next_y;
    }
    buffer_puts(drawing->out, "\"/>\n");
}

static void draw_box(const struct drawing *drawing, const struct graph_node *node)
{
    const struct layout_slot *slot = &drawing->layout.slots[node->index];
    const double x = drawing->layer_x[slot->layer], y = HEAD + slot->y - BOX_HEIGHT / 2.0;
    struct buffer *out = drawing->out;
    struct buffer note;

    buffer_init(&note, 0);
    append_note(node, &note);
    buffer_puts(out, "<g><title>");
    append_xml(out, node->id, 300);
    buffer_puts(out, " — ");
    append_xml(out, note.data, 300);
    buffer_printf(out,
        "</title><rect class=\"box %s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%d\" "
        "rx=\"9\"/>",
        KIND_NAMES[node->kind], x, y, drawing->layer_width[slot->layer], BOX_HEIGHT);
    buffer_printf(out, "<text class=\"name\" x=\"%.1f\" y=\"%.1f\">", x + BOX_PADDING, y + 23);
    append_xml(out, node->name, NAME_MAX_SHOWN);
    buffer_printf(
        out, "</text><text class=\"note\" x=\"%.1f\" y=\"%.1f\">", x + BOX_PADDING, y + 40);
    append_xml(out, note.data, NOTE_MAX_SHOWN);
    buffer_puts(out, "</text></g>\n");
    buffer_deinit(&note);
}

void graph_draw_svg(const struct graph *graph, struct buffer *buffer)
{
    struct arena arena;
    struct drawing drawing = {.graph = graph, .out = buffer};

    arena_init(&arena);
    layout_graph(graph, BOX_HEIGHT, BOX_GAP, &arena, &drawing.layout);
    drawing.layer_x = arena_array(&arena, drawing.layout.layer_count, sizeof(double));
    drawing.layer_width = arena_array(&arena, drawing.layout.layer_count, sizeof(double));
    measure(&drawing);
    draw_head(&drawing);
    for (unsigned i = 0; i < drawing.layout.edge_count; i++)
        draw_edge(&drawing, &drawing.layout.edges[i]);
    for (unsigned i = 0; i < graph->count; i++)
        draw_box(&drawing, &graph->nodes[i]);
    buffer_puts(buffer, "</svg>\n");
    arena_deinit(&arena);
}
