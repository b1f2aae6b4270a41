#include "connectors/s3/bucket.h"
#include "connectors/s3/presign.h"
#include "connectors/s3/remove.h"
#include "tests/unit/s3_small_fixture.h"

enum { KEYS = 2500 };

struct run {
    struct store_fixture fixture;
    struct s3_remove remove;
    struct s3_bucket_request bucket;
    struct s3_presign presign;
    struct s3_remove_item items[KEYS];
    char names[KEYS][32];
    char failure[600], region[64], url[1024];
};

static void on_done(struct s3_remove *remove, const struct error *err)
{
    struct run *run = container_of(remove, struct run, remove);

    store_fixture_done(&run->fixture, err);
    assert_true(remove->failure_count <= S3_REMOVE_FAILURES_MAX);
    if (remove->failure_count)
        snprintf(run->failure, sizeof(run->failure), "%s %s", remove->failures[0].item->key,
            remove->failures[0].err->message);
}

static void start(struct run *run, size_t count, const struct s3_client_options *options)
{
    memset(run, 0, sizeof(*run));
    store_fixture_init(&run->fixture, options);
    for (size_t i = 0; i < count; i++) {
        snprintf(run->names[i], sizeof(run->names[i]), "k%zu", i);
        run->items[i].key = run->names[i];
        s3_small_put(run->fixture.store, run->names[i], "x", 1, NULL);
    }
    run->remove = (struct s3_remove){.bucket = "bucket",
        .items = run->items,
        .item_count = count,
        .parallel = 2,
        .done = on_done};
}

static void cancel(void *data)
{
    struct run *run = data;

    s3_remove_cancel(&run->remove);
    s3_remove_cancel(&run->remove);
}

static void go(struct run *run)
{
    s3_remove_start(run->fixture.s3.client, &run->remove);
    assert_int_equal(run->fixture.done_count, 0);
    store_fixture_run(&run->fixture, 0, cancel, run);
}

static void all_gone(struct run *run)
{
    store_fixture_good(&run->fixture);
    assert_int_equal(s3_small_object_count(run->fixture.store), 0);
    assert_int_equal(atomic_load(&run->remove.removed), run->remove.item_count);
    assert_int_equal(run->remove.failed, 0);
}

static const struct origin_request *sent(struct run *run, size_t index)
{
    assert_in_range(index, 0, origin_request_count(run->fixture.s3.origin) - 1);
    return origin_request(run->fixture.s3.origin, index);
}

static struct run run; /* too large for a stack */

static void test_keys_go_in_batches_of_a_thousand(void **state)
{
    (void)state;
    start(&run, KEYS, NULL);
    go(&run);
    all_gone(&run);
    assert_int_equal(origin_request_count(run.fixture.s3.origin), 3);
    assert_string_equal(sent(&run, 0)->target, "/bucket?delete=");
    assert_contains(sent(&run, 0)->head, "Content-MD5: ");
    assert_contains(sent(&run, 0)->body, "<Quiet>true</Quiet>");
    store_fixture_deinit(&run.fixture);

    start(&run, 0, NULL);
    go(&run);
    all_gone(&run);
    store_fixture_deinit(&run.fixture);
}

static void test_one_key_takes_a_simple_request(void **state)
{
    (void)state;
    start(&run, 1, NULL);
    run.items[0].version_id = "v+1";
    run.remove.bypass_governance = run.remove.requester_pays = true;
    go(&run);
    all_gone(&run);
    assert_string_equal(sent(&run, 0)->method, "DELETE");
    assert_string_equal(sent(&run, 0)->target, "/bucket/k0?versionId=v%2B1");
    assert_contains(sent(&run, 0)->head, "x-amz-bypass-governance-retention: true");
    assert_contains(sent(&run, 0)->head, "x-amz-request-payer: requester");
    store_fixture_deinit(&run.fixture);
}

static void test_keys_of_any_bytes_are_deleted(void **state)
{
    static const char *const keys[] = {"a&b", "<tag>", "tab\there", "line\nend", "cr\rhere",
        "\x01control", "\xff\xfe", "\xef\xbf\xbf", "quote\"'", " space ", "\xf0\x9f\x90\xa6",
        "]]>"};

    (void)state;
    start(&run, 0, NULL);
    for (size_t i = 0; i < ARRAY_LENGTH(keys); i++) {
        run.items[i].key = keys[i];
        s3_small_put(run.fixture.store, keys[i], "x", 1, NULL);
    }
    run.remove.item_count = ARRAY_LENGTH(keys);
    go(&run);
    all_gone(&run);
    store_fixture_deinit(&run.fixture);
}

static void test_versions_are_named(void **state)
{
    (void)state;
    start(&run, 2, NULL);
    run.items[1].version_id = "v<2>";
    go(&run);
    all_gone(&run);
    assert_contains(sent(&run, 0)->body,
        "<Object><Key>k0</Key></Object><Object><Key>k1</Key><VersionId>v&#60;2&#62;</VersionId>");
    store_fixture_deinit(&run.fixture);
}

static void test_keys_that_fail_are_counted_and_the_others_go(void **state)
{
    (void)state;
    start(&run, 1500, NULL);
    s3_small_fail_key(run.fixture.store, "k3", "AccessDenied", 99);
    s3_small_fail_key(run.fixture.store, "k1200", "AccessDenied", 99);
    s3_small_fail_key(run.fixture.store, "k7", "InternalError", 2); /* for a moment */
    s3_small_fail_key(run.fixture.store, "k8", "NoSuchKey", 99);
    go(&run);
    store_fixture_failed(&run.fixture, ERROR_DENIED,
        "2 of 1500 objects were not deleted, first: DELETE s3://bucket/k");
    assert_int_equal(run.remove.failed, 2);
    assert_int_equal(run.remove.failure_count, 2);
    assert_contains(run.failure, "AccessDenied");
    assert_int_equal(atomic_load(&run.remove.removed), 1498);
    assert_int_equal(s3_small_object_count(run.fixture.store), 3); /* k8, too, which it denies */
    assert_null(s3_small_object(run.fixture.store, "k7"));
    store_fixture_deinit(&run.fixture);

    start(&run, 3, NULL);
    s3_small_fail_key(run.fixture.store, "k1", "SlowDown", 99); /* for ever */
    s3_small_fail_key(run.fixture.store, "k2", "SlowDown", 99);
    go(&run);
    store_fixture_failed(&run.fixture, ERROR_BUSY, "none of 4 attempts");
    assert_int_equal(run.remove.failed, 2);
    assert_int_equal(s3_small_object_count(run.fixture.store), 2);
    store_fixture_deinit(&run.fixture);
}

static void test_a_store_without_batches_deletes_one_by_one(void **state)
{
    (void)state;
    start(&run, 20, NULL);
    s3_small_no_batch_delete(run.fixture.store);
    go(&run);
    all_gone(&run);
    store_fixture_deinit(&run.fixture);
}

static void test_each_fault_at_each_request(void **state)
{
    (void)state;
    for (unsigned fault = 1; fault < S3_FAULTS; fault++) {
        for (unsigned nth = 1; nth <= 3; nth++) {
            start(&run, 1001, NULL); /* a batch and a single one */
            s3_small_fault(run.fixture.store, (enum s3_fault)fault, nth, false);
            go(&run);
            if (fault < S3_FAULTS_HARMLESS || nth == 3)
                all_gone(&run);
            else
                store_fixture_failed(&run.fixture, ERROR_DENIED, "AccessDenied");
            store_fixture_deinit(&run.fixture);
        }
    }
}

static void test_it_can_be_cancelled_at_every_turn(void **state)
{
    bool whole = false;

    (void)state;
    for (unsigned turn = 1; turn < 100 && !whole; turn++) {
        start(&run, 1200, NULL);
        s3_small_fail_key(run.fixture.store, "k7", "InternalError", 1);
        s3_remove_start(run.fixture.s3.client, &run.remove);
        store_fixture_run(&run.fixture, turn, cancel, &run);
        whole = run.fixture.turns.count < turn;
        if (run.fixture.outcome.code)
            store_fixture_failed(&run.fixture, ERROR_STOPPED, "cancelled");
        else
            all_gone(&run);
        store_fixture_deinit(&run.fixture);
    }
    assert_true(whole);
}

/* --- buckets --- */

static void on_bucket_done(struct s3_bucket_request *request, const struct error *err)
{
    store_fixture_done(&run.fixture, err);
    snprintf(
        run.region, sizeof(run.region), "%s", request->found_region ? request->found_region : "");
}

static void ask_bucket(enum s3_bucket_verb verb, const char *region, const char *upload_id)
{
    run.fixture.done_count = 0;
    run.bucket = (struct s3_bucket_request){.verb = verb,
        .bucket = "bucket",
        .region = region,
        .key = "k",
        .upload_id = upload_id,
        .done = on_bucket_done};
    s3_bucket_start(run.fixture.s3.client, &run.bucket);
    assert_int_equal(run.fixture.done_count, 0);
    store_fixture_run(&run.fixture, 0, cancel, &run);
}

static void test_buckets_are_made_looked_for_and_deleted(void **state)
{
    (void)state;
    start(&run, 0, NULL);
    ask_bucket(S3_BUCKET_CREATE, NULL, NULL);
    store_fixture_good(&run.fixture);
    assert_int_equal(sent(&run, 0)->body_length, 0); /* us-east-1 has no name */
    ask_bucket(S3_BUCKET_CREATE, "eu-west-1", NULL);
    store_fixture_good(&run.fixture);
    assert_contains(sent(&run, 1)->body, "<LocationConstraint>eu-west-1</LocationConstraint>");
    ask_bucket(S3_BUCKET_LOOK, NULL, NULL);
    store_fixture_good(&run.fixture);
    assert_string_equal(run.region, "eu-west-1");
    ask_bucket(S3_BUCKET_DELETE, NULL, NULL);
    store_fixture_good(&run.fixture);
    assert_string_equal(sent(&run, 3)->method, "DELETE");
    assert_string_equal(sent(&run, 3)->target, "/bucket");
    ask_bucket(S3_UPLOAD_ABORT, NULL, "U9"); /* not there */
    store_fixture_good(&run.fixture);
    store_fixture_deinit(&run.fixture);
}

/* --- presigned URLs --- */

static void on_presigned(struct s3_presign *presign, const struct error *err)
{
    store_fixture_done(&run.fixture, err);
    snprintf(run.url, sizeof(run.url), "%s", presign->url ? presign->url : "");
}

static void presign(unsigned expires_s, bool cancelled)
{
    run.fixture.done_count = 0;
    run.presign = (struct s3_presign){.method = "GET",
        .bucket = "bucket",
        .key = "a b",
        .expires_s = expires_s,
        .done = on_presigned};
    s3_presign_start(run.fixture.s3.client, &run.presign);
    if (cancelled)
        s3_presign_cancel(&run.presign);
    assert_int_equal(run.fixture.done_count, 0);
    store_fixture_run(&run.fixture, 0, cancel, &run);
}

static void test_urls_are_signed_for_a_while(void **state)
{
    const struct s3_client_options unsigned_access = {.unsigned_access = true};

    (void)state;
    for (unsigned waits = 0; waits < 2; waits++) {
        s3_fake_credentials.waits = waits;
        start(&run, 0, NULL);
        s3_fake_credentials.waits = waits;
        presign(60, false);
        store_fixture_good(&run.fixture);
        assert_contains(run.url, "/bucket/a%20b?X-Amz-Algorithm=AWS4-HMAC-SHA256&");
        assert_contains(run.url, "X-Amz-Expires=60");
        assert_contains(run.url, "X-Amz-Security-Token=");
        assert_contains(run.url, "X-Amz-Signature=");
        assert_null(strstr(run.url, S3_SECRET));
        presign(60, true);
        store_fixture_failed(&run.fixture, ERROR_STOPPED, "presign GET s3://bucket/a b: cancelled");
        for (unsigned bad = 0; bad <= 604801; bad += 604801) {
            presign(bad, false);
            store_fixture_failed(&run.fixture, ERROR_INVALID, "presign GET s3://bucket/a b: ");
            assert_string_equal(run.url, "");
        }
        assert_int_equal(s3_small_request_count(run.fixture.store), 0);
        store_fixture_deinit(&run.fixture);
    }
    start(&run, 0, &unsigned_access);
    presign(60, false);
    store_fixture_failed(&run.fixture, ERROR_DENIED, "nothing can be signed");
    store_fixture_deinit(&run.fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys_go_in_batches_of_a_thousand),
        cmocka_unit_test(test_one_key_takes_a_simple_request),
        cmocka_unit_test(test_keys_of_any_bytes_are_deleted),
        cmocka_unit_test(test_versions_are_named),
        cmocka_unit_test(test_keys_that_fail_are_counted_and_the_others_go),
        cmocka_unit_test(test_a_store_without_batches_deletes_one_by_one),
        cmocka_unit_test(test_each_fault_at_each_request),
        cmocka_unit_test(test_it_can_be_cancelled_at_every_turn),
        cmocka_unit_test(test_buckets_are_made_looked_for_and_deleted),
        cmocka_unit_test(test_urls_are_signed_for_a_while),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
