/* Plain files: staged, promised in the commit, put in their places after it, by the next run where
 * this one could not. */
#include "tests/unit/run_fixture.h"

#include <string.h>

static const char text[] = "name: p\n"
                           "extract:\n"
                           "  a: {from: data/x-*.csv, only_new: true}\n"
                           "load:\n"
                           "  one: {from: a, to: \"one-${run.id}.csv\"}\n"
                           "  two: {from: a, to: \"two-${run.id}.csv\"}\n";

static void test_files_are_put_after_the_commit(void **state)
{
    struct fakes fakes;
    struct scenario scenario = {.fakes = &fakes, .text = text};

    (void)state;
    fakes_init(&fakes, 1);
    run_well(&scenario, "first");
    assert_true(fakes_place(&fakes, "catalog.commit") < fakes_place(&fakes, "store.put one-"));
    assert_true(fakes_place(&fakes, "catalog.commit") < fakes_place(&fakes, "store.put two-"));
    assert_non_null(table_get(&fakes.objects, "one-first.csv"));
    assert_non_null(table_get(&fakes.objects, "two-first.csv"));
    assert_int_equal(fakes_started(&fakes, "store.sweep"), 0);
    assert_int_equal(fakes_left(&fakes.publications), 0);
    assert_int_equal(fakes.publications.count, 2); /* they were promised */
    assert_true(table_has(&fakes.publications, "first|one|first-1/one-export"));
    assert_int_equal(scenario.summary.exported, 24);
    assert_int_equal(scenario.summary.rows, 0);
    scenario_deinit(&scenario);
}

/* The staged file, or the word that it is in its place, fails; before or after its effect. */
static void test_the_next_run_puts_what_this_one_could_not(void **state)
{
    static const char *const failing[] = {
        "store.put one", "store.put two", "catalog.end_publication", "catalog.list_publications"};

    (void)state;
    for (size_t i = 0; i < 8; i++) {
        struct fakes fakes;
        struct scenario scenario = {.fakes = &fakes, .text = text, .run_id = "first"};
        const char *operation = failing[i / 2];

        fakes_init(&fakes, (unsigned)i + 1);
        fakes_fail(&fakes, operation, strstr(operation, "list_publications") ? 1 : 0, 1, ERROR_IO,
            i % 2 == 1);
        run_once(&scenario);
        assert_failed(
            &scenario, ERROR_IO, "the run was committed, but a file is not yet in its place");
        assert_string_equal(table_get(&fakes.runs, "first"), "succeeded");
        assert_true(table_has(&fakes.committed, "first"));
        assert_int_not_equal(fakes_left(&fakes.publications), 0);
        assert_int_not_equal(fakes_left(&fakes.journal), 0);

        run_well(&scenario, "second");
        assert_string_equal(table_get(&fakes.runs, "second"), "nothing_new");
        assert_int_equal(logged(&scenario, "run.recovered"), 1);
        assert_true(fakes_place(&fakes, "store.sweep") < FAKE_STARTED_MAX);
        assert_non_null(table_get(&fakes.objects, "one-first.csv"));
        assert_non_null(table_get(&fakes.objects, "two-first.csv"));
        assert_int_equal(fakes_left(&fakes.publications), 0);
        scenario_deinit(&scenario);
    }
}

/* Neither where it was staged nor where it belongs: nobody can publish it, and it is said once. */
static void test_a_file_that_is_lost_is_named(void **state)
{
    struct fakes fakes;
    struct scenario scenario = {.fakes = &fakes, .text = text, .run_id = "first"};

    (void)state;
    fakes_init(&fakes, 1);
    fakes_fail(&fakes, "store.put one", 0, 1, ERROR_IO, true); /* its staged file is gone … */
    run_once(&scenario);
    free(table_put(&fakes.objects, "one-first.csv", NULL)); /* … and so is the published one */
    run_well(&scenario, "second");
    assert_int_equal(logged(&scenario, "file.lost"), 1);
    assert_non_null(table_get(&fakes.objects, "two-first.csv"));
    assert_int_equal(fakes_left(&fakes.publications), 0);
    run_well(&scenario, "third");
    assert_int_equal(logged(&scenario, "file.lost"), 0);
    scenario_deinit(&scenario);
}

static void test_a_run_that_is_not_committed_publishes_nothing(void **state)
{
    struct fakes fakes;
    struct scenario scenario = {.fakes = &fakes, .text = text, .run_id = "first"};

    (void)state;
    fakes_init(&fakes, 1);
    fakes_fail(&fakes, "catalog.commit", 0, 1, ERROR_IO, false);
    run_once(&scenario);
    assert_int_equal(scenario.err.code, ERROR_IO);
    assert_int_equal(fakes_started(&fakes, "store.put"), 0);
    assert_int_equal(fakes_left(&fakes.publications), 0);
    assert_int_equal(scenario.summary.exported, 0);
    scenario_deinit(&scenario);
}

/* The folder with the staged file is removed only once that is in its place. */
static void test_recovery_fails_rather_than_to_lose_a_file(void **state)
{
    struct fakes fakes;
    struct scenario scenario = {.fakes = &fakes, .text = text, .run_id = "first"};

    (void)state;
    fakes_init(&fakes, 1);
    fakes_fail(&fakes, "store.put one", 0, 2, ERROR_NO_SPACE, false);
    run_once(&scenario);
    assert_int_equal(scenario.err.code, ERROR_NO_SPACE);
    scenario.run_id = "second";
    run_once(&scenario);
    assert_int_equal(scenario.err.code, ERROR_NO_SPACE);
    assert_string_equal(table_get(&fakes.runs, "second"), "failed");
    run_well(&scenario, "third");
    assert_non_null(table_get(&fakes.objects, "one-first.csv"));
    scenario_deinit(&scenario);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files_are_put_after_the_commit),
        cmocka_unit_test(test_the_next_run_puts_what_this_one_could_not),
        cmocka_unit_test(test_a_file_that_is_lost_is_named),
        cmocka_unit_test(test_a_run_that_is_not_committed_publishes_nothing),
        cmocka_unit_test(test_recovery_fails_rather_than_to_lose_a_file),
    };

    return cmocka_run_group_tests(tests, house_set_up, house_tear_down);
}
