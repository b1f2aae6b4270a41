/* What a profile says: a source of its own, or a role that is assumed with another profile's or a
 * named source's credentials, and so on. */
#include "connectors/aws/endpoint.h"
#include "connectors/aws/plan_private.h"
#include "connectors/aws/sigv4.h"
#include "runner/base/mem.h"
#include "runner/base/text.h"

#include <openssl/evp.h>
#include <string.h>

static int wrong(const struct profile *profile, const char *what, struct error *err)
{
    return error_set(err, ERROR_INVALID, "profile %s: %s", profile->name, what);
}

/* --- sources --- */

static enum planned plan_keys(
    struct planner *planner, const struct profile *profile, struct error *err)
{
    const char *key_id = profile_get(profile, "aws_access_key_id");
    const char *secret = profile_get(profile, "aws_secret_access_key");
    struct credentials_plan *plan = planner->plan;

    if (!key_id && !secret)
        return PLAN_NONE;
    if (!key_id)
        return wrong(profile, "aws_secret_access_key is there, aws_access_key_id is not", err);
    if (!secret)
        return wrong(profile, "aws_access_key_id is there, aws_secret_access_key is not", err);
    plan->kind = PLAN_STATIC;
    plan->source = arena_printf(planner->arena, "profile %s (static keys)", profile->name);
    plan->access_key_id = key_id;
    plan->secret_access_key = secret;
    plan->session_token = profile_get(profile, "aws_session_token");
    return PLAN_MADE;
}

static int read_role(const struct profile *profile, struct plan_role *ret_role, struct error *err)
{
    const char *duration = profile_get(profile, "duration_seconds");
    char *end;

    if (profile_get(profile, "mfa_serial"))
        return error_set(err, ERROR_NOT_SUPPORTED,
            "profile %s: mfa_serial: nobody can be asked for a code: use a role without, or a "
            "session that another tool made",
            profile->name);
    if (duration) {
        const long seconds = strtol(duration, &end, 10);

        if (*end || seconds < 900 || seconds > 43200)
            return wrong(profile, "duration_seconds: from 900 to 43200 is right", err);
    }
    *ret_role = (struct plan_role){
        .profile = profile->name,
        .arn = profile_get(profile, "role_arn"),
        .session_name = profile_get(profile, "role_session_name"),
        .external_id = profile_get(profile, "external_id"),
        .duration_s = duration,
    };
    return 0;
}

static enum planned plan_profile_identity(
    struct planner *planner, const struct profile *profile, struct error *err)
{
    struct credentials_plan *plan = planner->plan;

    if (!profile_get(profile, "web_identity_token_file"))
        return PLAN_NONE;
    if (!profile_get(profile, "role_arn"))
        return wrong(profile,
            "web_identity_token_file is there, role_arn is not: name the role (AWS_ROLE_ARN does "
            "not count here)",
            err);
    if (read_role(profile, &plan->identity, err))
        return PLAN_FAILED;
    plan->kind = PLAN_WEB_IDENTITY;
    plan->token_file = profile_get(profile, "web_identity_token_file");
    plan->source = arena_printf(
        planner->arena, "profile %s, role %s (web identity)", profile->name, plan->identity.arn);
    return PLAN_MADE;
}

/* ~/.aws/sso/cache/SHA-1.json, of the session's name or, in the older form, of the start URL. */
static int sso_token_path(
    struct planner *planner, const char *key, const char **ret_path, struct error *err)
{
    unsigned char hash[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    struct buffer name;
    char *path;

    if (EVP_Digest(key, strlen(key), hash, &length, EVP_sha1(), NULL) != 1)
        return error_set(err, ERROR_INTERNAL, "SSO: the library has no SHA-1");
    buffer_init(&name, 0);
    buffer_puts(&name, ".aws/sso/cache/");
    for (unsigned i = 0; i < length; i++)
        buffer_printf(&name, "%02x", hash[i]);
    buffer_puts(&name, ".json");
    path = aws_home_path(&planner->settings->environment, name.data);
    buffer_deinit(&name);
    if (!path)
        return error_set(err, ERROR_INVALID, "SSO: HOME is not set: the token cannot be found");
    *ret_path = arena_strdup(planner->arena, path);
    free(path);
    return 0;
}

static int sso_url(struct planner *planner, const char *region, struct error *err)
{
    struct credentials_plan *plan = planner->plan;
    const char *base;
    struct buffer url;

    if (aws_service_url(planner->settings, AWS_SSO, region, planner->arena, &base, err))
        return -1;
    buffer_init(&url, 0);
    buffer_printf(&url, "%s/federation/credentials?account_id=", base);
    sigv4_encode(plan->account_id, strlen(plan->account_id), false, &url);
    buffer_puts(&url, "&role_name=");
    sigv4_encode(plan->sso_role_name, strlen(plan->sso_role_name), false, &url);
    plan->url = arena_strdup(planner->arena, url.data);
    buffer_deinit(&url);
    return 0;
}

/* The session's value; the profile may repeat it, but not contradict. */
static int sso_value(const struct profile *profile, const struct profile *session, const char *name,
    const char **ret_value, struct error *err)
{
    const char *own = profile_get(profile, name);
    const char *shared = session ? profile_get(session, name) : own;

    if (session && own && shared && !text_equal(own, shared))
        return error_set(err, ERROR_INVALID,
            "profile %s: %s is not the one of sso-session %s: leave it out", profile->name, name,
            session->name);
    if (!shared)
        return error_set(err, ERROR_INVALID, "%s %s: %s is missing: run `aws configure sso`",
            session ? "sso-session" : "profile", session ? session->name : profile->name, name);
    *ret_value = shared;
    return 0;
}

static enum planned plan_sso(
    struct planner *planner, const struct profile *profile, struct error *err)
{
    const char *session_name = profile_get(profile, "sso_session");
    const struct profile *session = NULL;
    struct credentials_plan *plan = planner->plan;
    const char *region, *start_url;

    if (session_name) {
        session = profile_find(&planner->settings->profiles, PROFILE_SSO_SESSION, session_name);
        if (!session)
            return error_set(err, ERROR_INVALID,
                "profile %s: there is no [sso-session %s]: run `aws configure sso`", profile->name,
                session_name);
    }
    if (sso_value(profile, session, "sso_region", &region, err) ||
        sso_value(profile, session, "sso_start_url", &start_url, err))
        return PLAN_FAILED;
    plan->account_id = profile_get(profile, "sso_account_id");
    plan->sso_role_name = profile_get(profile, "sso_role_name");
    if (!plan->account_id)
        return wrong(profile, "sso_account_id is missing: without it SSO gives no keys", err);
    if (!plan->sso_role_name)
        return wrong(profile, "sso_role_name is missing: without it SSO gives no keys", err);
    if (sso_token_path(planner, session ? session_name : start_url, &plan->token_file, err) ||
        sso_url(planner, region, err))
        return PLAN_FAILED;
    plan->kind = PLAN_SSO;
    plan->sso_profile = profile->name;
    plan->source = arena_printf(planner->arena, "profile %s (SSO, role %s of account %s)",
        profile->name, plan->sso_role_name, plan->account_id);
    return PLAN_MADE;
}

static enum planned plan_process(struct planner *planner, const struct profile *profile)
{
    planner->plan->command = profile_get(profile, "credential_process");
    if (!planner->plan->command)
        return PLAN_NONE;
    planner->plan->kind = PLAN_PROCESS;
    planner->plan->source =
        arena_printf(planner->arena, "profile %s (credential_process)", profile->name);
    return PLAN_MADE;
}

static bool names_sso(const struct profile *profile)
{
    return profile_get(profile, "sso_account_id") || profile_get(profile, "sso_role_name") ||
           profile_get(profile, "sso_start_url") || profile_get(profile, "sso_session");
}

/* The command line's order: SSO, keys of the credentials file, a process, keys of the config file.
 */
static enum planned plan_base(
    struct planner *planner, const struct profile *profile, struct error *err)
{
    const struct profile_property *key_id = profile_property(profile, "aws_access_key_id");
    const bool keys_first = key_id && key_id->file == PROFILE_CREDENTIALS;
    enum planned result = plan_profile_identity(planner, profile, err);

    if (result == PLAN_NONE && names_sso(profile))
        result = plan_sso(planner, profile, err);
    if (result == PLAN_NONE && keys_first)
        result = plan_keys(planner, profile, err);
    if (result == PLAN_NONE)
        result = plan_process(planner, profile);
    if (result == PLAN_NONE)
        result = plan_keys(planner, profile, err);
    if (result == PLAN_NONE && profile_get(profile, "login_session"))
        return error_set(err, ERROR_NOT_SUPPORTED,
            "profile %s: login_session is not supported: use `aws configure export-credentials "
            "--profile %s` as credential_process",
            profile->name, profile->name);
    if (result == PLAN_MADE && !planner->plan->account_id)
        planner->plan->account_id = profile_get(profile, "aws_account_id");
    return result;
}

/* --- roles --- */

static enum planned plan_named_source(
    struct planner *planner, const struct profile *profile, const char *name, struct error *err)
{
    static const struct {
        const char *name;
        enum planned (*plan)(struct planner *planner, struct error *err);
    } sources[] = {
        {"Environment", plan_environment},
        {"EcsContainer", plan_container},
        {"Ec2InstanceMetadata", plan_metadata},
    };

    for (unsigned i = 0; i < ARRAY_LENGTH(sources); i++) {
        enum planned result;

        if (!text_equal(name, sources[i].name))
            continue;
        buffer_clear(&planner->notes);
        result = sources[i].plan(planner, err);
        if (result == PLAN_NONE)
            return error_set(err, ERROR_DENIED, "profile %s: credential_source %s: %s",
                profile->name, name, planner->notes.data);
        return result;
    }
    return error_set(err, ERROR_INVALID,
        "profile %s: credential_source: \"%s\" is none of Environment, EcsContainer and "
        "Ec2InstanceMetadata",
        profile->name, name);
}

/* Where a profile with a role gets the credentials to assume it with: *ret_next is another profile,
 * or the same one (its own keys), or NULL: a named source, which is planned. */
static enum planned plan_role(struct planner *planner, const struct profile *profile,
    const struct profile **ret_next, struct error *err)
{
    const char *next_name = profile_get(profile, "source_profile");
    const char *source = profile_get(profile, "credential_source");
    struct credentials_plan *plan = planner->plan;

    if (next_name && source)
        return wrong(
            profile, "source_profile and credential_source are both there: keep one of them", err);
    if (!next_name && !source)
        return wrong(profile,
            "role_arn is there, but neither source_profile nor credential_source: say whose "
            "credentials assume the role",
            err);
    if (plan->role_count >= PLAN_ROLES_MAX)
        return wrong(profile, "too many roles, one assumed with the other", err);
    if (read_role(profile, &plan->roles[plan->role_count++], err))
        return PLAN_FAILED;
    *ret_next = NULL;
    if (source)
        return plan_named_source(planner, profile, source, err);
    *ret_next = profile_find(&planner->settings->profiles, PROFILE_PROFILE, next_name);
    if (!*ret_next)
        return error_set(err, ERROR_INVALID, "profile %s: source_profile: there is no profile %s",
            profile->name, next_name);
    return PLAN_NONE;
}

static bool is_role(const struct profile *profile)
{
    return profile_get(profile, "role_arn") && !profile_get(profile, "web_identity_token_file");
}

static bool has_keys(const struct profile *profile)
{
    return profile_get(profile, "aws_access_key_id") &&
           profile_get(profile, "aws_secret_access_key");
}

static bool was_visited(const struct credentials_plan *plan, const struct profile *profile)
{
    for (unsigned i = 0; i < plan->role_count; i++)
        if (text_equal(plan->roles[i].profile, profile->name))
            return true;
    return false;
}

/* From the selected profile to the one that has credentials; a later one's keys win over its role.
 */
static enum planned follow(
    struct planner *planner, const struct profile *profile, struct error *err)
{
    struct credentials_plan *plan = planner->plan;
    enum planned result;

    while (is_role(profile) && !(plan->role_count > 0 && has_keys(profile))) {
        const struct profile *next;

        result = plan_role(planner, profile, &next, err);
        if (result != PLAN_NONE)
            return result;
        if (next == profile)
            break;
        if (was_visited(plan, next))
            return error_set(err, ERROR_INVALID,
                "profile %s: source_profile: profile %s comes again: they form a circle",
                profile->name, next->name);
        profile = next;
    }
    if (plan->role_count > 0 && has_keys(profile))
        result = plan_keys(planner, profile, err);
    else
        result = plan_base(planner, profile, err);
    if (result == PLAN_NONE && plan->role_count > 0)
        return wrong(profile, "it is a source_profile, but has no credentials", err);
    return result;
}

/* They were found from the last to the first; the source names all of them. */
static void order_roles(struct planner *planner)
{
    struct credentials_plan *plan = planner->plan;

    for (unsigned i = 0; i < plan->role_count / 2; i++) {
        const struct plan_role swap = plan->roles[i];

        plan->roles[i] = plan->roles[plan->role_count - 1 - i];
        plan->roles[plan->role_count - 1 - i] = swap;
    }
    for (unsigned i = 0; i < plan->role_count; i++)
        plan->source = arena_printf(planner->arena, "profile %s, role %s from %s",
            plan->roles[i].profile, plan->roles[i].arn, plan->source);
    if (plan->role_count > 0)
        plan->account_id = NULL; /* the role's, not the source's: STS says it */
}

static enum planned no_such_profile(struct planner *planner, struct error *err)
{
    const struct aws_settings *settings = planner->settings;
    const char **names, *nearest;
    size_t count = 0;

    if (!settings->named)
        return plan_note(planner, "there is no profile %s", settings->profile_name);
    names = mem_calloc(settings->profiles.count + 1, sizeof(*names));
    for (size_t i = 0; i < settings->profiles.count; i++)
        if (settings->profiles.sections[i]->kind == PROFILE_PROFILE)
            names[count++] = settings->profiles.sections[i]->name;
    nearest = text_nearest(settings->profile_name, names);
    free(names);
    return error_set(err, ERROR_INVALID,
        "there is no profile %s in the profile files%s%s%s: `aws configure list-profiles` says "
        "which there are",
        settings->profile_name, nearest ? "; did you mean \"" : "", nearest ? nearest : "",
        nearest ? "\"?" : "");
}

enum planned plan_profile(struct planner *planner, struct error *err)
{
    const struct aws_settings *settings = planner->settings;
    enum planned result;

    if (settings->profiles_err.code) {
        *err = settings->profiles_err;
        return PLAN_FAILED;
    }
    if (!settings->profile)
        return no_such_profile(planner, err);
    result = follow(planner, settings->profile, err);
    if (result == PLAN_MADE)
        order_roles(planner);
    if (result == PLAN_NONE)
        return plan_note(planner, "profile %s has no credentials", settings->profile_name);
    return result;
}
