#include "runner/cli/catalog_args.h"
#include "runner/cli/catalog_json.h"
#include "tests/unit/io_fixture.h"

#include <string.h>

struct arg {
    struct arena arena;
    struct error err;
};

static int setup(void **state)
{
    struct arg *arg = calloc(1, sizeof(*arg));

    arena_init(&arg->arena);
    *state = arg;
    return 0;
}

static int teardown(void **state)
{
    struct arg *arg = *state;

    arena_deinit(&arg->arena);
    free(arg);
    return 0;
}

static void test_locators(void **state)
{
    struct arg *arg = *state;
    struct catalog_locator at;

    assert_ok(catalog_args_locator(
                  "wild", CATALOG_ARG_NAMESPACE, CATALOG_ARG_VERSION, &arg->arena, &at, &arg->err),
        &arg->err);
    assert_string_equal(at.namespace, "wild");
    assert_null(at.table);
    assert_ok(catalog_args_locator("wild.strikes", CATALOG_ARG_TABLE, CATALOG_ARG_TABLE,
                  &arg->arena, &at, &arg->err),
        &arg->err);
    assert_string_equal(at.namespace, "wild");
    assert_string_equal(at.table, "strikes");
    assert_int_equal(at.version, 0);
    assert_ok(catalog_args_locator(
                  "w.s@12", CATALOG_ARG_TABLE, CATALOG_ARG_VERSION, &arg->arena, &at, &arg->err),
        &arg->err);
    assert_string_equal(at.table, "s");
    assert_int_equal(at.version, 12);
}

static void test_bad_locators(void **state)
{
    static const char *const bad[] = {"", ".", "a.", ".b", "a.b.c", "A.b", "a.b@", "a.b@0",
        "a.b@-1", "a.b@1x", "a.b@99999999999999999999", "a@1", "a b.c", "a.b@+1", "a.b@ 1"};
    struct arg *arg = *state;
    struct catalog_locator at;

    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
        error_clear(&arg->err);
        assert_int_equal(catalog_args_locator(bad[i], CATALOG_ARG_TABLE, CATALOG_ARG_VERSION,
                             &arg->arena, &at, &arg->err),
            -1);
        assert_int_equal(arg->err.code, ERROR_INVALID);
        assert_contains(arg->err.message, "NAMESPACE.TABLE@VERSION");
    }
    assert_int_equal(catalog_args_locator("a.b", CATALOG_ARG_NAMESPACE, CATALOG_ARG_NAMESPACE,
                         &arg->arena, &at, &arg->err),
        -1);
    assert_int_equal(catalog_args_locator("a.b@1", CATALOG_ARG_TABLE, CATALOG_ARG_TABLE,
                         &arg->arena, &at, &arg->err),
        -1);
}

static void test_values(void **state)
{
    const char *plain[] = {"2001-01", ""}, *json[] = {"[\"a\", null, \"\", \"[\"]"},
               *bad[] = {"[1]", "[", "[\"a\\u0000b\"]", "[[\"a\"]]"};
    struct arg *arg = *state;
    struct catalog_locator at = {0};
    struct text_list list = {.items = plain, .count = 2};

    assert_ok(catalog_args_values(&list, &arg->arena, &at, &arg->err), &arg->err);
    assert_int_equal(at.value_count, 2);
    assert_string_equal(at.values[0], "2001-01");
    assert_string_equal(at.values[1], "");
    list = (struct text_list){.items = json, .count = 1};
    assert_ok(catalog_args_values(&list, &arg->arena, &at, &arg->err), &arg->err);
    assert_int_equal(at.value_count, 4);
    assert_string_equal(at.values[0], "a");
    assert_null(at.values[1]);
    assert_string_equal(at.values[2], "");
    assert_string_equal(at.values[3], "[");
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
        list = (struct text_list){.items = &bad[i], .count = 1};
        assert_int_equal(catalog_args_values(&list, &arg->arena, &at, &arg->err), -1);
        assert_contains(arg->err.message, "--partition");
    }
}

static void test_columns(void **state)
{
    const char *texts[] = {"id BIGINT", "\"flight date\" DATE NOT NULL",
        "p  DECIMAL(10,2) not null", "s STRUCT(\"a b\" INTEGER)", "\"a \"\"b\"\"\" DATE"},
               *bad[] = {"id", "", " BIGINT", "\"id\"", "\"id", "id ", "\"\" BIGINT",
                   "\"a\"\" DATE", "\"a\"DATE"};
    struct arg *arg = *state;
    struct text_list list = {.items = texts, .count = ARRAY_LENGTH(texts)};
    struct catalog_column *columns;

    assert_ok(catalog_args_columns(&list, &arg->arena, &columns, &arg->err), &arg->err);
    assert_string_equal(columns[0].name, "id");
    assert_string_equal(columns[0].type, "BIGINT");
    assert_false(columns[0].required);
    assert_string_equal(columns[1].name, "flight date");
    assert_string_equal(columns[1].type, "DATE");
    assert_true(columns[1].required);
    assert_string_equal(columns[2].type, "DECIMAL(10,2)");
    assert_true(columns[2].required);
    assert_string_equal(columns[3].type, "STRUCT(\"a b\" INTEGER)");
    assert_string_equal(columns[4].name, "a \"b\"");
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
        list = (struct text_list){.items = &bad[i], .count = 1};
        assert_int_equal(catalog_args_columns(&list, &arg->arena, &columns, &arg->err), -1);
        assert_int_equal(arg->err.code, ERROR_INVALID);
    }
}

static void test_properties(void **state)
{
    struct option_pair items[] = {{.name = "a", .value = "x\"y"}, {.name = "b", .value = ""}};
    struct option_pairs pairs = {.items = items, .count = 2};
    struct arg *arg = *state;

    assert_string_equal(
        catalog_args_properties(&pairs, &arg->arena), "{\"a\":\"x\\\"y\",\"b\":\"\"}");
    pairs.count = 0;
    assert_null(catalog_args_properties(&pairs, &arg->arena));
}

/* What catalog_json_delta() writes is read back as it was. */
static void test_manifests(void **state)
{
    struct catalog_file files[] = {{.key = "n/t/1/ü %.parquet",
                                       .format = "parquet",
                                       .rows = 3,
                                       .bytes = 44,
                                       .content = CATALOG_DELETES,
                                       .schema_id = 2,
                                       .checksum = "crc32c:0a1b2c3d",
                                       .stats = "{\"1\":{\"min\":\"a\"}}",
                                       .bucket = 8},
        {.key = "x", .format = "parquet"}};
    const struct catalog_delta delta = {.id = "d", .files = files, .file_count = 2};
    struct arg *arg = *state;
    json_t *json = catalog_json_delta(&delta);
    char *line = json_line(json);
    struct catalog_file *found;
    size_t count;

    assert_ok(
        catalog_args_manifest(line, strlen(line), "m.json", &arg->arena, &found, &count, &arg->err),
        &arg->err);
    assert_int_equal(count, 2);
    assert_string_equal(found[0].key, files[0].key);
    assert_int_equal(found[0].rows, 3);
    assert_int_equal(found[0].bytes, 44);
    assert_int_equal(found[0].content, CATALOG_DELETES);
    assert_int_equal(found[0].schema_id, 2);
    assert_string_equal(found[0].checksum, files[0].checksum);
    assert_string_equal(found[0].stats, files[0].stats);
    assert_int_equal(found[0].bucket, 8);
    assert_int_equal(found[1].bucket, 0);
    assert_null(found[1].stats);
    free(line);
    json_decref(json);
}

static void test_bad_manifests(void **state)
{
    static const char *const bad[] = {"", "{", "1", "{}", "[1]", "[{\"key\":\"x\"}]",
        "[{\"key\":\"x\",\"rows\":-1,\"bytes\":1}]", "[{\"rows\":1,\"bytes\":1}]",
        "[{\"key\":\"x\",\"rows\":1,\"bytes\":1,\"content\":\"other\"}]"};
    struct arg *arg = *state;
    struct catalog_file *found;
    size_t count;

    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
        assert_int_equal(catalog_args_manifest(bad[i], strlen(bad[i]), "m.json", &arg->arena,
                             &found, &count, &arg->err),
            -1);
        assert_contains(arg->err.message, "m.json");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_locators, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bad_locators, setup, teardown),
        cmocka_unit_test_setup_teardown(test_values, setup, teardown),
        cmocka_unit_test_setup_teardown(test_columns, setup, teardown),
        cmocka_unit_test_setup_teardown(test_properties, setup, teardown),
        cmocka_unit_test_setup_teardown(test_manifests, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bad_manifests, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
