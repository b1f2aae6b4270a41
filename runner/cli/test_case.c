#include "runner/cli/test_case.h"

#include "runner/base/json.h"
#include "runner/base/mem.h"
#include "runner/base/uuid.h"
#include "runner/cli/adhoc.h"
#include "runner/cli/print.h"
#include "runner/cli/questions.h"
#include "runner/cli/test_box.h"
#include "runner/cli/test_checks.h"
#include "runner/cli/test_compare.h"
#include "runner/cli/test_input.h"
#include "runner/engine/quarantine.h"
#include "runner/engine/run.h"
#include "runner/io/file.h"

#include <inttypes.h>
#include <string.h>

enum { ROWS_MAX = 1000000, DIFFERENCES_SHOWN = 20, BYTES_MAX = 64 * 1024 * 1024 };

struct testing {
    struct cli *outer;
    const char *path;
    const struct test_case *test;
    struct test_result *result;
    struct test_box box;
    char run_id[UUID_TEXT_SIZE];
    int64_t due_ms;

    const struct graph *graph; /* of the pipeline */
    struct run *run;           /* under way */
    struct rows_writer *rows;
    struct error err;
    json_t *record; /* of the run; NULL: there is none */
};

static void note(struct testing *testing, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void note(struct testing *testing, const char *format, ...)
{
    va_list args;
    char *line;

    va_start(args, format);
    line = mem_vprintf(format, args);
    va_end(args);
    buffer_printf(&testing->result->why, "%s\n", line);
    free(line);
}

/* --- one run of the engine --- */

static void on_stop(void *data, int signal_number)
{
    (void)signal_number; /* the loop keeps it */
    run_cancel(((struct testing *)data)->run);
}

static void on_done(struct run *run, const struct error *err)
{
    struct testing *testing = run_data(run);

    if (err)
        testing->err = *err;
    loop_on_stop(&testing->box.cli.loop, NULL, NULL);
}

static void on_rows(
    void *data, const struct sql_schema *schema, const char *const *cells, size_t row_count)
{
    rows_write(((struct testing *)data)->rows, schema, cells, row_count);
}

/* The error of the run is in testing->err. */
static void go(struct testing *testing, const struct graph *graph, const char *dataset)
{
    static const struct text_list all = {0};
    const struct run_options options = {.engine = testing->box.cli.engine,
        .graph = graph,
        .instance = "",
        .run_id = testing->run_id,
        .due_ms = testing->due_ms,
        .tasks = &all,
        .preview_dataset = dataset,
        .preview_limit = ROWS_MAX,
        .on_rows = on_rows,
        .data = testing};

    testing->err = (struct error){0};
    testing->run = run_new(&options, on_done);
    loop_on_stop(&testing->box.cli.loop, on_stop, testing);
    run_start(testing->run);
    loop_run(&testing->box.cli.loop);
    if (!dataset && run_summary(testing->run)->record) {
        const char *record = run_summary(testing->run)->record;
        struct error ignored;

        json_decref(testing->record);
        testing->record = json_parse(record, strlen(record), &ignored);
    }
    run_free(testing->run);
    if (testing->box.cli.loop.signal_number)
        testing->result->stopped = true;
}

/* --- what came --- */

/* Lines of NDJSON as an array; NULL: *err says why. */
static json_t *read_rows(const char *path, struct error *err)
{
    json_t *rows = json_array();
    struct buffer text;
    size_t length;

    buffer_init(&text, 0);
    if (file_read(path, BYTES_MAX, &text, err)) {
        buffer_deinit(&text);
        json_decref(rows);
        return NULL;
    }
    for (const char *at = text.data; *at; at += length + (at[length] == '\n')) {
        json_t *row;

        length = strcspn(at, "\n");
        row = length ? json_parse(at, length, err) : NULL;
        if (length && !row) {
            json_decref(rows);
            rows = NULL;
            break;
        }
        if (row)
            json_array_append_new(rows, row);
    }
    buffer_deinit(&text);
    return rows;
}

static json_t *dataset_rows(struct testing *testing, const struct graph *graph, const char *name)
{
    const char *path = arena_printf(&testing->box.cli.arena, "%s/came.ndjson", testing->box.folder);
    FILE *out = fopen(path, "w");
    const struct rows_options options = {.format = ROWS_NDJSON, .out = out};
    json_t *rows = NULL;

    if (!out) {
        error_set(&testing->err, ERROR_IO, "%s cannot be written", path);
        return NULL;
    }
    testing->rows = rows_new(&options);
    go(testing, graph, name);
    if (testing->err.code)
        rows_abandon(testing->rows);
    else
        rows_end(testing->rows);
    fclose(out);
    if (!testing->err.code)
        rows = read_rows(path, &testing->err);
    return rows;
}

static bool has_table(struct testing *testing, const char *space, const char *table)
{
    struct question found = {0};
    bool there;

    found.catalog = (struct catalog_query){
        .verb = CATALOG_GET_VERSION, .at = {.namespace = space, .table = table}};
    question_ask_catalog(&testing->box.cli, &found);
    questions_wait(&testing->box.cli);
    there = !found.err.code && found.catalog.count > 0;
    question_deinit(&found);
    return there;
}

static json_t *select_rows(struct testing *testing, const char *name, const char *sql)
{
    const char *path = arena_printf(&testing->box.cli.arena, "%s/came.ndjson", testing->box.folder);
    const struct adhoc_options options = {
        .format = ADHOC_NDJSON, .memory = 256 << 20, .output = path};
    const struct adhoc_source source = {.sql = sql, .table = name};

    file_remove(path, NULL);
    if (adhoc_run(&testing->box.cli, &options, &source) != EXIT_OK) {
        error_set(&testing->err, ERROR_NOT_FOUND, "table %s cannot be read", name);
        return NULL;
    }
    return read_rows(path, &testing->err);
}

/* A load of the run that makes the table, where nothing did before: then it is there and empty. */
static bool is_loaded(const struct testing *testing, const char *name)
{
    for (unsigned i = 0; i < testing->graph->count; i++) {
        const struct graph_node *node = &testing->graph->nodes[i];

        if (node->kind == TASK_LOAD && text_equal(node->load->into, name))
            return true;
    }
    return false;
}

static json_t *table_rows(struct testing *testing, const char *name)
{
    struct arena *arena = &testing->box.cli.arena;
    const char *dot = strchr(name, '.');

    if (!has_table(testing, arena_strndup(arena, name, (size_t)(dot - name)), dot + 1)) {
        if (is_loaded(testing, name))
            return json_array();
        error_set(&testing->err, ERROR_NOT_FOUND,
            "nothing is loaded into it, and `tables:` does not give it");
        return NULL;
    }
    return select_rows(testing, name, arena_printf(arena, "select * from %s", name));
}

/* --- beside what is expected --- */

static void print_row(struct testing *testing, struct print_table *table,
    const struct test_comparison *comparison, const struct test_difference *difference,
    bool is_missing)
{
    struct arena *arena = &testing->box.cli.arena;
    const char **cells = arena_array(arena, comparison->column_count + 1, sizeof(*cells));

    cells[0] = is_missing ? "missing" : "unexpected";
    for (size_t i = 0; i < comparison->column_count; i++) {
        const char *name = comparison->columns[i], *text = NULL;

        for (size_t j = 0; is_missing && j < difference->missing->count; j++) {
            if (strcmp(difference->missing->cells[j].name, name) == 0)
                text = difference->missing->cells[j].value;
        }
        if (!is_missing)
            text = test_cell_text(json_object_get(difference->unexpected, name), arena);
        cells[i + 1] = text ? text : "null";
    }
    print_table_row(table, cells);
}

static void print_differences(struct testing *testing, const struct test_comparison *comparison)
{
    const char **headers =
        arena_array(&testing->box.cli.arena, comparison->column_count + 2, sizeof(*headers));
    struct print_table *table;
    char *text = NULL;
    size_t length = 0;
    FILE *out;

    headers[0] = "";
    for (size_t i = 0; i < comparison->column_count; i++)
        headers[i + 1] = comparison->columns[i];
    table = print_table_new(headers);
    for (size_t i = 0; i < MIN(comparison->count, (size_t)DIFFERENCES_SHOWN); i++) {
        if (comparison->items[i].missing)
            print_row(testing, table, comparison, &comparison->items[i], true);
        if (comparison->items[i].unexpected)
            print_row(testing, table, comparison, &comparison->items[i], false);
    }
    out = open_memstream(&text, &length);
    print_table_end(table, out, 0, 0, false);
    fclose(out);
    buffer_puts(&testing->result->why, text);
    free(text);
    if (comparison->count > DIFFERENCES_SHOWN)
        note(testing, "… and %zu more", comparison->count - DIFFERENCES_SHOWN);
}

static const struct test_rows *rows_of_file(
    struct testing *testing, const struct test_rows *expected, struct test_rows *own)
{
    struct arena *arena = &testing->box.cli.arena;
    const char *path = arena_printf(arena, "%s/%s", testing->outer->project->root, expected->file);
    json_t *rows = read_rows(path, &testing->err), *row;
    size_t i;

    if (!rows) {
        error_prefix(&testing->err, "expect.%s.file takes NDJSON", expected->name);
        return NULL;
    }
    *own = *expected;
    own->count = json_array_size(rows);
    own->rows = arena_array(arena, own->count, sizeof(*own->rows));
    json_array_foreach(rows, i, row)
    {
        const char *name;
        json_t *value;

        own->rows[i].cells = arena_array(arena, json_object_size(row), sizeof(struct option_pair));
        json_object_foreach(row, name, value)
        {
            const char *text = test_cell_text(value, arena);

            own->rows[i].cells[own->rows[i].count++] =
                (struct option_pair){.name = arena_strdup(arena, name),
                    .value = text ? arena_strdup(arena, text) : NULL};
        }
    }
    json_decref(rows);
    return own;
}

/* Which rows they are, as their number alone says nothing. */
static void note_count(struct testing *testing, const struct test_rows *expected, json_t *came)
{
    const struct test_rows none = {.name = expected->name};
    struct test_comparison comparison;

    note(testing, "%s: %zu rows came, %zu were expected", expected->name, json_array_size(came),
        expected->count);
    test_compare(&none, came, &testing->box.cli.arena, &comparison);
    if (comparison.count > 0)
        print_differences(testing, &comparison);
    test_comparison_deinit(&comparison);
    json_decref(came);
}

static void compare(struct testing *testing, const struct test_rows *expected, json_t *came)
{
    struct test_comparison comparison;
    struct test_rows own;
    const struct test_rows *wanted =
        expected->file ? rows_of_file(testing, expected, &own) : expected;

    if (came && wanted) {
        test_compare(wanted, came, &testing->box.cli.arena, &comparison);
        if (comparison.count) {
            note(testing, "%s: %zu rows came, %zu were expected%s", expected->name,
                json_array_size(came), wanted->count, expected->in_order ? " in that order" : "");
            print_differences(testing, &comparison);
        }
        test_comparison_deinit(&comparison);
    } else {
        note(testing, "%s: %s", expected->name, testing->err.message);
    }
    json_decref(came);
}

/* --- the quarantine --- */

/* The dataset, whoever puts its rows aside. NULL: nobody does. */
static const struct graph_node *find_quarantined(const struct graph *graph, const char *name)
{
    for (unsigned i = 0; i < graph->count; i++) {
        const struct graph_node *node = &graph->nodes[i];

        if (quarantine_has(node) &&
            strcmp(node->kind == TASK_LOAD ? node->load->from : node->name, name) == 0)
            return node;
    }
    return NULL;
}

static json_t *quarantined_rows(struct testing *testing, const struct graph_node *node)
{
    struct arena *arena = &testing->box.cli.arena;
    const char *table = quarantine_table(testing->graph->pipeline, node, arena);
    const char *name = arena_printf(arena, "%s.%s", QUARANTINE_NAMESPACE, table);

    if (!has_table(testing, QUARANTINE_NAMESPACE, table))
        return json_array();
    return select_rows(testing, name,
        arena_printf(arena,
            "select line, column_name as \"column\", reason, check_name as \"check\", raw, "
            "row_json "
            "as \"row\" from " QUARANTINE_NAMESPACE ".\"%s\" order by line, id",
            table));
}

static void look_at_quarantine(struct testing *testing)
{
    const struct test_rows_list *expect = &testing->test->quarantine;

    for (size_t i = 0; i < expect->count && !testing->result->stopped; i++) {
        const struct test_rows *rows = &expect->items[i];
        const struct graph_node *node = find_quarantined(testing->graph, rows->name);
        struct test_rows named = *rows;
        json_t *came;

        if (!node) {
            note(testing,
                "quarantine.%s: nothing puts rows of it aside: `on_bad_row: quarantine` of an "
                "extract does, and a check with `severity: quarantine`",
                rows->name);
            continue;
        }
        named.name = arena_printf(&testing->box.cli.arena, "quarantine.%s", rows->name);
        came = quarantined_rows(testing, node);
        if (!rows->is_count)
            compare(testing, &named, came);
        else if (json_array_size(came) != rows->count)
            note_count(testing, &named, came);
        else
            json_decref(came);
    }
}

/* --- the whole --- */

static void look_at_tables(struct testing *testing)
{
    const struct test_rows_list *expect = &testing->test->expect;

    for (size_t i = 0; i < expect->count && !testing->result->stopped; i++) {
        if (strchr(expect->items[i].name, '.'))
            compare(testing, &expect->items[i], table_rows(testing, expect->items[i].name));
    }
}

static void look_at_datasets(struct testing *testing, const struct graph *graph)
{
    const struct test_rows_list *expect = &testing->test->expect;

    for (size_t i = 0; i < expect->count && !testing->result->stopped; i++) {
        const struct test_rows *rows = &expect->items[i];

        if (strchr(rows->name, '.'))
            continue;
        if (graph_dataset(graph, rows->name))
            compare(testing, rows, dataset_rows(testing, graph, rows->name));
        else
            note(testing, "expect.%s: the pipeline has no dataset of that name", rows->name);
    }
}

/* `by_check`: a check failed it that was to fail. */
static void look_at_end(struct testing *testing, bool by_check)
{
    const char *wanted = testing->test->fails;

    if (!wanted && testing->err.code && !(by_check && testing->err.code == ERROR_CHECK))
        note(testing, "the run failed: %s", testing->err.message);
    else if (wanted && !testing->err.code)
        note(testing, "the run succeeded, and was expected to fail: %s", wanted);
    else if (wanted && !strstr(testing->err.message, wanted))
        note(testing, "the run failed: %s\nand was expected to fail by: %s", testing->err.message,
            wanted);
}

/* Frees them; what was made in spite of them has warnings only. */
static void note_problems(struct testing *testing, struct diagnostics *problems, bool made)
{
    struct buffer line;

    diagnostics_sort(problems);
    buffer_init(&line, 0);
    for (size_t i = 0; !made && i < problems->count; i++) {
        buffer_clear(&line);
        diagnostics_format(&problems->items[i], &line);
        note(testing, "%s", line.data);
    }
    buffer_deinit(&line);
    diagnostics_deinit(problems);
}

/* NULL: what is wrong was noted. */
static struct graph *make_graph(struct testing *testing, struct pipeline *pipeline)
{
    struct diagnostics problems;
    struct graph *graph;

    diagnostics_init(&problems);
    graph = graph_new(pipeline, cli_load_sql, NULL, &problems);
    note_problems(testing, &problems, graph != NULL);
    if (graph && graph_check_supported(graph, &testing->err)) {
        note(testing, "%s", testing->err.message);
        graph_free(graph);
        graph = NULL;
    }
    return graph;
}

static struct pipeline *load(struct testing *testing, const char *tables)
{
    const struct pipeline_scope scope = {.environment = tables
                                                            ? testing->box.cli.project->environment
                                                            : testing->outer->project->environment,
        .run_id = testing->run_id,
        .due_ms = testing->due_ms,
        .params = tables ? NULL : &testing->test->params,
        .for_run = true};
    struct diagnostics problems;
    struct pipeline *pipeline;

    diagnostics_init(&problems);
    pipeline = tables ? pipeline_parse("tables", tables, strlen(tables), &scope, &problems)
                      : pipeline_load(testing->path, &scope, &problems);
    note_problems(testing, &problems, pipeline != NULL);
    return pipeline;
}

/* What is to be in the catalog before the run, by a run of its own. */
static void fill_tables(struct testing *testing, const struct pipeline *pipeline, const char *root)
{
    const char *text = NULL;
    struct pipeline *tables = NULL;
    struct graph *graph = NULL;

    if (test_input_tables(&testing->box, pipeline, root, testing->test, &text, &testing->err))
        note(testing, "%s", testing->err.message);
    if (text)
        tables = load(testing, text);
    if (tables)
        graph = make_graph(testing, tables);
    if (graph) {
        uuid_v7(time_now_ms(), testing->run_id);
        go(testing, graph, NULL);
        if (testing->err.code)
            note(testing, "tables: %s", testing->err.message);
    }
    graph_free(graph);
    pipeline_free(tables);
}

static void run_test(struct testing *testing, struct pipeline *pipeline, const char *root)
{
    struct graph *graph = NULL;

    fill_tables(testing, pipeline, root);
    if (testing->result->why.length || testing->result->stopped)
        return;
    if (test_input_apply(&testing->box, pipeline, root, testing->test, &testing->err))
        note(testing, "%s", testing->err.message);
    else
        graph = make_graph(testing, pipeline);
    if (!graph)
        return;
    testing->graph = graph;
    look_at_datasets(testing, graph);
    if (!testing->result->stopped) {
        uuid_v7(time_now_ms(), testing->run_id);
        go(testing, graph, NULL);
        look_at_end(
            testing, test_checks_compare(testing->test, testing->record, &testing->result->why));
        look_at_tables(testing);
        look_at_quarantine(testing);
    }
    graph_free(graph);
}

void test_case_run(struct cli *cli, const char *path, const struct test_file *file,
    const struct test_case *test, struct test_result *ret_result)
{
    const int64_t started_ms = time_now_ms();
    struct testing testing = {.outer = cli,
        .path = path,
        .test = test,
        .result = ret_result,
        .due_ms = test->due_ms ? test->due_ms : started_ms};
    struct pipeline *pipeline;

    *ret_result = (struct test_result){.file = file->path, .name = test->name};
    buffer_init(&ret_result->why, 0);
    uuid_v7(started_ms, testing.run_id);
    if (test_box_open(&testing.box, cli, &testing.err)) {
        note(&testing, "%s", testing.err.message);
    } else {
        pipeline = load(&testing, NULL);
        if (pipeline)
            run_test(&testing, pipeline, cli->project->root);
        pipeline_free(pipeline);
    }
    json_decref(testing.record);
    test_box_close(&testing.box);
    ret_result->duration_ms = time_now_ms() - started_ms;
    ret_result->passed = ret_result->why.length == 0 && !ret_result->stopped;
}

void test_result_deinit(struct test_result *result)
{
    buffer_deinit(&result->why);
}
