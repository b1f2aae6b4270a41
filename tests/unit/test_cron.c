#include "config/cron.h"

#include "runner/base/mem.h"
#include "runner/base/time.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct zone *open_zone(const char *name)
{
    struct error err = {0};
    struct zone *zone = zone_open(name, &err);

    if (!zone)
        fail_msg("%s", err.message);
    return zone;
}

static struct cron parse(const char *text)
{
    struct error err = {0};
    struct cron cron;

    if (cron_parse(text, &cron, &err))
        fail_msg("%s: %s", text, err.message);
    return cron;
}

static int64_t ms(const char *text)
{
    struct error err = {0};
    int64_t time_ms;

    if (time_parse(text, &time_ms, &err))
        fail_msg("%s", err.message);
    return time_ms;
}

/* --- due times --- */

/* The due times after a start, found by a program that looks at each minute of the zone's clock. */
static const struct {
    const char *zone, *schedule, *after, *due;
} known[] = {
    {"UTC", "15 6 * * *", "2026-11-21T06:14:00Z",
        "2026-11-21T06:15:00Z 2026-11-22T06:15:00Z 2026-11-23T06:15:00Z 2026-11-24T06:15:00Z"},
    {"UTC", "15 6 * * *", "2026-11-21T06:15:00Z",
        "2026-11-22T06:15:00Z 2026-11-23T06:15:00Z 2026-11-24T06:15:00Z 2026-11-25T06:15:00Z"},
    {"UTC", "*/15 * * * *", "2026-12-31T23:31:00Z",
        "2026-12-31T23:45:00Z 2027-01-01T00:00:00Z 2027-01-01T00:15:00Z 2027-01-01T00:30:00Z"},
    {"UTC", "0 0 1,15 * MON", "2026-10-31T00:00:00Z",
        "2026-11-01T00:00:00Z 2026-11-02T00:00:00Z 2026-11-09T00:00:00Z 2026-11-15T00:00:00Z"},
    {"UTC", "0 0 */2 * MON", "2026-10-31T00:00:00Z",
        "2026-11-09T00:00:00Z 2026-11-23T00:00:00Z 2026-12-07T00:00:00Z"},
    {"UTC", "0 0 1-31 * MON", "2026-10-30T00:00:00Z",
        "2026-10-31T00:00:00Z 2026-11-01T00:00:00Z 2026-11-02T00:00:00Z 2026-11-03T00:00:00Z"},
    {"UTC", "0 0 29 2 *", "2026-01-01T00:00:00Z", "2028-02-29T00:00:00Z"},
    {"UTC", "30 23 31 * *", "2026-01-31T23:30:00Z",
        "2026-03-31T23:30:00Z 2026-05-31T23:30:00Z 2026-07-31T23:30:00Z"},
    {"UTC", "0 12 * FEB,apr sun", "2026-02-20T00:00:00Z",
        "2026-02-22T12:00:00Z 2026-04-05T12:00:00Z 2026-04-12T12:00:00Z 2026-04-19T12:00:00Z"},
    {"UTC", "0 0 * * 5-7", "2026-11-21T00:00:00Z",
        "2026-11-22T00:00:00Z 2026-11-27T00:00:00Z 2026-11-28T00:00:00Z 2026-11-29T00:00:00Z"},
    {"UTC", "10-50/20 9-17/4 * * MON-FRI", "2026-11-20T16:50:00Z",
        "2026-11-20T17:10:00Z 2026-11-20T17:30:00Z 2026-11-20T17:50:00Z 2026-11-23T09:10:00Z"},
    {"Europe/Berlin", "30 2 * * *", "2026-03-27T12:00:00Z",
        "2026-03-28T01:30:00Z 2026-03-29T01:00:00Z 2026-03-30T00:30:00Z 2026-03-31T00:30:00Z"},
    {"Europe/Berlin", "30 2 * * *", "2026-10-23T12:00:00Z",
        "2026-10-24T00:30:00Z 2026-10-25T00:30:00Z 2026-10-26T01:30:00Z 2026-10-27T01:30:00Z"},
    {"Europe/Berlin", "*/20 2 * * *", "2026-03-29T00:00:00Z",
        "2026-03-29T01:00:00Z 2026-03-30T00:00:00Z 2026-03-30T00:20:00Z 2026-03-30T00:40:00Z"},
    {"Europe/Berlin", "*/20 2 * * *", "2026-10-24T23:30:00Z",
        "2026-10-25T00:00:00Z 2026-10-25T00:20:00Z 2026-10-25T00:40:00Z 2026-10-26T01:00:00Z"},
    {"Europe/Berlin", "0 2,3 * * *", "2026-03-28T12:00:00Z",
        "2026-03-29T01:00:00Z 2026-03-30T00:00:00Z 2026-03-30T01:00:00Z 2026-03-31T00:00:00Z"},
    {"Europe/Berlin", "*/30 * * * *", "2026-03-29T00:00:00Z",
        "2026-03-29T00:30:00Z 2026-03-29T01:00:00Z 2026-03-29T01:30:00Z 2026-03-29T02:00:00Z"},
    {"Europe/Berlin", "*/30 * * * *", "2026-10-24T23:59:00Z",
        "2026-10-25T00:00:00Z 2026-10-25T00:30:00Z 2026-10-25T01:00:00Z 2026-10-25T01:30:00Z"},
    {"Europe/Berlin", "0 */2 * * *", "2026-03-28T23:30:00Z",
        "2026-03-29T02:00:00Z 2026-03-29T04:00:00Z 2026-03-29T06:00:00Z 2026-03-29T08:00:00Z"},
    {"Europe/Berlin", "30 2 29 3 *", "2026-03-01T00:00:00Z", "2026-03-29T01:00:00Z"},
    {"Europe/Berlin", "30 0-23 * * *", "2026-10-25T00:00:00Z",
        "2026-10-25T00:30:00Z 2026-10-25T01:30:00Z 2026-10-25T02:30:00Z 2026-10-25T03:30:00Z"},
    {"Europe/Berlin", "0 6 * * *", "2099-03-27T12:00:00Z",
        "2099-03-28T05:00:00Z 2099-03-29T04:00:00Z 2099-03-30T04:00:00Z 2099-03-31T04:00:00Z"},
    {"America/New_York", "30 1 * * *", "2026-10-31T12:00:00Z",
        "2026-11-01T05:30:00Z 2026-11-02T06:30:00Z 2026-11-03T06:30:00Z 2026-11-04T06:30:00Z"},
    {"America/New_York", "30 2 * * *", "2026-03-07T12:00:00Z",
        "2026-03-08T07:00:00Z 2026-03-09T06:30:00Z 2026-03-10T06:30:00Z 2026-03-11T06:30:00Z"},
    {"America/New_York", "0 1-3 * * *", "2026-11-01T00:00:00Z",
        "2026-11-01T05:00:00Z 2026-11-01T07:00:00Z 2026-11-01T08:00:00Z 2026-11-02T06:00:00Z"},
    {"America/New_York", "15 * * * *", "2026-11-01T04:30:00Z",
        "2026-11-01T05:15:00Z 2026-11-01T06:15:00Z 2026-11-01T07:15:00Z 2026-11-01T08:15:00Z"},
    {"Australia/Lord_Howe", "15 2 * * *", "2026-10-02T12:00:00Z",
        "2026-10-02T15:45:00Z 2026-10-03T15:30:00Z 2026-10-04T15:15:00Z 2026-10-05T15:15:00Z"},
    {"Australia/Lord_Howe", "45 1 * * *", "2026-04-03T12:00:00Z",
        "2026-04-03T14:45:00Z 2026-04-04T14:45:00Z 2026-04-05T15:15:00Z 2026-04-06T15:15:00Z"},
    {"Australia/Lord_Howe", "*/15 * * * *", "2026-10-03T15:00:00Z",
        "2026-10-03T15:15:00Z 2026-10-03T15:30:00Z 2026-10-03T15:45:00Z 2026-10-03T16:00:00Z"},
    {"Australia/Lord_Howe", "*/15 * * * *", "2026-04-04T14:30:00Z",
        "2026-04-04T14:45:00Z 2026-04-04T15:00:00Z 2026-04-04T15:15:00Z 2026-04-04T15:30:00Z"},
    {"Asia/Kolkata", "30 5 * * *", "2026-11-20T00:00:00Z",
        "2026-11-21T00:00:00Z 2026-11-22T00:00:00Z 2026-11-23T00:00:00Z 2026-11-24T00:00:00Z"},
    {"Asia/Kolkata", "0 0 1 * *", "2026-11-20T00:00:00Z",
        "2026-11-30T18:30:00Z 2026-12-31T18:30:00Z"},
    {"Pacific/Apia", "0 12 * * *", "2011-12-28T22:00:00Z",
        "2011-12-29T22:00:00Z 2011-12-30T10:00:00Z 2011-12-30T22:00:00Z 2011-12-31T22:00:00Z"},
    {"Pacific/Apia", "0 12 30 12 *", "2011-12-01T00:00:00Z", "2011-12-30T10:00:00Z"},
    {"Pacific/Apia", "0 */6 * * *", "2011-12-30T00:00:00Z",
        "2011-12-30T04:00:00Z 2011-12-30T10:00:00Z 2011-12-30T16:00:00Z 2011-12-30T22:00:00Z"},
    {"America/Sao_Paulo", "0 0 * * *", "2018-11-03T00:00:00Z",
        "2018-11-03T03:00:00Z 2018-11-04T03:00:00Z 2018-11-05T02:00:00Z 2018-11-06T02:00:00Z"},
    {"America/Sao_Paulo", "30 0 4 11 *", "2018-11-03T00:00:00Z", "2018-11-04T03:00:00Z"},
    {"America/Sao_Paulo", "30 23 * * *", "2018-02-16T12:00:00Z",
        "2018-02-17T01:30:00Z 2018-02-18T01:30:00Z 2018-02-19T02:30:00Z 2018-02-20T02:30:00Z"},
    {"America/Sao_Paulo", "0 * * * *", "2018-02-18T00:30:00Z",
        "2018-02-18T01:00:00Z 2018-02-18T02:00:00Z 2018-02-18T03:00:00Z 2018-02-18T04:00:00Z"},
    {"Antarctica/Troll", "30 1 * * *", "2026-03-28T00:00:00Z",
        "2026-03-28T01:30:00Z 2026-03-29T01:00:00Z 2026-03-29T23:30:00Z 2026-03-30T23:30:00Z"},
    {"Africa/Casablanca", "30 2 * * *", "2026-02-13T12:00:00Z",
        "2026-02-14T01:30:00Z 2026-02-15T01:30:00Z 2026-02-16T02:30:00Z 2026-02-17T02:30:00Z"},
    {"Europe/Dublin", "30 1 * * *", "2026-03-28T00:00:00Z",
        "2026-03-28T01:30:00Z 2026-03-29T01:00:00Z 2026-03-30T00:30:00Z 2026-03-31T00:30:00Z"},
    {"UTC", "0 0 29 2 *", "2096-03-01T00:00:00Z", "2104-02-29T00:00:00Z 2108-02-29T00:00:00Z"},
    {"UTC", "0 0 29 2 */7", "2060-03-01T00:00:00Z", "2088-02-29T00:00:00Z 2128-02-29T00:00:00Z"},
};

static void due_times_are_the_known_ones(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(known); i++) {
        const struct cron cron = parse(known[i].schedule);
        struct zone *zone = open_zone(known[i].zone);
        int64_t at_ms = ms(known[i].after), previous_ms = 0;

        for (const char *due = known[i].due; *due; due += strcspn(due, " "), due += *due == ' ') {
            char expected[TIME_TEXT_SIZE] = "", got[TIME_TEXT_SIZE];
            const int64_t from_ms = at_ms;

            memcpy(expected, due, strcspn(due, " "));
            assert_true(cron_next(&cron, zone, at_ms, &at_ms));
            if (at_ms != ms(expected))
                fail_msg("%s in %s: %s instead of %s", known[i].schedule, known[i].zone,
                    time_format_rfc3339(at_ms, got), expected);
            assert_true(cron_previous(&cron, zone, at_ms, &previous_ms));
            assert_int_equal(previous_ms, at_ms);
            /* Nothing between two of them; the start itself need not be one. */
            if (cron_previous(&cron, zone, at_ms - 1, &previous_ms))
                assert_true(previous_ms <= from_ms);
        }
        zone_free(zone);
    }
}

static void a_date_that_the_zone_left_out_has_no_intervals(void **state)
{
    const struct cron cron = parse("* * 30 12 *");
    struct zone *zone = open_zone("Pacific/Apia");
    int64_t due_ms;

    (void)state;
    assert_true(cron_next(&cron, zone, ms("2011-12-01"), &due_ms));
    assert_int_equal(due_ms, ms("2012-12-29T10:00:00Z"));
    assert_true(cron_previous(&cron, zone, ms("2012-01-31"), &due_ms));
    assert_int_equal(due_ms, ms("2010-12-31T09:59:00Z"));
    zone_free(zone);
}

static void due_times_end_with_the_calendar(void **state)
{
    const struct cron cron = parse("0 0 1 1 *");
    int64_t due_ms = 77;

    (void)state;
    assert_false(cron_next(&cron, NULL, ms("9999-01-01"), &due_ms));
    assert_false(cron_next(&cron, NULL, INT64_MAX, &due_ms));
    assert_false(cron_previous(&cron, NULL, ms("0001-01-01") - 1, &due_ms));
    assert_false(cron_previous(&cron, NULL, INT64_MIN, &due_ms));
    assert_int_equal(due_ms, 77);
    assert_true(cron_next(&cron, NULL, INT64_MIN, &due_ms));
    assert_int_equal(due_ms, ms("0001-01-01"));
    assert_true(cron_previous(&cron, NULL, INT64_MAX, &due_ms));
    assert_int_equal(due_ms, ms("9999-01-01"));
}

static void due_is_strictly_after_and_at_or_before(void **state)
{
    const struct cron cron = parse("15 6 * * *");
    const int64_t at_ms = ms("2026-11-21T06:15:00Z");
    int64_t due_ms;

    (void)state;
    assert_true(cron_next(&cron, NULL, at_ms - 1, &due_ms));
    assert_int_equal(due_ms, at_ms);
    assert_true(cron_next(&cron, NULL, at_ms, &due_ms));
    assert_int_equal(due_ms, at_ms + MS_PER_DAY);
    assert_true(cron_previous(&cron, NULL, at_ms, &due_ms));
    assert_int_equal(due_ms, at_ms);
    assert_true(cron_previous(&cron, NULL, at_ms - 1, &due_ms));
    assert_int_equal(due_ms, at_ms - MS_PER_DAY);
    assert_true(cron_previous(&cron, NULL, at_ms + 59999, &due_ms));
    assert_int_equal(due_ms, at_ms);
}

/* --- next and previous agree --- */

static uint64_t random_below(uint64_t *seed, uint64_t limit)
{
    *seed = *seed * 6364136223846793005U + 1442695040888963407U;
    return (*seed >> 33) % limit;
}

static void check_agreement(const struct cron *cron, const struct zone *zone, int64_t at_ms)
{
    int64_t next_ms, previous_ms, again_ms;

    assert_true(cron_next(cron, zone, at_ms, &next_ms));
    assert_true(cron_previous(cron, zone, at_ms, &previous_ms));
    assert_true(next_ms > at_ms);
    assert_true(previous_ms <= at_ms);
    assert_true(cron_next(cron, zone, previous_ms, &again_ms));
    assert_int_equal(again_ms, next_ms);
    assert_true(cron_previous(cron, zone, next_ms - 1, &again_ms));
    assert_int_equal(again_ms, previous_ms);
    assert_true(cron_previous(cron, zone, next_ms, &again_ms));
    assert_int_equal(again_ms, next_ms);
    assert_true(cron_next(cron, zone, previous_ms - 1, &again_ms));
    assert_int_equal(again_ms, previous_ms);
}

static void next_and_previous_agree(void **state)
{
    static const char *const schedules[] = {"* * * * *", "*/15 * * * *", "30 2 * * *",
        "*/7 1-3 * * *", "0 0 * * *", "0 */5 * * *", "30 0-3,22-23 */3 * *", "0 0 29 2 *",
        "15 2 1 * SUN", "45 23 31 12 *", "17 3 * 3,10 SUN"};
    static const char *const zones[] = {"Europe/Berlin", "America/New_York", "Australia/Lord_Howe",
        "Pacific/Apia", "America/Sao_Paulo", "Africa/Casablanca", "Antarctica/Troll", "Asia/Gaza",
        "Pacific/Kwajalein", "UTC"};
    uint64_t seed = 20261121;

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(zones); i++) {
        struct zone *zone = open_zone(zones[i]);

        for (int j = 0; j < 2000; j++) {
            const struct cron cron = parse(schedules[random_below(&seed, ARRAY_LENGTH(schedules))]);
            int64_t at_ms = ms("1950-01-01");

            at_ms += (int64_t)random_below(&seed, 200 * 366) * MS_PER_DAY;
            /* Half of them near a change of the offset, where faults would be. */
            if (random_below(&seed, 2) && zone_span(zone, at_ms).end_ms < ZONE_LAST_MS)
                at_ms = zone_span(zone, at_ms).end_ms - 2 * (int64_t)MS_PER_HOUR;
            at_ms += (int64_t)random_below(&seed, 4 * MS_PER_HOUR);
            if (at_ms > ms("9900-01-01"))
                continue; /* where the rule ends */
            check_agreement(&cron, zone, at_ms);
        }
        zone_free(zone);
    }
}

/* --- parsing --- */

static void same_schedules_are_equal(void **state)
{
    static const struct {
        const char *one, *other;
    } same[] = {{"@hourly", "0 * * * *"}, {"@Daily", "0 0 * * *"}, {"@midnight", "@daily"},
        {"@weekly", "0 0 * * SUN"}, {"@monthly", "0 0 1 * *"}, {"@yearly", "@annually"},
        {" @YEARLY ", "0 0 1 jan *"}, {"  15\t6  *  *  *\n", "15 6 * * *"},
        {"0 0 * * 7", "0 0 * * 0"}, {"0 0 * * 0-7", "0 0 * * 0-6"},
        {"0 0 * * SAT-SUN", "0 0 * * 6,0"}, {"0 0 * * 0-0", "0 0 * * sun"},
        {"0 0 * feb-APR mon-Fri", "0 0 * 2-4 1-5"}, {"*/20 * * * *", "0,20,40 * * * *"},
        {"5-59/20 * * * *", "45,25,5 * * * *"}, {"0 0-23 * * *", "0 * * * *"},
        {"07 06 1 1 *", "7 6 1 1 *"}, {"1,1,1 0 * * *", "1 0 * * *"},
        {"0 0 1-7/7 * *", "0 0 1 * *"}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(same); i++) {
        const struct cron one = parse(same[i].one), other = parse(same[i].other);

        if (one.minutes != other.minutes || one.hours != other.hours || one.days != other.days ||
            one.months != other.months || one.weekdays != other.weekdays ||
            one.either_day != other.either_day || one.every_hour != other.every_hour)
            fail_msg("%s is not %s", same[i].one, same[i].other);
    }
}

static void bad_schedules_say_where_and_why(void **state)
{
    static const struct {
        const char *text, *message;
    } bad[] = {
        {"61 * * * *", "minute: \"61\" is not in 0-59"},
        {"* 24 * * *", "hour: \"24\" is not in 0-23"},
        {"* * 0 * *", "day of month: \"0\" is not in 1-31"},
        {"* * 32 * *", "day of month: \"32\" is not in 1-31"},
        {"* * * 13 *", "month: \"13\" is not in 1-12 or JAN-DEC"},
        {"* * * 0 *", "month: \"0\" is not in 1-12 or JAN-DEC"},
        {"* * * * 8", "day of week: \"8\" is not in 0-7 or SUN-SAT"},
        {"* * * * Monday", "day of week: \"Monday\" is not in 0-7 or SUN-SAT"},
        {"* * * mon *", "month: \"mon\" is not in 1-12 or JAN-DEC"},
        {"99999999999999999999 * * * *", "minute: \"99999999999999999999\" is not in 0-59"},
        {"-1 * * * *", "minute: \"\" is not in 0-59"},
        {"5- * * * *", "minute: \"\" is not in 0-59"},
        {"1-2-3 * * * *", "minute: \"2-3\" is not in 0-59"},
        {"*5 * * * *", "minute: \"*5\" is not in 0-59"},
        {"? * * * *", "minute: \"?\" is not in 0-59"},
        {"* 22-2 * * *", "hour: \"22-2\" runs backwards; write it as two ranges, as in 22-23,0-5"},
        {"* * * * FRI-MON",
            "day of week: \"FRI-MON\" runs backwards; write it as two ranges, as in 22-23,0-5"},
        {"5/15 * * * *", "minute: \"5/15\" has a step but no range; write it as */n or a-b/n"},
        {"/15 * * * *", "minute: \"\" is not in 0-59"},
        {"*/0 * * * *", "minute: \"*/0\": the step is not in 1-59"},
        {"*/60 * * * *", "minute: \"*/60\": the step is not in 1-59"},
        {"*/ * * * *", "minute: \"*/\": the step is not in 1-59"},
        {"*/5/5 * * * *", "minute: \"*/5/5\": the step is not in 1-59"},
        {"*/-5 * * * *", "minute: \"*/-5\": the step is not in 1-59"},
        {", * * * *", "minute: nothing between two commas or at an end"},
        {"1,,2 * * * *", "minute: nothing between two commas or at an end"},
        {"1, * * * *", "minute: nothing between two commas or at an end"},
        {"* * * *", "a schedule has 5 fields (minute, hour, day of month, month, day of week), as "
                    "in \"15 6 * * *\", not 4"},
        {"0 15 6 * * *", "a schedule has 5 fields (minute, hour, day of month, month, day of "
                         "week), as in \"15 6 * * *\", not 6"},
        {"", "a schedule has 5 fields (minute, hour, day of month, month, day of week), as in "
             "\"15 6 * * *\", not 0"},
        {"@reboot", "\"@reboot\" is not a schedule; use @hourly @daily @weekly @monthly @yearly or "
                    "five fields"},
        {"0 0 30 2 *",
            "day of month: no month that the schedule names has this day, so it is never due"},
        {"0 0 31 2,4,6,9,11 *",
            "day of month: no month that the schedule names has this day, so it is never due"},
        {"0 0 30,31 FEB */2",
            "day of month: no month that the schedule names has this day, so it is never due"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
        struct cron cron = {.minutes = 77};
        struct error err = {0};

        assert_int_equal(cron_parse(bad[i].text, &cron, &err), -1);
        assert_string_equal(err.message, bad[i].message);
        assert_int_equal(err.code, ERROR_INVALID);
        assert_int_equal(cron.minutes, 77);
    }
}

static void a_day_of_the_week_makes_up_for_an_impossible_date(void **state)
{
    const struct cron cron = parse("0 0 30 2 MON");
    int64_t due_ms;

    (void)state;
    assert_true(cron_next(&cron, NULL, ms("2026-02-01"), &due_ms));
    assert_int_equal(due_ms, ms("2026-02-02"));
}

static void texts_are_limited(void **state)
{
    char text[CRON_TEXT_MAX + 2];
    struct error err = {0};
    struct cron cron;

    (void)state;
    memset(text, ' ', sizeof(text));
    memcpy(text, "* * * * *", 9);
    text[CRON_TEXT_MAX] = '\0';
    assert_int_equal(cron_parse(text, &cron, &err), 0);
    text[CRON_TEXT_MAX] = ' ';
    text[CRON_TEXT_MAX + 1] = '\0';
    assert_int_equal(cron_parse(text, &cron, &err), -1);
    assert_int_equal(err.code, ERROR_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(due_times_are_the_known_ones),
        cmocka_unit_test(a_date_that_the_zone_left_out_has_no_intervals),
        cmocka_unit_test(due_times_end_with_the_calendar),
        cmocka_unit_test(due_is_strictly_after_and_at_or_before),
        cmocka_unit_test(next_and_previous_agree),
        cmocka_unit_test(same_schedules_are_equal),
        cmocka_unit_test(bad_schedules_say_where_and_why),
        cmocka_unit_test(a_day_of_the_week_makes_up_for_an_impossible_date),
        cmocka_unit_test(texts_are_limited),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
