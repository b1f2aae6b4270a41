/* A data file that was written goes into the table's store: the checksum of its bytes, taken by a
 * job, then the PUT, when the slots have room. */
#ifndef RUNNER_ENGINE_DATA_PUT_H
#define RUNNER_ENGINE_DATA_PUT_H

#include "runner/engine/engine.h"
#include "runner/engine/slots.h"

struct data_put;

/* Called exactly once, on the loop, never from within start or cancel. */
typedef void (*data_put_fn)(struct data_put *put, const struct error *err);

enum data_put_step { DATA_PUT_WAITING, DATA_PUT_SUMMING, DATA_PUT_STORING, DATA_PUT_DONE };

/* The caller owns it and keeps it until `done`; zeroed but for the arguments. */
struct data_put {
    struct engine *engine; /* its tables are open */
    struct slots *slots;
    const char *path;         /* moved into the store */
    struct catalog_file file; /* key, bytes; the checksum is filled in: `checksum` */
    data_put_fn done;

    char checksum[16]; /* "crc32c:0a1b2c3d" */
    enum data_put_step step;
    bool cancelled;
    struct slot_waiter waiter;
    struct work work;
    struct store_request request;
    struct error err;
};

void data_put_start(struct data_put *put);
void data_put_cancel(struct data_put *put); /* still ends in done; again is harmless */

/* On a thread: "crc32c:0a1b2c3d" of a file's bytes. */
int data_put_sum(
    const char *path, const struct work *work, char ret_checksum[16], struct error *err);

#endif
