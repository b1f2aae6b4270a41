/* Command-line words to structs, through the same option tables as YAML. */
#include "runner/cli/cli.h"

#include "runner/base/mem.h"

#include <stddef.h>
#include <string.h>

static const char *const log_formats[] = {"auto", "json", "text", NULL}; /* enum cli_log_format */

static const struct option global_options[] = {
    {"config", OPTION_TEXT, offsetof(struct cli_globals, config), .value_name = "FILE",
        .help =
            "sluice.yaml to use (default: $SLUICE_CONFIG, then ./sluice.yaml, config/sluice.yaml "
            "and the same in each parent folder)"},
    {"env", OPTION_TEXT, offsetof(struct cli_globals, env), .letter = 'e',
        .value_name = "ENVIRONMENT",
        .help = "Environment of sluice.yaml (default: $SLUICE_ENV, then dev)"},
    {"json", OPTION_BOOL, offsetof(struct cli_globals, json),
        .help = "Print JSON with stable keys on stdout"},
    {"log", OPTION_TEXT, offsetof(struct cli_globals, log_filter), .value_name = "FILTER",
        .help =
            "What is logged: info,s3=debug (default: $SLUICE_LOG, then the environment's level)"},
    {"log-format", OPTION_ENUM, offsetof(struct cli_globals, log_format), .choices = log_formats,
        .help = "How lines on stderr are written; auto: text on a terminal, else json"},
    {"no-color", OPTION_BOOL, offsetof(struct cli_globals, no_color),
        .help = "No colours, also where $NO_COLOR is not set"},
    {"quiet", OPTION_BOOL, offsetof(struct cli_globals, quiet), .letter = 'q',
        .help = "Only errors on stderr"},
    {"help", OPTION_BOOL, offsetof(struct cli_globals, help), .letter = 'h',
        .help = "What the command does and its options"},
};

const struct option_set cli_global_options =
    OPTION_SET("global", "Options of every command", struct cli_globals, global_options);

/* Where the fields of one command line are. */
struct flag_target {
    const struct option_set *set;
    void *object;
};

/* A flag as it was written: "--name", "--name=value", "-n". */
struct flag_word {
    const char *name;
    size_t length;
    bool is_letter;
    const char *value; /* behind "="; NULL */
};

static struct flag_word read_word(const char *word)
{
    const bool is_letter = word[1] != '-';
    const char *name = word + (is_letter ? 1 : 2);
    const char *equals = is_letter ? NULL : strchr(name, '=');

    return (struct flag_word){.name = name,
        .length = equals ? (size_t)(equals - name) : strlen(name),
        .is_letter = is_letter,
        .value = equals ? equals + 1 : NULL};
}

static bool is_flag(const struct option *option, const struct flag_word *word)
{
    if (word->is_letter)
        return word->length == 1 && option->letter == *word->name;
    return strlen(option->name) == word->length &&
           strncmp(option->name, word->name, word->length) == 0;
}

static const struct option *find_flag(
    const struct flag_target targets[2], const struct flag_word *word, void **ret_field)
{
    for (size_t i = 0; i < 2; i++) {
        for (size_t j = 0; targets[i].set && j < targets[i].set->count; j++) {
            const struct option *option = &targets[i].set->options[j];

            if (!is_flag(option, word))
                continue;
            *ret_field = (char *)targets[i].object + option->offset;
            return option;
        }
    }
    return NULL;
}

static int unknown_flag(
    const struct flag_target targets[2], const struct flag_word *word, struct error *err)
{
    const char *dashes = word->is_letter ? "-" : "--";
    const char *nearest = NULL;
    char name[64];

    snprintf(name, sizeof(name), "%.*s", (int)MIN(word->length, sizeof(name) - 1), word->name);
    for (size_t i = 0; i < 2 && !nearest && !word->is_letter; i++) {
        if (targets[i].set)
            nearest = option_nearest(targets[i].set, name);
    }
    if (nearest)
        return error_set(
            err, ERROR_INVALID, "%s%s is not an option; did you mean --%s?", dashes, name, nearest);
    return error_set(err, ERROR_INVALID, "%s%s is not an option; see --help", dashes, name);
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

static int set_flag(
    struct cli *cli, const struct option *option, const char *value, void *field, struct error *err)
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
static int parse_flag(struct cli *cli, const struct flag_target targets[2],
    const char *const *words, int count, int *at, struct error *err)
{
    const struct flag_word word = read_word(words[*at]);
    const char *value = word.value;
    const struct option *option;
    void *field;

    option = find_flag(targets, &word, &field);
    if (!option)
        return unknown_flag(targets, &word, err);
    if (!value && option->type == OPTION_BOOL)
        value = "true";
    if (!value && *at + 1 < count)
        value = words[++*at];
    if (!value)
        return error_set(err, ERROR_INVALID, "--%s needs a value (%s)", option->name,
            option->value_name ? option->value_name : "VALUE");
    return set_flag(cli, option, value, field, err);
}

int cli_flag_words(const char *const *words, int count)
{
    const struct flag_word word = read_word(words[0]);
    const struct option *option = NULL;

    for (size_t i = 0; i < cli_global_options.count && !option; i++) {
        if (is_flag(&cli_global_options.options[i], &word))
            option = &cli_global_options.options[i];
    }
    return option && option->type != OPTION_BOOL && !word.value && count > 1 ? 2 : 1;
}

int cli_parse_flags(struct cli *cli, const struct command *command, const char *const *words,
    int count, void *options, const char ***ret_args, size_t *ret_arg_count, struct error *err)
{
    const struct flag_target targets[2] = {
        {&cli_global_options, &cli->globals}, {command ? command->options : NULL, options}};
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
