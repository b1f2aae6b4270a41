#include "runner/cli/record_masks.h"

#include <string.h>
#include <strings.h>

static int refuse(const char *what, const char *why, struct error *err)
{
    return error_set(err, ERROR_NOT_SUPPORTED,
        "--record: %s, and values of columns under `mask` would be in the recording: %s", what,
        why);
}
#define refuse(...) error_returned(refuse(__VA_ARGS__))

static bool lists(const struct text_list *names, const char *name)
{
    for (size_t i = 0; i < names->count; i++) {
        if (strcasecmp(names->items[i], name) == 0)
            return true;
    }
    return false;
}

static bool is_text(const struct extract *extract, const char *column)
{
    for (size_t i = 0; i < extract->columns.count; i++) {
        const struct option_pair *pair = &extract->columns.items[i];

        if (strcasecmp(pair->name, column) == 0)
            return strcasecmp(pair->value, "varchar") == 0 ||
                   strcasecmp(pair->value, "text") == 0 || strcasecmp(pair->value, "string") == 0;
    }
    return false;
}

/* Where digits and "sha256:" would be taken for what ends a cell. */
static bool is_in_digest(const char *delimiter)
{
    return delimiter && strpbrk(delimiter, "sha256:0134789bcdef") != NULL;
}

static int check_extract(
    const struct extract *extract, enum file_format format, struct arena *arena, struct error *err)
{
    const char *what = arena_printf(arena, "extract.%s reads", extract->item.name);
    const int compression = extract->compression == COMPRESSION_AUTO
                                ? (int)dialect_compression_of(extract->from)
                                : extract->compression;

    if (extract->from_table)
        return refuse(arena_printf(arena, "%s a table", what), "record without the table", err);
    if (format != FORMAT_CSV && format != FORMAT_NDJSON)
        return refuse(arena_printf(arena, "%s %s", what, dialect_format_name(format)),
            "only those of csv and ndjson can be replaced", err);
    if (compression != COMPRESSION_NONE)
        return refuse(arena_printf(arena, "%s compressed files", what),
            "only those of plain files can be replaced", err);
    if (extract->csv.encoding && strcasecmp(extract->csv.encoding, "utf-8") != 0)
        return refuse(arena_printf(arena, "%s files in %s", what, extract->csv.encoding),
            "only those of UTF-8 can be replaced", err);
    if (is_in_digest(extract->csv.delimiter))
        return refuse(arena_printf(arena, "%s cells between \"%s\"", what, extract->csv.delimiter),
            "what replaces them has such bytes", err);
    if (extract->cursor.column && lists(&extract->mask, extract->cursor.column))
        return refuse(
            arena_printf(arena, "%s by a cursor that is masked", what), "use another column", err);
    for (size_t i = 0; i < extract->mask.count; i++) {
        if (!is_text(extract, extract->mask.items[i]))
            return refuse(arena_printf(arena, "extract.%s does not say that \"%s\" is a text",
                              extract->item.name, extract->mask.items[i]),
                arena_printf(arena, "write `columns: {\"%s\": varchar}`; only texts are replaced",
                    extract->mask.items[i]),
                err);
    }
    return 0;
}

static int check_load(
    const struct load *load, const struct text_list *mask, struct arena *arena, struct error *err)
{
    const bool looks =
        load->into &&
        (load->key.count > 0 || (load->mode != MODE_APPEND && load->mode != MODE_OVERWRITE &&
                                    load->mode != MODE_OVERWRITE_PARTITIONS));

    if (looks)
        return refuse(
            arena_printf(arena, "load.%s looks up rows that %s has", load->item.name, load->into),
            "record a load that only appends or overwrites", err);
    for (size_t i = 0; i < load->partition_count; i++) {
        if (load->partitions[i].column && lists(mask, load->partitions[i].column))
            return refuse(arena_printf(arena, "load.%s is partitioned by %s", load->item.name,
                              load->partitions[i].column),
                "use another column", err);
    }
    return 0;
}

static const char *key_of(const char *from)
{
    if (strncmp(from, "file:", 5) != 0)
        return from;
    return from + (strncmp(from, "file:///", 8) == 0 ? 7 : 5);
}

static struct mask mask_of(
    const struct extract *extract, enum file_format format, struct arena *arena)
{
    const char **names = arena_array(arena, extract->columns.count, sizeof(*names));

    for (size_t i = 0; i < extract->columns.count; i++)
        names[i] = extract->columns.items[i].name;
    return (struct mask){.from = key_of(extract->from),
        .what = arena_printf(arena, "extract.%s", extract->item.name),
        .format = format,
        .csv = extract->csv,
        .columns = extract->mask,
        .names = {.items = names, .count = extract->columns.count}};
}

int record_masks(const struct pipeline *pipeline, struct arena *arena, struct mask **ret_masks,
    size_t *ret_count, struct error *err)
{
    const struct extract *extracts = pipeline->extracts.items;
    const struct load *loads = pipeline->loads.items;
    struct mask *masks = arena_array(arena, pipeline->extracts.count, sizeof(*masks));
    size_t count = 0;

    for (size_t i = 0; i < pipeline->extracts.count; i++) {
        const struct extract *extract = &extracts[i];
        const enum file_format format = extract->format == FORMAT_AUTO
                                            ? dialect_format_of(extract->from)
                                            : (enum file_format)extract->format;

        if (extract->mask.count == 0)
            continue;
        if (check_extract(extract, format, arena, err))
            return -1;
        for (size_t j = 0; j < pipeline->loads.count; j++) {
            if (check_load(&loads[j], &extract->mask, arena, err))
                return -1;
        }
        masks[count++] = mask_of(extract, format, arena);
    }
    for (size_t i = 0; i < pipeline->extracts.count && count > 0; i++) {
        if (extracts[i].only_new.on_changed == ON_CHANGED_REPLACE)
            return refuse(arena_printf(arena, "extract.%s looks up the rows that it replaces",
                              extracts[i].item.name),
                "record without on_changed: replace", err);
        if (extracts[i].from_table)
            return refuse(arena_printf(arena, "extract.%s reads a table", extracts[i].item.name),
                "record without the table", err);
    }
    *ret_masks = masks;
    *ret_count = count;
    return 0;
}
