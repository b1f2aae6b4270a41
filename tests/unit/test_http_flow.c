/* Streams, back-pressure, queues and connections of runner/io/http. */
#include "runner/io/timer.h"
#include "tests/unit/http_fixture.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

/* --- streams --- */

/* A stream of `total` bytes in pieces, that pauses before each and goes on by a timer. */
struct stream {
    struct call call;
    struct timer timer;
    uint64_t position, total, fail_at;
    unsigned pauses;
    bool ready, stuck;
};

static void on_stream_timer(struct timer *timer)
{
    struct stream *stream = container_of(timer, struct stream, timer);

    stream->ready = true;
    http_resume(&stream->call.request);
}

static int64_t on_stream_read(
    struct http_request *request, char *bytes, size_t size, struct error *err)
{
    struct stream *stream = container_of(request, struct stream, call.request);
    const uint64_t length = MIN(MIN(size, (size_t)1000), stream->total - stream->position);

    if (!stream->ready) {
        stream->pauses++;
        if (!stream->stuck)
            timer_start(&stream->timer, 1, 0, on_stream_timer);
        return HTTP_PAUSE;
    }
    stream->ready = false;
    if (stream->fail_at && stream->position >= stream->fail_at)
        return error_set(err, ERROR_DATA, "the source broke");
    for (uint64_t i = 0; i < length; i++)
        bytes[i] = origin_fill(stream->position + i);
    stream->position += length;
    return (int64_t)length;
}

static void stream_init(struct stream *stream, struct client *client, uint64_t total, bool chunked)
{
    *stream = (struct stream){.total = total};
    timer_init(&stream->timer, &client->loop);
    call_init(&stream->call, client, "PUT", "/stream?secret");
    stream->call.request.body = (struct http_body){.kind = HTTP_BODY_STREAM,
        .length = chunked ? HTTP_LENGTH_UNKNOWN : (int64_t)total,
        .read = on_stream_read};
}

static void stream_deinit(struct stream *stream)
{
    timer_close(&stream->timer, NULL);
    loop_run(&stream->call.client->loop); /* the memory may go */
    call_deinit(&stream->call);
}

static void test_streams(void **state)
{
    (void)state;
    for (unsigned chunked = 0; chunked < 2; chunked++) {
        const struct origin_request *request;
        struct client client = {0};
        struct stream stream;

        client_start(&client, &(struct origin_options){.answers = &ok_hello, .answer_count = 1});
        stream_init(&stream, &client, 20500, chunked);
        call_run(&stream.call);
        assert_call_ok(&stream.call);
        assert_string_equal(stream.call.body.data, "hello");
        assert_true(stream.pauses >= 20);
        request = origin_request(client.origin, 0);
        assert_true(request->whole);
        assert_int_equal(request->body_length, 20500);
        for (size_t i = 0; i < request->body_length; i++)
            assert_int_equal(request->body[i], origin_fill(i));
        assert_int_equal(chunked, strcasestr(request->head, "transfer-encoding: chunked") != NULL);
        assert_int_equal(!chunked, origin_request_has(request, "Content-Length: 20500"));
        stream_deinit(&stream);
        client_end(&client);
    }
}

static void test_streams_that_break(void **state)
{
    struct client client = {0};
    struct stream stream;

    (void)state;
    client_start(&client, &(struct origin_options){.answers = &ok_hello, .answer_count = 1});
    stream_init(&stream, &client, 20000, true);
    stream.fail_at = 5000;
    call_run(&stream.call);
    assert_hook_failed(&stream.call, ERROR_DATA, "the source broke");
    stream_deinit(&stream);

    stream_init(&stream, &client, 20000, false);
    stream.call.request.body.length = 20001;
    call_run(&stream.call);
    assert_call_failed(&stream.call, ERROR_DATA, ERROR_PERMANENT);
    stream_deinit(&stream);
    client_end(&client);
}

/* --- back-pressure --- */

/* Takes `open_bytes` and then nothing for a while. */
struct sink {
    struct call call;
    struct timer timer;
    uint64_t open_bytes, received;
    unsigned pauses;
    uint64_t cpu_before_ns, cpu_paused_ns, received_paused;
};

static void on_sink_timer(struct timer *timer)
{
    struct sink *sink = container_of(timer, struct sink, timer);

    sink->cpu_paused_ns = cpu_ns() - sink->cpu_before_ns;
    sink->received_paused = sink->received;
    sink->open_bytes = UINT64_MAX;
    http_resume(&sink->call.request);
    http_resume(&sink->call.request); /* again: harmless */
}

static int on_sink_write(
    struct http_request *request, const char *bytes, size_t length, struct error *err)
{
    struct sink *sink = container_of(request, struct sink, call.request);

    (void)err;
    if (sink->received >= sink->open_bytes) {
        sink->cpu_before_ns = cpu_ns();
        if (sink->pauses++ == 0)
            timer_start(&sink->timer, 700, 0, on_sink_timer);
        return HTTP_PAUSE;
    }
    for (size_t i = 0; i < length; i += 997)
        assert_int_equal(bytes[i], origin_fill(sink->received + i));
    sink->received += length;
    return 0;
}

static void read_slowly(const char *certificate, const char *key, const char *ca_file)
{
    const struct origin_answer answer = {
        .bytes = "HTTP/1.1 200 OK\r\nContent-Length: 33554432\r\n\r\n", .fill_bytes = 33554432};
    struct client client = {.options.ca_file = ca_file};
    struct sink sink = {.open_bytes = 1000000};

    client_start(&client,
        &(struct origin_options){
            .answers = &answer, .answer_count = 1, .certificate = certificate, .key = key});
    timer_init(&sink.timer, &client.loop);
    call_init(&sink.call, &client, "GET", "/");
    sink.call.request.write = on_sink_write;
    sink.call.request.timeouts.stall_ms = 400; /* a pause of ours is no stall */
    call_run(&sink.call);
    assert_call_ok(&sink.call);
    assert_int_equal(sink.pauses, 1);
    assert_int_equal(sink.received, 33554432);
    assert_int_equal(sink.call.request.bytes_received, 33554432);
    assert_true(sink.received_paused < 2000000);
    assert_true(sink.cpu_paused_ns < 40000000); /* no busy loop in 700 ms */
    timer_close(&sink.timer, NULL);
    call_deinit(&sink.call);
    client_end(&client);
}

static void test_a_slow_reader_stops_the_server(void **state)
{
    (void)state;
    read_slowly(NULL, NULL, NULL);
}

static void test_a_slow_reader_stops_the_server_over_tls(void **state)
{
    char *certificate = mem_printf("%s/certificate.pem", fixture_folder);
    char *key = mem_printf("%s/key.pem", fixture_folder);
    char *ca_file = mem_printf("%s/ca.pem", fixture_folder);

    (void)state;
    origin_make_certificate(fixture_folder, ORIGIN_CERTIFICATE_GOOD);
    read_slowly(certificate, key, ca_file);
    free(certificate);
    free(key);
    free(ca_file);
}

/* A pause that is taken back before the callback has returned. */
static int on_hasty_write(
    struct http_request *request, const char *bytes, size_t length, struct error *err)
{
    struct call *call = container_of(request, struct call, request);

    if (call->writes++ % 2 == 0) {
        http_resume(request);
        return HTTP_PAUSE;
    }
    call->heads = 1;
    call->writes--;
    return call_on_write(request, bytes, length, err);
}

static void test_resume_within_write(void **state)
{
    const struct origin_answer answer = {
        .bytes = "HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n", .fill_bytes = 300000};
    struct client client = {0};
    struct call call;

    (void)state;
    client_start(&client, &(struct origin_options){.answers = &answer, .answer_count = 1});
    call_init(&call, &client, "GET", "/");
    call.request.write = on_hasty_write;
    call_run(&call);
    assert_call_ok(&call);
    assert_int_equal(call.body.length, 300000);
    for (size_t i = 0; i < call.body.length; i++)
        assert_int_equal(call.body.data[i], origin_fill(i));
    call_deinit(&call);
    client_end(&client);
}

static void on_stuck_timer(struct timer *timer)
{
    struct stream *stream = container_of(timer, struct stream, timer);

    stream->stuck = false;
    stream->fail_at = cpu_ns(); /* kept for the test */
    stream->ready = true;
    http_resume(&stream->call.request);
}

static void test_a_slow_source_waits_without_work(void **state)
{
    struct client client = {0};
    struct stream stream;
    uint64_t before_ns;

    (void)state;
    client_start(&client, &(struct origin_options){.answers = &ok_hello, .answer_count = 1});
    stream_init(&stream, &client, 500, true);
    stream.stuck = true;
    stream.call.request.timeouts.stall_ms = 400;
    timer_start(&stream.timer, 700, 0, on_stuck_timer);
    before_ns = cpu_ns();
    call_start(&stream.call);
    while (stream.stuck)
        uv_run(&client.loop.uv, UV_RUN_ONCE);
    assert_true(stream.fail_at - before_ns < 40000000);
    stream.fail_at = 0;
    loop_run(&client.loop);
    assert_call_ok(&stream.call);
    assert_int_equal(origin_request(client.origin, 0)->body_length, 500);
    stream_deinit(&stream);
    client_end(&client);
}

/* --- queues and connections --- */

enum { MANY = 40 };

static unsigned prepared;

static int on_prepare_count(struct http_request *request, struct error *err)
{
    (void)err;
    container_of(request, struct call, request)->order = ++prepared;
    return 0;
}

static void test_queue_order_and_limit(void **state)
{
    const struct origin_answer answer = {.bytes = OK_HELLO, .delay_ms = 3};
    static struct call calls[MANY];
    struct client client = {.options.connections = 3};
    struct http_counters counters;

    (void)state;
    client_start(&client, &(struct origin_options){.answers = &answer, .answer_count = 1});
    prepared = 0;
    for (unsigned i = 0; i < MANY; i++) {
        call_init(&calls[i], &client, "GET", "/");
        calls[i].request.prepare = on_prepare_count;
        calls[i].keep_order = true;
        call_start(&calls[i]);
    }
    http_counters(client.http, &counters);
    assert_int_equal(counters.waiting, MANY);
    assert_int_equal(prepared, 0); /* not from within http_start() */
    loop_run(&client.loop);
    assert_int_equal(origin_busy_max(client.origin), 3);
    assert_int_equal(origin_connection_count(client.origin), 3);
    for (unsigned i = 0; i < MANY; i++) {
        assert_call_ok(&calls[i]);
        assert_int_equal(calls[i].order, i + 1);
        assert_true(i < 3 || calls[i].request.timing.queued_us >= 2000);
        call_deinit(&calls[i]);
    }
    http_counters(client.http, &counters);
    assert_int_equal(counters.requests, MANY);
    assert_int_equal(counters.connections, 3);
    assert_int_equal(counters.bytes_received, MANY * 5);
    client_end(&client);
}

static void test_hosts_do_not_wait_for_each_other(void **state)
{
    const struct origin_answer slow = {.bytes = OK_HELLO, .delay_ms = 200};
    struct client client = {.options.connections = 1};
    struct origin *other =
        origin_start(&(struct origin_options){.answers = &ok_hello, .answer_count = 1});
    struct call calls[2];
    char *url;

    (void)state;
    client_start(&client, &(struct origin_options){.answers = &slow, .answer_count = 1});
    call_init(&calls[0], &client, "GET", "/");
    call_init(&calls[1], &client, "GET", "/");
    url = mem_printf("%s/", origin_url(other));
    calls[1].request.url = url;
    call_start(&calls[0]);
    call_start(&calls[1]);
    loop_run(&client.loop);
    assert_int_equal(calls[1].order, 1);
    assert_int_equal(calls[0].order, 2);
    call_deinit(&calls[0]);
    call_deinit(&calls[1]);
    client_end(&client);
    origin_stop(other);
    free(url);
}

static void test_fresh_takes_a_new_connection(void **state)
{
    struct client client = {0};
    struct call call;

    (void)state;
    client_start(&client, &(struct origin_options){.answers = &ok_hello, .answer_count = 1});
    for (unsigned i = 0; i < 4; i++) {
        call_init(&call, &client, "GET", "/");
        call.request.fresh = i == 2;
        call_run(&call);
        assert_call_ok(&call);
        assert_int_equal(call.request.timing.connect_us > 0, i == 0 || i == 2);
        call_deinit(&call);
    }
    assert_int_equal(origin_connection_count(client.origin), 2);
    client_end(&client);
}

/* The server hangs up after an answer without saying so before: the next request goes out again on
 * another connection, body and all. Only where the end comes in the middle of a write, curl leaves
 * it to us. */
static void test_a_kept_connection_that_was_closed(void **state)
{
    const struct origin_answer answers[] = {
        {.bytes = OK_HELLO, .end = ORIGIN_CLOSE}, {.bytes = OK_HELLO, .end = ORIGIN_RESET}};
    struct client client = {0};
    char *bytes = mem_calloc(1, 1000000);
    unsigned answered = 0;

    (void)state;
    client_start(&client, &(struct origin_options){.answers = answers, .answer_count = 2});
    for (unsigned i = 0; i < 5; i++) {
        struct call call;

        call_init(&call, &client, "PUT", "/");
        call.request.body =
            (struct http_body){.kind = HTTP_BODY_MEMORY, .bytes = bytes, .length = 1000000};
        call_run(&call);
        if (call.err.code) {
            assert_call_failed(&call, ERROR_IO, ERROR_TRANSIENT);
        } else {
            assert_int_equal(call.request.bytes_sent, 1000000);
            answered++;
        }
        call_deinit(&call);
        usleep(i % 2 ? 20000 : 0); /* the client may see it before or only while it sends */
    }
    assert_true(answered >= 4);
    client_end(&client);
    free(bytes);
}

/* S3 hangs up after 5 s without a word: what is nearly as old is not used again. */
static void test_a_connection_that_grew_old_is_left(void **state)
{
    static const unsigned waits_s[] = {1, 6};
    struct client client = {0};
    struct call call;

    (void)state;
    client_start(&client, &(struct origin_options){.answers = &ok_hello, .answer_count = 1});
    for (unsigned i = 0; i <= ARRAY_LENGTH(waits_s); i++) {
        call_init(&call, &client, "GET", "/");
        call_run(&call);
        assert_call_ok(&call);
        assert_int_equal(call.request.timing.connect_us > 0, i != 1);
        call_deinit(&call);
        if (i < ARRAY_LENGTH(waits_s))
            sleep(waits_s[i]);
    }
    assert_int_equal(origin_connection_count(client.origin), 2);
    client_end(&client);
}

/* On [::1] at the origin's port, where nobody ever answers; -1: there is no IPv6 here. */
static int listen_silently(struct origin *origin)
{
    const struct sockaddr_in6 address = {.sin6_family = AF_INET6,
        .sin6_addr = IN6ADDR_LOOPBACK_INIT,
        .sin6_port = htons((uint16_t)origin_port(origin))};
    const int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) || listen(fd, 64)) {
        close(fd);
        return -1;
    }
    return fd;
}

/* Whether a client of its own, which knows no address yet, gets an answer of "localhost". */
static bool localhost_answers(struct origin *origin)
{
    char *url = mem_printf("http://localhost:%u/", origin_port(origin));
    struct client client = {0};
    struct call call;
    bool answered;

    client_start(&client, NULL);
    call_init(&call, &client, "GET", url);
    call.request.timeouts.first_byte_ms = 100;
    call_run(&call);
    answered = call.err.code == ERROR_NONE;
    if (!answered)
        assert_call_failed(&call, ERROR_TIMEOUT, ERROR_TRANSIENT);
    assert_int_equal(call.request.sends, 1);
    call_deinit(&call);
    client_end(&client);
    free(url);
    return answered;
}

/* "localhost" is [::1] and 127.0.0.1, in an order of chance. */
static void test_the_next_address_where_the_first_refuses(void **state)
{
    enum { TRIES = 20 };
    struct origin *origin =
        origin_start(&(struct origin_options){.answers = &ok_hello, .answer_count = 1});
    const int fd = listen_silently(origin);
    unsigned answered = 0;

    (void)state;
    if (fd < 0) {
        origin_stop(origin);
        skip();
    }
    for (unsigned i = 0; i < TRIES; i++)
        answered += localhost_answers(origin);
    assert_in_range(answered, 1, TRIES - 1); /* so both of them are tried first */

    close(fd); /* now one of them refuses */
    for (unsigned i = 0; i < TRIES; i++)
        assert_true(localhost_answers(origin));
    origin_stop(origin);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_streams),
        cmocka_unit_test(test_streams_that_break),
        cmocka_unit_test(test_a_slow_reader_stops_the_server),
        cmocka_unit_test(test_a_slow_reader_stops_the_server_over_tls),
        cmocka_unit_test(test_resume_within_write),
        cmocka_unit_test(test_a_slow_source_waits_without_work),
        cmocka_unit_test(test_queue_order_and_limit),
        cmocka_unit_test(test_hosts_do_not_wait_for_each_other),
        cmocka_unit_test(test_fresh_takes_a_new_connection),
        cmocka_unit_test(test_a_kept_connection_that_was_closed),
        cmocka_unit_test(test_a_connection_that_grew_old_is_left),
        cmocka_unit_test(test_the_next_address_where_the_first_refuses),
    };

    return cmocka_run_group_tests_name(
        "http_flow", tests, fixture_folder_make, fixture_folder_remove);
}
