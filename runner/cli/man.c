/* Manual pages in man(7) macros, https://man.archlinux.org/man/man.7: what a roff reader would take
 * for a macro or an escape is escaped. */
#include "runner/cli/help.h"

#include "runner/base/buffer.h"
#include "runner/base/mem.h"

#include <ctype.h>
#include <string.h>

/* Text that runs on: "-" is a minus sign where it is typed, "." and "'" begin no line. */
static void append_text(struct buffer *page, const char *text)
{
    for (; *text; text++) {
        const bool at_start = page->length > 0 && page->data[page->length - 1] == '\n';

        if (at_start && (*text == '.' || *text == '\''))
            buffer_puts(page, "\\&");
        if (*text == '\\')
            buffer_puts(page, "\\e");
        else if (*text == '-')
            buffer_puts(page, "\\-");
        else if (*text == '\'')
            buffer_puts(page, "\\(aq");
        else if (*text == '`')
            buffer_puts(page, "\\(ga");
        else if (*text == '~')
            buffer_puts(page, "\\(ti");
        else if (*text == '^')
            buffer_puts(page, "\\(ha");
        else
            buffer_putc(page, *text);
    }
}

static void append_upper(struct buffer *page, const char *text)
{
    for (; *text; text++)
        buffer_putc(page, (char)toupper((unsigned char)*text));
}

static void append_name(struct buffer *page, const struct command *command)
{
    buffer_puts(page, "sluice");
    if (command)
        buffer_printf(page, "\\-%s", command->name);
}

static void append_head(struct buffer *page, const struct command *command, const char *help)
{
    buffer_puts(page, ".\\\" made by sluice help \\-\\-man\n.TH \"SLUICE");
    if (command) {
        buffer_puts(page, "\\-");
        append_upper(page, command->name);
    }
    buffer_puts(page, "\" \"1\" \"\" \"sluice " SLUICE_VERSION "\" \"sluice\"\n.SH NAME\n");
    append_name(page, command);
    buffer_puts(page, " \\- ");
    append_text(page, help);
    buffer_puts(page, "\n.SH SYNOPSIS\n");
}

static void append_options(struct buffer *page, const struct option_set *set)
{
    struct buffer value;

    buffer_init(&value, 0);
    for (size_t i = 0; set && i < set->count; i++) {
        const struct option *option = &set->options[i];

        if (option->flags & OPTION_HIDDEN)
            continue;
        buffer_clear(&value);
        help_option_value(option, &value);
        buffer_puts(page, ".TP\n");
        if (option->letter)
            buffer_printf(page, "\\fB\\-%c\\fR, ", option->letter);
        buffer_puts(page, "\\fB\\-\\-");
        append_text(page, option->name);
        buffer_puts(page, "\\fR");
        if (value.length > 0) {
            buffer_puts(page, " \\fI");
            append_text(page, value.data);
            buffer_puts(page, "\\fR");
        }
        buffer_putc(page, '\n');
        append_text(page, option->help);
        if (option->preset) {
            buffer_puts(page, " (default: ");
            append_text(page, option->preset);
            buffer_putc(page, ')');
        }
        buffer_puts(page, ".\n");
    }
    buffer_deinit(&value);
}

static bool has_visible(const struct option_set *set)
{
    for (size_t i = 0; set && i < set->count; i++) {
        if (!(set->options[i].flags & OPTION_HIDDEN))
            return true;
    }
    return false;
}

static void append_usage(struct buffer *page, const struct command *command)
{
    buffer_puts(page, "\\fBsluice ");
    cli_command_path(command, page);
    buffer_puts(page, "\\fR");
    if (has_visible(command->options))
        buffer_puts(page, " [\\fIoptions\\fR]");
    if (command->arguments) {
        buffer_putc(page, ' ');
        append_text(page, command->arguments);
    }
    buffer_putc(page, '\n');
}

/* Lines that begin with a space, and examples, stay as they are. */
static void append_verbatim(struct buffer *page, const char *text, size_t length)
{
    char *copy = mem_strndup(text, length);

    buffer_puts(page, ".PP\n.RS 4\n.nf\n");
    append_text(page, copy);
    buffer_puts(page, "\n.fi\n.RE\n");
    free(copy);
}

static void append_details(struct buffer *page, const char *text)
{
    while (*text) {
        const char *end = strstr(text, "\n\n");
        const size_t length = end ? (size_t)(end - text) : strlen(text);

        if (*text == ' ') {
            append_verbatim(page, text, length);
        } else {
            char *paragraph = mem_strndup(text, length);

            buffer_puts(page, ".PP\n");
            append_text(page, paragraph);
            buffer_putc(page, '\n');
            free(paragraph);
        }
        text += length;
        text += strspn(text, "\n");
    }
}

static void append_sub_command(struct buffer *page, const struct command *sub)
{
    buffer_puts(page, ".SS ");
    append_text(page, sub->name);
    buffer_puts(page, "\n");
    append_usage(page, sub);
    buffer_puts(page, ".PP\n");
    append_text(page, sub->help);
    buffer_puts(page, ".\n");
    if (sub->details)
        append_details(page, sub->details);
    append_options(page, sub->options);
    if (sub->examples)
        append_verbatim(page, sub->examples, strlen(sub->examples));
}

static void append_tail(struct buffer *page)
{
    buffer_puts(page, ".SH EXIT STATUS\n");
    for (const struct exit_meaning *exit = exit_meanings; exit->code; exit++) {
        buffer_printf(page, ".TP\n%s\n", exit->code);
        append_text(page, exit->meaning);
        buffer_puts(page, ".\n");
    }
}

static void append_overview(struct buffer *page)
{
    append_head(page, NULL, "run data pipelines described in YAML");
    buffer_puts(page, "\\fBsluice\\fR \\fIcommand\\fR [\\fIoptions\\fR] [\\fIarguments\\fR]\n"
                      ".SH DESCRIPTION\n");
    append_text(page, "YAML files say what to read, SQL transforms it, and the rows are committed "
                      "into tables, exactly once. Data goes to standard output, everything else "
                      "to standard error.\n");
    buffer_puts(page, ".SH COMMANDS\n");
    for (const struct command_entry *entry = cli_commands; entry->command; entry++) {
        if (entry->topic)
            buffer_printf(page, ".SS %s\n", entry->topic);
        if (entry->command->hidden)
            continue;
        buffer_puts(page, ".TP\n\\fBsluice\\-");
        append_text(page, entry->command->name);
        buffer_puts(page, "\\fR(1)\n");
        append_text(page, entry->command->help);
        buffer_puts(page, ".\n");
    }
    buffer_puts(page, ".SH OPTIONS\n");
    append_options(page, &cli_global_options);
}

void man_page(struct buffer *page, const struct command *command)
{
    if (!command) {
        append_overview(page);
        append_tail(page);
        return;
    }
    append_head(page, command, command->help);
    if (command->run)
        append_usage(page, command);
    for (const struct command *sub = command->group; sub; sub = cli_next_command(sub)) {
        buffer_puts(page, sub != command->group || command->run ? ".br\n" : "");
        append_usage(page, sub);
    }
    buffer_puts(page, ".SH DESCRIPTION\n");
    append_text(page, command->help);
    buffer_puts(page, ".\n");
    if (command->details)
        append_details(page, command->details);
    if (command->group)
        buffer_puts(page, ".SH COMMANDS\n");
    for (const struct command *sub = command->group; sub; sub = cli_next_command(sub))
        append_sub_command(page, sub);
    buffer_puts(page, ".SH OPTIONS\n");
    append_options(page, command->options);
    append_options(page, &cli_global_options);
    if (command->examples) {
        buffer_puts(page, ".SH EXAMPLES\n");
        append_verbatim(page, command->examples, strlen(command->examples));
    }
    append_tail(page);
    buffer_puts(page, ".SH SEE ALSO\n\\fBsluice\\fR(1)\n");
}
