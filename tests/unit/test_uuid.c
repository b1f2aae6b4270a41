#include "runner/base/uuid.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static void test_v7_is_ordered_by_time(void **state)
{
    char a[UUID_TEXT_SIZE], b[UUID_TEXT_SIZE], again[UUID_TEXT_SIZE];

    (void)state;
    uuid_v7(1700000000000, a);
    uuid_v7(1700000000000, again);
    uuid_v7(1700000000001, b);
    assert_true(uuid_valid(a));
    assert_int_equal(a[14], '7');
    assert_non_null(strchr("89ab", a[19]));
    assert_true(strcmp(a, b) < 0);
    assert_true(strcmp(a, again) != 0);
    assert_memory_equal(a, "018bcfe5-6800", 13); /* the time, RFC 9562's layout */
}

static void test_v5_depends_on_its_parts_alone(void **state)
{
    char a[UUID_TEXT_SIZE], b[UUID_TEXT_SIZE];

    (void)state;
    uuid_v5((const char *const[]){"p", "", "2026"}, 3, a);
    uuid_v5((const char *const[]){"p", "", "2026"}, 3, b);
    assert_string_equal(a, b);
    assert_true(uuid_valid(a));
    assert_int_equal(a[14], '5');
    uuid_v5((const char *const[]){"p2", "", "026"}, 3, b);
    assert_string_not_equal(a, b);
    uuid_v5((const char *const[]){"p", "2026", ""}, 3, b);
    assert_string_not_equal(a, b);
}

static void test_what_is_no_uuid(void **state)
{
    (void)state;
    assert_false(uuid_valid(""));
    assert_false(uuid_valid("018bcfe5-6800-7000-8000-00000000000"));
    assert_false(uuid_valid("018bcfe5-6800-7000-8000-0000000000000"));
    assert_false(uuid_valid("018BCFE5-6800-7000-8000-000000000000"));
    assert_false(uuid_valid("018bcfe5x6800-7000-8000-000000000000"));
    assert_true(uuid_valid("018bcfe5-6800-7000-8000-000000000000"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_v7_is_ordered_by_time),
        cmocka_unit_test(test_v5_depends_on_its_parts_alone),
        cmocka_unit_test(test_what_is_no_uuid),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
