/* The windows of a backfill. */
#include "runner/base/buffer.h"
#include "runner/base/mem.h"
#include "runner/cli/windows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct windows_case {
    enum param_type type;
    const char *from, *to, *step, *zone;
    const char *want; /* text@due each, or a part of the error behind "!" */
};

static const struct windows_case cases[] = {
    {PARAM_DATE, "2001-01-30", "2001-02-02", "1d", NULL,
        "2001-01-30@2001-01-30T00:00 2001-01-31@2001-01-31T00:00 2001-02-01@2001-02-01T00:00 "
        "2001-02-02@2001-02-02T00:00"},
    {PARAM_DATE, "2001-01-01", "2001-01-01", "1d", NULL, "2001-01-01@2001-01-01T00:00"},
    {PARAM_DATE, "2001-01-31", "2001-04-30", "1mo", NULL,
        "2001-01-31@2001-01-31T00:00 2001-02-28@2001-02-28T00:00 2001-03-31@2001-03-31T00:00 "
        "2001-04-30@2001-04-30T00:00"},
    {PARAM_DATE, "2001-01-01", "2001-01-20", "1w", NULL,
        "2001-01-01@2001-01-01T00:00 2001-01-08@2001-01-08T00:00 2001-01-15@2001-01-15T00:00"},
    /* The clock goes forward on 31 March: midnight is where it is. */
    {PARAM_DATE, "2024-03-30", "2024-04-01", "1d", "Europe/Berlin",
        "2024-03-30@2024-03-29T23:00 2024-03-31@2024-03-30T23:00 2024-04-01@2024-03-31T22:00"},
    {PARAM_TIMESTAMP, "2024-03-31", "2024-04-01", "1d", "Europe/Berlin",
        "2024-03-30T23:00:00.000Z@2024-03-30T23:00 2024-03-31T22:00:00.000Z@2024-03-31T22:00"},
    /* That day has 23 hours, each is there once. */
    {PARAM_TIMESTAMP, "2024-03-31", "2024-03-31", "12h", "Europe/Berlin",
        "2024-03-30T23:00:00.000Z@2024-03-30T23:00 2024-03-31T11:00:00.000Z@2024-03-31T11:00"},
    {PARAM_TIMESTAMP, "2001-01-01T05:30:00Z", "2001-01-01T07:29:00Z", "1h", "Europe/Berlin",
        "2001-01-01T05:30:00.000Z@2001-01-01T05:30 2001-01-01T06:30:00.000Z@2001-01-01T06:30"},
    {PARAM_TEXT, "2001-01-01", "2001-01-02", "1d", NULL,
        "2001-01-01@2001-01-01T00:00 2001-01-02@2001-01-02T00:00"},
    {PARAM_TEXT, "2001-01-01", "2001-01-01", "18h", NULL,
        "2001-01-01T00:00:00.000Z@2001-01-01T00:00 2001-01-01T18:00:00.000Z@2001-01-01T18:00"},
    {PARAM_DATE, "2001-01-02", "2001-01-01", "1d", NULL, "!--to: 2001-01-01 is before --from"},
    {PARAM_DATE, "2001-01-01", "2001-01-02", "1h", NULL, "!--step: day is a date"},
    {PARAM_INT, "2001-01-01", "2001-01-02", "1d", NULL, "!--param day: its type is int"},
    {PARAM_DATE, "soon", "2001-01-02", "1d", NULL, "!--from: \"soon\""},
    {PARAM_DATE, "2001-01-01", "2001-02-30", "1d", NULL, "!--to: "},
    {PARAM_DATE, "2001-01-01", "2001-01-02", "daily", NULL, "!--step: "},
    {PARAM_DATE, "2001-01-01", "2001-01-02", "0d", NULL, "!--step: 0d is no step"},
    {PARAM_TIMESTAMP, "0001-01-01", "9999-12-31", "1m", NULL, "!more than 100000 windows"},
    {PARAM_DATE, "9999-12-31", "9999-12-31", "1d", NULL, "9999-12-31@9999-12-31T00:00"},
};

static void check(const struct windows_case *c)
{
    struct zone *zone = c->zone ? zone_open(c->zone, NULL) : NULL;
    const struct param param = {.item = {.name = "day"}, .type = (int)c->type};
    const struct windows_options options = {
        .param = &param, .zone = zone, .from = c->from, .to = c->to, .step = c->step};
    struct windows windows = {0};
    struct error err = {0};
    struct arena arena;
    struct buffer text;

    arena_init(&arena);
    buffer_init(&text, 0);
    if (windows_make(&options, &arena, &windows, &err)) {
        if (c->want[0] != '!' || !strstr(err.message, c->want + 1))
            fail_msg("%s … %s by %s: %s", c->from, c->to, c->step, err.message);
        assert_int_equal(windows.count, 0);
    } else {
        for (size_t i = 0; i < windows.count; i++) {
            char due[TIME_TEXT_SIZE];

            buffer_printf(&text, "%s%s@%.16s", i ? " " : "", windows.items[i].text,
                time_format_rfc3339(windows.items[i].due_ms, due));
        }
        assert_string_equal(text.data, c->want);
    }
    buffer_deinit(&text);
    arena_deinit(&arena);
    zone_free(zone);
}

static void test_windows(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++)
        check(&cases[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_windows)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
