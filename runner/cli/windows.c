#include "runner/cli/windows.h"

#include "runner/base/mem.h"

#include <string.h>

static bool is_date(const char *text)
{
    struct error ignored;
    int64_t day_ms;

    return time_parse_date(text, &day_ms, &ignored) == 0;
}

/* A date is midnight of the zone; a time is one, in UTC where it has no offset. As local time. */
static int parse_end(const char *flag, const char *text, const struct zone *zone,
    int64_t *ret_local_ms, struct error *err)
{
    int64_t time_ms;

    if (time_parse(text, &time_ms, err))
        return error_prefix(err, "--%s", flag);
    *ret_local_ms = is_date(text) ? time_ms : zone_to_local(zone, time_ms);
    return 0;
}

static bool is_calendar(const struct duration *step)
{
    return step->ms % MS_PER_DAY == 0;
}

static int check_param(const struct param *param, const struct duration *step, struct error *err)
{
    if (param->type != PARAM_DATE && param->type != PARAM_TIMESTAMP && param->type != PARAM_TEXT)
        return error_set(err, ERROR_INVALID,
            "--param %s: its type is %s; a window's start is a date, a timestamp or a text",
            param->item.name, param_type_names[param->type]);
    if (param->type == PARAM_DATE && !is_calendar(step))
        return error_set(err, ERROR_INVALID,
            "--step: %s is a date, which knows whole days only; make it a timestamp, or step by "
            "days",
            param->item.name);
    return 0;
}

/* "2001-01-01"; of a timestamp, and of a text by hours, "2001-01-01T05:00:00.000Z". */
static const char *window_text(const struct param *param, const struct duration *step,
    int64_t local_ms, int64_t due_ms, struct arena *arena)
{
    const bool date = param->type == PARAM_DATE || (param->type == PARAM_TEXT && is_calendar(step));
    char text[TIME_TEXT_SIZE];

    return arena_strdup(
        arena, date ? time_format_date(local_ms, text) : time_format_rfc3339(due_ms, text));
}

/* The start of window `index` as local time, or, without a calendar, of the first one. */
static int64_t start_of(int64_t from_ms, const struct duration *step, size_t index)
{
    const struct duration distance = {
        .months = step->months * (int32_t)index, .ms = step->ms * (int64_t)index};

    return duration_add(&distance, from_ms, 1);
}

static int64_t to_instant(const struct zone *zone, int64_t local_ms)
{
    int64_t first_ms, last_ms;

    zone_from_local(zone, local_ms, &first_ms, &last_ms);
    return first_ms;
}

int windows_make(const struct windows_options *options, struct arena *arena,
    struct windows *ret_windows, struct error *err)
{
    const struct zone *zone = options->zone;
    struct windows windows = {0};
    struct duration step;
    size_t capacity = 0;
    int64_t from_ms, to_ms;

    if (duration_parse(options->step, &step, err))
        return error_prefix(err, "--step");
    if (step.months <= 0 && step.ms <= 0)
        return error_set(
            err, ERROR_INVALID, "--step: %s is no step; use 1d, 1h, 1mo, 1w", options->step);
    if (check_param(options->param, &step, err) ||
        parse_end("from", options->from, zone, &from_ms, err) ||
        parse_end("to", options->to, zone, &to_ms, err))
        return -1;
    if (to_ms < from_ms)
        return error_set(
            err, ERROR_INVALID, "--to: %s is before --from %s", options->to, options->from);
    if (!is_calendar(&step) && is_date(options->to)) /* the whole day */
        to_ms += MS_PER_DAY - 1;
    if (!is_calendar(&step)) {
        from_ms = to_instant(zone, from_ms);
        to_ms = to_instant(zone, to_ms);
    }
    for (size_t i = 0;; i++) {
        const int64_t start_ms = start_of(from_ms, &step, i);
        const int64_t due_ms = is_calendar(&step) ? to_instant(zone, start_ms) : start_ms;

        if (start_ms > to_ms)
            break;
        if (i == WINDOWS_MAX) {
            free(windows.items);
            return error_set(err, ERROR_LIMIT,
                "these are more than %d windows; use a longer --step, or begin with a part",
                WINDOWS_MAX);
        }
        windows.items = mem_grow(windows.items, &capacity, windows.count, sizeof(*windows.items));
        windows.items[windows.count++] = (struct window){
            .due_ms = due_ms, .text = window_text(options->param, &step, start_ms, due_ms, arena)};
    }
    ret_windows->count = windows.count;
    ret_windows->items = arena_array(arena, windows.count, sizeof(*windows.items));
    if (windows.count > 0)
        memcpy(ret_windows->items, windows.items, windows.count * sizeof(*windows.items));
    free(windows.items);
    return 0;
}
