/* Which source the credentials come from, pure: a decision of the environment and the profile
 * files alone. The first source that is configured is the one; what is wrong with it ends the
 * chain, so that nobody works under another name than the one that was meant. Only the instance's
 * metadata service is asked without being configured, last. */
#ifndef CONNECTORS_AWS_PLAN_H
#define CONNECTORS_AWS_PLAN_H

#include "connectors/aws/settings.h"
#include "runner/base/arena.h"
#include "runner/base/buffer.h"

enum plan_kind {
    PLAN_UNSIGNED,
    PLAN_STATIC,       /* the keys are in the environment or in the profile */
    PLAN_WEB_IDENTITY, /* STS AssumeRoleWithWebIdentity */
    PLAN_SSO,
    PLAN_PROCESS,
    PLAN_CONTAINER,
    PLAN_METADATA,
};

enum { PLAN_ROLES_MAX = 16 };

struct plan_role {
    const char *profile; /* that has it; NULL: the environment */
    const char *arn;
    const char *session_name;             /* NULL: one is made up */
    const char *external_id, *duration_s; /* NULL: not sent */
};

/* All texts are in the arena or in the settings, which must stay. */
struct credentials_plan {
    enum plan_kind kind;
    bool only_guess;    /* nothing names this source: having no answer is no failure of it */
    const char *source; /* for people */
    const char *notes;  /* why those before had none: "…; …" */

    const char *access_key_id, *secret_access_key, *session_token; /* STATIC */
    const char *account_id;                                        /* of any kind; NULL: unknown */
    struct plan_role identity;                                     /* WEB_IDENTITY */
    const char *token_file; /* WEB_IDENTITY; CONTAINER: NULL: none; SSO: the cached token */
    const char *token;      /* CONTAINER: NULL: none */
    const char *command;    /* PROCESS */
    const char *url;        /* SSO, CONTAINER, METADATA: what to ask */
    const char *sso_role_name, *sso_profile;
    bool metadata_v1; /* METADATA: where version 2 has no answer */

    const char *sts_url, *sts_region; /* set where STS is asked */
    struct plan_role roles[PLAN_ROLES_MAX];
    unsigned role_count; /* to assume, one after the other */
};

struct plan_options {
    const char *region; /* where STS is asked; NULL: the settings', else us-east-1 */
    bool unsigned_access;
};

/* ERROR_INVALID: what is configured cannot work. ERROR_DENIED: nothing is configured. */
int credentials_plan_make(const struct aws_settings *settings, const struct plan_options *options,
    struct arena *arena, struct credentials_plan *ret_plan, struct error *err);

#endif
