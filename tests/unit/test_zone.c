#include "config/zone.h"

#include "runner/base/buffer.h"
#include "runner/base/mem.h"
#include "runner/base/time.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static struct zone *open_zone(const char *name)
{
    struct error err = {0};
    struct zone *zone = zone_open(name, &err);

    if (!zone)
        fail_msg("%s", err.message);
    return zone;
}

static int64_t ms(const char *text)
{
    struct error err = {0};
    int64_t time_ms;

    if (time_parse(text, &time_ms, &err))
        fail_msg("%s", err.message);
    return time_ms;
}

/* --- the system's zones --- */

static const struct {
    const char *zone, *time;
    int offset_s;
} known[] = {
    {"Europe/Berlin", "1890-01-01T00:00:00Z", 3208},
    {"Europe/Berlin", "1945-06-01T00:00:00Z", 10800},
    {"Europe/Berlin", "2026-03-29T00:59:59Z", 3600},
    {"Europe/Berlin", "2026-03-29T01:00:00Z", 7200},
    {"Europe/Berlin", "2026-10-25T00:59:59Z", 7200},
    {"Europe/Berlin", "2026-10-25T01:00:00Z", 3600},
    {"Europe/Berlin", "2038-07-01T00:00:00Z", 7200},
    {"Europe/Berlin", "2500-01-01T00:00:00Z", 3600},
    {"Europe/Berlin", "2500-07-01T00:00:00Z", 7200},
    {"Europe/Berlin", "9998-07-01T00:00:00Z", 7200},
    {"America/New_York", "1883-01-01T00:00:00Z", -17762},
    {"America/New_York", "2026-03-08T06:59:59Z", -18000},
    {"America/New_York", "2026-03-08T07:00:00Z", -14400},
    {"America/New_York", "2026-11-01T05:59:59Z", -14400},
    {"America/New_York", "2026-11-01T06:00:00Z", -18000},
    {"America/New_York", "2400-03-12T06:59:59Z", -18000},
    {"America/New_York", "2400-03-12T07:00:00Z", -14400},
    {"Australia/Lord_Howe", "2026-04-04T14:59:59Z", 39600},
    {"Australia/Lord_Howe", "2026-04-04T15:00:00Z", 37800},
    {"Australia/Lord_Howe", "2026-10-03T15:29:59Z", 37800},
    {"Australia/Lord_Howe", "2026-10-03T15:30:00Z", 39600},
    {"Australia/Lord_Howe", "2120-01-15T00:00:00Z", 39600},
    {"Australia/Lord_Howe", "2120-06-15T00:00:00Z", 37800},
    {"Asia/Kolkata", "1941-12-01T00:00:00Z", 23400},
    {"Asia/Kolkata", "2026-01-01T00:00:00Z", 19800},
    {"Asia/Kolkata", "3000-01-01T00:00:00Z", 19800},
    {"Pacific/Apia", "2011-12-30T09:59:59Z", -36000},
    {"Pacific/Apia", "2011-12-30T10:00:00Z", 50400},
    {"Pacific/Apia", "2100-01-01T00:00:00Z", 46800},
    {"America/Sao_Paulo", "2018-11-04T02:59:59Z", -10800},
    {"America/Sao_Paulo", "2018-11-04T03:00:00Z", -7200},
    {"America/Sao_Paulo", "2018-02-18T01:59:59Z", -7200},
    {"America/Sao_Paulo", "2018-02-18T02:00:00Z", -10800},
    {"America/Sao_Paulo", "2100-01-01T00:00:00Z", -10800},
    {"Europe/Dublin", "2026-01-15T00:00:00Z", 0},
    {"Europe/Dublin", "2026-07-15T00:00:00Z", 3600},
    {"Europe/Dublin", "2126-01-15T00:00:00Z", 0},
    {"Europe/Dublin", "2126-07-15T00:00:00Z", 3600},
    {"Asia/Gaza", "2150-04-20T00:00:00Z", 10800},
    {"Asia/Gaza", "2150-12-01T00:00:00Z", 7200},
    {"America/Nuuk", "2150-03-31T01:00:00Z", -3600},
    {"America/Nuuk", "2150-03-28T12:00:00Z", -7200},
    {"America/Nuuk", "2150-07-01T00:00:00Z", -3600},
    {"Africa/Monrovia", "1950-01-01T00:00:00Z", -2670},
    {"Africa/Monrovia", "2026-01-01T00:00:00Z", 0},
};

static void offsets_are_the_known_ones(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(known); i++) {
        struct zone *zone = open_zone(known[i].zone);
        const int offset_s = zone_offset_s(zone, ms(known[i].time));

        if (offset_s != known[i].offset_s)
            fail_msg("%s at %s: %d instead of %d", known[i].zone, known[i].time, offset_s,
                known[i].offset_s);
        assert_int_equal(zone_to_local(zone, ms(known[i].time)),
            ms(known[i].time) + (int64_t)offset_s * MS_PER_SECOND);
        assert_string_equal(zone_name(zone), known[i].zone);
        zone_free(zone);
    }
}

static const struct {
    const char *zone, *local;
    enum zone_local kind;
    const char *first, *last;
} locals[] = {
    {"Europe/Berlin", "2026-03-29T01:59:59", ZONE_UNIQUE, "2026-03-29T00:59:59Z", NULL},
    {"Europe/Berlin", "2026-03-29T02:00:00", ZONE_SKIPPED, "2026-03-29T01:00:00Z", NULL},
    {"Europe/Berlin", "2026-03-29T02:59:59", ZONE_SKIPPED, "2026-03-29T01:00:00Z", NULL},
    {"Europe/Berlin", "2026-03-29T03:00:00", ZONE_UNIQUE, "2026-03-29T01:00:00Z", NULL},
    {"Europe/Berlin", "2026-10-25T02:00:00", ZONE_AMBIGUOUS, "2026-10-25T00:00:00Z",
        "2026-10-25T01:00:00Z"},
    {"Europe/Berlin", "2026-10-25T02:59:59.999", ZONE_AMBIGUOUS, "2026-10-25T00:59:59.999Z",
        "2026-10-25T01:59:59.999Z"},
    {"Europe/Berlin", "2026-10-25T03:00:00", ZONE_UNIQUE, "2026-10-25T02:00:00Z", NULL},
    {"Europe/Berlin", "2500-03-28T02:30:00", ZONE_SKIPPED, "2500-03-28T01:00:00Z", NULL},
    {"Australia/Lord_Howe", "2026-10-04T02:15:00", ZONE_SKIPPED, "2026-10-03T15:30:00Z", NULL},
    {"Australia/Lord_Howe", "2026-04-05T01:45:00", ZONE_AMBIGUOUS, "2026-04-04T14:45:00Z",
        "2026-04-04T15:15:00Z"},
    {"Pacific/Apia", "2011-12-29T23:59:59", ZONE_UNIQUE, "2011-12-30T09:59:59Z", NULL},
    {"Pacific/Apia", "2011-12-30T00:00:00", ZONE_SKIPPED, "2011-12-30T10:00:00Z", NULL},
    {"Pacific/Apia", "2011-12-30T23:59:59", ZONE_SKIPPED, "2011-12-30T10:00:00Z", NULL},
    {"Pacific/Apia", "2011-12-31T00:00:00", ZONE_UNIQUE, "2011-12-30T10:00:00Z", NULL},
    {"America/Sao_Paulo", "2018-11-04T00:30:00", ZONE_SKIPPED, "2018-11-04T03:00:00Z", NULL},
    {"America/Sao_Paulo", "2018-02-17T23:30:00", ZONE_AMBIGUOUS, "2018-02-18T01:30:00Z",
        "2018-02-18T02:30:00Z"},
    {"Asia/Kolkata", "2026-01-01T00:00:00", ZONE_UNIQUE, "2025-12-31T18:30:00Z", NULL},
    {NULL, "2026-01-01T00:00:00", ZONE_UNIQUE, "2026-01-01T00:00:00Z", NULL},
};

static void local_times_are_unique_skipped_or_ambiguous(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(locals); i++) {
        struct zone *zone = open_zone(locals[i].zone);
        const int64_t first = ms(locals[i].first);
        const int64_t last = locals[i].last ? ms(locals[i].last) : first;
        int64_t first_ms, last_ms;

        if (zone_from_local(zone, ms(locals[i].local), &first_ms, &last_ms) != locals[i].kind)
            fail_msg("%s in %s", locals[i].local, zone_name(zone));
        assert_int_equal(first_ms, first);
        assert_int_equal(last_ms, last);
        assert_int_equal(zone_first_ms(zone, ms(locals[i].local)), first);
        zone_free(zone);
    }
}

static void the_peak_stays_while_an_hour_is_repeated(void **state)
{
    struct zone *zone = open_zone("Europe/Berlin");
    const int64_t back_ms = ms("2026-10-25T01:00:00Z");

    (void)state;
    assert_int_equal(zone_peak_ms(zone, back_ms - 1), ms("2026-10-25T02:59:59.999"));
    assert_int_equal(zone_peak_ms(zone, back_ms), ms("2026-10-25T02:59:59.999"));
    assert_int_equal(zone_peak_ms(zone, back_ms + MS_PER_HOUR - 1), ms("2026-10-25T02:59:59.999"));
    assert_int_equal(zone_peak_ms(zone, back_ms + MS_PER_HOUR), ms("2026-10-25T03:00:00"));
    assert_int_equal(zone_peak_ms(zone, ms("2026-03-29T01:00:00Z")), ms("2026-03-29T03:00:00"));
    zone_free(zone);
}

/* --- UTC --- */

static void utc_needs_no_file(void **state)
{
    static const char *const names[] = {NULL, "UTC", "Etc/UTC"};

    (void)state;
    assert_int_equal(setenv("TZDIR", "/nonexistent", 1), 0);
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        struct zone *zone = open_zone(names[i]);

        assert_int_equal(zone_offset_s(zone, INT64_MIN), 0);
        assert_int_equal(zone_offset_s(zone, INT64_MAX), 0);
        zone_free(zone);
    }
    unsetenv("TZDIR");
    assert_string_equal(zone_name(NULL), "UTC");
    assert_int_equal(zone_offset_s(NULL, 0), 0);
    assert_int_equal(zone_peak_ms(NULL, 5), 5);
    assert_int_equal(zone_first_ms(NULL, 5), 5);
    zone_free(NULL);
}

/* --- names and files --- */

static void expect_refusal(const char *name, enum error_code code, const char *message)
{
    struct error err = {0};

    assert_null(zone_open(name, &err));
    if (message)
        assert_string_equal(err.message, message);
    assert_int_equal(err.code, code);
}

static void names_stay_inside_the_folder(void **state)
{
    static const char *const names[] = {"", "/etc/passwd", "../zoneinfo/UTC", "Europe/../UTC", ".",
        "Europe//Berlin", "Europe/", ".hidden", "Europe/.x", "Europe Berlin", "a\nb",
        "caf\xc3\xa9"};
    char longest[300];

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++)
        expect_refusal(names[i], ERROR_INVALID, NULL);
    memset(longest, 'a', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    expect_refusal(longest, ERROR_INVALID, NULL);
    expect_refusal("../x", ERROR_INVALID,
        "\"../x\" is not a time zone; use an IANA name such as Europe/Berlin");
}

static void a_missing_zone_says_what_to_do(void **state)
{
    (void)state;
    unsetenv("TZDIR");
    expect_refusal("Europe/Berln", ERROR_NOT_FOUND,
        "time zone \"Europe/Berln\" is not in /usr/share/zoneinfo; use an IANA name such as "
        "Europe/Berlin");
    expect_refusal("Europe", ERROR_NOT_FOUND,
        "time zone \"Europe\" is a group of zones; name one of them, such as Europe/Berlin");
    expect_refusal("Europe/Berlin/x", ERROR_NOT_FOUND, NULL);
    setenv("TZDIR", "/nonexistent", 1);
    expect_refusal("Europe/Berlin", ERROR_NOT_FOUND,
        "time zone \"Europe/Berlin\": there is no folder /nonexistent; install tzdata or set "
        "TZDIR");
    unsetenv("TZDIR");
}

static void files_come_from_tzdir(void **state)
{
    char folder[] = "test_zone_XXXXXX";
    char large[64], fifo[64];
    struct error err = {0};
    FILE *file;

    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(large, sizeof(large), "%s/Large", folder);
    snprintf(fifo, sizeof(fifo), "%s/Fifo", folder);
    file = fopen(large, "w");
    assert_non_null(file);
    assert_int_equal(ftruncate(fileno(file), 1 << 30), 0);
    fclose(file);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    setenv("TZDIR", folder, 1);
    assert_null(zone_open("Large", &err));
    assert_int_equal(err.code, ERROR_LIMIT);
    assert_string_equal(err.message, "time zone \"Large\": the file is over 65536 bytes");
    assert_null(zone_open("Fifo", &err)); /* and does not wait for a writer */
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    unsetenv("TZDIR");
    unlink(large);
    unlink(fifo);
    rmdir(folder);
}

/* --- files made here --- */

struct made_change {
    int64_t time_s;
    unsigned type;
};

static void put_number(struct buffer *file, uint64_t value, unsigned bytes)
{
    while (bytes-- > 0)
        buffer_putc(file, (char)(value >> (8 * bytes)));
}

static void put_header(
    struct buffer *file, char version, unsigned leaps, unsigned changes, unsigned types)
{
    buffer_puts(file, "TZif");
    buffer_putc(file, version);
    for (int i = 0; i < 15; i++)
        buffer_putc(file, '\0');
    put_number(file, 0, 4);
    put_number(file, 0, 4);
    put_number(file, leaps, 4);
    put_number(file, changes, 4);
    put_number(file, types, 4);
    put_number(file, 4, 4); /* characters */
}

static void put_block(struct buffer *file, unsigned time_bytes, const struct made_change *changes,
    size_t change_count, const int32_t *offsets, size_t offset_count)
{
    for (size_t i = 0; i < change_count; i++)
        put_number(file, (uint64_t)changes[i].time_s, time_bytes);
    for (size_t i = 0; i < change_count; i++)
        buffer_putc(file, (char)changes[i].type);
    for (size_t i = 0; i < offset_count; i++) {
        put_number(file, (uint32_t)offsets[i], 4);
        put_number(file, 0, 2);
    }
    buffer_append(file, "XXX", 4);
}

/* A version 2 file with two kinds of local time, +1 h and +2 h, and a rule. */
static void make_file(struct buffer *file, const struct made_change *changes, size_t count,
    const int32_t offsets[2], const char *rule)
{
    buffer_init(file, 0);
    put_header(file, '2', 0, 0, 1);
    put_block(file, 4, NULL, 0, offsets, 1);
    put_header(file, '2', 0, (unsigned)count, 2);
    put_block(file, 8, changes, count, offsets, 2);
    buffer_printf(file, "\n%s\n", rule);
}

static const int32_t one_and_two[2] = {3600, 7200};

static struct zone *zone_of_rule(const char *rule, struct error *err)
{
    struct buffer file;
    struct zone *zone;

    make_file(&file, NULL, 0, one_and_two, rule);
    zone = zone_parse("Made/Here", file.data, file.length, err);
    buffer_deinit(&file);
    return zone;
}

static void rules_hold_where_nothing_is_recorded(void **state)
{
    static const struct {
        const char *rule, *time;
        int offset_s;
    } rules[] = {
        {"", "2026-01-01", 3600},
        {"XXX0", "2026-01-01", 0},
        {"<+0330>-3:30", "2026-01-01", 12600},
        {"LMT0:44:30", "2026-01-01", -2670},
        {"XXX+5", "2026-01-01", -18000},
        {"AAA0BBB,J60,J300", "2027-03-01T01:59:59", 0},
        {"AAA0BBB,J60,J300", "2027-03-01T02:00:00", 3600},
        {"AAA0BBB,J60,J300", "2028-02-29T12:00:00", 0},
        {"AAA0BBB,J60,J300", "2028-03-01T02:00:00", 3600},
        {"AAA0BBB,59,300", "2027-03-01T02:00:00", 3600},
        {"AAA0BBB,59,300", "2028-02-29T01:59:59", 0},
        {"AAA0BBB,59,300", "2028-02-29T02:00:00", 3600},
        {"AAA0BBB2,J60,J300", "2026-06-01", -7200},
        /* The last Sunday in a month of four and of five; times before midnight and days later. */
        {"AAA0BBB,M2.5.0/-1,M10.5.0/50", "2026-02-21T22:59:59", 0},
        {"AAA0BBB,M2.5.0/-1,M10.5.0/50", "2026-02-21T23:00:00", 3600},
        {"AAA0BBB,M2.5.0/-1,M10.5.0/50", "2026-10-27T00:59:59", 3600},
        {"AAA0BBB,M2.5.0/-1,M10.5.0/50", "2026-10-27T01:00:00", 0},
        /* South of the equator it crosses the new year; and it may hold all year. */
        {"AAA-10BBB,M10.1.0,M4.1.0/3", "2026-01-01", 39600},
        {"AAA-10BBB,M10.1.0,M4.1.0/3", "2026-07-01", 36000},
        {"EST5EDT,0/0,J365/25", "2026-01-01T04:00:00", -14400},
        {"EST5EDT,0/0,J365/25", "2026-12-31T23:59:59", -14400},
        {"EST5EDT,0/0,J365/25", "2028-07-01", -14400},
        /* A week before and after its year. */
        {"AAA0BBB,0/-167,J365/167", "2026-01-01", 3600},
        {"AAA0BBB,365/167,M7.1.0", "2026-01-07", 0},
        {"AAA0BBB,365/167,M7.1.0", "2026-01-09", 3600},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rules); i++) {
        struct error err = {0};
        struct zone *zone = zone_of_rule(rules[i].rule, &err);

        if (!zone)
            fail_msg("%s: %s", rules[i].rule, err.message);
        if (zone_offset_s(zone, ms(rules[i].time)) != rules[i].offset_s)
            fail_msg("%s at %s: %d", rules[i].rule, rules[i].time,
                zone_offset_s(zone, ms(rules[i].time)));
        /* However far away, an answer. */
        zone_offset_s(zone, INT64_MIN);
        zone_offset_s(zone, INT64_MAX);
        zone_free(zone);
    }
}

static void bad_rules_are_refused(void **state)
{
    static const char *const rules[] = {"CET", "CE-1", "-1", "CET-1CEST", "CET-1CEST,M3.5.0",
        "CET-1CEST,M3.5.0,", "CET-1CEST,M13.5.0,M10.5.0", "CET-1CEST,M3.6.0,M10.5.0",
        "CET-1CEST,M3.5.7,M10.5.0", "CET-1CEST,M3.5,M10.5.0", "CET-1CEST,J0,J300",
        "CET-1CEST,J366,J300", "CET-1CEST,366,300", "CET-1CEST,M3.5.0/168,M10.5.0",
        "CET-1CEST,M3.5.0,M10.5.0/3x", "CET-25", "CET-1:60", "CET-1:00:60", "<CET-1",
        "CET-1 CEST,M3.5.0,M10.5.0", "CET--1", "CET-00001"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rules); i++) {
        struct error err = {0};

        if (zone_of_rule(rules[i], &err))
            fail_msg("%s", rules[i]);
        assert_int_equal(err.code, ERROR_DATA);
        assert_non_null(strstr(err.message, "time zone \"Made/Here\": its rule for later years"));
    }
}

static void changes_come_before_the_rule(void **state)
{
    static const struct made_change changes[] = {{-(INT64_C(1) << 59), 1}, {1000, 0}, {2000, 1}};
    struct error err = {0};
    struct buffer file;
    struct zone *zone;

    (void)state;
    make_file(&file, changes, ARRAY_LENGTH(changes), one_and_two, "XXX-5");
    zone = zone_parse("Made/Here", file.data, file.length, &err);
    assert_non_null(zone);
    assert_int_equal(zone_offset_s(zone, INT64_MIN), 7200);
    assert_int_equal(zone_offset_s(zone, 999999), 7200);
    assert_int_equal(zone_offset_s(zone, 1000000), 3600);
    assert_int_equal(zone_offset_s(zone, 1999999), 3600);
    assert_int_equal(zone_offset_s(zone, 2000000), 18000);
    assert_int_equal(zone_span(zone, 1500000).start_ms, 1000000);
    assert_int_equal(zone_span(zone, 1500000).end_ms, 2000000);
    assert_int_equal(zone_span(zone, 0).start_ms, ZONE_FIRST_MS);
    assert_int_equal(zone_span(zone, 3000000).end_ms, ZONE_LAST_MS);
    zone_free(zone);
    buffer_deinit(&file);
}

static void version_1_files_have_no_rule(void **state)
{
    static const struct made_change changes[] = {{-1000, 1}, {1000, 0}};
    struct error err = {0};
    struct buffer file;
    struct zone *zone;

    (void)state;
    buffer_init(&file, 0);
    put_header(&file, '\0', 0, 2, 2);
    put_block(&file, 4, changes, 2, one_and_two, 2);
    zone = zone_parse("Old", file.data, file.length, &err);
    assert_non_null(zone);
    assert_int_equal(zone_offset_s(zone, -1000001), 3600);
    assert_int_equal(zone_offset_s(zone, 0), 7200);
    assert_int_equal(zone_offset_s(zone, ms("2500-01-01")), 3600);
    zone_free(zone);
    buffer_deinit(&file);
}

static void every_truncation_is_an_error(void **state)
{
    static const struct made_change changes[] = {{1000, 0}, {2000, 1}};
    struct buffer file;

    (void)state;
    make_file(&file, changes, 2, one_and_two, "CET-1CEST,M3.5.0,M10.5.0/3");
    for (size_t length = 0; length < file.length; length++) {
        /* Of its own size, so that a sanitizer sees each byte read past the end. */
        char *copy = mem_calloc(length, 1);
        struct error err = {0};

        memcpy(copy, file.data, length);
        if (zone_parse("Cut", copy, length, &err))
            fail_msg("%zu bytes of %zu were enough", length, file.length);
        assert_int_equal(err.code, ERROR_DATA);
        free(copy);
    }
    buffer_deinit(&file);
}

static void expect_bad_file(struct buffer *file, enum error_code code, const char *message)
{
    struct error err = {0};

    assert_null(zone_parse("Bad", file->data, file->length, &err));
    assert_string_equal(err.message, message);
    assert_int_equal(err.code, code);
    buffer_deinit(file);
}

static void damaged_files_are_refused(void **state)
{
    static const struct made_change unordered[] = {{2000, 0}, {2000, 1}};
    static const struct made_change unknown[] = {{2000, 2}};
    static const struct made_change late[] = {{INT64_C(1) << 50, 1}};
    static const int32_t wild[2] = {3600, 93600};
    static const struct made_change uses_wild[] = {{2000, 1}};
    struct buffer file;

    (void)state;
    make_file(&file, unordered, 2, one_and_two, "");
    expect_bad_file(&file, ERROR_DATA, "time zone \"Bad\": change 1 of 2 is out of order");
    make_file(&file, unknown, 1, one_and_two, "");
    expect_bad_file(&file, ERROR_DATA, "time zone \"Bad\": a change names kind 2 of 2");
    make_file(&file, late, 1, one_and_two, "");
    expect_bad_file(&file, ERROR_DATA, "time zone \"Bad\": change 0 of 1 is out of order");
    make_file(&file, uses_wild, 1, wild, "");
    expect_bad_file(&file, ERROR_DATA, "time zone \"Bad\": an offset of 93600 s from UTC");
    buffer_init(&file, 0);
    buffer_puts(&file, "#!/bin/sh\necho this is a text, and longer than a header of 44 bytes\n");
    expect_bad_file(&file, ERROR_DATA, "time zone \"Bad\": it is not a time zone file");
    buffer_init(&file, 0);
    put_header(&file, '\0', 1, 0, 1);
    put_block(&file, 4, NULL, 0, one_and_two, 1);
    put_number(&file, 0, 8);
    expect_bad_file(&file, ERROR_NOT_SUPPORTED,
        "time zone \"Bad\": it counts leap seconds; name the zone without \"right/\"");
    buffer_init(&file, 0);
    put_header(&file, '\0', UINT32_MAX, UINT32_MAX, UINT32_MAX);
    expect_bad_file(&file, ERROR_DATA, "time zone \"Bad\": the file is truncated");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(offsets_are_the_known_ones),
        cmocka_unit_test(local_times_are_unique_skipped_or_ambiguous),
        cmocka_unit_test(the_peak_stays_while_an_hour_is_repeated),
        cmocka_unit_test(utc_needs_no_file),
        cmocka_unit_test(names_stay_inside_the_folder),
        cmocka_unit_test(a_missing_zone_says_what_to_do),
        cmocka_unit_test(files_come_from_tzdir),
        cmocka_unit_test(rules_hold_where_nothing_is_recorded),
        cmocka_unit_test(bad_rules_are_refused),
        cmocka_unit_test(changes_come_before_the_rule),
        cmocka_unit_test(version_1_files_have_no_rule),
        cmocka_unit_test(every_truncation_is_an_error),
        cmocka_unit_test(damaged_files_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
