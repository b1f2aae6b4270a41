#include "runner/engine/slots.h"

#include <assert.h>
#include <stddef.h>

static void wait_in_line(struct slots *slots, struct slot_waiter *waiter)
{
    if (waiter->waiting)
        return;
    waiter->waiting = true;
    waiter->next = NULL;
    if (slots->last)
        slots->last->next = waiter;
    else
        slots->first = waiter;
    slots->last = waiter;
}

bool slots_take(struct slots *slots, struct slot_waiter *waiter)
{
    if (slots->used >= slots->limit) {
        wait_in_line(slots, waiter);
        return false;
    }
    slots->used++;
    return true;
}

void slots_forget(struct slots *slots, struct slot_waiter *waiter)
{
    struct slot_waiter **at = &slots->first, *before = NULL;

    if (!waiter->waiting)
        return;
    while (*at != waiter) {
        before = *at;
        at = &(*at)->next;
    }
    *at = waiter->next;
    if (slots->last == waiter)
        slots->last = before;
    waiter->waiting = false;
}

void slots_give(struct slots *slots)
{
    assert(slots->used > 0);
    slots->used--;
    /* Who was cancelled meanwhile takes none: then it is the next one's turn. */
    while (slots->first && slots->used < slots->limit) {
        struct slot_waiter *waiter = slots->first;

        slots_forget(slots, waiter);
        waiter->granted(waiter);
    }
}
