/* Where quarantined rows go, what limits them, how long they stay, what a commit says of them. */
#include "runner/base/mem.h"
#include "runner/engine/quarantine.h"
#include "runner/engine/quarantine_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void test_table_names(void **state)
{
    const struct pipeline pipeline = {.name = "bird-strikes"};
    const struct load load = {.from = "clean"};
    const struct graph_node extract = {.kind = TASK_EXTRACT, .name = "Rows é"},
                            loads = {.kind = TASK_LOAD, .name = "x", .load = &load};
    struct arena arena;

    (void)state;
    arena_init(&arena);
    assert_string_equal(quarantine_table(&pipeline, &extract, &arena), "bird_strikes_rows___");
    assert_string_equal(quarantine_table(&pipeline, &loads, &arena), "bird_strikes_clean");
    arena_deinit(&arena);
}

static void test_limits(void **state)
{
    struct extract extract = {.max_bad_rows = -1, .bad_share = -1};
    struct error err;

    (void)state;
    assert_int_equal(quarantine_check_limits(&extract, 1000, 0, &err), 0);
    extract.max_bad_rows = 0;
    assert_int_equal(quarantine_check_limits(&extract, 0, 5, &err), 0);
    assert_int_equal(quarantine_check_limits(&extract, 1, 5, &err), -1);
    assert_int_equal(err.code, ERROR_CHECK);
    extract = (struct extract){.max_bad_rows = -1, .max_bad_share = "10%", .bad_share = 0.1};
    assert_int_equal(quarantine_check_limits(&extract, 1, 9, &err), 0);
    assert_int_equal(quarantine_check_limits(&extract, 2, 9, &err), -1);
    assert_string_equal(err.message,
        "2 of 11 rows are bad, more than max_bad_share (10%); nothing is committed: mend them, or "
        "raise it");
    assert_int_equal(quarantine_check_limits(&extract, 0, 0, &err), 0);
}

static void test_old_days(void **state)
{
    const int64_t day_ms = 86400000, now_ms = 20000 * day_ms + 5; /* 2024-10-04 */

    (void)state;
    assert_false(quarantine_is_old("2024-10-02", day_ms, now_ms));
    assert_true(quarantine_is_old("2024-10-01", day_ms, now_ms));
    assert_false(quarantine_is_old("2020-01-01", 0, now_ms));
    assert_false(quarantine_is_old(NULL, day_ms, now_ms));
}

struct list {
    struct catalog_change changes[32];
    size_t count;
};

static struct catalog_change *add(void *data, enum catalog_change_verb verb)
{
    struct list *list = data;

    assert_true(list->count < ARRAY_LENGTH(list->changes));
    list->changes[list->count] = (struct catalog_change){.verb = verb};
    return &list->changes[list->count++];
}

static void test_commit(void **state)
{
    static const enum catalog_change_verb want[] = {CATALOG_CREATE_NAMESPACE, CATALOG_CREATE_TABLE,
        CATALOG_CREATE_VERSION, CATALOG_STAGE_PARTITION, CATALOG_STAGE_DELTA, CATALOG_COMMIT_DELTA,
        CATALOG_COMMIT_PARTITION};
    static const char *const day[] = {"2026-11-21"};
    struct task_file files[] = {
        {.file = {.key = "a", .rows = 1}, .values = day}, {.file = {.key = "b"}, .values = day}};
    struct list list = {.count = 0};
    struct arena arena;

    (void)state;
    arena_init(&arena);
    quarantine_commit("p_x", files, 0, &arena, add, &list);
    assert_int_equal(list.count, 0);
    quarantine_commit("p_x", files, 2, &arena, add, &list);
    assert_int_equal(list.count, ARRAY_LENGTH(want));
    for (size_t i = 0; i < list.count; i++) {
        assert_int_equal(list.changes[i].verb, want[i]);
        assert_string_equal(list.changes[i].at.namespace, "quarantine");
    }
    assert_int_equal(list.changes[2].version.column_count, quarantine_schema.count);
    assert_int_equal(list.changes[4].delta.file_count, 2);
    assert_string_equal(list.changes[4].at.values[0], "2026-11-21");
    arena_deinit(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table_names),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_old_days),
        cmocka_unit_test(test_commit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
