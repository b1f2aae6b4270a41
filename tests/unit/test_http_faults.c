/* What goes wrong under way: time-outs, connections that break, answers that are none; and a cancel
 * at every turn of the loop. */
#include "tests/unit/http_fixture.h"

/* --- one answer, one outcome --- */

enum { ANY_STATUS = -1 };

struct fault {
    struct origin_answer answer;
    enum error_code code;
    enum error_class class;
    const char *says;
    int status;
    bool upload;
};

static char megabyte[1024 * 1024];

static void expect_fault(const struct fault *fault)
{

    struct client client = {0};
    struct call call;

    client_start(&client, &(struct origin_options){.answers = &fault->answer, .answer_count = 1});
    call_init(&call, &client, fault->upload ? "PUT" : "GET", "/key?X-Amz-Signature=secret");
    if (fault->upload)
        call.request.body = (struct http_body){
            .kind = HTTP_BODY_MEMORY, .bytes = megabyte, .length = sizeof(megabyte)};
    call_run(&call);
    assert_call_failed(&call, fault->code, fault->class);
    if (fault->says)
        assert_contains(call.err.message, fault->says);
    assert_contains(call.err.message, "http://127.0.0.1:");
    if (fault->status != ANY_STATUS)
        assert_int_equal(call.request.status, fault->status);
    call_deinit(&call);
    client_end(&client);
}

#define LONG_OK "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"

static void test_connections_that_break(void **state)
{
    static const struct fault faults[] = {
        {{.bytes = NULL, .end = ORIGIN_CLOSE}, ERROR_IO, ERROR_TRANSIENT, "hung up", 0, false},
        {{.bytes = NULL, .end = ORIGIN_RESET}, ERROR_IO, ERROR_TRANSIENT, "reset", 0, false},
        {{.bytes = "HTTP/1.1 200 OK\r\nCont", .end = ORIGIN_RESET}, ERROR_IO, ERROR_TRANSIENT,
            "broke", 0, false},
        {{.bytes = LONG_OK, .fill_bytes = 99999, .end = ORIGIN_CLOSE}, ERROR_IO, ERROR_TRANSIENT,
            "shorter", 200, false},
        {{.bytes = LONG_OK, .fill_bytes = 100000, .cut_after = 60, .end = ORIGIN_CLOSE}, ERROR_IO,
            ERROR_TRANSIENT, "shorter", 200, false},
        {{.bytes = LONG_OK,
             .fill_bytes = 5000,
             .delay_ms = 1,
             .piece_bytes = 1000,
             .piece_delay_ms = 5,
             .end = ORIGIN_RESET},
            ERROR_IO, ERROR_TRANSIENT, "broke", 200, false},
        {{.bytes = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
             .end = ORIGIN_CLOSE},
            ERROR_IO, ERROR_TRANSIENT, NULL, 200, false},
        {{.read_at_most = 1000, .end = ORIGIN_RESET}, ERROR_IO, ERROR_TRANSIENT, "broke", 0, true},
        {{.read_at_most = 1000, .end = ORIGIN_CLOSE}, ERROR_IO, ERROR_TRANSIENT, "broke", 0, true},
        {{.bytes = NULL, .end = ORIGIN_CLOSE}, ERROR_IO, ERROR_TRANSIENT, "hung up", 0, true},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(faults); i++)
        expect_fault(&faults[i]);
}

static void test_answers_that_are_none(void **state)
{
    static const struct fault faults[] = {
        {{.bytes = "SSH-2.0-OpenSSH_9.2\r\n", .end = ORIGIN_HANG}, ERROR_IO, ERROR_PERMANENT,
            "HTTP", 0, false},
        {{.bytes = "HTTP/9.9 abc\r\n\r\n", .end = ORIGIN_CLOSE}, ERROR_IO, ERROR_PERMANENT, "HTTP",
            0, false},
        {{.bytes = "\r\n\r\n\r\n", .end = ORIGIN_CLOSE}, ERROR_IO, ERROR_PERMANENT, "HTTP", 0,
            false},
        {{.bytes = "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n", .end = ORIGIN_CLOSE}, ERROR_IO,
            ERROR_PERMANENT, NULL, 0, false},
        {{.bytes = "HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551617\r\n\r\nx",
             .end = ORIGIN_CLOSE},
            ERROR_IO, ERROR_PERMANENT, NULL, ANY_STATUS /* some versions of curl refuse it first */,
            false},
        {{.bytes = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
             .end = ORIGIN_CLOSE},
            ERROR_IO, ERROR_PERMANENT, NULL, ANY_STATUS /* some versions of curl refuse it first */,
            false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(faults); i++)
        expect_fault(&faults[i]);
}

static void test_heads_that_are_too_long(void **state)
{
    static char head[300 * 1024];
    static const struct {
        size_t lines, line_bytes;
        const char *start;
        bool too_long;
    } cases[] = {
        {1, 60000, "HTTP/1.1 200 OK\r\n", false},
        {1, 70000, "HTTP/1.1 200 OK\r\n", true},
        {1, 200000, "HTTP/1.1 200 OK\r\n", true},
        {50, 1000, "HTTP/1.1 200 OK\r\n", false},
        {70, 1000, "HTTP/1.1 200 OK\r\n", true},
        {1, 60000, "HTTP/1.1 100 Go\r\nX: y\r\n\r\nHTTP/1.1 200 OK\r\n", false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        size_t length = (size_t)snprintf(head, sizeof(head), "%s", cases[i].start);
        struct fault fault = {
            {.bytes = head, .end = ORIGIN_HANG}, ERROR_LIMIT, ERROR_PERMANENT, "64 KiB", 0, false};

        for (size_t line = 0; line < cases[i].lines; line++) {
            length += (size_t)snprintf(head + length, 16, "X-%zu: ", line);
            memset(head + length, 'v', cases[i].line_bytes);
            length += cases[i].line_bytes;
            length += (size_t)snprintf(head + length, 3, "\r\n");
        }
        length += (size_t)snprintf(head + length, 32, "Content-Length: 5\r\n\r\nhello");
        fault.answer.length = length;
        if (cases[i].too_long) {
            expect_fault(&fault);
        } else {
            struct client client = {0};
            struct call call;

            client_start(
                &client, &(struct origin_options){.answers = &fault.answer, .answer_count = 1});
            call_init(&call, &client, "GET", "/");
            call.keep = "x-0";
            call_run(&call);
            assert_call_ok(&call);
            assert_int_equal(strlen(call.kept_header), cases[i].line_bytes);
            assert_int_equal(call.heads_seen, cases[i].lines + 1);
            call_deinit(&call);
            client_end(&client);
        }
    }
}

static void test_no_server(void **state)
{
    struct client client = {0};
    struct call call;

    (void)state;
    client_start(&client, NULL);
    call_init(&call, &client, "GET", "http://127.0.0.1:9/?secret");
    call_run(&call);
    assert_call_failed(&call, ERROR_IO, ERROR_TRANSIENT);
    assert_contains(call.err.message, "127.0.0.1:9");
    assert_true(call.err.detail > 0);
    call_deinit(&call);
    call_init(&call, &client, "GET", "http://no-such-host.invalid/?secret");
    call.request.timeouts.connect_ms = 2000; /* where no resolver answers at all */
    call_run(&call);
    assert_call_failed(
        &call, call.err.code == ERROR_TIMEOUT ? ERROR_TIMEOUT : ERROR_IO, ERROR_TRANSIENT);
    call_deinit(&call);
    client_end(&client);
}

static void test_reset_as_soon_as_it_stands(void **state)
{
    struct client client = {0};
    struct call call;

    (void)state;
    client_start(&client,
        &(struct origin_options){.answers = &ok_hello, .answer_count = 1, .reset_connections = 1});
    call_init(&call, &client, "GET", "/?secret");
    call_run(&call);
    assert_call_failed(&call, ERROR_IO, ERROR_TRANSIENT);
    call_deinit(&call);
    call_init(&call, &client, "GET", "/");
    call_run(&call);
    assert_call_ok(&call);
    call_deinit(&call);
    client_end(&client);
}

/* --- time-outs --- */

static void expect_timeout(const struct origin_answer *answer, bool upload, const char *scheme,
    const struct http_timeouts *timeouts, const char *says)
{
    struct client client = {0};
    struct call call;
    uint64_t start_ns;
    char *url;

    client_start(&client, &(struct origin_options){.answers = answer, .answer_count = 1});
    call_init(&call, &client, upload ? "PUT" : "GET", "/");
    url = mem_printf("%s://127.0.0.1:%u/?secret", scheme, origin_port(client.origin));
    call.request.url = url;
    call.request.timeouts = *timeouts;
    if (upload)
        call.request.body = (struct http_body){
            .kind = HTTP_BODY_MEMORY, .bytes = megabyte, .length = sizeof(megabyte)};
    start_ns = time_monotonic_ns();
    call_run(&call);
    assert_true(time_monotonic_ns() - start_ns >= 100000000U);
    assert_true(time_monotonic_ns() - start_ns < 5000000000U);
    assert_call_failed(&call, ERROR_TIMEOUT, ERROR_TRANSIENT);
    assert_contains(call.err.message, says);
    assert_contains(call.err.message, "100 ms");
    call_deinit(&call);
    client_end(&client);
    free(url);
}

static void test_timeouts(void **state)
{
    const struct origin_answer silent = {.end = ORIGIN_HANG};
    const struct origin_answer stalls = {.bytes = LONG_OK, .fill_bytes = 50000, .end = ORIGIN_HANG};
    const struct origin_answer stalls_in_head = {
        .bytes = "HTTP/1.1 200 OK\r\nCont", .end = ORIGIN_HANG};
    const struct origin_answer drips = {
        .bytes = LONG_OK, .fill_bytes = 100000, .piece_bytes = 100, .piece_delay_ms = 20};

    (void)state;
    /* The server never answers the TLS handshake. */
    expect_timeout(&silent, false, "https", &(struct http_timeouts){.connect_ms = 100},
        "no connection within");
    expect_timeout(
        &silent, false, "http", &(struct http_timeouts){.first_byte_ms = 100}, "no answer within");
    expect_timeout(&silent, true, "http",
        &(struct http_timeouts){.first_byte_ms = 100, .stall_ms = 2000}, "no answer within");
    expect_timeout(
        &stalls, false, "http", &(struct http_timeouts){.stall_ms = 100}, "sent no byte for");
    expect_timeout(&stalls_in_head, false, "http",
        &(struct http_timeouts){.stall_ms = 100, .first_byte_ms = 2000}, "sent no byte for");
    expect_timeout(&drips, false, "http",
        &(struct http_timeouts){.stall_ms = 5000, .total_ms = 100}, "not done within");
    expect_timeout(
        &silent, false, "https", &(struct http_timeouts){.total_ms = 100}, "not done within");
}

/* Kernel buffers take the first megabytes; then not a byte goes. */
static void test_a_server_that_does_not_read(void **state)
{
    const struct origin_answer deaf = {.read_delay_ms = 10000, .bytes = OK_HELLO};
    const size_t length = 64 * 1024 * 1024;
    char *bytes = mem_calloc(1, length);
    struct client client = {0};
    struct call call;

    (void)state;
    client_start(&client, &(struct origin_options){.answers = &deaf, .answer_count = 1});
    call_init(&call, &client, "PUT", "/?secret");
    call.request.timeouts.stall_ms = 100;
    call.request.body =
        (struct http_body){.kind = HTTP_BODY_MEMORY, .bytes = bytes, .length = (int64_t)length};
    call_run(&call);
    assert_call_failed(&call, ERROR_TIMEOUT, ERROR_TRANSIENT);
    assert_contains(call.err.message, "took no byte for 100 ms");
    assert_true(call.request.bytes_sent < length);
    call_deinit(&call);
    client_end(&client);
    free(bytes);
}

/* Slower than each of them in all, but never silent for so long. */
static void test_slow_is_not_stalled(void **state)
{
    const struct origin_answer drips = {.bytes = LONG_OK,
        .fill_bytes = 100000,
        .delay_ms = 100,
        .piece_bytes = 5000,
        .piece_delay_ms = 60};
    struct client client = {0};
    struct call call;

    (void)state;
    client_start(&client, &(struct origin_options){.answers = &drips, .answer_count = 1});
    call_init(&call, &client, "GET", "/");
    call.request.timeouts = (struct http_timeouts){
        .connect_ms = 700, .first_byte_ms = 700, .stall_ms = 700, .total_ms = 20000};
    call_run(&call);
    assert_call_ok(&call);
    assert_int_equal(call.body.length, 100000);
    assert_true(call.request.timing.total_us > 1000000);
    call_deinit(&call);
    client_end(&client);
}

/* A request in the queue ages in nobody's eyes. */
static void test_no_timeout_in_the_queue(void **state)
{
    const struct origin_answer slow = {.bytes = OK_HELLO, .delay_ms = 150};
    struct client client = {.options.connections = 1};
    struct call calls[4];

    (void)state;
    client_start(&client, &(struct origin_options){.answers = &slow, .answer_count = 1});
    for (unsigned i = 0; i < ARRAY_LENGTH(calls); i++) {
        call_init(&calls[i], &client, "GET", "/");
        calls[i].request.timeouts =
            (struct http_timeouts){.connect_ms = 450, .first_byte_ms = 450, .total_ms = 450};
        call_start(&calls[i]);
    }
    loop_run(&client.loop);
    for (unsigned i = 0; i < ARRAY_LENGTH(calls); i++) {
        assert_call_ok(&calls[i]);
        call_deinit(&calls[i]);
    }
    client_end(&client);
}

/* --- cancel at every turn --- */

struct scenario {
    struct origin_options origin;
    unsigned connections, count, redirects;
    bool upload, pauses, by_name; /* asks the resolver */
};

struct cancelling {
    struct client client;
    struct call calls[4];
    unsigned count;
    bool cancelled;
};

static void cancel_all(void *data)
{
    struct cancelling *cancelling = data;

    cancelling->cancelled = true;
    for (unsigned i = 0; i < cancelling->count; i++) {
        const unsigned done = cancelling->calls[i].done;

        http_cancel(&cancelling->calls[i].request);
        http_cancel(&cancelling->calls[i].request); /* again: harmless */
        assert_int_equal(cancelling->calls[i].done, done);
        cancelling->calls[i].writes = 0;
    }
}

static int on_write_pausing(
    struct http_request *request, const char *bytes, size_t length, struct error *err)
{
    struct call *call = container_of(request, struct call, request);

    if (call->body.length == 0 && call->writes++ % 3 != 2) {
        http_resume(request);
        return HTTP_PAUSE;
    }
    return call_on_write(request, bytes, length, err);
}

/* Returns how many turns it took. */
static unsigned run_scenario(const struct scenario *scenario, unsigned turn)
{
    struct cancelling cancelling = {.count = scenario->count};
    struct turns turns;

    cancelling.client.options.connections = scenario->connections;
    client_start(&cancelling.client, &scenario->origin);
    for (unsigned i = 0; i < scenario->count; i++) {
        struct call *call = &cancelling.calls[i];

        call_init(call, &cancelling.client, scenario->upload ? "PUT" : "GET", "/?secret");
        call->request.redirects_max = scenario->redirects;
        if (scenario->by_name) {
            free(call->url);
            call->url =
                mem_printf("http://localhost:%u/?secret", origin_port(cancelling.client.origin));
            call->request.url = call->url;
        }
        if (scenario->upload)
            call->request.body = (struct http_body){
                .kind = HTTP_BODY_MEMORY, .bytes = megabyte, .length = sizeof(megabyte)};
        if (scenario->pauses)
            call->request.write = on_write_pausing;
        call_start(call);
    }
    turns_start(&turns, &cancelling.client.loop, turn, cancel_all, &cancelling);
    loop_run(&cancelling.client.loop);
    for (unsigned i = 0; i < scenario->count; i++) {
        struct call *call = &cancelling.calls[i];

        if (call->err.code) {
            assert_true(cancelling.cancelled);
            assert_call_failed(call, ERROR_STOPPED, ERROR_CANCELLED);
            assert_int_equal(call->writes, 0);
        } else {
            assert_int_equal(call->request.status, 200);
        }
        call_deinit(call);
    }
    turns_end(&turns);
    client_end(&cancelling.client);
    return turns.count;
}

static void run_at_each_turn(const struct scenario *scenario)
{
    const unsigned turns = run_scenario(scenario, 0);

    assert_true(turns > 2);
    for (unsigned turn = 1; turn <= turns + 3; turn++)
        run_scenario(scenario, turn);
}

static void test_cancel_at_each_turn(void **state)
{
    static const struct origin_answer large = {
        .bytes = LONG_OK, .fill_bytes = 100000, .piece_bytes = 40000};
    static const struct origin_answer redirects[] = {
        {.bytes = "HTTP/1.1 302 Go\r\nLocation: /a\r\nContent-Length: 3\r\n\r\nsee"},
        {.bytes = "HTTP/1.1 307 Go\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n"},
        {.bytes = OK_HELLO}};
    static const struct origin_answer gone[] = {
        {.bytes = OK_HELLO, .end = ORIGIN_CLOSE}, {.bytes = OK_HELLO}};
    static const struct scenario scenarios[] = {
        {.origin = {.answers = &ok_hello, .answer_count = 1}, .connections = 1, .count = 1},
        {.origin = {.answers = &ok_hello, .answer_count = 1}, .connections = 1, .count = 4},
        {.origin = {.answers = &large, .answer_count = 1}, .connections = 4, .count = 4},
        {.origin = {.answers = &large, .answer_count = 1},
            .connections = 2,
            .count = 3,
            .pauses = true},
        {.origin = {.answers = &ok_hello, .answer_count = 1},
            .connections = 2,
            .count = 2,
            .upload = true},
        {.origin = {.answers = redirects, .answer_count = 3},
            .connections = 1,
            .count = 1,
            .redirects = 5},
        {.origin = {.answers = &ok_hello, .answer_count = 1},
            .connections = 2,
            .count = 2,
            .by_name = true},
        {.origin = {.answers = gone, .answer_count = 2}, .connections = 1, .count = 3},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(scenarios); i++)
        run_at_each_turn(&scenarios[i]);
}

/* Without a loop's turn in between. */
static void test_cancel_at_once(void **state)
{
    struct client client = {0};
    struct call call;

    (void)state;
    client_start(&client, &(struct origin_options){.answers = &ok_hello, .answer_count = 1});
    call_init(&call, &client, "GET", "/?secret");
    call_start(&call);
    http_cancel(&call.request);
    assert_int_equal(call.done, 0);
    loop_run(&client.loop);
    assert_call_failed(&call, ERROR_STOPPED, ERROR_CANCELLED);
    assert_int_equal(origin_request_count(client.origin), 0);
    call_deinit(&call);
    client_end(&client);
}

static int on_head_cancels(struct http_request *request, struct error *err)
{
    (void)err;
    http_cancel(request);
    return 0;
}

static int on_write_cancels(
    struct http_request *request, const char *bytes, size_t length, struct error *err)
{
    struct call *call = container_of(request, struct call, request);

    (void)bytes;
    (void)length;
    (void)err;
    assert_int_equal(call->writes++, 0); /* none after the cancel */
    http_cancel(request);
    return call->client->started % 2 ? HTTP_PAUSE : 0;
}

static int64_t on_read_cancels(
    struct http_request *request, char *bytes, size_t size, struct error *err)
{
    (void)err;
    memset(bytes, 'x', MIN(size, (size_t)10));
    http_cancel(request);
    return 10;
}

static void test_cancel_in_callbacks(void **state)
{
    const struct origin_answer large = {.bytes = LONG_OK, .fill_bytes = 100000};
    struct client client = {0};
    struct call call;

    (void)state;
    client_start(&client, &(struct origin_options){.answers = &large, .answer_count = 1});
    for (unsigned i = 0; i < 4; i++) {
        call_init(&call, &client, "PUT", "/?secret");
        if (i == 0)
            call.request.head = on_head_cancels;
        if (i == 1 || i == 2)
            call.request.write = on_write_cancels;
        if (i == 3)
            call.request.body = (struct http_body){
                .kind = HTTP_BODY_STREAM, .length = 100, .read = on_read_cancels};
        call_run(&call);
        assert_call_failed(&call, ERROR_STOPPED, ERROR_CANCELLED);
        call_deinit(&call);
    }
    client_end(&client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_connections_that_break),
        cmocka_unit_test(test_answers_that_are_none),
        cmocka_unit_test(test_heads_that_are_too_long),
        cmocka_unit_test(test_no_server),
        cmocka_unit_test(test_reset_as_soon_as_it_stands),
        cmocka_unit_test(test_timeouts),
        cmocka_unit_test(test_a_server_that_does_not_read),
        cmocka_unit_test(test_slow_is_not_stalled),
        cmocka_unit_test(test_no_timeout_in_the_queue),
        cmocka_unit_test(test_cancel_at_each_turn),
        cmocka_unit_test(test_cancel_at_once),
        cmocka_unit_test(test_cancel_in_callbacks),
    };

    return cmocka_run_group_tests_name("http_faults", tests, NULL, NULL);
}
