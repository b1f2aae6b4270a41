/* The store on S3: names, versions, and what each verb asks of the server. */
#include "connectors/s3/s3_store.h"
#include "connectors/s3/s3_store_private.h"
#include "tests/unit/s3_fixture.h"
#include "tests/unit/store_fixture.h"

#include <unistd.h>

#define ETAG "ETag: \"tag1\"\r\n"
#define DATED "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n"

static void open_with(struct house *house, const struct origin_answer *answers, size_t count)
{
    struct s3_store_settings settings = {
        .client = {.region = "eu-west-1",
            .retry = {.attempts = 2, .backoff_ms = 1, .max_backoff_ms = 2}},
        .objects = {.storage_class = "STANDARD_IA"}};

    house_open(house, &(struct origin_options){.answers = answers, .answer_count = count});
    settings.client.endpoint = origin_url(house->origin);
    house_open_store(house, &s3_store_type, "s3://lake/ware*house", &settings);
}

static const char *target(const struct house *house, size_t index)
{
    assert_true(index < origin_request_count(house->origin));
    return origin_request(house->origin, index)->target;
}

/* --- LIST --- */

#define LISTED(key)                                                                                \
    "<Contents><Key>" key "</Key><LastModified>1994-11-06T08:49:37.000Z</LastModified>"            \
    "<ETag>&quot;tag1&quot;</ETag><Size>5</Size></Contents>"
#define LIST_BODY(contents)                                                                        \
    "<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>lake</Name>"        \
    "<IsTruncated>false</IsTruncated>" contents "</ListBucketResult>"

static void test_a_glob_lists_below_the_root(void **state)
{
    char *answer = s3_answer(200, "",
        LIST_BODY(LISTED("ware*house/t/b/x.csv") LISTED("ware*house/t/a/x.csv")
                LISTED("ware*house/t/a/") LISTED("ware*house/t/a/x.txt")));
    const struct origin_answer answers[] = {{.bytes = answer}};
    struct house house;

    (void)state;
    open_with(&house, answers, 1);
    house_good(&house, &(struct store_request){.verb = STORE_LIST, .key = "t/**/*.csv"});
    assert_int_equal(house.request.object_count, 2);
    assert_string_equal(house.request.objects[0].key, "t/a/x.csv");
    assert_string_equal(house.request.objects[1].key, "t/b/x.csv");
    assert_string_equal(house.request.objects[0].version, "tag1");
    assert_int_equal(house.request.objects[0].size, 5);
    assert_int_equal(house.request.objects[0].modified_ms, 784111777000);
    house_close(&house);
    free(answer);
}

struct paged {
    struct buffer keys;
    size_t pages, fail_at;
};

static struct paged *paged_now; /* requests hand their owner no data */

static int keep_page(struct store_request *request, const struct store_object *objects,
    size_t count, struct error *err)
{
    (void)request;
    if (++paged_now->pages == paged_now->fail_at)
        return error_set(err, ERROR_LIMIT, "enough");
    for (size_t i = 0; i < count; i++)
        buffer_printf(&paged_now->keys, "%s ", objects[i].key);
    return 0;
}

static void test_a_listing_comes_in_pages(void **state)
{
    char *first = s3_answer(200, "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n",
        "<ListBucketResult><IsTruncated>true</IsTruncated>"
        "<NextContinuationToken>more</NextContinuationToken>" LISTED(
            "ware*house/t/b.csv") "</ListBucketResult>");
    char *second = s3_answer(
        200, "Date: Sun, 06 Nov 1994 08:49:38 GMT\r\n", LIST_BODY(LISTED("ware*house/t/a.csv")));

    (void)state;
    for (size_t fail_at = 0; fail_at <= 2; fail_at++) {
        const struct origin_answer answers[] = {{.bytes = first}, {.bytes = second}};
        struct paged paged = {.fail_at = fail_at};
        struct house house;
        const struct store_request request = {
            .verb = STORE_LIST, .key = "t/*.csv", .page = keep_page};

        paged_now = &paged;
        buffer_init(&paged.keys, 0);
        open_with(&house, answers, 2);
        if (fail_at) {
            house_failed(&house, &request, ERROR_LIMIT, "enough");
        } else {
            house_good(&house, &request);
            assert_string_equal(paged.keys.data, "t/b.csv t/a.csv ");
            assert_int_equal(house.request.store_ms, 784111778000);
        }
        assert_int_equal(paged.pages, fail_at ? fail_at : 2);
        assert_int_equal(house.request.object_count, 0);
        house_close(&house);
        buffer_deinit(&paged.keys);
    }
    free(first);
    free(second);
}

static void test_a_url_lists_as_it_was_asked_for(void **state)
{
    char *answer = s3_answer(200, "", LIST_BODY(LISTED("in/x.csv")));
    const struct origin_answer answers[] = {{.bytes = answer}};
    struct house house;

    (void)state;
    open_with(&house, answers, 1);
    house_good(&house, &(struct store_request){.verb = STORE_LIST, .key = "s3://other/in/*.csv"});
    assert_int_equal(house.request.object_count, 1);
    assert_string_equal(house.request.objects[0].key, "s3://other/in/x.csv");
    assert_contains(target(&house, 0), "/other?");
    assert_contains(target(&house, 0), "prefix=in%2F");
    house_close(&house);
    free(answer);
}

static void test_a_plain_key_is_looked_at(void **state)
{
    const struct origin_answer answers[] = {
        {.bytes = "HTTP/1.1 200 OK\r\n" ETAG DATED "Content-Length: 7\r\n\r\n"},
        {.bytes = "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"}};
    struct house house;

    (void)state;
    open_with(&house, answers, 2);
    house_good(&house, &(struct store_request){.verb = STORE_LIST, .key = "t/x.csv"});
    assert_string_equal(origin_request(house.origin, 0)->method, "HEAD");
    assert_string_equal(target(&house, 0), "/lake/ware%2Ahouse/t/x.csv");
    assert_int_equal(house.request.object_count, 1);
    assert_string_equal(house.request.objects[0].key, "t/x.csv");
    assert_string_equal(house.request.objects[0].version, "tag1");
    assert_int_equal(house.request.objects[0].size, 7);
    house_failed(&house, &(struct store_request){.verb = STORE_LIST, .key = "t/x.csv"},
        ERROR_NOT_FOUND, "s3://lake/ware*house/t/x.csv");
    house_close(&house);
}

static void test_what_is_no_name_is_refused(void **state)
{
    static const char *const keys[] = {"s3://bucket", "s3://bucket/", "s3://b ad/x"};
    struct house house;

    (void)state;
    open_with(&house, &(struct origin_answer){.bytes = "HTTP/1.1 500 No\r\n\r\n"}, 1);
    for (size_t i = 0; i < ARRAY_LENGTH(keys); i++)
        house_failed(&house, &(struct store_request){.verb = STORE_CHECK, .key = keys[i]},
            ERROR_INVALID, "s3://");
    house_failed(&house, &(struct store_request){.verb = STORE_LIST, .key = "s3://b/in/"},
        ERROR_INVALID, "s3://b/in/* would name those in it");
    assert_int_equal(origin_request_count(house.origin), 0);
    house_close(&house);
}

/* --- GET, CHECK --- */

static const struct store_object expected = {.key = "x", .size = 5, .version = "tag1"};

static void test_the_expected_version_is_fetched(void **state)
{
    const struct origin_answer answers[] = {
        {.bytes = "HTTP/1.1 206 OK\r\n" ETAG
                  "Content-Range: bytes 0-4/5\r\nContent-Length: 5\r\n\r\nhello"}};
    const struct store_request get = {.verb = STORE_GET, .key = "x", .expect = &expected};
    struct store_request in_place = get;
    struct house house;
    char *other = file_join(fixture_folder, "other");

    (void)state;
    open_with(&house, answers, 1);
    assert_int_equal(file_write(other, "mine", 4, NULL), 0);
    assert_int_equal(symlink(other, house.path), 0); /* of an earlier attempt, elsewhere */
    in_place.in_place = true;
    house_good(&house, &in_place);
    assert_false(house.request.in_place);
    assert_int_equal(house.request.bytes_done, 5);
    assert_true(origin_request_has(origin_request(house.origin, 0), "If-Match: \"tag1\""));
    house_has_file(&house, "hello");
    free(house.path);
    house.path = other;
    house_has_file(&house, "mine");
    house_cancel_everywhere(&house, &get);
    house_close(&house);
}

static void test_another_version_is_an_error(void **state)
{
    char *gone = s3_error_body("NoSuchKey"), *changed = s3_error_body("PreconditionFailed");
    char *first = s3_answer(404, "", gone), *second = s3_answer(412, "", changed);
    const struct origin_answer answers[] = {{.bytes = first}, {.bytes = second},
        {.bytes = "HTTP/1.1 200 OK\r\nETag: \"tag2\"\r\nContent-Length: 7\r\n\r\n"},
        {.bytes = "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"},
        {.bytes = "HTTP/1.1 200 OK\r\nETag: tag1\r\nContent-Length: 5\r\n\r\n"}};
    const struct store_request get = {.verb = STORE_GET, .key = "x", .expect = &expected};
    const struct store_request check = {.verb = STORE_CHECK, .key = "x", .expect = &expected};
    struct house house;

    (void)state;
    open_with(&house, answers, 5);
    house_failed(&house, &get, ERROR_CHANGED, "s3://lake/ware*house/x is gone");
    house_failed(&house, &get, ERROR_CHANGED, "x has changed since the run began");
    house_failed(&house, &check, ERROR_CHANGED, "it had 5 bytes, now it has 7");
    house_failed(&house, &check, ERROR_CHANGED, "is gone");
    house_good(&house, &check); /* a store that leaves the quotes out */
    house_close(&house);
    free(first);
    free(second);
    free(gone);
    free(changed);
}

static void test_more_than_there_is_room_for(void **state)
{
    const struct origin_answer answers[] = {
        {.bytes = "HTTP/1.1 206 OK\r\n" ETAG
                  "Content-Range: bytes 0-4/5\r\nContent-Length: 5\r\n\r\nhello"}};
    struct house house;

    (void)state;
    open_with(&house, answers, 1);
    house_failed(&house, &(struct store_request){.verb = STORE_GET, .key = "x", .bytes_max = 4},
        ERROR_LIMIT, "x");
    house_good(&house, &(struct store_request){.verb = STORE_GET, .key = "x", .bytes_max = 5});
    house_close(&house);
}

/* --- PUT, DELETE, SWEEP --- */

static void test_a_file_is_put(void **state)
{
    char *body = s3_error_body("PreconditionFailed"), *refused = s3_answer(412, "", body);
    const struct origin_answer answers[] = {
        {.bytes = "HTTP/1.1 200 OK\r\n" ETAG "Content-Length: 0\r\n\r\n"},
        {.bytes = "HTTP/1.1 200 OK\r\n" ETAG "Content-Length: 0\r\n\r\n"}, {.bytes = refused}};
    struct store_request put = {.verb = STORE_PUT, .key = "t/x.parquet", .replace = true};
    const struct origin_request *request;
    struct house house;

    (void)state;
    open_with(&house, answers, 3);
    assert_int_equal(file_write(house.path, "hello", 5, NULL), 0);
    house_good(&house, &put);
    request = origin_request(house.origin, 0);
    assert_string_equal(request->target, "/lake/ware%2Ahouse/t/x.parquet");
    assert_string_equal(request->body, "hello");
    assert_true(origin_request_has(request, "x-amz-storage-class: STANDARD_IA"));
    assert_null(strcasestr(request->head, "if-none-match"));
    assert_true(file_exists(house.path));
    put.move = true;
    put.replace = false;
    house_good(&house, &put);
    assert_true(origin_request_has(origin_request(house.origin, 1), "If-None-Match: *"));
    assert_false(file_exists(house.path));
    assert_int_equal(file_write(house.path, "hello", 5, NULL), 0);
    house_failed(&house, &put, ERROR_EXISTS, "s3://lake/ware*house/t/x.parquet");
    assert_true(file_exists(house.path));
    file_remove(house.path, NULL);
    house_failed(&house, &put, ERROR_NOT_FOUND, house.path);
    house_close(&house);
    free(refused);
    free(body);
}

static void test_what_is_not_there_is_deleted(void **state)
{
    const struct origin_answer answers[] = {{.bytes = "HTTP/1.1 204 No\r\n\r\n"},
        {.bytes = "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"}};
    struct house house;

    (void)state;
    open_with(&house, answers, 2);
    for (unsigned i = 0; i < 2; i++)
        house_good(&house, &(struct store_request){.verb = STORE_DELETE, .key = "x"});
    assert_string_equal(origin_request(house.origin, 1)->method, "DELETE");
    house_close(&house);
}

#define UPLOAD(key, id) "<Upload><Key>" key "</Key><UploadId>" id "</UploadId></Upload>"

static void test_unfinished_uploads_are_swept(void **state)
{
    char *listed = s3_answer(200, "",
        "<ListMultipartUploadsResult><Bucket>lake</Bucket><IsTruncated>false</IsTruncated>" UPLOAD(
            "ware*house/t/1/a/run-1.parquet", "one") UPLOAD("ware*house/t/1/b/run-2.parquet", "two")
            UPLOAD("ware*house/t/1/b/other.parquet", "three")
                UPLOAD("warexhouse/t/1/b/run-2.parquet", "four") "</ListMultipartUploadsResult>");
    char *body = s3_error_body("NotImplemented"), *unknown = s3_answer(501, "", body);
    const struct origin_answer answers[] = {{.bytes = listed}, {.bytes = "HTTP/1.1 204 No\r\n\r\n"},
        {.bytes = "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"}, {.bytes = unknown}};
    const struct store_request sweep = {.verb = STORE_SWEEP, .key = "t/1/**/run-*"};
    struct house house;

    (void)state;
    open_with(&house, answers, 4);
    house_good(&house, &sweep);
    assert_int_equal(house.request.object_count, 2);
    assert_int_equal(origin_request_count(house.origin), 3);
    assert_contains(target(&house, 1), "uploadId=one");
    assert_contains(target(&house, 2), "uploadId=two");
    house_good(&house, &sweep); /* a store without multipart uploads */
    assert_int_equal(house.request.object_count, 0);
    house_close(&house);
    free(listed);
    free(unknown);
    free(body);
}

static void cancel_sweep_answer(
    void *data, const struct origin_request *request, struct origin_answer *ret_answer)
{
    if (strcmp(request->method, "DELETE") == 0)
        ret_answer->bytes = "HTTP/1.1 204 No\r\n\r\n";
    else
        ret_answer->bytes = data;
}

static void test_a_sweep_is_cancelled_anywhere(void **state)
{
    char *listed = s3_answer(200, "",
        "<ListMultipartUploadsResult><Bucket>lake</Bucket><IsTruncated>false</IsTruncated>" UPLOAD(
            "x1", "one") UPLOAD("x2", "two") "</ListMultipartUploadsResult>");
    struct s3_store_settings settings = {.client = {.region = "eu-west-1"}};
    struct house house;

    (void)state;
    house_open(&house, &(struct origin_options){.answer = cancel_sweep_answer, .data = listed});
    settings.client.endpoint = origin_url(house.origin);
    house_open_store(&house, &s3_store_type, NULL, &settings);
    house_cancel_everywhere(
        &house, &(struct store_request){.verb = STORE_SWEEP, .key = "s3://lake/x*"});
    house_failed(&house, &(struct store_request){.verb = STORE_SWEEP, .key = "x*"}, ERROR_INVALID,
        "write s3://BUCKET/KEY");
    house_close(&house);
    free(listed);
}

/* --- the face --- */

static void test_how_keys_are_shown(void **state)
{
    struct buffer shown;
    struct house house;

    (void)state;
    open_with(&house, &(struct origin_answer){.bytes = ""}, 1);
    buffer_init(&shown, 0);
    s3_store_type.describe(house.store, "a/b\n.csv", &shown);
    s3_store_type.describe(house.store, " ", &shown);
    s3_store_type.describe(house.store, "s3://x/y z", &shown);
    assert_string_equal(
        shown.data, "s3://lake/ware*house/a/b\\n.csvs3://lake/ware*house/ s3://x/y z");
    buffer_deinit(&shown);
    assert_int_equal(s3_store_type.memory(house.store), 32 * 1024 * 1024);
    assert_null(s3_store_type.local_path);
    house_close(&house);
}

static void test_versions(void **state)
{
    struct arena arena;

    (void)state;
    arena_init(&arena);
    assert_string_equal(s3_store_version("\"a-2\"", 1, 2, &arena), "a-2");
    assert_string_equal(s3_store_version("a", 1, 2, &arena), "a");
    assert_string_equal(s3_store_version("W/\"a\"", 1, 2, &arena), "W/\"a\"");
    assert_string_equal(s3_store_version(NULL, 1, 2, &arena), "size 1 modified 2");
    assert_string_equal(s3_store_etag("a-2", &arena), "\"a-2\"");
    assert_string_equal(s3_store_etag("W/\"a\"", &arena), "W/\"a\"");
    assert_null(s3_store_etag("size 1 modified 2", &arena));
    arena_deinit(&arena);
}

static void test_what_cannot_be_opened(void **state)
{
    struct house house;
    struct s3_store_settings settings = {.client = {.endpoint = "ftp://x"}};
    struct store_options options = {.loop = &house.loop, .root = "s3:///x"};
    struct error err = {0};

    (void)state;
    fixture_loop_init(&house.loop);
    assert_null(s3_store_type.open(&options, &err));
    assert_int_equal(err.code, ERROR_INVALID);
    options = (struct store_options){.loop = &house.loop, .settings = &settings};
    assert_null(s3_store_type.open(&options, &err));
    assert_contains(err.message, "s3.endpoint");
    loop_run(&house.loop);
    fixture_loop_deinit(&house.loop);
}

#define IN_FOLDER(test)                                                                            \
    cmocka_unit_test_setup_teardown(test, fixture_folder_make, fixture_folder_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_a_glob_lists_below_the_root),
        IN_FOLDER(test_a_listing_comes_in_pages),
        IN_FOLDER(test_a_url_lists_as_it_was_asked_for),
        IN_FOLDER(test_a_plain_key_is_looked_at),
        IN_FOLDER(test_what_is_no_name_is_refused),
        IN_FOLDER(test_the_expected_version_is_fetched),
        IN_FOLDER(test_another_version_is_an_error),
        IN_FOLDER(test_more_than_there_is_room_for),
        IN_FOLDER(test_a_file_is_put),
        IN_FOLDER(test_what_is_not_there_is_deleted),
        IN_FOLDER(test_unfinished_uploads_are_swept),
        IN_FOLDER(test_a_sweep_is_cancelled_anywhere),
        IN_FOLDER(test_how_keys_are_shown),
        cmocka_unit_test(test_versions),
        cmocka_unit_test(test_what_cannot_be_opened),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
