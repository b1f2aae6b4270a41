#include "runner/engine/file_stats.h"

#include "runner/base/json.h"
#include "runner/base/text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* --- bounds --- */

/* How many bytes of `text` are whole characters and FILE_STATS_TEXT_MAX at most. */
static size_t cut_length(const char *text)
{
    const size_t length = strlen(text);
    size_t kept = 0;

    while (kept < length) {
        const size_t next = text_utf8_length(text + kept, length - kept);

        if (next == 0 || kept + next > FILE_STATS_TEXT_MAX)
            break;
        kept += next;
    }
    return kept;
}

/* Texts are ordered by their bytes: a cut one is smaller than all that begin with it. Raising its
 * last ASCII character makes it greater; characters beyond could become invalid and are dropped. */
static char *raised(char *text, size_t length)
{
    while (length > 0) {
        const unsigned char last = (unsigned char)text[length - 1];

        text[length--] = '\0';
        if (last < 0x7E) {
            text[length] = (char)(last + 1);
            return text;
        }
        text[length] = '\0';
    }
    return NULL;
}

static bool is_text(const char *type)
{
    return strcmp(type, "VARCHAR") == 0 || strcmp(type, "JSON") == 0 || text_starts(type, "ENUM");
}

static const char *lower_bound(const char *type, const char *min, struct arena *arena)
{
    if (!min || strlen(min) <= FILE_STATS_TEXT_MAX)
        return min;
    return is_text(type) ? arena_strndup(arena, min, cut_length(min)) : NULL;
}

static const char *upper_bound(const char *type, const char *max, struct arena *arena)
{
    size_t length;

    if (!max || strlen(max) <= FILE_STATS_TEXT_MAX)
        return max;
    length = cut_length(max);
    return is_text(type) ? raised(arena_strndup(arena, max, length), length) : NULL;
}

/* --- writing --- */

static bool lists(const struct text_list *list, const char *name)
{
    for (size_t i = 0; i < list->count; i++) {
        if (strcasecmp(list->items[i], name) == 0)
            return true;
    }
    return false;
}

static json_t *column_json(
    const struct sql_column *column, const struct sql_stats *stats, struct arena *arena)
{
    const char *min = lower_bound(column->type, stats->min, arena);
    const char *max = upper_bound(column->type, stats->max, arena);
    json_t *item = json_object();

    if (min)
        json_put_text(item, "min", min);
    if (max)
        json_put_text(item, "max", max);
    if (stats->nulls >= 0)
        json_put_int(item, "nulls", stats->nulls);
    return item;
}

const char *file_stats_text(
    const struct sql_file *file, const struct text_list *wanted, struct arena *arena)
{
    json_t *all = json_object();
    const char *result = NULL;
    char *text;

    for (size_t i = 0; file->stats && file->schema && i < file->schema->count; i++) {
        const struct sql_column *column = &file->schema->columns[i];
        json_t *item;
        char id[24];

        if (column->field_id == 0 || (i >= FILE_STATS_COLUMNS && !lists(wanted, column->name)))
            continue;
        item = column_json(column, &file->stats[i], arena);
        snprintf(id, sizeof(id), "%" PRId64, column->field_id);
        if (json_object_size(item) > 0)
            json_object_set_new(all, id, item);
        else
            json_decref(item);
    }
    if (json_object_size(all) > 0) {
        text = json_dumps(all, JSON_COMPACT);
        result = text ? arena_strdup(arena, text) : NULL;
        free(text);
    }
    json_decref(all);
    return result;
}
