/* Loads: files of attempts that failed, on_empty, overwrite, partitions, slots for transfers. */
#include "tests/unit/run_fixture.h"

#include <string.h>

static const char append_text[] = "name: p\n"
                                  "defaults: {retry: {attempts: 3, backoff: 1ms}}\n"
                                  "extract:\n"
                                  "  a: {from: data/x-*.csv, only_new: true}\n"
                                  "load:\n"
                                  "  a: {into: n.t}\n";

static const char overwrite_text[] = "name: p\n"
                                     "extract:\n"
                                     "  a: {from: data/b.csv}\n"
                                     "load:\n"
                                     "  a: {into: n.t, mode: overwrite}\n";

static void test_a_retry_leaves_no_file_of_the_attempt_before(void **state)
{
    struct fakes fakes;
    struct scenario scenario = {.fakes = &fakes, .text = append_text};

    (void)state;
    fakes_init(&fakes, 1);
    fakes.delay_max_ms = 0; /* in order: the first attempt stores two of its files */
    fakes_fail(&fakes, "store.put", 2, 1, ERROR_BUSY, false);
    fakes_fail(&fakes, "sql.write", 1, 1, ERROR_BUSY, false);
    fakes.files_per_load = 3;
    run_well(&scenario, "first");
    assert_int_equal(task_int(&scenario, "load.a", "attempts"), 3);
    assert_int_equal(fakes_rows(&fakes, "n.t"), 12);
    scenario_deinit(&scenario);
}

static void fewer_files(struct fakes *fakes, const char *name)
{
    if (text_starts(name, "sql.write") && fakes_started(fakes, "sql.write") == 2)
        fakes->files_per_load = 1;
}

static void test_files_that_only_an_attempt_before_wrote_are_removed(void **state)
{
    struct fakes fakes;
    struct scenario scenario = {.fakes = &fakes, .text = append_text};

    (void)state;
    fakes_init(&fakes, 1);
    fakes.watch = fewer_files;
    fakes_fail(&fakes, "store.put", 2, 1, ERROR_BUSY, true);
    run_well(&scenario, "first");
    assert_int_equal(fakes_rows(&fakes, "n.t"), 12);
    assert_int_equal(fakes_left(&fakes.objects), 1);
    scenario_deinit(&scenario);
}

static void test_a_run_that_fails_removes_what_every_attempt_stored(void **state)
{
    struct fakes fakes;
    struct scenario scenario = {.fakes = &fakes, .text = append_text, .run_id = "first"};

    (void)state;
    fakes_init(&fakes, 1);
    fakes_fail(&fakes, "store.put", 2, 1, ERROR_BUSY, true);
    fakes_fail(&fakes, "sql.write", 1, 1, ERROR_IO, false);
    run_once(&scenario);
    assert_failed(&scenario, ERROR_IO, "load.a: sql.write a failed");
    assert_int_equal(fakes_left(&fakes.objects), 0);
    assert_int_equal(fakes_left(&fakes.journal), 0);
    scenario_deinit(&scenario);
}

static void test_overwrite_replaces_all_partitions(void **state)
{
    static const char text[] = "name: p\n"
                               "extract:\n"
                               "  a: {from: data/b.csv}\n"
                               "load:\n"
                               "  a: {into: n.t, mode: overwrite, partition_by: [a]}\n";
    struct fakes fakes;
    struct scenario scenario = {.fakes = &fakes, .text = text};

    (void)state;
    fakes_init(&fakes, 1);
    fakes.partition_values[0] = "1";
    fakes.partition_values[1] = "2";
    fakes.partition_values[2] = "3";
    run_well(&scenario, "first");
    assert_int_equal(fakes_deltas(&fakes, "n.t"), 3);
    assert_int_equal(fakes_partition_rows(&fakes, "n.t", "3"), 4);
    fakes.rows = 10;
    fakes.files_per_load = 2;
    run_well(&scenario, "second");
    assert_int_equal(fakes_rows(&fakes, "n.t"), 10);
    assert_int_equal(fakes_partition_rows(&fakes, "n.t", "1"), 5);
    assert_int_equal(fakes_partition_rows(&fakes, "n.t", "3"), -1);
    scenario_deinit(&scenario);
}

static void test_append_adds_one_delta_to_each_partition(void **state)
{
    static const char text[] = "name: p\n"
                               "extract:\n"
                               "  a: {from: data/b.csv, repeat: true}\n"
                               "load:\n"
                               "  a: {into: n.t, partition_by: [a]}\n";
    struct fakes fakes;
    struct scenario scenario = {.fakes = &fakes, .text = text};

    (void)state;
    fakes_init(&fakes, 1);
    fakes.files_per_load = 6;
    fakes.partition_values[0] = "x";
    fakes.partition_values[1] = NULL;
    run_well(&scenario, "first");
    assert_int_equal(fakes_partition_rows(&fakes, "n.t", "x"), 12);
    assert_int_equal(fakes_deltas(&fakes, "n.t"), 1);
    fakes.partition_values[1] = "y";
    run_well(&scenario, "second");
    assert_int_equal(fakes_partition_rows(&fakes, "n.t", "x"), 18);
    assert_int_equal(fakes_partition_rows(&fakes, "n.t", "y"), 6);
    assert_int_equal(fakes_deltas(&fakes, "n.t"), 3);
    scenario_deinit(&scenario);
}

/* --- on_empty --- */

static void test_an_overwrite_by_no_rows_keeps_the_table(void **state)
{
    struct fakes fakes;
    struct scenario scenario = {.fakes = &fakes, .text = overwrite_text};

    (void)state;
    fakes_init(&fakes, 1);
    run_well(&scenario, "first");
    fakes.rows = 0;
    run_well(&scenario, "second");
    assert_int_equal(fakes_rows(&fakes, "n.t"), 12);
    assert_int_equal(logged(&scenario, "load.empty"), 1);
    assert_true(table_has(&fakes.committed, "second"));
    scenario_deinit(&scenario);
}

static void test_an_overwrite_by_no_rows_replaces_the_table_where_it_is_told_to(void **state)
{
    static const char text[] = "name: p\n"
                               "extract:\n"
                               "  a: {from: data/b.csv}\n"
                               "load:\n"
                               "  a: {into: n.t, mode: overwrite, on_empty: replace}\n";
    struct fakes fakes;
    struct scenario scenario = {.fakes = &fakes, .text = text};

    (void)state;
    fakes_init(&fakes, 1);
    run_well(&scenario, "first");
    assert_int_equal(fakes_rows(&fakes, "n.t"), 12);
    fakes.rows = 0;
    run_well(&scenario, "second");
    assert_int_equal(fakes_rows(&fakes, "n.t"), 0);
    assert_int_equal(fakes_deltas(&fakes, "n.t"), 0);
    assert_int_equal(logged(&scenario, "load.empty"), 0);
    scenario_deinit(&scenario);
}

static void test_an_overwrite_by_no_rows_fails_where_it_is_told_to(void **state)
{
    static const char text[] = "name: p\n"
                               "extract:\n"
                               "  a: {from: data/b.csv}\n"
                               "load:\n"
                               "  a: {into: n.t, mode: overwrite, on_empty: fail}\n";
    struct fakes fakes;
    struct scenario scenario = {.fakes = &fakes, .text = text};

    (void)state;
    fakes_init(&fakes, 1);
    run_well(&scenario, "first");
    fakes.rows = 0;
    scenario.run_id = "second";
    run_once(&scenario);
    assert_failed(&scenario, ERROR_CHECK, "p.yaml:5:35: load.a.on_empty: no rows to overwrite n.t");
    assert_int_equal(fakes_rows(&fakes, "n.t"), 12);
    assert_string_equal(table_get(&fakes.runs, "second"), "check_failed");
    scenario_deinit(&scenario);
}

/* --- transfers --- */

static void test_no_more_transfers_than_the_concurrency(void **state)
{
    static const char text[] = "name: p\n"
                               "resources: {concurrency: 2}\n"
                               "extract:\n"
                               "  a: {from: data/x-*.csv, only_new: true}\n"
                               "  b: {from: data/b.csv, repeat: true}\n"
                               "load:\n"
                               "  a: {into: n.t}\n"
                               "  b: {into: n.u}\n";
    struct fakes fakes;
    struct scenario scenario = {.fakes = &fakes, .text = text};

    (void)state;
    fakes_init(&fakes, 1);
    fakes.files_per_load = 6;
    run_well(&scenario, "first");
    assert_int_equal(fakes.transfers_max, 2);
    assert_int_equal(fakes_rows(&fakes, "n.t"), 12);
    assert_int_equal(fakes_rows(&fakes, "n.u"), 12);
    scenario_deinit(&scenario);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_retry_leaves_no_file_of_the_attempt_before),
        cmocka_unit_test(test_files_that_only_an_attempt_before_wrote_are_removed),
        cmocka_unit_test(test_a_run_that_fails_removes_what_every_attempt_stored),
        cmocka_unit_test(test_overwrite_replaces_all_partitions),
        cmocka_unit_test(test_append_adds_one_delta_to_each_partition),
        cmocka_unit_test(test_an_overwrite_by_no_rows_keeps_the_table),
        cmocka_unit_test(test_an_overwrite_by_no_rows_replaces_the_table_where_it_is_told_to),
        cmocka_unit_test(test_an_overwrite_by_no_rows_fails_where_it_is_told_to),
        cmocka_unit_test(test_no_more_transfers_than_the_concurrency),
    };

    return cmocka_run_group_tests(tests, house_set_up, house_tear_down);
}
