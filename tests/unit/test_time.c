#include "runner/base/mem.h"
#include "runner/base/time.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static int64_t ms(const char *text)
{
    struct error err = {0};
    int64_t time_ms;

    if (time_parse(text, &time_ms, &err))
        fail_msg("%s", err.message);
    return time_ms;
}

/* --- calendar --- */

static void days_are_the_known_ones(void **state)
{
    static const struct {
        int year, month, day;
        int days;
        int weekday;
    } known[] = {{1970, 1, 1, 0, 4}, {1969, 12, 31, -1, 3}, {2000, 2, 29, 11016, 2},
        {2000, 3, 1, 11017, 3}, {1900, 3, 1, -25508, 4}, {2026, 11, 21, 20778, 6},
        {1, 1, 1, -719162, 1}, {9999, 12, 31, 2932896, 5}, {2028, 2, 29, 21243, 2}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(known); i++) {
        const struct civil c = time_civil((int64_t)known[i].days * MS_PER_DAY);

        assert_int_equal(
            time_days_from_civil(known[i].year, known[i].month, known[i].day), known[i].days);
        assert_int_equal(c.year, known[i].year);
        assert_int_equal(c.month, known[i].month);
        assert_int_equal(c.day, known[i].day);
        assert_int_equal(c.weekday, known[i].weekday);
        assert_int_equal(c.hour + c.minute + c.second + c.millisecond, 0);
    }
}

static void every_day_of_four_centuries_comes_back(void **state)
{
    struct civil before = time_civil(-1 * (int64_t)MS_PER_DAY);

    (void)state;
    for (int64_t day = 0; day < 146097; day++) {
        const struct civil c = time_civil(day * MS_PER_DAY + MS_PER_DAY - 1);

        assert_int_equal(time_days_from_civil(c.year, c.month, c.day), day);
        assert_int_equal(time_from_civil(&c), day * MS_PER_DAY + MS_PER_DAY - 1);
        assert_int_equal(c.weekday, (before.weekday + 1) % 7);
        assert_true(c.day == before.day + 1 || c.day == 1);
        assert_true(c.day <= time_days_in_month(c.year, c.month));
        before = c;
    }
}

static void months_have_their_days(void **state)
{
    (void)state;
    assert_int_equal(time_days_in_month(2026, 2), 28);
    assert_int_equal(time_days_in_month(2028, 2), 29);
    assert_int_equal(time_days_in_month(1900, 2), 28);
    assert_int_equal(time_days_in_month(2000, 2), 29);
    assert_int_equal(time_days_in_month(2026, 12), 31);
    assert_int_equal(time_days_in_month(2026, 4), 30);
}

static void fields_out_of_range_carry(void **state)
{
    const struct civil month_13 = {.year = 2026, .month = 13, .day = 1};
    const struct civil month_0 = {.year = 2026, .month = 0, .day = 31};
    const struct civil day_32 = {.year = 2026, .month = 1, .day = 32};
    const struct civil minutes = {.year = 2026, .month = 12, .day = 31, .hour = 23, .minute = 60};
    const struct civil negative = {.year = 2026, .month = 1, .day = 1, .millisecond = -1};

    (void)state;
    assert_int_equal(time_from_civil(&month_13), ms("2027-01-01"));
    assert_int_equal(time_from_civil(&month_0), ms("2025-12-31"));
    assert_int_equal(time_from_civil(&day_32), ms("2026-02-01"));
    assert_int_equal(time_from_civil(&minutes), ms("2027-01-01"));
    assert_int_equal(time_from_civil(&negative), ms("2025-12-31T23:59:59.999Z"));
}

static void clocks_go_forward(void **state)
{
    const uint64_t first = time_monotonic_ns();

    (void)state;
    assert_true(time_monotonic_ns() >= first);
    assert_true(time_now_ms() > ms("2024-01-01"));
    assert_true(time_now_ms() < ms("2200-01-01"));
}

/* --- texts --- */

static void times_are_read(void **state)
{
    static const struct {
        const char *text, *same;
    } same[] = {{"2026-11-21", "2026-11-21T00:00:00.000Z"},
        {"2026-11-21T06:30", "2026-11-21T06:30:00.000Z"},
        {"2026-11-21 06:30:05", "2026-11-21T06:30:05.000Z"},
        {"2026-11-21t06:30:05z", "2026-11-21T06:30:05.000Z"},
        {"2026-11-21T06:30:05.1", "2026-11-21T06:30:05.100Z"},
        {"2026-11-21T06:30:05.123456789Z", "2026-11-21T06:30:05.123Z"},
        {"2026-11-21T06:30:05+02:00", "2026-11-21T04:30:05.000Z"},
        {"2026-11-21T06:30-0530", "2026-11-21T12:00:00.000Z"},
        {"2026-11-21T06:30+02", "2026-11-21T04:30:00.000Z"},
        {"2026-01-01T00:30+01:00", "2025-12-31T23:30:00.000Z"},
        {"2028-02-29", "2028-02-29T00:00:00.000Z"}, {"0001-01-01", "0001-01-01T00:00:00.000Z"},
        {"9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999Z"},
        {"1969-12-31T23:59:59.999Z", "1969-12-31T23:59:59.999Z"}};
    char text[TIME_TEXT_SIZE];

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(same); i++)
        assert_string_equal(time_format_rfc3339(ms(same[i].text), text), same[i].same);
    assert_int_equal(ms("1970-01-01T00:00:00.001Z"), 1);
    assert_int_equal(ms("1969-12-31T23:59:59.999Z"), -1);
    assert_string_equal(time_format_date(ms("2026-11-21T23:59"), text), "2026-11-21");
}

static void bad_times_are_refused(void **state)
{
    static const char *const texts[] = {"", "2026", "2026-11", "2026-13-01", "2026-00-01",
        "2026-11-31", "2026-11-00", "2026-02-29", "1900-02-29", "0000-01-01", "26-11-21",
        "2026-11-21T", "2026-11-21T24:00", "2026-11-21T06:60", "2026-11-21T06:30:60",
        "2026-11-21T06", "2026-11-21T6:30", "2026-11-21T06:30:5", "2026-11-21T06:30:05.",
        "2026-11-21T06:30.5", "2026-11-21T06:30+2",
        "2026-11-21T06:30+02:", "2026-11-21T06:30+24:00", "2026-11-21T06:30+02:60",
        "2026-11-21T06:30ZZ", "2026-11-21T06:30 ", " 2026-11-21", "2026-11-21x", "2026/11/21",
        "-2026-11-21", "2026-11-2\xc3\xa9"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
        struct error err = {0};
        int64_t time_ms = 77;

        if (time_parse(texts[i], &time_ms, &err) != -1)
            fail_msg("%s", texts[i]);
        assert_int_equal(err.code, ERROR_INVALID);
        assert_int_equal(time_ms, 77);
    }
}

static void dates_have_no_time(void **state)
{
    struct error err = {0};
    int64_t time_ms = 77;

    (void)state;
    assert_int_equal(time_parse_date("2026-11-21T00:00", &time_ms, &err), -1);
    assert_int_equal(time_ms, 77);
    assert_string_equal(err.message, "\"2026-11-21T00:00\" is not a date; write it as 2026-11-21");
    assert_int_equal(time_parse_date("2026-11-21", &time_ms, &err), 0);
    assert_int_equal(time_ms, ms("2026-11-21"));
}

static void patterns_are_filled_in(void **state)
{
    static const struct {
        const char *pattern, *text;
    } patterns[] = {{"%Y-%m-%dT%H:%M:%S.%L", "2026-03-08T04:05:06.007"},
        {"%F %T", "2026-03-08 04:05:06"}, {"%j", "067"}, {"%y/%b/%B", "26/Mar/March"},
        {"%a %A %u", "Sun Sunday 7"}, {"%s", "1772942706"}, {"100%%", "100%"}, {"", ""},
        {"caf\xc3\xa9/%Y", "caf\xc3\xa9/2026"}};
    const int64_t time_ms = ms("2026-03-08T04:05:06.007");
    struct error err = {0};
    char text[64];

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(patterns); i++) {
        assert_int_equal(time_format(time_ms, patterns[i].pattern, text, sizeof(text), &err), 0);
        assert_string_equal(text, patterns[i].text);
    }
    assert_int_equal(time_format(ms("2028-12-31"), "%j", text, sizeof(text), &err), 0);
    assert_string_equal(text, "366");
    assert_int_equal(time_format(-1, "%s", text, sizeof(text), &err), 0);
    assert_string_equal(text, "-1");
}

static void bad_patterns_are_refused(void **state)
{
    struct error err = {0};
    char text[5] = "";

    (void)state;
    assert_int_equal(time_format(0, "%Q", text, sizeof(text), &err), -1);
    assert_string_equal(
        err.message, "\"%Q\": \"%Q\" is not a date part; use %Y %m %d %H %M %S %j %F");
    assert_int_equal(time_format(0, "%", text, sizeof(text), &err), -1);
    assert_string_equal(
        err.message, "\"%\": \"%\" is not a date part; use %Y %m %d %H %M %S %j %F");
    assert_int_equal(time_format(0, "%\xc3\xa9", text, sizeof(text), &err), -1);
    assert_string_equal(err.message,
        "\"%\xc3\xa9\": \"%\xc3\xa9\" is not a date part; use %Y %m %d %H %M %S %j %F");
    assert_int_equal(time_format(0, "%Y", text, sizeof(text), &err), 0); /* just fits */
    assert_int_equal(time_format(0, "%Y.", text, sizeof(text), &err), -1);
    assert_int_equal(err.code, ERROR_LIMIT);
}

/* --- durations --- */

static struct duration duration(const char *text)
{
    struct error err = {0};
    struct duration result;

    if (duration_parse(text, &result, &err))
        fail_msg("%s", err.message);
    return result;
}

static void durations_are_read(void **state)
{
    static const struct {
        const char *text;
        int months;
        int64_t ms;
    } known[] = {{"500ms", 0, 500}, {"30s", 0, 30000}, {"5m", 0, 300000}, {"5min", 0, 300000},
        {"2h", 0, 7200000}, {"7d", 0, 604800000}, {"1w", 0, 604800000}, {"1mo", 1, 0},
        {"2y", 24, 0}, {"1h30m", 0, 5400000}, {"1.5h", 0, 5400000}, {"0s", 0, 0}, {"0.1s", 0, 100},
        {"1y2mo3d4h", 14, 3 * 86400000LL + 4 * 3600000}, {"120000mo", 120000, 0},
        {"3660000d", 0, 3660000 * 86400000LL}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(known); i++) {
        const struct duration got = duration(known[i].text);

        assert_int_equal(got.months, known[i].months);
        assert_int_equal(got.ms, known[i].ms);
        assert_int_equal(duration_ms(&got), known[i].ms + known[i].months * 30LL * MS_PER_DAY);
    }
}

static void bad_durations_are_refused(void **state)
{
    static const char *const texts[] = {"", "5", "s", "5 s", "-5s", "+5s", "5S", "5sec", "1h 30m",
        "1h30", "1.5mo", "0.5y", "1.s", ".5s", "5s ", "3660001d", "120001mo", "10001y",
        "3660000d1ms", "9000y2000y", "9999999999999999s", "1e3s", "5\xc2\xb5s"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
        struct duration result = {.months = 77};
        struct error err = {0};

        if (duration_parse(texts[i], &result, &err) != -1)
            fail_msg("%s", texts[i]);
        assert_int_equal(err.code, ERROR_INVALID);
        assert_int_equal(result.months, 77);
    }
}

static void months_end_where_the_month_ends(void **state)
{
    static const struct {
        const char *start, *duration;
        int sign;
        const char *end;
    } known[] = {{"2026-01-31", "1mo", 1, "2026-02-28"}, {"2028-01-31", "1mo", 1, "2028-02-29"},
        {"2026-03-31", "1mo", -1, "2026-02-28"}, {"2026-01-31", "2mo", 1, "2026-03-31"},
        {"2028-02-29", "1y", 1, "2029-02-28"}, {"2028-02-29", "4y", 1, "2032-02-29"},
        {"2026-12-15", "1mo", 1, "2027-01-15"}, {"2026-01-15", "1mo", -1, "2025-12-15"},
        {"2026-01-15", "25mo", -1, "2023-12-15"},
        {"2026-01-31T23:30", "1mo1h", 1, "2026-03-01T00:30"},
        {"2026-01-01", "1ms", -1, "2025-12-31T23:59:59.999"},
        {"2026-05-05", "0s", 1, "2026-05-05"}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(known); i++) {
        const struct duration step = duration(known[i].duration);

        if (duration_add(&step, ms(known[i].start), known[i].sign) != ms(known[i].end))
            fail_msg("%s %s", known[i].start, known[i].duration);
    }
}

static void durations_are_written_for_people(void **state)
{
    static const struct {
        int64_t ms;
        const char *text;
    } known[] = {{0, "0ms"}, {350, "350ms"}, {999, "999ms"}, {1000, "1.0s"}, {12345, "12.3s"},
        {59960, "59.9s"}, {60000, "1m 00s"}, {3599999, "59m 59s"}, {3900000, "1h 05m"},
        {172799999, "47h 59m"}, {172800000, "2d"}};
    char text[TIME_TEXT_SIZE];

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(known); i++)
        assert_string_equal(duration_format(known[i].ms, text), known[i].text);
}

static void ages_are_written_for_people(void **state)
{
    static const struct {
        int64_t age_s;
        const char *text;
    } known[] = {{0, "0 s ago"}, {119, "119 s ago"}, {120, "2 min ago"}, {7199, "119 min ago"},
        {7200, "2 h ago"}, {2 * 86400, "2 days ago"}, {60 * 86400, "2 months ago"},
        {-10800, "in 3 h"}};
    char text[TIME_TEXT_SIZE];

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(known); i++)
        assert_string_equal(
            time_format_ago(5 - known[i].age_s * MS_PER_SECOND, 5, text), known[i].text);
}

/* --- sizes --- */

static void sizes_are_read(void **state)
{
    static const struct {
        const char *text;
        uint64_t bytes;
    } known[] = {{"512", 512}, {"0", 0}, {"64KiB", 65536}, {"8MiB", 8388608}, {"1GB", 1000000000},
        {"1.5GiB", 1610612736}, {"2 MiB", 2097152}, {"1kB", 1000}, {"1KB", 1000}, {"7B", 7},
        {"1TiB", 1099511627776}, {"0.5KiB", 512}};
    static const char *const bad[] = {"", "MiB", "-1MiB", "1mib", "1 M", "1MiBs", "1MiB ", "1.",
        ".5MiB", "9999999TiB", "99999999999999999999", "1,5GiB"};
    struct error err = {0};
    uint64_t bytes;

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(known); i++) {
        assert_int_equal(size_parse(known[i].text, &bytes, &err), 0);
        assert_int_equal(bytes, known[i].bytes);
    }
    bytes = 77;
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
        if (size_parse(bad[i], &bytes, &err) != -1)
            fail_msg("%s", bad[i]);
        assert_int_equal(bytes, 77);
    }
}

static void sizes_are_written_for_people(void **state)
{
    static const struct {
        uint64_t bytes;
        const char *text;
    } known[] = {{0, "0 B"}, {1023, "1023 B"}, {1024, "1.0 KiB"}, {1536, "1.5 KiB"},
        {1048575, "1.0 MiB"}, {8283750, "7.9 MiB"}, {UINT64_MAX, "16384.0 PiB"}};
    char text[TIME_TEXT_SIZE];

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(known); i++)
        assert_string_equal(size_format(known[i].bytes, text), known[i].text);
}

static void test_http_time(void **state)
{
    static const char *const wrong[] = {"", "Sun, 06 Nov 1994", "Sun, 31 Feb 1994 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994",
        "Sun, 06 Nov 1994 25:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 CET",
        "Sun, 6 Nov 1994 08:49:37 GMT", "Sun, 06 Nix 1994 08:49:37 GMT"};
    int64_t time_ms = 0;

    (void)state;
    assert_int_equal(time_parse_http("Sun, 06 Nov 1994 08:49:37 GMT", &time_ms, NULL), 0);
    assert_int_equal(time_ms, 784111777000);
    for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++) {
        struct error err = {0};

        assert_int_equal(time_parse_http(wrong[i], &time_ms, &err), -1);
        assert_int_equal(err.code, ERROR_DATA);
        assert_int_equal(time_ms, 784111777000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(days_are_the_known_ones),
        cmocka_unit_test(every_day_of_four_centuries_comes_back),
        cmocka_unit_test(months_have_their_days),
        cmocka_unit_test(fields_out_of_range_carry),
        cmocka_unit_test(clocks_go_forward),
        cmocka_unit_test(times_are_read),
        cmocka_unit_test(bad_times_are_refused),
        cmocka_unit_test(dates_have_no_time),
        cmocka_unit_test(patterns_are_filled_in),
        cmocka_unit_test(bad_patterns_are_refused),
        cmocka_unit_test(durations_are_read),
        cmocka_unit_test(bad_durations_are_refused),
        cmocka_unit_test(months_end_where_the_month_ends),
        cmocka_unit_test(durations_are_written_for_people),
        cmocka_unit_test(ages_are_written_for_people),
        cmocka_unit_test(sizes_are_read),
        cmocka_unit_test(sizes_are_written_for_people),
        cmocka_unit_test(test_http_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
