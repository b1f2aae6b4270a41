#include "connectors/s3/identity.h"

#include "runner/base/mem.h"

static void on_credentials(struct credentials_request *request, const struct error *err)
{
    struct s3_identity *identity = container_of(request, struct s3_identity, request);
    const struct aws_credentials *credentials = err ? NULL : request->credentials;

    if (credentials) {
        identity->source = credentials->source;
        identity->access_key_id = credentials->access_key_id;
        identity->account_id = credentials->account_id;
        identity->expires_ms = credentials->expires_ms;
        identity->region = s3_client_options(identity->client)->region;
        identity->endpoint = s3_client_options(identity->client)->endpoint;
    }
    identity->done(identity, err);
    aws_credentials_unref(credentials);
}

void s3_identity_start(struct s3_client *client, struct s3_identity *identity)
{
    identity->client = client;
    identity->request = (struct credentials_request){.done = on_credentials};
    credentials_start(s3_client_chain(client), &identity->request);
}

void s3_identity_cancel(struct s3_identity *identity)
{
    credentials_cancel(&identity->request);
}
