/* The whole run over connectors in memory: each operation failed in turn, cancelled at each turn of
 * the loop. Whatever happens, `done` comes once, no handle, session or lease is left, and after one
 * more, undisturbed run every row is there exactly once and nothing else is. */
#include "runner/base/mem.h"
#include "runner/engine/run.h"
#include "runner/io/timer.h"
#include "tests/unit/fakes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static const char pipeline_text[] =
    "name: p\n"
    "extract:\n"
    "  a: {from: data/x-a.csv, only_new: true}\n"
    "  b: {from: data/b.csv}\n"
    "transform:\n"
    "  t: {sql: a, checks: [{row_count: {min: 1}}], after: [extract.b]}\n"
    "load:\n"
    "  t: {into: n.t}\n"
    "  out: {from: t, to: \"out-${run.id}.csv\"}\n";

static struct {
    char folder[64];
    struct project project;
    struct environment environment;
} house;

struct scenario {
    struct fakes *fakes;
    struct loop loop;
    struct run *run;
    uv_prepare_t prepare;
    unsigned turn, cancel_at, done_count;
    struct error err;
    const char *run_id;
};

static void on_done(struct run *run, const struct error *err)
{
    struct scenario *scenario = run_data(run);

    scenario->done_count++;
    error_clear(&scenario->err);
    error_keep_first(&scenario->err, err);
    if (!uv_is_closing((uv_handle_t *)&scenario->prepare))
        uv_close((uv_handle_t *)&scenario->prepare, NULL);
}

static void on_turn(uv_prepare_t *prepare)
{
    struct scenario *scenario = prepare->data;

    if (++scenario->turn == scenario->cancel_at && !scenario->done_count)
        run_cancel(scenario->run);
}

static int load_sql(void *data, const struct sql_engine_type **ret_type, struct error *err)
{
    return engine_sql(data, ret_type, err);
}

static struct pipeline *parse(const char *run_id)
{
    const struct pipeline_scope scope = {
        .environment = &house.environment, .run_id = run_id, .due_ms = 1000, .for_run = true};
    struct diagnostics problems;
    struct pipeline *pipeline;

    diagnostics_init(&problems);
    pipeline = pipeline_parse("p.yaml", pipeline_text, strlen(pipeline_text), &scope, &problems);
    if (problems.error_count > 0)
        print_error("%s\n", problems.items[0].message);
    diagnostics_deinit(&problems);
    assert_non_null(pipeline);
    return pipeline;
}

/* One run to its end; scenario->err says how it ended. */
static void run_once(struct scenario *scenario)
{
    const struct engine_options engine_options = {.registry = fakes_registry(scenario->fakes),
        .project = &house.project,
        .loop = &scenario->loop};
    struct run_options options = {
        .instance = "", .run_id = scenario->run_id, .due_ms = 1000, .data = scenario};
    struct diagnostics problems;
    struct pipeline *pipeline;
    struct graph *graph;
    struct error err;

    assert_int_equal(loop_init(&scenario->loop, &err), 0);
    scenario->fakes->loop = &scenario->loop;
    options.engine = engine_new(&engine_options, &err);
    assert_non_null(options.engine);
    pipeline = parse(scenario->run_id);
    diagnostics_init(&problems);
    graph = graph_new(pipeline, load_sql, options.engine, &problems);
    assert_non_null(graph);
    diagnostics_deinit(&problems);
    options.graph = graph;

    scenario->turn = scenario->done_count = 0;
    uv_prepare_init(&scenario->loop.uv, &scenario->prepare);
    scenario->prepare.data = scenario;
    uv_prepare_start(&scenario->prepare, on_turn);
    scenario->run = run_new(&options, on_done);
    run_start(scenario->run);
    assert_int_equal(scenario->done_count, 0);
    loop_run(&scenario->loop);

    assert_int_equal(scenario->done_count, 1);
    assert_int_equal(scenario->fakes->open, 0);
    assert_int_equal(scenario->fakes->sessions, 0);
    run_free(scenario->run);
    engine_free(options.engine);
    loop_run(&scenario->loop);
    if (loop_deinit(&scenario->loop, &err))
        fail_msg("%s", err.message);
    graph_free(graph);
    pipeline_free(pipeline);
}

/* What must be so once a run has ended well. */
static void assert_whole(const struct fakes *fakes)
{
    assert_int_equal(fakes->delta_rows, 12);
    assert_int_equal(fakes->deltas, 1);
    assert_int_equal(fakes_left(&fakes->journal), 0);
    assert_int_equal(fakes_left(&fakes->publications), 0);
    assert_int_equal(fakes_left(&fakes->seen), 4); /* two objects, by two loads */
    assert_false(fakes->leased);
}

/* Fails one operation, or cancels at one turn, then runs again undisturbed. Whether the first run
 * went through without meeting its fault. */
static bool disturb(unsigned fail_at, unsigned cancel_at, bool after_effect)
{
    struct fakes fakes;
    struct scenario scenario = {.fakes = &fakes, .cancel_at = cancel_at, .run_id = "first"};
    bool clean;

    fakes_init(&fakes, fail_at * 1000 + cancel_at);
    fakes.fail_at = fail_at;
    fakes.fail_after_effect = after_effect;
    run_once(&scenario);
    clean = fail_at ? fakes.operations < fail_at : scenario.turn < cancel_at;
    if (clean)
        assert_int_equal(scenario.err.code, ERROR_NONE);

    fakes.fail_at = 0;
    fakes.leased = false; /* its holder is gone */
    scenario.cancel_at = 0;
    scenario.run_id = "second";
    run_once(&scenario);
    assert_string_equal(scenario.err.message, "");
    assert_whole(&fakes);
    fakes_deinit(&fakes);
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
    struct scenario scenario = {.fakes = &fakes, .run_id = "first"};

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
    fakes_deinit(&fakes);
}

static void test_the_same_run_id_commits_once(void **state)
{
    struct fakes fakes;
    struct scenario scenario = {.fakes = &fakes, .run_id = "first"};

    (void)state;
    fakes_init(&fakes, 1);
    run_once(&scenario);
    run_once(&scenario);
    assert_int_equal(scenario.err.code, ERROR_NONE);
    assert_whole(&fakes);
    fakes_deinit(&fakes);
}

static void test_a_failed_check_commits_nothing(void **state)
{
    struct fakes fakes;
    struct scenario scenario = {.fakes = &fakes, .run_id = "first"};

    (void)state;
    fakes_init(&fakes, 1);
    fakes.check_fails = true;
    run_once(&scenario);
    assert_int_equal(scenario.err.code, ERROR_CHECK);
    assert_non_null(strstr(scenario.err.message, "check row_count"));
    assert_int_equal(fakes.delta_rows, 0);
    assert_int_equal(fakes_left(&fakes.journal), 0);
    assert_string_equal(table_get(&fakes.runs, "first"), "check_failed");
    fakes_deinit(&fakes);
}

static int set_up(void **state)
{
    static const char *names[] = {"/spool"};

    (void)state;
    snprintf(house.folder, sizeof(house.folder), "/tmp/sluice-test-XXXXXX");
    if (!mkdtemp(house.folder))
        return -1;
    house.environment = (struct environment){.item = {.name = "dev"},
        .root = house.folder,
        .catalog = {.url = "sqlite:x"},
        .store = "file:/x",
        .state = "sqlite:x",
        .spool = mem_printf("%s%s", house.folder, names[0])};
    house.project = (struct project){.root = house.folder, .environment = &house.environment};
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    rmdir(house.environment.spool);
    free((char *)house.environment.spool);
    return rmdir(house.folder); /* runs leave nothing behind */
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

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
