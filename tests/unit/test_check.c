/* Checks as SQL. */
#include "runner/base/mem.h"
#include "runner/engine/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const char *names[] = {"a", "b \"x\""};
static const struct text_list columns = {names, 2};

static void assert_check_in(
    const struct check_context *context, const struct check *check, const char *sql)
{
    struct arena arena;

    arena_init(&arena);
    assert_string_equal(check_sql(check, context, "My \"set\"", &arena), sql);
    arena_deinit(&arena);
}

static void assert_check(const struct check *check, const char *sql)
{
    assert_check_in(&(struct check_context){.last_rows = -1}, check, sql);
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

        assert_string_equal(check_row_count_says(&check, cases[i].rows, -1, &arena), cases[i].says);
    }
    arena_deinit(&arena);
}

static void test_change(void **state)
{
    const struct check check = {
        .kind = CHECK_ROW_COUNT, .row_count = {.max = -1, .change = "50%", .change_share = 0.5}};
    const struct check_context after = {.last_rows = 5};
    struct arena arena;

    (void)state;
    arena_init(&arena);
    assert_check(&check, "select count(*) >= 0, count(*) from \"My \"\"set\"\"\"");
    assert_check_in(&after, &check,
        "select count(*) >= 0 and count(*) >= 3 and count(*) <= 7, count(*) from \"My "
        "\"\"set\"\"\"");
    assert_string_equal(check_row_count_says(&check, 8, 5, &arena),
        "has 8 rows, and had 5 in the last run that committed: it may differ by 50%");
    arena_deinit(&arena);
}

static void test_forms_bounds_and_keys(void **state)
{
    static struct option_pair patterns[] = {{"a", "[A-Z]'+", {0}}};
    static const char *bounds[] = {"1", ""}, *both[] = {"a", "z"};
    static struct option_named_texts ranges[] = {
        {"a", {bounds, 2}, {0}}, {"b \"x\"", {both, 2}, {0}}};
    const struct check regex = {.kind = CHECK_REGEX, .regex = {patterns, 1}},
                       between = {.kind = CHECK_BETWEEN, .between = {ranges, 2}},
                       foreign = {.kind = CHECK_FOREIGN_KEY,
                           .foreign_key = {.columns = columns, .references = "o", .key = columns}};
    struct arena arena;

    (void)state;
    arena_init(&arena);
    assert_string_equal(check_offends(&regex, "n", &arena),
        "(not regexp_full_match(cast(\"a\" as varchar), '[A-Z]''+'))");
    assert_string_equal(check_offends(&between, "n", &arena),
        "(\"a\" < '1' or \"b \"\"x\"\"\" < 'a' or \"b \"\"x\"\"\" > 'z')");
    assert_string_equal(check_offends(&foreign, "n", &arena),
        "(\"a\" is not null and \"b \"\"x\"\"\" is not null and row(\"a\", \"b \"\"x\"\"\") not in "
        "(select \"a\", \"b \"\"x\"\"\" from \"o\" where \"a\" is not null and \"b \"\"x\"\"\" is "
        "not null))");
    arena_deinit(&arena);
}

static void test_freshness(void **state)
{
    const struct check check = {
        .kind = CHECK_FRESHNESS, .freshness = {.column = "a", .max_age = {.ms = 1000}}};
    const struct check_context due = {.due_ms = 5000};
    struct arena arena;

    (void)state;
    arena_init(&arena);
    assert_check_in(&due, &check,
        "select coalesce(epoch_ms(max(\"a\")) >= 4000, false), if(epoch_ms(max(\"a\")) is null, "
        "-1, "
        "greatest(5000 - epoch_ms(max(\"a\")), 0))::bigint from \"My \"\"set\"\"\"");
    assert_string_equal(check_freshness_says(&check, -1, &arena), "has no value in a");
    assert_non_null(strstr(check_freshness_says(&check, 2000, &arena), "newest a that is 2"));
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
        cmocka_unit_test(test_change),
        cmocka_unit_test(test_forms_bounds_and_keys),
        cmocka_unit_test(test_freshness),
        cmocka_unit_test(test_sql_is_as_written),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
