/* The answers of STS, taken apart (xml.h); pure. */
#ifndef CONNECTORS_AWS_ANSWER_XML_H
#define CONNECTORS_AWS_ANSWER_XML_H

#include "connectors/aws/xml.h"

struct sts_answer { /* NULL: not there */
    const char *access_key_id, *secret_access_key, *session_token, *expiration;
    const char *arn; /* of the role that was assumed */
    const char *code, *message, *request_id;

    const struct xml_node *root; /* answer_xml.c's own, as is the next */
    struct arena arena;
};

/* -1: no XML that can be used (xml.h says what that is); then nothing is to be freed. */
int sts_answer_parse(const char *text, size_t length, struct sts_answer *ret_answer);
void sts_answer_deinit(struct sts_answer *answer); /* wipes */

#endif
