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

static struct yaml_node *load(const char *text)
{
    return yaml_load("x.yaml", text, strlen(text), &arena, &problems);
}

static void nodes_know_where_they_stand(void **state)
{
    struct yaml_node *root =
        load("a: 1\nlist:\n  - x\n  - 'y'\nsql: |\n  select\n  1\nflow: {b: \"c\"}\n");
    struct yaml_node *list = yaml_get(root, "list"), *sql = yaml_get(root, "sql");

    (void)state;
    assert_int_equal(root->kind, YAML_MAP);
    assert_int_equal(root->style, YAML_BLOCK);
    assert_int_equal(root->count, 4);
    assert_string_equal(root->pairs[1].key->text, "list");
    assert_int_equal(root->pairs[1].key->mark.line, 2);
    assert_int_equal(list->items[1]->mark.line, 4);
    assert_int_equal(list->items[1]->mark.column, 5);
    assert_int_equal(list->items[0]->style, YAML_PLAIN);
    assert_int_equal(list->items[1]->style, YAML_SINGLE_QUOTED);
    assert_int_equal(sql->style, YAML_LITERAL);
    assert_string_equal(sql->text, "select\n1\n");
    assert_int_equal(yaml_get(root, "flow")->style, YAML_FLOW);
    assert_int_equal(yaml_get(yaml_get(root, "flow"), "b")->style, YAML_DOUBLE_QUOTED);
    assert_null(yaml_get(root, "nothing"));
    assert_int_equal(problems.count, 0);
}

static void columns_count_characters(void **state)
{
    struct yaml_node *root = load("{größe: x}\n");

    (void)state;
    assert_int_equal(root->pairs[0].value->mark.column, 9);
}

static void scalars_stay_text(void **state)
{
    struct yaml_node *root = load("[no, 0123, 1e3, ~, 'null', null, \"\"]\n");
    static const char *const texts[] = {"no", "0123", "1e3", "~", "null", "null", ""};
    static const bool nulls[] = {false, false, false, true, false, true, false};

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
        assert_string_equal(root->items[i]->text, texts[i]);
        assert_int_equal(yaml_is_null(root->items[i]), nulls[i]);
    }
}

static void merges_give_way_to_what_is_written(void **state)
{
    struct yaml_node *root = load("one: &one {a: 1, b: 1}\ntwo: &two {b: 2, c: 2}\n"
                                  "x: {<<: [*one, *two], a: 0}\ny:\n  <<: *two\n");
    struct yaml_node *x = yaml_get(root, "x");

    (void)state;
    assert_int_equal(x->count, 3);
    assert_string_equal(yaml_get(x, "a")->text, "0");
    assert_string_equal(yaml_get(x, "b")->text, "1");
    assert_string_equal(yaml_get(x, "c")->text, "2");
    assert_string_equal(yaml_get(yaml_get(root, "y"), "c")->text, "2");
    /* The quoted key is a key like any other. */
    root = load("'<<': x\n");
    assert_string_equal(yaml_get(root, "<<")->text, "x");
}

static void large_maps_find_keys_that_stand_twice(void **state)
{
    struct buffer text;

    (void)state;
    buffer_init(&text, 0);
    for (unsigned i = 0; i < 200; i++)
        buffer_printf(&text, "key%u: %u\n", i, i);
    buffer_puts(&text, "key150: again\nkey3: again\n");
    assert_non_null(load(text.data));
    assert_problems(&problems, "x.yaml:201:1: \"key150\" stands here twice; remove one of them\n"
                               "x.yaml:202:1: \"key3\" stands here twice; remove one of them\n");
    buffer_deinit(&text);
}

static void aliases_cannot_explode(void **state)
{
    struct buffer text;

    (void)state;
    buffer_init(&text, 0);
    buffer_puts(&text, "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for (unsigned i = 1; i < 9; i++)
        buffer_printf(&text,
            "a%u: &a%u [*a%u, *a%u, *a%u, *a%u, *a%u, *a%u, *a%u, *a%u, *a%u, *a%u]\n", i, i, i - 1,
            i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
    assert_null(load(text.data));
    assert_problems(
        &problems, "x.yaml:5:5: holds over 100000 values, with aliases counted each time\n");
    buffer_deinit(&text);
}

static void depth_counts_through_aliases(void **state)
{
    struct buffer text;

    (void)state;
    buffer_init(&text, 0);
    buffer_puts(&text, "a0: &a0 [x]\n");
    for (unsigned i = 1; i < 40; i++)
        buffer_printf(&text, "a%u: &a%u [*a%u]\n", i, i, i - 1);
    assert_null(load(text.data));
    assert_int_equal(problems.error_count, 1);
    assert_non_null(strstr(problems.items[0].message, "is nested over 32 levels deep"));
    buffer_deinit(&text);
}

static void limits_and_bytes(void **state)
{
    char *large = mem_calloc(YAML_BYTES_MAX + 2, 1);

    (void)state;
    memset(large, ' ', YAML_BYTES_MAX + 1);
    assert_null(load(large));
    free(large);
    assert_null(load("a: b\nb: \xff\n"));
    assert_null(load("a: \x01\n"));
    assert_null(load(""));
    assert_problems(&problems,
        "x.yaml: is empty\n"
        "x.yaml: is larger than 1024 KiB, the limit of a YAML file\n"
        "x.yaml:1:4: control character 0x01; write it as \"\\x01\" in double "
        "quotes\n"
        "x.yaml:2:4: byte 0xff is not UTF-8; save the file as UTF-8\n");
}

static void a_byte_order_mark_is_let_through(void **state)
{
    struct yaml_node *root = load("\xef\xbb\xbf"
                                  "a: b\nc: d\n");

    (void)state;
    assert_non_null(root);
    assert_string_equal(yaml_get(root, "a")->text, "b");
    assert_string_equal(yaml_get(root, "c")->text, "d");
    assert_int_equal(yaml_get(root, "a")->mark.column, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nodes_know_where_they_stand, open_arena, close_arena),
        cmocka_unit_test_setup_teardown(columns_count_characters, open_arena, close_arena),
        cmocka_unit_test_setup_teardown(scalars_stay_text, open_arena, close_arena),
        cmocka_unit_test_setup_teardown(
            merges_give_way_to_what_is_written, open_arena, close_arena),
        cmocka_unit_test_setup_teardown(
            large_maps_find_keys_that_stand_twice, open_arena, close_arena),
        cmocka_unit_test_setup_teardown(aliases_cannot_explode, open_arena, close_arena),
        cmocka_unit_test_setup_teardown(depth_counts_through_aliases, open_arena, close_arena),
        cmocka_unit_test_setup_teardown(limits_and_bytes, open_arena, close_arena),
        cmocka_unit_test_setup_teardown(a_byte_order_mark_is_let_through, open_arena, close_arena),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
