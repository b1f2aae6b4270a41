#include "runner/base/json.h"

#include "runner/base/buffer.h"
#include "runner/base/text.h"
#include "runner/base/time.h"

#include <string.h>

json_t *json_text_n(const char *bytes, size_t length)
{
    json_t *value = json_stringn(bytes, length);
    struct buffer valid;

    if (value)
        return value;
    buffer_init(&valid, 0);
    text_append_valid(&valid, bytes, length);
    value = json_stringn(valid.data, valid.length);
    buffer_deinit(&valid);
    return value;
}

json_t *json_text(const char *text)
{
    return text ? json_text_n(text, strlen(text)) : json_null();
}

void json_put_text(json_t *object, const char *key, const char *text)
{
    if (text)
        json_object_set_new(object, key, json_text(text));
}

void json_put_url(json_t *object, const char *key, const char *url)
{
    struct buffer shown;

    if (!url)
        return;
    buffer_init(&shown, 0);
    text_append_url(&shown, url);
    json_put_text(object, key, shown.data);
    buffer_deinit(&shown);
}

void json_put_int(json_t *object, const char *key, int64_t value)
{
    json_object_set_new(object, key, json_integer(value));
}

void json_put_time(json_t *object, const char *key, int64_t time_ms)
{
    char text[TIME_TEXT_SIZE];

    json_put_text(object, key, time_format_rfc3339(time_ms, text));
}

static int append_piece(const char *piece, size_t length, void *data)
{
    buffer_append(data, piece, length);
    return 0;
}

void json_append(struct buffer *buffer, const json_t *value)
{
    json_dump_callback(value, append_piece, buffer, JSON_COMPACT | JSON_ENCODE_ANY);
}

char *json_line(const json_t *value)
{
    struct buffer buffer;

    buffer_init(&buffer, 0);
    json_append(&buffer, value);
    return buffer_steal(&buffer);
}

json_t *json_parse(const char *text, size_t length, struct error *err)
{
    json_error_t why;
    json_t *value;

    if (length > BUFFER_LIMIT_DEFAULT) {
        error_set(err, ERROR_LIMIT, "JSON of %zu bytes is over the limit of 64 MiB", length);
        return NULL;
    }
    value = json_loadb(text, length, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &why);
    if (!value)
        error_set(err, ERROR_DATA, "JSON, line %d, column %d: %s", why.line, why.column, why.text);
    return value;
}

const char *json_get_text(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

int64_t json_get_int(const json_t *object, const char *key, int64_t otherwise)
{
    const json_t *value = json_object_get(object, key);

    return json_is_integer(value) ? json_integer_value(value) : otherwise;
}
