#include "runner/base/buffer.h"
#include "runner/cli/commands.h"
#include "runner/cli/help.h"

#include <stddef.h>

struct help_options {
    bool man;
};

static const struct option options_table[] = {
    {"man", OPTION_BOOL, offsetof(struct help_options, man),
        .help = "As a manual page: sluice help --man run | man -l -"},
};
static const struct option_set option_set =
    OPTION_SET("help", "Options", struct help_options, options_table);

static int run(struct cli *cli, const void *values, const char *const *args, size_t arg_count)
{
    const struct help_options *options = values;
    const struct command *command = NULL;
    struct buffer page;
    int used = 0;

    if (arg_count > 0)
        command = cli_find_command(args, (int)arg_count, &used);
    if (used < (int)arg_count) {
        const char *nearest = text_nearest(
            args[used], cli_command_names(&cli->arena, command ? command->group : NULL));

        if (nearest && (!command || command->group))
            return cli_usage_error(cli, NULL,
                "help: there is no command \"%s\"; did you mean \"%s\"?", args[used], nearest);
        return cli_usage_error(
            cli, NULL, "help: there is no command \"%s\"; sluice help lists them", args[used]);
    }
    if (!options->man)
        return help_print(cli, command, stdout);
    buffer_init(&page, 0);
    man_page(&page, command);
    fputs(page.data, stdout);
    buffer_deinit(&page);
    return EXIT_OK;
}

const struct command command_help = {
    .name = "help",
    .arguments = "[COMMAND]",
    .help = "Say what a command does and what its options are",
    .options = &option_set,
    .args_max = 2,
    .argument = ARGUMENT_COMMAND,
    .next_argument = ARGUMENT_COMMAND,
    .run = run,
    .examples = "sluice help run\n"
                "sluice help catalog read",
};
