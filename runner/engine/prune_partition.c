#include "runner/engine/prune_partition.h"

#include "runner/base/mem.h"
#include "runner/base/murmur.h"
#include "runner/base/time.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NANOS_PER_US = 1000, US_PER_SECOND = 1000000 };
enum { SECONDS_PER_HOUR = 3600, SECONDS_PER_DAY = 86400 };
enum { NUMBER_SIZE = 64, LONG_DIGITS = 18 };

static const uint32_t positive = 0x7fffffff; /* as the SQL engine's buckets */

/* --- identity --- */

static bool parse_both(const char *text, const struct column_type *type, struct prune_range *range)
{
    range->has_min = range->has_max = prune_parse_bound(text, type, PRUNE_LOWEST, &range->min) &&
                                      prune_parse_bound(text, type, PRUNE_HIGHEST, &range->max);
    return range->has_min;
}

/* The text of a value ends at its first NUL byte, and what is behind makes it greater. */
static void end_text(struct prune_value *max, const char *text, struct arena *arena)
{
    max->text = arena_printf(arena, "%s\x01", text);
}

static void read_identity(const char *value, const struct column_type *type, struct arena *arena,
    struct prune_range *range)
{
    if (prune_family_of(type) == PRUNE_FLOAT) /* a FLOAT's text is another number as DOUBLE */
        return;
    if (parse_both(value, type, range) && prune_family_of(type) == PRUNE_TEXT)
        end_text(&range->max, value, arena);
}

/* --- truncate --- */

static size_t count_points(const char *text)
{
    size_t count = 0;

    for (; *text; text++)
        count += ((unsigned char)*text & 0xc0) != 0x80;
    return count;
}

/* What begins with it goes on in bytes of UTF-8, of which none is 0xff; of one that is shorter than
 * the width there are no others. */
static void read_prefix(const char *value, int64_t width, const struct column_type *type,
    struct arena *arena, struct prune_range *range)
{
    if (!parse_both(value, type, range))
        return;
    if (count_points(value) < (size_t)width)
        end_text(&range->max, value, arena);
    else
        range->max.text = arena_printf(arena, "%s\xff", value);
}

/* "-5.50" + 9 in its last digit; false where that is beyond any number that a column may have. */
static bool add_units(const char *text, int64_t units, char ret_text[NUMBER_SIZE])
{
    const char *point = strchr(text, '.');
    const size_t scale = point ? strlen(point + 1) : 0;
    unsigned __int128 rest;
    __int128 number = 0;
    size_t at = NUMBER_SIZE - 1;

    if (strlen(text) > PRUNE_DIGITS_MAX + 2)
        return false;
    for (const char *c = text; *c; c++)
        number = *c >= '0' && *c <= '9' ? 10 * number + (*c - '0') : number;
    number = (*text == '-' ? -number : number) + units;
    rest = number < 0 ? -(unsigned __int128)number : (unsigned __int128)number;
    ret_text[at] = '\0';
    for (size_t digits = 0; rest > 0 || digits <= scale; rest /= 10, digits++) {
        if (digits == scale && scale)
            ret_text[--at] = '.';
        ret_text[--at] = (char)('0' + (int)(rest % 10));
    }
    if (number < 0)
        ret_text[--at] = '-';
    memmove(ret_text, ret_text + at, NUMBER_SIZE - at);
    return true;
}

static void read_multiple(const char *value, int64_t width, const struct column_type *type,
    struct arena *arena, struct prune_range *range)
{
    char last[NUMBER_SIZE];

    range->has_min = prune_parse_bound(value, type, PRUNE_LOWEST, &range->min);
    range->has_max = range->has_min && add_units(value, width - 1, last) &&
                     prune_parse_bound(arena_strdup(arena, last), type, PRUNE_HIGHEST, &range->max);
}

/* --- times --- */

/* "2001", "2001-02", "2001-02-03", "2001-02-03-04", of years that have four digits. */
static bool read_parts(const char *value, int count, int parts[4])
{
    static const int low[] = {1, 1, 1, 0}, high[] = {9999, 12, 31, 23};
    const char *at = value;

    for (int i = 0; i < count; i++) {
        const int digits = i == 0 ? 4 : 2;

        if ((i > 0 && *at++ != '-') || (int)strspn(at, "0123456789") != digits)
            return false;
        parts[i] = (int)strtol(at, NULL, 10);
        if (parts[i] < low[i] || parts[i] > high[i])
            return false;
        at += digits;
    }
    return *at == '\0' && (count < 3 || parts[2] <= time_days_in_month(parts[0], parts[1]));
}

static int64_t seconds_at(int year, int month, int day, int hour)
{
    return time_days_from_civil(year, month, day) * SECONDS_PER_DAY + hour * SECONDS_PER_HOUR;
}

static void read_times(const struct partition_field *field, const char *value,
    const struct column_type *type, struct prune_range *range)
{
    const enum prune_family family = prune_family_of(type);
    const int count = (int)(field->transform - PARTITION_YEAR) + 1;
    int at[4] = {1, 1, 1, 0};
    int64_t first, end;

    if ((family != PRUNE_DATE && family != PRUNE_TIMESTAMP && family != PRUNE_TIMESTAMPTZ) ||
        !read_parts(value, count, at))
        return;
    first = seconds_at(at[0], at[1], at[2], at[3]);
    if (count == 1)
        end = seconds_at(at[0] + 1, 1, 1, 0);
    else if (count == 2)
        end = seconds_at(at[0] + at[1] / 12, at[1] % 12 + 1, 1, 0);
    else
        end = first + (count == 3 ? SECONDS_PER_DAY : SECONDS_PER_HOUR);
    range->has_min = range->has_max = true;
    range->min = (struct prune_value){.text = value, .seconds = first};
    range->max = family == PRUNE_DATE
                     ? (struct prune_value){.text = value, .seconds = end - SECONDS_PER_DAY}
                     : (struct prune_value){.text = value, .seconds = end - 1, .nanos = 999999999};
}

void prune_partition_range(const struct partition_field *field, const char *value,
    const struct column_type *type, struct arena *arena, struct prune_range *ret_range)
{
    const bool is_time = field->transform >= PARTITION_YEAR && field->transform <= PARTITION_HOUR;

    *ret_range = (struct prune_range){.all_null = !value && !is_time, .no_nulls = value != NULL};
    if (!value || !type)
        return;
    if (is_time)
        read_times(field, value, type, ret_range);
    else if (field->transform == PARTITION_IDENTITY)
        read_identity(value, type, arena, ret_range);
    else if (field->transform == PARTITION_TRUNCATE && prune_family_of(type) == PRUNE_TEXT)
        read_prefix(value, field->width, type, arena, ret_range);
    else if (field->transform == PARTITION_TRUNCATE && prune_family_of(type) == PRUNE_NUMBER)
        read_multiple(value, field->width, type, arena, ret_range);
}

/* --- buckets --- */

/* False: it is no whole number, or more than a long may be. */
static bool read_long(const struct prune_value *constant, int64_t *ret_number)
{
    int64_t number = 0;

    if (!constant->exact || constant->digit_count > constant->magnitude ||
        constant->magnitude > LONG_DIGITS) {
        *ret_number = 0;
        return constant->exact && constant->digit_count == 0;
    }
    for (int i = 0; i < constant->magnitude; i++)
        number = 10 * number + (i < constant->digit_count ? constant->digits[i] - '0' : 0);
    *ret_number = constant->negative ? -number : number;
    return true;
}

static bool hash(
    const struct column_type *type, const struct prune_value *constant, uint32_t *ret_hash)
{
    int64_t number;

    switch (type->kind) {
    case COLUMN_TINYINT:
    case COLUMN_SMALLINT:
    case COLUMN_INTEGER:
    case COLUMN_BIGINT:
    case COLUMN_UTINYINT:
    case COLUMN_USMALLINT:
    case COLUMN_UINTEGER:
        if (!read_long(constant, &number))
            return false;
        break;
    case COLUMN_VARCHAR:
        *ret_hash = murmur3(constant->text, strlen(constant->text));
        return true;
    case COLUMN_DATE:
        number = constant->seconds / SECONDS_PER_DAY; /* whole days */
        break;
    case COLUMN_TIME:
    case COLUMN_TIMESTAMP:
    case COLUMN_TIMESTAMPTZ:
        number = constant->seconds * US_PER_SECOND + constant->nanos / NANOS_PER_US;
        break;
    default:
        return false;
    }
    *ret_hash = murmur3_long(number);
    return true;
}

bool prune_partition_holds(const struct partition_field *field, const char *value,
    const struct column_type *type, const struct prune_value *constant)
{
    char bucket[24];
    uint32_t hashed;

    if (field->transform != PARTITION_BUCKET || !value || !type || field->width < 1 ||
        !hash(type, constant, &hashed))
        return true;
    snprintf(bucket, sizeof(bucket), "%" PRId64, (int64_t)(hashed & positive) % field->width);
    return strcmp(bucket, value) == 0;
}
