/* The answers of STS, taken apart with expat; pure. */
#ifndef CONNECTORS_AWS_ANSWER_XML_H
#define CONNECTORS_AWS_ANSWER_XML_H

#include <stddef.h>

struct sts_answer { /* NULL: not there */
    char *access_key_id, *secret_access_key, *session_token, *expiration;
    char *arn; /* of the role that was assumed */
    char *code, *message, *request_id;
};

/* -1: no XML, or one with a document type, which STS never sends; then nothing is to be freed. */
int sts_answer_parse(const char *text, size_t length, struct sts_answer *ret_answer);
void sts_answer_deinit(struct sts_answer *answer); /* wipes */

#endif
