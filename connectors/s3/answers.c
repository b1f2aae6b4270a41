#include "connectors/s3/answers.h"

#include "connectors/aws/xml.h"
#include "connectors/s3/uri.h"
#include "runner/base/buffer.h"
#include "runner/base/mem.h"
#include "runner/base/text.h"
#include "runner/base/time.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct binder {
    struct arena *arena;
    bool names_encoded;
};

static int bind_struct(const struct binder *binder, const struct s3_document *document,
    const struct xml_node *node, void *object, struct error *err);

/* --- one value --- */

static int bind_name(
    const struct binder *binder, const char *text, const char **ret_name, struct error *err)
{
    struct buffer name;
    int result;

    if (!binder->names_encoded) {
        *ret_name = text;
        return 0;
    }
    buffer_init(&name, 0);
    result = s3_uri_decode_key(text, strlen(text), &name, err);
    if (!result)
        *ret_name = arena_strdup(binder->arena, name.data);
    buffer_deinit(&name);
    return result;
}

static int bind_number(
    const struct s3_field *field, const char *text, int64_t *ret_number, struct error *err)
{
    char *end;

    errno = 0;
    if (isdigit((unsigned char)text[0])) {
        const long long number = strtoll(text, &end, 10);

        if (!*end && !errno) {
            *ret_number = number;
            return 0;
        }
    }
    if (!text[0])
        return 0; /* <Size/>: not said */
    return error_set(err, ERROR_DATA, "<%s>: \"%.40s\" is no number", field->name, text);
}

static int bind_time(
    const struct s3_field *field, const char *text, int64_t *ret_time_ms, struct error *err)
{
    if (!text[0])
        return 0;
    if (time_parse(text, ret_time_ms, NULL))
        return error_set(err, ERROR_DATA, "<%s>: \"%.40s\" is no time", field->name, text);
    return 0;
}

static int bind_value(const struct binder *binder, const struct s3_field *field,
    const struct xml_node *node, char *object, struct error *err)
{
    void *place = object + field->offset;

    switch (field->type) {
    case S3_FIELD_TEXT:
        *(const char **)place = node->text;
        return 0;
    case S3_FIELD_NAME:
        return bind_name(binder, node->text, place, err);
    case S3_FIELD_ECHO:
        if (bind_name(binder, node->text, place, NULL))
            *(const char **)place = node->text;
        return 0;
    case S3_FIELD_NUMBER:
        return bind_number(field, node->text, place, err);
    case S3_FIELD_TIME:
        return bind_time(field, node->text, place, err);
    case S3_FIELD_FLAG:
        *(bool *)place = strcasecmp(node->text, "true") == 0;
        return 0;
    case S3_FIELD_STRUCT:
        return bind_struct(binder, field->item, node, place, err);
    case S3_FIELD_LIST:
        break;
    }
    return 0;
}

/* --- many --- */

static int bind_list(const struct binder *binder, const struct s3_field *field,
    const struct xml_node *first, struct s3_items *items, struct error *err)
{
    const size_t size = field->item->size;
    size_t count = 0;

    for (const struct xml_node *node = first; node; node = xml_next(node))
        count++;
    items->items = arena_array(binder->arena, count, size);
    items->count = count;
    for (size_t i = 0; i < count; i++, first = xml_next(first)) {
        if (bind_struct(binder, field->item, first, (char *)items->items + i * size, err))
            return -1;
    }
    return 0;
}

static void preset(const struct s3_document *document, char *object)
{
    memset(object, 0, document->size);
    for (size_t i = 0; i < document->field_count; i++) {
        const struct s3_field *field = &document->fields[i];

        if (field->type == S3_FIELD_NUMBER || field->type == S3_FIELD_TIME)
            *(int64_t *)(void *)(object + field->offset) = S3_NONE;
        else if (field->type == S3_FIELD_STRUCT)
            preset(field->item, object + field->offset);
    }
}

/* Fields are few, the children of a list thousands: each field looks for its first child, and only
 * lists go on to the others. The recursion is as deep as the tables are. */
static int bind_struct(const struct binder *binder, const struct s3_document *document,
    const struct xml_node *node, void *object, struct error *err)
{
    preset(document, object);
    for (size_t i = 0; i < document->field_count; i++) {
        const struct s3_field *field = &document->fields[i];
        const struct xml_node *around = field->within ? xml_child(node, field->within) : node;
        const struct xml_node *value = NULL;

        if (around)
            value = field->name[0] ? xml_child(around, field->name) : around;
        if (!value)
            continue;
        if (field->type == S3_FIELD_LIST
                ? bind_list(binder, field, value, (void *)((char *)object + field->offset), err)
                : bind_value(binder, field, value, object, err))
            return -1;
    }
    return 0;
}

int s3_answer_parse(const struct s3_document *document, const char *bytes, size_t length,
    struct arena *arena, void *ret_answer, struct error *err)
{
    struct binder binder = {.arena = arena};
    const struct xml_node *root;
    const char *encoding;
    void *answer;

    if (xml_parse(bytes, length, arena, &root, err))
        return -1;
    if (strcmp(root->name, document->name) != 0)
        return error_set(err, ERROR_DATA, "the answer is <%.60s>, not <%s>: is that an S3 server?",
            root->name, document->name);
    encoding = xml_text(root, "EncodingType");
    binder.names_encoded = encoding && strcmp(encoding, "url") == 0;
    answer = arena_alloc(arena, document->size);
    if (bind_struct(&binder, document, root, answer, err))
        return error_prefix(err, "<%s>", document->name);
    memcpy(ret_answer, answer, document->size);
    return 0;
}
