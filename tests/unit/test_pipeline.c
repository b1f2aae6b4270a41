#include "config/environment.h"
#include "config/interpolate.h"
#include "config_fixture.h"

#include <stdlib.h>

static const char *const birds = "schedule: \"15 6 * * *\"\n"
                                 "params:\n"
                                 "  since: {type: date, default: yesterday}\n"
                                 "  must: int\n"
                                 "defaults: {retry: {attempts: 7, backoff: 2s}, timeout: 9m}\n"
                                 "extract:\n"
                                 "  strikes:\n"
                                 "    from: data/*.csv.gz\n"
                                 "    only_new: {reread: partition}\n"
                                 "    csv: {skip: 2}\n"
                                 "    retry: {backoff: 1s}\n"
                                 "transform:\n"
                                 "  clean:\n"
                                 "    sql: |\n"
                                 "      select *\n"
                                 "        from strikes\n"
                                 "    checks:\n"
                                 "      - not_null: [a, b]\n"
                                 "      - sql: select true\n"
                                 "        severity: warn\n"
                                 "load:\n"
                                 "  clean:\n"
                                 "    into: wild.strikes\n"
                                 "    mode: upsert\n"
                                 "    key: [id]\n"
                                 "    partition_by: [region, \"bucket(16, id)\"]\n"
                                 "  out:\n"
                                 "    from: clean\n"
                                 "    to: out/${run.id}.csv\n";

static void what_is_written_is_bound(void **state)
{
    struct pipeline *pipeline = good_pipeline(birds, NULL);
    struct extract *strikes = pipeline_extract(pipeline, "strikes");
    struct load *clean = pipeline_load_named(pipeline, "clean");
    struct load *out = pipeline_load_named(pipeline, "out");
    struct check *checks = pipeline_transform(pipeline, "clean")->checks.items;

    (void)state;
    assert_string_equal(pipeline->name, "x");
    assert_string_equal(pipeline->timezone, "UTC");
    assert_string_equal(strikes->from, "data/*.csv.gz");
    assert_true(strikes->only_new.enabled);
    assert_int_equal(strikes->only_new.reread, REREAD_PARTITION);
    assert_int_equal(strikes->format, FORMAT_CSV);
    assert_int_equal(strikes->compression, COMPRESSION_AUTO);
    assert_int_equal(strikes->csv.skip, 2);
    assert_true(strikes->csv.header);
    assert_int_equal(checks[0].kind, CHECK_NOT_NULL);
    assert_string_equal(checks[0].title, "not_null(a, b)");
    assert_int_equal(checks[1].kind, CHECK_SQL);
    assert_int_equal(checks[1].severity, SEVERITY_WARN);
    assert_string_equal(clean->from, "clean");
    assert_string_equal(clean->into_namespace, "wild");
    assert_string_equal(clean->into_table, "strikes");
    assert_int_equal(clean->partition_count, 2);
    assert_int_equal(clean->partitions[0].transform, PARTITION_IDENTITY);
    assert_int_equal(clean->partitions[1].transform, PARTITION_BUCKET);
    assert_int_equal(clean->partitions[1].width, 16);
    assert_string_equal(clean->partitions[1].column, "id");
    assert_int_equal(out->format, FORMAT_CSV);
    assert_string_equal(out->to, "out/${run.id}.csv");
    assert_int_equal(pipeline_uses(pipeline, &out->to), INTERPOLATE_RUN_ID | INTERPOLATE_PARTIAL);
    assert_null(pipeline_extract(pipeline, "nothing"));
    pipeline_free(pipeline);
}

static void tables_are_read_and_merged(void **state)
{
    struct pipeline *pipeline = good_pipeline("extract:\n"
                                              "  a: {from: \"catalog://lake.a_1\", at: v1}\n"
                                              "load:\n"
                                              "  a:\n"
                                              "    into: lake.a\n"
                                              "    mode: upsert\n"
                                              "    key: id\n"
                                              "    tombstones: 30d\n"
                                              "    update: {when: new.n > old.n}\n"
                                              "    limits: {deletes: 2.5%, rewrite: 1KiB}\n"
                                              "    compact: {deltas: 8}\n"
                                              "  b: {from: a, into: lake.b, mode: scd2, key: id,\n"
                                              "      as_of: changed, track: [x], absent: close}\n"
                                              "  c: {from: a, into: lake.c, mode: delete, key: "
                                              "id, limits: {deletes: 1000}}\n"
                                              "  d: {from: a, into: lake.d, mode: scd2, key: id,\n"
                                              "      as_of: \"${run.due}\"}\n",
        NULL);
    const struct extract *extract = pipeline_extract(pipeline, "a");
    const struct load *a = pipeline_load_named(pipeline, "a");
    const struct load *b = pipeline_load_named(pipeline, "b");
    const struct load *c = pipeline_load_named(pipeline, "c");

    (void)state;
    assert_string_equal(extract->from_namespace, "lake");
    assert_string_equal(extract->from_table, "a_1");
    assert_string_equal(extract->at, "v1");
    assert_int_equal(duration_ms(&a->tombstones), 30LL * MS_PER_DAY);
    assert_string_equal(a->update.when, "new.n > old.n");
    assert_int_equal(a->update.unchanged, UNCHANGED_WRITE);
    assert_true(a->limits.deletes_share == 0.025);
    assert_int_equal(a->limits.deletes_rows, -1);
    assert_int_equal(a->limits.rewrite, 1024);
    assert_int_equal(a->compact.deltas, 8);
    assert_int_equal(a->compact.buckets, 0);
    assert_int_equal(b->mode, MODE_SCD2);
    assert_string_equal(b->as_of, "changed");
    assert_false(b->as_of_is_time);
    assert_string_equal(b->track.items[0], "x");
    assert_int_equal(b->absent, ABSENT_CLOSE);
    assert_true(b->limits.deletes_share == -1);
    assert_true(c->limits.deletes_share == -1);
    assert_int_equal(c->limits.deletes_rows, 1000);
    assert_true(pipeline_load_named(pipeline, "d")->as_of_is_time);
    pipeline_free(pipeline);
}

static void defaults_are_inherited_option_by_option(void **state)
{
    struct pipeline *pipeline = good_pipeline(birds, NULL);
    const struct extract *strikes = pipeline_extract(pipeline, "strikes");

    (void)state;
    assert_int_equal(strikes->retry.attempts, 7);
    assert_int_equal(duration_ms(&strikes->retry.backoff), 1000);
    assert_int_equal(duration_ms(&strikes->retry.max_backoff), 30000);
    assert_int_equal(duration_ms(&strikes->timeout), 540000);
    assert_int_equal(pipeline->resources.memory, 512 * 1024 * 1024);
    assert_in_range(pipeline->resources.threads, 1, 8);
    assert_int_equal(pipeline->resources.concurrency, 64);
    pipeline_free(pipeline);
}

static void assert_mark(struct option_mark mark, unsigned line, unsigned column)
{
    assert_int_equal(mark.line, line);
    assert_int_equal(mark.column, column);
}

static void every_field_knows_its_place(void **state)
{
    struct pipeline *pipeline = good_pipeline(birds, NULL);
    const struct extract *strikes = pipeline_extract(pipeline, "strikes");
    const struct transform *clean = pipeline_transform(pipeline, "clean");
    const struct load *load = pipeline_load_named(pipeline, "clean");
    const struct check *checks = clean->checks.items;
    const char *path;

    (void)state;
    assert_mark(pipeline_mark(pipeline, &strikes->from), 8, 5);
    assert_mark(pipeline_mark(pipeline, &strikes->only_new), 9, 5);
    assert_mark(pipeline_mark(pipeline, &strikes->only_new.reread), 9, 16);
    assert_mark(pipeline_mark(pipeline, &strikes->csv), 10, 5);
    assert_mark(pipeline_mark(pipeline, &strikes->on_bad_row), 7, 3); /* a default: the task */
    assert_mark(pipeline_mark(pipeline, &load->partition_by.items[1]), 26, 28);
    assert_mark(pipeline_mark(pipeline, &checks[1].severity), 20, 9);
    assert_mark(pipeline_mark(pipeline, &pipeline->owner), 1, 1);
    assert_true(pipeline_is_set(pipeline, &strikes->from));
    assert_false(pipeline_is_set(pipeline, &strikes->format));
    assert_true(pipeline_has_map(pipeline, &strikes->csv));
    assert_false(pipeline_has_map(pipeline, &strikes->cursor));
    assert_false(pipeline_is_set(pipeline, &strikes->retry.attempts));

    assert_mark(pipeline_sql_mark(pipeline, clean, 7, &path), 15, 14);
    assert_mark(pipeline_sql_mark(pipeline, clean, 9 + 7, &path), 16, 14);
    assert_string_equal(path, "x.yaml");
    assert_mark(pipeline_text_mark(pipeline, &checks[1].sql, 7), 19, 21);
    pipeline_free(pipeline);
}

static void parameters_get_values(void **state)
{
    struct option_pair given[] = {{.name = "must", .value = "042"}};
    /* 2024-03-01T23:30:00Z: in Berlin it is the second of March already. */
    struct pipeline_scope scope = {.due_ms = 1709335800000,
        .run_id = "R",
        .params = &(struct option_pairs){given, 1},
        .for_run = true};
    struct pipeline *pipeline = good_pipeline(birds, &scope);
    const struct param *params = pipeline->params.items;

    (void)state;
    assert_string_equal(params[0].value, "2024-02-29");
    assert_string_equal(params[1].value, "42");
    assert_string_equal(pipeline_load_named(pipeline, "out")->to, "out/R.csv");
    pipeline_free(pipeline);

    pipeline = good_pipeline("timezone: Europe/Berlin\n"
                             "params: {d: {type: date, default: today}, t: {type: timestamp, "
                             "default: today}, must: {default: \"${run.due:%F}\"}}\n"
                             "transform: {a: {sql: select 1}}\n",
        &scope);
    params = pipeline->params.items;
    assert_string_equal(params[0].value, "2024-03-02");
    assert_string_equal(params[1].value, "2024-03-01T23:00:00Z");
    assert_string_equal(params[2].value, "042");
    pipeline_free(pipeline);

    /* To be looked at, it needs no values. */
    pipeline = good_pipeline(birds, NULL);
    params = pipeline->params.items;
    assert_null(params[0].value);
    assert_null(params[1].value);
    pipeline_free(pipeline);
}

static void parameters_that_are_wrong_are_refused(void **state)
{
    struct option_pair given[] = {
        {.name = "since", .value = "someday"}, {.name = "mist", .value = "1"}};
    const struct option_pairs pairs = {given, 2};
    const struct pipeline_scope scope = {.due_ms = 1, .params = &pairs, .for_run = true};

    (void)state;
    assert_refused(birds, &scope,
        "x.yaml: --param mist: there is no such parameter; did you mean \"must\"?\n"
        "x.yaml: --param since: \"someday\" is not a date; write it as 2026-11-21\n"
        "x.yaml:4:3: params.must: has no default; give it with --param must=…\n");
}

static void unset_variables_fail_a_run_only(void **state)
{
    static const char *const text = "extract: {a: {from: \"${env.SLUICE_TEST_UNSET}.csv\"}}\n";
    const struct pipeline_scope run = {.due_ms = 1, .for_run = true}, look = {0};
    struct diagnostics problems;

    (void)state;
    unsetenv("SLUICE_TEST_UNSET");
    assert_refused(text, &run,
        "x.yaml:1:22: extract.a.from: the environment variable SLUICE_TEST_UNSET is not set; set "
        "it, or give a default: ${env.SLUICE_TEST_UNSET:-default}\n");
    diagnostics_init(&problems);
    pipeline_free(pipeline_parse("x.yaml", text, strlen(text), &look, &problems));
    assert_int_equal(problems.error_count, 0);
    assert_problems(&problems,
        "x.yaml:1:15: warning: extract.a.from: the environment variable SLUICE_TEST_UNSET is not "
        "set; a run needs it, or a default: ${env.SLUICE_TEST_UNSET:-default}\n");
    diagnostics_deinit(&problems);
}

static void secrets_are_listed(void **state)
{
    struct pipeline *pipeline =
        good_pipeline("extract:\n  a: {from: \"https://x/${secret.key}\", format: csv}\n", NULL);

    (void)state;
    assert_int_equal(pipeline->secrets.count, 1);
    assert_string_equal(pipeline->secrets.items[0].name, "key");
    assert_string_equal(pipeline->secrets.items[0].value, "extract.a.from");
    assert_int_equal(pipeline->secrets.items[0].mark.line, 2);
    assert_string_equal(pipeline_extract(pipeline, "a")->from, "https://x/${secret.key}");
    pipeline_free(pipeline);
}

static void a_file_that_is_not_there(void **state)
{
    const struct pipeline_scope scope = {0};
    struct diagnostics problems;

    (void)state;
    diagnostics_init(&problems);
    assert_null(pipeline_load("no/such.yaml", &scope, &problems));
    assert_null(pipeline_load("/", &scope, &problems));
    assert_problems(&problems, "/: is a folder, not a file\nno/such.yaml: does not exist\n");
    diagnostics_deinit(&problems);
}

static void the_files_name_must_be_one(void **state)
{
    static const char *const text = "transform: {a: {sql: select 1}}\n";
    const struct pipeline_scope scope = {0};
    struct diagnostics problems;

    (void)state;
    diagnostics_init(&problems);
    assert_null(pipeline_parse("a/My File.yaml", text, strlen(text), &scope, &problems));
    assert_problems(&problems,
        "a/My File.yaml:1:1: name: the file's name gives \"My File\" is not a name; use a-z, 0-9, "
        "_ and -, with a letter or digit first; add name:\n");
    diagnostics_deinit(&problems);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_bound),
        cmocka_unit_test(tables_are_read_and_merged),
        cmocka_unit_test(defaults_are_inherited_option_by_option),
        cmocka_unit_test(every_field_knows_its_place),
        cmocka_unit_test(parameters_get_values),
        cmocka_unit_test(parameters_that_are_wrong_are_refused),
        cmocka_unit_test(unset_variables_fail_a_run_only),
        cmocka_unit_test(secrets_are_listed),
        cmocka_unit_test(a_file_that_is_not_there),
        cmocka_unit_test(the_files_name_must_be_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
