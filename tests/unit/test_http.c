#include "runner/base/log.h"
#include "tests/unit/http_fixture.h"

#include <fcntl.h>
#include <unistd.h>

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

static void test_head(void **state)
{
    const struct origin_answer answers[] = {
        {.bytes = "HTTP/1.1 200 OK\r\nContent-Length: 12345\r\n\r\n"}, {.bytes = OK_HELLO}};
    struct client client = {0};
    struct call call, next;

    (void)state;
    client_start(&client, &(struct origin_options){.answers = answers, .answer_count = 2});
    call_init(&call, &client, "HEAD", "/key");
    call.keep = "Content-Length";
    call_run(&call);
    assert_call_ok(&call);
    assert_string_equal(call.kept_header, "12345");
    assert_int_equal(call.writes, 0);
    /* The handle is used again: nothing of the HEAD may be left. */
    call_init(&next, &client, "GET", "/key");
    call_run(&next);
    assert_call_ok(&next);
    assert_string_equal(next.body.data, "hello");
    assert_string_equal(origin_request(client.origin, 1)->method, "GET");
    assert_int_equal(origin_connection_count(client.origin), 1);
    call_deinit(&call);
    call_deinit(&next);
    client_end(&client);
}

/* A status that says no is an answer like any other, with its body. */
static void test_any_status_is_an_answer(void **state)
{
    const struct origin_answer answers[] = {
        {.bytes = "HTTP/1.1 503 Slow Down\r\nContent-Length: 4\r\n\r\nslow"},
        {.bytes = "HTTP/1.1 301 Elsewhere\r\nLocation: /x\r\nContent-Length: 3\r\n\r\nsee"},
        {.bytes = "HTTP/1.1 204 None\r\n\r\n"},
        {.bytes = "HTTP/1.1 304 Same\r\nContent-Length: 99\r\n\r\n"},
        {.bytes = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nLink: x\r\n\r\n"
                  "HTTP/1.1 404 No\r\nContent-Length: 2\r\n\r\nno"},
    };
    static const struct {
        int status;
        const char *body;
        size_t headers;
    } expected[] = {{503, "slow", 1}, {301, "see", 2}, {204, "", 0}, {304, "", 1}, {404, "no", 1}};
    struct client client = {0};

    (void)state;
    client_start(&client,
        &(struct origin_options){.answers = answers, .answer_count = ARRAY_LENGTH(answers)});
    for (size_t i = 0; i < ARRAY_LENGTH(expected); i++) {
        struct call call;

        call_init(&call, &client, "GET", "/");
        call_run(&call);
        assert_call_ok(&call);
        assert_int_equal(call.request.status, expected[i].status);
        assert_string_equal(call.body.data, expected[i].body);
        assert_int_equal(call.heads, 1);
        assert_int_equal(call.heads_seen, expected[i].headers);
        call_deinit(&call);
    }
    client_end(&client);
}

static void test_body_to_the_end_of_the_connection_and_trailers(void **state)
{
    const struct origin_answer answers[] = {
        {.bytes = "HTTP/1.0 200 OK\r\n\r\nhello", .end = ORIGIN_CLOSE},
        {.bytes = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-Sum: early\r\n\r\n"
                  "3\r\nhel\r\n2;ext=1\r\nlo\r\n0\r\nX-Sum: late\r\nX-More: 1\r\n\r\n",
            .piece_bytes = 3,
            .piece_delay_ms = 1},
    };
    struct client client = {0};
    struct call call;

    (void)state;
    client_start(&client, &(struct origin_options){.answers = answers, .answer_count = 2});
    call_init(&call, &client, "GET", "/");
    call_run(&call);
    assert_call_ok(&call);
    assert_string_equal(call.body.data, "hello");
    call_deinit(&call);
    call_init(&call, &client, "GET", "/");
    call.keep = "x-sum";
    call_run(&call);
    assert_call_ok(&call);
    assert_string_equal(call.body.data, "hello");
    assert_string_equal(call.kept_header, "late");
    assert_int_equal(call.heads_seen, 2);
    call_deinit(&call);
    client_end(&client);
}

/* --- what is sent --- */

static void test_methods_and_lengths(void **state)
{
    static const struct {
        const char *method, *line;
        bool body;
    } cases[] = {
        {"PUT", "Content-Length: 0", false},
        {"POST", "Content-Length: 0", false},
        {"DELETE", NULL, false},
        {"OPTIONS", NULL, false},
        {"POST", "Content-Length: 3", true},
        {"DELETE", "Content-Length: 3", true},
        {"GET", "Content-Length: 3", true},
        {"PUT", "Content-Length: 3", true},
        {"GET", NULL, false},
    };
    struct client client = {0};

    (void)state;
    client_start(&client, &(struct origin_options){.answers = &ok_hello, .answer_count = 1});
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        const struct origin_request *request;
        struct call call;

        call_init(&call, &client, cases[i].method, "/");
        if (cases[i].body)
            call.request.body =
                (struct http_body){.kind = HTTP_BODY_MEMORY, .bytes = "abc", .length = 3};
        call_run(&call);
        assert_call_ok(&call);
        assert_string_equal(call.body.data, "hello");
        request = origin_request(client.origin, i);
        assert_string_equal(request->method, cases[i].method);
        assert_string_equal(request->body, cases[i].body ? "abc" : "");
        if (cases[i].line)
            assert_true(origin_request_has(request, cases[i].line));
        else
            assert_null(strcasestr(request->head, "content-length:"));
        assert_null(strcasestr(request->head, "transfer-encoding:"));
        call_deinit(&call);
    }
    assert_int_equal(origin_connection_count(client.origin), 1);
    client_end(&client);
}

static int open_file(size_t length)
{
    char *path = mem_printf("%s/file", fixture_folder);
    char *bytes = mem_calloc(1, length);
    struct error err;
    int fd;

    for (size_t i = 0; i < length; i++)
        bytes[i] = origin_fill(i);
    assert_ok(file_write(path, bytes, length, &err), &err);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    free(path);
    free(bytes);
    return fd;
}

static void test_file_from_an_offset(void **state)
{
    const size_t length = 1024 * 1024 + 3, offset = 4711;
    const int fd = open_file(length);
    const struct origin_request *request;
    struct client client = {0};
    struct call call;

    (void)state;
    client_start(&client, &(struct origin_options){.answers = &ok_hello, .answer_count = 1});
    call_init(&call, &client, "PUT", "/file");
    call.request.body = (struct http_body){
        .kind = HTTP_BODY_FILE, .fd = fd, .offset = offset, .length = (int64_t)(length - offset)};
    call_run(&call);
    assert_call_ok(&call);
    request = origin_request(client.origin, 0);
    assert_int_equal(request->body_length, length - offset);
    for (size_t i = 0; i < request->body_length; i++)
        assert_int_equal(request->body[i], origin_fill(offset + i));
    call_deinit(&call);
    client_end(&client);
    close(fd);
}

static void test_file_that_is_shorter(void **state)
{
    const int fd = open_file(100000);
    struct client client = {0};
    struct call call;

    (void)state;
    client_start(&client, &(struct origin_options){.answers = &ok_hello, .answer_count = 1});
    call_init(&call, &client, "PUT", "/file?secret");
    call.request.body = (struct http_body){.kind = HTTP_BODY_FILE, .fd = fd, .length = 100001};
    call_run(&call);
    assert_call_failed(&call, ERROR_CHANGED, ERROR_PERMANENT);
    call_deinit(&call);
    client_end(&client);
    close(fd);
}

/* --- the life of requests --- */

static int on_prepare(struct http_request *request, struct error *err)
{
    static const struct http_header headers[] = {{"Authorization", "signed"}};
    struct call *call = container_of(request, struct call, request);

    (void)err;
    assert_int_equal(call->done, 0);
    request->headers = headers;
    request->header_count = 1;
    request->method = "POST";
    return 0;
}

static int on_prepare_fails(struct http_request *request, struct error *err)
{
    (void)request;
    return error_set(err, ERROR_DENIED, "no credentials");
}

static int on_prepare_cancels(struct http_request *request, struct error *err)
{
    (void)err;
    http_cancel(request);
    return 0;
}

static void test_prepare(void **state)
{
    struct client client = {0};
    struct call call;

    (void)state;
    client_start(&client, &(struct origin_options){.answers = &ok_hello, .answer_count = 1});
    call_init(&call, &client, "GET", "/");
    call.request.prepare = on_prepare;
    call_run(&call);
    assert_call_ok(&call);
    assert_true(origin_request_has(origin_request(client.origin, 0), "Authorization: signed"));
    assert_string_equal(origin_request(client.origin, 0)->method, "POST");
    call_deinit(&call);

    call_init(&call, &client, "GET", "/?secret");
    call.request.prepare = on_prepare_fails;
    call_run(&call);
    assert_hook_failed(&call, ERROR_DENIED, "no credentials");
    call_deinit(&call);

    call_init(&call, &client, "GET", "/?secret");
    call.request.prepare = on_prepare_cancels;
    call_run(&call);
    assert_call_failed(&call, ERROR_STOPPED, ERROR_CANCELLED);
    call_deinit(&call);
    assert_int_equal(origin_request_count(client.origin), 1);
    client_end(&client);
}

static int on_head_fails(struct http_request *request, struct error *err)
{
    return error_set(err, ERROR_NOT_FOUND, "status %d", request->status);
}

static int on_write_fails(
    struct http_request *request, const char *bytes, size_t length, struct error *err)
{
    (void)request;
    (void)bytes;
    (void)length;
    return error_set(err, ERROR_NO_SPACE, "disk full");
}

static void test_callbacks_that_fail(void **state)
{
    struct client client = {0};
    struct call call;

    (void)state;
    client_start(&client, &(struct origin_options){.answers = &ok_hello, .answer_count = 1});
    call_init(&call, &client, "GET", "/?secret");
    call.request.head = on_head_fails;
    call_run(&call);
    assert_hook_failed(&call, ERROR_NOT_FOUND, "status 200");
    assert_int_equal(call.request.status, 200);
    assert_int_equal(call.writes, 0);
    call_deinit(&call);
    call_init(&call, &client, "GET", "/?secret");
    call.request.write = on_write_fails;
    call_run(&call);
    assert_hook_failed(&call, ERROR_NO_SPACE, "disk full");
    call_deinit(&call);
    client_end(&client);
}

static void test_bad_arguments(void **state)
{
    static const char *const urls[] = {"", "x", "ftp://host/", "http://", "http:///path",
        "https://user@/", "http://127.0.0.1:99999/", "http://exa mple/", "file:///etc/passwd"};
    static const struct http_header bad[] = {
        {"", "x"}, {"A B", "x"}, {"A:", "x"}, {"A", "x\r\nB: y"}, {"A\n", "x"}};
    struct client client = {0};
    struct call call;

    (void)state;
    client_start(&client, NULL);
    for (size_t i = 0; i < ARRAY_LENGTH(urls); i++) {
        call_init(&call, &client, "GET", urls[i]);
        call_run(&call);
        assert_call_code(&call, ERROR_INVALID, ERROR_PERMANENT);
        call_deinit(&call);
    }
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
        call_init(&call, &client, "GET", "http://127.0.0.1:9/?secret");
        call.request.headers = &bad[i];
        call.request.header_count = 1;
        call_run(&call);
        assert_call_failed(&call, ERROR_INVALID, ERROR_PERMANENT);
        call_deinit(&call);
    }
    client_end(&client);
}

static void on_done_start_again(struct http_request *request, const struct error *err)
{
    struct call *call = container_of(request, struct call, request);

    assert_null(err);
    assert_int_equal(request->status, 200);
    if (call->body.length < 50) {
        call->heads = 0;
        http_start(request->http, request);
    } else {
        call_on_done(request, err);
        http_cancel(request); /* both harmless by now */
        http_resume(request);
    }
}

static void test_start_again_in_done(void **state)
{
    struct client client = {0};
    struct call call;

    (void)state;
    client_start(&client, &(struct origin_options){.answers = &ok_hello, .answer_count = 1});
    call_init(&call, &client, "GET", "/");
    call.request.done = on_done_start_again;
    call_run(&call);
    assert_call_ok(&call);
    assert_int_equal(call.body.length, 50);
    assert_int_equal(origin_request_count(client.origin), 10);
    assert_int_equal(origin_connection_count(client.origin), 1);
    http_cancel(&call.request);
    http_resume(&call.request);
    call_deinit(&call);
    client_end(&client);
}

static unsigned done_and_freed; /* there is nothing left to count in */

static void on_done_free(struct http_request *request, const struct error *err)
{
    struct http *http = request->http;

    assert_non_null(err);
    done_and_freed++;
    free(request);
    http_free(http);
}

static void test_request_and_client_freed_in_done(void **state)
{
    struct http_request *request = mem_new(struct http_request);
    struct client client = {0};

    (void)state;
    client_start(&client, NULL);
    *request = (struct http_request){.method = "GET", .url = "no URL", .done = on_done_free};
    done_and_freed = 0;
    http_start(client.http, request);
    loop_run(&client.loop);
    assert_int_equal(done_and_freed, 1);
    fixture_loop_deinit(&client.loop);
}

static void test_log_lines_without_queries(void **state)
{
    char path[300], text[4096];
    struct log_options options = {.format = LOG_FORMAT_JSON, .filter = "http=trace"};
    struct client client = {0};
    struct error err;
    struct call call;
    ssize_t length;

    (void)state;
    snprintf(path, sizeof(path), "%s/log", fixture_folder);
    options.fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    client.options.log = log_new(&options, &err);
    client_start(&client, &(struct origin_options){.answers = &ok_hello, .answer_count = 1});
    call_init(&call, &client, "GET", "/the/key?X-Amz-Signature=secret#secret");
    call_run(&call);
    call_deinit(&call);
    call_init(&call, &client, "GET", "/other?secret");
    call.request.head = on_head_fails;
    call_run(&call);
    call_deinit(&call);
    client_end(&client);
    log_free(client.options.log);
    length = pread(options.fd, text, sizeof(text) - 1, 0);
    text[length] = '\0';
    close(options.fd);
    assert_contains(text, "\"path\":\"/the/key\"");
    assert_contains(text, "\"status\":200");
    assert_contains(text, "\"bytes_received\":5");
    assert_contains(text, "\"error\":");
    assert_null(strstr(text, "secret"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_get),
        cmocka_unit_test(test_put_memory),
        cmocka_unit_test(test_head),
        cmocka_unit_test(test_any_status_is_an_answer),
        cmocka_unit_test(test_body_to_the_end_of_the_connection_and_trailers),
        cmocka_unit_test(test_methods_and_lengths),
        cmocka_unit_test(test_file_from_an_offset),
        cmocka_unit_test(test_file_that_is_shorter),
        cmocka_unit_test(test_prepare),
        cmocka_unit_test(test_callbacks_that_fail),
        cmocka_unit_test(test_bad_arguments),
        cmocka_unit_test(test_start_again_in_done),
        cmocka_unit_test(test_request_and_client_freed_in_done),
        cmocka_unit_test(test_log_lines_without_queries),
    };

    return cmocka_run_group_tests_name("http", tests, fixture_folder_make, fixture_folder_remove);
}
