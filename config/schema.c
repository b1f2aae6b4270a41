#include "config/schema.h"

#include "config/environment.h"
#include "config/pipeline.h"
#include "runner/base/json.h"
#include "runner/base/mem.h"

#include <math.h>
#include <regex.h>
#include <string.h>

static const char *const duration_pattern = "^([0-9]+(\\.[0-9]+)?(ms|s|m|min|h|d|w|mo|y))+$";
static const char *const size_pattern = "^[0-9]+(\\.[0-9]+)? *(B|[KMGT]iB|[kKMGT]B)?$";
static const char *const time_pattern = "^[0-9]{4}-[0-9]{2}-[0-9]{2}";

static json_t *ref(const char *name)
{
    json_t *object = json_object();

    json_object_set_new(object, "$ref", json_sprintf("#/$defs/%s", name));
    return object;
}

static json_t *of_type(const char *type)
{
    json_t *object = json_object();

    json_put_text(object, "type", type);
    return object;
}

static json_t *string_like(const char *pattern)
{
    json_t *object = of_type("string");

    json_put_text(object, "pattern", pattern);
    return object;
}

/* anyOf of the alternatives; the one alone where there is but one. Takes the list. */
static json_t *any_of(json_t *alternatives)
{
    json_t *object;

    if (json_array_size(alternatives) == 1) {
        object = json_incref(json_array_get(alternatives, 0));
        json_decref(alternatives);
        return object;
    }
    object = json_object();
    json_object_set_new(object, "anyOf", alternatives);
    return object;
}

static void put_number(json_t *object, const char *key, double value)
{
    json_object_set_new(object, key,
        value == floor(value) && fabs(value) < 9.1e15 ? json_integer((json_int_t)value)
                                                      : json_real(value));
}

static bool is_limited(const struct option *option)
{
    return option->min != 0 || option->max != 0;
}

/* --- scalars --- */

static bool matches(const char *pattern, const char *text)
{
    regex_t regex;
    bool match;

    if (!pattern)
        return true;
    if (regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB))
        return false;
    match = regexec(&regex, text, 0, NULL, 0) == 0;
    regfree(&regex);
    return match;
}

/* A YAML parser hands an unquoted 2024 over as a number and true as a boolean: both are texts to
 * us, where the pattern would take them. */
static json_t *text_schema(const struct option *option)
{
    json_t *object = json_object(), *types = json_array();

    json_array_append_new(types, json_string("string"));
    if (matches(option->pattern, "2024"))
        json_array_append_new(types, json_string("number"));
    if (matches(option->pattern, "true"))
        json_array_append_new(types, json_string("boolean"));
    json_object_set_new(object, "type", types);
    if (!(option->flags & OPTION_NULLABLE))
        json_put_int(object, "minLength", 1);
    if (option->type == OPTION_TEXT && option->max > 0)
        put_number(object, "maxLength", option->max);
    json_put_text(object, "pattern", option->pattern);
    return object;
}

static json_t *number_schema(const struct option *option, const char *type)
{
    json_t *object = of_type(type);

    if (is_limited(option)) {
        put_number(object, "minimum", option->min);
        put_number(object, "maximum", option->max);
    }
    return object;
}

static json_t *enum_schema(const char *const *choices)
{
    json_t *object = json_object(), *names = json_array();

    for (size_t i = 0; choices[i]; i++)
        json_array_append_new(names, json_string(choices[i]));
    json_object_set_new(object, "enum", names);
    return object;
}

static void append_scalar(json_t *list, const struct option *option)
{
    static const char *const booleans[] = {"true", "false", NULL};

    switch (option->type) {
    case OPTION_BOOL:
        json_array_append_new(list, of_type("boolean"));
        json_array_append_new(list, enum_schema(booleans));
        break;
    case OPTION_INT:
        json_array_append_new(list, number_schema(option, "integer"));
        json_array_append_new(list, string_like("^[+-]?[0-9]+$"));
        break;
    case OPTION_NUMBER:
        json_array_append_new(list, number_schema(option, "number"));
        json_array_append_new(list, string_like("^[+-]?([0-9]|\\.[0-9])[0-9.eE+-]*$"));
        break;
    case OPTION_ENUM:
        json_array_append_new(list, enum_schema(option->choices));
        break;
    case OPTION_DURATION:
        json_array_append_new(list, string_like(duration_pattern));
        break;
    case OPTION_SIZE:
        json_array_append_new(list, string_like(size_pattern));
        json_array_append_new(list, number_schema(option, "integer"));
        break;
    case OPTION_TIME:
        json_array_append_new(list, string_like(time_pattern));
        break;
    default:
        json_array_append_new(list, text_schema(option));
    }
}

/* One scalar, or one text of a list or map. */
static json_t *scalar_schema(const struct option *option)
{
    json_t *list = json_array();
    const bool any_text =
        !option->pattern &&
        (option->type == OPTION_TEXTS || option->type == OPTION_PAIRS ||
            option->type == OPTION_TEXTS_BY_NAME || (option->type == OPTION_TEXT && !option->max));

    append_scalar(list, option);
    if (!(option->flags & OPTION_RAW) && !any_text)
        json_array_append_new(list, ref("interpolated"));
    return any_of(list);
}

/* --- lists and maps --- */

static json_t *list_schema(const struct option *option, json_t *items, bool limited)
{
    json_t *object = of_type("array");

    json_object_set_new(object, "items", items);
    if (limited && option->min > 0)
        put_number(object, "minItems", option->min);
    if (limited && option->max > 0)
        put_number(object, "maxItems", option->max);
    return object;
}

static json_t *map_schema(const struct option *option, json_t *values)
{
    json_t *object = of_type("object");

    json_object_set_new(object, "additionalProperties", values);
    if (option->min > 0)
        put_number(object, "minProperties", option->min);
    if (option->max > 0)
        put_number(object, "maxProperties", option->max);
    return object;
}

static json_t *texts_schema(const struct option *option, bool limited)
{
    json_t *list = json_array();

    json_array_append_new(list, scalar_schema(option));
    json_array_append_new(list, list_schema(option, scalar_schema(option), limited));
    return any_of(list);
}

static json_t *value_schema(const struct option *option)
{
    json_t *object;

    switch (option->type) {
    case OPTION_TEXTS:
        return texts_schema(option, true);
    case OPTION_PAIRS:
        return map_schema(option, scalar_schema(option));
    case OPTION_TEXTS_BY_NAME:
        return map_schema(option, texts_schema(option, false));
    case OPTION_OBJECT:
        return ref(option->fields->name);
    case OPTION_OBJECTS:
        object = map_schema(option, ref(option->fields->name));
        if (option->pattern) {
            json_t *names = json_object();

            json_put_text(names, "pattern", option->pattern);
            json_object_set_new(object, "propertyNames", names);
        }
        return object;
    case OPTION_LIST:
        return list_schema(option, ref(option->fields->name), true);
    default:
        return scalar_schema(option);
    }
}

/* The default as the editor would insert it. */
static json_t *preset_value(const struct option *option)
{
    if (option->type == OPTION_BOOL)
        return json_boolean(strcmp(option->preset, "true") == 0);
    if (option->type == OPTION_INT)
        return json_integer(strtoll(option->preset, NULL, 10));
    if (option->type == OPTION_NUMBER)
        return json_real(strtod(option->preset, NULL));
    return json_string(option->preset);
}

static json_t *option_schema(const struct option *option)
{
    json_t *object = json_object(), *value = value_schema(option);

    json_put_text(object, "description", option->help);
    if (option->preset)
        json_object_set_new(object, "default", preset_value(option));
    json_object_update(object, value);
    json_decref(value);
    return object;
}

/* --- sets --- */

static json_t *one_of_schema(const char *const *names)
{
    json_t *list = json_array();

    for (size_t i = 0; names[i]; i++) {
        json_t *object = json_object();

        json_object_set_new(object, "required", json_pack("[s]", names[i]));
        json_array_append_new(list, object);
    }
    return list;
}

static void put_properties(json_t *object, const struct option_set *set)
{
    json_t *properties = json_object(), *required = json_array();

    for (size_t i = 0; i < set->count; i++) {
        const struct option *option = &set->options[i];

        json_object_set_new(properties, option->name, option_schema(option));
        if (option->flags & OPTION_REQUIRED)
            json_array_append_new(required, json_string(option->name));
    }
    json_object_set_new(object, "properties", properties);
    if (json_array_size(required) > 0)
        json_object_set(object, "required", required);
    json_decref(required);
    json_object_set_new(object, "additionalProperties", json_false());
    if (set->one_of)
        json_object_set_new(object, "oneOf", one_of_schema(set->one_of));
}

static json_t *set_schema(const struct option_set *set)
{
    json_t *object = of_type("object"), *list, *either;

    put_properties(object, set);
    if (set->shorthand) {
        list = json_array();
        json_array_append_new(list, object);
        json_array_append_new(list, scalar_schema(option_find(set, set->shorthand)));
        object = any_of(list);
    }
    either = json_object();
    json_put_text(either, "description", set->help);
    json_object_update(either, object);
    json_decref(object);
    return either;
}

static void add_definitions(json_t *definitions, const struct option_set *set)
{
    for (size_t i = 0; i < set->count; i++) {
        const struct option_set *fields = set->options[i].fields;

        if (!fields || json_object_get(definitions, fields->name))
            continue;
        json_object_set_new(definitions, fields->name, set_schema(fields));
        add_definitions(definitions, fields);
    }
}

static char *schema_of(const struct option_set *set, const char *title)
{
    json_t *root = json_object(), *definitions = json_object(), *extensions = json_object();
    json_t *interpolated = string_like("\\$\\{");
    char *text;

    json_put_text(root, "$schema", "https://json-schema.org/draft/2020-12/schema");
    json_put_text(root, "title", title);
    json_put_text(root, "description", set->help);
    json_put_text(root, "type", "object");
    put_properties(root, set);
    json_object_set_new(extensions, "^x-", json_object());
    json_object_set_new(root, "patternProperties", extensions);
    json_put_text(interpolated, "description", "A text with ${…} in it");
    json_object_set_new(definitions, "interpolated", interpolated);
    add_definitions(definitions, set);
    json_object_set_new(root, "$defs", definitions);
    text = json_dumps(root, JSON_INDENT(2));
    json_decref(root);
    return text;
}

char *schema_pipeline(void)
{
    return schema_of(&pipeline_options, "sluice pipeline");
}

char *schema_project(void)
{
    return schema_of(&project_options, "sluice.yaml");
}
