/* 10,000 tasks that do nothing: extracts, transforms and loads over connectors in memory that end
 * at once. Prints the CPU time of the run by task: the engine's own, with building the graph and
 * the commit. */
#include "runner/base/buffer.h"
#include "runner/engine/run.h"
#include "tests/unit/fakes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { PIPES = 3334 }; /* of three tasks each */

static double cpu_seconds(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static int load_sql(void *data, const struct sql_engine_type **ret_type, struct error *err)
{
    return engine_sql(data, ret_type, err);
}

static void on_done(struct run *run, const struct error *err)
{
    (void)run;
    if (err)
        fprintf(stderr, "%s\n", err->message);
    if (err)
        exit(1);
}

static void write_pipeline(struct buffer *text)
{
    buffer_puts(text, "name: p\nextract:\n");
    for (unsigned i = 0; i < PIPES; i++)
        buffer_printf(text, "  a%u: {from: data/b.csv, repeat: true}\n", i);
    buffer_puts(text, "transform:\n");
    for (unsigned i = 0; i < PIPES; i++)
        buffer_printf(text, "  b%u: {sql: a%u}\n", i, i);
    buffer_puts(text, "load:\n");
    for (unsigned i = 0; i < PIPES; i++)
        buffer_printf(text, "  b%u: {into: n.t%u}\n", i, i);
}

int main(void)
{
    char folder[] = "/tmp/sluice-tasks-XXXXXX";
    struct environment environment = {.item = {.name = "dev"},
        .catalog = {.url = "sqlite:x"},
        .store = "file:/x",
        .state = "sqlite:x"};
    struct project project = {.environment = &environment};
    struct engine_options engine_options = {.project = &project};
    struct run_options options = {.instance = "", .run_id = "r"};
    const struct pipeline_scope scope = {
        .environment = &environment, .run_id = "r", .for_run = true};
    struct diagnostics problems;
    struct pipeline *pipeline;
    struct fakes fakes;
    struct buffer text;
    struct graph *graph;
    struct error err;
    struct loop loop;
    struct run *run;
    double start, parsed, end;

    fakes_init(&fakes, 1);
    fakes.delay_max_ms = 0;
    fakes.forgetful = true;
    fakes.loop = &loop;
    buffer_init(&text, 0);
    write_pipeline(&text);
    if (!mkdtemp(folder) || loop_init(&loop, &err))
        return 1;
    environment.root = environment.spool = project.root = folder;
    engine_options.registry = fakes_registry(&fakes);
    engine_options.loop = &loop;
    diagnostics_init(&problems);
    start = cpu_seconds();
    pipeline = pipeline_parse("p.yaml", text.data, text.length, &scope, &problems);
    options.engine = engine_new(&engine_options, &err);
    parsed = cpu_seconds();
    graph = pipeline ? graph_new(pipeline, load_sql, options.engine, &problems) : NULL;
    if (!graph) {
        fprintf(stderr, "%s\n", problems.count ? problems.items[0].message : "no graph");
        return 1;
    }
    options.graph = graph;
    run = run_new(&options, on_done);
    run_start(run);
    loop_run(&loop);
    end = cpu_seconds();
    printf("%u tasks: YAML %.1f ms, graph and run %.1f ms: %.1f us of CPU a task\n", graph->count,
        (parsed - start) * 1e3, (end - parsed) * 1e3, (end - parsed) * 1e6 / graph->count);
    run_free(run);
    graph_free(graph);
    pipeline_free(pipeline);
    diagnostics_deinit(&problems);
    engine_free(options.engine);
    loop_run(&loop);
    buffer_deinit(&text);
    fakes_deinit(&fakes);
    return loop_deinit(&loop, &err) || rmdir(folder) ? 1 : 0; /* runs leave nothing behind */
}
