/* What the environment and the profile files say, pure: one object that the credentials and the
 * S3 client's options are decided by. Variables that are empty or blank count as not set. */
#ifndef CONNECTORS_AWS_SETTINGS_H
#define CONNECTORS_AWS_SETTINGS_H

#include "connectors/aws/profile.h"
#include "runner/base/error.h"

#include <stdbool.h>

/* The process's, or a test's. */
struct aws_environment {
    const char *(*get)(void *data, const char *name);
    void *data;
};

struct aws_settings {
    struct aws_environment environment;
    const char *profile_name;      /* whose */
    bool named_by_option;          /* the caller did, not the environment */
    bool named;                    /* either did: it has to be there */
    const struct profile *profile; /* NULL: not there */
    struct profile_set profiles;
    struct error profiles_err; /* why the files cannot be used; code ERROR_NONE: they can */
};

/* A file as it was read; `text` NULL: it is not there. */
struct aws_file {
    const char *path, *text;
    size_t length;
};

/* `profile` NULL: AWS_PROFILE, AWS_DEFAULT_PROFILE, "default". Keeps nothing of the files; what
 * `profile` and the environment point to must stay. Ends in aws_settings_deinit(). */
void aws_settings_init(struct aws_settings *settings, const struct aws_environment *environment,
    const char *profile, const struct aws_file *config, const struct aws_file *credentials);
void aws_settings_deinit(struct aws_settings *settings);

/* Where the files are, as a new text to free(); NULL: nowhere (no HOME). */
char *aws_profile_path(const struct aws_environment *environment, enum profile_file file);

/* The user's folder for what the command line keeps, as a new text; NULL: no HOME. */
char *aws_home_path(const struct aws_environment *environment, const char *relative);

/* NULL where not set. */
const char *aws_variable(const struct aws_environment *environment, const char *name);

/* The variable, else the property of the profile; NULL: neither. Either name may be NULL. */
const char *aws_setting(
    const struct aws_settings *settings, const char *variable, const char *property);

/* Whether it is "true", or "false", in any case; where it is not set neither is the case. */
bool aws_setting_true(
    const struct aws_settings *settings, const char *variable, const char *property);
bool aws_setting_false(
    const struct aws_settings *settings, const char *variable, const char *property);

/* AWS_REGION, AWS_DEFAULT_REGION, `region` of the profile; NULL: none. */
const char *aws_settings_region(const struct aws_settings *settings);

#endif
