/* Keys of table files: any value is one safe part of a path, and different ones stay different. */
#include "runner/base/mem.h"
#include "runner/engine/run_private.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static char *folder_of(enum partition_transform transform, const char *column, const char *value)
{
    struct partition_field field = {.transform = transform, .column = column};
    const struct load load = {
        .into_namespace = "n", .into_table = "t", .partitions = &field, .partition_count = 1};

    return partition_folder(&load, 7, &value);
}

static void assert_folder(
    enum partition_transform transform, const char *column, const char *value, const char *expected)
{
    char *folder = folder_of(transform, column, value);

    assert_string_equal(folder, expected);
    free(folder);
}

static void test_folders(void **state)
{
    const struct load plain = {.into_namespace = "n", .into_table = "t"};
    char *folder = partition_folder(&plain, 7, NULL);

    (void)state;
    assert_string_equal(folder, "n/t/7");
    free(folder);
    assert_folder(PARTITION_MONTH, "d", "2001-03", "n/t/7/d_month=2001-03");
    assert_folder(PARTITION_IDENTITY, "a b", "x/y", "n/t/7/a%20b=x%2Fy");
    assert_folder(PARTITION_IDENTITY, "d", "..", "n/t/7/d=..");
    assert_folder(PARTITION_IDENTITY, "d", "", "n/t/7/d=");
    assert_folder(PARTITION_IDENTITY, "d", "50%", "n/t/7/d=50%25");
    assert_folder(PARTITION_IDENTITY, "d", "é=", "n/t/7/d=%C3%A9%3D");
    assert_folder(PARTITION_IDENTITY, "d", NULL, "n/t/7/d=__HIVE_DEFAULT_PARTITION__");
}

static void assert_differ(const char *a, const char *b)
{
    char *x = folder_of(PARTITION_IDENTITY, "d", a), *y = folder_of(PARTITION_IDENTITY, "d", b);

    assert_string_not_equal(x, y);
    free(x);
    free(y);
}

static void test_different_values_have_different_folders(void **state)
{
    char a[401], b[401];
    char *folder;

    (void)state;
    assert_differ(NULL, "__HIVE_DEFAULT_PARTITION__");
    assert_differ("", NULL);
    assert_differ("a b", "a%20b");
    assert_differ("A", "a");
    memset(a, '/', sizeof(a) - 1);
    a[400] = '\0';
    memcpy(b, a, sizeof(b));
    b[399] = 'x';
    assert_differ(a, b);
    folder = folder_of(PARTITION_IDENTITY, "d", a);
    assert_in_range(strlen(strrchr(folder, '/')), 100, 200); /* file systems allow 255 */
    free(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_folders),
        cmocka_unit_test(test_different_values_have_different_folders),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
