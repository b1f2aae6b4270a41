#include "runner/engine/prune_value.h"

#include "runner/base/mem.h"
#include "runner/base/time.h"

#include <float.h>
#include <math.h>
#include <string.h>
#include <strings.h>

/* Numbers that are compared as DOUBLE are taken to be off by so much, relative to their size: the
 * SQL engine's way from decimals to DOUBLE is not always the nearest one. */
#define SLACK (16 * DBL_EPSILON)

enum prune_family prune_family_of(const struct column_type *type)
{
    static const enum prune_family families[] = {
        [COLUMN_BOOLEAN] = PRUNE_BOOLEAN,
        [COLUMN_TINYINT] = PRUNE_NUMBER,
        [COLUMN_SMALLINT] = PRUNE_NUMBER,
        [COLUMN_INTEGER] = PRUNE_NUMBER,
        [COLUMN_BIGINT] = PRUNE_NUMBER,
        [COLUMN_UTINYINT] = PRUNE_NUMBER,
        [COLUMN_USMALLINT] = PRUNE_NUMBER,
        [COLUMN_UINTEGER] = PRUNE_NUMBER,
        [COLUMN_UBIGINT] = PRUNE_NUMBER,
        [COLUMN_DECIMAL] = PRUNE_NUMBER,
        [COLUMN_FLOAT] = PRUNE_FLOAT,
        [COLUMN_DOUBLE] = PRUNE_FLOAT,
        [COLUMN_VARCHAR] = PRUNE_TEXT,
        [COLUMN_UUID] = PRUNE_UUID,
        [COLUMN_DATE] = PRUNE_DATE,
        [COLUMN_TIME] = PRUNE_TIME,
        [COLUMN_TIMESTAMP] = PRUNE_TIMESTAMP,
        [COLUMN_TIMESTAMP_NS] = PRUNE_TIMESTAMP,
        [COLUMN_TIMESTAMPTZ] = PRUNE_TIMESTAMPTZ,
        [COLUMN_MAP] = PRUNE_OTHER, /* the last one */
    };

    return families[type->kind];
}

/* --- numbers --- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static void add_digit(struct prune_value *value, char digit, bool behind_point)
{
    if (value->digit_count == 0 && digit == '0') { /* leading */
        value->magnitude -= behind_point;
        return;
    }
    value->magnitude += !behind_point;
    if (value->digit_count == PRUNE_DIGITS_MAX)
        value->exact = false;
    else
        value->digits[value->digit_count++] = digit;
}

/* Only what every reader takes for the same number: [-]12[.34][e[+-]5]. */
static bool parse_number(const char *text, struct prune_value *value)
{
    const char *at = text + (*text == '-');

    *value = (struct prune_value){.text = text, .exact = true, .negative = *text == '-'};
    if (!is_digit(*at))
        return false;
    for (; is_digit(*at); at++)
        add_digit(value, *at, false);
    if (*at == '.') {
        if (!is_digit(*++at))
            return false;
        for (; is_digit(*at); at++, value->fraction++)
            add_digit(value, *at, true);
    }
    if (*at == 'e' || *at == 'E') {
        value->exponent = true;
        value->exact = false;
        at += 1 + (at[1] == '-' || at[1] == '+');
        if (!is_digit(*at))
            return false;
        at += strspn(at, "0123456789");
    }
    while (value->digit_count > 0 && value->digits[value->digit_count - 1] == '0')
        value->digit_count--;
    if (value->digit_count == 0)
        value->negative = false;
    value->number = strtod(text, NULL);
    return *at == '\0';
}

static double widen(double number, enum prune_side side)
{
    const double slack = fabs(number) * SLACK;

    if (isinf(number))
        return number;
    return side == PRUNE_LOWEST ? nextafter(number - slack, -INFINITY)
                                : nextafter(number + slack, INFINITY);
}

/* The SQL engine writes so many digits of a FLOAT as tell it from other ones: what is stored is the
 * nearest FLOAT, and that is not the number that was written. */
static double widen_float(float number, enum prune_side side)
{
    return nextafterf(number, side == PRUNE_LOWEST ? -INFINITY : INFINITY);
}

static bool parse_infinity(const char *text, struct prune_value *value)
{
    const bool negative = *text == '-';

    if (strcmp(text + negative, "inf") != 0)
        return false;
    *value = (struct prune_value){.text = text, .number = negative ? -INFINITY : INFINITY};
    return true;
}

static int compare_doubles(double a, double b)
{
    return a < b ? -1 : a > b;
}

static int compare_magnitudes(const struct prune_value *a, const struct prune_value *b)
{
    const int common = MIN(a->digit_count, b->digit_count);
    int order;

    if (a->digit_count == 0 || b->digit_count == 0)
        return (a->digit_count > 0) - (b->digit_count > 0);
    if (a->magnitude != b->magnitude)
        return a->magnitude < b->magnitude ? -1 : 1;
    order = memcmp(a->digits, b->digits, (size_t)common);
    return order ? order : (a->digit_count > common) - (b->digit_count > common);
}

static int compare_numbers(const struct prune_value *a, const struct prune_value *b)
{
    if (!a->exact || !b->exact)
        return compare_doubles(a->number, b->number);
    if (a->negative != b->negative)
        return a->negative ? -1 : 1;
    return a->negative ? compare_magnitudes(b, a) : compare_magnitudes(a, b);
}

/* --- times --- */

/* So many digits; -1: there are fewer. */
static int read_digits(const char **at, int count)
{
    int value = 0;

    for (int i = 0; i < count; i++, (*at)++) {
        if (!is_digit(**at))
            return -1;
        value = 10 * value + (**at - '0');
    }
    return value;
}

static bool read_char(const char **at, char c)
{
    if (**at != c)
        return false;
    (*at)++;
    return true;
}

/* YYYY-MM-DD; years from 1 to 999999. */
static bool read_date(const char **at, struct prune_value *value)
{
    const int digits = (int)strspn(*at, "0123456789");
    int year, month, day;

    if (digits < 4 || digits > 6)
        return false;
    year = read_digits(at, digits);
    if (!read_char(at, '-') || (month = read_digits(at, 2)) < 1 || month > 12 ||
        !read_char(at, '-') || (day = read_digits(at, 2)) < 1 || year < 1 ||
        day > time_days_in_month(year, month))
        return false;
    value->seconds = time_days_from_civil(year, month, day) * 86400;
    return true;
}

/* HH:MM[:SS[.f…]]; `digits_max` of the fraction. */
static bool read_time(const char **at, int digits_max, struct prune_value *value)
{
    int hour, minute, second = 0, digits = 0;
    bool has_second;

    if ((hour = read_digits(at, 2)) < 0 || hour > 23 || !read_char(at, ':') ||
        (minute = read_digits(at, 2)) < 0 || minute > 59)
        return false;
    has_second = read_char(at, ':');
    if (has_second && ((second = read_digits(at, 2)) < 0 || second > 59))
        return false;
    if (has_second && read_char(at, '.')) {
        for (; is_digit(**at); (*at)++, digits++)
            value->nanos = digits < 9 ? 10 * value->nanos + (**at - '0') : value->nanos;
        if (digits == 0 || digits > digits_max)
            return false;
        for (; digits < 9; digits++)
            value->nanos *= 10;
    }
    value->seconds += hour * 3600 + minute * 60 + second;
    return true;
}

/* "Z", "+02", "-03:30", "+00:19:32". */
static bool read_offset(const char **at, struct prune_value *value)
{
    const bool negative = **at == '-';
    int hours, minutes = 0, seconds = 0;
    int64_t offset;

    if (read_char(at, 'Z'))
        return true;
    if (**at != '+' && **at != '-')
        return false;
    (*at)++;
    if ((hours = read_digits(at, 2)) < 0 || hours > 15 ||
        (read_char(at, ':') && ((minutes = read_digits(at, 2)) < 0 || minutes > 59)) ||
        (read_char(at, ':') && ((seconds = read_digits(at, 2)) < 0 || seconds > 59)))
        return false;
    offset = hours * 3600 + minutes * 60 + seconds;
    value->seconds -= negative ? -offset : offset;
    return true;
}

enum zone_rule { ZONE_NONE, ZONE_MAYBE, ZONE_NEEDED };

static bool parse_timestamp(
    const char *text, int digits_max, enum zone_rule zone, struct prune_value *value)
{
    const char *at = text;
    bool zoned;

    *value = (struct prune_value){.text = text};
    if (!read_date(&at, value))
        return false;
    if (*at == '\0') /* midnight */
        return zone != ZONE_NEEDED;
    if ((!read_char(&at, ' ') && !read_char(&at, 'T')) || !read_time(&at, digits_max, value))
        return false;
    zoned = *at != '\0';
    if (zoned && (zone == ZONE_NONE || !read_offset(&at, value)))
        return false;
    return *at == '\0' && (zoned || zone != ZONE_NEEDED);
}

static bool parse_date(const char *text, struct prune_value *value)
{
    const char *at = text;

    *value = (struct prune_value){.text = text};
    return read_date(&at, value) && *at == '\0';
}

static bool parse_time(const char *text, struct prune_value *value)
{
    const char *at = text;

    *value = (struct prune_value){.text = text};
    return read_time(&at, 6, value) && *at == '\0';
}

/* Where one of two may be cut to microseconds before they are compared. */
static void widen_time(struct prune_value *value, enum prune_side side)
{
    const int32_t rest = value->nanos % 1000;

    value->nanos -= rest;
    if (rest && side == PRUNE_HIGHEST)
        value->nanos += 1000;
    if (value->nanos == 1000000000) {
        value->nanos = 0;
        value->seconds++;
    }
}

static int compare_times(const struct prune_value *a, const struct prune_value *b)
{
    if (a->seconds != b->seconds)
        return a->seconds < b->seconds ? -1 : 1;
    return a->nanos < b->nanos ? -1 : a->nanos > b->nanos;
}

/* --- the rest --- */

static bool parse_boolean(const char *text, struct prune_value *value)
{
    const bool truth = strcasecmp(text, "true") == 0;

    *value = (struct prune_value){.text = text, .seconds = truth};
    return truth || strcasecmp(text, "false") == 0;
}

static bool parse_uuid(const char *text, struct prune_value *value)
{
    *value = (struct prune_value){.text = text};
    if (strlen(text) != 36)
        return false;
    for (int i = 0; i < 36; i++) {
        if (i == 8 || i == 13 || i == 18 || i == 23 ? text[i] != '-'
                                                    : !strchr("0123456789abcdefABCDEF", text[i]))
            return false;
    }
    return true;
}

/* U+FFFD stands where bytes were no UTF-8, perhaps because a bound was cut between them. */
static bool parse_text(const char *text, struct prune_value *value)
{
    *value = (struct prune_value){.text = text};
    return !strstr(text, "\xef\xbf\xbd");
}

/* --- bounds and constants --- */

bool prune_parse_bound(const char *text, const struct column_type *type, enum prune_side side,
    struct prune_value *ret_value)
{
    struct prune_value value;
    bool known = false;

    switch (prune_family_of(type)) {
    case PRUNE_OTHER:
        return false;
    case PRUNE_BOOLEAN:
        known = parse_boolean(text, &value);
        break;
    case PRUNE_NUMBER:
        known = parse_number(text, &value);
        value.number = widen(value.number, side);
        break;
    case PRUNE_FLOAT:
        known = parse_infinity(text, &value) || parse_number(text, &value);
        value.exact = false;
        value.number = type->kind == COLUMN_FLOAT ? widen_float(strtof(text, NULL), side)
                                                  : widen(value.number, side);
        break;
    case PRUNE_TEXT:
        known = parse_text(text, &value);
        break;
    case PRUNE_UUID:
        known = parse_uuid(text, &value);
        break;
    case PRUNE_DATE:
        known = parse_date(text, &value);
        break;
    case PRUNE_TIME:
        known = parse_time(text, &value);
        break;
    case PRUNE_TIMESTAMP:
        known = parse_timestamp(text, 9, ZONE_NONE, &value);
        widen_time(&value, side);
        break;
    case PRUNE_TIMESTAMPTZ:
        known = parse_timestamp(text, 6, ZONE_NEEDED, &value);
        break;
    }
    if (known)
        *ret_value = value;
    return known;
}

/* A text is cast to the column's type, and may be rounded by that: only what fits is known. */
static bool parse_quoted_number(
    const char *text, const struct column_type *type, struct prune_value *value)
{
    return parse_number(text, value) && value->exact &&
           value->fraction <= (type->kind == COLUMN_DECIMAL ? type->scale : 0);
}

bool prune_parse_constant(
    const char *text, bool quoted, const struct column_type *type, struct prune_value *ret_value)
{
    const int digits_max = type->kind == COLUMN_TIMESTAMP_NS ? 9 : 6;
    const enum prune_family family = prune_family_of(type);
    struct prune_value value;
    bool known = false;

    /* What is no text is no text to the SQL engine either: it casts the column, not the constant.
     */
    if (!quoted && family != PRUNE_BOOLEAN && family != PRUNE_NUMBER && family != PRUNE_FLOAT)
        return false;
    switch (family) {
    case PRUNE_OTHER:
        break;
    case PRUNE_BOOLEAN:
        known = parse_boolean(text, &value);
        break;
    case PRUNE_NUMBER:
        known = quoted ? parse_quoted_number(text, type, &value) : parse_number(text, &value);
        break;
    case PRUNE_FLOAT:
        known = parse_number(text, &value);
        value.exact = false;
        break;
    case PRUNE_TEXT:
        known = parse_text(text, &value);
        break;
    case PRUNE_UUID:
        known = parse_uuid(text, &value);
        break;
    case PRUNE_DATE:
        known = parse_date(text, &value);
        break;
    case PRUNE_TIME:
        known = parse_time(text, &value);
        break;
    case PRUNE_TIMESTAMP:
        known = parse_timestamp(text, digits_max, ZONE_NONE, &value);
        break;
    case PRUNE_TIMESTAMPTZ: /* sessions are in UTC */
        known = parse_timestamp(text, digits_max, ZONE_MAYBE, &value);
        break;
    }
    if (known)
        *ret_value = value;
    return known;
}

int prune_compare(
    enum prune_family family, const struct prune_value *a, const struct prune_value *b)
{
    switch (family) {
    case PRUNE_NUMBER:
        return compare_numbers(a, b);
    case PRUNE_FLOAT:
        return compare_doubles(a->number, b->number);
    case PRUNE_TEXT:
        return strcmp(a->text, b->text);
    case PRUNE_UUID: /* hexadecimal digits in any case: their order is that of the bytes */
        return strcasecmp(a->text, b->text);
    default:
        return compare_times(a, b);
    }
}
