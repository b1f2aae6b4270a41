/* What sources of credentials answer, pure: from bytes to credentials. Nothing of an answer is in
 * an error but a server's own code and message. Each result is one reference, without `source`. */
#ifndef CONNECTORS_AWS_ANSWER_H
#define CONNECTORS_AWS_ANSWER_H

#include "runner/base/buffer.h"
#include "runner/base/error.h"

#include <stdint.h>

struct aws_credentials;

enum { ANSWER_BYTES_MAX = 256 * 1024 };

/* The container's endpoint and the instance's metadata service: AccessKeyId, SecretAccessKey,
 * Token, Expiration, AccountId; with Code, where it is not Success, an error. */
struct aws_credentials *answer_metadata(
    const struct buffer *body, const char *source, struct error *err);

/* The same of a credential_process, which names the version, and the token SessionToken. */
struct aws_credentials *answer_process(
    const struct buffer *output, const char *source, const char *account_id, struct error *err);

/* {"roleCredentials": …} of SSO's GetRoleCredentials. */
struct aws_credentials *answer_sso(
    const struct buffer *body, const char *source, const char *account_id, struct error *err);

/* AssumeRole and AssumeRoleWithWebIdentity of STS: XML. The account is the role's. */
struct aws_credentials *answer_sts(
    const struct buffer *body, const char *source, struct error *err);

/* What a server said where `status` is no 2xx: ERROR_DENIED, transient where asking again makes
 * sense. Reads XML as STS has it, and JSON as all others do. */
int answer_failure(int status, const struct buffer *body, const char *what, struct error *err);

/* The command line's cached SSO token. The access token, as a new text to free(); an expired one is
 * ERROR_DENIED and says how to get another. */
char *answer_sso_token(
    const struct buffer *file, const char *profile, int64_t now_ms, struct error *err);

#endif
