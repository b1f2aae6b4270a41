#include "tests/unit/s3_fixture.h"

/* --- one call, run to its end --- */

struct run {
    struct s3_fixture fixture;
    struct s3_call call;
    struct error outcome;
    unsigned done_count, prepare_count;
    struct buffer body; /* what `write` was given */
    char range[64], answer[256], kept_header[64];
    struct http_header header;
};

static void on_done(struct s3_call *call, const struct error *err)
{
    struct run *run = container_of(call, struct run, call);
    const char *kept = s3_call_header(call, "X-Kept");

    run->done_count++;
    run->outcome = err ? *err : (struct error){0};
    snprintf(run->answer, sizeof(run->answer), "%s", call->answer);
    snprintf(run->kept_header, sizeof(run->kept_header), "%s", kept ? kept : "(none)");
}

static void on_second_done(struct s3_call *call, const struct error *err)
{
    (void)call;
    assert_null(err);
}

static int on_write(struct s3_call *call, const char *bytes, size_t length, struct error *err)
{
    struct run *run = container_of(call, struct run, call);

    (void)err;
    assert_in_range(call->status, 200, 299);
    buffer_append(&run->body, bytes, length);
    return 0;
}

/* Asks for what is still missing. */
static int on_prepare(struct s3_call *call, struct error *err)
{
    struct run *run = container_of(call, struct run, call);

    (void)err;
    run->prepare_count++;
    if (run->body.length) {
        snprintf(run->range, sizeof(run->range), "bytes=%zu-9", run->body.length);
        run->header = (struct http_header){"Range", run->range};
        call->headers = &run->header;
        call->header_count = 1;
    }
    return 0;
}

static void start(struct run *run, const struct s3_client_options *options,
    const struct origin_answer *answers, size_t count)
{
    const struct origin_options script = {.answers = answers, .answer_count = count};

    memset(run, 0, sizeof(*run));
    buffer_init(&run->body, 0);
    run->call = (struct s3_call){.method = "GET", .bucket = "bucket", .key = "k", .done = on_done};
    s3_fixture_init(&run->fixture, options, &script);
}

/* `bytes` are one answer each, up to NULL; the last one repeats. */
static void start_texts(
    struct run *run, const struct s3_client_options *options, char *const *texts)
{
    static struct origin_answer answers[8];
    size_t count = 0;

    for (; texts[count]; count++)
        answers[count] = (struct origin_answer){.bytes = texts[count]};
    start(run, options, answers, count);
}

static void go(struct run *run)
{
    const unsigned before = run->done_count;

    s3_call_start(run->fixture.client, &run->call);
    assert_int_equal(run->done_count, before);
    loop_run(&run->fixture.loop);
    assert_int_equal(run->done_count, before + 1);
}

static void end(struct run *run)
{
    buffer_deinit(&run->body);
    s3_fixture_deinit(&run->fixture);
}

static const struct origin_request *sent(struct run *run, size_t index)
{
    assert_in_range(index, 0, origin_request_count(run->fixture.origin) - 1);
    return origin_request(run->fixture.origin, index);
}

static size_t sent_count(struct run *run)
{
    return origin_request_count(run->fixture.origin);
}

static char ok_text[] = "HTTP/1.1 200 OK\r\nX-Kept: yes\r\nContent-Length: 5\r\n\r\nhello";

/* --- what goes out --- */

static void test_a_request_is_signed_and_its_names_are_encoded(void **state)
{
    const struct s3_query query[] = {{"list-type", "2"}, {"prefix", "a b/+&"}, {"uploads", NULL}};
    const struct http_header headers[] = {{"Range", "bytes=0-4"}};
    const struct origin_request *request;
    struct run run;

    (void)state;
    start_texts(&run, NULL, (char *[]){ok_text, NULL});
    run.call.key = "a b/+%/../\xf0\x9f\x90\xa6";
    run.call.query = query;
    run.call.query_count = ARRAY_LENGTH(query);
    run.call.headers = headers;
    run.call.header_count = ARRAY_LENGTH(headers);
    go(&run);
    s3_good(&run.outcome);
    request = sent(&run, 0);
    assert_string_equal(request->target,
        "/bucket/a%20b/%2B%25/../%F0%9F%90%A6?list-type=2&prefix=a%20b%2F%2B%26&uploads=");
    assert_contains(request->head, "Authorization: AWS4-HMAC-SHA256 Credential=AKID1/");
    assert_contains(request->head, "/us-east-1/s3/aws4_request, SignedHeaders=host;range;");
    assert_contains(request->head, "X-Amz-Security-Token: " S3_TOKEN);
    assert_contains(request->head, "X-Amz-Content-Sha256: " SIGV4_EMPTY_PAYLOAD);
    assert_string_equal(run.answer, "hello");
    assert_string_equal(run.kept_header, "yes");
    assert_int_equal(run.call.status, 200);
    assert_int_equal(run.call.attempt, 1);
    assert_int_equal(run.call.tries, 1);
    assert_int_equal(run.call.bytes_received, 5);
    assert_true(run.call.timing.total_us > 0);
    end(&run);
}

static void test_a_body_in_memory_is_hashed_where_nothing_else_protects_it(void **state)
{
    struct run run;

    (void)state;
    start_texts(&run, NULL, (char *[]){ok_text, NULL});
    run.call.method = "PUT";
    run.call.body = (struct http_body){.kind = HTTP_BODY_MEMORY, .bytes = "hello", .length = 5};
    go(&run);
    s3_good(&run.outcome);
    assert_contains(sent(&run, 0)->head,
        "X-Amz-Content-Sha256: 2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
    assert_string_equal(sent(&run, 0)->body, "hello");
    assert_int_equal(run.call.bytes_sent, 5);
    run.call.payload = SIGV4_UNSIGNED_PAYLOAD;
    go(&run);
    assert_contains(sent(&run, 1)->head, "X-Amz-Content-Sha256: UNSIGNED-PAYLOAD");
    end(&run);
}

static void test_unsigned_access_signs_nothing(void **state)
{
    const struct s3_client_options options = {.unsigned_access = true, .requester_pays = true};
    char *denied = s3_answer(403, "", "");
    struct run run;

    (void)state;
    start_texts(&run, &options, (char *[]){denied, NULL});
    go(&run);
    s3_failed(
        &run.outcome, ERROR_DENIED, "without credentials (unsigned), this needs s3:GetObject");
    assert_null(strcasestr(sent(&run, 0)->head, "authorization"));
    assert_null(strcasestr(sent(&run, 0)->head, "x-amz-date"));
    assert_contains(sent(&run, 0)->head, "x-amz-request-payer: requester");
    end(&run);
    free(denied);
}

static void test_headers_that_would_become_two_are_refused(void **state)
{
    struct http_header header = {"x-amz-meta-a", "x\r\nx-amz-acl: public-read"};
    struct run run;

    (void)state;
    start_texts(&run, NULL, (char *[]){ok_text, NULL});
    run.call.headers = &header;
    run.call.header_count = 1;
    go(&run);
    s3_failed(&run.outcome, ERROR_INVALID, "x-amz-meta-a");
    header = (struct http_header){"x-amz-meta-a: 1\r\nb", "x"};
    go(&run);
    s3_failed(&run.outcome, ERROR_INVALID, "line end");
    run.call.header_count = 0;
    run.call.key = "";
    go(&run);
    s3_failed(&run.outcome, ERROR_INVALID, "at least one byte");
    assert_int_equal(sent_count(&run), 0);
    end(&run);
}

static void test_over_tls_the_body_is_not_hashed(void **state)
{
    const struct origin_answer answer = {.bytes = ok_text};
    struct s3_client_options options = {0};
    char *ca, *certificate, *key;
    struct origin_options script = {.answers = &answer, .answer_count = 1};
    struct run run = {0};

    (void)state;
    origin_make_certificate(fixture_folder, ORIGIN_CERTIFICATE_GOOD);
    options.ca_file = ca = mem_printf("%s/ca.pem", fixture_folder);
    script.certificate = certificate = mem_printf("%s/certificate.pem", fixture_folder);
    script.key = key = mem_printf("%s/key.pem", fixture_folder);
    s3_fixture_init(&run.fixture, &options, &script);
    run.call = (struct s3_call){.method = "PUT", .bucket = "b", .key = "k", .done = on_done};
    run.call.body = (struct http_body){.kind = HTTP_BODY_MEMORY, .bytes = "hello", .length = 5};
    go(&run);
    s3_good(&run.outcome);
    assert_contains(sent(&run, 0)->head, "X-Amz-Content-Sha256: UNSIGNED-PAYLOAD");
    s3_fixture_deinit(&run.fixture);
    free(ca);
    free(certificate);
    free(key);
}

/* What waits in the queue goes to where the bucket is known to be when it leaves. */
static void test_the_signature_is_made_when_the_queue_is_left(void **state)
{
    const struct s3_client_options options = {.concurrency = 1};
    char *moved = s3_answer(301, "x-amz-bucket-region: eu-west-1\r\n", "");
    struct run run;
    struct s3_call second;

    (void)state;
    start_texts(&run, &options, (char *[]){moved, ok_text, NULL});
    second = run.call;
    second.done = on_second_done;
    s3_call_start(run.fixture.client, &second);
    go(&run);
    s3_good(&run.outcome);
    assert_int_equal(second.status, 200);
    assert_int_equal(sent_count(&run), 3);
    assert_int_equal(second.tries + run.call.tries, 3); /* one of them was not sent in vain */
    assert_contains(sent(&run, 0)->head, "/us-east-1/s3/");
    assert_contains(sent(&run, 1)->head, "/eu-west-1/s3/");
    assert_contains(sent(&run, 2)->head, "/eu-west-1/s3/");
    end(&run);
    free(moved);
}

/* --- what is tried again, and what not --- */

static void test_each_answer_ends_or_is_tried_again(void **state)
{
    static const struct {
        int status;
        const char *s3_code;
        enum error_code code;
        bool transient;
    } cases[] = {
        {400, "InvalidArgument", ERROR_IO, false},
        {400, "RequestTimeout", ERROR_TIMEOUT, true},
        {403, "AccessDenied", ERROR_DENIED, false},
        {403, "SignatureDoesNotMatch", ERROR_DENIED, false},
        {404, "NoSuchKey", ERROR_NOT_FOUND, false},
        {404, "NoSuchBucket", ERROR_NOT_FOUND, false},
        {408, NULL, ERROR_TIMEOUT, true},
        {409, "BucketAlreadyExists", ERROR_EXISTS, false},
        {412, "PreconditionFailed", ERROR_CHANGED, false},
        {416, "InvalidRange", ERROR_DATA, false},
        {429, NULL, ERROR_BUSY, true},
        {500, "InternalError", ERROR_IO, true},
        {501, "NotImplemented", ERROR_NOT_SUPPORTED, false},
        {502, NULL, ERROR_IO, true},
        {503, "SlowDown", ERROR_BUSY, true},
        {504, NULL, ERROR_IO, true},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        char *body = cases[i].s3_code ? s3_error_body(cases[i].s3_code) : mem_strdup("<html>");
        char *text = s3_answer(cases[i].status, "x-amz-request-id: HEAD7\r\n", body);
        struct run run;

        start_texts(&run, NULL, (char *[]){text, NULL});
        run.call.write = on_write;
        go(&run);
        s3_failed(&run.outcome, cases[i].code, cases[i].s3_code ? cases[i].s3_code : "HTTP");
        assert_contains(run.outcome.message, "GET s3://bucket/k: ");
        assert_contains(run.outcome.message, cases[i].s3_code ? "REQ7" : "HEAD7");
        assert_int_equal(run.outcome.class, cases[i].transient ? ERROR_TRANSIENT : ERROR_PERMANENT);
        assert_int_equal(run.outcome.detail, cases[i].status);
        assert_int_equal(sent_count(&run), cases[i].transient ? 4 : 1);
        assert_int_equal(run.call.attempt, cases[i].transient ? 4 : 1);
        assert_int_equal(run.body.length, 0); /* an error's body is no object's */
        end(&run);

        start_texts(&run, NULL, (char *[]){text, ok_text, NULL});
        run.call.attempts_max = 2;
        go(&run);
        assert_int_equal(run.outcome.code == ERROR_NONE, cases[i].transient);
        end(&run);
        free(text);
        free(body);
    }
}

static void test_broken_connections_are_tried_again(void **state)
{
    static char cut[] = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabcd";
    static const struct origin_answer answers[] = {
        {.end = ORIGIN_RESET},
        {.bytes = cut, .end = ORIGIN_CLOSE},
        {.bytes = cut, .end = ORIGIN_RESET},
        {.bytes = ok_text},
    };
    struct run run;

    (void)state;
    start(&run, NULL, answers, ARRAY_LENGTH(answers));
    go(&run);
    s3_good(&run.outcome);
    assert_string_equal(run.answer, "hello"); /* nothing is left of what was cut */
    assert_int_equal(run.call.attempt, 4);
    end(&run);

    start(&run, NULL, answers, 3);
    go(&run);
    assert_int_equal(run.outcome.class, ERROR_TRANSIENT);
    assert_contains(run.outcome.message, "GET s3://bucket/k: ");
    end(&run);
}

static void test_a_hook_continues_at_the_last_byte(void **state)
{
    static const struct origin_answer answers[] = {
        {.bytes = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabcd", .end = ORIGIN_CLOSE},
        {.bytes = "HTTP/1.1 206 OK\r\nContent-Length: 6\r\n\r\nef", .end = ORIGIN_CLOSE},
        {.bytes = "HTTP/1.1 206 OK\r\nContent-Length: 4\r\n\r\nghij"},
    };
    struct run run;

    (void)state;
    start(&run, NULL, answers, ARRAY_LENGTH(answers));
    run.call.prepare = on_prepare;
    run.call.write = on_write;
    go(&run);
    s3_good(&run.outcome);
    assert_string_equal(run.body.data, "abcdefghij");
    assert_int_equal(run.prepare_count, 3);
    assert_true(origin_request_has(sent(&run, 1), "Range: bytes=4-9"));
    assert_true(origin_request_has(sent(&run, 2), "Range: bytes=6-9"));
    assert_contains(sent(&run, 2)->head, "SignedHeaders=host;range;");
    assert_int_equal(run.call.bytes_received, 10);
    end(&run);
}

static int64_t read_three(struct http_request *request, char *bytes, size_t size, struct error *err)
{
    struct run *run = container_of(s3_call_of(request), struct run, call);

    (void)err;
    if (run->body.length >= 3 || size < 3)
        return 0;
    for (size_t i = 0; i < 3; i++)
        bytes[i] = (char)('a' + i);
    buffer_append(&run->body, bytes, 3);
    return 3;
}

static int rewind_stream(struct s3_call *call, struct error *err)
{
    (void)err;
    buffer_clear(&container_of(call, struct run, call)->body);
    return 0;
}

static void test_a_stream_is_sent_again_only_where_it_is_rewound(void **state)
{
    char *busy = s3_answer(503, "", "");
    struct run run;

    (void)state;
    start_texts(&run, NULL, (char *[]){busy, ok_text, NULL});
    run.call.method = "PUT";
    run.call.body = (struct http_body){.kind = HTTP_BODY_STREAM, .length = 3, .read = read_three};
    go(&run);
    s3_failed(&run.outcome, ERROR_BUSY, "HTTP 503");
    assert_int_equal(sent_count(&run), 1);
    end(&run);

    start_texts(&run, NULL, (char *[]){busy, ok_text, NULL});
    run.call.method = "PUT";
    run.call.body = (struct http_body){.kind = HTTP_BODY_STREAM, .length = 3, .read = read_three};
    run.call.prepare = rewind_stream;
    go(&run);
    s3_good(&run.outcome);
    assert_string_equal(sent(&run, 1)->body, "abc");
    end(&run);
    free(busy);
}

static void test_it_is_said_how_often_it_was_tried(void **state)
{
    const struct s3_client_options options = {
        .retry = {.attempts = 3, .backoff_ms = 0, .max_backoff_ms = 1}};
    char *busy = s3_answer(503, "", ""), *wrong = s3_answer(403, "", "");
    struct run run;

    (void)state;
    start_texts(&run, &options, (char *[]){busy, busy, busy, NULL});
    go(&run);
    s3_failed(&run.outcome, ERROR_BUSY, "(given up after 3 tries)");
    end(&run);
    start_texts(&run, &options, (char *[]){busy, wrong, NULL});
    go(&run);
    assert_int_equal(run.outcome.class, ERROR_PERMANENT);
    assert_null(strstr(run.outcome.message, "tries"));
    end(&run);
    free(wrong);
    free(busy);
}

static void test_retry_after_is_heeded_within_our_limits(void **state)
{
    const struct s3_client_options options = {
        .retry = {.attempts = 2, .backoff_ms = 0, .max_backoff_ms = 60}};
    char *busy = s3_answer(503, "Retry-After: 86400\r\n", "");
    const uint64_t start_ns = time_monotonic_ns();
    struct run run;

    (void)state;
    start_texts(&run, &options, (char *[]){busy, ok_text, NULL});
    go(&run);
    s3_good(&run.outcome);
    assert_true(time_monotonic_ns() - start_ns >= 59U * 1000 * 1000);
    end(&run);
    free(busy);
}

/* --- answers that say 200 and mean something else --- */

static void test_an_error_in_a_good_answer(void **state)
{
    static char done_text[] = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n \n<Done/>\n";
    static char cut[] = "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n <Done>\n";
    static char empty[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    char *internal_body = s3_error_body("InternalError"),
         *gone_body = s3_error_body("NoSuchUpload");
    char *internal = s3_answer(200, "", internal_body), *gone = s3_answer(200, "", gone_body);
    struct run run;

    (void)state;
    start_texts(&run, NULL, (char *[]){internal, cut, empty, done_text, NULL});
    run.call.method = "POST";
    run.call.answer_is_xml = true;
    go(&run);
    s3_good(&run.outcome);
    assert_int_equal(run.call.attempt, 4);
    assert_contains(run.answer, "<Done/>");
    end(&run);

    start_texts(&run, NULL, (char *[]){gone, NULL});
    run.call.answer_is_xml = true;
    go(&run);
    s3_failed(&run.outcome, ERROR_NOT_FOUND, "NoSuchUpload, HTTP 200, request REQ7");
    assert_int_equal(sent_count(&run), 1);
    end(&run);

    start_texts(&run, NULL, (char *[]){cut, NULL});
    run.call.answer_is_xml = true;
    run.call.attempts_max = 1;
    go(&run);
    s3_failed(&run.outcome, ERROR_DATA, "the answer cannot be read");
    assert_int_equal(run.outcome.class, ERROR_TRANSIENT);
    assert_int_equal(sent_count(&run), 1);
    end(&run);

    start_texts(&run, NULL, (char *[]){internal, NULL}); /* an object may look like that */
    go(&run);
    s3_good(&run.outcome);
    end(&run);
    free(internal_body);
    free(gone_body);
    free(internal);
    free(gone);
}

/* --- the end --- */

struct last {
    struct s3_call call;
    struct s3_client *client;
};

static void on_last_done(struct s3_call *call, const struct error *err)
{
    struct last *last = container_of(call, struct last, call);

    assert_null(err);
    s3_client_free(last->client);
    free(last);
}

static void test_call_and_client_may_go_in_done(void **state)
{
    struct last *last = mem_new(struct last);
    struct run run;

    (void)state;
    start_texts(&run, NULL, (char *[]){ok_text, NULL});
    last->client = run.fixture.client;
    last->call = (struct s3_call){.method = "GET", .done = on_last_done};
    s3_call_start(last->client, &last->call);
    run.fixture.client = NULL;
    loop_run(&run.fixture.loop);
    end(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_request_is_signed_and_its_names_are_encoded),
        cmocka_unit_test(test_a_body_in_memory_is_hashed_where_nothing_else_protects_it),
        cmocka_unit_test_setup_teardown(
            test_over_tls_the_body_is_not_hashed, fixture_folder_make, fixture_folder_remove),
        cmocka_unit_test(test_the_signature_is_made_when_the_queue_is_left),
        cmocka_unit_test(test_unsigned_access_signs_nothing),
        cmocka_unit_test(test_headers_that_would_become_two_are_refused),
        cmocka_unit_test(test_each_answer_ends_or_is_tried_again),
        cmocka_unit_test(test_broken_connections_are_tried_again),
        cmocka_unit_test(test_a_hook_continues_at_the_last_byte),
        cmocka_unit_test(test_a_stream_is_sent_again_only_where_it_is_rewound),
        cmocka_unit_test(test_it_is_said_how_often_it_was_tried),
        cmocka_unit_test(test_retry_after_is_heeded_within_our_limits),
        cmocka_unit_test(test_an_error_in_a_good_answer),
        cmocka_unit_test(test_call_and_client_may_go_in_done),
    };

    return cmocka_run_group_tests_name("s3_call", tests, NULL, NULL);
}
