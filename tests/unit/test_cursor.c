/* Pure parts of cursors: their state, what rows they let through, when nothing can be new. */
#include "runner/engine/cursor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const char *condition(
    struct arena *arena, const char *value, const char *type, const struct cursor_options *options)
{
    const struct cursor_value after = {.column = options->column, .value = value};
    const char *sql = NULL;
    struct error err;

    return cursor_condition(options, &after, type, arena, &sql, &err) ? NULL : sql;
}

static void test_conditions(void **state)
{
    const struct cursor_options plain = {.column = "a\"b"}, from = {.column = "n", .start = "it's"},
                                lags = {.column = "t", .lag = {.months = 1, .ms = 1500}};
    struct arena arena;

    (void)state;
    arena_init(&arena);
    assert_string_equal(condition(&arena, NULL, "BIGINT", &plain), "true");
    assert_string_equal(
        condition(&arena, "7", "BIGINT", &plain), "\"a\"\"b\" > (cast('7' as BIGINT))");
    assert_string_equal(
        condition(&arena, NULL, "VARCHAR", &from), "\"n\" >= (cast('it''s' as VARCHAR))");
    assert_string_equal(condition(&arena, "x", "VARCHAR", &from), "\"n\" > (cast('x' as VARCHAR))");
    assert_string_equal(condition(&arena, "2024-01-01", "DATE", &lags),
        "\"t\" >= (cast('2024-01-01' as DATE) - interval '1 months' - interval '1500 "
        "milliseconds')");
    assert_null(condition(&arena, "1", "BIGINT", &lags));
    arena_deinit(&arena);
}

static void test_state_there_and_back(void **state)
{
    const struct cursor_options options = {.column = "At"}, other = {.column = "b"};
    const struct cursor_value value = {
        .column = "at", .type = "VARCHAR", .value = "a\"\\\n", .listing = "1-2-3"};
    struct cursor_value read;
    struct arena arena;
    struct error err;
    const char *text;

    (void)state;
    arena_init(&arena);
    text = cursor_write(&value, "r", &arena);
    assert_int_equal(cursor_read(text, &options, &arena, &read, &err), 0);
    assert_string_equal(read.value, value.value);
    assert_string_equal(read.type, "VARCHAR");
    assert_string_equal(read.listing, "1-2-3");
    assert_int_equal(cursor_read(NULL, &options, &arena, &read, &err), 0);
    assert_null(read.value);
    assert_int_equal(cursor_read("{\"objects\":3}", &options, &arena, &read, &err), 0);
    assert_null(read.value);
    assert_int_equal(cursor_read(text, &other, &arena, &read, &err), -1);
    assert_non_null(strstr(err.message, "sluice cursors reset"));
    assert_int_equal(cursor_read("{", &options, &arena, &read, &err), -1);
    arena_deinit(&arena);
}

static void test_listing_tells_any_change(void **state)
{
    const struct store_object one[] = {
        {.key = "a", .version = "1", .size = 5}, {.key = "b", .version = "1", .size = 5}};
    const struct store_object changed[][2] = {
        {{.key = "a", .version = "2", .size = 5}, {.key = "b", .version = "1", .size = 5}},
        {{.key = "a", .version = "1", .size = 4}, {.key = "b", .version = "1", .size = 6}},
        {{.key = "ab", .version = "1", .size = 5}, {.key = "", .version = "1", .size = 5}},
        {{.key = "b", .version = "1", .size = 5}, {.key = "a", .version = "1", .size = 5}},
    };
    struct arena arena;
    const char *before;

    (void)state;
    arena_init(&arena);
    before = cursor_listing(one, 2, &arena);
    assert_string_equal(cursor_listing(one, 2, &arena), before);
    assert_string_not_equal(cursor_listing(one, 1, &arena), before);
    for (size_t i = 0; i < sizeof(changed) / sizeof(changed[0]); i++)
        assert_string_not_equal(cursor_listing(changed[i], 2, &arena), before);
    arena_deinit(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conditions),
        cmocka_unit_test(test_state_there_and_back),
        cmocka_unit_test(test_listing_tells_any_change),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
