#include "connectors/s3/memory.h"

#include <assert.h>

bool s3_memory_take(
    struct s3_memory *memory, uint64_t bytes, struct s3_memory_wait *wait, s3_memory_fn granted)
{
    struct s3_memory_wait **end = &memory->first;

    assert(bytes <= memory->limit_bytes && !wait->waiting);
    if (!memory->first && memory->taken_bytes + bytes <= memory->limit_bytes) {
        memory->taken_bytes += bytes;
        return true;
    }
    while (*end)
        end = &(*end)->next;
    *wait = (struct s3_memory_wait){.bytes = bytes, .granted = granted, .waiting = true};
    *end = wait;
    return false;
}

static void serve(struct s3_memory *memory)
{
    struct s3_memory_wait *wait;

    while ((wait = memory->first) && memory->taken_bytes + wait->bytes <= memory->limit_bytes) {
        memory->taken_bytes += wait->bytes;
        memory->first = wait->next;
        wait->waiting = false;
        wait->granted(wait);
    }
}

void s3_memory_give(struct s3_memory *memory, uint64_t bytes)
{
    assert(bytes <= memory->taken_bytes);
    memory->taken_bytes -= bytes;
    serve(memory);
}

void s3_memory_forget(struct s3_memory *memory, struct s3_memory_wait *wait)
{
    struct s3_memory_wait **place = &memory->first;

    if (!wait->waiting)
        return;
    while (*place != wait)
        place = &(*place)->next;
    *place = wait->next;
    wait->waiting = false;
    serve(memory);
}
