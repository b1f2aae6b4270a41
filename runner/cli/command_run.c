#include "runner/base/text.h"
#include "runner/cli/all_due.h"
#include "runner/cli/commands.h"
#include "runner/cli/plan_here.h"
#include "runner/cli/replay_here.h"
#include "runner/cli/run_here.h"

static int run_all_due(struct cli *cli, const struct run_flags *flags, size_t arg_count)
{
    if (arg_count > 0 || flags->plan || flags->dry_run || flags->params.count ||
        flags->tasks.count || flags->due_ms || flags->run_id || flags->again)
        return cli_usage_error(cli, &command_run,
            "--all-due takes pipelines, due times and ids from the schedules: leave PIPELINE and "
            "what else says them out");
    return all_due_run(cli, flags);
}

static int run_plan_file(struct cli *cli, struct run_flags *flags, const char *named)
{
    const char *pipeline;
    struct error err;
    int code;

    if (flags->dry_run)
        return cli_usage_error(cli, &command_run, "--plan says what is done: leave --dry-run out");
    if (run_flags_take_plan(flags, cli, &pipeline, &err)) {
        code = cli_fail(cli, &err);
    } else if (named && !text_equal(named, pipeline)) {
        error_set(&err, ERROR_INVALID, "--plan: %s is a plan of %s, not of %s", flags->plan,
            pipeline, named);
        code = cli_fail(cli, &err);
    } else {
        code = run_here(cli, flags, pipeline);
    }
    json_decref(flags->sealed);
    return code;
}

/* What a recording says itself is not said again. */
static int run_recorded(
    struct cli *cli, const struct run_flags *flags, const char *const *args, size_t arg_count)
{
    if (flags->record || flags->plan || flags->all_due || flags->dry_run || flags->resume ||
        flags->params.count || flags->tasks.count || flags->due_ms || flags->run_id || flags->again)
        return cli_usage_error(cli, &command_run,
            "--replay takes parameters, tasks, due time and id from the recording: leave what says "
            "otherwise out");
    return replay_here(cli, flags, arg_count > 0 ? args[0] : NULL);
}

static int run(struct cli *cli, const void *options, const char *const *args, size_t arg_count)
{
    struct run_flags flags = *(const struct run_flags *)options;

    if (flags.replay)
        return run_recorded(cli, &flags, args, arg_count);
    if (flags.keep)
        return cli_usage_error(
            cli, &command_run, "--keep says where a --replay leaves its project");
    if (flags.record && (flags.all_due || flags.dry_run || flags.resume))
        return cli_usage_error(cli, &command_run,
            "--record is for one whole run: leave --all-due, --dry-run and --resume out");
    if (flags.all_due)
        return run_all_due(cli, &flags, arg_count);
    if (flags.plan)
        return run_plan_file(cli, &flags, arg_count > 0 ? args[0] : NULL);
    if (arg_count == 0)
        return cli_usage_error(cli, &command_run, "PIPELINE is missing");
    return flags.dry_run ? plan_here(cli, &flags, args[0]) : run_here(cli, &flags, args[0]);
}

const struct command command_run = {
    .name = "run",
    .arguments = "[PIPELINE]",
    .help = "Run a pipeline here, from its files to the commit",
    .details =
        "PIPELINE is a name in the project's folder of pipelines, or the path of a file. What is "
        "new is read, transformed and committed together: either all of it or nothing.\n\n"
        "With --plan, in place of PIPELINE, it does what a file of sluice plan --out has sealed: "
        "where an object, a table, the pipeline's files or anything else that counts is another "
        "one "
        "by now, it exits 1, names what moved, and commits nothing. The plan's run has one id: it "
        "is committed once.\n\n"
        "With --all-due every pipeline of the project whose schedule is due is run, for one "
        "scheduled container that serves many. A run has the due time of its schedule, and its "
        "id: a time that was run is not run again. `catchup` says what becomes of times that "
        "nobody ran: `last` (default) runs the newest one, `all` each of them, in order, `none` "
        "none that is more than five minutes late. One pipeline's failure holds up no other; the "
        "exit code is the worst one. Keys of --json are those of sluice backfill, but for "
        "pipeline, param, from, to, step and window.\n\n"
        "With --record, DIR gets what the run reads: listings, objects, tables, the pipeline's "
        "files "
        "and what it saw of the catalog; no secrets. With --replay the run is repeated from that "
        "alone, without a network, in a project of its own that is removed afterwards: nothing is "
        "committed into your tables, no hook is called. The result is compared: the exit code is "
        "the recorded run's, or 1 where anything is different, and what is printed. With PIPELINE "
        "it is that one as it is now that reads what was recorded. Keys of its --json: recording, "
        "run_id, pipeline, outcome, error, same, differences, record.\n\n"
        "One run of a pipeline at a time: while another one holds its lease, this one exits 75. "
        "Ctrl-C cancels in order, a second one ends at once; neither leaves half a commit.\n\n"
        "On a terminal the tasks are drawn while they run; elsewhere the log goes to standard "
        "error. With --json the run's record is printed when it ends: run_id, pipeline, "
        "environment, outcome, error_code, error, due_ms, started_ms, duration_ms, rows, exported, "
        "rejected, quarantined, objects, "
        "files, bytes_read, bytes_written, retries, tasks.",
    .options = &run_flag_set,
    .args_max = 1,
    .argument = ARGUMENT_PIPELINE,
    .run = run,
    .examples = "sluice run birdstrikes\n"
                "sluice run --plan plan.json\n"
                "sluice run --all-due --parallel 4\n"
                "sluice run birdstrikes --record recording\n"
                "sluice run --replay recording\n"
                "sluice run birdstrikes --param since=2001-01-01 --task load.clean\n"
                "sluice --env prod run birdstrikes --due 2026-11-20T06:15:00Z --json",
};
