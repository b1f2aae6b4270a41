#include "connectors/s3/checksum.h"
#include "runner/base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* Of "123456789"; the CRCs are the catalogue's check values. */
static const struct {
    enum s3_checksum_kind kind;
    const char *name, *header, *text, *empty, *composite; /* the latter of "1234" and "56789" */
} known[] = {
    {S3_CHECKSUM_CRC32, "CRC32", "x-amz-checksum-crc32", "y/Q5Jg==", "AAAAAA==", "rBMwBw==-2"},
    {S3_CHECKSUM_CRC32C, "CRC32C", "x-amz-checksum-crc32c", "4waSgw==", "AAAAAA==", NULL},
    {S3_CHECKSUM_CRC64NVME, "CRC64NVME", "x-amz-checksum-crc64nvme",
        "rosUhgp5mIg=", "AAAAAAAAAAA=", NULL},
    {S3_CHECKSUM_SHA1, "SHA1", "x-amz-checksum-sha1", "98O8HYCOBHMq32eZZczDTKeuNEE=",
        "2jmj7l5rSw0yVb/vlWAYkK/YBwk=", "ZPMlzVAPwgmwAy0Yd3tZeXQx43E=-2"},
    {S3_CHECKSUM_SHA256, "SHA256", "x-amz-checksum-sha256",
        "FeKw08M4keuw8e9gnsQZQgwg4yDOlMZfvIwzEkSOsiU=",
        "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
        "bnRBBTileCDVQlLT/6fZJGrqcf3O3X6G8kD8V7zZqxQ=-2"},
};

static struct s3_checksum_value value_of(enum s3_checksum_kind kind, const char *bytes)
{
    char text[S3_CHECKSUM_TEXT_SIZE];
    struct s3_checksum_value value;
    struct s3_checksum checksum;

    assert_int_equal(s3_checksum_init(&checksum, kind, NULL), 0);
    s3_checksum_update(&checksum, bytes, strlen(bytes));
    assert_int_equal(s3_checksum_text(&checksum, text, NULL), 0);
    assert_int_equal(s3_checksum_parse(kind, text, &value, NULL), 0);
    s3_checksum_deinit(&checksum);
    return value;
}

static void kinds_have_names_and_headers(void **state)
{
    (void)state;
    assert_int_equal(ARRAY_LENGTH(known), S3_CHECKSUM_KINDS - 1);
    for (size_t i = 0; i < ARRAY_LENGTH(known); i++) {
        assert_string_equal(s3_checksum_name(known[i].kind), known[i].name);
        assert_string_equal(s3_checksum_header(known[i].kind), known[i].header);
        assert_int_equal(s3_checksum_of_name(known[i].name), known[i].kind);
        assert_int_equal(s3_checksum_of_header(known[i].header), known[i].kind);
    }
    assert_int_equal(s3_checksum_of_name("crc32c"), S3_CHECKSUM_CRC32C);
    assert_int_equal(s3_checksum_of_header("X-Amz-Checksum-Sha256"), S3_CHECKSUM_SHA256);
    assert_int_equal(s3_checksum_of_header("x-amz-checksum-type"), S3_CHECKSUM_NONE);
    assert_int_equal(s3_checksum_of_name("md5"), S3_CHECKSUM_NONE);
    assert_null(s3_checksum_name(S3_CHECKSUM_NONE));
    assert_null(s3_checksum_header(S3_CHECKSUM_NONE));
}

static void bytes_in_any_pieces_make_the_text(void **state)
{
    static const char digits[] = "123456789";
    char text[S3_CHECKSUM_TEXT_SIZE];

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(known); i++) {
        for (size_t cut = 0; cut <= 9; cut++) {
            struct s3_checksum checksum;

            assert_int_equal(s3_checksum_init(&checksum, known[i].kind, NULL), 0);
            assert_int_equal(s3_checksum_text(&checksum, text, NULL), 0);
            assert_string_equal(text, known[i].empty);
            s3_checksum_update(&checksum, digits, cut);
            assert_int_equal(s3_checksum_text(&checksum, text, NULL), 0); /* changes nothing */
            s3_checksum_update(&checksum, digits + cut, 9 - cut);
            assert_int_equal(s3_checksum_text(&checksum, text, NULL), 0);
            assert_string_equal(text, known[i].text);
            s3_checksum_deinit(&checksum);
        }
    }
}

static void texts_are_parsed(void **state)
{
    static const char *const bad[] = {"", "y", "y/Q5Jg=", "y/Q5Jg",
        "y/Q5Jh==", "y/Q5J===", "y/Q5 g==", "y/Q5Jg== ", "y/Q5Jg==-", "y/Q5Jg==-0",
        "y/Q5Jg==-10001", "y/Q5Jg==-1x", "y/Q5Jg==-000001", "y/Q5Jg==3", "y/Q5JgAA",
        "y_Q5Jg==", "rosUhgp5mIg="};
    struct s3_checksum_value value;
    struct error err;

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(known); i++) {
        char *composite = mem_printf("%s-10000", known[i].text);

        assert_int_equal(s3_checksum_parse(known[i].kind, known[i].text, &value, NULL), 0);
        assert_int_equal(value.parts, 0);
        assert_int_equal(s3_checksum_parse(known[i].kind, composite, &value, NULL), 0);
        assert_int_equal(value.parts, 10000);
        assert_int_equal(value.kind, known[i].kind);
        free(composite);
    }
    assert_int_equal(s3_checksum_parse(S3_CHECKSUM_CRC32, "y/Q5Jg==-3", &value, NULL), 0);
    assert_int_equal(value.parts, 3);
    assert_int_equal(value.length, 4);
    assert_memory_equal(value.bytes, "\xcb\xf4\x39\x26", 4);
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
        assert_int_equal(s3_checksum_parse(S3_CHECKSUM_CRC32, bad[i], &value, &err), -1);
        assert_int_equal(err.code, ERROR_DATA);
        assert_int_equal(value.parts, 3);
    }
    assert_string_equal(err.message, "\"rosUhgp5mIg=\" is no CRC32 checksum");
}

static void crcs_of_parts_make_that_of_the_object(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(known) && known[i].kind <= S3_CHECKSUM_CRC64NVME; i++) {
        const struct s3_checksum_value parts[] = {value_of(known[i].kind, "1234"),
            value_of(known[i].kind, ""), value_of(known[i].kind, "56789")};
        char text[S3_CHECKSUM_TEXT_SIZE];
        struct s3_checksum whole;

        assert_int_equal(s3_checksum_init(&whole, known[i].kind, NULL), 0);
        s3_checksum_append(&whole, &parts[0], 4);
        s3_checksum_append(&whole, &parts[1], 0);
        s3_checksum_append(&whole, &parts[2], 5);
        assert_int_equal(s3_checksum_text(&whole, text, NULL), 0);
        assert_string_equal(text, known[i].text);
        s3_checksum_deinit(&whole);
    }
}

static void checksums_of_parts_make_a_composite_one(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(known); i++) {
        const struct s3_checksum_value parts[] = {
            value_of(known[i].kind, "1234"), value_of(known[i].kind, "56789")};
        char text[S3_CHECKSUM_TEXT_SIZE];
        struct s3_checksum_value value;

        assert_int_equal(s3_checksum_composite(parts, 2, text, NULL), 0);
        if (known[i].composite)
            assert_string_equal(text, known[i].composite);
        assert_int_equal(s3_checksum_parse(known[i].kind, text, &value, NULL), 0);
        assert_int_equal(value.parts, 2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds_have_names_and_headers),
        cmocka_unit_test(bytes_in_any_pieces_make_the_text),
        cmocka_unit_test(texts_are_parsed),
        cmocka_unit_test(crcs_of_parts_make_that_of_the_object),
        cmocka_unit_test(checksums_of_parts_make_a_composite_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
