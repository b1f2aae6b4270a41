#include "runner/io/loop.h"

#include "runner/base/mem.h"

#include <signal.h>
#include <unistd.h>

/* --- signals: an orderly end first, then the hard one --- */

/* Async-signal-safe. _exit() and not the signal's default action, which process 1 of a container
 * does not have. */
static void end_at_once(int signal_number)
{
    _exit(128 + signal_number);
}

static void set_signal_action(void (*handler)(int))
{
    struct sigaction action = {.sa_handler = handler};

    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

static void stop_listening(struct loop *loop)
{
    uv_signal_stop(&loop->interrupt);
    uv_signal_stop(&loop->terminate);
    set_signal_action(end_at_once);
}

static void on_signal(struct loop *loop, int signal_number)
{
    loop_stop_fn on_stop = loop->on_stop;

    loop->signal_number = signal_number;
    loop->on_stop = NULL;
    stop_listening(loop);
    on_stop(loop->data, signal_number);
}

static void on_interrupt(uv_signal_t *handle, int signal_number)
{
    on_signal(container_of(handle, struct loop, interrupt), signal_number);
}

static void on_terminate(uv_signal_t *handle, int signal_number)
{
    on_signal(container_of(handle, struct loop, terminate), signal_number);
}

void loop_on_stop(struct loop *loop, loop_stop_fn on_stop, void *data)
{
    loop->on_stop = on_stop;
    loop->data = data;
    if (on_stop) {
        uv_signal_start(&loop->interrupt, on_interrupt, SIGINT);
        uv_signal_start(&loop->terminate, on_terminate, SIGTERM);
    } else {
        stop_listening(loop);
    }
}

/* --- life --- */

int loop_init(struct loop *loop, struct error *err)
{
    int rc;

    *loop = (struct loop){0};
    rc = uv_loop_init(&loop->uv);
    if (rc)
        return error_set_errno(err, -rc, "cannot make an event loop");
    rc = uv_signal_init(&loop->uv, &loop->interrupt);
    if (rc) {
        uv_loop_close(&loop->uv);
        return error_set_errno(err, -rc, "cannot make an event loop's signal pipe");
    }
    uv_signal_init(&loop->uv, &loop->terminate); /* what can fail was made for the first one */
    uv_unref((uv_handle_t *)&loop->interrupt);
    uv_unref((uv_handle_t *)&loop->terminate);
    set_signal_action(end_at_once);
    return 0;
}

void loop_run(struct loop *loop)
{
    uv_run(&loop->uv, UV_RUN_DEFAULT);
}

struct open_handles {
    unsigned closing;
    const char *first_type; /* of those that nobody closes */
};

static void count_handle(uv_handle_t *handle, void *data)
{
    struct open_handles *open = data;

    if (uv_is_closing(handle))
        open->closing++;
    else if (!open->first_type)
        open->first_type = uv_handle_type_name(uv_handle_get_type(handle));
}

int loop_deinit(struct loop *loop, struct error *err)
{
    struct open_handles open;

    uv_close((uv_handle_t *)&loop->interrupt, NULL);
    uv_close((uv_handle_t *)&loop->terminate, NULL);
    for (;;) {
        open = (struct open_handles){0};
        uv_walk(&loop->uv, count_handle, &open);
        if (open.closing == 0)
            break;
        uv_run(&loop->uv, UV_RUN_NOWAIT);
    }
    set_signal_action(SIG_DFL);
    if (open.first_type)
        return error_set(err, ERROR_INTERNAL, "a %s handle was never closed", open.first_type);
    if (uv_loop_close(&loop->uv))
        return error_set(err, ERROR_INTERNAL, "the loop ends with a request under way");
    return 0;
}
