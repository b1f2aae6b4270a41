/* The data files of one attempt of a load on their way into the store: as soon as one is complete a
 * job reads it for its checksum, and it goes when a slot of the run is free, while others are still
 * written. Part of the stage. */
#ifndef RUNNER_ENGINE_LOAD_PUT_H
#define RUNNER_ENGINE_LOAD_PUT_H

#include "connectors/store.h"
#include "runner/engine/slots.h"
#include "runner/engine/task.h"

struct load_put;
struct load_puts;

/* A job or a transfer has ended, or a slot is free: load_puts_step(), and see whether all are in.
 */
typedef void (*load_puts_fn)(struct load_puts *puts);

struct load_puts {
    struct task *task;
    load_puts_fn changed;
    struct load_put *first, *last; /* waiting for a slot */
    struct load_put **items;       /* every one */
    size_t count, capacity;
    unsigned in_flight; /* jobs and transfers */
    struct slot_waiter waiter;
    bool quarantines; /* they are no rows of the task's own: task->quarantined */
    struct error err; /* of the first one that failed */
};

void load_puts_init(struct load_puts *puts, struct task *task, load_puts_fn changed);
void load_puts_deinit(struct load_puts *puts); /* nothing may be in flight */

/* `path` is moved to file->file.key; what is in the store is added to task->files, with its
 * checksum. */
void load_puts_add(struct load_puts *puts, const char *path, const struct task_file *file);

/* Begins as many transfers as slots allow, none after an error. */
void load_puts_step(struct load_puts *puts);

/* What waits is forgotten; what is in flight still ends in `changed`. Again is harmless. */
void load_puts_cancel(struct load_puts *puts);

#endif
