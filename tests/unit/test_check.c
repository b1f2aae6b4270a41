/* Checks as SQL. */
#include "runner/base/mem.h"
#include "runner/engine/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const char *names[] = {"a", "b \"x\""};
static const struct text_list columns = {names, 2};

static void assert_check(const struct check *check, const char *sql)
{
    struct arena arena;

    arena_init(&arena);
    assert_string_equal(check_sql(check, "My \"set\"", &arena), sql);
    arena_deinit(&arena);
}

static void test_not_null(void **state)
{
    const struct check check = {.kind = CHECK_NOT_NULL, .not_null = columns};

    (void)state;
    assert_check(&check,
        "select count(*) from \"My \"\"set\"\"\" where (\"a\" is null or \"b \"\"x\"\"\" is "
        "null)");
}

static void test_unique(void **state)
{
    const struct check check = {.kind = CHECK_UNIQUE, .unique = columns};

    (void)state;
    assert_check(&check,
        "select coalesce(sum(n - 1), 0)::bigint from (select count(*) as n from \"My \"\"set\"\"\" "
        "where \"a\" is not null and \"b \"\"x\"\"\" is not null group by \"a\", \"b \"\"x\"\"\" "
        "having count(*) > 1)");
}

static void test_accepted_values(void **state)
{
    static const char *sizes[] = {"S", "it's"}, *flags[] = {"1"};
    struct option_named_texts items[] = {
        {.name = "size", .texts = {sizes, 2}}, {.name = "flag", .texts = {flags, 1}}};
    const struct check check = {
        .kind = CHECK_ACCEPTED_VALUES, .accepted_values = {.items = items, .count = 2}};

    (void)state;
    assert_check(&check,
        "select count(*) from \"My \"\"set\"\"\" where (cast(\"size\" as varchar) not in ('S', "
        "'it''s') or cast(\"flag\" as varchar) not in ('1'))");
}

static void test_what_offends(void **state)
{
    const struct check null = {.kind = CHECK_NOT_NULL, .not_null = columns},
                       unique = {.kind = CHECK_UNIQUE, .unique = columns},
                       count = {.kind = CHECK_ROW_COUNT};
    struct arena arena;

    (void)state;
    arena_init(&arena);
    assert_string_equal(
        check_offends(&null, "n", &arena), "(\"a\" is null or \"b \"\"x\"\"\" is null)");
    assert_string_equal(check_offends(&unique, "n", &arena),
        "((row_number() over (partition by \"a\", \"b \"\"x\"\"\" order by n) > 1 and \"a\" is "
        "not null and \"b \"\"x\"\"\" is not null))");
    assert_null(check_offends(&count, "n", &arena));
    arena_deinit(&arena);
}

static void test_row_count(void **state)
{
    struct check check = {.kind = CHECK_ROW_COUNT, .row_count = {.min = 1, .max = -1}};

    (void)state;
    assert_check(&check, "select count(*) >= 1, count(*) from \"My \"\"set\"\"\"");
    check.row_count.max = 0;
    check.row_count.min = 0;
    assert_check(
        &check, "select count(*) >= 0 and count(*) <= 0, count(*) from \"My \"\"set\"\"\"");
}

static void test_what_a_row_count_says(void **state)
{
    static const struct {
        int64_t min, max, rows;
        const char *says;
    } cases[] = {
        {1, -1, 0, "has 0 rows, at least 1 are wanted"},
        {2, -1, 1, "has 1 row, at least 2 are wanted"},
        {0, 0, 3, "has 3 rows, at most 0 are wanted"},
        {4, 4, 3, "has 3 rows, exactly 4 are wanted"},
        {4, 9, 10, "has 10 rows, 4 to 9 are wanted"},
    };
    struct arena arena;

    (void)state;
    arena_init(&arena);
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        const struct check check = {
            .kind = CHECK_ROW_COUNT, .row_count = {.min = cases[i].min, .max = cases[i].max}};

        assert_string_equal(check_row_count_says(&check, cases[i].rows, &arena), cases[i].says);
    }
    arena_deinit(&arena);
}

static void test_sql_is_as_written(void **state)
{
    const struct check check = {.kind = CHECK_SQL, .sql = "select 1 < $x"};

    (void)state;
    assert_check(&check, "select 1 < $x");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_not_null),
        cmocka_unit_test(test_unique),
        cmocka_unit_test(test_accepted_values),
        cmocka_unit_test(test_what_offends),
        cmocka_unit_test(test_row_count),
        cmocka_unit_test(test_what_a_row_count_says),
        cmocka_unit_test(test_sql_is_as_written),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
