#include "tests/unit/http_fixture.h"

/* --- what comes back --- */

static void test_get(void **state)
{
    const struct origin_answer answer = {
        .bytes = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nETag: \"abc\"\r\n\r\nhello"};
    const struct http_header headers[] = {{"X-One", "1"}, {"X-Empty", ""}};
    struct client client = {0};
    struct call call;

    (void)state;
    client_start(&client, &(struct origin_options){.answers = &answer, .answer_count = 1});
    call_init(&call, &client, "GET", "/a//b/../%41?x=secret");
    call.request.headers = headers;
    call.request.header_count = ARRAY_LENGTH(headers);
    call.keep = "etag";
    call_run(&call);
    assert_call_ok(&call);
    assert_int_equal(call.request.status, 200);
    assert_string_equal(call.body.data, "hello");
    assert_string_equal(call.kept_header, "\"abc\"");
    assert_int_equal(call.heads_seen, 2);
    assert_int_equal(call.request.bytes_received, 5);
    assert_true(call.request.timing.connect_us > 0);
    assert_true(call.request.timing.first_byte_us >= call.request.timing.connect_us);
    assert_true(call.request.timing.total_us >= call.request.timing.first_byte_us);

    const struct origin_request *request = origin_request(client.origin, 0);
    assert_string_equal(request->method, "GET");
    assert_string_equal(request->target, "/a//b/../%41?x=secret");
    assert_true(origin_request_has(request, "X-One: 1"));
    assert_true(origin_request_has(request, "X-Empty:"));
    assert_true(origin_request_has(request, "User-Agent: sluice/" SLUICE_VERSION));
    assert_null(strcasestr(request->head, "expect:"));
    assert_null(strcasestr(request->head, "accept-encoding:"));
    call_deinit(&call);
    client_end(&client);
}

static void test_put_memory(void **state)
{
    const struct origin_answer answer = {.bytes = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"};
    const size_t length = 3 * 1024 * 1024 + 17;
    char *bytes = mem_calloc(1, length);
    struct client client = {0};
    struct call call;

    (void)state;
    for (size_t i = 0; i < length; i++)
        bytes[i] = origin_fill(i);
    client_start(&client, &(struct origin_options){.answers = &answer, .answer_count = 1});
    call_init(&call, &client, "PUT", "/key");
    call.request.body =
        (struct http_body){.kind = HTTP_BODY_MEMORY, .bytes = bytes, .length = (int64_t)length};
    call_run(&call);
    assert_call_ok(&call);
    assert_int_equal(call.request.bytes_sent, length);

    const struct origin_request *request = origin_request(client.origin, 0);
    assert_true(request->whole);
    assert_int_equal(request->body_length, length);
    assert_memory_equal(request->body, bytes, length);
    assert_null(strcasestr(request->head, "expect:"));
    assert_null(strcasestr(request->head, "transfer-encoding:"));
    call_deinit(&call);
    client_end(&client);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_get),
        cmocka_unit_test(test_put_memory),
    };

    return cmocka_run_group_tests_name("http", tests, NULL, NULL);
}
