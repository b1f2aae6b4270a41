/* How credentials are made: for what is in connectors/aws only. */
#ifndef CONNECTORS_AWS_CREDENTIALS_PRIVATE_H
#define CONNECTORS_AWS_CREDENTIALS_PRIVATE_H

#include "connectors/aws/credentials.h"

enum { AWS_KEY_ID_MAX = 128 };

/* A copy with one reference. ERROR_DATA where a text is missing, or has a character that no header
 * may have; `source` is in the message. */
struct aws_credentials *aws_credentials_new(const struct aws_credentials *from, struct error *err);

/* free() of a text that is a secret, or part of one. */
void aws_forget(char *secret);

#endif
