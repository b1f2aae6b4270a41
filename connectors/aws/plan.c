#include "connectors/aws/plan.h"

#include "connectors/aws/endpoint.h"
#include "connectors/aws/plan_private.h"
#include "runner/base/mem.h"

#include <string.h>

enum planned plan_note(struct planner *planner, const char *format, ...)
{
    va_list args;
    char *text;

    va_start(args, format);
    text = mem_vprintf(format, args);
    va_end(args);
    buffer_printf(&planner->notes, "%s%s", planner->notes.length ? "; " : "", text);
    free(text);
    return PLAN_NONE;
}

static const char *variable(const struct planner *planner, const char *name)
{
    return aws_variable(&planner->settings->environment, name);
}

enum planned plan_environment(struct planner *planner, struct error *err)
{
    const char *key_id = variable(planner, "AWS_ACCESS_KEY_ID");
    const char *secret = variable(planner, "AWS_SECRET_ACCESS_KEY");
    struct credentials_plan *plan = planner->plan;

    if (!key_id && !secret)
        return plan_note(planner, "AWS_ACCESS_KEY_ID is not set");
    if (!key_id || !secret)
        return error_set(err, ERROR_INVALID, "%s is set but %s is not: set both of them or neither",
            key_id ? "AWS_ACCESS_KEY_ID" : "AWS_SECRET_ACCESS_KEY",
            key_id ? "AWS_SECRET_ACCESS_KEY" : "AWS_ACCESS_KEY_ID");
    plan->kind = PLAN_STATIC;
    plan->source = "the environment";
    plan->access_key_id = key_id;
    plan->secret_access_key = secret;
    plan->session_token = variable(planner, "AWS_SESSION_TOKEN");
    plan->account_id = variable(planner, "AWS_ACCOUNT_ID");
    return PLAN_MADE;
}

static enum planned plan_web_identity(struct planner *planner, struct error *err)
{
    static const char file_name[] = "AWS_WEB_IDENTITY_TOKEN_FILE", role_name[] = "AWS_ROLE_ARN";
    const char *file = variable(planner, file_name), *role = variable(planner, role_name);
    struct credentials_plan *plan = planner->plan;

    if (!file) /* a role alone is set by tools for themselves */
        return plan_note(planner, "%s is not set", file_name);
    if (!role)
        return error_set(
            err, ERROR_INVALID, "%s is set but %s is not: name the role", file_name, role_name);
    plan->kind = PLAN_WEB_IDENTITY;
    plan->source = arena_printf(planner->arena, "the environment, role %s (web identity)", role);
    plan->token_file = file;
    plan->identity =
        (struct plan_role){.arn = role, .session_name = variable(planner, "AWS_ROLE_SESSION_NAME")};
    return PLAN_MADE;
}

enum planned plan_container(struct planner *planner, struct error *err)
{
    struct credentials_plan *plan = planner->plan;

    if (aws_container_url(&planner->settings->environment, planner->arena, &plan->url, err))
        return PLAN_FAILED;
    if (!plan->url)
        return plan_note(
            planner, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI and _FULL_URI are not set");
    plan->kind = PLAN_CONTAINER;
    plan->source = "the container's endpoint";
    plan->token_file = variable(planner, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
    if (!plan->token_file)
        plan->token = variable(planner, "AWS_CONTAINER_AUTHORIZATION_TOKEN");
    return PLAN_MADE;
}

enum planned plan_metadata(struct planner *planner, struct error *err)
{
    static const char v1_name[] = "AWS_EC2_METADATA_V1_DISABLED";
    const struct aws_settings *settings = planner->settings;
    struct credentials_plan *plan = planner->plan;
    const char *v1_disabled = aws_setting(settings, v1_name, "ec2_metadata_v1_disabled");

    if (aws_setting_true(settings, "AWS_EC2_METADATA_DISABLED", NULL))
        return plan_note(planner, "AWS_EC2_METADATA_DISABLED forbids to ask the instance");
    if (aws_metadata_url(settings, planner->arena, &plan->url, err))
        return PLAN_FAILED;
    plan->kind = PLAN_METADATA;
    plan->source = "the instance's metadata service";
    plan->metadata_v1 = v1_disabled && strcasecmp(v1_disabled, "false") == 0;
    return PLAN_MADE;
}

static enum planned plan_any(struct planner *planner, struct error *err)
{
    const bool by_option = planner->settings->named_by_option;
    enum planned result = PLAN_NONE;

    if (!by_option)
        result = plan_environment(planner, err);
    if (result == PLAN_NONE)
        result = plan_profile(planner, err);
    if (result == PLAN_NONE && !by_option)
        result = plan_web_identity(planner, err);
    if (result == PLAN_NONE)
        result = plan_container(planner, err);
    if (result == PLAN_NONE) {
        result = plan_metadata(planner, err);
        planner->plan->only_guess = true;
    }
    return result;
}

/* Where STS is, for plans that need it. */
static int find_sts(struct planner *planner, struct error *err)
{
    struct credentials_plan *plan = planner->plan;

    if (plan->kind != PLAN_WEB_IDENTITY && plan->role_count == 0)
        return 0;
    plan->sts_region = planner->options->region;
    if (!plan->sts_region)
        plan->sts_region = aws_settings_region(planner->settings);
    if (!plan->sts_region)
        plan->sts_region = "us-east-1";
    return aws_service_url(
        planner->settings, AWS_STS, plan->sts_region, planner->arena, &plan->sts_url, err);
}

int credentials_plan_make(const struct aws_settings *settings, const struct plan_options *options,
    struct arena *arena, struct credentials_plan *ret_plan, struct error *err)
{
    struct credentials_plan plan = {.kind = PLAN_UNSIGNED, .source = "unsigned access"};
    struct planner planner = {
        .settings = settings, .options = options, .arena = arena, .plan = &plan};
    enum planned result = PLAN_MADE;

    buffer_init(&planner.notes, 0);
    if (!options->unsigned_access)
        result = plan_any(&planner, err);
    if (result == PLAN_MADE && find_sts(&planner, err))
        result = PLAN_FAILED;
    if (result == PLAN_NONE)
        error_set(err, ERROR_DENIED, "no credentials of AWS: %s", planner.notes.data);
    plan.notes = arena_strdup(arena, planner.notes.data);
    buffer_deinit(&planner.notes);
    if (result != PLAN_MADE)
        return -1;
    *ret_plan = plan;
    return 0;
}
