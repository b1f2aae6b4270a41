/* Command-line words to structs, through the same option tables as YAML. */
#include "runner/base/mem.h"
#include "runner/cli/cli.h"

#include <stddef.h>
#include <string.h>

static const struct option global_options[] = {
    {"config",
        OPTION_TEXT,
        offsetof(struct cli_globals, config),
        .value_name = "FILE",
        .help = "sluice.yaml to use (default: $SLUICE_CONFIG, then ./sluice.yaml, config/sluice.yaml "
                "and the same in each parent folder)"},
    {"env",
        OPTION_TEXT,
        offsetof(struct cli_globals, env),
        .letter = 'e',
        .value_name = "NAME",
        .help = "Environment of sluice.yaml (default: $SLUICE_ENV, then dev)"},
    {"json",
        OPTION_BOOL,
        offsetof(struct cli_globals, json),
        .help = "Print JSON with stable keys on stdout"},
    {"log",
        OPTION_TEXT,
        offsetof(struct cli_globals, log_filter),
        .value_name = "FILTER",
        .help = "What is logged: info,s3=debug (default: $SLUICE_LOG, then the environment's level)"},
    {"log-format",
        OPTION_TEXT,
        offsetof(struct cli_globals, log_format),
        .value_name = "FORMAT",
        .help = "json or text on stderr (default: text on a terminal, else json)"},
    {"no-color",
        OPTION_BOOL,
        offsetof(struct cli_globals, no_color),
        .help = "No colours, also where $NO_COLOR is not set"},
    {"quiet",
        OPTION_BOOL,
        offsetof(struct cli_globals, quiet),
        .letter = 'q',
        .help = "Only errors on stderr"},
    {"help",
        OPTION_BOOL,
        offsetof(struct cli_globals, help),
        .letter = 'h',
        .help = "What the command does and its options"},
};

const struct option_set cli_global_options =
    OPTION_SET("global", "Options of every command", struct cli_globals, global_options);

/* Where the fields of one command line are. */
struct flag_target {
    const struct option_set *set;
    void *object;
};

static const struct option *find_flag(
    const struct flag_target targets[2], const char *name, size_t length, void **ret_field)
{
    for (size_t i = 0; i < 2; i++) {
        for (size_t j = 0; targets[i].set && j < targets[i].set->count; j++) {
            const struct option *option = &targets[i].set->options[j];
            const bool same = length == 1 && name[-1] == '-' && name[-2] != '-'
                ? option->letter == *name
                : strlen(option->name) == length && strncmp(option->name, name, length) == 0;

            if (same) {
                *ret_field = (char *)targets[i].object + option->offset;
                return option;
            }
        }
    }
    return NULL;
}

static int unknown_flag(
    const struct flag_target targets[2], const char *word, struct error *err)
{
    char name[64];
    const char *nearest = NULL;

    snprintf(name, sizeof(name), "%.*s", (int)strcspn(word + 2, "="), word + 2);
    for (size_t i = 0; i < 2 && !nearest; i++) {
        if (targets[i].set && word[1] == '-')
            nearest = option_nearest(targets[i].set, name);
    }
    if (nearest)
        return error_set(
            err, ERROR_INVALID, "%s is not an option; did you mean --%s?", word, nearest);
    return error_set(err, ERROR_INVALID, "%s is not an option; see --help", word);
}

static int add_pair(struct cli *cli, const char *value, void *field, struct error *err)
{
    struct option_pairs *pairs = field;
    const char *equals = strchr(value, '=');
    struct option_pair *items;

    if (!equals || equals == value)
        return error_set(err, ERROR_INVALID, "\"%s\" is not of the form name=value", value);
    items = arena_array(&cli->arena, pairs->count + 1, sizeof(*items));
    if (pairs->count > 0)
        memcpy(items, pairs->items, pairs->count * sizeof(*items));
    items[pairs->count++] = (struct option_pair){
        .name = arena_strndup(&cli->arena, value, (size_t)(equals - value)), .value = equals + 1};
    pairs->items = items;
    return 0;
}

static void add_text(struct cli *cli, const char *value, void *field)
{
    struct text_list *list = field;
    const char **items = arena_array(&cli->arena, list->count + 1, sizeof(*items));

    if (list->count > 0)
        memcpy(items, list->items, list->count * sizeof(*items));
    items[list->count++] = value;
    list->items = items;
}

static int set_flag(struct cli *cli, const struct option *option, const char *value, void *field,
    struct error *err)
{
    int result = 0;

    if (option->type == OPTION_PAIRS)
        result = add_pair(cli, value, field, err);
    else if (option->type == OPTION_TEXTS)
        add_text(cli, value, field);
    else
        result = option_parse(option, value, field, &cli->arena, err);
    return result ? error_prefix(err, "--%s", option->name) : 0;
}

/* Handles words[*at], a flag, and the value behind it; moves *at to the last word used. */
static int parse_flag(struct cli *cli, const struct flag_target targets[2], char **words, int count,
    int *at, struct error *err)
{
    const char *word = words[*at];
    const bool is_long = word[1] == '-';
    const char *name = word + (is_long ? 2 : 1);
    const char *equals = is_long ? strchr(name, '=') : NULL;
    const size_t length = equals ? (size_t)(equals - name) : strlen(name);
    const struct option *option;
    const char *value = equals ? equals + 1 : NULL;
    void *field;

    option = find_flag(targets, name, length, &field);
    if (!option)
        return unknown_flag(targets, word, err);
    if (!value && option->type == OPTION_BOOL)
        value = "true";
    if (!value && ++*at < count)
        value = words[*at];
    if (!value)
        return error_set(err, ERROR_INVALID, "--%s needs a value (%s)", option->name,
            option->value_name ? option->value_name : "VALUE");
    return set_flag(cli, option, value, field, err);
}

int cli_parse_flags(struct cli *cli, const struct command *command, char **words, int count,
    void *options, const char ***ret_args, size_t *ret_arg_count, struct error *err)
{
    const struct flag_target targets[2] = {
        {&cli_global_options, &cli->globals}, {command->options, options}};
    const char **args = arena_array(&cli->arena, (size_t)count + 1, sizeof(*args));
    bool flags_end = false;
    size_t arg_count = 0;

    for (int i = 0; i < count; i++) {
        const char *word = words[i];

        if (!flags_end && strcmp(word, "--") == 0)
            flags_end = true;
        else if (flags_end || word[0] != '-' || word[1] == '\0')
            args[arg_count++] = word;
        else if (parse_flag(cli, targets, words, count, &i, err))
            return -1;
    }
    *ret_args = args;
    *ret_arg_count = arg_count;
    return 0;
}

const struct command *cli_find_command(char **words, int count, int *ret_used)
{
    const struct command *level = cli_commands, *found = NULL;
    int used = 0;

    while (level && used < count) {
        const struct command *match = NULL;

        for (const struct command *command = level; command->name && !match; command++) {
            if (strcmp(command->name, words[used]) == 0)
                match = command;
        }
        if (!match)
            break;
        found = match;
        used++;
        level = match->group;
    }
    *ret_used = used;
    return found;
}
