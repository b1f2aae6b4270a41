#include "tests/unit/file_fixture.h"

static void test_paths(void **state)
{
    static const struct {
        const char *path, *folder;
    } folders[] = {
        {"x", "."}, {"/x", "/"}, {"/", "/"}, {"a/x", "a"}, {"/a/b/x", "/a/b"}, {"a/", "a"}};
    static const struct {
        const char *folder, *name, *joined;
    } joins[] = {{"a", "b", "a/b"}, {"a/", "b", "a/b"}, {"/", "b", "/b"}, {"a", "/b", "/b"},
        {"", "b", "b"}, {"a", "b/c", "a/b/c"}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(folders); i++) {
        char *folder = file_folder(folders[i].path);

        assert_string_equal(folder, folders[i].folder);
        free(folder);
    }
    for (size_t i = 0; i < ARRAY_LENGTH(joins); i++) {
        char *joined = file_join(joins[i].folder, joins[i].name);

        assert_string_equal(joined, joins[i].joined);
        free(joined);
    }
}

static void test_what_is_below_a_folder(void **state)
{
    static const struct {
        const char *folder, *path, *below;
    } cases[] = {
        {"/a/b", "/a/b/c", "c"},
        {"/a/b/", "/a/b//c/d", "c/d"},
        {"/", "/a", "a"},
        {"/a/b", "/a/bc", "/a/bc"},
        {"/a/b", "/a", "/a"},
        {"/a/b", "c", "c"},
        {"", "c", "c"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++)
        assert_string_equal(file_below(cases[i].folder, cases[i].path), cases[i].below);
}

static void test_make_folders(void **state)
{
    struct error err = {0};
    char *deep = path_of("a//b/c/"), *file = path_of("f"), *below = path_of("f/x");

    (void)state;
    assert_ok(file_make_folders(deep, &err), &err);
    assert_ok(file_make_folders(deep, &err), &err); /* again */
    assert_true(file_exists(deep));
    put("f", "");
    assert_fails(file_make_folders(file, &err), &err, ERROR_EXISTS);
    assert_fails(file_make_folders(below, &err), &err, ERROR_EXISTS);
    assert_contains(err.message, file);
    free(deep);
    free(file);
    free(below);
}

static void make_tree(void)
{
    static const char *const folders[] = {"t/a", "t/a-", "t/b/c/d", "t/empty"};
    static const char *const files[] = {
        "t/a/x", "t/a-/x", "t/a.csv", "t/b/c/d/deep", "t/b/1", "t/z", "t/\xff\n", "outside"};
    struct error err = {0};

    for (size_t i = 0; i < ARRAY_LENGTH(folders); i++) {
        char *folder = path_of(folders[i]);

        assert_ok(file_make_folders(folder, &err), &err);
        free(folder);
    }
    for (size_t i = 0; i < ARRAY_LENGTH(files); i++)
        put(files[i], files[i]);
}

static void make_link(const char *target, const char *name)
{
    char *path = path_of(name);

    assert_int_equal(symlink(target, path), 0);
    free(path);
}

static void test_walk(void **state)
{
    struct error err = {0};
    char *tree = path_of("t"), *slashed = path_of("t//"), *linked = path_of("linked");
    char *fifo = path_of("t/fifo"), *missing = path_of("missing"), *file = path_of("outside");
    struct seen seen = {.fail_at = 2};

    (void)state;
    make_tree();
    make_link("../outside", "t/link");
    make_link("nowhere", "t/dangling");
    make_link("..", "t/upwards");
    make_link("t", "linked");
    assert_int_equal(mkfifo(fifo, 0600), 0);

    assert_folder_holds(
        tree, 99, "a-/x\na.csv\na/x\nb/1\nb/c/d/deep\nlink\nz\n\xff\n\n"); /* in order of bytes */
    assert_folder_holds(slashed, 99, "a-/x\na.csv\na/x\nb/1\nb/c/d/deep\nlink\nz\n\xff\n\n");
    assert_folder_holds(linked, 2, "a-/x\na.csv\na/x\nb/1\nlink\nz\n\xff\n\n");
    assert_folder_holds(tree, 1, "a.csv\nlink\nz\n\xff\n\n");

    buffer_init(&seen.names, 0);
    assert_fails(file_walk(tree, 99, true, see, &seen, &err), &err, ERROR_LIMIT);
    assert_string_equal(err.message, "enough");
    assert_int_equal(seen.count, 2);
    assert_fails(file_walk(missing, 99, true, see, &seen, &err), &err, ERROR_NOT_FOUND);
    assert_contains(err.message, missing);
    assert_fails(file_walk(file, 99, true, see, &seen, &err), &err, ERROR_NOT_FOUND);
    assert_contains(err.message, "Not a directory");
    buffer_deinit(&seen.names);
    free(tree), free(slashed), free(linked), free(fifo), free(missing), free(file);
}

static void test_walk_leaves_out_what_is_hidden(void **state)
{
    struct error err = {0};
    struct seen seen = {0};
    char *folder = path_of(".hidden"), *file = path_of(".hidden/x");

    (void)state;
    assert_ok(file_make_folders(folder, &err), &err);
    put(".hidden/x", "");
    put(".x", "");
    put("x", "");
    assert_folder_holds(fixture_folder, 9, ".hidden/x\n.x\nx\n");
    buffer_init(&seen.names, 0);
    assert_ok(file_walk(fixture_folder, 9, false, see, &seen, &err), &err);
    assert_string_equal(seen.names.data, "x\n");
    buffer_clear(&seen.names);
    assert_ok(file_walk(folder, 9, false, see, &seen, &err), &err); /* asked for by name */
    assert_string_equal(seen.names.data, "x\n");
    buffer_deinit(&seen.names);
    free(folder);
    free(file);
}

static int walk_unprivileged(const char *folder, struct seen *seen, struct error *err)
{
    int rc;

    if (geteuid() == 0) /* who may read anything */
        assert_int_equal(seteuid(65534), 0);
    rc = file_walk(folder, 9, true, see, seen, err);
    if (getuid() == 0)
        assert_int_equal(seteuid(0), 0);
    return rc;
}

static void test_walk_of_what_cannot_be_read(void **state)
{
    struct error err = {0};
    struct seen seen = {0};
    char *folder = path_of("b");

    (void)state;
    assert_ok(file_make_folders(folder, &err), &err);
    put("a", "");
    put("b/x", "");
    put("c", "");
    assert_int_equal(chmod(fixture_folder, 0755), 0);
    assert_int_equal(chmod(folder, 0), 0);
    buffer_init(&seen.names, 0);
    assert_ok(walk_unprivileged(fixture_folder, &seen, &err), &err);
    assert_string_equal(seen.names.data, "a\nb\nc\n");
    seen.unreadable_counts = true;
    assert_fails(walk_unprivileged(fixture_folder, &seen, &err), &err, ERROR_DENIED);
    assert_contains(err.message, folder);
    assert_fails(walk_unprivileged(folder, &seen, &err), &err, ERROR_DENIED);
    assert_int_equal(chmod(folder, 0755), 0);
    buffer_deinit(&seen.names);
    free(folder);
}

static void test_walk_from_the_root(void **state)
{
    struct error err = {0};
    struct seen seen = {0};

    (void)state;
    buffer_init(&seen.names, 0);
    assert_ok(file_walk("/", 1, true, see, &seen, &err), &err);
    if (seen.names.length)
        assert_int_not_equal(seen.names.data[0], '/');
    buffer_deinit(&seen.names);
}

static void test_remove_tree(void **state)
{
    struct error err = {0};
    char *tree = path_of("t"), *outside = path_of("outside");

    (void)state;
    make_tree();
    make_link("../outside", "t/link");
    make_link("..", "t/upwards");
    assert_ok(file_remove_tree(tree, &err), &err);
    assert_false(file_exists(tree));
    assert_holds(outside, "outside"); /* links are removed, not followed */
    assert_ok(file_remove_tree(tree, &err), &err);
    make_link("outside", "t");
    assert_ok(file_remove_tree(tree, &err), &err);
    assert_true(file_exists(outside));
    assert_ok(file_remove_tree(outside, &err), &err); /* a file is a small tree */
    assert_false(file_exists(outside));
    free(tree);
    free(outside);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_paths),
        TEST(test_what_is_below_a_folder),
        TEST(test_make_folders),
        TEST(test_walk),
        TEST(test_walk_leaves_out_what_is_hidden),
        TEST(test_walk_of_what_cannot_be_read),
        TEST(test_walk_from_the_root),
        TEST(test_remove_tree),
    };

    return cmocka_run_group_tests_name("file_folder", tests, NULL, NULL);
}
