#include "connectors/s3/list.h"

#include "connectors/s3/answers.h"
#include "tests/unit/s3_bucket.h"

/* --- one listing, run to its end --- */

enum pace { PACE_WILLING, PACE_PAUSES, PACE_REFUSES };

struct run {
    struct s3_fixture fixture;
    struct bucket bucket;
    struct s3_list list;
    struct arena arena;
    struct error outcome;
    unsigned done_count, page_count;
    enum pace pace;
    struct timer timer;
    struct buffer keys; /* one a line */
    struct turns turns;
};

static const struct s3_client_options options = {
    .retry = {.attempts = 3, .backoff_ms = 1, .max_backoff_ms = 2},
    .timeouts = {.first_byte_ms = 400, .stall_ms = 200},
};

static void add_keys(struct run *run, const struct s3_item *items, size_t count)
{
    static const char *const marks[] = {"", "-", ">", "^", ""};

    for (size_t i = 0; i < count; i++) {
        if (run->keys.length)
            buffer_putc(&run->keys, '|');
        buffer_printf(&run->keys, "%s%s", marks[items[i].kind], items[i].key);
    }
}

static void on_done(struct s3_list *list, const struct error *err)
{
    struct run *run = container_of(list, struct run, list);

    run->done_count++;
    run->outcome = err ? *err : (struct error){0};
    if (!list->page)
        add_keys(run, list->items, list->item_count);
}

static void on_timer(struct timer *timer)
{
    s3_list_resume(&container_of(timer, struct run, timer)->list);
}

static int on_page(
    struct s3_list *list, const struct s3_item *items, size_t count, struct error *err)
{
    struct run *run = container_of(list, struct run, list);

    assert_true(count > 0);
    assert_int_equal(run->done_count, 0);
    if (run->pace == PACE_REFUSES && run->page_count == 1)
        return error_set(err, ERROR_LIMIT, "that is enough");
    run->page_count++;
    add_keys(run, items, count);
    if (run->pace != PACE_PAUSES)
        return 0;
    if (run->page_count % 2)
        s3_list_resume(list); /* in here, too */
    else
        timer_start(&run->timer, 2, 0, on_timer);
    return HTTP_PAUSE;
}

static void run_init(struct run *run, const struct bucket *bucket, char *const *texts)
{
    static struct origin_answer answers[8];
    struct origin_options script = {.answer = bucket_answer, .data = &run->bucket};

    memset(run, 0, sizeof(*run));
    run->bucket = *bucket;
    pthread_mutex_init(&run->bucket.mutex, NULL);
    if (texts) {
        script = (struct origin_options){.answers = answers};
        for (; texts[script.answer_count]; script.answer_count++)
            answers[script.answer_count] = (struct origin_answer){
                .bytes = keep(&run->bucket, s3_answer(200, "", texts[script.answer_count]))};
    }
    s3_fixture_init(&run->fixture, &options, &script);
    arena_init(&run->arena);
    buffer_init(&run->keys, 0);
    timer_init(&run->timer, &run->fixture.loop);
    run->list =
        (struct s3_list){.bucket = "bucket", .arena = &run->arena, .page_size = 3, .done = on_done};
}

static void go(struct run *run)
{
    s3_list_start(run->fixture.client, &run->list);
    assert_int_equal(run->done_count, 0);
    loop_run(&run->fixture.loop);
    assert_int_equal(run->done_count, 1);
}

static void run_deinit(struct run *run)
{
    timer_close(&run->timer, NULL);
    buffer_deinit(&run->keys);
    arena_deinit(&run->arena);
    s3_fixture_deinit(&run->fixture);
    while (run->bucket.text_count)
        free(run->bucket.texts[--run->bucket.text_count]);
    pthread_mutex_destroy(&run->bucket.mutex);
}

static const char *target(struct run *run, size_t index)
{
    assert_in_range(index, 0, origin_request_count(run->fixture.origin) - 1);
    return origin_request(run->fixture.origin, index)->target;
}

static void lists(struct run *run, const char *keys)
{
    if (run->outcome.code)
        fail_msg("%s", run->outcome.message);
    assert_string_equal(run->keys.data, keys);
}

static void failed(struct run *run, enum error_code code, const char *words)
{
    if (run->outcome.code != code)
        fail_msg("%s: %s", error_code_name(run->outcome.code), run->outcome.message);
    assert_contains(run->outcome.message, words);
}

#define ALL_KEYS                                                                                   \
    "a b+c%.csv|a.csv|data-x/7.csv|data/|data/.6.csv|data/.hidden/5.csv|data/1.csv|data/2.csv|"    \
    "data/2.csv.gz|data/x/3.csv|data/x/y/4.csv|data/z[1].csv|e\xf0\x9f\x90\xa6.csv|line\nend.csv"

/* --- pages --- */

static void test_all_pages(void **state)
{
    struct run run;

    (void)state;
    run_init(&run, &(struct bucket){0}, NULL);
    go(&run);
    lists(&run, ALL_KEYS);
    assert_int_equal(run.list.pages, 5);
    assert_int_equal(run.list.count, ARRAY_LENGTH(names));
    assert_false(run.list.more);
    assert_contains(target(&run, 0), "/bucket?list-type=2&max-keys=3&encoding-type=url");
    assert_contains(target(&run, 1), "continuation-token=data-x%2F7.csv&");
    assert_int_equal(run.list.items[1].size, 1);
    assert_int_equal(run.list.items[1].modified_ms, 784111777000);
    assert_string_equal(run.list.items[1].etag, "\"e1\"");
    assert_string_equal(run.list.items[1].storage_class, "STANDARD");
    run_deinit(&run);
}

static void test_pages_as_they_come(void **state)
{
    (void)state;
    for (enum pace pace = PACE_WILLING; pace <= PACE_PAUSES; pace++) {
        struct run run;

        run_init(&run, &(struct bucket){0}, NULL);
        run.list.page = on_page;
        run.pace = pace;
        go(&run);
        lists(&run, ALL_KEYS);
        assert_int_equal(run.page_count, 5);
        run_deinit(&run);
    }
}

static void test_a_page_that_is_refused(void **state)
{
    struct run run;

    (void)state;
    run_init(&run, &(struct bucket){0}, NULL);
    run.list.page = on_page;
    run.pace = PACE_REFUSES;
    go(&run);
    failed(&run, ERROR_LIMIT, "that is enough");
    assert_int_equal(run.list.pages, 2);
    run_deinit(&run);
}

static void test_what_is_asked_for(void **state)
{
    static const struct {
        const char *prefix, *delimiter, *start_after;
        uint64_t limit;
        const char *keys;
        bool more;
    } cases[] = {
        {"data/x", NULL, NULL, 0, "data/x/3.csv|data/x/y/4.csv", false},
        {NULL, "/", NULL, 0, "a b+c%.csv|a.csv|>data-x/|>data/|e\xf0\x9f\x90\xa6.csv|line\nend.csv",
            false},
        {"data/", "/", NULL, 0,
            "data/|data/.6.csv|>data/.hidden/|data/1.csv|data/2.csv|data/2.csv.gz|>data/x/|"
            "data/z[1].csv",
            false},
        {NULL, NULL, "data/x/3.csv", 0,
            "data/x/y/4.csv|data/z[1].csv|e\xf0\x9f\x90\xa6.csv|line\nend.csv", false},
        {NULL, NULL, NULL, 2, "a b+c%.csv|a.csv", true},
        {NULL, NULL, NULL, 3, "a b+c%.csv|a.csv|data-x/7.csv", true},
        {NULL, NULL, NULL, 14, ALL_KEYS, false},
        {"a", NULL, NULL, 2, "a b+c%.csv|a.csv", false},
        {"none", NULL, NULL, 0, "", false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct run run;

        run_init(&run, &(struct bucket){0}, NULL);
        run.list.prefix = cases[i].prefix;
        run.list.delimiter = cases[i].delimiter;
        run.list.start_after = cases[i].start_after;
        run.list.limit = cases[i].limit;
        go(&run);
        lists(&run, cases[i].keys);
        assert_int_equal(run.list.more, cases[i].more);
        run_deinit(&run);
    }
}

/* --- patterns --- */

static void test_patterns(void **state)
{
    static const struct {
        const char *pattern, *keys, *asks;
        bool shallow;
    } cases[] = {
        {"*.csv", "a b+c%.csv|a.csv|e\xf0\x9f\x90\xa6.csv|line\nend.csv", "prefix=&", true},
        {"data/*.csv", "data/1.csv|data/2.csv|data/z[1].csv", "prefix=data%2F&", true},
        {"data/*/*.csv", "data/x/3.csv", "prefix=data%2F", false},
        {"data/**/*.csv", "data/1.csv|data/2.csv|data/x/3.csv|data/x/y/4.csv|data/z[1].csv",
            "prefix=data%2F", false},
        {"**/[3-7].csv", "data-x/7.csv|data/x/3.csv|data/x/y/4.csv", "prefix=", false},
        {"dat?*/**.gz", "data/2.csv.gz", "prefix=dat", false},
        {"data/.*.csv", "data/.6.csv", "prefix=data%2F.&", true},
        {"data/.hidden/*", "data/.hidden/5.csv", "prefix=data%2F.hidden%2F&", true},
        {"data/**/.h*/*", "data/.hidden/5.csv", "prefix=data%2F", false},
        {"data/z[[]1].csv", "data/z[1].csv", "prefix=data%2Fz&", true},
        {"data/2.csv", "data/2.csv", "prefix=data%2F2.csv&", true},
        {"a b+c%.csv", "a b+c%.csv", "prefix=a%20b%2Bc%25.csv&", true},
        {"data/", "data/", "prefix=data%2F&", true},
        {"data", "", "prefix=data&", true},
        {"none/**", "", "prefix=none%2F", false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct run run;

        run_init(&run, &(struct bucket){0}, NULL);
        run.list.pattern = cases[i].pattern;
        go(&run);
        lists(&run, cases[i].keys);
        assert_contains(target(&run, 0), cases[i].asks);
        assert_int_equal(strstr(target(&run, 0), "delimiter=%2F") != NULL, cases[i].shallow);
        run_deinit(&run);
    }
}

static void test_a_plain_key_is_one_page(void **state)
{
    struct run run;

    (void)state;
    run_init(&run, &(struct bucket){0}, NULL);
    run.list.pattern = "data/1.csv";
    run.list.page_size = 1;
    go(&run);
    lists(&run, "data/1.csv");
    assert_int_equal(run.list.pages, 1);
    run_deinit(&run);
}

/* --- the other listings --- */

static void test_versions(void **state)
{
    static char first[] =
        "<ListVersionsResult><EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>"
        "<NextKeyMarker>a%20b</NextKeyMarker><NextVersionIdMarker>v2</NextVersionIdMarker>"
        "<Version><Key>a%20b</Key><VersionId>v2</VersionId><IsLatest>false</IsLatest>"
        "<Size>7</Size><LastModified>2024-01-02T00:00:00.000Z</LastModified></Version>"
        "<DeleteMarker><Key>a%20b</Key><VersionId>v3</VersionId><IsLatest>true</IsLatest>"
        "<LastModified>2024-01-03T00:00:00.000Z</LastModified></DeleteMarker>"
        "</ListVersionsResult>";
    static char second[] =
        "<ListVersionsResult><IsTruncated>false</IsTruncated><Version><Key>a b</Key>"
        "<VersionId>v1</VersionId><LastModified>2024-01-01T00:00:00.000Z</LastModified></Version>"
        "</ListVersionsResult>";
    struct run run;

    (void)state;
    run_init(&run, &(struct bucket){0}, (char *[]){first, second, NULL});
    run.list.what = S3_LIST_VERSIONS;
    run.list.prefix = "a";
    go(&run);
    lists(&run, "-a b|a b|a b");
    assert_contains(target(&run, 0), "?versions=&max-keys=3&encoding-type=url&prefix=a");
    assert_contains(target(&run, 1), "&key-marker=a%20b&version-id-marker=v2&");
    assert_string_equal(run.list.items[0].version_id, "v3");
    assert_true(run.list.items[0].latest);
    assert_int_equal(run.list.items[0].size, S3_NONE);
    assert_string_equal(run.list.items[1].version_id, "v2");
    assert_int_equal(run.list.items[1].size, 7);
    assert_string_equal(run.list.items[2].version_id, "v1");
    run_deinit(&run);
}

/* A key as a pattern has all its versions, on any number of pages, and no page more. */
static void test_versions_of_one_key(void **state)
{
    static char first[] =
        "<ListVersionsResult><IsTruncated>true</IsTruncated><NextKeyMarker>a</NextKeyMarker>"
        "<NextVersionIdMarker>v2</NextVersionIdMarker>"
        "<Version><Key>a</Key><VersionId>v2</VersionId></Version></ListVersionsResult>";
    static char second[] =
        "<ListVersionsResult><IsTruncated>true</IsTruncated><NextKeyMarker>ab</NextKeyMarker>"
        "<NextVersionIdMarker>v9</NextVersionIdMarker>"
        "<Version><Key>a</Key><VersionId>v1</VersionId></Version>"
        "<Version><Key>ab</Key><VersionId>v9</VersionId></Version></ListVersionsResult>";
    struct run run;

    (void)state;
    run_init(&run, &(struct bucket){0}, (char *[]){first, second, NULL});
    run.list.what = S3_LIST_VERSIONS;
    run.list.pattern = "a";
    go(&run);
    lists(&run, "a|a");
    assert_int_equal(run.list.pages, 2);
    run_deinit(&run);
}

static void test_uploads(void **state)
{
    static char first[] =
        "<ListMultipartUploadsResult><IsTruncated>true</IsTruncated>"
        "<NextKeyMarker>k</NextKeyMarker><NextUploadIdMarker>u1</NextUploadIdMarker>"
        "<Upload><Key>k</Key><UploadId>u1</UploadId>"
        "<Initiated>2024-01-02T00:00:00.000Z</Initiated></Upload></ListMultipartUploadsResult>";
    static char second[] =
        "<ListMultipartUploadsResult><IsTruncated>false</IsTruncated>"
        "<Upload><Key>l</Key><UploadId>u2</UploadId></Upload></ListMultipartUploadsResult>";
    struct run run;

    (void)state;
    run_init(&run, &(struct bucket){0}, (char *[]){first, second, NULL});
    run.list.what = S3_LIST_UPLOADS;
    go(&run);
    lists(&run, "^k|^l");
    assert_contains(target(&run, 0), "?uploads=&max-uploads=3&encoding-type=url");
    assert_contains(target(&run, 1), "&key-marker=k&upload-id-marker=u1&");
    assert_string_equal(run.list.items[1].upload_id, "u2");
    assert_int_equal(run.list.items[0].modified_ms, 1704153600000);
    run_deinit(&run);
}

static void test_buckets(void **state)
{
    static char first[] =
        "<ListAllMyBucketsResult><Buckets><Bucket><Name>b1</Name><CreationDate>"
        "2024-01-02T00:00:00.000Z</CreationDate><BucketRegion>eu-west-1</BucketRegion></Bucket>"
        "<Bucket><Name>other</Name></Bucket></Buckets><ContinuationToken>t/1</ContinuationToken>"
        "</ListAllMyBucketsResult>";
    static char second[] = "<ListAllMyBucketsResult><Buckets><Bucket><Name>b2</Name></Bucket>"
                           "</Buckets></ListAllMyBucketsResult>";
    struct run run;

    (void)state;
    run_init(&run, &(struct bucket){0}, (char *[]){first, second, NULL});
    run.list.what = S3_LIST_BUCKETS;
    run.list.bucket = NULL;
    run.list.prefix = "b";
    go(&run);
    lists(&run, "b1|b2");
    assert_string_equal(target(&run, 0), "/?prefix=b");
    assert_string_equal(target(&run, 1), "/?continuation-token=t%2F1&prefix=b");
    assert_string_equal(run.list.items[0].region, "eu-west-1");
    assert_int_equal(run.list.items[0].modified_ms, 1704153600000);
    run_deinit(&run);
}

/* --- faults --- */

static void test_stores_that_forget_the_token(void **state)
{
    struct run run;

    (void)state;
    run_init(&run, &(struct bucket){.no_token = true}, NULL);
    go(&run);
    lists(&run, ALL_KEYS);
    assert_contains(target(&run, 1), "&start-after=data-x%2F7.csv&");
    run_deinit(&run);
}

static void test_listings_without_an_end(void **state)
{
    static char endless[] = "<ListMultipartUploadsResult><IsTruncated>true</IsTruncated>"
                            "</ListMultipartUploadsResult>";
    struct run run;

    (void)state;
    run_init(&run, &(struct bucket){.same_token = true}, NULL);
    go(&run);
    failed(&run, ERROR_DATA, "listing s3://bucket: the store sends the same page again");
    assert_int_equal(run.list.pages, 2);
    run_deinit(&run);

    run_init(&run, &(struct bucket){0}, (char *[]){endless, NULL});
    run.list.what = S3_LIST_UPLOADS;
    go(&run);
    failed(&run, ERROR_DATA, "not where it goes on");
    run_deinit(&run);
}

static void test_stores_that_do_not_sort(void **state)
{
    static char first[] = "<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>"
                          "t</NextContinuationToken><Contents><Key>b/1</Key></Contents>"
                          "<Contents><Key>a</Key></Contents></ListBucketResult>";
    static char second[] = "<ListBucketResult><IsTruncated>false</IsTruncated>"
                           "<Contents><Key>b-1</Key></Contents></ListBucketResult>";
    static char without[] = "<ListBucketResult><Contents/></ListBucketResult>";
    struct run run;

    (void)state;
    run_init(&run, &(struct bucket){0}, (char *[]){first, second, NULL});
    go(&run);
    lists(&run, "a|b-1|b/1");
    run_deinit(&run);

    run_init(&run, &(struct bucket){0}, (char *[]){without, NULL});
    go(&run);
    failed(&run, ERROR_DATA, "an entry of the listing has no key");
    run_deinit(&run);
}

static void test_each_fault_at_each_page(void **state)
{
    (void)state;
    for (enum fault fault = FAULT_BUSY; fault <= FAULT_NO_XML; fault++) {
        for (unsigned at = 1; at <= 5; at++) {
            struct run run;

            run_init(&run, &(struct bucket){.fault = fault, .fault_at = at}, NULL);
            run.list.page = on_page;
            run.pace = at % 2 ? PACE_PAUSES : PACE_WILLING;
            go(&run);
            lists(&run, ALL_KEYS);
            assert_int_equal(run.page_count, 5);
            run_deinit(&run);
        }
    }
}

/* --- cancel --- */

static void cancel(void *data)
{
    struct run *run = data;

    s3_list_cancel(&run->list);
    s3_list_cancel(&run->list); /* again is harmless */
}

/* False: it was over before that turn. */
static bool run_and_cancel(unsigned turn, bool pages)
{
    struct run run;
    bool cancelled;

    run_init(&run, &(struct bucket){.fault = FAULT_RESET, .fault_at = 2}, NULL);
    if (pages) {
        run.list.page = on_page;
        run.pace = PACE_PAUSES;
    }
    turns_start(&run.turns, &run.fixture.loop, turn, cancel, &run);
    go(&run);
    turns_end(&run.turns);
    cancelled = run.turns.count >= turn;
    if (run.outcome.code)
        failed(&run, ERROR_STOPPED, "cancelled");
    s3_list_cancel(&run.list); /* over: harmless */
    s3_list_resume(&run.list);
    run_deinit(&run);
    return cancelled;
}

static void test_cancel_at_each_turn(void **state)
{
    (void)state;
    for (int pages = 0; pages < 2; pages++) {
        unsigned turn = 1;

        while (run_and_cancel(turn, pages))
            turn++;
        assert_in_range(turn, 8, 10000); /* at so many turns, then it was too late */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_pages),
        cmocka_unit_test(test_pages_as_they_come),
        cmocka_unit_test(test_a_page_that_is_refused),
        cmocka_unit_test(test_what_is_asked_for),
        cmocka_unit_test(test_patterns),
        cmocka_unit_test(test_a_plain_key_is_one_page),
        cmocka_unit_test(test_versions),
        cmocka_unit_test(test_versions_of_one_key),
        cmocka_unit_test(test_uploads),
        cmocka_unit_test(test_buckets),
        cmocka_unit_test(test_stores_that_forget_the_token),
        cmocka_unit_test(test_listings_without_an_end),
        cmocka_unit_test(test_stores_that_do_not_sort),
        cmocka_unit_test(test_each_fault_at_each_page),
        cmocka_unit_test(test_cancel_at_each_turn),
    };

    return cmocka_run_group_tests_name("s3_list", tests, NULL, NULL);
}
