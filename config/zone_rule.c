#include "config/zone_rule.h"

#include "runner/base/mem.h"
#include "runner/base/time.h"

#include <ctype.h>
#include <inttypes.h>

/* Outside of these years a zone keeps its standard time: nothing is scheduled there, and the
 * calendar's arithmetic stays far from overflow. */
static const int64_t rule_first_ms = -62135596800000; /* 0001-01-01 */
static const int64_t rule_last_ms = 253402300800000;  /* 10000-01-01 */

/* --- parsing --- */

/* The text is no C string: it lies within a file. */
struct reader {
    const char *at, *end;
};

static char peek(const struct reader *in)
{
    return in->at < in->end ? *in->at : '\0';
}

static bool take(struct reader *in, char c)
{
    if (in->at >= in->end || *in->at != c)
        return false;
    in->at++;
    return true;
}

static bool read_int(struct reader *in, int min, int max, int *ret_value)
{
    int value = 0, digits = 0;

    for (; digits < 4 && isdigit((unsigned char)peek(in)); digits++)
        value = value * 10 + (*in->at++ - '0');
    if (digits == 0 || value < min || value > max)
        return false;
    *ret_value = value;
    return true;
}

/* Three letters or more, or anything in <>: only its end matters here. */
static bool skip_abbreviation(struct reader *in)
{
    const char *start = in->at;

    if (take(in, '<')) {
        while (in->at < in->end && *in->at != '>')
            in->at++;
        return take(in, '>');
    }
    while (isalpha((unsigned char)peek(in)))
        in->at++;
    return in->at - start >= 3;
}

/* [+-]hh[:mm[:ss]] in seconds. */
static bool read_time(struct reader *in, int max_hours, int32_t *ret_seconds)
{
    const int sign = take(in, '-') ? -1 : 1;
    int hours, minutes = 0, seconds = 0;

    if (sign > 0)
        take(in, '+');
    if (!read_int(in, 0, max_hours, &hours))
        return false;
    if (take(in, ':') && !read_int(in, 0, 59, &minutes))
        return false;
    if (take(in, ':') && !read_int(in, 0, 59, &seconds))
        return false;
    *ret_seconds = sign * (hours * 3600 + minutes * 60 + seconds);
    return true;
}

static bool read_moment(struct reader *in, struct zone_moment *moment)
{
    bool valid;

    if (!take(in, ','))
        return false;
    if (take(in, 'M')) {
        moment->kind = ZONE_DAY_OF_MONTH;
        valid = read_int(in, 1, 12, &moment->month) && take(in, '.') &&
                read_int(in, 1, 5, &moment->week) && take(in, '.') &&
                read_int(in, 0, 6, &moment->weekday);
    } else if (take(in, 'J')) {
        moment->kind = ZONE_DAY_JULIAN;
        valid = read_int(in, 1, 365, &moment->day);
    } else {
        moment->kind = ZONE_DAY_OF_YEAR;
        valid = read_int(in, 0, 365, &moment->day);
    }
    moment->time_s = 2 * 3600;
    if (valid && take(in, '/'))
        valid = read_time(in, 167, &moment->time_s);
    return valid;
}

/* The signs of POSIX are of the time to add to local time: the other way round than ours. */
static bool read_rule(struct reader *in, struct zone_rule *rule)
{
    if (!skip_abbreviation(in) || !read_time(in, 24, &rule->standard_offset_s))
        return false;
    rule->standard_offset_s = -rule->standard_offset_s;
    if (in->at == in->end)
        return true;
    rule->has_daylight = true;
    rule->daylight_offset_s = rule->standard_offset_s + 3600;
    if (!skip_abbreviation(in))
        return false;
    if (peek(in) != ',') {
        if (!read_time(in, 24, &rule->daylight_offset_s))
            return false;
        rule->daylight_offset_s = -rule->daylight_offset_s;
    }
    return read_moment(in, &rule->start) && read_moment(in, &rule->end) && in->at == in->end;
}

int zone_rule_parse(const char *text, size_t length, struct zone_rule *ret_rule, struct error *err)
{
    struct reader in = {text, text + length};
    struct zone_rule rule = {0};

    if (!read_rule(&in, &rule))
        return error_set(err, ERROR_DATA, "its rule for later years cannot be read at byte %td",
            (ptrdiff_t)(in.at - text));
    *ret_rule = rule;
    return 0;
}

/* --- evaluation --- */

/* Days since 1970 of a moment in a year. */
static int64_t moment_day(const struct zone_moment *moment, int32_t year)
{
    const int64_t new_year = time_days_from_civil(year, 1, 1);
    const bool leap = time_days_in_month(year, 2) == 29;
    int64_t first, day;
    int first_weekday;

    if (moment->kind == ZONE_DAY_OF_YEAR)
        return new_year + moment->day;
    if (moment->kind == ZONE_DAY_JULIAN)
        return new_year + moment->day - 1 + (leap && moment->day >= 60);
    first = time_days_from_civil(year, moment->month, 1);
    first_weekday = time_civil(first * MS_PER_DAY).weekday;
    day = (moment->weekday - first_weekday + 7) % 7 + (moment->week - 1) * 7;
    while (day >= time_days_in_month(year, moment->month))
        day -= 7;
    return first + day;
}

struct change {
    int64_t time_ms;
    int32_t offset_s; /* from then on */
};

/* Both changes of a year in UTC: each moment is given in the local time that it ends. */
static void changes_of_year(const struct zone_rule *rule, int32_t year, struct change changes[2])
{
    const int64_t start_s = moment_day(&rule->start, year) * (MS_PER_DAY / MS_PER_SECOND) +
                            rule->start.time_s - rule->standard_offset_s;
    const int64_t end_s = moment_day(&rule->end, year) * (MS_PER_DAY / MS_PER_SECOND) +
                          rule->end.time_s - rule->daylight_offset_s;

    changes[0] = (struct change){end_s * MS_PER_SECOND, rule->standard_offset_s};
    changes[1] = (struct change){start_s * MS_PER_SECOND, rule->daylight_offset_s};
}

/* Stable, so that where one year's end is the next year's start, the start comes last and daylight
 * saving holds all year, as RFC 8536 wants. */
static void sort_changes(struct change *changes, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        const struct change moved = changes[i];
        size_t at = i;

        for (; at > 0 && changes[at - 1].time_ms > moved.time_ms; at--)
            changes[at] = changes[at - 1];
        changes[at] = moved;
    }
}

struct zone_span zone_rule_span(const struct zone_rule *rule, int64_t time_ms)
{
    /* A moment may lie a week outside of its year: two years on either side are enough. */
    enum { YEARS_AROUND = 2, CHANGES = 2 * (2 * YEARS_AROUND + 1) };
    struct zone_span span = {ZONE_FIRST_MS, ZONE_LAST_MS, rule->standard_offset_s};
    struct change changes[CHANGES];
    const int32_t year = time_civil(MIN(MAX(time_ms, rule_first_ms), rule_last_ms)).year;

    if (!rule->has_daylight)
        return span;
    if (time_ms < rule_first_ms) {
        span.end_ms = rule_first_ms;
        return span;
    }
    if (time_ms >= rule_last_ms) {
        span.start_ms = rule_last_ms;
        return span;
    }
    for (int i = 0; i <= 2 * YEARS_AROUND; i++)
        changes_of_year(rule, year - YEARS_AROUND + i, &changes[2 * i]);
    sort_changes(changes, CHANGES);
    span = (struct zone_span){rule_first_ms, rule_last_ms, rule->standard_offset_s};
    for (size_t i = 0; i < CHANGES; i++) {
        if (changes[i].time_ms > time_ms) {
            span.end_ms = MIN(changes[i].time_ms, rule_last_ms);
            break;
        }
        span.start_ms = MAX(changes[i].time_ms, rule_first_ms);
        span.offset_s = changes[i].offset_s;
    }
    return span;
}
