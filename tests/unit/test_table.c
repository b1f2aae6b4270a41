#include "runner/base/table.h"

#include "runner/base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_order_and_replacement(void **state)
{
    struct table table;
    int values[3];

    (void)state;
    table_init(&table);
    assert_null(table_get(&table, "a"));
    assert_null(table_put(&table, "b", &values[0]));
    assert_null(table_put(&table, "a", &values[1]));
    assert_ptr_equal(table_put(&table, "b", &values[2]), &values[0]);
    assert_int_equal(table.count, 2);
    assert_string_equal(table.entries[0].key, "b");
    assert_ptr_equal(table_get(&table, "b"), &values[2]);
    assert_true(table_has(&table, "a"));
    assert_false(table_has(&table, "c"));
    table_deinit(&table);
    table_deinit(&table);
}

static void test_many_keys(void **state)
{
    enum { KEYS = 20000 };
    struct table table;
    char *key;

    (void)state;
    table_init(&table);
    for (uintptr_t i = 1; i <= KEYS; i++) {
        key = mem_printf("key-%zu", (size_t)i);
        assert_null(table_put(&table, key, (void *)i));
        free(key);
    }
    for (uintptr_t i = 1; i <= KEYS; i++) {
        key = mem_printf("key-%zu", (size_t)i);
        assert_int_equal((uintptr_t)table_get(&table, key), i);
        free(key);
    }
    assert_int_equal(table.count, KEYS);
    table_deinit(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order_and_replacement),
        cmocka_unit_test(test_many_keys),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
