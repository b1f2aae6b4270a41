#include "runner/base/buffer.h"
#include "runner/cli/completion.h"
#include "runner/cli/help.h"

#include <string.h>

/* Within '…' and an _arguments specification: what ends either is escaped. */
static void append_quoted(struct buffer *script, const char *text)
{
    for (; *text; text++) {
        if (*text == '\'')
            buffer_puts(script, "'\\''");
        else if (strchr("[]:\\", *text))
            buffer_printf(script, "\\%c", *text);
        else
            buffer_putc(script, *text);
    }
}

static void append_action(struct buffer *script, const char *kind)
{
    if (!kind)
        buffer_puts(script, " ");
    else if (strcmp(kind, "files") == 0)
        buffer_puts(script, "_files");
    else if (strcmp(kind, "folders") == 0)
        buffer_puts(script, "_files -/");
    else
        buffer_printf(script, " _sluice_offer %s", kind); /* the space: called as it is */
}

static void append_option(struct buffer *script, const struct option *option)
{
    const bool again = option->type == OPTION_TEXTS || option->type == OPTION_PAIRS;
    const bool valued = option->type != OPTION_BOOL;

    if (option->flags & OPTION_HIDDEN)
        return;
    buffer_puts(script, " \\\n        ");
    if (again)
        buffer_puts(script, "'*'");
    else if (option->letter)
        buffer_printf(script, "'(-%c --%s)'", option->letter, option->name);
    /* "+" and "=": the value may follow at once or as the next word. */
    if (option->letter)
        buffer_printf(
            script, valued ? "{-%c+,--%s=}'[" : "{-%c,--%s}'[", option->letter, option->name);
    else
        buffer_printf(script, valued ? "'--%s=[" : "'--%s[", option->name);
    append_quoted(script, option->help);
    buffer_putc(script, ']');
    if (option->type == OPTION_ENUM) {
        buffer_puts(script, ":value:(");
        for (size_t i = 0; option->choices[i]; i++)
            buffer_printf(script, "%s%s", i ? " " : "", option->choices[i]);
        buffer_putc(script, ')');
    } else if (option->type != OPTION_BOOL) {
        buffer_putc(script, ':');
        append_quoted(script, option->value_name ? option->value_name : "value");
        buffer_putc(script, ':');
        append_action(script, completion_kind_of_option(option));
    }
    buffer_putc(script, '\'');
}

static void append_options(struct buffer *script, const struct option_set *set)
{
    for (size_t i = 0; set && i < set->count; i++)
        append_option(script, &set->options[i]);
}

static void append_argument(
    struct buffer *script, const struct command *command, const char *place, const char *kind)
{
    buffer_printf(script, " \\\n        '%s:", place);
    append_quoted(script, command->arguments);
    buffer_putc(script, ':');
    append_action(script, kind);
    buffer_putc(script, '\'');
}

static void append_arguments(struct buffer *script, const struct command *command)
{
    const char *kind = completion_kind_of_argument(command->argument);
    const char *next = completion_kind_of_argument(command->next_argument);

    buffer_puts(script, "_arguments -s $globals");
    append_options(script, command->options);
    if (kind)
        append_argument(script, command, "1", kind);
    if (next)
        append_argument(script, command, command->args_max > 2 ? "*" : "2", next);
    buffer_puts(script, " ;;\n");
}

static void append_described(struct buffer *script, const struct command *command)
{
    buffer_printf(script, "        '%s:", command->name);
    append_quoted(script, command->help);
    buffer_puts(script, "'\n");
}

/* A command with sub-commands, which may also take arguments and options of its own. */
static void append_group(struct buffer *script, const struct command *command)
{
    const char *kind = command->run ? completion_kind_of_argument(command->argument) : NULL;

    buffer_printf(script,
        "_sluice_%s() {\n    local -a globals commands\n    local state line\n"
        "    globals=(\"$@\")\n    commands=(\n",
        command->name);
    for (const struct command *sub = command->group; sub; sub = cli_next_command(sub))
        append_described(script, sub);
    buffer_puts(script, "    )\n    _arguments -C $globals '1:command:->command' "
                        "'*::argument:->arguments'");
    append_options(script, command->options);
    buffer_puts(script, "\n    case $state in\n    command) _describe command commands");
    if (kind)
        buffer_printf(script, "; _sluice_offer %s", kind);
    buffer_puts(script, " ;;\n    arguments)\n        case $words[1] in\n");
    for (const struct command *sub = command->group; sub; sub = cli_next_command(sub)) {
        buffer_printf(script, "        %s) ", sub->name);
        append_arguments(script, sub);
    }
    buffer_puts(script, "        esac ;;\n    esac\n}\n");
}

void completion_zsh(struct buffer *script)
{
    buffer_puts(script,
        "#compdef sluice\n# zsh completion of sluice; made by `sluice completion zsh`\n"
        "_sluice_offer() {\n"
        "    local -a values first\n"
        "    (( CURRENT > 2 )) && first=(\"${words[2]}\")\n"
        "    values=(${(f)\"$(sluice __complete $1 -- $first 2>/dev/null)\"})\n"
        "    compadd -a values\n"
        "}\n");
    for (const struct command_entry *entry = cli_commands; entry->command; entry++) {
        if (entry->command->group)
            append_group(script, entry->command);
    }
    buffer_puts(script, "_sluice() {\n    local -a globals commands\n    local state line\n"
                        "    globals=(");
    append_options(script, &cli_global_options);
    buffer_puts(script, "\n    )\n    commands=(\n");
    for (const struct command_entry *entry = cli_commands; entry->command; entry++) {
        if (!entry->command->hidden)
            append_described(script, entry->command);
    }
    buffer_puts(script, "    )\n    _arguments -C $globals '1:command:->command' "
                        "'*::argument:->arguments'\n    case $state in\n"
                        "    command) _describe command commands ;;\n"
                        "    arguments)\n        case $words[1] in\n");
    for (const struct command_entry *entry = cli_commands; entry->command; entry++) {
        if (entry->command->hidden)
            continue;
        buffer_printf(script, "        %s) ", entry->command->name);
        if (entry->command->group)
            buffer_printf(script, "_sluice_%s $globals ;;\n", entry->command->name);
        else
            append_arguments(script, entry->command);
    }
    buffer_puts(script, "        esac ;;\n    esac\n}\n"
                        "if [[ $funcstack[1] == _sluice ]]; then _sluice \"$@\"; else "
                        "compdef _sluice sluice; fi\n");
}
