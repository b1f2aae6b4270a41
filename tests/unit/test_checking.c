/* Checks one after another: all of them are asked and told, warnings pass, an error that is no
 * answer ends them. */
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
    scenario_deinit(&scenario);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_check_is_asked_and_the_first_failure_is_the_reason),
        cmocka_unit_test(test_a_warning_passes),
        cmocka_unit_test(test_an_error_ends_the_checks),
        cmocka_unit_test(test_a_failed_check_of_a_load_removes_its_files),
    };

    return cmocka_run_group_tests(tests, house_set_up, house_tear_down);
}
