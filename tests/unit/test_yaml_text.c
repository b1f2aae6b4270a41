#include "config/yaml.h"

#include "config_fixture.h"
#include "runner/base/mem.h"

static struct arena arena;
static struct diagnostics problems;

static int open_arena(void **state)
{
    (void)state;
    arena_init(&arena);
    diagnostics_init(&problems);
    return 0;
}

static int close_arena(void **state)
{
    (void)state;
    arena_deinit(&arena);
    diagnostics_deinit(&problems);
    return 0;
}

/* Where `word` of the text of `sql:` is said to stand. */
static struct option_mark place_of(const char *file, const char *word)
{
    const struct yaml_node *root = yaml_load("x.yaml", file, strlen(file), &arena, &problems);
    const struct yaml_node *sql = root ? yaml_get(root, "sql") : NULL;
    const char *at = sql ? strstr(sql->text, word) : NULL;

    if (!sql || !at) {
        fail_msg("\"%s\" is not in the text of: %s", word, file);
        return (struct option_mark){0};
    }
    return yaml_text_mark(file, strlen(file), sql, (size_t)(at - sql->text));
}

/* The word "HERE" stands once in each file: the expected place is read off the file. */
static void assert_found(const char *file)
{
    const char *here = strstr(file, "HERE");
    const struct option_mark mark = place_of(file, "HERE");
    unsigned line = 1, column = 1;

    for (const char *at = file; at < here; at++) {
        column += ((unsigned char)*at & 0xc0) != 0x80;
        if (*at == '\n') {
            line++;
            column = 1;
        }
    }
    if (mark.line != line || mark.column != column)
        fail_msg("%u:%u, not %u:%u, in: %s", mark.line, mark.column, line, column, file);
}

static void every_style_is_followed(void **state)
{
    static const char *const files[] = {
        "sql: select HERE\n",
        "a: 1\nsql: select\n  größe,\n\n   HERE\n   from x\n",
        "sql: 'it''s ''x'' HERE'\n",
        "sql: 'one\n\n  two HERE'\n",
        "sql: \"a \\\"b\\\" \\x41\\u00e9\\U0001F600 \\t\\n\\\\n HERE\"\n",
        "sql: \"one\\\n   two \\x20\\\n  \\ HERE\"\n",
        "sql: |\n  select\n    größe,\n\n      HERE\n",
        "sql: |2-\n    select\n  HERE\n",
        "sql: |  # a note\n  select\n  HERE\n",
        "x:\n  - y\nsql: >\n  select\n  a,\n\n    b,\n  HERE\n",
        "sql: >-\n\n\n  HERE\n",
        "sql: &sql |\n  select\n  HERE\n",
        "sql: &sql\n  !!str \"select HERE\"\n",
        "sql: !!str select HERE\n",
        "{größe: 1, sql: \"é HERE\"}\n",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(files); i++)
        assert_found(files[i]);
}

static void the_end_is_behind_the_last_word(void **state)
{
    static const char file[] = "sql: |\n  select\n  a,\n\nb: 1\n";
    const struct yaml_node *root = yaml_load("x.yaml", file, strlen(file), &arena, &problems);
    const struct yaml_node *sql = yaml_get(root, "sql");

    (void)state;
    for (size_t offset = strlen(sql->text) - 1; offset < strlen(sql->text) + 2; offset++) {
        const struct option_mark mark = yaml_text_mark(file, strlen(file), sql, offset);

        assert_int_equal(mark.line, 3);
        assert_int_equal(mark.column, 5);
    }
}

static void lines_may_end_as_on_windows(void **state)
{
    const struct option_mark mark = place_of("a: 1\r\nsql: |\r\n  select\r\n   HERE\r\n", "HERE");

    (void)state;
    assert_int_equal(mark.line, 4);
    assert_int_equal(mark.column, 4);
}

/* YAML 1.1 reads U+0085 as the end of a line, which the file does not show. */
static void what_cannot_be_followed_begins_at_its_start(void **state)
{
    const struct option_mark mark = place_of("sql: |\n  select\xc2\x85\n  HERE\n", "HERE");

    (void)state;
    assert_int_equal(mark.line, 2);
    assert_int_equal(mark.column, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_style_is_followed, open_arena, close_arena),
        cmocka_unit_test_setup_teardown(the_end_is_behind_the_last_word, open_arena, close_arena),
        cmocka_unit_test_setup_teardown(lines_may_end_as_on_windows, open_arena, close_arena),
        cmocka_unit_test_setup_teardown(
            what_cannot_be_followed_begins_at_its_start, open_arena, close_arena),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
