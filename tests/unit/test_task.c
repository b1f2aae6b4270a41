/* Attempts: which errors are tried again, time-outs of tasks and of the run, what a failure
 * cancels. */
#include "runner/base/mem.h"
#include "tests/unit/run_fixture.h"

#include <string.h>

static const char text[] = "name: p\n"
                           "defaults: {retry: {attempts: 3, backoff: 1ms}}\n"
                           "extract:\n"
                           "  a: {from: data/x-*.csv, only_new: true}\n"
                           "transform:\n"
                           "  t: {sql: a, checks: [{row_count: {min: 1}}]}\n"
                           "load:\n"
                           "  t: {into: n.t}\n";

/* Each stage, each kind of operation: once it fails in passing, then all is well. */
static void test_a_transient_error_is_tried_again(void **state)
{
    static const struct {
        const char *operation, *task;
    } cases[] = {
        {"store.get", "extract.a"},
        {"sql.scan", "extract.a"},
        {"store.check", "extract.a"},
        {"sql.derive", "transform.t"},
        {"sql.check", "transform.t"},
        {"sql.write", "load.t"},
        {"store.put", "load.t"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct fakes fakes;
        struct scenario scenario = {.fakes = &fakes, .text = text};

        fakes_init(&fakes, (unsigned)i + 1);
        fakes_fail(&fakes, cases[i].operation, 0, 1, ERROR_BUSY, false);
        run_well(&scenario, "first");
        assert_int_equal(task_int(&scenario, cases[i].task, "attempts"), 2);
        assert_int_equal(logged(&scenario, "task.retry"), 1);
        assert_int_equal(json_get_int(scenario.record, "retries", -1), 1);
        assert_int_equal(fakes_rows(&fakes, "n.t"), 12);
        scenario_deinit(&scenario);
    }
}

static void test_attempts_end(void **state)
{
    struct fakes fakes;
    struct scenario scenario = {.fakes = &fakes, .text = text, .run_id = "first"};

    (void)state;
    fakes_init(&fakes, 1);
    fakes_fail(&fakes, "sql.scan", 0, 99, ERROR_BUSY, false);
    run_once(&scenario);
    assert_failed(&scenario, ERROR_BUSY, "p.yaml:4:7: extract.a: sql.scan a failed");
    assert_int_equal(fakes_started(&fakes, "sql.scan"), 3);
    assert_string_equal(task_text(&scenario, "extract.a", "state"), "failed");
    scenario_deinit(&scenario);
}

static void test_a_permanent_error_is_not_tried_again(void **state)
{
    struct fakes fakes;
    struct scenario scenario = {.fakes = &fakes, .text = text, .run_id = "first"};

    (void)state;
    fakes_init(&fakes, 1);
    fakes_fail(&fakes, "sql.derive", 0, 1, ERROR_SQL, false);
    run_once(&scenario);
    assert_failed(&scenario, ERROR_SQL, "transform.t.sql: sql.derive t failed");
    assert_int_equal(fakes_started(&fakes, "sql.derive"), 1);
    assert_int_equal(task_int(&scenario, "transform.t", "attempts"), 1);
    assert_string_equal(task_text(&scenario, "load.t", "state"), "cancelled");
    assert_int_equal(fakes_started(&fakes, "sql.write"), 0);
    scenario_deinit(&scenario);
}

/* retry.on: what is tried again besides what passes by itself, by task or by default. */
static void test_named_errors_are_tried_again(void **state)
{
    static const struct {
        const char *defaults, *own;
        enum error_code code;
        unsigned attempts;
    } cases[] = {
        {"", "", ERROR_SQL, 1}, {", on: [sql]", "", ERROR_SQL, 3},
        {", on: [io, sql]", "", ERROR_SQL, 3}, {", on: [io]", "", ERROR_SQL, 1},
        {", on: [sql]", ", retry: {on: [data]}", ERROR_SQL, 1},
        {"", ", retry: {on: [data]}", ERROR_DATA, 3},
        {", on: [check]", "", ERROR_BUSY, 3}, /* as ever */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        char *yaml = mem_printf("name: p\n"
                                "defaults: {retry: {attempts: 3, backoff: 1ms%s}}\n"
                                "extract:\n"
                                "  a: {from: data/x-*.csv, only_new: true}\n"
                                "transform:\n"
                                "  t: {sql: a%s}\n"
                                "load:\n"
                                "  t: {into: n.t}\n",
            cases[i].defaults, cases[i].own);
        struct fakes fakes;
        struct scenario scenario = {.fakes = &fakes, .text = yaml, .run_id = "first"};

        fakes_init(&fakes, (unsigned)i + 1);
        fakes_fail(&fakes, "sql.derive", 0, 99, cases[i].code, false);
        run_once(&scenario);
        assert_failed(&scenario, cases[i].code, "sql.derive t failed");
        assert_int_equal(fakes_started(&fakes, "sql.derive"), cases[i].attempts);
        assert_int_equal(logged(&scenario, "task.retry"), cases[i].attempts - 1);
        scenario_deinit(&scenario);
        free(yaml);
    }
}

/* --- time-outs --- */

#define WITH_TIMEOUT(where)                                                                        \
    "name: p\n"                                                                                    \
    "defaults: {retry: {attempts: 2, backoff: 1ms}" where "}\n"                                    \
    "extract:\n"                                                                                   \
    "  a: {from: data/x-*.csv, only_new: true}\n"                                                  \
    "transform:\n"                                                                                 \
    "  t: {sql: a, checks: [{row_count: {min: 1}}]}\n"                                             \
    "load:\n"                                                                                      \
    "  t: {into: n.t}\n"

static const char *const may_hang[] = {
    "store.get", "sql.scan", "store.check", "sql.derive", "sql.check", "sql.write", "store.put"};

static void test_a_task_that_hangs_is_tried_again(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(may_hang); i++) {
        struct fakes fakes;
        struct scenario scenario = {.fakes = &fakes, .text = WITH_TIMEOUT(", timeout: 1h")};

        fakes_init(&fakes, (unsigned)i + 1);
        fakes_hang(&fakes, may_hang[i], 1);
        run_well(&scenario, "first");
        assert_int_equal(logged(&scenario, "task.retry"), 1);
        assert_says(scenario.messages.data, "took longer than its time-out of 1h");
        assert_int_equal(fakes_rows(&fakes, "n.t"), 12);
        scenario_deinit(&scenario);
    }
}

static void test_a_task_that_hangs_again_fails(void **state)
{
    struct fakes fakes;
    struct scenario scenario = {
        .fakes = &fakes, .text = WITH_TIMEOUT(", timeout: 1h"), .run_id = "first"};

    (void)state;
    fakes_init(&fakes, 1);
    fakes_hang(&fakes, "sql.derive", 2);
    run_once(&scenario);
    assert_failed(&scenario, ERROR_TIMEOUT,
        "p.yaml:6:3: transform.t.timeout: took longer than its time-out of 1h");
    assert_string_equal(table_get(&fakes.runs, "first"), "failed");
    assert_int_equal(fakes_started(&fakes, "sql.derive"), 2);
    scenario_deinit(&scenario);
}

static void test_the_time_of_a_run_ends(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(may_hang); i++) {
        struct fakes fakes;
        struct scenario scenario = {
            .fakes = &fakes, .text = WITH_TIMEOUT("}\nresources: {timeout: 1h"), .run_id = "first"};

        fakes_init(&fakes, (unsigned)i + 1);
        fakes_hang(&fakes, may_hang[i], 1);
        run_once(&scenario);
        assert_failed(&scenario, ERROR_TIMEOUT, "p took longer than resources.timeout (1h 00m)");
        assert_int_equal(logged(&scenario, "task.retry"), 0);
        assert_int_equal(fakes_left(&fakes.committed), 0);
        assert_int_equal(fakes_left(&fakes.objects), 0);
        assert_string_equal(table_get(&fakes.runs, "first"), "failed");
        run_well(&scenario, "second");
        assert_int_equal(fakes_rows(&fakes, "n.t"), 12);
        scenario_deinit(&scenario);
    }
}

/* --- what a failure does to the others --- */

static void test_a_failed_check_cancels_all_else(void **state)
{
    static const char broad[] = "name: p\n"
                                "extract:\n"
                                "  a: {from: data/x-*.csv, only_new: true}\n"
                                "  b: {from: data/b.csv, repeat: true}\n"
                                "transform:\n"
                                "  t: {sql: a, checks: [{not_null: [a]}]}\n"
                                "load:\n"
                                "  t: {into: n.t}\n"
                                "  b: {into: n.b, after: [transform.t]}\n"
                                "  slow: {from: b, into: n.c}\n";
    struct fakes fakes;
    struct scenario scenario = {.fakes = &fakes, .text = broad, .run_id = "first"};

    (void)state;
    fakes_init(&fakes, 1);
    fakes.failing_check = "is null";
    fakes.failing_count = 2;
    fakes_hang(&fakes, "sql.write b", 1); /* ends only because it is cancelled */
    run_once(&scenario);
    assert_failed(&scenario, ERROR_CHECK, "check not_null(a) failed for 2 rows of t");
    assert_int_equal(scenario.err.class, ERROR_PERMANENT);
    assert_int_equal(scenario.summary.outcome, STATE_CHECK_FAILED);
    assert_string_equal(task_text(&scenario, "transform.t", "state"), "failed");
    assert_string_equal(task_text(&scenario, "load.t", "state"), "cancelled");
    assert_string_equal(task_text(&scenario, "load.b", "state"), "cancelled");
    assert_string_equal(task_text(&scenario, "load.slow", "state"), "cancelled");
    assert_int_equal(fakes_started(&fakes, "catalog.commit"), 0);
    assert_int_equal(fakes_left(&fakes.objects), 0);
    scenario_deinit(&scenario);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_transient_error_is_tried_again),
        cmocka_unit_test(test_attempts_end),
        cmocka_unit_test(test_named_errors_are_tried_again),
        cmocka_unit_test(test_a_permanent_error_is_not_tried_again),
        cmocka_unit_test(test_a_task_that_hangs_is_tried_again),
        cmocka_unit_test(test_a_task_that_hangs_again_fails),
        cmocka_unit_test(test_the_time_of_a_run_ends),
        cmocka_unit_test(test_a_failed_check_cancels_all_else),
    };

    return cmocka_run_group_tests(tests, house_set_up, house_tear_down);
}
