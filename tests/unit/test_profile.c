#include "connectors/aws/profile.h"

#include "tests/unit/io_fixture.h"

#include "tests/unit/conformance.h"

static int parse(
    struct profile_set *set, enum profile_file file, const char *text, struct error *err)
{
    return profile_set_parse(
        set, file, file == PROFILE_CONFIG ? "config" : "credentials", text, strlen(text), err);
}

static void parse_ok(struct profile_set *set, enum profile_file file, const char *text)
{
    struct error err;

    assert_ok(parse(set, file, text, &err), &err);
}

/* --- the vectors --- */

static json_t *sections_json(const struct profile_set *set, enum profile_kind kind)
{
    json_t *sections = json_object();

    for (size_t i = 0; i < set->count; i++) {
        const struct profile *profile = set->sections[i];
        json_t *properties = json_object();

        for (size_t j = 0; j < profile->property_count; j++)
            json_put_text(properties, profile->properties[j].name, profile->properties[j].value);
        if (profile->kind == kind)
            json_object_set_new(sections, profile->name, properties);
        else
            json_decref(properties);
    }
    return sections;
}

static void compare_sections(
    const char *name, const struct profile_set *set, enum profile_kind kind, const json_t *expected)
{
    json_t *sections = sections_json(set, kind);

    if (expected && !json_equal(sections, expected)) {
        char *is = json_line(sections), *should = json_line(expected);

        fail_msg("%s\nis     %s\nshould %s", name, is, should);
    }
    json_decref(sections);
}

static void check_vector(const json_t *test)
{
    const char *name = json_get_text(test, "name");
    const json_t *input = json_object_get(test, "input"), *output = json_object_get(test, "output");
    const json_t *config = json_object_get(output, "config");
    const char *texts[] = {
        json_get_text(input, "configFile"), json_get_text(input, "credentialsFile")};
    const char *part = json_get_text(output, "errorContaining");
    struct profile_set set = {0};
    struct error err = {0};
    int result = 0;

    for (int file = PROFILE_CONFIG; file <= PROFILE_CREDENTIALS && !result; file++)
        if (texts[file])
            result = parse(&set, file, texts[file], &err);
    if (part && !result)
        fail_msg("%s: not refused", name);
    if (!part && result)
        fail_msg("%s: %s", name, err.message);
    if (part)
        assert_contains(err.message, part);
    compare_sections(name, &set, PROFILE_PROFILE, json_object_get(config, "profiles"));
    compare_sections(name, &set, PROFILE_SSO_SESSION, json_object_get(config, "sso_sessions"));
    profile_set_deinit(&set);
}

static void test_vectors(void **state)
{
    char *folder = conformance_path("aws-credentials");
    json_t *vectors;
    size_t count;

    (void)state;
    if (!folder)
        skip();
    vectors = conformance_json(folder, "profile-parser-tests.json");
    free(folder);
    assert_non_null(vectors);
    count = json_array_size(json_object_get(vectors, "tests"));
    assert_true(count > 0);
    for (size_t i = 0; i < count; i++)
        check_vector(json_array_get(json_object_get(vectors, "tests"), i));
    json_decref(vectors);
}

/* --- what the vectors leave open --- */

static void test_errors_name_file_and_line_but_no_content(void **state)
{
    struct profile_set set = {0};
    struct error err;

    (void)state;
    assert_int_equal(
        parse(&set, PROFILE_CREDENTIALS, "[a]\nkey = x\nwJalrXUtnFEMI/K7MDENG\n", &err), -1);
    assert_int_equal(err.code, ERROR_INVALID);
    assert_contains(err.message, "credentials:3: ");
    assert_null(strstr(err.message, "wJalr"));
    profile_set_deinit(&set);
}

static void test_the_file_of_a_property_is_known(void **state)
{
    struct profile_set set = {0};
    const struct profile *profile;

    (void)state;
    parse_ok(&set, PROFILE_CONFIG, "[profile a]\nx = 1\ny = 1\n");
    parse_ok(&set, PROFILE_CREDENTIALS, "[a]\nY = 2\n");
    profile = profile_find(&set, PROFILE_PROFILE, "a");
    assert_int_equal(profile_property(profile, "x")->file, PROFILE_CONFIG);
    assert_int_equal(profile_property(profile, "y")->file, PROFILE_CREDENTIALS);
    assert_string_equal(profile_get(profile, "y"), "2");
    assert_null(profile_get(profile, "z"));
    assert_null(profile_get(NULL, "x"));
    profile_set_deinit(&set);
}

static void test_an_empty_value_is_no_value(void **state)
{
    struct profile_set set = {0};

    (void)state;
    parse_ok(&set, PROFILE_CONFIG, "[default]\nregion =\n");
    assert_null(profile_get(profile_find(&set, PROFILE_PROFILE, "default"), "region"));
    profile_set_deinit(&set);
}

static void test_nested_values(void **state)
{
    struct profile_set set = {0};
    const struct profile *services;
    char *value;

    (void)state;
    parse_ok(&set, PROFILE_CONFIG,
        "[services local]\ns3 =\n  endpoint_url = http://one:1 # comment\n  other=2\n"
        "sts =\r\n\tendpoint_url = http://two\r\nplain = x\n");
    services = profile_find(&set, PROFILE_SERVICES, "local");
    value = profile_get_nested(services, "s3", "endpoint_url");
    assert_string_equal(value, "http://one:1");
    free(value);
    value = profile_get_nested(services, "s3", "other");
    assert_string_equal(value, "2");
    free(value);
    value = profile_get_nested(services, "sts", "endpoint_url");
    assert_string_equal(value, "http://two");
    free(value);
    assert_null(profile_get_nested(services, "plain", "x"));
    assert_null(profile_get_nested(services, "s3", "endpoint"));
    profile_set_deinit(&set);
}

static void test_an_indented_comment_is_no_value(void **state)
{
    struct profile_set set = {0};

    (void)state;
    parse_ok(&set, PROFILE_CONFIG, "\xef\xbb\xbf[default]\nregion = eu-west-1\n  # not it\n");
    assert_string_equal(
        profile_get(profile_find(&set, PROFILE_PROFILE, "default"), "region"), "eu-west-1");
    profile_set_deinit(&set);
}

static void test_what_is_ignored_may_be_continued(void **state)
{
    struct profile_set set = {0};

    (void)state;
    parse_ok(&set, PROFILE_CONFIG,
        "[plugins]\ncli =\n  a = b\n[profile a]\nin valid = 1\n more\nx = 1\n");
    assert_string_equal(profile_get(profile_find(&set, PROFILE_PROFILE, "a"), "x"), "1");
    assert_int_equal(set.count, 1);
    profile_set_deinit(&set);
}

static void test_limits(void **state)
{
    struct profile_set set = {0};
    struct buffer text;
    struct error err;

    (void)state;
    buffer_init(&text, 0);
    buffer_puts(&text, "[default]\n");
    for (int i = 0; i <= PROFILE_PROPERTIES_MAX; i++)
        buffer_printf(&text, "p%d = x\n", i);
    assert_int_equal(parse(&set, PROFILE_CONFIG, text.data, &err), -1);
    assert_int_equal(err.code, ERROR_LIMIT);
    profile_set_deinit(&set);

    buffer_clear(&text);
    for (int i = 0; i <= PROFILE_SECTIONS_MAX; i++)
        buffer_printf(&text, "[p%d]\n", i);
    assert_int_equal(parse(&set, PROFILE_CREDENTIALS, text.data, &err), -1);
    assert_int_equal(err.code, ERROR_LIMIT);
    profile_set_deinit(&set);

    assert_int_equal(profile_set_parse(&set, PROFILE_CONFIG, "config", "[a]\0\n", 5, &err), -1);
    assert_int_equal(err.code, ERROR_INVALID);
    profile_set_deinit(&set);
    buffer_deinit(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_errors_name_file_and_line_but_no_content),
        cmocka_unit_test(test_the_file_of_a_property_is_known),
        cmocka_unit_test(test_an_empty_value_is_no_value),
        cmocka_unit_test(test_nested_values),
        cmocka_unit_test(test_an_indented_comment_is_no_value),
        cmocka_unit_test(test_what_is_ignored_may_be_continued),
        cmocka_unit_test(test_limits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
