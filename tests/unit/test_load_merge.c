/* Loads into tables with a key: what is committed, what is refused, and what happens when somebody
 * else is faster. The SQL is a fake's; what it means is for the tests against DuckDB. */
#include "runner/base/mem.h"
#include "tests/unit/run_fixture.h"

#include <string.h>

static const char upsert_text[] = "name: p\n"
                                  "extract:\n"
                                  "  a: {from: data/b.csv}\n"
                                  "load:\n"
                                  "  a: {into: n.t, mode: upsert, key: [a]}\n";
/* A row may move from one partition to another: what is stored is looked up. */
static const char moving_text[] = "name: p\n"
                                  "extract:\n"
                                  "  a: {from: data/b.csv}\n"
                                  "load:\n"
                                  "  a: {into: n.t, mode: upsert, key: [a], partition_by: [b]}\n";

static void begin(struct fakes *fakes)
{
    static const struct sql_column columns[] = {
        {.name = "a", .type = "BIGINT"}, {.name = "b", .type = "VARCHAR"}};

    fakes_init(fakes, 1);
    fakes->schema = columns;
    fakes->schema_count = 2;
    fakes->partition_values[0] = "x";
    fakes->answers[0] =
        (struct fake_answer){.part = "select sum(case when", .cells = {"12", "0", "0"}};
}

static void test_the_key_is_pinned_by_the_first_load(void **state)
{
    struct fakes fakes;
    struct scenario scenario = {.fakes = &fakes, .text = upsert_text};
    const struct fake_table *table;

    (void)state;
    begin(&fakes);
    run_well(&scenario, "first");
    table = table_get(&fakes.tables, "n.t");
    assert_int_equal(table->key_count, 1);
    assert_string_equal(table->key[0], "a");
    assert_int_equal(fakes_rows(&fakes, "n.t"), 12);
    assert_int_equal(task_int(&scenario, "load.a", "duplicates"), 0);
    scenario_deinit(&scenario);
}

static void test_append_into_a_table_with_a_key_is_refused(void **state)
{
    struct fakes fakes;
    struct scenario scenario = {.fakes = &fakes, .text = upsert_text};

    (void)state;
    begin(&fakes);
    run_well(&scenario, "first");
    scenario.text = "name: p\n"
                    "extract:\n"
                    "  a: {from: data/b.csv, repeat: true}\n"
                    "load:\n"
                    "  a: {into: n.t}\n";
    scenario.run_id = "second";
    run_once(&scenario);
    assert_failed(&scenario, ERROR_INVALID, "p.yaml:5:");
    assert_failed(&scenario, ERROR_INVALID, "load.a.mode: the table n.t has a key (a)");
    assert_int_equal(fakes_rows(&fakes, "n.t"), 12);
    scenario_deinit(&scenario);
}

static void test_another_key_is_refused(void **state)
{
    struct fakes fakes;
    struct scenario scenario = {.fakes = &fakes, .text = upsert_text};

    (void)state;
    begin(&fakes);
    run_well(&scenario, "first");
    scenario.text = "name: p\n"
                    "extract:\n"
                    "  a: {from: data/b.csv}\n"
                    "load:\n"
                    "  a: {into: n.t, mode: upsert, key: [a, b]}\n";
    scenario.run_id = "second";
    run_once(&scenario);
    assert_failed(&scenario, ERROR_INVALID, "load.a.key: the key of the table n.t is [a]");
    assert_failed(&scenario, ERROR_INVALID, "sluice catalog alter");
    scenario_deinit(&scenario);
}

static void test_a_null_key_names_the_row(void **state)
{
    struct fakes fakes;
    struct scenario scenario = {.fakes = &fakes, .text = upsert_text, .run_id = "first"};

    (void)state;
    begin(&fakes);
    fakes.answers[1] = (struct fake_answer){.part = " is null", .cells = {"17", NULL, "x"}};
    run_once(&scenario);
    assert_failed(
        &scenario, ERROR_CHECK, "load.a.key: row 17 of a has no value in the column \"b\"");
    assert_null(strstr(scenario.err.message, "(c x)")); /* logs.samples */
    assert_int_equal(fakes_rows(&fakes, "n.t"), 0);
    assert_int_equal(fakes_left(&fakes.objects), 0);
    scenario_deinit(&scenario);
}

static void test_too_many_deletes_are_refused(void **state)
{
    struct fakes fakes;
    struct scenario scenario = {.fakes = &fakes, .run_id = "first"};

    (void)state;
    begin(&fakes);
    fakes.answers[0].cells[2] = "4";
    scenario.text = "name: p\n"
                    "extract:\n"
                    "  a: {from: data/b.csv}\n"
                    "load:\n"
                    "  a: {into: n.t, mode: upsert, key: [a], limits: {deletes: 3}}\n";
    run_once(&scenario);
    assert_failed(
        &scenario, ERROR_CHECK, "limits.deletes: 4 of the 0 rows of n.t would be deleted");
    assert_int_equal(fakes_left(&fakes.committed), 0);
    fakes.answers[0].cells[2] = "3";
    run_well(&scenario, "second");
    scenario_deinit(&scenario);
}

/* --- somebody else is faster --- */

static void move_on(struct fakes *fakes, const char *name)
{
    struct fake_table *table = table_get(&fakes->tables, "n.t");

    if (strcmp(name, "catalog.commit") == 0 && table && fakes->failing_count-- > 0)
        table->position++;
}

static void test_a_load_that_looked_up_is_run_again(void **state)
{
    struct fakes fakes;
    struct scenario scenario = {.fakes = &fakes, .text = upsert_text};
    unsigned writes;

    (void)state;
    begin(&fakes);
    scenario.text = moving_text;
    run_well(&scenario, "first");
    assert_int_equal(logged(&scenario, "commit.conflict"), 0);
    writes = fakes_started(&fakes, "sql.write");
    fakes.watch = move_on;
    fakes.failing_count = 2;
    run_well(&scenario, "second");
    assert_int_equal(logged(&scenario, "commit.conflict"), 2);
    assert_int_equal(fakes_started(&fakes, "sql.write") - writes, 6); /* copy and rows, each time */
    assert_int_equal(fakes_rows(&fakes, "n.t"), 24);
    assert_true(table_has(&fakes.committed, "second"));
    scenario_deinit(&scenario);
}

static void test_ten_conflicts_are_the_end(void **state)
{
    struct fakes fakes;
    struct scenario scenario = {.fakes = &fakes, .text = moving_text};

    (void)state;
    begin(&fakes);
    run_well(&scenario, "first");
    fakes.watch = move_on;
    fakes.failing_count = 100;
    scenario.run_id = "second";
    run_once(&scenario);
    assert_failed(&scenario, ERROR_CONFLICT, "another position");
    assert_int_equal(100 - fakes.failing_count, 10);
    assert_int_equal(fakes_rows(&fakes, "n.t"), 12);
    assert_int_equal(fakes_orphans(&fakes), 0);
    scenario_deinit(&scenario);
}

static void test_a_load_without_a_look_up_is_not_run_again(void **state)
{
    struct fakes fakes;
    struct scenario scenario = {.fakes = &fakes, .text = upsert_text};
    unsigned writes;

    (void)state;
    begin(&fakes);
    run_well(&scenario, "first");
    writes = fakes_started(&fakes, "sql.write");
    fakes_fail(&fakes, "catalog.commit", 0, 1, ERROR_CONFLICT, false);
    run_well(&scenario, "second");
    assert_int_equal(logged(&scenario, "commit.conflict"), 1);
    assert_int_equal(fakes_started(&fakes, "sql.write") - writes, 2);
    assert_int_equal(fakes_rows(&fakes, "n.t"), 24);
    scenario_deinit(&scenario);
}

static void test_a_conflict_that_was_committed_all_the_same_is_seen(void **state)
{
    struct fakes fakes;
    struct scenario scenario = {.fakes = &fakes, .text = upsert_text};

    (void)state;
    begin(&fakes);
    run_well(&scenario, "first");
    fakes_fail(&fakes, "catalog.commit", 0, 1, ERROR_CONFLICT, true);
    run_well(&scenario, "second");
    assert_int_equal(fakes_rows(&fakes, "n.t"), 24);
    scenario_deinit(&scenario);
}

static void test_cancelled_at_every_turn(void **state)
{
    unsigned ended = 0;

    (void)state;
    for (unsigned turn = 1; !ended; turn++) {
        struct fakes fakes;
        struct scenario scenario = {.fakes = &fakes, .text = upsert_text};

        begin(&fakes);
        run_well(&scenario, "first");
        fakes_fail(&fakes, "catalog.commit", 0, 2, ERROR_CONFLICT, false);
        scenario.cancel_at = turn;
        scenario.run_id = "second";
        run_once(&scenario);
        if (!scenario.err.code)
            ended = scenario.turn < turn;
        else
            assert_int_equal(scenario.err.class, ERROR_CANCELLED);
        assert_int_equal(fakes_dangling(&fakes), 0);
        assert_int_equal(fakes_orphans(&fakes), 0);
        assert_int_equal(fakes_left(&fakes.journal), 0);
        scenario_deinit(&scenario);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_key_is_pinned_by_the_first_load),
        cmocka_unit_test(test_append_into_a_table_with_a_key_is_refused),
        cmocka_unit_test(test_another_key_is_refused),
        cmocka_unit_test(test_a_null_key_names_the_row),
        cmocka_unit_test(test_too_many_deletes_are_refused),
        cmocka_unit_test(test_a_load_that_looked_up_is_run_again),
        cmocka_unit_test(test_ten_conflicts_are_the_end),
        cmocka_unit_test(test_a_load_without_a_look_up_is_not_run_again),
        cmocka_unit_test(test_a_conflict_that_was_committed_all_the_same_is_seen),
        cmocka_unit_test(test_cancelled_at_every_turn),
    };

    return cmocka_run_group_tests(tests, house_set_up, house_tear_down);
}
