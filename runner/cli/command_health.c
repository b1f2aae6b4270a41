#include "runner/cli/commands.h"
#include "runner/cli/health_print.h"

/* The files of the pipelines that were named, or all. */
static int find_paths(struct cli *cli, const char *const *names, size_t count,
    const char *const **ret_paths, size_t *ret_count)
{
    struct text_list all;
    const char **paths;
    struct error err;

    if (count == 0) {
        if (project_pipeline_paths(cli->project, &all, &err))
            return cli_fail(cli, &err);
        *ret_paths = all.items;
        *ret_count = all.count;
        return EXIT_OK;
    }
    paths = arena_array(&cli->arena, count, sizeof(*paths));
    for (size_t i = 0; i < count; i++) {
        if (project_find_pipeline(cli->project, names[i], &paths[i], &err))
            return cli_fail(cli, &err);
    }
    *ret_paths = paths;
    *ret_count = count;
    return EXIT_OK;
}

static int run(struct cli *cli, const void *options, const char *const *args, size_t arg_count)
{
    struct health_report report;
    struct health *verdicts;
    const char *const *paths = NULL;
    enum health_status overall;
    size_t count = 0;
    int code = cli_open_engine(cli, true);

    (void)options;
    if (code == EXIT_OK)
        code = find_paths(cli, args, arg_count, &paths, &count);
    if (code)
        return code;
    health_gather(cli, paths, count, &report);
    verdicts = arena_array(&cli->arena, count, sizeof(*verdicts));
    for (size_t i = 0; i < count; i++)
        health_evaluate(&report.subjects[i].facts, &cli->arena, &verdicts[i]);
    if (cli->globals.json)
        cli_print_json(health_to_json(cli, &report, verdicts));
    else
        health_print(cli, &report, verdicts);
    overall = health_overall(verdicts, count);
    health_report_deinit(&report);
    return overall == HEALTH_HEALTHY ? EXIT_OK : EXIT_UNHEALTHY;
}

const struct command command_health = {
    .name = "health",
    .arguments = "[PIPELINE…]",
    .help = "Say whether pipelines and their tables are well; exit 4 if any is not",
    .details =
        "A pipeline is unhealthy when its file is invalid, its last run failed, a due run did not "
        "start, its last success is older than freshness, or a table that it wrote is gone or "
        "misses a data file (the first thousand commits of each are looked at). One "
        "that never ran is so only once a run was due after its file was last changed. A due run "
        "has half of the time to the next one, five minutes at most, to start. Where the state or "
        "the catalog cannot be read it is unknown, and the exit code is 4, too.\n\n"
        "Keys of --json: checked, environment, status (healthy, unhealthy, unknown: the worst), "
        "pipelines; each pipeline has pipeline, path, status, reasons (code, message), schedule, "
        "timezone, next_due, missed, missed_count, freshness_ms, age_ms, running (run_id, started, "
        "host, "
        "process_id), last_run, last_success (run_id, pipeline, outcome, due, started, finished, "
        "duration_ms, rows, bytes, error), tables (table, exists, rows, files, bytes, partitions, "
        "last_commit), checks (check, task, kind, severity, outcome, rows, message: those of the "
        "last "
        "run that did not hold). Every key is always there; null: there is none.\n\n"
        "Codes of reasons: invalid, run_failed, run_missed, stale, table_gone, state_unreadable, "
        "catalog_unreadable.",
    .args_max = 10000,
    .argument = ARGUMENT_PIPELINE,
    .next_argument = ARGUMENT_PIPELINE,
    .run = run,
    .examples = "sluice health\n"
                "sluice health birdstrikes --json | jq -r '.pipelines[].reasons[].message'",
};
