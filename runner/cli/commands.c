/* The table of commands, in the order of the overview. */
#include "runner/cli/commands.h"

#include "runner/base/buffer.h"

#include <string.h>

const struct command_entry cli_commands[] = {
    {"Run pipelines", &command_run},
    {NULL, &command_backfill},
    {NULL, &command_trigger},
    {NULL, &command_plan},
    {NULL, &command_preview},
    {"Write pipelines", &command_init},
    {NULL, &command_validate},
    {NULL, &command_test},
    {NULL, &command_list},
    {NULL, &command_show},
    {NULL, &command_jsonschema},
    {"See what happened", &command_health},
    {NULL, &command_runs},
    {NULL, &command_cursors},
    {NULL, &command_logs},
    {NULL, &command_quarantine},
    {"Look at tables", &command_catalog},
    {NULL, &command_sql},
    {NULL, &command_explain},
    {"Work with S3", &command_s3},
    {"About sluice", &command_help},
    {NULL, &command_version},
    {NULL, &command_completion},
    {NULL, &command_complete},
    {0},
};

const struct command *cli_next_command(const struct command *sub)
{
    sub++;
    return sub->name ? sub : sub->group;
}

static const struct command *find_in(const struct command *group, const char *name)
{
    for (; group; group = cli_next_command(group)) {
        if (strcmp(group->name, name) == 0)
            return group;
    }
    return NULL;
}

static const struct command *find_at_top(const char *name)
{
    for (const struct command_entry *entry = cli_commands; entry->command; entry++) {
        if (strcmp(entry->command->name, name) == 0)
            return entry->command;
    }
    return NULL;
}

const struct command *cli_find_command(const char *const *words, int count, int *ret_used)
{
    const struct command *found = NULL;
    int used = 0;

    while (used < count && (!found || found->group)) {
        const struct command *next =
            found ? find_in(found->group, words[used]) : find_at_top(words[used]);

        if (!next)
            break;
        found = next;
        used++;
    }
    *ret_used = used;
    return found;
}

void cli_command_path(const struct command *command, struct buffer *buffer)
{
    for (const struct command_entry *entry = cli_commands; entry->command; entry++) {
        for (const struct command *sub = entry->command->group; sub; sub = cli_next_command(sub)) {
            if (sub == command)
                buffer_printf(buffer, "%s ", entry->command->name);
        }
    }
    buffer_puts(buffer, command->name);
}

const char *const *cli_command_names(struct arena *arena, const struct command *group)
{
    const char **names;
    size_t count = 0;

    for (const struct command *sub = group; sub; sub = cli_next_command(sub))
        count++;
    for (const struct command_entry *entry = cli_commands; !group && entry->command; entry++)
        count++;
    names = arena_array(arena, count + 1, sizeof(*names));
    count = 0;
    for (const struct command *sub = group; sub; sub = cli_next_command(sub))
        names[count++] = sub->name;
    for (const struct command_entry *entry = cli_commands; !group && entry->command; entry++) {
        if (!entry->command->hidden)
            names[count++] = entry->command->name;
    }
    return names;
}
