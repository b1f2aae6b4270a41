#include "runner/cli/test_compare.h"

#include "runner/base/json.h"
#include "runner/base/mem.h"
#include "runner/base/table.h"

#include <stdlib.h>
#include <string.h>

const char *test_cell_text(const json_t *value, struct arena *arena)
{
    char *line;
    const char *text;

    if (!value || json_is_null(value))
        return NULL;
    if (json_is_string(value))
        return json_string_value(value);
    line = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
    text = arena_strdup(arena, line);
    free(line);
    return text;
}

/* --- one cell --- */

static bool is_number(const char *text, double *ret_value)
{
    char *end;

    *ret_value = strtod(text, &end);
    return end != text && *end == '\0';
}

/* "2024-01-02" for "2024-01-02T00:00:00", and a space for the T. */
static bool same_time(const char *wanted, const char *text)
{
    static const char midnight[] = "00:00:00";
    const size_t length = strlen(wanted);

    if (length < 10 || strncmp(wanted, text, 10) != 0)
        return false;
    if (length == 10)
        return text[10] == 'T' && strncmp(text + 11, midnight, sizeof(midnight) - 1) == 0 &&
               (text[19] == '\0' || strcmp(text + 19, "Z") == 0);
    return (wanted[10] == ' ' || wanted[10] == 'T') && text[10] == 'T' &&
           strcmp(wanted + 11, text + 11) == 0;
}

static bool same_cell(const char *wanted, const json_t *value, struct arena *arena)
{
    const char *text = test_cell_text(value, arena);
    double one, other;

    if (!wanted || !text)
        return !wanted && !text;
    if (strcmp(wanted, text) == 0)
        return true;
    if (json_is_number(value))
        return is_number(wanted, &one) && is_number(text, &other) && one == other;
    return json_is_string(value) && same_time(wanted, text);
}

static bool same_row(const struct test_row *wanted, const json_t *actual, struct arena *arena)
{
    for (size_t i = 0; i < wanted->count; i++) {
        if (!same_cell(
                wanted->cells[i].value, json_object_get(actual, wanted->cells[i].name), arena))
            return false;
    }
    return true;
}

/* --- all of them --- */

static void find_columns(const struct test_rows *expected, json_t *actual, struct arena *arena,
    struct test_comparison *comparison)
{
    struct table known;
    size_t most = 0;
    const char *name;
    json_t *value;

    for (size_t i = 0; i < expected->count; i++)
        most += expected->rows[i].count;
    most += json_object_size(json_array_get(actual, 0));
    comparison->columns = arena_array(arena, most + 1, sizeof(*comparison->columns));
    table_init(&known);
    for (size_t i = 0; i < expected->count; i++) {
        for (size_t j = 0; j < expected->rows[i].count; j++) {
            name = expected->rows[i].cells[j].name;
            if (table_has(&known, name))
                continue;
            table_put(&known, name, (void *)expected);
            comparison->columns[comparison->column_count++] = name;
        }
    }
    if (comparison->column_count == 0) { /* no row is expected: what came is shown whole */
        json_object_foreach(json_array_get(actual, 0), name, value)
        {
            comparison->columns[comparison->column_count++] = arena_strdup(arena, name);
        }
    }
    table_deinit(&known);
}

/* Each expected row takes the first one that came and is like it. */
static void match(const struct test_rows *expected, json_t *actual, struct arena *arena,
    bool *ret_found, bool *ret_taken)
{
    const size_t came = json_array_size(actual);

    for (size_t i = 0; i < expected->count; i++) {
        const size_t first = expected->in_order ? i : 0, end = expected->in_order ? i + 1 : came;

        for (size_t j = first; j < MIN(end, came) && !ret_found[i]; j++) {
            if (ret_taken[j] || !same_row(&expected->rows[i], json_array_get(actual, j), arena))
                continue;
            ret_found[i] = ret_taken[j] = true;
        }
    }
}

void test_compare(const struct test_rows *expected, json_t *actual, struct arena *arena,
    struct test_comparison *ret_comparison)
{
    const size_t came = json_array_size(actual);
    bool *found = mem_calloc(expected->count + 1, sizeof(bool));
    bool *taken = mem_calloc(came + 1, sizeof(bool));
    size_t missing = 0, unexpected = 0;

    *ret_comparison = (struct test_comparison){0};
    find_columns(expected, actual, arena, ret_comparison);
    match(expected, actual, arena, found, taken);
    ret_comparison->items = mem_calloc(expected->count + came + 1, sizeof(struct test_difference));
    for (size_t i = 0; i < expected->count; i++) {
        if (!found[i])
            ret_comparison->items[missing++].missing = &expected->rows[i];
    }
    for (size_t j = 0; j < came; j++) {
        if (!taken[j])
            ret_comparison->items[unexpected++].unexpected = json_array_get(actual, j);
    }
    ret_comparison->count = MAX(missing, unexpected);
    free(taken);
    free(found);
}

void test_comparison_deinit(struct test_comparison *comparison)
{
    free(comparison->items);
    *comparison = (struct test_comparison){0};
}
