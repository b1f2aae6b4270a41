/* Credentials of AWS: the default chain of its command line and SDKs. The first source that is
 * configured is the one; what is wrong with it ends the chain, so that nobody works under a name
 * that was not meant:
 *
 *   1. unsigned access, where it is asked for
 *   2. AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN (not where a profile is named
 *      in the options)
 *   3. the profile (options, AWS_PROFILE, AWS_DEFAULT_PROFILE, "default") in the files
 *      $AWS_CONFIG_FILE (~/.aws/config) and $AWS_SHARED_CREDENTIALS_FILE (~/.aws/credentials):
 *      role_arn with source_profile or credential_source (AssumeRole, chained), web identity, SSO
 *      (the token that the command line cached), credential_process, static keys
 *   4. AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN (not where a profile is named in the options)
 *   5. the container's endpoint (ECS, EKS): AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or _FULL_URI
 *   6. the instance's metadata service, version 2, which alone is asked without being configured
 *
 * The order and each source's rules follow conformance/aws-credentials. They are kept until shortly
 * before they expire and then fetched anew, once for all who wait; while the old ones hold, nobody
 * waits. Secrets are in no error and no log line. */
#ifndef CONNECTORS_AWS_CREDENTIALS_H
#define CONNECTORS_AWS_CREDENTIALS_H

#include "runner/base/error.h"
#include "runner/io/http.h"
#include "runner/io/work.h"

#include <stdbool.h>
#include <stdint.h>

/* Immutable and counted: who holds one across turns of the loop takes a reference. */
struct aws_credentials {
    const char *access_key_id; /* NULL: unsigned access, then the next two are NULL as well */
    const char *secret_access_key, *session_token; /* the latter NULL: none */
    const char *account_id;                        /* NULL: not known */
    int64_t expires_ms;                            /* 0: never */
    const char
        *source; /* for people: "the environment", "profile etl, role arn:… (web identity)" */
    unsigned references;
};

struct aws_credentials *aws_credentials_ref(const struct aws_credentials *credentials);
void aws_credentials_unref(const struct aws_credentials *credentials); /* wipes; NULL is fine */

struct credentials_options {
    struct loop *loop;
    struct http *http;
    struct work_lane *lane; /* for files and credential_process */
    const char *profile;    /* NULL: from the environment */
    const char *region;     /* where STS is asked; NULL: aws_settings_region()'s, us-east-1 */
    bool unsigned_access;
    void (*closed)(void *data); /* after credentials_chain_free(): `http` and `lane` are not needed
                                   any more and may go in here. NULL: nobody asks */
    void *closed_data;
};

struct credentials_chain;

struct credentials_chain *credentials_chain_new(const struct credentials_options *options);

/* No request may be under way. What it fetches ahead by itself is cancelled and ends in later turns
 * of the loop: `http` and `lane` outlive these, `closed` says when. NULL is harmless. */
void credentials_chain_free(struct credentials_chain *chain);

struct credentials_request;

/* Once, on the loop, never from within the start or the cancel. err NULL: `credentials` is one
 * reference, the receiver's. ERROR_DENIED: nothing is configured (it names every source and why it
 * had none), or who was asked said no; ERROR_INVALID: what is configured cannot work; class
 * TRANSIENT: another time it may. */
typedef void (*credentials_done_fn)(struct credentials_request *request, const struct error *err);

struct credentials_request {
    credentials_done_fn done;
    const struct aws_credentials *credentials; /* result */
    struct credentials_chain *chain;           /* the chain's own, as are the next */
    struct credentials_request *previous, *next;
    bool waiting, cancelled;
};

void credentials_start(struct credentials_chain *chain, struct credentials_request *request);
void credentials_cancel(struct credentials_request *request); /* still ends in done */

/* A server said that these have expired: the next request fetches others. Harmless when the chain
 * has others already. */
void credentials_expired(
    struct credentials_chain *chain, const struct aws_credentials *credentials);

/* What is kept now, without waiting: NULL when a request would have to wait. Not a reference.
 * Starts fetching others where these expire soon. */
const struct aws_credentials *credentials_now(struct credentials_chain *chain);

#endif
