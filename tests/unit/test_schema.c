#include "config/schema.h"

#include "config_fixture.h"
#include "runner/base/json.h"

#include <stdlib.h>

static json_t *parse(char *text)
{
    struct error err;
    json_t *schema = json_parse(text, strlen(text), &err);

    assert_non_null(schema);
    free(text);
    return schema;
}

/* Follows object keys; NULL ends them. */
static json_t *at(json_t *value, ...)
{
    const char *key;
    va_list keys;

    va_start(keys, value);
    while (value && (key = va_arg(keys, const char *)) != NULL)
        value = json_object_get(value, key);
    va_end(keys);
    return value;
}

static void it_says_what_the_tables_say(void **state)
{
    json_t *schema = parse(schema_pipeline());
    json_t *load = at(schema, "$defs", "load", NULL);

    (void)state;
    assert_string_equal(
        json_get_text(schema, "$schema"), "https://json-schema.org/draft/2020-12/schema");
    assert_true(json_is_false(at(schema, "additionalProperties", NULL)));
    assert_non_null(at(schema, "patternProperties", "^x-", NULL));
    assert_string_equal(
        json_get_text(at(schema, "properties", "extract", "additionalProperties", NULL), "$ref"),
        "#/$defs/extract");
    assert_string_equal(json_get_text(at(load, "properties", "mode", NULL), "default"), "append");
    assert_int_equal(json_array_size(at(load, "oneOf", NULL)), 2);
    assert_true(json_is_false(at(load, "additionalProperties", NULL)));
    assert_string_equal(
        json_string_value(json_array_get(at(schema, "$defs", "extract", "required", NULL), 0)),
        "from");
    assert_non_null(at(schema, "$defs", "csv", "properties", "decimal", "description", NULL));
    json_decref(schema);
}

/* Every option has a line of help: it is what an editor shows. */
static void check_help(json_t *definition)
{
    const char *key;
    json_t *property;

    json_object_foreach(at(definition, "properties", NULL), key, property)
    {
        const char *help = json_get_text(property, "description");

        assert_non_null(help);
        assert_true(strlen(help) >= 5 && help[strlen(help) - 1] != '.');
    }
}

static void every_option_is_described(void **state)
{
    char *(*const makers[])(void) = {schema_pipeline, schema_project};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        json_t *schema = parse(makers[i]()), *definition;
        const char *name;

        check_help(schema);
        json_object_foreach(at(schema, "$defs", NULL), name, definition)
        {
            assert_non_null(json_get_text(definition, "description"));
            check_help(definition);
        }
        json_decref(schema);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_says_what_the_tables_say),
        cmocka_unit_test(every_option_is_described),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
