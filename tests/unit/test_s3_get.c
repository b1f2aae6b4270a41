#include "connectors/s3/get.h"
#include "tests/unit/s3_object.h"

#include <fcntl.h>
#include <unistd.h>

enum { OBJECT_BYTES = 47, CHANGED_BYTES = 38, PART_BYTES = 10, PARTS = 5 };

enum pace { PACE_WILLING, PACE_PAUSES, PACE_REFUSES, PACE_CANCELS };

struct run {
    struct s3_fixture fixture;
    struct object object;
    struct s3_get get;
    struct error outcome;
    unsigned done_count, write_count;
    enum pace pace;
    bool paused;
    struct timer timer; /* resumes late */
    struct buffer body; /* what the callback had, or the file has */
    struct turns turns;
};

static const struct s3_client_options options = {
    .retry = {.attempts = 4, .backoff_ms = 1, .max_backoff_ms = 4},
    .timeouts = {.first_byte_ms = 400, .stall_ms = 200},
};

static void on_done(struct s3_get *get, const struct error *err)
{
    struct run *run = container_of(get, struct run, get);

    run->done_count++;
    run->outcome = err ? *err : (struct error){0};
    if (!err && !get->write)
        assert_int_equal(atomic_load(&get->bytes_done), atomic_load(&get->bytes_total));
    if (!err && get->answered_etag)
        assert_string_equal(
            get->answered_etag, get->size == CHANGED_BYTES ? "\"second\"" : "\"first\"");
}

static void on_timer(struct timer *timer)
{
    s3_get_resume(&container_of(timer, struct run, timer)->get);
}

static int on_write(struct s3_get *get, const char *bytes, size_t length, struct error *err)
{
    struct run *run = container_of(get, struct run, get);

    assert_int_equal(run->done_count, 0);
    run->write_count++;
    if (run->pace == PACE_REFUSES && run->write_count == 3) {
        error_set(err, ERROR_BUSY, "the pipe is broken"); /* transient: but it is ours */
        return -1;
    }
    if (run->pace == PACE_CANCELS && run->write_count == 3)
        s3_get_cancel(get);
    if (run->pace == PACE_PAUSES && !run->paused) {
        run->paused = true;
        if (run->write_count % 4 == 1)
            s3_get_resume(get); /* in here, too */
        else
            timer_start(&run->timer, 2, 0, on_timer);
        return HTTP_PAUSE;
    }
    run->paused = false;
    buffer_append(&run->body, bytes, length);
    return 0;
}

static void run_init(struct run *run, const struct object *object)
{
    const struct origin_options script = {.answer = object_answer, .data = &run->object};

    memset(run, 0, sizeof(*run));
    run->object = *object;
    if (!run->object.size)
        run->object.size = OBJECT_BYTES;
    run->object.changed_size = CHANGED_BYTES;
    object_init(&run->object);
    buffer_init(&run->body, 0);
    s3_fixture_init(&run->fixture, &options, &script);
    timer_init(&run->timer, &run->fixture.loop);
    run->get = (struct s3_get){
        .bucket = "bucket",
        .key = "k",
        .part_bytes = PART_BYTES,
        .parts_max = 3,
        .fd = -1,
        .done = on_done,
    };
}

static void into_file(struct run *run)
{
    char *path = mem_printf("%s/object", fixture_folder);

    run->get.fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(run->get.fd >= 0);
    free(path);
}

static void in_order(struct run *run, enum pace pace)
{
    run->get.write = on_write;
    run->pace = pace;
}

static void go(struct run *run)
{
    char bytes[256];
    ssize_t got;

    s3_get_start(run->fixture.client, &run->get);
    assert_int_equal(run->done_count, 0);
    loop_run(&run->fixture.loop);
    assert_int_equal(run->done_count, 1);
    if (run->get.fd < 0)
        return;
    got = pread(run->get.fd, bytes, sizeof(bytes), 0);
    assert_true(got >= 0);
    buffer_append(&run->body, bytes, (size_t)got);
}

static void run_deinit(struct run *run)
{
    if (run->get.fd >= 0)
        close(run->get.fd);
    timer_close(&run->timer, NULL);
    buffer_deinit(&run->body);
    s3_fixture_deinit(&run->fixture);
    object_deinit(&run->object);
}

static const struct origin_request *sent(struct run *run, size_t index)
{
    assert_in_range(index, 0, origin_request_count(run->fixture.origin) - 1);
    return origin_request(run->fixture.origin, index);
}

/* Nothing but these bytes of one object. */
static void has(struct run *run, bool changed, size_t first, size_t length)
{
    if (run->outcome.code)
        fail_msg("%s", run->outcome.message);
    assert_int_equal(run->body.length, length);
    for (size_t i = 0; i < length; i++)
        assert_int_equal(run->body.data[i], object_byte(changed, first + i));
}

static void failed(struct run *run, enum error_code code, const char *words)
{
    if (run->outcome.code != code)
        fail_msg("%s: %s", error_code_name(run->outcome.code), run->outcome.message);
    assert_contains(run->outcome.message, words);
    assert_null(strchr(run->outcome.message, '\n'));
}

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
        cmocka_unit_test(test_a_file_comes_in_parts),
        cmocka_unit_test(test_bytes_come_in_order),
        cmocka_unit_test(test_what_a_callback_says_ends_it),
        cmocka_unit_test(test_memory_bounds_what_is_ahead),
        cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_a_range_behind_the_end),
        cmocka_unit_test(test_no_bytes),
        cmocka_unit_test(test_stores_that_know_no_ranges),
        cmocka_unit_test(test_what_cannot_be_read),
        cmocka_unit_test(test_the_version_that_is_wanted),
        cmocka_unit_test(test_an_object_that_changes_is_read_anew_or_an_error),
        cmocka_unit_test(test_an_object_that_never_rests),
        cmocka_unit_test(test_each_fault_at_each_request),
        cmocka_unit_test(test_a_fault_that_stays_is_one_error),
        cmocka_unit_test(test_a_part_goes_on_behind_its_last_byte),
        cmocka_unit_test(test_each_checksum),
        cmocka_unit_test(test_damage_is_read_again_once),
        cmocka_unit_test(test_damage_that_was_handed_on_is_an_error),
        cmocka_unit_test(test_a_checksum_that_is_none),
        cmocka_unit_test(test_checksums_by_choice),
        cmocka_unit_test(test_cancel_at_each_turn),
        cmocka_unit_test(test_cancel_while_it_waits_for_the_callback),
    };

    return cmocka_run_group_tests_name("s3_get", tests, fixture_folder_make, fixture_folder_remove);
}
