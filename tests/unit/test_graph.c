#include "tests/unit/graph_fixture.h"

#include "runner/base/time.h"

#include <stdint.h>
#include <stdio.h>

/* "a b c": the ids in the order of the nodes. */
static const char *order(struct fixture *fixture)
{
    struct buffer ids;
    const char *text;

    buffer_init(&ids, 0);
    for (unsigned i = 0; i < fixture->graph->count; i++)
        buffer_printf(&ids, "%s%s", i ? " " : "", fixture->graph->nodes[i].id);
    text = arena_strdup(&fixture->pipeline.arena, ids.data);
    buffer_deinit(&ids);
    return text;
}

static const struct graph_node *node(struct fixture *fixture, const char *id)
{
    const struct graph_node *found = graph_find(fixture->graph, id);

    assert_non_null(found);
    return found;
}

static void quickstart(struct fixture *fixture)
{
    fixture_init(fixture, 4);
    add_extract(fixture, "strikes");
    add_extract(fixture, "airports");
    add_transform(fixture, "clean", "select * from Strikes s\nleft join airports a");
    add_load(fixture, "clean", "clean");
    add_load(fixture, "monthly", "clean")->mode = MODE_OVERWRITE;
}

static void test_edges(void **state)
{
    struct fixture fixture;
    const struct graph_node *clean;

    (void)state;
    quickstart(&fixture);
    expect_clean(&fixture);
    assert_string_equal(order(&fixture),
        "extract.strikes extract.airports transform.clean load.clean load.monthly");
    clean = node(&fixture, "transform.clean");
    assert_int_equal(clean->index, 2);
    assert_int_equal(clean->input_count, 2);
    assert_int_equal(clean->inputs[0], 0);
    assert_int_equal(clean->inputs[1], 1);
    assert_int_equal(clean->dependent_count, 2);
    assert_int_equal(clean->dependents[0], 3);
    assert_int_equal(clean->dependents[1], 4);
    assert_int_equal(clean->consumer_count, 2);
    assert_int_equal(clean->depth, 1);
    assert_int_equal(clean->driver_count, 1);
    assert_int_equal(clean->drivers[0], 0);
    assert_false(clean->undriven);
    assert_int_equal(node(&fixture, "load.clean")->depth, 2);
    assert_int_equal(node(&fixture, "load.clean")->drivers[0], 0);
    assert_ptr_equal(graph_dataset(fixture.graph, "clean"), clean);
    assert_null(graph_dataset(fixture.graph, "monthly"));
    assert_null(graph_find(fixture.graph, "clean"));
    assert_true(fixture.graph->has_sql);
    assert_int_equal(fixture.engines, 1);
    fixture_deinit(&fixture);
}

/* All extracts that drive a load say so, and the load has not said otherwise itself. */
static void test_casts_aside(void **state)
{
    struct fixture fixture;
    struct extract *strikes, *more;

    (void)state;
    fixture_init(&fixture, 4);
    strikes = add_extract(&fixture, "strikes");
    more = add_extract(&fixture, "more");
    add_transform(&fixture, "both", "select * from strikes union all select * from more");
    add_load(&fixture, "both", "both");
    add_load(&fixture, "one", "strikes");
    add_load(&fixture, "discards", "strikes")->schema = SCHEMA_DISCARD_ROWS;
    strikes->on_bad_row = ON_BAD_ROW_QUARANTINE;
    expect_clean(&fixture);
    assert_false(node(&fixture, "load.both")->casts_aside);
    assert_true(node(&fixture, "load.one")->casts_aside);
    assert_false(node(&fixture, "load.discards")->casts_aside);
    graph_free(fixture.graph);
    fixture.graph = NULL;
    more->on_bad_row = ON_BAD_ROW_QUARANTINE;
    expect_clean(&fixture);
    assert_true(node(&fixture, "load.both")->casts_aside);
    fixture_deinit(&fixture);
}

static void test_without_sql(void **state)
{
    struct fixture fixture;

    (void)state;
    fixture_init(&fixture, 2);
    add_extract(&fixture, "strikes");
    add_load(&fixture, "strikes", "strikes");
    expect_clean(&fixture);
    assert_false(fixture.graph->has_sql);
    assert_int_equal(fixture.engines, 0);
    fixture_deinit(&fixture);
}

static void test_order_is_the_files(void **state)
{
    struct fixture fixture;

    (void)state;
    fixture_init(&fixture, 4);
    add_extract(&fixture, "z");
    add_transform(&fixture, "late", "select * from early");
    add_transform(&fixture, "early", "select * from z");
    add_transform(&fixture, "free", "select * from z");
    add_load(&fixture, "late", "late");
    add_load(&fixture, "free", "free")->after = texts(&fixture, "load.late", "transform.early");
    expect_clean(&fixture);
    assert_string_equal(order(&fixture),
        "extract.z transform.early transform.late transform.free load.late load.free");
    assert_int_equal(node(&fixture, "load.free")->input_count, 1);
    assert_int_equal(node(&fixture, "load.free")->need_count, 3);
    assert_int_equal(node(&fixture, "transform.early")->consumer_count, 1);
    assert_int_equal(node(&fixture, "transform.early")->dependent_count, 2);
    assert_int_equal(node(&fixture, "load.free")->depth, 4);
    fixture_deinit(&fixture);
}

static void test_unknown_names(void **state)
{
    struct fixture fixture;

    (void)state;
    quickstart(&fixture);
    /* Behind a character of two bytes: columns count characters. */
    set_sql(&fixture, &fixture.transforms[0], "select 'é',\n  'é' from strike");
    expect_problem(&fixture, "p.yaml:32:18: transform.clean.sql: no dataset is called \"strike\"; "
                             "did you mean \"strikes\"?");
    fixture_deinit(&fixture);

    quickstart(&fixture);
    set_sql(&fixture, &fixture.transforms[0], "select * from strikes join qqqqqqqq");
    expect_problem(
        &fixture, "p.yaml:31:34: transform.clean.sql: no dataset is called \"qqqqqqqq\"");
    fixture_deinit(&fixture);

    quickstart(&fixture);
    set_sql(&fixture, &fixture.transforms[0], "select * from wildlife.strikes");
    expect_problem(&fixture, "p.yaml:31:21: transform.clean.sql: \"wildlife.strikes\" is not a "
                             "dataset: SQL here reads the datasets of this pipeline by their plain "
                             "names; tables of the catalog cannot be read in it yet");
    fixture_deinit(&fixture);

    quickstart(&fixture);
    set_sql(&fixture, &fixture.transforms[0], "select * from strikes union select * from Clean");
    expect_problem(&fixture, "p.yaml:31:49: transform.clean.sql: it reads itself");
    fixture_deinit(&fixture);
}

static void test_places(void **state)
{
    struct fixture fixture;

    (void)state;
    quickstart(&fixture);
    set_sql(&fixture, &fixture.transforms[0], "select 1\nfrom strikes\nwhere broken");
    expect_problem(
        &fixture, "p.yaml:33:13: transform.clean.sql: syntax error at or near \"broken\"");
    fixture_deinit(&fixture);

    quickstart(&fixture); /* a sql_file is not indented, and is the file to look at */
    set_sql(&fixture, &fixture.transforms[0], "select 1\nfrom strikes\nwhere broken");
    fixture.transforms[0].sql_path = "clean.sql";
    fixture.transforms[0].sql_file = "clean.sql";
    expect_problem(&fixture, "clean.sql:3:7: transform.clean.sql: syntax error");
    fixture_deinit(&fixture);

    quickstart(&fixture);
    set_sql(&fixture, &fixture.transforms[0], "select ${params.since} broken");
    build(&fixture);
    assert_non_null(strstr(problem(&fixture, 0), "write $name for ${params.name}"));
    fixture_deinit(&fixture);
}

static void test_parameters(void **state)
{
    struct fixture fixture;
    struct param since = {.item = {.name = "since"}};

    (void)state;
    quickstart(&fixture);
    fixture.pipeline.params = (struct option_items){&since, 1};
    set_sql(&fixture, &fixture.transforms[0], "select $since from strikes join airports");
    add_check(&fixture, &fixture.loads[0].checks, "select $since from clean");
    expect_clean(&fixture);
    assert_string_equal(node(&fixture, "load.clean")->checks[0].parameters.items[0], "since");
    assert_string_equal(node(&fixture, "transform.clean")->statement.parameters.items[0], "since");

    set_sql(&fixture, &fixture.transforms[0],
        "select '$sinse', $since /* $sinse */ from strikes where $sinse");
    expect_problem(&fixture, "p.yaml:31:63: transform.clean.sql: no parameter is called \"sinse\"; "
                             "did you mean \"since\"?");
    fixture_deinit(&fixture);

    quickstart(&fixture);
    set_sql(&fixture, &fixture.transforms[0], "select $day from strikes");
    expect_problem(&fixture, "p.yaml:31:14: transform.clean.sql: no parameter is called \"day\"; "
                             "declare it under `params:`");
    fixture_deinit(&fixture);
}

static void test_checks(void **state)
{
    struct fixture fixture;

    (void)state;
    quickstart(&fixture); /* its own rows are no edge, another dataset is */
    add_extract(&fixture, "sizes")->only_new.enabled = true;
    add_check(&fixture, &fixture.transforms[0].checks, "select 1 from clean join sizes");
    add_check(&fixture, &fixture.loads[1].checks, "select 1 from clean join airports");
    expect_clean(&fixture);
    assert_int_equal(node(&fixture, "transform.clean")->input_count, 3);
    assert_int_equal(node(&fixture, "transform.clean")->driver_count, 1);
    assert_int_equal(node(&fixture, "load.monthly")->input_count, 2);
    assert_int_equal(node(&fixture, "extract.airports")->consumer_count, 2);
    assert_int_equal(node(&fixture, "load.monthly")->checks[0].table_count, 2);

    fixture.loads[1].checks.count = 0;
    add_check(&fixture, &fixture.loads[1].checks, "select 1 from monthly");
    expect_problem(&fixture, "p.yaml:65:28: load.monthly.checks[1].sql: no dataset is called "
                             "\"monthly\": the rows of a load go by the name of its dataset; write "
                             "\"clean\"");
    fixture_deinit(&fixture);

    quickstart(&fixture);
    add_check(&fixture, &fixture.transforms[0].checks, "select broken");
    expect_problem(&fixture, "p.yaml:55:21: transform.clean.checks[1].sql: syntax error");
    fixture_deinit(&fixture);
}

static void test_cycles(void **state)
{
    struct fixture fixture;

    (void)state;
    quickstart(&fixture);
    add_transform(&fixture, "b", "select *\nfrom a");
    add_transform(&fixture, "a", "select * from b");
    expect_problem(&fixture, "p.yaml:62:12: transform.b: a cycle, each needs the next: transform.b "
                             "→ transform.a → transform.b; cut it at one of them");
    fixture_deinit(&fixture);

    quickstart(&fixture); /* two, found through `after` and a check; one leads to the other */
    add_transform(&fixture, "a", "select * from strikes");
    fixture.transforms[1].after = texts(&fixture, "load.clean", NULL);
    fixture.transforms[0].after = texts(&fixture, "transform.a", NULL);
    fixture.extracts[0].after = texts(&fixture, "extract.airports", NULL);
    fixture.extracts[1].after = texts(&fixture, "extract.strikes", NULL);
    build(&fixture);
    assert_int_equal(fixture.problems.count, 2);
    assert_non_null(
        strstr(problem(&fixture, 0), "extract.strikes → extract.airports → extract.strikes; cut"));
    assert_non_null(strstr(
        problem(&fixture, 1), "transform.clean → transform.a → load.clean → transform.clean; cut"));
    fixture_deinit(&fixture);
}

static void test_unused(void **state)
{
    struct fixture fixture;

    (void)state;
    quickstart(&fixture);
    add_extract(&fixture, "sizes");
    expect_problem(&fixture, "p.yaml:60:3: warning: extract.sizes: nothing uses its rows");
    assert_non_null(fixture.graph);
    fixture_deinit(&fixture);

    quickstart(&fixture); /* an order alone is no use of rows, a check is */
    add_transform(&fixture, "checked", "select * from strikes");
    add_check(&fixture, &fixture.transforms[1].checks, "select 1 from checked");
    add_transform(&fixture, "first", "select * from strikes");
    fixture.loads[0].after = texts(&fixture, "transform.first", NULL);
    expect_problem(&fixture, "p.yaml:70:3: warning: transform.first: nothing uses its rows");
    fixture_deinit(&fixture);
}

static int no_engine(void *data, const struct sql_engine_type **ret_type, struct error *err)
{
    (void)data;
    (void)ret_type;
    return error_set(err, ERROR_NOT_FOUND, "sluice_duckdb.so: not found");
}

static void test_no_engine(void **state)
{
    struct fixture fixture;

    (void)state;
    quickstart(&fixture);
    fixture.extracts[0].repeat = false; /* no guard without the SQL */
    assert_null(graph_new(&fixture.pipeline, no_engine, NULL, &fixture.problems));
    assert_string_equal(
        problem(&fixture, 0), "p.yaml: its SQL cannot be parsed: sluice_duckdb.so: not found");
    assert_int_equal(fixture.problems.count, 1);
    fixture_deinit(&fixture);
}

static void test_select(void **state)
{
    struct fixture fixture;
    struct text_list ids;
    struct error err = {0};
    bool wanted[6];

    (void)state;
    quickstart(&fixture);
    add_extract(&fixture, "sizes");
    assert_true(build(&fixture));
    ids = texts(&fixture, "load.monthly", NULL);
    assert_int_equal(graph_select(fixture.graph, &ids, wanted, &err), 0);
    for (unsigned i = 0; i < 6; i++) {
        const char *id = fixture.graph->nodes[i].id;

        assert_int_equal(
            wanted[i], strcmp(id, "load.clean") != 0 && strcmp(id, "extract.sizes") != 0);
    }
    assert_int_equal(graph_select(fixture.graph, NULL, wanted, &err), 0);
    for (unsigned i = 0; i < 6; i++)
        assert_true(wanted[i]);
    ids = texts(&fixture, "load.monthly", "clean");
    assert_int_equal(graph_select(fixture.graph, &ids, wanted, &err), -1);
    assert_string_equal(err.message, "no task is called \"clean\"; did you mean "
                                     "\"transform.clean\" or \"load.clean\"?");
    ids = texts(&fixture, "load.monthli", NULL);
    assert_int_equal(graph_select(fixture.graph, &ids, wanted, &err), -1);
    assert_non_null(strstr(err.message, "did you mean \"load.monthly\"?"));
    ids = texts(&fixture, "nothing-like-it", NULL);
    assert_int_equal(graph_select(fixture.graph, &ids, wanted, &err), -1);
    assert_non_null(strstr(err.message, "see `sluice show p` for its tasks"));
    assert_int_equal(err.code, ERROR_INVALID);
    fixture_deinit(&fixture);
}

/* --- random graphs --- */

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525U + 1013904223U;
    return *seed >> 8;
}

enum { RANDOM_TASKS = 40, RANDOM_GRAPHS = 300 };

/* Transforms whose places in the file are shuffled; each reads some of those of a lower rank, so
 * there is no cycle until `back` makes the lowest read the highest that needs it. */
static void random_graph(struct fixture *fixture, uint32_t *seed, bool back)
{
    unsigned rank[RANDOM_TASKS], place[RANDOM_TASKS];

    fixture_init(fixture, RANDOM_TASKS);
    add_extract(fixture, "root");
    for (unsigned i = 0; i < RANDOM_TASKS; i++)
        rank[i] = i;
    for (unsigned i = RANDOM_TASKS - 1; i > 0; i--) {
        const unsigned j = next_random(seed) % (i + 1), kept = rank[i];

        rank[i] = rank[j];
        rank[j] = kept;
    }
    for (unsigned i = 0; i < RANDOM_TASKS; i++)
        place[rank[i]] = i;
    for (unsigned i = 0; i < RANDOM_TASKS; i++) {
        struct buffer sql;

        buffer_init(&sql, 0);
        buffer_puts(&sql, "select * from root");
        if (rank[i] > 0) /* a spine makes every rank need all below */
            buffer_printf(&sql, " join t%u", place[rank[i] - 1]);
        for (unsigned j = 0; rank[i] > 0 && j < next_random(seed) % 4; j++)
            buffer_printf(&sql, " join t%u", place[next_random(seed) % rank[i]]);
        if (back && rank[i] == 0)
            buffer_printf(&sql, " join t%u", place[1 + next_random(seed) % (RANDOM_TASKS - 1)]);
        add_transform(fixture, arena_printf(&fixture->pipeline.arena, "t%u", i),
            arena_strdup(&fixture->pipeline.arena, sql.data));
        buffer_deinit(&sql);
    }
}

static void test_random_orders(void **state)
{
    uint32_t seed = 1;

    (void)state;
    for (unsigned round = 0; round < RANDOM_GRAPHS; round++) {
        struct fixture fixture;

        random_graph(&fixture, &seed, false);
        assert_true(build(&fixture));
        assert_int_equal(fixture.graph->count, RANDOM_TASKS + 1);
        for (unsigned i = 0; i < fixture.graph->count; i++) {
            const struct graph_node *at = &fixture.graph->nodes[i];

            assert_int_equal(at->index, i);
            assert_ptr_equal(graph_find(fixture.graph, at->id), at);
            for (unsigned j = 0; j < at->need_count; j++) {
                const struct graph_node *need = &fixture.graph->nodes[at->needs[j]];
                unsigned found = 0;

                assert_true(need->index < i);
                assert_true(need->depth < at->depth);
                for (unsigned k = 0; k < need->dependent_count; k++)
                    found += need->dependents[k] == i;
                assert_int_equal(found, 1);
            }
        }
        fixture_deinit(&fixture);
    }
}

/* What is reported as a cycle must be one: each member names the next in its SQL. */
static void check_cycle(struct fixture *fixture, const char *message)
{
    const char *at = strstr(message, "each needs the next: ");
    char from[32], to[32];
    unsigned steps = 0;

    assert_non_null(at);
    if (strstr(at, " more … "))
        return; /* shortened */
    at += strlen("each needs the next: ");
    for (; sscanf(at, "transform.%30[a-z0-9] → transform.%30[a-z0-9]", from, to) == 2; steps++) {
        char named[48];

        snprintf(named, sizeof(named), " join %s", to);
        for (unsigned i = 0; i < RANDOM_TASKS; i++) {
            const struct transform *transform = &fixture->transforms[i];
            const char *found;

            if (strcmp(transform->item.name, from) != 0)
                continue;
            found = strstr(transform->sql, named);
            while (found && found[strlen(named)] != ' ' && found[strlen(named)] != '\0')
                found = strstr(found + 1, named);
            assert_non_null(found);
        }
        at = strstr(at, "→ ") + strlen("→ ");
    }
    assert_true(steps >= 2);
}

static void test_random_cycles(void **state)
{
    uint32_t seed = 7;

    (void)state;
    for (unsigned round = 0; round < RANDOM_GRAPHS; round++) {
        struct fixture fixture;

        random_graph(&fixture, &seed, true);
        assert_false(build(&fixture));
        for (size_t i = 0; i < fixture.problems.count; i++)
            check_cycle(&fixture, problem(&fixture, i));
        fixture_deinit(&fixture);
    }
}

/* 10,000 tasks in all the shapes that could make a loop quadratic: a chain, a fan-out, a fan-in.
 * The limit is far above what it takes and far below what a square would. */
static void test_many_tasks(void **state)
{
    enum { CHAIN = 4000, FAN = 2000 };
    struct fixture fixture;
    struct buffer sql;
    uint64_t start;

    (void)state;
    fixture_init(&fixture, CHAIN + FAN);
    buffer_init(&sql, 0);
    buffer_puts(&sql, "select 1 from e0");
    for (unsigned i = 0; i < FAN; i++) {
        add_extract(&fixture, arena_printf(&fixture.pipeline.arena, "e%u", i));
        buffer_printf(&sql, " union select 1 from e%u", i);
    }
    add_transform(&fixture, "c0", sql.data);
    for (unsigned i = 1; i < CHAIN; i++)
        add_transform(&fixture, arena_printf(&fixture.pipeline.arena, "c%u", i),
            arena_printf(&fixture.pipeline.arena, "select 1 from c%u", i - 1));
    for (unsigned i = 0; i < CHAIN; i++)
        add_load(&fixture, arena_printf(&fixture.pipeline.arena, "l%u", i),
            arena_printf(&fixture.pipeline.arena, "c%u", i % 2 ? i : CHAIN - 1));
    start = time_monotonic_ns();
    expect_clean(&fixture);
    print_message(
        "%u tasks: %.1f ms\n", fixture.graph->count, (double)(time_monotonic_ns() - start) / 1e6);
    assert_true(time_monotonic_ns() - start < 2000000000ULL);
    assert_int_equal(fixture.graph->count, FAN + 2 * CHAIN);
    assert_int_equal(node(&fixture, "load.l1")->driver_count, FAN);
    buffer_deinit(&sql);
    fixture_deinit(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_edges),
        cmocka_unit_test(test_casts_aside),
        cmocka_unit_test(test_without_sql),
        cmocka_unit_test(test_order_is_the_files),
        cmocka_unit_test(test_unknown_names),
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_parameters),
        cmocka_unit_test(test_checks),
        cmocka_unit_test(test_cycles),
        cmocka_unit_test(test_unused),
        cmocka_unit_test(test_no_engine),
        cmocka_unit_test(test_select),
        cmocka_unit_test(test_random_orders),
        cmocka_unit_test(test_random_cycles),
        cmocka_unit_test(test_many_tasks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
