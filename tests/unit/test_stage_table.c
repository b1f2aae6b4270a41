/* Extracts from a table of the catalog within a run: what is asked in which order, errors at their
 * places, and an end whenever it is cancelled. Which files are read is test_table_read.c's. */
#include "tests/unit/run_fixture.h"

#include "runner/base/mem.h"

#include <string.h>

static const char text[] = "name: p\n"
                           "extract:\n"
                           "  o: {from: 'catalog://n.t'}\n"
                           "load:\n"
                           "  o: {into: n.copy, mode: overwrite}\n";

static const char fill[] = "name: p\n"
                           "extract:\n"
                           "  a: {from: data/x-*.csv}\n"
                           "load:\n"
                           "  a: {into: n.t, mode: overwrite}\n";

/* n.t is there. */
static void begin(struct scenario *scenario, struct fakes *fakes)
{
    *scenario = (struct scenario){.fakes = fakes, .text = fill};
    fakes_init(fakes, 1);
    run_well(scenario, "fill");
    scenario->text = text;
}

static void test_a_table_is_read_and_opened(void **state)
{
    struct fakes fakes;
    struct scenario scenario;

    (void)state;
    begin(&scenario, &fakes);
    run_well(&scenario, "first");
    assert_int_equal(logged(&scenario, "table.read"), 1);
    assert_string_equal(task_text(&scenario, "extract.o", "state"), "done");
    scenario_deinit(&scenario);
}

static void test_errors_name_their_place(void **state)
{
    static const struct {
        const char *step, *part;
    } cases[] = {
        {"sql.open o", "p.yaml:3:7: extract.o: sql.open o failed"},
        {"catalog.list_files n.t", "catalog.list_files n.t failed"},
        {"catalog.list_schemas n.t", "catalog.list_schemas n.t failed"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct fakes fakes;
        struct scenario scenario;

        begin(&scenario, &fakes);
        scenario.run_id = "first";
        fakes_fail(&fakes, cases[i].step, 0, 1, ERROR_DATA, false);
        run_once(&scenario);
        assert_failed(&scenario, ERROR_DATA, cases[i].part);
        run_well(&scenario, "second");
        scenario_deinit(&scenario);
    }
}

/* What passes is tried again. */
static void test_an_attempt_that_fails_is_made_again(void **state)
{
    struct fakes fakes;
    struct scenario scenario;

    (void)state;
    begin(&scenario, &fakes);
    fakes_fail(&fakes, "sql.open o", 0, 1, ERROR_BUSY, true);
    run_well(&scenario, "first");
    assert_int_equal(task_int(&scenario, "extract.o", "attempts"), 2);
    scenario_deinit(&scenario);
}

static void test_cancelled_at_each_turn(void **state)
{
    bool over = false;

    (void)state;
    for (unsigned turn = 1; !over; turn++) {
        struct fakes fakes;
        struct scenario scenario;

        assert_in_range(turn, 1, 500);
        begin(&scenario, &fakes);
        scenario.run_id = "first";
        scenario.cancel_at = turn;
        run_once(&scenario);
        over = scenario.err.code == 0;
        if (!over)
            assert_int_equal(scenario.err.code, ERROR_STOPPED);
        scenario.cancel_at = 0;
        run_well(&scenario, "second");
        scenario_deinit(&scenario);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_table_is_read_and_opened),
        cmocka_unit_test(test_errors_name_their_place),
        cmocka_unit_test(test_an_attempt_that_fails_is_made_again),
        cmocka_unit_test(test_cancelled_at_each_turn),
    };

    return cmocka_run_group_tests_name("stage_table", tests, house_set_up, house_tear_down);
}
