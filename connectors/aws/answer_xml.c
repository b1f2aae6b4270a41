#include "connectors/aws/answer_xml.h"

#include "runner/base/mem.h"
#include "runner/base/text.h"

/* By the element and the one that it is in: what is around them has another name in each answer. */
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

static void take_fields(struct sts_answer *answer, const struct xml_node *node)
{
    for (unsigned i = 0; i < ARRAY_LENGTH(fields); i++) {
        const char **place = (const char **)((char *)answer + fields[i].offset);

        if (!*place && text_equal(node->name, fields[i].parent))
            *place = xml_text(node, fields[i].name);
    }
    /* As deep as xml.h allows. */
    for (const struct xml_node *child = node->children; child; child = child->next)
        take_fields(answer, child);
}

int sts_answer_parse(const char *text, size_t length, struct sts_answer *ret_answer)
{
    struct sts_answer answer = {0};

    arena_init(&answer.arena);
    if (xml_parse(text, length, &answer.arena, &answer.root, NULL)) {
        arena_deinit(&answer.arena);
        return -1;
    }
    take_fields(&answer, answer.root);
    *ret_answer = answer;
    return 0;
}

void sts_answer_deinit(struct sts_answer *answer)
{
    xml_wipe(answer->root);
    arena_deinit(&answer->arena);
    *answer = (struct sts_answer){0};
}
