/* What a cursor remembers of folders and partitions. */
#include "runner/base/mem.h"
#include "runner/engine/reread.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

static struct arena arena;

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_deinit(&arena);
    return 0;
}

/* {"reread": …} as a cursor's state has it. */
static const char *written(const struct reread_map *map, int64_t version)
{
    json_t *state = json_object(), *own = reread_write(map, version);
    const char *kept;
    char *line;

    json_put_int(state, "objects", 1);
    if (own)
        json_object_set_new(state, "reread", own);
    line = json_line(state);
    kept = arena_strdup(&arena, line);
    free(line);
    json_decref(state);
    return kept;
}

static const struct text_list *partitions_of(const struct reread_map *map, const char *folder)
{
    return table_get(&map->folders, folder);
}

static void test_folders(void **state)
{
    (void)state;
    assert_string_equal(reread_folder("a/b/c.csv", &arena), "a/b");
    assert_string_equal(reread_folder("c.csv", &arena), "");
    assert_string_equal(reread_folder("/c.csv", &arena), "");
    assert_string_equal(reread_folder("s3://b/k.csv", &arena), "s3://b");
}

/* No two partitions are one text: values may hold anything. */
static void test_partitions(void **state)
{
    static const char *const values[][2] = {
        {"a", "b"}, {"a,b", ""}, {"", "a,b"}, {"a\",\"b", NULL}, {NULL, "null"}, {"null", NULL}};
    const char *texts[ARRAY_LENGTH(values)];

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(values); i++) {
        texts[i] = reread_partition(values[i], 2, &arena);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(texts[i], texts[j]);
    }
    assert_string_equal(texts[0], "[\"a\",\"b\"]");
    assert_string_equal(texts[4], "[null,\"null\"]");
    assert_string_equal(reread_partition(NULL, 0, &arena), "[]");
}

static void test_there_and_back(void **state)
{
    static const char *const march[] = {"2024-03", NULL}, *const april[] = {"2024-04", "ä\"\\"};
    struct reread_map map, again;
    struct table both, one;

    (void)state;
    reread_init(&map);
    table_init(&both);
    table_init(&one);
    table_put(&both, reread_partition(march, 2, &arena), &both);
    table_put(&both, reread_partition(april, 2, &arena), &both);
    table_put(&one, reread_partition(april, 2, &arena), &one);
    const struct text_list *shared = reread_list(&both, &arena);
    table_put(&map.folders, "in/1", (void *)shared);
    table_put(&map.folders, "in/2", (void *)shared);
    table_put(&map.folders, "in/\"3\"", (void *)reread_list(&one, &arena));

    reread_read(&again, written(&map, 7), 7, &arena);
    assert_true(again.known);
    assert_int_equal(again.folders.count, 3);
    assert_ptr_equal(partitions_of(&again, "in/1"), partitions_of(&again, "in/2"));
    assert_int_equal(partitions_of(&again, "in/1")->count, 2);
    assert_string_equal(
        partitions_of(&again, "in/1")->items[0], reread_partition(march, 2, &arena));
    assert_int_equal(partitions_of(&again, "in/\"3\"")->count, 1);
    assert_string_equal(
        partitions_of(&again, "in/\"3\"")->items[0], reread_partition(april, 2, &arena));
    assert_string_equal(written(&again, 7), written(&map, 7)); /* nothing is lost from run to run */
    reread_deinit(&again);
    reread_deinit(&map);
    table_deinit(&both);
    table_deinit(&one);
}

static void test_what_is_not_known(void **state)
{
    static const struct {
        const char *state;
        bool known;
    } cases[] = {
        {NULL, true}, /* nothing was read: nothing has rows anywhere */
        {"{\"reread\":{\"version\":7,\"folders\":[]}}", true},
        {"{\"reread\":{\"version\":6,\"folders\":[]}}", false}, /* of another table */
        {"{\"reread\":{\"version\":7}}", false},
        {"{\"objects\":3}", false}, /* before `reread` was asked for */
        {"{", false},
        {"[]", false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct reread_map map;

        reread_read(&map, cases[i].state, 7, &arena);
        assert_int_equal(map.known, cases[i].known);
        assert_int_equal(map.folders.count, 0);
        reread_deinit(&map);
    }
}

/* Names that JSON cannot hold, and more folders than are remembered: of the first ones it holds. */
static void test_what_is_not_written(void **state)
{
    struct text_list none = {0};
    struct reread_map map, again;
    char name[32];

    (void)state;
    reread_init(&map);
    table_put(&map.folders, "in/\xff", &none);
    table_put(&map.folders, "in/1", &none);
    reread_read(&again, written(&map, 1), 1, &arena);
    assert_true(again.known);
    assert_int_equal(again.folders.count, 1);
    assert_true(table_has(&again.folders, "in/1"));
    reread_deinit(&again);
    for (unsigned i = 2; map.folders.count < REREAD_FOLDERS_MAX; i++) {
        snprintf(name, sizeof(name), "in/%u", i);
        table_put(&map.folders, name, &none);
    }
    assert_non_null(strstr(written(&map, 1), "\"reread\""));
    table_put(&map.folders, "in/one too many", &none);
    reread_read(&again, written(&map, 1), 1, &arena);
    assert_int_equal(again.folders.count, REREAD_FOLDERS_MAX - 1); /* and one without a name */
    assert_true(table_has(&again.folders, "in/9999"));
    assert_false(table_has(&again.folders, "in/one too many"));
    reread_deinit(&again);
    reread_deinit(&map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_folders, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_partitions, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_there_and_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_is_not_known, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_is_not_written, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
