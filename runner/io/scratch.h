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
#include <stdint.h>

/* Zeroed: none. */
struct scratch {
    char *path;
    int fd; /* holds the lock */
};

/* Makes "<folder>/scratch-<name>", after a sweep of the folder. The name is nobody else's. */
int scratch_make(struct scratch *scratch, const char *folder, const char *name, struct error *err);

/* With all that is in it. One that was not made is fine. */
int scratch_remove(struct scratch *scratch, struct error *err);

/* Removes the scratch folders of processes that are gone, and what was kept for too long, a bounded
 * number of them. Returns how many; what cannot be removed stays. */
size_t scratch_sweep(const char *folder);

/* --- what outlives its process for a time --- */

enum { SCRATCH_KEPT_MS = 24 * 60 * 60 * 1000 };

/* The folder `path`, which is in `folder`, becomes "<folder>/kept-<owner>-<name>", of which an
 * owner has one: what it kept before goes. It is there whole, or not at all. */
int scratch_keep(
    const char *folder, const char *path, const char *owner, const char *name, struct error *err);

/* Removes what that owner kept. */
void scratch_forget(const char *folder, const char *owner);

/* The folder that was kept under that name, by whomever, and until when it is; NULL: there is none,
 * or its time is over, and then it goes. To free(). */
char *scratch_kept(const char *folder, const char *name, int64_t *ret_until_ms);

#endif
