#include "runner/cli/print_json.h"

#include "runner/base/buffer.h"
#include "runner/base/json.h"
#include "runner/cli/print.h"

#include <ctype.h>
#include <string.h>

enum { COLUMNS_MAX = 32 };

/* --- one value --- */

static void append_value(struct buffer *text, const json_t *value);

static void append_list(struct buffer *text, const json_t *list)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        buffer_puts(text, i ? ", " : "");
        append_value(text, json_array_get(list, i));
    }
}

/* "id BIGINT", "field 3 NOT NULL" say more than an object would. */
static void append_column(struct buffer *text, const json_t *column)
{
    buffer_printf(text, "%s %s", json_get_text(column, "name"), json_get_text(column, "type"));
    if (json_is_true(json_object_get(column, "required")))
        buffer_puts(text, " NOT NULL");
}

static void append_value(struct buffer *text, const json_t *value)
{
    char number[PRINT_COUNT_SIZE];

    if (json_is_null(value))
        buffer_puts(text, "NULL");
    else if (json_is_string(value))
        buffer_puts(text, json_string_value(value));
    else if (json_is_integer(value))
        buffer_puts(text, print_count(json_integer_value(value), number));
    else if (json_is_array(value))
        append_list(text, value);
    else if (json_get_text(value, "name") && json_get_text(value, "type"))
        append_column(text, value);
    else
        json_append(text, value);
}

/* --- tables --- */

static bool is_shown(const json_t *value)
{
    return !json_is_object(value) && !json_is_object(json_array_get(value, 0));
}

static size_t choose_keys(const json_t *list, const char *keys[COLUMNS_MAX])
{
    size_t count = 0;
    const char *key;
    json_t *value;

    json_object_foreach(json_array_get(list, 0), key, value)
    {
        if (count < COLUMNS_MAX && is_shown(value))
            keys[count++] = key;
    }
    return count;
}

static char *header(struct cli *cli, const char *key, const json_t *value)
{
    char *text = arena_printf(&cli->arena, "%s%s", json_is_integer(value) ? ">" : "", key);

    for (char *c = text; *c; c++)
        *c = *c == '_' ? ' ' : (char)toupper((unsigned char)*c);
    return text;
}

void print_json_rows(struct cli *cli, const json_t *list)
{
    const char *keys[COLUMNS_MAX], *headers[COLUMNS_MAX + 1] = {NULL}, *cells[COLUMNS_MAX];
    const size_t count = choose_keys(list, keys);
    struct print_table *table;
    struct buffer text;

    if (count == 0)
        return;
    for (size_t i = 0; i < count; i++)
        headers[i] = header(cli, keys[i], json_object_get(json_array_get(list, 0), keys[i]));
    table = print_table_new(headers);
    buffer_init(&text, 0);
    for (size_t row = 0; row < json_array_size(list); row++) {
        for (size_t i = 0; i < count; i++) {
            const json_t *value = json_object_get(json_array_get(list, row), keys[i]);

            buffer_clear(&text);
            if (value)
                append_value(&text, value);
            cells[i] = arena_strdup(&cli->arena, text.data);
        }
        print_table_row(table, cells);
    }
    buffer_deinit(&text);
    print_table_end(table, stdout, print_terminal_width(1), 0, cli->color);
}

/* --- one record --- */

void print_json_record(struct cli *cli, const json_t *object)
{
    struct buffer text;
    const char *key;
    json_t *value;
    int width = 0;

    json_object_foreach((json_t *)object, key, value) width = MAX(width, (int)strlen(key));
    buffer_init(&text, 0);
    json_object_foreach((json_t *)object, key, value)
    {
        const size_t lines = json_is_object(json_array_get(value, 0)) ? json_array_size(value) : 1;

        for (size_t i = 0; i < lines; i++) {
            buffer_clear(&text);
            append_value(&text, lines > 1 || json_is_object(json_array_get(value, 0))
                                    ? json_array_get(value, i)
                                    : value);
            printf("%s%-*s%s  %s\n", i ? "" : cli_style(cli, "dim"), width, i ? "" : key,
                i ? "" : cli_style(cli, "reset"), text.data);
        }
    }
    buffer_deinit(&text);
}
