#include "connectors/s3/part_size.h"
#include "connectors/s3/put.h"
#include "tests/unit/s3_store_fixture.h"

#include <fcntl.h>
#include <unistd.h>

enum { PART = 40 * 1000, LENGTH = 2 * PART + 1234 };

/* --- one put, run to its end --- */

struct run {
    struct store_fixture fixture;
    struct s3_put put;
    char *bytes;
    size_t length, at; /* of the stream */
    size_t piece;      /* bytes at once of the stream */
    bool pauses, paused;
    size_t fails_at; /* of the stream; 0: never */
    uv_idle_t idle;  /* resumes */
    struct timer timer;
    char path[300], etag[128];
    struct s3_put other; /* a second one */
    size_t other_at;
    unsigned other_done;
};

static void on_done(struct s3_put *put, const struct error *err)
{
    struct run *run = container_of(put, struct run, put);

    store_fixture_done(&run->fixture, err);
    snprintf(run->etag, sizeof(run->etag), "%s", put->etag ? put->etag : "");
}

static void on_idle(uv_idle_t *idle)
{
    struct run *run = container_of(idle, struct run, idle);

    uv_idle_stop(idle);
    s3_put_resume(&run->put);
}

static int64_t read_stream(struct s3_put *put, char *bytes, size_t size, struct error *err)
{
    struct run *run = container_of(put, struct run, put);
    const size_t length = MIN(MIN(size, run->piece), run->length - run->at);

    if (run->fails_at && run->at >= run->fails_at)
        return error_set(err, ERROR_IO, "the pipe broke");
    if (run->pauses && !run->paused) {
        run->paused = true;
        uv_idle_start(&run->idle, on_idle);
        return HTTP_PAUSE;
    }
    run->paused = false;
    memcpy(bytes, run->bytes + run->at, length);
    run->at += length;
    return (int64_t)length;
}

static void write_source(struct run *run)
{
    struct error err = {0};

    snprintf(run->path, sizeof(run->path), "%s/source", fixture_folder);
    assert_ok(file_write(run->path, run->bytes, run->length, &err), &err);
}

static void start(struct run *run, const struct s3_client_options *options,
    enum s3_source_kind kind, size_t length)
{
    memset(run, 0, sizeof(*run));
    store_fixture_init(&run->fixture, options);
    run->length = length;
    run->bytes = store_fixture_bytes(length);
    run->piece = 7000;
    run->put = (struct s3_put){
        .bucket = "bucket",
        .key = "a/b.csv",
        .part_bytes = PART,
        .parallel = 2,
        .spill_folder = fixture_folder,
        .done = on_done,
        .source = {.kind = kind, .fd = -1},
    };
    uv_idle_init(&run->fixture.s3.loop.uv, &run->idle);
    if (kind == S3_SOURCE_MEMORY) {
        run->put.source.bytes = run->bytes;
        run->put.source.length = length;
    } else if (kind == S3_SOURCE_FILE) {
        write_source(run);
        run->put.source.path = run->path;
    } else {
        run->put.source.read = read_stream;
    }
}

static void cancel(void *data)
{
    struct run *run = data;

    s3_put_cancel(&run->put);
    s3_put_cancel(&run->put);
}

static void go_and_cancel(struct run *run, unsigned turn)
{
    s3_put_start(run->fixture.s3.client, &run->put);
    assert_int_equal(run->fixture.done_count, 0);
    store_fixture_run(&run->fixture, turn, cancel, run);
}

static void go(struct run *run)
{
    go_and_cancel(run, 0);
}

static void end(struct run *run)
{
    uv_close((uv_handle_t *)&run->idle, NULL);
    store_fixture_deinit(&run->fixture);
    free(run->bytes);
}

static const struct origin_request *sent(struct run *run, size_t index)
{
    assert_in_range(index, 0, origin_request_count(run->fixture.s3.origin) - 1);
    return origin_request(run->fixture.s3.origin, index);
}

/* The object is there, with these bytes, and nothing else is. */
static void stored(struct run *run)
{
    const struct s3_stored *object;

    store_fixture_good(&run->fixture);
    object = s3_store_object(run->fixture.store, run->put.key);
    assert_non_null(object);
    assert_int_equal(object->length, run->length);
    assert_memory_equal(object->bytes, run->bytes, run->length);
    assert_string_equal(run->etag, object->etag);
    assert_int_equal(run->put.size, run->length);
    assert_int_equal(atomic_load(&run->put.bytes_done), run->length);
    assert_int_equal(s3_store_upload_count(run->fixture.store), 0);
}

static void not_stored(struct run *run)
{
    assert_null(s3_store_object(run->fixture.store, run->put.key));
    assert_int_equal(s3_store_upload_count(run->fixture.store), 0);
}

/* --- parts --- */

static void test_ten_thousand_parts_always_do(void **state)
{
    const uint64_t mib = 1024 * 1024, tib = mib * mib;
    const uint64_t lengths[] = {0, 1, 8 * mib, 80000 * mib, 80000 * mib + 1, 5 * tib, 48 * tib};
    const uint64_t wishes[] = {5 * mib, 8 * mib, 64 * mib, S3_PART_BYTES_MAX};

    (void)state;
    for (size_t w = 0; w < ARRAY_LENGTH(wishes); w++) {
        uint64_t all = 0;

        for (size_t i = 0; i < ARRAY_LENGTH(lengths); i++) {
            const uint64_t part = s3_part_bytes(lengths[i], wishes[w]);

            assert_in_range(part, wishes[w], S3_PART_BYTES_MAX);
            assert_true((lengths[i] + part - 1) / part <= S3_PARTS_MAX);
        }
        for (unsigned number = 1; number <= S3_PARTS_MAX; number++) {
            const uint64_t part = s3_part_bytes_of(number, wishes[w]);

            assert_in_range(part, wishes[w], S3_PART_BYTES_MAX);
            if (number > 1)
                assert_true(part >= s3_part_bytes_of(number - 1, wishes[w]));
            all += part;
        }
        assert_true(all >= 5 * tib);
    }
    assert_int_equal(s3_part_bytes(80000 * mib, 8 * mib), 8 * mib);
    assert_int_equal(s3_part_bytes(80000 * mib + 1, 8 * mib), 8 * mib + 1);
    assert_int_equal(s3_part_bytes(UINT64_MAX, 8 * mib), S3_PART_BYTES_MAX);
    assert_int_equal(s3_part_bytes_of(3000, 8 * mib), 8 * mib);
    assert_int_equal(s3_part_bytes_of(3001, 8 * mib), 16 * mib);
    assert_int_equal(s3_part_bytes_of(3501, 8 * mib), 32 * mib);
}

/* --- sources and sizes --- */

static const enum s3_source_kind kinds[] = {S3_SOURCE_MEMORY, S3_SOURCE_FILE, S3_SOURCE_STREAM};

static void test_every_source_of_every_size_is_stored(void **state)
{
    static const size_t lengths[] = {
        0, 1, PART - 1, PART, PART + 1, 2 * PART, 2 * PART + 1, 3 * PART, 5 * PART + 7};

    (void)state;
    for (size_t k = 0; k < ARRAY_LENGTH(kinds); k++) {
        for (size_t i = 0; i < ARRAY_LENGTH(lengths); i++) {
            const bool stream = kinds[k] == S3_SOURCE_STREAM;
            const size_t single = stream ? PART - 1 : 2 * PART;
            struct run run;

            start(&run, NULL, kinds[k], lengths[i]);
            run.pauses = i % 2;
            go(&run);
            stored(&run);
            assert_int_equal(
                run.put.parts, lengths[i] <= single ? 0 : (lengths[i] + PART - 1) / PART);
            if (!stream)
                assert_int_equal(atomic_load(&run.put.bytes_total), lengths[i]);
            assert_contains(sent(&run, 0)->head, "Content-Type: text/csv");
            end(&run);
        }
    }
}

static void test_each_part_carries_its_checksum(void **state)
{
    struct run run;

    (void)state;
    for (size_t k = 0; k < ARRAY_LENGTH(kinds); k++) {
        start(&run, NULL, kinds[k], LENGTH);
        go(&run);
        stored(&run);
        assert_contains(sent(&run, 0)->head, "x-amz-checksum-algorithm: CRC32C");
        assert_int_equal(origin_request_count(run.fixture.s3.origin), 5);
        for (size_t i = 1; i < 4; i++) {
            assert_contains(sent(&run, i)->target, "partNumber=");
            assert_contains(sent(&run, i)->head, "x-amz-checksum-crc32c: ");
            assert_contains(sent(&run, i)->head, "X-Amz-Content-Sha256: UNSIGNED-PAYLOAD");
        }
        assert_contains(sent(&run, 4)->body, "<ChecksumCRC32C>");
        end(&run);

        start(&run, NULL, kinds[k], 100);
        go(&run);
        stored(&run);
        assert_contains(sent(&run, 0)->head, "x-amz-checksum-crc32c: ");
        end(&run);
    }
}

static void test_a_store_that_refuses_checksums_gets_none(void **state)
{
    struct run run;

    (void)state;
    for (size_t k = 0; k < ARRAY_LENGTH(kinds); k++) {
        for (size_t length = 100; length <= LENGTH; length += LENGTH - 100) {
            start(&run, NULL, kinds[k], length);
            s3_store_refuse_checksums(run.fixture.store);
            go(&run);
            stored(&run);
            assert_false(s3_client_sends_checksums(run.fixture.s3.client));
            end(&run);
        }
    }
}

static void test_parts_that_memory_cannot_hold_go_through_a_file(void **state)
{
    const struct s3_client_options options = {.memory_bytes = 32 * 1000};
    struct run run;

    (void)state;
    for (size_t length = PART - 5000; length < 3 * PART; length += 9000) {
        start(&run, &options, S3_SOURCE_STREAM, length);
        run.pauses = length % 2000 == 0;
        go(&run);
        stored(&run);
        end(&run);
    }
    start(&run, &options, S3_SOURCE_STREAM, LENGTH);
    run.put.spill_folder = "/nowhere/at/all";
    go(&run);
    store_fixture_failed(&run.fixture, ERROR_NOT_FOUND, "/nowhere/at/all");
    not_stored(&run);
    end(&run);
}

static void test_a_stream_waits_for_memory(void **state)
{
    const struct s3_client_options options = {.memory_bytes = 2 * PART};
    struct run run;

    (void)state;
    start(&run, &options, S3_SOURCE_STREAM, 5 * PART);
    run.put.parallel = 8; /* one part's memory is there: they go one by one */
    go(&run);
    stored(&run);
    assert_int_equal(origin_busy_max(run.fixture.s3.origin), 1);
    end(&run);
}

static void on_other_done(struct s3_put *put, const struct error *err)
{
    struct run *run = container_of(put, struct run, other);

    assert_null(err);
    run->other_done++;
}

static int64_t read_other(struct s3_put *put, char *bytes, size_t size, struct error *err)
{
    struct run *run = container_of(put, struct run, other);
    const size_t length = MIN(size, run->length - run->other_at);

    (void)err;
    memcpy(bytes, run->bytes + run->other_at, length);
    run->other_at += length;
    return (int64_t)length;
}

static void test_streams_share_the_memory(void **state)
{
    const struct s3_client_options options = {.memory_bytes = 2 * PART};
    struct run run;

    (void)state;
    start(&run, &options, S3_SOURCE_STREAM, 5 * PART);
    run.pauses = true;
    run.other = run.put;
    run.other.key = "other";
    run.other.source.read = read_other;
    run.other.done = on_other_done;
    s3_put_start(run.fixture.s3.client, &run.other);
    go(&run);
    assert_int_equal(run.other_done, 1);
    assert_int_equal(s3_store_object(run.fixture.store, "other")->length, run.length);
    assert_int_equal(s3_store_object_count(run.fixture.store), 2);
    assert_memory_equal(s3_store_object(run.fixture.store, "other")->bytes, run.bytes, run.length);
    end(&run);
}

/* --- options --- */

static void test_what_an_object_is_goes_with_it(void **state)
{
    const struct s3_pair metadata[] = {{"one", "eins"}, {"two", "zwei drei"}};
    const struct s3_pair tags[] = {{"a b", "c"}, {"d", "&="}};
    const struct s3_object_options options = {
        .content_type = "text/x-mine",
        .content_encoding = "gzip",
        .content_disposition = "attachment",
        .content_language = "de",
        .cache_control = "no-store",
        .expires = "Wed, 21 Oct 2037 07:28:00 GMT",
        .storage_class = "STANDARD_IA",
        .sse_kms_key_id = "key-1",
        .acl = "private",
        .metadata = metadata,
        .metadata_count = 2,
        .tags = tags,
        .tag_count = 2,
        .requester_pays = true,
    };
    static const char *const lines[] = {"Content-Type: text/x-mine", "Content-Encoding: gzip",
        "Content-Disposition: attachment", "Content-Language: de", "Cache-Control: no-store",
        "Expires: Wed, 21 Oct 2037 07:28:00 GMT", "x-amz-storage-class: STANDARD_IA",
        "x-amz-server-side-encryption: aws:kms",
        "x-amz-server-side-encryption-aws-kms-key-id: key-1", "x-amz-acl: private",
        "x-amz-meta-one: eins", "x-amz-meta-two: zwei drei", "x-amz-tagging: a%20b=c&d=%26%3D"};
    struct run run;

    (void)state;
    for (size_t length = 10; length <= LENGTH; length += LENGTH - 10) {
        start(&run, NULL, S3_SOURCE_MEMORY, length);
        run.put.options = &options;
        go(&run);
        stored(&run);
        for (size_t i = 0; i < ARRAY_LENGTH(lines); i++)
            assert_contains(sent(&run, 0)->head, lines[i]);
        for (size_t i = 0; i < origin_request_count(run.fixture.s3.origin); i++)
            assert_contains(sent(&run, i)->head, "x-amz-request-payer: requester");
        end(&run);
    }
}

static void test_options_that_make_no_sense_are_refused(void **state)
{
    static const struct s3_pair many[S3_METADATA_MAX + 1];
    const struct {
        struct s3_object_options options;
        enum error_code code;
        const char *words;
    } cases[] = {
        {{.sse = "rot13"}, ERROR_INVALID, "\"rot13\" is not known: use AES256"},
        {{.sse = "AES256", .sse_kms_key_id = "k"}, ERROR_INVALID, "not with AES256"},
        {{.metadata = many, .metadata_count = S3_METADATA_MAX + 1}, ERROR_LIMIT, "41 metadata"},
        {{.tags = many, .tag_count = S3_TAGS_MAX + 1}, ERROR_LIMIT, "11 tags"},
    };
    struct run run;

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        start(&run, NULL, kinds[i % 3], 10);
        run.put.options = &cases[i].options;
        go(&run);
        store_fixture_failed(&run.fixture, cases[i].code, cases[i].words);
        assert_contains(run.fixture.outcome.message, "PUT s3://bucket/a/b.csv: ");
        assert_int_equal(s3_store_request_count(run.fixture.store), 0);
        end(&run);
    }
}

static void test_types_are_guessed_by_the_last_extension(void **state)
{
    (void)state;
    assert_string_equal(s3_content_type("a/b.PARQUET"), "application/vnd.apache.parquet");
    assert_string_equal(s3_content_type("x.csv.gz"), "application/gzip");
    assert_string_equal(s3_content_type("x.json/y"), "application/octet-stream");
    assert_string_equal(s3_content_type("x."), "application/octet-stream");
    assert_string_equal(s3_content_type(""), "application/octet-stream");
}

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
        s3_store_put(run.fixture.store, run.put.key, "x", 1, NULL);
        run.put.if_none_match = true;
        go(&run);
        store_fixture_failed(&run.fixture, ERROR_EXISTS, "PreconditionFailed");
        assert_int_equal(s3_store_object(run.fixture.store, run.put.key)->length, 1);
        assert_int_equal(s3_store_upload_count(run.fixture.store), 0);
        end(&run);

        start(&run, NULL, S3_SOURCE_MEMORY, length);
        s3_store_put(run.fixture.store, run.put.key, "x", 1, NULL);
        run.put.if_match = "\"another\"";
        go(&run);
        store_fixture_failed(&run.fixture, ERROR_CHANGED, "PreconditionFailed");
        assert_int_equal(s3_store_upload_count(run.fixture.store), 0);
        end(&run);

        start(&run, NULL, S3_SOURCE_MEMORY, length);
        s3_store_put(run.fixture.store, run.put.key, "x", 1, NULL);
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
        s3_store_fault_at(run.fixture.store, S3_FAULT_DROPPED, "PUT", NULL, 1, false);
        go(&run);
        stored(&run);
        assert_string_equal(sent(&run, 2)->method, "GET");
        end(&run);

        /* all answers are lost */
        start(&run, NULL, kinds[k], 5000);
        run.put.if_none_match = true;
        s3_store_fault_at(run.fixture.store, S3_FAULT_DROPPED, "PUT", NULL, 1, true);
        go(&run);
        stored(&run);
        end(&run);

        /* somebody else was faster, while our first try never arrived */
        start(&run, NULL, kinds[k], 5000);
        run.put.if_none_match = true;
        s3_store_put(run.fixture.store, run.put.key, "x", 1, NULL);
        s3_store_fault_at(run.fixture.store, S3_FAULT_RESET_BEFORE, "PUT", NULL, 1, false);
        go(&run);
        store_fixture_failed(&run.fixture, ERROR_EXISTS, "PreconditionFailed");
        end(&run);

        /* the same length, other bytes */
        start(&run, NULL, kinds[k], 5000);
        run.put.if_none_match = true;
        run.bytes[4999] ^= 1;
        s3_store_put(run.fixture.store, run.put.key, run.bytes, 5000, NULL);
        run.bytes[4999] ^= 1;
        s3_store_fault_at(run.fixture.store, S3_FAULT_RESET_BEFORE, "PUT", NULL, 1, false);
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
                s3_store_odd_etags(run.fixture.store);
            s3_store_fault_at(run.fixture.store, faults[i], "POST", "uploadId=", 1, i % 2);
            go(&run);
            if (odd) { /* nothing says whose it is: an error, and never a guess */
                assert_contains(run.fixture.outcome.message, "the object is not what was sent");
            } else {
                stored(&run);
            }
            assert_int_equal(s3_store_upload_count(run.fixture.store), 0);
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
        s3_store_fault_at(run.fixture.store, faults[i], "POST", "uploadId=", 1, true);
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
    s3_store_fault_at(run.fixture.store, S3_FAULT_DENIED, "PUT", "partNumber=2", 1, true);
    s3_store_fault_at(run.fixture.store, S3_FAULT_DENIED, "DELETE", NULL, 1, true);
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
    s3_store_fault_at(run.fixture.store, S3_FAULT_DROPPED, "POST", "uploads=", 1, false);
    go(&run);
    stored(&run);
    end(&run);

    start(&run, NULL, S3_SOURCE_MEMORY, LENGTH);
    s3_store_fault_at(run.fixture.store, S3_FAULT_DROPPED, "POST", "uploads=", 1, true);
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
                s3_store_fault(run.fixture.store, (enum s3_fault)fault, nth, false);
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
            s3_store_fault(run.fixture.store, (enum s3_fault)fault, nth, true);
            go(&run);
            assert_int_not_equal(run.fixture.outcome.code, ERROR_NONE);
            assert_contains(run.fixture.outcome.message, "s3://bucket/a/b.csv");
            if (s3_store_upload_count(run.fixture.store) && nth > 1)
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
                assert_int_equal(s3_store_upload_count(run.fixture.store), 0);
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
        s3_store_fault_at(run.fixture.store, S3_FAULT_STALL, methods[i], NULL, 1, true);
        if (i == 2)
            s3_store_fault_at(run.fixture.store, S3_FAULT_STALL, "PUT", NULL, 1, true);
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
        cmocka_unit_test(test_ten_thousand_parts_always_do),
        cmocka_unit_test(test_every_source_of_every_size_is_stored),
        cmocka_unit_test(test_each_part_carries_its_checksum),
        cmocka_unit_test(test_a_store_that_refuses_checksums_gets_none),
        cmocka_unit_test(test_parts_that_memory_cannot_hold_go_through_a_file),
        cmocka_unit_test(test_a_stream_waits_for_memory),
        cmocka_unit_test(test_streams_share_the_memory),
        cmocka_unit_test(test_what_an_object_is_goes_with_it),
        cmocka_unit_test(test_options_that_make_no_sense_are_refused),
        cmocka_unit_test(test_types_are_guessed_by_the_last_extension),
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
