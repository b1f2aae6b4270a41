#include "connectors/s3/uri.h"
#include "runner/base/buffer.h"
#include "runner/base/mem.h"
#include "runner/base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void urls_are_split_at_the_bucket(void **state)
{
#define ACCESS_POINT "arn:aws:s3:eu-west-1:123456789012:accesspoint"
#define OUTPOST "arn:aws:s3-outposts:eu-west-1:123456789012:outpost"
    static const char *const cases[][3] = {
        {"s3://bucket/key", "bucket", "key"},
        {"s3://bucket", "bucket", ""},
        {"s3://bucket/", "bucket", ""},
        {"s3://bucket//key", "bucket", "/key"},
        {"s3://bucket/a/../b//c/./", "bucket", "a/../b//c/./"},
        {"s3://bucket/a b+c%20d=e?f#g&h*[i]", "bucket", "a b+c%20d=e?f#g&h*[i]"},
        {"s3://bucket/\xf0\x9f\x98\x80\xff\x01\n", "bucket", "\xf0\x9f\x98\x80\xff\x01\n"},
        {"s3://My_Bucket.example-1/k", "My_Bucket.example-1", "k"},
        {"s3://tenant:bucket/k", "tenant:bucket", "k"},
        {"s3://" ACCESS_POINT "/ap/key/x:y", ACCESS_POINT "/ap", "key/x:y"},
        {"s3://" ACCESS_POINT ":ap/key", ACCESS_POINT ":ap", "key"},
        {"s3://" ACCESS_POINT "/ap", ACCESS_POINT "/ap", ""},
        {"s3://" ACCESS_POINT ":ap:more/key", ACCESS_POINT ":ap:more", "key"},
        {"s3://" ACCESS_POINT, ACCESS_POINT, ""},
        {"s3://" OUTPOST "/op-1/accesspoint/ap/key", OUTPOST "/op-1/accesspoint/ap", "key"},
        {"s3://" OUTPOST ":op-1:accesspoint:ap/a/b", OUTPOST ":op-1:accesspoint:ap", "a/b"},
        {"s3://" OUTPOST "/op-1", OUTPOST, "op-1"},
        {"s3://arn:aws:s3:::bucket/key", "arn:aws:s3:::bucket", "key"},
        {"s3://arn:aws/key", "arn:aws", "key"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct arena arena;
        struct s3_uri uri;

        arena_init(&arena);
        assert_true(s3_uri_is(cases[i][0]));
        assert_int_equal(s3_uri_parse(cases[i][0], &arena, &uri, NULL), 0);
        assert_string_equal(uri.bucket, cases[i][1]);
        assert_string_equal(uri.key, cases[i][2]);
        arena_deinit(&arena);
    }
}

static void what_is_no_url_is_refused(void **state)
{
    static const char *const cases[][2] = {
        {"", "no s3:// URL: write s3://BUCKET/KEY"},
        {"s3:/bucket/key", "no s3:// URL: write s3://BUCKET/KEY"},
        {"https://bucket/key", "no s3:// URL: write s3://BUCKET/KEY"},
        {"s3://", "s3:// URL without a bucket: write s3://BUCKET/KEY"},
        {"s3:///key", "s3:// URL without a bucket: write s3://BUCKET/KEY"},
        {"s3://buck*/key",
            "s3://buck*: the name of a bucket cannot hold \"*\"; globs are for keys"},
        {"s3://bucket!/key", "s3://bucket!: the name of a bucket cannot hold \"!\""},
        {"s3://buc ket/key", "s3:// URL with the byte 0x20 in the bucket: letters, digits, \".\", "
                             "\"-\" and \"_\" are possible"},
        {"s3://buck\xc3\xa4t/key", "s3:// URL with the byte 0xc3 in the bucket: letters, digits, "
                                   "\".\", \"-\" and \"_\" are possible"},
        {"s3://AKID:secret@bucket/key", "s3:// URL with \"@\" in the bucket: it takes no "
                                        "credentials; put them into the environment or a profile "
                                        "(AWS_PROFILE)"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct arena arena;
        struct s3_uri uri = {"untouched", NULL};
        struct error err;

        arena_init(&arena);
        assert_int_equal(s3_uri_parse(cases[i][0], &arena, &uri, &err), -1);
        assert_int_equal(err.code, ERROR_INVALID);
        assert_string_equal(err.message, cases[i][1]);
        assert_string_equal(uri.bucket, "untouched");
        arena_deinit(&arena);
    }
}

static void names_have_their_limits(void **state)
{
    static const struct {
        int bucket, key;
        const char *message;
    } cases[] = {
        {3, 1024, NULL},
        {3, 1025, "s3://000/: a key of 1025 bytes; at most 1024 are possible"},
        {255, 1, NULL},
        {256, 1, "s3:// URL with a bucket of 256 bytes: at most 255 are possible"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        char *text = mem_printf("s3://%0*d/%0*d", cases[i].bucket, 0, cases[i].key, 0);
        struct error err = {0};
        struct arena arena;
        struct s3_uri uri;

        arena_init(&arena);
        assert_int_equal(s3_uri_parse(text, &arena, &uri, &err), cases[i].message ? -1 : 0);
        assert_string_equal(err.message, cases[i].message ? cases[i].message : "");
        arena_deinit(&arena);
        free(text);
    }
}

static void keys_are_encoded_for_the_wire(void **state)
{
    static const char *const cases[][2] = {
        {NULL, "/"},
        {"", "/"},
        {"a/b.csv", "/a/b.csv"},
        {"/a", "//a"},
        {"..//./x", "/..//./x"},
        {"a b+c%d=e?f#g&h", "/a%20b%2Bc%25d%3De%3Ff%23g%26h"},
        {"date=2024-01-01/~x_(1)*'!.gz", "/date%3D2024-01-01/~x_%281%29%2A%27%21.gz"},
        {"\xf0\x9f\x98\x80\x01\xff\n", "/%F0%9F%98%80%01%FF%0A"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct buffer path;

        buffer_init(&path, 0);
        buffer_puts(&path, "/base");
        s3_uri_append_path(cases[i][0], &path);
        assert_true(text_starts(path.data, "/base/"));
        assert_string_equal(path.data + 5, cases[i][1]);
        buffer_deinit(&path);
    }
}

static void encoded_keys_are_decoded(void **state)
{
    static const char *const cases[][2] = {
        {"", ""},
        {"a/b", "a/b"},
        {"a+b%2Bc%2bd", "a b+c+d"},
        {"%F0%9F%98%80%01%ff", "\xf0\x9f\x98\x80\x01\xff"},
        {"100%25", "100%"},
    };
    static const char *const bad[] = {"%", "a%", "%4", "%zz", "%4z", "%00", "% 1"};
    struct buffer key;
    struct error err;

    (void)state;
    buffer_init(&key, 0);
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        buffer_clear(&key);
        assert_int_equal(s3_uri_decode_key(cases[i][0], strlen(cases[i][0]), &key, NULL), 0);
        assert_string_equal(key.data, cases[i][1]);
    }
    buffer_clear(&key);
    buffer_puts(&key, "kept");
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
        assert_int_equal(s3_uri_decode_key(bad[i], strlen(bad[i]), &key, &err), -1);
        assert_int_equal(err.code, ERROR_DATA);
        assert_string_equal(key.data, "kept");
    }
    assert_int_equal(s3_uri_decode_key("%41", 2, &key, &err), -1); /* the length counts */
    buffer_deinit(&key);
}

/* Every byte goes out and comes back. */
static void keys_come_back_as_they_went(void **state)
{
    struct buffer key, path, back;

    (void)state;
    buffer_init(&key, 0);
    buffer_init(&path, 0);
    buffer_init(&back, 0);
    for (int c = 1; c < 256; c++)
        buffer_putc(&key, (char)c);
    s3_uri_append_path(key.data, &path);
    assert_int_equal(s3_uri_decode_key(path.data + 1, path.length - 1, &back, NULL), 0);
    assert_string_equal(back.data, key.data);
    buffer_deinit(&key);
    buffer_deinit(&path);
    buffer_deinit(&back);
}

static void names_are_shown_in_one_line(void **state)
{
    static const char *const cases[][3] = {
        {"bucket", NULL, "s3://bucket"},
        {"bucket", "", "s3://bucket/"},
        {"bucket", "a b/%20/\xc3\xa4", "s3://bucket/a b/%20/\xc3\xa4"},
        {"bucket", "a\nb\x1b[1m\xff", "s3://bucket/a\\nb\\x1b[1m\xef\xbf\xbd"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct buffer text;

        buffer_init(&text, 0);
        s3_uri_append_shown(cases[i][0], cases[i][1], &text);
        assert_string_equal(text.data, cases[i][2]);
        buffer_deinit(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(urls_are_split_at_the_bucket),
        cmocka_unit_test(what_is_no_url_is_refused),
        cmocka_unit_test(names_have_their_limits),
        cmocka_unit_test(keys_are_encoded_for_the_wire),
        cmocka_unit_test(encoded_keys_are_decoded),
        cmocka_unit_test(keys_come_back_as_they_went),
        cmocka_unit_test(names_are_shown_in_one_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
