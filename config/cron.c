#include "config/cron.h"

#include "runner/base/mem.h"
#include "runner/base/time.h"

/* --- wall-clock times that match --- */

static const int64_t calendar_first_ms = -62135596800000; /* 0001-01-01 */
static const int64_t calendar_last_ms = 253402300799999;  /* the end of 9999 */

/* The rarest schedules wait for 40 years: see cron.h. */
enum { WAIT_YEARS_MAX = 41 };
static const int64_t wait_max_ms = (int64_t)WAIT_YEARS_MAX * 366 * MS_PER_DAY;

static bool matches_day(const struct cron *cron, const struct civil *c)
{
    const bool day = cron->days >> c->day & 1;
    const bool weekday = cron->weekdays >> c->weekday & 1;

    return cron->months >> c->month & 1 && (cron->either_day ? day || weekday : day && weekday);
}

/* The lowest set bit from `from` on, the highest one up to `to`; -1: none. */
static int bit_from(uint64_t mask, int from)
{
    const uint64_t rest = from < 64 ? mask >> from << from : 0;

    return rest ? __builtin_ctzll(rest) : -1;
}

static int bit_to(uint64_t mask, int to)
{
    const uint64_t rest = to < 0 ? 0 : mask & (UINT64_MAX >> (63 - to));

    return rest ? 63 - __builtin_clzll(rest) : -1;
}

/* The first time of day, in minutes, from (hour, minute) on; -1: none. */
static int first_in_day(const struct cron *cron, int hour, int minute)
{
    const int same_hour = cron->hours >> hour & 1 ? bit_from(cron->minutes, minute) : -1;
    const int later = bit_from(cron->hours, hour + 1);

    if (same_hour >= 0)
        return hour * 60 + same_hour;
    return later < 0 ? -1 : later * 60 + bit_from(cron->minutes, 0);
}

static int last_in_day(const struct cron *cron, int hour, int minute)
{
    const int same_hour = cron->hours >> hour & 1 ? bit_to(cron->minutes, minute) : -1;
    const int earlier = bit_to(cron->hours, hour - 1);

    if (same_hour >= 0)
        return hour * 60 + same_hour;
    return earlier < 0 ? -1 : earlier * 60 + bit_to(cron->minutes, 59);
}

static int64_t midnight_ms(const struct civil *c)
{
    return time_days_from_civil(c->year, c->month, c->day) * MS_PER_DAY;
}

/* The first matching wall-clock time in [from_ms, to_ms]. */
static bool first_match(const struct cron *cron, int64_t from_ms, int64_t to_ms, int64_t *ret_ms)
{
    /* Up to a whole minute, and all further steps are days and months. */
    int64_t at_ms = from_ms + MS_PER_MINUTE - 1;

    while (at_ms - (MS_PER_MINUTE - 1) <= to_ms) {
        struct civil c = time_civil(at_ms);
        const int minutes = matches_day(cron, &c) ? first_in_day(cron, c.hour, c.minute) : -1;

        if (minutes >= 0) {
            const int64_t match_ms = midnight_ms(&c) + (int64_t)minutes * MS_PER_MINUTE;

            if (match_ms > to_ms)
                return false;
            *ret_ms = match_ms;
            return true;
        }
        if (!(cron->months >> c.month & 1))
            c.day = time_days_in_month(c.year, c.month);
        at_ms = midnight_ms(&c) + MS_PER_DAY;
    }
    return false;
}

/* The last matching wall-clock time in [from_ms, to_ms]. */
static bool last_match(const struct cron *cron, int64_t from_ms, int64_t to_ms, int64_t *ret_ms)
{
    int64_t at_ms = to_ms;

    while (at_ms >= from_ms) {
        struct civil c = time_civil(at_ms);
        const int minutes = matches_day(cron, &c) ? last_in_day(cron, c.hour, c.minute) : -1;

        if (minutes >= 0) {
            const int64_t match_ms = midnight_ms(&c) + (int64_t)minutes * MS_PER_MINUTE;

            if (match_ms < from_ms)
                return false;
            *ret_ms = match_ms;
            return true;
        }
        if (!(cron->months >> c.month & 1))
            c.day = 1;
        at_ms = midnight_ms(&c) - 1;
    }
    return false;
}

/* --- due times --- */

/* Interval schedules: every stretch of constant offset is searched by its own wall clock. */
static bool next_interval(const struct cron *cron, const struct zone *zone, int64_t from_ms,
    int64_t to_ms, int64_t *ret_ms)
{
    struct zone_span span;

    for (int64_t at_ms = from_ms; at_ms <= to_ms; at_ms = span.end_ms) {
        int64_t offset_ms, local_ms;

        span = zone_span(zone, at_ms);
        offset_ms = (int64_t)span.offset_s * MS_PER_SECOND;
        if (first_match(
                cron, at_ms + offset_ms, MIN(to_ms, span.end_ms - 1) + offset_ms, &local_ms)) {
            *ret_ms = local_ms - offset_ms;
            return true;
        }
    }
    return false;
}

static bool previous_interval(const struct cron *cron, const struct zone *zone, int64_t from_ms,
    int64_t to_ms, int64_t *ret_ms)
{
    struct zone_span span;

    for (int64_t at_ms = to_ms; at_ms >= from_ms; at_ms = span.start_ms - 1) {
        int64_t offset_ms, local_ms;

        span = zone_span(zone, at_ms);
        offset_ms = (int64_t)span.offset_s * MS_PER_SECOND;
        if (last_match(
                cron, MAX(from_ms, span.start_ms) + offset_ms, at_ms + offset_ms, &local_ms)) {
            *ret_ms = local_ms - offset_ms;
            return true;
        }
    }
    return false;
}

bool cron_next(const struct cron *cron, const struct zone *zone, int64_t after_ms, int64_t *ret_ms)
{
    int64_t from_ms, to_ms, local_ms;

    if (after_ms >= calendar_last_ms)
        return false;
    after_ms = MAX(after_ms, calendar_first_ms - 1);
    from_ms = after_ms + 1;
    to_ms = MIN(from_ms + wait_max_ms, calendar_last_ms);
    if (cron->every_hour)
        return next_interval(cron, zone, from_ms, to_ms, ret_ms);
    /* A wall-clock time that has not been reached by after_ms is due later, and only such ones. */
    if (!first_match(cron, zone_peak_ms(zone, after_ms) + 1, zone_peak_ms(zone, to_ms), &local_ms))
        return false;
    *ret_ms = zone_first_ms(zone, local_ms);
    return true;
}

bool cron_previous(
    const struct cron *cron, const struct zone *zone, int64_t before_ms, int64_t *ret_ms)
{
    int64_t from_ms, local_ms;

    if (before_ms < calendar_first_ms)
        return false;
    before_ms = MIN(before_ms, calendar_last_ms);
    from_ms = MAX(before_ms - wait_max_ms, calendar_first_ms);
    if (cron->every_hour)
        return previous_interval(cron, zone, from_ms, before_ms, ret_ms);
    if (!last_match(
            cron, zone_peak_ms(zone, from_ms - 1) + 1, zone_peak_ms(zone, before_ms), &local_ms))
        return false;
    *ret_ms = zone_first_ms(zone, local_ms);
    return true;
}
