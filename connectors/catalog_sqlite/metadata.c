#include "connectors/catalog_sqlite/metadata.h"

#include "runner/base/column_type.h"
#include "runner/base/json.h"
#include "runner/base/mem.h"
#include "runner/base/text.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* --- texts --- */

int metadata_check_text(const char *what, const char *text, struct error *err)
{
    size_t left = text ? strlen(text) : 0;

    while (left > 0) {
        const size_t length = text_utf8_length(text, left);

        if (length == 0)
            return error_set(err, ERROR_INVALID, "%s: it is not valid UTF-8", what);
        text += length;
        left -= length;
    }
    return 0;
}

int metadata_check_name(const char *what, const char *name, struct error *err)
{
    if (name && text_is_name(name, "_"))
        return 0;
    return error_set(err, ERROR_INVALID,
        "%s \"%s\": a name consists of a-z, 0-9 and _, and does not begin with _", what,
        name ? name : "");
}

static int check_members(const char *what, json_t *object, struct error *err)
{
    const char *key;
    json_t *value;

    json_object_foreach(object, key, value) if (!json_is_string(value)) return error_set(
        err, ERROR_INVALID, "%s: \"%.100s\" is no text; write it in quotes", what, key);
    return 0;
}

int metadata_check_object(const char *what, const char *json, bool texts, struct error *err)
{
    const size_t length = json ? strlen(json) : 0;
    json_t *object;
    int result = 0;

    if (!json || strcmp(json, "{}") == 0) /* nearly all are */
        return 0;
    if (length > CATALOG_PROPERTIES_MAX)
        return error_set(err, ERROR_INVALID, "%s: %zu bytes of JSON are over the limit of %d", what,
            length, CATALOG_PROPERTIES_MAX);
    object = json_parse(json, length, err);
    if (!object)
        return error_set(err, ERROR_INVALID, "%s: %s", what, err ? err->message : "");
    if (!json_is_object(object))
        result = error_set(err, ERROR_INVALID, "%s: %.60s is no JSON object", what, json);
    else if (texts)
        result = check_members(what, object, err);
    json_decref(object);
    return result;
}

/* --- types --- */

int metadata_check_type(const char *what, const char *text, struct error *err)
{
    const struct column_type *type;
    struct arena arena;
    int result;

    arena_init(&arena);
    result = column_type_parse(text, &arena, &type, err);
    arena_deinit(&arena);
    return result ? error_prefix(err, "%s", what) : 0;
}

const char *metadata_normal_type(const char *text, struct arena *arena)
{
    const struct column_type *type;
    struct buffer normal;
    const char *copy;

    if (column_type_parse(text, arena, &type, NULL))
        return text;
    buffer_init(&normal, 0);
    column_type_append(&normal, type);
    copy = arena_strdup(arena, normal.data);
    buffer_deinit(&normal);
    return copy;
}

static bool compare_types(const char *a, const char *b,
    bool (*compare)(const struct column_type *, const struct column_type *))
{
    const struct column_type *first, *second;
    struct arena arena;
    bool result;

    if (strcmp(a, b) == 0) /* also what the first catalogs took and is no type by now */
        return true;
    arena_init(&arena);
    result = column_type_parse(a, &arena, &first, NULL) == 0 &&
             column_type_parse(b, &arena, &second, NULL) == 0 && compare(first, second);
    arena_deinit(&arena);
    return result;
}

bool metadata_same_type(const char *a, const char *b)
{
    return compare_types(a, b, column_type_equal);
}

bool metadata_widens(const char *from, const char *to)
{
    return compare_types(from, to, column_type_widens);
}

static bool names_partitions_alike(const struct column_type *from, const struct column_type *to)
{
    return from->kind == COLUMN_NULL ||
           (from->kind >= COLUMN_TINYINT && from->kind <= COLUMN_UBIGINT &&
               to->kind >= COLUMN_TINYINT && to->kind <= COLUMN_UBIGINT);
}

bool metadata_names_partitions_alike(const char *from, const char *to)
{
    return metadata_same_type(from, to) || compare_types(from, to, names_partitions_alike);
}

/* --- columns --- */

int metadata_find_column(const struct catalog_column *columns, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcasecmp(columns[i].name, name) == 0)
            return (int)i;
    return -1;
}

static int check_column(const struct catalog_column *column, struct error *err)
{
    char what[160];

    if (!column->name || !column->name[0])
        return error_set(err, ERROR_INVALID, "a column needs a name");
    snprintf(what, sizeof(what), "column \"%.100s\"", column->name);
    if (!column->type || !column->type[0])
        return error_set(err, ERROR_INVALID, "%s: it needs a type", what);
    if (column->field_id < 0)
        return error_set(err, ERROR_INVALID, "%s: a field id is 1 or more", what);
    if (metadata_check_text(what, column->name, err) ||
        metadata_check_text(what, column->comment, err))
        return -1;
    return metadata_check_text(what, column->type, err);
}

int metadata_check_columns(const struct catalog_column *columns, size_t count, struct error *err)
{
    for (size_t i = 0; i < count; i++) {
        if (check_column(&columns[i], err))
            return -1;
        if (metadata_find_column(columns, i, columns[i].name) >= 0)
            return error_set(err, ERROR_INVALID,
                "two columns are named \"%.100s\"; give one of them another name", columns[i].name);
        for (size_t j = 0; columns[i].field_id && j < i; j++)
            if (columns[j].field_id == columns[i].field_id)
                return error_set(err, ERROR_INVALID,
                    "columns \"%.100s\" and \"%.100s\" have the same field id", columns[j].name,
                    columns[i].name);
    }
    return 0;
}

/* --- what partitions and sorting speak of --- */

/* "c" of: c, "c", 16, c and 16, "c". */
static char *column_in(char *text)
{
    size_t digits;
    char *end, *write;

    text += strspn(text, " ");
    digits = strspn(text, "0123456789");
    end = text + digits + strspn(text + digits, " ");
    if (digits > 0 && *end == ',')
        text = end + 1 + strspn(end + 1, " ");
    end = text + strlen(text);
    while (end > text && end[-1] == ' ')
        *--end = '\0';
    if (text[0] != '"' || end - text < 2 || end[-1] != '"')
        return text;
    end[-1] = '\0';
    write = ++text;
    for (const char *read = text; *read; read++) {
        if (read[0] == '"' && read[1] == '"')
            read++;
        *write++ = *read;
    }
    *write = '\0';
    return text;
}

int metadata_find_partition_column(
    const struct catalog_column *columns, size_t count, const char *field)
{
    int found = metadata_find_column(columns, count, field);
    char *own = mem_strdup(field), *open = own[0] == '"' ? NULL : strchr(own, '(');
    const size_t length = strlen(own);

    if (found < 0 && open && own[length - 1] == ')') {
        own[length - 1] = '\0';
        found = metadata_find_column(columns, count, column_in(open + 1));
    } else if (found < 0) {
        found = metadata_find_column(columns, count, column_in(own));
    }
    free(own);
    return found;
}

int metadata_find_sort_column(const struct catalog_column *columns, size_t count, const char *entry)
{
    static const char *const directions[] = {" desc", " asc"};
    const size_t length = strlen(entry);
    int found = metadata_find_column(columns, count, entry);

    for (size_t i = 0; found < 0 && i < ARRAY_LENGTH(directions); i++) {
        const size_t end = strlen(directions[i]);
        char *own;

        if (length <= end || strcasecmp(entry + length - end, directions[i]) != 0)
            continue;
        own = mem_strndup(entry, length - end);
        found = metadata_find_column(columns, count, own);
        free(own);
    }
    return found;
}

/* --- files --- */

/* A relative key stays below the store's root: no empty, "." or ".." between its slashes. */
static bool is_safe_key(const char *key)
{
    if (key[0] == '/' || strstr(key, "://"))
        return true;
    for (const char *at = key; at; at = strchr(at, '/') ? strchr(at, '/') + 1 : NULL) {
        const size_t length = strcspn(at, "/");

        if (length == 0 || (length <= 2 && strspn(at, ".") >= length))
            return false;
    }
    return true;
}

int metadata_check_file(const struct catalog_file *file, int64_t schema_id, struct error *err)
{
    if (!file->key || !file->key[0] || !file->format || !file->format[0])
        return error_set(err, ERROR_INVALID, "it lacks a key or a format");
    if (!is_safe_key(file->key))
        return error_set(err, ERROR_INVALID, "its key leaves the store's folder");
    if (file->rows < 0 || file->bytes > INT64_MAX || file->bucket < 0)
        return error_set(err, ERROR_INVALID, "its counts are out of range");
    if (file->schema_id < 0 || file->schema_id > schema_id)
        return error_set(err, ERROR_INVALID, "there is no schema %lld; the newest one is %lld",
            (long long)file->schema_id, (long long)schema_id);
    if (file->checksum && !strchr(file->checksum, ':'))
        return error_set(
            err, ERROR_INVALID, "its checksum does not say of what kind it is, as crc32c:0a1b2c3d");
    if (metadata_check_text("its key", file->key, err) ||
        metadata_check_text("its format", file->format, err) ||
        metadata_check_text("its checksum", file->checksum, err))
        return -1;
    return metadata_check_object("its statistics", file->stats, false, err);
}
