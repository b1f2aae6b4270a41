#include "runner/base/buffer.h"
#include "runner/cli/completion.h"

/* Flags of a set as words; `valued`: only those that take the next word. */
static void append_flags(
    struct buffer *script, const struct option_set *set, bool valued, const char *separator)
{
    for (size_t i = 0; set && i < set->count; i++) {
        const struct option *option = &set->options[i];

        if ((option->flags & OPTION_HIDDEN) || (valued && option->type == OPTION_BOOL))
            continue;
        buffer_printf(script, "%s--%s", separator, option->name);
        if (option->letter && valued)
            buffer_printf(script, "%s-%c", separator, option->letter);
    }
}

/* The body of a case branch that offers values of one option. */
static void append_values(struct buffer *script, const struct option *option)
{
    const char *kind = completion_kind_of_option(option);

    if (option->type == OPTION_ENUM) {
        buffer_puts(script, "COMPREPLY=($(compgen -W \"");
        for (size_t i = 0; option->choices[i]; i++)
            buffer_printf(script, "%s%s", i ? " " : "", option->choices[i]);
        buffer_puts(script, "\" -- \"$cur\")); return 0 ;;\n");
    } else {
        buffer_printf(
            script, "_sluice_offer %s \"$cur\" \"$first\"; return 0 ;;\n", kind ? kind : "nothing");
    }
}

static void append_value_cases(
    struct buffer *script, const struct option_set *set, const char *path)
{
    for (size_t i = 0; set && i < set->count; i++) {
        const struct option *option = &set->options[i];

        if ((option->flags & OPTION_HIDDEN) || option->type == OPTION_BOOL)
            continue;
        buffer_printf(script, "    \"%s\"--%s", path, option->name);
        if (option->letter)
            buffer_printf(script, " | \"%s\"-%c", path, option->letter);
        buffer_puts(script, ") ");
        append_values(script, option);
    }
}

/* What may follow a command: its sub-commands, its flags, its arguments. */
static void append_command_case(
    struct buffer *script, const struct command *command, const char *path)
{
    const char *kind = completion_kind_of_argument(command->argument);
    const char *next = completion_kind_of_argument(command->next_argument);

    buffer_printf(script, "    \"%s\")\n        flags=\"", path);
    append_flags(script, command->options, false, " ");
    buffer_printf(
        script, "\"; kind=%s; next=%s; words=\"", kind ? kind : "nothing", next ? next : "nothing");
    for (const struct command *sub = command->group; sub; sub = cli_next_command(sub))
        buffer_printf(script, "%s%s", sub == command->group ? "" : " ", sub->name);
    buffer_puts(script, "\" ;;\n");
}

/* Options of two commands may share a name: the path and a space stand in front of the flag. */
static void append_all_values(struct buffer *script)
{
    struct buffer path;

    buffer_init(&path, 0);
    for (const struct command_entry *entry = cli_commands; entry->command; entry++) {
        const struct command *command = entry->command;

        buffer_clear(&path);
        buffer_printf(&path, "%s ", command->name);
        append_value_cases(script, command->options, path.data);
        for (const struct command *sub = command->group; sub; sub = cli_next_command(sub)) {
            buffer_clear(&path);
            buffer_printf(&path, "%s %s ", command->name, sub->name);
            append_value_cases(script, sub->options, path.data);
        }
    }
    buffer_deinit(&path);
}

static void append_all_commands(struct buffer *script)
{
    struct buffer path;

    buffer_init(&path, 0);
    for (const struct command_entry *entry = cli_commands; entry->command; entry++) {
        const struct command *command = entry->command;

        if (command->hidden)
            continue;
        append_command_case(script, command, command->name);
        for (const struct command *sub = command->group; sub; sub = cli_next_command(sub)) {
            buffer_clear(&path);
            buffer_printf(&path, "%s %s", command->name, sub->name);
            append_command_case(script, sub, path.data);
        }
    }
    buffer_deinit(&path);
}

static void append_groups(struct buffer *script)
{
    const char *separator = "";

    for (const struct command_entry *entry = cli_commands; entry->command; entry++) {
        for (const struct command *sub = entry->command->group; sub; sub = cli_next_command(sub)) {
            buffer_printf(script, "%s'%s %s'", separator, entry->command->name, sub->name);
            separator = " | ";
        }
    }
    if (!*separator)
        buffer_puts(script, "' '");
}

static const char head[] =
    "# bash completion of sluice; made by `sluice completion bash`\n"
    "_sluice_offer() # KIND WORD [PIPELINE]\n"
    "{\n"
    "    case $1 in\n"
    "    nothing) ;;\n"
    "    files) compopt -o filenames; COMPREPLY=($(compgen -f -- \"$2\")) ;;\n"
    "    folders) compopt -o filenames; COMPREPLY=($(compgen -d -- \"$2\")) ;;\n"
    "    *) COMPREPLY=($(compgen -W \"$(\"${COMP_WORDS[0]}\" __complete \"$1\" ${3:+\"$3\"} "
    "2>/dev/null)\" -- \"$2\")) ;;\n"
    "    esac\n"
    "}\n"
    "_sluice()\n"
    "{\n"
    "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}\n"
    "    local path= first= skip= flags= kind=nothing next=nothing words= globals word\n"
    "    # --task=x comes as three words\n"
    "    if [[ $cur == = ]]; then cur=\n"
    "    elif [[ $prev == = ]]; then prev=${COMP_WORDS[COMP_CWORD - 2]}\n"
    "    fi\n"
    "    for word in \"${COMP_WORDS[@]:1:COMP_CWORD - 1}\"; do\n"
    "        if [[ $word == = ]]; then skip=1; continue; fi\n"
    "        if [[ $skip ]]; then skip=; continue; fi\n"
    "        case $word in\n"
    "        ";

static const char middle[] = ") skip=1 ;;\n"
                             "        -*) ;;\n"
                             "        *)\n"
                             "            case \"$path $word\" in\n"
                             "            \" $word\") path=$word ;;\n"
                             "            ";

static const char after_groups[] = ") path+=\" $word\" ;;\n"
                                   "            *) [[ $first ]] || first=$word ;;\n"
                                   "            esac ;;\n"
                                   "        esac\n"
                                   "    done\n"
                                   "    COMPREPLY=()\n"
                                   "    case \"$path \"$prev in\n";

static const char tail[] = "    esac\n"
                           "    if [[ $cur == -* ]]; then\n"
                           "        COMPREPLY=($(compgen -W \"$globals $flags\" -- \"$cur\"))\n"
                           "        return 0\n"
                           "    fi\n"
                           "    [[ $first ]] && kind=$next\n"
                           "    _sluice_offer \"$kind\" \"$cur\" \"$first\"\n"
                           "    if [[ $words && ! $first ]]; then\n"
                           "        COMPREPLY+=($(compgen -W \"$words\" -- \"$cur\"))\n"
                           "    fi\n"
                           "}\n"
                           "complete -F _sluice sluice\n";

/* Flags that take the next word, of all commands: each once is enough for a case pattern. */
static void append_valued_flags(struct buffer *script)
{
    buffer_puts(script, "--config");
    append_flags(script, &cli_global_options, true, " | ");
    for (const struct command_entry *entry = cli_commands; entry->command; entry++) {
        append_flags(script, entry->command->options, true, " | ");
        for (const struct command *sub = entry->command->group; sub; sub = cli_next_command(sub))
            append_flags(script, sub->options, true, " | ");
    }
}

void completion_bash(struct buffer *script)
{
    buffer_puts(script, head);
    append_valued_flags(script);
    buffer_puts(script, middle);
    append_groups(script);
    buffer_puts(script, after_groups);
    append_all_values(script);
    buffer_puts(script, "    esac\n    case $prev in\n");
    append_value_cases(script, &cli_global_options, "");
    buffer_puts(script, "    esac\n    globals=\"");
    append_flags(script, &cli_global_options, false, " ");
    buffer_puts(script, "\"\n    case $path in\n    '')\n        words=\"");
    for (const struct command_entry *entry = cli_commands; entry->command; entry++) {
        if (!entry->command->hidden)
            buffer_printf(script, "%s%s", entry == cli_commands ? "" : " ", entry->command->name);
    }
    buffer_puts(script, "\" ;;\n");
    append_all_commands(script);
    buffer_puts(script, tail);
}
