#include "runner/base/time.h"

#include "runner/base/mem.h"
#include "runner/base/text.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static const char *const month_names[] = {"January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December"};
static const char *const day_names[] = {
    "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"};

int64_t time_now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * MS_PER_SECOND + now.tv_nsec / 1000000;
}

uint64_t time_monotonic_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b != 0 && (a ^ b) < 0);
}

/* Source: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms" (the formulas). */
int64_t time_days_from_civil(int32_t year, int month, int day)
{
    const int64_t y = (int64_t)year - (month <= 2);
    const int64_t era = floor_div(y, 400);
    const int64_t year_of_era = y - era * 400;
    const int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    const int64_t day_of_era =
        year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

    return era * 146097 + day_of_era - 719468;
}

struct civil time_civil(int64_t time_ms)
{
    const int64_t days = floor_div(time_ms, MS_PER_DAY);
    const int64_t in_day = time_ms - days * MS_PER_DAY;
    const int64_t z = days + 719468;
    const int64_t era = floor_div(z, 146097);
    const int64_t doe = z - era * 146097;
    const int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    const int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    const int64_t mp = (5 * doy + 2) / 153;
    const int month = (int)(mp < 10 ? mp + 3 : mp - 9);

    return (struct civil){
        .year = (int32_t)(yoe + era * 400 + (month <= 2)),
        .month = month,
        .day = (int)(doy - (153 * mp + 2) / 5 + 1),
        .hour = (int)(in_day / MS_PER_HOUR),
        .minute = (int)(in_day / MS_PER_MINUTE % 60),
        .second = (int)(in_day / MS_PER_SECOND % 60),
        .millisecond = (int)(in_day % MS_PER_SECOND),
        .weekday = (int)(((days + 4) % 7 + 7) % 7),
    };
}

int64_t time_from_civil(const struct civil *civil)
{
    const int64_t months = (int64_t)civil->year * 12 + civil->month - 1;
    const int32_t year = (int32_t)floor_div(months, 12);
    const int month = (int)(months - (int64_t)year * 12) + 1;
    const int64_t days = time_days_from_civil(year, month, 1) + civil->day - 1;

    return days * MS_PER_DAY + (int64_t)civil->hour * MS_PER_HOUR +
           (int64_t)civil->minute * MS_PER_MINUTE + (int64_t)civil->second * MS_PER_SECOND +
           civil->millisecond;
}

int time_days_in_month(int32_t year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return month == 2 && leap ? 29 : days[month - 1];
}

const char *time_format_rfc3339(int64_t time_ms, char text[TIME_TEXT_SIZE])
{
    const struct civil c = time_civil(time_ms);

    snprintf(text, TIME_TEXT_SIZE, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", c.year % 10000, c.month,
        c.day, c.hour, c.minute, c.second, c.millisecond);
    return text;
}

const char *time_format_date(int64_t time_ms, char text[TIME_TEXT_SIZE])
{
    const struct civil c = time_civil(time_ms);

    snprintf(text, TIME_TEXT_SIZE, "%04d-%02d-%02d", c.year % 10000, c.month, c.day);
    return text;
}

/* --- parsing --- */

/* Reads exactly `count` digits. */
static bool read_digits(const char **at, int count, int *ret_value)
{
    int value = 0;

    for (int i = 0; i < count; i++) {
        if (!isdigit((unsigned char)(*at)[i]))
            return false;
        value = value * 10 + ((*at)[i] - '0');
    }
    *at += count;
    *ret_value = value;
    return true;
}

static bool read_char(const char **at, char c)
{
    if (**at != c)
        return false;
    (*at)++;
    return true;
}

static bool read_date(const char **at, struct civil *c)
{
    return read_digits(at, 4, &c->year) && read_char(at, '-') && read_digits(at, 2, &c->month) &&
           read_char(at, '-') && read_digits(at, 2, &c->day) && c->year >= 1 && c->month >= 1 &&
           c->month <= 12 && c->day >= 1 && c->day <= time_days_in_month(c->year, c->month);
}

static bool read_clock(const char **at, struct civil *c)
{
    int scale = 100;

    if (!read_digits(at, 2, &c->hour) || !read_char(at, ':') || !read_digits(at, 2, &c->minute))
        return false;
    if (read_char(at, ':')) {
        if (!read_digits(at, 2, &c->second))
            return false;
        if (read_char(at, '.')) {
            if (!isdigit((unsigned char)**at))
                return false;
            for (; isdigit((unsigned char)**at); (*at)++, scale /= 10)
                c->millisecond += (**at - '0') * scale;
        }
    }
    return c->hour < 24 && c->minute < 60 && c->second < 60;
}

static bool read_offset(const char **at, int64_t *ret_offset_ms)
{
    int sign, hours, minutes = 0;

    *ret_offset_ms = 0;
    if (**at == '\0' || read_char(at, 'Z') || read_char(at, 'z'))
        return true;
    if (**at != '+' && **at != '-')
        return false;
    sign = *(*at)++ == '+' ? 1 : -1;
    if (!read_digits(at, 2, &hours))
        return false;
    if ((read_char(at, ':') || **at) && !read_digits(at, 2, &minutes))
        return false;
    *ret_offset_ms = sign * ((int64_t)hours * MS_PER_HOUR + (int64_t)minutes * MS_PER_MINUTE);
    return hours < 24 && minutes < 60;
}

/* "Nov": the first three letters, as HTTP writes them. */
static bool read_month_name(const char **at, struct civil *c)
{
    for (size_t i = 0; i < ARRAY_LENGTH(month_names); i++) {
        if (strncmp(*at, month_names[i], 3) == 0) {
            *at += 3;
            c->month = (int)i + 1;
            return true;
        }
    }
    return false;
}

static bool read_http_date(const char **at, struct civil *c)
{
    const char *comma = strchr(*at, ',');

    if (!comma) /* the day of the week says nothing new */
        return false;
    *at = comma + 1;
    return read_char(at, ' ') && read_digits(at, 2, &c->day) && read_char(at, ' ') &&
           read_month_name(at, c) && read_char(at, ' ') && read_digits(at, 4, &c->year) &&
           read_char(at, ' ') && c->year >= 1 && c->day >= 1 &&
           c->day <= time_days_in_month(c->year, c->month);
}

int time_parse_http(const char *text, int64_t *ret_time_ms, struct error *err)
{
    const char *at = text;
    struct civil c = {0};

    if (!read_http_date(&at, &c) || !read_clock(&at, &c) || strcmp(at, " GMT") != 0)
        return error_set(err, ERROR_DATA, "\"%.60s\" is not a time as HTTP writes it", text);
    *ret_time_ms = time_from_civil(&c);
    return 0;
}

int time_parse_date(const char *text, int64_t *ret_time_ms, struct error *err)
{
    const char *at = text;
    struct civil c = {0};

    if (!read_date(&at, &c) || *at)
        return error_set(err, ERROR_INVALID, "\"%s\" is not a date; write it as 2026-11-21", text);
    *ret_time_ms = time_from_civil(&c);
    return 0;
}

int time_parse(const char *text, int64_t *ret_time_ms, struct error *err)
{
    const char *at = text;
    struct civil c = {0};
    int64_t offset_ms = 0;
    bool valid = read_date(&at, &c);

    if (valid && *at)
        valid = (read_char(&at, 'T') || read_char(&at, 't') || read_char(&at, ' ')) &&
                read_clock(&at, &c) && read_offset(&at, &offset_ms) && *at == '\0';
    if (!valid)
        return error_set(err, ERROR_INVALID,
            "\"%s\" is not a time; write it as 2026-11-21 or 2026-11-21T06:30:00Z", text);
    *ret_time_ms = time_from_civil(&c) - offset_ms;
    return 0;
}

/* --- formatting by pattern --- */

/* One conversion of time_format(); 0 when the letter is unknown. */
static int format_one(char letter, int64_t time_ms, const struct civil *c, char *text, size_t size)
{
    const int64_t day = time_days_from_civil(c->year, c->month, c->day);
    const int64_t new_year = time_days_from_civil(c->year, 1, 1);

    switch (letter) {
    case 'Y':
        return snprintf(text, size, "%04d", c->year);
    case 'y':
        return snprintf(text, size, "%02d", c->year % 100);
    case 'm':
        return snprintf(text, size, "%02d", c->month);
    case 'd':
        return snprintf(text, size, "%02d", c->day);
    case 'H':
        return snprintf(text, size, "%02d", c->hour);
    case 'M':
        return snprintf(text, size, "%02d", c->minute);
    case 'S':
        return snprintf(text, size, "%02d", c->second);
    case 'L':
        return snprintf(text, size, "%03d", c->millisecond);
    case 'j':
        return snprintf(text, size, "%03d", (int)(day - new_year) + 1);
    case 'b':
        return snprintf(text, size, "%.3s", month_names[c->month - 1]);
    case 'B':
        return snprintf(text, size, "%s", month_names[c->month - 1]);
    case 'a':
        return snprintf(text, size, "%.3s", day_names[c->weekday]);
    case 'A':
        return snprintf(text, size, "%s", day_names[c->weekday]);
    case 'u':
        return snprintf(text, size, "%d", c->weekday ? c->weekday : 7);
    case 'F':
        return snprintf(text, size, "%04d-%02d-%02d", c->year, c->month, c->day);
    case 'T':
        return snprintf(text, size, "%02d:%02d:%02d", c->hour, c->minute, c->second);
    case 's':
        return snprintf(text, size, "%" PRId64, floor_div(time_ms, MS_PER_SECOND));
    case '%':
        return snprintf(text, size, "%%");
    default:
        return 0;
    }
}

int time_format(int64_t time_ms, const char *format, char *text, size_t size, struct error *err)
{
    const struct civil c = time_civil(time_ms);
    size_t used = 0;

    for (const char *at = format; *at; at++) {
        char piece[32] = {*at, '\0'};
        int length = 1;

        if (*at == '%')
            length = format_one(*++at, time_ms, &c, piece, sizeof(piece));
        if (length == 0)
            return error_set(err, ERROR_INVALID,
                "\"%s\": \"%%%.*s\" is not a date part; use %%Y %%m %%d %%H %%M %%S %%j %%F",
                format, (int)text_utf8_length(at, strlen(at)), at);
        if (used + (size_t)length >= size)
            return error_set(err, ERROR_LIMIT, "\"%s\" gives a text over %zu bytes", format, size);
        memcpy(text + used, piece, (size_t)length);
        used += (size_t)length;
    }
    text[used] = '\0';
    return 0;
}

/* --- durations and sizes --- */

struct unit {
    const char *name;
    double factor; /* ms or bytes; for durations in months: negative, in months */
};

static const struct unit duration_units[] = {{"ms", 1}, {"s", MS_PER_SECOND}, {"m", MS_PER_MINUTE},
    {"min", MS_PER_MINUTE}, {"h", MS_PER_HOUR}, {"d", MS_PER_DAY}, {"w", 7.0 * MS_PER_DAY},
    {"mo", -1}, {"y", -12}};

static const struct unit size_units[] = {{"B", 1}, {"", 1}, {"KiB", 1024.0}, {"MiB", 1048576.0},
    {"GiB", 1073741824.0}, {"TiB", 1099511627776.0}, {"kB", 1e3}, {"KB", 1e3}, {"MB", 1e6},
    {"GB", 1e9}, {"TB", 1e12}};

/* A non-negative decimal number, at most 15 digits before the point. */
static bool read_number(const char **at, double *ret_number)
{
    const char *start = *at;
    double value = 0, scale = 0.1;

    for (; isdigit((unsigned char)**at); (*at)++)
        value = value * 10 + (**at - '0');
    if (*at == start || *at - start > 15)
        return false;
    if (**at == '.' && isdigit((unsigned char)(*at)[1])) {
        for ((*at)++; isdigit((unsigned char)**at); (*at)++, scale /= 10)
            value += (**at - '0') * scale;
    }
    *ret_number = value;
    return true;
}

static const struct unit *read_unit(const char **at, const struct unit *units, size_t count)
{
    size_t length = 0;

    while (isalpha((unsigned char)(*at)[length]))
        length++;
    for (size_t i = 0; i < count; i++) {
        if (strlen(units[i].name) == length && strncmp(*at, units[i].name, length) == 0) {
            *at += length;
            return &units[i];
        }
    }
    return NULL;
}

/* Ten thousand years: sums of such durations and times of the calendar do not overflow. */
static const double duration_max_months = 10000 * 12;
static const double duration_max_ms = 10000 * 366.0 * MS_PER_DAY;

int duration_parse(const char *text, struct duration *ret_duration, struct error *err)
{
    struct duration sum = {0};
    const char *at = text;

    do {
        const struct unit *unit = NULL;
        double number = 0, total;
        bool calendar;

        if (read_number(&at, &number))
            unit = read_unit(&at, duration_units, ARRAY_LENGTH(duration_units));
        if (!unit)
            return error_set(err, ERROR_INVALID,
                "\"%s\" is not a duration; write it as 500ms, 30s, 5m, 2h, 7d or 1mo", text);
        calendar = unit->factor < 0;
        if (calendar && number != floor(number))
            return error_set(
                err, ERROR_INVALID, "\"%s\": months and years are whole numbers", text);
        total = (calendar ? sum.months : (double)sum.ms) + number * fabs(unit->factor);
        if (total > (calendar ? duration_max_months : duration_max_ms))
            return error_set(err, ERROR_INVALID, "\"%s\" is too long a duration", text);
        if (calendar)
            sum.months = (int32_t)total;
        else
            sum.ms = llround(total);
    } while (*at);
    *ret_duration = sum;
    return 0;
}

int64_t duration_ms(const struct duration *duration)
{
    return duration->ms + (int64_t)duration->months * 30 * MS_PER_DAY;
}

int64_t duration_add(const struct duration *duration, int64_t time_ms, int sign)
{
    struct civil c = time_civil(time_ms);
    const int64_t months = (int64_t)c.year * 12 + c.month - 1 + (int64_t)sign * duration->months;

    c.year = (int32_t)floor_div(months, 12);
    c.month = (int)(months - (int64_t)c.year * 12) + 1;
    c.day = MIN(c.day, time_days_in_month(c.year, c.month));
    return time_from_civil(&c) + sign * duration->ms;
}

const char *duration_format(int64_t duration_ms, char text[TIME_TEXT_SIZE])
{
    const int64_t seconds = duration_ms / MS_PER_SECOND;

    if (duration_ms < MS_PER_SECOND)
        snprintf(text, TIME_TEXT_SIZE, "%" PRId64 "ms", duration_ms);
    else if (seconds < 60)
        snprintf(text, TIME_TEXT_SIZE, "%" PRId64 ".%" PRId64 "s", seconds,
            duration_ms % MS_PER_SECOND / 100);
    else if (seconds < 3600)
        snprintf(text, TIME_TEXT_SIZE, "%" PRId64 "m %02" PRId64 "s", seconds / 60, seconds % 60);
    else if (seconds < 2 * 86400)
        snprintf(
            text, TIME_TEXT_SIZE, "%" PRId64 "h %02" PRId64 "m", seconds / 3600, seconds / 60 % 60);
    else
        snprintf(text, TIME_TEXT_SIZE, "%" PRId64 "d", seconds / 86400);
    return text;
}

int size_parse(const char *text, uint64_t *ret_bytes, struct error *err)
{
    const struct unit *unit = NULL;
    const char *at = text;
    double number = 0;

    if (read_number(&at, &number)) {
        while (*at == ' ')
            at++;
        unit = read_unit(&at, size_units, ARRAY_LENGTH(size_units));
    }
    if (!unit || *at)
        return error_set(
            err, ERROR_INVALID, "\"%s\" is not a size; write it as 64KiB, 8MiB or 1GB", text);
    if (number * unit->factor > 9e18)
        return error_set(err, ERROR_INVALID, "\"%s\" is too large a size", text);
    *ret_bytes = (uint64_t)llround(number * unit->factor);
    return 0;
}

const char *size_format(uint64_t bytes, char text[TIME_TEXT_SIZE])
{
    static const char *const names[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
    double value = (double)bytes;
    size_t unit = 0;

    for (; value >= 1023.95 && unit + 1 < ARRAY_LENGTH(names); unit++)
        value /= 1024;
    snprintf(text, TIME_TEXT_SIZE, unit ? "%.1f %s" : "%.0f %s", value, names[unit]);
    return text;
}

const char *time_format_ago(int64_t time_ms, int64_t now_ms, char text[TIME_TEXT_SIZE])
{
    static const struct {
        int64_t below_s, divisor_s;
        const char *name;
    } steps[] = {{120, 1, "s"}, {7200, 60, "min"}, {2 * 86400, 3600, "h"},
        {60LL * 86400, 86400, "days"}, {INT64_MAX, 30LL * 86400, "months"}};
    const int64_t seconds = llabs(now_ms - time_ms) / MS_PER_SECOND;
    size_t i = 0;

    while (seconds >= steps[i].below_s)
        i++;
    snprintf(text, TIME_TEXT_SIZE, time_ms > now_ms ? "in %" PRId64 " %s" : "%" PRId64 " %s ago",
        seconds / steps[i].divisor_s, steps[i].name);
    return text;
}
