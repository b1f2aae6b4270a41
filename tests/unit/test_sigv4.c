/* S3's own rules, with the examples of AWS's documentation ("Signature Calculations for the
 * Authorization Header"), the key cache and the limits. The vectors are test_sigv4_vectors.c's. */
#include "connectors/aws/credentials.h"
#include "connectors/aws/sigv4.h"
#include "runner/base/mem.h"
#include "runner/base/text.h"
#include "runner/base/time.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static const struct aws_credentials example = {
    .access_key_id = "AKIAIOSFODNN7EXAMPLE",
    .secret_access_key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
};
static const struct aws_credentials with_token = {
    .access_key_id = "AKIAIOSFODNN7EXAMPLE",
    .secret_access_key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    .session_token = "a/token+of=some kind",
};

#define EXAMPLE_DAY "20130524T000000Z"
enum { EXAMPLE_HEADERS_MAX = 5 };

struct example {
    const char *method, *path, *query, *payload;
    struct http_header headers[EXAMPLE_HEADERS_MAX];
    const char *signature;
};

static struct sigv4_request s3_request(const char *method, const char *path, const char *query)
{
    static const struct http_header host = {"Host", "examplebucket.s3.amazonaws.com"};

    return (struct sigv4_request){.method = method,
        .path = path,
        .query = query,
        .headers = &host,
        .header_count = 1,
        .payload = SIGV4_UNSIGNED_PAYLOAD,
        .region = "us-east-1",
        .service = "s3",
        .time_ms = INT64_C(1369353600000)};
}

static void the_documented_requests_are_signed(void **state)
{
    static const struct example examples[] = {
        {"GET", "/test.txt", NULL, SIGV4_EMPTY_PAYLOAD,
            {{"Range", "bytes=0-9"}, {"x-amz-content-sha256", SIGV4_EMPTY_PAYLOAD}},
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"},
        {"PUT", "/test%24file.text", NULL,
            "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
            {{"Date", "Fri, 24 May 2013 00:00:00 GMT"},
                {"x-amz-storage-class", "REDUCED_REDUNDANCY"},
                {"x-amz-content-sha256",
                    "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072"}},
            "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"},
        {"GET", "/", "lifecycle", SIGV4_EMPTY_PAYLOAD,
            {{"x-amz-content-sha256", SIGV4_EMPTY_PAYLOAD}},
            "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"},
        {"GET", "/", "max-keys=2&prefix=J", SIGV4_EMPTY_PAYLOAD,
            {{"x-amz-content-sha256", SIGV4_EMPTY_PAYLOAD}},
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"},
    };
    struct sigv4_key key = {0};
    struct buffer value;

    (void)state;
    buffer_init(&value, 0);
    for (size_t i = 0; i < ARRAY_LENGTH(examples); i++) {
        const struct example *at = &examples[i];
        struct sigv4_request request = s3_request(at->method, at->path, at->query);
        struct http_header headers[EXAMPLE_HEADERS_MAX + 2] = {
            {"Host", "examplebucket.s3.amazonaws.com"}, {"x-amz-date", EXAMPLE_DAY}};

        request.headers = headers;
        request.header_count = 2;
        request.payload = at->payload;
        for (size_t j = 0; j < EXAMPLE_HEADERS_MAX && at->headers[j].name; j++)
            headers[request.header_count++] = at->headers[j];
        buffer_clear(&value);
        assert_int_equal(sigv4_authorization(&request, &example, &key, &value, NULL), 0);
        assert_true(text_starts(value.data,
            "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
            "SignedHeaders="));
        assert_string_equal(strrchr(value.data, '=') + 1, at->signature);
    }
    buffer_deinit(&value);
    sigv4_key_deinit(&key);
}

/* The constant goes into the canonical request as it is. */
static void the_documented_streaming_payload_is_signed(void **state)
{
    static const char payload[] = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD";
    static const struct http_header headers[] = {
        {"Host", "s3.amazonaws.com"},
        {"x-amz-date", EXAMPLE_DAY},
        {"x-amz-storage-class", "REDUCED_REDUNDANCY"},
        {"x-amz-content-sha256", payload},
        {"Content-Encoding", "aws-chunked"},
        {"x-amz-decoded-content-length", "66560"},
        {"Content-Length", "66824"},
    };
    struct sigv4_request request = s3_request("PUT", "/examplebucket/chunkObject.txt", NULL);
    struct buffer value;

    (void)state;
    request.headers = headers;
    request.header_count = ARRAY_LENGTH(headers);
    request.payload = payload;
    buffer_init(&value, 0);
    assert_int_equal(sigv4_authorization(&request, &example, NULL, &value, NULL), 0);
    assert_string_equal(strrchr(value.data, '=') + 1,
        "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9");
    buffer_deinit(&value);
}

static void the_documented_url_is_presigned(void **state)
{
    const struct sigv4_request request = s3_request("GET", "/test.txt", NULL);
    struct buffer query;

    (void)state;
    buffer_init(&query, 0);
    buffer_puts(&query, "/test.txt?");
    assert_int_equal(sigv4_presign(&request, &example, 86400, NULL, &query, NULL), 0);
    assert_string_equal(query.data,
        "/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F"
        "20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-SignedHeaders="
        "host&X-Amz-Expires=86400&X-Amz-Signature="
        "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404");
    buffer_deinit(&query);
}

/* --- canonical requests --- */

/* Its second and third line. */
static void expect_path_and_query(
    const struct sigv4_request *request, const char *path, const char *query)
{
    struct buffer text;
    char *lines;

    buffer_init(&text, 0);
    assert_int_equal(sigv4_canonical_request(request, &text, NULL), 0);
    lines = mem_printf("%s\n%s\n%s\nhost:", request->method, path, query);
    if (!text_starts(text.data, lines))
        fail_msg("expected:\n%s\nfound:\n%s", lines, text.data);
    free(lines);
    buffer_deinit(&text);
}

static void s3_paths_stay_as_they_go_out(void **state)
{
    static const char *const cases[][2] = {
        {"/a//b/../c/./d", "/a//b/../c/./d"},
        {"//", "//"},
        {"/a%20b%2Bc%25d%3De", "/a%20b%2Bc%25d%3De"},
        {"/%F0%9F%98%80", "/%F0%9F%98%80"},
        {"/%f0%9f%98%80", "/%F0%9F%98%80"}, /* as the server encodes what it decoded */
        {"/a+b(1)!", "/a%2Bb%281%29%21"},
        {"/a%2fb%2Fc", "/a%2Fb%2Fc"},
        {"/%41%7e", "/A~"},
        {"/100%", "/100%25"},
        {"/%zz%4", "/%25zz%254"},
        {"", "/"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        const struct sigv4_request request = s3_request("GET", cases[i][0], NULL);

        expect_path_and_query(&request, cases[i][1], "");
    }
}

static void other_paths_are_normalized_and_encoded_again(void **state)
{
    static const char *const cases[][2] = {
        {"/a//b/../c/./d", "/a/c/d"},
        {"/../..", "/"},
        {"/a/..", "/"},
        {"/a/../../b/", "/b/"},
        {"//", "/"},
        {"/.../..a", "/.../..a"},
        {"/a%20b", "/a%2520b"},
        {NULL, "/"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct sigv4_request request = s3_request("GET", cases[i][0], NULL);

        request.normalize_path = request.encode_path_twice = true;
        expect_path_and_query(&request, cases[i][1], "");
    }
}

static void queries_are_sorted_by_name_then_value(void **state)
{
    static const char *const cases[][2] = {
        {"", ""},
        {"&&", ""},
        {"uploads", "uploads="},
        {"uploadId=x%2Fy&partNumber=2", "partNumber=2&uploadId=x%2Fy"},
        {"a-b=1&a=2&a%2D=3", "a=2&a-=3&a-b=1"}, /* "-" is before "=", but names are compared */
        {"a=2&a=10&a=1&a", "a=&a=1&a=10&a=2"},
        {"b=1&a=x=y&A=+", "A=%2B&a=x%3Dy&b=1"},
        {"prefix=%c3%a4/", "prefix=%C3%A4%2F"},
        {"=1", "=1"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        const struct sigv4_request request = s3_request("GET", "/", cases[i][0]);

        expect_path_and_query(&request, "/", cases[i][1]);
    }
}

static void headers_are_sorted_joined_and_trimmed(void **state)
{
    static const struct http_header headers[] = {
        {"X-Amz-Meta-b", "  two   words\t\r\n\tmore "},
        {"host", "h"},
        {"x-amz-meta-B", "again"},
        {"X-Amz-Meta-A", ""},
        {"X-Amz-Meta_a", "\xff"},
        {"X-AMZ-META-b", " "},
    };
    struct sigv4_request request = s3_request("HEAD", "/", NULL);
    struct buffer text;

    (void)state;
    request.headers = headers;
    request.header_count = ARRAY_LENGTH(headers);
    buffer_init(&text, 0);
    buffer_puts(&text, "kept ");
    assert_int_equal(sigv4_canonical_request(&request, &text, NULL), 0);
    assert_string_equal(text.data,
        "kept HEAD\n/\n\nhost:h\nx-amz-meta-a:\nx-amz-meta-b:two words more,again,\n"
        "x-amz-meta_a:\xff\n\nhost;x-amz-meta-a;x-amz-meta-b;x-amz-meta_a\nUNSIGNED-PAYLOAD");
    buffer_deinit(&text);
}

/* Every byte, once as a key and once in a query: encoded, it is canonical. */
static void any_byte_can_be_in_a_key(void **state)
{
    struct buffer path, text;
    char byte[2] = "";

    (void)state;
    buffer_init(&path, 0);
    buffer_init(&text, 0);
    for (int c = 1; c < 256; c++) {
        const char *const unreserved = "-._~";
        const bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
                           (c >= 'a' && c <= 'z') || strchr(unreserved, c);
        struct sigv4_request request = s3_request("GET", NULL, NULL);
        char expected[8];

        byte[0] = (char)c;
        snprintf(expected, sizeof(expected), plain || c == '/' ? "/%c" : "/%%%02X", c);
        buffer_clear(&path);
        buffer_putc(&path, '/');
        sigv4_encode(byte, 1, true, &path);
        assert_string_equal(path.data, expected);
        request.path = path.data;
        expect_path_and_query(&request, expected, "");
        buffer_clear(&text);
        sigv4_encode(byte, 1, false, &text);
        snprintf(expected, sizeof(expected), plain ? "%c" : "%%%02X", c);
        assert_string_equal(text.data, expected);
    }
    buffer_deinit(&path);
    buffer_deinit(&text);
}

static void a_session_token_is_signed_or_left_out(void **state)
{
    struct sigv4_request request = s3_request("GET", "/", "prefix=a");
    struct buffer inside, outside, plain;

    (void)state;
    buffer_init(&inside, 0);
    buffer_init(&outside, 0);
    buffer_init(&plain, 0);
    assert_int_equal(sigv4_presign(&request, &with_token, 60, NULL, &inside, NULL), 0);
    assert_int_equal(sigv4_presign(&request, &example, 60, NULL, &plain, NULL), 0);
    request.omit_session_token = true;
    assert_int_equal(sigv4_presign(&request, &with_token, 60, NULL, &outside, NULL), 0);
    assert_non_null(strstr(inside.data,
        "&X-Amz-Expires=60&X-Amz-Security-Token=a%2Ftoken%2Bof%3Dsome%20kind&X-Amz-Signature="));
    assert_non_null(strstr(outside.data, "&X-Amz-Security-Token=a%2Ftoken%2Bof%3Dsome%20kind&"));
    assert_string_equal(strrchr(outside.data, '='), strrchr(plain.data, '='));
    assert_string_not_equal(strrchr(inside.data, '='), strrchr(plain.data, '='));
    buffer_deinit(&inside);
    buffer_deinit(&outside);
    buffer_deinit(&plain);
}

/* --- the key --- */

static void expect_same_as_fresh(const struct sigv4_request *request,
    const struct aws_credentials *credentials, struct sigv4_key *key)
{
    struct buffer cached, fresh;

    buffer_init(&cached, 0);
    buffer_init(&fresh, 0);
    assert_int_equal(sigv4_authorization(request, credentials, key, &cached, NULL), 0);
    assert_int_equal(sigv4_authorization(request, credentials, NULL, &fresh, NULL), 0);
    assert_string_equal(cached.data, fresh.data);
    buffer_deinit(&cached);
    buffer_deinit(&fresh);
}

static void a_key_is_used_as_long_as_it_fits(void **state)
{
    struct aws_credentials other = example;
    struct sigv4_request request = s3_request("GET", "/", NULL);
    struct sigv4_key key = {0};
    const void *context;

    (void)state;
    expect_same_as_fresh(&request, &example, &key);
    context = key.context;
    request.time_ms += MS_PER_DAY - 1; /* the same day in UTC */
    expect_same_as_fresh(&request, &example, &key);
    assert_ptr_equal(key.context, context);
    assert_string_equal(key.date, "20130524");
    request.time_ms += 1;
    expect_same_as_fresh(&request, &example, &key);
    assert_string_equal(key.date, "20130525");
    request.region = "eu-west-1";
    expect_same_as_fresh(&request, &example, &key);
    assert_string_equal(key.region, "eu-west-1");
    request.service = "sts";
    expect_same_as_fresh(&request, &example, &key);
    other.secret_access_key = "another";
    expect_same_as_fresh(&request, &other, &key);
    other.access_key_id = "AKIDOTHER";
    expect_same_as_fresh(&request, &other, &key);
    assert_string_equal(key.access_key_id, "AKIDOTHER");
    expect_same_as_fresh(&request, &example, &key);
    sigv4_key_deinit(&key);
    assert_null(key.context);
    assert_int_equal(key.secret_access_key[0], '\0');
}

/* A secret that does not fit into the cache must not be mistaken for one that begins alike. */
static void long_texts_are_signed_all_the_same(void **state)
{
    char long_secret[300], long_region[100];
    struct aws_credentials credentials = example;
    struct sigv4_request request = s3_request("GET", "/", NULL);
    struct sigv4_key key = {0};

    (void)state;
    memset(long_secret, 's', sizeof(long_secret) - 1);
    long_secret[sizeof(long_secret) - 1] = '\0';
    memset(long_region, 'r', sizeof(long_region) - 1);
    long_region[sizeof(long_region) - 1] = '\0';
    credentials.secret_access_key = long_secret;
    request.region = long_region;
    for (size_t i = 0; i < 3; i++) {
        long_secret[200 + i] = 'x';
        expect_same_as_fresh(&request, &credentials, &key);
        long_region[80 + i] = 'x';
        expect_same_as_fresh(&request, &credentials, &key);
    }
    sigv4_key_deinit(&key);
}

/* --- limits --- */

static void too_much_is_refused_and_nothing_is_appended(void **state)
{
    static struct http_header many[SIGV4_HEADERS_MAX + 1];
    struct sigv4_request request = s3_request("GET", "/", NULL);
    struct buffer query, text;
    struct error err;

    (void)state;
    buffer_init(&query, 0);
    buffer_init(&text, 0);
    buffer_puts(&text, "kept");
    for (size_t i = 0; i < ARRAY_LENGTH(many); i++)
        many[i] = (struct http_header){"x-amz-meta-a", "v"};
    for (size_t i = 0; i <= SIGV4_PARAMETERS_MAX; i++)
        buffer_puts(&query, "a=b&");
    request.query = query.data;
    assert_int_equal(sigv4_authorization(&request, &example, NULL, &text, &err), -1);
    assert_int_equal(err.code, ERROR_LIMIT);
    assert_string_equal(text.data, "kept");
    assert_int_equal(sigv4_canonical_request(&request, &text, &err), -1);
    assert_string_equal(text.data, "kept");
    buffer_truncate(&query, query.length - 4);
    assert_int_equal(sigv4_authorization(&request, &example, NULL, &text, &err), 0);
    buffer_truncate(&text, 4);

    request.query = NULL;
    request.headers = many;
    request.header_count = SIGV4_HEADERS_MAX + 1;
    assert_int_equal(sigv4_presign(&request, &example, 60, NULL, &text, &err), -1);
    assert_int_equal(err.code, ERROR_LIMIT);
    assert_int_equal(sigv4_string_to_sign(&request, &text, &err), -1);
    request.header_count = SIGV4_HEADERS_MAX;
    assert_string_equal(text.data, "kept");
    assert_int_equal(sigv4_string_to_sign(&request, &text, &err), 0);
    buffer_deinit(&query);
    buffer_deinit(&text);
}

static void a_full_buffer_is_an_error(void **state)
{
    struct sigv4_request request = s3_request("GET", "/", "a=b");

    (void)state;
    for (size_t limit = 1; limit < 100; limit++) {
        struct buffer text;
        struct error err;

        buffer_init(&text, limit);
        assert_int_equal(sigv4_authorization(&request, &example, NULL, &text, &err), -1);
        assert_int_equal(err.code, ERROR_LIMIT);
        assert_int_equal(text.length, 0);
        assert_int_equal(sigv4_presign(&request, &example, 60, NULL, &text, &err), -1);
        assert_int_equal(text.length, 0);
        assert_int_equal(sigv4_string_to_sign(&request, &text, &err), -1);
        assert_int_equal(text.length, 0);
        buffer_clear(&text);
        assert_int_equal(sigv4_canonical_request(&request, &text, &err), limit < 68 ? -1 : 0);
        assert_int_equal(text.length, limit < 68 ? 0 : 68);
        buffer_deinit(&text);
    }
}

static void a_url_holds_for_seven_days_at_most(void **state)
{
    const struct sigv4_request request = s3_request("GET", "/", NULL);
    struct buffer query;
    struct error err;

    (void)state;
    buffer_init(&query, 0);
    assert_int_equal(sigv4_presign(&request, &example, 0, NULL, &query, &err), -1);
    assert_int_equal(err.code, ERROR_INVALID);
    assert_int_equal(sigv4_presign(&request, &example, 604801, NULL, &query, &err), -1);
    assert_int_equal(query.length, 0);
    assert_int_equal(sigv4_presign(&request, &example, 604800, NULL, &query, &err), 0);
    buffer_deinit(&query);
}

static void dates_and_hashes_are_written(void **state)
{
    char date[SIGV4_DATE_SIZE], hash[SIGV4_HASH_SIZE];

    (void)state;
    assert_string_equal(sigv4_date(INT64_C(1440938160999), date), "20150830T123600Z");
    assert_string_equal(sigv4_date(0, date), "19700101T000000Z");
    assert_int_equal(sigv4_hash("", 0, hash, NULL), 0);
    assert_string_equal(hash, SIGV4_EMPTY_PAYLOAD);
    assert_int_equal(sigv4_hash("Welcome to Amazon S3.", 21, hash, NULL), 0);
    assert_string_equal(hash, "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072");
}

/* Said, not judged: machines differ. */
static void the_time_of_a_signature_is_said(void **state)
{
    enum { ROUNDS = 20000 };
    static const struct http_header headers[] = {
        {"Host", "examplebucket.s3.amazonaws.com"},
        {"X-Amz-Date", EXAMPLE_DAY},
        {"X-Amz-Content-Sha256", SIGV4_UNSIGNED_PAYLOAD},
        {"Range", "bytes=0-8388607"},
    };
    struct sigv4_request request = s3_request("GET", "/data/2013/05/24/part-00017.parquet", NULL);
    struct sigv4_key key = {0};
    struct buffer value;
    clock_t start;

    (void)state;
    request.headers = headers;
    request.header_count = ARRAY_LENGTH(headers);
    buffer_init(&value, 0);
    start = clock();
    for (size_t i = 0; i < ROUNDS; i++) {
        buffer_clear(&value);
        assert_int_equal(sigv4_authorization(&request, &example, &key, &value, NULL), 0);
    }
    print_message("%.2f us of CPU a signature\n",
        (double)(clock() - start) * 1e6 / CLOCKS_PER_SEC / (double)ROUNDS);
    buffer_deinit(&value);
    sigv4_key_deinit(&key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_documented_requests_are_signed),
        cmocka_unit_test(the_documented_streaming_payload_is_signed),
        cmocka_unit_test(the_documented_url_is_presigned),
        cmocka_unit_test(s3_paths_stay_as_they_go_out),
        cmocka_unit_test(other_paths_are_normalized_and_encoded_again),
        cmocka_unit_test(queries_are_sorted_by_name_then_value),
        cmocka_unit_test(headers_are_sorted_joined_and_trimmed),
        cmocka_unit_test(any_byte_can_be_in_a_key),
        cmocka_unit_test(a_session_token_is_signed_or_left_out),
        cmocka_unit_test(a_key_is_used_as_long_as_it_fits),
        cmocka_unit_test(long_texts_are_signed_all_the_same),
        cmocka_unit_test(too_much_is_refused_and_nothing_is_appended),
        cmocka_unit_test(a_full_buffer_is_an_error),
        cmocka_unit_test(a_url_holds_for_seven_days_at_most),
        cmocka_unit_test(dates_and_hashes_are_written),
        cmocka_unit_test(the_time_of_a_signature_is_said),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
