/* Parameters: from texts to values of their type. */
#include "config/pipeline_internal.h"
#include "config/zone.h"
#include "runner/base/buffer.h"
#include "runner/base/mem.h"

#include <stdio.h>
#include <string.h>

enum { PARAMS_SHOWN_BYTES_MAX = 200 };

/* Midnight of the due time's day in the pipeline's zone, `days` later, as local time. */
static int64_t due_day_ms(const struct pipeline_reader *reader, int days)
{
    const int64_t local_ms = zone_to_local(reader->zone, reader->scope->due_ms);
    struct civil civil = time_civil(local_ms);

    civil = (struct civil){.year = civil.year, .month = civil.month, .day = civil.day + days};
    return time_from_civil(&civil);
}

static int set_date(
    struct pipeline_reader *reader, struct param *param, const char *text, struct error *err)
{
    const bool today = strcmp(text, "today") == 0, yesterday = strcmp(text, "yesterday") == 0;
    struct arena *arena = &reader->pipeline->arena;
    int64_t time_ms, last_ms;

    if (today || yesterday) {
        if (!reader->scope->due_ms)
            return 0; /* known when it runs */
        time_ms = due_day_ms(reader, yesterday ? -1 : 0);
        if (param->type == PARAM_TIMESTAMP)
            zone_from_local(reader->zone, time_ms, &time_ms, &last_ms);
    } else if (param->type == PARAM_DATE) {
        if (time_parse_date(text, &time_ms, err))
            return -1;
    } else if (time_parse(text, &time_ms, err)) {
        return -1;
    }
    return interpolate_time(
        time_ms, NULL, param->type == PARAM_DATE ? "%F" : NULL, arena, &param->value, err);
}

static int set_value(
    struct pipeline_reader *reader, struct param *param, const char *text, struct error *err)
{
    static const enum option_type types[] = {[PARAM_TEXT] = OPTION_TEXT,
        [PARAM_INT] = OPTION_INT,
        [PARAM_NUMBER] = OPTION_NUMBER,
        [PARAM_BOOL] = OPTION_BOOL};
    struct arena *arena = &reader->pipeline->arena;
    struct option option = {"value", OPTION_TEXT, .flags = OPTION_NULLABLE};
    union {
        bool boolean;
        int64_t integer;
        double number;
        const char *text;
    } value;

    if (param->type == PARAM_DATE || param->type == PARAM_TIMESTAMP)
        return set_date(reader, param, text, err);
    option.type = types[param->type];
    if (option_parse(&option, text, &value, arena, err))
        return -1;
    if (param->type == PARAM_INT)
        param->value = arena_printf(arena, "%lld", (long long)value.integer);
    else
        param->value = arena_strdup(arena, text);
    return 0;
}

static void set_param(struct pipeline_reader *reader, struct param *param)
{
    const struct option_pairs *given = reader->scope->params;
    const unsigned uses = pipeline_uses(reader->pipeline, &param->preset);
    const char *text = NULL;
    struct error err;

    for (size_t i = 0; given && i < given->count; i++) {
        if (strcmp(given->items[i].name, param->item.name) == 0)
            text = given->items[i].value;
    }
    if (text) {
        if (set_value(reader, param, text, &err))
            diagnostics_error(reader->problems, reader->pipeline->path, (struct option_mark){0},
                "--param %s: %s", param->item.name, err.message);
    } else if (param->preset && !(uses & INTERPOLATE_PARTIAL)) {
        param->from_env = (uses & INTERPOLATE_ENV) != 0;
        if (set_value(reader, param, param->preset, &err))
            pipeline_fail(
                reader, &param->preset, "params.%s.default: %s", param->item.name, err.message);
    } else if (reader->scope->for_run) {
        pipeline_fail(reader, &param->item, "params.%s: %s --param %s=…", param->item.name,
            param->preset ? "its default cannot be known; give it with"
                          : "has no default; give it with",
            param->item.name);
    }
}

/* "since, until" */
static const char *declared(struct pipeline_reader *reader, const char *const *names)
{
    struct buffer list;
    const char *text;

    buffer_init(&list, PARAMS_SHOWN_BYTES_MAX);
    for (size_t i = 0; names[i]; i++)
        buffer_printf(&list, "%s%s", i ? ", " : "", names[i]);
    text = arena_strdup(&reader->pipeline->arena, list.length ? list.data : "none");
    buffer_deinit(&list);
    return text;
}

static void refuse_unknown(struct pipeline_reader *reader, const char *name)
{
    const struct option_items *params = &reader->pipeline->params;
    const struct param *all = params->items;
    const char **names = mem_calloc(params->count + 1, sizeof(*names));
    const char *nearest;
    bool known = false;

    for (size_t i = 0; i < params->count; i++) {
        names[i] = all[i].item.name;
        known = known || strcmp(names[i], name) == 0;
    }
    nearest = text_nearest(name, names);
    if (!known && nearest)
        diagnostics_error(reader->problems, reader->pipeline->path, (struct option_mark){0},
            "--param %s: there is no such parameter; did you mean \"%s\"?", name, nearest);
    else if (!known)
        diagnostics_error(reader->problems, reader->pipeline->path, (struct option_mark){0},
            "--param %s: there is no such parameter; the pipeline declares %s", name,
            declared(reader, names));
    free(names);
}

void pipeline_set_params(struct pipeline_reader *reader)
{
    struct param *params = reader->pipeline->params.items;
    const struct option_pairs *given = reader->scope->params;

    for (size_t i = 0; i < reader->pipeline->params.count; i++)
        set_param(reader, &params[i]);
    for (size_t i = 0; given && i < given->count; i++)
        refuse_unknown(reader, given->items[i].name);
}
