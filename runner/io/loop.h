/* The one event loop: a uv_loop_t with orderly shutdown. Everything that is not a job of
 * runner/io/work runs on its thread. */
#ifndef RUNNER_IO_LOOP_H
#define RUNNER_IO_LOOP_H

#include "runner/base/error.h"

#include <stdbool.h>
#include <uv.h>

struct loop;

/* Called on the loop at the first SIGINT or SIGTERM: start an orderly end (cancel what runs). A
 * second signal, or the first where no callback is set, ends the process at once with 130 or 143:
 * straight from the signal handler, so also when the loop's thread is stuck. */
typedef void (*loop_stop_fn)(void *data, int signal_number);

struct loop {
    uv_loop_t uv;
    uv_signal_t interrupt, terminate;
    loop_stop_fn on_stop;
    void *data;
    int signal_number; /* the first signal that came; 0: none */
};

/* Takes over SIGINT and SIGTERM: one such loop at a time in a process. */
int loop_init(struct loop *loop, struct error *err);

/* NULL takes it back. The signal handles do not keep the loop alive. */
void loop_on_stop(struct loop *loop, loop_stop_fn on_stop, void *data);

/* Runs until nothing is left to wait for. */
void loop_run(struct loop *loop);

/* Closes the loop's own handles and then the loop; gives the signals back. What is being closed
 * gets its close callback first. Fails, naming the type of the first one, when somebody's handle
 * is still open: a programmer error that tests turn into a failure. */
int loop_deinit(struct loop *loop, struct error *err);

#endif
