/* Finds the command, reads its flags, runs it, and ends in order: engine, loop, log, project. */
#include "runner/base/mem.h"
#include "runner/cli/cli.h"
#include "runner/cli/help.h"

#include <locale.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

/* The engine's connectors close their handles on the loop; then nothing may be left. */
static int close_context(struct cli *cli, int code)
{
    struct error err;

    engine_free(cli->engine);
    if (cli->loop_open) {
        loop_run(&cli->loop);
        if (loop_deinit(&cli->loop, &err))
            code = cli_fail(cli, &err);
    }
    log_free(cli->log);
    project_free(cli->project);
    arena_deinit(&cli->arena);
    if (fflush(stdout) || ferror(stdout)) {
        fprintf(stderr, "sluice: stdout could not be written\n");
        return code ? code : EXIT_FAILED;
    }
    return code;
}

static int run_command(
    struct cli *cli, const struct command *command, char **words, int count)
{
    void *options = NULL;
    const char **args;
    size_t arg_count;
    struct error err;

    if (command->options) {
        options = arena_alloc(&cli->arena, command->options->size);
        option_set_presets(command->options, options, &cli->arena);
    }
    if (cli_parse_flags(cli, command, words, count, options, &args, &arg_count, &err))
        return cli_fail(cli, &err);
    if (cli->globals.no_color)
        cli->color = cli->err_color = false;
    if (cli->globals.help || !command->run)
        return help_print(cli, command, command->run || cli->globals.help ? stdout : stderr);
    if (arg_count < command->args_min)
        return cli_usage_error(cli, command, "%s is missing; see sluice help %s",
            command->arguments, command->name);
    if (arg_count > command->args_max)
        return cli_usage_error(cli, command, "\"%s\" is one argument too many; see sluice help %s",
            args[command->args_max], command->name);
    return command->run(cli, options, args, arg_count);
}

static int unknown_command(struct cli *cli, const char *word)
{
    const char *names[64];
    const char *nearest;
    size_t count = 0;

    for (const struct command *command = cli_commands; command->name && count < 63; command++)
        names[count++] = command->name;
    names[count] = NULL;
    nearest = text_nearest(word, names);
    if (nearest)
        return cli_usage_error(
            cli, NULL, "there is no command \"%s\"; did you mean \"%s\"?", word, nearest);
    return cli_usage_error(
        cli, NULL, "there is no command \"%s\"; sluice help lists them", word);
}

int main(int argc, char **argv)
{
    struct cli cli = {0};
    const struct command *command;
    int used = 0, code;

    setlocale(LC_CTYPE, "C.UTF-8");
    signal(SIGPIPE, SIG_IGN);
    arena_init(&cli.arena);
    cli.err_tty = isatty(2);
    cli.color = isatty(1) && !getenv("NO_COLOR");
    cli.err_color = cli.err_tty && !getenv("NO_COLOR");
    option_set_presets(&cli_global_options, &cli.globals, &cli.arena);

    /* Flags may stand before the command: sluice --env prod run x. */
    while (used + 1 < argc && argv[used + 1][0] == '-')
        used += cli_flag_words(argv + 1 + used, argc - 1 - used);
    if (used > 0 && used < argc - 1) {
        char **rotated = arena_array(&cli.arena, (size_t)argc, sizeof(*rotated));

        memcpy(rotated, argv + 1 + used, (size_t)(argc - 1 - used) * sizeof(*rotated));
        memcpy(rotated + argc - 1 - used, argv + 1, (size_t)used * sizeof(*rotated));
        argv = rotated - 1;
    }
    command = cli_find_command(argv + 1, argc - 1, &used);
    if (command)
        code = run_command(&cli, command, argv + 1 + used, argc - 1 - used);
    else if (argc > 1 && argv[1][0] != '-')
        code = unknown_command(&cli, argv[1]);
    else
        code = help_print(&cli, NULL, argc > 1 ? stdout : stderr);
    return close_context(&cli, code);
}
