#include "config/interpolate.h"

#include "config/pipeline.h"
#include "config/zone.h"
#include "runner/base/buffer.h"
#include "runner/base/mem.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum {
    NAME_MAX_BYTES = 255,
    FORMAT_MAX_BYTES = 255,
    FORMATTED_SIZE = FORMAT_MAX_BYTES * 8, /* "%s" gives 12 bytes for two, the most of all */
    RESULT_BYTES_MAX = 1024 * 1024
};

struct reader {
    const char *text;
    const struct interpolate_scope *scope;
    struct arena *arena;
    struct interpolated result;
    struct buffer out;
    bool escape;    /* what comes out is read again */
    const char *at; /* what an error is about */
    struct error *err;
};

static const struct {
    const char *name;
    unsigned use;
} spaces[] = {{"params", INTERPOLATE_PARAMS}, {"env", INTERPOLATE_ENV}, {"vars", INTERPOLATE_VARS},
    {"run", INTERPOLATE_RUN_ID | INTERPOLATE_RUN_DUE}, {"secret", INTERPOLATE_SECRET}};

/* --- moments --- */

static const char *default_format(int64_t local_ms)
{
    return local_ms % MS_PER_SECOND ? "%FT%T.%L" : "%FT%T";
}

static int check_year(int64_t time_ms, struct error *err)
{
    static const int64_t first = -62135596800000, last = 253402300799999; /* years 1 … 9999 */

    if (time_ms < first || time_ms > last)
        return error_set(err, ERROR_INVALID, "gives a date outside the years 1 to 9999");
    return 0;
}

int interpolate_time(int64_t time_ms, const struct zone *zone, const char *format,
    struct arena *arena, const char **ret_text, struct error *err)
{
    char text[FORMATTED_SIZE];
    int64_t local_ms;

    if (check_year(time_ms, err))
        return -1;
    /* By the format's length, not the text's: months differ, and a format that passes a check must
     * hold on every day of the year. */
    if (format && strlen(format) > FORMAT_MAX_BYTES)
        return error_set(
            err, ERROR_LIMIT, "the format of a date is over %d bytes long", FORMAT_MAX_BYTES);
    /* Without a format it is the instant itself, in UTC; with one it is the calendar's date. */
    local_ms = format ? zone_to_local(zone, time_ms) : time_ms;
    if (check_year(local_ms, err) ||
        time_format(local_ms, format ? format : default_format(local_ms), text, sizeof(text), err))
        return -1;
    *ret_text = arena_printf(arena, "%s%s", text, format ? "" : "Z");
    return 0;
}

/* Reads " - 1d" in front of ":format"; *at moves behind it. */
static int read_distance(const char **at, struct duration *ret_distance, int *ret_sign,
    struct arena *arena, struct error *err)
{
    const char *c = *at + strspn(*at, " ");
    const char *text;
    size_t length;

    *ret_sign = 0;
    if (*c == '\0' || *c == ':') {
        *at = c;
        return 0;
    }
    if (*c != '+' && *c != '-')
        return error_set(err, ERROR_INVALID,
            "\"%s\" is not understood; write a distance as in ${run.due - 1d}, a format as in "
            "${run.due:%%Y-%%m-%%d}",
            c);
    *ret_sign = *c == '+' ? 1 : -1;
    c += 1 + strspn(c + 1, " ");
    length = strcspn(c, " :");
    text = arena_strndup(arena, c, length);
    if (duration_parse(text, ret_distance, err))
        return -1;
    c += length;
    c += strspn(c, " ");
    if (*c && *c != ':')
        return error_set(err, ERROR_INVALID, "\"%s\" behind the distance is not understood", c);
    *at = c;
    return 0;
}

/* The distance and format of a date reference, applied; `known` false: only checked. */
static int apply_date(struct reader *reader, const char *rest, bool known, int64_t time_ms,
    bool date_only, const struct zone *zone, const char **ret_text)
{
    struct duration distance = {0};
    const char *format = NULL;
    int sign;

    if (read_distance(&rest, &distance, &sign, reader->arena, reader->err))
        return -1;
    if (*rest == ':')
        format = rest + 1;
    if (format && *format == '\0')
        return error_set(reader->err, ERROR_INVALID, "the format behind \":\" is empty");
    if (!known) /* any moment tells whether the format is right */
        return interpolate_time(
            0, NULL, format ? format : "%F", reader->arena, ret_text, reader->err);
    if (sign) {
        /* Days and months are the calendar's: 06:30 stays 06:30 when the clocks change. */
        int64_t local_ms = zone_to_local(zone, time_ms);
        int64_t last_ms;

        if (check_year(local_ms, reader->err) || distance.months > 120000 ||
            distance.ms > 4000000000000000 / 10)
            return error_set(reader->err, ERROR_INVALID, "the distance is too long");
        local_ms = duration_add(&distance, local_ms, sign);
        if (check_year(local_ms, reader->err))
            return -1;
        if (distance.months == 0 && distance.ms % MS_PER_DAY != 0)
            time_ms += sign * distance.ms;
        else
            zone_from_local(zone, local_ms, &time_ms, &last_ms);
    }
    if (date_only && !format)
        format = "%F";
    return interpolate_time(time_ms, zone, format, reader->arena, ret_text, reader->err);
}

static bool is_utf8(const char *text)
{
    size_t left = strlen(text), step;

    for (; left > 0; text += step, left -= step) {
        step = text_utf8_length(text, left);
        if (step == 0)
            return false;
    }
    return true;
}

/* --- the names --- each sets *ret_text, NULL where the value is not known yet */

static int no_extra(struct reader *reader, const char *rest)
{
    if (*rest == '\0')
        return 0;
    return error_set(reader->err, ERROR_INVALID,
        "\"%s\" is not understood here; only dates take a distance or a format", rest);
}

static int resolve_param(
    struct reader *reader, const char *name, const char *rest, const char **ret_text)
{
    const struct option_items *params = reader->scope->params;
    const struct param *all = params ? params->items : NULL;
    const struct param *param = NULL;
    const char **names;
    int64_t time_ms = 0;

    for (size_t i = 0; params && i < params->count; i++) {
        if (strcmp(all[i].item.name, name) == 0)
            param = &all[i];
    }
    if (!param) {
        const char *nearest;

        names = mem_calloc((params ? params->count : 0) + 1, sizeof(*names));
        for (size_t i = 0; params && i < params->count; i++)
            names[i] = all[i].item.name;
        nearest = text_nearest(name, names);
        free(names);
        if (!nearest)
            return error_set(reader->err, ERROR_INVALID,
                "there is no parameter \"%s\"; declare it under params:", name);
        return error_set(reader->err, ERROR_INVALID,
            "there is no parameter \"%s\"; did you mean \"%s\"?", name, nearest);
    }
    if (param->type != PARAM_DATE && param->type != PARAM_TIMESTAMP) {
        *ret_text = param->value;
        return no_extra(reader, rest);
    }
    if (*rest == '\0') {
        *ret_text = param->value;
        return 0;
    }
    if (param->value && time_parse(param->value, &time_ms, reader->err))
        return -1;
    if (apply_date(
            reader, rest, param->value != NULL, time_ms, param->type == PARAM_DATE, NULL, ret_text))
        return -1;
    if (!param->value)
        *ret_text = NULL;
    return 0;
}

static const char *variable(const struct interpolate_scope *scope, const char *name)
{
    const struct interpolate_environment *environment = scope->environment;
    const char *value = getenv(name);

    for (size_t i = 0; environment && environment->given && i < environment->given->count; i++) {
        if (strcmp(environment->given->items[i].name, name) == 0)
            value = environment->given->items[i].value;
    }
    if (environment && environment->used)
        environment->used(environment->data, name, value);
    return value;
}

static int resolve_env(
    struct reader *reader, const char *name, const char *rest, const char **ret_text)
{
    const char *value = variable(reader->scope, name);

    if (*rest && !text_starts(rest, ":-"))
        return error_set(reader->err, ERROR_INVALID,
            "\"%s\" is not understood; a default is written ${env.%s:-default}", rest, name);
    if (value && *value == '\0' && *rest)
        value = NULL; /* as in a shell: ":-" also stands in for an empty variable */
    if (!value && *rest)
        value = rest + 2;
    if (!value && !reader->scope->keep_unset)
        return error_set(reader->err, ERROR_INVALID,
            "the environment variable %s is not set; set it, or give a default: "
            "${env.%s:-default}",
            name, name);
    if (value && !is_utf8(value))
        return error_set(
            reader->err, ERROR_INVALID, "the environment variable %s is not UTF-8", name);
    if (!value && !reader->result.unset)
        reader->result.unset = name;
    *ret_text = value;
    return 0;
}

static int resolve_var(
    struct reader *reader, const char *name, const char *rest, const char **ret_text)
{
    const struct option_pairs *vars = reader->scope->vars;
    const char **names;
    const char *nearest;

    if (no_extra(reader, rest))
        return -1;
    *ret_text = NULL;
    if (!vars)
        return 0;
    names = mem_calloc(vars->count + 1, sizeof(*names));
    for (size_t i = 0; i < vars->count; i++) {
        names[i] = vars->items[i].name;
        if (strcmp(names[i], name) == 0)
            *ret_text = vars->items[i].value;
    }
    nearest = text_nearest(name, names);
    free(names);
    if (*ret_text)
        return 0;
    if (nearest)
        return error_set(reader->err, ERROR_INVALID,
            "the environment has no vars.%s; did you mean \"%s\"?", name, nearest);
    return error_set(reader->err, ERROR_INVALID,
        "the environment has no vars.%s; add it under vars: in sluice.yaml", name);
}

static int resolve_run(
    struct reader *reader, const char *name, const char *rest, const char **ret_text)
{
    const struct interpolate_scope *scope = reader->scope;

    if (strcmp(name, "id") == 0) {
        reader->result.uses |= INTERPOLATE_RUN_ID;
        *ret_text = scope->run_id;
        return no_extra(reader, rest);
    }
    if (strcmp(name, "due") != 0)
        return error_set(
            reader->err, ERROR_INVALID, "there is no run.%s; there are run.id and run.due", name);
    reader->result.uses |= INTERPOLATE_RUN_DUE;
    if (apply_date(reader, rest, scope->due_known, scope->due_ms, false, scope->zone, ret_text))
        return -1;
    if (!scope->due_known)
        *ret_text = NULL;
    return 0;
}

static int resolve_secret(
    struct reader *reader, const char *name, const char *rest, const char **ret_text)
{
    if (no_extra(reader, rest))
        return -1;
    if (!reader->result.secret)
        reader->result.secret = name;
    *ret_text = NULL;
    return 0;
}

/* --- one reference --- */

static int unknown_space(struct reader *reader, const char *space)
{
    static const char *const names[] = {"params", "env", "vars", "run", "secret", NULL};
    const char *nearest = text_nearest(space, names);

    if (nearest)
        return error_set(reader->err, ERROR_INVALID, "${%s…} is not known; did you mean ${%s.…}?",
            space, nearest);
    return error_set(reader->err, ERROR_INVALID,
        "${%s…} is not known; there are ${params.…}, ${env.…}, ${vars.…}, ${run.id}, ${run.due} "
        "and ${secret.…}; a plain \"${\" is written \"$${\"",
        space);
}

static int resolve(struct reader *reader, const char *space, unsigned use, const char *name,
    const char *rest, const char **ret_text)
{
    if (!(reader->scope->allowed & use))
        return error_set(
            reader->err, ERROR_INVALID, "${%s.%s} means nothing in this place", space, name);
    if (use == INTERPOLATE_PARAMS)
        reader->result.uses |= use;
    switch (use) {
    case INTERPOLATE_PARAMS:
        return resolve_param(reader, name, rest, ret_text);
    case INTERPOLATE_ENV:
        reader->result.uses |= use;
        return resolve_env(reader, name, rest, ret_text);
    case INTERPOLATE_VARS:
        reader->result.uses |= use;
        return resolve_var(reader, name, rest, ret_text);
    case INTERPOLATE_SECRET:
        reader->result.uses |= use;
        return resolve_secret(reader, name, rest, ret_text);
    default:
        return resolve_run(reader, name, rest, ret_text);
    }
}

/* "a-b" may name a secret or a variable; behind a date a minus begins a distance. */
static size_t name_length(const char *name, unsigned use)
{
    const char *more = use & (INTERPOLATE_VARS | INTERPOLATE_SECRET) ? "-/." : "";
    size_t length = 0;

    while (isalnum((unsigned char)name[length]) || name[length] == '_' ||
           (name[length] && strchr(more, name[length])))
        length++;
    return length;
}

/* `inside` is what stands between the braces. */
static int read_reference(struct reader *reader, const char *inside, const char **ret_text)
{
    const char *from = inside + strspn(inside, " ");
    const size_t space_length = strcspn(from, ".:}- +");
    const char *space = arena_strndup(reader->arena, from, MIN(space_length, NAME_MAX_BYTES));
    const char *name = from + space_length + (from[space_length] == '.');
    size_t length = 0;
    char *own_name;

    if (*from == '\0')
        return error_set(reader->err, ERROR_INVALID,
            "${} is empty; name a value, as in ${params.day}; a plain \"${\" is written \"$${\"");
    for (size_t i = 0; i < ARRAY_LENGTH(spaces); i++) {
        if (strcmp(spaces[i].name, space) != 0)
            continue;
        length = from[space_length] == '.' ? name_length(name, spaces[i].use) : 0;
        if (length == 0)
            return error_set(
                reader->err, ERROR_INVALID, "${%s} lacks a name: ${%s.NAME}", inside, space);
        if (length > NAME_MAX_BYTES)
            return error_set(
                reader->err, ERROR_INVALID, "a name in ${…} is over %d bytes long", NAME_MAX_BYTES);
        own_name = arena_strndup(reader->arena, name, length);
        name += length;
        if (name[strspn(name, " ")] == '\0') /* "${ run.id }" */
            name = "";
        return resolve(reader, space, spaces[i].use, own_name, name, ret_text);
    }
    return unknown_space(reader, space);
}

/* --- the text ---
 *
 * Before a "{", each "$$" is a plain "$"; one "$" that is left begins a reference. */

/* In a result that is read again, plain dollars before a "{" or a reference are written twice. */
static void double_dollars(struct reader *reader)
{
    const struct buffer *out = &reader->out;
    size_t count = 0;

    while (count < out->length && out->data[out->length - 1 - count] == '$')
        count++;
    for (size_t i = 0; reader->escape && i < count; i++)
        buffer_putc(&reader->out, '$');
}

static void put_plain(struct reader *reader, const char *text, size_t length)
{
    const char *end = text + length, *brace;

    while (reader->escape && (brace = memchr(text, '{', (size_t)(end - text))) != NULL) {
        buffer_append(&reader->out, text, (size_t)(brace - text));
        double_dollars(reader);
        buffer_putc(&reader->out, '{');
        text = brace + 1;
    }
    buffer_append(&reader->out, text, (size_t)(end - text));
}

/* The reference at "${"; returns what is behind it, NULL on an error. */
static const char *put_reference(struct reader *reader, const char *dollar)
{
    const char *end = strchr(dollar, '}');
    const char *value = NULL;

    reader->at = dollar;
    if (!end) {
        error_set(reader->err, ERROR_INVALID,
            "\"${\" is never closed with \"}\"; a plain \"${\" is written \"$${\"");
        return NULL;
    }
    if (read_reference(
            reader, arena_strndup(reader->arena, dollar + 2, (size_t)(end - dollar) - 2), &value))
        return NULL;
    if (value) {
        put_plain(reader, value, strlen(value));
    } else {
        double_dollars(reader);
        buffer_append(&reader->out, dollar, (size_t)(end - dollar) + 1);
        reader->result.uses |= INTERPOLATE_PARTIAL;
    }
    return end + 1;
}

static int run(struct reader *reader)
{
    const char *at = reader->text, *dollar;

    while ((dollar = strstr(at, "${")) != NULL) {
        size_t dollars = 1;

        while (dollar - at >= (ptrdiff_t)dollars && dollar[-(ptrdiff_t)dollars] == '$')
            dollars++;
        /* Half of them are plain: those in front of the run's middle. */
        put_plain(reader, at, (size_t)(dollar - at) + 1 - dollars + dollars / 2);
        if (dollars % 2 == 0) {
            put_plain(reader, "{", 1);
            at = dollar + 2;
        } else {
            at = put_reference(reader, dollar);
            if (!at)
                return -1;
        }
    }
    put_plain(reader, at, strlen(at));
    if (reader->out.overflowed)
        return error_set(
            reader->err, ERROR_LIMIT, "gives a text over %d KiB", RESULT_BYTES_MAX / 1024);
    return 0;
}

int interpolate(const char *text, const struct interpolate_scope *scope, struct arena *arena,
    struct interpolated *ret_result, size_t *ret_offset, struct error *err)
{
    struct reader reader = {.text = text, .scope = scope, .arena = arena, .at = text, .err = err};
    int rc;

    buffer_init(&reader.out, RESULT_BYTES_MAX);
    rc = run(&reader);
    if (rc == 0 && (reader.result.uses & INTERPOLATE_PARTIAL)) {
        buffer_clear(&reader.out);
        reader.escape = true;
        rc = run(&reader);
    }
    if (rc == 0) {
        reader.result.text = arena_strndup(arena, reader.out.data, reader.out.length);
        *ret_result = reader.result;
    } else if (ret_offset) {
        *ret_offset = (size_t)(reader.at - text);
    }
    buffer_deinit(&reader.out);
    return rc;
}
