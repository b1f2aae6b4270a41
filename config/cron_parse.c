#include "config/cron.h"

#include "runner/base/mem.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

enum { FIELDS = 5 };

static const char *const month_names[] = {
    "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC", NULL};
static const char *const weekday_names[] = {"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT", NULL};

struct field {
    const char *label;
    int min, max;
    const char *const *names; /* of min, min + 1, … */
};

enum { MINUTE, HOUR, DAY, MONTH, WEEKDAY };

static const struct field fields[FIELDS] = {
    [MINUTE] = {"minute", 0, 59, NULL},
    [HOUR] = {"hour", 0, 23, NULL},
    [DAY] = {"day of month", 1, 31, NULL},
    [MONTH] = {"month", 1, 12, month_names},
    [WEEKDAY] = {"day of week", 0, 7, weekday_names},
};

static const struct {
    const char *name, *text;
} shorthands[] = {{"@hourly", "0 * * * *"}, {"@daily", "0 0 * * *"}, {"@midnight", "0 0 * * *"},
    {"@weekly", "0 0 * * 0"}, {"@monthly", "0 0 1 * *"}, {"@yearly", "0 0 1 1 *"},
    {"@annually", "0 0 1 1 *"}};

/* A part of the schedule's text. */
struct piece {
    const char *at;
    size_t length;
};

static struct piece piece_of(const char *start, const char *end)
{
    return (struct piece){start, (size_t)(end - start)};
}

static const char *find_char(struct piece piece, char c)
{
    return memchr(piece.at, c, piece.length);
}

/* `minute: "61" is not …` */
static int refuse(struct error *err, const struct field *field, struct piece piece, const char *why)
{
    return error_set(
        err, ERROR_INVALID, "%s: \"%.*s\" %s", field->label, (int)piece.length, piece.at, why);
}

static bool read_digits(struct piece piece, int *ret_value)
{
    int value = 0;

    if (piece.length == 0)
        return false;
    for (size_t i = 0; i < piece.length; i++) {
        if (!isdigit((unsigned char)piece.at[i]))
            return false;
        value = MIN(value * 10 + (piece.at[i] - '0'), 100000);
    }
    *ret_value = value;
    return true;
}

static int read_value(
    const struct field *field, struct piece piece, int *ret_value, struct error *err)
{
    int value = 0;

    for (int i = 0; field->names && field->names[i]; i++) {
        if (piece.length == 3 && strncasecmp(piece.at, field->names[i], 3) == 0) {
            *ret_value = field->min + i;
            return 0;
        }
    }
    if (read_digits(piece, &value) && value >= field->min && value <= field->max) {
        *ret_value = value;
        return 0;
    }
    if (field->names)
        return error_set(err, ERROR_INVALID, "%s: \"%.*s\" is not in %d-%d or %s-%s", field->label,
            (int)piece.length, piece.at, field->min, field->max, field->names[0],
            field == &fields[MONTH] ? "DEC" : "SAT");
    return error_set(err, ERROR_INVALID, "%s: \"%.*s\" is not in %d-%d", field->label,
        (int)piece.length, piece.at, field->min, field->max);
}

/* "*", "7" or "1-5". */
static int read_range(
    const struct field *field, struct piece range, int *ret_first, int *ret_last, struct error *err)
{
    const char *dash = find_char(range, '-');

    if (range.length == 1 && *range.at == '*') {
        *ret_first = field->min;
        *ret_last = field->max;
        return 0;
    }
    if (!dash) {
        if (read_value(field, range, ret_first, err))
            return -1;
        *ret_last = *ret_first;
        return 0;
    }
    if (read_value(field, piece_of(range.at, dash), ret_first, err) ||
        read_value(field, piece_of(dash + 1, range.at + range.length), ret_last, err))
        return -1;
    if (field == &fields[WEEKDAY] && *ret_last == 0 && *ret_first > 0)
        *ret_last = 7; /* SAT-SUN */
    if (*ret_first > *ret_last)
        return refuse(err, field, range, "runs backwards; write it as two ranges, as in 22-23,0-5");
    return 0;
}

/* One entry of a field's list: a range and perhaps a step. */
static int read_item(
    const struct field *field, struct piece item, uint64_t *mask, struct error *err)
{
    const char *slash = find_char(item, '/');
    const struct piece range = slash ? piece_of(item.at, slash) : item;
    int first = 0, last = 0, step = 1;

    if (item.length == 0)
        return error_set(
            err, ERROR_INVALID, "%s: nothing between two commas or at an end", field->label);
    if (read_range(field, range, &first, &last, err))
        return -1;
    if (slash) {
        const struct piece digits = piece_of(slash + 1, item.at + item.length);

        if (*range.at != '*' && !find_char(range, '-'))
            return refuse(err, field, item, "has a step but no range; write it as */n or a-b/n");
        if (!read_digits(digits, &step) || step < 1 || step > field->max)
            return error_set(err, ERROR_INVALID, "%s: \"%.*s\": the step is not in 1-%d",
                field->label, (int)item.length, item.at, field->max);
    }
    for (int value = first; value <= last; value += step)
        *mask |= UINT64_C(1) << value;
    return 0;
}

static int read_field(
    const struct field *field, struct piece text, uint64_t *ret_mask, struct error *err)
{
    const char *end = text.at + text.length, *at = text.at;
    uint64_t mask = 0;

    for (;;) {
        const char *comma = find_char(piece_of(at, end), ',');

        if (read_item(field, piece_of(at, comma ? comma : end), &mask, err))
            return -1;
        if (!comma)
            break;
        at = comma + 1;
    }
    *ret_mask = mask;
    return 0;
}

/* Splits at blanks; returns how many there are, of which the first FIELDS are kept. */
static unsigned split(const char *text, struct piece pieces[FIELDS])
{
    static const char blanks[] = " \t\r\n";
    unsigned count = 0;

    for (const char *at = text + strspn(text, blanks); *at; at += strspn(at, blanks)) {
        const size_t length = strcspn(at, blanks);

        if (count < FIELDS)
            pieces[count] = (struct piece){at, length};
        count++;
        at += length;
    }
    return count;
}

static int expand_shorthand(const char **text, struct piece word, struct error *err)
{
    for (size_t i = 0; i < ARRAY_LENGTH(shorthands); i++) {
        if (word.length == strlen(shorthands[i].name) &&
            strncasecmp(word.at, shorthands[i].name, word.length) == 0) {
            *text = shorthands[i].text;
            return 0;
        }
    }
    return error_set(err, ERROR_INVALID,
        "\"%.*s\" is not a schedule; use @hourly @daily @weekly @monthly @yearly or five fields",
        (int)word.length, word.at);
}

/* Every month has every weekday, and 29 February falls on each of them in time, so only dates that
 * no year has are never due. */
static bool is_ever_due(const struct cron *cron)
{
    static const int longest[] = {0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    for (int month = 1; month <= 12; month++) {
        const uint32_t dates = (UINT32_C(2) << longest[month]) - 1;

        if (cron->months & 1 << month && (cron->either_day || cron->days & dates))
            return true;
    }
    return false;
}

static int read_fields(const char *text, struct cron *cron, struct error *err)
{
    struct piece pieces[FIELDS];
    uint64_t masks[FIELDS];
    const unsigned count = split(text, pieces);

    if (count != FIELDS)
        return error_set(err, ERROR_INVALID,
            "a schedule has 5 fields (minute, hour, day of month, month, day of week), as in "
            "\"15 6 * * *\", not %u",
            count);
    for (int i = 0; i < FIELDS; i++) {
        if (read_field(&fields[i], pieces[i], &masks[i], err))
            return -1;
    }
    *cron = (struct cron){
        .minutes = masks[MINUTE],
        .hours = (uint32_t)masks[HOUR],
        .days = (uint32_t)masks[DAY],
        .months = (uint16_t)masks[MONTH],
        .weekdays = (uint8_t)((masks[WEEKDAY] | masks[WEEKDAY] >> 7) & 0x7f),
        .either_day = *pieces[DAY].at != '*' && *pieces[WEEKDAY].at != '*',
        .every_hour = *pieces[HOUR].at == '*' || masks[HOUR] == (UINT64_C(1) << 24) - 1,
    };
    return 0;
}

int cron_parse(const char *text, struct cron *ret_cron, struct error *err)
{
    const char *schedule = text;
    struct piece words[FIELDS];
    struct cron cron;

    if (strlen(text) > CRON_TEXT_MAX)
        return error_set(err, ERROR_LIMIT, "a schedule of %zu bytes is over the limit of %d",
            strlen(text), CRON_TEXT_MAX);
    if (split(text, words) == 1 && *words[0].at == '@' &&
        expand_shorthand(&schedule, words[0], err))
        return -1;
    if (read_fields(schedule, &cron, err))
        return -1;
    if (!is_ever_due(&cron))
        return error_set(err, ERROR_INVALID,
            "day of month: no month that the schedule names has this day, so it is never due");
    *ret_cron = cron;
    return 0;
}
