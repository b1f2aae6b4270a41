/* The profile files of AWS (~/.aws/config and ~/.aws/credentials), pure: source "Shared config and
 * credentials files" of the AWS SDKs, tested with conformance/aws-credentials.
 *
 * Sections of the config file are [default], [profile NAME], [sso-session NAME] and [services
 * NAME]; of the credentials file [NAME]. What has another name, or one with a character that names
 * may not have, is ignored with all that is in it. Sections of the same name are one; what the
 * credentials file says wins, in one file what comes last; [profile default] hides [default]. Names
 * of properties are in small letters, whatever the file has. */
#ifndef CONNECTORS_AWS_PROFILE_H
#define CONNECTORS_AWS_PROFILE_H

#include "runner/base/error.h"

#include <stdbool.h>
#include <stddef.h>

enum {
    PROFILE_FILE_BYTES_MAX = 1024 * 1024,
    PROFILE_SECTIONS_MAX = 4096,  /* of both files */
    PROFILE_PROPERTIES_MAX = 512, /* of a section */
};

enum profile_file { PROFILE_CONFIG, PROFILE_CREDENTIALS };

enum profile_kind { PROFILE_PROFILE, PROFILE_SSO_SESSION, PROFILE_SERVICES };

struct profile_property {
    char *name, *value;      /* continued lines are joined by "\n" */
    size_t length, capacity; /* of the value */
    enum profile_file file;
};

struct profile {
    enum profile_kind kind;
    char *name;
    bool prefixed; /* "default" that came as [profile default] */
    struct profile_property *properties;
    size_t property_count, property_capacity;
};

struct profile_set {
    struct profile **sections; /* in order of their first line */
    size_t count, capacity;
};

/* A zeroed set is empty. Wipes what it frees. */
void profile_set_deinit(struct profile_set *set);

/* Adds a file: the config file first. `path` is for messages, which name the line but nothing of
 * what is in it. ERROR_INVALID: not of this grammar; ERROR_LIMIT. */
int profile_set_parse(struct profile_set *set, enum profile_file file, const char *path,
    const char *text, size_t length, struct error *err);

/* NULL: none. */
const struct profile *profile_find(
    const struct profile_set *set, enum profile_kind kind, const char *name);
const struct profile_property *profile_property(const struct profile *profile, const char *name);

/* The value, NULL where it is missing or empty, or `profile` is NULL. */
const char *profile_get(const struct profile *profile, const char *name);

/* `name` of the lines below `group` ("s3 =\n  name = value"), as a new text to free(); NULL: none.
 */
char *profile_get_nested(const struct profile *profile, const char *group, const char *name);

#endif
