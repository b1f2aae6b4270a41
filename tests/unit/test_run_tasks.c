/* Datasets and their files: what stays a view, what goes with its last consumer, the disk quota;
 * how many tasks run at once. */
#include "runner/base/mem.h"
#include "runner/io/file.h"
#include "tests/unit/run_fixture.h"

#include <string.h>

/* Whether a file of the run's folder is there. */
static bool there(const char *run_id, const char *name)
{
    char *path = mem_printf("%s/%s-1/%s", house_spool(), run_id, name);
    const bool found = file_exists(path);

    free(path);
    return found;
}

/* --- views --- */

static const char view_text[] = "name: p\n"
                                "extract:\n"
                                "  a: {from: data/x-*.csv, only_new: true}\n"
                                "transform:\n"
                                "  t: {sql: a}\n"
                                "load:\n"
                                "  t: {into: n.t}\n";

struct seen_files {
    bool extract_while_writing, derived_while_writing;
};

static void look_while_writing(struct fakes *fakes, const char *name)
{
    struct seen_files *seen = fakes->watch_data;

    if (!text_starts(name, "store.put n/"))
        return;
    seen->extract_while_writing |= there("first", "a-0.parquet");
    seen->derived_while_writing |= there("first", "t-0.parquet");
}

/* It is evaluated while the load writes: until then its inputs must be there. */
static void test_one_reader_and_no_check_stays_a_view(void **state)
{
    struct fakes fakes;
    struct scenario scenario = {.fakes = &fakes, .text = view_text};
    struct seen_files seen = {0};

    (void)state;
    fakes_init(&fakes, 1);
    fakes_make_table(&fakes, "n.t");
    fakes.watch = look_while_writing;
    fakes.watch_data = &seen;
    run_well(&scenario, "first");
    assert_true(seen.extract_while_writing);
    assert_false(seen.derived_while_writing);
    assert_true(fakes_place(&fakes, "sql.write t") < fakes_place(&fakes, "sql.drop a"));
    assert_int_equal(fakes_started(&fakes, "sql.drop"), 2);
    /* Its rows are the load's; "0 rows" would be a lie. */
    assert_int_equal(task_int(&scenario, "transform.t", "rows"), -1); /* it is not there */
    assert_true(task_int(&scenario, "load.t", "rows") >= 0);
    assert_null(strstr(scenario.messages.data, "done, 0 rows"));
    scenario_deinit(&scenario);
}

/* With a check, a second reader or a time-out of its own it is made once; its inputs can go then.
 */
static void test_others_are_made_once(void **state)
{
    static const char *const texts[] = {
        "name: p\n"
        "extract:\n"
        "  a: {from: data/x-*.csv, only_new: true}\n"
        "transform:\n"
        "  t: {sql: a, checks: [{row_count: {min: 1}}]}\n"
        "load:\n"
        "  t: {into: n.t}\n",
        "name: p\n"
        "extract:\n"
        "  a: {from: data/x-*.csv, only_new: true}\n"
        "transform:\n"
        "  t: {sql: a}\n"
        "load:\n"
        "  t: {into: n.t}\n"
        "  u: {from: t, into: n.u}\n",
        "name: p\n"
        "extract:\n"
        "  a: {from: data/x-*.csv, only_new: true}\n"
        "transform:\n"
        "  t: {sql: a, timeout: 1h}\n"
        "load:\n"
        "  t: {into: n.t}\n",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
        struct fakes fakes;
        struct scenario scenario = {.fakes = &fakes, .text = texts[i]};
        struct seen_files seen = {0};

        fakes_init(&fakes, (unsigned)i + 1);
        fakes.watch = look_while_writing;
        fakes.watch_data = &seen;
        run_well(&scenario, "first");
        assert_true(seen.derived_while_writing);
        assert_true(fakes_place(&fakes, "sql.drop a") < fakes_place(&fakes, "sql.drop t"));
        scenario_deinit(&scenario);
    }
}

/* --- the last consumer --- */

/* Somebody else may make the table, too, and first: then it is written again. */
static void test_what_a_new_table_is_made_of_stays_until_the_commit(void **state)
{
    struct fakes fakes;
    struct scenario scenario = {.fakes = &fakes, .text = view_text};

    (void)state;
    fakes_init(&fakes, 1);
    run_well(&scenario, "first");
    assert_int_equal(fakes_started(&fakes, "sql.drop"), 0);
    scenario_deinit(&scenario);
}

struct last_consumer {
    bool at_first, at_second; /* whether the dataset was there when each load wrote */
    bool at_commit;
};

static void look_at_loads(struct fakes *fakes, const char *name)
{
    struct last_consumer *seen = fakes->watch_data;

    if (text_starts(name, "sql.write a") && fakes_started(fakes, "sql.write a") == 1)
        seen->at_first = there("first", "a-0.parquet") && there("first", "a-in-0");
    if (text_starts(name, "sql.export a"))
        seen->at_second = there("first", "a-0.parquet") && there("first", "a-in-0");
    if (strcmp(name, "catalog.commit") == 0)
        seen->at_commit = there("first", "a-0.parquet") || there("first", "a-in-0");
}

static void test_files_go_with_the_last_consumer(void **state)
{
    static const char text[] = "name: p\n"
                               "extract:\n"
                               "  a: {from: data/x-*.csv, only_new: true}\n"
                               "load:\n"
                               "  a: {into: n.t}\n"
                               "  b: {from: a, to: \"out-${run.id}.csv\", after: [load.a]}\n";
    struct fakes fakes;
    struct scenario scenario = {.fakes = &fakes, .text = text};
    struct last_consumer seen = {.at_commit = true};

    (void)state;
    fakes_init(&fakes, 1);
    fakes_make_table(&fakes, "n.t");
    fakes.watch = look_at_loads;
    fakes.watch_data = &seen;
    run_well(&scenario, "first");
    assert_true(seen.at_first);
    assert_true(seen.at_second);
    assert_false(seen.at_commit);
    assert_int_equal(fakes_started(&fakes, "sql.drop a"), 1);
    scenario_deinit(&scenario);
}

/* A load that --task leaves out, or that is idle, is no consumer. */
static void test_who_does_not_run_holds_nothing(void **state)
{
    static const char text[] = "name: p\n"
                               "extract:\n"
                               "  a: {from: data/x-*.csv, only_new: true}\n"
                               "load:\n"
                               "  a: {into: n.t}\n"
                               "  b: {from: a, into: n.u}\n";
    struct fakes fakes;
    struct scenario scenario = {.fakes = &fakes, .text = text, .tasks = {"load.a"}};

    (void)state;
    fakes_init(&fakes, 1);
    fakes_make_table(&fakes, "n.t");
    run_well(&scenario, "first");
    assert_true(fakes_place(&fakes, "sql.drop a") < fakes_place(&fakes, "catalog.commit"));
    scenario_deinit(&scenario);
}

/* --- the quota --- */

/* The first two datasets are never there at once. */
static const char chain_text[] = "name: p\n"
                                 "resources: {spool: 1MiB, concurrency: 1}\n"
                                 "extract:\n"
                                 "  a: {from: data/x-*.csv, only_new: true}\n"
                                 "load:\n"
                                 "  a: {into: n.t}\n";

static void test_datasets_within_the_quota(void **state)
{
    struct fakes fakes;
    struct scenario scenario = {.fakes = &fakes, .text = chain_text};

    (void)state;
    fakes_init(&fakes, 1);
    fakes.dataset_bytes = 1 << 20;
    run_well(&scenario, "first");
    scenario_deinit(&scenario);
}

static void test_datasets_above_the_quota(void **state)
{
    struct fakes fakes;
    struct scenario scenario = {.fakes = &fakes, .text = chain_text, .run_id = "first"};

    (void)state;
    fakes_init(&fakes, 1);
    fakes.dataset_bytes = (1 << 20) + 1;
    run_once(&scenario);
    assert_failed(&scenario, ERROR_LIMIT, "p.yaml:2:13: extract.a: the run's own files take");
    assert_says(scenario.err.message, "more than resources.spool (1.0 MiB)");
    assert_int_equal(fakes_left(&fakes.committed), 0);
    assert_int_equal(fakes_started(&fakes, "sql.write"), 0);
    scenario_deinit(&scenario);
}

/* Two datasets that are there at once count together; one that was dropped counts no more. */
static void test_what_is_there_at_once_counts_together(void **state)
{
    static const char apart[] = "name: p\n"
                                "resources: {spool: 1MiB}\n"
                                "extract:\n"
                                "  a: {from: data/b.csv, repeat: true}\n"
                                "  b: {from: data/b.csv, repeat: true, after: [load.a]}\n"
                                "load:\n"
                                "  a: {into: n.t}\n"
                                "  b: {into: n.u}\n";
    static const char together[] = "name: p\n"
                                   "resources: {spool: 1MiB}\n"
                                   "extract:\n"
                                   "  a: {from: data/b.csv, repeat: true}\n"
                                   "  b: {from: data/b.csv, repeat: true, after: [extract.a]}\n"
                                   "load:\n"
                                   "  a: {into: n.t, after: [extract.b]}\n"
                                   "  b: {into: n.u}\n";
    struct fakes fakes;
    struct scenario scenario = {.fakes = &fakes, .text = apart};

    (void)state;
    fakes_init(&fakes, 1);
    fakes_make_table(&fakes, "n.t");
    fakes.dataset_bytes = 600 << 10;
    run_well(&scenario, "first");
    scenario.text = together;
    scenario.run_id = "second";
    run_once(&scenario);
    assert_failed(&scenario, ERROR_LIMIT, "extract.b: the run's own files take");
    scenario_deinit(&scenario);
}

/* --- order --- */

static void test_after_is_an_order(void **state)
{
    static const char text[] = "name: p\n"
                               "extract:\n"
                               "  a: {from: data/b.csv, repeat: true, after: [load.b]}\n"
                               "  b: {from: data/b.csv, repeat: true}\n"
                               "load:\n"
                               "  a: {into: n.t}\n"
                               "  b: {into: n.u}\n";
    struct fakes fakes;
    struct scenario scenario = {.fakes = &fakes, .text = text};

    (void)state;
    for (unsigned seed = 1; seed < 6; seed++) {
        fakes_init(&fakes, seed);
        run_well(&scenario, "first");
        assert_true(fakes_place(&fakes, "store.put n/u") < fakes_place(&fakes, "sql.scan a"));
        scenario_deinit(&scenario);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_reader_and_no_check_stays_a_view),
        cmocka_unit_test(test_others_are_made_once),
        cmocka_unit_test(test_what_a_new_table_is_made_of_stays_until_the_commit),
        cmocka_unit_test(test_files_go_with_the_last_consumer),
        cmocka_unit_test(test_who_does_not_run_holds_nothing),
        cmocka_unit_test(test_datasets_within_the_quota),
        cmocka_unit_test(test_datasets_above_the_quota),
        cmocka_unit_test(test_what_is_there_at_once_counts_together),
        cmocka_unit_test(test_after_is_an_order),
    };

    return cmocka_run_group_tests(tests, house_set_up, house_tear_down);
}
