#include "runner/cli/log_filter.h"

#include "runner/base/mem.h"
#include "runner/base/text.h"
#include "runner/base/time.h"

#include <stdio.h>
#include <string.h>

/* --- files --- */

bool log_filter_hour(const char *name, int64_t *ret_ms)
{
    char text[sizeof("2026-11-21T06:00Z")];
    unsigned year, month, day, hour;
    int end = 0;

    if (sscanf(name, "%4u-%2u-%2uT%2u.ndjson%n", &year, &month, &day, &hour, &end) != 4 ||
        end != (int)strlen(name) || end != (int)strlen("2026-11-21T06.ndjson"))
        return false;
    snprintf(text, sizeof(text), "%.13s:00Z", name);
    return time_parse(text, ret_ms, NULL) == 0;
}

bool log_filter_file(const struct log_filter *filter, const char *name)
{
    int64_t hour_ms;

    if (!log_filter_hour(name, &hour_ms))
        return false;
    return (filter->since_ms == 0 || hour_ms + MS_PER_HOUR > filter->since_ms) &&
           (filter->until_ms == 0 || hour_ms < filter->until_ms);
}

/* --- lines --- */

static bool holds(const char *line, size_t length, const char *text)
{
    return !text || memmem(line, length, text, strlen(text));
}

static bool is_text(const json_t *value, const char *key, const char *wanted)
{
    return !wanted || text_equal(json_get_text(value, key), wanted);
}

static bool starts_with(const json_t *value, const char *key, const char *wanted)
{
    const char *text = json_get_text(value, key);

    return !wanted || (text && text_starts(text, wanted));
}

static bool is_level(const json_t *value, enum log_level wanted)
{
    const char *text = json_get_text(value, "level");
    const int level = text ? log_level_parse(text) : -1;

    return level < 0 || level >= (int)wanted;
}

static bool is_in_time(const json_t *value, const struct log_filter *filter)
{
    const char *text = json_get_text(value, "ts");
    int64_t time_ms;

    if (!text || time_parse(text, &time_ms, NULL))
        return true;
    return time_ms >= filter->since_ms && (filter->until_ms == 0 || time_ms < filter->until_ms);
}

static json_t *parse_object(const char *line, size_t length)
{
    json_t *value = length > 0 && *line == '{' ? json_parse(line, length, NULL) : NULL;

    if (json_is_object(value))
        return value;
    json_decref(value);
    return NULL;
}

bool log_filter_line(
    const struct log_filter *filter, const char *line, size_t length, json_t **ret_value)
{
    json_t *value;

    *ret_value = NULL;
    /* Before the line is parsed, because most are not wanted. */
    if (length == 0 || !holds(line, length, filter->pipeline) ||
        !holds(line, length, filter->run_id) || !holds(line, length, filter->task) ||
        !holds(line, length, filter->grep))
        return false;
    value = parse_object(line, length);
    if (!value)
        return true;
    if (!is_text(value, "pipeline", filter->pipeline) || !is_text(value, "task", filter->task) ||
        !starts_with(value, "run_id", filter->run_id) || !is_level(value, filter->level) ||
        !is_in_time(value, filter)) {
        json_decref(value);
        return false;
    }
    *ret_value = value;
    return true;
}

/* --- for people --- */

static bool is_own_key(const char *key)
{
    static const char *const shown[] = {
        "ts", "level", "event", "msg", "pipeline", "instance", "run_id", "task", "attempt", "_aws"};

    for (size_t i = 0; i < ARRAY_LENGTH(shown); i++) {
        if (strcmp(shown[i], key) == 0)
            return false;
    }
    return true;
}

static void append_value(struct buffer *out, const json_t *value)
{
    const char *text = json_string_value(value);
    struct buffer whole;

    buffer_init(&whole, 0);
    if (text && *text && !strpbrk(text, " =\""))
        buffer_puts(&whole, text);
    else
        json_append(&whole, value);
    text_append_printable(out, whole.data);
    buffer_deinit(&whole);
}

static void append_keys(struct buffer *out, const json_t *object, bool color)
{
    const char *message = json_get_text(object, "msg");
    const char *key;
    json_t *value;

    buffer_puts(out, color ? "\033[2m" : "");
    json_object_foreach((json_t *)object, key, value)
    {
        const char *text = json_string_value(value);

        if (!is_own_key(key) || (text && message && strstr(message, text)))
            continue;
        buffer_puts(out, "  ");
        text_append_printable(out, key);
        buffer_putc(out, '=');
        append_value(out, value);
    }
    buffer_puts(out, color ? "\033[0m" : "");
}

static const char *level_style(const char *level)
{
    return text_equal(level, "error")                                 ? "\033[31m"
           : text_equal(level, "warn")                                ? "\033[33m"
           : text_equal(level, "debug") || text_equal(level, "trace") ? "\033[2m"
                                                                      : "";
}

static void append_name(struct buffer *out, const json_t *value, const char *key)
{
    const char *text = json_get_text(value, key);

    if (!text)
        return;
    text_append_printable(out, text);
    buffer_putc(out, ' ');
}

static void show_object(struct buffer *out, const json_t *value, bool color)
{
    const char *ts = json_get_text(value, "ts"), *level = json_get_text(value, "level");
    const char *message = json_get_text(value, "msg");
    const char *style = color ? level_style(level) : "";

    buffer_puts(out, color ? "\033[2m" : "");
    text_append_printable(out, ts ? ts : "-");
    buffer_printf(out, "%s %s", color ? "\033[0m" : "", style);
    buffer_printf(out, "%-5.16s", level ? level : "-");
    buffer_printf(out, "%s %s", *style ? "\033[0m" : "", color ? "\033[36m" : "");
    append_name(out, value, "pipeline");
    append_name(out, value, "task");
    buffer_printf(out, "%s%s", color ? "\033[0m" : "", style);
    text_append_printable(out, message ? message : "");
    buffer_puts(out, *style ? "\033[0m" : "");
    append_keys(out, value, color);
}

void log_filter_show(
    struct buffer *out, const char *line, size_t length, const json_t *value, bool color)
{
    struct buffer text;

    if (value) {
        show_object(out, value, color);
    } else {
        buffer_init(&text, 0);
        text_append_valid(&text, line, length);
        text_append_printable(out, text.data);
        buffer_deinit(&text);
    }
    buffer_putc(out, '\n');
}
