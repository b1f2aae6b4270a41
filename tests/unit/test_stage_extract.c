/* Extracts: objects that change while they are read, what is fetched, what a cursor then says. */
#include "tests/unit/run_fixture.h"

#include <string.h>

static const char text[] = "name: p\n"
                           "extract:\n"
                           "  a: {from: data/x-*.csv, only_new: true}\n"
                           "load:\n"
                           "  a: {into: n.t}\n";

static void change_before_fetching(struct fakes *fakes, const char *name)
{
    if (text_starts(name, "store.get data/x-2.csv"))
        fakes->sources[2].version = "v2";
}

static void change_after_fetching(struct fakes *fakes, const char *name)
{
    if (text_starts(name, "sql.scan"))
        fakes->sources[2].version = "v2";
}

/* Its rows would be a mixture, or its cursor a lie. */
static void test_an_object_that_changes_while_it_is_read_fails_the_run(void **state)
{
    static void (*const watches[])(struct fakes *, const char *) = {
        change_before_fetching, change_after_fetching};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct fakes fakes;
        struct scenario scenario = {.fakes = &fakes, .text = text, .run_id = "first"};

        fakes_init(&fakes, 1);
        fakes.watch = watches[i];
        run_once(&scenario);
        assert_failed(
            &scenario, ERROR_CHANGED, "extract.a: data/x-2.csv changed while it was read");
        assert_int_equal(fakes_left(&fakes.seen), 0);
        fakes.watch = NULL;
        run_well(&scenario, "second");
        assert_string_equal(table_get(&fakes.seen, "a/a/data/x-2.csv"), "v2");
        scenario_deinit(&scenario);
    }
}

/* A scan stumbles over bytes that changed: the change is the reason to be told. */
static void test_a_change_explains_a_scan_that_failed(void **state)
{
    struct fakes fakes;
    struct scenario scenario = {.fakes = &fakes, .text = text, .run_id = "first"};

    (void)state;
    fakes_init(&fakes, 1);
    fakes.watch = change_after_fetching;
    fakes_fail(&fakes, "sql.scan", 0, 1, ERROR_DATA, false);
    run_once(&scenario);
    assert_failed(&scenario, ERROR_CHANGED, "changed while it was read");
    scenario_deinit(&scenario);
}

static void test_a_scan_that_failed_alone_is_the_reason(void **state)
{
    struct fakes fakes;
    struct scenario scenario = {.fakes = &fakes, .text = text, .run_id = "first"};

    (void)state;
    fakes_init(&fakes, 1);
    fakes_fail(&fakes, "sql.scan", 0, 1, ERROR_DATA, false);
    run_once(&scenario);
    assert_failed(&scenario, ERROR_DATA, "p.yaml:3:7: extract.a: sql.scan a failed");
    scenario_deinit(&scenario);
}

/* One transfer fails while others hang: they are cancelled, and the failure is the reason. */
static void test_a_transfer_that_fails_ends_the_others(void **state)
{
    struct fakes fakes;
    struct scenario scenario = {.fakes = &fakes, .text = text, .run_id = "first"};

    (void)state;
    fakes_init(&fakes, 1);
    fakes_hang(&fakes, "store.get data/x-1", 1);
    fakes_fail(&fakes, "store.get data/x-2", 0, 1, ERROR_DENIED, false);
    run_once(&scenario);
    assert_failed(&scenario, ERROR_DENIED, "extract.a: store.get data/x-2.csv failed");
    assert_int_equal(fakes_started(&fakes, "sql.scan"), 0);
    scenario_deinit(&scenario);
}

static void test_what_was_read_is_counted(void **state)
{
    struct fakes fakes;
    struct scenario scenario = {.fakes = &fakes, .text = text};

    (void)state;
    fakes_init(&fakes, 1);
    fakes_fail(&fakes, "sql.scan", 0, 1, ERROR_BUSY, false); /* once more, and not twice as much */
    run_well(&scenario, "first");
    assert_int_equal(task_int(&scenario, "extract.a", "objects"), 2);
    assert_int_equal(task_int(&scenario, "extract.a", "bytes_read"), 20);
    assert_int_equal(task_int(&scenario, "extract.a", "rows"), 12);
    assert_int_equal(scenario.summary.objects, 2);
    assert_int_equal(logged(&scenario, "object.fetched"), 4);
    scenario_deinit(&scenario);
}

/* Thousands of objects must not be asked for all at once, neither to be read nor to be checked. */
static void test_no_more_requests_than_the_concurrency(void **state)
{
    static const char one_by_one[] = "name: p\n"
                                     "resources: {concurrency: 1}\n"
                                     "extract:\n"
                                     "  a: {from: data/x-*.csv, only_new: true}\n"
                                     "load:\n"
                                     "  a: {into: n.t}\n";
    struct fakes fakes;
    struct scenario scenario = {.fakes = &fakes, .text = one_by_one};

    (void)state;
    fakes_init(&fakes, 1);
    run_well(&scenario, "first");
    assert_int_equal(fakes_started(&fakes, "store.check data/x-"), 2);
    assert_int_equal(fakes.transfers_max, 1);
    scenario_deinit(&scenario);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_object_that_changes_while_it_is_read_fails_the_run),
        cmocka_unit_test(test_a_change_explains_a_scan_that_failed),
        cmocka_unit_test(test_a_scan_that_failed_alone_is_the_reason),
        cmocka_unit_test(test_a_transfer_that_fails_ends_the_others),
        cmocka_unit_test(test_what_was_read_is_counted),
        cmocka_unit_test(test_no_more_requests_than_the_concurrency),
    };

    return cmocka_run_group_tests(tests, house_set_up, house_tear_down);
}
