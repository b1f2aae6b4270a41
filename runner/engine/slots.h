/* A counting semaphore for the loop: how many transfers of a run are in flight at once. Who finds
 * none free waits in line and is told. */
#ifndef RUNNER_ENGINE_SLOTS_H
#define RUNNER_ENGINE_SLOTS_H

#include <stdbool.h>

struct slot_waiter;

/* A slot is free now: take it with slots_take(), which may put it in line again. */
typedef void (*slot_fn)(struct slot_waiter *waiter);

struct slot_waiter {
    slot_fn granted;
    struct slot_waiter *next;
    bool waiting;
};

struct slots {
    unsigned limit, used;
    struct slot_waiter *first, *last;
};

/* Takes one; false: none is free, and the waiter stands in line (once, however often it asks). */
bool slots_take(struct slots *slots, struct slot_waiter *waiter);
void slots_give(struct slots *slots); /* wakes the first in line */
void slots_forget(struct slots *slots, struct slot_waiter *waiter);

#endif
