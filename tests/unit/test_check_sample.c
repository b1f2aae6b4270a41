/* Rows that offend a check: how they are found, and what of them is shown. */
#include "runner/base/mem.h"
#include "runner/engine/check_sample.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const char *names[] = {"b"};
static struct sql_column columns[] = {{.name = "a"}, {.name = "b"}, {.name = "Mail"}};
static const struct sql_schema schema = {columns, 3};

static void assert_found_by(const struct check *check, const char *sql)
{
    static const char *masked[] = {"mail"};
    struct extract extract = {.mask = {masked, 1}};
    const struct pipeline pipeline = {.extracts = {&extract, 1}};
    struct arena arena;
    const char *text;

    arena_init(&arena);
    text = check_sample_sql(&pipeline, check, "d", &schema, &arena);
    if (sql)
        assert_string_equal(text, sql);
    else
        assert_null(text);
    arena_deinit(&arena);
}

static void test_the_column_of_the_check_stands_first_and_masked_ones_are_hashed(void **state)
{
    const struct check check = {.kind = CHECK_NOT_NULL, .not_null = {names, 1}};

    (void)state;
    assert_found_by(&check,
        "select left(cast(r.\"b\" as varchar), 201) as \"b\", left(cast(r.\"a\" as varchar), 201) "
        "as \"a\", 'sha256:' || left(sha256(cast(r.\"Mail\" as varchar)), 16) as \"Mail\" from "
        "(select * from \"d\" where (\"b\" is null)) as r limit 5");
}

static void test_all_rows_of_a_key_that_is_there_twice(void **state)
{
    const struct check check = {.kind = CHECK_UNIQUE, .unique = {names, 1}};

    (void)state;
    assert_found_by(&check,
        "select left(cast(r.\"b\" as varchar), 201) as \"b\", left(cast(r.\"a\" as varchar), 201) "
        "as \"a\", 'sha256:' || left(sha256(cast(r.\"Mail\" as varchar)), 16) as \"Mail\" from "
        "\"d\" as r semi join (select \"b\" from \"d\" group by \"b\" having count(*) > 1 and "
        "\"b\" is not null order by \"b\" limit 5) as k using (\"b\") order by r.\"b\" limit 5");
}

static void test_what_is_about_all_rows_has_none(void **state)
{
    static const enum check_kind kinds[] = {CHECK_ROW_COUNT, CHECK_SQL, CHECK_FRESHNESS};

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++)
        assert_found_by(&(struct check){.kind = kinds[i], .sql = "x"}, NULL);
}

static void assert_row(const char *const *cells, size_t skipped, const char *expected)
{
    json_t *row = check_sample_row(&schema, skipped, cells);
    char *text = json_dumps(row, JSON_COMPACT);

    assert_string_equal(text, expected);
    free(text);
    json_decref(row);
}

static void test_no_byte_of_it_moves_a_terminal(void **state)
{
    (void)state;
    assert_row((const char *[]){"\033[2J\n\x7f",
                   "\xc2\x9b"
                   "31m",
                   "a\xff\xc3"},
        0,
        "{\"a\":\"\\\\x1b[2J\\\\n\\\\x7f\",\"b\":\"\\\\x9b31m\",\"Mail\":"
        "\"a\xef\xbf\xbd\xef\xbf\xbd\"}");
    assert_row((const char *[]){"0", NULL, ""}, 1, "{\"b\":null,\"Mail\":\"\"}");
}

/* At every length: never in the midst of a character, never longer. */
static void test_long_values_are_cut(void **state)
{
    char text[3 * 220 + 8];

    (void)state;
    for (size_t shift = 0; shift < 3; shift++) {
        const char *const cells[] = {text, NULL, NULL};
        json_t *row;
        const char *shown;

        memset(text, 'x', shift);
        for (size_t i = 0; i < 220; i++)
            memcpy(text + shift + 3 * i, "\xe2\x82\xac", 4);
        row = check_sample_row(&schema, 0, cells);
        shown = json_string_value(json_object_get(row, "a"));
        assert_in_range(strlen(shown), CHECK_SAMPLE_CELL - 3, CHECK_SAMPLE_CELL);
        assert_string_equal(shown + strlen(shown) - 3, "…");
        json_decref(row);
    }
    memset(text, 'x', CHECK_SAMPLE_CELL);
    text[CHECK_SAMPLE_CELL] = '\0';
    {
        json_t *row = check_sample_row(&schema, 0, (const char *[]){text, NULL, NULL});

        assert_string_equal(json_string_value(json_object_get(row, "a")), text);
        json_decref(row);
    }
}

static void test_wide_rows_are_cut(void **state)
{
    enum { COUNT = 500 };
    struct sql_column *many = mem_calloc(COUNT, sizeof(*many));
    const char **cells = mem_calloc(COUNT, sizeof(*cells));
    struct arena arena;
    char *text;
    json_t *row;

    (void)state;
    arena_init(&arena);
    for (int i = 0; i < COUNT; i++) {
        many[i].name = arena_printf(&arena, "column_%03d", i);
        cells[i] = "twenty bytes of text";
    }
    row = check_sample_row(&(struct sql_schema){many, COUNT}, 0, cells);
    text = json_dumps(row, JSON_COMPACT);
    assert_in_range(strlen(text), 3000, CHECK_SAMPLE_ROW + 40);
    assert_non_null(strstr(text, "\"…\":\"387 more columns\"}"));
    free(text);
    json_decref(row);
    arena_deinit(&arena);
    free(cells);
    free(many);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_column_of_the_check_stands_first_and_masked_ones_are_hashed),
        cmocka_unit_test(test_all_rows_of_a_key_that_is_there_twice),
        cmocka_unit_test(test_what_is_about_all_rows_has_none),
        cmocka_unit_test(test_no_byte_of_it_moves_a_terminal),
        cmocka_unit_test(test_long_values_are_cut),
        cmocka_unit_test(test_wide_rows_are_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
