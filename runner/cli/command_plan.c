#include "runner/cli/commands.h"
#include "runner/cli/plan_here.h"

static int run(struct cli *cli, const void *options, const char *const *args, size_t arg_count)
{
    struct run_flags flags = *(const struct run_flags *)options;

    (void)arg_count;
    return plan_here(cli, &flags, args[0]);
}

const struct command command_plan = {
    .name = "plan",
    .arguments = "PIPELINE",
    .help = "Say what a run would read, change and write; touch nothing",
    .details =
        "Lists the objects that each extract would read and what is new, the tables that "
        "loads would change with their modes and partitions, and the files that would be "
        "written. Where SQL leaves open what it gives (random numbers, the clock, an order that "
        "it does not say) its place is named.\n\n"
        "--out seals it for sluice run --plan: the pipeline's files by their SHA-256, the settings "
        "and "
        "variables that count by theirs, parameters, due time, versions of objects, positions and "
        "columns of tables, the run's id.\n\n"
        "Keys of --json: pipeline, due, nothing_new, objects, bytes, tasks; each task has "
        "task, kind, runs, needs, not_deterministic (what, in, file, line, column), and as an "
        "extract "
        "from, matched, seen_before, bytes, with reread read_again, folders, more_folders, gone, "
        "objects (object, bytes, modified), of a table from, version, position, "
        "after_position (only_new), files, bytes, as a load from, into or to, nothing_new, mode, "
        "partition_by, table_exists, version, table_rows, table_files, "
        "lookup_files, lookup_bytes, rewrite_files, rewrite_bytes (at most).",
    .options = &plan_flag_set,
    .args_min = 1,
    .args_max = 1,
    .argument = ARGUMENT_PIPELINE,
    .run = run,
    .examples = "sluice plan birdstrikes\n"
                "sluice plan birdstrikes --out plan.json && sluice run --plan plan.json\n"
                "sluice plan birdstrikes --json | jq '.tasks[].objects[]?.object'",
};
