#include "connectors/aws/settings.h"

#include "runner/base/mem.h"

#include <string.h>
#include <strings.h>

const char *aws_variable(const struct aws_environment *environment, const char *name)
{
    const char *value = environment->get(environment->data, name);

    return value && value[strspn(value, " \t\r\n")] ? value : NULL;
}

char *aws_home_path(const struct aws_environment *environment, const char *relative)
{
    const char *home = aws_variable(environment, "HOME");

    return home ? mem_printf("%s/%s", home, relative) : NULL;
}

char *aws_profile_path(const struct aws_environment *environment, enum profile_file file)
{
    const bool config = file == PROFILE_CONFIG;
    const char *path =
        aws_variable(environment, config ? "AWS_CONFIG_FILE" : "AWS_SHARED_CREDENTIALS_FILE");

    if (path && strncmp(path, "~/", 2) == 0)
        return aws_home_path(environment, path + 2);
    if (path)
        return mem_strdup(path);
    return aws_home_path(environment, config ? ".aws/config" : ".aws/credentials");
}

static void choose_profile(struct aws_settings *settings, const char *profile)
{
    static const char *const variables[] = {"AWS_PROFILE", "AWS_DEFAULT_PROFILE"};

    settings->profile_name = profile;
    settings->named_by_option = profile != NULL;
    for (unsigned i = 0; !settings->profile_name && i < ARRAY_LENGTH(variables); i++)
        settings->profile_name = aws_variable(&settings->environment, variables[i]);
    settings->named = settings->profile_name != NULL;
    if (!settings->profile_name)
        settings->profile_name = "default";
}

void aws_settings_init(struct aws_settings *settings, const struct aws_environment *environment,
    const char *profile, const struct aws_file *config, const struct aws_file *credentials)
{
    const struct aws_file *files[] = {config, credentials};

    *settings = (struct aws_settings){.environment = *environment};
    choose_profile(settings, profile);
    for (int file = PROFILE_CONFIG; file <= PROFILE_CREDENTIALS; file++)
        if (files[file]->text &&
            profile_set_parse(&settings->profiles, (enum profile_file)file, files[file]->path,
                files[file]->text, files[file]->length, &settings->profiles_err))
            break;
    settings->profile = profile_find(&settings->profiles, PROFILE_PROFILE, settings->profile_name);
}

void aws_settings_deinit(struct aws_settings *settings)
{
    profile_set_deinit(&settings->profiles);
    *settings = (struct aws_settings){0};
}

const char *aws_setting(
    const struct aws_settings *settings, const char *variable, const char *property)
{
    const char *value = variable ? aws_variable(&settings->environment, variable) : NULL;

    return value || !property ? value : profile_get(settings->profile, property);
}

bool aws_setting_true(
    const struct aws_settings *settings, const char *variable, const char *property)
{
    const char *value = aws_setting(settings, variable, property);

    return value && strcasecmp(value, "true") == 0;
}

bool aws_setting_false(
    const struct aws_settings *settings, const char *variable, const char *property)
{
    const char *value = aws_setting(settings, variable, property);

    return value && strcasecmp(value, "false") == 0;
}

const char *aws_settings_region(const struct aws_settings *settings)
{
    const char *region = aws_setting(settings, "AWS_REGION", NULL);

    return region ? region : aws_setting(settings, "AWS_DEFAULT_REGION", "region");
}
