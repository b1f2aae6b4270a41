#include "runner/engine/table_version.h"

#include "runner/base/buffer.h"
#include "runner/base/time.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* --- the position --- */

static bool is_number(const char *text)
{
    return *text && strspn(text, "0123456789") == strlen(text);
}

int table_version_parse_at(const char *text, struct table_read *read, struct error *err)
{
    struct error no_time;

    if (is_number(text)) {
        read->at_position = strtoll(text, NULL, 10);
        if (read->at_position <= 0 || strlen(text) > 18)
            return error_set(err, ERROR_INVALID,
                "%s is no position: they begin at 1 and have at most 18 digits", text);
    } else if (time_parse(text, &read->at_ms, &no_time)) {
        read->at_tag = text;
    } else if (read->at_ms <= 0) {
        return error_set(err, ERROR_INVALID, "%s is before there were tables", text);
    }
    return 0;
}

bool table_version_needs_tags(const struct catalog_version *version, const struct table_read *read)
{
    return read->at_tag || (read->at_position > 0 && read->at_position < version->first_position);
}

static int no_such_tag(const struct catalog_version *version, const char *asked,
    const struct catalog_tag *tags, size_t count, struct error *err)
{
    struct buffer names;

    buffer_init(&names, 0);
    for (size_t i = 0; i < count; i++)
        buffer_printf(&names, "%s%s", i ? ", " : "", tags[i].name);
    error_set(err, ERROR_INVALID,
        "\"%s\" is no position, no time (2026-11-01, 2026-11-01T06:00Z) and no tag of %s.%s, which "
        "has %s",
        asked, version->namespace, version->table, count ? names.data : "none");
    buffer_deinit(&names);
    return -1;
}

int table_version_find_tag(const struct catalog_version *version, const struct table_read *read,
    const struct catalog_tag *tags, size_t count, int64_t *ret_position, struct error *err)
{
    int64_t position = 0;

    for (size_t i = 0; i < count; i++) {
        if (read->at_tag ? strcmp(tags[i].name, read->at_tag) == 0
                         : tags[i].position == read->at_position)
            position = tags[i].position;
    }
    if (position == 0 && read->at_tag)
        return no_such_tag(version, read->at_tag, tags, count, err);
    *ret_position = position;
    return 0;
}

int table_version_check_time(const struct catalog_version *version, const struct table_read *read,
    int64_t position, struct error *err)
{
    char when[TIME_TEXT_SIZE];

    if (position > 0)
        return 0;
    return error_set(err, ERROR_INVALID,
        "nothing had been committed to %s.%s at %s; `sluice catalog history %s.%s` shows when "
        "something was",
        version->namespace, version->table, time_format_rfc3339(read->at_ms, when),
        version->namespace, version->table);
}

static int check_after(
    const struct catalog_version *version, const struct table_read *read, struct error *err)
{
    const int64_t after = read->after_position;

    if (after > version->last_position)
        return error_set(err, ERROR_INVALID,
            "%s.%s was read up to position %" PRId64 ", but its newest one is %" PRId64
            ": it is another table of that name",
            version->namespace, version->table, after, version->last_position);
    if (after > 0 && after < version->first_position)
        return error_set(err, ERROR_INVALID,
            "%s.%s was read up to position %" PRId64
            ", and what came next is expired: the first position that is kept is %" PRId64,
            version->namespace, version->table, after, version->first_position);
    return 0;
}

int table_version_choose(const struct catalog_version *version, const struct table_read *read,
    int64_t found, int64_t *ret_position, struct error *err)
{
    int64_t position = found;

    if (position == 0)
        position = read->at_position ? read->at_position : version->last_position;
    if (position > version->last_position)
        return error_set(err, ERROR_INVALID,
            "%s.%s has no position %" PRId64 " yet: its newest one is %" PRId64, version->namespace,
            version->table, position, version->last_position);
    /* What a tag says is kept. */
    if (position > 0 && position < version->first_position &&
        (found == 0 || !table_version_needs_tags(version, read)))
        return error_set(err, ERROR_INVALID,
            "position %" PRId64 " of %s.%s is expired: the first one that is kept is %" PRId64,
            position, version->namespace, version->table, version->first_position);
    if (read->changes && check_after(version, read, err))
        return -1;
    *ret_position = position;
    return 0;
}

/* --- a copy --- */

static const char *copy_text(struct arena *arena, const char *text)
{
    return text ? arena_strdup(arena, text) : NULL;
}

static const char *const *copy_texts(struct arena *arena, const char *const *texts, size_t count)
{
    const char **copy = arena_array(arena, count, sizeof(*copy));

    for (size_t i = 0; i < count; i++)
        copy[i] = copy_text(arena, texts[i]);
    return copy;
}

void table_version_copy(
    struct arena *arena, const struct catalog_version *from, struct catalog_version *to)
{
    *to = *from;
    to->namespace = copy_text(arena, from->namespace);
    to->table = copy_text(arena, from->table);
    to->description = copy_text(arena, from->description);
    to->properties = copy_text(arena, from->properties);
    to->stream_id = copy_text(arena, from->stream_id);
    to->partition_by = copy_texts(arena, from->partition_by, from->partition_count);
    to->sort_by = copy_texts(arena, from->sort_by, from->sort_count);
    to->merge.key = copy_texts(arena, from->merge.key, from->merge.key_count);
    to->merge.sequence_by = copy_text(arena, from->merge.sequence_by);
    to->columns = arena_array(arena, from->column_count, sizeof(*to->columns));
    for (size_t i = 0; i < from->column_count; i++) {
        to->columns[i] = from->columns[i];
        to->columns[i].name = copy_text(arena, from->columns[i].name);
        to->columns[i].type = copy_text(arena, from->columns[i].type);
        to->columns[i].comment = copy_text(arena, from->columns[i].comment);
    }
}
