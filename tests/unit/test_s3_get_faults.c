/* What goes wrong while an object is read: each fault at each request, cancel at each turn. */
#include "tests/unit/s3_get_fixture.h"

/* --- an object that changes --- */

/* At each request in turn, with a store that heeds conditions and with one that does not. */
static void test_an_object_that_changes_is_read_anew_or_an_error(void **state)
{
    (void)state;
    for (unsigned at = 1; at <= PARTS; at++) {
        for (int i = 0; i < 8; i++) {
            const bool wanted = i & 1, ordered = i & 2;
            struct run run;

            run_init(&run, &(struct object){
                               .fault = i & 4 ? FAULT_CHANGED : FAULT_CHANGED_LOOSE,
                               .fault_at = at,
                               .always = true,
                               .no_etag = (i & 4) == 0 && !wanted,
                           });
            if (ordered)
                in_order(&run, PACE_WILLING);
            else
                into_file(&run);
            run.get.etag = wanted ? "\"first\"" : NULL;
            go(&run);
            if (wanted) {
                failed(&run, ERROR_CHANGED, "GET s3://bucket/k: ");
            } else if (run.outcome.code) {
                failed(&run, ERROR_CHANGED, "GET s3://bucket/k: ");
                assert_true(ordered && run.body.length > 0);
                run.outcome.code = ERROR_NONE;
                has(&run, false, 0, run.body.length);
            } else {
                has(&run, true, 0, CHANGED_BYTES);
                assert_int_equal(run.get.restarts, at > 1);
                assert_int_equal(run.get.size, CHANGED_BYTES);
            }
            run_deinit(&run);
        }
    }
}

static void turn_over(void *data)
{
    struct object *object = data;

    pthread_mutex_lock(&object->mutex);
    object->changed = !object->changed;
    pthread_mutex_unlock(&object->mutex);
}

static void change_always(
    void *data, const struct origin_request *request, struct origin_answer *answer)
{
    turn_over(data);
    object_answer(data, request, answer);
}

static void test_an_object_that_never_rests(void **state)
{
    const struct origin_options script = {.answer = change_always};
    struct origin_options own = script;
    struct run run;

    (void)state;
    run_init(&run, &(struct object){0});
    timer_close(&run.timer, NULL);
    s3_fixture_deinit(&run.fixture);
    own.data = &run.object;
    s3_fixture_init(&run.fixture, &options, &own);
    timer_init(&run.timer, &run.fixture.loop);
    into_file(&run);
    go(&run);
    failed(&run, ERROR_CHANGED, "it changed a second time while it was read");
    assert_int_equal(run.get.restarts, 1);
    run_deinit(&run);
}

/* --- faults --- */

/* Whether one such answer is a fault that the same request again does not have. */
static bool heals(enum object_fault fault, unsigned at)
{
    return fault != FAULT_OTHER_SIZE || at > 1;
}

static void one_fault(enum object_fault fault, unsigned at, bool ordered, bool reordered)
{
    struct run run;

    run_init(&run, &(struct object){
                       .fault = fault,
                       .fault_at = at,
                       .checksums = CHECKSUMS_WHOLE,
                       .kind = S3_CHECKSUM_CRC64NVME,
                       .reordered = reordered,
                   });
    if (ordered)
        in_order(&run, at % 2 ? PACE_PAUSES : PACE_WILLING);
    else
        into_file(&run);
    go(&run);
    if (run.outcome.code && (!heals(fault, at) || (ordered && fault == FAULT_FLIPPED)))
        failed(&run, ERROR_DATA, "GET s3://bucket/k: ");
    else if (run.outcome.code)
        fail_msg("fault %d at %u: %s", fault, at, run.outcome.message);
    else
        has(&run, false, 0, OBJECT_BYTES);
    run_deinit(&run);
}

static void test_each_fault_at_each_request(void **state)
{
    (void)state;
    for (enum object_fault fault = FAULT_NONE; fault < FAULT_CHANGED; fault++) {
        for (unsigned at = 1; at <= PARTS; at++) {
            one_fault(fault, at, false, at % 2);
            one_fault(fault, at, true, at % 2 == 0);
        }
    }
}

static void test_a_fault_that_stays_is_one_error(void **state)
{
    static const struct {
        enum object_fault fault;
        enum error_code code;
        const char *words;
    } cases[] = {
        {FAULT_BUSY, ERROR_BUSY, "SlowDown"},
        {FAULT_EXPIRED, ERROR_DENIED, "ExpiredToken"},
        {FAULT_RESET_BEFORE, ERROR_IO, ""},
        {FAULT_STALL_BEFORE, ERROR_TIMEOUT, "no answer within"},
        {FAULT_OTHER_RANGE, ERROR_DATA, "Content-Range"},
        {FAULT_WRONG_RANGE, ERROR_DATA, "Content-Range"},
        {FAULT_NO_RANGE, ERROR_DATA, "Content-Range is \"\""},
        {FAULT_FLIPPED, ERROR_DATA, "the CRC32C checksum of"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        for (unsigned at = 1; at <= 3; at += 2) {
            struct run run;

            run_init(&run, &(struct object){
                               .fault = cases[i].fault,
                               .fault_at = at,
                               .always = true,
                               .checksums = CHECKSUMS_RANGE,
                               .kind = S3_CHECKSUM_CRC32C,
                           });
            into_file(&run);
            go(&run);
            failed(&run, cases[i].code, cases[i].words);
            assert_contains(run.outcome.message, "GET s3://bucket/k: ");
            run_deinit(&run);
        }
    }
}

static void test_a_part_goes_on_behind_its_last_byte(void **state)
{
    struct run run;

    (void)state;
    run_init(&run, &(struct object){.fault = FAULT_TRUNCATED, .fault_at = 1});
    into_file(&run);
    run.get.parts_max = 1;
    go(&run);
    has(&run, false, 0, OBJECT_BYTES);
    assert_true(origin_request_has(sent(&run, 1), "Range: bytes=5-9"));
    assert_true(origin_request_has(sent(&run, 1), "If-Match: \"first\""));
    assert_true(origin_request_has(sent(&run, 2), "Range: bytes=10-19"));
    run_deinit(&run);
}

/* More often than there are attempts, but never for nothing. */
static void test_a_line_that_breaks_all_the_time(void **state)
{
    (void)state;
    for (int ordered = 0; ordered < 2; ordered++) {
        struct run run;

        run_init(&run, &(struct object){.fault = FAULT_ONE_BYTE, .fault_at = 1, .always = true});
        if (ordered)
            in_order(&run, PACE_WILLING);
        else
            into_file(&run);
        go(&run);
        has(&run, false, 0, OBJECT_BYTES);
        assert_int_equal(origin_request_count(run.fixture.origin), OBJECT_BYTES);
        run_deinit(&run);
    }
}

/* --- cancel --- */

static void cancel(void *data)
{
    struct run *run = data;

    s3_get_cancel(&run->get);
    s3_get_cancel(&run->get); /* again is harmless */
}

/* False: it was over before that turn. */
static bool run_and_cancel(unsigned turn, bool ordered)
{
    struct run run;
    bool cancelled;

    run_init(&run, &(struct object){.fault = FAULT_RESET_IN, .fault_at = 2, .reordered = true});
    if (ordered)
        in_order(&run, PACE_PAUSES);
    else
        into_file(&run);
    turns_start(&run.turns, &run.fixture.loop, turn, cancel, &run);
    go(&run);
    turns_end(&run.turns);
    cancelled = run.turns.count >= turn;
    if (run.outcome.code)
        failed(&run, ERROR_STOPPED, "GET s3://bucket/k: ");
    s3_get_cancel(&run.get); /* over: harmless */
    s3_get_resume(&run.get);
    run_deinit(&run);
    return cancelled;
}

static void test_cancel_at_each_turn(void **state)
{
    (void)state;
    for (int ordered = 0; ordered < 2; ordered++) {
        unsigned turn = 1;

        while (run_and_cancel(turn, ordered))
            turn++;
        assert_in_range(turn, 8, 10000); /* at so many turns, then it was too late */
    }
}

static void test_cancel_while_it_waits_for_the_callback(void **state)
{
    struct run run;

    (void)state;
    run_init(&run, &(struct object){0});
    in_order(&run, PACE_PAUSES);
    run.write_count = 1; /* the first pause is one that only the timer ends */
    s3_get_start(run.fixture.client, &run.get);
    while (!run.paused)
        uv_run(&run.fixture.loop.uv, UV_RUN_ONCE);
    timer_stop(&run.timer);
    s3_get_cancel(&run.get);
    assert_int_equal(run.done_count, 0);
    loop_run(&run.fixture.loop);
    assert_int_equal(run.done_count, 1);
    failed(&run, ERROR_STOPPED, "cancelled");
    assert_int_equal(run.body.length, 0);

    run.done_count = 0; /* and it can be started again */
    run.pace = PACE_WILLING;
    go(&run);
    has(&run, false, 0, OBJECT_BYTES);
    run_deinit(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_object_that_changes_is_read_anew_or_an_error),
        cmocka_unit_test(test_an_object_that_never_rests),
        cmocka_unit_test(test_each_fault_at_each_request),
        cmocka_unit_test(test_a_fault_that_stays_is_one_error),
        cmocka_unit_test(test_a_part_goes_on_behind_its_last_byte),
        cmocka_unit_test(test_a_line_that_breaks_all_the_time),
        cmocka_unit_test(test_cancel_at_each_turn),
        cmocka_unit_test(test_cancel_while_it_waits_for_the_callback),
    };

    return cmocka_run_group_tests_name(
        "s3_get_faults", tests, fixture_folder_make, fixture_folder_remove);
}
