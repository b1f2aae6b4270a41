#include "tests/unit/put_fixture.h"

#include <fcntl.h>
#include <unistd.h>

/* --- conditions --- */

static void test_conditions_are_the_stores_to_check(void **state)
{
    struct run run;

    (void)state;
    for (size_t length = 10; length <= LENGTH; length += LENGTH - 10) {
        start(&run, NULL, S3_SOURCE_MEMORY, length);
        run.put.if_none_match = true;
        go(&run);
        stored(&run);
        end(&run);

        start(&run, NULL, S3_SOURCE_MEMORY, length);
        s3_small_put(run.fixture.store, run.put.key, "x", 1, NULL);
        run.put.if_none_match = true;
        go(&run);
        store_fixture_failed(&run.fixture, ERROR_EXISTS, "PreconditionFailed");
        assert_int_equal(s3_small_object(run.fixture.store, run.put.key)->length, 1);
        assert_int_equal(s3_small_upload_count(run.fixture.store), 0);
        end(&run);

        start(&run, NULL, S3_SOURCE_MEMORY, length);
        s3_small_put(run.fixture.store, run.put.key, "x", 1, NULL);
        run.put.if_match = "\"another\"";
        go(&run);
        store_fixture_failed(&run.fixture, ERROR_CHANGED, "PreconditionFailed");
        assert_int_equal(s3_small_upload_count(run.fixture.store), 0);
        end(&run);

        start(&run, NULL, S3_SOURCE_MEMORY, length);
        s3_small_put(run.fixture.store, run.put.key, "x", 1, NULL);
        run.put.if_match = "\"9dd4e461268c8034f5c8564e155c67a6\"";
        go(&run);
        stored(&run);
        end(&run);
    }
}

/* The first answer is lost, the second try says 412: it was ours. */
static void test_a_lost_answer_to_a_condition_is_settled_by_looking(void **state)
{
    struct run run;

    (void)state;
    for (size_t k = 0; k < ARRAY_LENGTH(kinds); k++) {
        start(&run, NULL, kinds[k], 5000);
        run.put.if_none_match = true;
        s3_small_fault_at(run.fixture.store, S3_FAULT_DROPPED, "PUT", NULL, 1, false);
        go(&run);
        stored(&run);
        assert_string_equal(sent(&run, 2)->method, "GET");
        end(&run);

        /* all answers are lost */
        start(&run, NULL, kinds[k], 5000);
        run.put.if_none_match = true;
        s3_small_fault_at(run.fixture.store, S3_FAULT_DROPPED, "PUT", NULL, 1, true);
        go(&run);
        stored(&run);
        end(&run);

        /* somebody else was faster, while our first try never arrived */
        start(&run, NULL, kinds[k], 5000);
        run.put.if_none_match = true;
        s3_small_put(run.fixture.store, run.put.key, "x", 1, NULL);
        s3_small_fault_at(run.fixture.store, S3_FAULT_RESET_BEFORE, "PUT", NULL, 1, false);
        go(&run);
        store_fixture_failed(&run.fixture, ERROR_EXISTS, "PreconditionFailed");
        end(&run);

        /* the same length, other bytes */
        start(&run, NULL, kinds[k], 5000);
        run.put.if_none_match = true;
        run.bytes[4999] ^= 1;
        s3_small_put(run.fixture.store, run.put.key, run.bytes, 5000, NULL);
        run.bytes[4999] ^= 1;
        s3_small_fault_at(run.fixture.store, S3_FAULT_RESET_BEFORE, "PUT", NULL, 1, false);
        go(&run);
        store_fixture_failed(&run.fixture, ERROR_EXISTS, "PreconditionFailed");
        end(&run);
    }
}

/* --- completion that is not clear --- */

static void test_a_lost_completion_is_settled_by_looking(void **state)
{
    static const enum s3_fault faults[] = {S3_FAULT_DROPPED, S3_FAULT_CUT, S3_FAULT_RESET_IN,
        S3_FAULT_ERROR_200_DONE, S3_FAULT_500_DONE, S3_FAULT_STALL_DONE};
    struct run run;

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(faults); i++) {
        for (unsigned odd = 0; odd < 2; odd++) {
            start(&run, NULL, S3_SOURCE_MEMORY, LENGTH);
            if (odd)
                s3_small_odd_etags(run.fixture.store);
            s3_small_fault_at(run.fixture.store, faults[i], "POST", "uploadId=", 1, i % 2);
            go(&run);
            if (odd) { /* nothing says whose it is: an error, and never a guess */
                assert_contains(run.fixture.outcome.message, "the object is not what was sent");
            } else {
                stored(&run);
            }
            assert_int_equal(s3_small_upload_count(run.fixture.store), 0);
            end(&run);
        }
    }
}

static void test_a_completion_that_never_comes_is_aborted(void **state)
{
    static const enum s3_fault faults[] = {
        S3_FAULT_503, S3_FAULT_RESET_BEFORE, S3_FAULT_ERROR_200, S3_FAULT_DENIED};
    struct run run;

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(faults); i++) {
        start(&run, NULL, S3_SOURCE_MEMORY, LENGTH);
        s3_small_fault_at(run.fixture.store, faults[i], "POST", "uploadId=", 1, true);
        go(&run);
        assert_int_not_equal(run.fixture.outcome.code, ERROR_NONE);
        assert_contains(run.fixture.outcome.message, "s3://bucket/a/b.csv");
        not_stored(&run);
        end(&run);
    }
}

static void test_an_upload_that_cannot_be_aborted_is_named(void **state)
{
    struct run run;

    (void)state;
    start(&run, NULL, S3_SOURCE_MEMORY, LENGTH);
    s3_small_fault_at(run.fixture.store, S3_FAULT_DENIED, "PUT", "partNumber=2", 1, true);
    s3_small_fault_at(run.fixture.store, S3_FAULT_DENIED, "DELETE", NULL, 1, true);
    go(&run);
    store_fixture_failed(&run.fixture, ERROR_DENIED, "part 2: PUT s3://bucket/a/b.csv");
    assert_contains(run.fixture.outcome.message, "upload U1 is left over");
    end(&run);
}

/* The store made an upload and its answer got lost: nobody would ever use that one. */
static void test_an_upload_whose_creation_got_lost_is_found_and_aborted(void **state)
{
    struct run run;

    (void)state;
    start(&run, NULL, S3_SOURCE_MEMORY, LENGTH);
    s3_small_fault_at(run.fixture.store, S3_FAULT_DROPPED, "POST", "uploads=", 1, false);
    go(&run);
    stored(&run);
    end(&run);

    start(&run, NULL, S3_SOURCE_MEMORY, LENGTH);
    s3_small_fault_at(run.fixture.store, S3_FAULT_DROPPED, "POST", "uploads=", 1, true);
    go(&run);
    assert_int_equal(run.fixture.outcome.class, ERROR_TRANSIENT);
    not_stored(&run);
    end(&run);
}

/* --- files and streams that do not keep still --- */

static void change_file(void *data)
{
    struct run *run = data;
    struct error err = {0};

    run->bytes[run->length - 1] ^= 1;
    assert_ok(file_write(run->path, run->bytes, run->length, &err), &err);
}

static void grow_file(void *data)
{
    struct run *run = data;
    const int fd = open(run->path, O_WRONLY | O_APPEND | O_CLOEXEC);

    assert_int_equal(write(fd, "more", 4), 4);
    close(fd);
}

static void shrink_file(void *data)
{
    struct run *run = data;

    assert_int_equal(truncate(run->path, PART / 2), 0);
}

static void test_a_file_that_changes_is_an_error(void **state)
{
    void (*const acts[])(void *data) = {grow_file, shrink_file};
    struct run run;
    unsigned failures = 0;

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(acts); i++) {
        for (unsigned turn = 1; turn < 12; turn++) {
            start(&run, NULL, S3_SOURCE_FILE, LENGTH);
            s3_put_start(run.fixture.s3.client, &run.put);
            store_fixture_run(&run.fixture, turn, acts[i], &run);
            if (run.fixture.outcome.code) {
                store_fixture_failed(&run.fixture, ERROR_CHANGED, "file");
                if (run.put.parts > 0) /* one PUT is known to be wrong only after it */
                    not_stored(&run);
                failures++;
            }
            end(&run);
        }
    }
    assert_true(failures >= 4);
    /* Replaced by another file of its name: the open one is still whole. */
    start(&run, NULL, S3_SOURCE_FILE, LENGTH);
    s3_put_start(run.fixture.s3.client, &run.put);
    store_fixture_run(&run.fixture, 8, change_file, &run);
    store_fixture_good(&run.fixture);
    end(&run);
}

static void test_sources_that_cannot_be_read(void **state)
{
    struct run run;

    (void)state;
    start(&run, NULL, S3_SOURCE_FILE, 10);
    run.put.source.path = "/nowhere/at/all";
    go(&run);
    store_fixture_failed(&run.fixture, ERROR_NOT_FOUND, "cannot open /nowhere/at/all");
    end(&run);

    start(&run, NULL, S3_SOURCE_FILE, 10);
    run.put.source.path = fixture_folder;
    go(&run);
    store_fixture_failed(&run.fixture, ERROR_INVALID, "is no regular file");
    end(&run);

    for (size_t at = 1; at < LENGTH; at += PART / 2) {
        start(&run, NULL, S3_SOURCE_STREAM, LENGTH);
        run.fails_at = at;
        run.pauses = at % 2;
        go(&run);
        store_fixture_failed(&run.fixture, ERROR_IO, "PUT s3://bucket/a/b.csv: the pipe broke");
        not_stored(&run);
        end(&run);
    }
}

/* --- each fault at each request --- */

static void test_each_fault_at_each_request(void **state)
{
    struct run run;

    (void)state;
    for (size_t k = 0; k < ARRAY_LENGTH(kinds); k++) {
        for (unsigned fault = 1; fault < S3_FAULTS; fault++) {
            for (unsigned nth = 1; nth <= 6; nth++) {
                start(&run, NULL, kinds[k], LENGTH);
                run.pauses = nth % 2;
                s3_small_fault(run.fixture.store, (enum s3_fault)fault, nth, false);
                go(&run);
                if (fault < S3_FAULTS_HARMLESS || nth == 6) {
                    stored(&run);
                } else {
                    store_fixture_failed(&run.fixture, ERROR_DENIED, "AccessDenied");
                    not_stored(&run);
                }
                end(&run);
            }
        }
    }
}

/* From some request on the store does nothing right any more. */
static void test_each_fault_for_ever(void **state)
{
    const struct s3_client_options options = {
        .retry = {.attempts = 2, .backoff_ms = 1, .max_backoff_ms = 2},
        .timeouts = {.first_byte_ms = 60, .stall_ms = 60}};
    struct run run;

    (void)state;
    for (unsigned fault = 1; fault < S3_FAULTS; fault++) {
        for (unsigned nth = 1; nth <= 5; nth++) {
            if (fault == S3_FAULT_SLOW)
                continue;
            start(&run, &options, kinds[(nth + fault) % 3], LENGTH);
            s3_small_fault(run.fixture.store, (enum s3_fault)fault, nth, true);
            go(&run);
            assert_int_not_equal(run.fixture.outcome.code, ERROR_NONE);
            assert_contains(run.fixture.outcome.message, "s3://bucket/a/b.csv");
            if (s3_small_upload_count(run.fixture.store) && nth > 1)
                assert_contains(run.fixture.outcome.message, "is left over");
            end(&run);
        }
    }
}

/* --- cancelled --- */

static void test_it_can_be_cancelled_at_every_turn(void **state)
{
    static const size_t lengths[] = {3000, LENGTH};

    (void)state;
    for (size_t k = 0; k < ARRAY_LENGTH(kinds); k++) {
        for (size_t i = 0; i < ARRAY_LENGTH(lengths); i++) {
            bool whole = false;

            for (unsigned turn = 1; turn < 300 && !whole; turn++) {
                struct run run;

                start(&run, NULL, kinds[k], lengths[i]);
                run.pauses = true;
                go_and_cancel(&run, turn);
                whole = run.fixture.turns.count < turn;
                if (run.fixture.outcome.code)
                    store_fixture_failed(&run.fixture, ERROR_STOPPED, "s3://bucket/a/b.csv");
                else
                    stored(&run);
                assert_int_equal(s3_small_upload_count(run.fixture.store), 0);
                end(&run);
            }
            assert_true(whole);
        }
    }
}

static void on_cancel_timer(struct timer *timer)
{
    cancel(container_of(timer, struct run, timer));
    timer_close(timer, NULL);
}

/* A store that hangs does not keep the user waiting. */
static void test_a_cancel_ends_within_two_seconds(void **state)
{
    const struct s3_client_options options = {.timeouts = {.first_byte_ms = 60000}};
    static const char *const methods[] = {"POST", "PUT", "DELETE"};
    struct run run;

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(methods); i++) {
        uint64_t start_ns;

        start(&run, &options, S3_SOURCE_MEMORY, LENGTH);
        s3_small_fault_at(run.fixture.store, S3_FAULT_STALL, methods[i], NULL, 1, true);
        if (i == 2)
            s3_small_fault_at(run.fixture.store, S3_FAULT_STALL, "PUT", NULL, 1, true);
        timer_init(&run.timer, &run.fixture.s3.loop);
        timer_start(&run.timer, 100, 0, on_cancel_timer);
        start_ns = time_monotonic_ns();
        go(&run);
        store_fixture_failed(&run.fixture, ERROR_STOPPED, "cancelled");
        if (i == 2)
            assert_contains(run.fixture.outcome.message, "upload U1 is left over");
        assert_true(time_monotonic_ns() - start_ns < 2100U * 1000 * 1000);
        end(&run);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conditions_are_the_stores_to_check),
        cmocka_unit_test(test_a_lost_answer_to_a_condition_is_settled_by_looking),
        cmocka_unit_test(test_a_lost_completion_is_settled_by_looking),
        cmocka_unit_test(test_a_completion_that_never_comes_is_aborted),
        cmocka_unit_test(test_an_upload_that_cannot_be_aborted_is_named),
        cmocka_unit_test(test_an_upload_whose_creation_got_lost_is_found_and_aborted),
        cmocka_unit_test(test_a_file_that_changes_is_an_error),
        cmocka_unit_test(test_sources_that_cannot_be_read),
        cmocka_unit_test(test_each_fault_at_each_request),
        cmocka_unit_test(test_each_fault_for_ever),
        cmocka_unit_test(test_it_can_be_cancelled_at_every_turn),
        cmocka_unit_test(test_a_cancel_ends_within_two_seconds),
    };

    return cmocka_run_group_tests(tests, fixture_folder_make, fixture_folder_remove);
}
