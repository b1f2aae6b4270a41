#include "runner/engine/cursor.h"

#include "runner/base/buffer.h"
#include "runner/base/crc.h"
#include "runner/base/json.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

int cursor_read(const char *state, const struct cursor_options *options, struct arena *arena,
    struct cursor_value *ret_value, struct error *err)
{
    json_t *object = state ? json_parse(state, strlen(state), err) : NULL;
    struct cursor_value value = {.column = options->column};
    const char *column;
    int result = 0;

    if (state && !object)
        return error_prefix(err, "its cursor");
    column = json_get_text(object, "column");
    if (column && strcasecmp(column, options->column) != 0) {
        result = error_set(err, ERROR_INVALID,
            "rows were read by \"%s\" so far, and \"%s\" says nothing about those; forget them "
            "with `sluice cursors reset`, or go on where you choose with `sluice cursors set`",
            column, options->column);
    } else if (column) {
        const char *type = json_get_text(object, "type"), *text = json_get_text(object, "value"),
                   *listing = json_get_text(object, "listing");

        value.type = type ? arena_strdup(arena, type) : NULL;
        value.value = text ? arena_strdup(arena, text) : NULL;
        value.listing = listing ? arena_strdup(arena, listing) : NULL;
    }
    json_decref(object);
    if (!result)
        *ret_value = value;
    return result;
}

const char *cursor_write(const struct cursor_value *value, const char *run_id, struct arena *arena)
{
    json_t *object = json_object();
    char *text;
    const char *kept;

    json_put_text(object, "column", value->column);
    json_put_text(object, "type", value->type);
    json_put_text(object, "value", value->value);
    json_put_text(object, "listing", value->listing);
    json_put_text(object, "run_id", run_id);
    text = json_dumps(object, JSON_COMPACT);
    kept = arena_strdup(arena, text);
    free(text);
    json_decref(object);
    return kept;
}

const char *cursor_listing(const struct store_object *objects, size_t count, struct arena *arena)
{
    uint64_t sum = 0, bytes = 0;

    for (size_t i = 0; i < count; i++) {
        char size[32];
        const int length = snprintf(size, sizeof(size), "%" PRIu64, objects[i].size);

        sum = crc_update(CRC_64NVME, sum, objects[i].key, strlen(objects[i].key) + 1);
        sum = crc_update(CRC_64NVME, sum, objects[i].version, strlen(objects[i].version) + 1);
        sum = crc_update(CRC_64NVME, sum, size, (size_t)length + 1);
        bytes += objects[i].size;
    }
    return arena_printf(arena, "%zu-%" PRIu64 "-%016" PRIx64, count, bytes, sum);
}

/* DATE, TIMESTAMP, TIMESTAMP WITH TIME ZONE, TIMESTAMP_NS, … */
static bool is_time(const char *type)
{
    return strcmp(type, "DATE") == 0 || strncmp(type, "TIMESTAMP", 9) == 0;
}

int cursor_condition(const struct cursor_options *options, const struct cursor_value *after,
    const char *type, struct arena *arena, const char **ret_sql, struct error *err)
{
    const char *const from = after->value ? after->value : options->start;
    const struct duration *lag = &options->lag;
    const bool lags = after->value && (lag->ms > 0 || lag->months > 0);
    struct buffer sql;

    if ((lag->ms > 0 || lag->months > 0) && !is_time(type))
        return error_set(err, ERROR_INVALID,
            "lag is a time, but column \"%s\" is %s; leave it out, or choose a column of dates or "
            "timestamps",
            options->column, type);
    buffer_init(&sql, 0);
    if (!from) {
        buffer_puts(&sql, "true");
    } else {
        text_append_sql_name(&sql, options->column);
        buffer_puts(&sql, after->value && !lags ? " > " : " >= ");
        buffer_puts(&sql, "(cast(");
        text_append_sql_literal(&sql, from);
        buffer_printf(&sql, " as %s)", type);
        if (lags)
            buffer_printf(&sql,
                " - interval '%" PRId64 " months' - interval '%" PRId64 " milliseconds'",
                (int64_t)lag->months, (int64_t)lag->ms);
        buffer_putc(&sql, ')');
    }
    *ret_sql = arena_strdup(arena, sql.data);
    buffer_deinit(&sql);
    return 0;
}
