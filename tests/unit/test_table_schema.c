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
static void load_twice(const char *first, const char *second, enum error_code code,
    const char *message, size_t columns)
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
    assert_int_equal(((struct fake_table *)table_get(&fakes.tables, "n.t"))->column_count, columns);
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
    assert_non_null(table_get(&fakes.objects, "n/t/1/day_month=2001-01/first-a-1-0.parquet"));
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
        ERROR_INVALID, "load.a.partition_by: the table n.t is partitioned by [month(day)]", 2);
    load_twice(LOAD(", partition_by: [\"month(day)\"]"), LOAD(""), ERROR_INVALID,
        "the table n.t is partitioned by [month(day)], which cannot be changed by a load; write "
        "that here, or change the table: sluice catalog alter n.t --partition-by",
        2);
    load_twice(LOAD(""), LOAD(", partition_by: [amount]"), ERROR_INVALID,
        "the table n.t is partitioned by []", 2);
}

static void test_a_new_column(void **state)
{
    (void)state;
    load_twice(LOAD(""), LOAD(", schema: freeze"), ERROR_DATA,
        "load.a.into: column \"x\" (VARCHAR) is not in the table n.t and its schema is frozen", 2);
    load_twice(LOAD(""), LOAD(""), ERROR_NONE, "", 3);
    load_twice(LOAD(""), LOAD(", schema: discard_columns"), ERROR_NONE, "", 2);
    load_twice(LOAD(""), LOAD(", schema: discard_rows"), ERROR_NONE, "", 2);
}

/* Two loads of one run into one table: the second builds on what the first makes of it. */
static void test_loads_build_on_each_other(void **state)
{
    static const char both[] = "name: p\n"
                               "extract:\n"
                               "  a: {from: data/b.csv, repeat: true}\n"
                               "load:\n"
                               "  a: {into: n.t}\n"
                               "  b: {from: a, into: n.t}\n";
    struct fakes fakes;
    struct scenario scenario = {.fakes = &fakes, .text = both};
    const struct fake_table *table;

    (void)state;
    fakes_init(&fakes, 1);
    fakes.schema = two;
    fakes.schema_count = 2;
    run_well(&scenario, "first"); /* made once */
    table = table_get(&fakes.tables, "n.t");
    assert_int_equal(table->schema_id, 1);
    assert_int_equal(fakes_rows(&fakes, "n.t"), 24);
    fakes.schema = three;
    fakes.schema_count = 3;
    run_well(&scenario, "second"); /* evolved once */
    assert_int_equal(table->schema_id, 2);
    assert_int_equal(table->column_count, 3);
    assert_string_equal(table->columns[2].name, "x");
    assert_int_equal(fakes_rows(&fakes, "n.t"), 48);
    scenario_deinit(&scenario);
}

/* Another attempt must write what others have built on. */
static void test_a_second_attempt_gives_the_same(void **state)
{
    struct fakes fakes;
    struct scenario scenario = {.fakes = &fakes, .text = LOAD("")};
    const struct fake_table *table;

    (void)state;
    fakes_init(&fakes, 1);
    fakes.schema = two;
    fakes.schema_count = 2;
    run_well(&scenario, "first");
    fakes.schema = three;
    fakes.schema_count = 3;
    fakes_fail(&fakes, "store.put", 0, 1, ERROR_TIMEOUT, false);
    run_well(&scenario, "second");
    table = table_get(&fakes.tables, "n.t");
    assert_int_equal(table->schema_id, 2);
    assert_int_equal(table->column_count, 3);
    scenario_deinit(&scenario);
}

/* The first value of a column gives its type; the schema stays the one that it is. */
static void test_a_column_gets_its_type(void **state)
{
    static const struct sql_column untyped[] = {{"day", "DATE"}, {"amount", "NULL"}};
    struct fakes fakes;
    struct scenario scenario = {.fakes = &fakes, .text = LOAD(", schema: freeze")};
    const struct fake_table *table;

    (void)state;
    fakes_init(&fakes, 1);
    fakes.schema = untyped;
    fakes.schema_count = 2;
    run_well(&scenario, "first");
    table = table_get(&fakes.tables, "n.t");
    assert_string_equal(table->columns[1].type, "NULL");
    fakes.schema = two;
    run_well(&scenario, "second");
    assert_string_equal(table->columns[1].type, "BIGINT");
    assert_int_equal(table->schema_id, 1);
    scenario_deinit(&scenario);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_first_commit_pins_the_schema),
        cmocka_unit_test(test_columns_that_are_named_must_be_there),
        cmocka_unit_test(test_partitioning_cannot_change),
        cmocka_unit_test(test_a_new_column),
        cmocka_unit_test(test_loads_build_on_each_other),
        cmocka_unit_test(test_a_second_attempt_gives_the_same),
        cmocka_unit_test(test_a_column_gets_its_type),
    };

    return cmocka_run_group_tests(tests, house_set_up, house_tear_down);
}
