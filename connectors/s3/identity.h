/* Who a client is, and where: what `whoami` tells. Nothing is sent but what credentials take. */
#ifndef CONNECTORS_S3_IDENTITY_H
#define CONNECTORS_S3_IDENTITY_H

#include "connectors/aws/credentials.h"
#include "connectors/s3/client.h"
#include "runner/base/error.h"

#include <stdint.h>

struct s3_identity;

/* Exactly once, on the loop, never from within start or cancel. Results live until it returns. */
typedef void (*s3_identity_done_fn)(struct s3_identity *identity, const struct error *err);

struct s3_identity {
    s3_identity_done_fn done;

    /* results; NULL: not known */
    const char *source;        /* "the environment", … */
    const char *access_key_id; /* NULL: unsigned */
    const char *account_id;
    int64_t expires_ms; /* 0: never */
    const char *region;
    const char *endpoint; /* NULL: AWS's own */

    struct s3_client *client; /* identity.c's own, as is the next */
    struct credentials_request request;
};

void s3_identity_start(struct s3_client *client, struct s3_identity *identity);
void s3_identity_cancel(struct s3_identity *identity); /* still ends in done */

#endif
