#include "runner/engine/check_sample.h"

#include "runner/base/buffer.h"
#include "runner/base/json.h"
#include "runner/base/text.h"
#include "runner/engine/check.h"

#include <string.h>
#include <strings.h>

/* --- the statement --- */

static bool lists(const struct text_list *names, const char *column)
{
    for (size_t i = 0; i < names->count; i++) {
        if (strcasecmp(names->items[i], column) == 0)
            return true;
    }
    return false;
}

static bool lists_texts(const struct option_texts_by_name *names, const char *column)
{
    for (size_t i = 0; i < names->count; i++) {
        if (strcasecmp(names->items[i].name, column) == 0)
            return true;
    }
    return false;
}

static bool check_names(const struct check *check, const char *column)
{
    for (size_t i = 0; i < check->regex.count; i++) {
        if (strcasecmp(check->regex.items[i].name, column) == 0)
            return true;
    }
    return lists(&check->not_null, column) || lists(&check->unique, column) ||
           lists(&check->foreign_key.columns, column) ||
           lists_texts(&check->accepted_values, column) || lists_texts(&check->between, column);
}

/* The hash is of the whole value, so that the same one is known again elsewhere. */
static void append_column(
    struct buffer *sql, const struct pipeline *pipeline, const char *column, const char *alias)
{
    const bool masked = pipeline_masks(pipeline, column);

    buffer_printf(sql, masked ? "'sha256:' || left(sha256(cast(%s." : "left(cast(%s.", alias);
    text_append_sql_name(sql, column);
    if (masked)
        buffer_puts(sql, " as varchar)), 16) as ");
    else
        buffer_printf(sql, " as varchar), %d) as ", CHECK_SAMPLE_CELL + 1);
    text_append_sql_name(sql, column);
}

void check_sample_append_columns(struct buffer *sql, const struct pipeline *pipeline,
    const struct sql_schema *schema, const struct check *first, const char *alias)
{
    bool any = false;

    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < schema->count; i++) {
            const char *column = schema->columns[i].name;

            if ((first && check_names(first, column)) != (pass == 0))
                continue;
            buffer_puts(sql, any ? ", " : "");
            append_column(sql, pipeline, column, alias);
            any = true;
        }
    }
}

static void append_keys(struct buffer *sql, const struct text_list *columns, const char *between)
{
    for (size_t i = 0; i < columns->count; i++) {
        buffer_puts(sql, i ? between : "");
        text_append_sql_name(sql, columns->items[i]);
    }
}

/* All rows of a key that is there more than once: none of them is the wrong one. */
static void append_repeated(struct buffer *sql, const struct check *check, const char *from)
{
    buffer_printf(sql, " from %s as r semi join (select ", from);
    append_keys(sql, &check->unique, ", ");
    buffer_printf(sql, " from %s group by ", from);
    append_keys(sql, &check->unique, ", ");
    buffer_puts(sql, " having count(*) > 1 and ");
    append_keys(sql, &check->unique, " is not null and ");
    buffer_puts(sql, " is not null order by ");
    append_keys(sql, &check->unique, ", ");
    buffer_printf(sql, " limit %d) as k using (", CHECK_SAMPLE_ROWS);
    append_keys(sql, &check->unique, ", ");
    buffer_puts(sql, ") order by ");
    for (size_t i = 0; i < check->unique.count; i++) {
        buffer_puts(sql, i ? ", r." : "r.");
        text_append_sql_name(sql, check->unique.items[i]);
    }
}

const char *check_sample_sql(const struct pipeline *pipeline, const struct check *check,
    const char *dataset, const struct sql_schema *schema, struct arena *arena)
{
    const char *offends = check_offends(check, "", arena), *text;
    struct buffer sql, from;

    if (!offends || schema->count == 0)
        return NULL;
    buffer_init(&sql, 0);
    buffer_init(&from, 0);
    text_append_sql_name(&from, dataset);
    buffer_puts(&sql, "select ");
    check_sample_append_columns(&sql, pipeline, schema, check, "r");
    if (check->kind == CHECK_UNIQUE)
        append_repeated(&sql, check, from.data);
    else
        buffer_printf(&sql, " from (select * from %s where %s) as r", from.data, offends);
    buffer_printf(&sql, " limit %d", CHECK_SAMPLE_ROWS);
    text = arena_strdup(arena, sql.data);
    buffer_deinit(&from);
    buffer_deinit(&sql);
    return text;
}

/* --- the rows --- */

/* U+0080 … U+009F are control characters, too: U+009B begins a terminal's sequences. */
static void append_plain(struct buffer *plain, const char *text)
{
    struct buffer valid;

    buffer_init(&valid, 0);
    text_append_valid(&valid, text, strlen(text));
    for (const char *at = valid.data; *at; at++) {
        const unsigned char byte = (unsigned char)at[0], next = (unsigned char)at[1];

        if (byte == 0xc2 && next >= 0x80 && next <= 0x9f) {
            buffer_printf(plain, "\\x%02x", next);
            at++;
        } else {
            text_append_printable(plain, (const char[]){*at, '\0'});
        }
    }
    buffer_deinit(&valid);
}

/* At most CHECK_SAMPLE_CELL bytes, the "…" of what is cut included. */
static json_t *short_text(const char *text)
{
    static const char more[] = "…";
    size_t length = CHECK_SAMPLE_CELL - (sizeof(more) - 1);
    struct buffer plain;
    json_t *value;

    buffer_init(&plain, 0);
    append_plain(&plain, text);
    if (plain.length > CHECK_SAMPLE_CELL) {
        while (((unsigned char)plain.data[length] & 0xc0) == 0x80)
            length--;
        buffer_truncate(&plain, length);
        buffer_puts(&plain, more);
    }
    value = json_text(plain.data ? plain.data : "");
    buffer_deinit(&plain);
    return value;
}

json_t *check_sample_row(const struct sql_schema *schema, size_t skipped, const char *const *cells)
{
    json_t *row = json_object();
    size_t bytes = 0, i;

    for (i = skipped; i < schema->count; i++) {
        json_t *name = short_text(schema->columns[i].name);
        json_t *value = cells[i] ? short_text(cells[i]) : json_null();

        bytes += json_string_length(name) + json_string_length(value) + 6;
        if (bytes <= CHECK_SAMPLE_ROW)
            json_object_set(row, json_string_value(name), value);
        json_decref(value);
        json_decref(name);
        if (bytes > CHECK_SAMPLE_ROW)
            break;
    }
    if (i < schema->count)
        json_object_set_new(row, "…", json_sprintf("%d more columns", (int)(schema->count - i)));
    return row;
}

void check_sample_log(const struct environment *environment, const char *sample, json_t *fields)
{
    if (sample && environment->logs.samples)
        json_object_set_new(fields, "sample", json_parse(sample, strlen(sample), NULL));
}
