/* Clocks, calendar, and how times, durations and sizes are written. All of it is pure but the
 * two clocks. The calendar is the proleptic Gregorian one in UTC; time zones are config/zone.h's.
 * Times are int64_t milliseconds since 1970-01-01T00:00:00Z and are named *_ms. */
#ifndef RUNNER_BASE_TIME_H
#define RUNNER_BASE_TIME_H

#include "runner/base/error.h"

#include <stdbool.h>
#include <stdint.h>

enum { MS_PER_SECOND = 1000, MS_PER_MINUTE = 60000, MS_PER_HOUR = 3600000, MS_PER_DAY = 86400000 };

int64_t time_now_ms(void);        /* the wall clock */
uint64_t time_monotonic_ns(void); /* for durations only */

struct civil {
    int32_t year; /* 1 … 9999 */
    int month;    /* 1 … 12 */
    int day;      /* 1 … 31 */
    int hour, minute, second, millisecond;
    int weekday; /* 0 = Sunday; filled by time_civil(), ignored by time_from_civil() */
};

int64_t time_days_from_civil(int32_t year, int month, int day); /* days since 1970-01-01 */
struct civil time_civil(int64_t time_ms);
int64_t time_from_civil(const struct civil *civil); /* fields may be out of range: they carry */
int time_days_in_month(int32_t year, int month);

/* "2026-11-21T06:23:40.123Z": 24 characters and a NUL. */
enum { TIME_TEXT_SIZE = 32 };
const char *time_format_rfc3339(int64_t time_ms, char text[TIME_TEXT_SIZE]);
const char *time_format_date(int64_t time_ms, char text[TIME_TEXT_SIZE]); /* 2026-11-21 */

/* ISO 8601: a date, or date and time ("T" or a space) with optional seconds, fraction, "Z" or an
 * offset; without an offset it is UTC. */
int time_parse(const char *text, int64_t *ret_time_ms, struct error *err);
int time_parse_date(const char *text, int64_t *ret_time_ms, struct error *err); /* a date only */

/* HTTP's "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110 5.6.7; not the two forms that are obsolete). */
int time_parse_http(const char *text, int64_t *ret_time_ms, struct error *err);

/* strftime's %Y %m %d %H %M %S %j %y %b %B %a %A %u %F %T %s %L(ms) %% in UTC, in English; any
 * other letter is an error. `size` bytes at `text`. */
int time_format(int64_t time_ms, const char *format, char *text, size_t size, struct error *err);

/* Calendar months and a fixed part: "1mo" is no number of milliseconds until it is added. */
struct duration {
    int32_t months;
    int64_t ms;
};

/* One or more of number and unit: "500ms" "30s" "5m" "2h" "7d" "1w" "1mo" "1y", "1h30m". */
int duration_parse(const char *text, struct duration *ret_duration, struct error *err);
int64_t duration_ms(const struct duration *duration); /* a month counts as 30 days */
int64_t duration_add(const struct duration *duration, int64_t time_ms, int sign);
/* "1h 05m", "350ms", "12.3s": for people. */
const char *duration_format(int64_t duration_ms, char text[TIME_TEXT_SIZE]);

/* "64KiB" "8MiB" "1GB" "512" (bytes), fractions allowed ("1.5GiB"). */
int size_parse(const char *text, uint64_t *ret_bytes, struct error *err);
const char *size_format(uint64_t bytes, char text[TIME_TEXT_SIZE]); /* "7.9 MiB" */

/* "3 minutes ago", "in 2 h": coarse, for people. */
const char *time_format_ago(int64_t time_ms, int64_t now_ms, char text[TIME_TEXT_SIZE]);

#endif
