#include "config/test_file.h"

#include "config/path.h"
#include "config/yaml.h"
#include "runner/base/mem.h"
#include "runner/base/text.h"
#include "runner/base/time.h"

#include <stdlib.h>
#include <string.h>

const char *const test_quarantine_columns[] = {
    "line", "column", "reason", "check", "raw", "row", NULL};

struct reader {
    struct test_file *file;
    struct diagnostics *problems;
    struct arena *arena;
};

bool test_file_is_one(const char *path)
{
    static const char *const ends[] = {".test.yaml", ".test.yml"};
    const size_t length = strlen(path);

    for (size_t i = 0; i < ARRAY_LENGTH(ends); i++) {
        const size_t end = strlen(ends[i]);

        if (length > end && strcmp(path + length - end, ends[i]) == 0)
            return true;
    }
    return false;
}

static void fail(const struct reader *reader, const struct yaml_node *node, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void fail(const struct reader *reader, const struct yaml_node *node, const char *format, ...)
{
    va_list args;
    char *message;

    va_start(args, format);
    message = mem_vprintf(format, args);
    va_end(args);
    diagnostics_error(reader->problems, reader->file->path, node->mark, "%s", message);
    free(message);
}

static bool is_a(const struct reader *reader, const struct yaml_node *node, enum yaml_kind kind,
    const char *what)
{
    static const char *const names[] = {"a text", "a list", "a map"};

    if (node->kind == kind)
        return true;
    fail(reader, node, "%s: is %s, and takes %s", what, yaml_kind_name(node), names[kind]);
    return false;
}

/* Reports each key of the map that is none of `known`. */
static void check_keys(const struct reader *reader, const struct yaml_node *map,
    const char *const *known, const char *what)
{
    for (size_t i = 0; i < map->count; i++) {
        const struct yaml_node *key = map->pairs[i].key;
        const char *nearest;
        bool found = false;

        for (size_t j = 0; known[j] && !found; j++)
            found = strcmp(known[j], key->text) == 0;
        if (found)
            continue;
        nearest = text_nearest(key->text, known);
        fail(reader, key, "%s: \"%s\" is not a key here%s%s%s", what, key->text,
            nearest ? "; did you mean \"" : "", nearest ? nearest : "", nearest ? "\"?" : "");
    }
}

static const char *text_of(
    const struct reader *reader, const struct yaml_node *map, const char *key, const char *what)
{
    const struct yaml_node *node = yaml_get(map, key);

    return node && is_a(reader, node, YAML_SCALAR, what) ? node->text : NULL;
}

/* --- rows --- */

/* A list or a map in a cell is JSON of it. */
static const char *cell_text(const struct reader *reader, const struct yaml_node *node)
{
    if (yaml_is_null(node))
        return NULL;
    if (node->kind == YAML_SCALAR)
        return node->text;
    fail(reader, node, "a cell is one value; write a list or a map as JSON in quotes: '[1, 2]'");
    return NULL;
}

static void read_pairs(const struct reader *reader, const struct yaml_node *map,
    struct option_pair **ret_items, size_t *ret_count)
{
    struct option_pair *items = arena_array(reader->arena, map->count, sizeof(*items));

    for (size_t i = 0; i < map->count; i++)
        items[i] = (struct option_pair){.name = map->pairs[i].key->text,
            .value = cell_text(reader, map->pairs[i].value),
            .mark = map->pairs[i].value->mark};
    *ret_items = items;
    *ret_count = map->count;
}

static void read_list(
    const struct reader *reader, const struct yaml_node *list, struct test_rows *rows)
{
    rows->rows = arena_array(reader->arena, list->count, sizeof(*rows->rows));
    for (size_t i = 0; i < list->count; i++) {
        if (!is_a(reader, list->items[i], YAML_MAP, "a row"))
            continue;
        read_pairs(
            reader, list->items[i], &rows->rows[rows->count].cells, &rows->rows[rows->count].count);
        rows->count++;
    }
}

static void read_map(const struct reader *reader, const struct yaml_node *map, const char *what,
    bool expected, struct test_rows *rows)
{
    static const char *const of_input[] = {"rows", "file", "text", NULL}, *const of_expected[] = {
                                                                              "rows", "file",
                                                                              "order", NULL};
    const struct yaml_node *list = yaml_get(map, "rows");
    const char *order;

    check_keys(reader, map, expected ? of_expected : of_input, what);
    rows->file = text_of(reader, map, "file", "file");
    rows->text = expected ? NULL : text_of(reader, map, "text", "text");
    if ((list != NULL) + (rows->file != NULL) + (rows->text != NULL) != 1)
        fail(reader, map, "%s: needs one of rows, file%s", what, expected ? "" : ", text");
    if (list && is_a(reader, list, YAML_LIST, "rows"))
        read_list(reader, list, rows);
    order = expected ? text_of(reader, map, "order", "order") : NULL;
    rows->in_order = order && strcmp(order, "exact") == 0;
    if (order && !rows->in_order && strcmp(order, "any") != 0)
        fail(reader, yaml_get(map, "order"), "order: is any or exact");
}

/* What a row of the quarantine is known by. */
static void check_quarantined(const struct reader *reader, const struct test_rows *rows)
{
    for (size_t i = 0; i < rows->count && !rows->is_count; i++) {
        for (size_t j = 0; j < rows->rows[i].count; j++) {
            const struct option_pair *cell = &rows->rows[i].cells[j];
            const char *nearest = text_nearest(cell->name, test_quarantine_columns);
            bool found = false;

            for (size_t k = 0; test_quarantine_columns[k] && !found; k++)
                found = strcmp(test_quarantine_columns[k], cell->name) == 0;
            if (!found)
                diagnostics_error(reader->problems, reader->file->path, cell->mark,
                    "quarantine.%s: \"%s\" is not a column there%s%s%s; there are line, column, "
                    "reason, check, raw and row",
                    rows->name, cell->name, nearest ? "; did you mean \"" : "",
                    nearest ? nearest : "", nearest ? "\"?" : "");
        }
    }
}

static void read_count(
    const struct reader *reader, const struct yaml_node *value, struct test_rows *rows)
{
    char *end;
    const long long count = strtoll(value->text, &end, 10);

    rows->is_count = true;
    rows->count = count > 0 ? (size_t)count : 0;
    if (end == value->text || *end || count < 0)
        fail(reader, value, "quarantine.%s: \"%s\" is no number of rows, and no list of them",
            rows->name, value->text);
}

static void read_rows_list(const struct reader *reader, const struct yaml_node *map,
    const char *what, bool expected, struct test_rows_list *ret_list)
{
    const bool quarantine = strcmp(what, "quarantine") == 0;

    if (!map || !is_a(reader, map, YAML_MAP, what))
        return;
    ret_list->items = arena_array(reader->arena, map->count, sizeof(*ret_list->items));
    for (size_t i = 0; i < map->count; i++) {
        const struct yaml_node *value = map->pairs[i].value;
        struct test_rows *rows = &ret_list->items[ret_list->count++];

        *rows =
            (struct test_rows){.name = map->pairs[i].key->text, .mark = map->pairs[i].key->mark};
        if (value->kind == YAML_SCALAR && quarantine)
            read_count(reader, value, rows);
        else if (value->kind == YAML_LIST)
            read_list(reader, value, rows);
        else if (is_a(reader, value, YAML_MAP, rows->name))
            read_map(reader, value, rows->name, expected, rows);
        if (quarantine)
            check_quarantined(reader, rows);
    }
}

/* --- cases --- */

static void read_texts(const struct reader *reader, const struct yaml_node *map, const char *what,
    struct option_pairs *ret_pairs)
{
    if (!map || !is_a(reader, map, YAML_MAP, what))
        return;
    read_pairs(reader, map, &ret_pairs->items, &ret_pairs->count);
    for (size_t i = 0; i < ret_pairs->count; i++) {
        if (!ret_pairs->items[i].value)
            fail(
                reader, map->pairs[i].value, "%s.%s: has no value", what, ret_pairs->items[i].name);
    }
}

static void check_words(const struct reader *reader, const struct test_case *test)
{
    static const char *const words[] = {"passed", "failed", "warned", "quarantined", NULL};

    for (size_t i = 0; i < test->checks.count; i++) {
        const struct option_pair *check = &test->checks.items[i];
        bool found = !check->value;

        for (size_t j = 0; words[j] && !found; j++)
            found = strcmp(words[j], check->value) == 0;
        if (!found)
            diagnostics_error(reader->problems, reader->file->path, check->mark,
                "checks.%s: is passed, failed, warned or quarantined, not \"%s\"", check->name,
                check->value);
    }
}

static void read_case(
    const struct reader *reader, const struct yaml_node *map, struct test_case *test)
{
    static const char *const known[] = {"name", "params", "due", "inputs", "tables", "expect",
        "quarantine", "checks", "fails", NULL};
    const char *due;
    struct error err;

    check_keys(reader, map, known, "a case");
    test->mark = map->mark;
    test->name = text_of(reader, map, "name", "name");
    if (!yaml_get(map, "name"))
        fail(reader, map, "a case needs a name");
    due = text_of(reader, map, "due", "due");
    if (due && time_parse(due, &test->due_ms, &err))
        fail(reader, yaml_get(map, "due"), "due: %s", err.message);
    test->fails = text_of(reader, map, "fails", "fails");
    read_texts(reader, yaml_get(map, "params"), "params", &test->params);
    read_texts(reader, yaml_get(map, "checks"), "checks", &test->checks);
    read_rows_list(reader, yaml_get(map, "inputs"), "inputs", false, &test->inputs);
    read_rows_list(reader, yaml_get(map, "tables"), "tables", false, &test->tables);
    read_rows_list(reader, yaml_get(map, "expect"), "expect", true, &test->expect);
    read_rows_list(reader, yaml_get(map, "quarantine"), "quarantine", true, &test->quarantine);
    check_words(reader, test);
    if (!test->fails && test->expect.count + test->quarantine.count + test->checks.count == 0)
        fail(reader, map, "a case says what is to come out: expect, quarantine, checks or fails");
}

static void read_file(const struct reader *reader, const struct yaml_node *root)
{
    static const char *const known[] = {"cases", NULL};
    const struct yaml_node *cases;
    struct test_file *file = reader->file;

    if (!is_a(reader, root, YAML_MAP, "a file of tests"))
        return;
    check_keys(reader, root, known, "a file of tests");
    cases = yaml_get(root, "cases");
    if (!cases) {
        fail(reader, root, "there are no cases");
        return;
    }
    if (!is_a(reader, cases, YAML_LIST, "cases"))
        return;
    file->cases = arena_array(reader->arena, cases->count, sizeof(*file->cases));
    for (size_t i = 0; i < cases->count; i++) {
        if (is_a(reader, cases->items[i], YAML_MAP, "a case"))
            read_case(reader, cases->items[i], &file->cases[file->count++]);
    }
}

struct test_file *test_file_parse(
    const char *path, const char *text, size_t length, struct diagnostics *problems)
{
    struct test_file *file = mem_new(struct test_file);
    const struct reader reader = {.file = file, .problems = problems, .arena = &file->arena};
    const size_t errors = problems->error_count;
    const struct yaml_node *root;

    arena_init(&file->arena);
    file->path = arena_strdup(&file->arena, path);
    root = yaml_load(path, text, length, &file->arena, problems);
    if (root)
        read_file(&reader, root);
    if (root && problems->error_count == errors)
        return file;
    test_file_free(file);
    return NULL;
}

struct test_file *test_file_load(const char *path, struct diagnostics *problems)
{
    struct test_file *file;
    struct error err;
    size_t length;
    char *text;

    if (path_read_file(path, YAML_BYTES_MAX, &text, &length, &err)) {
        diagnostics_error(problems, path, (struct option_mark){0}, "%s", err.message);
        return NULL;
    }
    file = test_file_parse(path, text, length, problems);
    free(text);
    return file;
}

void test_file_free(struct test_file *file)
{
    if (!file)
        return;
    arena_deinit(&file->arena);
    free(file);
}
