#include "runner/base/time.h"
#include "runner/io/timer.h"
#include "tests/unit/io_fixture.h"

#include <unistd.h>

struct counted {
    struct timer timer;
    unsigned fired, closed, close_after; /* close_after 0: never by itself */
};

static void on_closed(struct timer *timer)
{
    container_of(timer, struct counted, timer)->closed++;
}

static void on_fire(struct timer *timer)
{
    struct counted *counted = container_of(timer, struct counted, timer);

    if (++counted->fired == counted->close_after)
        timer_close(timer, on_closed);
}

static void test_one_shot(void **state)
{
    struct counted counted = {.close_after = 1};
    struct loop loop;

    (void)state;
    fixture_loop_init(&loop);
    timer_init(&counted.timer, &loop);
    assert_false(timer_active(&counted.timer));
    timer_start(&counted.timer, 0, 0, on_fire);
    assert_true(timer_active(&counted.timer));
    assert_int_equal(counted.fired, 0);
    loop_run(&loop);
    assert_int_equal(counted.fired, 1);
    assert_int_equal(counted.closed, 1);
    fixture_loop_deinit(&loop);
}

static void test_repeats_until_closed(void **state)
{
    struct counted counted = {.close_after = 5};
    struct loop loop;

    (void)state;
    fixture_loop_init(&loop);
    timer_init(&counted.timer, &loop);
    timer_start(&counted.timer, 0, 1, on_fire);
    loop_run(&loop);
    assert_int_equal(counted.fired, 5);
    assert_int_equal(counted.closed, 1);
    fixture_loop_deinit(&loop);
}

static void test_stopped_never_fires(void **state)
{
    struct counted counted = {0};
    struct loop loop;

    (void)state;
    fixture_loop_init(&loop);
    timer_init(&counted.timer, &loop);
    timer_stop(&counted.timer);
    timer_start(&counted.timer, 0, 0, on_fire);
    timer_stop(&counted.timer);
    assert_false(timer_active(&counted.timer));
    loop_run(&loop);
    assert_int_equal(counted.fired, 0);
    timer_close(&counted.timer, NULL);
    fixture_loop_deinit(&loop);
}

static void test_closed_before_it_fires(void **state)
{
    struct counted counted = {0};
    struct loop loop;

    (void)state;
    fixture_loop_init(&loop);
    timer_init(&counted.timer, &loop);
    timer_start(&counted.timer, 0, 0, on_fire);
    timer_close(&counted.timer, on_closed);
    assert_int_equal(counted.closed, 0); /* from a later turn */
    loop_run(&loop);
    assert_int_equal(counted.fired, 0);
    assert_int_equal(counted.closed, 1);
    fixture_loop_deinit(&loop);
}

static void test_start_anew_replaces(void **state)
{
    struct counted counted = {.close_after = 1};
    const uint64_t start_ns = time_monotonic_ns();
    struct loop loop;

    (void)state;
    fixture_loop_init(&loop);
    timer_init(&counted.timer, &loop);
    timer_start(&counted.timer, 60000, 0, on_fire);
    timer_start(&counted.timer, 1, 0, on_fire);
    loop_run(&loop);
    assert_int_equal(counted.fired, 1);
    assert_true(time_monotonic_ns() - start_ns < 30000000000U);
    fixture_loop_deinit(&loop);
}

/* The delay counts from timer_start(), though the loop's clock is from before the sleep. */
static void test_a_late_start_is_not_early(void **state)
{
    struct counted counted = {.close_after = 1};
    struct loop loop;
    uint64_t start_ns;

    (void)state;
    fixture_loop_init(&loop);
    timer_init(&counted.timer, &loop);
    usleep(60000);
    start_ns = time_monotonic_ns();
    timer_start(&counted.timer, 50, 0, on_fire);
    loop_run(&loop);
    assert_true(time_monotonic_ns() - start_ns >= 48000000U); /* the loop counts whole ms */
    fixture_loop_deinit(&loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_shot),
        cmocka_unit_test(test_repeats_until_closed),
        cmocka_unit_test(test_stopped_never_fires),
        cmocka_unit_test(test_closed_before_it_fires),
        cmocka_unit_test(test_start_anew_replaces),
        cmocka_unit_test(test_a_late_start_is_not_early),
    };

    return cmocka_run_group_tests_name("timer", tests, NULL, NULL);
}
