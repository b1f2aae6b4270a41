#include "runner/base/buffer.h"
#include "runner/base/mem.h"
#include "runner/cli/commands.h"
#include "runner/cli/completion.h"
#include "runner/cli/help.h"
#include "runner/cli/print.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

static char *overview(unsigned width, bool color)
{
    const struct help_layout layout = {.width = width, .color = color};
    struct buffer buffer;

    buffer_init(&buffer, 0);
    help_overview(&buffer, &layout);
    return buffer_steal(&buffer);
}

static char *page(const struct command *command, unsigned width)
{
    const struct help_layout layout = {.width = width};
    struct buffer buffer;

    buffer_init(&buffer, 0);
    help_command(&buffer, command, &layout);
    return buffer_steal(&buffer);
}

/* Calls `check` for every command and sub-command. */
static void for_each_command(void (*check)(const struct command *command))
{
    for (const struct command_entry *entry = cli_commands; entry->command; entry++) {
        check(entry->command);
        for (const struct command *sub = entry->command->group; sub; sub = cli_next_command(sub))
            check(sub);
    }
}

static void check_widths(const char *text, unsigned width)
{
    while (*text) {
        const size_t length = strcspn(text, "\n");
        const bool verbatim = text[0] == ' ' && strstr(text, "sluice") == text + 2;

        if (!verbatim && strncmp(text, "Usage:", 6) != 0 &&
            strncmp(text, "       sluice", 13) != 0 && print_styled_width(text, length) > width)
            fail_msg("wider than %u: %.*s", width, (int)length, text);
        text += length + (text[length] == '\n');
    }
}

static void test_overview_names_every_command(void **state)
{
    char *text = overview(80, false);

    (void)state;
    for (const struct command_entry *entry = cli_commands; entry->command; entry++) {
        char line[64];

        snprintf(line, sizeof(line), "\n  %s", entry->command->name);
        if (entry->command->hidden)
            assert_null(strstr(text, line));
        else
            assert_non_null(strstr(text, line));
    }
    assert_non_null(strstr(text, "-e, --env ENVIRONMENT"));
    assert_null(strchr(text, '\033'));
    free(text);
}

static void test_help_follows_the_width(void **state)
{
    (void)state;
    for (unsigned width = 40; width <= 120; width += 20) {
        char *text = overview(width, width % 40 == 0);

        check_widths(text, width);
        free(text);
    }
}

static void check_page(const struct command *command)
{
    char *text = page(command, 72);
    struct buffer path;

    buffer_init(&path, 0);
    buffer_puts(&path, "Usage: sluice ");
    cli_command_path(command, &path);
    assert_int_equal(strncmp(text, path.data, path.length), 0);
    assert_non_null(strstr(text, "Options of every command"));
    for (size_t i = 0; command->options && i < command->options->count; i++) {
        const struct option *option = &command->options->options[i];
        char flag[64];

        snprintf(flag, sizeof(flag), "--%s", option->name);
        if (!(option->flags & OPTION_HIDDEN) && !strstr(text, flag))
            fail_msg("%s: no %s", path.data, flag);
    }
    buffer_deinit(&path);
    free(text);
}

static void test_each_command_has_a_page(void **state)
{
    (void)state;
    for_each_command(check_page);
}

/* What every entry of the table must hold for help, completion and main() to work. */
static void check_entry(const struct command *command)
{
    assert_non_null(command->help);
    assert_int_not_equal(command->help[strlen(command->help) - 1], '.');
    assert_true(command->run || command->group);
    assert_true(command->args_min <= command->args_max);
    assert_true(command->args_max == 0 || command->arguments != NULL);
    for (size_t i = 0; command->options && i < command->options->count; i++) {
        const struct option *option = &command->options->options[i];

        if (!option->help)
            fail_msg("%s: --%s has no help", command->name, option->name);
        if (option_find(&cli_global_options, option->name))
            fail_msg("%s: --%s hides an option of every command", command->name, option->name);
        for (size_t j = 0; option->letter && j < cli_global_options.count; j++)
            assert_int_not_equal(option->letter, cli_global_options.options[j].letter);
    }
}

static void test_the_table_is_sound(void **state)
{
    (void)state;
    for_each_command(check_entry);
}

static void test_commands_are_found_by_words(void **state)
{
    static const char *const run_words[] = {"run", "x"}, *const none[] = {"nope"};
    int used = -1;

    (void)state;
    assert_ptr_equal(cli_find_command(run_words, 2, &used), &command_run);
    assert_int_equal(used, 1);
    assert_null(cli_find_command(none, 1, &used));
    assert_int_equal(used, 0);
    assert_null(cli_find_command(none, 0, &used));
    for (const struct command_entry *entry = cli_commands; entry->command; entry++) {
        for (const struct command *sub = entry->command->group; sub; sub = cli_next_command(sub)) {
            const char *const words[] = {entry->command->name, sub->name, "y"};

            assert_ptr_equal(cli_find_command(words, 3, &used), sub);
            assert_int_equal(used, 2);
        }
    }
}

/* No line of a page may be taken for a macro that is none, and "-" must be a minus sign. */
static void check_man(const struct command *command)
{
    static const char *const macros[] = {
        ".\\\"", ".TH ", ".SH ", ".SS ", ".TP", ".PP", ".RS ", ".RE", ".nf", ".fi", ".br", NULL};
    struct buffer text;

    buffer_init(&text, 0);
    man_page(&text, command);
    for (const char *line = text.data; *line;) {
        const size_t length = strcspn(line, "\n");
        bool known = line[0] != '.' && line[0] != '\'';

        for (size_t i = 0; macros[i] && !known; i++)
            known = strncmp(line, macros[i], strlen(macros[i])) == 0;
        if (!known)
            fail_msg("not a macro: %.*s", (int)length, line);
        line += length + (line[length] == '\n');
    }
    assert_null(strstr(text.data, " --"));
    buffer_deinit(&text);
}

static void test_manual_pages_use_known_macros(void **state)
{
    (void)state;
    check_man(NULL);
    for (const struct command_entry *entry = cli_commands; entry->command; entry++)
        check_man(entry->command);
}

static void test_completions_name_every_flag(void **state)
{
    struct buffer bash, zsh;

    (void)state;
    buffer_init(&bash, 0);
    buffer_init(&zsh, 0);
    completion_bash(&bash);
    completion_zsh(&zsh);
    for (const struct command_entry *entry = cli_commands; entry->command; entry++) {
        const struct option_set *set = entry->command->options;

        for (size_t i = 0; set && i < set->count; i++) {
            const bool hidden = set->options[i].flags & OPTION_HIDDEN;
            char flag[64];

            snprintf(flag, sizeof(flag), "--%s", set->options[i].name);
            assert_int_equal(strstr(bash.data, flag) == NULL, hidden);
            assert_int_equal(strstr(zsh.data, flag) == NULL, hidden);
        }
    }
    buffer_deinit(&bash);
    buffer_deinit(&zsh);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_overview_names_every_command),
        cmocka_unit_test(test_help_follows_the_width),
        cmocka_unit_test(test_each_command_has_a_page),
        cmocka_unit_test(test_the_table_is_sound),
        cmocka_unit_test(test_commands_are_found_by_words),
        cmocka_unit_test(test_manual_pages_use_known_macros),
        cmocka_unit_test(test_completions_name_every_flag),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
