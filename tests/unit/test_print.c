#include "runner/cli/print.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static void test_width_counts_columns(void **state)
{
    (void)state;
    assert_int_equal(print_width(""), 0);
    assert_int_equal(print_width("abc"), 3);
    assert_int_equal(print_width("é…"), 2);
    assert_int_equal(print_width("日本"), 4);
    assert_int_equal(print_width("e\xcc\x81"), 1);        /* combining accent */
    assert_int_equal(print_width("\xf0\x9f\x90\xa6"), 2); /* a bird */
    assert_int_equal(print_width("\xff\xfe"), 2);         /* no UTF-8: a column a byte */
}

static void check_cut(const char *text, unsigned width, const char *expected)
{
    struct buffer buffer;

    buffer_init(&buffer, 0);
    print_cut(&buffer, text, width);
    assert_string_equal(buffer.data, expected);
    buffer_deinit(&buffer);
}

static void test_cut_keeps_within_columns(void **state)
{
    (void)state;
    check_cut("abcdef", 6, "abcdef");
    check_cut("abcdef", 5, "abcd…");
    check_cut("abcdef", 1, "…");
    check_cut("abcdef", 0, "");
    check_cut("日本語", 4, "日…"); /* a wide one does not fit into one column */
    check_cut("日本語", 5, "日本…");
}

static void test_counts_have_separators(void **state)
{
    char text[PRINT_COUNT_SIZE];

    (void)state;
    assert_string_equal(print_count(0, text), "0");
    assert_string_equal(print_count(999, text), "999");
    assert_string_equal(print_count(1000, text), "1,000");
    assert_string_equal(print_count(-123456, text), "-123,456");
    assert_string_equal(print_count(INT64_MAX, text), "9,223,372,036,854,775,807");
    assert_string_equal(print_count(INT64_MIN, text), "-9,223,372,036,854,775,808");
}

static char *table_text(unsigned width, bool color)
{
    static const char *const headers[] = {"NAME", ">ROWS", "NOTE", NULL};
    struct print_table *table = print_table_new(headers);
    size_t length;
    char *text;
    FILE *out = open_memstream(&text, &length);

    print_table_row(table, (const char *const[]){"a", "10,000", "one\ntwo three"});
    print_table_style(table, 0, "\033[32m");
    print_table_row(table, (const char *const[]){"longer", "7", NULL});
    print_table_end(table, out, width, 2, color);
    fclose(out);
    return text;
}

static void test_tables_are_aligned(void **state)
{
    char *text = table_text(0, false);

    (void)state;
    assert_string_equal(text, "NAME      ROWS  NOTE\n"
                              "a       10,000  one\\ntwo three\n"
                              "longer       7\n");
    free(text);
}

static void test_tables_are_cut_to_the_width(void **state)
{
    char *text = table_text(25, false);

    (void)state;
    assert_string_equal(text, "NAME      ROWS  NOTE\n"
                              "a       10,000  one\\ntwo…\n"
                              "longer       7\n");
    free(text);
}

static void test_only_styled_cells_are_coloured(void **state)
{
    char *text = table_text(0, true);

    (void)state;
    assert_non_null(strstr(text, "\033[32ma\033[0m  "));
    assert_non_null(strstr(text, "\nlonger "));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_width_counts_columns),
        cmocka_unit_test(test_cut_keeps_within_columns),
        cmocka_unit_test(test_counts_have_separators),
        cmocka_unit_test(test_tables_are_aligned),
        cmocka_unit_test(test_tables_are_cut_to_the_width),
        cmocka_unit_test(test_only_styled_cells_are_coloured),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
