/* Bytes in order. The part that is next is handed on as it arrives; those ahead of it wait in
 * buffers of their own. */
#include "connectors/s3/get_private.h"

#include <string.h>

static bool is_next(const struct get_part *part)
{
    const struct get_flow *flow = part->flow;

    return part->first - flow->get->first + part->written == flow->written;
}

/* 0: the callback took them; HTTP_PAUSE; -1. */
static int hand_on(struct get_part *part, const char *bytes, size_t length, struct error *err)
{
    struct get_flow *flow = part->flow;
    const int rc = flow->get->write(flow->get, bytes, length, err);

    if (rc == HTTP_PAUSE)
        flow->paused = true;
    if (rc)
        return rc;
    if (flow->running.kind)
        s3_checksum_update(&flow->running, bytes, length);
    part->written += length;
    flow->written += length;
    return 0;
}

static int keep(struct get_part *part, const char *bytes, size_t length, struct error *err)
{
    if (!part->buffer)
        part->buffer = malloc(part->flow->part_bytes); /* payload: may fail */
    if (!part->buffer)
        return error_set(err, ERROR_NO_MEMORY,
            "no memory for %llu bytes that are ahead of those that are written; a smaller "
            "part_size needs less",
            (unsigned long long)part->flow->part_bytes);
    memcpy(part->buffer + part->buffered, bytes, length);
    part->buffered += length;
    return 0;
}

int get_order_write(struct get_part *part, const char *bytes, size_t length, struct error *err)
{
    const struct get_flow *flow = part->flow;
    int rc = HTTP_PAUSE;

    if (!is_next(part) || part->buffered)
        return keep(part, bytes, length, err);
    if (!flow->paused)
        rc = hand_on(part, bytes, length, err);
    part->stopped = rc == HTTP_PAUSE;
    return rc;
}

static struct get_part *find_next(const struct get_flow *flow)
{
    for (unsigned i = 0; i < flow->slot_count; i++) {
        struct get_part *part = flow->slots[i];

        if (part && part->used && (is_next(part) || part->written == part->length))
            return part;
    }
    return NULL;
}

/* False: no more for now. */
static bool drain_part(struct get_part *part)
{
    struct get_flow *flow = part->flow;
    struct error err = {0};
    int rc = 0;

    if (part->buffered)
        rc = hand_on(part, part->buffer, part->buffered, &err);
    if (rc == -1)
        get_fail(flow, &err);
    if (rc)
        return false;
    part->buffered = 0;
    if (part->stopped) {
        part->stopped = false;
        s3_call_resume(&part->call);
    }
    if (part->busy || part->written < part->length)
        return false; /* goes on as it arrives */
    get_part_release(part);
    return true;
}

void get_order_drain(struct get_flow *flow)
{
    struct get_part *part;

    while (!flow->paused && !flow->err.code && (part = find_next(flow)) && drain_part(part))
        ;
}
