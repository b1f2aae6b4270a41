/* A dataset meets its table: columns, partitioning, the schema policy. */
#include "tests/unit/run_fixture.h"

#include <string.h>

#define LOAD(options)                                                                              \
    "name: p\n"                                                                                    \
    "extract:\n"                                                                                   \
    "  a: {from: data/b.csv, repeat: true}\n"                                                      \
    "load:\n"                                                                                      \
    "  a: {into: n.t" options "}\n"

static const struct sql_column two[] = {{"day", "DATE"}, {"amount", "BIGINT"}};
static const struct sql_column three[] = {{"DAY", "DATE"}, {"amount", "BIGINT"}, {"x", "VARCHAR"}};

/* A first run with columns `two` and LOAD(first), then one with `three` and `second`. */
static void load_twice(
    const char *first, const char *second, enum error_code code, const char *message)
{
    struct fakes fakes;
    struct scenario scenario = {.fakes = &fakes, .text = first};

    fakes_init(&fakes, 1);
    fakes.schema = two;
    fakes.schema_count = 2;
    fakes.partition_values[0] = "2001-01";
    run_well(&scenario, "first");
    fakes.schema = three;
    fakes.schema_count = 3;
    scenario.text = second;
    scenario.run_id = "second";
    run_once(&scenario);
    assert_int_equal(scenario.err.code, code);
    if (code)
        assert_says(scenario.err.message, message);
    assert_int_equal(fakes_rows(&fakes, "n.t"), code ? 12 : 24);
    assert_int_equal(((struct fake_table *)table_get(&fakes.tables, "n.t"))->column_count, 2);
    scenario_deinit(&scenario);
}

static void load_once(const char *text, const char *message)
{
    struct fakes fakes;
    struct scenario scenario = {.fakes = &fakes, .text = text, .run_id = "first"};

    fakes_init(&fakes, 1);
    fakes.schema = two;
    fakes.schema_count = 2;
    run_once(&scenario);
    assert_failed(&scenario, ERROR_INVALID, message);
    assert_int_equal(fakes_left(&fakes.tables), 0);
    assert_int_equal(fakes_started(&fakes, "sql.write"), 0);
    scenario_deinit(&scenario);
}

static void test_the_first_commit_pins_the_schema(void **state)
{
    struct fakes fakes;
    struct scenario scenario = {
        .fakes = &fakes, .text = LOAD(", partition_by: [\"month(day)\"], sort_by: [Amount desc]")};
    const struct fake_table *table;

    (void)state;
    fakes_init(&fakes, 1);
    fakes.schema = two;
    fakes.schema_count = 2;
    fakes.partition_values[0] = "2001-01";
    run_well(&scenario, "first");
    table = table_get(&fakes.tables, "n.t");
    assert_non_null(table);
    assert_int_equal(table->column_count, 2);
    assert_string_equal(table->columns[0].name, "day");
    assert_string_equal(table->columns[1].type, "BIGINT");
    assert_int_equal(table->partition_count, 1);
    assert_string_equal(table->partition_by[0], "month(day)");
    assert_non_null(table_get(&fakes.objects, "n/t/1/day_month=2001-01/first-a-0.parquet"));
    scenario_deinit(&scenario);
}

static void test_columns_that_are_named_must_be_there(void **state)
{
    (void)state;
    load_once(LOAD(", partition_by: [dya]"),
        "p.yaml:5:18: load.a.partition_by: a has no column \"dya\"; did you mean \"day\"?");
    load_once(LOAD(", sort_by: [amuont desc]"), "load.a.sort_by: a has no column \"amuont desc\"");
    load_once(LOAD(", sort_by: ['\"day desc\"']"), "load.a.sort_by: a has no column");
}

static void test_partitioning_cannot_change(void **state)
{
    (void)state;
    load_twice(LOAD(", partition_by: [\"month(day)\"]"), LOAD(", partition_by: [\"year(day)\"]"),
        ERROR_INVALID, "load.a.partition_by: the table n.t is partitioned by [month(day)]");
    load_twice(LOAD(", partition_by: [\"month(day)\"]"), LOAD(""), ERROR_INVALID,
        "the table n.t is partitioned by [month(day)]");
    load_twice(LOAD(""), LOAD(", partition_by: [amount]"), ERROR_INVALID,
        "the table n.t is partitioned by []");
}

static void test_a_new_column(void **state)
{
    (void)state;
    load_twice(LOAD(""), LOAD(", schema: freeze"), ERROR_DATA,
        "load.a.into: column \"x\" (VARCHAR) is not in the table n.t and its schema is frozen");
    load_twice(LOAD(""), LOAD(""), ERROR_NOT_SUPPORTED, "this version cannot add columns yet");
    load_twice(LOAD(""), LOAD(", schema: discard_columns"), ERROR_NONE, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_first_commit_pins_the_schema),
        cmocka_unit_test(test_columns_that_are_named_must_be_there),
        cmocka_unit_test(test_partitioning_cannot_change),
        cmocka_unit_test(test_a_new_column),
    };

    return cmocka_run_group_tests(tests, house_set_up, house_tear_down);
}
