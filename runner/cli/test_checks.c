#include "runner/cli/test_checks.h"

#include "runner/base/json.h"
#include "runner/base/mem.h"
#include "runner/base/text.h"
#include "runner/cli/print.h"
#include "runner/engine/run_json.h"

#include <stdio.h>
#include <string.h>

/* "transform.clean not_null(id)", or where the task does not matter "not_null(id)". */
static bool is_named(const char *name, const json_t *task, const json_t *check)
{
    const char *id = json_get_text(task, "task"), *title = json_get_text(check, "check");
    const size_t length = id ? strlen(id) : 0;

    if (text_equal(name, title))
        return true;
    return id && strncmp(name, id, length) == 0 && name[length] == ' ' &&
           text_equal(name + length + 1, title);
}

static bool is_as(const char *expected, const char *outcome)
{
    return strcmp(expected, outcome) == 0 ||
           (strcmp(expected, "failed") == 0 && strcmp(outcome, "quarantined") == 0);
}

static void add_row(struct print_table *table, const char *name, const char *expected,
    const char *came, const json_t *check)
{
    char rows[PRINT_COUNT_SIZE];

    print_table_row(table, (const char *const[]){name, expected, came,
                               check ? print_count(json_get_int(check, "rows", 0), rows) : NULL});
}

/* All that go by the name are to have come out so. Returns how many rows it adds. */
static size_t add_expected(
    struct print_table *table, const struct option_pair *expected, const json_t *record)
{
    const json_t *task, *check;
    size_t i, j, found = 0, added = 0;

    json_array_foreach(json_object_get(record, "tasks"), i, task)
    {
        json_array_foreach(json_object_get(task, "checks"), j, check)
        {
            if (!is_named(expected->name, task, check))
                continue;
            found++;
            if (is_as(expected->value, run_json_check_outcome(check)))
                continue;
            added++;
            add_row(table, expected->name, expected->value, run_json_check_outcome(check), check);
        }
    }
    if (found == 0)
        add_row(table, expected->name, expected->value, "was not asked", NULL);
    return added + (found == 0);
}

static bool is_expected(const struct test_case *test, const json_t *task, const json_t *check)
{
    for (size_t i = 0; i < test->checks.count; i++) {
        if (is_named(test->checks.items[i].name, task, check))
            return true;
    }
    return false;
}

bool test_checks_compare(const struct test_case *test, const json_t *record, struct buffer *why)
{
    static const char *const headers[] = {"CHECK", "EXPECTED", "CAME", ">ROWS", NULL};
    struct print_table *table = print_table_new(headers);
    const json_t *task, *check;
    size_t i, j, added = 0, failed = 0, surprises = 0, length = 0;
    char *text = NULL;
    FILE *out;

    for (i = 0; i < test->checks.count; i++)
        added += add_expected(table, &test->checks.items[i], record);
    json_array_foreach(json_object_get(record, "tasks"), i, task)
    {
        json_array_foreach(json_object_get(task, "checks"), j, check)
        {
            if (strcmp(run_json_check_outcome(check), "failed") != 0)
                continue;
            failed++;
            if (test->fails || is_expected(test, task, check))
                continue;
            surprises++;
            add_row(table, json_get_text(check, "check"), NULL, "failed", check);
        }
    }
    out = open_memstream(&text, &length);
    print_table_end(table, added + surprises > 0 ? out : NULL, 0, 0, false);
    fclose(out);
    buffer_append(why, text, length);
    free(text);
    return failed > 0 && surprises == 0;
}
