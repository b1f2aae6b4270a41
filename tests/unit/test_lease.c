/* The lease and its fence: a live holder, a state that was lost, a holder that was replaced. */
#include "tests/unit/run_fixture.h"

#include <stdio.h>
#include <string.h>

static const char text[] = "name: p\n"
                           "extract:\n"
                           "  a: {from: data/x-*.csv, only_new: true}\n"
                           "load:\n"
                           "  a: {into: n.t}\n";

static void test_a_live_holder_is_named(void **state)
{
    struct fakes fakes;
    struct scenario scenario = {.fakes = &fakes, .text = text, .run_id = "first"};

    (void)state;
    fakes_init(&fakes, 1);
    fakes.leased = true;
    snprintf(fakes.holder, sizeof(fakes.holder), "other");
    run_once(&scenario);
    assert_failed(&scenario, ERROR_BUSY, "leased by run other");
    assert_true(fakes.leased);
    assert_string_equal(fakes.holder, "other");
    assert_int_equal(fakes_started(&fakes, "catalog."), 0);
    assert_int_equal(fakes_started(&fakes, "state."), 1); /* no line in the history */
    scenario_deinit(&scenario);
}

static void test_fences_grow(void **state)
{
    struct fakes fakes;
    struct scenario scenario = {.fakes = &fakes, .text = text};

    (void)state;
    fakes_init(&fakes, 1);
    run_well(&scenario, "first");
    assert_int_equal(fakes.catalog_fence, 1);
    run_well(&scenario, "second");
    assert_int_equal(fakes.catalog_fence, 2);
    scenario_deinit(&scenario);
}

/* The state was lost: its fences begin at 1 again, while the catalog has seen 57. */
static void test_a_lost_state_goes_on_above_the_catalogs_fence(void **state)
{
    struct fakes fakes;
    struct scenario scenario = {.fakes = &fakes, .text = text};

    (void)state;
    fakes_init(&fakes, 1);
    fakes.catalog_fence = 57;
    run_well(&scenario, "first");
    assert_int_equal(fakes.catalog_fence, 58);
    assert_int_equal(fakes.fence, 58);
    assert_int_equal(((struct fake_commit *)table_get(&fakes.committed, "first"))->fence, 58);
    assert_int_equal(fakes_started(&fakes, "state.acquire_lease"), 2);
    scenario_deinit(&scenario);
}

static void test_a_fence_that_cannot_be_raised_gives_the_lease_back(void **state)
{
    struct fakes fakes;
    struct scenario scenario = {.fakes = &fakes, .text = text, .run_id = "first"};

    (void)state;
    fakes_init(&fakes, 1);
    fakes_fail(&fakes, "catalog.raise_fence", 0, 1, ERROR_IO, false);
    run_once(&scenario);
    assert_failed(&scenario, ERROR_IO, "catalog.raise_fence failed");
    assert_false(fakes.leased);
    assert_int_equal(fakes_left(&fakes.runs), 0);
    scenario_deinit(&scenario);
}

/* Each try finds a greater fence: somebody else is at it, and there is an end to it. */
static void raise_again(struct fakes *fakes, const char *name)
{
    if (strcmp(name, "catalog.raise_fence") == 0)
        fakes->catalog_fence += 10;
}

static void test_tries_end(void **state)
{
    struct fakes fakes;
    struct scenario scenario = {.fakes = &fakes, .text = text, .run_id = "first"};

    (void)state;
    fakes_init(&fakes, 1);
    fakes.watch = raise_again;
    run_once(&scenario);
    assert_int_equal(scenario.err.code, ERROR_FENCED);
    assert_int_equal(fakes_started(&fakes, "catalog.raise_fence"), 6);
    assert_false(fakes.leased);
    scenario_deinit(&scenario);
}

static void take_over(struct fakes *fakes, const char *name)
{
    if (strcmp(name, "catalog.commit") == 0)
        fakes->catalog_fence = 9;
}

static void test_a_holder_that_was_replaced_cannot_commit(void **state)
{
    struct fakes fakes;
    struct scenario scenario = {.fakes = &fakes, .text = text, .run_id = "first"};

    (void)state;
    fakes_init(&fakes, 1);
    fakes.watch = take_over;
    run_once(&scenario);
    assert_failed(&scenario, ERROR_FENCED, "the fence 1 was raised to 9");
    assert_int_equal(logged(&scenario, "lease.lost"), 1);
    assert_int_equal(fakes_left(&fakes.committed), 0);
    assert_int_equal(fakes_left(&fakes.objects), 0);
    assert_int_equal(fakes_rows(&fakes, "n.t"), 0);
    scenario_deinit(&scenario);
}

/* It was stopped for long, and somebody else went on: noticed right before the commit. */
static void test_a_lost_lease_commits_nothing(void **state)
{
    struct fakes fakes;
    struct scenario scenario = {.fakes = &fakes, .text = text, .run_id = "first"};

    (void)state;
    fakes_init(&fakes, 1);
    fakes_fail(&fakes, "state.renew_lease", 0, 1, ERROR_FENCED, false);
    run_once(&scenario);
    assert_failed(&scenario, ERROR_FENCED, "state.renew_lease");
    assert_int_equal(logged(&scenario, "lease.lost"), 1);
    assert_int_equal(fakes_started(&fakes, "catalog.commit"), 0);
    assert_int_equal(fakes_left(&fakes.committed), 0);
    assert_int_equal(fakes_left(&fakes.objects), 0);
    run_well(&scenario, "second");
    assert_int_equal(fakes_rows(&fakes, "n.t"), 12);
    scenario_deinit(&scenario);
}

/* Where the state does not answer, the fence in the commit decides. */
static void test_an_unknown_lease_is_the_commits_to_judge(void **state)
{
    struct fakes fakes;
    struct scenario scenario = {.fakes = &fakes, .text = text};

    (void)state;
    fakes_init(&fakes, 1);
    fakes_fail(&fakes, "state.renew_lease", 0, 1, ERROR_IO, false);
    run_well(&scenario, "first");
    assert_int_equal(fakes_rows(&fakes, "n.t"), 12);
    scenario_deinit(&scenario);
}

/* A holder elsewhere that may be dead: it is asked again until it is heard of, or not. */
static void test_a_doubted_holder_is_watched(void **state)
{
    struct fakes fakes;
    struct scenario scenario = {.fakes = &fakes, .text = text, .run_id = "first"};

    (void)state;
    fakes_init(&fakes, 1);
    fakes.leased = true;
    fakes.watches = 6;
    snprintf(fakes.holder, sizeof(fakes.holder), "other");
    run_well(&scenario, "first");
    assert_int_equal(fakes_started(&fakes, "state.acquire_lease"), 6);
    assert_int_equal(logged(&scenario, "lease.watched"), 1);
    scenario_deinit(&scenario);
}

static void test_watching_is_cancelled(void **state)
{
    (void)state;
    for (unsigned turn = 1; turn < 12; turn++) {
        struct fakes fakes;
        struct scenario scenario = {
            .fakes = &fakes, .text = text, .run_id = "first", .cancel_at = turn};

        fakes_init(&fakes, turn);
        fakes.leased = true;
        fakes.watches = 100000;
        snprintf(fakes.holder, sizeof(fakes.holder), "other");
        run_once(&scenario);
        assert_int_equal(scenario.err.code, ERROR_STOPPED);
        assert_string_equal(fakes.holder, "other");
        scenario_deinit(&scenario);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_live_holder_is_named),
        cmocka_unit_test(test_fences_grow),
        cmocka_unit_test(test_a_lost_state_goes_on_above_the_catalogs_fence),
        cmocka_unit_test(test_a_fence_that_cannot_be_raised_gives_the_lease_back),
        cmocka_unit_test(test_tries_end),
        cmocka_unit_test(test_a_lost_lease_commits_nothing),
        cmocka_unit_test(test_an_unknown_lease_is_the_commits_to_judge),
        cmocka_unit_test(test_a_doubted_holder_is_watched),
        cmocka_unit_test(test_watching_is_cancelled),
        cmocka_unit_test(test_a_holder_that_was_replaced_cannot_commit),
    };

    return cmocka_run_group_tests(tests, house_set_up, house_tear_down);
}
