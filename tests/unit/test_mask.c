/* What is masked in a file, whatever pieces its bytes come in. */
#include "connectors/recorded/mask.h"

#include "runner/base/mem.h"
#include "runner/base/sha256.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const char *secret_names[] = {"s"};
static const struct text_list secret = {secret_names, 1};
static const struct mask csv = {.what = "extract.x",
    .format = FORMAT_CSV,
    .csv = {.header = true},
    .columns = {secret_names, 1}};

/* "<abc>" in the expected text is the digest of abc. */
static void expand(const char *expected, struct buffer *text)
{
    for (; *expected; expected++) {
        const char *end = *expected == '<' ? strchr(expected, '>') : NULL;
        char digest[SHA256_TEXT_SIZE];

        if (!end) {
            buffer_putc(text, *expected);
            continue;
        }
        sha256_text(expected + 1, (size_t)(end - expected) - 1, digest);
        buffer_printf(text, "sha256:%.16s", digest);
        expected = end;
    }
}

static int run_mask(const struct mask *mask, const char *input, size_t piece, struct buffer *output,
    struct error *err)
{
    const size_t length = strlen(input);
    struct masking masking;
    int rc = 0;

    masking_init(&masking, mask, output);
    for (size_t at = 0; at < length && rc == 0; at += piece)
        rc = masking_add(&masking, input + at, MIN(piece, length - at), err);
    if (rc == 0)
        rc = masking_end(&masking, err);
    masking_deinit(&masking);
    return rc;
}

static void assert_masks(const struct mask *mask, const char *input, const char *expected)
{
    struct buffer wanted;

    buffer_init(&wanted, 0);
    expand(expected, &wanted);
    for (size_t piece = 1; piece <= strlen(input) + 1; piece++) {
        struct error err = {0};
        struct buffer output;

        buffer_init(&output, 0);
        if (run_mask(mask, input, piece, &output, &err))
            fail_msg("%s: %s", input, err.message);
        assert_string_equal(output.data, wanted.data);
        buffer_deinit(&output);
    }
    buffer_deinit(&wanted);
}

static void test_csv(void **state)
{
    (void)state;
    assert_masks(&csv, "a,s\n1,x\n2,yy", "a,s\n1,<x>\n2,<yy>");
    assert_masks(&csv, "a,s\r\n1,x\r\n", "a,s\r\n1,<x>\r\n");
    assert_masks(&csv, "S\nx\n\nx\n", "S\n<x>\n\n<x>\n");
    assert_masks(&csv, "\xef\xbb\xbf\"s\",a\nx,1\n", "\xef\xbb\xbf\"s\",a\n<x>,1\n");
    assert_masks(&csv, "a,s\n1,\n2,\"\"\n", "a,s\n1,\n2,\"\"\n");
    assert_masks(&csv, "a,s,b\n\"1\n,2\",\"x,\"\"y\n\",3\n", "a,s,b\n\"1\n,2\",\"<x,\"y\n>\",3\n");
    assert_masks(&csv, "a,s\n1,x,y\nz\n3,w\n", "a,s\n<1>,<x>,<y>\n<z>\n3,<w>\n");
    assert_masks(&csv, "a,s\n,it\"s\n", "a,s\n,<it\"s>\n");
    assert_masks(&csv, "a,b,s\n1,x\"\"y,z\n2,b,c\n", "a,b,s\n1,x\"\"y,<z>\n2,b,<c>\n");
}

static void test_dialects(void **state)
{
    static const char *names[] = {"a", "s"}, *nulls[] = {"NA"};
    struct mask mask = csv;

    (void)state;
    mask.csv = (struct csv_dialect){.delimiter = "||",
        .quote = "'",
        .escape = "\\",
        .header = true,
        .skip = 2,
        .nulls = {nulls, 1}};
    assert_masks(&mask, "it's\nx||y\na||s\n1||'x\\'\n||y'\n2||NA\n",
        "it's\nx||y\na||s\n1||'<x'\n||y>'\n2||NA\n");
    mask = csv;
    mask.csv.header = false;
    mask.names = (struct text_list){names, 2};
    assert_masks(&mask, "1,x,more\n2\n", "1,<x>,more\n<2>\n");
}

static void test_what_cannot_be_masked(void **state)
{
    static const struct {
        const char *input, *says;
    } cases[] = {
        {"a;s\n1;x\n", "which is not in the header with the delimiter \",\""},
        {"a,b\n1,x\n", "masks column \"s\""},
        {"a,s\r1,x\r", "a carriage return alone"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct error err = {0};
        struct buffer output;

        buffer_init(&output, 0);
        assert_int_equal(run_mask(&csv, cases[i].input, 3, &output, &err), -1);
        assert_non_null(strstr(err.message, cases[i].says));
        assert_int_equal(output.length, 0);
        buffer_deinit(&output);
    }
}

static void test_ndjson(void **state)
{
    const struct mask mask = {.what = "extract.x", .format = FORMAT_NDJSON, .columns = secret};

    (void)state;
    assert_masks(&mask, "{\"a\": 1, \"s\" : \"x\\\"}\" , \"b\":[{\"s\":2}]}\n",
        "{\"a\": 1, \"s\" : \"<x\\\"}>\" , \"b\":[{\"s\":2}]}\n");
    assert_masks(&mask, "{\"S\":1.50}\n{\"s\":null}\n\n{\"s\":[1,{\"x\":\"]\"}]}",
        "{\"S\":\"<1.50>\"}\n{\"s\":null}\n\n{\"s\":\"<[1,{\"x\":\"]\"}]>\"}");
    assert_masks(&mask, "{}\n{\"\\u0073\":5,\"a\":9007199254740993000}\n",
        "{}\n{\"\\u0073\":\"<5>\",\"a\":9007199254740993000}\n");
    assert_masks(&mask, "oops s\n{\"s\":\"x\"\n[1]\n{\"s\":1}}\n{\"s\"\n",
        "<oops s>\n<{\"s\":\"x\">\n<[1]>\n<{\"s\":1}}>\n<{\"s\">\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_csv),
        cmocka_unit_test(test_dialects),
        cmocka_unit_test(test_what_cannot_be_masked),
        cmocka_unit_test(test_ndjson),
    };

    return cmocka_run_group_tests_name("mask", tests, NULL, NULL);
}
