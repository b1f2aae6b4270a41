#include "runner/base/text.h"
#include "runner/cli/commands.h"
#include "runner/cli/run_here.h"

#include <string.h>

/* An environment runs its pipelines where its state is: embedded state is here. */
static bool runs_here(const struct environment *environment)
{
    return strcmp(environment->item.name, "dev") == 0 ||
           text_starts(environment->state, "sqlite:") || text_starts(environment->state, "file:");
}

static int run(struct cli *cli, const void *options, const char *const *args, size_t arg_count)
{
    struct run_flags flags = *(const struct run_flags *)options;
    const int code = cli_open_project(cli);
    const struct environment *environment;
    struct error err;

    (void)arg_count;
    if (code)
        return code;
    environment = cli->project->environment;
    if (runs_here(environment))
        return run_here(cli, &flags, args[0]);
    error_set(&err, ERROR_NOT_SUPPORTED,
        "trigger: this version cannot start a run where environment \"%s\" (state %s) runs its "
        "pipelines; use sluice run there",
        environment->item.name, environment->state);
    return cli_fail(cli, &err);
}

const struct command command_trigger = {
    .name = "trigger",
    .arguments = "PIPELINE",
    .help = "Start a pipeline where its environment runs pipelines",
    .details = "An environment whose state is embedded, dev above all, runs them here: then it is "
               "the same as sluice run.",
    .options = &trigger_flag_set,
    .args_min = 1,
    .args_max = 1,
    .argument = ARGUMENT_PIPELINE,
    .run = run,
    .examples = "sluice trigger birdstrikes --param since=2001-01-01",
};
