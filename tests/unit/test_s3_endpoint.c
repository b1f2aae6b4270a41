/* Where buckets are: all of conformance/s3-endpoints, and what custom endpoints add. */
#include "connectors/s3/arn.h"
#include "connectors/s3/endpoint.h"
#include "connectors/s3/partition.h"
#include "runner/base/mem.h"
#include "runner/base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/conformance.h"

/* --- the vectors --- */

/* As the table in connectors/s3/README.md has them. */
enum unsupported { EXPRESS, MULTI_REGION, EXPRESS_CONTROL, LAMBDA_SERVICE, UNSUPPORTED_KINDS };
static const char *const kind_names[UNSUPPORTED_KINDS] = {"directory buckets",
    "multi-region access points", "`UseS3ExpressControlEndpoint`", "`UseObjectLambdaEndpoint`"};

struct tally {
    unsigned endpoints, errors, failed, unsupported[UNSUPPORTED_KINDS];
};

static bool flag(const json_t *params, const char *name)
{
    return json_is_true(json_object_get(params, name));
}

static struct s3_endpoint_params params_of(const json_t *params)
{
    return (struct s3_endpoint_params){
        .region = json_get_text(params, "Region"),
        .bucket = json_get_text(params, "Bucket"),
        .endpoint = json_get_text(params, "Endpoint"),
        .addressing = flag(params, "ForcePathStyle") ? S3_ADDRESSING_PATH : S3_ADDRESSING_VIRTUAL,
        .dual_stack = flag(params, "UseDualStack"),
        .fips = flag(params, "UseFIPS"),
        .accelerate = flag(params, "Accelerate"),
        .use_arn_region = !json_is_false(json_object_get(params, "UseArnRegion")),
        .disable_access_points = flag(params, "DisableAccessPoints"),
        .disable_multi_region_access_points = flag(params, "DisableMultiRegionAccessPoints"),
        .use_global_endpoint = flag(params, "UseGlobalEndpoint"),
    };
}

/* What is signed with version 4; NULL: it takes another version. */
static const json_t *scheme_of(const json_t *endpoint)
{
    const json_t *schemes = json_object_get(json_object_get(endpoint, "properties"), "authSchemes");
    size_t i;
    json_t *scheme;

    json_array_foreach(schemes, i, scheme)
    {
        if (strcmp(json_get_text(scheme, "name"), "sigv4") == 0)
            return scheme;
    }
    return NULL;
}

static bool is_expected(const json_t *expected, const struct s3_endpoint *found)
{
    const json_t *scheme = scheme_of(expected);
    const char *url = json_get_text(expected, "url");
    size_t length = strlen(url);
    char *ours = mem_printf("%s://%s%s", found->scheme, found->host, found->path);
    bool same;

    while (url[length - 1] == '/')
        length--;
    same = scheme && strlen(ours) == length && memcmp(ours, url, length) == 0 &&
           text_equal(found->sign_region, json_get_text(scheme, "signingRegion")) &&
           text_equal(found->sign_service, json_get_text(scheme, "signingName"));
    free(ours);
    return same;
}

static bool count_unsupported(
    const struct s3_endpoint_params *params, enum error_code code, struct tally *tally)
{
    if (code != ERROR_NOT_SUPPORTED)
        return false;
    if (text_ends(params->bucket, "--x-s3") || text_ends(params->bucket, "--xa-s3"))
        tally->unsupported[EXPRESS]++;
    else if (strstr(params->bucket, ":s3::"))
        tally->unsupported[MULTI_REGION]++;
    else
        return false;
    return true;
}

static void run_case(const json_t *vector, struct tally *tally)
{
    const struct s3_endpoint_params params = params_of(json_object_get(vector, "params"));
    const json_t *expected = json_object_get(vector, "expect");
    const char *message = json_get_text(expected, "error");
    struct s3_endpoint endpoint = {0};
    struct error err = {0};
    struct arena arena;

    arena_init(&arena);
    s3_endpoint_resolve(&params, &arena, &endpoint, &err);
    if (count_unsupported(&params, err.code, tally)) {
        assert_null(endpoint.host);
    } else if (message && err.code == ERROR_INVALID && text_starts(err.message, message)) {
        assert_null(endpoint.host);
        tally->errors++;
    } else if (!message && !err.code &&
               is_expected(json_object_get(expected, "endpoint"), &endpoint)) {
        tally->endpoints++;
    } else {
        char *text = json_line(vector);

        tally->failed++;
        print_error("%s\n  found: %s://%s%s (%s, %s), %s\n", text, endpoint.scheme, endpoint.host,
            endpoint.path, endpoint.sign_region, endpoint.sign_service, err.message);
        free(text);
    }
    arena_deinit(&arena);
}

/* What the README says how many there are of a kind; -1: nothing. */
static long documented(const char *readme, const char *kind)
{
    for (const char *line = readme; *line; line += strcspn(line, "\n"), line += *line ? 1 : 0) {
        if (text_starts(line, "| ") && text_starts(line + 2, kind) &&
            text_starts(line + 2 + strlen(kind), " | "))
            return strtol(line + 2 + strlen(kind) + 3, NULL, 10);
    }
    return -1;
}

static void expect_documented(const struct tally *tally)
{
    const char *folder = getenv("SLUICE_CONFORMANCE");
    char *path = mem_printf("%s/connectors/s3", getenv("SLUICE_ROOT"));
    size_t length;
    char *readme = conformance_text(path, "README.md", &length);

    assert_non_null(readme);
    for (size_t i = 0; i < UNSUPPORTED_KINDS; i++)
        print_message("  not supported: %s: %u\n", kind_names[i], tally->unsupported[i]);
    for (size_t i = 0; i < UNSUPPORTED_KINDS; i++) {
        const long count = documented(readme, kind_names[i]);

        assert_true(count > 0);
        if (!folder || !*folder) /* other cases have other counts */
            assert_int_equal(tally->unsupported[i], count);
    }
    free(readme);
    free(path);
}

static void every_vector_is_answered(void **state)
{
    char *folder = conformance_path("s3-endpoints");
    struct tally tally = {0};
    json_t *document, *vector;
    size_t i;

    (void)state;
    if (!folder)
        skip();
    document = conformance_json(folder, "endpoint-tests.json");
    assert_non_null(document);
    json_array_foreach(json_object_get(document, "testCases"), i, vector)
    {
        const json_t *params = json_object_get(vector, "params");

        if (flag(params, "UseS3ExpressControlEndpoint") && !json_get_text(params, "Bucket"))
            tally.unsupported[EXPRESS_CONTROL]++;
        else if (flag(params, "UseObjectLambdaEndpoint") && !json_get_text(params, "Bucket"))
            tally.unsupported[LAMBDA_SERVICE]++;
        else
            run_case(vector, &tally);
    }
    print_message("%zu cases: %u endpoints, %u errors as expected, %u wrong\n",
        json_array_size(json_object_get(document, "testCases")), tally.endpoints, tally.errors,
        tally.failed);
    assert_true(tally.endpoints > 0);
    assert_int_equal(tally.failed, 0);
    expect_documented(&tally);
    json_decref(document);
    free(folder);
}

/* --- our own --- */

static void expect_endpoint(
    const struct s3_endpoint_params *params, const char *url, bool path_style)
{
    struct s3_endpoint endpoint;
    struct error err = {0};
    struct arena arena;
    char *found;

    arena_init(&arena);
    if (s3_endpoint_resolve(params, &arena, &endpoint, &err))
        fail_msg("%s: %s", url, err.message);
    found = mem_printf("%s://%s%s", endpoint.scheme, endpoint.host, endpoint.path);
    assert_string_equal(found, url);
    assert_int_equal(endpoint.path_style, path_style);
    free(found);
    arena_deinit(&arena);
}

static void other_stores_are_addressed_by_path(void **state)
{
    static const struct {
        const char *endpoint;
        enum s3_addressing addressing;
        const char *url;
        bool path_style;
    } cases[] = {
        {"http://localhost:8333", S3_ADDRESSING_AUTO, "http://localhost:8333/bucket", true},
        {"http://127.0.0.1:8333/", S3_ADDRESSING_AUTO, "http://127.0.0.1:8333/bucket", true},
        {"http://[::1]:8333", S3_ADDRESSING_VIRTUAL, "http://[::1]:8333/bucket", true},
        {"HTTPS://store.example:443/base//", S3_ADDRESSING_AUTO,
            "https://store.example/base/bucket", true},
        {"http://store.example:80", S3_ADDRESSING_VIRTUAL, "http://bucket.store.example", false},
        {"https://store.example:80/base", S3_ADDRESSING_VIRTUAL,
            "https://bucket.store.example:80/base", false},
        {"https://vpce-1.s3.eu-west-1.vpce.amazonaws.com", S3_ADDRESSING_AUTO,
            "https://bucket.vpce-1.s3.eu-west-1.vpce.amazonaws.com", false},
        {"https://s3.cn-north-1.amazonaws.com.cn:8443", S3_ADDRESSING_AUTO,
            "https://bucket.s3.cn-north-1.amazonaws.com.cn:8443", false},
        {"https://notamazonaws.com", S3_ADDRESSING_AUTO, "https://notamazonaws.com/bucket", true},
        {NULL, S3_ADDRESSING_AUTO, "https://bucket.s3.eu-west-1.amazonaws.com", false},
        {NULL, S3_ADDRESSING_PATH, "https://s3.eu-west-1.amazonaws.com/bucket", true},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        const struct s3_endpoint_params params = {.region = "eu-west-1",
            .bucket = "bucket",
            .endpoint = cases[i].endpoint,
            .addressing = cases[i].addressing};

        expect_endpoint(&params, cases[i].url, cases[i].path_style);
    }
}

static void what_is_no_endpoint_is_refused(void **state)
{
    static const char *const bad[] = {"", "localhost:8333", "ftp://host", "http://", "http:///base",
        "http://:80", "http://host:port", "http://host name", "http://host/a b", "http://host/?a=b",
        "http://host#x", "http://[::1", "http://[1.2.3.4]", "http://[::1]x", "http://a]b",
        "http://host\n", "http://h%6fst"};
    struct s3_endpoint_params params = {.region = "eu-west-1", .bucket = "bucket"};
    struct s3_endpoint endpoint = {.host = "untouched"};
    struct arena arena;
    struct error err;

    (void)state;
    arena_init(&arena);
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
        params.endpoint = bad[i];
        assert_int_equal(s3_endpoint_resolve(&params, &arena, &endpoint, &err), -1);
        assert_int_equal(err.code, ERROR_INVALID);
        assert_non_null(strstr(err.message, "was not a valid URI"));
    }
    params.endpoint = "https://key:secret@host";
    assert_int_equal(s3_endpoint_resolve(&params, &arena, &endpoint, &err), -1);
    assert_null(strstr(err.message, "secret"));
    assert_string_equal(endpoint.host, "untouched");
    arena_deinit(&arena);
}

static void what_contradicts_itself_is_refused(void **state)
{
    static const struct {
        struct s3_endpoint_params params;
        const char *message;
    } cases[] = {
        {{.bucket = "bucket"}, "A region must be set when sending requests to S3."},
        {{.region = "", .bucket = "bucket"}, "Invalid region: region was not a valid DNS name."},
        {{.region = "a.b/c", .bucket = "bucket"},
            "Invalid region: region was not a valid DNS name."},
        {{.region = "evil.example/", .bucket = "Bucket_1"},
            "Invalid region: region was not a valid DNS name."},
        {{.region = "us-east-1", .bucket = ""}, "the name of the bucket is empty"},
        {{.region = "eu-west-1",
             .bucket = "arn:aws:s3:us-west-2:123456789012:accesspoint/ap",
             .addressing = S3_ADDRESSING_AUTO},
            "Invalid configuration: region from ARN `us-west-2` does not match client region "
            "`eu-west-1` and UseArnRegion is `false`"},
        {{.region = "us-west-2", .bucket = "arn:aws:s3:us-west-2:123456789012:accesspoint"},
            "Invalid ARN: Expected a resource of the format `accesspoint:<accesspoint name>` but "
            "no name was provided"},
        {{.region = "us-west-2", .bucket = "arn:aws:s3:::bucket"},
            "Invalid ARN: Unrecognized format: arn:aws:s3:::bucket (type: bucket)"},
        {{.region = "us-west-2",
             .bucket = "arn:aws:s3-outposts:us-west-2:123456789012:outpost/op-1/accesspoint/a/b"},
            "Invalid Arn: Outpost Access Point ARN contains sub resources"},
        {{.region = "us-west-2",
             .bucket = "arn:aws:s3-outposts:us-west-2:123456789012:outpost/op_1/accesspoint/a"},
            "Invalid ARN: The outpost Id may only contain a-z, A-Z, 0-9 and `-`. Found: `op_1`"},
        {{.region = "us-west-2",
             .bucket = "arn:aws:s3-outposts:us-west-2:123456789012:outpost/op-1/bucket/a"},
            "Expected an outpost type `accesspoint`, found bucket"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct s3_endpoint endpoint;
        struct arena arena;
        struct error err;

        arena_init(&arena);
        assert_int_equal(s3_endpoint_resolve(&cases[i].params, &arena, &endpoint, &err), -1);
        assert_int_equal(err.code, ERROR_INVALID);
        assert_string_equal(err.message, cases[i].message);
        arena_deinit(&arena);
    }
}

static void names_of_buckets_are_judged(void **state)
{
    static const struct {
        const char *name;
        bool valid, plain, dots;
    } cases[] = {
        {"abc", true, true, true},
        {"ab", false, false, false},
        {"a.b.c", true, false, false},
        {"abc.def", true, false, true},
        {"abc..def", false, false, false},
        {"Abc", false, false, false},
        {"a_c", false, false, false},
        {"-abc", false, false, false},
        {"abc-", false, false, false},
        {"192.168.1.100", false, false, false},
        {"", false, false, false},
        {"0123456789012345678901234567890123456789012345678901234567890ab", true, true, true},
        {"0123456789012345678901234567890123456789012345678901234567890abc", false, false, false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        assert_int_equal(s3_bucket_name_valid(cases[i].name), cases[i].valid);
        assert_int_equal(s3_bucket_name_virtual(cases[i].name, false), cases[i].plain);
        assert_int_equal(s3_bucket_name_virtual(cases[i].name, true), cases[i].dots);
    }
}

static void regions_lie_in_partitions(void **state)
{
    static const char *const cases[][2] = {
        {"us-east-1", "aws"},
        {"mx-central-1", "aws"},
        {"xx-new-1", "aws"},
        {"cn-northwest-1", "aws-cn"},
        {"cn-odd", "aws"},
        {"cn-odd-", "aws"},
        {"cn--1", "aws"},
        {"us-gov-west-1", "aws-us-gov"},
        {"us-iso-east-1", "aws-iso"},
        {"us-isob-east-1", "aws-iso-b"},
        {"eu-isoe-west-1", "aws-iso-e"},
        {"us-isof-south-1", "aws-iso-f"},
        {"eusc-de-east-1", "aws-eusc"},
        {"aws-cn-global", "aws-cn"},
        {"aws-global", "aws"},
        {"", "aws"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++)
        assert_string_equal(s3_partition_of(cases[i][0])->name, cases[i][1]);
    assert_true(s3_partition_has_host("s3.amazonaws.com"));
    assert_false(s3_partition_has_host("amazonaws.com"));
    assert_false(s3_partition_has_host("s3amazonaws.com"));
}

static void arns_are_taken_apart(void **state)
{
    static const char *const bad[] = {"", "bucket", "arn", "arn:aws", "arn:aws:s3:r:a", "arn:::::x",
        "arn:aws::r:a:x", "arn::s3:r:a:x", "arn:aws:s3:r:a:"};
    struct arena arena;
    struct s3_arn arn;

    (void)state;
    arena_init(&arena);
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++)
        assert_false(s3_arn_parse(bad[i], &arena, &arn));
    assert_true(s3_arn_parse("arn:aws-cn:s3::1:a/b:c//", &arena, &arn));
    assert_string_equal(arn.partition, "aws-cn");
    assert_string_equal(arn.service, "s3");
    assert_string_equal(arn.region, "");
    assert_string_equal(arn.account, "1");
    assert_int_equal(arn.part_count, 5);
    assert_string_equal(arn.parts[2], "c");
    assert_string_equal(arn.parts[4], "");
    assert_true(s3_arn_parse("arn:aws:s3:::1/2/3/4/5/6/7/8/9", &arena, &arn));
    assert_int_equal(arn.part_count, 9);
    assert_string_equal(arn.parts[7], "8");
    arena_deinit(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_vector_is_answered),
        cmocka_unit_test(other_stores_are_addressed_by_path),
        cmocka_unit_test(what_is_no_endpoint_is_refused),
        cmocka_unit_test(what_contradicts_itself_is_refused),
        cmocka_unit_test(names_of_buckets_are_judged),
        cmocka_unit_test(regions_lie_in_partitions),
        cmocka_unit_test(arns_are_taken_apart),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
