/* Which loads have something to do, and what is read for them. */
#include "runner/base/mem.h"
#include "tests/unit/run_fixture.h"

#include <string.h>

static const char two_loads[] = "name: p\n"
                                "extract:\n"
                                "  a: {from: data/x-*.csv, only_new: true}\n"
                                "load:\n"
                                "  one: {from: a, into: n.one}\n"
                                "  two: {from: a, into: n.two}\n";

/* load.two was left out of the first run: in the second, other objects are new to it than to
 * load.one, so it waits; in the third it catches up alone. */
static void test_a_load_that_is_behind_catches_up_alone(void **state)
{
    struct fakes fakes;
    struct scenario scenario = {.fakes = &fakes, .text = two_loads, .tasks = {"load.one"}};

    (void)state;
    fakes_init(&fakes, 1);
    run_well(&scenario, "first");
    assert_int_equal(fakes_left(&fakes.seen), 2);
    assert_string_equal(task_text(&scenario, "load.two", "state"), "skipped");

    scenario.tasks[0] = NULL;
    fakes.sources[3] = (struct fake_source){"data/x-3.csv", "v1"};
    fakes.source_count = 4;
    run_well(&scenario, "second");
    assert_int_equal(logged(&scenario, "load.postponed"), 1);
    assert_int_equal(fakes_rows(&fakes, "n.one"), 24);
    assert_int_equal(fakes_rows(&fakes, "n.two"), 0);
    assert_int_equal(task_int(&scenario, "extract.a", "objects"), 1);
    assert_null(table_get(&fakes.seen, "two/a/data/x-3.csv"));

    run_well(&scenario, "third");
    assert_int_equal(logged(&scenario, "load.postponed"), 0);
    assert_int_equal(fakes_rows(&fakes, "n.one"), 24);
    assert_int_equal(fakes_rows(&fakes, "n.two"), 12);
    assert_int_equal(task_int(&scenario, "extract.a", "objects"), 3);
    assert_int_equal(fakes_left(&fakes.seen), 6);

    run_well(&scenario, "fourth");
    assert_string_equal(table_get(&fakes.runs, "fourth"), "nothing_new");
    scenario_deinit(&scenario);
}

static void test_an_object_that_changed_is_new(void **state)
{
    struct fakes fakes;
    struct scenario scenario = {.fakes = &fakes, .text = two_loads};

    (void)state;
    fakes_init(&fakes, 1);
    run_well(&scenario, "first");
    fakes.sources[1].version = "v2";
    run_well(&scenario, "second");
    assert_int_equal(task_int(&scenario, "extract.a", "objects"), 1);
    assert_string_equal(table_get(&fakes.seen, "one/a/data/x-1.csv"), "v2");
    assert_string_equal(table_get(&fakes.seen, "two/a/data/x-1.csv"), "v2");
    assert_string_equal(table_get(&fakes.seen, "one/a/data/x-2.csv"), "v1");
    scenario_deinit(&scenario);
}

static void test_only_loads_that_were_chosen_are_committed(void **state)
{
    struct fakes fakes;
    struct scenario scenario = {.fakes = &fakes, .text = two_loads, .tasks = {"load.two"}};

    (void)state;
    fakes_init(&fakes, 1);
    run_well(&scenario, "first");
    assert_int_equal(fakes_rows(&fakes, "n.one"), 0);
    assert_int_equal(fakes_rows(&fakes, "n.two"), 12);
    assert_false(table_has(&fakes.tables, "n.one"));
    assert_null(table_get(&fakes.seen, "one/a/data/x-1.csv"));
    assert_int_equal(fakes_started(&fakes, "catalog.list_seen one/a"), 0);
    scenario_deinit(&scenario);
}

static void test_a_task_that_is_not_there_is_refused(void **state)
{
    struct fakes fakes;
    struct scenario scenario = {.fakes = &fakes, .text = two_loads, .tasks = {"load.tow"}};

    (void)state;
    fakes_init(&fakes, 1);
    scenario.run_id = "first";
    run_once(&scenario);
    assert_failed(&scenario, ERROR_INVALID, "no task is called \"load.tow\"; did you mean");
    assert_int_equal(fakes_left(&fakes.committed), 0);
    scenario_deinit(&scenario);
}

/* --- who drives --- */

/* A load is idle when nothing that drives it is new: one branch of a UNION is enough to run it, and
 * the other one then gives columns, no rows. */
static void test_one_new_branch_of_a_union_is_enough(void **state)
{
    static const char text[] = "name: p\n"
                               "extract:\n"
                               "  a: {from: data/x-*.csv, only_new: true}\n"
                               "  b: {from: data/b*.csv, only_new: true}\n"
                               "transform:\n"
                               "  t: {sql: a union b}\n"
                               "load:\n"
                               "  t: {into: n.t}\n";
    struct fakes fakes;
    struct scenario scenario = {.fakes = &fakes, .text = text};

    (void)state;
    fakes_init(&fakes, 1);
    run_well(&scenario, "first");
    assert_int_equal(fakes_left(&fakes.seen), 3);
    run_well(&scenario, "second");
    assert_string_equal(table_get(&fakes.runs, "second"), "nothing_new");
    fakes.sources[0].version = "v2";
    run_well(&scenario, "third");
    assert_string_equal(table_get(&fakes.runs, "third"), "succeeded");
    assert_int_equal(task_int(&scenario, "extract.b", "objects"), 1);
    assert_int_equal(task_int(&scenario, "extract.a", "objects"), 0);
    assert_int_equal(task_int(&scenario, "extract.a", "rows"), 0);
    assert_string_equal(table_get(&fakes.seen, "t/b/data/b.csv"), "v2");
    scenario_deinit(&scenario);
}

/* Beside an extract that is read whole, or rows from nowhere, there is always something to do. */
static void test_a_load_that_something_else_drives_is_never_idle(void **state)
{
    static const char *const texts[] = {
        "name: p\n"
        "extract:\n"
        "  a: {from: data/x-*.csv, only_new: true}\n"
        "  b: {from: data/b.csv, repeat: true}\n"
        "transform:\n"
        "  t: {sql: a union b}\n"
        "load:\n"
        "  t: {into: n.t}\n",
        "name: p\n"
        "extract:\n"
        "  a: {from: data/x-*.csv, only_new: true}\n"
        "transform:\n"
        "  t: {sql: a union values}\n"
        "load:\n"
        "  t: {to: \"out-${run.id}.csv\"}\n",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
        struct fakes fakes;
        struct scenario scenario = {.fakes = &fakes, .text = texts[i]};

        fakes_init(&fakes, 1);
        run_well(&scenario, "first");
        run_well(&scenario, "second");
        assert_string_equal(table_get(&fakes.runs, "second"), "succeeded");
        assert_int_equal(task_int(&scenario, "extract.a", "objects"), 0);
        assert_true(table_has(&fakes.committed, "second"));
        scenario_deinit(&scenario);
    }
}

/* What is only joined neither starts a load nor gets a cursor. */
static void test_what_is_only_joined_does_not_drive(void **state)
{
    static const char text[] = "name: p\n"
                               "extract:\n"
                               "  a: {from: data/x-*.csv, only_new: true}\n"
                               "  b: {from: data/b.csv}\n"
                               "transform:\n"
                               "  t: {sql: a join b}\n"
                               "load:\n"
                               "  t: {into: n.t}\n";
    struct fakes fakes;
    struct scenario scenario = {.fakes = &fakes, .text = text};

    (void)state;
    fakes_init(&fakes, 1);
    run_well(&scenario, "first");
    assert_int_equal(fakes_left(&fakes.seen), 2);
    fakes.sources[0].version = "v2";
    run_well(&scenario, "second");
    assert_string_equal(table_get(&fakes.runs, "second"), "nothing_new");
    scenario_deinit(&scenario);
}

/* --- lists --- */

static void test_a_pattern_without_files_fails_unless_only_new(void **state)
{
    struct fakes fakes;
    struct scenario scenario = {.fakes = &fakes, .run_id = "first"};

    (void)state;
    fakes_init(&fakes, 1);
    fakes.source_count = 0;
    scenario.text = "name: p\n"
                    "extract:\n"
                    "  a: {from: data/x-*.csv}\n"
                    "load:\n"
                    "  a: {into: n.t, mode: overwrite}\n";
    run_once(&scenario);
    assert_failed(
        &scenario, ERROR_NOT_FOUND, "p.yaml:3:7: extract.a.from: \"data/x-*.csv\" matches no file");
    scenario.text = two_loads;
    run_well(&scenario, "second");
    assert_string_equal(table_get(&fakes.runs, "second"), "nothing_new");
    scenario_deinit(&scenario);
}

static void test_a_preview_reads_all_and_changes_nothing(void **state)
{
    struct fakes fakes;
    struct scenario scenario = {.fakes = &fakes, .text = two_loads};

    (void)state;
    fakes_init(&fakes, 1);
    run_well(&scenario, "first");
    fakes_heal(&fakes);
    scenario.preview = "a";
    run_well(&scenario, "look");
    assert_int_equal(fakes_started(&fakes, "store.get"), 2);
    assert_int_equal(fakes_started(&fakes, "sql.query select * from \"a\""), 1);
    assert_int_equal(fakes_started(&fakes, "sql.write"), 0);
    assert_int_equal(fakes_started(&fakes, "state."), 0);
    assert_int_equal(fakes_started(&fakes, "catalog."), 0);
    assert_int_equal(fakes_started(&fakes, "store.put"), 0);
    scenario_deinit(&scenario);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_load_that_is_behind_catches_up_alone),
        cmocka_unit_test(test_an_object_that_changed_is_new),
        cmocka_unit_test(test_only_loads_that_were_chosen_are_committed),
        cmocka_unit_test(test_a_task_that_is_not_there_is_refused),
        cmocka_unit_test(test_one_new_branch_of_a_union_is_enough),
        cmocka_unit_test(test_a_load_that_something_else_drives_is_never_idle),
        cmocka_unit_test(test_what_is_only_joined_does_not_drive),
        cmocka_unit_test(test_a_pattern_without_files_fails_unless_only_new),
        cmocka_unit_test(test_a_preview_reads_all_and_changes_nothing),
    };

    return cmocka_run_group_tests(tests, house_set_up, house_tear_down);
}
