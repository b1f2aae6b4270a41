/* Connectors by scheme: opened when first asked for, refused by name where there is none. */
#include "tests/unit/run_fixture.h"

#include <string.h>

static struct {
    struct fakes fakes;
    struct scenario scenario;
} self;

static int open_engine(void **state)
{
    (void)state;
    fakes_init(&self.fakes, 1);
    self.scenario = (struct scenario){.fakes = &self.fakes};
    house_engine(&self.scenario);
    return 0;
}

static int close_engine(void **state)
{
    (void)state;
    house_close(&self.scenario);
    scenario_deinit(&self.scenario);
    return 0;
}

static void test_the_same_connector_each_time(void **state)
{
    struct engine *engine = self.scenario.engine;
    struct catalog *catalog, *catalog_again;
    struct state *states, *states_again;
    struct store *tables, *tables_again;
    struct error err;

    (void)state;
    assert_null(engine->catalog);
    assert_null(engine->state);
    assert_int_equal(engine_catalog(engine, &catalog, &err), 0);
    assert_int_equal(engine_catalog(engine, &catalog_again, &err), 0);
    assert_ptr_equal(catalog, catalog_again);
    assert_int_equal(engine_state(engine, &states, &err), 0);
    assert_int_equal(engine_state(engine, &states_again, &err), 0);
    assert_ptr_equal(states, states_again);
    assert_int_equal(engine_tables(engine, &tables, &err), 0);
    assert_int_equal(engine_tables(engine, &tables_again, &err), 0);
    assert_ptr_equal(tables, tables_again);
}

static void test_keys_of_paths_and_urls(void **state)
{
    static const char *const urls[][2] = {
        {"data/x.csv", "data/x.csv"}, {"/data/x.csv", "/data/x.csv"},
        {"file:data/x.csv", "data/x.csv"}, {"file:/data/x.csv", "/data/x.csv"},
        {"file:///data/x.csv", "/data/x.csv"}, {"data/a:b.csv", "data/a:b.csv"},
        {"c:x.csv", "c:x.csv"}, /* one letter is no scheme */
    };
    struct store *store, *first = NULL;
    const char *key;
    struct error err;

    (void)state;
    for (size_t i = 0; i < sizeof(urls) / sizeof(*urls); i++) {
        assert_int_equal(engine_store_of(self.scenario.engine, urls[i][0], &store, &key, &err), 0);
        assert_string_equal(key, urls[i][1]);
        first = first ? first : store;
        assert_ptr_equal(store, first);
    }
    assert_ptr_not_equal(store, self.scenario.engine->tables);
}

static void test_an_unknown_scheme_is_named(void **state)
{
    struct engine *engine = self.scenario.engine;
    struct environment environment = *engine->environment;
    struct catalog *catalog;
    struct state *states;
    struct store *store;
    const char *key = "untouched";
    struct error err;

    (void)state;
    assert_int_equal(engine_store_of(engine, "s3://b/x", &store, &key, &err), -1);
    assert_int_equal(err.code, ERROR_NOT_SUPPORTED);
    assert_says(err.message, "no connector for \"s3:\" yet");
    assert_string_equal(key, "untouched");
    engine->environment = &environment;
    environment.catalog = (struct catalog_config){.kind = "iceberg"};
    environment.state = "s3://b/state";
    environment.store = "s3://b/tables";
    assert_int_equal(engine_catalog(engine, &catalog, &err), -1);
    assert_says(err.message, "environment dev: catalogs of kind \"iceberg\"");
    assert_int_equal(engine_state(engine, &states, &err), -1);
    assert_says(err.message, "state s3://b/state");
    assert_int_equal(engine_tables(engine, &store, &err), -1);
    assert_int_equal(err.code, ERROR_NOT_SUPPORTED);
    assert_null(engine->tables);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            test_the_same_connector_each_time, open_engine, close_engine),
        cmocka_unit_test_setup_teardown(test_keys_of_paths_and_urls, open_engine, close_engine),
        cmocka_unit_test_setup_teardown(test_an_unknown_scheme_is_named, open_engine, close_engine),
    };

    return cmocka_run_group_tests(tests, house_set_up, house_tear_down);
}
