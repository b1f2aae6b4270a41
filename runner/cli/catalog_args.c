#include "runner/cli/catalog_args.h"

#include "config/pipeline.h"
#include "runner/base/column_type.h"
#include "runner/base/json.h"
#include "runner/base/mem.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

/* --- names --- */

static int bad_locator(const char *text, enum catalog_depth deepest, struct error *err)
{
    static const char *const forms[] = {[CATALOG_ARG_NAMESPACE] = "NAMESPACE",
        [CATALOG_ARG_TABLE] = "NAMESPACE.TABLE",
        [CATALOG_ARG_VERSION] = "NAMESPACE.TABLE or NAMESPACE.TABLE@VERSION"};

    return error_set(
        err, ERROR_INVALID, "\"%s\" is no %s, each of a-z, 0-9 and _", text, forms[deepest]);
}

/* "@2" → 2 */
static int read_version(const char *text, int64_t *ret_version)
{
    char *end;
    long long version;

    errno = 0;
    version = strtoll(text, &end, 10);
    if (*text < '1' || *text > '9' || *end || errno)
        return -1;
    *ret_version = version;
    return 0;
}

int catalog_args_locator(const char *text, enum catalog_depth least, enum catalog_depth deepest,
    struct arena *arena, struct catalog_locator *ret_at, struct error *err)
{
    const char *dot = strchr(text, '.');
    const char *sign = strchr(text, '@');
    const size_t length = sign ? (size_t)(sign - text) : strlen(text);
    struct catalog_locator at = {0};

    if ((least > CATALOG_ARG_NAMESPACE && !dot) || (deepest == CATALOG_ARG_NAMESPACE && dot) ||
        (sign && (deepest != CATALOG_ARG_VERSION || !dot || read_version(sign + 1, &at.version))))
        return bad_locator(text, deepest, err);
    at.namespace = arena_strndup(arena, text, dot ? (size_t)(dot - text) : length);
    if (dot)
        at.table = arena_strndup(arena, dot + 1, length - (size_t)(dot + 1 - text));
    if (!text_is_name(at.namespace, "_") || (at.table && !text_is_name(at.table, "_")))
        return bad_locator(text, deepest, err);
    *ret_at = at;
    return 0;
}

/* --- partition values --- */

static int read_array(
    const char *text, struct arena *arena, struct catalog_locator *at, struct error *err)
{
    json_t *list = json_parse(text, strlen(text), err);
    const char **values;
    int result = 0;

    if (!list)
        return error_set(err, ERROR_INVALID,
            "--partition %s: begins like a JSON array and is none; a text that begins so is "
            "written in one: '[\"[a\"]'",
            text);
    values = arena_array(arena, json_array_size(list), sizeof(*values));
    for (size_t i = 0; i < json_array_size(list) && !result; i++) {
        const json_t *value = json_array_get(list, i);

        if (json_is_null(value))
            continue;
        if (json_is_string(value) && strlen(json_string_value(value)) == json_string_length(value))
            values[i] = arena_strdup(arena, json_string_value(value));
        else
            result = error_set(err, ERROR_INVALID,
                "--partition %s: value %zu is neither a text nor null", text, i + 1);
    }
    at->values = values;
    at->value_count = json_array_size(list);
    json_decref(list);
    return result;
}

int catalog_args_values(const struct text_list *texts, struct arena *arena,
    struct catalog_locator *at, struct error *err)
{
    if (texts->count == 1 && texts->items[0][0] == '[')
        return read_array(texts->items[0], arena, at, err);
    at->values = texts->count ? (const char *const *)texts->items : NULL;
    at->value_count = texts->count;
    return 0;
}

/* --- columns --- */

static bool ends_in(const char *text, size_t length, const char *word)
{
    const size_t end = strlen(word);

    return length > end && strncasecmp(text + length - end, word, end) == 0;
}

/* The end of a name in double quotes, in which two of them are one; NULL: it has none. */
static const char *read_quoted(const char *text, struct arena *arena, const char **ret_name)
{
    char *name = arena_strdup(arena, text + 1), *to = name;

    for (const char *at = text + 1; *at; at++) {
        if (*at == '"' && *++at != '"') {
            *to = '\0';
            *ret_name = name;
            return at;
        }
        *to++ = *at;
    }
    return NULL;
}

static int read_column(
    const char *text, struct arena *arena, struct catalog_column *ret_column, struct error *err)
{
    static const char required[] = " not null";
    const char *name = NULL;
    const char *end = *text == '"' ? read_quoted(text, arena, &name) : strchr(text, ' ');
    const char *type = end ? end + strspn(end, " ") : "";
    size_t length = strlen(type);

    if (end && !name)
        name = arena_strndup(arena, text, (size_t)(end - text));
    if (!end || !*type || *end != ' ' || !*name)
        return error_set(err, ERROR_INVALID,
            "\"%s\": write NAME TYPE, as in \"id BIGINT\" or '\"flight date\" DATE NOT NULL'",
            text);
    *ret_column =
        (struct catalog_column){.name = name, .required = ends_in(type, length, required)};
    if (ret_column->required)
        length -= strlen(required);
    ret_column->type = arena_strndup(arena, type, length);
    return 0;
}

int catalog_args_columns(const struct text_list *texts, struct arena *arena,
    struct catalog_column **ret_columns, struct error *err)
{
    struct catalog_column *columns = arena_array(arena, texts->count, sizeof(*columns));

    for (size_t i = 0; i < texts->count; i++) {
        if (read_column(texts->items[i], arena, &columns[i], err))
            return -1;
    }
    *ret_columns = columns;
    return 0;
}

/* --- partitioning --- */

/* As runs would refuse it, which know the types of rows. A column that is not there is refused by
 * the catalog. */
static int check_partition(const struct partition_field *field, const struct column_type *type,
    const char *name, struct error *err)
{
    const bool stamp = type->kind == COLUMN_TIMESTAMP || type->kind == COLUMN_TIMESTAMP_NS ||
                       type->kind == COLUMN_TIMESTAMPTZ;
    const bool number = type->kind == COLUMN_FLOAT || type->kind == COLUMN_DOUBLE;
    const bool nested = type->kind >= COLUMN_LIST;

    switch (field->transform) {
    case PARTITION_YEAR:
    case PARTITION_MONTH:
    case PARTITION_DAY:
        if (stamp || type->kind == COLUMN_DATE)
            return 0;
        return error_set(
            err, ERROR_INVALID, "is for dates and timestamps, and %s is %s", field->column, name);
    case PARTITION_HOUR:
        if (stamp)
            return 0;
        return error_set(
            err, ERROR_INVALID, "is for timestamps, and %s is %s", field->column, name);
    case PARTITION_BUCKET:
    case PARTITION_TRUNCATE:
        if (!number && !nested && type->kind != COLUMN_BOOLEAN &&
            (field->transform == PARTITION_BUCKET ||
                !(stamp || type->kind == COLUMN_DATE || type->kind == COLUMN_TIME ||
                    type->kind == COLUMN_UUID)))
            return 0;
        return error_set(err, ERROR_INVALID, "takes no %s, which %s is", name, field->column);
    default:
        return 0;
    }
}

int catalog_args_partitioning(const struct text_list *texts, const struct catalog_column *columns,
    size_t count, struct arena *arena, const char *const **ret_fields, struct error *err)
{
    const char **fields = arena_array(arena, texts->count, sizeof(*fields));

    for (size_t i = 0; i < texts->count; i++) {
        struct partition_field field;

        if (pipeline_parse_partition(texts->items[i], arena, &field, err))
            return error_prefix(err, "\"%s\"", texts->items[i]);
        for (size_t c = 0; c < count; c++) {
            const struct column_type *type;

            if (strcasecmp(columns[c].name, field.column) == 0 &&
                (column_type_parse(columns[c].type, arena, &type, err) ||
                    check_partition(&field, type, columns[c].type, err)))
                return error_prefix(err, "\"%s\"", texts->items[i]);
        }
        fields[i] = field.text;
    }
    *ret_fields = fields;
    return 0;
}

/* --- properties --- */

const char *catalog_args_properties(const struct option_pairs *pairs, struct arena *arena)
{
    json_t *object;
    const char *text;
    char *line;

    if (pairs->count == 0)
        return NULL;
    object = json_object();
    for (size_t i = 0; i < pairs->count; i++)
        json_put_text(object, pairs->items[i].name, pairs->items[i].value);
    line = json_line(object);
    text = arena_strdup(arena, line);
    free(line);
    json_decref(object);
    return text;
}

/* --- manifests --- */

static int read_content(const char *text, enum catalog_content *ret_content)
{
    if (!text || strcmp(text, catalog_content_name(CATALOG_ROWS)) == 0)
        *ret_content = CATALOG_ROWS;
    else if (strcmp(text, catalog_content_name(CATALOG_DELETES)) == 0)
        *ret_content = CATALOG_DELETES;
    else
        return -1;
    return 0;
}

static const char *keep_text(const json_t *object, const char *key, struct arena *arena)
{
    const char *text = json_get_text(object, key);

    return text ? arena_strdup(arena, text) : NULL;
}

static int read_file(const json_t *entry, const char *what, size_t number, struct arena *arena,
    struct catalog_file *ret_file, struct error *err)
{
    const json_t *stats = json_object_get(entry, "stats");
    const char *format = keep_text(entry, "format", arena);
    const int64_t bytes = json_get_int(entry, "bytes", -1);
    char *line;

    *ret_file = (struct catalog_file){.key = keep_text(entry, "key", arena),
        .format = format ? format : "parquet",
        .rows = json_get_int(entry, "rows", -1),
        .bytes = (uint64_t)bytes,
        .schema_id = json_get_int(entry, "schema_id", 0),
        .checksum = keep_text(entry, "checksum", arena),
        .bucket = 1 + json_get_int(entry, "bucket", -1)};
    if (!ret_file->key || ret_file->rows < 0 || bytes < 0 ||
        read_content(json_get_text(entry, "content"), &ret_file->content))
        return error_set(err, ERROR_INVALID,
            "%s: file %zu: needs key, rows and bytes, and content is data or deletes", what,
            number);
    if (json_is_object(stats)) {
        line = json_line(stats);
        ret_file->stats = arena_strdup(arena, line);
        free(line);
    }
    return 0;
}

int catalog_args_manifest(const char *json, size_t length, const char *what, struct arena *arena,
    struct catalog_file **ret_files, size_t *ret_count, struct error *err)
{
    json_t *parsed = json_parse(json, length, err);
    const json_t *list = json_is_object(parsed) ? json_object_get(parsed, "files") : parsed;
    struct catalog_file *files = NULL;
    int result = 0;

    if (!parsed)
        return error_set(err, ERROR_INVALID, "%s: %.*s", what, 300, err ? err->message : "no JSON");
    if (!json_is_array(list))
        result = error_set(err, ERROR_INVALID, "%s: holds no array of files", what);
    else
        files = arena_array(arena, json_array_size(list), sizeof(*files));
    for (size_t i = 0; !result && i < json_array_size(list); i++)
        result = read_file(json_array_get(list, i), what, i + 1, arena, &files[i], err);
    if (!result) {
        *ret_files = files;
        *ret_count = json_array_size(list);
    }
    json_decref(parsed);
    return result;
}
