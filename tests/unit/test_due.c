/* Which due times of a schedule are to be run. */
#include "runner/base/buffer.h"
#include "runner/base/mem.h"
#include "runner/base/time.h"
#include "runner/cli/due.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* On 2026-11-21 at 12:02. A run is "due" or "due!": the one that a schedule starts for that time;
 * "due?": one that was lost; "due~": one that was stopped. */
struct due_case {
    const char *title, *schedule, *zone;
    enum catchup catchup;
    const char *watched;
    const char *runs[5];
    const char *want; /* joined by a space */
};

static const struct due_case cases[] = {
    {"never ran, watched since", "0 6 * * *", NULL, CATCHUP_LAST, "2026-11-20T00:00", {0},
        "2026-11-21T06:00"},
    {"never ran, changed after it was due", "0 6 * * *", NULL, CATCHUP_LAST, "2026-11-21T07:00",
        {0}, ""},
    {"ran for it", "0 6 * * *", NULL, CATCHUP_LAST, "2026-01-01", {"2026-11-21T06:00!"}, ""},
    {"a run by hand since then", "0 6 * * *", NULL, CATCHUP_LAST, "2026-01-01",
        {"2026-11-21T09:31"}, ""},
    {"days missed: the last", "0 6 * * *", NULL, CATCHUP_LAST, "2026-01-01", {"2026-11-17T06:00!"},
        "2026-11-21T06:00"},
    {"a backfill of older days is no run of today", "0 6 * * *", NULL, CATCHUP_LAST, "2026-01-01",
        {"2026-11-20T06:00!", "2001-01-02T00:00", "2001-01-01T00:00"}, "2026-11-21T06:00"},
    {"lost: again", "0 6 * * *", NULL, CATCHUP_LAST, "2026-01-01",
        {"2026-11-21T06:00?", "2026-11-20T06:00!"}, "2026-11-21T06:00"},
    {"none, on time", "0 12 * * *", NULL, CATCHUP_NONE, "2026-01-01", {"2026-11-17T12:00!"},
        "2026-11-21T12:00"},
    {"none, too late", "0 11 * * *", NULL, CATCHUP_NONE, "2026-01-01", {"2026-11-17T11:00!"}, ""},
    {"all", "0 6 * * *", NULL, CATCHUP_ALL, "2026-01-01", {"2026-11-18T06:00!"},
        "2026-11-19T06:00 2026-11-20T06:00 2026-11-21T06:00"},
    {"all, with runs by hand in between", "0 6 * * *", NULL, CATCHUP_ALL, "2026-01-01",
        {"2026-11-21T11:00", "2026-11-19T06:00!", "2026-11-20T09:00"},
        "2026-11-20T06:00 2026-11-21T06:00"},
    {"all, by hand only", "0 6 * * *", NULL, CATCHUP_ALL, "2026-01-01", {"2026-11-20T11:00"},
        "2026-11-21T06:00"},
    {"stopped: again", "0 6 * * *", NULL, CATCHUP_LAST, "2026-01-01",
        {"2026-11-21T06:00~", "2026-11-20T06:00!"}, "2026-11-21T06:00"},
    {"all, lost", "0 6 * * *", NULL, CATCHUP_ALL, "2026-01-01",
        {"2026-11-21T06:00?", "2026-11-20T06:00?", "2026-11-19T06:00!"},
        "2026-11-20T06:00 2026-11-21T06:00"},
    {"all, nothing is missing", "0 6 * * *", NULL, CATCHUP_ALL, "2026-01-01", {"2026-11-21T06:00!"},
        ""},
    {"all, of another zone", "30 1 * * *", "Europe/Berlin", CATCHUP_ALL, "2026-01-01",
        {"2026-11-19T00:30!"}, "2026-11-20T00:30 2026-11-21T00:30"},
};

static int64_t at(const char *text)
{
    int64_t time_ms;
    char copy[32];

    snprintf(copy, sizeof(copy), "%.*s", (int)strcspn(text, "!?~"), text);
    assert_int_equal(time_parse(copy, &time_ms, NULL), 0);
    return time_ms;
}

static size_t make_runs(
    const struct due_case *c, struct state_run *runs, char (*ids)[UUID_TEXT_SIZE])
{
    size_t count = 0;

    for (; count < 5 && c->runs[count]; count++) {
        const char *text = c->runs[count];

        runs[count] = (struct state_run){.due_ms = at(text),
            .outcome = strchr(text, '?')   ? STATE_LOST
                       : strchr(text, '~') ? STATE_CANCELLED
                                           : STATE_FAILED,
            .run_id = "0190a2b4-0000-7000-8000-000000000000"};
        if (strpbrk(text, "!?~"))
            runs[count].run_id = due_run_id("x", "", runs[count].due_ms, ids[count]);
    }
    return count;
}

static void test_lists(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        const struct due_case *c = &cases[i];
        struct zone *zone = c->zone ? zone_open(c->zone, NULL) : NULL;
        char ids[5][UUID_TEXT_SIZE];
        struct state_run runs[5];
        struct cron cron;
        struct due_facts facts = {.pipeline = "x",
            .instance = "",
            .cron = &cron,
            .zone = zone,
            .catchup = c->catchup,
            .now_ms = at("2026-11-21T12:02"),
            .watched_since_ms = at(c->watched),
            .runs = runs,
            .run_count = make_runs(c, runs, ids),
            .again_lost = true};
        int64_t due[10];
        struct buffer text;
        size_t count;

        buffer_init(&text, 0);
        assert_int_equal(cron_parse(c->schedule, &cron, NULL), 0);
        count = due_list(&facts, due, ARRAY_LENGTH(due));
        for (size_t j = 0; j < count; j++) {
            char when[TIME_TEXT_SIZE];

            assert_true(due_is_time(&cron, zone, due[j]));
            buffer_printf(&text, "%s%.16s", j ? " " : "", time_format_rfc3339(due[j], when));
        }
        if (strcmp(text.data ? text.data : "", c->want) != 0)
            fail_msg("%s: \"%s\"", c->title, text.data);
        assert_int_equal(due_list(&facts, due, 1), count > 0);
        buffer_deinit(&text);
        zone_free(zone);
    }
}

/* To health a run that was lost has been started. */
static void test_lost_ones_count_for_health(void **state)
{
    const struct due_case c = {.runs = {"2026-11-21T06:00?"}};
    char ids[5][UUID_TEXT_SIZE];
    struct state_run runs[5];
    struct due_facts facts = {.pipeline = "x",
        .instance = "",
        .catchup = CATCHUP_ALL,
        .runs = runs,
        .run_count = make_runs(&c, runs, ids)};

    (void)state;
    assert_int_equal(due_since(&facts), at("2026-11-21T06:00"));
    facts.again_lost = true;
    facts.watched_since_ms = 5;
    assert_int_equal(due_since(&facts), 5);
}

static void test_ids(void **state)
{
    char a[UUID_TEXT_SIZE], b[UUID_TEXT_SIZE];

    (void)state;
    due_run_id("x", "", 1000, a);
    assert_true(uuid_valid(a));
    assert_int_equal(a[14], '5');
    assert_string_equal(a, due_run_id("x", "", 1000, b));
    assert_string_not_equal(a, due_run_id("x", "", 1001, b));
    assert_string_not_equal(a, due_run_id("y", "", 1000, b));
    assert_string_not_equal(a, due_run_id("x", "de", 1000, b));
}

static void test_a_moment_is_due_or_not(void **state)
{
    struct cron cron;

    (void)state;
    assert_int_equal(cron_parse("15 6 * * *", &cron, NULL), 0);
    assert_true(due_is_time(&cron, NULL, at("2026-11-21T06:15")));
    assert_false(due_is_time(&cron, NULL, at("2026-11-21T06:15:01")));
    assert_false(due_is_time(&cron, NULL, at("2026-11-21T06:14")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_lost_ones_count_for_health),
        cmocka_unit_test(test_ids),
        cmocka_unit_test(test_a_moment_is_due_or_not),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
