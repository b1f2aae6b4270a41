#include "tests/unit/s3_get_fixture.h"

#include <signal.h>
#include <sys/resource.h>

/* --- when all goes well --- */

static void test_a_file_comes_in_parts(void **state)
{
    struct run run;

    (void)state;
    run_init(&run, &(struct object){.reordered = true});
    into_file(&run);
    go(&run);
    has(&run, false, 0, OBJECT_BYTES);
    assert_int_equal(origin_request_count(run.fixture.origin), PARTS);
    assert_true(origin_request_has(sent(&run, 0), "Range: bytes=0-9"));
    assert_true(origin_request_has(sent(&run, 0), "x-amz-checksum-mode: ENABLED"));
    assert_null(strcasestr(sent(&run, 0)->head, "if-match"));
    for (size_t i = 1; i < PARTS; i++)
        assert_true(origin_request_has(sent(&run, i), "If-Match: \"first\""));
    assert_in_range(origin_busy_max(run.fixture.origin), 2, 3);
    assert_int_equal(run.get.requests, PARTS);
    assert_int_equal(run.get.restarts, 0);
    assert_int_equal(run.get.size, OBJECT_BYTES);
    assert_int_equal(run.get.verified, S3_CHECKSUM_NONE);
    assert_int_equal(run.get.modified_ms, 784111777000);
    run_deinit(&run);
}

static void test_bytes_come_in_order(void **state)
{
    (void)state;
    for (enum pace pace = PACE_WILLING; pace <= PACE_PAUSES; pace++) {
        struct run run;

        run_init(&run, &(struct object){.reordered = true});
        in_order(&run, pace);
        go(&run);
        has(&run, false, 0, OBJECT_BYTES);
        assert_in_range(origin_busy_max(run.fixture.origin), 2, 3);
        run_deinit(&run);
    }
}

static void test_what_a_callback_says_ends_it(void **state)
{
    struct run run;

    (void)state;
    run_init(&run, &(struct object){.reordered = true});
    in_order(&run, PACE_REFUSES);
    go(&run);
    failed(&run, ERROR_BUSY, "the pipe is broken");
    assert_string_equal(run.outcome.message, "the pipe is broken"); /* the callback's own words */
    assert_int_equal(run.write_count, 3);
    run_deinit(&run);

    run_init(&run, &(struct object){.reordered = true});
    in_order(&run, PACE_CANCELS);
    go(&run);
    failed(&run, ERROR_STOPPED, "GET s3://bucket/k: cancelled");
    assert_int_equal(run.write_count, 3);
    run_deinit(&run);
}

static void test_memory_bounds_what_is_ahead(void **state)
{
    struct run run;

    (void)state;
    run_init(&run, &(struct object){.reordered = true});
    in_order(&run, PACE_WILLING);
    run.get.part_bytes = 20 << 20; /* the client's memory holds one of them */
    go(&run);
    has(&run, false, 0, OBJECT_BYTES);
    run_deinit(&run);

    run_init(&run, &(struct object){.reordered = true});
    in_order(&run, PACE_PAUSES);
    run.get.parts_max = 1;
    go(&run);
    has(&run, false, 0, OBJECT_BYTES);
    assert_int_equal(origin_busy_max(run.fixture.origin), 1);
    run_deinit(&run);
}

static void test_ranges(void **state)
{
    static const struct {
        uint64_t first, length;
        size_t bytes;
    } cases[] = {{0, 5, 5}, {0, 10, 10}, {0, 11, 11}, {7, 0, 40}, {7, 25, 25}, {46, 0, 1},
        {40, 1000, 7}, {0, 47, 47}, {0, 1000, 47}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        for (int ordered = 0; ordered < 2; ordered++) {
            struct run run;

            run_init(
                &run, &(struct object){.checksums = CHECKSUMS_WHOLE, .kind = S3_CHECKSUM_CRC32});
            if (ordered)
                in_order(&run, PACE_PAUSES);
            else
                into_file(&run);
            run.get.first = cases[i].first;
            run.get.length = cases[i].length;
            go(&run);
            has(&run, false, cases[i].first, cases[i].bytes);
            assert_int_equal(
                run.get.verified, cases[i].bytes == OBJECT_BYTES ? S3_CHECKSUM_CRC32 : 0);
            run_deinit(&run);
        }
    }
}

static void test_a_range_behind_the_end(void **state)
{
    struct run run;

    (void)state;
    run_init(&run, &(struct object){0});
    into_file(&run);
    run.get.first = 47;
    go(&run);
    failed(&run, ERROR_DATA, "GET s3://bucket/k: ");
    run_deinit(&run);
}

static void test_no_bytes(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        struct run run;

        run_init(&run,
            &(struct object){
                .empty_is_good = i % 2, .checksums = CHECKSUMS_WHOLE, .kind = S3_CHECKSUM_CRC32C});
        run.object.size = 0;
        if (i < 2)
            into_file(&run);
        else
            in_order(&run, PACE_WILLING);
        go(&run);
        has(&run, false, 0, 0);
        assert_string_equal(run.get.verified ? "verified" : "not", "verified");
        assert_int_equal(run.write_count, 0);
        assert_int_equal(origin_request_count(run.fixture.origin), i % 2 ? 1 : 2);
        run_deinit(&run);
    }
}

static void test_what_is_known_to_be_small_has_no_range(void **state)
{
    (void)state;
    for (uint64_t hint = 46; hint <= 101; hint += 55) {
        struct run run;

        run_init(&run, &(struct object){.fault = FAULT_RESET_IN, .fault_at = 1});
        into_file(&run);
        run.get.size_hint = hint;
        run.get.part_bytes = 100;
        go(&run);
        has(&run, false, 0, OBJECT_BYTES);
        assert_int_equal(strcasestr(sent(&run, 0)->head, "Range: ") == NULL, hint < 100);
        assert_true(origin_request_has(sent(&run, 1), "If-Match: \"first\""));
        run_deinit(&run);
    }
}

static void test_stores_that_know_no_ranges(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        struct run run;

        run_init(&run, &(struct object){
                           .no_ranges = true, .fault = FAULT_TRUNCATED, .fault_at = i < 2 ? 0 : 1});
        if (i % 2)
            into_file(&run);
        else
            in_order(&run, PACE_PAUSES);
        go(&run);
        has(&run, false, 0, OBJECT_BYTES);
        run_deinit(&run);

        run_init(&run, &(struct object){.no_ranges = true});
        into_file(&run);
        run.get.first = 5;
        run.get.length = 20;
        go(&run);
        has(&run, false, 5, 20);
        run_deinit(&run);
    }
}

static void test_what_cannot_be_read(void **state)
{
    struct run run;

    (void)state;
    run_init(&run, &(struct object){.status = 404});
    into_file(&run);
    go(&run);
    failed(&run, ERROR_NOT_FOUND, "NoSuchKey");
    run_deinit(&run);

    run_init(&run, &(struct object){.no_ranges = true, .no_length = true});
    into_file(&run);
    go(&run);
    failed(&run, ERROR_NOT_SUPPORTED, "the store does not say how long the object is");
    run_deinit(&run);

    run_init(&run, &(struct object){0});
    into_file(&run);
    run.get.bytes_max = 46;
    go(&run);
    failed(&run, ERROR_LIMIT, "47 bytes are more than the limit of 46");
    assert_int_equal(run.body.length, 0);
    run_deinit(&run);

    run_init(&run, &(struct object){0});
    run.get.fd = open("/dev/full", O_RDWR | O_CLOEXEC);
    assert_true(run.get.fd >= 0);
    s3_get_start(run.fixture.client, &run.get);
    loop_run(&run.fixture.loop);
    failed(&run, ERROR_NO_SPACE, "cannot write byte");
    run_deinit(&run);
}

/* Known from the first answer: the bytes are not paid for. */
static void test_a_disk_that_is_too_small(void **state)
{
    struct rlimit before, small;
    struct run run;

    (void)state;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = (struct rlimit){.rlim_cur = 40, .rlim_max = before.rlim_max};
    run_init(&run, &(struct object){0});
    into_file(&run);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    go(&run);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    failed(&run, ERROR_NO_SPACE, "no room on the disk for 47 bytes");
    assert_int_equal(origin_request_count(run.fixture.origin), 1);
    run_deinit(&run);
}

/* --- which object it is --- */

static void test_the_version_that_is_wanted(void **state)
{
    struct run run;

    (void)state;
    run_init(&run, &(struct object){0});
    into_file(&run);
    run.get.etag = "\"first\"";
    run.get.version_id = "null";
    go(&run);
    has(&run, false, 0, OBJECT_BYTES);
    assert_true(origin_request_has(sent(&run, 0), "If-Match: \"first\""));
    assert_contains(sent(&run, 4)->target, "?versionId=null");
    run_deinit(&run);

    run_init(&run, &(struct object){0});
    into_file(&run);
    run.get.etag = "\"other\"";
    go(&run);
    failed(&run, ERROR_CHANGED, "HTTP 412");
    run_deinit(&run);

    run_init(&run, &(struct object){.fault = FAULT_CHANGED_LOOSE});
    into_file(&run);
    run.get.etag = "\"other\"";
    go(&run);
    failed(&run, ERROR_CHANGED, "its ETag was \"other\" and is \"first\"");
    run_deinit(&run);

    run_init(&run, &(struct object){0});
    into_file(&run);
    run.get.version_id = "7";
    go(&run);
    failed(&run, ERROR_CHANGED, "its version was 7 and is null");
    run_deinit(&run);
}

/* --- checksums --- */

static void check_kind(
    enum s3_checksum_kind kind, enum object_checksums checksums, bool ordered, size_t part_bytes)
{
    const bool crc = kind<S3_CHECKSUM_SHA1, one = part_bytes> OBJECT_BYTES;
    struct run run;
    bool provable = true;

    if (checksums == CHECKSUMS_WHOLE)
        provable = crc || one || ordered;
    if (checksums == CHECKSUMS_COMPOSITE)
        provable = part_bytes == PART_BYTES;
    run_init(&run, &(struct object){
                       .checksums = checksums,
                       .kind = kind,
                       .upload_part_bytes = PART_BYTES,
                       .reordered = true,
                   });
    if (ordered)
        in_order(&run, PACE_WILLING);
    else
        into_file(&run);
    run.get.part_bytes = part_bytes;
    go(&run);
    has(&run, false, 0, OBJECT_BYTES);
    if (run.get.verified != (provable ? kind : S3_CHECKSUM_NONE))
        fail_msg("%s, %d, in order %d, parts of %zu: %d", s3_checksum_name(kind), checksums,
            ordered, part_bytes, run.get.verified);
    run_deinit(&run);
}

static void test_each_checksum(void **state)
{
    (void)state;
    for (int kind = S3_CHECKSUM_NONE + 1; kind < S3_CHECKSUM_KINDS; kind++) {
        for (int checksums = CHECKSUMS_WHOLE; checksums <= CHECKSUMS_COMPOSITE; checksums++) {
            check_kind(kind, checksums, false, PART_BYTES);
            check_kind(kind, checksums, true, PART_BYTES);
            check_kind(kind, checksums, false, 100);
            check_kind(kind, checksums, true, 13);
        }
    }
}

static void test_damage_is_read_again_once(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        const bool whole = i & 1, always = i & 2;
        struct run run;

        run_init(&run, &(struct object){
                           .checksums = whole ? CHECKSUMS_WHOLE : CHECKSUMS_RANGE,
                           .kind = S3_CHECKSUM_CRC32,
                           .fault = FAULT_FLIPPED,
                           .fault_at = 3,
                           .always = always,
                       });
        into_file(&run);
        go(&run);
        if (always) {
            failed(&run, ERROR_DATA, "the CRC32 checksum of ");
            assert_int_equal(run.outcome.class, ERROR_PERMANENT);
        } else {
            has(&run, false, 0, OBJECT_BYTES);
            assert_int_equal(run.get.verified, S3_CHECKSUM_CRC32);
        }
        /* a part, or everything */
        assert_int_equal(run.get.restarts, whole);
        if (!always)
            assert_int_equal(run.get.requests, whole ? 2 * PARTS : PARTS + 1);
        run_deinit(&run);
    }
}

static void test_damage_that_was_handed_on_is_an_error(void **state)
{
    struct run run;

    (void)state;
    run_init(&run, &(struct object){
                       .checksums = CHECKSUMS_WHOLE,
                       .kind = S3_CHECKSUM_SHA256,
                       .fault = FAULT_FLIPPED,
                       .fault_at = 1,
                   });
    in_order(&run, PACE_WILLING);
    go(&run);
    failed(&run, ERROR_DATA, "GET s3://bucket/k: the SHA256 checksum of the object");
    assert_int_equal(run.outcome.class, ERROR_TRANSIENT); /* to be read again by the caller */
    run_deinit(&run);
}

static void test_a_checksum_that_is_none(void **state)
{
    struct run run;

    (void)state;
    run_init(&run, &(struct object){.checksums = CHECKSUMS_BAD, .kind = S3_CHECKSUM_CRC32});
    into_file(&run);
    go(&run);
    failed(&run, ERROR_DATA, "x-amz-checksum-crc32: \"####\" is no CRC32 checksum");
    run_deinit(&run);
}

static void test_checksums_by_choice(void **state)
{
    const struct s3_client_options quiet = {
        .response_checksums = S3_CHECKSUMS_WHEN_REQUIRED, .retry = options.retry};
    struct origin_options script = {.answer = object_answer};
    struct run run;

    (void)state;
    run_init(&run, &(struct object){.checksums = CHECKSUMS_BAD, .kind = S3_CHECKSUM_CRC32});
    timer_close(&run.timer, NULL);
    s3_fixture_deinit(&run.fixture);
    script.data = &run.object;
    s3_fixture_init(&run.fixture, &quiet, &script);
    timer_init(&run.timer, &run.fixture.loop);
    into_file(&run);
    go(&run);
    has(&run, false, 0, OBJECT_BYTES);
    assert_null(strcasestr(sent(&run, 0)->head, "x-amz-checksum-mode"));
    run_deinit(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_file_comes_in_parts),
        cmocka_unit_test(test_bytes_come_in_order),
        cmocka_unit_test(test_what_a_callback_says_ends_it),
        cmocka_unit_test(test_memory_bounds_what_is_ahead),
        cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_a_range_behind_the_end),
        cmocka_unit_test(test_no_bytes),
        cmocka_unit_test(test_what_is_known_to_be_small_has_no_range),
        cmocka_unit_test(test_stores_that_know_no_ranges),
        cmocka_unit_test(test_what_cannot_be_read),
        cmocka_unit_test(test_a_disk_that_is_too_small),
        cmocka_unit_test(test_the_version_that_is_wanted),
        cmocka_unit_test(test_each_checksum),
        cmocka_unit_test(test_damage_is_read_again_once),
        cmocka_unit_test(test_damage_that_was_handed_on_is_an_error),
        cmocka_unit_test(test_a_checksum_that_is_none),
        cmocka_unit_test(test_checksums_by_choice),
    };

    return cmocka_run_group_tests_name("s3_get", tests, fixture_folder_make, fixture_folder_remove);
}
