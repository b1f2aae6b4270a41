/* What single texts of a pipeline must look like. */
#include "config/cron.h"
#include "config/pipeline_internal.h"
#include "runner/base/mem.h"

#include <ctype.h>
#include <string.h>

int pipeline_check_name(const char *text, struct error *err)
{
    if (text_is_name(text, "_-"))
        return 0;
    return error_set(err, ERROR_INVALID,
        "\"%s\" is not a name; use a-z, 0-9, _ and -, with a letter or digit first", text);
}

int pipeline_check_param_name(const char *text, struct error *err)
{
    size_t length = 0;

    while (isalnum((unsigned char)text[length]) || text[length] == '_')
        length++;
    if (length > 0 && length <= 63 && text[length] == '\0' && !isdigit((unsigned char)text[0]))
        return 0;
    return error_set(err, ERROR_INVALID,
        "\"%s\" is not a parameter's name; use letters, 0-9 and _, with a letter first: SQL "
        "calls it $name",
        text);
}

int pipeline_check_into(const char *text, struct error *err)
{
    const char *dot = strchr(text, '.');
    char namespace[256];

    if (dot && (size_t)(dot - text) < sizeof(namespace)) {
        memcpy(namespace, text, (size_t)(dot - text));
        namespace[dot - text] = '\0';
        if (text_is_name(namespace, "_") && text_is_name(dot + 1, "_"))
            return 0;
    }
    return error_set(err, ERROR_INVALID,
        "\"%s\" is not a table; write namespace.table, each of a-z, 0-9 and _", text);
}

int pipeline_check_schedule(const char *text, struct error *err)
{
    struct cron cron;

    return cron_parse(text, &cron, err);
}

int pipeline_check_column_type(const char *text, struct error *err)
{
    int open = 0;

    for (const char *at = text; *at && open >= 0; at++)
        open += (*at == '(') - (*at == ')');
    if (isalpha((unsigned char)text[0]) && open == 0)
        return 0;
    return error_set(err, ERROR_INVALID,
        "\"%s\" is not a type; write an SQL type, as in bigint, date or \"decimal(10,2)\"", text);
}

/* --- CSV --- */

int pipeline_check_delimiter(const char *text, struct error *err)
{
    if (text[0] == '\\')
        return error_set(err, ERROR_INVALID,
            "\"%s\" begins with a backslash; a tab is \"\\t\" in double quotes", text);
    if (strpbrk(text, "\r\n"))
        return error_set(err, ERROR_INVALID, "cannot be a line end");
    return 0;
}

int pipeline_check_quote(const char *text, struct error *err)
{
    if (text[0] == '\0' || (isprint((unsigned char)text[0]) && text[1] == '\0'))
        return 0;
    return error_set(err, ERROR_INVALID, "\"%s\" is not one ASCII character", text);
}

int pipeline_check_date_format(const char *text, struct error *err)
{
    for (const char *at = strchr(text, '%'); at; at = strchr(at + 2, '%')) {
        /* The letters of the SQL engine's strptime, which also takes "%-d". */
        const char *letter = at + 1 + (at[1] == '-');

        if (*letter == '\0' || !strchr("aAbBcdfgGHIjmMnpSuUVwWxXyYzZ%", *letter))
            return error_set(err, ERROR_INVALID,
                "\"%s\": %%%c is not a date part; use %%Y %%m %%d %%H %%M %%S %%b %%y", text,
                *letter ? *letter : ' ');
        at = letter - 1;
    }
    if (strchr(text, '%'))
        return 0;
    return error_set(err, ERROR_INVALID,
        "\"%s\" has no date part; write it as strptime has it, as in \"%%d.%%m.%%Y\"", text);
}

int pipeline_check_encoding(const char *text, struct error *err)
{
    static const char *const names[] = {"utf-8", "latin-1", "utf-16", NULL};
    const char *nearest;

    for (size_t i = 0; names[i]; i++) {
        if (strcmp(names[i], text) == 0)
            return 0;
    }
    nearest = text_nearest(text, names);
    if (nearest)
        return error_set(
            err, ERROR_INVALID, "\"%s\" is not an encoding; did you mean \"%s\"?", text, nearest);
    return error_set(err, ERROR_INVALID,
        "\"%s\" is not an encoding; choose one of: utf-8, latin-1, utf-16", text);
}

int pipeline_check_decimal(const char *text, struct error *err)
{
    if (strcmp(text, ".") == 0 || strcmp(text, ",") == 0)
        return 0;
    return error_set(
        err, ERROR_INVALID, "\"%s\" is not a decimal separator; it is \".\" or \",\"", text);
}

/* --- tables --- */

const char *pipeline_catalog_table(const char *from)
{
    static const char scheme[] = "catalog://";

    return strncmp(from, scheme, sizeof(scheme) - 1) == 0 ? from + sizeof(scheme) - 1 : NULL;
}

int pipeline_parse_share(const char *text, double *ret_share, int64_t *ret_rows, struct error *err)
{
    const size_t digits = strspn(text, "0123456789");
    const bool point = digits > 0 && text[digits] == '.';
    const size_t more = point ? strspn(text + digits + 1, "0123456789") : 0;
    const bool percent = strcmp(text + digits + point + more, "%") == 0 && (!point || more > 0);
    const double number = strtod(text, NULL);

    if (digits == 0 || (!percent && text[digits] != '\0'))
        return error_set(err, ERROR_INVALID,
            "\"%s\" is neither a number of rows nor a share; write 1000 or 5%%", text);
    if (number > (percent ? 100 : 9e15))
        return error_set(err, ERROR_INVALID, "\"%s\" is more than %s", text,
            percent ? "all rows: 100%" : "9000000000000000 rows");
    *ret_share = percent ? number / 100 : -1;
    *ret_rows = percent ? -1 : (int64_t)number;
    return 0;
}

int pipeline_check_share(const char *text, struct error *err)
{
    double share;
    int64_t rows;

    return pipeline_parse_share(text, &share, &rows, err);
}

int pipeline_parse_percent(const char *text, double *ret_share, struct error *err)
{
    double share;
    int64_t rows;

    if (pipeline_parse_share(text, &share, &rows, err))
        return -1;
    if (share < 0)
        return error_set(err, ERROR_INVALID, "\"%s\" is not a share; write 5%%", text);
    *ret_share = share;
    return 0;
}

int pipeline_check_percent(const char *text, struct error *err)
{
    double share;

    return pipeline_parse_percent(text, &share, err);
}

/* A count can more than double. */
int pipeline_check_change(const char *text, struct error *err)
{
    double share;

    if (strlen(text) > 3 && text[strspn(text, "0123456789")] == '%')
        return 0;
    return pipeline_parse_percent(text, &share, err);
}

/* --- what is tried again, what is told --- */

int pipeline_check_error_code(const char *text, struct error *err)
{
    static const enum error_code codes[] = {ERROR_NOT_FOUND, ERROR_DENIED, ERROR_CHANGED,
        ERROR_DATA, ERROR_SQL, ERROR_IO, ERROR_NO_SPACE, ERROR_LIMIT, ERROR_CHECK};
    const char *names[ARRAY_LENGTH(codes) + 1] = {NULL};
    const char *nearest;

    for (size_t i = 0; i < ARRAY_LENGTH(codes); i++) {
        names[i] = error_code_name(codes[i]);
        if (strcmp(names[i], text) == 0)
            return 0;
    }
    nearest = text_nearest(text, names);
    return error_set(err, ERROR_INVALID,
        "\"%s\" is no failure to try again; %s%s%sthere are: not_found, denied, changed, data, "
        "sql, "
        "io, no_space, limit, check",
        text, nearest ? "did you mean \"" : "", nearest ? nearest : "", nearest ? "\"? " : "");
}

int pipeline_check_http_url(const char *text, struct error *err)
{
    if (strncmp(text, "https://", 8) == 0 || strncmp(text, "http://", 7) == 0)
        return 0;
    return error_set(err, ERROR_INVALID, "is no URL to post to; it begins with https://");
}

/* --- partitions --- */

static bool is_plain(const char *column)
{
    for (const char *at = column; *at; at++) {
        if (!isalnum((unsigned char)*at) && *at != '_')
            return false;
    }
    return true;
}

/* A column, in double quotes (doubled within) or not; `text` is its own copy. */
static int unquote_column(char *text, const char **ret_column, struct error *err)
{
    char *write = text;
    const size_t length = strlen(text);

    if (text[0] != '"') {
        if (text[0] == '\0')
            return error_set(err, ERROR_INVALID, "names no column");
        if (strpbrk(text, "\"(),"))
            return error_set(err, ERROR_INVALID,
                "\"%s\" is not a column; put one with other characters in double quotes", text);
        *ret_column = text;
        return 0;
    }
    if (length < 3 || text[length - 1] != '"')
        return error_set(err, ERROR_INVALID, "the quoted column %s does not end", text);
    text[length - 1] = '\0';
    for (char *read = text + 1; *read; read++) {
        if (*read == '"' && *++read != '"')
            return error_set(
                err, ERROR_INVALID, "a double quote within a quoted column is written twice");
        *write++ = *read;
    }
    *write = '\0';
    *ret_column = text;
    return 0;
}

static char *trim(char *text)
{
    size_t length;

    text += strspn(text, " \t");
    length = strlen(text);
    while (length > 0 && (text[length - 1] == ' ' || text[length - 1] == '\t'))
        text[--length] = '\0';
    return text;
}

static int parse_width(char **args, struct partition_field *field, struct error *err)
{
    const char *name = partition_transform_names[field->transform];
    char *end;

    field->width = strtol(*args, &end, 10);
    if (end == *args || *trim(end) != ',')
        return error_set(
            err, ERROR_INVALID, "%s takes a number and a column: \"%s(16, column)\"", name, name);
    if (field->width < 1 || field->width > 1000000)
        return error_set(err, ERROR_INVALID, "the number of %s must lie in 1 to 1000000", name);
    *args = trim(trim(end) + 1);
    return 0;
}

static void set_text(struct arena *arena, struct partition_field *field)
{
    const char *name = partition_transform_names[field->transform];
    struct buffer text;

    buffer_init(&text, 0);
    if (field->transform != PARTITION_IDENTITY)
        buffer_printf(&text, "%s(", name);
    if (field->width)
        buffer_printf(&text, "%lld, ", (long long)field->width);
    if (is_plain(field->column))
        buffer_puts(&text, field->column);
    else
        text_append_sql_name(&text, field->column);
    if (field->transform != PARTITION_IDENTITY)
        buffer_putc(&text, ')');
    field->text = arena_strdup(arena, text.data);
    buffer_deinit(&text);
}

static int find_transform(
    const char *name, enum partition_transform *ret_transform, struct error *err)
{
    const char *nearest;

    for (int i = 0; partition_transform_names[i]; i++) {
        if (strcmp(partition_transform_names[i], name) == 0) {
            *ret_transform = (enum partition_transform)i;
            return 0;
        }
    }
    nearest = text_nearest(name, partition_transform_names);
    if (nearest)
        return error_set(err, ERROR_INVALID,
            "\"%s\" is not a partition transform; did you mean \"%s\"?", name, nearest);
    return error_set(err, ERROR_INVALID,
        "\"%s\" is not a partition transform; there are: a column, year, month, day, hour(column), "
        "bucket(n, column), truncate(n, column)",
        name);
}

int pipeline_parse_partition(
    const char *text, struct arena *arena, struct partition_field *ret_field, struct error *err)
{
    struct partition_field field = {0};
    char *own = trim(arena_strdup(arena, text));
    char *args = own[0] == '"' ? NULL : strchr(own, '(');

    if (args) {
        char *close = own + strlen(own) - 1;

        *args++ = '\0';
        if (find_transform(trim(own), &field.transform, err))
            return -1;
        if (*close != ')')
            return error_set(err, ERROR_INVALID, "\"%s\" does not end with \")\"", text);
        *close = '\0';
        own = trim(args);
        if ((field.transform == PARTITION_BUCKET || field.transform == PARTITION_TRUNCATE) &&
            parse_width(&own, &field, err))
            return -1;
        if (own[0] != '"' && strchr(own, ','))
            return error_set(err, ERROR_INVALID, "%s takes one column: \"%s(column)\"",
                partition_transform_names[field.transform],
                partition_transform_names[field.transform]);
    }
    if (unquote_column(own, &field.column, err))
        return -1;
    set_text(arena, &field);
    *ret_field = field;
    return 0;
}

int pipeline_check_partition(const char *text, struct error *err)
{
    struct partition_field field;
    struct arena arena;
    int rc;

    arena_init(&arena);
    rc = pipeline_parse_partition(text, &arena, &field, err);
    arena_deinit(&arena);
    return rc;
}
