/* Where each field was written, by its address. */
#include "config/bind_internal.h"
#include "runner/base/mem.h"

#include <stdint.h>
#include <string.h>

struct bind_range {
    const char *start;
    size_t size;
    struct option_mark mark;
};

static size_t slot_of(const struct bind_marks *marks, const void *field, bool is_map)
{
    /* Fibonacci hashing: fields are aligned, their low bits say nothing. */
    size_t slot = (size_t)(((uintptr_t)field >> 2) * 0x9e3779b97f4a7c15U >> 20);

    slot &= marks->capacity - 1;
    while (marks->slots[slot].field &&
           (marks->slots[slot].field != field || marks->slots[slot].is_map != is_map))
        slot = (slot + 1) & (marks->capacity - 1);
    return slot;
}

static void grow(struct bind_marks *marks)
{
    const struct bind_place *old = marks->slots;
    const size_t old_capacity = marks->capacity;

    marks->capacity = old_capacity ? old_capacity * 2 : 64;
    marks->slots = arena_array(marks->arena, marks->capacity, sizeof(*marks->slots));
    for (size_t i = 0; i < old_capacity; i++) {
        if (old[i].field)
            marks->slots[slot_of(marks, old[i].field, old[i].is_map)] = old[i];
    }
}

static struct bind_place *put(struct bind_marks *marks, const void *field, bool is_map)
{
    struct bind_place *place;

    if ((marks->count + 1) * 4 > marks->capacity * 3)
        grow(marks);
    place = &marks->slots[slot_of(marks, field, is_map)];
    marks->count += place->field == NULL;
    *place = (struct bind_place){.field = field, .is_map = is_map};
    return place;
}

struct bind_place *bind_put_place(struct bind_marks *marks, const void *field)
{
    return put(marks, field, false);
}

void bind_put_range(
    struct bind_marks *marks, const void *object, size_t size, struct option_mark mark)
{
    if (marks->range_count == marks->range_capacity) {
        const size_t capacity = marks->range_capacity ? marks->range_capacity * 2 : 32;
        struct bind_range *ranges = arena_array(marks->arena, capacity, sizeof(*ranges));

        if (marks->range_count)
            memcpy(ranges, marks->ranges, marks->range_count * sizeof(*ranges));
        marks->ranges = ranges;
        marks->range_capacity = capacity;
    }
    marks->ranges[marks->range_count++] = (struct bind_range){object, size, mark};
    put(marks, object, true)->mark = mark;
}

static const struct bind_place *find(const struct bind_marks *marks, const void *field, bool is_map)
{
    const struct bind_place *place;

    if (marks->capacity == 0)
        return NULL;
    place = &marks->slots[slot_of(marks, field, is_map)];
    return place->field ? place : NULL;
}

const struct bind_place *bind_place(const struct bind_marks *marks, const void *field)
{
    return find(marks, field, false);
}

bool bind_has_map(const struct bind_marks *marks, const void *object)
{
    return find(marks, object, true) != NULL;
}

struct option_mark bind_mark(const struct bind_marks *marks, const void *field)
{
    const struct bind_place *place = bind_place(marks, field);
    const struct bind_range *best = NULL;

    if (place)
        return place->mark;
    for (size_t i = 0; i < marks->range_count; i++) {
        const struct bind_range *range = &marks->ranges[i];
        const size_t distance = (uintptr_t)field - (uintptr_t)range->start;

        if (distance < range->size && (!best || range->size <= best->size))
            best = range;
    }
    return best ? best->mark : (struct option_mark){1, 1};
}

struct option_mark bind_text_mark(
    const struct bind_marks *marks, const struct bind_place *place, size_t offset)
{
    return yaml_text_mark(marks->source, marks->source_length, place->node, offset);
}
