/* Finds the command, reads its flags, runs it, and ends in order: engine, loop, log, project. */
#include "runner/base/mem.h"
#include "runner/cli/cli.h"
#include "runner/cli/help.h"

#include <fcntl.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

/* Data that did not get out is a failure, unless its reader had enough: sluice list | head -1. */
static int end_stdout(int code)
{
    struct pollfd reader = {.fd = 1, .events = POLLOUT};

    if (!fflush(stdout) && !ferror(stdout))
        return code;
    if (poll(&reader, 1, 0) > 0 && (reader.revents & POLLERR))
        return code;
    fprintf(stderr, "sluice: standard output cannot be written; is the disk full?\n");
    return code ? code : EXIT_FAILED;
}

/* Whoever closed one of the three would find a data file in its place. What stands in cannot be
 * read resp. written, so that data which goes nowhere is still told. */
static void hold_standard_files(void)
{
    for (int fd = 0; fd <= 2; fd++) {
        if (fcntl(fd, F_GETFD) < 0)
            open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY);
    }
}

static int unknown_command(struct cli *cli, const struct command *group, const char *word)
{
    const char *nearest =
        text_nearest(word, cli_command_names(&cli->arena, group ? group->group : NULL));

    if (nearest)
        return cli_usage_error(
            cli, group, "there is no command \"%s\"; did you mean \"%s\"?", word, nearest);
    if (group) /* the error of a command names its help itself */
        return cli_usage_error(cli, group, "there is no command \"%s\"", word);
    return cli_usage_error(cli, NULL, "there is no command \"%s\"; sluice help lists them", word);
}

/* The words are those behind the command. */
/* What may be left out is not missed. */
static int missing_arguments(struct cli *cli, const struct command *command)
{
    const char *optional = strstr(command->arguments, " [");
    const size_t length =
        optional ? (size_t)(optional - command->arguments) : strlen(command->arguments);

    return cli_usage_error(cli, command, "%.*s is missing", (int)length, command->arguments);
}

static int run_command(
    struct cli *cli, const struct command *command, const char *const *words, int count)
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
    if (cli_check_log_filter(cli, &err))
        return cli_fail(cli, &err);
    if (cli->globals.no_color)
        cli->color = cli->err_color = false;
    if (cli->globals.help)
        return help_print(cli, command, stdout);
    if (!command->run)
        return arg_count > 0 ? unknown_command(cli, command, args[0])
                             : help_print(cli, command, stderr);
    if (arg_count < command->args_min)
        return missing_arguments(cli, command);
    if (arg_count > command->args_max && command->group)
        return unknown_command(cli, command, args[0]);
    if (arg_count > command->args_max)
        return cli_usage_error(
            cli, command, "\"%s\" is one argument too many", args[command->args_max]);
    return command->run(cli, options, args, arg_count);
}

/* https://no-color.org: set and not empty. */
static bool has_no_color(void)
{
    const char *value = getenv("NO_COLOR");

    return value && *value;
}

/* Flags may stand before the command, sluice --env prod run x: they are moved behind it. */
static const char *const *command_first(struct cli *cli, const char *const *words, int count)
{
    const char **rotated;
    int flags = 0;

    while (flags < count && words[flags][0] == '-')
        flags += cli_flag_words(words + flags, count - flags);
    if (flags == 0 || flags >= count)
        return words;
    rotated = arena_array(&cli->arena, (size_t)count, sizeof(*rotated));
    memcpy(rotated, words + flags, (size_t)(count - flags) * sizeof(*rotated));
    memcpy(rotated + count - flags, words, (size_t)flags * sizeof(*rotated));
    return rotated;
}

/* No command: flags alone, or a word that is none. */
static int run_none(struct cli *cli, const char *const *words, int count)
{
    const char **args;
    size_t arg_count;
    struct error err;

    if (count > 0 && words[0][0] != '-')
        return unknown_command(cli, NULL, words[0]);
    if (cli_parse_flags(cli, NULL, words, count, NULL, &args, &arg_count, &err))
        return cli_fail(cli, &err);
    if (arg_count > 0)
        return unknown_command(cli, NULL, args[0]);
    return help_print(cli, NULL, cli->globals.help ? stdout : stderr);
}

int main(int argc, char **argv)
{
    const struct command *command;
    struct cli cli = {0};
    const char *const *words;
    int used, code;

    hold_standard_files();
    setlocale(LC_CTYPE, "C.UTF-8");
    signal(SIGPIPE, SIG_IGN);
    arena_init(&cli.arena);
    cli.err_tty = isatty(2);
    cli.color = isatty(1) && !has_no_color();
    cli.err_color = cli.err_tty && !has_no_color();
    option_set_presets(&cli_global_options, &cli.globals, &cli.arena);
    words = command_first(&cli, (const char *const *)argv + 1, argc - 1);
    command = cli_find_command(words, argc - 1, &used);
    code = command ? run_command(&cli, command, words + used, argc - 1 - used)
                   : run_none(&cli, words, argc - 1);
    return end_stdout(cli_close(&cli, code));
}
