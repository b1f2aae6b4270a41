#include "runner/base/text.h"

#include "runner/base/buffer.h"
#include "runner/base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_globs(void **state)
{
    static const struct {
        const char *pattern, *key;
        bool matches;
    } cases[] = {
        {"a.csv", "a.csv", true},
        {"a.csv", "a.csvx", false},
        {"*.csv", "a.csv", true},
        {"*.csv", ".csv", true},
        {"*.csv", "d/a.csv", false},
        {"d/*/x", "d/e/x", true},
        {"d/*/x", "d/e/f/x", false},
        {"**/x", "d/e/f/x", true},
        {"**/x", "x", true},
        {"d/**/x-*", "d/x-1", true},
        {"d/**/x-*", "d/e/f/x-1.parquet", true},
        {"d/**/x-*", "d/e/x", false},
        {"d/**", "d/e/f", true},
        {"**", "anything/at/all", true},
        {"?.csv", "a.csv", true},
        {"?.csv", "/.csv", false},
        {"a?c", "ac", false},
        {"[ab].csv", "b.csv", true},
        {"[a-c]x", "bx", true},
        {"[!a-c]x", "bx", false},
        {"[!a-c]x", "dx", true},
        {"[]]x", "]x", true},
        {"[ab", "a", false},
        {"*a*b*c", "xaxbxc", true},
        {"*a*b*c", "xaxcxb", false},
        {"*.csv*", "a.csv.gz", true},
        {"a*", "a", true},
        {"", "", true},
        {"", "a", false},
        {"*", "", true},
        {"**/a*/b", "x/a1/c/a2/b", true},
        {"aaa*aaa*aaa*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        if (text_glob(cases[i].pattern, cases[i].key) != cases[i].matches)
            fail_msg("%s on %s", cases[i].pattern, cases[i].key);
    }
    assert_true(text_has_glob("a[b"));
    assert_false(text_has_glob("a/b.csv"));
}

static void test_nearest(void **state)
{
    static const char *const modes[] = {"append", "overwrite", "upsert", "delete", NULL};

    (void)state;
    assert_string_equal(text_nearest("apend", modes), "append");
    assert_string_equal(text_nearest("Append", modes), "append");
    assert_string_equal(text_nearest("upsret", modes), "upsert");
    assert_string_equal(text_nearest("overwite", modes), "overwrite");
    assert_null(text_nearest("truncate", modes));
    assert_null(text_nearest("", modes));
    assert_null(text_nearest("x", (const char *const[]){"y", NULL}));
}

static void test_names(void **state)
{
    char name[300];

    (void)state;
    assert_true(text_is_name("a_b-1", "_-"));
    assert_true(text_is_name("1a", ""));
    assert_false(text_is_name("-a", "_-"));
    assert_false(text_is_name("A", ""));
    assert_false(text_is_name("", ""));
    assert_false(text_is_name("a-b", "_"));
    memset(name, 'a', sizeof(name));
    name[255] = '\0';
    assert_true(text_is_name(name, ""));
    name[255] = 'a';
    name[256] = '\0';
    assert_false(text_is_name(name, ""));
}

static const char *valid(struct buffer *buffer, const char *bytes)
{
    buffer_clear(buffer);
    text_append_valid(buffer, bytes, strlen(bytes));
    return buffer->data;
}

static void test_utf8(void **state)
{
    struct buffer buffer;

    (void)state;
    buffer_init(&buffer, 0);
    assert_string_equal(valid(&buffer, "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x90\xa6"),
        "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x90\xa6");
    assert_string_equal(valid(&buffer, "a\xff"
                                       "b"),
        "a\xef\xbf\xbd"
        "b");
    assert_string_equal(valid(&buffer, "\xc3"), "\xef\xbf\xbd");
    assert_int_equal(text_utf8_length("\xc0\x80", 2), 0);         /* overlong */
    assert_int_equal(text_utf8_length("\xed\xa0\x80", 3), 0);     /* a surrogate */
    assert_int_equal(text_utf8_length("\xf4\x90\x80\x80", 4), 0); /* above U+10FFFF */
    assert_int_equal(text_utf8_length("\xf0\x9f\x90", 3), 0);     /* cut off */
    assert_int_equal(text_utf8_length("", 0), 0);
    buffer_deinit(&buffer);
}

static void test_quoting(void **state)
{
    struct buffer buffer;

    (void)state;
    buffer_init(&buffer, 0);
    text_append_sql_literal(&buffer, "it's");
    text_append_sql_name(&buffer, "a \"b\"");
    assert_string_equal(buffer.data, "'it''s'\"a \"\"b\"\"\"");
    buffer_clear(&buffer);
    text_append_printable(&buffer, "a\nb\t\x1b[31m\x7f");
    assert_string_equal(buffer.data, "a\\nb\\t\\x1b[31m\\x7f");
    buffer_deinit(&buffer);
}

static void test_comparisons(void **state)
{
    (void)state;
    assert_true(text_starts("s3://x", "s3:"));
    assert_false(text_starts("s3", "s3:"));
    assert_true(text_ends("x.csv.gz", ".gz"));
    assert_false(text_ends("gz", ".gz"));
    assert_true(text_equal(NULL, NULL));
    assert_false(text_equal(NULL, ""));
}

static void test_urls(void **state)
{
    static const char *const cases[][2] = {
        {"https://h/x.csv?sig=secret", "https://h/x.csv?…"},
        {"https://user:secret@h:1/x.csv", "https://h:1/x.csv"},
        {"http://a@b@h", "http://h"},
        {"http://h/x#secret", "http://h/x"},
        {"http://h/@x", "http://h/@x"},
        {"http://h/x\n", "http://h/x\\n"},
        {"s3://b/a?b#c", "s3://b/a?b#c"},
        {"data/*?.csv", "data/*?.csv"},
        {"", ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct buffer shown;

        buffer_init(&shown, 0);
        text_append_url(&shown, cases[i][0]);
        assert_string_equal(shown.data, cases[i][1]);
        buffer_deinit(&shown);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_globs),
        cmocka_unit_test(test_nearest),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_utf8),
        cmocka_unit_test(test_quoting),
        cmocka_unit_test(test_comparisons),
        cmocka_unit_test(test_urls),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
