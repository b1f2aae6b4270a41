#include "runner/cli/run_checks.h"

#include "runner/base/json.h"
#include "runner/base/mem.h"
#include "runner/base/text.h"
#include "runner/cli/print.h"
#include "runner/engine/check_sample.h"
#include "runner/engine/run_json.h"

#include <string.h>

/* --- all of them --- */

static const char *style_of(const char *outcome)
{
    return strcmp(outcome, "passed") == 0   ? "\033[32m"
           : strcmp(outcome, "failed") == 0 ? "\033[31m"
                                            : "\033[33m";
}

static void add_check(struct print_table *table, const json_t *task, const json_t *check)
{
    const char *outcome = run_json_check_outcome(check);
    char rows[PRINT_COUNT_SIZE];
    const char *const cells[] = {json_get_text(check, "check"), json_get_text(task, "task"),
        json_get_text(check, "kind"), json_get_text(check, "severity"), outcome,
        print_count(json_get_int(check, "rows", 0), rows)};

    print_table_row(table, cells);
    print_table_style(table, 4, style_of(outcome));
}

static void print_all(const struct cli *cli, const json_t *tasks)
{
    static const char *const headers[] = {
        "CHECK", "TASK", "KIND", "SEVERITY", "OUTCOME", ">ROWS", NULL};
    struct print_table *table = print_table_new(headers);
    const json_t *task, *check;
    bool any = false;
    size_t i, j;

    json_array_foreach(tasks, i, task)
    {
        json_array_foreach(json_object_get(task, "checks"), j, check)
        {
            if (!any)
                putchar('\n');
            any = true;
            add_check(table, task, check);
        }
    }
    print_table_end(table, any ? stdout : NULL, print_terminal_width(1), 0, cli->color);
}

/* --- what offends one --- */

/* Columns that a row leaves out differ from row to row, where values are long. */
static size_t find_columns(const json_t *sample, const char **names, size_t max)
{
    const json_t *row;
    size_t count = 0, i;

    json_array_foreach(sample, i, row)
    {
        const char *name;
        json_t *value;

        json_object_foreach((json_t *)row, name, value)
        {
            bool known = false;

            for (size_t j = 0; j < count && !known; j++)
                known = strcmp(names[j], name) == 0;
            if (!known && count < max)
                names[count++] = name;
        }
    }
    return count;
}

static void print_sample(const struct cli *cli, const json_t *sample)
{
    enum { COLUMNS_MAX = CHECK_SAMPLE_ROW };
    const char **names = mem_calloc(COLUMNS_MAX + 1, sizeof(*names));
    const char **cells = mem_calloc(COLUMNS_MAX + 1, sizeof(*cells));
    const size_t count = find_columns(sample, names, COLUMNS_MAX);
    struct print_table *table = print_table_new(names);
    const json_t *row;
    size_t i;

    json_array_foreach(sample, i, row)
    {
        for (size_t j = 0; j < count; j++) {
            const json_t *value = json_object_get(row, names[j]);

            cells[j] = json_is_string(value) ? json_string_value(value) : value ? "null" : "";
        }
        print_table_row(table, cells);
    }
    print_table_end(table, stdout, print_terminal_width(1), 0, cli->color);
    free(cells);
    free(names);
}

static void print_offence(const struct cli *cli, const json_t *check)
{
    const char *message = json_get_text(check, "message");
    const json_t *sample = json_object_get(check, "sample");
    const char *outcome = run_json_check_outcome(check);
    struct buffer line;

    if (strcmp(outcome, "passed") == 0)
        return;
    buffer_init(&line, 0);
    text_append_printable(&line, message ? message : json_get_text(check, "check"));
    printf("\n%s%s%s: %s\n", cli->color ? style_of(outcome) : "", outcome, cli_style(cli, "reset"),
        line.data);
    buffer_deinit(&line);
    if (json_array_size(sample) > 0)
        print_sample(cli, sample);
}

void run_checks_print(const struct cli *cli, const json_t *tasks)
{
    const json_t *task, *check;
    size_t i, j;

    print_all(cli, tasks);
    json_array_foreach(tasks, i, task)
    {
        json_array_foreach(json_object_get(task, "checks"), j, check)
        {
            print_offence(cli, check);
        }
    }
}
