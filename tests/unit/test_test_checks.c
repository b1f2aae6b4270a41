/* What a test says of checks that came out otherwise. */
#include "runner/cli/test_checks.h"

#include "runner/base/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const char record[] =
    "{\"tasks\":[{\"task\":\"extract.x\"},"
    "{\"task\":\"transform.a\",\"checks\":[{\"check\":\"c\",\"passed\":true,\"severity\":\"error\"}"
    ","
    "{\"check\":\"w\",\"passed\":false,\"severity\":\"warn\",\"rows\":2}]},"
    "{\"task\":\"load.a\",\"checks\":[{\"check\":\"c\",\"passed\":false,\"severity\":\"error\","
    "\"rows\":3},"
    "{\"check\":\"q\",\"passed\":false,\"severity\":\"quarantine\",\"rows\":1}]}]}";

static void assert_compared(const char *name, const char *expected, const char *fails,
    const char *record_text, bool by_check, const char *why)
{
    struct option_pair pair = {.name = name, .value = expected};
    const struct test_case test = {.checks = {&pair, name ? 1 : 0}, .fails = fails};
    struct error err;
    json_t *value = record_text ? json_parse(record_text, strlen(record_text), &err) : NULL;
    struct buffer text;

    buffer_init(&text, 0);
    assert_int_equal(test_checks_compare(&test, value, &text), by_check);
    assert_string_equal(text.data, why);
    buffer_deinit(&text);
    json_decref(value);
}

static void test_as_expected(void **state)
{
    (void)state;
    assert_compared("load.a c", "failed", NULL, record, true, "");
    assert_compared("w", "warned", "x", record, true, "");
    assert_compared("q", "quarantined", "x", record, true, "");
    assert_compared("q", "failed", "x", record, true, "");
    assert_compared("transform.a c", "passed", "x", record, true, "");
    assert_compared(NULL, NULL, NULL, NULL, false, "");
}

static void test_otherwise(void **state)
{
    (void)state;
    assert_compared("c", "failed", NULL, record, true,
        "CHECK  EXPECTED  CAME    ROWS\nc      failed    passed     0\n");
    assert_compared("w", "failed", "x", record, true,
        "CHECK  EXPECTED  CAME    ROWS\nw      failed    warned     2\n");
    assert_compared("load.b c", "failed", "x", record, true,
        "CHECK     EXPECTED  CAME           ROWS\nload.b c  failed    was not asked\n");
    assert_compared("c", "passed", NULL, NULL, false,
        "CHECK  EXPECTED  CAME           ROWS\nc      passed    was not asked\n");
}

/* It stopped the run, and nobody said that it would. */
static void test_a_surprise(void **state)
{
    (void)state;
    assert_compared("w", "warned", NULL, record, false,
        "CHECK  EXPECTED  CAME    ROWS\nc                failed     3\n");
    assert_compared(NULL, NULL, NULL, record, false,
        "CHECK  EXPECTED  CAME    ROWS\nc                failed     3\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_as_expected),
        cmocka_unit_test(test_otherwise),
        cmocka_unit_test(test_a_surprise),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
