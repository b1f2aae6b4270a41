#include "connectors/s3/copy.h"
#include "tests/unit/s3_small_fixture.h"

enum { PART = 10 * 1000, LENGTH = 2 * PART + 123 };

struct run {
    struct store_fixture fixture;
    struct s3_copy copy;
    char *bytes;
    char etag[128];
};

static void on_done(struct s3_copy *copy, const struct error *err)
{
    struct run *run = container_of(copy, struct run, copy);

    store_fixture_done(&run->fixture, err);
    snprintf(run->etag, sizeof(run->etag), "%s", copy->etag ? copy->etag : "");
}

static void start(struct run *run, const struct s3_client_options *options)
{
    memset(run, 0, sizeof(*run));
    store_fixture_init(&run->fixture, options);
    run->bytes = store_fixture_bytes(LENGTH);
    s3_small_put(run->fixture.store, "from/a b+.csv", run->bytes, LENGTH,
        "\r\nContent-Type: text/x-source\r\nx-amz-tagging: a%20b=c\r\n");
    run->copy = (struct s3_copy){
        .from_bucket = "bucket",
        .from_key = "from/a b+.csv",
        .bucket = "bucket",
        .key = "to.json",
        .part_bytes = PART,
        .single_bytes = PART,
        .parallel = 2,
        .done = on_done,
    };
}

static void cancel(void *data)
{
    struct run *run = data;

    s3_copy_cancel(&run->copy);
    s3_copy_cancel(&run->copy);
}

static void go_and_cancel(struct run *run, unsigned turn)
{
    s3_copy_start(run->fixture.s3.client, &run->copy);
    assert_int_equal(run->fixture.done_count, 0);
    store_fixture_run(&run->fixture, turn, cancel, run);
}

static void go(struct run *run)
{
    go_and_cancel(run, 0);
}

static void end(struct run *run)
{
    store_fixture_deinit(&run->fixture);
    free(run->bytes);
}

static const struct origin_request *sent(struct run *run, size_t index)
{
    assert_in_range(index, 0, origin_request_count(run->fixture.s3.origin) - 1);
    return origin_request(run->fixture.s3.origin, index);
}

static void stored(struct run *run)
{
    const struct s3_small_kept *object = s3_small_object(run->fixture.store, run->copy.key);

    store_fixture_good(&run->fixture);
    assert_non_null(object);
    assert_int_equal(object->length, LENGTH);
    assert_memory_equal(object->bytes, run->bytes, LENGTH);
    assert_string_equal(run->etag, object->etag);
    assert_int_equal(run->copy.size, LENGTH);
    assert_int_equal(atomic_load(&run->copy.bytes_done), LENGTH);
    assert_int_equal(s3_small_upload_count(run->fixture.store), 0);
}

static void not_stored(struct run *run)
{
    assert_null(s3_small_object(run->fixture.store, run->copy.key));
    assert_int_equal(s3_small_upload_count(run->fixture.store), 0);
}

/* --- what goes along --- */

static void test_a_small_object_is_copied_in_one_request(void **state)
{
    struct run run;

    (void)state;
    start(&run, NULL);
    run.copy.single_bytes = LENGTH;
    run.copy.size_known = true;
    run.copy.size = LENGTH;
    run.copy.from_version_id = "v/1";
    go(&run);
    stored(&run);
    assert_int_equal(run.copy.parts, 0);
    assert_int_equal(origin_request_count(run.fixture.s3.origin), 1);
    assert_contains(
        sent(&run, 0)->head, "x-amz-copy-source: bucket/from/a%20b%2B.csv?versionId=v%2F1\r\n");
    assert_contains(sent(&run, 0)->head, "x-amz-metadata-directive: COPY\r\n");
    assert_null(strcasestr(sent(&run, 0)->head, "\ncontent-type"));
    assert_null(strcasestr(sent(&run, 0)->head, "x-amz-tagging"));
    end(&run);
}

static void test_what_is_replaced_is_not_the_sources(void **state)
{
    const struct s3_pair metadata = {"color", "red"}, tag = {"t", "u"};
    const struct s3_object_options options = {.metadata = &metadata,
        .metadata_count = 1,
        .tags = &tag,
        .tag_count = 1,
        .storage_class = "STANDARD_IA"};
    struct run run;

    (void)state;
    for (unsigned single = 0; single < 2; single++) {
        const char *head;

        start(&run, NULL);
        run.copy.single_bytes = single ? LENGTH : PART;
        run.copy.options = &options;
        run.copy.replace_metadata = run.copy.replace_tags = true;
        go(&run);
        stored(&run);
        head = s3_small_object(run.fixture.store, "to.json")->head;
        assert_contains(head, "Content-Type: application/json");
        assert_contains(head, "x-amz-meta-color: red");
        assert_contains(head, "x-amz-tagging: t=u");
        assert_contains(head, "x-amz-storage-class: STANDARD_IA");
        if (single) {
            assert_contains(head, "x-amz-metadata-directive: REPLACE");
            assert_contains(head, "x-amz-tagging-directive: REPLACE");
        }
        end(&run);

        /* not asked to replace: the options' own are not sent */
        start(&run, NULL);
        run.copy.single_bytes = single ? LENGTH : PART;
        run.copy.options = &options;
        go(&run);
        stored(&run);
        head = s3_small_object(run.fixture.store, "to.json")->head;
        assert_null(strstr(head, ": red"));
        assert_null(strstr(head, ": t=u"));
        assert_contains(head, "x-amz-storage-class: STANDARD_IA");
        end(&run);
    }
}

static void test_a_large_object_is_copied_in_parts_with_all_it_has(void **state)
{
    struct run run;
    const char *head;

    (void)state;
    start(&run, NULL);
    go(&run);
    stored(&run);
    assert_int_equal(run.copy.parts, 3);
    head = s3_small_object(run.fixture.store, "to.json")->head;
    assert_contains(head, "Content-Type: text/x-source");
    assert_contains(head, "x-amz-meta-color: blue");
    assert_contains(head, "x-amz-tagging: a%20b=c");
    for (size_t i = 0; i < origin_request_count(run.fixture.s3.origin); i++) {
        if (strstr(sent(&run, i)->target, "partNumber="))
            assert_contains(sent(&run, i)->head, "x-amz-copy-source-if-match: \"");
    }
    end(&run);

    start(&run, NULL);
    run.copy.replace_tags = true; /* by none */
    go(&run);
    stored(&run);
    assert_null(strstr(s3_small_object(run.fixture.store, "to.json")->head, "x-amz-tagging"));
    end(&run);
}

static void test_a_source_that_is_another_one_is_an_error(void **state)
{
    struct run run;

    (void)state;
    for (unsigned single = 0; single < 2; single++) {
        for (unsigned known = 0; known < 2; known++) {
            start(&run, NULL);
            run.copy.single_bytes = single ? LENGTH : PART;
            run.copy.size_known = known;
            run.copy.size = LENGTH;
            run.copy.from_etag = "\"before\"";
            go(&run);
            store_fixture_failed(&run.fixture, ERROR_CHANGED, "");
            not_stored(&run);
            end(&run);
        }
    }
    start(&run, NULL);
    run.copy.from_key = "nothing";
    go(&run);
    store_fixture_failed(&run.fixture, ERROR_NOT_FOUND, "s3://bucket/nothing");
    end(&run);
}

/* --- faults --- */

static void test_each_fault_at_each_request(void **state)
{
    struct run run;

    (void)state;
    for (unsigned single = 0; single < 2; single++) {
        for (unsigned fault = 1; fault < S3_FAULTS; fault++) {
            const unsigned requests = single ? 2 : 7;

            for (unsigned nth = 1; nth <= requests + 1; nth++) {
                start(&run, NULL);
                run.copy.single_bytes = single ? LENGTH : PART;
                s3_small_fault(run.fixture.store, (enum s3_fault)fault, nth, false);
                go(&run);
                if (fault < S3_FAULTS_HARMLESS || nth > requests) {
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

static void test_it_can_be_cancelled_at_every_turn(void **state)
{
    (void)state;
    for (unsigned single = 0; single < 2; single++) {
        bool whole = false;

        for (unsigned turn = 1; turn < 300 && !whole; turn++) {
            struct run run;

            start(&run, NULL);
            run.copy.single_bytes = single ? LENGTH : PART;
            go_and_cancel(&run, turn);
            whole = run.fixture.turns.count < turn;
            if (run.fixture.outcome.code)
                store_fixture_failed(&run.fixture, ERROR_STOPPED, "s3://bucket/");
            else
                stored(&run);
            assert_int_equal(s3_small_upload_count(run.fixture.store), 0);
            end(&run);
        }
        assert_true(whole);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_small_object_is_copied_in_one_request),
        cmocka_unit_test(test_what_is_replaced_is_not_the_sources),
        cmocka_unit_test(test_a_large_object_is_copied_in_parts_with_all_it_has),
        cmocka_unit_test(test_a_source_that_is_another_one_is_an_error),
        cmocka_unit_test(test_each_fault_at_each_request),
        cmocka_unit_test(test_it_can_be_cancelled_at_every_turn),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
