#include "runner/base/buffer.h"
#include "runner/cli/commands.h"
#include "runner/cli/completion.h"

#include <string.h>

static int run(struct cli *cli, const void *options, const char *const *args, size_t arg_count)
{
    struct buffer script;

    (void)options, (void)arg_count;
    if (strcmp(args[0], "bash") != 0 && strcmp(args[0], "zsh") != 0)
        return cli_usage_error(
            cli, &command_completion, "\"%s\" is not a shell that is known: bash or zsh", args[0]);
    buffer_init(&script, 0);
    if (*args[0] == 'b')
        completion_bash(&script);
    else
        completion_zsh(&script);
    fputs(script.data, stdout);
    buffer_deinit(&script);
    return EXIT_OK;
}

const struct command command_completion = {
    .name = "completion",
    .arguments = "SHELL",
    .help = "Print the completion script of bash or zsh",
    .details = "It completes commands, options, and the project's pipelines, tasks, tables and "
               "runs. An installed sluice has both scripts where the shells look for them.",
    .args_min = 1,
    .args_max = 1,
    .argument = ARGUMENT_SHELL,
    .run = run,
    .examples = "source <(sluice completion bash)\n"
                "sluice completion zsh > ~/.zfunc/_sluice",
};
