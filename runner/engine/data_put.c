#include "runner/engine/data_put.h"

#include "runner/base/crc.h"
#include "runner/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

enum { BLOCK_BYTES = 1 << 20 };

static void put_step(struct data_put *put);

static int sum_file(int fd, const struct work *work, uint64_t *ret_crc)
{
    char *block = mem_calloc(1, BLOCK_BYTES);
    uint64_t crc = 0;
    ssize_t length;

    while ((length = read(fd, block, BLOCK_BYTES)) > 0 && !work_cancelled(work))
        crc = crc_update(CRC_32C, crc, block, (size_t)length);
    free(block);
    *ret_crc = crc;
    return length < 0 ? -1 : 0;
}

int data_put_sum(
    const char *path, const struct work *work, char ret_checksum[16], struct error *err)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    uint64_t crc;
    int rc;

    if (fd < 0)
        return error_set_errno(err, errno, "cannot open %s", path);
    rc = sum_file(fd, work, &crc);
    if (rc)
        error_set_errno(err, errno, "cannot read %s", path);
    close(fd);
    if (rc == 0)
        snprintf(ret_checksum, 16, "crc32c:%08" PRIx32, (uint32_t)crc);
    return rc;
}

/* --- what callbacks do: record, then step --- */

static void on_slot(struct slot_waiter *waiter)
{
    put_step(container_of(waiter, struct data_put, waiter));
}

static void run_sum(struct work *work)
{
    struct data_put *put = container_of(work, struct data_put, work);

    data_put_sum(put->path, work, put->checksum, &put->err);
}

static void on_summed(struct work *work, bool ran)
{
    struct data_put *put = container_of(work, struct data_put, work);

    (void)ran;
    put_step(put);
}

static void on_stored(struct store_request *request, const struct error *err)
{
    struct data_put *put = container_of(request, struct data_put, request);

    error_keep_first(&put->err, err);
    put_step(put);
}

/* --- the whole flow --- */

static void finish(struct data_put *put)
{
    struct slots *slots = put->slots;
    const bool held = put->step != DATA_PUT_WAITING;

    put->step = DATA_PUT_DONE;
    put->file.checksum = put->checksum;
    put->done(put, put->err.code ? &put->err : NULL);
    if (held)
        slots_give(slots);
}

static void start_summing(struct data_put *put)
{
    if (!slots_take(put->slots, &put->waiter))
        return;
    put->step = DATA_PUT_SUMMING;
    put->work = (struct work){.run = run_sum, .done = on_summed};
    work_submit(&put->engine->files, &put->work);
}

static void put_step(struct data_put *put)
{
    struct store *store = put->engine->tables;

    if (put->cancelled && !put->err.code && put->step != DATA_PUT_STORING)
        error_set(&put->err, ERROR_STOPPED, "cancelled");
    switch (put->err.code ? DATA_PUT_DONE : put->step) {
    case DATA_PUT_WAITING:
        start_summing(put); /* or it stands in line again */
        return;
    case DATA_PUT_SUMMING:
        put->step = DATA_PUT_STORING;
        put->request = (struct store_request){.verb = STORE_PUT,
            .key = put->file.key,
            .path = put->path,
            .move = true,
            .done = on_stored};
        store->type->start(store, &put->request);
        return;
    case DATA_PUT_STORING:
    case DATA_PUT_DONE:
        finish(put);
        return;
    }
}

void data_put_start(struct data_put *put)
{
    put->waiter.granted = on_slot;
    put->step = DATA_PUT_WAITING;
    start_summing(put);
}

void data_put_cancel(struct data_put *put)
{
    put->cancelled = true;
    if (put->step == DATA_PUT_SUMMING)
        work_cancel(&put->work);
    else if (put->step == DATA_PUT_STORING && put->request.store)
        put->request.store->type->cancel(&put->request);
    /* else it waits in line for a slot, and ends when its turn comes */
}
