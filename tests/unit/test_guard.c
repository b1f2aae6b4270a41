#include "tests/unit/graph_fixture.h"

/* strikes ─ clean ─ load.clean, with airports joined in clean. Only `strikes` drives. */
static void pipeline(struct fixture *fixture)
{
    fixture_init(fixture, 4);
    add_extract(fixture, "strikes")->repeat = false;
    add_extract(fixture, "airports")->repeat = false;
    add_transform(fixture, "joined", "select * from strikes join airports");
    add_transform(fixture, "clean", "select * from joined");
    add_load(fixture, "clean", "clean");
}

static bool says(struct fixture *fixture, size_t index, const char *part)
{
    return strstr(problem(fixture, index), part) != NULL;
}

static void test_append_needs_increments(void **state)
{
    struct fixture fixture;

    (void)state;
    pipeline(&fixture);
    assert_false(build(&fixture));
    assert_int_equal(fixture.problems.count, 1);
    assert_true(says(&fixture, 0,
        "load.clean.mode: append would add all rows of extract.strikes again in each run; write "
        "`only_new: true`, `cursor: {column: …}` or `repeat: true` under extract.strikes (line "
        "10), or `mode: overwrite` here"));
    fixture_deinit(&fixture);

    pipeline(&fixture);
    fixture.extracts[0].only_new.enabled = true;
    expect_clean(&fixture);
    fixture.extracts[0].only_new.enabled = false;
    fixture.extracts[0].cursor.column = "id";
    expect_clean(&fixture);
    fixture.extracts[0].cursor.column = NULL;
    fixture.extracts[0].repeat = true;
    expect_clean(&fixture);
    fixture.extracts[0].repeat = false;
    fixture.extracts[1].repeat = true; /* not the driver */
    assert_false(build(&fixture));
    fixture_deinit(&fixture);

    for (int mode = MODE_OVERWRITE; mode <= MODE_DELETE; mode++) {
        pipeline(&fixture);
        fixture.loads[0].mode = mode;
        expect_clean(&fixture);
        fixture_deinit(&fixture);
    }
}

static void test_each_branch_of_a_union(void **state)
{
    struct fixture fixture;

    (void)state;
    pipeline(&fixture);
    fixture.extracts[0].only_new.enabled = true;
    set_sql(&fixture, &fixture.transforms[0], "select * from strikes union select * from airports");
    assert_false(build(&fixture));
    assert_int_equal(fixture.problems.count, 1);
    assert_true(says(&fixture, 0, "all rows of extract.airports again"));
    fixture_deinit(&fixture);

    pipeline(&fixture); /* both of them, an error each */
    set_sql(&fixture, &fixture.transforms[0], "select * from strikes union select * from airports");
    assert_false(build(&fixture));
    assert_int_equal(fixture.problems.count, 2);
    fixture_deinit(&fixture);

    pipeline(&fixture); /* a branch that nothing drives */
    fixture.extracts[0].only_new.enabled = true;
    set_sql(&fixture, &fixture.transforms[0], "select * from strikes join airports union select 1");
    assert_false(build(&fixture));
    assert_int_equal(fixture.problems.count, 1);
    assert_true(says(&fixture, 0, "some rows of clean come from no extract"));
    fixture.loads[0].mode = MODE_UPSERT;
    diagnostics_deinit(&fixture.problems);
    diagnostics_init(&fixture.problems);
    expect_clean(&fixture);
    assert_true(graph_find(fixture.graph, "load.clean")->undriven);
    fixture_deinit(&fixture);
}

static void test_overwrite_by_new_rows(void **state)
{
    struct fixture fixture;

    (void)state;
    pipeline(&fixture);
    fixture.extracts[0].only_new.enabled = true;
    fixture.loads[0].mode = MODE_OVERWRITE;
    assert_false(build(&fixture));
    assert_int_equal(fixture.problems.count, 1);
    assert_true(says(&fixture, 0,
        "load.clean.mode: overwrite would replace what is there by the new objects of "
        "extract.strikes alone; remove `only_new` from extract.strikes"));
    fixture_deinit(&fixture);

    pipeline(&fixture);
    fixture.extracts[0].only_new.enabled = true;
    fixture.loads[0].mode = MODE_OVERWRITE_PARTITIONS;
    assert_false(build(&fixture));
    assert_true(says(&fixture, 0, "load.clean.mode: overwrite_partitions would replace"));
    fixture_deinit(&fixture);

    pipeline(&fixture);
    fixture.extracts[0].only_new = (struct only_new){true, REREAD_PARTITION};
    fixture.loads[0].mode = MODE_OVERWRITE_PARTITIONS;
    expect_clean(&fixture);
    fixture_deinit(&fixture);
}

/* Whole folders come again: rows of theirs are there already, or are not, and nothing tells. */
static void test_reread_replaces_partitions_alone(void **state)
{
    static const enum load_mode modes[] = {
        MODE_APPEND, MODE_OVERWRITE, MODE_UPSERT, MODE_DELETE, MODE_SCD2};
    struct fixture fixture;

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(modes); i++) {
        pipeline(&fixture);
        fixture.extracts[0].only_new = (struct only_new){true, REREAD_PARTITION};
        fixture.loads[0].mode = modes[i];
        assert_false(build(&fixture));
        assert_true(says(&fixture, 0, "load.clean.mode: `reread: partition` of extract.strikes"));
        assert_true(says(&fixture, 0, "only `mode: overwrite_partitions`"));
        fixture_deinit(&fixture);
    }
    pipeline(&fixture);
    fixture.extracts[0].only_new = (struct only_new){true, REREAD_PARTITION};
    fixture.loads[0].into = NULL;
    fixture.loads[0].to = "x-${run.id}.csv";
    fixture.loads[0].to_per_run = true;
    assert_false(build(&fixture));
    assert_true(says(&fixture, 0, "load.clean.to: `reread: partition` of extract.strikes"));
    fixture_deinit(&fixture);
}

/* A run may read the table that it loads into: it reads what was committed before. */
static void test_a_table_read_and_written(void **state)
{
    struct fixture fixture;

    (void)state;
    pipeline(&fixture);
    fixture.extracts[0].from = "catalog://lake.clean";
    fixture.extracts[0].from_namespace = "lake";
    fixture.extracts[0].from_table = "clean";
    fixture.extracts[0].only_new.enabled = true;
    fixture.loads[0].into_namespace = "lake";
    fixture.loads[0].into_table = "other";
    expect_clean(&fixture);
    fixture.loads[0].into_table = "clean"; /* its own rows, again and again */
    assert_false(build(&fixture));
    assert_int_equal(fixture.problems.count, 1);
    assert_true(says(&fixture, 0, "what the run before added to it, again in each run"));
    fixture_deinit(&fixture);

    for (int mode = MODE_UPSERT; mode <= MODE_SCD2; mode++) {
        pipeline(&fixture);
        fixture.extracts[0].from_namespace = fixture.loads[0].into_namespace = "lake";
        fixture.extracts[0].from_table = fixture.loads[0].into_table = "clean";
        fixture.extracts[0].only_new.enabled = true;
        fixture.loads[0].mode = mode;
        expect_clean(&fixture);
        fixture_deinit(&fixture);
    }

    pipeline(&fixture);
    fixture.extracts[0].from_namespace = "lake";
    fixture.extracts[0].from_table = "strikes";
    fixture.extracts[0].only_new.enabled = true;
    fixture.loads[0].mode = MODE_OVERWRITE;
    assert_false(build(&fixture));
    assert_true(says(&fixture, 0, "by the new rows of extract.strikes alone"));
    assert_false(says(&fixture, 0, "reread"));
    fixture_deinit(&fixture);
}

/* What does not come ends: so all of it must come. */
static void test_absent_needs_all_rows(void **state)
{
    struct fixture fixture;

    (void)state;
    pipeline(&fixture);
    fixture.loads[0].mode = MODE_SCD2;
    fixture.loads[0].absent = ABSENT_CLOSE;
    expect_clean(&fixture);
    fixture.extracts[0].cursor.column = "id";
    assert_false(build(&fixture));
    assert_true(says(&fixture, 0, "load.clean.absent: close would end each row"));
    assert_true(says(&fixture, 0, "remove `cursor` from extract.strikes"));
    fixture_deinit(&fixture);

    pipeline(&fixture);
    fixture.loads[0].mode = MODE_SCD2;
    fixture.extracts[0].only_new.enabled = true;
    expect_clean(&fixture); /* absent: keep */
    fixture_deinit(&fixture);
}

static void test_to_needs_the_run(void **state)
{
    struct fixture fixture;

    (void)state;
    for (int per_run = 0; per_run < 2; per_run++) {
        pipeline(&fixture);
        fixture.extracts[0].only_new.enabled = true;
        fixture.loads[0].into = NULL;
        fixture.loads[0].to = "x-0190.csv";
        fixture.loads[0].to_per_run = per_run;
        assert_int_equal(build(&fixture), per_run);
        if (!per_run)
            assert_true(says(&fixture, 0,
                "load.clean.to: the next run would replace this file by the new rows of "
                "extract.strikes alone; put ${run.id} or ${run.due:%Y-%m-%d} into the path"));
        assert_int_equal(fixture.problems.count, per_run ? 0 : 1);
        fixture_deinit(&fixture);
    }

    pipeline(&fixture); /* read whole: the same file each time is right, and no mode matters */
    fixture.loads[0].into = NULL;
    fixture.loads[0].to = "x.csv";
    expect_clean(&fixture);
    fixture_deinit(&fixture);
}

static void test_only_joined(void **state)
{
    struct fixture fixture;

    (void)state;
    pipeline(&fixture);
    fixture.extracts[0].only_new.enabled = true;
    fixture.extracts[1].only_new.enabled = true;
    expect_problem(&fixture,
        "p.yaml:31:34: warning: transform.joined.sql: extract.airports is only joined here, but "
        "with `only_new` it holds the rows of new objects alone; remove `only_new` from it (line ");
    fixture_deinit(&fixture);
}

/* The lookup may be behind a transform of its own, and one warning is enough. */
static void test_joined_through_transforms(void **state)
{
    struct fixture fixture;

    (void)state;
    pipeline(&fixture);
    fixture.extracts[0].only_new.enabled = true;
    fixture.extracts[1].only_new.enabled = true;
    add_transform(&fixture, "lookup", "select * from airports");
    set_sql(&fixture, &fixture.transforms[0], "select * from strikes join lookup join airports");
    expect_problem(&fixture, "p.yaml:31:34: warning: transform.joined.sql: extract.airports");
    fixture_deinit(&fixture);

    pipeline(&fixture); /* what drives as well is not only joined */
    fixture.extracts[0].only_new.enabled = true;
    set_sql(&fixture, &fixture.transforms[1], "select * from joined join strikes");
    expect_clean(&fixture);
    fixture_deinit(&fixture);
}

/* What is not known is not judged: only the broken name is reported. */
static void test_nothing_follows_from_errors(void **state)
{
    struct fixture fixture;

    (void)state;
    pipeline(&fixture);
    set_sql(&fixture, &fixture.transforms[0], "select * from strikes join airprots");
    expect_problem(&fixture, "p.yaml:31:34: transform.joined.sql: no dataset is called "
                             "\"airprots\"; did you mean \"airports\"?");
    fixture_deinit(&fixture);
}

/* A cycle elsewhere does not keep the rest from being judged, nor is what needs it judged. */
static void test_beside_a_cycle(void **state)
{
    struct fixture fixture;

    (void)state;
    pipeline(&fixture);
    add_transform(&fixture, "a", "select * from b");
    add_transform(&fixture, "b", "select * from a");
    add_load(&fixture, "b", "b");
    assert_false(build(&fixture));
    assert_int_equal(fixture.problems.count, 2);
    assert_true(says(&fixture, 0, "load.clean.mode: append") ||
                says(&fixture, 1, "load.clean.mode: append"));
    fixture_deinit(&fixture);
}

/* --- graph_check_supported --- */

static const char *unsupported(struct fixture *fixture)
{
    struct error err = {0};

    if (!build(fixture))
        return problem(fixture, 0);
    if (graph_check_supported(fixture->graph, &err) == 0)
        return "";
    assert_int_equal(err.code, ERROR_NOT_SUPPORTED);
    return arena_strdup(&fixture->pipeline.arena, err.message);
}

/* Each makes the pipeline one that cannot be executed yet and says how the refusal reads; NULL
 * where there is no such number. */
static const char *spoil_extract(struct fixture *fixture, unsigned number)
{
    static struct option_pair secrets[] = {{"key", "extract.strikes.from", {12, 11}}};
    struct extract *extract = &fixture->extracts[0];

    switch (number) {
    case 0:
        extract->from = "gs://bucket/x.csv";
        return "extract.strikes.from: gs: cannot be executed by this version yet; read a local "
               "file, s3:// or https://";
    case 1:
        extract->from = "sftp://example.com/x.csv";
        return "extract.strikes.from: sftp: cannot";
    case 2:
        fixture->pipeline.secrets = (struct option_pairs){secrets, 1};
        return "p.yaml:12:11: extract.strikes.from: ${secret.key} cannot be executed by this "
               "version yet; use ${env.NAME}";
    case 3:
        extract->metadata = true;
        return "extract.strikes.metadata: cannot be executed";
    case 4:
        extract->only_new = (struct only_new){.enabled = true, .on_changed = ON_CHANGED_REPLACE};
        return "extract.strikes.only_new.on_changed: replace cannot";
    default:
        return NULL;
    }
}

static const char *spoil_load(struct fixture *fixture, unsigned number)
{
    struct load *load = &fixture->loads[0];

    switch (number) {
    case 0:
        load->to = "https://b/x.csv";
        load->to_per_run = true;
        return "load.clean.to: https: cannot be executed by this version yet; write a local file "
               "or s3://";
    case 1:
        load->to = "x.json";
        load->to_per_run = true;
        return "load.clean.to: json cannot";
    default:
        return NULL;
    }
}

static bool is_refused(const char *(*spoil)(struct fixture *, unsigned), unsigned number)
{
    struct fixture fixture;
    const char *expected, *message;

    pipeline(&fixture);
    fixture.extracts[0].only_new.enabled = true;
    expected = spoil(&fixture, number);
    if (expected) {
        message = unsupported(&fixture);
        if (!strstr(message, expected))
            assert_string_equal(message, expected);
    }
    fixture_deinit(&fixture);
    return expected != NULL;
}

static void test_unsupported(void **state)
{
    unsigned extracts = 0, loads = 0;

    (void)state;
    while (is_refused(spoil_extract, extracts))
        extracts++;
    while (is_refused(spoil_load, loads))
        loads++;
    assert_int_equal(extracts, 5);
    assert_int_equal(loads, 2);
}

static void test_supported(void **state)
{
    struct partition_field fields[] = {{PARTITION_IDENTITY, 0, "c", "c"},
        {PARTITION_YEAR, 0, "d", "year(d)"}, {PARTITION_MONTH, 0, "d", "month(d)"},
        {PARTITION_DAY, 0, "d", "day(d)"}, {PARTITION_HOUR, 0, "d", "hour(d)"},
        {PARTITION_BUCKET, 16, "c", "bucket(16, c)"}};
    struct fixture fixture;

    (void)state;
    pipeline(&fixture);
    fixture.extracts[0].only_new.enabled = true;
    fixture.extracts[0].from = "file:/data/*.csv.gz";
    fixture.extracts[0].on_bad_row = ON_BAD_ROW_SKIP;
    fixture.extracts[0].timezone = "Europe/Berlin";
    fixture.extracts[1].from = "a:b.csv";
    fixture.loads[0].partitions = fields;
    fixture.loads[0].partition_count = ARRAY_LENGTH(fields);
    fixture.loads[0].schema = SCHEMA_FREEZE;
    add_load(&fixture, "plain", "airports")->into = NULL;
    fixture.loads[1].to = "exports/x.ndjson.gz";
    assert_string_equal(unsupported(&fixture), "");
    fixture_deinit(&fixture);
}

/* All of them, and the first one of the file first. */
static void test_unsupported_list(void **state)
{
    struct fixture fixture;
    struct diagnostics problems;

    (void)state;
    pipeline(&fixture);
    fixture.extracts[0].from = "gs://bucket/x.csv";
    fixture.extracts[0].only_new = (struct only_new){.enabled = true};
    fixture.extracts[0].metadata = true;
    fixture.loads[0].to = "https://b/x.csv";
    fixture.loads[0].to_per_run = true;
    assert_true(build(&fixture));
    diagnostics_init(&problems);
    graph_list_unsupported(fixture.graph, &problems);
    assert_int_equal(problems.error_count, 3);
    diagnostics_deinit(&problems);
    fixture_deinit(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_append_needs_increments),
        cmocka_unit_test(test_each_branch_of_a_union),
        cmocka_unit_test(test_overwrite_by_new_rows),
        cmocka_unit_test(test_reread_replaces_partitions_alone),
        cmocka_unit_test(test_a_table_read_and_written),
        cmocka_unit_test(test_absent_needs_all_rows),
        cmocka_unit_test(test_to_needs_the_run),
        cmocka_unit_test(test_only_joined),
        cmocka_unit_test(test_joined_through_transforms),
        cmocka_unit_test(test_nothing_follows_from_errors),
        cmocka_unit_test(test_beside_a_cycle),
        cmocka_unit_test(test_unsupported),
        cmocka_unit_test(test_supported),
        cmocka_unit_test(test_unsupported_list),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
