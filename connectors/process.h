/* Who a process is, so that another one can tell whether it still runs: a process id alone is
 * given to others later. Source: proc(5). */
#ifndef CONNECTORS_PROCESS_H
#define CONNECTORS_PROCESS_H

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
    PROCESS_HIDDEN,  /* another container under the same kernel: clocks are shared */
    PROCESS_UNKNOWN, /* it cannot be seen from here: another host */
};

void process_self(struct process *ret_self);

/* What `self` can tell about `other`:
 * - the same boot and pid space: exactly, by id and start time (a zombie is dead);
 * - the same host name and another boot: dead, the host was started anew;
 * - the same boot, another pid space: hidden, also under the same host name, which containers may
 *   share with their host;
 * - another host name and boot: unknown. */
enum process_status process_look(const struct process *self, const struct process *other);

#endif
