/* Who a process is, so that another one can tell whether it still runs: a process id alone is
 * given to others later. Source: proc(5). */
#ifndef CONNECTORS_STATE_SQLITE_PROCESS_H
#define CONNECTORS_STATE_SQLITE_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

enum { PROCESS_TEXT_SIZE = 72 };

struct process {
    char host[PROCESS_TEXT_SIZE];
    char boot_id[PROCESS_TEXT_SIZE];   /* of the kernel; "" where it is unknown */
    char pid_space[PROCESS_TEXT_SIZE]; /* in which the id counts: containers have their own */
    int64_t id;
    int64_t start_ticks; /* field 22 of /proc/ID/stat; 0: unknown */
};

enum process_status {
    PROCESS_DEAD,
    PROCESS_LIVE,
    PROCESS_UNKNOWN, /* it cannot be seen from here: another host or container */
};

void process_self(struct process *ret_self);

/* What `self` can tell about `other`:
 * - the same boot and pid space: exactly, by id and start time (a zombie is dead);
 * - the same host name and another boot: dead, the host was started anew;
 * - the same host name and boot, another pid space: dead. That is a container that was started
 *   anew under its name; if it were a second one under the same name, the fence keeps it from
 *   committing;
 * - another host name: unknown. */
enum process_status process_look(const struct process *self, const struct process *other);

#endif
