/* How credentials are made and wiped: for what is in connectors/aws, and for its tests. */
#ifndef CONNECTORS_AWS_CREDENTIALS_PRIVATE_H
#define CONNECTORS_AWS_CREDENTIALS_PRIVATE_H

#include "connectors/aws/credentials.h"

enum { AWS_KEY_ID_MAX = 128 };

/* A copy with one reference. ERROR_DATA where a text is missing, or has a character that no header
 * may have; `source` is in the message. */
struct aws_credentials *aws_credentials_new(const struct aws_credentials *from, struct error *err);

/* Another clock for what is kept and for how long: for tests. */
void credentials_chain_set_clock(struct credentials_chain *chain, int64_t (*now_ms)(void));

/* free() of a text that is a secret, or part of one. */
void aws_forget(char *secret);

#endif
