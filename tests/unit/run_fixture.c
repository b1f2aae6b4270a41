#include "tests/unit/run_fixture.h"

#include "runner/base/mem.h"
#include "runner/io/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct {
    char folder[64];
    struct project project;
    struct environment environment;
} house;

/* --- the house --- */

int house_set_up(void **state)
{
    (void)state;
    snprintf(house.folder, sizeof(house.folder), "/tmp/sluice-test-XXXXXX");
    if (!mkdtemp(house.folder))
        return -1;
    house.environment = (struct environment){.item = {.name = "dev"},
        .root = house.folder,
        .catalog = {.url = "sqlite:x"},
        .store = "file:/x",
        .state = "sqlite:x",
        .spool = mem_printf("%s/spool", house.folder)};
    house.project = (struct project){.root = house.folder, .environment = &house.environment};
    return 0;
}

int house_tear_down(void **state)
{
    (void)state;
    rmdir(house.environment.spool);
    free((char *)house.environment.spool);
    if (!rmdir(house.folder))
        return 0;
    file_remove_tree(house.folder, NULL);
    return -1; /* runs leave nothing behind */
}

const char *house_spool(void)
{
    return house.environment.spool;
}

static void on_line(
    void *data, enum log_level level, const char *event, const char *line, size_t length)
{
    struct scenario *scenario = data;

    (void)level;
    /* Counts are kept in the pointers themselves. */
    table_put(
        &scenario->events, event, (void *)((uintptr_t)table_get(&scenario->events, event) + 1));
    buffer_append(&scenario->messages, line, length);
}

struct engine *house_engine(struct scenario *scenario)
{
    const struct log_options log_options = {.format = LOG_FORMAT_JSON, .fd = -1, .filter = "debug"};
    struct engine_options options = {.registry = fakes_registry(scenario->fakes),
        .project = &house.project,
        .loop = &scenario->loop};
    struct error err;

    assert_int_equal(loop_init(&scenario->loop, &err), 0);
    scenario->fakes->loop = &scenario->loop;
    options.log = log_new(&log_options, &err);
    assert_non_null(options.log);
    log_set_sink(options.log, on_line, scenario);
    scenario->engine = engine_new(&options, &err);
    assert_non_null(scenario->engine);
    return scenario->engine;
}

void house_close(struct scenario *scenario)
{
    struct log *log = scenario->engine->log;
    struct error err;

    engine_free(scenario->engine);
    loop_run(&scenario->loop);
    if (loop_deinit(&scenario->loop, &err))
        fail_msg("%s", err.message);
    log_free(log);
}

/* --- one run --- */

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

static void on_rows(
    void *data, const struct sql_schema *schema, const char *const *cells, size_t row_count)
{
    struct scenario *scenario = data;

    (void)schema;
    (void)cells;
    (void)row_count;
    scenario->preview_calls++;
}

static int load_sql(void *data, const struct sql_engine_type **ret_type, struct error *err)
{
    return engine_sql(data, ret_type, err);
}

struct pipeline *scenario_parse(const struct scenario *scenario)
{
    const struct pipeline_scope scope = {.environment = &house.environment,
        .run_id = scenario->run_id,
        .due_ms = 1000,
        .for_run = true};
    struct diagnostics problems;
    struct pipeline *pipeline;

    diagnostics_init(&problems);
    pipeline = pipeline_parse("p.yaml", scenario->text, strlen(scenario->text), &scope, &problems);
    if (problems.error_count > 0)
        print_error("%s\n", problems.items[0].message);
    diagnostics_deinit(&problems);
    assert_non_null(pipeline);
    return pipeline;
}

struct graph *scenario_graph(struct scenario *scenario, const struct pipeline *pipeline)
{
    struct diagnostics problems;
    struct graph *graph;

    diagnostics_init(&problems);
    graph = graph_new(pipeline, load_sql, scenario->engine, &problems);
    if (problems.error_count > 0)
        print_error("%s\n", problems.items[0].message);
    diagnostics_deinit(&problems);
    assert_non_null(graph);
    return graph;
}

static void forget_last(struct scenario *scenario)
{
    scenario->turn = scenario->done_count = scenario->preview_calls = 0;
    json_decref(scenario->record);
    scenario->record = NULL;
    table_deinit(&scenario->events);
    table_init(&scenario->events);
    buffer_deinit(&scenario->messages);
    buffer_init(&scenario->messages, 0);
}

static void keep_results(struct scenario *scenario)
{
    scenario->summary = *run_summary(scenario->run);
    if (scenario->summary.record)
        scenario->record =
            json_parse(scenario->summary.record, strlen(scenario->summary.record), NULL);
    scenario->summary.record = NULL;
}

void run_once(struct scenario *scenario)
{
    struct text_list tasks = {.items = scenario->tasks};
    struct run_options options = {.instance = "",
        .run_id = scenario->run_id,
        .due_ms = 1000,
        .tasks = &tasks,
        .preview_dataset = scenario->preview,
        .on_rows = on_rows,
        .data = scenario};
    struct pipeline *pipeline;
    struct graph *graph;

    forget_last(scenario);
    while (scenario->tasks[tasks.count])
        tasks.count++;
    options.engine = house_engine(scenario);
    pipeline = scenario_parse(scenario);
    options.graph = graph = scenario_graph(scenario, pipeline);
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
    keep_results(scenario);
    run_free(scenario->run);
    house_close(scenario);
    graph_free(graph);
    pipeline_free(pipeline);
}

void run_well(struct scenario *scenario, const char *run_id)
{
    scenario->run_id = run_id;
    run_once(scenario);
    assert_string_equal(scenario->err.message, "");
    assert_false(scenario->fakes->leased);
    assert_int_equal(fakes_left(&scenario->fakes->journal), 0);
    assert_int_equal(fakes_dangling(scenario->fakes), 0);
    assert_int_equal(fakes_orphans(scenario->fakes), 0);
}

void scenario_deinit(struct scenario *scenario)
{
    forget_last(scenario);
    fakes_deinit(scenario->fakes);
}

/* --- looking --- */

unsigned logged(const struct scenario *scenario, const char *event)
{
    return (unsigned)(uintptr_t)table_get(&scenario->events, event);
}

static json_t *task_record(const struct scenario *scenario, const char *task)
{
    const json_t *tasks = json_object_get(scenario->record, "tasks");
    json_t *item;
    size_t i;

    json_array_foreach(tasks, i, item)
    {
        if (strcmp(json_string_value(json_object_get(item, "task")), task) == 0)
            return item;
    }
    fail_msg("the record says nothing about %s", task);
    return NULL;
}

const char *task_text(const struct scenario *scenario, const char *task, const char *key)
{
    const char *text = json_string_value(json_object_get(task_record(scenario, task), key));

    return text ? text : "";
}

int64_t task_int(const struct scenario *scenario, const char *task, const char *key)
{
    return json_get_int(task_record(scenario, task), key, -1);
}

void assert_says(const char *message, const char *part)
{
    if (!strstr(message, part))
        fail_msg("\"%s\" does not hold \"%s\"", message, part);
}
