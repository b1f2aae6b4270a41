#include "runner/cli/commands.h"
#include "runner/cli/plan_here.h"
#include "runner/cli/run_here.h"

static int run(struct cli *cli, const void *options, const char *const *args, size_t arg_count)
{
    struct run_flags flags = *(const struct run_flags *)options;

    (void)arg_count;
    return flags.dry_run ? plan_here(cli, &flags, args[0]) : run_here(cli, &flags, args[0]);
}

const struct command command_run = {
    .name = "run",
    .arguments = "PIPELINE",
    .help = "Run a pipeline here, from its files to the commit",
    .details =
        "PIPELINE is a name in the project's folder of pipelines, or the path of a file. What is "
        "new is read, transformed and committed together: either all of it or nothing.\n\n"
        "One run of a pipeline at a time: while another one holds its lease, this one exits 75. "
        "Ctrl-C cancels in order, a second one ends at once; neither leaves half a commit.\n\n"
        "On a terminal the tasks are drawn while they run; elsewhere the log goes to standard "
        "error. With --json the run's record is printed when it ends: run_id, pipeline, "
        "environment, outcome, error_code, error, due_ms, started_ms, duration_ms, rows, exported, "
        "rejected, quarantined, objects, "
        "files, bytes_read, bytes_written, retries, tasks.",
    .options = &run_flag_set,
    .args_min = 1,
    .args_max = 1,
    .argument = ARGUMENT_PIPELINE,
    .run = run,
    .examples = "sluice run birdstrikes\n"
                "sluice run birdstrikes --param since=2001-01-01 --task load.clean\n"
                "sluice --env prod run birdstrikes --due 2026-11-20T06:15:00Z --json",
};
