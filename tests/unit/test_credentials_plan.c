/* What is decided without a network: which source, which address, what an answer holds. */
#include "connectors/aws/answer.h"
#include "connectors/aws/credentials_private.h"
#include "connectors/aws/endpoint.h"
#include "connectors/aws/plan.h"
#include "connectors/aws/process.h"
#include "runner/base/text.h"
#include "tests/unit/io_fixture.h"

/* --- an environment as a text: "NAME=value\nNAME=value" --- */

struct variables {
    const char *text;
};

static const char *get_variable(void *data, const char *name)
{
    struct variables *variables = data;
    const size_t length = strlen(name);

    for (const char *line = variables->text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, name, length) == 0 && line[length] == '=') {
            static char kept[16][512]; /* values stay good while a plan is looked at */
            static unsigned next;
            char *value = kept[next++ % ARRAY_LENGTH(kept)];

            snprintf(value, sizeof(kept[0]), "%.*s", (int)strcspn(line + length + 1, "\n"),
                line + length + 1);
            return value;
        }
    }
    return NULL;
}

struct setup {
    struct variables variables;
    struct aws_environment environment;
    struct aws_settings settings;
    struct arena arena;
    struct credentials_plan plan;
    struct error err;
};

static void setup_init(
    struct setup *setup, const char *variables, const char *config, const char *credentials)
{
    const struct aws_file files[] = {{"config", config, config ? strlen(config) : 0},
        {"credentials", credentials, credentials ? strlen(credentials) : 0}};

    memset(setup, 0, sizeof(*setup));
    setup->variables.text = variables ? variables : "";
    setup->environment = (struct aws_environment){get_variable, &setup->variables};
    aws_settings_init(&setup->settings, &setup->environment, NULL, &files[0], &files[1]);
    arena_init(&setup->arena);
}

static void setup_deinit(struct setup *setup)
{
    aws_settings_deinit(&setup->settings);
    arena_deinit(&setup->arena);
}

/* 0, or -1 with setup->err. */
static int plan(struct setup *setup, const char *variables, const char *config)
{
    const struct plan_options options = {0};

    setup_init(setup, variables, config, NULL);
    return credentials_plan_make(
        &setup->settings, &options, &setup->arena, &setup->plan, &setup->err);
}

/* --- profiles: the source, or what is wrong --- */

#define KEYS(id) "aws_access_key_id = " id "\naws_secret_access_key = hidden\n"
#define ROLE(name) "role_arn = arn:aws:iam::1:role/" name "\n"

static const struct {
    const char *config, *source, *error;
} profiles[] = {
    {"[default]\n" ROLE("A") "source_profile = b\n[profile b]\n" KEYS("B"),
        "profile default, role arn:aws:iam::1:role/A from profile b (static keys)", NULL},
    /* its own keys are not what it assumes the role with … */
    {"[default]\n" KEYS("A") ROLE("A") "source_profile = b\n[profile b]\n" KEYS("B"),
        "profile default, role arn:aws:iam::1:role/A from profile b (static keys)", NULL},
    /* … but where it names itself */
    {"[default]\n" KEYS("A") ROLE("A") "source_profile = default\n",
        "profile default, role arn:aws:iam::1:role/A from profile default (static keys)", NULL},
    /* a later one's keys win over its role */
    {"[default]\n" ROLE("A") "source_profile = b\n[profile b]\n" KEYS("B")
            ROLE("B") "source_profile = c\n[profile c]\n" KEYS("C"),
        "profile default, role arn:aws:iam::1:role/A from profile b (static keys)", NULL},
    {"[default]\n" ROLE("A") "source_profile = b\n[profile b]\n" ROLE(
         "B") "source_profile = c\n[profile c]\n" KEYS("C"),
        "profile default, role arn:aws:iam::1:role/A from profile b, role arn:aws:iam::1:role/B "
        "from profile c (static keys)",
        NULL},
    {"[default]\n" ROLE("A") "credential_source = Ec2InstanceMetadata\n",
        "profile default, role arn:aws:iam::1:role/A from the instance's metadata service", NULL},
    {"[default]\n" ROLE("A") "web_identity_token_file = /t\n",
        "profile default, role arn:aws:iam::1:role/A (web identity)", NULL},
    {"[default]\n" ROLE("A") "source_profile = b\n[profile b]\n" ROLE(
         "B") "web_identity_token_file = /t\n",
        "profile default, role arn:aws:iam::1:role/A from profile b, role arn:aws:iam::1:role/B "
        "(web identity)",
        NULL},
    {"[default]\ncredential_process = x\nsource_profile = b\n" KEYS("A"),
        "profile default (credential_process)", NULL},
    {"[default]\nsso_account_id = 1\nsso_region = r\nsso_role_name = R\nsso_start_url = u\n" KEYS(
         "A"),
        "profile default (SSO, role R of account 1)", NULL},
    {"[default]\nregion = r\n", "the instance's metadata service", NULL},

    {"[default]\n" ROLE("A"), NULL, "neither source_profile nor credential_source"},
    {"[default]\n" ROLE("A") "source_profile = b\ncredential_source = Environment\n", NULL,
        "are both there"},
    {"[default]\n" ROLE("A") "credential_source = Elsewhere\n", NULL, "\"Elsewhere\" is none of"},
    {"[default]\n" ROLE("A") "credential_source = EcsContainer\n", NULL, "are not set"},
    {"[default]\n" ROLE("A") "source_profile = b\n", NULL, "there is no profile b"},
    {"[default]\n" ROLE("A") "source_profile = b\n[profile b]\n", NULL, "has no credentials"},
    {"[default]\n" ROLE("A") "source_profile = b\n[profile b]\naws_access_key_id = B\n", NULL,
        "profile b: aws_access_key_id is there, aws_secret_access_key is not"},
    {"[default]\naws_secret_access_key = hidden\n", NULL, "aws_access_key_id is not"},
    {"[default]\n" ROLE("A") "source_profile = b\n[profile b]\n" ROLE(
         "B") "source_profile = default",
        NULL, "they form a circle"},
    {"[default]\n" KEYS("A")
            ROLE("A") "source_profile = b\n[profile b]\n" ROLE("B") "source_profile = default",
        NULL, "they form a circle"},
    {"[default]\n" ROLE("A") "source_profile = b\nmfa_serial = m\n[profile b]\n" KEYS("B"), NULL,
        "mfa_serial"},
    {"[default]\n" ROLE("A") "source_profile = b\nduration_seconds = 60\n[profile b]\n" KEYS("B"),
        NULL, "duration_seconds"},
    {"[default]\nweb_identity_token_file = /t\n", NULL, "role_arn is not"},
    {"[default]\nsso_region = r\nsso_role_name = R\nsso_start_url = u\n", NULL, "sso_account_id"},
    {"[default]\nsso_session = s\nsso_account_id = 1\n", NULL, "no [sso-session s]"},
    {"[default]\nsso_session = s\nsso_account_id = 1\nsso_role_name = R\nsso_region = a\n"
     "[sso-session s]\nsso_region = b\nsso_start_url = u\n",
        NULL, "sso_region is not the one of sso-session s"},
    {"[default]\nlogin_session = x\n", NULL, "login_session is not supported"},
    {"[default\n", NULL, "config:1: "},
};

static void test_profiles(void **state)
{
    (void)state;
    for (unsigned i = 0; i < ARRAY_LENGTH(profiles); i++) {
        struct setup setup;
        const int result = plan(&setup, "HOME=/h", profiles[i].config);

        if (profiles[i].source && result)
            fail_msg("%s%s", profiles[i].config, setup.err.message);
        if (profiles[i].error && !result)
            fail_msg("%swas not refused", profiles[i].config);
        if (profiles[i].source)
            assert_string_equal(setup.plan.source, profiles[i].source);
        if (profiles[i].error)
            assert_contains(setup.err.message, profiles[i].error);
        assert_null(strstr(setup.err.message, "hidden"));
        setup_deinit(&setup);
    }
}

static void test_keys_of_the_credentials_file_win_over_a_process(void **state)
{
    const struct plan_options options = {0};
    struct setup setup;

    (void)state;
    setup_init(&setup, NULL, "[default]\ncredential_process = x\n", "[default]\n" KEYS("A"));
    assert_ok(
        credentials_plan_make(&setup.settings, &options, &setup.arena, &setup.plan, &setup.err),
        &setup.err);
    assert_int_equal(setup.plan.kind, PLAN_STATIC);
    setup_deinit(&setup);
}

static void test_too_many_roles(void **state)
{
    struct buffer config;
    struct setup setup;

    (void)state;
    buffer_init(&config, 0);
    buffer_puts(&config, "[default]\nrole_arn = r\nsource_profile = p0\n");
    for (int i = 0; i < PLAN_ROLES_MAX; i++)
        buffer_printf(&config, "[profile p%d]\nrole_arn = r\nsource_profile = p%d\n", i, i + 1);
    assert_int_equal(plan(&setup, NULL, config.data), -1);
    assert_contains(setup.err.message, "too many roles");
    setup_deinit(&setup);
    buffer_deinit(&config);
}

static void test_order(void **state)
{
    static const char keys[] = "AWS_ACCESS_KEY_ID=A\nAWS_SECRET_ACCESS_KEY=hidden";
    static const char identity[] = "AWS_WEB_IDENTITY_TOKEN_FILE=/t\nAWS_ROLE_ARN=r\n"
                                   "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=/c";
    static const char container[] = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=/c";
    struct setup setup;

    (void)state;
    assert_ok(plan(&setup, keys, "[default]\n" KEYS("P")), &setup.err);
    assert_string_equal(setup.plan.access_key_id, "A");
    setup_deinit(&setup);
    assert_ok(plan(&setup, identity, "[default]\n" KEYS("P")), &setup.err);
    assert_string_equal(setup.plan.access_key_id, "P");
    setup_deinit(&setup);
    assert_ok(plan(&setup, identity, "[default]\nregion = r\n"), &setup.err);
    assert_int_equal(setup.plan.kind, PLAN_WEB_IDENTITY);
    assert_string_equal(setup.plan.sts_url, "https://sts.r.amazonaws.com");
    setup_deinit(&setup);
    assert_ok(plan(&setup, container, NULL), &setup.err);
    assert_int_equal(setup.plan.kind, PLAN_CONTAINER);
    setup_deinit(&setup);
    assert_ok(plan(&setup, " \nAWS_ACCESS_KEY_ID= \nAWS_SECRET_ACCESS_KEY=\n", NULL), &setup.err);
    assert_int_equal(setup.plan.kind, PLAN_METADATA);
    assert_true(setup.plan.only_guess);
    assert_contains(setup.plan.notes, "AWS_ACCESS_KEY_ID is not set; there is no profile default");
    setup_deinit(&setup);
    assert_int_equal(plan(&setup, "AWS_WEB_IDENTITY_TOKEN_FILE=/t", NULL), -1);
    assert_contains(setup.err.message, "AWS_ROLE_ARN is not");
    setup_deinit(&setup);
}

/* --- addresses --- */

static void test_container_urls(void **state)
{
    static const struct {
        const char *variables, *url, *error;
    } cases[] = {
        {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=/c?a=1", "http://169.254.170.2/c?a=1", NULL},
        {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=/c\n"
         "AWS_CONTAINER_CREDENTIALS_FULL_URI=http://localhost/x",
            "http://169.254.170.2/c", NULL},
        {"AWS_CONTAINER_CREDENTIALS_FULL_URI=https://any.test:8080/c", "https://any.test:8080/c",
            NULL},
        {"AWS_CONTAINER_CREDENTIALS_FULL_URI=http://localhost:8080/c", "http://localhost:8080/c",
            NULL},
        {"AWS_CONTAINER_CREDENTIALS_FULL_URI=http://127.1.2.3:80", "http://127.1.2.3:80", NULL},
        {"AWS_CONTAINER_CREDENTIALS_FULL_URI=http://[::1]:1/c", "http://[::1]:1/c", NULL},
        {"AWS_CONTAINER_CREDENTIALS_FULL_URI=http://169.254.170.23/c", "http://169.254.170.23/c",
            NULL},
        {"AWS_CONTAINER_CREDENTIALS_FULL_URI=http://[fd00:ec2::23]/c", "http://[fd00:ec2::23]/c",
            NULL},
        {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=c", NULL, "does not start with \"/\""},
        {"AWS_CONTAINER_CREDENTIALS_FULL_URI=/c", NULL, "does not start with http://"},
        {"AWS_CONTAINER_CREDENTIALS_FULL_URI=http://", NULL, "names no host"},
        {"AWS_CONTAINER_CREDENTIALS_FULL_URI=http:///c", NULL, "names no host"},
        {"AWS_CONTAINER_CREDENTIALS_FULL_URI=http://any.test/c", NULL, "may be asked"},
        {"AWS_CONTAINER_CREDENTIALS_FULL_URI=http://127.0.0.1.any.test/c", NULL, "may be asked"},
        {"AWS_CONTAINER_CREDENTIALS_FULL_URI=http://localhost.any.test/c", NULL, "may be asked"},
        {"AWS_CONTAINER_CREDENTIALS_FULL_URI=http://169.254.170.2@any.test/c", NULL, "a user"},
        {"AWS_CONTAINER_CREDENTIALS_FULL_URI=http://169.254.170.20/c", NULL, "may be asked"},
        {"AWS_CONTAINER_CREDENTIALS_FULL_URI=http://[::1", NULL, "may be asked"},
        {"AWS_CONTAINER_CREDENTIALS_FULL_URI=http://localhost/a b", NULL, "no URL may have"},
        {"", NULL, NULL},
    };

    (void)state;
    for (unsigned i = 0; i < ARRAY_LENGTH(cases); i++) {
        const char *url = NULL;
        struct setup setup;
        int result;

        setup_init(&setup, cases[i].variables, NULL, NULL);
        result = aws_container_url(&setup.environment, &setup.arena, &url, &setup.err);
        if ((result != 0) != (cases[i].error != NULL))
            fail_msg("%s: %s", cases[i].variables, setup.err.message);
        if (cases[i].error)
            assert_contains(setup.err.message, cases[i].error);
        else
            assert_true(text_equal(url, cases[i].url));
        setup_deinit(&setup);
    }
}

static void test_metadata_urls(void **state)
{
    static const struct {
        const char *variables, *config, *url;
    } cases[] = {
        {NULL, NULL, "http://169.254.169.254"},
        {"AWS_EC2_METADATA_SERVICE_ENDPOINT=http://x:456/", NULL, "http://x:456"},
        {NULL, "[default]\nec2_metadata_service_endpoint = http://y\n", "http://y"},
        {"AWS_EC2_METADATA_SERVICE_ENDPOINT=http://x",
            "[default]\nec2_metadata_service_endpoint = http://y\n", "http://x"},
        {"AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE=ipV6", NULL, "http://[fd00:ec2::254]"},
        {"AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE=IPv4",
            "[default]\nec2_metadata_service_endpoint_mode = IPv6\n", "http://169.254.169.254"},
        {"AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE=IPv7", NULL, NULL},
        {"AWS_EC2_METADATA_SERVICE_ENDPOINT=not a uri", NULL, NULL},
    };

    (void)state;
    for (unsigned i = 0; i < ARRAY_LENGTH(cases); i++) {
        const char *url = NULL;
        struct setup setup;

        setup_init(&setup, cases[i].variables, cases[i].config, NULL);
        assert_int_equal(aws_metadata_url(&setup.settings, &setup.arena, &url, &setup.err),
            cases[i].url ? 0 : -1);
        assert_true(text_equal(url, cases[i].url));
        setup_deinit(&setup);
    }
}

static void test_service_urls(void **state)
{
    static const struct {
        const char *variables, *region, *url;
        enum aws_service service;
    } cases[] = {
        {NULL, "eu-west-1", "https://sts.eu-west-1.amazonaws.com", AWS_STS},
        {NULL, "eu-west-1", "https://portal.sso.eu-west-1.amazonaws.com", AWS_SSO},
        {"AWS_USE_FIPS_ENDPOINT=true\nAWS_USE_DUALSTACK_ENDPOINT=TRUE", "us-east-2",
            "https://portal.sso-fips.us-east-2.api.aws", AWS_SSO},
        {"AWS_USE_FIPS_ENDPOINT=true", "us-gov-west-1", "https://sts.us-gov-west-1.amazonaws.com",
            AWS_STS},
        {"AWS_USE_DUALSTACK_ENDPOINT=true", "cn-north-1",
            "https://sts.cn-north-1.api.amazonwebservices.com.cn", AWS_STS},
        {NULL, "us-iso-east-1", "https://sts.us-iso-east-1.c2s.ic.gov", AWS_STS},
        {NULL, "us-isob-east-1", "https://sts.us-isob-east-1.sc2s.sgov.gov", AWS_STS},
        {"AWS_ENDPOINT_URL_SSO=http://x:1/\nAWS_ENDPOINT_URL=http://y", "r", "http://x:1", AWS_SSO},
        {"AWS_ENDPOINT_URL_SSO=http://x:1/\nAWS_ENDPOINT_URL=http://y", "r", "http://y", AWS_STS},
        {NULL, "evil.test/x", NULL, AWS_STS},
        {NULL, "-r", NULL, AWS_STS},
        {"AWS_ENDPOINT_URL=ftp://y", "r", NULL, AWS_STS},
        {"AWS_ENDPOINT_URL=http://name:hidden@y", "r", NULL, AWS_STS},
    };

    (void)state;
    for (unsigned i = 0; i < ARRAY_LENGTH(cases); i++) {
        const char *url = NULL;
        struct setup setup;

        setup_init(&setup, cases[i].variables, NULL, NULL);
        assert_int_equal(aws_service_url(&setup.settings, cases[i].service, cases[i].region,
                             &setup.arena, &url, &setup.err),
            cases[i].url ? 0 : -1);
        assert_true(text_equal(url, cases[i].url));
        assert_null(strstr(setup.err.message, "hidden"));
        setup_deinit(&setup);
    }
}

static void test_where_the_files_are(void **state)
{
    struct setup setup;
    char *path;

    (void)state;
    setup_init(&setup, "HOME=/h\nAWS_SHARED_CREDENTIALS_FILE=~/c", NULL, NULL);
    path = aws_profile_path(&setup.environment, PROFILE_CONFIG);
    assert_string_equal(path, "/h/.aws/config");
    free(path);
    path = aws_profile_path(&setup.environment, PROFILE_CREDENTIALS);
    assert_string_equal(path, "/h/c");
    free(path);
    setup_deinit(&setup);
    setup_init(&setup, "AWS_CONFIG_FILE=x", NULL, NULL);
    path = aws_profile_path(&setup.environment, PROFILE_CONFIG);
    assert_string_equal(path, "x");
    free(path);
    assert_null(aws_profile_path(&setup.environment, PROFILE_CREDENTIALS));
    setup_deinit(&setup);
}

/* --- words --- */

static void test_words(void **state)
{
    static const struct {
        const char *command, *words; /* each followed by "|"; NULL: refused */
    } cases[] = {
        {"a b", "a|b|"},
        {"  a\t b \n", "a|b|"},
        {"a 'b c' \"d e\"", "a|b c|d e|"},
        {"a'b'\"c\"d", "abcd|"},
        {"a \"x\\\"y\\\\z\\n\" '\\'", "a|x\"y\\z\\n|\\|"},
        {"a\\ b c\\'", "a b|c'|"},
        {"a '' \"\"", "a|||"},
        {"C:\\\\x \\", "C:\\x|\\|"},
        {"a $HOME `b` \"$c\" ~", "a|$HOME|`b`|$c|~|"},
        {"a 'b", NULL},
        {"a \"b\\\"", NULL},
        {"", NULL},
        {" \t", NULL},
        {"'' a", NULL},
    };

    (void)state;
    for (unsigned i = 0; i < ARRAY_LENGTH(cases); i++) {
        char **words = NULL;
        struct buffer joined;
        struct error err;

        buffer_init(&joined, 0);
        assert_int_equal(process_words(cases[i].command, &words, &err), cases[i].words ? 0 : -1);
        for (char **word = words; word && *word; word++)
            buffer_printf(&joined, "%s|", *word);
        assert_string_equal(joined.data, cases[i].words ? cases[i].words : "");
        buffer_deinit(&joined);
        free(words);
    }
}

static bool never(const void *data)
{
    (void)data;
    return false;
}

static bool at_once(const void *data)
{
    (void)data;
    return true;
}

static void test_a_process_ends_with_its_time(void **state)
{
    const struct process_limits limits = {100, 100};
    char *words[] = {(char *)"sh", (char *)"-c", (char *)"sleep 60 & wait", NULL};
    struct buffer output;
    struct error err;

    (void)state;
    buffer_init(&output, 0);
    assert_int_equal(process_run(words, &limits, never, NULL, &output, &err), -1);
    assert_int_equal(err.code, ERROR_TIMEOUT);
    assert_int_equal(process_run(words, &limits, at_once, NULL, &output, &err), -1);
    assert_int_equal(err.code, ERROR_STOPPED);
    assert_int_equal(output.length, 0);
    buffer_deinit(&output);
}

/* --- answers --- */

static const struct buffer *text_buffer(const char *text)
{
    static struct buffer buffer;

    buffer = (struct buffer){.data = (char *)text, .length = strlen(text)};
    return &buffer;
}

static void test_answers_of_sts(void **state)
{
    static const char *const wrong[] = {"", "<a>", "no XML: hidden", "<a/>",
        "<!DOCTYPE a [<!ENTITY x \"y\">]><a>&x;</a>",
        "<R><Credentials><AccessKeyId>A</AccessKeyId></Credentials></R>",
        "<R><Credentials><AccessKeyId>A B</AccessKeyId><SecretAccessKey>hidden</SecretAccessKey>"
        "<SessionToken>hidden</SessionToken></Credentials></R>",
        "<R><Credentials><AccessKeyId>A</AccessKeyId><SecretAccessKey>hidden</SecretAccessKey>"
        "<SessionToken>hidden</SessionToken><Expiration>hidden</Expiration></Credentials></R>"};
    struct error err = {0};
    struct aws_credentials *credentials;

    (void)state;
    for (unsigned i = 0; i < ARRAY_LENGTH(wrong); i++) {
        assert_null(answer_sts(text_buffer(wrong[i]), "x", &err));
        assert_int_equal(err.code, ERROR_DATA);
        assert_null(strstr(err.message, "hidden"));
    }
    credentials = answer_sts(text_buffer("<R><Credentials><AccessKeyId>A&amp;B</AccessKeyId>"
                                         "<SecretAccessKey>s<!-- -->s</SecretAccessKey>"
                                         "<SessionToken>t</SessionToken></Credentials>"
                                         "<Other><Arn>arn:aws:sts::7:x</Arn></Other></R>"),
        "x", &err);
    assert_non_null(credentials);
    assert_string_equal(credentials->access_key_id, "A&B");
    assert_string_equal(credentials->secret_access_key, "ss");
    assert_null(credentials->account_id);
    assert_int_equal(credentials->expires_ms, 0);
    aws_credentials_unref(credentials);

    credentials = answer_sts(
        text_buffer("<s:R xmlns:s=\"u\"><s:Credentials><s:AccessKeyId>A</s:AccessKeyId>"
                    "<s:SecretAccessKey>s</s:SecretAccessKey><s:SessionToken>t</s:SessionToken>"
                    "</s:Credentials><s:AssumedRoleUser><s:Arn>arn:aws:sts::7:x</s:Arn>"
                    "</s:AssumedRoleUser></s:R>"),
        "x", &err);
    assert_non_null(credentials);
    assert_string_equal(credentials->account_id, "7");
    aws_credentials_unref(credentials);
}

static void test_answers_in_json(void **state)
{
    static const char *const wrong[] = {"", "[]", "{", "{\"AccessKeyId\": \"hidden\"}",
        "{\"AccessKeyId\": \"\", \"SecretAccessKey\": \"hidden\"}",
        "{\"AccessKeyId\": \"A\\r\\nB\", \"SecretAccessKey\": \"hidden\"}",
        "{\"AccessKeyId\": \"A\", \"SecretAccessKey\": \"hidden\", \"Expiration\": \"hidden\"}",
        "{\"AccessKeyId\": \"A\", \"SecretAccessKey\": \"hidden\", hidden"};
    struct error err = {0};

    (void)state;
    for (unsigned i = 0; i < ARRAY_LENGTH(wrong); i++) {
        err = (struct error){0};
        assert_null(answer_metadata(text_buffer(wrong[i]), "x", &err));
        assert_int_equal(err.code, ERROR_DATA);
        assert_null(strstr(err.message, "hidden"));
        assert_null(answer_process(text_buffer(wrong[i]), "x", NULL, &err));
        assert_null(answer_sso(text_buffer(wrong[i]), "x", NULL, &err));
        assert_null(strstr(err.message, "hidden"));
    }
}

static void test_failures(void **state)
{
    static const struct {
        int status;
        const char *body, *message;
        enum error_class class;
    } cases[] = {
        {404, "", "x: HTTP 404", ERROR_PERMANENT},
        {503, "<html>", "x: HTTP 503", ERROR_TRANSIENT},
        {429, "{}", "x: HTTP 429", ERROR_TRANSIENT},
        {403, "{\"code\": \"Denied\", \"message\": \"a\\nb\"}", "x: HTTP 403, Denied: a\\nb",
            ERROR_PERMANENT},
        {400, "{\"__type\": \"ThrottlingException\"}", "x: HTTP 400, ThrottlingException",
            ERROR_TRANSIENT},
        {400,
            "<ErrorResponse><Error><Code>IDPCommunicationError</Code><Message>m</Message></Error>"
            "<RequestId>r</RequestId></ErrorResponse>",
            "x: HTTP 400, IDPCommunicationError: m (request r)", ERROR_TRANSIENT},
    };

    (void)state;
    for (unsigned i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct error err = {0};

        assert_int_equal(
            answer_failure(cases[i].status, text_buffer(cases[i].body), "x", &err), -1);
        assert_string_equal(err.message, cases[i].message);
        assert_int_equal(err.class, cases[i].class);
        assert_int_equal(err.detail, cases[i].status);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_profiles),
        cmocka_unit_test(test_keys_of_the_credentials_file_win_over_a_process),
        cmocka_unit_test(test_too_many_roles),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_container_urls),
        cmocka_unit_test(test_metadata_urls),
        cmocka_unit_test(test_service_urls),
        cmocka_unit_test(test_where_the_files_are),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_a_process_ends_with_its_time),
        cmocka_unit_test(test_answers_of_sts),
        cmocka_unit_test(test_answers_in_json),
        cmocka_unit_test(test_failures),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
