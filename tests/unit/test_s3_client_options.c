/* What a client takes from options, environment and profile, and what follows from it. */
#include "runner/base/text.h"
#include "tests/unit/s3_fixture.h"

static void set_variables(const char *const *pairs, bool set)
{
    for (; pairs[0]; pairs += 2) {
        if (set)
            setenv(pairs[0], pairs[1], 1);
        else
            unsetenv(pairs[0]);
    }
}

static struct s3_client *open_client(struct loop *loop, const struct s3_client_options *options,
    const char *const *variables, struct error *err)
{
    struct s3_client_options own = *options;
    struct s3_client *client;

    own.loop = loop;
    set_variables(variables, true);
    client = s3_client_new(&own, err);
    set_variables(variables, false);
    return client;
}

static void write_config(char path[64], const char *text)
{
    int fd;

    snprintf(path, 64, "/tmp/sluice-test-XXXXXX");
    fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    setenv("AWS_CONFIG_FILE", path, 1);
}

static void remove_config(const char *path)
{
    setenv("AWS_CONFIG_FILE", "/dev/null", 1);
    unlink(path);
}

static const char profiles[] = "[default]\n"
                               "region = eu-north-1\n"
                               "endpoint_url = http://profile\n"
                               "max_attempts = 2\n"
                               "[profile services]\n"
                               "services = mine\n"
                               "endpoint_url = http://profile\n"
                               "s3_use_arn_region = false\n"
                               "request_checksum_calculation = WHEN_REQUIRED\n"
                               "response_checksum_validation = when_required\n"
                               "[services mine]\n"
                               "sts =\n  endpoint_url = http://sts\n"
                               "s3 =\n  endpoint_url = http://services\n"
                               "[profile ignores]\n"
                               "endpoint_url = http://profile\n"
                               "ignore_configured_endpoint_urls = true\n"
                               "use_fips_endpoint = true\n"
                               "use_dualstack_endpoint = true\n";

static void test_what_is_left_open_comes_from_environment_and_profile(void **state)
{
    static const struct {
        const char *variables[5];
        struct s3_client_options options, found;
    } cases[] = {
        {{"AWS_ENDPOINT_URL", "http://a", NULL}, {0}, {.endpoint = "http://a"}},
        {{"AWS_ENDPOINT_URL", "http://a", "AWS_ENDPOINT_URL_S3", "http://b", NULL}, {0},
            {.endpoint = "http://b"}},
        {{"AWS_ENDPOINT_URL", "http://a", NULL}, {.endpoint = "http://o"},
            {.endpoint = "http://o"}},
        {{"AWS_ENDPOINT_URL_S3", "http://b", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true", NULL},
            {0}, {0}},
        {{"AWS_ENDPOINT_URL_S3", "", NULL}, {0}, {.endpoint = "http://profile"}},
        {{NULL}, {.profile = "services"}, {.endpoint = "http://services", .own_region_only = true}},
        {{"AWS_ENDPOINT_URL", "http://a", NULL}, {.profile = "services"},
            {.endpoint = "http://a", .own_region_only = true}},
        {{"AWS_PROFILE", "services", "AWS_S3_USE_ARN_REGION", "true", NULL}, {0},
            {.endpoint = "http://services"}},
        {{"AWS_PROFILE", "ignores", NULL}, {0}, {.fips = true, .dual_stack = true}},
        {{"AWS_PROFILE", "ignores", "AWS_USE_FIPS_ENDPOINT", "false", NULL}, {0},
            {.dual_stack = true}},
        {{"AWS_REGION", "ap-south-1", NULL}, {.profile = "services"},
            {.endpoint = "http://services", .region = "ap-south-1", .own_region_only = true}},
        {{NULL}, {0},
            {.endpoint = "http://profile", .region = "eu-north-1", .retry = {.attempts = 2}}},
        {{"AWS_MAX_ATTEMPTS", "7", NULL}, {0},
            {.endpoint = "http://profile", .retry = {.attempts = 7}}},
        {{"AWS_MAX_ATTEMPTS", "7", NULL}, {.retry = {.attempts = 3}},
            {.endpoint = "http://profile", .retry = {.attempts = 3}}},
    };
    struct loop loop;
    char path[64];

    (void)state;
    write_config(path, profiles);
    fixture_loop_init(&loop);
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        const struct s3_client_options *wanted = &cases[i].found, *found;
        struct error err = {0};
        struct s3_client *client = open_client(&loop, &cases[i].options, cases[i].variables, &err);

        if (!client)
            fail_msg("case %zu: %s", i, err.message);
        found = s3_client_options(client);
        if (!text_equal(found->endpoint, wanted->endpoint))
            fail_msg("case %zu: endpoint %s", i, found->endpoint);
        if (wanted->region)
            assert_string_equal(found->region, wanted->region);
        if (wanted->retry.attempts)
            assert_int_equal(found->retry.attempts, wanted->retry.attempts);
        assert_int_equal(found->fips, wanted->fips);
        assert_int_equal(found->dual_stack, wanted->dual_stack);
        assert_int_equal(found->own_region_only, wanted->own_region_only);
        s3_client_free(client);
        loop_run(&loop);
    }
    fixture_loop_deinit(&loop);
    remove_config(path);
}

static void test_what_nobody_says_has_a_default(void **state)
{
    static const char *const nothing[] = {NULL};
    const struct s3_client_options options = {.profile = "services"};
    const struct s3_client_options *found;
    struct error err = {0};
    struct s3_client *client;
    struct loop loop;
    char path[64];

    (void)state;
    fixture_loop_init(&loop);
    write_config(path, profiles);
    client = open_client(&loop, &options, nothing, &err);
    remove_config(path);
    assert_non_null(client);
    found = s3_client_options(client);
    assert_string_equal(found->region, "us-east-1");
    assert_int_equal(found->part_bytes, 8 * 1024 * 1024);
    assert_int_equal(found->retry.attempts, 5);
    assert_int_equal(found->retry.max_backoff_ms, 20000);
    assert_int_equal(found->request_checksums, S3_CHECKSUMS_WHEN_REQUIRED);
    assert_int_equal(found->response_checksums, S3_CHECKSUMS_WHEN_REQUIRED);
    s3_client_free(client);
    loop_run(&loop);
    fixture_loop_deinit(&loop);
}

static void test_options_that_cannot_be_used(void **state)
{
    static const struct {
        struct s3_client_options options;
        const char *variables[3], *words;
    } cases[] = {
        {{.part_bytes = 1024}, {NULL}, "s3.part_size"},
        {{.part_bytes = S3_PART_BYTES_MAX + 1}, {NULL}, "s3.part_size"},
        {{.concurrency = 10001}, {NULL}, "s3.concurrency"},
        {{.region = "EU West"}, {NULL}, "s3.region: \"EU West\""},
        {{.endpoint = "localhost:8333"}, {NULL}, "s3.endpoint: \"localhost:8333\""},
        {{.ca_file = "no/such.pem"}, {NULL}, "no/such.pem"},
        {{0}, {"AWS_REQUEST_CHECKSUM_CALCULATION", "maybe", NULL}, "when_supported"},
        {{0}, {"AWS_CA_BUNDLE", "no/such/bundle.pem", NULL}, "no/such/bundle.pem"},
        {{0}, {"AWS_REGION", "EU_west", NULL}, "AWS_REGION: \"EU_west\""},
        {{0}, {"AWS_DEFAULT_REGION", "EU_west", NULL}, "AWS_DEFAULT_REGION: \"EU_west\""},
        {{0}, {"AWS_MAX_ATTEMPTS", "0", NULL}, "AWS_MAX_ATTEMPTS: \"0\""},
        {{0}, {"AWS_MAX_ATTEMPTS", "5x", NULL}, "AWS_MAX_ATTEMPTS: \"5x\""},
        {{0}, {"AWS_ENDPOINT_URL_S3", "localhost", NULL}, "AWS_ENDPOINT_URL_S3: \"localhost\""},
        {{0}, {"AWS_ENDPOINT_URL", "http://", NULL}, "AWS_ENDPOINT_URL: \"http://\" is no"},
        {{.endpoint = "http://h/?token=hidden"}, {NULL}, "s3.endpoint: \"http://h/\" is no"},
        {{.endpoint = "http://name:hidden@h"}, {NULL}, "s3.endpoint: a name or a password"},
        {{.endpoint = "htp://name:hidden@h"}, {NULL}, "s3.endpoint: a name or a password"},
        {{.endpoint = "name:hidden@h"}, {NULL}, "s3.endpoint: a name or a password"},
        {{0}, {"AWS_ENDPOINT_URL_S3", "https://name:hidden@h/x", NULL},
            "AWS_ENDPOINT_URL_S3: a name or a password"},
    };
    struct loop loop;

    (void)state;
    fixture_loop_init(&loop);
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct error err = {0};

        assert_null(open_client(&loop, &cases[i].options, cases[i].variables, &err));
        assert_int_equal(err.code, ERROR_INVALID);
        assert_contains(err.message, cases[i].words);
        assert_null(strstr(err.message, "hidden"));
    }
    loop_run(&loop);
    fixture_loop_deinit(&loop);
}

static void test_whose_store_it_is(void **state)
{
    static const struct {
        const char *endpoint;
        bool aws;
    } cases[] = {
        {NULL, true},
        {"https://s3.eu-west-1.amazonaws.com", true},
        {"http://bucket.vpce-1a2b.s3.us-east-1.vpce.amazonaws.com:80/", true},
        {"https://s3.cn-north-1.amazonaws.com.cn", true},
        {"https://s3.amazonaws.com.evil.example", false},
        {"https://notamazonaws.com", false},
        {"http://127.0.0.1:8333", false},
    };
    static const char *const nothing[] = {NULL};
    struct loop loop;

    (void)state;
    fixture_loop_init(&loop);
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        const struct s3_client_options options = {.endpoint = cases[i].endpoint};
        struct error err = {0};
        struct s3_client *client = open_client(&loop, &options, nothing, &err);

        assert_non_null(client);
        assert_int_equal(s3_client_is_aws(client), cases[i].aws);
        assert_int_equal(s3_client_checksums_unproven(client), !cases[i].aws);
        s3_client_free(client);
        loop_run(&loop);
    }
    fixture_loop_deinit(&loop);
}

static void test_places_of_aws(void **state)
{
    static const char *const nothing[] = {NULL};
    const struct s3_client_options options = {.region = "eu-west-1"};
    struct error err = {0};
    struct s3_client *client;
    struct s3_place *place;
    struct loop loop;

    (void)state;
    fixture_loop_init(&loop);
    client = open_client(&loop, &options, nothing, &err);
    assert_non_null(client);
    assert_ok(s3_client_place(client, "bucket", &place, &err), &err);
    assert_string_equal(place->endpoint.host, "bucket.s3.eu-west-1.amazonaws.com");
    assert_true(s3_client_learn_region(client, "bucket", "ap-south-1"));
    assert_ok(s3_client_place(client, "bucket", &place, &err), &err);
    assert_string_equal(place->endpoint.host, "bucket.s3.ap-south-1.amazonaws.com");
    assert_int_equal(s3_client_place(client, "arn:aws:s3:::nothing", &place, &err), -1);
    assert_int_equal(err.code, ERROR_INVALID);
    assert_false(s3_client_checksums_unproven(client));
    assert_true(s3_client_sends_checksums(client));
    s3_client_free(client);
    loop_run(&loop);
    fixture_loop_deinit(&loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_left_open_comes_from_environment_and_profile),
        cmocka_unit_test(test_what_nobody_says_has_a_default),
        cmocka_unit_test(test_options_that_cannot_be_used),
        cmocka_unit_test(test_whose_store_it_is),
        cmocka_unit_test(test_places_of_aws),
    };

    return cmocka_run_group_tests_name("s3_client_options", tests, NULL, NULL);
}
