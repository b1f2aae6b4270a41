#include "config/interpolate.h"

#include "config/pipeline.h"
#include "config/zone.h"
#include "config_fixture.h"
#include "runner/base/mem.h"

#include <stdlib.h>

static struct arena arena;

/* 2024-03-31T05:30:00Z: in Berlin the day on which the clock jumps from 2 to 3. */
static const int64_t due_ms = 1711863000000;

static struct param params[] = {
    {.item = {.name = "day"}, .type = PARAM_DATE, .value = "2024-02-29"},
    {.item = {.name = "at"}, .type = PARAM_TIMESTAMP, .value = "2024-02-29T12:30:00Z"},
    {.item = {.name = "n"}, .type = PARAM_INT, .value = "5"},
    {.item = {.name = "odd"}, .type = PARAM_TEXT, .value = "a${run.id}b"},
    {.item = {.name = "open"}, .type = PARAM_DATE},
};
static const struct option_items all_params = {params, ARRAY_LENGTH(params)};
static struct option_pair vars[] = {
    {.name = "lake", .value = "prod"}, {.name = "a-b/c.d", .value = "x"}};
static const struct option_pairs all_vars = {vars, ARRAY_LENGTH(vars)};

static struct interpolate_scope full_scope(void)
{
    return (struct interpolate_scope){.allowed = ~0U,
        .vars = &all_vars,
        .params = &all_params,
        .run_id = "RUN",
        .due_known = true,
        .due_ms = due_ms};
}

static void assert_text(
    const struct interpolate_scope *scope, const char *text, const char *expected)
{
    struct interpolated result;
    struct error err = {0};

    if (interpolate(text, scope, &arena, &result, NULL, &err))
        assert_string_equal(err.message, "");
    assert_string_equal(result.text, expected);
}

static void assert_error(
    const struct interpolate_scope *scope, const char *text, size_t offset, const char *expected)
{
    struct interpolated result;
    struct error err = {0};
    size_t at = 999;

    assert_int_equal(interpolate(text, scope, &arena, &result, &at, &err), -1);
    assert_string_equal(err.message, expected);
    assert_int_equal(at, offset);
}

static void values_are_put_in(void **state)
{
    const struct interpolate_scope scope = full_scope();

    (void)state;
    setenv("SLUICE_TEST_SET", "set", 1);
    setenv("SLUICE_TEST_EMPTY", "", 1);
    unsetenv("SLUICE_TEST_UNSET");
    assert_text(&scope, "plain $ { } $x", "plain $ { } $x");
    assert_text(&scope, "<${params.n}> ${vars.lake} ${vars.a-b/c.d}", "<5> prod x");
    assert_text(&scope, "${run.id}${run.id}", "RUNRUN");
    assert_text(&scope, "${ params.n }", "5");
    assert_text(&scope, "${env.SLUICE_TEST_SET}/${env.SLUICE_TEST_SET:-no}", "set/set");
    assert_text(&scope, "${env.SLUICE_TEST_UNSET:-a:-b}/${env.SLUICE_TEST_UNSET:-}", "a:-b/");
    assert_text(&scope, "${env.SLUICE_TEST_EMPTY:-x}/${env.SLUICE_TEST_EMPTY}", "x/");
    assert_text(&scope, "$${params.n} $$${params.n} $$$${x $$ $", "${params.n} $5 $${x $$ $");
}

static void what_was_put_in_is_not_read_again(void **state)
{
    const struct interpolate_scope scope = full_scope();

    (void)state;
    assert_text(&scope, "${params.odd}", "a${run.id}b");
}

static void dates_take_distance_and_format(void **state)
{
    const struct interpolate_scope scope = full_scope();

    (void)state;
    assert_text(&scope, "${run.due}", "2024-03-31T05:30:00Z");
    assert_text(&scope, "${run.due:%Y/%m/%d %H:%M}", "2024/03/31 05:30");
    assert_text(&scope, "${run.due - 1d:%F}", "2024-03-30");
    assert_text(&scope, "${run.due-1mo:%F} ${run.due + 36h}", "2024-02-29 2024-04-01T17:30:00Z");
    assert_text(&scope, "${params.day}", "2024-02-29");
    assert_text(&scope, "${params.day:%Y/%m}", "2024/02");
    assert_text(&scope, "${params.day + 1y} ${params.day - 1d:%j}", "2025-02-28 059");
    assert_text(&scope, "${params.at + 1h} ${params.at:%H}", "2024-02-29T13:30:00Z 12");
}

static void due_dates_are_those_of_the_zone(void **state)
{
    struct interpolate_scope scope = full_scope();
    struct error err;
    struct zone *zone = zone_open("Europe/Berlin", &err);

    (void)state;
    assert_non_null(zone);
    scope.zone = zone;
    assert_text(&scope, "${run.due}", "2024-03-31T05:30:00Z");
    assert_text(&scope, "${run.due:%F %H:%M}", "2024-03-31 07:30");
    /* A day before by the calendar, though only 23 hours passed. */
    assert_text(&scope, "${run.due - 1d:%F %H:%M}", "2024-03-30 07:30");
    assert_text(&scope, "${run.due - 24h:%F %H:%M}", "2024-03-30 07:30");
    assert_text(&scope, "${run.due - 6h:%F %H:%M}", "2024-03-31 00:30");
    zone_free(zone);
}

static void what_is_not_known_stays(void **state)
{
    struct interpolate_scope scope = full_scope();
    struct interpolated result;
    struct error err;

    (void)state;
    unsetenv("SLUICE_TEST_UNSET");
    scope.run_id = NULL;
    scope.due_known = false;
    scope.vars = NULL;
    scope.keep_unset = true;
    assert_text(&scope, "${run.id} ${run.due - 1d:%F} ${vars.any} ${env.SLUICE_TEST_UNSET}",
        "${run.id} ${run.due - 1d:%F} ${vars.any} ${env.SLUICE_TEST_UNSET}");
    /* The result is again a text to interpolate: what is plain in it is escaped. */
    assert_text(&scope, "${params.open} $${x} ${params.odd}", "${params.open} $${x} a$${run.id}b");
    assert_int_equal(
        interpolate("${secret.a} ${params.n}", &scope, &arena, &result, NULL, &err), 0);
    assert_string_equal(result.text, "${secret.a} 5");
    assert_string_equal(result.secret, "a");
    assert_int_equal(result.uses, INTERPOLATE_SECRET | INTERPOLATE_PARAMS | INTERPOLATE_PARTIAL);
    assert_int_equal(
        interpolate("${env.SLUICE_TEST_UNSET}", &scope, &arena, &result, NULL, &err), 0);
    assert_string_equal(result.unset, "SLUICE_TEST_UNSET");
    /* What is wrong is so even when its value is not known. */
    assert_error(&scope, "${run.due:%Q}", 0,
        "\"%Q\": \"%Q\" is not a date part; use %Y %m %d %H %M %S %j %F");
}

static void a_second_pass_finishes(void **state)
{
    struct interpolate_scope scope = full_scope();
    struct interpolated first, second;
    struct error err;

    (void)state;
    scope.run_id = NULL;
    vars[0].value = "v$";
    assert_int_equal(interpolate("${run.id}-$${x}-${params.odd}${vars.lake}${run.id}${vars.lake}{",
                         &scope, &arena, &first, NULL, &err),
        0);
    scope.run_id = "R";
    assert_int_equal(interpolate(first.text, &scope, &arena, &second, NULL, &err), 0);
    assert_string_equal(second.text, "R-${x}-a${run.id}bv$Rv${");
    assert_false(second.uses & INTERPOLATE_PARTIAL);
    vars[0].value = "prod";
}

/* "%A" is eight letters on a Thursday, as on the day that stands in for one not yet known, and six
 * on a Monday: what the check takes must not depend on it. */
static void a_format_is_as_long_on_every_day(void **state)
{
    struct interpolate_scope scope = full_scope();
    struct interpolated result;
    enum { LONGEST = 127, BEFORE = sizeof("${run.due:") - 1 };
    char text[320] = "${run.due:";

    (void)state;
    for (int count = LONGEST; count <= LONGEST + 1; count++) {
        struct error err;

        for (int i = 0; i < count; i++)
            memcpy(text + BEFORE + 2 * i, "%A", 2);
        memcpy(text + BEFORE + 2 * count, "}", 2);
        for (int known = 0; known < 2; known++) {
            scope.due_known = known;
            if (count == LONGEST)
                assert_int_equal(interpolate(text, &scope, &arena, &result, NULL, &err), 0);
            else
                assert_error(&scope, text, 0, "the format of a date is over 255 bytes long");
        }
    }
}

static void errors_say_where(void **state)
{
    struct interpolate_scope scope = full_scope();

    (void)state;
    unsetenv("SLUICE_TEST_UNSET");
    assert_error(&scope, "ab${params.n", 2,
        "\"${\" is never closed with \"}\"; a plain \"${\" is written \"$${\"");
    assert_error(&scope, "${params.n}${params.m1}", 11,
        "there is no parameter \"m1\"; declare it under params:");
    assert_error(
        &scope, "${params.dya}", 0, "there is no parameter \"dya\"; did you mean \"day\"?");
    assert_error(&scope, "${env.SLUICE_TEST_UNSET}", 0,
        "the environment variable SLUICE_TEST_UNSET is not set; set it, or give a default: "
        "${env.SLUICE_TEST_UNSET:-default}");
    assert_error(&scope, "${params.n + 1d}", 0,
        "\" + 1d\" is not understood here; only dates take a distance or a format");
    assert_error(&scope, "${run.due - 9999y:%F}", 0, "gives a date outside the years 1 to 9999");
    scope.allowed = INTERPOLATE_ENV;
    assert_error(&scope, "${run.id}", 0, "${run.id} means nothing in this place");
}

static int open_arena(void **state)
{
    (void)state;
    arena_init(&arena);
    return 0;
}

static int close_arena(void **state)
{
    (void)state;
    arena_deinit(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_put_in),
        cmocka_unit_test(what_was_put_in_is_not_read_again),
        cmocka_unit_test(dates_take_distance_and_format),
        cmocka_unit_test(due_dates_are_those_of_the_zone),
        cmocka_unit_test(what_is_not_known_stays),
        cmocka_unit_test(a_second_pass_finishes),
        cmocka_unit_test(a_format_is_as_long_on_every_day),
        cmocka_unit_test(errors_say_where),
    };

    return cmocka_run_group_tests(tests, open_arena, close_arena);
}
