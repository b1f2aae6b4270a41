/* The payload that one client may hold at a time: what streams and readers in order take their
 * buffers out of. Full is back-pressure: whoever waits is called when there is room, in the order
 * of asking. Only counts; the loop's thread. */
#ifndef CONNECTORS_S3_MEMORY_H
#define CONNECTORS_S3_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct s3_memory_wait;

/* What was asked for is granted. Called from within s3_memory_give() of another. */
typedef void (*s3_memory_fn)(struct s3_memory_wait *wait);

struct s3_memory_wait { /* zeroed: not waiting */
    uint64_t bytes;
    s3_memory_fn granted;
    struct s3_memory_wait *next;
    bool waiting;
};

struct s3_memory {
    uint64_t limit_bytes, taken_bytes;
    struct s3_memory_wait *first;
};

/* True: taken, to be given back. False: `wait` is queued, `granted` will be called. At most
 * limit_bytes may be asked for. */
bool s3_memory_take(
    struct s3_memory *memory, uint64_t bytes, struct s3_memory_wait *wait, s3_memory_fn granted);
void s3_memory_give(struct s3_memory *memory, uint64_t bytes);

/* No longer waits; harmless when it does not. */
void s3_memory_forget(struct s3_memory *memory, struct s3_memory_wait *wait);

#endif
