/* Options of an environment as what its stores are opened with. */
#include "connectors/http/http_store.h"
#include "connectors/s3/s3_store.h"
#include "runner/cli/s3_settings.h"
#include "runner/cli/store_settings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_connections(void **state)
{
    static const struct {
        double gbps;
        int64_t concurrency;
        unsigned connections;
    } cases[] = {{0, 0, 64}, {10, 0, 25}, {10.1, 0, 26}, {100, 0, 250}, {0.1, 0, 10},
        {10000, 0, 4096}, {10, 1, 1}, {0, 256, 256}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        const struct s3_config s3 = {
            .throughput_target_gbps = cases[i].gbps, .concurrency = cases[i].concurrency};

        assert_int_equal(s3_settings_connections(&s3), cases[i].connections);
    }
}

static void test_every_option_arrives(void **state)
{
    static struct option_pair tags[] = {{"team", "data", {0}}}, metadata[] = {{"a", "b", {0}}};
    const struct store_type type = {.scheme = "s3"};
    const struct environment environment = {.s3 = {.region = "eu-west-1",
                                                .profile = "etl",
                                                .endpoint = "http://h",
                                                .ca_file = "/ca.pem",
                                                .addressing = "virtual",
                                                .part_size = 1,
                                                .memory = 2,
                                                .unsigned_access = true,
                                                .dual_stack = true,
                                                .fips = true,
                                                .accelerate = true,
                                                .requester_pays = true,
                                                .concurrency = 3,
                                                .checksums = "when_required",
                                                .storage_class = "GLACIER",
                                                .sse = "aws:kms",
                                                .sse_kms_key_id = "id",
                                                .tags = {tags, 1},
                                                .metadata = {metadata, 1}}};
    const struct s3_store_settings *settings;
    const struct s3_client_options *client;
    struct arena arena;

    (void)state;
    arena_init(&arena);
    settings = store_settings(&type, &environment, &arena);
    client = &settings->client;
    assert_string_equal(client->region, "eu-west-1");
    assert_string_equal(client->profile, "etl");
    assert_string_equal(client->endpoint, "http://h");
    assert_string_equal(client->ca_file, "/ca.pem");
    assert_int_equal(client->addressing, S3_ADDRESSING_VIRTUAL);
    assert_int_equal(client->part_bytes, 1);
    assert_int_equal(client->memory_bytes, 2);
    assert_int_equal(client->concurrency, 3);
    assert_true(client->unsigned_access && client->dual_stack && client->fips);
    assert_true(client->accelerate && client->requester_pays);
    assert_int_equal(client->request_checksums, S3_CHECKSUMS_WHEN_REQUIRED);
    assert_int_equal(client->response_checksums, S3_CHECKSUMS_WHEN_REQUIRED);
    assert_string_equal(settings->objects.storage_class, "GLACIER");
    assert_string_equal(settings->objects.sse, "aws:kms");
    assert_string_equal(settings->objects.sse_kms_key_id, "id");
    assert_int_equal(settings->objects.tag_count, 1);
    assert_string_equal(settings->objects.tags[0].value, "data");
    assert_int_equal(settings->objects.metadata_count, 1);
    assert_string_equal(settings->objects.metadata[0].name, "a");
    arena_deinit(&arena);
}

static void test_other_stores(void **state)
{
    const struct environment environment = {.http = {.ca_file = "/ca.pem"}};
    const struct store_type https = {.scheme = "https"}, file = {.scheme = "file"};
    const struct http_store_settings *settings;
    struct arena arena;

    (void)state;
    arena_init(&arena);
    settings = store_settings(&https, &environment, &arena);
    assert_string_equal(settings->ca_file, "/ca.pem");
    assert_null(store_settings(&file, &environment, &arena));
    arena_deinit(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_connections),
        cmocka_unit_test(test_every_option_arrives),
        cmocka_unit_test(test_other_stores),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
