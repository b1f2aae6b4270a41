/* Connectors by scheme: opened when first asked for, refused by name where there is none. */
#include "runner/base/mem.h"
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

/* --- stores of the module --- */

static struct {
    unsigned loads, opens, closes;
    const char *root;
    const void *settings;
} remote;

static const int some_settings = 7;

static void close_remote(struct store *store)
{
    remote.closes++;
    free(store);
}

static uint64_t remote_memory(const struct store *store)
{
    (void)store;
    return 1000;
}

static struct store *open_remote(const struct store_options *options, struct error *err);

static const struct store_type s3_type = {
    .scheme = "s3", .open = open_remote, .memory = remote_memory, .close = close_remote};

static struct store *open_remote(const struct store_options *options, struct error *err)
{
    struct store *store = mem_new(struct store);

    (void)err;
    remote.opens++;
    remote.root = options->root;
    remote.settings = options->settings;
    store->type = &s3_type;
    return store;
}

static int load_store(const char *scheme, const struct store_type **ret_type, struct error *err)
{
    if (strcmp(scheme, "broken") == 0)
        return error_set(err, ERROR_NOT_FOUND, "the module is not installed");
    remote.loads++;
    *ret_type = strcmp(scheme, "s3") == 0 ? &s3_type : NULL;
    return 0;
}

static const void *settings_of(
    const struct store_type *type, const struct environment *environment, struct arena *arena)
{
    (void)environment;
    (void)arena;
    return type == &s3_type ? &some_settings : NULL;
}

static void test_stores_of_the_module(void **state)
{
    struct engine *engine = self.scenario.engine;
    struct engine_registry registry = *engine->registry;
    struct environment environment = *engine->environment;
    struct store *store = NULL, *tables;
    struct error err;
    const char *key;

    (void)state;
    memset(&remote, 0, sizeof(remote));
    registry.load_store = load_store;
    registry.store_settings = settings_of;
    engine->registry = &registry;
    engine->environment = &environment;
    environment.store = "s3://b/tables";
    assert_int_equal(engine_store_of(engine, "x.csv", &store, &key, &err), 0);
    assert_int_equal(remote.loads, 0); /* local files do not need it */
    assert_int_equal(engine_stores_memory(engine), 0);

    assert_int_equal(engine_store_of(engine, "s3://b/x.csv", &store, &key, &err), 0);
    assert_string_equal(key, "s3://b/x.csv");
    assert_string_equal(remote.root, "s3://b/tables");
    assert_ptr_equal(remote.settings, &some_settings);
    assert_int_equal(engine_tables(engine, &tables, &err), 0);
    assert_ptr_equal(tables, store); /* one client for both */
    assert_int_equal(engine_data_file(engine, "s3://other/y", &tables, &key, &err), 0);
    assert_ptr_equal(tables, store);
    assert_int_equal(engine_data_file(engine, "t/y", &tables, &key, &err), 0);
    assert_ptr_equal(tables, store);
    assert_string_equal(key, "t/y");
    assert_int_equal(remote.opens, 1);
    assert_int_equal(engine_stores_memory(engine), 1000);

    assert_int_equal(engine_store_of(engine, "gs://b/x", &tables, &key, &err), -1);
    assert_says(err.message, "no connector for \"gs:\" yet");
    assert_int_equal(engine_store_of(engine, "broken://b/x", &tables, &key, &err), -1);
    assert_says(err.message, "the module is not installed");
    house_close(&self.scenario);
    assert_int_equal(remote.closes, 1);
    house_engine(&self.scenario); /* for the teardown */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            test_the_same_connector_each_time, open_engine, close_engine),
        cmocka_unit_test_setup_teardown(test_keys_of_paths_and_urls, open_engine, close_engine),
        cmocka_unit_test_setup_teardown(test_an_unknown_scheme_is_named, open_engine, close_engine),
        cmocka_unit_test_setup_teardown(test_stores_of_the_module, open_engine, close_engine),
    };

    return cmocka_run_group_tests(tests, house_set_up, house_tear_down);
}
