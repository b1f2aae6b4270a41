/* Checks one after another: all of them are asked and told, warnings pass, an error that is no
 * answer ends them. */
#include "runner/engine/staged.h"
#include "runner/io/file.h"
#include "runner/io/scratch.h"
#include "tests/unit/run_fixture.h"

#include <string.h>

static const char text[] = "name: p\n"
                           "params: {low: {type: int, default: 3}}\n"
                           "extract:\n"
                           "  a: {from: data/x-*.csv, only_new: true}\n"
                           "transform:\n"
                           "  t:\n"
                           "    sql: a\n"
                           "    checks:\n"
                           "      - not_null: [a]\n"
                           "      - unique: [a]\n"
                           "      - {row_count: {min: 1}, severity: warn}\n"
                           "load:\n"
                           "  t:\n"
                           "    into: n.t\n"
                           "    checks:\n"
                           "      - {row_count: {max: 5}, name: small, severity: warn}\n";

static const char *check_text(const struct scenario *scenario, const char *task, size_t index)
{
    const json_t *tasks = json_object_get(scenario->record, "tasks"), *item;
    size_t i;

    json_array_foreach(tasks, i, item)
    {
        if (strcmp(json_string_value(json_object_get(item, "task")), task) == 0)
            return json_string_value(
                json_object_get(json_array_get(json_object_get(item, "checks"), index), "check"));
    }
    return "";
}

/* What the run left to be looked at, which goes with the next one. */
static void assert_staged(const char *run_id, const char *dataset, const char *load)
{
    char owner[STAGED_OWNER_SIZE];
    struct staged staged;
    struct arena arena;
    struct error err = {0};

    arena_init(&arena);
    assert_int_equal(staged_read(house_spool(), run_id, &arena, &staged, &err), 0);
    assert_string_equal(staged.run_id, run_id);
    assert_int_equal(staged.count, 1);
    assert_string_equal(staged.datasets[0].name, dataset);
    assert_int_equal(staged.datasets[0].rows, 12);
    assert_string_equal(staged.datasets[0].loads.items[0], load);
    assert_int_equal(staged.datasets[0].files.count, 1);
    assert_true(file_exists(staged.datasets[0].files.items[0]));
    assert_in_range(staged.until_ms - time_now_ms(), SCRATCH_KEPT_MS - 60000, SCRATCH_KEPT_MS);
    scratch_forget(house_spool(), staged_owner("p", "", owner));
    assert_false(file_exists(staged.folder));
    arena_deinit(&arena);
}

static void test_every_check_is_asked_and_the_first_failure_is_the_reason(void **state)
{
    struct fakes fakes;
    struct scenario scenario = {.fakes = &fakes, .text = text, .run_id = "first"};

    (void)state;
    fakes_init(&fakes, 1);
    fakes.failing_check = "from";
    fakes.failing_count = 1;
    run_once(&scenario);
    assert_failed(&scenario, ERROR_CHECK, "check not_null(a) failed for 1 row of t");
    assert_says(scenario.err.message, "p.yaml:9:9: transform.t.checks");
    assert_int_equal(fakes_started(&fakes, "sql.check"), 3);
    assert_int_equal(logged(&scenario, "check.failed"), 3); /* the warning, too */
    assert_string_equal(check_text(&scenario, "transform.t", 1), "unique(a)");
    assert_string_equal(check_text(&scenario, "transform.t", 2), "row_count(1 or more)");
    assert_staged("first", "t", "load.t");
    scenario_deinit(&scenario);
}

static void test_a_warning_passes(void **state)
{
    struct fakes fakes;
    struct scenario scenario = {.fakes = &fakes, .text = text};

    (void)state;
    fakes_init(&fakes, 1);
    fakes.failing_check = "<= 5";
    run_well(&scenario, "first");
    assert_int_equal(logged(&scenario, "check.failed"), 1);
    assert_says(scenario.messages.data, "check small failed: t has 12 rows, at most 5 are wanted");
    assert_string_equal(check_text(&scenario, "load.t", 0), "small");
    assert_int_equal(fakes_rows(&fakes, "n.t"), 12);
    scenario_deinit(&scenario);
}

/* A check that the SQL engine cannot answer is no failed check. */
static void test_an_error_ends_the_checks(void **state)
{
    struct fakes fakes;
    struct scenario scenario = {.fakes = &fakes, .text = text, .run_id = "first"};

    (void)state;
    fakes_init(&fakes, 1);
    fakes_fail(&fakes, "sql.check", 1, 1, ERROR_SQL, false);
    run_once(&scenario);
    assert_failed(&scenario, ERROR_SQL, "transform.t.checks");
    assert_int_equal(fakes_started(&fakes, "sql.check"), 2);
    assert_string_equal(table_get(&fakes.runs, "first"), "failed");
    scenario_deinit(&scenario);
}

/* Files are stored while the checks of a load are still to come; a failed one removes them. */
static void test_a_failed_check_of_a_load_removes_its_files(void **state)
{
    static const char strict[] = "name: p\n"
                                 "extract:\n"
                                 "  a: {from: data/x-*.csv, only_new: true}\n"
                                 "load:\n"
                                 "  a: {into: n.t, checks: [{row_count: {max: 5}}]}\n";
    struct fakes fakes;
    struct scenario scenario = {.fakes = &fakes, .text = strict, .run_id = "first"};

    (void)state;
    fakes_init(&fakes, 1);
    fakes.failing_check = "<= 5";
    run_once(&scenario);
    assert_failed(
        &scenario, ERROR_CHECK, "load.a.checks: check row_count(0 to 5) failed: a has 12 rows");
    assert_int_equal(fakes_started(&fakes, "store.put"), 3);
    assert_int_equal(fakes_left(&fakes.objects), 0);
    assert_int_equal(scenario.summary.rows, 0);
    assert_staged("first", "a", "load.a");
    scenario_deinit(&scenario);
}

/* No part of it stays where it could not be kept whole. */
static void test_what_cannot_be_staged_is_left_out(void **state)
{
    static const char viewed[] = "name: p\n"
                                 "extract:\n"
                                 "  a: {from: data/x-*.csv, only_new: true}\n"
                                 "transform:\n"
                                 "  v: {sql: a}\n"
                                 "  t: {sql: a, checks: [{not_null: [a]}]}\n"
                                 "load:\n"
                                 "  v: {into: n.v}\n"
                                 "  t: {into: n.t, after: [load.v]}\n";
    struct fakes fakes;
    struct scenario scenario = {.fakes = &fakes, .text = viewed, .run_id = "first"};

    (void)state;
    fakes_init(&fakes, 1);
    fakes.failing_check = "from";
    fakes.failing_count = 1;
    fakes_fail(&fakes, "sql.write v", 1, 9, ERROR_IO, false);
    run_once(&scenario);
    assert_staged("first", "t", "load.t");
    assert_int_equal(fakes_left(&fakes.objects), 0);
    scenario_deinit(&scenario);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_check_is_asked_and_the_first_failure_is_the_reason),
        cmocka_unit_test(test_a_warning_passes),
        cmocka_unit_test(test_an_error_ends_the_checks),
        cmocka_unit_test(test_a_failed_check_of_a_load_removes_its_files),
        cmocka_unit_test(test_what_cannot_be_staged_is_left_out),
    };

    return cmocka_run_group_tests(tests, house_set_up, house_tear_down);
}
