#include "runner/io/retry.h"
#include "tests/unit/io_fixture.h"

/* --- the draw --- */

static void test_backoff_bounds(void **state)
{
    static const int64_t bounds_ms[] = {500, 1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000};
    const struct retry_policy policy = {.attempts = 9, .backoff_ms = 500, .max_backoff_ms = 30000};

    (void)state;
    for (unsigned i = 0; i < ARRAY_LENGTH(bounds_ms); i++) {
        const uint64_t bound = (uint64_t)bounds_ms[i];

        assert_int_equal(retry_backoff_ms(&policy, i + 1, 0), 0);
        assert_int_equal(retry_backoff_ms(&policy, i + 1, bound), bound); /* the bound itself */
        assert_int_equal(retry_backoff_ms(&policy, i + 1, bound + 1), 0);
        assert_in_range(retry_backoff_ms(&policy, i + 1, UINT64_MAX), 0, bound);
    }
    assert_in_range(retry_backoff_ms(&policy, UINT32_MAX, UINT64_MAX), 0, 30000);
}

static void test_backoff_at_the_limits_of_its_types(void **state)
{
    const struct retry_policy none = {.attempts = 3};
    const struct retry_policy huge = {
        .attempts = 3, .backoff_ms = INT64_MAX / 2 + 1, .max_backoff_ms = INT64_MAX};
    const struct retry_policy capped = {.attempts = 3, .backoff_ms = 1000, .max_backoff_ms = 10};

    (void)state;
    assert_int_equal(retry_backoff_ms(&none, 2, UINT64_MAX), 0);
    assert_true(retry_backoff_ms(&huge, 3, INT64_MAX) == INT64_MAX);
    assert_in_range(retry_backoff_ms(&capped, 1, 12345), 0, 10);
}

/* xorshift64: the same draws in each run of the test. */
static uint64_t next_random(uint64_t *random)
{
    *random ^= *random << 13;
    *random ^= *random >> 7;
    *random ^= *random << 17;
    return *random;
}

static void test_backoff_is_uniform(void **state)
{
    enum { DRAWS = 100000, BINS = 10 };
    const struct retry_policy policy = {.attempts = 9, .backoff_ms = 999, .max_backoff_ms = 999};
    unsigned bins[BINS] = {0};
    uint64_t random = 88172645463325252U;

    (void)state;
    for (unsigned i = 0; i < DRAWS; i++)
        bins[retry_backoff_ms(&policy, 1, next_random(&random)) / (1000 / BINS)]++;
    for (unsigned i = 0; i < BINS; i++)
        assert_in_range(bins[i], DRAWS / BINS * 95 / 100, DRAWS / BINS * 105 / 100);
}

/* --- attempts: an operation that takes a turn of the loop and fails as often as told --- */

struct operation {
    struct loop loop;
    struct retry retry;
    struct timer timer;
    struct error failure; /* of the attempts that fail */
    unsigned fail_count, attempts, waits, done_count;
    int64_t longest_wait_ms, wait_min_ms;
    bool finish_within_attempt, timer_cancelled;
    struct error outcome;
};

static void finish_attempt(struct operation *operation)
{
    const bool fails = operation->attempts <= operation->fail_count;
    struct error stopped;

    error_set(&stopped, ERROR_STOPPED, "stopped");
    operation->retry.wait_min_ms = operation->attempts == 1 ? operation->wait_min_ms : 0;
    if (operation->timer_cancelled)
        retry_finish(&operation->retry, &stopped);
    else
        retry_finish(&operation->retry, fails ? &operation->failure : NULL);
}

static void on_timer(struct timer *timer)
{
    finish_attempt(container_of(timer, struct operation, timer));
}

static void run_attempt(struct retry *retry)
{
    struct operation *operation = container_of(retry, struct operation, retry);

    operation->attempts++;
    assert_int_equal(retry->attempt, operation->attempts);
    if (operation->finish_within_attempt)
        finish_attempt(operation);
    else
        timer_start(&operation->timer, 1, 0, on_timer);
}

static void on_waiting(struct retry *retry, const struct error *err, int64_t wait_ms)
{
    struct operation *operation = container_of(retry, struct operation, retry);

    operation->waits++;
    operation->longest_wait_ms = MAX(operation->longest_wait_ms, wait_ms);
    assert_int_equal(err->class, ERROR_TRANSIENT);
    assert_int_equal(retry->attempt, operation->attempts);
}

static void on_done(struct retry *retry, const struct error *err)
{
    struct operation *operation = container_of(retry, struct operation, retry);

    operation->done_count++;
    if (err)
        operation->outcome = *err;
    timer_close(&operation->timer, NULL);
}

static void operation_start(struct operation *operation, enum error_code code, unsigned fail_count)
{
    const struct retry_policy policy = {.attempts = 4, .backoff_ms = 2, .max_backoff_ms = 4};

    *operation = (struct operation){.fail_count = fail_count};
    error_set(&operation->failure, code, "the server said no");
    fixture_loop_init(&operation->loop);
    timer_init(&operation->timer, &operation->loop);
    retry_start(&operation->retry, &operation->loop, &policy, run_attempt, on_waiting, on_done);
    assert_int_equal(operation->attempts, 0);
}

static void operation_cancel(void *data)
{
    struct operation *operation = data;
    const unsigned done_count = operation->done_count;

    retry_cancel(&operation->retry);
    retry_cancel(&operation->retry); /* again is harmless */
    assert_int_equal(operation->done_count, done_count);
    /* The attempt under way is its owner's to cancel. */
    if (timer_active(&operation->timer)) {
        operation->timer_cancelled = true;
        timer_start(&operation->timer, 0, 0, on_timer);
    }
}

static void operation_end(struct operation *operation)
{
    loop_run(&operation->loop);
    assert_int_equal(operation->done_count, 1);
    retry_cancel(&operation->retry); /* idle: harmless */
    fixture_loop_deinit(&operation->loop);
}

static void test_tries_until_it_succeeds(void **state)
{
    struct operation operation;

    (void)state;
    for (unsigned fails = 0; fails < 4; fails++) {
        operation_start(&operation, ERROR_TIMEOUT, fails);
        operation.finish_within_attempt = fails % 2;
        operation_end(&operation);
        assert_int_equal(operation.attempts, fails + 1);
        assert_int_equal(operation.waits, fails);
        assert_int_equal(operation.outcome.code, ERROR_NONE);
        assert_in_range(operation.longest_wait_ms, 0, 4);
    }
}

static void test_attempts_run_out(void **state)
{
    struct operation operation;

    (void)state;
    operation_start(&operation, ERROR_TIMEOUT, 99);
    operation_end(&operation);
    assert_int_equal(operation.attempts, 4);
    assert_int_equal(operation.waits, 3);
    assert_int_equal(operation.outcome.code, ERROR_TIMEOUT);
    assert_string_equal(operation.outcome.message, "the server said no");
}

static void test_other_errors_are_not_tried_again(void **state)
{
    static const enum error_code codes[] = {ERROR_DENIED, ERROR_STOPPED};

    (void)state;
    for (unsigned i = 0; i < ARRAY_LENGTH(codes); i++) {
        struct operation operation;

        operation_start(&operation, codes[i], 99);
        operation_end(&operation);
        assert_int_equal(operation.attempts, 1);
        assert_int_equal(operation.waits, 0);
        assert_int_equal(operation.outcome.code, codes[i]);
    }
}

static void test_a_wait_is_as_long_as_the_server_asked(void **state)
{
    struct operation operation;

    (void)state;
    operation_start(&operation, ERROR_BUSY, 2);
    operation.wait_min_ms = 20;
    loop_run(&operation.loop);
    assert_int_equal(operation.attempts, 3);
    assert_int_equal(operation.longest_wait_ms, 20); /* above the policy's 4; once only */
    assert_int_equal(operation.retry.wait_min_ms, 0);
    fixture_loop_deinit(&operation.loop);
}

static void test_cancel_before_the_first_attempt(void **state)
{
    struct operation operation;

    (void)state;
    operation_start(&operation, ERROR_TIMEOUT, 99);
    operation_cancel(&operation);
    operation_end(&operation);
    assert_int_equal(operation.attempts, 0);
    assert_int_equal(operation.outcome.class, ERROR_CANCELLED);
}

static void cancel_from_waiting(struct retry *retry, const struct error *err, int64_t wait_ms)
{
    on_waiting(retry, err, wait_ms);
    operation_cancel(container_of(retry, struct operation, retry));
}

static void test_cancel_in_a_wait_keeps_the_reason(void **state)
{
    struct operation operation;

    (void)state;
    operation_start(&operation, ERROR_TIMEOUT, 99);
    operation.retry.waiting = cancel_from_waiting;
    operation_end(&operation);
    assert_int_equal(operation.attempts, 1);
    assert_int_equal(operation.outcome.class, ERROR_CANCELLED);
    assert_string_equal(operation.outcome.message, "cancelled after: the server said no");
}

/* The attempt does not listen, and ends with what would have been tried again. */
static void test_cancel_in_an_attempt_that_fails_anyway(void **state)
{
    struct operation operation;
    unsigned attempts;

    (void)state;
    operation_start(&operation, ERROR_TIMEOUT, 99);
    operation.retry.policy.attempts = 1000;
    while (!timer_active(&operation.timer))
        uv_run(&operation.loop.uv, UV_RUN_ONCE);
    attempts = operation.attempts;
    retry_cancel(&operation.retry);
    operation_end(&operation);
    assert_int_equal(operation.attempts, attempts);
    assert_int_equal(operation.outcome.class, ERROR_CANCELLED);
}

static void test_cancel_at_each_turn(void **state)
{
    (void)state;
    for (unsigned turn = 1; turn <= 30; turn++) {
        struct operation operation;
        struct turns turns;

        operation_start(&operation, ERROR_TIMEOUT, 99);
        turns_start(&turns, &operation.loop, turn, operation_cancel, &operation);
        loop_run(&operation.loop);
        if (operation.retry.cancelled)
            assert_int_equal(operation.outcome.class, ERROR_CANCELLED);
        else
            assert_int_equal(operation.attempts, 4);
        turns_end(&turns);
        operation_end(&operation);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_backoff_bounds),
        cmocka_unit_test(test_backoff_at_the_limits_of_its_types),
        cmocka_unit_test(test_backoff_is_uniform),
        cmocka_unit_test(test_tries_until_it_succeeds),
        cmocka_unit_test(test_attempts_run_out),
        cmocka_unit_test(test_other_errors_are_not_tried_again),
        cmocka_unit_test(test_a_wait_is_as_long_as_the_server_asked),
        cmocka_unit_test(test_cancel_before_the_first_attempt),
        cmocka_unit_test(test_cancel_in_a_wait_keeps_the_reason),
        cmocka_unit_test(test_cancel_in_an_attempt_that_fails_anyway),
        cmocka_unit_test(test_cancel_at_each_turn),
    };

    return cmocka_run_group_tests_name("retry", tests, NULL, NULL);
}
