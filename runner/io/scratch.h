/* A folder of one process for what goes with it, below one that others use as well. While the
 * process lives it holds a lock (flock(2)) on its folder; the kernel lets go of it at the end,
 * whichever end that is. So the next one can tell what a killed one left, and removes that and
 * nothing else. Where a file system has no such locks, what is left stays.
 *
 * Blocking: for jobs and for the start of a command. */
#ifndef RUNNER_IO_SCRATCH_H
#define RUNNER_IO_SCRATCH_H

#include "runner/base/error.h"

#include <stddef.h>

/* Zeroed: none. */
struct scratch {
    char *path;
    int fd; /* holds the lock */
};

/* Makes "<folder>/scratch-<name>", after a sweep of the folder. The name is nobody else's. */
int scratch_make(struct scratch *scratch, const char *folder, const char *name, struct error *err);

/* With all that is in it. One that was not made is fine. */
int scratch_remove(struct scratch *scratch, struct error *err);

/* Removes the scratch folders of processes that are gone, a bounded number of them. Returns how
 * many; what cannot be removed stays. */
size_t scratch_sweep(const char *folder);

#endif
