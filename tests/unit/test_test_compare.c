/* Rows that a test expects beside those that came: what is the same, what is missing. */
#include "runner/cli/test_compare.h"

#include "runner/base/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static size_t differences(const char *wanted, const char *came, bool in_order)
{
    struct option_pair cells[] = {{"v", wanted, {0}}};
    struct test_row row = {cells, 1};
    const struct test_rows expected = {.rows = &row, .count = 1, .in_order = in_order};
    struct test_comparison comparison;
    struct arena arena;
    struct error err;
    json_t *rows = json_parse(came, strlen(came), &err);
    size_t count;

    assert_non_null(rows);
    arena_init(&arena);
    test_compare(&expected, rows, &arena, &comparison);
    count = comparison.count;
    test_comparison_deinit(&comparison);
    arena_deinit(&arena);
    json_decref(rows);
    return count;
}

static void test_values(void **state)
{
    (void)state;
    assert_int_equal(differences("a", "[{\"v\": \"a\", \"other\": 1}]", false), 0);
    assert_int_equal(differences("1.50", "[{\"v\": 1.5}]", false), 0);
    assert_int_equal(differences("1.50", "[{\"v\": \"1.5\"}]", false), 1);
    assert_int_equal(differences("true", "[{\"v\": true}]", false), 0);
    assert_int_equal(differences(NULL, "[{\"v\": null}]", false), 0);
    assert_int_equal(differences(NULL, "[{\"v\": \"\"}]", false), 1);
    assert_int_equal(differences("", "[{\"v\": null}]", false), 1);
    assert_int_equal(differences("2024-01-02", "[{\"v\": \"2024-01-02T00:00:00\"}]", false), 0);
    assert_int_equal(differences("2024-01-02", "[{\"v\": \"2024-01-02T00:00:01\"}]", false), 1);
    assert_int_equal(
        differences("2024-01-02 03:04:05", "[{\"v\": \"2024-01-02T03:04:05\"}]", false), 0);
}

static void test_rows(void **state)
{
    (void)state;
    assert_int_equal(differences("a", "[]", false), 1);
    assert_int_equal(differences("a", "[{\"v\": \"b\"}, {\"v\": \"a\"}]", false), 1);
    assert_int_equal(differences("a", "[{\"v\": \"a\"}, {\"v\": \"a\"}]", false), 1);
    assert_int_equal(differences("a", "[{\"v\": \"b\"}, {\"v\": \"a\"}]", true), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_rows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
