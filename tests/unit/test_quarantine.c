/* Where quarantined rows go, what limits them, how long they stay, what a commit says of them. */
#include "runner/base/mem.h"
#include "runner/engine/quarantine.h"
#include "runner/engine/quarantine_table.h"
#include "tests/unit/fakes_private.h"

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

static void check_text(struct buffer *sql, const char *want)
{
    assert_string_equal(sql->data, want);
    buffer_clear(sql);
}

/* Columns first, then checks; what is masked is no part of the reason. */
static void test_marks(void **state)
{
    static struct sql_column have[] = {{.name = "Id", .type = "VARCHAR"},
        {.name = "n", .type = "VARCHAR"}, {.name = "same", .type = "DATE"},
        {.name = "extra", .type = "DATE"}},
                             want[] = {{.name = "id", .type = "BIGINT"},
                                 {.name = "n", .type = "DOUBLE"}, {.name = "same", .type = "DATE"}};
    static const struct sql_schema rows = {.columns = have, .count = ARRAY_LENGTH(have)},
                                   table = {.columns = want, .count = ARRAY_LENGTH(want)};
    static const char *masked[] = {"ID"};
    struct extract extract = {.mask = {.items = masked, .count = 1}};
    const struct pipeline pipeline = {.extracts = {.items = &extract, .count = 1}};
    static const struct option_items none = {0};
    struct quarantine_marks marks = {.checks = &none};
    struct arena arena;
    struct buffer sql;

    (void)state;
    arena_init(&arena);
    buffer_init(&sql, 0);
    quarantine_marks_add_casts(&marks, &fake_sql_type, &pipeline, &rows, &table, &arena);
    assert_int_equal(quarantine_marks_count(&marks), 2);
    assert_true(marks.casts[0].masked);
    assert_false(marks.casts[1].masked);
    quarantine_marks_append_misfits(&marks, &sql);
    check_text(&sql, "(Id is BIGINT) is not true or (n is DOUBLE) is not true");
    quarantine_marks_append_mark(&marks, &sql, &arena);
    check_text(&sql,
        "case when (Id is BIGINT) is not true then 0 when (n is DOUBLE) is not true then 1 end");
    quarantine_marks_append_why(&marks, "r", &sql);
    assert_null(strstr(sql.data, "cast(r.\"Id\""));
    assert_non_null(strstr(sql.data, "cast(r.\"n\" as varchar)"));
    buffer_deinit(&sql);
    arena_deinit(&arena);
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

/* By partition, whatever order they came in: rows and deletes of one together. */
static void test_commit_of_deletes(void **state)
{
    static const char *const first[] = {"2026-11-20"}, *const second[] = {"2026-11-21"};
    struct task_file files[] = {
        {.file = {.key = "c", .content = CATALOG_DELETES}, .values = second},
        {.file = {.key = "b", .content = CATALOG_DELETES}, .values = first},
        {.file = {.key = "a", .content = CATALOG_ROWS}, .values = first}};
    struct list list = {.count = 0};
    struct arena arena;

    (void)state;
    arena_init(&arena);
    quarantine_commit("p_x", files, 3, &arena, add, &list);
    assert_int_equal(list.count, 3 + 2 * 4);
    assert_string_equal(list.changes[4].at.values[0], "2026-11-20");
    assert_int_equal(list.changes[4].delta.type, CATALOG_UPSERT);
    assert_int_equal(list.changes[4].delta.file_count, 2);
    assert_string_equal(list.changes[4].delta.files[0].key, "a");
    assert_string_equal(list.changes[8].at.values[0], "2026-11-21");
    assert_int_equal(list.changes[8].delta.type, CATALOG_DELETE);
    arena_deinit(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table_names),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_old_days),
        cmocka_unit_test(test_marks),
        cmocka_unit_test(test_commit),
        cmocka_unit_test(test_commit_of_deletes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
