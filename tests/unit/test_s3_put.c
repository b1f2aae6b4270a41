#include "connectors/s3/part_size.h"
#include "tests/unit/put_fixture.h"

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
            s3_small_refuse_checksums(run.fixture.store);
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
    assert_int_equal(s3_small_object(run.fixture.store, "other")->length, run.length);
    assert_int_equal(s3_small_object_count(run.fixture.store), 2);
    assert_memory_equal(s3_small_object(run.fixture.store, "other")->bytes, run.bytes, run.length);
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
    static const struct s3_pair many[S3_METADATA_MAX + 1],
        odd_name = {"a b", "1"}, no_name = {"", "1"}, odd_value = {"n", "\xc3\xbc"};
    const struct {
        struct s3_object_options options;
        const char *words;
    } cases[] = {
        {{.sse = "rot13"}, "\"rot13\" is not known: use AES256"},
        {{.sse = "AES256", .sse_kms_key_id = "k"}, "not with AES256"},
        {{.metadata = many, .metadata_count = S3_METADATA_MAX + 1}, "41 metadata"},
        {{.tags = many, .tag_count = S3_TAGS_MAX + 1}, "11 tags"},
        {{.metadata = &odd_name, .metadata_count = 1}, "metadata \"a b\": a name"},
        {{.metadata = &no_name, .metadata_count = 1}, "metadata \"\": a name"},
        {{.metadata = &odd_value, .metadata_count = 1}, "metadata n: only printable ASCII"},
        {{.content_type = "text/\nplain"}, "content type: only printable ASCII"},
        {{.cache_control = "\x7f"}, "cache control: only printable ASCII"},
    };
    struct run run;

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        start(&run, NULL, kinds[i % 3], 10);
        run.put.options = &cases[i].options;
        go(&run);
        store_fixture_failed(&run.fixture, ERROR_INVALID, cases[i].words);
        assert_contains(run.fixture.outcome.message, "PUT s3://bucket/a/b.csv: ");
        assert_int_equal(s3_small_request_count(run.fixture.store), 0);
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
    };

    return cmocka_run_group_tests(tests, fixture_folder_make, fixture_folder_remove);
}
