#include "runner/cli/help.h"

#include "runner/base/buffer.h"
#include "runner/base/mem.h"
#include "runner/cli/print.h"

#include <string.h>
#include <unistd.h>

enum { WIDTH_MIN = 40, WIDTH_MAX = 100, WIDTH_DEFAULT = 80, LABEL_MAX = 30 };

const struct exit_meaning exit_meanings[] = {
    {"0", "success, also with nothing to do"},
    {"1", "the run or the command failed"},
    {"2", "bad usage, an invalid pipeline or configuration"},
    {"3", "a data check failed; nothing was committed"},
    {"4", "health: something is unhealthy"},
    {"75", "try again later: leased by another run, or throttled"},
    {"130, 143", "interrupted, terminated"},
    {0},
};

/* --- words on lines --- */

static const char *style(const struct help_layout *layout, const char *code)
{
    return layout->color ? code : "";
}

/* Appends one paragraph, which begins in column `column`, its further lines indented by `indent`;
 * no line end after the last one. */
static void wrap(
    struct buffer *buffer, const char *text, unsigned column, unsigned indent, unsigned width)
{
    bool first = true;

    while (*text) {
        const size_t length = strcspn(text, " \n");
        char word[256];
        unsigned columns;

        snprintf(word, sizeof(word), "%.*s", (int)MIN(length, sizeof(word) - 1), text);
        columns = print_width(word);
        if (!first && column + 1 + columns > width) {
            buffer_printf(buffer, "\n%*s", (int)indent, "");
            column = indent;
        } else if (!first) {
            buffer_putc(buffer, ' ');
            column++;
        }
        buffer_puts(buffer, word);
        column += columns;
        first = false;
        text += length;
        text += strspn(text, " \n");
    }
}

/* Appends paragraphs, which a blank line divides, and verbatim lines, which begin with a space. */
static void append_details(struct buffer *buffer, const char *text, unsigned width)
{
    while (*text) {
        const char *end = strstr(text, "\n\n");
        const size_t length = end ? (size_t)(end - text) : strlen(text);
        char *paragraph = mem_strndup(text, length);

        if (*paragraph == ' ')
            buffer_puts(buffer, paragraph);
        else
            wrap(buffer, paragraph, 0, 0, width);
        buffer_puts(buffer, "\n\n");
        free(paragraph);
        text += length;
        text += strspn(text, "\n");
    }
}

static void append_pair(struct buffer *buffer, const struct help_layout *layout, const char *label,
    unsigned label_width, const char *text)
{
    const bool narrow = label_width + 4 > layout->width / 2;
    const unsigned used = print_width(label), indent = narrow ? 8 : label_width + 4;

    buffer_printf(buffer, "  %s%s%s", style(layout, "\033[1m"), label, style(layout, "\033[0m"));
    if (narrow || used > label_width)
        buffer_printf(buffer, "\n%*s", (int)indent, "");
    else
        buffer_printf(buffer, "%*s", (int)(indent - 2 - used), "");
    wrap(buffer, text, indent, indent, layout->width);
    buffer_putc(buffer, '\n');
}

static void append_title(struct buffer *buffer, const struct help_layout *layout, const char *title)
{
    buffer_printf(buffer, "%s%s%s\n", style(layout, "\033[1;4m"), title, style(layout, "\033[0m"));
}

/* --- options --- */

void help_option_value(const struct option *option, struct buffer *buffer)
{
    if (option->type == OPTION_BOOL)
        return;
    if (option->value_name || option->type != OPTION_ENUM) {
        buffer_puts(buffer, option->value_name ? option->value_name : "VALUE");
        return;
    }
    for (size_t i = 0; option->choices[i]; i++)
        buffer_printf(buffer, "%s%s", i ? "|" : "", option->choices[i]);
}

void help_option_label(const struct option *option, struct buffer *buffer)
{
    if (option->letter)
        buffer_printf(buffer, "-%c, ", option->letter);
    buffer_printf(buffer, "--%s", option->name);
    if (option->type != OPTION_BOOL)
        buffer_putc(buffer, ' ');
    help_option_value(option, buffer);
}

static void append_options(
    struct buffer *buffer, const struct help_layout *layout, const struct option_set *set)
{
    struct buffer label, text;
    unsigned width = 0;

    buffer_init(&label, 0);
    buffer_init(&text, 0);
    for (size_t i = 0; i < set->count; i++) {
        buffer_clear(&label);
        help_option_label(&set->options[i], &label);
        if (!(set->options[i].flags & OPTION_HIDDEN) && print_width(label.data) <= LABEL_MAX)
            width = MAX(width, print_width(label.data));
    }
    for (size_t i = 0; i < set->count; i++) {
        const struct option *option = &set->options[i];

        if (option->flags & OPTION_HIDDEN)
            continue;
        buffer_clear(&label);
        buffer_clear(&text);
        help_option_label(option, &label);
        buffer_puts(&text, option->help);
        if (option->preset)
            buffer_printf(&text, " (default: %s)", option->preset);
        append_pair(buffer, layout, label.data, width, text.data);
    }
    buffer_deinit(&label);
    buffer_deinit(&text);
}

static bool has_visible(const struct option_set *set)
{
    for (size_t i = 0; set && i < set->count; i++) {
        if (!(set->options[i].flags & OPTION_HIDDEN))
            return true;
    }
    return false;
}

/* --- pages --- */

static void command_label(const struct command *command, struct buffer *label)
{
    buffer_clear(label);
    buffer_puts(label, command->name);
    if (command->arguments)
        buffer_printf(label, " %s", command->arguments);
    else if (command->group)
        buffer_puts(label, " …");
}

static void append_commands(struct buffer *buffer, const struct help_layout *layout)
{
    struct buffer label;
    unsigned width = 0;

    buffer_init(&label, 0);
    for (const struct command_entry *entry = cli_commands; entry->command; entry++) {
        command_label(entry->command, &label);
        if (!entry->command->hidden)
            width = MAX(width, print_width(label.data));
    }
    for (const struct command_entry *entry = cli_commands; entry->command; entry++) {
        if (entry->topic) {
            buffer_puts(buffer, entry == cli_commands ? "" : "\n");
            append_title(buffer, layout, entry->topic);
        }
        command_label(entry->command, &label);
        if (!entry->command->hidden)
            append_pair(buffer, layout, label.data, MIN(width, LABEL_MAX), entry->command->help);
    }
    buffer_deinit(&label);
}

static struct help_layout clamped(const struct help_layout *layout)
{
    return (struct help_layout){.width = MAX(layout->width, WIDTH_MIN), .color = layout->color};
}

void help_overview(struct buffer *buffer, const struct help_layout *layout)
{
    const struct help_layout own = clamped(layout);

    wrap(buffer,
        "sluice runs data pipelines: YAML files that say what to read, SQL that transforms it, "
        "tables that it is committed into, exactly once.",
        0, 0, own.width);
    buffer_puts(buffer, "\n\nUsage: sluice COMMAND [OPTIONS] [ARGUMENTS]\n\n");
    append_commands(buffer, &own);
    buffer_putc(buffer, '\n');
    append_title(buffer, &own, cli_global_options.help);
    append_options(buffer, &own, &cli_global_options);
    buffer_putc(buffer, '\n');
    append_title(buffer, &own, "Exit codes");
    for (const struct exit_meaning *exit = exit_meanings; exit->code; exit++)
        append_pair(buffer, &own, exit->code, 8, exit->meaning);
    buffer_puts(buffer, "\nTo begin: ");
    wrap(buffer,
        "\"sluice init DIR\" writes a small project that runs; \"sluice help COMMAND\" says more "
        "about one command.",
        10, 0, own.width);
    buffer_putc(buffer, '\n');
}

static void append_usage_line(
    struct buffer *buffer, const char *label, const struct command *command)
{
    buffer_printf(buffer, "%s sluice ", label);
    cli_command_path(command, buffer);
    if (!command->run)
        buffer_puts(buffer, " COMMAND [OPTIONS] [ARGUMENTS]");
    else
        buffer_printf(buffer, "%s%s%s", has_visible(command->options) ? " [OPTIONS]" : "",
            command->arguments ? " " : "", command->arguments ? command->arguments : "");
    buffer_putc(buffer, '\n');
}

/* A command that does something by itself may have sub-commands, too. */
static void append_usage(struct buffer *buffer, const struct command *command)
{
    append_usage_line(buffer, "Usage:", command);
    for (const struct command *sub = command->run ? command->group : NULL; sub;
         sub = cli_next_command(sub))
        append_usage_line(buffer, "      ", sub);
    buffer_putc(buffer, '\n');
}

static void append_examples(
    struct buffer *buffer, const struct help_layout *layout, const char *examples)
{
    append_title(buffer, layout, "Examples");
    while (*examples) {
        const size_t length = strcspn(examples, "\n");

        buffer_printf(buffer, "  %.*s\n", (int)length, examples);
        examples += length + (examples[length] != '\0');
    }
    buffer_putc(buffer, '\n');
}

static void append_sub_commands(
    struct buffer *buffer, const struct help_layout *layout, const struct command *group)
{
    struct buffer label;
    unsigned width = 0;

    buffer_init(&label, 0);
    append_title(buffer, layout, "Commands");
    for (const struct command *sub = group; sub; sub = cli_next_command(sub)) {
        command_label(sub, &label);
        width = MAX(width, print_width(label.data));
    }
    for (const struct command *sub = group; sub; sub = cli_next_command(sub)) {
        if (sub->topic) {
            buffer_putc(buffer, '\n');
            append_title(buffer, layout, sub->topic);
        }
        command_label(sub, &label);
        append_pair(buffer, layout, label.data, MIN(width, LABEL_MAX), sub->help);
    }
    buffer_putc(buffer, '\n');
    buffer_deinit(&label);
}

void help_command(
    struct buffer *buffer, const struct command *command, const struct help_layout *layout)
{
    const struct help_layout own = clamped(layout);

    append_usage(buffer, command);
    wrap(buffer, command->help, 0, 0, own.width);
    buffer_puts(buffer, ".\n\n");
    if (command->details)
        append_details(buffer, command->details, own.width);
    if (command->group)
        append_sub_commands(buffer, &own, command->group);
    if (has_visible(command->options)) {
        append_title(buffer, &own, "Options");
        append_options(buffer, &own, command->options);
        buffer_putc(buffer, '\n');
    }
    if (command->examples)
        append_examples(buffer, &own, command->examples);
    append_title(buffer, &own, cli_global_options.help);
    append_options(buffer, &own, &cli_global_options);
}

int help_print(struct cli *cli, const struct command *command, FILE *out)
{
    const unsigned terminal = print_terminal_width(fileno(out));
    const struct help_layout layout = {.width = terminal ? MIN(terminal, WIDTH_MAX) : WIDTH_DEFAULT,
        .color = out == stdout ? cli->color : cli->err_color};
    struct buffer buffer;

    buffer_init(&buffer, 0);
    if (command)
        help_command(&buffer, command, &layout);
    else
        help_overview(&buffer, &layout);
    fputs(buffer.data, out);
    buffer_deinit(&buffer);
    return out == stdout ? EXIT_OK : EXIT_USAGE;
}
