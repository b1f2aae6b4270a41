/* The whole run over connectors in memory: each operation failed in turn, cancelled at each turn of
 * the loop. Whatever happens, `done` comes once, no handle, session or lease is left, and after one
 * more, undisturbed run every row is there exactly once and nothing else is. */
#include "tests/unit/run_fixture.h"

#include <string.h>

static const char pipeline_text[] =
    "name: p\n"
    "extract:\n"
    "  a: {from: data/x-*.csv, only_new: true}\n"
    "  b: {from: data/b.csv}\n"
    "transform:\n"
    "  t: {sql: a, checks: [{row_count: {min: 1}}], after: [extract.b]}\n"
    "load:\n"
    "  t: {into: n.t}\n"
    "  out: {from: t, to: \"out-${run.id}.csv\"}\n";

/* What must be so once a run has ended well. */
static void assert_whole(const struct fakes *fakes)
{
    assert_int_equal(fakes_rows(fakes, "n.t"), 12);
    assert_int_equal(fakes_deltas(fakes, "n.t"), 1);
    assert_int_equal(fakes_left(&fakes->journal), 0);
    assert_int_equal(fakes_left(&fakes->publications), 0);
    assert_int_equal(fakes_left(&fakes->seen), 4); /* two objects, by two loads */
    assert_int_equal(fakes_left(&fakes->objects), 3 + 1);
    assert_int_equal(fakes_dangling(fakes), 0);
    assert_int_equal(fakes_orphans(fakes), 0);
    assert_false(fakes->leased);
}

/* Fails one operation, or cancels at one turn, then runs again undisturbed. Whether the first run
 * went through without meeting its fault. */
static bool disturb(unsigned fail_at, unsigned cancel_at, bool after_effect)
{
    struct fakes fakes;
    struct scenario scenario = {
        .fakes = &fakes, .text = pipeline_text, .cancel_at = cancel_at, .run_id = "first"};
    bool clean;

    fakes_init(&fakes, fail_at * 1000 + cancel_at);
    fakes.fail_at = fail_at;
    fakes.fail_after_effect = after_effect;
    run_once(&scenario);
    clean = fail_at ? fakes.operations < fail_at : scenario.turn < cancel_at;
    if (clean)
        assert_int_equal(scenario.err.code, ERROR_NONE);

    fakes_heal(&fakes);
    fakes.leased = false; /* its holder is gone */
    fakes.holder[0] = '\0';
    scenario.cancel_at = 0;
    scenario.run_id = "second";
    run_once(&scenario);
    assert_string_equal(scenario.err.message, "");
    assert_whole(&fakes);
    scenario_deinit(&scenario);
    return clean;
}

static void test_each_operation_fails(void **state)
{
    unsigned n = 1;

    (void)state;
    while (!disturb(n, 0, false))
        assert_true(++n < 1000);
    assert_true(n > 20);
}

static void test_each_operation_fails_after_it_was_done(void **state)
{
    unsigned n = 1;

    (void)state;
    while (!disturb(n, 0, true))
        assert_true(++n < 1000);
    assert_true(n > 20);
}

static void test_cancelled_at_each_turn(void **state)
{
    unsigned n = 1;

    (void)state;
    while (!disturb(0, n, false))
        assert_true(++n < 5000);
    assert_true(n > 20);
}

static void test_nothing_new_commits_nothing(void **state)
{
    struct fakes fakes;
    struct scenario scenario = {.fakes = &fakes, .text = pipeline_text, .run_id = "first"};

    (void)state;
    fakes_init(&fakes, 1);
    run_once(&scenario);
    assert_int_equal(scenario.err.code, ERROR_NONE);
    assert_whole(&fakes);
    scenario.run_id = "second";
    run_once(&scenario);
    assert_int_equal(scenario.err.code, ERROR_NONE);
    assert_whole(&fakes);
    assert_null(table_get(&fakes.committed, "second"));
    assert_string_equal(table_get(&fakes.runs, "second"), "nothing_new");
    scenario_deinit(&scenario);
}

static void test_the_same_run_id_commits_once(void **state)
{
    struct fakes fakes;
    struct scenario scenario = {.fakes = &fakes, .text = pipeline_text, .run_id = "first"};

    (void)state;
    fakes_init(&fakes, 1);
    run_once(&scenario);
    run_once(&scenario);
    assert_int_equal(scenario.err.code, ERROR_NONE);
    assert_whole(&fakes);
    scenario_deinit(&scenario);
}

static void test_a_failed_check_commits_nothing(void **state)
{
    struct fakes fakes;
    struct scenario scenario = {.fakes = &fakes, .text = pipeline_text, .run_id = "first"};

    (void)state;
    fakes_init(&fakes, 1);
    fakes.failing_check = "count(*)";
    run_once(&scenario);
    assert_int_equal(scenario.err.code, ERROR_CHECK);
    assert_non_null(strstr(scenario.err.message, "check row_count"));
    assert_int_equal(fakes_rows(&fakes, "n.t"), 0);
    assert_int_equal(fakes_left(&fakes.journal), 0);
    assert_string_equal(table_get(&fakes.runs, "first"), "check_failed");
    scenario_deinit(&scenario);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_new_commits_nothing),
        cmocka_unit_test(test_the_same_run_id_commits_once),
        cmocka_unit_test(test_a_failed_check_commits_nothing),
        cmocka_unit_test(test_each_operation_fails),
        cmocka_unit_test(test_each_operation_fails_after_it_was_done),
        cmocka_unit_test(test_cancelled_at_each_turn),
    };

    return cmocka_run_group_tests(tests, house_set_up, house_tear_down);
}
