#include "runner/base/option.h"

#include "runner/base/buffer.h"
#include "runner/base/mem.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { CHOICES_MAX = 128 };

static int parse_bool(const char *text, bool *ret_value, struct error *err)
{
    const bool yes = strcmp(text, "true") == 0;

    if (!yes && strcmp(text, "false") != 0)
        return error_set(err, ERROR_INVALID, "\"%s\" is neither true nor false", text);
    *ret_value = yes;
    return 0;
}

static int parse_int(const char *text, int64_t *ret_value, struct error *err)
{
    char *end = NULL;
    long long value;

    errno = 0;
    value = strtoll(text, &end, 10);
    if (end == text || *end || errno || strchr(" \t\n\v\f\r", text[0]))
        return error_set(err, ERROR_INVALID, "\"%s\" is not a whole number", text);
    *ret_value = value;
    return 0;
}

static int parse_number(const char *text, double *ret_value, struct error *err)
{
    char *end = NULL;
    double value;

    value = strtod(text, &end);
    if (end == text || *end || !isfinite(value) || strchr(" \t\n\v\f\r", text[0]))
        return error_set(err, ERROR_INVALID, "\"%s\" is not a number", text);
    *ret_value = value;
    return 0;
}

static int parse_enum(
    const struct option *option, const char *text, int *ret_value, struct error *err)
{
    const char *what = option->value_name ? option->value_name : option->name;
    const char *article = strchr("aeiou", what[0]) ? "an" : "a";
    const char *nearest;
    struct buffer all;

    for (int i = 0; option->choices[i]; i++) {
        if (strcmp(option->choices[i], text) == 0) {
            *ret_value = i;
            return 0;
        }
    }
    nearest = text_nearest(text, option->choices);
    if (nearest)
        return error_set(err, ERROR_INVALID, "\"%s\" is not %s %s; did you mean \"%s\"?", text,
            article, what, nearest);
    buffer_init(&all, 256);
    for (size_t i = 0; option->choices[i]; i++)
        buffer_printf(&all, "%s%s", i ? ", " : "", option->choices[i]);
    error_set(err, ERROR_INVALID, "\"%s\" is not %s %s; choose one of: %s", text, article, what,
        all.data);
    buffer_deinit(&all);
    return -1;
}

/* The limit as a user would write it. */
static void format_limit(const struct option *option, double limit, char *text, size_t size)
{
    char unit[TIME_TEXT_SIZE];

    if (option->type == OPTION_DURATION)
        snprintf(text, size, "%s", duration_format((int64_t)limit, unit));
    else if (option->type == OPTION_SIZE)
        snprintf(text, size, "%s", size_format((uint64_t)limit, unit));
    else
        snprintf(text, size, option->type == OPTION_INT ? "%.0f" : "%.15g", limit);
}

static int check_limits(
    const struct option *option, const char *text, double value, struct error *err)
{
    char min[TIME_TEXT_SIZE], max[TIME_TEXT_SIZE];

    if ((option->min == 0 && option->max == 0) || (value >= option->min && value <= option->max))
        return 0;
    format_limit(option, option->min, min, sizeof(min));
    format_limit(option, option->max, max, sizeof(max));
    return error_set(err, ERROR_INVALID, "%s is out of range; allowed: %s to %s", text, min, max);
}

int option_parse_item(const struct option *option, const char *text, const char **ret_text,
    struct arena *arena, struct error *err)
{
    if (*text == '\0' && !(option->flags & OPTION_NULLABLE))
        return error_set(err, ERROR_INVALID, "must not be empty");
    if (option->check && option->check(text, err))
        return -1;
    *ret_text = arena_strdup(arena, text);
    return 0;
}

static int parse_text(const struct option *option, const char *text, const char **ret_text,
    struct arena *arena, struct error *err)
{
    if (option->max > 0 && strlen(text) > (size_t)option->max)
        return error_set(err, ERROR_INVALID, "is longer than %.0f byte%s", option->max,
            option->max > 1 ? "s" : "");
    return option_parse_item(option, text, ret_text, arena, err);
}

int option_parse(const struct option *option, const char *text, void *field, struct arena *arena,
    struct error *err)
{
    struct duration duration;
    uint64_t bytes;
    int64_t integer;
    double number;

    switch (option->type) {
    case OPTION_BOOL:
        return parse_bool(text, field, err);
    case OPTION_INT:
        if (parse_int(text, &integer, err) || check_limits(option, text, (double)integer, err))
            return -1;
        *(int64_t *)field = integer;
        return 0;
    case OPTION_NUMBER:
        if (parse_number(text, &number, err) || check_limits(option, text, number, err))
            return -1;
        *(double *)field = number;
        return 0;
    case OPTION_TEXT:
        return parse_text(option, text, field, arena, err);
    case OPTION_ENUM:
        return parse_enum(option, text, field, err);
    case OPTION_DURATION:
        if (duration_parse(text, &duration, err) ||
            check_limits(option, text, (double)duration_ms(&duration), err))
            return -1;
        *(struct duration *)field = duration;
        return 0;
    case OPTION_SIZE:
        if (size_parse(text, &bytes, err) || check_limits(option, text, (double)bytes, err))
            return -1;
        *(uint64_t *)field = bytes;
        return 0;
    case OPTION_TIME:
        return time_parse(text, field, err);
    default:
        assert(!"not a scalar option");
        return -1;
    }
}

void option_set_presets(const struct option_set *set, void *object, struct arena *arena)
{
    memset(object, 0, set->size);
    for (size_t i = 0; i < set->count; i++) {
        const struct option *option = &set->options[i];
        void *field = (char *)object + option->offset;
        struct error err;

        if (option->type == OPTION_OBJECT)
            option_set_presets(option->fields, field, arena);
        else if (option->preset && option_parse(option, option->preset, field, arena, &err))
            assert(!"the preset of an option is not valid");
    }
}

const struct option *option_find(const struct option_set *set, const char *name)
{
    for (size_t i = 0; i < set->count; i++) {
        if (strcmp(set->options[i].name, name) == 0)
            return &set->options[i];
    }
    return NULL;
}

const char *option_nearest(const struct option_set *set, const char *name)
{
    const char *names[CHOICES_MAX + 1];
    size_t count = 0;

    for (size_t i = 0; i < set->count && count < CHOICES_MAX; i++) {
        if (!(set->options[i].flags & OPTION_HIDDEN))
            names[count++] = set->options[i].name;
    }
    names[count] = NULL;
    return text_nearest(name, names);
}

void option_describe_value(const struct option *option, struct buffer *buffer)
{
    static const char *const names[] = {
        [OPTION_BOOL] = "true | false",
        [OPTION_INT] = "number",
        [OPTION_NUMBER] = "number",
        [OPTION_TEXT] = "text",
        [OPTION_DURATION] = "duration",
        [OPTION_SIZE] = "size",
        [OPTION_TIME] = "time",
        [OPTION_TEXTS] = "list of texts",
        [OPTION_PAIRS] = "name: text",
        [OPTION_TEXTS_BY_NAME] = "name: list of texts",
        [OPTION_OBJECT] = "map",
        [OPTION_OBJECTS] = "name: map",
        [OPTION_LIST] = "list",
    };

    if (option->type == OPTION_ENUM) {
        for (size_t i = 0; option->choices[i]; i++)
            buffer_printf(buffer, "%s%s", i ? " | " : "", option->choices[i]);
    } else {
        buffer_puts(buffer, option->value_name ? option->value_name : names[option->type]);
    }
}
