/* Runs that share a lease: it is taken once, they work side by side and commit in order. */
#include "tests/unit/run_fixture.h"

#include "runner/base/mem.h"
#include "runner/engine/run_group.h"

#include <stdio.h>
#include <string.h>

enum { RUNS = 3 };

static const char text[] = "name: p\n"
                           "extract:\n"
                           "  a: {from: data/x-*.csv, repeat: true}\n"
                           "load:\n"
                           "  a: {into: n.t}\n";

struct house {
    struct scenario scenario;
    struct fakes fakes;
    struct log_context context;
    struct run_group group;
    struct pipeline *pipelines[RUNS];
    struct graph *graphs[RUNS];
    struct run *runs[RUNS];
    unsigned opened, closed, ended;
    enum error_code open_code, close_code, codes[RUNS];
    bool gone[RUNS];
    unsigned order[RUNS]; /* in which they ended */
    bool cancels;
};

static void on_closed(struct run_group *group, const struct error *err)
{
    struct house *house = container_of(group, struct house, group);

    house->closed++;
    house->close_code = err ? err->code : ERROR_NONE;
}

static void on_run_done(struct run *run, const struct error *err)
{
    struct house *house = run_data(run);
    size_t turn = 0;

    for (unsigned i = 0; i < RUNS; i++) {
        if (house->runs[i] != run)
            continue;
        house->codes[i] = err ? err->code : ERROR_NONE;
        house->order[house->ended++] = i;
        house->gone[i] = true;
    }
    while (turn < RUNS && house->gone[turn])
        turn++;
    if (turn != house->group.turn)
        run_group_set_turn(&house->group, turn);
    if (house->ended == RUNS)
        run_group_close(&house->group, on_closed);
}

/* The last one begins first: it must wait for the others all the same. */
static void start_runs(struct house *house)
{
    static const char *const ids[] = {"run-0", "run-1", "run-2"};

    for (unsigned i = RUNS; i-- > 0;) {
        struct run_options options = {.engine = house->scenario.engine,
            .instance = "",
            .run_id = ids[i],
            .due_ms = 1000 + i,
            .group = &house->group,
            .turn = i,
            .data = house};

        house->scenario.run_id = ids[i];
        house->pipelines[i] = scenario_parse(&house->scenario);
        options.graph = house->graphs[i] = scenario_graph(&house->scenario, house->pipelines[i]);
        house->runs[i] = run_new(&options, on_run_done);
        run_start(house->runs[i]);
    }
}

static void on_opened(struct run_group *group, const struct error *err)
{
    struct house *house = container_of(group, struct house, group);

    house->opened++;
    house->open_code = err ? err->code : ERROR_NONE;
    if (!err)
        start_runs(house);
}

static void open_house(struct house *house)
{
    struct engine *engine;
    struct catalog *catalog;
    struct state *state;
    struct store *tables;
    struct error err;

    house->scenario.fakes = &house->fakes;
    house->scenario.text = text;
    house->context.pipeline = "p";
    engine = house_engine(&house->scenario);
    assert_int_equal(engine_catalog(engine, &catalog, &err), 0);
    assert_int_equal(engine_state(engine, &state, &err), 0);
    assert_int_equal(engine_tables(engine, &tables, &err), 0);
    house->group = (struct run_group){.engine = engine,
        .pipeline = "p",
        .instance = "",
        .id = "group",
        .context = &house->context};
    run_group_open(&house->group, on_opened);
    assert_int_equal(house->opened, 0); /* never from within */
    if (house->cancels)
        run_group_cancel(&house->group);
    loop_run(&house->scenario.loop);
}

static void close_house(struct house *house)
{
    assert_int_equal(house->fakes.open, 0);
    assert_int_equal(house->fakes.sessions, 0);
    assert_int_equal(house->group.step, GROUP_CLOSED);
    for (unsigned i = 0; i < RUNS; i++) {
        run_free(house->runs[i]);
        graph_free(house->graphs[i]);
        if (house->pipelines[i])
            pipeline_free(house->pipelines[i]);
    }
    run_group_deinit(&house->group);
    house_close(&house->scenario);
    scenario_deinit(&house->scenario);
}

static void test_they_commit_in_order_under_one_lease(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= 20; seed++) { /* each another order of all that happens */
        struct house house = {0};

        fakes_init(&house.fakes, seed);
        open_house(&house);
        assert_int_equal(house.opened, 1);
        assert_int_equal(house.closed, 1);
        assert_int_equal(house.close_code, ERROR_NONE);
        assert_int_equal(house.fakes.committed.count, RUNS);
        for (unsigned i = 0; i < RUNS; i++) {
            const struct fake_commit *commit = house.fakes.committed.entries[i].value;
            char id[16];

            snprintf(id, sizeof(id), "run-%u", i);
            assert_string_equal(house.fakes.committed.entries[i].key, id);
            assert_int_equal(commit->fence, 1);
            assert_int_equal(house.codes[i], ERROR_NONE);
            assert_int_equal(house.order[i], i);
        }
        assert_int_equal(fakes_started(&house.fakes, "state.acquire_lease"), 1);
        assert_int_equal(fakes_started(&house.fakes, "catalog.raise_fence"), 1);
        assert_int_equal(fakes_started(&house.fakes, "state.release_lease"), 1);
        assert_false(house.fakes.leased);
        assert_int_equal(fakes_rows(&house.fakes, "n.t"), RUNS * 12);
        assert_int_equal(fakes_dangling(&house.fakes), 0);
        assert_int_equal(fakes_orphans(&house.fakes), 0);
        close_house(&house);
    }
}

static void test_a_live_holder_keeps_it_closed(void **state)
{
    struct house house = {0};

    (void)state;
    fakes_init(&house.fakes, 1);
    house.fakes.leased = true;
    snprintf(house.fakes.holder, sizeof(house.fakes.holder), "other");
    open_house(&house);
    assert_int_equal(house.opened, 1);
    assert_int_equal(house.open_code, ERROR_BUSY);
    assert_int_equal(fakes_started(&house.fakes, "catalog."), 0);
    assert_int_equal(fakes_started(&house.fakes, "state.release_lease"), 0); /* it is not its own */
    assert_true(house.fakes.leased);
    close_house(&house);
}

static void test_recovery_that_fails_gives_the_lease_back(void **state)
{
    struct house house = {0};

    (void)state;
    fakes_init(&house.fakes, 1);
    fakes_fail(&house.fakes, "catalog.list_publications", 0, 1, ERROR_IO, false);
    open_house(&house);
    assert_int_equal(house.opened, 1);
    assert_int_equal(house.open_code, ERROR_IO);
    assert_int_equal(fakes_started(&house.fakes, "state.release_lease"), 1);
    assert_false(house.fakes.leased);
    close_house(&house);
}

/* Told to end while it waits for the lease: nothing is begun with it. */
static void test_cancelled_while_leasing(void **state)
{
    struct house house = {.cancels = true};

    (void)state;
    fakes_init(&house.fakes, 1);
    open_house(&house);
    assert_int_equal(house.opened, 1);
    assert_int_equal(house.open_code, ERROR_STOPPED);
    assert_int_equal(fakes_started(&house.fakes, "catalog.list_publications"), 0);
    assert_int_equal(fakes_started(&house.fakes, "state.list_journal"), 0);
    assert_int_equal(fakes_started(&house.fakes, "state.release_lease"), 1);
    assert_false(house.fakes.leased);
    close_house(&house);
}

/* The run whose turn it is finds out, and none of them commits. */
static void test_a_lost_lease_ends_all_of_them(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= 10; seed++) {
        struct house house = {0};

        fakes_init(&house.fakes, seed);
        fakes_fail(&house.fakes, "state.renew_lease", 0, 100, ERROR_FENCED, false);
        open_house(&house);
        assert_int_equal(house.ended, RUNS);
        for (unsigned i = 0; i < RUNS; i++)
            assert_int_equal(house.codes[i], ERROR_FENCED);
        assert_int_equal(house.close_code, ERROR_FENCED); /* the group's own, too */
        assert_int_equal(fakes_started(&house.fakes, "catalog.commit"), 0);
        assert_int_equal(house.fakes.committed.count, 0);
        assert_int_equal(fakes_orphans(&house.fakes), 0);
        close_house(&house);
    }
}

/* One that fails does not keep the others from their turns. */
static void test_one_that_fails_leaves_the_others(void **state)
{
    struct house house = {0};

    (void)state;
    fakes_init(&house.fakes, 3);
    fakes_fail(&house.fakes, "sql.scan", 1, 1, ERROR_DATA, false);
    open_house(&house);
    assert_int_equal(house.ended, RUNS);
    assert_int_equal(house.fakes.committed.count, RUNS - 1);
    assert_int_equal((house.codes[0] == ERROR_DATA) + (house.codes[1] == ERROR_DATA) +
                         (house.codes[2] == ERROR_DATA),
        1);
    assert_false(house.fakes.leased);
    close_house(&house);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_they_commit_in_order_under_one_lease),
        cmocka_unit_test(test_a_live_holder_keeps_it_closed),
        cmocka_unit_test(test_recovery_that_fails_gives_the_lease_back),
        cmocka_unit_test(test_cancelled_while_leasing),
        cmocka_unit_test(test_a_lost_lease_ends_all_of_them),
        cmocka_unit_test(test_one_that_fails_leaves_the_others),
    };

    return cmocka_run_group_tests(tests, house_set_up, house_tear_down);
}
