/* Help, from the table of commands and the option tables: as text, and as manual pages. */
#ifndef RUNNER_CLI_HELP_H
#define RUNNER_CLI_HELP_H

#include "runner/cli/cli.h"

/* How it is set. Pure: the same texts for tests, terminals and files. */
struct help_layout {
    unsigned width; /* columns to wrap at; at least 40 are used */
    bool color;
};

void help_overview(struct buffer *buffer, const struct help_layout *layout);
void help_command(
    struct buffer *buffer, const struct command *command, const struct help_layout *layout);

/* Prints the overview (NULL) or one command. EXIT_OK on stdout; EXIT_USAGE where it goes to stderr
 * because something was missing on the command line. */
int help_print(struct cli *cli, const struct command *command, FILE *out);

/* troff, man(7): sluice(1) for NULL, else sluice-<command>(1), sub-commands in their group's. */
void man_page(struct buffer *page, const struct command *command);

/* "-e, --env NAME"; switches take no value. */
void help_option_label(const struct option *option, struct buffer *buffer);
/* "NAME", "a|b"; "" for a switch. */
void help_option_value(const struct option *option, struct buffer *buffer);

struct exit_meaning {
    const char *code, *meaning;
};
extern const struct exit_meaning exit_meanings[]; /* ended by a zeroed one */

#endif
