#include "connectors/aws/answer_xml.h"

#include "connectors/aws/credentials_private.h"
#include "runner/base/buffer.h"
#include "runner/base/mem.h"
#include "runner/base/text.h"

#include <expat.h>
#include <string.h>

enum { DEPTH_MAX = 16 };

/* By the element and the one that it is in. */
static const struct field {
    const char *parent, *name;
    size_t offset;
} fields[] = {
    {"Credentials", "AccessKeyId", offsetof(struct sts_answer, access_key_id)},
    {"Credentials", "SecretAccessKey", offsetof(struct sts_answer, secret_access_key)},
    {"Credentials", "SessionToken", offsetof(struct sts_answer, session_token)},
    {"Credentials", "Expiration", offsetof(struct sts_answer, expiration)},
    {"AssumedRoleUser", "Arn", offsetof(struct sts_answer, arn)},
    {"Error", "Code", offsetof(struct sts_answer, code)},
    {"Error", "Message", offsetof(struct sts_answer, message)},
    {"ErrorResponse", "RequestId", offsetof(struct sts_answer, request_id)},
};

struct reader {
    XML_Parser parser;
    struct sts_answer answer;
    char *names[DEPTH_MAX];
    unsigned depth;
    char **target; /* where the text goes; NULL: nowhere */
    struct buffer text;
};

static char **target_of(struct reader *reader)
{
    if (reader->depth < 2)
        return NULL;
    for (unsigned i = 0; i < ARRAY_LENGTH(fields); i++)
        if (text_equal(fields[i].parent, reader->names[reader->depth - 2]) &&
            text_equal(fields[i].name, reader->names[reader->depth - 1]))
            return (char **)((char *)&reader->answer + fields[i].offset);
    return NULL;
}

static void on_start(void *data, const char *name, const char **attributes)
{
    struct reader *reader = data;

    (void)attributes;
    if (reader->depth >= DEPTH_MAX) {
        XML_StopParser(reader->parser, XML_FALSE);
        return;
    }
    reader->names[reader->depth++] = mem_strdup(name);
    reader->target = target_of(reader);
    buffer_clear(&reader->text);
}

static void on_text(void *data, const char *text, int length)
{
    struct reader *reader = data;

    if (reader->target)
        buffer_append(&reader->text, text, (size_t)length);
}

static void on_end(void *data, const char *name)
{
    struct reader *reader = data;

    (void)name;
    if (reader->target && !*reader->target)
        *reader->target = mem_strndup(reader->text.data, reader->text.length);
    reader->target = NULL;
    free(reader->names[--reader->depth]);
}

static void on_doctype(
    void *data, const char *name, const char *system_id, const char *public_id, int internal)
{
    struct reader *reader = data;

    (void)name;
    (void)system_id;
    (void)public_id;
    (void)internal;
    XML_StopParser(reader->parser, XML_FALSE);
}

void sts_answer_deinit(struct sts_answer *answer)
{
    for (unsigned i = 0; i < ARRAY_LENGTH(fields); i++)
        aws_forget(*(char **)((char *)answer + fields[i].offset));
    *answer = (struct sts_answer){0};
}

int sts_answer_parse(const char *text, size_t length, struct sts_answer *ret_answer)
{
    struct reader reader = {.parser = XML_ParserCreate("UTF-8")};
    int result = -1;

    if (!reader.parser)
        return -1;
    buffer_init(&reader.text, 0);
    XML_SetUserData(reader.parser, &reader);
    XML_SetElementHandler(reader.parser, on_start, on_end);
    XML_SetCharacterDataHandler(reader.parser, on_text);
    XML_SetStartDoctypeDeclHandler(reader.parser, on_doctype);
    if (length <= INT_MAX && XML_Parse(reader.parser, text, (int)length, XML_TRUE) == XML_STATUS_OK)
        result = 0;
    while (reader.depth > 0)
        free(reader.names[--reader.depth]);
    XML_ParserFree(reader.parser);
    explicit_bzero(reader.text.data, reader.text.capacity);
    buffer_deinit(&reader.text);
    if (result == 0)
        *ret_answer = reader.answer;
    else
        sts_answer_deinit(&reader.answer);
    return result;
}
