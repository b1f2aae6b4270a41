/* An order in which each task comes after what it needs: of all such orders the one that is
 * nearest to the file's. Where there is none, the cycles that forbid it. */
#include "runner/engine/graph_build.h"

#include "runner/base/buffer.h"
#include "runner/base/mem.h"

/* A cycle of more tasks than this is shown with a gap: the message has to stay one line. */
enum { CYCLE_SHOWN_MAX = 12 };

/* --- a heap of draft indices, the smallest first --- */

static void heap_push(unsigned *heap, unsigned *count, unsigned value)
{
    unsigned at = (*count)++;

    for (; at > 0 && heap[(at - 1) / 2] > value; at = (at - 1) / 2)
        heap[at] = heap[(at - 1) / 2];
    heap[at] = value;
}

static unsigned heap_pop(unsigned *heap, unsigned *count)
{
    const unsigned top = heap[0], last = heap[--*count];
    unsigned at = 0;

    for (unsigned child = 1; child < *count; child = 2 * at + 1) {
        if (child + 1 < *count && heap[child + 1] < heap[child])
            child++;
        if (heap[child] >= last)
            break;
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = last;
    return top;
}

/* --- cycles --- */

enum colour { WHITE, GREY, BLACK };

struct frame {
    unsigned draft, next; /* next: of its needs */
};

static const struct graph_reference *find_reference(
    const struct graph_draft *draft, unsigned target)
{
    const struct graph_reference *reference = draft->references;

    while (reference->target != target)
        reference++; /* `needs` come from references: it is there */
    return reference;
}

/* The cycle is path[0] … path[length - 1], each needing the next and the last the first. */
static void report_cycle(
    const struct graph_builder *builder, const struct frame *path, unsigned length)
{
    unsigned first = 0;
    const struct graph_draft *start;
    const char *file;
    struct option_mark mark;
    struct buffer text;

    for (unsigned i = 1; i < length; i++)
        first = path[i].draft < path[first].draft ? i : first;
    start = &builder->drafts[path[first].draft];
    mark = graph_reference_mark(
        builder, find_reference(start, path[(first + 1) % length].draft), &file);
    buffer_init(&text, 0);
    for (unsigned i = 0; i < length; i++) {
        if (length > CYCLE_SHOWN_MAX && i == CYCLE_SHOWN_MAX / 2) {
            buffer_printf(&text, "… %u more … → ", length - CYCLE_SHOWN_MAX);
            i = length - CYCLE_SHOWN_MAX / 2;
        }
        buffer_printf(&text, "%s → ", builder->drafts[path[(first + i) % length].draft].node.id);
    }
    diagnostics_error(builder->problems, file, mark,
        "%s: a cycle, each needs the next: %s%s; cut it at one of them", start->node.id, text.data,
        start->node.id);
    buffer_deinit(&text);
}

/* Every edge that leads back into the path of a depth-first walk closes one cycle, and without
 * these edges there would be none: so each of them is one to report. */
static void report_cycles(const struct graph_builder *builder, unsigned char *colours)
{
    struct frame *path = mem_calloc(builder->count, sizeof(*path));
    unsigned *place = mem_calloc(builder->count, sizeof(*place)); /* in path, of what is GREY */

    for (unsigned root = 0; root < builder->count; root++) {
        unsigned depth = 0;

        if (colours[root] != WHITE)
            continue;
        path[depth++] = (struct frame){.draft = root};
        colours[root] = GREY;
        place[root] = 0;
        while (depth > 0) {
            struct frame *frame = &path[depth - 1];
            const struct graph_node *node = &builder->drafts[frame->draft].node;
            unsigned target;

            if (frame->next == node->need_count) {
                colours[frame->draft] = BLACK;
                depth--;
                continue;
            }
            target = node->needs[frame->next++];
            if (colours[target] == GREY) {
                report_cycle(builder, &path[place[target]], depth - place[target]);
            } else if (colours[target] == WHITE) {
                colours[target] = GREY;
                place[target] = depth;
                path[depth++] = (struct frame){.draft = target};
            }
        }
    }
    free(place);
    free(path);
}

/* --- order --- */

void graph_order(struct graph_builder *builder)
{
    unsigned *heap = mem_calloc(builder->count, sizeof(*heap));
    unsigned *missing = mem_calloc(builder->count, sizeof(*missing));
    unsigned char *colours = mem_calloc(builder->count, sizeof(*colours));
    unsigned heap_count = 0, done = 0;

    for (unsigned i = 0; i < builder->count; i++) {
        missing[i] = builder->drafts[i].node.need_count;
        if (missing[i] == 0)
            heap_push(heap, &heap_count, i);
    }
    while (heap_count > 0) {
        const unsigned next = heap_pop(heap, &heap_count);
        const struct graph_node *node = &builder->drafts[next].node;

        builder->order[done++] = next;
        colours[next] = BLACK;
        for (unsigned i = 0; i < node->dependent_count; i++) {
            if (--missing[node->dependents[i]] == 0)
                heap_push(heap, &heap_count, node->dependents[i]);
        }
    }
    for (unsigned i = 0; i < builder->count; i++) {
        if (colours[i] == BLACK)
            continue;
        builder->order[done++] = i; /* so that the rest of the file can be judged, too */
        builder->drafts[i].broken = true;
    }
    report_cycles(builder, colours);
    free(colours);
    free(missing);
    free(heap);
}
