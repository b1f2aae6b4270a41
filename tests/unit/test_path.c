#include "config/path.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "runner/base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct arena arena;

static int open_arena(void **state)
{
    (void)state;
    arena_init(&arena);
    return 0;
}

static int close_arena(void **state)
{
    (void)state;
    arena_deinit(&arena);
    return 0;
}

static void test_join(void **state)
{
    static const char *const cases[][3] = {
        {"/a", "b/c", "/a/b/c"},
        {"/a/", "b", "/a/b"},
        {"/", "b", "/b"},
        {".", "b", "./b"},
        {"/a", "/b", "/b"},
        {"/a", "././b", "/a/b"},
        {"/a", ".", "/a"},
        {"/a", "./", "/a"},
        {"/a", "../b", "/a/../b"},
        {"/a", ".b", "/a/.b"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++)
        assert_string_equal(path_join(&arena, cases[i][0], cases[i][1]), cases[i][2]);
}

static void test_parts(void **state)
{
    static const char *const cases[][3] = {
        /* path, folder, stem */
        {"/a/b.yaml", "/a", "b"},
        {"/b.yml", "/", "b"},
        {"b", ".", "b"},
        {"a.yaml/b.c", "a.yaml", "b.c"},
        {"x.yaml.yml", ".", "x.yaml"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        assert_string_equal(path_folder(&arena, cases[i][0]), cases[i][1]);
        assert_string_equal(path_stem(&arena, cases[i][0]), cases[i][2]);
    }
}

static void test_display_is_relative_below_the_working_folder(void **state)
{
    const char *here = path_working_folder(&arena);
    const char *beside = arena_printf(&arena, "%s-too/x", here);

    (void)state;
    assert_int_equal(here[0], '/');
    assert_string_equal(path_display(&arena, path_join(&arena, here, "a/b")), "a/b");
    assert_string_equal(path_display(&arena, beside), beside);
    assert_string_equal(path_display(&arena, here), here);
    assert_string_equal(path_display(&arena, "a/b"), "a/b");
}

/* A file of `size` bytes, read with a limit. */
static int read_size(size_t size, size_t limit, size_t *ret_length, struct error *err)
{
    char path[] = "/tmp/test_path_XXXXXX";
    const int fd = mkstemp(path);
    char *text = NULL;
    int rc;

    assert_true(fd >= 0);
    for (size_t i = 0; i < size; i++)
        assert_int_equal(write(fd, "x", 1), 1);
    close(fd);
    rc = path_read_file(path, limit, &text, ret_length, err);
    unlink(path);
    if (rc == 0)
        assert_int_equal(strspn(text, "x"), size);
    free(text);
    return rc;
}

static void test_files_are_read_up_to_the_limit(void **state)
{
    struct error err = {0};
    size_t length = 77;

    (void)state;
    assert_int_equal(read_size(2048, 2048, &length, &err), 0);
    assert_int_equal(length, 2048);
    assert_int_equal(read_size(0, 2048, &length, &err), 0);
    assert_int_equal(length, 0);
    assert_int_equal(read_size(2049, 2048, &length, &err), -1);
    assert_int_equal(length, 0);
    assert_int_equal(err.code, ERROR_LIMIT);
    assert_string_equal(err.message, "is larger than 2 KiB, the limit");
}

static void test_what_is_no_file(void **state)
{
    struct error err = {0};
    char *text = NULL;
    size_t length;

    (void)state;
    assert_int_equal(path_read_file("/no/such/file", 10, &text, &length, &err), -1);
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    assert_string_equal(err.message, "does not exist");
    assert_int_equal(path_read_file("/", 10, &text, &length, &err), -1);
    assert_string_equal(err.message, "is a folder, not a file");
    assert_int_equal(path_read_file("/dev/zero", 10, &text, &length, &err), -1);
    assert_string_equal(err.message, "is not a plain file");
    assert_null(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_join, open_arena, close_arena),
        cmocka_unit_test_setup_teardown(test_parts, open_arena, close_arena),
        cmocka_unit_test_setup_teardown(
            test_display_is_relative_below_the_working_folder, open_arena, close_arena),
        cmocka_unit_test(test_files_are_read_up_to_the_limit),
        cmocka_unit_test(test_what_is_no_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
