/* What a client learns from answers, and what it never tells. */
#include "tests/unit/s3_fixture.h"

struct run {
    struct s3_fixture fixture;
    struct s3_call call;
    struct error outcome;
    unsigned done_count;
};

static void on_done(struct s3_call *call, const struct error *err)
{
    struct run *run = container_of(call, struct run, call);

    run->done_count++;
    run->outcome = err ? *err : (struct error){0};
}

static void start(struct run *run, const struct s3_client_options *options, char *const *texts)
{
    static struct origin_answer answers[8];
    struct origin_options script = {.answers = answers};

    for (; texts[script.answer_count]; script.answer_count++)
        answers[script.answer_count] = (struct origin_answer){.bytes = texts[script.answer_count]};
    *run = (struct run){0};
    run->call = (struct s3_call){.method = "GET", .bucket = "bucket", .key = "k", .done = on_done};
    s3_fixture_init(&run->fixture, options, &script);
}

static void go(struct run *run)
{
    const unsigned before = run->done_count;

    s3_call_start(run->fixture.client, &run->call);
    loop_run(&run->fixture.loop);
    assert_int_equal(run->done_count, before + 1);
}

static void end(struct run *run)
{
    s3_fixture_deinit(&run->fixture);
}

static const char *head(struct run *run, size_t index)
{
    assert_in_range(index, 0, origin_request_count(run->fixture.origin) - 1);
    return origin_request(run->fixture.origin, index)->head;
}

static size_t sent_count(struct run *run)
{
    return origin_request_count(run->fixture.origin);
}

static char ok_text[] = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

/* --- regions --- */

static void test_a_region_that_an_answer_names_is_followed_and_remembered(void **state)
{
    static char malformed_body[] =
        "<Error><Code>AuthorizationHeaderMalformed</Code><Message>wrong region</Message>"
        "<Region>eu-west-1</Region></Error>";
    static char moved_body[] = "<Error><Code>PermanentRedirect</Code><Message>elsewhere</Message>"
                               "<Endpoint>bucket.s3-eu-west-1.amazonaws.com</Endpoint></Error>";
    char *answers[] = {
        s3_answer(400, "", malformed_body),
        s3_answer(301, "", moved_body),
        s3_answer(301, "x-amz-bucket-region: eu-west-1\r\n", ""),
        s3_answer(400, "x-amz-bucket-region: eu-west-1\r\n", ""),
        s3_answer(307, "Location: https://bucket.s3.eu-west-1.amazonaws.com/k\r\n", ""),
    };
    struct run run;

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(answers); i++) {
        start(&run, NULL, (char *[]){answers[i], ok_text, NULL});
        go(&run);
        s3_good(&run.outcome);
        assert_int_equal(run.call.attempt, 1); /* it cost no attempt */
        assert_int_equal(run.call.tries, 2);
        assert_contains(head(&run, 0), "/us-east-1/s3/aws4_request");
        assert_contains(head(&run, 1), "/eu-west-1/s3/aws4_request");
        go(&run);
        assert_contains(head(&run, 2), "/eu-west-1/s3/aws4_request");
        run.call.bucket = "another";
        go(&run);
        assert_contains(head(&run, 3), "/us-east-1/s3/aws4_request");
        end(&run);
        free(answers[i]);
    }
}

static void test_a_region_is_followed_once(void **state)
{
    char *first = s3_answer(301, "x-amz-bucket-region: eu-west-1\r\n", "");
    char *second = s3_answer(301, "x-amz-bucket-region: ap-south-1\r\n", "");
    char *same = s3_answer(400, "x-amz-bucket-region: us-east-1\r\n", "");
    char *odd = s3_answer(301, "x-amz-bucket-region: evil.example/\r\n", "");
    char *nowhere = s3_answer(301, "Location: https://evil.example/\r\n", "");
    struct run run;

    (void)state;
    start(&run, NULL, (char *[]){first, second, NULL});
    go(&run);
    s3_failed(&run.outcome, ERROR_IO, "the bucket is in ap-south-1, not eu-west-1: set s3.region");
    assert_int_equal(sent_count(&run), 2);
    end(&run);

    start(&run, NULL, (char *[]){same, NULL}); /* a 400 for another reason */
    go(&run);
    s3_failed(&run.outcome, ERROR_IO, "HTTP 400");
    assert_int_equal(sent_count(&run), 1);
    end(&run);

    start(&run, NULL, (char *[]){odd, NULL});
    go(&run);
    s3_failed(&run.outcome, ERROR_IO, "s3.region");
    assert_int_equal(sent_count(&run), 1);
    end(&run);

    start(&run, NULL, (char *[]){nowhere, NULL});
    go(&run);
    s3_failed(&run.outcome, ERROR_IO, "check s3.region and s3.endpoint");
    assert_int_equal(sent_count(&run), 1);
    end(&run);
    free(first);
    free(second);
    free(same);
    free(odd);
    free(nowhere);
}

static void test_more_buckets_than_are_remembered(void **state)
{
    struct run run;
    char name[16];
    struct s3_place *place;

    (void)state;
    start(&run, NULL, (char *[]){ok_text, NULL});
    assert_true(s3_client_learn_region(run.fixture.client, "bucket-0", "eu-west-1"));
    for (unsigned i = 0; i < 1000; i++) {
        snprintf(name, sizeof(name), "bucket-%u", i);
        assert_ok(s3_client_place(run.fixture.client, name, &place, NULL), &run.outcome);
        assert_string_equal(place->region, i == 0 ? "eu-west-1" : "us-east-1");
    }
    assert_ok(s3_client_place(run.fixture.client, "bucket-0", &place, NULL), &run.outcome);
    assert_string_equal(place->region, "us-east-1"); /* forgotten */
    assert_ok(s3_client_place(run.fixture.client, NULL, &place, NULL), &run.outcome);
    assert_false(s3_client_learn_region(run.fixture.client, "b", ""));
    assert_false(s3_client_learn_region(run.fixture.client, "b", "EU WEST"));
    end(&run);
}

/* --- the clock --- */

static char *skewed(int status, int64_t offset_ms, const char *body)
{
    char date[64], *headers, *text;

    s3_http_date(time_now_ms() + offset_ms, date);
    headers = mem_printf("Date: %s\r\n", date);
    text = s3_answer(status, headers, body);
    free(headers);
    return text;
}

/* X-Amz-Date of a request, minus now. */
static int64_t signed_offset_ms(struct run *run, size_t index)
{
    const char *at = strstr(head(run, index), "X-Amz-Date: ");
    struct civil c = {0};

    assert_non_null(at);
    assert_int_equal(sscanf(at, "X-Amz-Date: %4d%2d%2dT%2d%2d%2dZ", &c.year, &c.month, &c.day,
                         &c.hour, &c.minute, &c.second),
        6);
    return time_from_civil(&c) - time_now_ms();
}

static void test_a_clock_that_is_wrong_is_corrected_and_remembered(void **state)
{
    char *body = s3_error_body("RequestTimeTooSkewed");
    struct run run;

    (void)state;
    for (int i = 0; i < 2; i++) {
        const int64_t offset_ms = i ? -MS_PER_DAY : MS_PER_HOUR;
        /* The second is what HEAD says: a status and a date. */
        char *text = skewed(403, offset_ms, i ? "" : body);

        start(&run, NULL, (char *[]){text, ok_text, NULL});
        go(&run);
        s3_good(&run.outcome);
        go(&run);
        assert_int_equal(sent_count(&run), 3);
        assert_in_range(signed_offset_ms(&run, 0) + 60000, 0, 120000);
        assert_in_range(signed_offset_ms(&run, 1) - offset_ms + 60000, 0, 120000);
        assert_in_range(signed_offset_ms(&run, 2) - offset_ms + 60000, 0, 120000);
        end(&run);
        free(text);
    }
    free(body);
}

static void test_a_clock_is_corrected_once(void **state)
{
    char *body = s3_error_body("RequestTimeTooSkewed");
    char *with_date = skewed(403, MS_PER_HOUR, body), *without = s3_answer(403, "", body);
    char *in_time = skewed(403, 0, "");
    struct run run;

    (void)state;
    start(&run, NULL, (char *[]){with_date, NULL});
    go(&run);
    s3_failed(&run.outcome, ERROR_DENIED, "behind the store's: set it");
    assert_int_equal(sent_count(&run), 2);
    end(&run);

    start(&run, NULL, (char *[]){without, NULL});
    go(&run);
    s3_failed(&run.outcome, ERROR_DENIED, "set this host's clock");
    assert_int_equal(sent_count(&run), 1);
    end(&run);

    start(&run, NULL, (char *[]){in_time, NULL}); /* really denied */
    go(&run);
    s3_failed(&run.outcome, ERROR_DENIED, "needs s3:GetObject");
    assert_int_equal(sent_count(&run), 1);
    end(&run);
    free(with_date);
    free(without);
    free(in_time);
    free(body);
}

/* --- credentials --- */

static void test_a_token_that_expired_is_fetched_anew_once(void **state)
{
    char *body = s3_error_body("ExpiredToken"), *expired = s3_answer(400, "", body);
    char *on_head = s3_answer(400, "x-amz-error-code: ExpiredToken\r\n", "");
    struct run run;

    (void)state;
    for (int i = 0; i < 2; i++) {
        start(&run, NULL, (char *[]){i ? on_head : expired, ok_text, NULL});
        go(&run);
        s3_good(&run.outcome);
        assert_int_equal(s3_fixture_chain->expired_count, 1);
        assert_contains(head(&run, 0), "Credential=AKID1/");
        assert_contains(head(&run, 1), "Credential=AKID2/");
        assert_int_equal(run.call.attempt, 1);
        end(&run);
    }
    start(&run, NULL, (char *[]){expired, NULL});
    go(&run);
    s3_failed(&run.outcome, ERROR_DENIED, "sign in anew");
    assert_int_equal(sent_count(&run), 2);
    end(&run);
    free(on_head);
    free(expired);
    free(body);
}

static void test_credentials_are_waited_for(void **state)
{
    struct run run;

    (void)state;
    s3_fake_credentials.waits = true;
    start(&run, NULL, (char *[]){ok_text, NULL});
    go(&run);
    s3_good(&run.outcome);
    assert_int_equal(s3_fixture_chain->start_count, 1);
    s3_fake_credentials.fails = true;
    go(&run);
    s3_failed(&run.outcome, ERROR_DENIED, "GET s3://bucket/k: no credentials: nobody has any");
    assert_int_equal(sent_count(&run), 1);
    end(&run);
}

/* --- checksums --- */

static const struct http_header checksum_headers[] = {
    {"x-amz-checksum-crc32c", "yZRlqg=="},
    {"x-amz-sdk-checksum-algorithm", "CRC32C"},
    {"x-amz-checksum-mode", "ENABLED"},
    {"Content-MD5", "XUFAKrxLKna5cZ2REBfFkg=="},
};

static void put_with_checksums(struct run *run)
{
    run->call.method = "PUT";
    run->call.headers = checksum_headers;
    run->call.header_count = ARRAY_LENGTH(checksum_headers);
    go(run);
}

static bool has_checksums(struct run *run, size_t index)
{
    const bool first = strstr(head(run, index), "x-amz-checksum-crc32c") != NULL;

    assert_int_equal(first, strstr(head(run, index), "x-amz-sdk-checksum-algorithm") != NULL);
    assert_contains(head(run, index), "Content-MD5");
    assert_contains(head(run, index), "x-amz-checksum-mode");
    return first;
}

static void test_a_store_that_takes_no_checksums_gets_none(void **state)
{
    char *body = s3_error_body("NotImplemented"), *refused = s3_answer(501, "", body);
    struct run run;

    (void)state;
    start(&run, NULL, (char *[]){refused, ok_text, NULL});
    put_with_checksums(&run);
    s3_good(&run.outcome);
    assert_int_equal(run.call.attempt, 1);
    assert_true(has_checksums(&run, 0));
    assert_false(has_checksums(&run, 1));
    assert_false(s3_client_sends_checksums(run.fixture.client));
    put_with_checksums(&run);
    assert_false(has_checksums(&run, 2)); /* remembered */
    end(&run);
    free(refused);
    free(body);
}

static void test_a_store_that_takes_checksums_is_not_doubted(void **state)
{
    const struct s3_client_options always = {.request_checksums = S3_CHECKSUMS_WHEN_SUPPORTED};
    const struct s3_client_options never = {.request_checksums = S3_CHECKSUMS_WHEN_REQUIRED};
    char *body = s3_error_body("NotImplemented"), *refused = s3_answer(501, "", body);
    struct run run;

    (void)state;
    start(&run, NULL, (char *[]){ok_text, refused, NULL});
    put_with_checksums(&run);
    put_with_checksums(&run);
    s3_failed(&run.outcome, ERROR_NOT_SUPPORTED, "NotImplemented");
    assert_true(has_checksums(&run, 1));
    assert_int_equal(sent_count(&run), 2);
    end(&run);

    start(&run, &always, (char *[]){refused, NULL});
    put_with_checksums(&run);
    s3_failed(&run.outcome, ERROR_NOT_SUPPORTED, "NotImplemented");
    assert_int_equal(sent_count(&run), 1);
    end(&run);

    start(&run, &never, (char *[]){ok_text, NULL});
    put_with_checksums(&run);
    assert_false(has_checksums(&run, 0));
    end(&run);

    start(&run, NULL, (char *[]){refused, NULL}); /* it was not the checksums: nothing is learnt */
    put_with_checksums(&run);
    s3_failed(&run.outcome, ERROR_NOT_SUPPORTED, "NotImplemented");
    assert_int_equal(sent_count(&run), 2);
    assert_true(s3_client_sends_checksums(run.fixture.client));
    end(&run);
    free(refused);
    free(body);
}

/* --- what is told, and what never --- */

static char nonsense[] = "nonsense\r\n\r\n";

static char *read_log(int fd)
{
    const off_t size = lseek(fd, 0, SEEK_END);
    char *text = mem_calloc((size_t)size + 1, 1);

    assert_int_equal(pread(fd, text, (size_t)size, 0), size);
    return text;
}

static void no_secret_in(const char *text)
{
    if (strstr(text, S3_SECRET) || strstr(text, S3_TOKEN) || strstr(text, "Signature=") ||
        strstr(text, "prefix=the-prefix"))
        fail_msg("a secret or a query is in: %s", text);
}

static void test_no_secret_is_told(void **state)
{
    static const struct s3_query query[] = {{"prefix", "the-prefix"}};
    const struct http_header range = {"Range", "bytes=0-9"};
    const struct log_options log_options = {
        .format = LOG_FORMAT_JSON, .fd = fileno(tmpfile()), .filter = "trace"};
    struct s3_client_options options = {.log = log_new(&log_options, NULL)};
    char *quoting = s3_answer(403, "x-amz-request-id: REQ9\r\n",
        "<Error><Code>InvalidToken</Code><Message>bad: " S3_TOKEN "</Message></Error>");
    char *busy = s3_answer(503, "", ""), *log;
    struct run run;

    (void)state;
    start(&run, &options, (char *[]){busy, quoting, NULL});
    run.call.query = query;
    run.call.query_count = 1;
    run.call.headers = &range;
    run.call.header_count = 1;
    go(&run);
    s3_failed(&run.outcome, ERROR_DENIED, "InvalidToken");
    no_secret_in(run.outcome.message);
    end(&run);
    start(&run, &options, (char *[]){nonsense, NULL});
    run.call.query = query;
    run.call.query_count = 1;
    go(&run);
    no_secret_in(run.outcome.message);
    end(&run);

    log = read_log(log_options.fd);
    no_secret_in(log);
    assert_contains(log, "\"event\":\"s3.attempt\"");
    assert_contains(log, "\"method\":\"GET\",\"bucket\":\"bucket\",\"key\":\"k\","
                         "\"prefix\":\"the-prefix\",\"range\":\"bytes=0-9\"");
    assert_contains(log, "\"status\":503");
    assert_contains(log, "\"attempt\":2");
    assert_contains(log, "\"request_id\":\"REQ9\"");
    assert_contains(log, "\"first_byte_ms\":");
    free(log);
    free(busy);
    free(quoting);
    log_free(options.log);
    close(log_options.fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_region_that_an_answer_names_is_followed_and_remembered),
        cmocka_unit_test(test_a_region_is_followed_once),
        cmocka_unit_test(test_more_buckets_than_are_remembered),
        cmocka_unit_test(test_a_clock_that_is_wrong_is_corrected_and_remembered),
        cmocka_unit_test(test_a_clock_is_corrected_once),
        cmocka_unit_test(test_a_token_that_expired_is_fetched_anew_once),
        cmocka_unit_test(test_credentials_are_waited_for),
        cmocka_unit_test(test_a_store_that_takes_no_checksums_gets_none),
        cmocka_unit_test(test_a_store_that_takes_checksums_is_not_doubted),
        cmocka_unit_test(test_no_secret_is_told),
    };

    return cmocka_run_group_tests_name("s3_client", tests, NULL, NULL);
}
