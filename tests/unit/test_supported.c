/* What is valid and not executed yet: each option is named with its place and a way out. */
#include "tests/unit/graph_fixture.h"

/* a ─ t ─ load.t: nothing in it is refused. */
static void set_up(struct fixture *fixture)
{
    fixture_init(fixture, 2);
    add_extract(fixture, "a");
    add_transform(fixture, "t", "select * from a");
    add_load(fixture, "t", "t");
    bind_put_range(&fixture->marks, &fixture->extracts[0], sizeof(struct extract),
        fixture->extracts[0].item.mark);
    bind_put_range(
        &fixture->marks, &fixture->loads[0], sizeof(struct load), fixture->loads[0].item.mark);
}

/* The one line about what the pipeline holds; NULL: nothing is refused. */
static void assert_refused(struct fixture *fixture, const char *line)
{
    struct diagnostics found;
    struct error err = {0};

    if (!build(fixture))
        fail_msg("the pipeline is wrong: %s", problem(fixture, 0));
    diagnostics_init(&found);
    graph_list_unsupported(fixture->graph, &found);
    assert_int_equal(found.count, line ? 1 : 0);
    diagnostics_deinit(&found);
    assert_int_equal(graph_check_supported(fixture->graph, &err), line ? -1 : 0);
    if (line) {
        assert_int_equal(err.code, ERROR_NOT_SUPPORTED);
        assert_string_equal(err.message, line);
    }
    fixture_deinit(fixture);
}

static void test_what_is_executed_is_not_refused(void **state)
{
    static const char *const urls[] = {"s3://b/k*.csv", "https://x/y.csv?a=b", "http://x/y.csv"};
    struct fixture fixture;
    struct partition_field months = {.transform = PARTITION_MONTH, .text = "month(d)"};
    struct check warns = {
        .kind = CHECK_ROW_COUNT, .severity = SEVERITY_WARN, .row_count = {.max = -1}};

    (void)state;
    set_up(&fixture);
    assert_refused(&fixture, NULL);

    set_up(&fixture);
    fixture.extracts[0].from = "file:///x.csv";
    fixture.extracts[0].on_bad_row = ON_BAD_ROW_SKIP;
    fixture.transforms[0].checks = (struct option_items){&warns, 1};
    fixture.loads[0].mode = MODE_OVERWRITE;
    fixture.loads[0].schema = SCHEMA_FREEZE;
    fixture.loads[0].partitions = &months;
    fixture.loads[0].partition_count = 1;
    assert_refused(&fixture, NULL);

    for (size_t i = 0; i < ARRAY_LENGTH(urls); i++) {
        set_up(&fixture);
        fixture.extracts[0].from = urls[i];
        assert_refused(&fixture, NULL);
    }

    set_up(&fixture);
    fixture.loads[0].into = NULL;
    fixture.loads[0].to = "s3://b/k.csv";
    assert_refused(&fixture, NULL);

    set_up(
        &fixture); /* a file whose name looks like a scheme of one letter, and no scheme at all */
    fixture.extracts[0].from = "c:x.csv";
    assert_refused(&fixture, NULL);
}

static void test_extracts(void **state)
{
    struct fixture fixture;
    const char *columns[] = {"ssn"};

    (void)state;
    set_up(&fixture);
    fixture.extracts[0].from = "gs://b/k.csv";
    assert_refused(&fixture, "p.yaml:10:3: extract.a.from: gs: cannot be executed by this version "
                             "yet; read a local file, s3:// or https://");
    set_up(&fixture);
    fixture.extracts[0].metadata = true;
    fixture.extracts[0].on_bad_row = ON_BAD_ROW_QUARANTINE;
    fixture.extracts[0].mask = (struct text_list){columns, 1};
    fixture.extracts[0].max_bad_rows = 5;
    assert_refused(&fixture, NULL);
}

static void test_tables(void **state)
{
    struct fixture fixture;
    struct partition_field fields[] = {{.transform = PARTITION_BUCKET, .text = "bucket(16, id)"},
        {.transform = PARTITION_TRUNCATE, .text = "truncate(2, id)"}};

    (void)state;
    for (int mode = MODE_APPEND; mode <= MODE_SCD2; mode++) {
        set_up(&fixture);
        fixture.loads[0].mode = mode;
        fixture.loads[0].partitions = fields;
        fixture.loads[0].partition_count = 2;
        assert_refused(&fixture, NULL);
    }
}

static void test_table_sources(void **state)
{
    struct fixture fixture;

    (void)state;
    set_up(&fixture);
    fixture.extracts[0].from = "catalog://a.b";
    assert_refused(&fixture, NULL);
}

static void test_files(void **state)
{
    struct fixture fixture;

    (void)state;
    set_up(&fixture);
    fixture.loads[0].into = NULL;
    fixture.loads[0].to = "https://x/y.csv";
    assert_refused(&fixture, "p.yaml:30:3: load.t.to: https: cannot be executed by this version "
                             "yet; write a local file or s3://");
    set_up(&fixture);
    fixture.loads[0].into = NULL;
    fixture.loads[0].to = "out.json";
    assert_refused(&fixture, "p.yaml:30:3: load.t.to: json cannot be executed by this version yet; "
                             "use csv, ndjson or parquet");
    set_up(&fixture);
    fixture.loads[0].into = NULL;
    fixture.loads[0].to = "out.json";
    fixture.loads[0].format = FORMAT_CSV;
    assert_refused(&fixture, NULL);
}

static void test_checks_and_secrets(void **state)
{
    struct fixture fixture;
    struct check checks[] = {
        {.kind = CHECK_ROW_COUNT, .row_count = {.max = -1}},
        {.kind = CHECK_ROW_COUNT, .severity = SEVERITY_QUARANTINE, .row_count = {.max = -1}},
    };
    struct option_pair secret = {"token", "extract.a.from", {12, 7}};

    (void)state;
    set_up(&fixture);
    fixture.transforms[0].checks = (struct option_items){checks, 2};
    assert_refused(&fixture, NULL);
    set_up(&fixture);
    fixture.pipeline.secrets = (struct option_pairs){&secret, 1};
    assert_refused(&fixture, "p.yaml:12:7: extract.a.from: ${secret.token} cannot be executed by "
                             "this version yet; use ${env.NAME}");
}

/* All of them are listed; the one that is told is the first of the file. */
static void test_the_first_is_told(void **state)
{
    struct fixture fixture;
    struct diagnostics found;
    struct error err = {0};

    (void)state;
    set_up(&fixture);
    fixture.loads[0].into = NULL;
    fixture.loads[0].to = "https://x/y.csv";
    fixture.extracts[0].from = "s3a://b/k.csv";
    assert_true(build(&fixture));
    diagnostics_init(&found);
    graph_list_unsupported(fixture.graph, &found);
    assert_int_equal(found.count, 2);
    diagnostics_deinit(&found);
    assert_int_equal(graph_check_supported(fixture.graph, &err), -1);
    assert_non_null(strstr(err.message, "p.yaml:10:3: extract.a.from"));
    fixture_deinit(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_executed_is_not_refused),
        cmocka_unit_test(test_extracts),
        cmocka_unit_test(test_tables),
        cmocka_unit_test(test_table_sources),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_checks_and_secrets),
        cmocka_unit_test(test_the_first_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
