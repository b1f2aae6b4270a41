/* Which conditions an extract may go by: only those that all who read it ask. */
#include "runner/engine/pushdown.h"
#include "tests/unit/graph_fixture.h"

enum { EXTRACT, READER, OTHER, NODES };

struct plot {
    struct graph graph;
    struct graph_node nodes[NODES];
    struct extract extract;
    struct transform transforms[2];
    struct sql_table table;
    struct sql_condition conditions[2];
    struct plan_task tasks[NODES];
    struct param param;
    struct pipeline pipeline;
    struct arena arena;
    unsigned from;
};

/* transform.c reads extract.o where a = 5 and b >= $since; transform.d reads nothing. */
static void plot_init(struct plot *plot)
{
    static const char *const five[] = {"5"};

    *plot = (struct plot){.table = {.name = "O"},
        .conditions = {{.column = "a", .comparison = SQL_EQUAL, .values = five, .value_count = 1},
            {.column = "b", .comparison = SQL_GREATER_EQUAL, .parameter = "Since"}},
        .param = {.item = {.name = "since"}, .type = PARAM_DATE, .value = "2001-02-03"}};
    arena_init(&plot->arena);
    plot->pipeline.params = (struct option_items){.items = &plot->param, .count = 1};
    plot->graph = (struct graph){.pipeline = &plot->pipeline, .nodes = plot->nodes, .count = NODES};
    for (unsigned i = 0; i < NODES; i++) {
        plot->nodes[i].index = i;
        plot->tasks[i].wanted = true;
    }
    plot->nodes[EXTRACT].name = "o";
    plot->nodes[EXTRACT].extract = &plot->extract;
    plot->nodes[EXTRACT].consumer_count = 1;
    for (unsigned i = READER; i < NODES; i++) {
        plot->nodes[i].kind = TASK_TRANSFORM;
        plot->nodes[i].transform = &plot->transforms[i - READER];
    }
    plot->nodes[READER].inputs = &plot->from; /* 0: the extract */
    plot->nodes[READER].input_count = 1;
    plot->nodes[READER].statement = (struct sql_statement){.tables = &plot->table,
        .table_count = 1,
        .conditions = plot->conditions,
        .condition_count = 2};
}

static size_t pushed(struct plot *plot, const struct sql_condition **ret_conditions)
{
    size_t count;

    pushdown_conditions(
        &plot->graph, plot->tasks, &plot->nodes[EXTRACT], &plot->arena, ret_conditions, &count);
    return count;
}

static void test_the_only_reader(void **state)
{
    const struct sql_condition *conditions;
    struct plot plot;

    (void)state;
    plot_init(&plot);
    assert_int_equal(pushed(&plot, &conditions), 2);
    assert_string_equal(conditions[0].column, "a");
    assert_string_equal(conditions[0].values[0], "5");
    assert_string_equal(conditions[1].values[0], "2001-02-03");
    assert_true(conditions[1].quoted && conditions[1].value_count == 1);
    assert_string_equal(conditions[1].type, "DATE");
    arena_deinit(&plot.arena);
}

/* How such a value is written to the SQL engine is not how it is compared here. */
static void test_parameters_without_a_certain_value(void **state)
{
    static const int types[] = {PARAM_NUMBER, PARAM_TIMESTAMP};
    const struct sql_condition *conditions;
    struct plot plot;

    (void)state;
    for (size_t i = 0; i <= ARRAY_LENGTH(types); i++) {
        plot_init(&plot);
        if (i < ARRAY_LENGTH(types))
            plot.param.type = types[i];
        else
            plot.param.value = NULL;
        assert_int_equal(pushed(&plot, &conditions), 2);
        assert_int_equal(conditions[1].value_count, 0);
        arena_deinit(&plot.arena);
    }
}

static void test_others_read_it_too(void **state)
{
    const struct sql_condition *conditions;
    struct sql_statement check = {0};
    struct check checks[1] = {{.kind = CHECK_SQL}};
    struct plot plot;

    (void)state;
    plot_init(&plot);
    plot.nodes[EXTRACT].consumer_count = 2;
    assert_int_equal(pushed(&plot, &conditions), 0);
    plot.nodes[EXTRACT].consumer_count = 1;
    plot.tasks[READER].wanted = false; /* it is asked for itself */
    assert_int_equal(pushed(&plot, &conditions), 0);
    plot.tasks[READER].wanted = true;
    plot.nodes[READER].kind = TASK_LOAD;
    assert_int_equal(pushed(&plot, &conditions), 0);
    plot.nodes[READER].kind = TASK_TRANSFORM;
    plot.transforms[0].checks = (struct option_items){.items = checks, .count = 1};
    check.tables = &plot.table;
    check.table_count = 1;
    plot.nodes[READER].checks = &check;
    assert_int_equal(pushed(&plot, &conditions), 0);
    check.table_count = 0;
    assert_int_equal(pushed(&plot, &conditions), 2);
    plot.extract.cursor.column = "b";
    assert_int_equal(pushed(&plot, &conditions), 0);
    plot.extract.cursor.column = NULL;
    plot.nodes[READER].statement.table_count = 0; /* it is a check alone that reads it */
    assert_int_equal(pushed(&plot, &conditions), 0);
    arena_deinit(&plot.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_only_reader),
        cmocka_unit_test(test_parameters_without_a_certain_value),
        cmocka_unit_test(test_others_read_it_too),
    };

    return cmocka_run_group_tests_name("pushdown", tests, NULL, NULL);
}
