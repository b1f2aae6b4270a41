#include "tests/unit/io_fixture.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static void test_nothing_to_wait_for(void **state)
{
    struct loop loop;

    (void)state;
    fixture_loop_init(&loop);
    loop_run(&loop); /* returns: the signal handles do not count */
    fixture_loop_deinit(&loop);
}

static void on_timer(uv_timer_t *timer)
{
    uv_close((uv_handle_t *)timer, NULL);
}

static void test_a_handle_that_is_left_is_named(void **state)
{
    struct error err = {0};
    struct loop loop;
    uv_timer_t timer;

    (void)state;
    fixture_loop_init(&loop);
    uv_timer_init(&loop.uv, &timer);
    assert_int_equal(loop_deinit(&loop, &err), -1);
    assert_int_equal(err.code, ERROR_INTERNAL);
    assert_contains(err.message, "a timer handle was never closed");

    uv_close((uv_handle_t *)&timer, NULL);
    uv_run(&loop.uv, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop.uv), 0);
}

static void test_what_is_closing_may_finish(void **state)
{
    struct loop loop;
    uv_timer_t timer;

    (void)state;
    fixture_loop_init(&loop);
    uv_timer_init(&loop.uv, &timer);
    uv_close((uv_handle_t *)&timer, NULL);
    fixture_loop_deinit(&loop);
}

/* --- signals --- */

struct stop {
    struct loop loop;
    uv_timer_t timer;
    unsigned count;
    int signal_number;
};

static void on_stop(void *data, int signal_number)
{
    struct stop *stop = data;

    stop->count++;
    stop->signal_number = signal_number;
    uv_close((uv_handle_t *)&stop->timer, NULL);
}

static void stop_init(struct stop *stop)
{
    *stop = (struct stop){0};
    fixture_loop_init(&stop->loop);
    loop_on_stop(&stop->loop, on_stop, stop);
    uv_timer_init(&stop->loop.uv, &stop->timer);
    uv_timer_start(&stop->timer, on_timer, 60000, 0);
}

static void test_first_signal_asks_for_an_orderly_end(void **state)
{
    static const int signals[] = {SIGINT, SIGTERM};

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(signals); i++) {
        struct stop stop;

        stop_init(&stop);
        raise(signals[i]);
        assert_int_equal(stop.count, 0); /* from the loop, not from the handler */
        loop_run(&stop.loop);
        assert_int_equal(stop.count, 1);
        assert_int_equal(stop.signal_number, signals[i]);
        assert_int_equal(stop.loop.signal_number, signals[i]);
        fixture_loop_deinit(&stop.loop);
    }
}

/* Runs `body` in a child process and returns how it exited: 255 where it did not. */
static int exit_of(void (*body)(void))
{
    const pid_t child = fork();
    int status;

    assert_true(child >= 0);
    if (child == 0) {
        alarm(20);
        body();
        _exit(99);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

static void second_signal(void)
{
    struct stop stop;

    stop_init(&stop);
    raise(SIGINT);
    loop_run(&stop.loop);
    if (stop.count == 1)
        raise(SIGTERM); /* the loop does not run: stuck */
}

static void signal_without_callback(void)
{
    struct loop loop;

    fixture_loop_init(&loop);
    raise(SIGINT);
}

static void signal_after_callback_was_taken_back(void)
{
    struct stop stop;

    stop_init(&stop);
    loop_on_stop(&stop.loop, NULL, NULL);
    raise(SIGTERM);
}

static void test_otherwise_the_process_ends_at_once(void **state)
{
    (void)state;
    assert_int_equal(exit_of(second_signal), 143);
    assert_int_equal(exit_of(signal_without_callback), 130);
    assert_int_equal(exit_of(signal_after_callback_was_taken_back), 143);
}

static void test_signals_are_given_back(void **state)
{
    struct sigaction action;
    struct stop stop;

    (void)state;
    stop_init(&stop);
    raise(SIGINT);
    loop_run(&stop.loop);
    fixture_loop_deinit(&stop.loop);
    sigaction(SIGINT, NULL, &action);
    assert_ptr_equal(action.sa_handler, SIG_DFL);
    sigaction(SIGTERM, NULL, &action);
    assert_ptr_equal(action.sa_handler, SIG_DFL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_to_wait_for),
        cmocka_unit_test(test_a_handle_that_is_left_is_named),
        cmocka_unit_test(test_what_is_closing_may_finish),
        cmocka_unit_test(test_first_signal_asks_for_an_orderly_end),
        cmocka_unit_test(test_otherwise_the_process_ends_at_once),
        cmocka_unit_test(test_signals_are_given_back),
    };

    return cmocka_run_group_tests_name("loop", tests, NULL, NULL);
}
