/* What a run writes about itself, from tasks that were made by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "runner/base/json.h"
#include "runner/base/mem.h"
#include "runner/engine/run_private.h"

#include <stdlib.h>
#include <string.h>

enum { EXTRACT, TRANSFORM, TABLE, FILE_, TASKS };

static const struct load table_load = {.into = "n.t"}, file_load = {.to = "out.csv"};

/* extract.a ─ transform.b ─ load.t, load.f: all done, the run about to be recorded. */
struct made {
    struct run run;
    struct graph graph;
    struct graph_node nodes[TASKS];
    struct plan_task plans[TASKS];
    struct task tasks[TASKS];
};

static void set_up(struct made *made)
{
    static const struct graph_node nodes[TASKS] = {
        [EXTRACT] = {.kind = TASK_EXTRACT, .id = "extract.a"},
        [TRANSFORM] = {.kind = TASK_TRANSFORM, .id = "transform.b"},
        [TABLE] = {.kind = TASK_LOAD, .id = "load.t", .load = &table_load},
        [FILE_] = {.kind = TASK_LOAD, .id = "load.f", .load = &file_load},
    };

    memset(made, 0, sizeof(*made));
    memcpy(made->nodes, nodes, sizeof(nodes));
    made->graph = (struct graph){.nodes = made->nodes, .count = TASKS};
    made->run.graph = &made->graph;
    made->run.tasks = made->tasks;
    made->run.state = RUN_RECORDING;
    made->run.planned = made->run.committed = true;
    made->run.options.due_ms = 1000;
    for (size_t i = 0; i < TASKS; i++) {
        made->tasks[i].node = &made->nodes[i];
        made->tasks[i].plan = &made->plans[i];
        made->tasks[i].state = TASK_DONE;
        made->tasks[i].retry.attempt = 1;
        made->tasks[i].started_ms = 5000;
        made->tasks[i].finished_ms = 5250;
    }
    made->tasks[EXTRACT].rows = 10;
    made->tasks[EXTRACT].objects = 2;
    made->tasks[EXTRACT].rejected = 3;
    made->tasks[EXTRACT].bytes_read = 400;
    made->tasks[TRANSFORM].rows = 9;
    made->tasks[TABLE].rows = 8;
    made->tasks[TABLE].file_count = 4;
    made->tasks[TABLE].bytes_written = 100;
    made->tasks[FILE_].rows = 7;
    made->tasks[FILE_].bytes_written = 50;
}

/* Summarizes, and gives the record back as JSON. */
static json_t *summarize(struct made *made)
{
    json_t *record;

    record_summarize(&made->run);
    assert_ptr_equal(made->run.summary.record, made->run.record);
    record = json_loads(made->run.record, 0, NULL);
    assert_non_null(record);
    free(made->run.record);
    made->run.record = NULL;
    return record;
}

static void assert_json(const json_t *value, const char *expected)
{
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);

    assert_string_equal(text, expected);
    free(text);
}

static const json_t *task_of(const json_t *record, size_t index)
{
    return json_array_get(json_object_get(record, "tasks"), index);
}

static void test_what_tasks_did_is_added_up(void **state)
{
    struct made made;
    json_t *record;

    (void)state;
    set_up(&made);
    made.run.retried = 5;
    record = summarize(&made);
    assert_int_equal(made.run.summary.outcome, STATE_SUCCEEDED);
    assert_int_equal(made.run.summary.rows, 8);
    assert_int_equal(made.run.summary.exported, 7);
    assert_int_equal(made.run.summary.files, 4 + 1);
    assert_int_equal(made.run.summary.bytes_written, 150);
    assert_int_equal(json_get_int(record, "due_ms", 0), 1000);
    assert_int_equal(json_get_int(record, "rows", 0), 8);
    assert_int_equal(json_get_int(record, "exported", 0), 7);
    assert_int_equal(json_get_int(record, "rejected", 0), 3);
    assert_int_equal(json_get_int(record, "objects", 0), 2);
    assert_int_equal(json_get_int(record, "bytes_read", 0), 400);
    assert_int_equal(json_get_int(record, "retries", 0), 5);
    assert_json(task_of(record, TRANSFORM), "{\"task\":\"transform.b\",\"state\":\"done\","
                                            "\"attempts\":1,\"duration_ms\":250,\"rows\":9}");
    assert_json(task_of(record, TABLE),
        "{\"task\":\"load.t\",\"state\":\"done\",\"attempts\":1,\"duration_ms\":250,\"rows\":8,"
        "\"into\":\"n.t\",\"files\":4,\"bytes_written\":100}");
    assert_json(task_of(record, FILE_),
        "{\"task\":\"load.f\",\"state\":\"done\",\"attempts\":1,\"duration_ms\":250,\"rows\":7,"
        "\"to\":\"out.csv\",\"files\":0,\"bytes_written\":50}");
    json_decref(record);
}

/* What a run left uncommitted is not counted; nor are rows that changed no table. */
static void test_only_what_was_committed_counts(void **state)
{
    struct made made;

    (void)state;
    set_up(&made);
    made.tasks[TABLE].keeps_table = true;
    json_decref(summarize(&made));
    assert_int_equal(made.run.summary.rows, 0);
    assert_int_equal(made.run.summary.exported, 7);

    set_up(&made);
    made.tasks[TABLE].state = TASK_FAILED;
    json_decref(summarize(&made));
    assert_int_equal(made.run.summary.rows, 0);
    assert_int_equal(made.run.summary.files, 1);

    set_up(&made);
    made.run.committed = false;
    json_decref(summarize(&made));
    assert_int_equal(made.run.summary.rows, 0);
    assert_int_equal(made.run.summary.exported, 0);
    assert_int_equal(made.run.summary.rejected, 3);
}

/* The value that a reject's reason may quote stays out: the record is kept for long. */
static void test_rejects_say_why_without_the_data(void **state)
{
    struct sql_reject rejects[] = {
        {"x.csv", 3, "id", "\"zwei\" is not BIGINT", "the value is not BIGINT"},
        {"x.csv", 9, NULL, "the row has less than 3 cells", "the row has less than 3 cells"},
    };
    struct made made;
    json_t *record;

    (void)state;
    set_up(&made);
    made.tasks[EXTRACT].rejects = rejects;
    made.tasks[EXTRACT].reject_count = 2;
    record = summarize(&made);
    assert_json(json_object_get(task_of(record, EXTRACT), "rejects"),
        "[{\"object\":\"x.csv\",\"line\":3,\"column\":\"id\","
        "\"reason\":\"the value is not BIGINT\"},"
        "{\"object\":\"x.csv\",\"line\":9,\"reason\":\"the row has less than 3 cells\"}]");
    json_decref(record);
}

static void test_checks_errors_and_skipped_tasks(void **state)
{
    struct task_check checks[] = {{.title = "unique(id)", .kind = CHECK_UNIQUE, .passed = true},
        {.title = "few",
            .kind = CHECK_ROW_COUNT,
            .severity = SEVERITY_WARN,
            .count = 3,
            .found = 7,
            .message = "too few",
            .sample = "[{\"a\":null}]"}};
    struct made made;
    json_t *record;

    (void)state;
    set_up(&made);
    made.tasks[TRANSFORM].checks = checks;
    made.tasks[TRANSFORM].check_count = 2;
    made.tasks[TABLE].state = TASK_FAILED;
    error_set(&made.tasks[TABLE].err, ERROR_DATA, "too bad");
    made.tasks[FILE_].state = TASK_SKIPPED;
    record = summarize(&made);
    assert_json(json_object_get(task_of(record, TRANSFORM), "checks"),
        "[{\"check\":\"unique(id)\",\"kind\":\"unique\",\"passed\":true,\"severity\":\"error\","
        "\"rows\":0},{\"check\":\"few\",\"kind\":\"row_count\",\"passed\":false,\"severity\":"
        "\"warn\","
        "\"rows\":3,\"found\":7,\"message\":\"too few\",\"sample\":[{\"a\":null}]}]");
    assert_string_equal(json_get_text(task_of(record, TABLE), "error"), "too bad");
    assert_json(task_of(record, FILE_), "{\"task\":\"load.f\",\"state\":\"skipped\"}");
    json_decref(record);
}

/* However many checks fail, a record stays what a catalog and a hook can hold. */
static void test_samples_have_a_limit_in_all(void **state)
{
    enum { COUNT = 100, BYTES = 20000 };
    struct task_check *checks = mem_calloc(COUNT, sizeof(*checks));
    char *sample = mem_printf("[\"%*s\"]", BYTES, "");
    const json_t *list, *check;
    struct made made;
    json_t *record;
    size_t i, shown = 0;

    (void)state;
    set_up(&made);
    for (i = 0; i < COUNT; i++)
        checks[i] = (struct task_check){.title = "c", .sample = sample};
    made.tasks[TRANSFORM].checks = checks;
    made.tasks[TRANSFORM].check_count = COUNT;
    record = summarize(&made);
    list = json_object_get(task_of(record, TRANSFORM), "checks");
    assert_int_equal(json_array_size(list), COUNT);
    json_array_foreach(list, i, check)
    {
        shown += json_object_get(check, "sample") != NULL;
    }
    assert_int_equal(shown, 13);
    json_decref(record);
    free(sample);
    free(checks);
}

static void test_outcomes(void **state)
{
    static const struct {
        enum error_code code;
        bool committed, already, nothing_new;
        enum state_outcome outcome;
    } cases[] = {
        {ERROR_NONE, true, false, false, STATE_SUCCEEDED},
        {ERROR_NONE, true, false, true, STATE_NOTHING_NEW},
        {ERROR_DATA, false, false, false, STATE_FAILED},
        {ERROR_CHECK, false, false, false, STATE_CHECK_FAILED},
        {ERROR_STOPPED, false, false, false, STATE_CANCELLED},
        {ERROR_DATA, true, false, false, STATE_SUCCEEDED}, /* what came behind the commit */
        {ERROR_DATA, false, true, false, STATE_SUCCEEDED},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct made made;

        set_up(&made);
        made.run.committed = cases[i].committed;
        made.run.already_committed = cases[i].already;
        made.run.plan.nothing_new = cases[i].nothing_new;
        if (cases[i].code)
            error_set(&made.run.err, cases[i].code, "x");
        json_decref(summarize(&made));
        assert_int_equal(made.run.summary.outcome, cases[i].outcome);
    }
}

/* A run that ended before it had tasks. */
static void test_a_run_without_tasks(void **state)
{
    struct made made;
    json_t *record;

    (void)state;
    set_up(&made);
    made.run.tasks = NULL;
    record = summarize(&made);
    assert_int_equal(json_array_size(json_object_get(record, "tasks")), 0);
    assert_int_equal(made.run.summary.rows, 0);
    json_decref(record);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_tasks_did_is_added_up),
        cmocka_unit_test(test_only_what_was_committed_counts),
        cmocka_unit_test(test_rejects_say_why_without_the_data),
        cmocka_unit_test(test_checks_errors_and_skipped_tasks),
        cmocka_unit_test(test_samples_have_a_limit_in_all),
        cmocka_unit_test(test_outcomes),
        cmocka_unit_test(test_a_run_without_tasks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
