#include "connectors/s3/error.h"
#include "runner/base/mem.h"
#include "runner/base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void contains(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("\"%s\" is not in \"%s\"", part, text);
}

static struct error told(const struct s3_error *error, const struct s3_error_context *context)
{
    struct error err = {0};

    assert_int_equal(s3_error_set(&err, error, context), -1);
    assert_null(strpbrk(err.message, "\r\n"));
    assert_int_equal(err.detail, error->status);
    return err;
}

static const struct s3_error_context get = {.method = "GET",
    .bucket = "b",
    .key = "k",
    .access_key_id = "AKIDEXAMPLE",
    .region = "us-east-1"};

static void test_what_each_answer_means(void **state)
{
    static const struct {
        int status;
        const char *name;
        enum error_code code;
        enum error_class class;
        enum s3_remedy remedy;
        const char *hint;
    } cases[] = {
        {301, "PermanentRedirect", ERROR_IO, ERROR_PERMANENT, S3_REMEDY_REGION, "s3.region"},
        {307, "TemporaryRedirect", ERROR_IO, ERROR_PERMANENT, S3_REMEDY_REGION, "s3.region"},
        {304, NULL, ERROR_EXISTS, ERROR_PERMANENT, S3_REMEDY_NONE, "not modified"},
        {400, NULL, ERROR_IO, ERROR_PERMANENT, S3_REMEDY_REGION, "malformed"},
        {400, "RequestTimeout", ERROR_TIMEOUT, ERROR_TRANSIENT, S3_REMEDY_RETRY, "HTTP 400"},
        {400, "ExpiredToken", ERROR_DENIED, ERROR_PERMANENT, S3_REMEDY_CREDENTIALS, "sign in anew"},
        {400, "BadDigest", ERROR_DATA, ERROR_TRANSIENT, S3_REMEDY_RETRY, "BadDigest"},
        {400, "InvalidRequest", ERROR_IO, ERROR_PERMANENT, S3_REMEDY_NO_CHECKSUMS, "InvalidReq"},
        {400, "SomethingNew", ERROR_IO, ERROR_PERMANENT, S3_REMEDY_REGION, "SomethingNew"},
        {401, NULL, ERROR_DENIED, ERROR_PERMANENT, S3_REMEDY_NONE, "s3:GetObject"},
        {403, NULL, ERROR_DENIED, ERROR_PERMANENT, S3_REMEDY_NONE, "key id AKIDEXAMPLE needs"},
        {403, "AccessDenied", ERROR_DENIED, ERROR_PERMANENT, S3_REMEDY_NONE, "s3:ListBucket"},
        {403, "InvalidAccessKeyId", ERROR_DENIED, ERROR_PERMANENT, S3_REMEDY_NONE, "AKIDEXAMPLE"},
        {403, "SignatureDoesNotMatch", ERROR_DENIED, ERROR_PERMANENT, S3_REMEDY_NONE, "the secret"},
        {403, "RequestTimeTooSkewed", ERROR_DENIED, ERROR_PERMANENT, S3_REMEDY_CLOCK, "clock"},
        {403, "InvalidObjectState", ERROR_DENIED, ERROR_PERMANENT, S3_REMEDY_NONE, "restore"},
        {404, NULL, ERROR_NOT_FOUND, ERROR_PERMANENT, S3_REMEDY_NONE, "not found"},
        {404, "NoSuchBucket", ERROR_NOT_FOUND, ERROR_PERMANENT, S3_REMEDY_NONE, "s3.endpoint"},
        {404, "NoSuchKey", ERROR_NOT_FOUND, ERROR_PERMANENT, S3_REMEDY_NONE, "NoSuchKey"},
        {405, NULL, ERROR_NOT_SUPPORTED, ERROR_PERMANENT, S3_REMEDY_NONE, "does not do that"},
        {408, NULL, ERROR_TIMEOUT, ERROR_TRANSIENT, S3_REMEDY_RETRY, "waited"},
        {409, "BucketNotEmpty", ERROR_CONFLICT, ERROR_PERMANENT, S3_REMEDY_NONE, "BucketNotEmpty"},
        {409, "OperationAborted", ERROR_CONFLICT, ERROR_TRANSIENT, S3_REMEDY_RETRY, "Operation"},
        {412, "PreconditionFailed", ERROR_CHANGED, ERROR_PERMANENT, S3_REMEDY_NONE, "Precondition"},
        {416, "InvalidRange", ERROR_DATA, ERROR_PERMANENT, S3_REMEDY_NONE, "InvalidRange"},
        {429, NULL, ERROR_BUSY, ERROR_TRANSIENT, S3_REMEDY_RETRY, "s3.concurrency"},
        {500, "InternalError", ERROR_IO, ERROR_TRANSIENT, S3_REMEDY_RETRY, "InternalError"},
        {200, "InternalError", ERROR_IO, ERROR_TRANSIENT, S3_REMEDY_RETRY, "HTTP 200"},
        {200, "SlowDown", ERROR_BUSY, ERROR_TRANSIENT, S3_REMEDY_RETRY, "s3.concurrency"},
        {501, NULL, ERROR_NOT_SUPPORTED, ERROR_PERMANENT, S3_REMEDY_NO_CHECKSUMS, "not do that"},
        {502, NULL, ERROR_IO, ERROR_TRANSIENT, S3_REMEDY_RETRY, "HTTP 502"},
        {503, "SlowDown", ERROR_BUSY, ERROR_TRANSIENT, S3_REMEDY_RETRY, "s3.concurrency"},
        {504, NULL, ERROR_IO, ERROR_TRANSIENT, S3_REMEDY_RETRY, "HTTP 504"},
        {507, NULL, ERROR_NO_SPACE, ERROR_PERMANENT, S3_REMEDY_NONE, "full"},
        {522, NULL, ERROR_IO, ERROR_TRANSIENT, S3_REMEDY_RETRY, "HTTP 522"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        const struct s3_error error = {.status = cases[i].status, .code = cases[i].name};
        const struct error err = told(&error, &get);

        contains(err.message, "GET s3://b/k: ");
        contains(err.message, cases[i].hint);
        if (err.code != cases[i].code || err.class != cases[i].class ||
            s3_error_remedy(&error) != cases[i].remedy)
            fail_msg("%d %s: %s %s", cases[i].status, cases[i].name, error_code_name(err.code),
                error_class_name(err.class));
    }
}

static void test_the_whole_line(void **state)
{
    const struct s3_error denied = {
        .status = 403, .code = "AccessDenied", .message = "Access\nDenied", .request_id = "REQ1"};
    struct s3_error moved = {.status = 301, .code = "PermanentRedirect", .region = "eu-west-1"};
    struct s3_error_context unsigned_get = get;

    (void)state;
    unsigned_get.access_key_id = NULL;
    assert_string_equal(told(&denied, &get).message,
        "GET s3://b/k: Access\\nDenied (AccessDenied, HTTP 403, request REQ1); key id AKIDEXAMPLE "
        "needs s3:GetObject (s3:ListBucket, too, to be told what does not exist)");
    contains(told(&denied, &unsigned_get).message, "without credentials (unsigned)");
    contains(told(&moved, &get).message, "in eu-west-1, not us-east-1: set s3.region");
    moved.region = "eu-w\nest-1";
    contains(told(&moved, &get).message, "in eu-w\\nest-1, not us-east-1");
}

static void test_preconditions(void **state)
{
    const struct s3_error failed = {.status = 412, .code = "PreconditionFailed"};
    struct s3_error_context put = {.method = "PUT", .bucket = "b", .key = "k"};

    (void)state;
    assert_int_equal(told(&failed, &put).code, ERROR_CHANGED);
    put.if_none_match = true;
    assert_int_equal(told(&failed, &put).code, ERROR_EXISTS);
    assert_int_equal(told(&failed, &get).code, ERROR_CHANGED);
    contains(told(&failed, &get).message, "changed or replaced while it was read");
}

static void test_a_whole_that_is_another_stays_another(void **state)
{
    const struct s3_error digest = {.status = 400, .code = "BadDigest"};
    struct s3_error_context context = {.method = "PUT", .bucket = "b", .key = "k"};

    (void)state;
    context.subresource = "partNumber";
    assert_int_equal(told(&digest, &context).class, ERROR_TRANSIENT);
    context.method = "POST";
    context.subresource = "delete";
    assert_int_equal(told(&digest, &context).class, ERROR_TRANSIENT);
    context.subresource = "uploadId";
    assert_int_equal(told(&digest, &context).class, ERROR_PERMANENT);
}

static void test_clocks(void **state)
{
    const struct s3_error skewed = {.status = 403, .code = "RequestTimeTooSkewed"};
    struct s3_error_context context = get;

    (void)state;
    context.clock_ms = -3600 * 1000;
    contains(told(&skewed, &context).message, "3600 s ahead of the store's");
    context.clock_ms = 60 * 1000;
    contains(told(&skewed, &context).message, "60 s behind the store's");
}

static void test_what_servers_send_is_kept_short_and_printable(void **state)
{
    char message[2000], key[1025];
    const struct s3_error error = {
        .status = 400, .code = "\x1b[31mRed\xff", .message = message, .request_id = message};
    struct s3_error_context context = get;
    struct error err;

    (void)state;
    memset(message, 'm', sizeof(message) - 1);
    message[sizeof(message) - 1] = '\0';
    for (size_t i = 0; i < sizeof(key) - 1; i += 4)
        memcpy(key + i, "\xf0\x9f\x90\xa6", 4);
    key[sizeof(key) - 1] = '\0';
    context.key = key;
    err = told(&error, &context);
    assert_null(strchr(err.message, '\x1b'));
    contains(err.message, "\\x1b[31mRed\xef\xbf\xbd");
    contains(err.message, "mmm…");
    contains(err.message, "HTTP 400");
    for (const char *at = err.message; *at;) {
        const size_t length = text_utf8_length(at, strlen(at));

        assert_true(length > 0);
        at += length;
    }
}

static void test_names(void **state)
{
    char name[S3_NAME_SIZE], key[300];

    (void)state;
    assert_string_equal(s3_error_name("b", "a/ b\n", name), "s3://b/a/ b\\n");
    assert_string_equal(s3_error_name("b", NULL, name), "s3://b");
    assert_string_equal(s3_error_name(NULL, NULL, name), "s3://");
    memset(key, 'k', sizeof(key));
    memcpy(key + sizeof(key) - 5, ".csv", 5);
    s3_error_name("bucket", key, name);
    contains(name, "s3://bucket/kkk");
    contains(name, "…");
    assert_true(text_ends(name, "k.csv"));
}

static void test_reading(void **state)
{
    static const char text[] =
        "<?xml version=\"1.0\"?><Error><Code>NoSuchKey</Code><Message>gone</Message>"
        "<RequestId>R</RequestId><HostId>H</HostId><Region>eu-west-1</Region></Error>";
    struct s3_error error = {.status = 404, .request_id = "from the head"};
    struct arena arena;

    (void)state;
    arena_init(&arena);
    assert_false(s3_error_parse("<html/>", 7, &arena, &error));
    assert_false(s3_error_parse("", 0, &arena, &error));
    assert_null(error.code);
    assert_string_equal(error.request_id, "from the head");
    assert_true(s3_error_parse("<Error><Code/></Error>", 22, &arena, &error));
    assert_null(error.code);
    assert_true(s3_error_parse(text, sizeof(text) - 1, &arena, &error));
    assert_string_equal(error.code, "NoSuchKey");
    assert_string_equal(error.message, "gone");
    assert_string_equal(error.request_id, "R");
    assert_string_equal(error.host_id, "H");
    assert_string_equal(error.region, "eu-west-1");
    assert_int_equal(error.status, 404);
    arena_deinit(&arena);
}

static void test_actions(void **state)
{
    static const struct {
        const char *method, *bucket, *key, *subresource, *action;
    } cases[] = {
        {"GET", NULL, NULL, NULL, "s3:ListAllMyBuckets"},
        {"GET", "b", NULL, "list-type", "s3:ListBucket"},
        {"GET", "b", NULL, "versions", "s3:ListBucketVersions"},
        {"POST", "b", NULL, "delete", "s3:DeleteObject"},
        {"HEAD", "b", "k", NULL, "s3:GetObject"},
        {"PUT", "b", "k", "partNumber", "s3:PutObject"},
        {"DELETE", "b", "k", "uploadId", "s3:AbortMultipartUpload"},
        {"DELETE", "b", "k", NULL, "s3:DeleteObject"},
        {"PATCH", "b", "k", NULL, "permission for that"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        const struct s3_error_context context = {.method = cases[i].method,
            .bucket = cases[i].bucket,
            .key = cases[i].key,
            .subresource = cases[i].subresource};

        assert_string_equal(s3_error_action(&context), cases[i].action);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_each_answer_means),
        cmocka_unit_test(test_the_whole_line),
        cmocka_unit_test(test_preconditions),
        cmocka_unit_test(test_a_whole_that_is_another_stays_another),
        cmocka_unit_test(test_clocks),
        cmocka_unit_test(test_what_servers_send_is_kept_short_and_printable),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_reading),
        cmocka_unit_test(test_actions),
    };

    return cmocka_run_group_tests_name("s3_error", tests, NULL, NULL);
}
