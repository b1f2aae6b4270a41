/* What counts as different, and the target's objects by name. */
#include "connectors/s3/sync.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define MD5_A "\"0123456789abcdef0123456789abcdef\""
#define MD5_B "\"ffffffffffffffffffffffffffffffff\""

static struct sync_entry entry(uint64_t size, int64_t modified_ms, const char *etag)
{
    return (struct sync_entry){.size = size, .modified_ms = modified_ms, .etag = etag};
}

static bool differs(struct sync_entry source, struct sync_entry target)
{
    return sync_differs(&source, &target, false);
}

static void test_sizes(void **state)
{
    const struct sync_entry one = entry(1, 0, NULL), two = entry(2, 0, NULL);

    (void)state;
    assert_true(sync_differs(&one, &two, false));
    assert_true(sync_differs(&one, &two, true));
    assert_false(sync_differs(&one, &one, true));
    assert_true(differs(entry(1, 0, MD5_A), entry(2, 0, MD5_A)));
}

static void test_times(void **state)
{
    const struct sync_entry younger = entry(1, 5000, NULL), older = entry(1, 4000, NULL);

    (void)state;
    assert_true(sync_differs(&younger, &older, false));
    assert_false(sync_differs(&older, &younger, false));
    assert_false(sync_differs(&younger, &older, true));
    assert_false(differs(entry(1, 4999, NULL), entry(1, 4000, NULL))); /* the same second */
    assert_true(differs(entry(1, 0, NULL), entry(1, -1, NULL)));
}

static void test_etags(void **state)
{
    (void)state;
    assert_true(differs(entry(1, 0, MD5_A), entry(1, 9000, MD5_B)));
    assert_false(differs(entry(1, 9000, MD5_A), entry(1, 0, MD5_A)));
    assert_false(differs(entry(1, 9000, MD5_A), entry(1, 0, "0123456789ABCDEF0123456789ABCDEF")));
    /* Of parts, or of one side alone: the times decide. */
    assert_true(differs(entry(1, 9000, MD5_A), entry(1, 0, NULL)));
    assert_false(
        differs(entry(1, 0, MD5_A), entry(1, 9000, "\"0123456789abcdef0123456789abcdef-2\"")));
}

static void test_which_etags_are_md5s(void **state)
{
    (void)state;
    assert_true(sync_etag_is_md5(MD5_A));
    assert_true(sync_etag_is_md5("W/" MD5_A));
    assert_true(sync_etag_is_md5("0123456789abcdef0123456789abcdef"));
    assert_false(sync_etag_is_md5(NULL));
    assert_false(sync_etag_is_md5(""));
    assert_false(sync_etag_is_md5("\"\""));
    assert_false(sync_etag_is_md5("\"0123456789abcdef0123456789abcdef-12\""));
    assert_false(sync_etag_is_md5("\"0123456789abcdef0123456789abcde\""));
    assert_false(sync_etag_is_md5("\"0123456789abcdef0123456789abcdeg\""));
}

static void test_index(void **state)
{
    struct sync_index index;
    char name[32], path[64];

    (void)state;
    sync_index_init(&index);
    assert_null(sync_index_find(&index, "x"));
    for (int i = 0; i < 1000; i++) {
        const int shuffled = i * 7919 % 1000;
        const struct sync_entry item = {
            .name = name, .path = path, .size = (uint64_t)shuffled, .etag = i % 2 ? MD5_A : NULL};

        snprintf(name, sizeof(name), "dir/%d", shuffled);
        snprintf(path, sizeof(path), "t/dir/%d", shuffled);
        sync_index_add(&index, &item);
    }
    sync_index_sort(&index);
    for (int i = 0; i < 1000; i++) {
        struct sync_entry *found;

        snprintf(name, sizeof(name), "dir/%d", i);
        snprintf(path, sizeof(path), "t/dir/%d", i);
        found = sync_index_find(&index, name);
        assert_non_null(found);
        assert_string_equal(found->path, path);
        assert_int_equal(found->size, i);
        assert_false(found->seen);
        found->seen = true;
    }
    assert_null(sync_index_find(&index, "dir/1000"));
    assert_null(sync_index_find(&index, "dir"));
    sync_index_deinit(&index);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_etags),
        cmocka_unit_test(test_which_etags_are_md5s),
        cmocka_unit_test(test_index),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
