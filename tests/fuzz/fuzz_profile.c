/* Bytes as the config file and, behind a NUL, as the credentials file of AWS: whatever is accepted
 * can be found by its name, and an error is one line. */
#include "connectors/aws/profile.h"

#include "runner/base/mem.h"

#include <assert.h>
#include <ctype.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_profile(const struct profile_set *set, const struct profile *profile)
{
    assert(profile->name[0]);
    assert(profile_find(set, profile->kind, profile->name) == profile);
    assert(profile->property_count <= PROFILE_PROPERTIES_MAX);
    for (size_t i = 0; i < profile->property_count; i++) {
        const struct profile_property *property = &profile->properties[i];

        assert(profile_property(profile, property->name) == property);
        assert(strlen(property->value) == property->length);
        for (const char *c = property->name; *c; c++)
            assert(!isupper((unsigned char)*c) && !isspace((unsigned char)*c));
        free(profile_get_nested(profile, property->name, "endpoint_url"));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = size ? (const char *)data : "";
    const char *border = size ? memchr(text, '\0', size) : NULL;
    const size_t config_length = border ? (size_t)(border - text) : size;
    struct profile_set set = {0};
    struct error err;

    if (profile_set_parse(&set, PROFILE_CONFIG, "config", text, config_length, &err) ||
        (border && profile_set_parse(&set, PROFILE_CREDENTIALS, "credentials", border + 1,
                       size - config_length - 1, &err))) {
        assert(err.message[0] && !strchr(err.message, '\n'));
    } else {
        for (size_t i = 0; i < set.count; i++)
            check_profile(&set, set.sections[i]);
    }
    profile_set_deinit(&set);
    return 0;
}
