/* The graph for a terminal: one line a task, lanes on the left that follow the data.
 *
 *     ●       extract.strikes    data/birdstrikes*.csv, only new
 *     │ ●     extract.airports   data/airports.csv
 *     ◆─╯     transform.clean    ← strikes, airports; 5 checks
 *     ├─■     load.clean         ← clean → wildlife.strikes, append
 *     ■       load.monthly       ← clean → exports/strikes.csv
 */
#include "runner/engine/graph_draw.h"

#include "runner/base/mem.h"

#include <stdio.h>
#include <string.h>

enum {
    COLUMNS_MIN = 40, /* a narrower terminal wraps */
    COLUMNS_MAX = 1000,
    LANES_MAX = 12,   /* more than that is no help to anybody: then there are none */
    ID_COLUMNS = 32,  /* longer ids push their line to the right */
    NAMED_INPUTS = 6, /* the rest is counted */
    NO_LANE = 0xffff,
};

void graph_append_cut(struct buffer *buffer, const char *text, unsigned columns)
{
    const size_t start = buffer->length;
    size_t at = start, cut = start;
    unsigned count = 0;

    text_append_printable(buffer, text);
    while (at < buffer->length) {
        const size_t step = text_utf8_length(buffer->data + at, buffer->length - at);

        if (count + 1 == columns)
            cut = at;
        count++;
        at += step ? step : 1;
    }
    if (count > columns) {
        buffer_truncate(buffer, cut);
        buffer_puts(buffer, columns ? "…" : "");
    }
}

/* --- what a task does --- */

static void describe_load(const struct load *load, struct buffer *buffer)
{
    const char *by = " by ";

    if (load->to) {
        buffer_puts(buffer, load->to);
        return;
    }
    buffer_printf(buffer, "%s, %s", load->into ? load->into : "?", load_mode_names[load->mode]);
    for (size_t i = 0; i < load->partition_count; i++) {
        buffer_printf(buffer, "%s%s", by, load->partitions[i].text);
        by = ", ";
    }
}

void graph_describe(const struct graph_node *node, struct buffer *buffer)
{
    const size_t start = buffer->length;
    size_t checks = 0;

    switch (node->kind) {
    case TASK_EXTRACT:
        text_append_url(buffer, node->extract->from ? node->extract->from : "");
        if (node->extract->at)
            buffer_printf(buffer, ", at %s", node->extract->at);
        if (node->extract->only_new.enabled)
            buffer_puts(buffer, ", only new");
        break;
    case TASK_TRANSFORM:
        checks = node->transform->checks.count;
        if (node->transform->sql_file)
            buffer_puts(buffer, node->transform->sql_file);
        break;
    case TASK_LOAD:
        checks = node->load->checks.count;
        describe_load(node->load, buffer);
        break;
    }
    if (checks)
        buffer_printf(buffer, "%s%zu check%s", buffer->length > start ? ", " : "", checks,
            checks == 1 ? "" : "s");
}

/* --- the order of the lines --- */

/* Depth first from each task that nobody needs, in the order of the file, so that what belongs
 * together stands together and few lanes are open at a time. */
static void order_lines(const struct graph *graph, unsigned *lines)
{
    unsigned *stack = mem_calloc(graph->count, sizeof(*stack));
    unsigned *next = mem_calloc(graph->count, sizeof(*next));
    bool *seen = mem_calloc(graph->count, sizeof(*seen));
    unsigned count = 0;

    for (unsigned root = 0; root < graph->count; root++) {
        unsigned depth = 0;

        if (graph->nodes[root].dependent_count)
            continue;
        seen[root] = true;
        stack[depth++] = root;
        while (depth) {
            const unsigned top = stack[depth - 1];
            const struct graph_node *node = &graph->nodes[top];

            if (next[top] == node->need_count) {
                lines[count++] = top;
                depth--;
            } else if (!seen[node->needs[next[top]++]]) {
                stack[depth] = node->needs[next[top] - 1];
                seen[stack[depth++]] = true;
            }
        }
    }
    free(seen);
    free(next);
    free(stack);
}

/* --- lanes --- */

struct lanes {
    unsigned owner[LANES_MAX]; /* 1 + the node whose rows go down there; 0: free */
    unsigned left[LANES_MAX];  /* its consumers that are still to come */
    unsigned used;             /* most that were open */
    uint16_t *of;              /* of each node */
};

/* Gives `node` a lane: that of an input which ends here, else the first that is free. */
static bool enter_lane(struct lanes *lanes, const struct graph_node *node)
{
    unsigned lane = NO_LANE;

    for (unsigned i = 0; i < node->input_count; i++) {
        const unsigned input = lanes->of[node->inputs[i]];

        if (lanes->left[input] == 1)
            lane = MIN(lane, input);
    }
    for (unsigned i = 0; lane == NO_LANE && i < LANES_MAX; i++) {
        if (lanes->owner[i] == 0)
            lane = i;
    }
    if (lane == NO_LANE)
        return false;
    lanes->of[node->index] = (uint16_t)lane;
    lanes->used = MAX(lanes->used, lane + 1);
    return true;
}

static void leave_inputs(struct lanes *lanes, const struct graph_node *node)
{
    const unsigned lane = lanes->of[node->index];

    for (unsigned i = 0; i < node->input_count; i++) {
        const unsigned input = lanes->of[node->inputs[i]];

        if (--lanes->left[input] == 0)
            lanes->owner[input] = 0;
    }
    if (node->consumer_count) {
        lanes->owner[lane] = node->index + 1;
        lanes->left[lane] = node->consumer_count;
    }
}

static const char *lane_glyph(bool up, bool down, bool left, bool right)
{
    static const char *const glyphs[] = {
        " ", "╴", "╶", "─", "╷", "╮", "╭", "┬", "╵", "╯", "╰", "┴", "│", "┤", "├", "┼"};

    return glyphs[up << 3 | down << 2 | right << 1 | left];
}

/* The line of `node`, before its inputs leave: `joined` are the lanes of its inputs. */
static void draw_lanes(
    const struct lanes *lanes, const struct graph_node *node, unsigned width, struct buffer *buffer)
{
    static const char *const marks[] = {"●", "◆", "■"};
    const unsigned own = lanes->of[node->index];
    unsigned first = own, last = own;
    bool joined[LANES_MAX] = {false};

    for (unsigned i = 0; i < node->input_count; i++) {
        const unsigned lane = lanes->of[node->inputs[i]];

        joined[lane] = true;
        first = MIN(first, lane);
        last = MAX(last, lane);
    }
    for (unsigned i = 0; i < width; i++) {
        const bool open = lanes->owner[i] != 0;

        if (i == own)
            buffer_puts(buffer, marks[node->kind]);
        else if (joined[i])
            buffer_puts(buffer, lane_glyph(true, lanes->left[i] > 1, i > first, i < last));
        else if (open) /* a line that only crosses lets the lane through unbroken */
            buffer_puts(buffer, "│");
        else
            buffer_puts(buffer, i > first && i < last ? "─" : " ");
        buffer_puts(buffer, i >= first && i < last ? "─" : " ");
    }
}

/* Lays the lanes out without drawing, to know how many there are; 0: too many. */
static unsigned count_lanes(const struct graph *graph, const unsigned *lines, struct lanes *lanes)
{
    for (unsigned i = 0; i < graph->count; i++) {
        if (!enter_lane(lanes, &graph->nodes[lines[i]]))
            return 0;
        leave_inputs(lanes, &graph->nodes[lines[i]]);
    }
    return lanes->used;
}

/* --- lines --- */

static void append_names(const struct graph *graph, const struct graph_node *node,
    const unsigned *indices, unsigned count, struct buffer *buffer)
{
    const bool ids = indices != node->inputs; /* `after` may name loads */

    for (unsigned i = 0; i < MIN(count, NAMED_INPUTS); i++) {
        const struct graph_node *other = &graph->nodes[indices[i]];

        buffer_printf(buffer, "%s%s", i ? ", " : "", ids ? other->id : other->name);
    }
    if (count > NAMED_INPUTS)
        buffer_printf(buffer, " and %u more", count - NAMED_INPUTS);
}

static void append_details(
    const struct graph *graph, const struct graph_node *node, struct buffer *buffer)
{
    struct buffer does;

    buffer_init(&does, 0);
    graph_describe(node, &does);
    if (node->input_count) {
        buffer_puts(buffer, "← ");
        append_names(graph, node, node->inputs, node->input_count, buffer);
    }
    if (does.length && node->input_count)
        buffer_puts(buffer, node->kind == TASK_LOAD ? " → " : "; ");
    buffer_puts(buffer, does.data);
    if (node->need_count > node->input_count) {
        buffer_puts(buffer, buffer->length ? "; after " : "after ");
        append_names(graph, node, node->needs + node->input_count,
            node->need_count - node->input_count, buffer);
    }
    buffer_deinit(&does);
}

static void append_line(const struct graph *graph, const struct graph_node *node,
    unsigned columns_before, unsigned id_columns, unsigned columns, struct buffer *buffer)
{
    const unsigned id_length = (unsigned)strlen(node->id);
    unsigned used = columns_before + MAX(id_length, id_columns) + 2;
    struct buffer details;

    buffer_init(&details, 0);
    append_details(graph, node, &details);
    if (details.length == 0 || used + 4 > columns) {
        graph_append_cut(buffer, node->id, columns - columns_before);
    } else {
        buffer_printf(buffer, "%-*s  ", (int)id_columns, node->id);
        graph_append_cut(buffer, details.data, columns - used);
    }
    buffer_putc(buffer, '\n');
    buffer_deinit(&details);
}

void graph_draw_text(const struct graph *graph, unsigned columns, struct buffer *buffer)
{
    unsigned *lines = mem_calloc(graph->count, sizeof(*lines));
    struct lanes lanes = {.of = mem_calloc(graph->count, sizeof(*lanes.of))};
    unsigned width, id_columns = 0;

    columns = columns ? MIN(MAX(columns, COLUMNS_MIN), COLUMNS_MAX) : COLUMNS_MAX;
    order_lines(graph, lines);
    width = count_lanes(graph, lines, &lanes);
    for (unsigned i = 0; i < graph->count; i++)
        id_columns = MAX(id_columns, (unsigned)strlen(graph->nodes[i].id));
    id_columns = MIN(id_columns, ID_COLUMNS);
    lanes = (struct lanes){.of = lanes.of};
    for (unsigned i = 0; i < graph->count; i++) {
        const struct graph_node *node = &graph->nodes[lines[i]];

        if (width) {
            enter_lane(&lanes, node);
            draw_lanes(&lanes, node, width, buffer);
            leave_inputs(&lanes, node);
        }
        append_line(graph, node, width * 2, id_columns, columns, buffer);
    }
    free(lanes.of);
    free(lines);
}
