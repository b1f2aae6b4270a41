/* Files at URLs: names, versions, and what is asked of servers that are as bad as they can be. */
#include "connectors/http/http_store.h"
#include "connectors/http/http_store_private.h"
#include "tests/unit/store_fixture.h"

#include <unistd.h>

#define ETAG "ETag: \"tag1\"\r\n"
#define DATED "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
#define HELLO "HTTP/1.1 200 OK\r\n" ETAG "Content-Length: 5\r\n\r\nhello"

static char *url; /* of the origin, with a path and a query */

static void open_with(struct house *house, const struct origin_answer *answers, size_t count)
{
    house_open(house, &(struct origin_options){.answers = answers, .answer_count = count});
    house_open_store(house, &http_store_type, NULL, NULL);
    container_of(house->store, struct http_store, store)->retry =
        (struct retry_policy){.attempts = 3, .backoff_ms = 1, .max_backoff_ms = 2};
    url = mem_printf("%s/x.csv?sig=secret", origin_url(house->origin));
}

static void close_all(struct house *house)
{
    free(url);
    house_close(house);
}

static const struct origin_request *asked(const struct house *house, size_t index)
{
    assert_true(index < origin_request_count(house->origin));
    return origin_request(house->origin, index);
}

/* --- LIST --- */

static void lists(struct house *house, const char *version, uint64_t size)
{
    house_good(house, &(struct store_request){.verb = STORE_LIST, .key = url});
    assert_int_equal(house->request.object_count, 1);
    assert_string_equal(house->request.objects[0].key, url);
    assert_string_equal(house->request.objects[0].version, version);
    assert_int_equal(house->request.objects[0].size, size);
}

static void test_the_one_file_is_listed(void **state)
{
    const struct origin_answer answers[] = {
        {.bytes = "HTTP/1.1 200 OK\r\n" ETAG DATED "Content-Length: 7\r\n\r\n"},
        {.bytes = "HTTP/1.1 200 OK\r\n" DATED "Content-Length: 7\r\n\r\n"},
        {.bytes = "HTTP/1.1 200 OK\r\n" DATED "Transfer-Encoding: chunked\r\n\r\n"},
        {.bytes = "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n"},
        {.bytes = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"},
        {.bytes = "HTTP/1.1 200 OK\r\nETag: bare\r\nContent-Length: 7\r\n\r\n"},
    };
    struct house house;

    (void)state;
    open_with(&house, answers, 6);
    lists(&house, "\"tag1\"", 7);
    assert_int_equal(house.request.objects[0].modified_ms, 784111777000);
    lists(&house, "modified Sun, 06 Nov 1994 08:49:37 GMT, 7 bytes", 7);
    lists(&house, "modified Sun, 06 Nov 1994 08:49:37 GMT", 0);
    lists(&house, "7 bytes", 7);
    lists(&house, "unknown", 0);
    lists(&house, "\"bare\"", 7);
    assert_string_equal(asked(&house, 0)->method, "HEAD");
    assert_string_equal(asked(&house, 0)->target, "/x.csv?sig=secret");
    close_all(&house);
}

static void test_where_head_is_refused_one_byte_is_asked_for(void **state)
{
    const struct origin_answer answers[] = {
        {.bytes = "HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n"},
        {.bytes = "HTTP/1.1 206 OK\r\n" ETAG
                  "Content-Range: bytes 0-0/9\r\nContent-Length: 1\r\n\r\nh"},
        {.bytes = "HTTP/1.1 405 No\r\nContent-Length: 0\r\n\r\n"},
        {.bytes = "HTTP/1.1 416 No\r\nContent-Range: bytes */0\r\nContent-Length: 0\r\n\r\n"},
        {.bytes = "HTTP/1.1 501 No\r\nContent-Length: 0\r\n\r\n"},
        {.bytes = "HTTP/1.1 200 OK\r\n" ETAG "Content-Length: 10000000\r\n\r\n",
            .fill_bytes = 10000000},
        {.bytes = "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"},
    };
    struct house house;

    (void)state;
    open_with(&house, answers, 7);
    lists(&house, "\"tag1\"", 9);
    assert_true(origin_request_has(asked(&house, 1), "Range: bytes=0-0"));
    lists(&house, "0 bytes", 0);
    lists(&house, "\"tag1\"", 10000000);
    house_failed(&house, &(struct store_request){.verb = STORE_LIST, .key = url}, ERROR_NOT_FOUND,
        "/x.csv?…: HTTP 404; check the URL");
    assert_null(strstr(house.outcome.message, "secret"));
    close_all(&house);
}

static void test_what_may_pass_is_tried_again(void **state)
{
    const struct origin_answer answers[] = {
        {.bytes = "HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n"}, {.end = ORIGIN_RESET},
        {.bytes = "HTTP/1.1 200 OK\r\n" ETAG "Content-Length: 7\r\n\r\n"},
        {.bytes = "HTTP/1.1 429 No\r\nContent-Length: 0\r\n\r\n"}};
    struct house house;

    (void)state;
    open_with(&house, answers, 4);
    lists(&house, "\"tag1\"", 7);
    assert_int_equal(origin_request_count(house.origin), 3);
    house_failed(
        &house, &(struct store_request){.verb = STORE_LIST, .key = url}, ERROR_BUSY, "HTTP 429");
    assert_int_equal(origin_request_count(house.origin), 6);
    close_all(&house);
}

/* --- GET --- */

static const struct store_object expected = {.key = "x", .size = 5, .version = "\"tag1\""};

static struct store_request get_request(const struct store_object *expect)
{
    return (struct store_request){
        .verb = STORE_GET, .key = url, .expect = expect, .in_place = true};
}

static void fetches(struct house *house, const struct store_object *expect, const char *bytes)
{
    const struct store_request get = get_request(expect);

    house_good(house, &get);
    assert_false(house->request.in_place);
    assert_int_equal(house->request.bytes_done, strlen(bytes));
    house_has_file(house, bytes);
}

static void test_a_file_is_fetched(void **state)
{
    const struct origin_answer answers[] = {{.bytes = HELLO},
        {.bytes = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                  "2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"},
        {.bytes = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"}};
    struct house house;

    (void)state;
    open_with(&house, answers, 3);
    fetches(&house, &expected, "hello");
    assert_true(origin_request_has(asked(&house, 0), "Accept-Encoding: identity"));
    fetches(&house, NULL, "hello");
    fetches(&house, NULL, "");
    close_all(&house);
}

static void test_it_goes_on_behind_the_last_byte(void **state)
{
    const struct origin_answer answers[] = {
        {.bytes = HELLO, .cut_after = strlen(HELLO) - 3, .end = ORIGIN_CLOSE},
        {.bytes = "HTTP/1.1 206 OK\r\n" ETAG
                  "Content-Range: bytes 2-4/5\r\nContent-Length: 3\r\n\r\nl",
            .end = ORIGIN_CLOSE},
        {.bytes = "HTTP/1.1 206 OK\r\n" ETAG
                  "Content-Range: bytes 3-4/5\r\nContent-Length: 2\r\n\r\nlo"}};
    struct house house;

    (void)state;
    open_with(&house, answers, 3);
    fetches(&house, &expected, "hello");
    assert_true(origin_request_has(asked(&house, 1), "Range: bytes=2-"));
    assert_true(origin_request_has(asked(&house, 1), "If-Range: \"tag1\""));
    assert_true(origin_request_has(asked(&house, 2), "Range: bytes=3-"));
    close_all(&house);
}

static void test_it_starts_over_where_it_must(void **state)
{
    const struct origin_answer cut = {
        .bytes = HELLO, .cut_after = strlen(HELLO) - 3, .end = ORIGIN_CLOSE};
    const struct origin_answer answers[] = {cut, {.bytes = HELLO}, /* no ranges */
        cut, /* a range that was not asked for, then one of another file */
        {.bytes = "HTTP/1.1 206 OK\r\n" ETAG
                  "Content-Range: bytes 1-4/5\r\nContent-Length: 4\r\n\r\nELLO"},
        cut,
        {.bytes = "HTTP/1.1 206 OK\r\nETag: \"tag2\"\r\n"
                  "Content-Range: bytes 2-4/5\r\nContent-Length: 3\r\n\r\nLLO"},
        {.bytes = HELLO},
        {.bytes = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe", .end = ORIGIN_CLOSE},
        {.bytes = HELLO}, /* nothing that says that it is the same */
        cut, {.bytes = "HTTP/1.1 416 No\r\nContent-Length: 0\r\n\r\n"}, {.bytes = HELLO}};
    struct house house;

    (void)state;
    open_with(&house, answers, ARRAY_LENGTH(answers));
    for (unsigned i = 0; i < 4; i++)
        fetches(&house, NULL, "hello");
    assert_int_equal(origin_request_count(house.origin), ARRAY_LENGTH(answers));
    assert_null(strcasestr(asked(&house, 8)->head, "range:"));
    close_all(&house);
}

static void test_it_ends_when_no_byte_comes(void **state)
{
    const struct origin_answer answers[] = {
        {.bytes = HELLO, .cut_after = strlen(HELLO) - 3, .end = ORIGIN_CLOSE},
        {.bytes = "HTTP/1.1 200 OK\r\n" ETAG "Content-Length: 5\r\n\r\n", .end = ORIGIN_RESET}};
    const struct store_request *get;
    struct store_request request;
    struct house house;

    (void)state;
    open_with(&house, answers, 2);
    request = get_request(NULL);
    get = &request;
    house_ask(&house, get);
    assert_int_equal(house.outcome.class, ERROR_TRANSIENT);
    assert_in_range(origin_request_count(house.origin), 3, 7);
    close_all(&house);
}

static void test_another_version_is_an_error(void **state)
{
    const struct origin_answer answers[] = {
        {.bytes = "HTTP/1.1 200 OK\r\nETag: \"tag2\"\r\nContent-Length: 5\r\n\r\nhello"},
        {.bytes = "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"},
        {.bytes = "HTTP/1.1 200 OK\r\nETag: \"tag2\"\r\nContent-Length: 5\r\n\r\n"},
        {.bytes = "HTTP/1.1 200 OK\r\n" ETAG "Content-Length: 5\r\n\r\n"}};
    const struct store_request check = {.verb = STORE_CHECK, .expect = &expected};
    struct store_request get, again;
    struct house house;

    (void)state;
    open_with(&house, answers, 4);
    get = get_request(&expected);
    again = check;
    again.key = url;
    house_failed(&house, &get, ERROR_CHANGED, "/x.csv?… has changed since the run began");
    house_failed(&house, &get, ERROR_CHANGED, "is gone");
    house_failed(&house, &again, ERROR_CHANGED, "has changed");
    house_good(&house, &again);
    close_all(&house);
}

static void test_more_than_there_is_room_for(void **state)
{
    const struct origin_answer answers[] = {{.bytes = HELLO},
        {.bytes = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"},
        {.bytes = HELLO}};
    struct store_request get;
    struct house house;

    (void)state;
    open_with(&house, answers, 3);
    get = get_request(NULL);
    get.bytes_max = 4;
    house_failed(&house, &get, ERROR_LIMIT, "/x.csv?…");
    house_failed(&house, &get, ERROR_LIMIT, "/x.csv?…");
    get.bytes_max = 5;
    house_good(&house, &get);
    close_all(&house);
}

static void test_redirects(void **state)
{
    const struct origin_answer answers[] = {
        {.bytes = "HTTP/1.1 302 There\r\nLocation: /y.csv\r\nContent-Length: 0\r\n\r\n"},
        {.bytes = HELLO},
        {.bytes = "HTTP/1.1 302 There\r\nLocation: /z.csv\r\nContent-Length: 0\r\n\r\n"}};
    struct store_request get;
    struct house house;

    (void)state;
    open_with(&house, answers, 3);
    fetches(&house, NULL, "hello");
    assert_string_equal(asked(&house, 1)->target, "/y.csv");
    get = get_request(NULL);
    house_ask(&house, &get);
    assert_true(house.outcome.code != ERROR_NONE);
    assert_in_range(origin_request_count(house.origin), 3, 14);
    close_all(&house);
}

static void test_cancel_anywhere(void **state)
{
    const struct origin_answer answer = {.bytes = HELLO, .piece_bytes = 20, .piece_delay_ms = 1};
    struct store_request get;
    struct house house;

    (void)state;
    open_with(&house, &answer, 1);
    get = get_request(NULL);
    house_cancel_everywhere(&house, &get);
    house_cancel_everywhere(&house, &(struct store_request){.verb = STORE_LIST, .key = url});
    close_all(&house);
}

static void test_what_is_not_supported(void **state)
{
    static const enum store_verb verbs[] = {STORE_PUT, STORE_DELETE, STORE_SWEEP};
    static const char *const globs[] = {"http://h/*.csv", "http://h/[a]", "http://h/**/x?y=1"};
    struct house house;

    (void)state;
    open_with(&house, &(struct origin_answer){.bytes = HELLO}, 1);
    for (size_t i = 0; i < ARRAY_LENGTH(verbs); i++)
        house_failed(&house, &(struct store_request){.verb = verbs[i], .key = url},
            ERROR_NOT_SUPPORTED, "only read");
    for (size_t i = 0; i < ARRAY_LENGTH(globs); i++)
        house_failed(&house, &(struct store_request){.verb = STORE_LIST, .key = globs[i]},
            ERROR_NOT_SUPPORTED, "no globs");
    house_failed(&house, &(struct store_request){.verb = STORE_LIST, .key = "http:///x"},
        ERROR_INVALID, "is no URL");
    assert_int_equal(origin_request_count(house.origin), 0);
    close_all(&house);
}

/* --- pure --- */

static void test_identities(void **state)
{
    static const char *const cases[][2] = {
        {"https://h/x.csv", "https://h/x.csv"},
        {"https://u:p@h:1/x.csv#top", "https://h:1/x.csv"},
        {"https://h/x?id=5&X-Amz-Signature=a&X-Amz-Date=b&page=2", "https://h/x?id=5&page=2"},
        {"https://h/x?Signature=a&Expires=1&AWSAccessKeyId=k", "https://h/x"},
        {"https://h/x?sigma=a", "https://h/x?sigma=a"},
        {"https://h/x?sv=1&sr=b&sig=abc%3D", "https://h/x"},
        {"https://h/@x?a", "https://h/@x?a"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct buffer identity;

        buffer_init(&identity, 0);
        http_store_identify(cases[i][0], &identity);
        assert_string_equal(identity.data, cases[i][1]);
        buffer_clear(&identity);
        http_store_identify(cases[i][1], &identity); /* what cursors hold is its own */
        assert_string_equal(identity.data, cases[i][1]);
        buffer_deinit(&identity);
    }
}

static void test_versions_agree(void **state)
{
    const struct http_facts all = {"\"t\"", "D", 7}, dated = {NULL, "D", 7},
                            undated = {NULL, NULL, 7}, nothing = {NULL, NULL, -1},
                            unmeasured = {NULL, "D", -1};

    (void)state;
    assert_true(http_store_is_version("\"t\"", &all));
    assert_false(http_store_is_version("\"u\"", &all));
    assert_false(http_store_is_version("\"t\"", &dated));
    assert_true(http_store_is_version("modified D, 7 bytes", &all));
    assert_true(http_store_is_version("modified D, 7 bytes", &dated));
    assert_true(http_store_is_version("modified D, 7 bytes", &unmeasured));
    assert_false(http_store_is_version("modified D, 8 bytes", &dated));
    assert_false(http_store_is_version("modified E, 7 bytes", &dated));
    assert_true(http_store_is_version("modified D", &dated));
    assert_true(http_store_is_version("7 bytes", &undated));
    assert_false(http_store_is_version("8 bytes", &undated));
    assert_true(http_store_is_version("unknown", &nothing));
    assert_true(http_store_is_version("unknown", &all));
    assert_string_equal(http_store_validator(&all), "\"t\"");
    assert_string_equal(http_store_validator(&dated), "D");
    assert_null(http_store_validator(&(struct http_facts){"W/\"t\"", "D", 7}));
}

static void test_ranges(void **state)
{
    static const char *const bad[] = {"", "bytes", "bytes 1-", "bytes 5-4/9", "bytes 1-2/2",
        "bytes -1-2/3", "bytes 1-2/", "bytes 1-2/3x", "items 1-2/3",
        "bytes 1-99999999999999999999/*"};
    uint64_t first = 0;
    int64_t length = 0;

    (void)state;
    assert_true(http_store_read_range("bytes 5-99/1234", &first, &length));
    assert_int_equal(first, 5);
    assert_int_equal(length, 1234);
    assert_true(http_store_read_range("Bytes 0-0/*", &first, &length));
    assert_int_equal(first, 0);
    assert_int_equal(length, HTTP_LENGTH_UNKNOWN);
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
        if (http_store_read_range(bad[i], &first, &length))
            fail_msg("%s", bad[i]);
    }
}

#define IN_FOLDER(test)                                                                            \
    cmocka_unit_test_setup_teardown(test, fixture_folder_make, fixture_folder_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_the_one_file_is_listed),
        IN_FOLDER(test_where_head_is_refused_one_byte_is_asked_for),
        IN_FOLDER(test_what_may_pass_is_tried_again),
        IN_FOLDER(test_a_file_is_fetched),
        IN_FOLDER(test_it_goes_on_behind_the_last_byte),
        IN_FOLDER(test_it_starts_over_where_it_must),
        IN_FOLDER(test_it_ends_when_no_byte_comes),
        IN_FOLDER(test_another_version_is_an_error),
        IN_FOLDER(test_more_than_there_is_room_for),
        IN_FOLDER(test_redirects),
        IN_FOLDER(test_cancel_anywhere),
        IN_FOLDER(test_what_is_not_supported),
        cmocka_unit_test(test_identities),
        cmocka_unit_test(test_versions_agree),
        cmocka_unit_test(test_ranges),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
